"""What happened with a customer: orders, papers, contacts, one timeline, and who looked at them (BMV-04, D23.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from openboss.access.console import words
from openboss.access.console.page import part
from openboss.access.console.session import needs
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.customers import whole_picture
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Customer360
from openboss.modules.orders import functions as orders
from openboss.modules.system import functions as system

ORDERS, PAPERS, LOOKS, EVENTS, AUDITED = 8, 12, 8, 20, 200
LOOKED = ("customers.reveal", "customers.reveal_contacts", "customers.check_holder")


@dataclass(frozen=True)
class Event:
    """One thing that happened: when, what, and where more stands."""

    at: datetime
    what: str
    more: str
    url: str = ""


def _timeline(picture: Customer360, found: list[orders.OrderView]) -> list[Event]:
    """Orders and changes of state, the newest first."""
    events = [
        Event(
            one.completed_at or one.created_at,
            str(words.word("order_kind", one.kind).text),
            str(words.word("order_state", one.state).text),
            reverse("console:order", args=[one.order_id]),
        )
        for one in found
    ]
    events += [
        Event(
            change.at,
            str(words.word("subscriber_state", change.state).text),
            f"{user.number_masked} · {words.word('state_event', change.event).text}",
        )
        for user in picture.subscribers
        for change in user.states
    ]
    return sorted(events, key=lambda one: one.at, reverse=True)[:EVENTS]


@require_GET
@needs("customers.view")
def history(request: HttpRequest, customer_id: int) -> HttpResponse:
    """The part of a customer's page that is read when somebody asks what happened."""
    picture = whole_picture(customer_id)
    found, total = orders.list_orders(customer_id=customer_id, page_size=ORDERS)
    entries, _all = system.list_audit(object_kind="customer", object_id=str(customer_id), page_size=AUDITED)
    looks = [one for one in entries if one.action in LOOKED]
    context = {
        "who": picture.customer,
        "orders": found,
        "orders_total": total,
        "papers": orders.documents_of_customer(customer_id=customer_id, limit=PAPERS),
        "contacts": customers.contact_labels_of(customer_id=customer_id, at=clock.now()),
        "timeline": _timeline(picture, found),
        "looks": [(look, staff_name(look.staff_id)) for look in looks[:LOOKS]],
        "looked": len(looks),
    }
    return part(request, "customer_history.html", context)
