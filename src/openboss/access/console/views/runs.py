"""The bill run: months, steps with progress, input balance, audit findings, release."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import page, part
from openboss.access.console.session import needs, staff_of
from openboss.access.console.tasks import close_month_up_to_audit
from openboss.access.console.views.customer_figures import item_names
from openboss.access.jobs import clock
from openboss.modules.billing import functions as billing
from openboss.modules.billing.functions import CycleUnknown
from openboss.processes import close_month

MONEY_FINDINGS = ("ITEM", "TOP_BILL", "NEGATIVE_BILL", "JUMP", "SAMPLE")


def _months() -> list[dict[str, Any]]:
    """Every month with how many bills it has and what they come to."""
    rows = []
    for one in billing.list_cycles():
        _bills, bills, sums = billing.list_bills(filters={"cycle": one.cycle}, page_size=1)
        rows.append({**vars(one), "bills": bills, "total_fen": sums["total_fen"]})
    return rows


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    tests = {
        "cycle": lambda month, text: str(month["cycle"]).startswith(text.replace("-", "")),
        "state": lambda month, state: month["state"] == state,
    }
    return rows_in_memory(_months(), tests, filters, sort, paging)


SCREEN = ListScreen(
    name="runs",
    title=gettext_lazy("Bill runs"),
    columns=(
        Column(
            "cycle",
            gettext_lazy("Month"),
            "cycle",
            sort=True,
            link=lambda month: reverse("console:run", args=[month["cycle"]]),
        ),
        Column("state", gettext_lazy("State"), "word:cycle_state", sort=True),
        Column("bills", gettext_lazy("Bills"), "count", sort=True),
        Column("total_fen", gettext_lazy("Total"), "fen", sort=True),
        Column("cut_at", gettext_lazy("Cut"), "moment", sort=True),
        Column("released_at", gettext_lazy("Released"), "moment", sort=True),
        Column("due_on", gettext_lazy("Due"), "day", sort=True),
    ),
    filters=(
        Filter("cycle", gettext_lazy("Month"), "search"),
        Filter("state", gettext_lazy("State"), "choice", words.choices("cycle_state")),
    ),
    fetch=_fetch,
    default_sort="-cycle",
    row_link=lambda month: reverse("console:run", args=[month["cycle"]]),
    empty=gettext_lazy("No month is open yet."),
)


@require_GET
@needs("billing.run")
def runs(request: HttpRequest) -> HttpResponseBase:
    """All months with how far their bills are."""
    return show_list(request, SCREEN, active="console:runs")


def _finding(finding: Any, items: dict[int, str]) -> dict[str, Any]:
    """One finding in words: money as yuan, counts as counts."""
    write = formats.yuan_of_fen if finding.kind in MONEY_FINDINGS else formats.count
    return {
        "finding": finding,
        "subject": items.get(finding.item_id, ""),
        "before": write(finding.before) if finding.before or finding.deviation_ppm else "",
        "now": write(finding.now),
        "percent": formats.percent(finding.deviation_ppm // 100) if finding.deviation_ppm else "",
    }


def _live(cycle: int) -> dict[str, Any]:
    try:
        status = billing.run_status(cycle)
    except CycleUnknown as unknown:
        raise Http404 from unknown
    items = item_names()
    found = billing.list_findings(run_id=status.run_id) if status.run_id else []
    findings = [_finding(one, items) for one in found]
    jobs = ProcrastinateJob.objects.filter(task_name=close_month_up_to_audit.name, args__cycle=cycle)
    return {
        "job": jobs.order_by("-id").first(),
        "status": status,
        "cycle": cycle,
        "steps": [{"step": s, "done_pct": s.parts_done * 100 // s.parts if s.parts else 0} for s in status.steps],
        "findings": findings,
        "shown": [one for one in findings if one["finding"].kind != "TOP_BILL"],
        "top_bills": [one for one in findings if one["finding"].kind == "TOP_BILL"],
        "may_start": status.cycle.state in ("OPEN", "CUT", "CALCULATED"),
        "may_release": status.cycle.state == "AUDITED",
    }


@require_GET
@needs("billing.run")
def run(request: HttpRequest, cycle: int) -> HttpResponse:
    """One month: what is done, what was found, what may be done next; htmx asks for it again while it runs."""
    context = {"active": "console:runs", **_live(cycle)}
    if request.htmx:
        return part(request, "run_live.html", context)
    return page(request, "run.html", context)


@require_POST
@needs("billing.run")
def start(request: HttpRequest, cycle: int) -> HttpResponse:
    """Start the run, or let it go on after a failure; the worker does it."""
    if clock.now() < billing.calendar_of(cycle).closable_at:
        messages.error(
            request, _("The month is still running. It can be closed from 0:00 on the first of the next month.")
        )
        return redirect("console:run", cycle)
    try:
        if billing.open_cycle(cycle=cycle).state == "OPEN":
            close_month.refuse_unbalanced(cycle)
    except billing.UnbalancedFiles as unbalanced:
        text = _("These usage files do not balance or still wait: %s. Settle them first.")
        messages.error(request, text % unbalanced)
        return redirect("console:run", cycle)
    job = close_month_up_to_audit.configure(lock=f"cycle-{cycle}", queueing_lock=f"cycle-{cycle}")
    try:
        job.defer(cycle=cycle, staff_id=staff_of(request).staff_id)
    except AlreadyEnqueued:
        messages.info(request, _("The run is waiting in the queue already."))
    else:
        messages.success(request, _("The run was started. This page follows it."))
    return redirect("console:run", cycle)


@require_POST
@needs("billing.signoff")
def sign(request: HttpRequest, cycle: int, finding_id: int) -> HttpResponse:
    """Sign a finding: somebody looked and takes responsibility."""
    reason = request.POST.get("reason", "").strip()
    if not reason:
        messages.error(request, _("Say what you found; it stays with the run."))
        return redirect("console:run", cycle)
    try:
        billing.sign_finding(finding_id=finding_id, staff_id=staff_of(request).staff_id, reason=reason, at=clock.now())
    except (billing.FindingSigned, billing.FindingUnknown):
        messages.error(request, _("This finding is signed already, or the audit was repeated. Load the page again."))
    except billing.NotEntitled:
        messages.error(request, _("Your role may not sign findings."))
    except billing.OwnRun:
        messages.error(request, _("You started this run; another person has to sign its findings."))
    return redirect("console:run", cycle)


@require_POST
@needs("billing.release")
def release(request: HttpRequest, cycle: int) -> HttpResponse:
    """Make the bills of an audited month final."""
    try:
        bills = close_month.release(cycle, at=clock.now(), staff_id=staff_of(request).staff_id)
    except billing.NotSigned:
        messages.error(request, _("Some findings still need a signature. Sign them first."))
    except billing.NotEntitled:
        messages.error(request, _("Your role may not release bills."))
    except billing.OwnRun:
        messages.error(request, _("Two people stand behind a release: let somebody else sign a finding, or release."))
    except billing.CycleStateRefused:
        messages.error(request, _("The month is not audited, or was released already. Load the page again."))
    else:
        messages.success(request, _("%s bills released.") % formats.count(bills))
    return redirect("console:run", cycle)


@require_POST
@needs("billing.run")
def step_back(request: HttpRequest, cycle: int) -> HttpResponse:
    """Take a month one state back, before its release only."""
    try:
        close_month.cancel(cycle, at=clock.now(), staff_id=staff_of(request).staff_id)
    except billing.CycleStateRefused:
        messages.error(request, _("From this state nothing can be taken back."))
    else:
        messages.success(request, _("One step taken back."))
    return redirect("console:run", cycle)
