"""How an order of the hall reads as TM Forum's product order; numbers and cards are masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openboss.access.openapi.catalog import OFFERING
from openboss.access.openapi.customers import CUSTOMER, Characteristic
from openboss.access.openapi.door import Money, Ref, Shape, money
from openboss.access.openapi.hall_orders import STATES
from openboss.modules.customers.functions import mask_number
from openboss.modules.orders.functions import ON_BILL, Fee, Item, OrderView

ORDER = "/tmf-api/productOrderingManagement/v4/productOrder"
CANCELLATION = "/tmf-api/productOrderingManagement/v4/cancelProductOrder"


class OrderedProduct(Shape):
    """What an item adds, changes or ends."""

    name: str
    product_characteristic: list[Characteristic] | None = None
    at_type: str = "Product"


class ItemRelationship(Shape):
    """Another thing of the order, which is done first."""

    id: str
    relationship_type: str = "reliesOn"


class ProductOrderItem(Shape):
    """One thing of an order."""

    id: str
    quantity: int = 1
    action: str
    state: str
    product: OrderedProduct
    product_offering: Ref | None = None
    product_order_item_relationship: list[ItemRelationship] | None = None
    at_type: str = "ProductOrderItem"


class Price(Shape):
    """What is to be paid, tax included."""

    tax_included_amount: Money


class OrderPrice(Shape):
    """One line of the price."""

    name: str
    description: str
    price_type: str = "nonRecurring"
    price: Price
    at_type: str = "OrderPrice"


class OpenStep(Shape):
    """One step of the checklist."""

    name: str
    is_done: bool


class Note(Shape):
    """What was said about an order."""

    text: str


class ProductOrder(Shape):
    """An order (TMF622); `checklist` says what is still to be done before it is carried out."""

    id: str
    href: str
    external_id: str
    category: str
    state: str
    order_date: str
    requested_start_date: str | None = None
    completion_date: str | None = None
    cancellation_reason: str | None = None
    channel: list[Ref]
    note: list[Note] | None = None
    order_total_price: list[OrderPrice] | None = None
    product_order_item: list[ProductOrderItem]
    related_party: list[Ref] | None = None
    checklist: list[OpenStep] | None = None
    at_type: str = "ProductOrder"


class CancelProductOrder(Shape):
    """That an order was given up (TMF622); it has the order's id."""

    id: str
    href: str
    cancellation_reason: str
    product_order: Ref
    state: str = "done"
    at_type: str = "CancelProductOrder"


def told_alike(order: OrderView, href: str) -> dict[str, Any]:
    """What an order tells of itself in every interface of orders; `href` is where it is read in this one."""
    is_cancelled = order.state == "CANCELLED"
    return {
        "id": str(order.order_id),
        "href": f"{href}/{order.order_id}",
        "external_id": str(order.request.get("external_id") or order.serial_no),
        "category": order.kind,
        "state": STATES[order.state],
        "order_date": order.created_at.isoformat(),
        "requested_start_date": order.effective_at.isoformat() if order.effective_at else None,
        "completion_date": order.completed_at.isoformat() if order.completed_at else None,
        "cancellation_reason": order.reason if is_cancelled else None,
        "note": [Note(text=order.reason)] if order.reason and not is_cancelled else None,
        "checklist": [OpenStep(name=one.step, is_done=one.done_at is not None) for one in order.steps] or None,
    }


def shown(order: OrderView, names: Mapping[int, str]) -> ProductOrder:
    """An order as the outside sees it; `names` are those of all offerings."""
    return ProductOrder(
        **told_alike(order, ORDER),
        channel=[Ref(id=order.channel, role="Used channel for order capture")],
        order_total_price=[_price(one) for one in order.fees] or None,
        product_order_item=[_item(position, item, names) for position, item in enumerate(order.items, 1)],
        related_party=_parties(order) or None,
    )


def cancellation(order: OrderView) -> CancelProductOrder:
    """The cancellation of an order."""
    return CancelProductOrder(
        id=str(order.order_id),
        href=f"{CANCELLATION}/{order.order_id}",
        cancellation_reason=order.reason,
        product_order=Ref(id=str(order.order_id), href=f"{ORDER}/{order.order_id}", at_referred_type="ProductOrder"),
    )


def _parties(order: OrderView) -> list[Ref]:
    found = []
    if order.customer_id:
        href = f"{CUSTOMER}/{order.customer_id}"
        found.append(Ref(id=str(order.customer_id), href=href, role="customer", at_referred_type="Customer"))
    if order.subscriber_id:
        found.append(Ref(id=str(order.subscriber_id), role="user", at_referred_type="Subscriber"))
    return found


def _item(position: int, item: Item, names: Mapping[int, str]) -> ProductOrderItem:
    offer_id = item.values.get("offer_id") or item.values.get("main_offer_id")
    offering = None
    if offer_id:
        href = f"{OFFERING}/{offer_id}"
        offering = Ref(id=str(offer_id), href=href, name=names.get(offer_id), at_referred_type="ProductOffering")
    told = [Characteristic(name=name, value=text) for name, text in masked(item.values)]
    before = None if item.depends_on is None else [ItemRelationship(id=str(item.depends_on + 1))]
    return ProductOrderItem(
        id=str(position),
        action=item.action,
        state=STATES[item.state],
        product=OrderedProduct(name=item.what, product_characteristic=told or None),
        product_offering=offering,
        product_order_item_relationship=before,
    )


def masked(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the outside may read of an item: numbers and cards masked, anything else that is no plain word left out."""
    found = []
    for name, value in values.items():
        if name == "number":
            found.append((name, mask_number(int(value))))
        elif name == "iccid":
            found.append((name, mask_card(str(value))))
        elif name in ("grade", "reason", "pay_type", "from_at", "to_at"):
            found.append((name, str(value)))
    return found


def mask_card(iccid: str) -> str:
    """A card by its issuer and its last four digits."""
    return f"{iccid[:7]}{'*' * max(len(iccid) - 11, 0)}{iccid[-4:]}"


def _price(line: Fee) -> OrderPrice:
    """One line of the price: PAID, OPEN, or BILL for what stands on the bill."""
    state = "PAID" if line.is_paid else "BILL" if line.booking == ON_BILL else "OPEN"
    return OrderPrice(name=line.code, description=state, price=Price(tax_included_amount=money(line.fee_fen)))
