"""TMF639 resource inventory: numbers and SIM cards of the caller's places, those in use masked; numbers are locked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import ConfigDict, Field

from openboss.access.jobs import clock
from openboss.access.openapi.customers import Characteristic
from openboss.access.openapi.door import (
    FAILURES,
    WORDS,
    Caller,
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
from openboss.access.openapi.product_orders_shown import mask_card
from openboss.modules.customers.functions import mask_number
from openboss.modules.resources import functions as resources
from openboss.modules.resources.functions import MoveForbidden, NotYourStock, NumberUnknown, SimUnknown

RESOURCE = "/tmf-api/resourceInventoryManagement/v4/resource"
NUMBER, CARD = "MSISDN", "SIM"
FREE_NUMBER, FREE_CARD = ("IDLE",), ("IN_STOCK", "ISSUED")
STATUS: Mapping[str, str] = {
    **dict.fromkeys(("PLANNED", "ORDERED"), "standby"),
    **dict.fromkeys((*FREE_NUMBER, *FREE_CARD), "available"),
    **dict.fromkeys(("LOCKED", "RESERVED", "OCCUPIED", "PAIRED", "WRITTEN", "IN_USE"), "reserved"),
    **dict.fromkeys(("QUARANTINE", "FROZEN"), "suspended"),
}
IN_USE = ("OCCUPIED", "IN_USE")

resource_router = router("customers.view", "TMF639 resource inventory")


class Resource(Shape):
    """A number or a card (TMF639); a free one is shown whole, because whoever orders it names it."""

    id: str
    href: str
    name: str
    category: str
    value: str
    resource_status: str
    usage_state: str
    administrative_state: str
    resource_characteristic: list[Characteristic]
    at_type: str = "LogicalResource"


class ResourceNote(Shape):
    """Why something is changed."""

    text: Annotated[str, Field(min_length=1, max_length=200, pattern=WORDS)]


class ResourceUpdate(Shape):
    """What may change of a number without an order: that nobody takes it, or may again; the note says why."""

    model_config = ConfigDict(extra="forbid")

    administrative_state: Literal["locked", "unlocked"]
    note: Annotated[list[ResourceNote], Field(min_length=1, max_length=1)]


def _resource(resource_id: str, category: str, value: str, state: str, told: Mapping[str, str]) -> Resource:
    about = {"state": state, **told}
    return Resource(
        id=resource_id,
        href=f"{RESOURCE}/{resource_id}",
        name=category,
        category=category,
        value=value,
        resource_status=STATUS.get(state, "unknown"),
        usage_state="busy" if state in IN_USE else "idle",
        administrative_state="locked" if state in ("FROZEN", "LOST", "SCRAPPED") else "unlocked",
        resource_characteristic=[Characteristic(name=name, value=text) for name, text in about.items()],
    )


def _number(number: int, state: str, grade: str, home_area: int, register: str) -> Resource:
    shown = str(number) if state in FREE_NUMBER else mask_number(number)
    told = {"grade": grade, "homeArea": str(home_area), "register": register}
    return _resource(f"{NUMBER}-{number}", NUMBER, shown, state, told)


def _card(iccid: str, state: str, item_code: str, register: str) -> Resource:
    shown = iccid if state in FREE_CARD else mask_card(iccid)
    return _resource(f"{CARD}-{iccid}", CARD, shown, state, {"kind": item_code, "register": register})


@resource_router.get("/resource", response=answers(list[Resource]), operation_id="listResource")
def list_resource(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    category: Literal["MSISDN", "SIM"] = Query(NUMBER),
) -> Any:
    """What can be ordered now at the caller's places: numbers, or cards. What is in use is asked for by its id."""
    caller: Caller = request.auth
    places = places_of(caller)
    paging.page()
    if category == CARD:
        counts = resources.count_sims(org_codes=places)
        cards = resources.free_sims(org_codes=places, limit=paging.offset + paging.limit)[paging.offset :]
        rows = [_card(one.iccid, one.state, one.item_code, one.hlr_code) for one in cards]
        return listed(response, paging, rows, sum(counts.get(state, 0) for state in FREE_CARD))
    found, total = resources.list_numbers(
        filters={"state": FREE_NUMBER[0]}, org_codes=places, offset=paging.offset, limit=paging.limit
    )
    rows = [_number(one.number, one.state, one.grade, one.home_area, one.hlr_code) for one in found]
    return listed(response, paging, rows, total)


@resource_router.get("/resource/{resource_id}", response=answers(Resource), operation_id="retrieveResource")
def retrieve_resource(request: HttpRequest, resource_id: str, fields: str | None = None) -> Any:
    """One number (`MSISDN-8613...`) or card (`SIM-8986...`) of the caller's places, in whatever state."""
    caller: Caller = request.auth
    category, _, code = resource_id.partition("-")
    found = _found(category, code)
    if found is None or found[1] not in places_of(caller):
        raise Refusal(404, "notFound", "no such resource at your places")
    return chosen(found[0], fields)


def _found(category: str, code: str) -> tuple[Resource, str] | None:
    """A resource and its place."""
    digits = whole_number(code, "resource") if category == NUMBER else 0
    try:
        if category == NUMBER:
            one = resources.number_view(number=digits, at=clock.now())
            return _number(one.number, one.state, one.grade, one.home_area, one.hlr_code), one.org_code
        if category == CARD and code.isascii() and code.isalnum():
            card = resources.sim_view(iccid=code)
            return _card(card.iccid, card.state, card.item_code, card.hlr_code), card.org_code
    except (NumberUnknown, SimUnknown):
        return None
    return None


@resource_router.patch(
    "/resource/{resource_id}",
    response={200: Resource, **FAILURES},
    auth=Holder("resources.manage"),
    operation_id="patchResource",
)
def patch_resource(request: HttpRequest, resource_id: str, given: ResourceUpdate) -> Any:
    """Freeze an idle number of the caller's places for a reason, or free it; what stands so already stays so."""
    caller: Caller = request.auth
    shown = retrieve_resource(request, resource_id)
    if shown.category != NUMBER:
        raise Refusal(400, "unknownCategory", "cards change by orders and at the counter")
    if shown.administrative_state == given.administrative_state:
        return shown
    try:
        resources.set_number_state(
            number=whole_number(resource_id.partition("-")[2], "resource"),
            state="FROZEN" if given.administrative_state == "locked" else "IDLE",
            reason=given.note[0].text,
            within=places_of(caller),
            at=clock.now(),
            staff_id=caller.staff_id,
        )
    except (MoveForbidden, NotYourStock) as refused:
        raise Refusal(409, "stateForbids", "only an idle number is locked, only a frozen one unlocked") from refused
    return retrieve_resource(request, resource_id)
