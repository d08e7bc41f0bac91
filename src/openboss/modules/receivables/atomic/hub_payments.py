"""Payments of other provinces by their numbers: each once, and none after its compensation (D18.4)."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from openboss.modules.receivables.models import HubPayment

POSTED, COMPENSATED, EMPTY = "POSTED", "COMPENSATED", "EMPTY"


@dataclass(frozen=True)
class HubPaymentView:
    """What became of a payment of another province; without payment it was compensated before it came."""

    hub_payment_id: int
    province: str
    trans_id: str
    number: int | None
    paid_fen: int | None
    payment_id: int | None
    at: datetime
    state: str


def hold_hub_payment(*, province: str, trans_id: str) -> HubPaymentView | None:
    """Keep everybody else from a payment until this transaction ends, known (its view) or not yet (None)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(20003, hashtext(%s))", [f"{province} {trans_id}"])
    row = HubPayment.objects.filter(province=province, trans_id=trans_id).first()
    return _view(row) if row else None


def put_hub_payment(
    *, province: str, trans_id: str, number: int | None, paid_fen: int | None, payment_id: int | None, at: datetime
) -> HubPaymentView:
    """Note a payment that was posted, or without payment_id one that must not be posted any more."""
    row = HubPayment.objects.create(
        province=province, trans_id=trans_id, number=number, paid_fen=paid_fen, payment_id=payment_id, at=at,
        state=POSTED if payment_id else EMPTY,
    )  # fmt: skip
    return _view(row)


def note_compensated(*, hub_payment_id: int) -> None:
    """Note that a payment was taken back."""
    HubPayment.objects.filter(hub_payment_id=hub_payment_id).update(state=COMPENSATED)


def _view(row: HubPayment) -> HubPaymentView:
    return HubPaymentView(**{name: getattr(row, name) for name in HubPaymentView.__dataclass_fields__})
