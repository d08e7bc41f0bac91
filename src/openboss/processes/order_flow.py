"""What every flow of the hall is made of: what it asks, what it costs, what it does, how it is undone.

A flow is one file in this folder with a `FLOW` (several where a story has several sides); `hall.py` takes orders
through it, the same way for every channel. Source: ARC-12, D13.3, D14.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from openboss.modules.catalog.atomic import OfferView, offers
from openboss.modules.catalog.functions.sale import Buyer, refusals
from openboss.modules.charging.functions.engine import announce_users
from openboss.modules.charging.functions.online import bar_users
from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import Fee, Item


class OfferRefused(Exception):
    """This offer cannot be taken by this customer; the message says why (D13.1)."""


class RequestIncomplete(ValueError):
    """The order lacks something it needs; the message names it."""


class NotReversible(Exception):
    """What this order did cannot be undone by a reversal; the message says what can be done instead."""


@dataclass(frozen=True)
class Asked:
    """What was asked for: by whom, for whom, where, through which channel, from which moment on."""

    request: Mapping[str, Any]
    customer_id: int | None
    subscriber_id: int | None
    effective_at: datetime
    at: datetime
    staff_id: int | None
    org_code: str
    channel: str
    key: str  # the order's serial number: what is kept for the order is kept under it
    within: frozenset[str] | None = None  # places whose stock may be used

    def need(self, name: str) -> Any:
        """One thing the request must hold. Raises RequestIncomplete."""
        if self.request.get(name) in (None, ""):
            raise RequestIncomplete(name)
        return self.request[name]

    @property
    def user(self) -> int:
        """The user the order is about. Raises RequestIncomplete."""
        if self.subscriber_id is None:
            raise RequestIncomplete("subscriber_id")
        return self.subscriber_id


@dataclass(frozen=True)
class Plan:
    """What an order comes to before it is confirmed: its items, steps, documents and price (HAL-01, HAL-02)."""

    items: Sequence[Item]
    fees: Sequence[Fee] = ()
    steps: Sequence[str] = ()
    documents: frozenset[str] = field(default_factory=frozenset)
    account_id: int | None = None  # the account that pays; None = the one that pays the user's rest


Result = dict[str, Any]


@dataclass(frozen=True)
class Flow:
    """One kind of order.

    operation    the row of the authorisation matrix (D14.2)
    plan         refuses what cannot be, and says what is needed; called again when the order is confirmed
    carry_out    does it, in one transaction with the money; what it returns is kept for an undoing order
    hold         keeps what nobody else may take meanwhile; `release` gives it back
    undo         reverses a completed order, newest step first; None = not reversible
    writes_ahead carries out at once what begins on a later day; `take_effect` does the rest on that day
    """

    kind: str
    operation: str
    plan: Callable[[Asked], Plan]
    carry_out: Callable[[Asked], Result]
    undo: Callable[[Asked, Result], object] | None = None
    hold: Callable[[Asked], None] | None = None
    release: Callable[[Asked], None] | None = None
    writes_ahead: bool = False
    take_effect: Callable[[Asked], None] | None = None
    effective: str = "NOW"


def offer_named(code: str) -> OfferView:
    """An offer by its code. Raises OfferRefused."""
    return _offer(lambda one: one.code == code, code)


def offer_with(offer_id: int) -> OfferView:
    """An offer by its id. Raises OfferRefused."""
    return _offer(lambda one: one.offer_id == offer_id, str(offer_id))


def _offer(fits: Callable[[OfferView], bool], wanted: str) -> OfferView:
    found = next((one for one in offers() if fits(one)), None)
    if found is None:
        raise OfferRefused(f"there is no offer {wanted}")
    return found


def offers_of(subscriber_id: int, at: datetime) -> dict[int, OfferView]:
    """The offers a user holds at a moment: holding -> offer."""
    known = {one.offer_id: one for one in offers()}
    held = customers.offers_held(subscriber_id=subscriber_id, at=at)
    return {holding_id: known[offer_id] for holding_id, offer_id in held.items()}


def tell_engine(*subscriber_ids: int) -> None:
    """Let the charging engine learn of changed users, in the caller's transaction, and of who now shares with them."""
    sharers = customers.users_who_share(subscriber_ids=subscriber_ids)
    announce_users(customers.engine_image(subscriber_ids=sorted({*subscriber_ids, *sharers})))


def bar_in_engine(states: Mapping[int, str]) -> None:
    """Let the engine refuse what these states forbid, and pass what they allow, in the caller's transaction (D2.1)."""
    bar_users({user: {"ACTIVE": 0, "ONE_WAY_STOP": 1}.get(state, 2) for user, state in states.items()})


def refuse_unsuitable(asked: Asked, *, customer_id: int, offer_code: str, held: Sequence[str]) -> None:
    """Refuse an offer that is not for this customer, or does not go with what is held. Raises OfferRefused."""
    on, area = customers.operator_day(asked.effective_at), asked.request.get("home_area")
    if asked.subscriber_id is not None:
        area = customers.line_of(subscriber_id=asked.subscriber_id, at=asked.at).home_area
    buyer = buyer_of(customer_id=customer_id, held=held, channel=asked.channel, area=area, on=on)
    found = refusals(code=offer_code, buyer=buyer, on=on)
    if found:
        raise OfferRefused("; ".join(one.en for one in found))


def buyer_of(*, customer_id: int, held: Sequence[str], channel: str, area: int | None, on: date) -> Buyer:
    """What the rules of sale ask of a customer who holds some offers. Raises CustomerUnknown."""
    person = customers.person_of(customer_id=customer_id)
    return Buyer(
        held=tuple(held),
        born_on=person.born_on,
        customer_class=person.customer_class,
        classes_above=customers.class_path(person.customer_class),
        channel=channel,
        area=area,
        certificates=customers.certificates_of(customer_id=person.customer_id, on=on),
    )


def fee(code: str, fee_fen: int, *, booking: str = "FEE") -> list[Fee]:
    """One line of a price, or none where nothing is to be paid."""
    return [Fee(code, booking, fee_fen)] if fee_fen > 0 else []
