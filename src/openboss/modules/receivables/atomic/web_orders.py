"""Orders of payment on the web: made for an account, answered by a provider's notices (issue 6 section 2)."""

from dataclasses import dataclass
from datetime import datetime

from openboss.modules.receivables.models import WebOrder


class WebOrderUnknown(LookupError):
    """There is no such order of payment."""


@dataclass(frozen=True)
class WebOrderView:
    """An order of payment on the web; note says why it failed."""

    order_no: str
    account_id: int
    asked_fen: int
    currency: str
    provider: str
    made_at: datetime
    expires_at: datetime
    state: str
    payment_id: int | None
    note: str


def make_web_order(
    *,
    order_no: str,
    account_id: int,
    asked_fen: int,
    currency: str,
    provider: str,
    at: datetime,
    expires_at: datetime,
) -> WebOrderView:
    """Store an order; nothing moves until its provider says so."""
    row = WebOrder.objects.create(
        order_no=order_no,
        account_id=account_id,
        asked_fen=asked_fen,
        currency=currency,
        provider=provider,
        made_at=at,
        expires_at=expires_at,
    )
    return _view(row)


def open_orders(*, account_id: int, at: datetime) -> int:
    """How many orders of an account wait for their provider at a moment."""
    return WebOrder.objects.filter(account_id=account_id, state="OPEN", expires_at__gt=at).count()


def web_order(*, order_no: str) -> WebOrderView:
    """Read an order. Raises WebOrderUnknown."""
    return _one(WebOrder.objects.filter(order_no=order_no).first(), order_no)


def lock_web_order(*, order_no: str) -> WebOrderView:
    """Read an order and keep it from changing until this transaction ends. Raises WebOrderUnknown."""
    return _one(WebOrder.objects.select_for_update().filter(order_no=order_no).first(), order_no)


def settle_web_order(*, order_no: str, state: str, payment_id: int | None = None, note: str = "") -> None:
    """Note what became of an order, in the caller's transaction."""
    WebOrder.objects.filter(order_no=order_no).update(state=state, payment_id=payment_id, note=note[:100])


def list_web_orders(*, state: str, page: int, page_size: int) -> tuple[list[WebOrderView], int]:
    """Orders, the newest first, of one state or of all, and how many there are."""
    found = WebOrder.objects.order_by("-made_at", "order_no")
    found = found.filter(state=state) if state else found
    first = (page - 1) * page_size
    return [_view(row) for row in found[first : first + page_size]], found.count()


def _one(row: WebOrder | None, order_no: str) -> WebOrderView:
    if row is None:
        raise WebOrderUnknown(order_no)
    return _view(row)


def _view(row: WebOrder) -> WebOrderView:
    return WebOrderView(**{name: getattr(row, name) for name in WebOrderView.__dataclass_fields__})
