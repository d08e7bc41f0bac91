"""Work of several people: the list, beginning it, and one piece of it with its diagram, history and decisions."""

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

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Fetch, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.counter_refusals import REFUSALS as HALL_REFUSALS
from openboss.access.console.views.money import COUNTER_MEANS, account_of, fen_of
from openboss.access.console.views.pay import serial_no
from openboss.access.console.views.work_refusals import REFUSALS, about, carried_out, role_names
from openboss.access.jobs import clock
from openboss.modules.catalog import functions as catalog
from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions import proposals
from openboss.modules.system import functions as system
from openboss.modules.system.functions.people import list_colleagues
from openboss.modules.workflow.functions import authority, definitions, work
from openboss.processes import multi_person
from openboss.processes.multi_person import beginnings

_BY_NAME = {kind.__name__: text for kind, text in REFUSALS.items()}
KEYS = {"approve": "F8", "done": "F8", "kept": "F8", "accept": "F8", "send_back": "F7"}  # others: F9


def _in_force() -> list[definitions.DefinitionView]:
    """The version of each flow under which work begins now."""
    now = clock.now()
    flows = sorted({one.flow for one in definitions.definitions() if one.from_at and one.from_at <= now})
    return [definitions.definition_in_force(flow=flow, at=now) for flow in flows]


def _fetch(staff_id: int) -> Fetch:
    def fetch(filters: dict[str, str], _sort: str, paging: Paging) -> Rows:
        rows, total = work.list_instances(
            flow=filters.get("flow", ""),
            state=filters.get("state", ""),
            business_key=filters.get("about", ""),
            started_by=staff_id if filters.get("by") else None,
            page=paging.number,
            page_size=paging.size,
        )
        return rows, total, {}

    return fetch


def _url(row: work.InstanceView) -> str:
    return reverse("console:work", args=[row.instance_id])


@require_GET
@needs("customers.view")
def works(request: HttpRequest) -> HttpResponseBase:
    """All work of several people, the newest first."""
    flows = {one.flow: formats.named(one) for one in _in_force()}
    screen = ListScreen(
        name="works",
        title=_("Work in progress"),
        columns=(
            Column("instance_id", gettext_lazy("No."), "number", link=_url),
            Column("flow", gettext_lazy("Workflow"), read=lambda row: flows.get(row.flow, row.flow),
                   sub=lambda row: _("version %s") % row.version),
            Column("state", gettext_lazy("State"), "word:work_state", sub=lambda row: row.problem),
            Column("business_key", gettext_lazy("About"), read=lambda row: about(row.business_key)[0],
                   link=lambda row: about(row.business_key)[1]),
            Column("started_by", gettext_lazy("Asked by"), "nowrap", read=lambda row: staff_name(row.started_by)),
            Column("started_at", gettext_lazy("Began"), "moment"),
            Column("ended_at", gettext_lazy("Ended"), "moment"),
            Column("amount_fen", gettext_lazy("Amount"), "fen"),
        ),
        filters=(
            Filter("flow", _("Workflow"), "choice", list(flows.items())),
            Filter("state", _("State"), "choice", words.choices("work_state")),
            Filter("by", _("Asked by"), "choice", (("me", _("me")),)),
            Filter("about", _("About")),
        ),
        fetch=_fetch(staff_of(request).staff_id),
        row_link=_url,
        empty=_("Nobody has begun anything yet."),
        template="works.html",
        context={"flows": list(flows.items())},
    )  # fmt: skip
    return show_list(request, screen, active="console:works")


# --- beginning ---------------------------------------------------------------------------------------------------


@require_GET
@needs("customers.view")
def new(request: HttpRequest, flow: str) -> HttpResponse:
    """The form with which a flow begins."""
    definition = next((one for one in _in_force() if one.flow == flow), None)
    if definition is None:
        messages.error(request, _("There is no version of this flow in force."))
        return redirect("console:works")
    here = staff_of(request).org_code
    below = system.org_subtree(code=here)
    context = {
        "active": "console:works",
        "definition": definition,
        "form": flow if flow in _BEGINNINGS else "",
        "kinds": [one for one in words.choices("proposal") if one[0] in proposals.ADJUSTMENTS],
        "means": [(code, words.word("means", code).text) for code in COUNTER_MEANS],
        "offers": [one for one in catalog.offers() if one.kind == "MAIN"],
        "halls": [node for node in system.org_nodes() if node.code in below and node.kind == "OUTLET"],
        "account": request.GET.get("account", ""),
        "user": request.GET.get("user", ""),
        "serial_no": serial_no(),
    }
    return page(request, "work_new.html", context)


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None


def _exception(request: HttpRequest, common: dict[str, Any]) -> int:
    given = request.POST
    kind = given.get("kind", "")
    to_account, bill = given.get("to_account", ""), given.get("bill", "")
    return beginnings.begin_exception(
        kind=kind,
        account_id=account_of(given.get("account", "")),
        amount_fen=fen_of(given.get("amount", "")),
        means=given.get("means", "") if kind == proposals.REFUND else "",
        to_account_id=account_of(to_account) if kind == proposals.TRANSFER and to_account else None,
        bill_id=_number(bill) if kind == proposals.WAIVER else None,
        **common,
    )


