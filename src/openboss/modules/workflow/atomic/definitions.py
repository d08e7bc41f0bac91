"""Versions of flows: drawn, submitted, published by somebody else, and then as they are for ever."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from openboss.modules.system.atomic import record_audit
from openboss.modules.workflow.models import Definition

DRAFT, SUBMITTED, PUBLISHED = "DRAFT", "SUBMITTED", "PUBLISHED"


class DefinitionUnknown(LookupError):
    """There is no such version of a flow."""


class DefinitionStateForbids(Exception):
    """This version was submitted, published or sent back meanwhile; load the page again."""


@dataclass(frozen=True)
class DefinitionView:
    """One version of a flow."""

    definition_id: int
    flow: str
    version: int
    name_zh: str
    name_en: str
    xml: str
    sha256: str
    state: str
    drawn_by: int | None
    drawn_at: datetime
    published_by: int | None
    published_at: datetime | None
    from_at: datetime | None
    answer: str


@transaction.atomic
def keep_draft(
    *, flow: str, names: tuple[str, str], xml: str, sha256: str, at: datetime, staff_id: int | None
) -> DefinitionView:
    """Keep what was drawn as the draft of a flow's next version; a flow has one draft at a time.

    Raises DefinitionStateForbids while a version waits for its second person.
    """
    row = Definition.objects.select_for_update().filter(flow=flow).exclude(state=PUBLISHED).first()
    if row is not None and row.state != DRAFT:
        raise DefinitionStateForbids(row.state)
    if row is None:
        last = Definition.objects.filter(flow=flow).aggregate(last=Max("version"))["last"] or 0
        row = Definition(flow=flow, version=last + 1, state=DRAFT)
    row.name_zh, row.name_en = names
    row.xml, row.sha256, row.drawn_by, row.drawn_at, row.answer = xml, sha256, staff_id, at, ""
    row.save()
    _audit("workflow.draw", row, at, staff_id)
    return _view(row)


@transaction.atomic
def move_definition(
    *, definition_id: int, before: str, after: str, at: datetime, staff_id: int | None, reason: str = ""
) -> DefinitionView:
    """Submit a draft, or send one back. Raises DefinitionUnknown, DefinitionStateForbids."""
    row = _locked(definition_id, before)
    row.state, row.answer = after, reason[:200]
    row.save()
    _audit("workflow.submit" if after == SUBMITTED else "workflow.send_back", row, at, staff_id, reason)
    return _view(row)


@transaction.atomic
def publish_definition(*, definition_id: int, from_at: datetime, at: datetime, staff_id: int | None) -> DefinitionView:
    """Publish what was submitted. Raises DefinitionUnknown, DefinitionStateForbids."""
    row = _locked(definition_id, SUBMITTED)
    row.state, row.published_by, row.published_at, row.from_at = PUBLISHED, staff_id, at, from_at
    row.save()
    _audit("workflow.publish", row, at, staff_id)
    return _view(row)


def definition_view(*, definition_id: int) -> DefinitionView:
    """One version. Raises DefinitionUnknown."""
    row = Definition.objects.filter(definition_id=definition_id).first()
    if row is None:
        raise DefinitionUnknown(definition_id)
    return _view(row)


def definitions(*, flow: str = "") -> list[DefinitionView]:
    """Every version of a flow or of all, the newest first."""
    found = Definition.objects.order_by("flow", "-version")
    return [_view(row) for row in (found.filter(flow=flow) if flow else found)]


def definition_in_force(*, flow: str, at: datetime) -> DefinitionView:
    """The version under which new instances of a flow begin. Raises DefinitionUnknown."""
    found = Definition.objects.filter(flow=flow, state=PUBLISHED, from_at__lte=at)
    row = found.order_by("-from_at", "-version").first()
    if row is None:
        raise DefinitionUnknown(flow)
    return _view(row)


def _locked(definition_id: int, state: str) -> Definition:
    row = Definition.objects.select_for_update().filter(definition_id=definition_id).first()
    if row is None:
        raise DefinitionUnknown(definition_id)
    if row.state != state:
        raise DefinitionStateForbids(row.state)
    return row


def _view(row: Definition) -> DefinitionView:
    return DefinitionView(**{name: getattr(row, name) for name in DefinitionView.__dataclass_fields__})


def _audit(action: str, row: Definition, at: datetime, staff_id: int | None, reason: str = "") -> None:
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="workflow",
        object_id=row.flow,
        at=at,
        reason=reason,
        after={"version": row.version, "sha256": row.sha256, "state": row.state},
    )
