"""Keep the books, every night: close days, move old debts, and compare what is told twice. Read from top to bottom.

    close      the books of every day before today are closed and sealed
    doubtful   debts unpaid for longer than the limit become doubtful (ACM-13)
    cycles     a released cycle is closed at the end of the third day after its month (D7.2)
    compare    open items, buckets, bills and takings against the ledger; differences are written down for a person

Done again it does what is left. Source: D22.1, D8.11, issue 6 section 5.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from openboss.modules.billing.functions import CycleView, calendar_of, close_cycle, list_cycles
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions.reconciliation import bill_differences, takings_differences
from openboss.modules.receivables.functions.rules import day_of
from openboss.modules.system.functions import record_audit

FINANCIAL_CLOSE = timedelta(days=3)  # after the cut
COMPARED_CYCLES = 3  # released ones, the newest
WRITTEN_DOWN = 20  # differences named in the audit; all are on the page


@dataclass(frozen=True)
class NightDone:
    """What a night did."""

    days_closed: int
    became_doubtful: int
    differences: tuple[receivables.Difference, ...]


def run(*, at: datetime) -> NightDone:
    """Do a night's work on the books."""
    days = receivables.days_with_entries(before=day_of(at))
    found: list[receivables.Difference] = []
    for business_on in days:
        found += takings_differences(business_on=business_on)
        receivables.close_day(business_on=business_on, at=at, staff_id=None)
    doubtful = receivables.mark_doubtful(at=at)
    found += receivables.ledger_differences()
    released = [one for one in list_cycles() if one.state in ("RELEASED", "CLOSED")]
    for one in released:
        if _is_over(one, at):
            close_cycle(cycle=one.cycle, at=at, staff_id=None)
    for cycle in [one.cycle for one in released][:COMPARED_CYCLES]:
        found += bill_differences(cycle=cycle)
    if found:
        record_audit(
            staff_id=None,
            action="receivables.differences",
            object_kind="books",
            object_id=day_of(at).isoformat(),
            at=at,
            after={"count": len(found), "first": [vars(one) for one in found[:WRITTEN_DOWN]]},
        )
    return NightDone(len(days), doubtful, tuple(found))


def _is_over(cycle: CycleView, at: datetime) -> bool:
    return cycle.state == "RELEASED" and at >= calendar_of(cycle.cycle).cut_at + FINANCIAL_CLOSE
