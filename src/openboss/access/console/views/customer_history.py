"""What happened with a customer: orders, papers, contacts, one timeline, and who looked at them (BMV-04, D23.2)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.page import part
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.customers import whole_picture
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Customer360
from openboss.modules.orders import functions as orders
from openboss.modules.system import functions as system
from openboss.modules.system.functions import SerialNumberUsed

ORDERS, PAPERS, LOOKS, EVENTS, AUDITED = 8, 12, 8, 20, 200
SPOKEN = ("HALL", "HOTLINE", "SMS")  # channels at which members of staff are spoken to
LOOKED = ("customers.reveal", "customers.reveal_contacts", "customers.check_holder")


@dataclass(frozen=True)
class Event:
    """One thing that happened: when, what, and where more stands."""

    at: datetime
    what: str
    more: str
    url: str = ""


def _timeline(picture: Customer360, found: list[orders.OrderView]) -> list[Event]:
    """Orders, changes of state and what was said over every channel, the newest first (CRM-05)."""
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
    events += [
        Event(
            one.at,
            str(words.word("interaction_reason", one.reason).text),
            f"{words.word('channel', one.channel).text} · {one.note} · "
            f"{words.word('interaction_result', one.result).text}",
        )
        for one in customers.interactions_of(customer_id=picture.customer.customer_id, page_size=EVENTS)[0]
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
        "may_note": "customers.edit" in staff_of(request).rights,
        "reasons": words.choices("interaction_reason"),
        "results": words.choices("interaction_result"),
        "channels": [(code, words.word("channel", code).text) for code in SPOKEN],
        "serial_no": f"SAID {secrets.token_hex(10)}",
    }
    return part(request, "customer_history.html", context)


@require_POST
@needs("customers.edit")
def note(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Write down what a customer said here, for whoever serves them next."""
    picture, given = whole_picture(customer_id), request.POST
    said = given.get("note", "").strip()[:500]
    is_known = given.get("reason") in customers.INTERACTION_REASONS and given.get("result") in customers.RESULTS
    if not said or not is_known or given.get("channel") not in SPOKEN:
        messages.error(request, _("Why, what was said and what came of it are needed."))
        return redirect("console:customer", customer_id)
    try:
        customers.note_interaction(
            customer_id=picture.customer.customer_id,
            channel=given["channel"],
            direction="IN",
            reason=given["reason"],
            note=said,
            result=given["result"],
            serial_no=given.get("serial_no", "")[:64] or f"SAID {secrets.token_hex(10)}",
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
        )
    except SerialNumberUsed:
        messages.error(request, _("This form was sent already with other content. Load the page again."))
    else:
        messages.success(request, _("Written down."))
    return redirect("console:customer", customer_id)
