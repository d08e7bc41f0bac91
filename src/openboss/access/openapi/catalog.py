"""TMF620 product catalogue: offerings and their prices, as the tariff documents in force say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from ninja import Query, Router

from openboss.access.jobs import clock
from openboss.access.openapi.door import (
    Holder,
    Money,
    Paging,
    PagingQuery,
    Ref,
    Refusal,
    Shape,
    TimePeriod,
    answers,
    chosen,
    listed,
    midnight,
    whole_number,
)
from openboss.modules.catalog import functions as catalog
from openboss.modules.catalog.functions import OfferVersionView

BASE = "/tmf-api/productCatalogManagement/v4"
OFFERING, PRICE = f"{BASE}/productOffering", f"{BASE}/productOfferingPrice"

catalog_router = Router(
    by_alias=True, exclude_none=True, auth=Holder("catalog.view"), tags=["TMF620 product catalogue"]
)


class OfferingTerm(Shape):
    """How one offering stands to another."""

    id: str
    relationship_type: str


class ProductOffering(Shape):
    """Something that is sold (TMF620)."""

    id: str
    href: str
    name: str
    description: str
    version: str
    lifecycle_status: str
    is_bundle: bool = False
    valid_for: TimePeriod
    category: list[Ref]
    product_offering_price: list[Ref]
    product_offering_relationship: list[OfferingTerm] | None = None
    at_type: str = "ProductOffering"


class Quantity(Shape):
    """How much one price buys."""

    amount: float
    units: str


class ProductOfferingPrice(Shape):
    """A fee or a price of an offering (TMF620); the id is the rule's, which bills and records carry too."""

    id: str
    href: str
    name: str
    price_type: str
    price: Money | None = None
    percentage: float | None = None
    unit_of_measure: Quantity | None = None
    recurring_charge_period_type: str | None = None
    recurring_charge_period_length: int | None = None
    valid_for: TimePeriod
    at_type: str = "ProductOfferingPrice"


def named(names: dict[str, str]) -> str:
    """A name in the language the caller accepts."""
    return names["zh" if (get_language() or "").startswith("zh") else "en"]


def offer_names() -> dict[int, str]:
    """The names of all offerings by their ids."""
    return {offer.offer_id: named({"zh": offer.name_zh, "en": offer.name_en}) for offer in catalog.offers()}


def _since(day: date) -> TimePeriod:
    return TimePeriod(start_date_time=midnight(day))


def _offering(version: OfferVersionView, ids: dict[str, int], lives: dict[int, str]) -> ProductOffering:
    relations = version.document.get("relations") or {}
    related = [
        OfferingTerm(id=str(ids[code]), relationship_type=kind)
        for kind in ("requires", "excludes")
        for code in relations.get(kind) or []
        if code in ids
    ]
    return ProductOffering(
        id=str(version.offer_id),
        href=f"{OFFERING}/{version.offer_id}",
        name=named(version.names),
        description=version.code,
        version=version.from_on.isoformat(),
        lifecycle_status=catalog.LIFE_OUTSIDE[lives[version.offer_id]],
        valid_for=_since(version.from_on),
        category=[Ref(id=code, name=code) for code in (version.kind, version.brand) if code],
        product_offering_price=[
            Ref(id=price.id, href=price.href, name=price.name, at_referred_type="ProductOfferingPrice")
            for price in _prices(version)
        ],
        product_offering_relationship=related or None,
    )


def _prices(version: OfferVersionView) -> Iterator[ProductOfferingPrice]:
    """Monthly fees and prices of use, in the order in which they are tried."""
    for fee in version.document.get("recurring") or []:
        monthly = {"recurring_charge_period_type": "month", "recurring_charge_period_length": 1}
        yield _price(version, fee, "recurring", fee["fee"], **monthly)
    for rule in version.document.get("prices") or []:
        amount, units = str(rule.get("per", rule.get("unit", "1 EVENT"))).split()
        quantity = Quantity(amount=int(amount), units=units)
        yield _price(version, rule, "usage", rule.get("price"), unit_of_measure=quantity)


def _price(
    version: OfferVersionView, rule: dict[str, Any], kind: str, yuan: str | None, **more: Any
) -> ProductOfferingPrice:
    rule_id = version.rule_ids[rule["rule"]]
    return ProductOfferingPrice(
        id=str(rule_id),
        href=f"{PRICE}/{rule_id}",
        name=named(rule.get("names") or version.names),
        price_type=kind,
        price=None if yuan is None else Money(unit="CNY", value=float(Decimal(str(yuan)))),
        valid_for=_since(version.from_on),
        **more,
    )


@catalog_router.get("/productOffering", response=answers(list[ProductOffering]), operation_id="listProductOffering")
def list_product_offering(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    category_id: str | None = Query(None, alias="category.id"),
    name: str | None = None,
    lifecycle_status: str | None = Query(None, alias="lifecycleStatus"),
) -> Any:
    """Offerings in force today, by id; `category.id` is a kind (MAIN, ADDON ...) or a brand, `name` the whole name."""
    del request
    lives = catalog.lives()
    versions = sorted(catalog.offers_at(clock.today()), key=lambda version: version.offer_id)
    ids = {version.code: version.offer_id for version in versions}
    if category_id is not None:
        versions = [version for version in versions if category_id in (version.kind, version.brand)]
    if name is not None:
        versions = [version for version in versions if named(version.names) == name]
    if lifecycle_status is not None:
        versions = [one for one in versions if catalog.LIFE_OUTSIDE[lives[one.offer_id]] == lifecycle_status]
    rows = [_offering(version, ids, lives) for version in paging.part(versions)]
    return listed(response, paging, rows, len(versions))


@catalog_router.get(
    "/productOffering/{offering_id}", response=answers(ProductOffering), operation_id="retrieveProductOffering"
)
def retrieve_product_offering(request: HttpRequest, offering_id: str, fields: str | None = None) -> Any:
    """One offering as it is in force today."""
    del request
    versions = catalog.offers_at(clock.today())
    ids = {version.code: version.offer_id for version in versions}
    wanted = whole_number(offering_id, "offering")
    for version in versions:
        if version.offer_id == wanted:
            return chosen(_offering(version, ids, catalog.lives()), fields)
    raise Refusal(404, "notFound", "no such offering is in force")


@catalog_router.get(
    "/productOfferingPrice", response=answers(list[ProductOfferingPrice]), operation_id="listProductOfferingPrice"
)
def list_product_offering_price(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    price_type: str | None = Query(None, alias="priceType"),
) -> Any:
    """Fees and prices in force today, by offering; `priceType` is recurring or usage."""
    del request
    versions = sorted(catalog.offers_at(clock.today()), key=lambda version: version.offer_id)
    prices = [price for version in versions for price in _prices(version) if price_type in (None, price.price_type)]
    return listed(response, paging, paging.part(prices), len(prices))


@catalog_router.get(
    "/productOfferingPrice/{price_id}",
    response=answers(ProductOfferingPrice),
    operation_id="retrieveProductOfferingPrice",
)
def retrieve_product_offering_price(request: HttpRequest, price_id: str, fields: str | None = None) -> Any:
    """One fee or price of any version, by the rule's id."""
    del request
    for version in catalog.all_versions():
        for price in _prices(version):
            if price.id == price_id:
                return chosen(price, fields)
    raise Refusal(404, "notFound", "no such price")
