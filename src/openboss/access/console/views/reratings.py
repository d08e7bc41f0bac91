"""Re-rating: chosen and asked for, worked out, before and after looked at, decided by a second person (CHG-36)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST
from procrastinate.exceptions import AlreadyEnqueued

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import page, part
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.detail import local_moment
from openboss.access.jobs import clock
from openboss.access.jobs.schedule import re_rate_waiting
from openboss.modules.catalog import functions as catalog
from openboss.modules.charging.functions.collection import list_sources
from openboss.processes import re_rate

_FIELDS = ("offer", "source", "brand", "customer_class", "file_id", "home_area", "holders_of")
_NUMBERS = ("file_id", "home_area", "holders_of")


def _start() -> None:
    """Let the worker begin at once; the schedule looks every minute anyway."""
    try:
        re_rate_waiting.configure(queueing_lock="re_rate").defer(timestamp=0)
    except AlreadyEnqueued:
        return


def _found(rerating_id: int) -> re_rate.ReratingView:
    try:
        return re_rate.rerating(rerating_id=rerating_id)
    except re_rate.ReratingUnknown as unknown:
        raise Http404 from unknown


# --- all of them -------------------------------------------------------------------------------------------------


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    rows = [
        {**vars(view), "change_fen": view.after_fen - view.before_fen, "asked_name": staff_name(view.asked_by)}
        for view in re_rate.list_reratings()
    ]
    tests: dict[str, Callable[[Any, str], bool]] = {
        "q": lambda row, text: text.casefold() in row["cause"].casefold(),
        "state": lambda row, state: row["state"] == state,
    }
    return rows_in_memory(rows, tests, filters, sort, paging)


def _place(row: Any) -> str:
    return reverse("console:rerating", args=[row["rerating_id"]])


RERATINGS = ListScreen(
    name="reratings",
    title=gettext_lazy("Re-rating"),
    columns=(
        Column("rerating_id", gettext_lazy("No."), "number", sort=True, link=_place),
        Column("cause", gettext_lazy("Cause"), "wide", sort=True, link=_place),
        Column("state", gettext_lazy("State"), "word:rerating_state", sort=True),
        Column("users", gettext_lazy("Users"), "count", sort=True),
        Column("changed_records", gettext_lazy("Records charged otherwise"), "count", sort=True),
        Column("change_fen", gettext_lazy("Change"), "fen", sort=True),
        Column("posted_fen", gettext_lazy("Of it as adjustments"), "fen", sort=True),
        Column("asked_name", gettext_lazy("Asked by"), sort=True),
        Column("asked_at", gettext_lazy("When"), "moment", sort=True),
    ),
    filters=(
        Filter("q", gettext_lazy("Cause"), "search"),
        Filter("state", gettext_lazy("State"), "choice", words.choices("rerating_state")),
    ),
    fetch=_fetch,
    default_sort="-rerating_id",
    row_link=_place,
    empty=gettext_lazy("Nothing was ever rated again."),
    template="reratings.html",
)


@require_GET
@needs("charging.rerate")
def reratings(request: HttpRequest) -> HttpResponseBase:
    """All re-ratings, the newest first: what waits for a second person, and what was done."""
    return show_list(request, RERATINGS, active="console:reratings")


# --- a new one ---------------------------------------------------------------------------------------------------


@require_GET
@needs("charging.rerate")
def new(request: HttpRequest) -> HttpResponse:
    """Choose records by period, tariff, source and segment."""
    return page(request, "rerating_new.html", {**_choices(), "typed": request.GET, "active": "console:reratings"})


def _choices() -> dict[str, Any]:
    offers = catalog.offers()
    return {
        "offers": offers,
        "holdable": [offer for offer in offers if offer.kind != "STANDARD"],
        "sources": list_sources(),
        "brands": words.choices("brand"),
        "classes": words.choices("customer_class"),
    }


@require_POST
@needs("charging.rerate")
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for it; the worker works it out."""
    cause = request.POST.get("cause", "").strip()
    try:
        chosen = _chosen(request)
    except ValueError:
        chosen = None
    if chosen is None or not cause or chosen.to_on < chosen.from_on:
        messages.error(request, _("Give a period, write numbers as digits, and say what was wrong."))
        context = {**_choices(), "typed": request.POST, "active": "console:reratings"}
        return page(request, "rerating_new.html", context, status=400)
    staff_id = staff_of(request).staff_id
    rerating_id = re_rate.ask(chosen=chosen, cause=cause[:150], staff_id=staff_id, at=clock.now())
    _start()
    messages.success(request, _("Asked for. This page follows it; nothing is changed before somebody else approves."))
    return redirect("console:rerating", rerating_id)


