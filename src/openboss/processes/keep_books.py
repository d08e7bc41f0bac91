"""Keep the books, every night: close days, move old debts, and compare what is told twice. Read from top to bottom.

    close      the books of every day before today are closed and sealed
    earn       fees for resources of several months become revenue month by month
    doubtful   debts unpaid for longer than the limit become doubtful (ACM-13)
    cycles     a released cycle is closed at the end of the third day after its month (D7.2)
    compare    everything that is told twice (assure_money); differences are kept for a person

Done again it does what is left. Source: D22.1, D8.11, issue 6 section 5.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from openboss.modules.billing.functions import CycleView, calendar_of, close_cycle, list_cycles
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions.deferred import earn
from openboss.modules.receivables.functions.rules import day_of
from openboss.processes import assure_money

FINANCIAL_CLOSE = timedelta(days=3)  # after the cut


@dataclass(frozen=True)
class NightDone:
    """What a night did."""

    days_closed: int
    became_doubtful: int
    differences: tuple[assure_money.DifferenceView, ...]


def run(*, at: datetime) -> NightDone:
    """Do a night's work on the books."""
    days = receivables.days_with_entries(before=day_of(at))
    for business_on in days:
        receivables.close_day(business_on=business_on, at=at, staff_id=None)
    doubtful = receivables.mark_doubtful(at=at)
    earn(at=at)
    for one in list_cycles():
        if _is_over(one, at):
            close_cycle(cycle=one.cycle, at=at, staff_id=None)
    assure_money.run(on=day_of(at), at=at)
    return NightDone(len(days), doubtful, tuple(assure_money.differences()))


def _is_over(cycle: CycleView, at: datetime) -> bool:
    return cycle.state == "RELEASED" and at >= calendar_of(cycle.cycle).cut_at + FINANCIAL_CLOSE
