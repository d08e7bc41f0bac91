"""Flows as an administrator sees and draws them: every version, the editor, and the second person who publishes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.money import day_of
from openboss.access.console.views.work_refusals import carried_out, role_names
from openboss.access.jobs import clock
from openboss.modules.workflow.functions import definitions
from openboss.processes import multi_person

RIGHT = "workflow.edit"


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    tests = {"state": lambda row, state: row.state == state, "flow": lambda row, flow: row.flow == flow}
    return rows_in_memory(definitions.definitions(), tests, filters, sort, paging)


def _url(row: definitions.DefinitionView) -> str:
    return reverse("console:workflow", args=[row.definition_id])


@require_GET
@needs(RIGHT)
def workflows(request: HttpRequest) -> HttpResponseBase:
    """Every version of every flow."""
    flows = sorted({(one.flow, formats.named(one)) for one in definitions.definitions()})
    screen = ListScreen(
        name="workflows",
        title=_("Workflows"),
        columns=(
            Column("name", gettext_lazy("Workflow"), read=formats.named, link=_url, sub=lambda row: row.flow),
            Column("version", gettext_lazy("Version"), "number", sort=True),
            Column("state", gettext_lazy("State"), "word:definition_state", sort=True, sub=lambda row: row.answer),
            Column("from_at", gettext_lazy("Counts from"), "moment", sort=True),
            Column("drawn_by", gettext_lazy("Drawn by"), "nowrap", read=lambda row: _person(row.drawn_by)),
            Column("drawn_at", gettext_lazy("Drawn at"), "moment", sort=True),
            Column("published_by", gettext_lazy("Published by"), "nowrap",
                   read=lambda row: _person(row.published_by) if row.published_at else ""),
        ),
        filters=(
            Filter("flow", _("Workflow"), "choice", flows),
            Filter("state", _("State"), "choice", words.choices("definition_state")),
        ),
        fetch=_fetch,
        row_link=_url,
        empty=_("No flow was drawn yet."),
        template="workflows.html",
    )  # fmt: skip
    return show_list(request, screen, active="console:workflows")


def _person(staff_id: int | None) -> str:
    return staff_name(staff_id) if staff_id else _("shipped")


def _found(definition_id: int) -> definitions.DefinitionView:
    try:
        return definitions.definition_view(definition_id=definition_id)
    except definitions.DefinitionUnknown as unknown:
        raise Http404 from unknown


def _choices() -> dict[str, Any]:
    """What the editor's fields offer: teams, decisions and functions with their words."""
    return {
        "teams": [("STARTER", _("whoever began")), *sorted(role_names().items())],
        "decisions": [(code, str(text)) for code, text in words.choices("decision")],
        "calls": [(name, formats.named(call)) for name, call in multi_person.CALLS.items()],
        "values": [*multi_person.VALUES, *(name for call in multi_person.CALLS.values() for name in call.gives)],
    }


@require_GET
@needs(RIGHT)
def one(request: HttpRequest, definition_id: int) -> HttpResponse:
    """One version: to look at, or to draw the next one from it."""
    found = _found(definition_id)
    versions = definitions.definitions(flow=found.flow)
    draft = next((one for one in versions if one.state != "PUBLISHED"), None)
    is_own = found.drawn_by == staff_of(request).staff_id
    context = {
        "active": "console:workflows",
        "definition": found,
        "flow": found.flow,
        "versions": versions,
        "draft": draft,
        "may_draw": draft is None or draft.state == "DRAFT" and draft.definition_id == definition_id,
        "is_own": is_own,
        "drawn_by": _person(found.drawn_by),
        "today": clock.today(),
        "drawing": {"xml": found.xml, "done": [], "here": []},
        "choices": _choices(),
        "said": json.dumps({text: str(word) for text, word in _BOARD.items()}),
    }
    return page(request, "workflow.html", context)


@require_GET
@needs(RIGHT)
def new(request: HttpRequest) -> HttpResponse:
    """A flow drawn from nothing: a start, somebody who agrees, an end."""
    return _drawing_board(request, _BLANK, "", [])


def _drawing_board(request: HttpRequest, xml: str, flow: str, problems: list[definitions.Problem]) -> HttpResponse:
    """The editor with a drawing that is not kept yet."""
    context = {
        "active": "console:workflows",
        "definition": None,
        "flow": flow,
        "may_draw": True,
        "drawing": {"xml": xml, "done": [], "here": [], "problems": _said(problems)},
        "choices": _choices(),
        "said": json.dumps({text: str(word) for text, word in _BOARD.items()}),
    }
    return page(request, "workflow.html", context)


def _said(problems: list[definitions.Problem]) -> list[dict[str, str]]:
    return [{"element": one.element, "text": one.of(formats.language())} for one in problems]


@require_POST
@needs(RIGHT)
def check(request: HttpRequest) -> JsonResponse:
    """What is wrong with a drawing, each with the element it stands at."""
    found = definitions.problems_of(request.POST.get("xml", ""), multi_person.known())
    return JsonResponse({"problems": _said(found)})


