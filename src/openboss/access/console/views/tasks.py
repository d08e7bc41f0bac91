"""The inbox: what waits for whoever looks, for their teams, and by authority lent to them; and lending it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.money import day_of, fen_of
from openboss.access.console.views.work_refusals import about, carried_out, role_names
from openboss.access.jobs import clock
from openboss.modules.system.functions.people import list_colleagues
from openboss.modules.workflow.functions import authority, work
from openboss.processes.multi_person import inbox as boxes
from openboss.processes.multi_person.inbox import InboxRow


def _is_due(row: InboxRow, now: datetime) -> bool:
    return row.due_at is not None and row.due_at <= now


def _url(row: InboxRow) -> str:
    """Where something is decided: a flow's task on the page of its work, the rest on a page of its own."""
    if row.instance_id is not None:
        return reverse("console:work", args=[row.instance_id])
    return reverse("console:task", args=[row.key])


def _whose(row: InboxRow, roles: dict[str, str]) -> str:
    """A team's, somebody's own, or by whose authority it came."""
    if row.on_behalf_of:
        return _("for %s") % staff_name(row.on_behalf_of)
    return _("mine") if row.is_personal else roles.get(row.team, row.team) or _("whoever may agree")


def _columns(now: datetime, staff_id: int) -> tuple[Column, ...]:
    roles = role_names()
    return (
        Column("name", gettext_lazy("Task"), read=formats.named, link=_url, sub=lambda row: row.reason),
        Column("kind", gettext_lazy("Kind"), "word:task_kind", sort=True),
        Column("about", gettext_lazy("About"), read=lambda row: about(row.about)[0],
               link=lambda row: about(row.about)[1]),
        Column("amount_fen", gettext_lazy("Amount"), "fen", sort=True),
        Column("asked_by", gettext_lazy("Asked by"), "nowrap", read=lambda row: staff_name(row.asked_by),
               sub=lambda row: "" if row.may_decide else _("yourself: another person decides")),
        Column("asked_at", gettext_lazy("Came at"), "moment", sort=True),
        Column("due_at", gettext_lazy("Answer by"), "moment", sort=True,
               sub=lambda row: _("overdue") if _is_due(row, now) else ""),
        Column("team", gettext_lazy("Team"), read=lambda row: _whose(row, roles)),
        Column("claimed_by", gettext_lazy("Taken by"), read=lambda row: _taker(row, staff_id)),
    )  # fmt: skip


def _taker(row: InboxRow, staff_id: int) -> str:
    if row.claimed_by is None:
        return ""
    return _("me") if row.claimed_by == staff_id else staff_name(row.claimed_by)


@require_GET
@needs()
def tasks(request: HttpRequest) -> HttpResponseBase:
    """Everything that waits for whoever looks, the most urgent first."""
    staff_id, now = staff_of(request).staff_id, clock.now()
    rows = boxes.inbox(staff_id=staff_id, at=now)
    of_me = {row.key for row in rows if row.is_personal or row.claimed_by == staff_id}
    late = {row.key for row in rows if _is_due(row, now)}
    scopes = {"mine": of_me, "late": late, "team": {row.key for row in rows} - of_me}

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        tests = {
            "whose": lambda row, scope: row.key in scopes[scope],
            "kind": lambda row, kind: row.kind == kind,
        }
        return rows_in_memory(rows, tests, filters, sort, paging)

    whose = (("mine", _("Mine")), ("team", _("My teams'")), ("late", _("Overdue")))
    screen = ListScreen(
        name="tasks",
        title=_("Tasks"),
        columns=_columns(now, staff_id),
        filters=(
            Filter("whose", _("Whose"), "choice", whose),
            Filter("kind", _("Kind"), "choice", words.choices("task_kind")),
        ),
        fetch=fetch,
        row_link=_url,
        empty=_("Nothing waits for you."),
        template="tasks.html",
        context={"all": len(rows), "mine": len(of_me), "late": len(late), "lent": _lent_to(staff_id, now)},
    )
    return show_list(request, screen, active="console:tasks")


def _lent_to(staff_id: int, now: datetime) -> list[str]:
    """Whose authority somebody uses now, and until when."""
    return [
        _("for %(who)s until %(when)s") % {"who": staff_name(one.from_staff_id), "when": formats.moment(one.to_at)}
        for one in authority.lent_to(staff_id=staff_id, at=now)
    ]


@require_GET
@needs()
def task(request: HttpRequest, key: str) -> HttpResponse:
    """Something that waits elsewhere, with who asked and why, and the decision."""
    try:
        row = boxes.inbox_row(key=key, staff_id=staff_of(request).staff_id, at=clock.now())
    except boxes.WaitsNoMore as decided:
        raise Http404 from decided
    if row.instance_id is not None:
        return redirect("console:work", row.instance_id)
    text, url = about(row.about)
    context = {"active": "console:tasks", "row": row, "about": text, "about_url": url,
               "asked_by": staff_name(row.asked_by)}  # fmt: skip
    return page(request, "task.html", context)


