"""Assurance: the same money told twice is the same money; what differs, why, and what is done about it."""

from __future__ import annotations

from typing import Any

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
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import part
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.debit import start_run
from openboss.access.console.views.money import carried_out, second_person
from openboss.access.jobs import clock
from openboss.modules.receivables.functions import long_runs
from openboss.processes import assure_money

MOST = 5000
PLACES = {
    "bill": "console:bill",
    "payment": "console:payment",
    "entry": "console:entry",
    "account": "console:account",
}


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    tests = {
        "check": lambda row, check: row.check == check,
        "state": lambda row, state: row.state == state,
        "object": lambda row, text: row.object_id.startswith(text),
    }
    rows = assure_money.differences(check=filters.get("check"), state=filters.get("state"), limit=MOST)
    return rows_in_memory(rows, tests, filters, sort, paging)


def _place(row: assure_money.DifferenceView) -> str | None:
    route = PLACES.get(row.object_kind)
    return reverse(route, args=[int(row.object_id)]) if route and row.object_id.isdecimal() else None


def _amount(row: assure_money.DifferenceView, counted: int) -> str:
    """An amount in the unit of its check: the engine counts in li, networks in what was used; an account by number."""
    if row.unit == "NO":
        return str(counted)
    if row.unit == "KB":
        return formats.volume(counted)
    if row.unit == "S":
        return formats.duration(counted)
    if row.unit == "MSG":
        return formats.count(counted)
    return formats.yuan_of_li(counted) if row.unit == "LI" else formats.yuan_of_fen(counted)


def _newest() -> list[dict[str, Any]]:
    """The last run of each check, in the order of the checks; None where it never ran."""
    known: dict[str, assure_money.CheckDone] = {}
    for one in assure_money.results():
        known.setdefault(one.check, one)
    return [{"check": check, "done": known.get(check)} for check in assure_money.CHECKS]


def _settled(row: assure_money.DifferenceView) -> str:
    return row.note or str(words.word("assurance_repair", row.repair).text)


def _screen() -> ListScreen:
    return ListScreen(
        name="differences",
        title=gettext_lazy("Assurance"),
        columns=(
            Column("difference_id", gettext_lazy("No."), "number", sort=True),
            Column("check", gettext_lazy("Check"), "word:assurance_check", sort=True),
            Column("object_id", gettext_lazy("Object"), sort=True, link=_place, sub=lambda row: row.object_kind),
            Column("cause", gettext_lazy("Cause"), "word:assurance_cause", sort=True, sub=_settled),
            Column("state", gettext_lazy("State"), "word:difference_state", sort=True),
            Column("first_on", gettext_lazy("Since"), "day", sort=True),
            Column(
                "expected_fen", gettext_lazy("Expected"), "number", sort=True,
                read=lambda row: _amount(row, row.expected_fen),
            ),
            Column(
                "found_fen", gettext_lazy("Found"), "number", sort=True,
                read=lambda row: _amount(row, row.found_fen),
            ),
        ),
        filters=(
            Filter("check", gettext_lazy("Check"), "choice", words.choices("assurance_check")),
            Filter("state", gettext_lazy("State"), "choice", words.choices("difference_state"), default="OPEN"),
            Filter("object", gettext_lazy("Object"), "search"),
        ),
        fetch=_fetch,
        default_sort="-difference_id",
        row_link=_place,
        row_id=lambda row: row.difference_id,
        empty=gettext_lazy("Everything that is told twice is told the same."),
        template="assurance.html",
        tools="console/assurance_tools.html",
        context={"checks": _newest()} | _under_way(),
    )  # fmt: skip


def _under_way() -> dict[str, Any]:
    return {
        "long_runs": long_runs.list_long_runs(kinds=["ASSURANCE"], limit=1),
        "follow": reverse("console:assurance"),
    }


@require_GET
@needs("receivables.view")
def assurance(request: HttpRequest) -> HttpResponseBase:
    """The checks with their last runs, and the differences with cause and repair (issue 6 section 5)."""
    if request.htmx:
        return part(request, "long_runs.html", _under_way())
    return show_list(request, _screen(), active="console:assurance")


@require_POST
@needs("receivables.close")
def look(request: HttpRequest) -> HttpResponse:
    """Let the worker run every check now."""
    start_run(request, "ASSURANCE", clock.today().isoformat(), {"on": clock.today().isoformat()})
    return redirect("console:assurance")


@require_POST
@needs("receivables.adjust")
def act(request: HttpRequest) -> HttpResponse:
    """Repair chosen differences as their check proposes, with a second person, or say why they are right."""
    chosen = [int(one) for one in request.POST.getlist("row") if one.isdecimal()]
    action, note = request.POST.get("action", ""), request.POST.get("reason", "").strip()
    if not chosen or action not in ("repair", "explain") or (action == "explain" and not note):
        messages.error(request, _("Choose differences; to explain them, say why they are right."))
        return redirect("console:assurance")
    who: dict[str, Any] = {"at": clock.now(), "staff_id": staff_of(request).staff_id}

    def done() -> int:
        approved_by = second_person(request)
        for difference_id in chosen:
            if action == "repair":
                assure_money.repair(difference_id=difference_id, approved_by=approved_by, **who)
            else:
                assure_money.explain(difference_id=difference_id, note=note, **who)
        return len(chosen)

    if carried_out(request, done):
        messages.success(request, _("Done; the next run of the check looks again."))
    return redirect("console:assurance")
