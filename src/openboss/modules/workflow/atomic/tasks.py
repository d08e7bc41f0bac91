"""Tasks: what somebody has to do, whose it is, until when, and what they decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import Q, QuerySet

from openboss.modules.system.atomic import record_audit
from openboss.modules.workflow.atomic.instances import note
from openboss.modules.workflow.diagram import Element
from openboss.modules.workflow.models import Task

OPEN, DONE, GONE = "OPEN", "DONE", "GONE"


class TaskUnknown(LookupError):
    """There is no such task."""


class TaskDecided(Exception):
    """Somebody has decided on this task already; nothing was changed."""


class TaskClaimed(Exception):
    """Somebody else has taken this task."""


@dataclass(frozen=True)
class TaskView:
    """One task; `amount_fen`, `business_key`, `flow` and `started_by` are its instance's."""

    task_id: int
    instance_id: int
    definition_id: int
    flow: str
    business_key: str
    amount_fen: int | None
    started_by: int
    place: str
    element: str
    team: str
    person_id: int | None
    org_code: str
    is_approval: bool
    opened_at: datetime
    due_at: datetime | None
    escalates_to: tuple[str, ...]
    escalations: int
    claimed_by: int | None
    state: str
    decision: str
    reason: str
    decided_by: int | None
    on_behalf_of: int | None
    decided_at: datetime | None


@dataclass(frozen=True)
class Reach:
    """How far somebody's authority goes: tasks of these teams at these places, and what was given to the person."""

    person_id: int
    teams: tuple[str, ...]
    places: frozenset[str]
    limit_fen: int | None = None
    is_of_teams_alone: bool = False  # lent for one team: what is the lender's own stays with the lender

    def holds(self, task: TaskView) -> bool:
        """Whether a task is within it."""
        if self.limit_fen is not None and (task.amount_fen or 0) > self.limit_fen:
            return False
        if task.person_id is not None:
            return task.person_id == self.person_id and (not self.is_of_teams_alone or task.team in self.teams)
        return task.team in self.teams and task.org_code in self.places


def open_task(
    *, instance_id: int, place: str, element: Element, team: str, person_id: int | None, org_code: str, at: datetime
) -> None:
    """Give a team, or a person, a task, in the caller's transaction."""
    due_at = at + timedelta(hours=element.due_hours) if element.due_hours else None
    Task.objects.create(
        instance_id=instance_id, place=place, element=element.element, team=team, person_id=person_id,
        org_code=org_code, is_approval=element.is_approval, opened_at=at, due_hours=element.due_hours, due_at=due_at,
        escalates_to=list(element.escalates_to), state=OPEN,
    )  # fmt: skip


def lock_task(*, task_id: int) -> TaskView:
    """Read an open task and keep it from others. Raises TaskUnknown, TaskDecided."""
    row = _rows().select_for_update(of=("self",)).filter(pk=task_id).first()
    if row is None:
        raise TaskUnknown(task_id)
    if row.state != OPEN:
        raise TaskDecided(task_id)
    return _view(row)


def task_view(*, task_id: int) -> TaskView:
    """One task. Raises TaskUnknown."""
    row = _rows().filter(pk=task_id).first()
    if row is None:
        raise TaskUnknown(task_id)
    return _view(row)


@transaction.atomic
def claim_task(*, task: TaskView, at: datetime, staff_id: int | None, by: int) -> None:
    """Take a locked task for oneself; staff_id None gives it back to its team."""
    Task.objects.filter(pk=task.task_id).update(claimed_by=staff_id)
    kind = "CLAIMED" if staff_id else "GIVEN_BACK"
    note(instance_id=task.instance_id, kind=kind, element=task.element, at=at, staff_id=by)
    _audit("workflow.claim" if staff_id else "workflow.give_back", task, at, by, "")


@transaction.atomic
def hand_over_task(*, task: TaskView, to_staff_id: int, reason: str, at: datetime, staff_id: int) -> None:
    """Give a locked task to one person; it stays due when it was, and goes to the next team as before."""
    Task.objects.filter(pk=task.task_id).update(person_id=to_staff_id, claimed_by=to_staff_id)
    note(instance_id=task.instance_id, kind="HANDED_OVER", element=task.element, at=at, staff_id=staff_id, text=reason)
    _audit("workflow.hand_over", task, at, staff_id, reason, to_staff_id=to_staff_id)


