"""Work on its way: begun, claimed, decided, handed over, escalated; and the steps in which functions are called.

Everything that moves an instance holds its row, so that two decisions come one after the other. A step and what it does
to customers or money are one transaction of the caller (processes/multi_person): a kill leaves both or neither, and
what waits is found again by `instances_with_steps`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from openboss.modules.system.atomic import org_subtree, send_out, staff_by_id
from openboss.modules.workflow import diagram
from openboss.modules.workflow.atomic import instances as rows
from openboss.modules.workflow.atomic import tasks
from openboss.modules.workflow.atomic.definitions import definition_in_force, definition_view
from openboss.modules.workflow.atomic.instances import (
    HappeningView,
    InstanceExists,
    InstanceStateForbids,
    InstanceUnknown,
    InstanceView,
    happenings,
    instance_view,
    instances_with_steps,
    list_instances,
)
from openboss.modules.workflow.atomic.tasks import (
    TaskClaimed,
    TaskDecided,
    TaskUnknown,
    TaskView,
    task_view,
    tasks_of_instance,
)
from openboss.modules.workflow.diagram import APPROVE, STARTER, Element
from openboss.modules.workflow.engine import Walk
from openboss.modules.workflow.functions.authority import NotYours, reaches_of, refuse_who_agreed, standing_on

__all__ = [
    "DecisionUnknown",
    "HappeningView",
    "InstanceExists",
    "InstanceStateForbids",
    "InstanceUnknown",
    "InstanceView",
    "ReasonMissing",
    "Step",
    "TaskClaimed",
    "TaskDecided",
    "TaskUnknown",
    "TaskView",
    "begin",
    "claim",
    "decide",
    "escalate_due",
    "give_back",
    "hand_over",
    "happenings",
    "hold",
    "instance_view",
    "instances_with_steps",
    "let_go_on",
    "list_instances",
    "next_step",
    "step_done",
    "step_goes_on",
    "stop",
    "task_view",
    "tasks_for",
    "tasks_of_instance",
]

NEEDS_REASON = frozenset({"refuse", "send_back", "decline"})


class DecisionUnknown(ValueError):
    """This task is decided otherwise; the message names what may be decided."""


class ReasonMissing(ValueError):
    """Who refuses, declines or sends back says why."""


@dataclass(frozen=True)
class Step:
    """A function that is to be called in an instance; `serial_no` makes what it does safe to repeat."""

    instance: InstanceView
    place: str
    element: str
    call: str
    serial_no: str


@transaction.atomic
def begin(
    *,
    flow: str,
    serial_no: str,
    business_key: str,
    values: Mapping[str, Any],
    amount_fen: int | None,
    org_code: str,
    reason: str,
    at: datetime,
    staff_id: int,
) -> int:
    """Begin work under the version of a flow in force; return its id. The same form again gives the same work.

    values  what the flow's conditions and functions ask for; no personal data
    Raises DefinitionUnknown, InstanceExists (the number was used for something else).
    """
    known = rows.instance_by_serial(serial_no=serial_no)
    if known is not None:
        begun = known.flow, known.business_key, known.amount_fen, known.started_by
        if begun != (flow, business_key, amount_fen, staff_id):
            raise InstanceExists(serial_no)
        return known.instance_id
    definition = definition_in_force(flow=flow, at=at)
    all_values = {**values, "amount_fen": amount_fen, "reason": reason}
    walk = Walk.begin(definition.xml, flow=flow, values=all_values)
    instance_id = rows.put_instance(
        definition_id=definition.definition_id, serial_no=serial_no, business_key=business_key, org_code=org_code,
        amount_fen=amount_fen, values=all_values, engine_state=walk.state, at=at, staff_id=staff_id, reason=reason,
    )  # fmt: skip
    _keep(rows.lock_instance(instance_id=instance_id), walk, all_values, at)
    return instance_id


def _keep(instance: InstanceView, walk: Walk, values: Mapping[str, Any], at: datetime) -> None:
    """Write down where a locked instance stands, and open the tasks that wait there."""
    elements = _elements(instance)
    waiting = {place: elements[element] for place, element in walk.waiting.items()}
    opened = {task.place for task in tasks_of_instance(instance_id=instance.instance_id)}
    for place, element in waiting.items():
        if element.kind == "TASK" and place not in opened:
            _open(instance, place, element, at)
    has_step = any(element.kind == "CALL" for element in waiting.values())
    rows.keep_instance(
        instance_id=instance.instance_id, values=values, engine_state=walk.state, has_step=has_step, outcome=walk.end,
        at=at,
    )  # fmt: skip
    if walk.end:
        tasks.end_tasks(instance_id=instance.instance_id)
        rows.note(instance_id=instance.instance_id, kind="ENDED", element=walk.end, at=at, staff_id=None)


def _open(instance: InstanceView, place: str, element: Element, at: datetime) -> None:
    is_starters = element.team == STARTER
    tasks.open_task(
        instance_id=instance.instance_id, place=place, element=element, team="" if is_starters else element.team,
        person_id=instance.started_by if is_starters else None, org_code=instance.org_code, at=at,
    )  # fmt: skip
    rows.note(instance_id=instance.instance_id, kind="OPENED", element=element.element, at=at, staff_id=None,
              text=element.team)  # fmt: skip


def _elements(instance: InstanceView) -> Mapping[str, Element]:
    return diagram.read(definition_view(definition_id=instance.definition_id).xml).elements


def tasks_for(*, staff_id: int, at: datetime) -> list[tuple[TaskView, int | None]]:
    """Open tasks somebody may see, the most urgent first, each with whose authority reaches it (None: their own)."""
    reaches = reaches_of(staff_id=staff_id, at=at)
    found = tasks.tasks_within(reaches=[reach for reach, _whose in reaches])
    return [(task, next(whose for reach, whose in reaches if reach.holds(task))) for task in found]


@transaction.atomic
def claim(*, task_id: int, at: datetime, staff_id: int) -> None:
    """Take a task of one's team for oneself; again changes nothing.

    Raises TaskUnknown, TaskDecided, TaskClaimed, NotYours, SamePerson.
    """
    task = tasks.lock_task(task_id=task_id)
    standing_on(task, staff_id=staff_id, at=at)
    _refuse_claimed(task, staff_id)
    if task.claimed_by is None:
        tasks.claim_task(task=task, at=at, staff_id=staff_id, by=staff_id)


@transaction.atomic
def give_back(*, task_id: int, at: datetime, staff_id: int) -> None:
    """Give a claimed task back to its team. Raises TaskUnknown, TaskDecided, NotYours."""
    task = tasks.lock_task(task_id=task_id)
    if task.claimed_by != staff_id or task.person_id is not None:
        raise NotYours(task_id)
    tasks.claim_task(task=task, at=at, staff_id=None, by=staff_id)


def _refuse_claimed(task: TaskView, staff_id: int) -> None:
    if task.claimed_by not in (None, staff_id):
        raise TaskClaimed(task.task_id)


@transaction.atomic
def hand_over(*, task_id: int, to_staff_id: int, reason: str, at: datetime, staff_id: int) -> None:
    """Give a task to a colleague who might do it anyway: of the same team and place.

    Raises TaskUnknown, TaskDecided, TaskClaimed, NotYours (also: not the colleague's team), SamePerson (also: the
    colleague asked for it or agreed before), StaffUnknown.
    """
    task = tasks.lock_task(task_id=task_id)
    standing_on(task, staff_id=staff_id, at=at)
    _refuse_claimed(task, staff_id)
    other = staff_by_id(staff_id=to_staff_id)
    is_of_team = not task.team or task.team in other.roles
    if not (other.is_active and is_of_team and task.org_code in org_subtree(code=other.org_code)):
        raise NotYours(task_id)
    refuse_who_agreed(task, staff_id=to_staff_id)
    tasks.hand_over_task(task=task, to_staff_id=to_staff_id, reason=reason, at=at, staff_id=staff_id)


@transaction.atomic
def decide(*, task_id: int, decision: str, reason: str, at: datetime, staff_id: int) -> InstanceView:
    """Decide on a task, by one's own or lent authority; the work goes on to the next person or function.

    Raises TaskUnknown, TaskDecided, TaskClaimed, NotYours, SamePerson, DecisionUnknown, ReasonMissing,
    InstanceStateForbids.
    """
    instance = rows.lock_instance(instance_id=task_view(task_id=task_id).instance_id)
    task = tasks.lock_task(task_id=task_id)
    if instance.state != rows.RUNNING:
        raise InstanceStateForbids(instance.state)
    whose = standing_on(task, staff_id=staff_id, at=at)
    _refuse_claimed(task, staff_id)
    allowed = _elements(instance)[task.element].decisions
    if decision not in allowed:
        raise DecisionUnknown(", ".join(allowed))
    if decision in NEEDS_REASON and not reason.strip():
        raise ReasonMissing()
    tasks.settle_task(task=task, decision=decision, reason=reason, at=at, staff_id=staff_id, on_behalf_of=whose)
    values = {**instance.values, task.element: decision}
    if decision == APPROVE:
        values["approved_by"] = whose or staff_id  # the authority it stands on; the audit says whose hand it was
    walk = Walk.resume(instance.engine_state, values)
    walk.done(task.place)
    _keep(instance, walk, values, at)
    return instance_view(instance_id=instance.instance_id)


def next_step(*, instance_id: int) -> Step | None:
    """The function to be called next in an instance, which stays locked; None: people are asked, or it is over."""
    instance = rows.lock_instance(instance_id=instance_id)
    if instance.state != rows.RUNNING or not instance.has_step:
        return None
    elements = _elements(instance)
    waiting = Walk.resume(instance.engine_state, instance.values).waiting
    place, element = min((place, one) for place, one in waiting.items() if elements[one].kind == "CALL")
    serial_no = f"WORK-{instance_id}-{place.replace('-', '')[:16]}"
    return Step(instance, place, element, elements[element].call, serial_no)


@transaction.atomic
def step_done(step: Step, *, values: Mapping[str, Any], at: datetime) -> None:
    """Note that a function was called, with what it gave, in the transaction of what it did."""
    all_values = {**step.instance.values, **values}
    rows.note(instance_id=step.instance.instance_id, kind="CALLED", element=step.element, at=at, staff_id=None)
    walk = Walk.resume(step.instance.engine_state, all_values)
    walk.done(step.place)
    _keep(step.instance, walk, all_values, at)


def step_goes_on(step: Step, *, values: Mapping[str, Any], at: datetime) -> None:
    """Note how far a long function came; it is called again, with what it gave so far."""
    rows.keep_instance(
        instance_id=step.instance.instance_id, values={**step.instance.values, **values},
        engine_state=step.instance.engine_state, has_step=True, outcome="", at=at,
    )  # fmt: skip


def hold(*, instance_id: int, problem: str, element: str = "", at: datetime) -> None:
    """Stop an instance whose step was refused; a person looks."""
    rows.hold_instance(instance_id=instance_id, problem=problem, element=element, at=at)


@transaction.atomic
def let_go_on(*, instance_id: int, at: datetime, staff_id: int) -> None:
    """Try a held instance's step again. Raises InstanceUnknown, InstanceStateForbids, NotYours."""
    _refuse_outsider(rows.lock_instance(instance_id=instance_id), staff_id)
    rows.let_go_on(instance_id=instance_id, at=at, staff_id=staff_id)


