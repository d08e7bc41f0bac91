"""TMF622 product ordering: orders of the hall, placed, gone through, paid and cancelled by other systems."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import Base64Bytes, Field

from openboss.access.jobs import clock
from openboss.access.openapi.catalog import offer_names
from openboss.access.openapi.door import (
    Caller,
    Error,
    Holder,
    Paging,
    PagingQuery,
    Refusal,
    Shape,
    answers,
    chosen,
    listed,
    places_of,
    router,
    whole_number,
)
from openboss.access.openapi.payments import MEANS
from openboss.access.openapi.product_order_form import (
    TEXT,
    Given,
    ProductOrderCreate,
    kind_and_request,
    refuse_impossible_proofs,
    user_of,
)
from openboss.access.openapi.product_orders_shown import STATES, CancelProductOrder, ProductOrder, cancellation, shown
from openboss.modules.customers.functions import NotEntitled
from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import OrderView
from openboss.processes import hall
from openboss.processes.order_flow import RequestIncomplete

order_router = router("customers.view", "TMF622 product ordering")
HALL_REFUSALS: tuple[type[Exception], ...] = (*hall.REFUSALS, hall.OrderIncomplete)
FAILURES = {400: Error, 401: Error, 403: Error, 404: Error, 409: Error}


class StepDone(Shape):
    """A step of the checklist that was gone through."""

    name: Annotated[str, Field(max_length=24, pattern=TEXT)]
    is_done: Literal[True]
    note: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class DocumentIn(Shape):
    """A document that was shown and compared with its original."""

    attachment_type: Annotated[str, Field(min_length=1, max_length=24, pattern=TEXT)]
    content: Annotated[Base64Bytes, Field(max_length=4_000_000)]


class PaidBy(Shape):
    """That the price was taken, and by which means (as in TMF676)."""

    id: Annotated[str, Field(max_length=40, pattern=TEXT)]
    at_referred_type: Annotated[str, Field(max_length=40, pattern=TEXT)]


class ProductOrderUpdate(Shape):
    """What goes on with an order: steps done, documents, the price taken, and `inProgress` to carry it out."""

    state: Literal["inProgress", "held", "acknowledged"] | None = None
    checklist: Annotated[list[StepDone], Field(max_length=20)] = []
    attachment: Annotated[list[DocumentIn], Field(max_length=10)] = []
    payment: Annotated[list[PaidBy], Field(max_length=1)] = []
    service_password: Annotated[str | None, Field(max_length=6, pattern=r"^[0-9]*$")] = None


class CancelProductOrderCreate(Shape):
    """An order to give up, and why."""

    product_order: Given
    cancellation_reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


@contextmanager
def _refusals_of_the_hall() -> Iterator[None]:
    """Let what the hall refuses read as TM Forum's error: the code is the refusal's name, the reason its sentence."""
    try:
        yield
    except HALL_REFUSALS as refused:
        name = type(refused).__name__
        status = 409
        if isinstance(refused, LookupError):
            status = 404
        elif isinstance(refused, NotEntitled):
            status = 403
        elif isinstance(refused, RequestIncomplete):
            status = 400
        sentence = (refused.__doc__ or name).strip().splitlines()[0]
        raise Refusal(status, name[0].lower() + name[1:], sentence, str(refused)) from refused


def _found(order_id: str) -> OrderView:
    with _refusals_of_the_hall():
        return orders.order_view(order_id=whole_number(order_id, "order"))


def _shown(rows: Sequence[OrderView]) -> list[ProductOrder]:
    names = offer_names()
    return [shown(row, names) for row in rows]


@order_router.get("/productOrder", response=answers(list[ProductOrder]), operation_id="listProductOrder")
def list_product_order(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    party_id: str | None = Query(None, alias="relatedParty.id"),
    state: str | None = None,
    external_id: str | None = Query(None, alias="externalId"),
) -> Any:
    """Orders, the newest first: of one customer, of one state, or the one with an external id of the caller."""
    if external_id is not None:
        own = orders.order_by_serial(serial_no=_serial_no(request.auth, external_id))
        rows = [own] if own else []
        return listed(response, paging, _shown(paging.part(rows)), len(rows))
    known = {word: code for code, word in STATES.items()}
    if state is not None and state not in known:
        raise Refusal(400, "unknownState", f"state is one of {', '.join(known)}")
    rows, total = orders.list_orders(
        customer_id=None if party_id is None else whole_number(party_id, "customer") or -1,
        state=known.get(state or "", ""),
        page=paging.page(),
        page_size=paging.limit,
    )
    return listed(response, paging, _shown(rows), total)


@order_router.get("/productOrder/{order_id}", response=answers(ProductOrder), operation_id="retrieveProductOrder")
def retrieve_product_order(request: HttpRequest, order_id: str, fields: str | None = None) -> Any:
    """One order with its items, its price and what is still to be done."""
    del request
    return chosen(shown(_found(order_id), offer_names()), fields)


@order_router.post(
    "/productOrder",
    response={201: ProductOrder, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="createProductOrder",
)
def create_product_order(request: HttpRequest, given: ProductOrderCreate) -> Any:
    """Place an order; one of which nothing is open is carried out at once. Sent again it is placed once."""
    caller: Caller = request.auth
    refuse_impossible_proofs(given)
    now, within = clock.now(), places_of(caller)
    with _refusals_of_the_hall(), transaction.atomic():
        kind, asked = kind_and_request(given)
        order = hall.place(
            kind=kind,
            serial_no=_serial_no(caller, given.external_id),
            channel=given.channel_code,
            request=asked,
            proofs=given.proof,
            at=now,
            staff_id=caller.staff_id,
            org_code=caller.staff.org_code,
            customer_id=given.party("customer") if kind == "OPEN" else None,
            subscriber_id=user_of(given),
            effective=None if given.requested_start_date is None else "DATE",
            date_at=given.requested_start_date,
            within=within,
        )
        if _is_ready(order):
            order = hall.confirm(order_id=order.order_id, at=now, staff_id=caller.staff_id, within=within)
    return 201, shown(order, offer_names())


def _serial_no(caller: Caller, external_id: str) -> str:
    """The order's serial number: one for each caller's external id, short enough for those of its fees."""
    return "tmf" + hashlib.sha256(f"{caller.client_id}:{external_id}".encode()).hexdigest()[:32]


def _is_ready(order: OrderView) -> bool:
    """Whether nothing stands between an order and its being carried out."""
    is_open = order.state == "ACKNOWLEDGED" and not order.open_steps and not order.unpaid_fen
    return is_open and not hall.missing_documents(order_id=order.order_id, at=clock.now())


@order_router.patch(
    "/productOrder/{order_id}",
    response={200: ProductOrder, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="patchProductOrder",
)
def patch_product_order(request: HttpRequest, order_id: str, given: ProductOrderUpdate) -> Any:
    """Go on with an order: all of what is given is done, or nothing."""
    caller: Caller = request.auth
    order = _found(order_id)
    about: dict[str, Any] = {"order_id": order.order_id, "at": clock.now(), "staff_id": caller.staff_id}
    with _refusals_of_the_hall(), transaction.atomic():
        for step in given.checklist:
            hall.tick(step=step.name, note=step.note, **about)
        for one in given.attachment:
            hall.attach(kind=one.attachment_type, content=one.content, **about)
        if given.state == "held":
            hall.set_aside(reason="open interface", **about)
        elif given.state == "acknowledged":
            hall.take_up(**about)
        elif given.state == "inProgress":
            _carry_out(caller, given, about)
    return shown(_found(order_id), offer_names())


def _carry_out(caller: Caller, given: ProductOrderUpdate, about: dict[str, Any]) -> None:
    tender, password = _tender(caller, given), given.service_password
    hall.confirm(tender=tender, service_password=password, within=places_of(caller), **about)


def _tender(caller: Caller, given: ProductOrderUpdate) -> hall.Tender | None:
    """How the price was paid; taking money needs its own right and a token of its scope. Raises Refusal."""
    if not given.payment:
        return None
    if "receivables.collect" not in caller.staff.rights & caller.scopes:
        raise Refusal(403, "rightMissing", "the right receivables.collect is needed to take money")
    means = MEANS.get(given.payment[0].at_referred_type.lower())
    if means is None:
        raise Refusal(400, "unknownMethod", f"payment.@referredType is one of {', '.join(MEANS)}")
    return hall.Tender(means)


@order_router.post(
    "/cancelProductOrder",
    response={201: CancelProductOrder, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="createCancelProductOrder",
)
def create_cancel_product_order(request: HttpRequest, given: CancelProductOrderCreate) -> Any:
    """Give up an order that was not carried out: what it kept and what was paid goes back."""
    caller: Caller = request.auth
    order = _found(given.product_order.id)
    with _refusals_of_the_hall():
        order = hall.cancel(
            order_id=order.order_id, reason=given.cancellation_reason, at=clock.now(), staff_id=caller.staff_id
        )
    return 201, cancellation(order)


@order_router.get(
    "/cancelProductOrder/{order_id}", response=answers(CancelProductOrder), operation_id="retrieveCancelProductOrder"
)
def retrieve_cancel_product_order(request: HttpRequest, order_id: str, fields: str | None = None) -> Any:
    """The cancellation of an order; it has the order's id."""
    del request
    order = _found(order_id)
    if order.state != "CANCELLED":
        raise Refusal(404, "notFound", "this order was not cancelled")
    return chosen(cancellation(order), fields)
