"""Who may do what to money, and what two people must agree to."""

from openboss.modules.system.atomic import StaffView, staff_by_id


class NotEntitled(Exception):
    """You do not have the right for this; ask somebody who has."""


class SecondPersonNeeded(Exception):
    """This needs the agreement of a second person who may approve it; it cannot be the one who asks."""


def require(*, staff_id: int, right: str) -> StaffView:
    """Refuse a person who lacks a right. Raises NotEntitled."""
    staff = staff_by_id(staff_id=staff_id)
    if right not in staff.rights or not staff.is_active:
        raise NotEntitled(f"{staff.login}: {right}")
    return staff


def require_second(*, staff_id: int | None, approved_by: int | None) -> None:
    """Refuse what no second person with the right to approve has agreed to. Raises SecondPersonNeeded, NotEntitled."""
    if approved_by is None or approved_by == staff_id:
        raise SecondPersonNeeded()
    require(staff_id=approved_by, right="receivables.approve")
