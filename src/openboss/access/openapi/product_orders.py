"""TMF622 product ordering: orders of the hall, placed, gone through, paid and cancelled by other systems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import Field

from openboss.access.openapi import hall_orders
from openboss.access.openapi.catalog import offer_names
from openboss.access.openapi.door import (
    FAILURES,
    Caller,
    Holder,
    Paging,
    PagingQuery,
    Shape,
    answers,
    chosen,
    listed,
    router,
)
from openboss.access.openapi.hall_orders import OrderUpdate, refusals_of_the_hall
from openboss.access.openapi.product_order_form import Given, ProductOrderCreate, kind_and_request, user_of
from openboss.access.openapi.product_orders_shown import CancelProductOrder, ProductOrder, cancellation, shown
from openboss.modules.orders.functions import OrderView

order_router = router("customers.view", "TMF622 product ordering")


class CancelProductOrderCreate(Shape):
    """An order to give up, and why."""

    product_order: Given
    cancellation_reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


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
    rows, total = hall_orders.matching(request.auth, paging, external_id=external_id, state=state, party_id=party_id)
    return listed(response, paging, _shown(rows), total)


@order_router.get("/productOrder/{order_id}", response=answers(ProductOrder), operation_id="retrieveProductOrder")
def retrieve_product_order(request: HttpRequest, order_id: str, fields: str | None = None) -> Any:
    """One order with its items, its price and what is still to be done."""
    del request
    return chosen(shown(hall_orders.found(order_id), offer_names()), fields)


@order_router.post(
    "/productOrder",
    response={201: ProductOrder, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="createProductOrder",
)
def create_product_order(request: HttpRequest, given: ProductOrderCreate) -> Any:
    """Place an order; one of which nothing is open is carried out at once. Sent again it is placed once."""
    caller: Caller = request.auth
    hall_orders.refuse_unseen(given.proof, given.channel_code)
    with refusals_of_the_hall(), transaction.atomic():
        kind, asked = kind_and_request(given)
        order = hall_orders.place(
            caller,
            external_id=given.external_id,
            kind=kind,
            asked=asked,
            channel=given.channel_code,
            proofs=given.proof,
            customer_id=given.party("customer") if kind == "OPEN" else None,
            subscriber_id=user_of(given),
            start_at=given.requested_start_date,
        )
    return 201, shown(order, offer_names())


@order_router.patch(
    "/productOrder/{order_id}",
    response={200: ProductOrder, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="patchProductOrder",
)
def patch_product_order(request: HttpRequest, order_id: str, given: OrderUpdate) -> Any:
    """Go on with an order: all of what is given is done, or nothing."""
    return shown(hall_orders.go_on(request.auth, order_id, given), offer_names())


@order_router.post(
    "/cancelProductOrder",
    response={201: CancelProductOrder, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="createCancelProductOrder",
)
def create_cancel_product_order(request: HttpRequest, given: CancelProductOrderCreate) -> Any:
    """Give an order up that was not carried out: what it kept and what was paid goes back."""
    order = hall_orders.give_up(request.auth, given.product_order.id, given.cancellation_reason)
    return 201, cancellation(order)


@order_router.get(
    "/cancelProductOrder/{order_id}", response=answers(CancelProductOrder), operation_id="retrieveCancelProductOrder"
)
def retrieve_cancel_product_order(request: HttpRequest, order_id: str, fields: str | None = None) -> Any:
    """The cancellation of an order; it has the order's id."""
    del request
    return chosen(cancellation(hall_orders.given_up(order_id)), fields)