@transaction.atomic
def stop(*, instance_id: int, reason: str, at: datetime, staff_id: int) -> None:
    """Give work up: who began it, or who looks after flows. Raises InstanceUnknown, InstanceStateForbids, NotYours,
    ReasonMissing."""
    _refuse_outsider(rows.lock_instance(instance_id=instance_id), staff_id)
    if not reason.strip():
        raise ReasonMissing()
    rows.stop_instance(instance_id=instance_id, reason=reason, at=at, staff_id=staff_id)
    tasks.end_tasks(instance_id=instance_id)


def _refuse_outsider(instance: InstanceView, staff_id: int) -> None:
    if instance.started_by != staff_id and "workflow.edit" not in staff_by_id(staff_id=staff_id).rights:
        raise NotYours(instance.instance_id)


def escalate_due(*, at: datetime) -> int:
    """Give overdue tasks to the team above, and tell it; return how many. Each is a transaction of its own (CHN-45)."""
    escalated = 0
    for task_id in tasks.overdue_tasks(at=at):
        with transaction.atomic():
            task = tasks.escalate_task(task_id=task_id, at=at)
            if task is None:
                continue
            payload = {"org": task.org_code, "alarm": "TASK_OVERDUE", "team": task.team, "work": task.instance_id}
            send_out(topic="staff", payload=payload, at=at)
            escalated += 1
    return escalated
