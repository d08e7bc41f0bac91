"""Numbers: what there is by state and grade, choosing with a lock, freezing, and loading of segments (BMR-03 to 05)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.counter import places_of
from openboss.access.console.views.stock import counted_states, done_with, place_choices, place_column, place_filter
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.resources import functions as resources

BEYOND_NUMBERS = 10**13


@require_GET
@needs("resources.view")
def numbers(request: HttpRequest) -> HttpResponseBase:
    """The numbers of one's places: how many in which state, and each of them."""
    own = places_of(request)

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        found = resources.list_numbers(
            filters=filters, org_codes=own, sort=sort, offset=paging.offset, limit=paging.size
        )
        return *found, {}

    grades = resources.grades_on(clock.today())
    screen = ListScreen(
        name="numbers",
        title=gettext_lazy("Numbers"),
        columns=(
            Column("number", gettext_lazy("Number"), "phone", sort=True),
            Column("state", gettext_lazy("State"), "word:number_state", sort=True),
            Column("grade", gettext_lazy("Grade"), "nowrap", sort=True),
            Column("until_at", gettext_lazy("Until"), "moment", sort=True),
            place_column(),
            Column("hlr_code", gettext_lazy("Register")),
            Column("home_area", gettext_lazy("Home area"), "number", hidden=True),
        ),
        filters=(
            Filter("tail", gettext_lazy("Ends with"), "search"),
            Filter("state", gettext_lazy("State"), "choice", words.choices("number_state")),
            Filter("grade", gettext_lazy("Grade"), "choice", [(one.code, one.code) for one in grades]),
            place_filter(request),
        ),
        fetch=fetch,
        default_sort="number",
        row_id=lambda row: row.number,
        empty=gettext_lazy("No number lies at your places."),
        template="numbers.html",
        tools="console/number_tools.html",
        context={
            **counted_states("number_state", resources.count_numbers(org_codes=own)),
            "grades": grades,
        },
    )
    return show_list(request, screen, active="console:numbers")


@require_POST
@needs("resources.manage")
def act(request: HttpRequest) -> HttpResponse:
    """Choose numbers (30 minutes, for this clerk alone), give them back, freeze or free them for a reason."""
    action, reason = request.POST.get("action", ""), request.POST.get("reason", "").strip()[:200]
    chosen = [int(one) for one in request.POST.getlist("row") if one.isdecimal()]
    if not chosen or action not in ("lock", "release", "FROZEN", "IDLE") or (action.isupper() and not reason):
        messages.error(request, _("Choose numbers, and say why they are frozen or freed."))
        return redirect("console:numbers")
    who: dict[str, Any] = {"at": clock.now(), "staff_id": staff_of(request).staff_id}
    by, own = f"staff:{staff_of(request).staff_id}", places_of(request)

    def done(number: int) -> None:
        if action == "lock":
            resources.lock_number(number=number, by=by, within=own, **who)
        elif action == "release":
            resources.release_number(number=number, by=by, **who)
        else:
            resources.set_number_state(number=number, state=action, reason=reason, within=own, **who)

    if all(done_with(request, lambda number=number: done(number)) for number in chosen):  # type: ignore[misc]
        messages.success(request, _("Done; it stands in the audit."))
    return redirect("console:numbers")


@require_GET
@needs("resources.view")
def segments(request: HttpRequest) -> HttpResponseBase:
    """The segments, each with its numbers by state, which add up to all of them; and the table of grades."""
    rows, own = resources.list_segments(), places_of(request)
    places = place_choices(own)
    tests = {"hlr_code": lambda row, code: row.hlr_code == code.upper()}

    def states(row: resources.SegmentRow) -> str:
        named = (f"{words.word('number_state', state).text} {formats.count(n)}" for state, n in row.states.items())
        return " · ".join(named)

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        return rows_in_memory(rows, tests, filters, sort, paging, sums=["numbers"])

    screen = ListScreen(
        name="segments",
        title=gettext_lazy("Segments of numbers"),
        columns=(
            Column("first", gettext_lazy("First"), "phone", sort=True),
            Column("last", gettext_lazy("Last"), "phone", sort=True),
            Column("hlr_code", gettext_lazy("Register")),
            Column("home_area", gettext_lazy("Home area"), "number", sort=True),
            Column("loaded_at", gettext_lazy("Loaded"), "moment", sort=True),
            Column("states", gettext_lazy("States"), read=states),
            Column("adds_up", gettext_lazy("Adds up"), "word:adds_up", read=_adds_up),
            Column("numbers", gettext_lazy("Numbers"), "count", sort=True),
        ),
        filters=(Filter("hlr_code", gettext_lazy("Register"), "search"),),
        fetch=fetch,
        default_sort="first",
        empty=gettext_lazy("No segment was loaded yet."),
        template="segments.html",
        context={"grades": resources.grades_on(clock.today()), "places": places},
    )
    return show_list(request, screen, active="console:segments")


def _adds_up(row: resources.SegmentRow) -> str:
    return "yes" if sum(row.states.values()) == row.numbers else "no"


@require_POST
@needs("resources.load")
def load(request: HttpRequest) -> HttpResponse:
    """Load a segment: every number of it is graded, idle, and belongs to a place."""
    first, last = (customers.read_number(request.POST.get(name, "")) for name in ("first", "last"))
    area, place = request.POST.get("home_area", ""), request.POST.get("place", "")
    if not (first and last and max(first, last) < BEYOND_NUMBERS and area.isdecimal() and place in places_of(request)):
        messages.error(request, _("Write the first and the last number, the home area, and a place of yours."))
        return redirect("console:segments")
    made: list[int] = []

    def load_it() -> None:
        made.append(
            resources.load_segment(
                first=first,
                last=last,
                hlr_code=request.POST.get("hlr_code", "").strip().upper()[:16],
                home_area=int(area),
                org_code=place,
                at=clock.now(),
                staff_id=staff_of(request).staff_id,
            )
        )

    if done_with(request, load_it):
        messages.success(request, _("%s numbers loaded.") % formats.count(made[0]))
    return redirect("console:segments")