@require_POST
@needs(RIGHT)
def save(request: HttpRequest) -> HttpResponse:
    """Keep a drawing as the draft of the next version."""
    xml, flow = request.POST.get("xml", ""), request.POST.get("flow", "")
    who: dict[str, Any] = {"at": clock.now(), "staff_id": staff_of(request).staff_id}
    problems: list[definitions.Problem] = []

    def keep() -> definitions.DefinitionView:
        try:
            return definitions.save_draft(xml, flow=flow, known=multi_person.known(), **who)
        except definitions.DiagramRefused as refused:
            problems.extend(refused.problems)
            raise

    kept = carried_out(request, keep)
    if kept is None:
        return _drawing_board(request, xml, flow, problems)
    messages.success(request, _("Kept as a draft. Hand it to a second person when it is right."))
    return redirect("console:workflow", kept.definition_id)


@require_POST
@needs(RIGHT)
def act(request: HttpRequest, definition_id: int) -> HttpResponse:
    """Hand a draft to a second person; publish it or send it back as that person."""
    how, reason = request.POST.get("how", ""), request.POST.get("reason", "").strip()
    who: dict[str, Any] = {
        "definition_id": definition_id,
        "at": clock.now(),
        "staff_id": staff_of(request).staff_id,
    }
    _found(definition_id)
    if how == "submit":
        done = carried_out(request, lambda: definitions.submit(**who))
    elif how == "send_back":
        done = carried_out(request, lambda: definitions.send_back(reason=reason, **who))
    else:
        from_at = _from_at(request.POST.get("from", ""))
        done = carried_out(request, lambda: definitions.publish(known=multi_person.known(), from_at=from_at, **who))
    if done is not None:
        messages.success(request, str(words.word("definition_state", done.state).text))
    return redirect("console:workflow", definition_id)


def _from_at(text: str) -> datetime | None:
    """The first moment of a later day; today means at once."""
    chosen = day_of(text)
    if chosen is None or chosen == clock.today():
        return None
    return clock.begin_of(chosen)


# What the drawing board says by itself, in the words of bpmn-js.
_BOARD: dict[str, str | Promise] = {
    "Activate hand tool": gettext_lazy("Move the sheet"),
    "Activate lasso tool": gettext_lazy("Choose several"),
    "Activate create/remove space tool": gettext_lazy("Make room"),
    "Activate global connect tool": gettext_lazy("Connect"),
    "Create start event": gettext_lazy("Start"),
    "Create end event": gettext_lazy("End"),
    "Create gateway": gettext_lazy("Choice"),
    "Append end event": gettext_lazy("End"),
    "Append gateway": gettext_lazy("Choice"),
    "Connect to other element": gettext_lazy("Connect"),
    "Connect using association": gettext_lazy("Connect"),
    "Connect using sequence/message flow or association": gettext_lazy("Connect"),
    "Delete": gettext_lazy("Remove"),
    "Change element": gettext_lazy("Change kind"),
    "Change type": gettext_lazy("Change kind"),
    "User task": gettext_lazy("Task of people"),
    "Service task": gettext_lazy("Call of a function"),
    "Exclusive gateway": gettext_lazy("Choice"),
    "Parallel gateway": gettext_lazy("At the same time"),
    "End event": gettext_lazy("End"),
    "Default flow": gettext_lazy("Way when no condition holds"),
    "Conditional flow": gettext_lazy("Way with a condition"),
    "Sequence flow": gettext_lazy("Way"),
    "Search in diagram": gettext_lazy("Find in the diagram"),
}

_BLANK = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
 xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC"
 xmlns:di="http://www.omg.org/spec/DD/20100524/DI" xmlns:openboss="urn:openboss:workflow" id="Definitions_new"
 targetNamespace="urn:openboss:workflow">
  <bpmn:process id="NEW_FLOW" isExecutable="true">
    <bpmn:startEvent id="Begin"><bpmn:outgoing>Flow_1</bpmn:outgoing></bpmn:startEvent>
    <bpmn:userTask id="Agree" openboss:decisions="approve,refuse" openboss:due_hours="24">
      <bpmn:incoming>Flow_1</bpmn:incoming><bpmn:outgoing>Flow_2</bpmn:outgoing></bpmn:userTask>
    <bpmn:endEvent id="Ended"><bpmn:incoming>Flow_2</bpmn:incoming></bpmn:endEvent>
    <bpmn:sequenceFlow id="Flow_1" sourceRef="Begin" targetRef="Agree" />
    <bpmn:sequenceFlow id="Flow_2" sourceRef="Agree" targetRef="Ended" />
  </bpmn:process>
  <bpmndi:BPMNDiagram id="Diagram_new"><bpmndi:BPMNPlane id="Plane_new" bpmnElement="NEW_FLOW">
    <bpmndi:BPMNShape id="Begin_di" bpmnElement="Begin"><dc:Bounds x="102" y="102" width="36" height="36" />
    </bpmndi:BPMNShape>
    <bpmndi:BPMNShape id="Agree_di" bpmnElement="Agree"><dc:Bounds x="225" y="80" width="120" height="80" />
    </bpmndi:BPMNShape>
    <bpmndi:BPMNShape id="Ended_di" bpmnElement="Ended"><dc:Bounds x="432" y="102" width="36" height="36" />
    </bpmndi:BPMNShape>
    <bpmndi:BPMNEdge id="Flow_1_di" bpmnElement="Flow_1"><di:waypoint x="138" y="120" /><di:waypoint x="225" y="120" />
    </bpmndi:BPMNEdge>
    <bpmndi:BPMNEdge id="Flow_2_di" bpmnElement="Flow_2"><di:waypoint x="345" y="120" /><di:waypoint x="432" y="120" />
    </bpmndi:BPMNEdge>
  </bpmndi:BPMNPlane></bpmndi:BPMNDiagram>
</bpmn:definitions>
"""
