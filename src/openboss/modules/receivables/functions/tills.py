"""Closing a till: what is over or short is an entry of its day (D22.2)."""

from datetime import datetime

from django.db import transaction

from openboss.modules.receivables.atomic import tills
from openboss.modules.receivables.atomic.ledger import Line, hold_day, post_entry
from openboss.modules.receivables.atomic.tills import (
    DifferenceUnexplained,
    TillOpen,
    TillUnknown,
    TillView,
    open_till,
    till_view,
    tills_of,
)
from openboss.modules.receivables.functions.rules import act_of, rules_at

__all__ = [
    "DifferenceUnexplained",
    "TillOpen",
    "TillUnknown",
    "TillView",
    "close_till",
    "open_till",
    "till_view",
    "tills_of",
]


@transaction.atomic
def close_till(*, till_id: int, counted_fen: int, at: datetime, staff_id: int, reason: str = "") -> TillView:
    """Close a till; a difference needs a reason and is booked. Raises TillUnknown, DifferenceUnexplained."""
    closed = tills.close_till(till_id=till_id, counted_fen=counted_fen, reason=reason, at=at, staff_id=staff_id)
    over_fen = closed.difference_fen
    if over_fen:
        rules = rules_at(at)
        act = act_of(rules, at=at, staff_id=staff_id, channel="HALL")
        hold_day(act.business_on)
        role = "CASH_OVER" if over_fen > 0 else "CASH_SHORT"
        lines = [Line(rules.chart.no_of("CASH"), over_fen), Line(rules.chart.no_of(role), -over_fen)]
        post_entry(serial_no=f"TILL {till_id}", cause="TILL", lines=lines, act=act, note=reason[:200])
    return closed
