"""TMF681 communication: messages to handsets, what became of them, and sending one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import AwareDatetime, Field

from openboss.access.jobs import clock
from openboss.access.openapi.door import (
    Error,
    Holder,
    Paging,
    PagingQuery,
    Refusal,
    Shape,
    answers,
    chosen,
    listed,
    whole_number,
)
from openboss.modules.customers.functions import mask_number, read_number
from openboss.modules.system import functions as system
from openboss.modules.system.functions import Message

MESSAGE = "/tmf-api/communicationManagement/v4/communicationMessage"
TOPIC = "sms"
STATES: Mapping[str, str] = {"WAITING": "initial", "SENT": "completed", "FAILED": "failed", "DROPPED": "cancelled"}
DIGITS = r"^(\+|00)?[0-9]{3,15}$"

communication_router = Router(
    by_alias=True, exclude_none=True, auth=Holder("customers.view"), tags=["TMF681 communication"]
)


class Characteristic(Shape):
    """A name in the content and what stands in its place."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    value: Annotated[str, Field(max_length=200)]
    value_type: Annotated[str | None, Field(max_length=40)] = None


class Receiver(Shape):
    """Who gets it."""

    id: Annotated[str | None, Field(max_length=40)] = None
    name: Annotated[str | None, Field(max_length=100)] = None
    phone_number: Annotated[str, Field(max_length=18, pattern=DIGITS)]


class Sender(Shape):
    """Who sends it."""

    id: Annotated[str | None, Field(max_length=40)] = None
    name: Annotated[str | None, Field(max_length=100)] = None
    phone_number: Annotated[str | None, Field(max_length=20)] = None


class MessageCreate(Shape):
    """A message to send at once by SMS to one handset; an SMS carries no attachment."""

    content: Annotated[str, Field(min_length=1, max_length=1000)]
    message_type: Annotated[str, Field(max_length=20)]
    receiver: Annotated[list[Receiver], Field(min_length=1, max_length=1)]
    sender: Sender
    characteristic: Annotated[list[Characteristic], Field(max_length=20)] = []
    scheduled_send_time: AwareDatetime | None = None


class MaskedReceiver(Shape):
    """Who gets it, with the number masked."""

    phone_number: str


class CommunicationMessage(Shape):
    """A message and what became of it (TMF681); numbers are masked."""

    id: str
    href: str
    content: str
    message_type: str = "SMS"
    description: str | None = None
    state: str
    try_times: int
    scheduled_send_time: str
    send_time_complete: str | None = None
    receiver: list[MaskedReceiver]
    sender: Sender
    at_type: str = "CommunicationMessage"


def _shown(row: Message) -> CommunicationMessage:
    template = str(row.payload.get("template", ""))
    return CommunicationMessage(
        id=str(row.outbox_id),
        href=f"{MESSAGE}/{row.outbox_id}",
        content=str(row.payload.get("text") or template),
        description=template or None,
        state="inProgress" if row.state == "WAITING" and row.attempts else STATES[row.state],
        try_times=row.attempts,
        scheduled_send_time=row.created_at.isoformat(),
        send_time_complete=row.sent_at.isoformat() if row.sent_at else None,
        receiver=[MaskedReceiver(phone_number=mask_number(int(row.payload["number"])))],
        sender=Sender(name="OpenBOSS"),
    )


@communication_router.get(
    "/communicationMessage", response=answers(list[CommunicationMessage]), operation_id="listCommunicationMessage"
)
def list_messages(
    request: HttpRequest, response: HttpResponse, paging: Paging = PagingQuery, state: str | None = Query(None)
) -> Any:
    """Messages, the newest first, of one state (initial, completed, failed, cancelled) or of all."""
    del request
    known = {word: code for code, word in STATES.items()}
    if state is not None and state not in known:
        raise Refusal(400, "unknownState", f"state is one of {', '.join(known)}")
    rows, total = system.list_messages(
        topic=TOPIC, state=known.get(state or "", ""), page=paging.page(), page_size=paging.limit
    )
    return listed(response, paging, [_shown(row) for row in rows], total)


@communication_router.get(
    "/communicationMessage/{message_id}",
    response=answers(CommunicationMessage),
    operation_id="retrieveCommunicationMessage",
)
def retrieve_message(request: HttpRequest, message_id: str, fields: str | None = None) -> Any:
    """One message."""
    del request
    row = system.message(outbox_id=whole_number(message_id, "message"))
    if row is None or row.topic != TOPIC:
        raise Refusal(404, "notFound", "no such message")
    return chosen(_shown(row), fields)


@communication_router.post(
    "/communicationMessage",
    response={201: CommunicationMessage, 400: Error, 401: Error, 403: Error},
    auth=Holder("customers.edit"),
    operation_id="createCommunicationMessage",
)
def create_message(request: HttpRequest, given: MessageCreate) -> Any:
    """Send a message by SMS; what stands in the content under a characteristic's name is put in its place."""
    del request
    now = clock.now()
    if given.message_type.upper() != "SMS":
        raise Refusal(400, "unknownType", "messageType is SMS")
    if given.scheduled_send_time is not None and given.scheduled_send_time > now:
        raise Refusal(400, "notScheduled", "a message is sent at once: leave scheduledSendTime out")
    payload = {"number": read_number(given.receiver[0].phone_number), "template": "OPEN_API", "text": _content(given)}
    row = system.message(outbox_id=system.send_out(topic=TOPIC, payload=payload, at=now))
    assert row is not None
    return 201, _shown(row)


def _content(given: MessageCreate) -> str:
    """The text with the values of the characteristics in their places, the longest name first."""
    text = given.content
    for one in sorted(given.characteristic, key=lambda one: -len(one.name)):
        text = text.replace(one.name, one.value)
    return text