@require_POST
@needs()
def decide(request: HttpRequest, key: str) -> HttpResponse:
    """Decide on what waits elsewhere, by the function it has there."""
    approves, reason = request.POST.get("decision") == "approve", request.POST.get("reason", "").strip()
    who: dict[str, Any] = {"at": clock.now(), "staff_id": staff_of(request).staff_id}

    def act() -> bool:
        boxes.decide(key=key, approves=approves, reason=reason, **who)
        return True

    if carried_out(request, act) is None:
        return redirect("console:task", key) if _still_waits(key, who) else redirect("console:tasks")
    messages.success(request, _("Agreed and carried out.") if approves else _("Refused."))
    return redirect("console:tasks")


def _still_waits(key: str, who: dict[str, Any]) -> bool:
    return any(row.key == key for row in boxes.inbox(**who))


@require_POST
@needs()
def take(request: HttpRequest, task_id: int) -> HttpResponse:
    """Take a flow's task for oneself, give it back to its team, or hand it over to a colleague."""
    about: dict[str, Any] = {"task_id": task_id, "at": clock.now(), "staff_id": staff_of(request).staff_id}
    to, how = request.POST.get("to", ""), request.POST.get("how", "")

    def act() -> bool:
        if how == "hand_over":
            work.hand_over(to_staff_id=int(to) if to.isdecimal() else 0, reason=request.POST.get("reason", ""), **about)
        else:
            (work.give_back if how == "give_back" else work.claim)(**about)
        return True

    done = carried_out(request, act)
    if done and how == "hand_over":
        messages.success(request, _("Handed over."))
        return redirect("console:tasks")
    try:
        return redirect("console:work", work.task_view(task_id=task_id).instance_id)
    except work.TaskUnknown as unknown:
        raise Http404 from unknown


@require_GET
@needs()
def lent(request: HttpRequest) -> HttpResponse:
    """Authority one lent or was lent, and the form to lend it."""
    staff, now = staff_of(request), clock.now()
    roles = role_names()
    rows = [
        {
            "row": one,
            "from": staff_name(one.from_staff_id),
            "to": staff_name(one.to_staff_id),
            "team": roles.get(one.team, one.team) or _("all of them"),
            "state": _state_of(one, now),
            "may_end": one.from_staff_id == staff.staff_id and one.withdrawn_at is None and now < one.to_at,
        }
        for one in authority.lent_by_or_to(staff_id=staff.staff_id)
    ]
    context = {
        "active": "console:lent",
        "lendings": rows,
        "colleagues": [one for one in list_colleagues() if one.staff_id != staff.staff_id],
        "teams": [(role, roles.get(role, role)) for role in staff.roles],
        "today": clock.today(),
        "later": clock.today() + timedelta(days=7),
    }
    return page(request, "lent.html", context)


def _state_of(one: authority.DelegationView, now: datetime) -> tuple[str, str]:
    """Whether lent authority counts now, as a tone and a word."""
    if one.withdrawn_at is not None:
        return "", _("Taken back")
    if now < one.from_at:
        return "info", _("To come")
    return ("good", _("Counts now")) if now < one.to_at else ("", _("Ended"))


@require_POST
@needs()
def lend(request: HttpRequest) -> HttpResponse:
    """Lend one's authority for some days up to an amount, or take back what was lent."""
    staff_id, now = staff_of(request).staff_id, clock.now()
    ended, to = request.POST.get("end", ""), request.POST.get("to", "")
    if ended.isdecimal():
        carried_out(request, lambda: authority.withdraw(delegation_id=int(ended), at=now, staff_id=staff_id))
        return redirect("console:lent")
    limit = request.POST.get("limit", "").strip()
    done = carried_out(
        request,
        lambda: authority.lend(
            staff_id=staff_id,
            to_staff_id=int(to) if to.isdecimal() else staff_id,
            team=request.POST.get("team", ""),
            limit_fen=fen_of(limit) if limit else None,
            from_at=max(_begin_of(request.POST.get("from", "")), now),
            to_at=_begin_of(request.POST.get("until", "")) + timedelta(days=1),
            reason=request.POST.get("reason", "").strip(),
            at=now,
        ),
    )
    if done is not None:
        messages.success(request, _("Lent; it ends by itself."))
    return redirect("console:lent")


def _begin_of(text: str) -> datetime:
    """The first moment of a day somebody chose, on the operator's clock; without one, of today."""
    return clock.begin_of(day_of(text) or clock.today())
