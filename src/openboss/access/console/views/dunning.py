"""The work list of dunning: who is at which step, what comes next, and who waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import part
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.adjustments import account_url
from openboss.access.console.views.debit import start_run
from openboss.access.console.views.money import carried_out, day_of
from openboss.access.jobs import clock
from openboss.modules.receivables.functions import dunning as work
from openboss.modules.receivables.functions import long_runs


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    tests = {
        "plan": lambda row, plan: row.plan == plan,
        "step": lambda row, step: row.step == step,
        "next": lambda row, step: row.next_step == step,
        "how": lambda row, how: row.how == how,
        "account": lambda row, text: str(row.account_id) == text,
    }
    rows = work.work_list(at=clock.now())
    kept, total, _none = rows_in_memory(rows, tests, filters, sort, Paging(1, max(1, len(rows))))
    sums = {"exposure_fen": sum(row.exposure_fen for row in {row.account_id: row for row in kept}.values())}
    return kept[paging.offset : paging.offset + paging.size], total, sums


def _held(row: work.DunningRow) -> str:
    return "" if row.held_until_on is None else _("until %s") % row.held_until_on.isoformat()


def _next_on(row: work.DunningRow) -> str:
    if row.next_on is not None:
        return row.next_on.isoformat()
    return _("when more is owed") if row.next_step else ""


SCREEN = ListScreen(
    name="dunning",
    title=gettext_lazy("Dunning"),
    columns=(
        Column("account_id", gettext_lazy("Account"), "number", sort=True, link=account_url),
        Column("plan", gettext_lazy("Dunning plan"), "word:plan", sort=True),
        Column("step", gettext_lazy("Last step"), "word:plan_step", sort=True),
        Column("sent_at", gettext_lazy("Done at"), "moment", sort=True),
        Column("next_step", gettext_lazy("Next step"), "word:plan_step", sort=True, sub=_next_on),
        Column("next_on", gettext_lazy("Next on"), "day", sort=True, hidden=True),
        Column("how", gettext_lazy("How it goes on"), "word:dunning_how", sort=True, sub=_held),
        Column("oldest_due_on", gettext_lazy("Oldest due"), "day", sort=True),
        Column("limit_fen", gettext_lazy("Limit"), "fen", sort=True, hidden=True),
        Column("exposure_fen", gettext_lazy("Owed"), "fen", sort=True),
    ),
    filters=(
        Filter("plan", gettext_lazy("Dunning plan"), "choice", words.choices("plan")),
        Filter("step", gettext_lazy("Last step"), "choice", words.choices("plan_step")),
        Filter("next", gettext_lazy("Next step"), "choice", words.choices("plan_step")),
        Filter("how", gettext_lazy("How it goes on"), "choice", words.choices("dunning_how")),
        Filter("account", gettext_lazy("Account"), "search"),
    ),
    fetch=_fetch,
    default_sort="-sent_at",
    row_link=account_url,
    row_id=lambda row: row.account_id,
    empty=gettext_lazy("Nobody is in dunning."),
    template="dunning.html",
    tools="console/dunning_tools.html",
)


@require_GET
@needs("receivables.view")
def dunning(request: HttpRequest) -> HttpResponseBase:
    """Who is at which step of which plan, with the next step and its day (D9.4, D9.5)."""
    follow = {
        "long_runs": long_runs.list_long_runs(kinds=["CREDIT_CONTROL"], limit=1),
        "follow": reverse("console:dunning"),
    }
    if request.htmx:
        return part(request, "long_runs.html", follow)
    return show_list(request, replace(SCREEN, context=follow), active="console:dunning")


@require_POST
@needs("receivables.credit")
def act(request: HttpRequest) -> HttpResponse:
    """Hold chosen accounts until a day, let them go on, or give them to a manager instead of stopping them."""
    accounts = [int(one) for one in set(request.POST.getlist("row")) if one.isdecimal()]
    action, until_on = request.POST.get("action", ""), day_of(request.POST.get("until", ""))
    if not accounts or (action == "hold" and until_on is None):
        messages.error(request, _("Choose accounts, and a day until which they are held."))
        return redirect("console:dunning")
    who: dict[str, Any] = {"at": clock.now(), "staff_id": staff_of(request).staff_id}

    def done() -> bool:
        for account_id in accounts:
            if action in ("hold", "release"):
                work.hold(account_id=account_id, until_on=until_on if action == "hold" else None, **who)
            else:
                work.spare(account_id=account_id, is_exempt=action == "spare", **who)
        return True

    if carried_out(request, done):
        messages.success(request, _("Done; it stands in the audit."))
    return redirect("console:dunning")


@require_POST
@needs("receivables.credit")
def look(request: HttpRequest) -> HttpResponse:
    """Let the worker look at every account now instead of at the next full hour."""
    start_run(request, "CREDIT_CONTROL", "all", {})
    return redirect("console:dunning")
