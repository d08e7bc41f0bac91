"""What a product order of TMF622 asks of the hall: which kind of order, and its request in the hall's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from openboss.access.jobs import clock
from openboss.access.openapi.door import Refusal, Shape, whole_number
from openboss.modules.catalog import functions as catalog
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.resources import functions as resources

TEXT = r"^[\x20-\x7e]*$"
FAR_PROOFS = {Proof.OWN_HANDSET, Proof.CONFIRMED, Proof.DYNAMIC, Proof.SERVICE}  # all that can be shown from afar
NAMED = ("REPORT_LOST", "RELEASE_LOST", "HOLD", "RESUME", "EMERGENCY", "CHANGE_NUMBER", "REPLACE_SIM")
DERIVED = {"modify": "CHANGE_PLAN", "add": "ADD_PRODUCT", "delete": "END_PRODUCT"}
FIELDS: Mapping[str, str] = {
    "number": "number",
    "iccid": "iccid",
    "payType": "pay_type",
    "roaming": "roaming",
    "agent": "agent",
    "changeBrand": "change_brand",
}
FLAGS = {"roaming", "agent", "change_brand"}


class Given(Shape):
    """Another resource by its id."""

    id: Annotated[str, Field(max_length=20, pattern=TEXT)]


class Characteristic(Shape):
    """One thing that is wanted of a product."""

    name: Annotated[str, Field(max_length=40, pattern=TEXT)]
    value: Annotated[str, Field(max_length=40, pattern=TEXT)]


class ProductAsked(Shape):
    """The product: by id one that is held, by characteristics what it shall be."""

    id: Annotated[str | None, Field(max_length=20, pattern=TEXT)] = None
    product_characteristic: Annotated[list[Characteristic], Field(max_length=20)] = []


class ItemAsked(Shape):
    """One thing of an order."""

    id: Annotated[str, Field(max_length=20, pattern=TEXT)]
    action: Literal["add", "modify", "delete"]
    product_offering: Given | None = None
    product: ProductAsked | None = None


class PartyAsked(Shape):
    """For whom: the customer, the user."""

    id: Annotated[str, Field(max_length=20, pattern=TEXT)]
    role: Literal["customer", "user"]


class ChannelAsked(Shape):
    """Where the customer asked."""

    id: Literal["WEB", "AGENT", "HALL", "HOTLINE", "KIOSK", "REMOTE"]


class ProductOrderCreate(Shape):
    """An order to place; the external id makes it safe to send again."""

    external_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
    category: Literal[NAMED] | None = None  # type: ignore[valid-type]
    product_order_item: Annotated[list[ItemAsked], Field(min_length=1, max_length=20)]
    related_party: Annotated[list[PartyAsked], Field(min_length=1, max_length=2)]
    billing_account: Given | None = None
    requested_start_date: AwareDatetime | None = None
    channel: Annotated[list[ChannelAsked], Field(max_length=1)] = []
    proof: Annotated[list[Proof], Field(max_length=6)] = []

    @property
    def channel_code(self) -> str:
        """The hall's word for where the customer asked."""
        return self.channel[0].id if self.channel else "WEB"

    def party(self, role: str) -> int | None:
        """The customer or the user, if one is named. Raises Refusal (404)."""
        found = next((one.id for one in self.related_party if one.role == role), None)
        return None if found is None else whole_number(found, role)


def user_of(given: ProductOrderCreate) -> int | None:
    """The user an order is about, who must be the customer's if one is named. Raises Refusal, CustomerUnknown."""
    user, customer = given.party("user"), given.party("customer")
    if user is not None and customer not in (None, customers.customer_of_subscriber(subscriber_id=user)):
        raise Refusal(400, "otherCustomer", "the user belongs to another customer")
    return user


def kind_and_request(given: ProductOrderCreate) -> tuple[str, dict[str, Any]]:
    """The hall's kind of order and its request. Raises Refusal, NumberUnknown.

    without a user   OPEN: the first item names the main plan and the number and card, the others are add-ons
    with a user      one item: add, modify (the plan) or delete (a product by its TMF637 id), or what `category` names
    """
    request: dict[str, Any] = {"external_id": given.external_id}
    first = given.product_order_item[0]
    if given.party("user") is None:
        return "OPEN", request | _opening(given)
    if len(given.product_order_item) > 1:
        raise Refusal(400, "oneItem", "an order of a user has one item: send the others as orders of their own")
    request |= _wanted(first)
    if given.category is not None:
        return given.category, request
    if first.action == "delete":
        if first.product is None or first.product.id is None:
            raise Refusal(400, "malformed", "productOrderItem.product.id names the product that ends")
        return "END_PRODUCT", request | {"holding_id": whole_number(first.product.id, "product")}
    return DERIVED[first.action], request | {"offer_id": _offer_id(first)}


def _opening(given: ProductOrderCreate) -> dict[str, Any]:
    """What opens a user; brand and home area follow from the plan and the number."""
    items = given.product_order_item
    if given.category is not None or any(one.action != "add" for one in items):
        raise Refusal(400, "userMissing", "relatedParty with the role `user` names whom the order is about")
    found = _wanted(items[0])
    if not {"number", "iccid", "pay_type"} <= set(found) or given.billing_account is None:
        raise Refusal(400, "malformed", "an opening has billingAccount and the characteristics number, iccid, payType")
    main_offer_id = _offer_id(items[0])
    brand = next((one.brand for one in catalog.offers() if one.offer_id == main_offer_id), "")
    return found | {
        "main_offer_id": main_offer_id,
        "add_ons": [_offer_id(one) for one in items[1:]],
        "account_id": whole_number(given.billing_account.id, "account"),
        "brand": brand,
        "home_area": resources.number_view(number=found["number"], at=clock.now()).home_area,
    }


def _offer_id(item: ItemAsked) -> int:
    if item.product_offering is None:
        raise Refusal(400, "malformed", "productOrderItem.productOffering names the offering")
    return whole_number(item.product_offering.id, "offering")


def _wanted(item: ItemAsked) -> dict[str, Any]:
    """The characteristics as fields of the request; one that is unknown is refused, not passed over."""
    found: dict[str, Any] = {}
    for one in item.product.product_characteristic if item.product else []:
        name = FIELDS.get(one.name)
        if name is None:
            raise Refusal(400, "unknownCharacteristic", f"{one.name} is none of {', '.join(FIELDS)}")
        found[name] = _read(name, one.value)
    return found


def _read(name: str, value: str) -> Any:
    if name in FLAGS:
        if value not in ("true", "false"):
            raise Refusal(400, "malformed", f"{name} is true or false")
        return value == "true"
    if name == "number":
        return whole_number(value.removeprefix("+"), "number")
    if name == "pay_type" and value not in ("POSTPAID", "PREPAID"):
        raise Refusal(400, "malformed", "payType is POSTPAID or PREPAID")
    return value
