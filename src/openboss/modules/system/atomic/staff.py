"""Staff, roles and their passwords (D21)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from openboss.modules.system.atomic.audit import record_audit
from openboss.modules.system.models import PastPassword, Role, RoleRight, Staff, StaffRole
from openboss.modules.system.statements import ask

WRONG_PASSWORDS_MAX = 5  # D21.6
LOCK = timedelta(minutes=30)


class LoginOutcome(Enum):
    """How a login ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LOCKED = "locked"


class StaffUnknown(LookupError):
    """There is no such member of staff."""


@dataclass(frozen=True)
class StaffView:
    """A member of staff with everything a page needs to know about them."""

    staff_id: int
    login: str
    name_zh: str
    name_en: str
    org_code: str
    roles: tuple[str, ...]
    rights: frozenset[str]
    language: str
    theme: str
    is_active: bool
    password_at: datetime | None


def _view(staff: Staff) -> StaffView:
    rights = RoleRight.objects.filter(role__staff=staff).values_list("right", flat=True)
    return StaffView(
        staff.staff_id,
        staff.login,
        staff.name_zh,
        staff.name_en,
        staff.org_id,
        tuple(staff.roles.order_by("code").values_list("code", flat=True)),
        frozenset(rights),
        staff.language,
        staff.theme,
        staff.is_active,
        staff.password_at,
    )


def staff_by_id(*, staff_id: int) -> StaffView:
    """Show one member of staff. Raises StaffUnknown."""
    found = ask(_STAFF, [staff_id])
    if not found:
        raise StaffUnknown(staff_id)
    number, login, zh, en, org_code, roles, rights, *rest = found[0]
    return StaffView(number, login, zh, en, org_code, tuple(roles), frozenset(rights), *rest)


# With every request of a page and of another system: one statement instead of three.
_STAFF = """
SELECT staff_id, login, name_zh, name_en, org_id,
    ARRAY(SELECT r.code FROM system_staffrole sr JOIN system_role r USING (role_id)
        WHERE sr.staff_id = s.staff_id ORDER BY r.code),
    ARRAY(SELECT DISTINCT rr."right" FROM system_staffrole sr JOIN system_roleright rr USING (role_id)
        WHERE sr.staff_id = s.staff_id),
    language, theme, is_active, password_at
FROM system_staff s WHERE staff_id = %s::bigint
"""


def staff_by_login(*, login: str) -> StaffView:
    """Show the member of staff who logs in under a name. Raises StaffUnknown."""
    staff = Staff.objects.filter(login=login).first()
    if staff is None:
        raise StaffUnknown(login)
    return _view(staff)


@transaction.atomic
def try_password(*, login: str, password: str, at: datetime) -> tuple[LoginOutcome, StaffView | None]:
    """Check a password and count wrong ones: five in a row lock the login for half an hour (D21.6).

    An unknown login takes as long to refuse as a wrong password, so that nobody learns which logins exist.
    """
    staff = Staff.objects.select_for_update().filter(login=login).first()
    if staff is None or not staff.is_active:
        make_password(password)
        return LoginOutcome.REFUSED, None
    if staff.locked_until and at < staff.locked_until:
        return LoginOutcome.LOCKED, None
    if check_password(password, staff.password):
        Staff.objects.filter(pk=staff.pk).update(wrong_passwords=0, locked_until=None, last_login=at)
        _record_login("system.login", staff, at)
        return LoginOutcome.ACCEPTED, _view(staff)
    return (LoginOutcome.LOCKED if count_wrong(staff, at) else LoginOutcome.REFUSED), None


def count_wrong(staff: Staff, at: datetime) -> bool:
    """Count a wrong password or code of a login that is held; say whether it is locked now (D21.6)."""
    wrong = staff.wrong_passwords + 1
    locks = wrong >= WRONG_PASSWORDS_MAX
    Staff.objects.filter(pk=staff.pk).update(
        wrong_passwords=0 if locks else wrong, locked_until=at + LOCK if locks else None
    )
    _record_login("system.login_locked" if locks else "system.login_refused", staff, at)
    return locks


def _record_login(action: str, staff: Staff, at: datetime) -> None:
    record_audit(staff_id=staff.staff_id, action=action, object_kind="staff", object_id=staff.staff_id, at=at)