def _retention(request: HttpRequest, common: dict[str, Any]) -> int:
    found = _number(request.POST.get("user", ""))
    if found is None:
        number = customers.read_number(request.POST.get("number", ""))
        found = customers.subscriber_of_number(number=number, at=common["at"])
    gift = request.POST.get("amount", "").strip()
    parts = _number(request.POST.get("parts", "")) or 1
    gift_fen = fen_of(gift) if gift else 0
    return beginnings.begin_retention(subscriber_id=found, gift_fen=gift_fen, gift_parts=parts, **common)


def _batch(request: HttpRequest, common: dict[str, Any]) -> int:
    given = request.POST
    lines = []
    for row in given.get("lines", "").splitlines():
        number, _comma, iccid = row.replace("\t", ",").replace(" ", ",").partition(",")
        if number.strip():
            lines.append((customers.read_number(number), iccid.strip()))
    return beginnings.begin_batch(
        account_id=account_of(given.get("account", "")),
        main_offer_id=_number(given.get("offer", "")) or 0,
        home_area=_number(given.get("area", "")) or 0,
        lines=lines,
        org_code=given.get("hall", ""),
        **common,
    )


_BEGINNINGS = {beginnings.EXCEPTION: _exception, beginnings.RETENTION: _retention, beginnings.BATCH: _batch}


def _other(request: HttpRequest, flow: str, common: dict[str, Any]) -> int:
    amount = request.POST.get("amount", "").strip()
    return beginnings.begin_other(
        flow=flow, about=request.POST.get("about", ""), amount_fen=fen_of(amount) if amount else None, **common
    )


@require_POST
@needs("customers.view")
def begin(request: HttpRequest, flow: str) -> HttpResponse:
    """Begin work under a flow."""
    common: dict[str, Any] = {
        "reason": request.POST.get("reason", "").strip()[:500],
        "serial_no": request.POST.get("serial_no", "")[:60] or serial_no(),
        "at": clock.now(),
        "staff_id": staff_of(request).staff_id,
    }
    if flow in _BEGINNINGS:
        begun = carried_out(request, lambda: _BEGINNINGS[flow](request, common))
    else:
        begun = carried_out(request, lambda: _other(request, flow, common))
    if begun is None:
        return redirect("console:work_new", flow)
    messages.success(request, _("Begun; whoever has to decide finds it among their tasks."))
    return redirect("console:work", begun)


# --- one piece of work ---------------------------------------------------------------------------------------------


def _open_tasks(
    request: HttpRequest, instance: work.InstanceView, diagram: definitions.Diagram, roles: dict[str, str]
) -> list[dict[str, Any]]:
    """The tasks that wait in it, each with what whoever looks may do."""
    staff_id = staff_of(request).staff_id
    others = [one for one in list_colleagues() if one.staff_id != staff_id]
    return [
        {
            "task": one,
            "name": formats.named(diagram.elements[one.element]),
            "team": roles.get(one.team, one.team) or staff_name(one.person_id),
            "is_late": one.due_at is not None and one.due_at <= clock.now(),
            "taker": staff_name(one.claimed_by) if one.claimed_by else "",
            **_standing(one, staff_id),
            "decisions": [
                (code, words.word("decision", code), KEYS.get(code, "F9"))
                for code in diagram.elements[one.element].decisions
            ],
            "colleagues": [other for other in others if one.team in other.roles],
        }
        for one in work.tasks_of_instance(instance_id=instance.instance_id)
        if one.state == "OPEN" and instance.state == "RUNNING"
    ]


def _standing(task: work.TaskView, staff_id: int) -> dict[str, Any]:
    """Whether whoever looks may decide, and by whose authority; if not, why."""
    try:
        whose = authority.standing_on(task, staff_id=staff_id, at=clock.now())
    except authority.SamePerson:
        return {"may": False, "why": _("You asked for it or agreed before: another person decides.")}
    except authority.NotYours:
        return {"may": False, "why": ""}
    taken = task.claimed_by not in (None, staff_id)
    said = _("by the authority of %s") % staff_name(whose) if whose else ""
    return {"may": not taken, "why": said, "is_mine": task.claimed_by == staff_id and task.person_id is None}


def _history(instance_id: int, diagram: definitions.Diagram, roles: dict[str, str]) -> list[dict[str, Any]]:
    def said(one: work.HappeningView) -> str:
        if one.kind == "DECIDED":
            decision, _colon, reason = one.note.partition(": ")
            return " · ".join(part for part in (str(words.word("decision", decision).text), reason) if part)
        return " > ".join(roles.get(part, part) for part in one.note.split(" > "))

    return [
        {
            "row": one,
            "name": formats.named(diagram.elements[one.element]) if one.element in diagram.elements else "",
            "who": staff_name(one.staff_id) if one.staff_id else "",
            "whose": staff_name(one.on_behalf_of) if one.on_behalf_of else "",
            "note": said(one),
        }
        for one in work.happenings(instance_id=instance_id)
    ]


