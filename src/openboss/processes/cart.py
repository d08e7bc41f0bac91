"""A cart: several things one customer wants at once, with one form to sign and one payment (TMF622, D13.3).

    put       what is asked for becomes an order that lies in the customer's open cart
    confirm   the money is counted once, then every part is carried out: all of them or none, one transaction
    cancel    everything that lies in it is given up; one part alone is taken out with `hall.cancel`

The cart is an order of its own (kind CART): it has the number, the signed form and the sum. Each part keeps its own
day, documents and way back.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import OrderView
from openboss.modules.orders.states import ACKNOWLEDGED, CANCELLED, COMPLETED, HELD, IN_PROGRESS
from openboss.processes import hall, take_payment
from openboss.processes.hall import Tender
from openboss.processes.order_flow import RequestIncomplete

CART = "CART"


def open_cart(*, customer_id: int) -> OrderView | None:
    """The cart a customer has open, if there is one: on whatever channel it was begun."""
    found, _total = orders.list_orders(customer_id=customer_id, kind=CART, state=ACKNOWLEDGED, page_size=1)
    return found[0] if found else None


def parts_of(*, order_id: int) -> list[OrderView]:
    """What lies in a cart and was not taken out again."""
    return [one for one in orders.parts_of(order_id=order_id) if one.state != CANCELLED]


def unpaid_fen(*, order_id: int) -> int:
    """What is to be paid for everything in a cart."""
    return sum(one.unpaid_fen for one in parts_of(order_id=order_id))


@transaction.atomic
def put(
    *, serial_no: str, customer_id: int, channel: str, at: datetime, staff_id: int | None, org_code: str, **asked: Any
) -> OrderView:
    """Put what is asked for into the customer's open cart, begun now if there is none; return the part.

    asked  what `hall.place` takes besides: kind, request, proofs, subscriber_id, effective, date_at, within
    Raises as `hall.place`.
    """
    about: dict[str, Any] = {"customer_id": customer_id, "channel": channel, "at": at, "staff_id": staff_id}
    cart = open_cart(customer_id=customer_id) or orders.place_order(
        serial_no=f"{serial_no}.CART",
        kind=CART,
        subscriber_id=None,
        request={},
        proofs=[],
        effective="NOW",
        effective_at=at,
        items=[],
        steps=[],
        fees=[],
        org_code=org_code,
        **about,
    )
    return hall.place(serial_no=serial_no, org_code=org_code, part_of_id=cart.order_id, **about, **asked)


@transaction.atomic
def confirm(
    *,
    order_id: int,
    at: datetime,
    staff_id: int | None,
    tender: Tender | None = None,
    service_passwords: Mapping[int, str] | None = None,
    within: frozenset[str] | None = None,
) -> OrderView:
    """Carry out everything in a cart for one payment; a cart that is done already is given as it is.

    service_passwords  part -> what the customer typed for it
    Raises RequestIncomplete for an empty cart, TenderedTooLittle, and what `hall.confirm` raises for any part; then
    nothing was changed.
    """
    cart = orders.lock_order(order_id=order_id)
    if cart.state == COMPLETED:
        return cart
    parts = parts_of(order_id=order_id)
    if not parts:
        raise RequestIncomplete("parts")
    due_fen = sum(one.unpaid_fen for one in parts)
    if tender is not None and tender.tendered_fen is not None and tender.tendered_fen < due_fen:
        raise take_payment.TenderedTooLittle(f"{tender.tendered_fen} < {due_fen}")
    share = replace(tender, tendered_fen=None) if tender is not None else None
    orders.move_order(order_id=order_id, state=IN_PROGRESS, at=at, staff_id=staff_id)
    passwords = service_passwords or {}
    for part in parts:
        hall.confirm(
            order_id=part.order_id,
            at=at,
            staff_id=staff_id,
            tender=share,
            service_password=passwords.get(part.order_id),
            within=within,
        )
    return orders.move_order(order_id=order_id, state=COMPLETED, at=at, staff_id=staff_id, result={})


@transaction.atomic
def cancel(*, order_id: int, reason: str, at: datetime, staff_id: int | None) -> OrderView:
    """Give up an order: a cart with everything in it, any other by itself. Raises as `hall.cancel`."""
    about: dict[str, Any] = {"reason": reason, "at": at, "staff_id": staff_id}
    if orders.lock_order(order_id=order_id).kind != CART:
        return hall.cancel(order_id=order_id, **about)
    for part in parts_of(order_id=order_id):
        if part.state in (ACKNOWLEDGED, HELD):
            hall.cancel(order_id=part.order_id, **about)
    return orders.move_order(order_id=order_id, state=CANCELLED, **about)
