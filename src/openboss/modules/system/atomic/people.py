"""Who there is to give work to: roles, and colleagues by role."""

from dataclasses import dataclass

from openboss.modules.system.models import Role, Staff


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
