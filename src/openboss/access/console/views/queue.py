"""Who waits in this hall: tickets, the next one at a window, and how long people waited by hour (HAL-15)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.customers import office_names
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import TicketClosed, TicketKindUnknown
from openboss.modules.system import functions as system
from openboss.processes import queue_hall

WINDOW = "queue_window"


@require_GET
@needs("customers.view")
def queue(request: HttpRequest) -> HttpResponse:
    """Tickets that wait, those at windows, and the hours of today in the halls below this person's place."""
    now, org_code = clock.now(), staff_of(request).org_code
    tickets = orders.tickets_of_day(org_code=org_code, at=now)
    longest_s = queue_hall.longest_allowed_s(now)
    names = customers.names_of_customers(customer_ids=[one.customer_id for one in tickets if one.customer_id])
    rows: list[dict[str, Any]] = [
        {
            "ticket": one,
            "waited_s": one.waited_s(now),
            "is_late": one.called_at is None and one.waited_s(now) > longest_s,
            "name": names.get(one.customer_id or 0, ""),
        }
        for one in tickets
    ]
    midnight = clock.begin_of(clock.today())
    halls = system.org_subtree(code=org_code)
    hours = queue_hall.hours_of(org_codes=halls, from_at=midnight, to_at=midnight + timedelta(days=1))
    context = {
        "active": "console:queue",
        "waiting": [row for row in rows if row["ticket"].called_at is None],
        "called": [row for row in rows if row["ticket"].called_at is not None],
        "kinds": words.choices("ticket_kind"),
        "hours": [(one, f"{one.wait.hour_at.astimezone(clock.operator_timezone()):%H}:00") for one in hours],
        "offices": office_names(),
        "longest_s": longest_s,
        "window": request.session.get(WINDOW, "1"),
    }
    return page(request, "queue.html", context)


@require_POST
@needs("customers.edit")
def act(request: HttpRequest) -> HttpResponse:
    """Take a ticket, call the next one, note what was prepared, close one."""
    wanted, number = request.POST.get("act", ""), request.POST.get("ticket", "")
    if wanted == "close":
        wanted = request.POST.get("outcome", "LEFT")
    try:
        said = _act(request, wanted, int(number) if number.isdecimal() else 0)
    except TicketClosed:
        messages.error(request, _("This ticket was called or closed meanwhile."))
    except TicketKindUnknown:
        messages.error(request, _("There are no tickets of this kind."))
    else:
        messages.success(request, said)
    return redirect("console:queue")


def _act(request: HttpRequest, wanted: str, queue_ticket_id: int) -> str:
    staff, now = staff_of(request), clock.now()
    own: dict[str, Any] = {"at": now, "staff_id": staff.staff_id}
    match wanted:
        case "take":
            kind, number = request.POST.get("kind", ""), customers.read_number(request.POST.get("number", ""))
            ticket = queue_hall.take(org_code=staff.org_code, kind=kind, at=now, number=number)
            return _("Ticket %s") % ticket.label
        case "call":
            window = request.POST.get("window", "").strip()[:16] or "1"
            request.session[WINDOW] = window
            kinds = [kind for kind in request.POST.getlist("kind") if kind in words.WORDS["ticket_kind"]]
            called = orders.call_next(
                org_code=staff.org_code, kinds=kinds or list(words.WORDS["ticket_kind"]), window=window, **own
            )
            return _("Now %s, please.") % called.label if called else _("Nobody waits.")
        case "prepare":
            preparation = request.POST.get("preparation", "").strip()
            orders.prepare(queue_ticket_id=queue_ticket_id, preparation=preparation, **own)
            return _("Noted.")
        case _:
            outcome = "SERVED" if wanted == "SERVED" else "LEFT"
            orders.close_ticket(queue_ticket_id=queue_ticket_id, outcome=outcome, **own)
            return _("Noted.")
