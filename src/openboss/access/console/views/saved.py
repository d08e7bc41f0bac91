"""Saved views: a list's address under a name, for oneself or the team, pinned in the side bar with its live count."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.jobs import clock
from openboss.modules.system import functions as system
from openboss.modules.system.functions import NotOfTheTeam, ViewUnknown

LONGEST_TITLE, LONGEST_ADDRESS = 60, 2000


def rows_of(request: HttpRequest, address: str) -> str | None:
    """How many rows the list at an address has now for this person, as text; None if there is no such list."""
    parts = urlsplit(address)
    try:
        found = resolve(parts.path)
    except Resolver404:
        return None
    query = QueryDict(parts.query, mutable=True)
    query["count"] = ""
    query.pop("export", None)
    before = request.method, request.GET
    request.method, request.GET = "GET", query  # an address is only ever read, whatever this request does itself
    try:
        answer = found.func(request, *found.args, **found.kwargs)
    except (PermissionDenied, Http404):
        return None
    finally:
        request.method, request.GET = before
    return answer.content.decode() if answer.has_header("X-Rows") else None


@require_POST
@needs()
def save(request: HttpRequest) -> HttpResponse:
    """Save the list that is on the screen under a name."""
    address, title = request.POST.get("address", ""), " ".join(request.POST.get("title", "").split())
    if len(address) > LONGEST_ADDRESS or rows_of(request, address) is None:
        messages.error(request, _("This address is no list that could be saved."))
        return redirect("console:saved")
    if not 0 < len(title) <= LONGEST_TITLE:
        messages.error(request, _("Give the view a name of up to 60 characters."))
        return redirect(address)
    try:
        system.save_view(
            staff_id=staff_of(request).staff_id,
            title=title,
            address=address,
            team=request.POST.get("team", ""),
            at=clock.now(),
        )
    except NotOfTheTeam:
        messages.error(request, _("You can share a view only with your own team."))
    else:
        messages.success(request, _("Saved. You find it in the side bar."))
    return redirect(address)


@require_GET
@needs()
def count(request: HttpRequest, saved_view_id: int) -> HttpResponse:
    """The live count of one saved view, for the side bar; empty if its list is gone or closed to this person."""
    views = system.saved_views(staff_id=staff_of(request).staff_id)
    address = next((view.address for view in views if view.saved_view_id == saved_view_id), "")
    return HttpResponse((rows_of(request, address) if address else None) or "")


def _fetch_for(request: HttpRequest) -> Any:
    me = staff_of(request).staff_id

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        tests = {
            "q": lambda view, text: text.casefold() in view.title.casefold(),
            "whose": lambda view, whose: (view.staff_id == me) == (whose == "mine"),
        }
        return rows_in_memory(system.saved_views(staff_id=me), tests, filters, sort, paging)

    return fetch


@require_GET
@needs()
def saved(request: HttpRequest) -> HttpResponse:
    """All views this person sees, with what may be done with their own."""
    screen = ListScreen(
        name="saved-views",
        title=gettext_lazy("Saved views"),
        columns=(
            Column("title", gettext_lazy("Name"), sort=True, link=lambda view: view.address),
            Column("staff_id", gettext_lazy("Saved by"), sort=True, read=lambda view: staff_name(view.staff_id)),
            Column("team", gettext_lazy("Team"), sort=True),
            Column("is_pinned", gettext_lazy("In the side bar"), sort=True, read=lambda v: "✓" if v.is_pinned else ""),
            Column("saved_at", gettext_lazy("Saved at"), "moment", sort=True),
            Column("address", gettext_lazy("Address"), "wide", hidden=True),
        ),
        filters=(
            Filter("q", gettext_lazy("Name"), "search"),
            Filter(
                "whose",
                gettext_lazy("Whose"),
                "choice",
                (("mine", gettext_lazy("mine")), ("team", gettext_lazy("the team's"))),
            ),
        ),
        fetch=_fetch_for(request),
        default_sort="title",
        row_link=lambda view: view.address,
        row_id=lambda view: view.saved_view_id,
        empty=gettext_lazy("No view is saved yet. Open a list, filter and sort it, and press “Save view”."),
        template="saved.html",
        tools="console/saved_tools.html",
    )
    return show_list(request, screen, active="console:saved")


@require_POST
@needs()
def act(request: HttpRequest) -> HttpResponse:
    """Pin, unpin or remove the ticked views."""
    me, action = staff_of(request).staff_id, request.POST.get("action", "")
    try:
        for row in (int(text) for text in request.POST.getlist("row") if text.isdecimal()):
            if action == "remove":
                system.remove_view(staff_id=me, saved_view_id=row, at=clock.now())
            else:
                system.pin_view(staff_id=me, saved_view_id=row, is_pinned=action == "pin")
    except ViewUnknown:
        messages.error(request, _("Only the person who saved a view may change or remove it."))
    return redirect(reverse("console:saved"))
