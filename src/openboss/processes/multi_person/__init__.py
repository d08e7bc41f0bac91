"""Work of several people from its beginning to its end: what they decide, and what is then done (issue 5 section 2).

    begin      a form of the console, or another process, begins work under the version of a flow in force
    decide     somebody decides on their task; what follows of itself is done at once where it is short
    carry_on   the functions that are next, each in one transaction with its effect; refused ones hold the work
    run        a job: what nobody carried on (a worker was killed, a long function), and what is overdue

A flow knows functions by name, from the closed list in calls.py; nothing else can be called. Simple flows stay plain
code: proposals, tariffs, re-ratings and stock wait on their own lists, which the inbox shows too (inbox.py).
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.db import transaction

from openboss.modules.system.atomic.people import list_roles
from openboss.modules.workflow.functions import definitions, work
from openboss.modules.workflow.functions.definitions import Known
from openboss.modules.workflow.functions.work import InstanceView
from openboss.processes.multi_person.calls import CALLS

__all__ = ["CALLS", "VALUES", "carry_on", "decide", "escalate_due", "import_flows", "known", "let_go_on", "waiting"]

VALUES = ("amount_fen",)  # what conditions may ask for beside decisions and what functions give
AT_ONCE = 5  # functions that are called while somebody waits for the page; the worker does the rest


def known() -> Known:
    """What a diagram may name now: teams are the roles there are."""
    return Known(
        teams=[role.code for role in list_roles()],
        calls={name: call.gives for name, call in CALLS.items()},
        values=VALUES,
    )


def import_flows(folder: Path, *, at: datetime) -> int:
    """Publish the flows an operator brings along; return how many are new. Raises DiagramRefused."""
    return definitions.import_flows(folder, known=known, at=at)


def decide(*, task_id: int, decision: str, reason: str, at: datetime, staff_id: int) -> InstanceView:
    """Decide on a task, and do what follows of itself. Raises as work.decide."""
    decided = work.decide(task_id=task_id, decision=decision, reason=reason, at=at, staff_id=staff_id)
    carry_on(decided.instance_id, at=at, at_most=AT_ONCE)
    return work.instance_view(instance_id=decided.instance_id)


def let_go_on(*, instance_id: int, at: datetime, staff_id: int) -> InstanceView:
    """Try the refused step of held work again. Raises as work.let_go_on."""
    work.let_go_on(instance_id=instance_id, at=at, staff_id=staff_id)
    carry_on(instance_id, at=at, at_most=AT_ONCE)
    return work.instance_view(instance_id=instance_id)


def carry_on(instance_id: int, *, at: datetime, at_most: int | None = None) -> int:
    """Call the functions that are next in an instance, one transaction each with its effect; return how many.

    A killed one is as if never called and is called again under the same serial number. A refusal undoes the call
    and holds the work. A long function does a part at each call.
    """
    called = 0
    while at_most is None or called < at_most:
        with transaction.atomic():
            if not _call_next(instance_id, at):
                break
        called += 1
    return called


def _call_next(instance_id: int, at: datetime) -> bool:
    """Call one function; False: none is next, or it was refused."""
    step = work.next_step(instance_id=instance_id)
    if step is None:
        return False
    call = CALLS[step.call]
    try:
        with transaction.atomic():
            done = call.carry_out(step, at)
    except call.refusals as refused:
        problem = f"{type(refused).__name__}: {refused}" if str(refused) else type(refused).__name__
        work.hold(instance_id=instance_id, problem=problem, element=step.element, at=at)
        return False
    note_done = work.step_done if done.is_whole else work.step_goes_on
    note_done(step, values=done.values, at=at)
    return True


def waiting() -> Iterator[int]:
    """Work in which a function is next and nobody carries on; for a job, which looks at each by itself."""
    yield from work.instances_with_steps()


def escalate_due(*, at: datetime) -> int:
    """Give overdue tasks to the team above; return how many (CHN-45)."""
    return work.escalate_due(at=at)