def _values(instance: work.InstanceView) -> list[tuple[str, str]]:
    """What the work is about beside its key, as people read it."""
    values, said = instance.values, []
    if values.get("kind"):
        said.append((_("What"), str(words.word("proposal", values["kind"]).text)))
    if values.get("means"):
        said.append((_("Means"), str(words.word("means", values["means"]).text)))
    if values.get("gift_parts", 1) > 1:
        said.append((_("Monthly parts"), str(values["gift_parts"])))
    if values.get("to_account_id"):
        said.append((_("To account"), str(values["to_account_id"])))
    if values.get("bill_id"):
        said.append((_("Bill"), str(values["bill_id"])))
    if values.get("lines"):
        said.append((_("Lines"), formats.count(len(values["lines"]))))
        said.append((_("Opened"), formats.count(values.get("opened_count", 0))))
        said.append((_("Refused"), formats.count(values.get("refused_count", 0))))
    return said


def _in_words(refusal: str) -> str:
    """A refusal that was written down by its name, as a sentence."""
    return str(HALL_REFUSALS.get(refusal) or _BY_NAME.get(refusal) or refusal)


def _found(instance_id: int) -> work.InstanceView:
    try:
        return work.instance_view(instance_id=instance_id)
    except work.InstanceUnknown as unknown:
        raise Http404 from unknown


def _may_look(request: HttpRequest, instance: work.InstanceView) -> bool:
    """Who began it, whoever has or had a task in it, and staff who may see customers."""
    staff = staff_of(request)
    if instance.started_by == staff.staff_id or {"customers.view", "workflow.edit"} & staff.rights:
        return True
    reaches = [reach for reach, _whose in authority.reaches_of(staff_id=staff.staff_id, at=clock.now())]
    found = work.tasks_of_instance(instance_id=instance.instance_id)
    return any(task.decided_by == staff.staff_id or any(reach.holds(task) for reach in reaches) for task in found)


@require_GET
@needs()
def one(request: HttpRequest, instance_id: int) -> HttpResponse:
    """One piece of work: where it stands in its diagram, who decides, and what happened."""
    instance = _found(instance_id)
    if not _may_look(request, instance):
        raise Http404
    definition = definitions.definition_view(definition_id=instance.definition_id)
    diagram = definitions.diagram_of(definition)
    roles = role_names()
    history = _history(instance_id, diagram, roles)
    open_tasks = _open_tasks(request, instance, diagram, roles)
    text, url = about(instance.business_key)
    staff = staff_of(request)
    context = {
        "active": "console:works",
        "work": instance,
        "flow": formats.named(diagram),
        "about": text,
        "about_url": url,
        "values": _values(instance),
        "problem": _in_words(instance.problem.partition(":")[0]),
        "refused_lines": [(line, _in_words(name)) for line, name in instance.values.get("refused_lines", [])],
        "started_by": staff_name(instance.started_by),
        "outcome": formats.named(diagram.elements[instance.outcome]) if instance.outcome else "",
        "open_tasks": open_tasks,
        "history": history,
        "is_looked_after": instance.started_by == staff.staff_id or "workflow.edit" in staff.rights,
        "drawing": {
            "xml": definition.xml,
            "done": sorted(
                {row["row"].element for row in history if row["row"].kind in ("DECIDED", "CALLED", "ENDED")}
            ),
            "here": [row["task"].element for row in open_tasks] if instance.state == "RUNNING" else [],
        },
    }
    return page(request, "work.html", context)


@require_POST
@needs()
def decide(request: HttpRequest, task_id: int) -> HttpResponse:
    """Decide on a flow's task; what follows of itself is done at once."""
    try:
        instance_id = work.task_view(task_id=task_id).instance_id
    except work.TaskUnknown as unknown:
        raise Http404 from unknown
    decided = carried_out(
        request,
        lambda: multi_person.decide(
            task_id=task_id,
            decision=request.POST.get("decision", ""),
            reason=request.POST.get("reason", "").strip(),
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
        ),
    )
    if decided is not None:
        _say(request, decided)
    return redirect("console:work", instance_id)


def _say(request: HttpRequest, decided: work.InstanceView) -> None:
    if decided.state == "HELD":
        messages.warning(request, _("Decided, but the next step was refused: look at why."))
    elif decided.state == "ENDED":
        messages.success(request, _("Decided; the work has come to its end."))
    else:
        messages.success(request, _("Decided; the work goes on."))


@require_POST
@needs()
def act(request: HttpRequest, instance_id: int) -> HttpResponse:
    """Give work up, or let a held step try again."""
    who: dict[str, Any] = {"instance_id": instance_id, "at": clock.now(), "staff_id": staff_of(request).staff_id}
    _found(instance_id)
    if request.POST.get("how") == "stop":
        reason = request.POST.get("reason", "").strip()
        carried_out(request, lambda: work.stop(reason=reason, **who))
    elif (gone_on := carried_out(request, lambda: multi_person.let_go_on(**who))) is not None:
        _say(request, gone_on)
    return redirect("console:work", instance_id)
