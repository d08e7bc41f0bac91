"""TMF637 product inventory: what each user holds, held or will hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from openboss.access.jobs import clock
from openboss.access.openapi.catalog import OFFERING, offer_names
from openboss.access.openapi.customers import CUSTOMER
from openboss.access.openapi.door import (
    Holder,
    Paging,
    PagingQuery,
    Ref,
    Refusal,
    Shape,
    answers,
    chosen,
    listed,
    whole_number,
)
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import HoldingRow, HoldingUnknown

HELD = {"pendingActive": "LATER", "active": "NOW", "terminated": "BEFORE"}
PRODUCT = "/tmf-api/productInventory/v4/product"

product_router = Router(
    by_alias=True, exclude_none=True, auth=Holder("customers.view"), tags=["TMF637 product inventory"]
)


class Product(Shape):
    """A product of a user (TMF637)."""

    id: str
    href: str
    name: str
    status: str
    start_date: str
    termination_date: str | None = None
    product_offering: Ref
    related_party: list[Ref]
    at_type: str = "Product"


def _product(row: HoldingRow, names: dict[int, str], at: datetime) -> Product:
    customer_id, user_id = str(row.customer_id), str(row.subscriber_id)
    name, href = names[row.offer_id], f"{OFFERING}/{row.offer_id}"
    return Product(
        id=str(row.holding_id),
        href=f"{PRODUCT}/{row.holding_id}",
        name=name,
        status=_status(row, at),
        start_date=row.from_at.isoformat(),
        termination_date=row.to_at.isoformat() if row.to_at else None,
        product_offering=Ref(
            id=str(row.offer_id),
            href=href,
            name=name,
            at_referred_type="ProductOffering",
        ),
        related_party=[
            Ref(id=customer_id, href=f"{CUSTOMER}/{customer_id}", role="customer", at_referred_type="Customer"),
            Ref(id=user_id, role="user", at_referred_type="Subscriber"),
        ],
    )


def _status(row: HoldingRow, at: datetime) -> str:
    if row.from_at > at:
        return "pendingActive"
    return "active" if row.to_at is None or row.to_at > at else "terminated"


@product_router.get("/product", response=answers(list[Product]), operation_id="listProduct")
def list_product(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    party_id: str | None = Query(None, alias="relatedParty.id"),
    offering_id: str | None = Query(None, alias="productOffering.id"),
    status: Literal["pendingActive", "active", "terminated"] | None = None,
) -> Any:
    """Products held, of one customer, of one offering, or of all; those of one status now."""
    del request
    at = clock.now()
    filters = {
        "held": None if status is None else (HELD[status], at),
        "customer_id": None if party_id is None else whole_number(party_id, "customer"),
        "offer_id": None if offering_id is None else whole_number(offering_id, "offering"),
    }
    rows, total = customers.list_holdings(filters=filters, page=paging.page(), page_size=paging.limit)
    names = offer_names()
    return listed(response, paging, [_product(row, names, at) for row in rows], total)


@product_router.get("/product/{product_id}", response=answers(Product), operation_id="retrieveProduct")
def retrieve_product(request: HttpRequest, product_id: str, fields: str | None = None) -> Any:
    """One product of a user."""
    del request
    try:
        row = customers.holding_row(holding_id=whole_number(product_id, "product"))
    except HoldingUnknown as unknown:
        raise Refusal(404, "notFound", "no such product") from unknown
    return chosen(_product(row, offer_names(), clock.now()), fields)
