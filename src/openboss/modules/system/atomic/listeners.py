"""Listeners of events: addresses of other systems that are told what changed, through the outbox (TMF630 hubs)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from openboss.modules.system.atomic.audit import record_audit
from openboss.modules.system.atomic.outbox import send_out_many
from openboss.modules.system.models import Listener
from openboss.modules.system.statements import kept_until_written

TOPIC = "event"
LISTENERS_MAX = 10


class ListenerKnown(Exception):
    """This address is registered for these events already."""


class ListenersFull(Exception):
    """A system has at most ten addresses for one kind of events; take one off first."""


class ListenerUnknown(LookupError):
    """There is no such listener of this system."""


@dataclass(frozen=True)
class ListenerView:
    """An address that is told of events of one kind of object; `events` empty = of all."""

    listener_id: int
    client_id: str
    kind: str
    callback: str
    events: tuple[str, ...]


@transaction.atomic
def add_listener(
    *, client_id: str, kind: str, callback: str, events: Collection[str], at: datetime, staff_id: int
) -> ListenerView:
    """Register an address of a client for events of one kind. Raises ListenerKnown, ListenersFull.

    kind  as TM Forum names what changes: productOrder, customer, customerBill ...
    """
    if Listener.objects.filter(client_id=client_id, kind=kind).count() >= LISTENERS_MAX:
        raise ListenersFull(client_id)
    row = Listener(client_id=client_id, kind=kind, callback=callback, events=sorted(events), created_at=at)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as known:
        raise ListenerKnown(callback) from known
    _audit("system.add_listener", row, at, staff_id)
    return _view(row)


@transaction.atomic
def remove_listener(*, listener_id: int, client_id: str, at: datetime, staff_id: int) -> None:
    """Take a client's address off; what waits for it is not delivered any more. Raises ListenerUnknown."""
    row = Listener.objects.filter(listener_id=listener_id, client_id=client_id).first()
    if row is None:
        raise ListenerUnknown(listener_id)
    _audit("system.remove_listener", row, at, staff_id)
    row.delete()


def listener(*, listener_id: int) -> ListenerView | None:
    """Show one listener; None once it, or its client, was removed."""
    row = Listener.objects.filter(listener_id=listener_id).first()
    return None if row is None else _view(row)


def announce(*, kind: str, event: str, object_ids: Collection[int | str], state: str, at: datetime) -> None:
    """Leave an event for everybody who listens, in the caller's transaction; those of one object arrive in order.

    state  what the object is from now on, in the outside's word; empty where the event says it
    """
    for row in _listeners():
        if row.kind == kind and (not row.events or event in row.events):
            about = {"listener_id": row.listener_id, "kind": kind, "event": event, "state": state}
            send_out_many(
                topic=TOPIC,
                payloads=[{**about, "object_id": one} for one in object_ids],
                order_keys=[f"{row.listener_id}.{kind}.{one}" for one in object_ids],
                at=at,
            )


@kept_until_written("system_listener")
def _listeners() -> list[ListenerView]:
    return [_view(row) for row in Listener.objects.order_by("listener_id")]


def _view(row: Listener) -> ListenerView:
    return ListenerView(row.listener_id, row.client_id, row.kind, row.callback, tuple(row.events))


def _audit(action: str, row: Listener, at: datetime, staff_id: int) -> None:
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="client",
        object_id=row.client_id,
        at=at,
        after={"kind": row.kind, "callback": row.callback, "events": row.events},
    )
