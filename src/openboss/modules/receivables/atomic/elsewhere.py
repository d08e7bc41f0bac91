"""Paying for numbers of other provinces: relations of both sides, and the months that are paid (D8.13)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from openboss.modules.receivables.models import ElsewhereMonth, ElsewherePayment
from openboss.modules.system.atomic import record_audit

PAYS, PAID = "PAYS", "PAID"
LIVE = ("ASKED", "ACTIVE")


class RelationExists(Exception):
    """Somebody pays for this number already; let that be ended first."""


class RelationUnknown(LookupError):
    """There is no such paying for a number elsewhere, or it has ended."""


@dataclass(frozen=True)
class ElsewhereView:
    """Who pays for whom: our user and the number of another province."""

    relation_id: int
    side: str
    province: str
    number: int
    subscriber_id: int
    customer_id: int
    account_id: int
    from_cycle: int
    to_cycle: int | None
    state: str
    trans_id: str
    code: str
    words: str
    staff_id: int | None
    ordered_at: datetime


@dataclass(frozen=True)
class ElsewhereMonthView:
    """How far the payment of a month is."""

    relation_id: int
    cycle: int
    state: str
    due_fen: int
    tries: int
    trans_id: str | None
    tried_at: datetime | None
    entry_id: int | None
    payment_id: int | None


def hold_customer(customer_id: int) -> None:
    """Let nobody else change for whom a customer pays, or who pays for them, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(20004, hashtext(%s))", [str(customer_id)])


@transaction.atomic
def put_relation(*, staff_id: int | None, at: datetime, **facts: Any) -> ElsewhereView:
    """Write down who pays for whom: side, province, number, subscriber_id, customer_id, account_id, from_cycle, state,
    trans_id. Raises RelationExists."""
    try:
        with transaction.atomic():
            row = ElsewherePayment.objects.create(staff_id=staff_id, ordered_at=at, **facts)
    except IntegrityError as exists:
        raise RelationExists(facts["number"]) from exists
    _audit("receivables.pay_elsewhere", row, at, staff_id)
    return _view(row)


@transaction.atomic
def change_relation(*, relation_id: int, at: datetime, staff_id: int | None, **changes: Any) -> ElsewhereView:
    """Note what became of it: state, code, words, to_cycle."""
    ElsewherePayment.objects.filter(relation_id=relation_id).update(**changes)
    row = ElsewherePayment.objects.get(relation_id=relation_id)
    _audit("receivables.elsewhere_changed", row, at, staff_id)
    return _view(row)


def relations(**about: Any) -> list[ElsewhereView]:
    """Relations by any of their fields, the newest first."""
    return [_view(row) for row in ElsewherePayment.objects.filter(**about).order_by("-relation_id")]


def open_month(*, relation_id: int, cycle: int) -> None:
    """Begin to pay a month, once."""
    ElsewhereMonth.objects.get_or_create(relation_id=relation_id, cycle=cycle, defaults={"state": "WAITING"})


def lock_month(*, relation_id: int, cycle: int) -> ElsewhereMonthView:
    """Read a month and let nobody else change it until the transaction ends."""
    return _month(ElsewhereMonth.objects.select_for_update().get(relation_id=relation_id, cycle=cycle))


def months(**about: Any) -> list[ElsewhereMonthView]:
    """Months by any of their fields, the newest first."""
    rows = ElsewhereMonth.objects.filter(**about).order_by("-cycle", "relation_id")
    return [_month(row) for row in rows]


def month_of_message(*, trans_id: str) -> ElsewhereMonthView | None:
    """The month a message was about; None: it was about none. The month is held until the transaction ends."""
    row = ElsewhereMonth.objects.select_for_update().filter(trans_id=trans_id).first()
    return _month(row) if row else None


def change_month(*, relation_id: int, cycle: int, **changes: Any) -> None:
    """Note how far the payment of a month is: state, due_fen, tries, trans_id, tried_at, entry_id, payment_id."""
    ElsewhereMonth.objects.filter(relation_id=relation_id, cycle=cycle).update(**changes)


def _view(row: ElsewherePayment) -> ElsewhereView:
    return ElsewhereView(**{name: getattr(row, name) for name in ElsewhereView.__dataclass_fields__})


def _month(row: ElsewhereMonth) -> ElsewhereMonthView:
    return ElsewhereMonthView(**{name: getattr(row, name) for name in ElsewhereMonthView.__dataclass_fields__})


def _audit(action: str, row: ElsewherePayment, at: datetime, staff_id: int | None) -> None:
    after = {"relation_id": row.relation_id, "side": row.side, "province": row.province, "state": row.state}
    record_audit(
        staff_id=staff_id, action=action, object_kind="account", object_id=row.account_id, at=at,
        after=after | {"from_cycle": row.from_cycle, "to_cycle": row.to_cycle},
    )  # fmt: skip