@transaction.atomic
def put_role(
    *, code: str, name_zh: str, name_en: str, rights: list[str], at: datetime, staff_id: int | None = None
) -> int:
    """Add a role or give it exactly these names and rights; return its id. A change is audited (SYS-01)."""
    before = _role_now(code)
    role, _ = Role.objects.update_or_create(code=code, defaults={"name_zh": name_zh, "name_en": name_en})
    RoleRight.objects.filter(role=role).exclude(right__in=rights).delete()
    RoleRight.objects.bulk_create((RoleRight(role=role, right=right) for right in rights), ignore_conflicts=True)
    _record_change("role", code, before, _role_now(code), at, staff_id)
    return role.role_id


def _role_now(code: str) -> dict[str, Any] | None:
    names = Role.objects.filter(code=code).values("name_zh", "name_en").first()
    rights = RoleRight.objects.filter(role__code=code).order_by("right").values_list("right", flat=True)
    return names and {**names, "rights": list(rights)}


@transaction.atomic
def put_staff(
    *,
    login: str,
    name_zh: str,
    name_en: str,
    org_code: str,
    roles: list[str],
    password: str,
    language: str,
    at: datetime,
    staff_id: int | None = None,
) -> int:
    """Add a member of staff, or bring name, place and roles up to date; return the id. A change is audited (SYS-01).

    The password is set for new staff only: an import never takes back one that was changed.
    staff_id  who does this; None = the system itself
    """
    before = _staff_now(login)
    values = {"name_zh": name_zh, "name_en": name_en, "org_id": org_code}
    fresh = {**values, "language": language, "password": make_password(password), "password_at": at}
    staff, _ = Staff.objects.update_or_create(login=login, defaults=values, create_defaults=fresh)
    StaffRole.objects.filter(staff=staff).exclude(role__code__in=roles).delete()
    held = Role.objects.filter(code__in=roles)
    StaffRole.objects.bulk_create((StaffRole(staff=staff, role=role) for role in held), ignore_conflicts=True)
    _record_change("staff", login, before, _staff_now(login), at, staff_id)
    return staff.staff_id


def _staff_now(login: str) -> dict[str, Any] | None:
    values = Staff.objects.filter(login=login).values("name_zh", "name_en", "org_id").first()
    roles = StaffRole.objects.filter(staff__login=login).order_by("role__code").values_list("role__code", flat=True)
    return values and {**values, "roles": list(roles)}


def _record_change(kind: str, name: str, before: object, after: object, at: datetime, staff_id: int | None) -> None:
    if before != after:
        record_audit(
            staff_id=staff_id,
            action=f"system.put_{kind}",
            object_kind=kind,
            object_id=name,
            at=at,
            before=before,
            after=after,
        )


@transaction.atomic
def set_password(*, login: str, password: str, at: datetime, staff_id: int | None = None) -> None:
    """Give a member of staff a new password and unlock the login; the audit says that, never the password (D21.6).

    staff_id  who does this; None = the system itself. Raises StaffUnknown.
    """
    staff = Staff.objects.select_for_update().filter(login=login).first()
    if staff is None:
        raise StaffUnknown(login)
    PastPassword.objects.create(staff=staff, password=staff.password)
    staff.password, staff.password_at = make_password(password), at
    staff.wrong_passwords, staff.locked_until = 0, None
    staff.save(update_fields=["password", "password_at", "wrong_passwords", "locked_until"])
    record_audit(staff_id=staff_id, action="system.set_password", object_kind="staff", object_id=login, at=at)


def was_used(*, staff_id: int, password: str, remembered: int) -> bool:
    """Whether a password is the one somebody has, or one of the last so many (D21.6)."""
    past = PastPassword.objects.filter(staff_id=staff_id).order_by("-past_password_id")
    known = [Staff.objects.get(pk=staff_id).password, *past.values_list("password", flat=True)[:remembered]]
    return any(check_password(password, one) for one in known)


def set_preferences(*, staff_id: int, language: str | None = None, theme: str | None = None) -> None:
    """Remember the language and the theme a person chose."""
    chosen = {name: value for name, value in {"language": language, "theme": theme}.items() if value}
    Staff.objects.filter(staff_id=staff_id).update(**chosen)
