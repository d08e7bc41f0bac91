"""TMF641 service ordering: orders of the hall that change what a user's line does, by other systems.

The service is the line of a user; its id is the user's. Opening one is a product order (TMF622), and shown here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import AwareDatetime, Field

from openboss.access.openapi import hall_orders
from openboss.access.openapi.customers import CUSTOMER, Characteristic
from openboss.access.openapi.door import (
    FAILURES,
    Caller,
    Holder,
    Paging,
    PagingQuery,
    Ref,
    Refusal,
    Shape,
    answers,
    chosen,
    listed,
    router,
    whole_number,
)
from openboss.access.openapi.hall_orders import STATES, OrderUpdate, refusals_of_the_hall
from openboss.access.openapi.product_order_form import TEXT, ChannelAsked, Given
from openboss.access.openapi.product_order_form import Characteristic as Wanted
from openboss.access.openapi.product_orders_shown import Note, OpenStep, masked, told_alike
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.orders.functions import SERVICE_KINDS, OrderView

SERVICE_ORDER = "/tmf-api/serviceOrdering/v4/serviceOrder"
CANCELLATION = "/tmf-api/serviceOrdering/v4/cancelServiceOrder"
LINE = "mobile line"

service_order_router = router("customers.view", "TMF641 service ordering")


@dataclass(frozen=True)
class Change:
    """What a kind of order does to the line: TM Forum's action, and the state the line is to have afterwards."""

    action: str
    state: str


CHANGES: Mapping[str, Change] = {
    "OPEN": Change("add", "active"),
    "PRE_OPEN": Change("add", "reserved"),
    "ACTIVATE": Change("modify", "active"),
    "REPORT_LOST": Change("modify", "inactive"),
    "RELEASE_LOST": Change("modify", "active"),
    "HOLD": Change("modify", "inactive"),
    "RESUME": Change("modify", "active"),
    "EMERGENCY": Change("modify", "active"),
    "CHANGE_NUMBER": Change("modify", "active"),
    "REPLACE_SIM": Change("modify", "active"),
    "PRE_CANCEL": Change("modify", "inactive"),
    "RE_INSTATE": Change("modify", "active"),
    "CANCEL": Change("delete", "terminated"),
}
assert set(CHANGES) == SERVICE_KINDS, "what is told as a service order is shown as one"
ORDERED = (
    *("REPORT_LOST", "RELEASE_LOST", "HOLD", "RESUME", "EMERGENCY"),
    *("CHANGE_NUMBER", "REPLACE_SIM", "RE_INSTATE", "CANCEL"),
)
BY_CHARACTERISTIC = {"number": "CHANGE_NUMBER", "iccid": "REPLACE_SIM"}
BY_STATE = {"inactive": "HOLD", "active": "RESUME", "terminated": "CANCEL"}


class ServiceAsked(Shape):
    """The line by the user's id, and what it shall be: a state, another number or another card."""

    id: Annotated[str, Field(max_length=20, pattern=TEXT)]
    state: Literal["active", "inactive", "terminated"] | None = None
    service_characteristic: Annotated[list[Wanted], Field(max_length=1)] = []


class ServiceItemAsked(Shape):
    """One thing of an order."""

    id: Annotated[str, Field(max_length=20, pattern=TEXT)]
    action: Literal["modify", "delete"]
    service: ServiceAsked


class ServiceOrderCreate(Shape):
    """An order to place; the external id makes it safe to send again."""

    external_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
    category: Literal[ORDERED] | None = None  # type: ignore[valid-type]
    service_order_item: Annotated[list[ServiceItemAsked], Field(min_length=1, max_length=1)]
    requested_start_date: AwareDatetime | None = None
    channel: Annotated[list[ChannelAsked], Field(max_length=1)] = []
    proof: Annotated[list[Proof], Field(max_length=6)] = []

    @property
    def channel_code(self) -> str:
        """The hall's word for where the customer asked."""
        return self.channel[0].id if self.channel else "WEB"


class CancelServiceOrderCreate(Shape):
    """An order to give up, and why."""

    service_order: Given
    cancellation_reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Service(Shape):
    """The line that an item changes, with the state it is to have."""

    id: str | None = None
    name: str = LINE
    service_type: str = "CFS"
    state: str
    service_characteristic: list[Characteristic] | None = None
    at_type: str = "Service"


class ServiceOrderItem(Shape):
    """One thing of an order."""

    id: str
    quantity: int = 1
    action: str
    state: str
    service: Service
    at_type: str = "ServiceOrderItem"


class Party(Ref):
    """Whom an order is for; in this API a reference names its own kind too."""

    at_type: str = "RelatedParty"


class ServiceOrder(Shape):
    """An order of the hall that changes a line (TMF641); numbers and cards are masked."""

    id: str
    href: str
    external_id: str
    category: str
    state: str
    order_date: str
    requested_start_date: str | None = None
    completion_date: str | None = None
    cancellation_reason: str | None = None
    note: list[Note] | None = None
    related_party: list[Party] | None = None
    service_order_item: list[ServiceOrderItem]
    checklist: list[OpenStep] | None = None
    at_type: str = "ServiceOrder"


class CancelServiceOrder(Shape):
    """That an order was given up (TMF641); it has the order's id."""

    id: str
    href: str
    cancellation_reason: str
    service_order: Ref
    state: str = "done"
    at_type: str = "CancelServiceOrder"