@transaction.atomic
def settle_task(
    *, task: TaskView, decision: str, reason: str, at: datetime, staff_id: int, on_behalf_of: int | None
) -> None:
    """Write the decision on a locked task down."""
    Task.objects.filter(pk=task.task_id).update(
        state=DONE, decision=decision, reason=reason[:500], decided_by=staff_id, on_behalf_of=on_behalf_of,
        decided_at=at,
    )  # fmt: skip
    note(
        instance_id=task.instance_id, kind="DECIDED", element=task.element, at=at, staff_id=staff_id,
        on_behalf_of=on_behalf_of, text=f"{decision}: {reason}" if reason else decision,
    )  # fmt: skip
    _audit("workflow.decide", task, at, staff_id, reason, decision=decision, on_behalf_of=on_behalf_of)


def end_tasks(*, instance_id: int) -> None:
    """Take away what was still to be decided in an instance that ended."""
    Task.objects.filter(instance_id=instance_id, state=OPEN).update(state=GONE)


@transaction.atomic
def escalate_task(*, task_id: int, at: datetime) -> TaskView | None:
    """Give an overdue task to the next team, with as much time as the first had; None: it is not due any more."""
    row = _rows().select_for_update(of=("self",)).filter(pk=task_id, state=OPEN, due_at__lte=at).first()
    if row is None or not row.escalates_to:
        return None
    before = row.team
    row.team, row.escalates_to = row.escalates_to[0], row.escalates_to[1:]
    row.escalations, row.claimed_by, row.person_id = row.escalations + 1, None, None
    row.due_at = at + timedelta(hours=row.due_hours)
    row.save()
    task = _view(row)
    note(instance_id=task.instance_id, kind="ESCALATED", element=task.element, at=at, staff_id=None,
         text=f"{before} > {row.team}")  # fmt: skip
    _audit("workflow.escalate", task, at, None, "", before=before, team=row.team)
    return task


def overdue_tasks(*, at: datetime, limit: int = 500) -> list[int]:
    """Tasks that are due and go to another team, the oldest first."""
    found = Task.objects.filter(state=OPEN, due_at__lte=at).exclude(escalates_to=[])
    return list(found.order_by("due_at").values_list("task_id", flat=True)[:limit])


def tasks_within(*, reaches: Sequence[Reach], limit: int = 1000) -> list[TaskView]:
    """Open tasks within somebody's reach, the most urgent first."""
    found = _rows().filter(reduce(or_, (_within(one) for one in reaches)), state=OPEN)
    return [_view(row) for row in found.order_by("due_at", "task_id")[:limit]]


def tasks_of_instance(*, instance_id: int) -> list[TaskView]:
    """Every task of an instance, in order."""
    return [_view(row) for row in _rows().filter(instance_id=instance_id).order_by("task_id")]


def _within(reach: Reach) -> Q:
    own = Q(person_id=reach.person_id)
    if reach.is_of_teams_alone:
        own &= Q(team__in=reach.teams)
    teams = Q(person_id__isnull=True, team__in=reach.teams, org_code__in=reach.places)
    if reach.limit_fen is None:
        return own | teams
    return (own | teams) & (Q(instance__amount_fen__isnull=True) | Q(instance__amount_fen__lte=reach.limit_fen))


def _rows() -> QuerySet[Task]:
    return Task.objects.select_related("instance__definition")


def _view(row: Task) -> TaskView:
    about = {
        "definition_id": row.instance.definition_id, "flow": row.instance.definition.flow,
        "business_key": row.instance.business_key, "amount_fen": row.instance.amount_fen,
        "started_by": row.instance.started_by, "escalates_to": tuple(row.escalates_to),
    }  # fmt: skip
    own = {name: getattr(row, name) for name in TaskView.__dataclass_fields__ if name not in about}
    return TaskView(**own, **about)


def _audit(action: str, task: TaskView, at: datetime, staff_id: int | None, reason: str, **after: object) -> None:
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="work",
        object_id=task.instance_id,
        at=at,
        reason=reason[:500],
        after={"task_id": task.task_id, "element": task.element, **after},
    )
