"""Tills: a cashier's session, or a kiosk's cash box, opened with a float and closed by counting (D22.2, ACM-26)."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Sum

from openboss.modules.receivables.models import Payment, Till
from openboss.modules.system.atomic import record_audit

CASH_MEANS = ("CASH", "KIOSK")


class TillOpen(Exception):
    """This till is open already; close it first."""


class TillUnknown(LookupError):
    """There is no such till, or it is closed."""


class DifferenceUnexplained(ValueError):
    """What was counted is not what should be there: count again, or say why."""


@dataclass(frozen=True)
class TillView:
    """A till: what was put in, what should be there, what was counted."""

    till_id: int
    staff_id: int
    place: str
    opened_at: datetime
    opening_fen: int
    closed_at: datetime | None
    expected_fen: int
    counted_fen: int | None
    difference_reason: str

    @property
    def difference_fen(self) -> int:
        """Above zero: more than there should be (长款); below: less (短款)."""
        return 0 if self.counted_fen is None else self.counted_fen - self.expected_fen


@transaction.atomic
def open_till(*, staff_id: int, place: str, opening_fen: int, at: datetime) -> int:
    """Open a till; return its id. Raises TillOpen."""
    try:
        with transaction.atomic():
            row = Till.objects.create(staff_id=staff_id, place=place, opening_fen=opening_fen, opened_at=at)
    except IntegrityError as already:
        raise TillOpen(place) from already
    return row.till_id


def till_view(*, till_id: int) -> TillView:
    """Read a till; what should be there is worked out while it is open. Raises TillUnknown."""
    row = Till.objects.filter(till_id=till_id).first()
    if row is None:
        raise TillUnknown(till_id)
    return _view(row)


def tills_of(*, staff_id: int, limit: int = 30) -> list[TillView]:
    """The tills of a cashier, the newest first."""
    return [_view(row) for row in Till.objects.filter(staff_id=staff_id).order_by("-till_id")[:limit]]


def close_till(*, till_id: int, counted_fen: int, reason: str, at: datetime, staff_id: int) -> TillView:
    """Close a till by what was counted, in the caller's transaction. Raises TillUnknown, DifferenceUnexplained."""
    row = Till.objects.select_for_update().filter(till_id=till_id, closed_at__isnull=True).first()
    if row is None:
        raise TillUnknown(till_id)
    row.expected_fen = _expected(row)
    if row.expected_fen != counted_fen and not reason.strip():
        raise DifferenceUnexplained(f"{row.expected_fen} fen should be there, {counted_fen} were counted")
    row.closed_at, row.counted_fen, row.difference_reason = at, counted_fen, reason.strip()
    row.save()
    record_audit(
        staff_id=staff_id,
        action="receivables.close_till",
        object_kind="till",
        object_id=till_id,
        at=at,
        reason=reason,
        after={"expected_fen": row.expected_fen, "counted_fen": counted_fen},
    )
    return _view(row)


def _expected(row: Till) -> int:
    moved = Payment.objects.filter(till_id=row.till_id, means__in=CASH_MEANS)
    return row.opening_fen + moved.aggregate(fen=Sum("paid_fen", default=0))["fen"]


def _view(row: Till) -> TillView:
    expected_fen = _expected(row) if row.expected_fen is None else row.expected_fen
    return TillView(
        row.till_id,
        row.staff_id,
        row.place,
        row.opened_at,
        row.opening_fen,
        row.closed_at,
        expected_fen,
        row.counted_fen,
        row.difference_reason,
    )
