"""Cycles: their calendar and their states (D7.2, D7.3)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from openboss.kernel.periods import next_cycle
from openboss.modules.billing.models import BillCycle
from openboss.modules.system.atomic import parameters_under, put_parameter, record_audit

CALENDAR_KEY = "calendar."
CALENDAR = {"closable": "00:00", "payable": "08:00", "payment_months": 1, "statistics": "MONTH"}
STATISTICS = ("MONTH", "QUARTER")
ORDER = ["OPEN", "CUT", "CALCULATED", "AUDITED", "RELEASED", "CLOSED"]


class CycleUnknown(LookupError):
    """Nobody has opened this billing cycle yet."""


class CalendarWrong(ValueError):
    """Times are written 08:00, a bill may be paid for 1 to 12 months, statistics are by MONTH or QUARTER.

    The message names the value; nothing was changed.
    """


class CycleStateRefused(Exception):
    """The cycle is not in the state this step starts from; the message names both. Do the steps in order."""


@dataclass(frozen=True)
class CycleView:
    """A billing cycle: state, the moments of D7.2, the position of the engine's journal at which it was frozen."""

    cycle: int
    state: str
    position: int | None
    cut_at: datetime | None
    released_at: datetime | None
    released_by: str
    payable_at: datetime
    due_on: date


@dataclass(frozen=True)
class CycleCalendar:
    """When what happens to the bills of a month (ACP-04, ACP-05, D7.2, D8.4)."""

    cut_at: datetime
    closable_at: datetime
    payable_at: datetime
    due_on: date
    statistics: str


@transaction.atomic
def set_calendar(*, values: Mapping[str, Any], from_on: date, at: datetime, staff_id: int | None = None) -> int:
    """Set parts of the operator's calendar for the cycles that are cut from a day on; return how many changed.

    values   some of: closable (from what time of the first of the next month a month may be closed) and payable,
             both as "08:00"; payment_months (how long a bill may be paid); statistics (MONTH or QUARTER)

    Each is a dated parameter of its own: what was billed keeps the calendar it was billed with.
    Raises CalendarWrong. Source: ACP-05.
    """
    for name, value in values.items():
        if name not in CALENDAR or not _fits(name, value):
            raise CalendarWrong(f"{name}: {value}")
    place = {"from_on": from_on, "at": at, "source": "ACP-05", "staff_id": staff_id}
    return sum(put_parameter(key=f"{CALENDAR_KEY}{name}", value=value, **place) for name, value in values.items())


def _fits(name: str, value: Any) -> bool:
    if name == "payment_months":
        return isinstance(value, int) and 1 <= value <= 12
    if name == "statistics":
        return value in STATISTICS
    return isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value) is not None


def calendar_of(cycle: int) -> CycleCalendar:
    """Work out the calendar of a cycle: cut and payable on the first of the next month, due at the end of a month."""
    cut_on = _first_of(next_cycle(cycle))
    found = parameters_under(prefix=CALENDAR_KEY, on=cut_on)
    values = {name: found.get(f"{CALENDAR_KEY}{name}", usual) for name, usual in CALENDAR.items()}
    zone = timezone.get_default_timezone()
    paid_until = next_cycle(cycle)
    for _ in range(values["payment_months"]):
        paid_until = next_cycle(paid_until)
    return CycleCalendar(
        cut_at=datetime.combine(cut_on, time(0), zone),
        closable_at=datetime.combine(cut_on, time.fromisoformat(values["closable"]), zone),
        payable_at=datetime.combine(cut_on, time.fromisoformat(values["payable"]), zone),
        due_on=_first_of(paid_until) - timedelta(days=1),
        statistics=values["statistics"],
    )


def cycle_view(*, cycle: int) -> CycleView:
    """Read one cycle. Raises CycleUnknown."""
    found = BillCycle.objects.filter(cycle=cycle).first()
    if found is None:
        raise CycleUnknown(cycle)
    return _view(found)


def list_cycles() -> list[CycleView]:
    """List all cycles, the newest first."""
    return [_view(row) for row in BillCycle.objects.order_by("-cycle")]


def open_cycle(*, cycle: int) -> CycleView:
    """Open a cycle; opening it again changes nothing."""
    calendar = calendar_of(cycle)
    row, _ = BillCycle.objects.get_or_create(
        cycle=cycle, defaults={"payable_at": calendar.payable_at, "due_on": calendar.due_on}
    )
    return _view(row)


@transaction.atomic
def cut_cycle(*, cycle: int, position: int, at: datetime, staff_id: int | None) -> None:
    """Note where the engine froze the cycle; from here on its usage does not change. Raises CycleStateRefused."""
    row = _locked(cycle, "OPEN")
    row.position, row.cut_at = position, at
    _move(row, "CUT", at, staff_id)


@transaction.atomic
def move_cycle(*, cycle: int, state_before: str, state_after: str, at: datetime, staff_id: int | None) -> None:
    """Move a cycle one state on or back. Raises CycleUnknown, CycleStateRefused; nothing goes back once released."""
    row = _locked(cycle, state_before)
    step = ORDER.index(state_after) - ORDER.index(state_before)
    if abs(step) != 1 or (step < 0 and state_before in ("RELEASED", "CLOSED")):
        raise CycleStateRefused(f"{cycle}: {state_before} is not followed by {state_after}")
    if state_after == "RELEASED":
        raise CycleStateRefused(f"{cycle}: bills are released by release_bills only")
    _move(row, state_after, at, staff_id)


def _locked(cycle: int, state: str) -> BillCycle:
    row = BillCycle.objects.select_for_update().filter(cycle=cycle).first()
    if row is None:
        raise CycleUnknown(cycle)
    if row.state != state:
        raise CycleStateRefused(f"{cycle} is {row.state}, this step starts from {state}")
    return row


def _move(row: BillCycle, state: str, at: datetime, staff_id: int | None) -> None:
    before, row.state = row.state, state
    row.save()
    record_audit(
        staff_id=staff_id,
        action="billing.move_cycle",
        object_kind="billcycle",
        object_id=row.cycle,
        at=at,
        before={"state": before},
        after={"state": state, "position": row.position},
    )


def _first_of(cycle: int) -> date:
    return date(cycle // 100, cycle % 100, 1)


def _view(row: BillCycle) -> CycleView:
    return CycleView(
        row.cycle,
        row.state,
        row.position,
        row.cut_at,
        row.released_at,
        row.released_by,
        row.payable_at,
        row.due_on,
    )
