"""Terminals by IMEI: received, allocated, sold or bundled with a user, taken back, repaired, scrapped (BMR-10)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.counter import places_of
from openboss.access.console.views.stock import (
    counted_states,
    done_with,
    item_names,
    place_choices,
    place_column,
    place_filter,
)
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.resources import functions as resources
from openboss.modules.resources.functions import TerminalRow

WITH_A_USER = ("SOLD", "BUNDLED")
MOST = 2_000


@require_GET
@needs("resources.view")
def terminals(request: HttpRequest) -> HttpResponseBase:
    """The terminals of one's places: how many in which state, and each of them with its user."""
    own, items = places_of(request), item_names()
    kinds = [(one.code, items[one.code]) for one in resources.item_types(kind="TERMINAL")]

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        found = resources.list_terminals(
            filters=filters, org_codes=own, sort=sort, offset=paging.offset, limit=paging.size
        )
        return *found, {}

    screen = ListScreen(
        name="terminals",
        title=gettext_lazy("Terminals"),
        columns=(
            Column("imei", gettext_lazy("IMEI"), "nowrap", sort=True),
            Column("item_code", gettext_lazy("Stock item"), read=lambda row: items.get(row.item_code, row.item_code)),
            Column("state", gettext_lazy("State"), "word:terminal_state", sort=True),
            place_column(),
            Column("subscriber_id", gettext_lazy("User"), "number", link=_user),
            Column("sold_on", gettext_lazy("Sold on"), "day", sort=True),
        ),
        filters=(
            Filter("imei", gettext_lazy("IMEI begins with"), "search"),
            Filter("state", gettext_lazy("State"), "choice", words.choices("terminal_state")),
            Filter("item", gettext_lazy("Stock item"), "choice", kinds),
            place_filter(request),
        ),
        fetch=fetch,
        default_sort="imei",
        row_id=lambda row: row.imei,
        empty=gettext_lazy("No terminal lies at your places."),
        template="terminals.html",
        tools="console/terminal_tools.html",
        context={
            **counted_states("terminal_state", resources.count_terminals(org_codes=own)),
            "items": kinds,
            "steps": words.choices("terminal_step"),
            "places": place_choices(own),
        },
    )
    return show_list(request, screen, active="console:terminals")


def _user(row: TerminalRow) -> str | None:
    return reverse("console:by_user", args=[row.subscriber_id]) if row.subscriber_id else None


@require_POST
@needs("resources.load")
def receive(request: HttpRequest) -> HttpResponse:
    """Take terminals into stock, one IMEI a line, all or none."""
    imeis, place = request.POST.get("imeis", "").split(), request.POST.get("place", "")
    if not 0 < len(imeis) <= MOST or place not in places_of(request):
        messages.error(request, _("Write the IMEIs, one a line, and a place of yours."))
        return redirect("console:terminals")

    def act() -> None:
        resources.receive_terminals(
            imeis=imeis,
            item_code=request.POST.get("item", ""),
            org_code=place,
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
        )

    if done_with(request, act):
        messages.success(request, _("%s terminals received.") % formats.count(len(imeis)))
    return redirect("console:terminals")


@require_POST
@needs("resources.manage")
def move(request: HttpRequest) -> HttpResponse:
    """Allocate, sell, bundle with a user, take back, repair or scrap the chosen terminals."""
    imeis, state, now = request.POST.getlist("row"), request.POST.get("state", ""), clock.now()
    reason, number = request.POST.get("reason", "").strip()[:200], request.POST.get("number", "").strip()
    if not imeis or state not in dict(words.choices("terminal_step")) or (state == "SCRAPPED" and not reason):
        messages.error(request, _("Choose terminals; to scrap one takes a reason."))
        return redirect("console:terminals")
    user = None
    if state in WITH_A_USER and (number or state == "BUNDLED"):
        try:
            user = customers.subscriber_of_number(number=customers.read_number(number), at=now)
        except customers.SubscriberUnknown:
            messages.error(request, _("No user has this number. Check it digit by digit."))
            return redirect("console:terminals")

    def act(imei: str) -> None:
        resources.move_terminal(
            imei=imei,
            state=state,
            at=now,
            staff_id=staff_of(request).staff_id,
            subscriber_id=user,
            reason=reason,
            within=places_of(request),
        )

    if all(done_with(request, lambda imei=imei: act(imei)) for imei in imeis):  # type: ignore[misc]
        messages.success(request, _("Done; it stands in the audit."))
    return redirect("console:terminals")