def _chosen(request: HttpRequest) -> re_rate.Chosen:
    """What the form says. Raises ValueError."""
    typed = {name: text for name in _FIELDS if (text := request.POST.get(name, "").strip())}
    users = request.POST.get("subscriber_ids", "").replace(",", " ").split()
    return re_rate.Chosen(
        date.fromisoformat(request.POST.get("from_on", "")),
        date.fromisoformat(request.POST.get("to_on", "")),
        subscriber_ids=tuple(int(user) for user in users),
        **{name: int(text) if name in _NUMBERS else text for name, text in typed.items()},  # type: ignore[arg-type]
    )


# --- one of them -------------------------------------------------------------------------------------------------


def _said(view: re_rate.ReratingView) -> list[tuple[str, str]]:
    """What was chosen, as people read it."""
    chosen = re_rate.Chosen.of_json(view.chosen)
    names = {offer.code: formats.named(offer) for offer in catalog.offers()}
    ids = {offer.offer_id: formats.named(offer) for offer in catalog.offers()}
    said = [
        (_("Period"), f"{chosen.from_on} – {chosen.to_on}"),
        (_("Charged by"), names.get(chosen.offer or "", chosen.offer)),
        (_("Source"), chosen.source),
        (_("File"), chosen.file_id),
        (_("Brand"), chosen.brand and words.word("brand", chosen.brand).text),
        (_("Customer class"), chosen.customer_class and words.word("customer_class", chosen.customer_class).text),
        (_("Home area"), chosen.home_area),
        (_("Holders of"), ids.get(chosen.holders_of or 0)),
        (_("Users"), ", ".join(map(str, chosen.subscriber_ids))),
    ]
    return [(str(title), str(text)) for title, text in said if text]


def _context(request: HttpRequest, view: re_rate.ReratingView) -> dict[str, Any]:
    problem = view.problem.partition(":")[0]
    staff = staff_of(request)
    return {
        "rerating": view,
        "said": _said(view),
        "asked_name": staff_name(view.asked_by),
        "decided_name": staff_name(view.decided_by) if view.decided_by else "",
        "change_fen": view.after_fen - view.before_fen,
        "problem": words.word("rerating_problem", problem).text if problem else "",
        "done_pct": view.done_records * 100 // view.all_records if view.all_records else 0,
        "is_running": view.state in ("ASKED", "APPROVED"),
        "is_open": view.state == "PROPOSED",
        "may_decide": "charging.rerate_approve" in staff.rights and view.asked_by != staff.staff_id,
    }


_CHANGES: dict[str, Callable[[int], bool]] = {
    "LESS": lambda fen: fen < 0,
    "MORE": lambda fen: fen > 0,
    "SAME": lambda fen: fen == 0,
}


def _users_screen(view: re_rate.ReratingView, context: dict[str, Any]) -> ListScreen:
    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        rows = re_rate.by_user(view).to_dicts() if "by_item" in view.found else []
        tests: dict[str, Callable[[Any, str], bool]] = {
            "user": lambda row, text: str(row["subscriber_id"]) == text,
            "change": lambda row, change: _CHANGES[change](row["change_fen"]),
        }
        summed = ("records", "before_fen", "after_fen", "change_fen", "posted_fen")
        return rows_in_memory(rows, tests, filters, sort, paging, sums=summed)

    def place(row: Any) -> str:
        return reverse("console:rerating_user", args=[view.rerating_id, row["subscriber_id"]])

    return ListScreen(
        name=f"rerating-{view.rerating_id}",
        title=_("Re-rating %s") % view.rerating_id,
        columns=(
            Column("subscriber_id", gettext_lazy("User"), "number", sort=True, link=place),
            Column("records", gettext_lazy("Records charged otherwise"), "count", sort=True),
            Column("before_fen", gettext_lazy("Before"), "fen", sort=True),
            Column("after_fen", gettext_lazy("After"), "fen", sort=True),
            Column("change_fen", gettext_lazy("Change"), "fen", sort=True),
            Column("posted_fen", gettext_lazy("Of it as adjustments"), "fen", sort=True),
        ),
        filters=(
            Filter("user", gettext_lazy("User"), "search"),
            Filter("change", gettext_lazy("Change"), "choice", words.choices("change")),
        ),
        fetch=fetch,
        default_sort="change_fen",
        row_link=place,
        empty=_("Nobody would be charged otherwise.")
        if view.found
        else _("Before and after stand here once worked out."),
        template="rerating.html",
        context=context,
    )


