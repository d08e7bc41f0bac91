"""Gifts that are released month by month: promised, released part by part, ended (D8.1)."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import F

from openboss.modules.receivables.models import MonthlyGift
from openboss.modules.system.atomic import SerialNumberUsed, record_audit
from openboss.modules.system.statements import ask


class MonthlyGiftUnknown(LookupError):
    """There is no such gift with parts still to come."""


@dataclass(frozen=True)
class MonthlyGiftView:
    """A gift of monthly parts; a part is given_fen / parts in whole fen, the last one takes what does not divide."""

    gift_id: int
    serial_no: str
    account_id: int
    given_fen: int
    parts: int
    released_parts: int
    first_on: date
    bucket_id: int | None
    reason: str
    staff_id: int | None
    granted_at: datetime
    ended_at: datetime | None

    def part_fen(self, part: int) -> int:
        """What a part comes to; the first is 0."""
        each_fen = self.given_fen // self.parts
        return self.given_fen - each_fen * (self.parts - 1) if part == self.parts - 1 else each_fen

    def part_on(self, part: int) -> date:
        """The first of the month in which a part is released; the first is 0."""
        month = self.first_on.year * 12 + self.first_on.month - 1 + part
        return date(month // 12, month % 12 + 1, 1)

    @property
    def released_fen(self) -> int:
        """What of the gift is money of the account by now, used or not."""
        return sum(self.part_fen(part) for part in range(self.released_parts))

    @property
    def next_on(self) -> date | None:
        """When the next part is released; None: nothing more comes."""
        is_over = self.ended_at is not None or self.released_parts == self.parts
        return None if is_over else self.part_on(self.released_parts)

    @property
    def next_fen(self) -> int:
        """What the next part comes to; 0: nothing more comes."""
        return 0 if self.next_on is None else self.part_fen(self.released_parts)


def put_gift(
    *,
    serial_no: str,
    account_id: int,
    given_fen: int,
    parts: int,
    first_on: date,
    reason: str,
    at: datetime,
    staff_id: int | None,
    approved_by: int | None,
) -> MonthlyGiftView:
    """Promise a gift in the caller's transaction, who holds the account; the same again is the same gift.

    Raises SerialNumberUsed: another gift was promised under this number.
    """
    wanted = {"account_id": account_id, "given_fen": given_fen, "parts": parts}
    facts = {"first_on": first_on, "reason": reason[:200], "staff_id": staff_id, "granted_at": at}
    row, is_new = MonthlyGift.objects.get_or_create(serial_no=serial_no, defaults=wanted | facts)
    if any(getattr(row, name) != value for name, value in wanted.items()):
        raise SerialNumberUsed(serial_no)
    if is_new:
        _audit("receivables.promise_gift", row, at, staff_id, reason, approved_by)
    return _view(row)


def lock_gift(*, gift_id: int) -> MonthlyGiftView:
    """Read a gift and let nobody else release of it until this transaction ends. Raises MonthlyGiftUnknown."""
    row = MonthlyGift.objects.select_for_update().filter(gift_id=gift_id).first()
    if row is None:
        raise MonthlyGiftUnknown(gift_id)
    return _view(row)


def note_released(*, gift_id: int, bucket_id: int) -> None:
    """Note that the next part of a gift was released into its bucket."""
    MonthlyGift.objects.filter(gift_id=gift_id).update(released_parts=F("released_parts") + 1, bucket_id=bucket_id)


@transaction.atomic
def end_gift(*, gift_id: int, reason: str, at: datetime, staff_id: int | None) -> None:
    """Release nothing more of a gift; what was released stays. Raises MonthlyGiftUnknown: it is over already."""
    running = MonthlyGift.objects.filter(gift_id=gift_id, ended_at=None, released_parts__lt=F("parts"))
    row = running.select_for_update().first()
    if row is None:
        raise MonthlyGiftUnknown(gift_id)
    running.update(ended_at=at)
    _audit("receivables.end_gift", row, at, staff_id, reason, None)


def gifts_of_account(*, account_id: int) -> list[MonthlyGiftView]:
    """The monthly gifts of an account, the newest first."""
    return [_view(row) for row in MonthlyGift.objects.filter(account_id=account_id).order_by("-gift_id")]


def gifts_due(*, on: date, after_gift_id: int, limit: int) -> list[tuple[int, int]]:
    """The next gifts, in order, of which a part is due on a day and not released: gift, account."""
    return ask(
        "SELECT gift_id, account_id FROM receivables_monthlygift WHERE gift_id > %s::bigint AND ended_at IS NULL"
        " AND released_parts < parts AND first_on + make_interval(months => released_parts) <= %s::date"
        " ORDER BY gift_id LIMIT %s::int",
        [after_gift_id, on, limit],
    )


def _view(row: MonthlyGift) -> MonthlyGiftView:
    return MonthlyGiftView(**{name: getattr(row, name) for name in MonthlyGiftView.__dataclass_fields__})


def _audit(
    action: str, row: MonthlyGift, at: datetime, staff_id: int | None, reason: str, approved_by: int | None
) -> None:
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="account",
        object_id=row.account_id,
        at=at,
        reason=reason,
        after={
            "gift_id": row.gift_id, "given_fen": row.given_fen, "parts": row.parts,
            "released_parts": row.released_parts, "approved_by": approved_by,
        },
    )  # fmt: skip
