"""What ordering by TMF622 and TMF641 share: orders of the hall, placed once, gone through, paid and given up."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal

from django.db import transaction
from pydantic import Base64Bytes, Field

from openboss.access.jobs import clock
from openboss.access.openapi.door import Caller, Paging, Refusal, Shape, places_of, whole_number
from openboss.access.openapi.payments import MEANS
from openboss.access.openapi.product_order_form import FAR_PROOFS, TEXT
from openboss.modules.customers.functions import NotEntitled, Proof
from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import OrderView
from openboss.processes import cart, hall
from openboss.processes.order_flow import RequestIncomplete

HALL_REFUSALS: tuple[type[Exception], ...] = (*hall.REFUSALS, hall.OrderIncomplete, hall.NotReversible)
STATES: Mapping[str, str] = {
    "ACKNOWLEDGED": "acknowledged",
    "PENDING": "pending",
    "HELD": "held",
    "IN_PROGRESS": "inProgress",
    "COMPLETED": "completed",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
    "REJECTED": "rejected",
}


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


class OrderUpdate(Shape):
    """What goes on with an order: steps done, documents, the price taken, and `inProgress` to carry it out."""

    state: Literal["inProgress", "held", "acknowledged"] | None = None
    checklist: Annotated[list[StepDone], Field(max_length=20)] = []
    attachment: Annotated[list[DocumentIn], Field(max_length=10)] = []
    payment: Annotated[list[PaidBy], Field(max_length=1)] = []
    service_password: Annotated[str | None, Field(max_length=6, pattern=r"^[0-9]*$")] = None


@contextmanager
def refusals_of_the_hall() -> Iterator[None]:
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


def refuse_unseen(proofs: Collection[Proof], channel: str) -> None:
    """Refuse documents that nobody can have seen over a channel. Raises Refusal."""
    if set(proofs) - FAR_PROOFS and channel not in ("HALL", "AGENT"):
        raise Refusal(403, "notEntitled", f"nobody sees a document on the channel {channel}")


def found(order_id: str) -> OrderView:
    """One order by its id in an address. Raises Refusal (404)."""
    with refusals_of_the_hall():
        return orders.order_view(order_id=whole_number(order_id, "order"))


def matching(
    caller: Caller,
    paging: Paging,
    *,
    external_id: str | None,
    state: str | None,
    party_id: str | None,
    user_id: str | None = None,
    kinds: Collection[str] = (),
) -> tuple[Sequence[OrderView], int]:
    """A page of orders, the newest first, and how many match; an external id is the caller's own. Raises Refusal.

    kinds  empty = all
    """
    known = {word: code for code, word in STATES.items()}
    if state is not None and state not in known:
        raise Refusal(400, "unknownState", f"state is one of {', '.join(known)}")
    return orders.list_orders(
        serial_no="" if external_id is None else _serial_no(caller, external_id),
        customer_id=None if party_id is None else whole_number(party_id, "customer") or -1,
        subscriber_id=None if user_id is None else whole_number(user_id, "user") or -1,
        kinds=kinds,
        state=known.get(state or "", ""),
        page=paging.page(),
        page_size=paging.limit,
    )


def place(
    caller: Caller,
    *,
    external_id: str,
    kind: str,
    asked: Mapping[str, Any],
    channel: str,
    proofs: Collection[Proof],
    customer_id: int | None,
    subscriber_id: int | None,
    start_at: datetime | None,
) -> OrderView:
    """Take an order down in the caller's transaction; one of which nothing is open is carried out at once."""
    now, within = clock.now(), places_of(caller)
    order = hall.place(
        kind=kind,
        serial_no=_serial_no(caller, external_id),
        channel=channel,
        request=asked,
        proofs=proofs,
        at=now,
        staff_id=caller.staff_id,
        org_code=caller.staff.org_code,
        customer_id=customer_id,
        subscriber_id=subscriber_id,
        effective=None if start_at is None else "DATE",
        date_at=start_at,
        within=within,
    )
    if order.state != "ACKNOWLEDGED" or order.open_steps or order.unpaid_fen:
        return order
    try:
        with transaction.atomic():
            return hall.confirm(order_id=order.order_id, at=now, staff_id=caller.staff_id, within=within)
    except hall.OrderIncomplete:  # a document is still to be shown
        return order


def _serial_no(caller: Caller, external_id: str) -> str:
    """The order's serial number: one for each caller's external id, short enough for those of its fees."""
    return "tmf" + hashlib.sha256(f"{caller.client_id}:{external_id}".encode()).hexdigest()[:32]


def go_on(caller: Caller, order_id: str, given: OrderUpdate) -> OrderView:
    """Go on with an order: all of what is given is done, or nothing. Raises Refusal."""
    number = whole_number(order_id, "order")
    about: dict[str, Any] = {"order_id": number, "at": clock.now(), "staff_id": caller.staff_id}
    with refusals_of_the_hall(), transaction.atomic():
        if given.checklist:
            hall.tick(notes={step.name: step.note for step in given.checklist}, **about)
        for one in given.attachment:
            hall.attach(kind=one.attachment_type, content=one.content, **about)
        if given.state == "held":
            hall.set_aside(reason="open interface", **about)
        elif given.state == "acknowledged":
            hall.take_up(**about)
        elif given.state == "inProgress":
            tender, password = _tender(caller, given), given.service_password
            hall.confirm(tender=tender, service_password=password, within=places_of(caller), **about)
    return found(order_id)


def _tender(caller: Caller, given: OrderUpdate) -> hall.Tender | None:
    """How the price was paid; taking money needs its own right and a token of its scope. Raises Refusal."""
    if not given.payment:
        return None
    if "receivables.collect" not in caller.staff.rights & caller.scopes:
        raise Refusal(403, "rightMissing", "the right receivables.collect is needed to take money")
    means = MEANS.get(given.payment[0].at_referred_type.lower())
    if means is None:
        raise Refusal(400, "unknownMethod", f"payment.@referredType is one of {', '.join(MEANS)}")
    return hall.Tender(means)


def give_up(caller: Caller, order_id: str, reason: str) -> OrderView:
    """Give an order up that was not carried out, a cart with all that lies in it. Raises Refusal."""
    number = whole_number(order_id, "order")
    with refusals_of_the_hall():
        return cart.cancel(order_id=number, reason=reason, at=clock.now(), staff_id=caller.staff_id)


def given_up(order_id: str) -> OrderView:
    """An order that was given up. Raises Refusal (404)."""
    order = found(order_id)
    if order.state != "CANCELLED":
        raise Refusal(404, "notFound", "this order was not cancelled")
    return order
