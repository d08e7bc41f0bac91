"""Hubs: other systems register where they are told what changed (TMF630), and are told (TMF688's form of an event).

An event names what changed, its state and its address; the listener reads the rest with its own token. It is left in
the outbox in the transaction of the change, signed, and sent again until it is taken or ten tries are over.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from openboss.access.jobs import clock
from openboss.access.openapi.callbacks import LONGEST, CallbackRefused, NotTaken, post, read_callback
from openboss.access.openapi.door import Caller, Error, Refusal, Shape, whole_number
from openboss.modules.system import functions as system
from openboss.modules.system.functions import Message, listeners
from openboss.modules.system.functions.listeners import ListenerKnown, ListenersFull, ListenerUnknown, ListenerView
from openboss.modules.system.keys import key_for

_REST_S = 1.0
_AFTER_TROUBLE_S = 5.0
_AT_ONCE = 10  # times the deadline of a callback stays within the minute for which messages are claimed

log = structlog.get_logger("events")


@dataclass(frozen=True)
class Told:
    """One kind of object whose events are told: the right to see it, where its API lies, its events."""

    right: str
    base: str
    events: tuple[str, ...]


KINDS: Mapping[str, Told] = {
    "productOrder": Told(
        "customers.view",
        "productOrderingManagement/v4",
        ("ProductOrderCreateEvent", "ProductOrderStateChangeEvent"),
    ),
    "serviceOrder": Told(
        "customers.view", "serviceOrdering/v4", ("ServiceOrderCreateEvent", "ServiceOrderStateChangeEvent")
    ),
    "customer": Told(
        "customers.view", "customerManagement/v4", ("CustomerCreateEvent", "CustomerAttributeValueChangeEvent")
    ),
    "party": Told(
        "customers.view",
        "party/v4",
        (
            "IndividualCreateEvent",
            "IndividualAttributeValueChangeEvent",
            "OrganizationCreateEvent",
            "OrganizationAttributeValueChangeEvent",
        ),
    ),
    "partyRole": Told(
        "customers.view", "partyRoleManagement/v4", ("PartyRoleCreateEvent", "PartyRoleAttributeValueChangeEvent")
    ),
    "billingAccount": Told("customers.view", "accountManagement/v4", ("BillingAccountCreateEvent",)),
    "product": Told(
        "customers.view", "productInventory/v4", ("ProductCreateEvent", "ProductAttributeValueChangeEvent")
    ),
    "resource": Told("customers.view", "resourceInventoryManagement/v4", ("ResourceStateChangeEvent",)),
    "productOffering": Told("catalog.view", "productCatalogManagement/v4", ("ProductOfferingStateChangeEvent",)),
    "customerBill": Told("billing.view", "customerBillManagement/v4", ("CustomerBillStateChangeEvent",)),
    "partyInteraction": Told("customers.view", "partyInteractionManagement/v4", ("PartyInteractionCreateEvent",)),
}
_WHAT = re.compile(r"(?:Create|StateChange|AttributeValueChange)Event$")


class EventSubscriptionInput(Shape):
    """Where events go, and which: `eventType=A,B`, or all."""

    callback: Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=r"^[\x21-\x7e]+$")]
    query: Annotated[str, Field(max_length=200, pattern=r"^[\x20-\x7e]*$")] = ""


class EventSubscription(Shape):
    """A registered listener; the secret, shown this once, is the key of its signatures."""

    id: str
    callback: str
    query: str | None = None
    secret: str | None = None


def open_hub(router: Router, kind: str) -> None:
    """Give an API its hub."""
    told = KINDS[kind]

    @router.post(
        "/hub",
        response={201: EventSubscription, 400: Error, 401: Error, 403: Error, 409: Error},
        operation_id=f"register{_upper(kind)}Listener",
    )
    def register(request: HttpRequest, given: EventSubscriptionInput) -> Any:
        """Register an address: https on a public network, or this machine."""
        caller: Caller = request.auth
        try:
            read_callback(given.callback)
            found = listeners.add_listener(
                client_id=caller.client_id,
                kind=kind,
                callback=given.callback,
                events=_events(told, given.query),
                at=clock.now(),
                staff_id=caller.staff_id,
            )
        except CallbackRefused as refused:
            raise Refusal(400, "callbackRefused", str(refused)) from refused
        except (ListenerKnown, ListenersFull) as refused:
            name = type(refused).__name__
            raise Refusal(409, name[0].lower() + name[1:], (refused.__doc__ or name).splitlines()[0]) from refused
        return 201, EventSubscription(
            id=str(found.listener_id),
            callback=found.callback,
            query=given.query or None,
            secret=_key(found.listener_id).hex(),
        )

    @router.delete(
        "/hub/{listener_id}",
        response={204: None, 401: Error, 403: Error, 404: Error},
        operation_id=f"unregister{_upper(kind)}Listener",
    )
    def unregister(request: HttpRequest, listener_id: str) -> Any:
        """Take an address off; what waits for it is dropped."""
        caller: Caller = request.auth
        try:
            wanted = whole_number(listener_id, "listener")
            listeners.remove_listener(
                listener_id=wanted, client_id=caller.client_id, at=clock.now(), staff_id=caller.staff_id
            )
        except ListenerUnknown as unknown:
            raise Refusal(404, "notFound", "no such listener of yours") from unknown
        return 204, None


def _upper(word: str) -> str:
    return f"{word[0].upper()}{word[1:]}"


def _events(told: Told, query: str) -> list[str]:
    """The events a query names; none for all. Raises Refusal: a filter that is not kept must not be taken for one."""
    if not query:
        return []
    name, _, wanted = query.partition("=")
    events = wanted.split(",")
    if name != "eventType" or not set(events) <= set(told.events):
        raise Refusal(400, "unknownQuery", f"query is eventType= with any of {','.join(told.events)}")
    return events


def _key(listener_id: int) -> bytes:
    return key_for(f"listener {listener_id}")


def tell_all(*, now: Callable[[], datetime]) -> tuple[int, int]:
    """Send what is due; return how many events were taken and how many were not."""
    taken = failed = 0
    for message in system.claim_messages(topics=[listeners.TOPIC], at=now(), limit=_AT_ONCE):
        try:
            is_taken = _tell(message, now)
        except system.MessageUnknown:  # somebody else was done with it while the listener took its time
            log.info("events", settled_elsewhere=message.outbox_id)
            continue
        taken, failed = taken + (is_taken is True), failed + (is_taken is False)
    return taken, failed


def _tell(message: Message, now: Callable[[], datetime]) -> bool | None:
    """Send one event; whether it was taken, None if nobody listens any more. Raises MessageUnknown."""
    listener = _entitled(message)
    if listener is None:
        system.drop_message(outbox_id=message.outbox_id, reason="nobody listens", at=now(), staff_id=None)
        return None
    try:
        post(listener.callback, _body(message), key=_key(listener.listener_id), at=now())
    except (NotTaken, CallbackRefused) as refused:
        system.message_failed(outbox_id=message.outbox_id, error=str(refused), at=now())
        return False
    system.message_sent(outbox_id=message.outbox_id, at=now())
    return True


def _entitled(message: Message) -> ListenerView | None:
    """Who listens: a client that is still there, in the name of somebody who may still see what changed."""
    found = listeners.listener(listener_id=message.payload["listener_id"])
    staff = listeners.staff_of_client(client_id=found.client_id) if found else None
    may = staff is not None and staff.is_active and KINDS[message.payload["kind"]].right in staff.rights
    return found if may else None


def _body(message: Message) -> bytes:
    """The event, without anything personal: what it is, of which object, and where that is read."""
    payload, object_id = message.payload, str(message.payload["object_id"])
    referred_type = _WHAT.sub("", payload["event"])  # ProductOrderStateChangeEvent is told of a ProductOrder
    name = f"{referred_type[0].lower()}{referred_type[1:]}"
    href = f"/tmf-api/{KINDS[payload['kind']].base}/{name}/{object_id}"
    what = {"id": object_id, "href": href, "@type": referred_type}
    state = payload["state"]
    event = {
        "eventId": str(message.outbox_id),
        "eventTime": message.created_at.isoformat(),
        "eventType": payload["event"],
        "event": {name: {**what, "state": state} if state else what},
        "@type": payload["event"],
    }
    return json.dumps(event).encode()


def run(*, stopping: threading.Event, now: Callable[[], datetime]) -> None:
    """Send events until told to stop; a database that is away for a while is waited for."""
    while not stopping.is_set():
        try:
            taken, failed = tell_all(now=now)
        except (OperationalError, InterfaceError) as away:
            log.warning("events", trouble=str(away).splitlines()[0])
            close_old_connections()
            stopping.wait(_AFTER_TROUBLE_S)
            continue
        if taken or failed:
            log.info("events", taken=taken, failed=failed)
        if not taken:
            stopping.wait(_REST_S)
    connection.close()
