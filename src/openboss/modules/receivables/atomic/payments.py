"""Money over the border: payments claimed by their serial number, suspended, reversed (D0.4, ACM-02)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Sum

from openboss.modules.receivables.models import Payment
from openboss.modules.system.statements import ask

CLAIMS = {
    "payment_id": "bigint",
    "serial_no": "text",
    "account_id": "bigint",
    "purpose": "text",
    "paid_fen": "bigint",
    "means": "text",
    "channel": "text",
    "reference": "text",
    "note": "text",
    "staff_id": "bigint",
    "till_id": "bigint",
    "business_on": "date",
    "at": "timestamptz",
    "state": "text",
    "entry_id": "bigint",
    "reverses_id": "bigint",
}


class PaymentUnknown(LookupError):
    """There is no such payment."""


@dataclass(frozen=True)
class PaymentView:
    """A payment as it is shown: below zero money went out."""

    payment_id: int
    serial_no: str
    account_id: int | None
    purpose: str
    paid_fen: int
    means: str
    channel: str
    reference: str
    note: str
    staff_id: int | None
    till_id: int | None
    business_on: date
    at: datetime
    state: str
    entry_id: int
    reverses_id: int | None


def claim_payments(claims: Sequence[Mapping[str, object]]) -> list[str]:
    """Store payments (each with the keys of CLAIMS) whose serial number is new; return the numbers that were.

    A number that another transaction is just storing is waited for. Serial numbers are taken in one order.
    """
    ordered = sorted(claims, key=lambda one: str(one["serial_no"]))
    types = ", ".join(f"%s::{kind}[]" for kind in CLAIMS.values())
    taken = ask(
        f"INSERT INTO receivables_payment ({', '.join(CLAIMS)})"
        f" SELECT * FROM unnest({types}) ON CONFLICT (serial_no) DO NOTHING RETURNING serial_no",
        [[one[name] for one in ordered] for name in CLAIMS],
    )
    return [row[0] for row in taken]


def payment_view(*, payment_id: int) -> PaymentView:
    """Read one payment. Raises PaymentUnknown."""
    return _one(payment_id=payment_id)


def payment_by_serial(*, serial_no: str) -> PaymentView:
    """Read one payment by its serial number. Raises PaymentUnknown."""
    return _one(serial_no=serial_no)


def _one(**key: int | str) -> PaymentView:
    ((name, value),) = key.items()
    kind = CLAIMS[name]
    found = ask(f"SELECT {', '.join(CLAIMS)} FROM receivables_payment WHERE {name} = %s::{kind}", [value])
    if not found:
        raise PaymentUnknown(value)
    return PaymentView(**dict(zip(CLAIMS, found[0], strict=True)))


def payments_by_serial(*, serial_nos: Sequence[str]) -> dict[str, PaymentView]:
    """Read payments by their serial numbers; those that do not exist are missing."""
    return {row.serial_no: _view(row) for row in Payment.objects.filter(serial_no__in=list(serial_nos))}


def lock_payment(*, payment_id: int) -> PaymentView:
    """Read one payment and keep it from changing until this transaction ends. Raises PaymentUnknown."""
    found = Payment.objects.select_for_update().filter(payment_id=payment_id).first()
    if found is None:
        raise PaymentUnknown(payment_id)
    return _view(found)


def set_state(*, payment_id: int, state: str, account_id: int | None = None) -> None:
    """Note what became of a payment, and whose it is when that is known at last."""
    values = {"state": state} | ({"account_id": account_id} if account_id is not None else {})
    Payment.objects.filter(payment_id=payment_id).update(**values)


def payments_of_account(*, account_id: int, limit: int = 200) -> list[PaymentView]:
    """The payments of an account, the newest first."""
    return [_view(row) for row in Payment.objects.filter(account_id=account_id).order_by("-payment_id")[:limit]]


def newest_payments(*, since_at: datetime, limit: int) -> list[PaymentView]:
    """Money that came in or went out since a moment, over all channels, the newest first."""
    return [_view(row) for row in Payment.objects.filter(at__gte=since_at).order_by("-payment_id")[:limit]]


def suspended() -> list[PaymentView]:
    """Payments nobody could attribute yet, the oldest first."""
    return [_view(row) for row in Payment.objects.filter(state="SUSPENDED").order_by("payment_id")]


def seen_before(wanted: Sequence[tuple[str, int, int, str, str]]) -> set[str]:
    """Which payments (serial number, account, fen, means, reference) repeat another one's reference and content."""
    referring = [one for one in wanted if one[4]]
    if not referring:
        return set()
    found = ask(
        "SELECT c.s FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::text[]) AS c(s, a, f, m, r)"
        " JOIN receivables_payment p ON p.reference = c.r AND p.account_id = c.a AND p.paid_fen = c.f"
        " AND p.means = c.m AND p.serial_no <> c.s WHERE p.reference <> '' AND p.state = 'POSTED'",
        [list(column) for column in zip(*referring, strict=True)],
    )
    return {row[0] for row in found}


def paid_by(*, column: str, from_on: date, to_on: date) -> dict[str, int]:
    """Money of users in a period, fen by channel or means, half-open; what was reversed is not in it (ACM-11)."""
    assert column in ("channel", "means")
    rows = Payment.objects.filter(business_on__gte=from_on, business_on__lt=to_on)
    rows = rows.exclude(purpose__in=["REFUND", "AGENT"])
    return dict(rows.values_list(column).annotate(fen=Sum("paid_fen")).order_by(column))


def _view(row: Payment) -> PaymentView:
    return PaymentView(**{name: getattr(row, name) for name in PaymentView.__dataclass_fields__})
