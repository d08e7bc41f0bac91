"""Emergency openings: who is open, who was in a month, how each ended (D9.7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from openboss.modules.receivables.models import EmergencyOpening
from openboss.modules.system.atomic import record_audit, record_audits


@dataclass(frozen=True)
class EmergencyView:
    """An emergency opening of a user; ceiling_fen: how far the exposure of the account may go meanwhile."""

    emergency_id: int
    account_id: int
    subscriber_id: int
    month: int
    opened_at: datetime
    until_at: datetime
    credit_fen: int
    ceiling_fen: int
    ended_at: datetime | None
    ended_by: str


@transaction.atomic
def begin_emergency(
    *,
    account_id: int,
    subscriber_id: int,
    month: int,
    until_at: datetime,
    credit_fen: int,
    ceiling_fen: int,
    serial_no: str,
    at: datetime,
    staff_id: int | None,
) -> EmergencyView:
    """Write an opening down; the caller holds the account's lock and has looked whether it may be."""
    row = EmergencyOpening.objects.create(
        serial_no=serial_no,
        account_id=account_id,
        subscriber_id=subscriber_id,
        month=month,
        opened_at=at,
        until_at=until_at,
        credit_fen=credit_fen,
        ceiling_fen=ceiling_fen,
    )
    record_audit(
        staff_id=staff_id,
        action="receivables.begin_emergency",
        object_kind="subscriber",
        object_id=subscriber_id,
        at=at,
        after={"account_id": account_id, "until_at": until_at.isoformat(), "ceiling_fen": ceiling_fen},
    )
    return _view(row)


@transaction.atomic
def end_emergencies(ended_by: Mapping[int, str], *, at: datetime) -> None:
    """Write down that openings are over, and by what: TIME, CREDIT or PAID by the opening's id."""
    rows = list(EmergencyOpening.objects.filter(emergency_id__in=list(ended_by), ended_at__isnull=True))
    for row in rows:
        row.ended_at, row.ended_by = at, ended_by[row.emergency_id]
    EmergencyOpening.objects.bulk_update(rows, ["ended_at", "ended_by"])
    after = {row.subscriber_id: {"account_id": row.account_id, "ended_by": row.ended_by} for row in rows}
    action = "receivables.end_emergency"
    record_audits(staff_id=None, action=action, object_kind="subscriber", at=at, after=after.items())


def open_emergencies(*, account_ids: Sequence[int]) -> dict[int, EmergencyView]:
    """The openings that go on, of some accounts, by account: one each at most."""
    rows = EmergencyOpening.objects.filter(account_id__in=list(account_ids), ended_at__isnull=True)
    return {row.account_id: _view(row) for row in rows}


def emergencies_due(*, at: datetime) -> list[int]:
    """Accounts with an opening whose time is over, in order."""
    rows = EmergencyOpening.objects.filter(ended_at__isnull=True, until_at__lte=at)
    return list(rows.order_by("account_id").values_list("account_id", flat=True))


def last_emergency(*, subscriber_id: int) -> EmergencyView | None:
    """A user's newest opening."""
    row = EmergencyOpening.objects.filter(subscriber_id=subscriber_id).order_by("-emergency_id").first()
    return _view(row) if row else None


def _view(row: EmergencyOpening) -> EmergencyView:
    return EmergencyView(**{name: getattr(row, name) for name in EmergencyView.__dataclass_fields__})
