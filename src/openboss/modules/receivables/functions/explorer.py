"""The ledger explorer: from any fen to where it came from, and the state of the books (issue 6 section 1)."""

from dataclasses import dataclass
from datetime import date, datetime

from openboss.modules.receivables.atomic import days, explorer
from openboss.modules.receivables.atomic.explorer import (
    BookDay,
    BookPeriod,
    EntryRow,
    Relative,
    book_days,
    book_periods,
    find_entries,
    origin_of_bucket,
    relatives_of,
)
from openboss.modules.receivables.functions.authority import require
from openboss.modules.receivables.functions.suspense import suspense_list

__all__ = [
    "BookDay",
    "BookPeriod",
    "EntryRow",
    "InTheWay",
    "Relative",
    "book_days",
    "book_periods",
    "close_day",
    "close_period",
    "find_entries",
    "in_the_way",
    "origin_of_bucket",
    "relatives_of",
    "reopen_day",
    "reopen_period",
]


@dataclass(frozen=True)
class InTheWay:
    """What should be settled before books are closed: tills open since an earlier day, payments of nobody."""

    open_tills: int
    suspended: int
    suspended_fen: int


def in_the_way(*, today: date) -> InTheWay:
    """What stands in the way of clean books; only open days really stop a month from being closed."""
    waiting = suspense_list()
    return InTheWay(explorer.open_tills_since(before=today), len(waiting), sum(payment.paid_fen for payment in waiting))


def close_day(*, business_on: date, at: datetime, staff_id: int) -> None:
    """Close the books of a day by hand. Raises NotEntitled, DayClosed."""
    require(staff_id=staff_id, right="receivables.close")
    days.close_day(business_on=business_on, at=at, staff_id=staff_id)


def reopen_day(*, business_on: date, reason: str, at: datetime, staff_id: int) -> None:
    """Open the books of a day again, with a reason. Raises NotEntitled, DayOpen, PeriodClosed."""
    require(staff_id=staff_id, right="receivables.close")
    days.reopen_day(business_on=business_on, reason=reason, at=at, staff_id=staff_id)


def close_period(*, period: int, at: datetime, staff_id: int) -> None:
    """Close the books of a month. Raises NotEntitled, PeriodClosed, DaysOpen."""
    require(staff_id=staff_id, right="receivables.close")
    days.close_period(period=period, at=at, staff_id=staff_id)


def reopen_period(*, period: int, reason: str, at: datetime, staff_id: int) -> None:
    """Open the books of a month again, with a reason. Raises NotEntitled, DayOpen."""
    require(staff_id=staff_id, right="receivables.close")
    days.reopen_period(period=period, reason=reason, at=at, staff_id=staff_id)
