"""Instances: where each stands, and what happened to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from openboss.modules.system.atomic import record_audit
from openboss.modules.workflow.models import Happening, Instance

RUNNING, HELD, ENDED, STOPPED = "RUNNING", "HELD", "ENDED", "STOPPED"


class InstanceUnknown(LookupError):
    """There is no such piece of work."""


class InstanceStateForbids(Exception):
    """This work has ended, or is held until somebody lets it go on; load the page again."""


class InstanceExists(Exception):
    """This form was sent before: the work it began is there."""


@dataclass(frozen=True)
class InstanceView:
    """One piece of work; `engine_state` is for the engine alone."""

    instance_id: int
    definition_id: int
    flow: str
    version: int
    serial_no: str
    business_key: str
    org_code: str
    amount_fen: int | None
    values: dict[str, Any]
    engine_state: dict[str, Any]
    state: str
    has_step: bool
    problem: str
    outcome: str
    started_by: int
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class HappeningView:
    """One thing that happened."""

    at: datetime
    kind: str
    element: str
    staff_id: int | None
    on_behalf_of: int | None
    note: str


@transaction.atomic
def put_instance(
    *,
    definition_id: int,
    serial_no: str,
    business_key: str,
    org_code: str,
    amount_fen: int | None,
    values: Mapping[str, Any],
    engine_state: Mapping[str, Any],
    at: datetime,
    staff_id: int,
    reason: str,
) -> int:
    """Write a new piece of work down; return its id. Raises InstanceExists."""
    try:
        with transaction.atomic():
            row = Instance.objects.create(
                definition_id=definition_id, serial_no=serial_no, business_key=business_key, org_code=org_code,
                amount_fen=amount_fen, values=dict(values), engine_state=dict(engine_state), state=RUNNING,
                has_step=False, started_by=staff_id, started_at=at,
            )  # fmt: skip
    except IntegrityError as exists:
        raise InstanceExists(serial_no) from exists
    note(instance_id=row.instance_id, kind="BEGUN", at=at, staff_id=staff_id, text=reason)
    record_audit(
        staff_id=staff_id,
        action="workflow.begin",
        object_kind="work",
        object_id=row.instance_id,
        at=at,
        reason=reason[:500],
        after={"definition_id": definition_id, "about": business_key, "amount_fen": amount_fen},
    )
    return row.instance_id


def lock_instance(*, instance_id: int) -> InstanceView:
    """Read an instance and keep it from others until the transaction ends. Raises InstanceUnknown.

    What refers to it may still be written: who holds one of its tasks alone (a claim) notes that without waiting.
    """
    found = Instance.objects.select_for_update(of=("self",), no_key=True).select_related("definition")
    row = found.filter(pk=instance_id).first()
    if row is None:
        raise InstanceUnknown(instance_id)
    return _view(row)


def instance_view(*, instance_id: int) -> InstanceView:
    """One instance. Raises InstanceUnknown."""
    row = Instance.objects.select_related("definition").filter(pk=instance_id).first()
    if row is None:
        raise InstanceUnknown(instance_id)
    return _view(row)


def instance_by_serial(*, serial_no: str) -> InstanceView | None:
    """The instance that a form began, if it did."""
    row = Instance.objects.select_related("definition").filter(serial_no=serial_no).first()
    return _view(row) if row else None


def keep_instance(
    *,
    instance_id: int,
    values: Mapping[str, Any],
    engine_state: Mapping[str, Any],
    has_step: bool,
    outcome: str,
    at: datetime,
) -> None:
    """Write down where a locked instance stands now; an outcome ends it."""
    row = Instance.objects.get(pk=instance_id)
    row.values, row.engine_state, row.has_step, row.problem = dict(values), dict(engine_state), has_step, ""
    row.state = RUNNING
    if outcome:
        row.state, row.outcome, row.ended_at = ENDED, outcome, at
    row.save()


@transaction.atomic
def hold_instance(*, instance_id: int, problem: str, element: str, at: datetime) -> None:
    """Stop where a step was refused, until a person lets it try again or gives the work up."""
    Instance.objects.filter(pk=instance_id).update(state=HELD, problem=problem[:500])
    note(instance_id=instance_id, kind="HELD", element=element, at=at, staff_id=None, text=problem)
    _audit("workflow.hold", instance_id, at, None, problem)


@transaction.atomic
def let_go_on(*, instance_id: int, at: datetime, staff_id: int) -> None:
    """Let a held instance try its step again. Raises InstanceStateForbids."""
    changed = Instance.objects.filter(pk=instance_id, state=HELD).update(state=RUNNING, problem="")
    if not changed:
        raise InstanceStateForbids(instance_id)
    note(instance_id=instance_id, kind="GOES_ON", at=at, staff_id=staff_id)
    _audit("workflow.go_on", instance_id, at, staff_id, "")


@transaction.atomic
def stop_instance(*, instance_id: int, reason: str, at: datetime, staff_id: int) -> None:
    """Give a piece of work up. Raises InstanceStateForbids."""
    changed = Instance.objects.filter(pk=instance_id, state__in=(RUNNING, HELD)).update(
        state=STOPPED, ended_at=at, has_step=False
    )
    if not changed:
        raise InstanceStateForbids(instance_id)
    note(instance_id=instance_id, kind="STOPPED", at=at, staff_id=staff_id, text=reason)
    _audit("workflow.stop", instance_id, at, staff_id, reason)


def instances_with_steps(*, limit: int = 500) -> list[int]:
    """Instances in which a function is to be called next, the oldest first."""
    found = Instance.objects.filter(state=RUNNING, has_step=True).order_by("instance_id")
    return list(found.values_list("instance_id", flat=True)[:limit])


def list_instances(
    *, flow: str = "", state: str = "", business_key: str = "", started_by: int | None = None, page: int = 1,
    page_size: int = 50,
) -> tuple[list[InstanceView], int]:  # fmt: skip
    """Pieces of work, the newest first, with the number of all that match."""
    wanted = {"definition__flow": flow, "state": state, "business_key": business_key, "started_by": started_by}
    found = Instance.objects.filter(**{name: value for name, value in wanted.items() if value})
    rows = found.select_related("definition").order_by("-instance_id")[(page - 1) * page_size : page * page_size]
    return [_view(row) for row in rows], found.count()


def note(
    *,
    instance_id: int,
    kind: str,
    at: datetime,
    staff_id: int | None,
    element: str = "",
    on_behalf_of: int | None = None,
    text: str = "",
) -> None:
    """Write down something that happened, in the transaction in which it did."""
    Happening.objects.create(
        instance_id=instance_id, kind=kind, element=element, at=at, staff_id=staff_id, on_behalf_of=on_behalf_of,
        note=text[:500],
    )  # fmt: skip


def happenings(*, instance_id: int) -> list[HappeningView]:
    """What happened to an instance, in order."""
    rows = Happening.objects.filter(instance_id=instance_id).order_by("happening_id")
    return [HappeningView(**{name: getattr(row, name) for name in HappeningView.__dataclass_fields__}) for row in rows]


def _view(row: Instance) -> InstanceView:
    own = {name: getattr(row, name) for name in InstanceView.__dataclass_fields__ if name not in ("flow", "version")}
    return InstanceView(**own, flow=row.definition.flow, version=row.definition.version)


def _audit(action: str, instance_id: int, at: datetime, staff_id: int | None, reason: str) -> None:
    record_audit(
        staff_id=staff_id, action=action, object_kind="work", object_id=instance_id, at=at, reason=reason[:500]
    )
