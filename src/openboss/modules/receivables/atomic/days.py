"""Business days and accounting periods: closed when their books are done, sealed, opened again under authority."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from openboss.modules.receivables.models import BusinessDay, DaySeal, Entry, Period
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.statements import ask

FIRST_LINK = bytes(32)
SEAL_LOCK = 0x5EA2


class DayClosed(Exception):
    """This business day is closed; a person with the right can open it again, or the next open day is used."""


class DayOpen(Exception):
    """This business day is open, or was never closed; nothing was changed."""


class PeriodClosed(Exception):
    """The accounting period is closed; open it first, under authority."""


class DaysOpen(Exception):
    """A period is closed only when all its days with entries are closed; the message names the first open one."""


@dataclass(frozen=True)
class DayView:
    """A business day and whether its books are closed."""

    business_on: date
    state: str
    changed_at: datetime
    changed_by: int | None


@dataclass(frozen=True)
class SealCheck:
    """What a verification of the chain of days found; `broken_on` names the first day that does not fit."""

    sealed_days: int
    broken_on: date | None


def open_day_from(day: date) -> date:
    """The first open business day from a day on."""
    closed = {
        row[0]
        for row in ask(
            "SELECT business_on FROM receivables_businessday WHERE business_on >= %s::date AND state = 'CLOSED'", [day]
        )
    }
    while day in closed:
        day += timedelta(days=1)
    return day


def list_days(*, limit: int = 60) -> list[DayView]:
    """List the days that were closed or opened again, the newest first."""
    rows = BusinessDay.objects.order_by("-business_on")[:limit]
    return [DayView(row.business_on, row.state, row.changed_at, row.changed_by) for row in rows]


def days_with_entries(*, before: date) -> list[date]:
    """Open days before a day that have entries, the oldest first: their books can be closed."""
    days = Entry.objects.filter(business_on__lt=before).values_list("business_on", flat=True).distinct()
    closed = BusinessDay.objects.filter(state="CLOSED").values_list("business_on", flat=True)
    return sorted(set(days) - set(closed))


@transaction.atomic
def close_day(*, business_on: date, at: datetime, staff_id: int | None) -> None:
    """Close the books of a day and seal its entries; waits for those being written. Raises DayClosed. Source: D22.1."""
    _hold_day_alone(business_on)
    if BusinessDay.objects.filter(business_on=business_on, state="CLOSED").exists():
        raise DayClosed(business_on)
    _put_day(business_on, "CLOSED", at, staff_id, "")
    _seal_day(business_on, at)


@transaction.atomic
def reopen_day(*, business_on: date, reason: str, at: datetime, staff_id: int) -> None:
    """Open the books of a closed day again. Raises DayOpen, PeriodClosed."""
    if not BusinessDay.objects.filter(business_on=business_on, state="CLOSED").exists():
        raise DayOpen(business_on)
    if Period.objects.filter(period=business_on.year * 100 + business_on.month, state="CLOSED").exists():
        raise PeriodClosed(business_on)
    _put_day(business_on, "OPEN", at, staff_id, reason)


@transaction.atomic
def close_period(*, period: int, at: datetime, staff_id: int | None) -> None:
    """Close the books of a month. Raises PeriodClosed, DaysOpen."""
    if Period.objects.select_for_update().filter(period=period, state="CLOSED").exists():
        raise PeriodClosed(period)
    days = Entry.objects.filter(period=period).values_list("business_on", flat=True).distinct()
    closed = BusinessDay.objects.filter(state="CLOSED").values_list("business_on", flat=True)
    left = sorted(set(days) - set(closed))
    if left:
        raise DaysOpen(left[0])
    _put_period(period, "CLOSED", at, staff_id, "")


@transaction.atomic
def reopen_period(*, period: int, reason: str, at: datetime, staff_id: int) -> None:
    """Open the books of a closed month again. Raises DayOpen."""
    if not Period.objects.filter(period=period, state="CLOSED").exists():
        raise DayOpen(period)
    _put_period(period, "OPEN", at, staff_id, reason)


def _put_day(business_on: date, state: str, at: datetime, staff_id: int | None, reason: str) -> None:
    BusinessDay.objects.update_or_create(
        business_on=business_on, defaults={"state": state, "changed_at": at, "changed_by": staff_id}
    )
    _audit(f"receivables.day_{state.lower()}", business_on.isoformat(), at, staff_id, reason)


def _put_period(period: int, state: str, at: datetime, staff_id: int | None, reason: str) -> None:
    Period.objects.update_or_create(period=period, defaults={"state": state, "changed_at": at, "changed_by": staff_id})
    _audit(f"receivables.period_{state.lower()}", str(period), at, staff_id, reason)


def _audit(action: str, object_id: str, at: datetime, staff_id: int | None, reason: str) -> None:
    record_audit(staff_id=staff_id, action=action, object_kind="books", object_id=object_id, at=at, reason=reason)


def _hold_day_alone(business_on: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(20001, extract(epoch FROM %s::date)::int / 86400)", [business_on])


def _seal_day(business_on: date, at: datetime) -> None:
    """Chain the day's entries that no seal covers yet: all of them, or those of a day that was opened again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEAL_LOCK])
    last = DaySeal.objects.order_by("-position").first()
    position, previous = (last.position, bytes(last.sha256)) if last else (0, FIRST_LINK)
    earlier = DaySeal.objects.filter(business_on=business_on).order_by("-last_entry_id").first()
    first_id = earlier.last_entry_id + 1 if earlier else 0
    ids = Entry.objects.filter(business_on=business_on, entry_id__gte=first_id).order_by("entry_id")
    known = list(ids.values_list("entry_id", flat=True))
    if not known:
        return
    digest, debit_fen = _digest(business_on, known[0], known[-1], previous)
    DaySeal.objects.create(
        position=position + 1,
        business_on=business_on,
        first_entry_id=known[0],
        last_entry_id=known[-1],
        entry_count=len(known),
        debit_fen=debit_fen,
        sha256=digest,
        sealed_at=at,
    )