def _shown(order: OrderView) -> ServiceOrder:
    change = CHANGES[order.kind]
    told = [Characteristic(name=name, value=text) for item in order.items for name, text in masked(item.values)]
    user = None if order.subscriber_id is None else str(order.subscriber_id)
    line = Service(id=user, state=change.state, service_characteristic=told or None)
    customer = str(order.customer_id)
    owner = Party(id=customer, href=f"{CUSTOMER}/{customer}", role="customer", at_referred_type="Customer")
    return ServiceOrder(
        **told_alike(order, SERVICE_ORDER),
        related_party=[owner] if order.customer_id else None,
        service_order_item=[ServiceOrderItem(id="1", action=change.action, state=STATES[order.state], service=line)],
    )


def _cancellation(order: OrderView) -> CancelServiceOrder:
    what = Ref(id=str(order.order_id), href=f"{SERVICE_ORDER}/{order.order_id}", at_referred_type="ServiceOrder")
    return CancelServiceOrder(
        id=what.id, href=f"{CANCELLATION}/{what.id}", cancellation_reason=order.reason, service_order=what
    )


def _found(order: OrderView) -> OrderView:
    """An order, if it is one of services. Raises Refusal (404)."""
    if order.kind not in SERVICE_KINDS:
        raise Refusal(404, "notFound", "this order changes no service: see TMF622")
    return order


@service_order_router.get("/serviceOrder", response=answers(list[ServiceOrder]), operation_id="listServiceOrder")
def list_service_order(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    party_id: str | None = Query(None, alias="relatedParty.id"),
    service_id: str | None = Query(None, alias="serviceOrderItem.service.id"),
    category: str | None = None,
    state: str | None = None,
    external_id: str | None = Query(None, alias="externalId"),
) -> Any:
    """Orders, the newest first: of a customer, a line, a kind, a state, or the one with the caller's external id."""
    if category is not None and category not in SERVICE_KINDS:
        raise Refusal(400, "unknownCategory", f"category is one of {', '.join(CHANGES)}")
    rows, total = hall_orders.matching(
        request.auth,
        paging,
        external_id=external_id,
        state=state,
        party_id=party_id,
        user_id=service_id,
        kinds=SERVICE_KINDS if category is None else [category],
    )
    return listed(response, paging, [_shown(row) for row in rows], total)


@service_order_router.get(
    "/serviceOrder/{order_id}", response=answers(ServiceOrder), operation_id="retrieveServiceOrder"
)
def retrieve_service_order(request: HttpRequest, order_id: str, fields: str | None = None) -> Any:
    """One order with what is still to be done."""
    del request
    return chosen(_shown(_found(hall_orders.found(order_id))), fields)


@service_order_router.post(
    "/serviceOrder",
    response={201: ServiceOrder, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="createServiceOrder",
)
def create_service_order(request: HttpRequest, given: ServiceOrderCreate) -> Any:
    """Place an order; one of which nothing is open is carried out at once. Sent again it is placed once."""
    caller: Caller = request.auth
    hall_orders.refuse_unseen(given.proof, given.channel_code)
    (item,) = given.service_order_item
    kind, wanted = _kind(given, item)
    with refusals_of_the_hall(), transaction.atomic():
        user = whole_number(item.service.id, "service")
        order = hall_orders.place(
            caller,
            external_id=given.external_id,
            kind=kind,
            asked={"external_id": given.external_id, **wanted},
            channel=given.channel_code,
            proofs=given.proof,
            customer_id=customers.customer_of_subscriber(subscriber_id=user),
            subscriber_id=user,
            start_at=given.requested_start_date,
        )
    return 201, _shown(order)


def _kind(given: ServiceOrderCreate, item: ServiceItemAsked) -> tuple[str, dict[str, Any]]:
    """The hall's kind of order and its request: as `category` says, or as the line is to be. Raises Refusal."""
    wanted = {one.name: one.value for one in item.service.service_characteristic}
    unknown = set(wanted) - set(BY_CHARACTERISTIC)
    if unknown:
        raise Refusal(400, "unknownCharacteristic", f"one of {', '.join(BY_CHARACTERISTIC)}")
    state = "terminated" if item.action == "delete" else item.service.state
    kind = given.category or next((BY_CHARACTERISTIC[name] for name in wanted), BY_STATE.get(state or ""))
    if kind is None or CHANGES[kind].action != item.action or state not in (None, CHANGES[kind].state):
        raise Refusal(400, "malformed", "say by category, state, number or iccid what becomes of the line")
    if "number" in wanted:
        return kind, {"number": whole_number(wanted["number"].removeprefix("+"), "number")}
    return kind, dict(wanted)


@service_order_router.patch(
    "/serviceOrder/{order_id}",
    response={200: ServiceOrder, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="patchServiceOrder",
)
def patch_service_order(request: HttpRequest, order_id: str, given: OrderUpdate) -> Any:
    """Go on with an order: all of what is given is done, or nothing."""
    _found(hall_orders.found(order_id))
    return _shown(hall_orders.go_on(request.auth, order_id, given))


@service_order_router.post(
    "/cancelServiceOrder",
    response={201: CancelServiceOrder, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="createCancelServiceOrder",
)
def create_cancel_service_order(request: HttpRequest, given: CancelServiceOrderCreate) -> Any:
    """Give an order up that was not carried out: what it kept and what was paid goes back."""
    _found(hall_orders.found(given.service_order.id))
    return 201, _cancellation(hall_orders.give_up(request.auth, given.service_order.id, given.cancellation_reason))


@service_order_router.get(
    "/cancelServiceOrder/{order_id}", response=answers(CancelServiceOrder), operation_id="retrieveCancelServiceOrder"
)
def retrieve_cancel_service_order(request: HttpRequest, order_id: str, fields: str | None = None) -> Any:
    """The cancellation of an order; it has the order's id."""
    del request
    return chosen(_cancellation(_found(hall_orders.given_up(order_id))), fields)
