"""Flows as an administrator draws them: checked while drawing, submitted, published by a second person, never changed.

Running work stays on the version it began with; a new version is for what begins after it.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.db import transaction

from openboss.modules.system.atomic import staff_by_id
from openboss.modules.workflow import diagram
from openboss.modules.workflow.atomic import definitions as rows
from openboss.modules.workflow.atomic.definitions import (
    DefinitionStateForbids,
    DefinitionUnknown,
    DefinitionView,
    definition_in_force,
    definition_view,
    definitions,
)
from openboss.modules.workflow.diagram import Diagram, DiagramRefused, Known
from openboss.modules.workflow.engine import NotCarriedOut, Walk
from openboss.modules.workflow.problems import Problem

__all__ = [
    "DefinitionStateForbids",
    "DefinitionUnknown",
    "DefinitionView",
    "Diagram",
    "DiagramRefused",
    "FlowRenamed",
    "FromThePast",
    "Known",
    "Problem",
    "SameDrawer",
    "RightMissing",
    "definition_in_force",
    "definition_view",
    "definitions",
    "diagram_of",
    "import_flows",
    "problems_of",
    "publish",
    "save_draft",
    "send_back",
    "submit",
]

EDIT, PUBLISH = "workflow.edit", "workflow.publish"


class SameDrawer(Exception):
    """Who drew a version does not publish it; ask a second person."""


class RightMissing(Exception):
    """The right to draw or to publish flows is missing."""


class FlowRenamed(Exception):
    """The diagram's process has another id than the flow that is edited."""


class FromThePast(ValueError):
    """A version begins now or later, never in the past."""


def problems_of(xml: str, known: Known) -> list[Problem]:
    """Everything that is wrong with a diagram, in the words of `Problem.of(language)`."""
    found = diagram.problems_of(xml, known)
    if found:
        return found
    try:
        Walk.begin(xml, flow=diagram.read(xml).flow, values={})
    except NotCarriedOut as wrong:
        return [Problem("not_carried_out", values={"error": str(wrong)[:200]})]
    return []


def diagram_of(definition: DefinitionView) -> Diagram:
    """What a version asks of whom."""
    return diagram.read(definition.xml)


def save_draft(xml: str, *, flow: str = "", known: Known, at: datetime, staff_id: int) -> DefinitionView:
    """Keep a drawing as the next version's draft. flow: whose it must be, where one is edited.

    Raises RightMissing, DiagramRefused, FlowRenamed, DefinitionStateForbids.
    """
    _require(staff_id, EDIT)
    return _keep(xml, flow=flow, known=known, at=at, staff_id=staff_id)


def _keep(xml: str, *, flow: str, known: Known, at: datetime, staff_id: int | None) -> DefinitionView:
    if found := problems_of(xml, known):
        raise DiagramRefused(found)
    read = diagram.read(xml)
    if flow and read.flow != flow:
        raise FlowRenamed(f"{read.flow}, {flow}")
    return rows.keep_draft(
        flow=read.flow, names=(read.name_zh, read.name_en), xml=xml, sha256=read.sha256, at=at, staff_id=staff_id
    )


def submit(*, definition_id: int, at: datetime, staff_id: int) -> DefinitionView:
    """Hand a draft to a second person. Raises RightMissing, DefinitionUnknown, DefinitionStateForbids."""
    _require(staff_id, EDIT)
    return rows.move_definition(
        definition_id=definition_id, before=rows.DRAFT, after=rows.SUBMITTED, at=at, staff_id=staff_id
    )


def send_back(*, definition_id: int, reason: str, at: datetime, staff_id: int) -> DefinitionView:
    """Give what was submitted back to be drawn again. Raises as publish."""
    _require(staff_id, PUBLISH)
    return rows.move_definition(
        definition_id=definition_id, before=rows.SUBMITTED, after=rows.DRAFT, at=at, staff_id=staff_id, reason=reason
    )


@transaction.atomic
def publish(
    *, definition_id: int, known: Known, at: datetime, staff_id: int, from_at: datetime | None = None
) -> DefinitionView:
    """Let new work begin under a version from a moment on, as a second person; it is checked once more.

    Raises RightMissing, SameDrawer, FromThePast, DiagramRefused (a team or function is gone meanwhile),
    DefinitionUnknown, DefinitionStateForbids.
    """
    _require(staff_id, PUBLISH)
    drawn = definition_view(definition_id=definition_id)
    if drawn.drawn_by == staff_id:
        raise SameDrawer(definition_id)
    if from_at is not None and from_at < at:
        raise FromThePast(from_at.isoformat())
    if found := problems_of(drawn.xml, known):
        raise DiagramRefused(found)
    return rows.publish_definition(definition_id=definition_id, from_at=from_at or at, at=at, staff_id=staff_id)


@transaction.atomic
def import_flows(folder: Path, *, known: Callable[[], Known], at: datetime) -> int:
    """Publish the flows an operator brings along, one file each; return how many are new.

    A flow that is there already stays as it is, whatever was made of it since. Raises DiagramRefused.
    """
    there = {one.flow for one in definitions()}
    added = 0
    for path in sorted(folder.glob("*.bpmn")):
        xml = path.read_text(encoding="utf-8")
        if diagram.read(xml).flow in there:
            continue
        draft = _keep(xml, flow="", known=known(), at=at, staff_id=None)
        move = {"definition_id": draft.definition_id, "at": at, "staff_id": None}
        rows.move_definition(**move, before=rows.DRAFT, after=rows.SUBMITTED)
        rows.publish_definition(**move, from_at=at)
        added += 1
    return added


def _require(staff_id: int, right: str) -> None:
    staff = staff_by_id(staff_id=staff_id)
    if right not in staff.rights or not staff.is_active:
        raise RightMissing(right)
