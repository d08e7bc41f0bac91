"""An order moves as the table of states says and no other way; what is sent again is the order there is (D13.3)."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import Fee, Item, OrderView
from openboss.modules.orders.models import ProductOrder
from openboss.modules.orders.states import ACKNOWLEDGED, COMPLETED, IN_PROGRESS, MOVES, PENDING

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
WAYS = {
    ACKNOWLEDGED: (),
    PENDING: (PENDING,),
    "HELD": ("HELD",),
    IN_PROGRESS: (IN_PROGRESS,),
    COMPLETED: (IN_PROGRESS, COMPLETED),
    "FAILED": (PENDING, "FAILED"),
    "CANCELLED": ("CANCELLED",),
    "REJECTED": ("REJECTED",),
}


def place(serial_no: str = "A", at: datetime = AT, **changes: Any) -> OrderView:
    about: dict[str, Any] = {
        "kind": "CHANGE_LIST", "channel": "WEB", "customer_id": None, "subscriber_id": None, "request": {"add": [1]},
        "proofs": ["SERVICE"], "effective": "NOW", "effective_at": AT, "items": [Item("modify", "LISTED_NUMBERS", {})],
        "steps": ["IDENTITY"], "fees": [Fee("ANY", "FEE", 100)], "staff_id": None, "org_code": "17",
    }  # fmt: skip
    return orders.place_order(serial_no=serial_no, at=at, **{**about, **changes})


def move(order: OrderView, state: str) -> OrderView:
    return orders.move_order(order_id=order.order_id, state=state, at=AT, staff_id=None)


@pytest.mark.parametrize("before", MOVES)
def test_an_order_moves_as_the_table_says_and_no_other_way(before: str) -> None:
    for after in MOVES:
        order = place(serial_no=f"{before}-{after}")
        for step in WAYS[before]:
            order = move(order, step)
        assert order.state == before
        if after in MOVES[before]:
            moved = move(order, after)
            assert (moved.state, {item.state for item in moved.items}) == (after, {after})
            continue
        with pytest.raises(orders.OrderStateForbids):
            move(order, after)
        assert orders.order_view(order_id=order.order_id) == order
    assert set(WAYS) == set(MOVES)


def test_the_same_serial_number_is_the_same_order_and_never_another() -> None:
    first = place()
    assert place(at=AT + timedelta(hours=1), channel="HALL") == first
    for other in ({"request": {"add": [2]}}, {"kind": "HOLD"}):
        with pytest.raises(orders.OrderDifferent):
            place(**other)
    assert ProductOrder.objects.count() == 1


def test_steps_and_money_of_an_order_are_noted_once() -> None:
    order = place()
    assert (order.open_steps, order.unpaid_fen) == (("IDENTITY",), 100)
    orders.tick_steps(order_id=order.order_id, notes={"IDENTITY": ""}, at=AT, staff_id=7)
    for serial_no in ("P1", "P2"):
        orders.fee_paid(order_id=order.order_id, code="ANY", serial_no=serial_no, payment_id=None)
    found = orders.order_view(order_id=order.order_id)
    assert (found.open_steps, found.unpaid_fen, found.fees[0].serial_no) == ((), 0, "P1")
    with pytest.raises(orders.StepUnknown):
        orders.tick_steps(order_id=order.order_id, notes={"DANCE": ""}, at=AT, staff_id=7)


def test_only_what_was_begun_long_ago_and_lies_open_is_abandoned() -> None:
    for place_no, state in product(range(2), WAYS):
        order = place(serial_no=f"{place_no}-{state}", at=AT + place_no * timedelta(days=8))
        for step in WAYS[state]:
            order = move(order, step)
    (found,) = orders.abandoned_orders(before=AT + timedelta(days=7))
    assert orders.order_view(order_id=found).serial_no == f"0-{ACKNOWLEDGED}"