@require_GET
@needs("charging.rerate")
def rerating(request: HttpRequest, rerating_id: int) -> HttpResponseBase:
    """One re-rating: how far it is, before and after by user, and the decision."""
    view = _found(rerating_id)
    context = _context(request, view)
    if request.htmx and "progress" in request.GET:
        answer = part(request, "rerating_live.html", context)
        if not context["is_running"]:
            answer["HX-Refresh"] = "true"
        return answer
    return show_list(request, _users_screen(view, context), active="console:reratings")


@require_POST
@needs("charging.rerate_approve")
def decide(request: HttpRequest, rerating_id: int) -> HttpResponse:
    """Approve or refuse as the second person."""
    reason, approved = request.POST.get("reason", "").strip()[:150], request.POST.get("decision") == "approve"
    who: dict[str, Any] = {"reason": reason, "staff_id": staff_of(request).staff_id, "at": clock.now()}
    if not approved and not reason:
        messages.error(request, _("Say why; who asked for it reads it."))
        return redirect("console:rerating", rerating_id)
    try:
        (re_rate.approve if approved else re_rate.refuse)(rerating_id=rerating_id, **who)
    except re_rate.OwnProposal:
        messages.error(request, _("You asked for this re-rating yourself; another person must decide."))
    except re_rate.NotWaiting:
        messages.error(request, _("This re-rating was decided already. Load the page again."))
    except re_rate.ReratingUnknown as unknown:
        raise Http404 from unknown
    else:
        if approved:
            _start()
        messages.success(request, _("Approved: it is being carried out.") if approved else _("Refused."))
    return redirect("console:rerating", rerating_id)


# --- one user of it ----------------------------------------------------------------------------------------------


def _records_screen(view: re_rate.ReratingView, subscriber_id: int, context: dict[str, Any]) -> ListScreen:
    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        found = re_rate.changed_records(view, subscriber_id).to_dicts()
        rows = [{**row, "change_li": row["after_li"] - row["before_li"]} for row in found]
        tests: dict[str, Callable[[Any, str], bool]] = {"cycle": lambda row, cycle: str(row["cycle"]) == cycle}
        return rows_in_memory(rows, tests, filters, sort, paging, sums=["before_li", "after_li", "change_li"])

    def why(row: Any) -> str:
        return reverse("console:why", args=[subscriber_id, row["cycle"], row["position"], row["row"]])

    cycles = sorted({str(cycle) for cycle in re_rate.by_item(view, subscriber_id)["cycle"]})
    return ListScreen(
        name=f"rerating-{view.rerating_id}-{subscriber_id}",
        title=_("Re-rating %(n)s: user %(user)s") % {"n": view.rerating_id, "user": subscriber_id},
        columns=(
            Column(
                "start_local_s", gettext_lazy("Began"), sort=True, read=lambda row: local_moment(row["start_local_s"])
            ),
            Column("record_type", gettext_lazy("Kind"), "word:record_type", sort=True),
            Column("other_number", gettext_lazy("Other party"), "phone", sort=True),
            Column("duration_s", gettext_lazy("Duration"), "duration", sort=True),
            Column("kb_units", gettext_lazy("Volume"), "kb", sort=True),
            Column("cycle", gettext_lazy("Month"), "cycle", sort=True),
            Column("before_li", gettext_lazy("Before"), "li", sort=True),
            Column("after_li", gettext_lazy("After"), "li", sort=True),
            Column("change_li", gettext_lazy("Change"), "li", sort=True),
        ),
        filters=(Filter("cycle", gettext_lazy("Month"), "choice", [(c, formats.cycle_name(int(c))) for c in cycles]),),
        fetch=fetch,
        default_sort="start_local_s",
        row_link=why if view.state == "APPLIED" else None,
        empty=gettext_lazy("No record of this user is charged otherwise."),
        template="rerating_user.html",
        context=context,
    )


@require_GET
@needs("charging.rerate")
def user(request: HttpRequest, rerating_id: int, subscriber_id: int) -> HttpResponseBase:
    """What a re-rating would change for one user: items, free units, records."""
    view = _found(rerating_id)
    if "by_item" not in view.found:
        raise Http404
    items = {item.item_id: formats.named(item) for item in catalog.bill_item_types()}
    found = [row for row in re_rate.by_item(view, subscriber_id).to_dicts() if row["before_fen"] != row["after_fen"]]
    free = re_rate.free_units(view, subscriber_id).to_dicts()
    names = catalog.rule_names([row["rule"] for row in free])
    context = {
        "rerating": view,
        "subscriber_id": subscriber_id,
        "items": [{**row, "name": items.get(row["item_id"], row["item_id"])} for row in found],
        "free": [
            {**row, "name": formats.named(names[row["rule"]]) if row["rule"] in names else row["rule"]} for row in free
        ],
    }
    return show_list(request, _records_screen(view, subscriber_id, context), active="console:reratings")
