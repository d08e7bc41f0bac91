"""The cashier's till: opened with a float, closed by counting, a difference explained (D22.2)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.money import carried_out, fen_of, open_till_of
from openboss.access.jobs import clock
from openboss.modules.receivables import functions as receivables

TILLS = 1000


def _screen(staff_id: int, context: dict[str, Any]) -> ListScreen:
    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        tests = {"state": lambda till, state: (till.closed_at is None) == (state == "open")}
        return rows_in_memory(receivables.tills_of(staff_id=staff_id, limit=TILLS), tests, filters, sort, paging)

    states = (("open", gettext_lazy("Open")), ("closed", gettext_lazy("Closed")))
    return ListScreen(
        name="tills",
        title=gettext_lazy("My till"),
        columns=(
            Column("till_id", gettext_lazy("No."), "number", sort=True),
            Column("opened_at", gettext_lazy("Opened at"), "moment", sort=True),
            Column("opening_fen", gettext_lazy("Float"), "fen", sort=True),
            Column("closed_at", gettext_lazy("Closed at"), "moment", sort=True),
            Column("expected_fen", gettext_lazy("Should be there"), "fen", sort=True),
            Column("counted_fen", gettext_lazy("Counted"), "fen", sort=True, read=_counted),
            Column("difference_fen", gettext_lazy("Difference"), "fen", sort=True),
            Column("difference_reason", gettext_lazy("Reason")),
        ),
        filters=(Filter("state", gettext_lazy("State"), "choice", states),),
        fetch=fetch,
        default_sort="-till_id",
        empty=gettext_lazy("You have not opened a till yet."),
        template="till.html",
        context=context,
    )


def _counted(till: receivables.TillView) -> int | None:
    return till.counted_fen


@require_GET
@needs("receivables.collect")
def till(request: HttpRequest) -> HttpResponseBase:
    """The till of whoever is logged in, open or not, and those before it."""
    staff_id = staff_of(request).staff_id
    return show_list(request, _screen(staff_id, {"till": open_till_of(staff_id)}), active="console:till")


@require_POST
@needs("receivables.collect")
def open_till(request: HttpRequest) -> HttpResponse:
    """Open the till with its float."""
    staff = staff_of(request)
    opened = carried_out(
        request,
        lambda: receivables.open_till(
            staff_id=staff.staff_id,
            place=staff.org_code,
            opening_fen=fen_of(request.POST.get("float", "")),
            at=clock.now(),
        ),
    )
    if opened is not None:
        messages.success(request, _("The till is open."))
    return redirect("console:till")


@require_POST
@needs("receivables.collect")
def close_till(request: HttpRequest) -> HttpResponse:
    """Close the till by what was counted; what is over or short is booked with its reason."""
    staff_id = staff_of(request).staff_id
    mine = open_till_of(staff_id)
    if mine is None:
        messages.error(request, _("Your till is closed already."))
        return redirect("console:till")
    closed = carried_out(
        request,
        lambda: receivables.close_till(
            till_id=mine.till_id,
            counted_fen=fen_of(request.POST.get("counted", "")),
            reason=request.POST.get("reason", "").strip(),
            at=clock.now(),
            staff_id=staff_id,
        ),
    )
    if closed is not None:
        text = _("The till is closed. Difference: %s")
        messages.success(request, text % formats.signed_yuan_of_fen(closed.difference_fen))
    return redirect("console:till")
