"""Who may decide on a task: by a role at a place, as the person it was given to, or by authority that was lent.

Source: issue 5 section 2. Lent authority is looked at when it is used, at the moment it is used: nothing has to end it.
"""

from datetime import datetime, timedelta

from openboss.modules.system.atomic import StaffView, org_subtree, staff_by_id
from openboss.modules.workflow.atomic import delegations, tasks
from openboss.modules.workflow.atomic.delegations import DelegationUnknown, DelegationView
from openboss.modules.workflow.atomic.tasks import Reach, TaskView
from openboss.modules.workflow.diagram import APPROVE

__all__ = [
    "LONGEST",
    "DelegationUnknown",
    "DelegationView",
    "LendingRefused",
    "NotYours",
    "SamePerson",
    "lend",
    "lent_by_or_to",
    "lent_to",
    "reaches_of",
    "refuse_who_agreed",
    "standing_on",
    "withdraw",
]

LONGEST = timedelta(days=92)


class NotYours(Exception):
    """This task is another team's or another person's, or above the amount lent to you; nothing was changed."""


class SamePerson(Exception):
    """Nobody agrees to what they asked for or agreed to before, nor by the authority of somebody who did."""


class LendingRefused(ValueError):
    """Authority is lent to another person who works here, of a team of one's own, from now or later, for 92 days at
    most; the message names what does not fit."""


def lend(
    *,
    staff_id: int,
    to_staff_id: int,
    team: str = "",
    limit_fen: int | None = None,
    from_at: datetime,
    to_at: datetime,
    reason: str,
    at: datetime,
) -> DelegationView:
    """Lend one's own authority to another person for a time, up to an amount; it ends by itself.

    team       one of the lender's roles; empty = all of them, and what was given to the lender in person
    limit_fen  work above it stays with the lender; None = as far as the lender's own
    Raises LendingRefused.
    """
    lender, other = staff_by_id(staff_id=staff_id), staff_by_id(staff_id=to_staff_id)
    wrong = {
        "to": staff_id == to_staff_id or not other.is_active,
        "team": bool(team) and team not in lender.roles,
        "from": from_at < at - timedelta(minutes=5),
        "until": not timedelta(0) < to_at - from_at <= LONGEST,
        "limit": limit_fen is not None and limit_fen <= 0,
        "reason": not reason.strip(),
    }
    if any(wrong.values()):
        raise LendingRefused(", ".join(name for name, is_wrong in wrong.items() if is_wrong))
    return delegations.lend(
        from_staff_id=staff_id, to_staff_id=to_staff_id, team=team, limit_fen=limit_fen, from_at=from_at, to_at=to_at,
        reason=reason, at=at,
    )  # fmt: skip


def withdraw(*, delegation_id: int, at: datetime, staff_id: int) -> None:
    """Take back what one lent. Raises DelegationUnknown."""
    delegations.withdraw(delegation_id=delegation_id, from_staff_id=staff_id, at=at)


def lent_by_or_to(*, staff_id: int) -> list[DelegationView]:
    """What this person lent or was lent, the newest first."""
    return delegations.lent_by_or_to(staff_id=staff_id)


def lent_to(*, staff_id: int, at: datetime) -> list[DelegationView]:
    """What others have lent this person and is in force at a moment."""
    return delegations.lent_to(staff_id=staff_id, at=at)


def reaches_of(*, staff_id: int, at: datetime) -> list[tuple[Reach, int | None]]:
    """How far somebody reaches: by themselves (None), and by what others lent them (their id).

    What was lent is not lent on: a lender's reach is their own alone.
    """
    reaches: list[tuple[Reach, int | None]] = [(_own_reach(staff_by_id(staff_id=staff_id)), None)]
    for lent in delegations.lent_to(staff_id=staff_id, at=at):
        lender = staff_by_id(staff_id=lent.from_staff_id)
        if lender.is_active:
            reaches.append((_own_reach(lender, only=lent.team, limit_fen=lent.limit_fen), lender.staff_id))
    return reaches


def _own_reach(staff: StaffView, *, only: str = "", limit_fen: int | None = None) -> Reach:
    teams = tuple(role for role in staff.roles if not only or role == only) if staff.is_active else ()
    return Reach(staff.staff_id, teams, frozenset(org_subtree(code=staff.org_code)), limit_fen, bool(only))


def standing_on(task: TaskView, *, staff_id: int, at: datetime) -> int | None:
    """By whose authority somebody may decide on a task: None = their own. Raises NotYours, SamePerson."""
    found = [whose for reach, whose in reaches_of(staff_id=staff_id, at=at) if reach.holds(task)]
    if not found:
        raise NotYours(task.task_id)
    agreed = _who_agreed(task)
    free = [whose for whose in found if whose not in agreed]
    if staff_id in agreed or not free:
        raise SamePerson(task.task_id)
    return free[0]


def refuse_who_agreed(task: TaskView, *, staff_id: int) -> None:
    """Refuse to give a task to somebody who could not decide on it. Raises SamePerson."""
    if staff_id in _who_agreed(task):
        raise SamePerson(task.task_id)


def _who_agreed(task: TaskView) -> set[int]:
    """Who asked for what a task agrees to, and who agreed before: nobody, where it is no approval."""
    if not task.is_approval:
        return set()
    before = [one for one in tasks.tasks_of_instance(instance_id=task.instance_id) if one.decision == APPROVE]
    return {task.started_by, *(one.decided_by or 0 for one in before), *(one.on_behalf_of or 0 for one in before)}