def _digest(business_on: date, first_id: int, last_id: int, previous: bytes) -> tuple[bytes, int]:
    """Hash a day's entries with their lines in order, after the link before; return it and the sum of the debits."""
    link = hashlib.sha256(previous)
    between = [business_on, first_id, last_id]
    with connection.cursor() as cursor:
        query = (
            "SELECT entry_id, serial_no, cause, business_on, currency, staff_id, channel,"
            " extract(epoch FROM at), reverses_id, note FROM receivables_entry"
            " WHERE business_on = %s AND entry_id BETWEEN %s AND %s ORDER BY entry_id"
        )
        with cursor.copy(f"COPY ({query}) TO STDOUT", between) as copy:
            for block in copy:
                link.update(block)
        query = (
            "SELECT p.* FROM receivables_posting p JOIN receivables_entry e USING (entry_id)"
            " WHERE e.business_on = %s AND entry_id BETWEEN %s AND %s ORDER BY entry_id, line_no"
        )
        with cursor.copy(f"COPY ({query}) TO STDOUT", between) as copy:
            for block in copy:
                link.update(block)
        cursor.execute(
            "SELECT coalesce(sum(amount_fen), 0)::bigint FROM receivables_posting p JOIN receivables_entry e"
            " USING (entry_id) WHERE e.business_on = %s AND entry_id BETWEEN %s AND %s AND amount_fen > 0",
            between,
        )
        (debit_fen,) = cursor.fetchone()
    return link.digest(), debit_fen


def verify_seals() -> SealCheck:
    """Walk the whole chain of days and say where it breaks, if it does."""
    previous, count = FIRST_LINK, 0
    for seal in DaySeal.objects.order_by("position"):
        count += 1
        previous, debit_fen = _digest(seal.business_on, seal.first_entry_id, seal.last_entry_id, previous)
        if seal.position != count or bytes(seal.sha256) != previous or seal.debit_fen != debit_fen:
            return SealCheck(count - 1, seal.business_on)
    return SealCheck(count, None)
