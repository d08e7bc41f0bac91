"""Deferred revenue: a fee for free resources of several months is earned month by month (issue 6 section 1).

A tariff says so by charging the fee to an item that is in `money.deferred_months`, item code to months. Billed, it is
a liability (DEFERRED); at the end of every month an equal part becomes revenue of the item's display group, the last
part with what does not divide. What is earned follows from the ledger alone, so that it is never earned twice.
"""

from datetime import date, datetime

from django.db import transaction

from openboss.modules.receivables.atomic.ledger import Line, deferred_fees, hold_day, post_entry
from openboss.modules.receivables.functions.rules import Rules, act_of, rules_at

MONTHS = "deferred_months"


def deferred_items(rules: Rules) -> dict[int, int]:
    """The items whose fee is earned over months, and over how many."""
    months: dict[str, int] = rules.value(MONTHS)
    return {kind.item_id: months[kind.code] for kind in rules.item_types if kind.code in months}


def earned_fen(*, billed_fen: int, months: int, passed: int) -> int:
    """What of a fee is earned when so many of its months have begun: equal parts, the rest with the last."""
    return billed_fen if passed >= months else billed_fen // months * passed


@transaction.atomic
def earn(*, at: datetime) -> int:
    """Book what is earned by now and was not booked yet, an entry a bill; return the fen. Done again: nothing."""
    rules = rules_at(at)
    spread = deferred_items(rules)
    if not spread:
        return 0
    act = act_of(rules, at=at, staff_id=None, channel="SYSTEM")
    hold_day(act.business_on)
    deferred = rules.chart.no_of("DEFERRED")
    groups = {kind.item_id: rules.chart.of_group(kind.group_code) for kind in rules.item_types}
    lines: dict[int, list[Line]] = {}
    total_fen = 0
    for one in deferred_fees(chart_no=deferred):
        passed = _months_between(one.billed_on, rules.on) + 1
        wanted = earned_fen(billed_fen=one.billed_fen, months=spread.get(one.item_id, 1), passed=passed)
        more_fen = wanted - one.earned_fen
        if more_fen:
            of = {"account_id": one.account_id, "subscriber_id": one.subscriber_id, "item_id": one.item_id}
            out = Line(deferred, more_fen, **of, bill_id=one.bill_id)
            lines.setdefault(one.bill_id, []).extend(
                [out, Line(groups[one.item_id], -more_fen, **of, bill_id=one.bill_id)]
            )
            total_fen += more_fen
    for bill_id, mine in sorted(lines.items()):
        serial_no = f"EARNED {bill_id} {rules.on.year * 100 + rules.on.month}"
        post_entry(serial_no=serial_no, cause="EARNED", lines=mine, act=act)
    return total_fen


def _months_between(earlier: date, later: date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month
