"""TMF683 party interaction: when customers and we spoke, over whatever channel; told by whoever was spoken to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import Field

from openboss.access.jobs import clock
from openboss.access.openapi.customers import PartyGiven, customer_of, party_ref
from openboss.access.openapi.door import (
    FAILURES,
    WORDS,
    Caller,
    Holder,
    Paging,
    PagingQuery,
    Ref,
    Refusal,
    Shape,
    TimePeriod,
    answers,
    chosen,
    listed,
    router,
    serial_no_of,
    whole_number,
)
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import CustomerRow, InteractionUnknown, InteractionView
from openboss.modules.system.functions import SerialNumberUsed

INTERACTION = "/tmf-api/partyInteractionManagement/v4/partyInteraction"
DIRECTIONS = {"IN": "inbound", "OUT": "outbound"}
STATUS = {"OPEN": "opened", "ANSWERED": "completed", "PASSED_ON": "inProgress"}

interaction_router = router("customers.view", "TMF683 party interaction")


class Interaction(Shape):
    """One time a customer and we spoke (TMF683)."""

    id: str
    href: str
    creation_date: str
    interaction_date: TimePeriod
    description: str
    reason: str
    status: str
    direction: str
    channel: list[Ref]
    related_party: list[Ref]
    at_type: str = "PartyInteraction"


class ChannelGiven(Shape):
    """Where it was."""

    id: Literal["HALL", "HOTLINE", "WEB", "SMS", "IVR", "KIOSK", "AGENT", "BANK"]


class InteractionCreate(Shape):
    """Something that was said; the external id makes it safe to send again."""

    external_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
    reason: Literal["COMPLAINT", "FAULT", "QUERY", "BUSINESS", "OTHER"]
    direction: Literal["inbound", "outbound"]
    channel: Annotated[list[ChannelGiven], Field(min_length=1, max_length=1)]
    related_party: Annotated[list[PartyGiven], Field(min_length=1, max_length=1)]
    description: Annotated[str, Field(min_length=1, max_length=500, pattern=WORDS)]
    status: Literal["opened", "inProgress", "completed"] = "opened"


def _interaction(row: InteractionView, owner: CustomerRow) -> Interaction:
    return Interaction(
        id=str(row.interaction_id),
        href=f"{INTERACTION}/{row.interaction_id}",
        creation_date=row.at.isoformat(),
        interaction_date=TimePeriod(start_date_time=row.at.isoformat()),
        description=row.note,
        reason=row.reason,
        status=STATUS[row.result],
        direction=DIRECTIONS[row.direction],
        channel=[Ref(id=row.channel, name=row.channel)],
        related_party=[party_ref(owner.customer_id, owner.kind, owner.name_masked)],
    )


@interaction_router.get("/partyInteraction", response=answers(list[Interaction]), operation_id="listPartyInteraction")
def list_interaction(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    party_id: str = Query(alias="relatedParty.id"),
) -> Any:
    """When one customer and we spoke, the newest first."""
    del request
    owner = customer_of(party_id)
    rows, total = customers.interactions_of(customer_id=owner.customer_id, page=paging.page(), page_size=paging.limit)
    return listed(response, paging, [_interaction(row, owner) for row in rows], total)


@interaction_router.get(
    "/partyInteraction/{interaction_id}", response=answers(Interaction), operation_id="retrievePartyInteraction"
)
def retrieve_interaction(request: HttpRequest, interaction_id: str, fields: str | None = None) -> Any:
    """One time a customer and we spoke."""
    del request
    try:
        row = customers.interaction_view(interaction_id=whole_number(interaction_id, "interaction"))
    except InteractionUnknown as unknown:
        raise Refusal(404, "notFound", "no such interaction") from unknown
    return chosen(_interaction(row, customer_of(str(row.customer_id))), fields)


@interaction_router.post(
    "/partyInteraction",
    response={201: Interaction, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="createPartyInteraction",
)
def create_interaction(request: HttpRequest, given: InteractionCreate) -> Any:
    """Write down that a customer and a channel spoke; whoever serves them next sees it at once (CRM-05)."""
    caller: Caller = request.auth
    owner = customer_of(given.related_party[0].id)
    try:
        row = customers.note_interaction(
            customer_id=owner.customer_id,
            channel=given.channel[0].id,
            direction=next(code for code, word in DIRECTIONS.items() if word == given.direction),
            reason=given.reason,
            note=given.description,
            result=next(code for code, word in STATUS.items() if word == given.status),
            serial_no=serial_no_of(caller, "TMF683", given.external_id),
            at=clock.now(),
            staff_id=caller.staff_id,
        )
    except SerialNumberUsed as used:
        raise Refusal(409, "interactionDifferent", "this externalId belongs to another interaction") from used
    return 201, _interaction(row, owner)
