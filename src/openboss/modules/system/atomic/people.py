"""Who works here: roles, colleagues by role, what each may do and by which role, who left."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from openboss.modules.system.atomic.audit import record_audit
from openboss.modules.system.models import Role, RoleRight, Staff


@dataclass(frozen=True)
class RoleRow:
    """A job, by its code and names."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class Colleague:
    """Somebody who works here, as a list names them."""

    staff_id: int
    name_zh: str
    name_en: str
    org_code: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class StaffRow:
    """A login as its administrator sees it: one natural person each (AAA-02)."""

    staff_id: int
    login: str
    name_zh: str
    name_en: str
    org_code: str
    roles: tuple[str, ...]
    is_active: bool
    last_login_at: datetime | None
    locked_until_at: datetime | None
    password_at: datetime | None
    has_second_factor: bool


def list_staff() -> list[StaffRow]:
    """Everybody who has or had a login, by name."""
    people = Staff.objects.prefetch_related("roles", "second_factors").order_by("login")
    return [
        StaffRow(
            one.staff_id,
            one.login,
            one.name_zh,
            one.name_en,
            one.org_id,
            tuple(sorted(role.code for role in one.roles.all())),
            one.is_active,
            one.last_login,
            one.locked_until,
            one.password_at,
            bool(one.second_factors.all()),
        )
        for one in people
    ]


def rights_by_role(*, staff_id: int) -> dict[str, tuple[str, ...]]:
    """What somebody may do: each right with the roles that give it (AAA-14)."""
    found: dict[str, tuple[str, ...]] = {}
    rows = RoleRight.objects.filter(role__staff=staff_id).order_by("right", "role__code")
    for right, role in rows.values_list("right", "role__code"):
        found[right] = (*found.get(right, ()), role)
    return found


@transaction.atomic
def set_active(*, staff_id: int, is_active: bool, reason: str, at: datetime, by_staff_id: int) -> None:
    """Let somebody's login rest because they left, or take it up again; what they did keeps their name."""
    Staff.objects.filter(staff_id=staff_id).update(is_active=is_active)
    action = "system.take_up_login" if is_active else "system.rest_login"
    record_audit(
        staff_id=by_staff_id,
        action=action,
        object_kind="staff",
        object_id=staff_id,
        reason=reason,
        at=at,
        after={"is_active": is_active},
    )


def list_roles() -> list[RoleRow]:
    """Every job there is, by code."""
    return [RoleRow(one.code, one.name_zh, one.name_en) for one in Role.objects.order_by("code")]


def list_colleagues() -> list[Colleague]:
    """Everybody who works here now, by name."""
    people = Staff.objects.filter(is_active=True).prefetch_related("roles").order_by("name_en", "staff_id")
    return [
        Colleague(
            one.staff_id, one.name_zh, one.name_en, one.org_id, tuple(sorted(role.code for role in one.roles.all()))
        )
        for one in people
    ]
