"""Objections to items of bills: written down, confirmed as our fault, or rejected (D8.12)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from openboss.modules.receivables.models import Objection, OpenItem, Receivable
from openboss.modules.system.atomic import SerialNumberUsed, record_audit


class ObjectionUnknown(LookupError):
    """There is no such objection."""


class ObjectionDecided(Exception):
    """Somebody has decided on this objection already; nothing was changed."""


class ObjectionExists(Exception):
    """An objection to this item waits already, or the item was returned for an objection before."""


@dataclass(frozen=True)
class ObjectionView:
    """An objection; over_fen and returned_fen are there once it was confirmed."""

    objection_id: int
    serial_no: str
    account_id: int
    bill_id: int
    subscriber_id: int
    item_id: int
    objected_fen: int
    reason: str
    opened_by: int
    opened_at: datetime
    state: str
    over_fen: int | None
    returned_fen: int | None
    answer: str
    decided_by: int | None
    approved_by: int | None
    decided_at: datetime | None


@dataclass(frozen=True)
class BilledItem:
    """An item of a user on a released bill: whose it is, when the bill was issued, what was due."""

    account_id: int
    issued_on: date
    due_fen: int


def billed_item(*, bill_id: int, subscriber_id: int, item_id: int) -> BilledItem | None:
    """An item of a released bill; None: there is none."""
    item = OpenItem.objects.filter(bill_id=bill_id, subscriber_id=subscriber_id, item_id=item_id).first()
    if item is None:
        return None
    bill = Receivable.objects.get(bill_id=bill_id)
    issued_on = bill.booked_at.astimezone(timezone.get_default_timezone()).date()
    return BilledItem(bill.account_id, issued_on, item.due_fen)


@transaction.atomic
def put_objection(
    *,
    serial_no: str,
    account_id: int,
    bill_id: int,
    subscriber_id: int,
    item_id: int,
    objected_fen: int,
    reason: str,
    at: datetime,
    staff_id: int,
) -> ObjectionView:
    """Write an objection down; the same again is the same objection. Raises ObjectionExists, SerialNumberUsed."""
    about = {"bill_id": bill_id, "subscriber_id": subscriber_id, "item_id": item_id, "objected_fen": objected_fen}
    known = Objection.objects.filter(serial_no=serial_no).first()
    if known is not None:
        if any(getattr(known, name) != value for name, value in about.items()):
            raise SerialNumberUsed(serial_no)
        return _view(known)
    try:
        with transaction.atomic():
            row = Objection.objects.create(
                serial_no=serial_no,
                account_id=account_id,
                reason=reason[:200],
                opened_by=staff_id,
                opened_at=at,
                **about,
            )
    except IntegrityError as exists:
        raise ObjectionExists(f"{bill_id} {subscriber_id} {item_id}") from exists
    _audit("receivables.object", row, at, staff_id, reason)
    return _view(row)


def lock_objection(*, objection_id: int) -> ObjectionView:
    """Read an objection that waits and let nobody else decide. Raises ObjectionUnknown, ObjectionDecided."""
    row = Objection.objects.select_for_update().filter(objection_id=objection_id).first()
    if row is None:
        raise ObjectionUnknown(objection_id)
    if row.state != Objection.State.OPEN:
        raise ObjectionDecided(objection_id)
    return _view(row)


def settle_objection(
    *,
    objection_id: int,
    state: str,
    answer: str,
    at: datetime,
    staff_id: int,
    approved_by: int | None = None,
    over_fen: int | None = None,
    returned_fen: int | None = None,
) -> ObjectionView:
    """Note in the caller's transaction what was decided on an objection, which it holds."""
    row = Objection.objects.get(objection_id=objection_id)
    row.state, row.answer, row.decided_at, row.decided_by = state, answer[:200], at, staff_id
    row.approved_by, row.over_fen, row.returned_fen = approved_by, over_fen, returned_fen
    row.save()
    _audit(f"receivables.objection_{state.lower()}", row, at, staff_id, answer)
    return _view(row)


def list_objections(**about: Any) -> list[ObjectionView]:
    """Objections by bill_id, account_id or state, the newest first."""
    return [_view(row) for row in Objection.objects.filter(**about).order_by("-objection_id")]


def _view(row: Objection) -> ObjectionView:
    return ObjectionView(**{name: getattr(row, name) for name in ObjectionView.__dataclass_fields__})


def _audit(action: str, row: Objection, at: datetime, staff_id: int, reason: str) -> None:
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="bill",
        object_id=row.bill_id,
        at=at,
        reason=reason,
        after={
            "objection_id": row.objection_id, "subscriber_id": row.subscriber_id, "item_id": row.item_id,
            "objected_fen": row.objected_fen, "over_fen": row.over_fen, "returned_fen": row.returned_fen,
            "approved_by": row.approved_by,
        },
    )  # fmt: skip
