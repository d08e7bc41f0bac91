"""Who there is to give work to, what each may do, and how an administrator changes it."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from openboss.modules.system.atomic import put_staff, staff_by_id
from openboss.modules.system.atomic.people import (
    Colleague,
    RoleRow,
    StaffRow,
    list_colleagues,
    list_roles,
    list_staff,
    rights_by_role,
    set_active,
)
from openboss.modules.system.functions.own_account import end_sessions

__all__ = [
    "Colleague",
    "OwnLogin",
    "RoleRow",
    "RolesUnknown",
    "StaffRow",
    "give_roles",
    "let_rest",
    "list_colleagues",
    "list_roles",
    "list_staff",
    "rights_by_role",
]


class OwnLogin(Exception):
    """Nobody changes what they themselves may do: another administrator does."""


class RolesUnknown(ValueError):
    """A role that is named does not exist, or none is named."""


def give_roles(*, staff_id: int, roles: Sequence[str], at: datetime, by_staff_id: int) -> None:
    """Let somebody hold exactly these roles from their next page on. Raises OwnLogin, RolesUnknown, StaffUnknown."""
    if staff_id == by_staff_id:
        raise OwnLogin(staff_id)
    if not roles or set(roles) - {one.code for one in list_roles()}:
        raise RolesUnknown(", ".join(roles))
    person = staff_by_id(staff_id=staff_id)
    put_staff(
        login=person.login,
        name_zh=person.name_zh,
        name_en=person.name_en,
        org_code=person.org_code,
        roles=list(roles),
        password="",
        language=person.language,
        at=at,
        staff_id=by_staff_id,
    )


@transaction.atomic
def let_rest(*, staff_id: int, is_active: bool, reason: str, at: datetime, by_staff_id: int) -> None:
    """Let the login of somebody who left rest, and end it wherever it is open; or take it up again.

    Raises OwnLogin, StaffUnknown.
    """
    if staff_id == by_staff_id:
        raise OwnLogin(staff_id)
    staff_by_id(staff_id=staff_id)
    set_active(staff_id=staff_id, is_active=is_active, reason=reason, at=at, by_staff_id=by_staff_id)
    if not is_active:
        end_sessions(staff_id=staff_id, at=at)
