"""Waiting in a hall: a ticket, key customers first, nobody longer than ten minutes without somebody knowing (HAL-15).

take    a ticket of a kind; whoever is found by their number and has a VIP grade is called first
call    the next one at a window (orders.call_next)
alarm   who waits longer than the operator allows: the manager of the hall is told, once a ticket
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import EVERYBODY, KEY_CUSTOMER, HourWait, TicketView
from openboss.modules.system.functions import send_out


@dataclass(frozen=True)
class HourOfHall:
    """The waits of a hall in an hour, and whether they were longer on average than the operator allows."""

    wait: HourWait
    is_too_long: bool


def longest_allowed_s(at: datetime) -> int:
    """How long somebody may wait in a hall (HAL-15: ten minutes)."""
    return int(customers.hall_rule("hall.queue_wait_max_s", on=customers.operator_day(at)))


def take(*, org_code: str, kind: str, at: datetime, number: int | None = None, preparation: str = "") -> TicketView:
    """Give somebody a ticket; who has the number they said is known by it. Raises TicketKindUnknown."""
    customer_id = None if number is None else _owner_of(number, at)
    is_key = customer_id is not None and customers.person_of(customer_id=customer_id).vip_level != "NONE"
    rank = KEY_CUSTOMER if is_key else EVERYBODY
    return orders.take_ticket(
        org_code=org_code, kind=kind, rank=rank, at=at, customer_id=customer_id, preparation=preparation
    )


def _owner_of(number: int, at: datetime) -> int | None:
    try:
        user = customers.subscriber_of_number(number=number, at=at)
    except customers.SubscriberUnknown:
        return None
    return customers.customer_of_subscriber(subscriber_id=user)


def hours_of(*, org_codes: Collection[str], from_at: datetime, to_at: datetime) -> list[HourOfHall]:
    """Average wait by hall and hour, with the hours that were too long."""
    allowed_s = longest_allowed_s(from_at)
    waits = orders.waits_by_hour(org_codes=org_codes, from_at=from_at, to_at=to_at)
    return [HourOfHall(one, one.average_s > allowed_s) for one in waits]


def alarm(*, at: datetime) -> list[TicketView]:
    """Tell the managers of halls who waits too long, once a ticket. A job's minute look."""
    late = orders.alarm_long_waits(longer_s=longest_allowed_s(at), at=at)
    for ticket in late:
        told = {"kind": "QUEUE_WAIT", "org_code": ticket.org_code, "ticket": ticket.label}
        send_out(topic="manager.alert", payload={**told, "waited_s": ticket.waited_s(at)}, at=at)
    return late
