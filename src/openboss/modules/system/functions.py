"""What staff, access and higher modules ask of the system module."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from openboss.modules.system import atomic
from openboss.modules.system.atomic import (
    AuditCheck,
    AuditRow,
    LoginOutcome,
    OrgNodeView,
    StaffView,
    list_audit,
    org_nodes,
    org_subtree,
    parameter_at,
    record_audit,
    seal_audit,
    set_preferences,
    staff_by_id,
    verify_audit,
)

__all__ = [
    "RIGHTS",
    "AuditCheck",
    "AuditRow",
    "LoginLocked",
    "LoginRefused",
    "OrganisationRefused",
    "StaffView",
    "authenticate_staff",
    "import_organisation",
    "list_audit",
    "menu_rights",
    "org_nodes",
    "org_subtree",
    "parameter_at",
    "record_audit",
    "seal_audit",
    "set_preferences",
    "staff_by_id",
    "verify_audit",
]

RIGHTS = frozenset(
    {
        "customers.view",
        "customers.reveal",
        "customers.edit",
        "billing.view",
        "billing.run",
        "billing.release",
        "billing.signoff",
        "charging.view",
        "charging.monitor",
        "charging.errors",
        "charging.writeoff",
        "catalog.view",
        "catalog.edit",
        "jobs.view",
        "audit.view",
        "system.admin",
    }
)


class LoginRefused(Exception):
    """The login or the password is wrong, or the person no longer works here."""


class LoginLocked(Exception):
    """Too many wrong passwords; try again in half an hour or ask an administrator."""


class OrganisationRefused(ValueError):
    """The organisation files cannot be used; the message says where and what would be right. Nothing was changed."""


def authenticate_staff(*, login: str, password: str, at: datetime) -> StaffView:
    """Let a member of staff in. Raises LoginRefused, LoginLocked. Source: D21.6."""
    outcome, staff = atomic.try_password(login=login, password=password, at=at)
    if outcome is LoginOutcome.LOCKED:
        raise LoginLocked(login)
    if staff is None:
        raise LoginRefused(login)
    return staff


def menu_rights(*, staff_id: int) -> frozenset[str]:
    """Say what a member of staff may do; a person who left may do nothing. Raises StaffUnknown."""
    staff = staff_by_id(staff_id=staff_id)
    return staff.rights if staff.is_active else frozenset()


@transaction.atomic
def import_organisation(folder: Path, *, at: datetime) -> dict[str, int]:
    """Load `organisation.yaml` and `staff.yaml`; the same files again change nothing. Raises OrganisationRefused.

    organisation.yaml  a tree of {code, kind, names: {zh, en}, children: [...]}, or a list of such trees
    staff.yaml         {roles: [{code, names, rights}], staff: [{login, names, org, roles, password, language}]}
    Returns how many nodes changed, and how many roles and people the files name.
    """
    tree = _read(folder / "organisation.yaml")
    people = _read(folder / "staff.yaml")
    nodes = [node for top in _list(tree.get("organisation", tree)) for node in _flatten(top, parent_code=None)]
    changed = atomic.put_org_nodes(nodes=nodes)
    for role in people.get("roles", []):
        _put_role(role)
    known = {node.code for node in org_nodes()}
    for person in people.get("staff", []):
        _put_person(person, known)
    counts = {"nodes": changed, "roles": len(people.get("roles", [])), "staff": len(people.get("staff", []))}
    record_audit(
        staff_id=None,
        action="system.import_organisation",
        object_kind="organisation",
        object_id="",
        at=at,
        after=counts,
    )
    return counts


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise OrganisationRefused(f"{path.name} is missing") from missing
    except yaml.YAMLError as broken:
        raise OrganisationRefused(f"{path.name}: {broken}") from broken
    return {"organisation": found} if isinstance(found, list) else found


def _list(found: Any) -> list[dict[str, Any]]:
    return found if isinstance(found, list) else [found]


def _flatten(node: dict[str, Any], *, parent_code: str | None) -> Iterator[OrgNodeView]:
    """Walk a tree from the top, so that a parent comes before its children."""
    try:
        here = OrgNodeView(node["code"], node["kind"], parent_code, node["names"]["zh"], node["names"]["en"])
    except (KeyError, TypeError) as missing:
        raise OrganisationRefused(f"organisation.yaml: {node!r:.80} lacks {missing}") from missing
    yield here
    for child in node.get("children", []):
        yield from _flatten(child, parent_code=here.code)


def _put_role(role: dict[str, Any]) -> None:
    unknown = set(role["rights"]) - RIGHTS
    if unknown:
        raise OrganisationRefused(f"staff.yaml, role {role['code']}: no such right {sorted(unknown)}")
    atomic.put_role(
        code=role["code"], name_zh=role["names"]["zh"], name_en=role["names"]["en"], rights=list(role["rights"])
    )


def _put_person(person: dict[str, Any], org_codes: set[str]) -> None:
    if person["org"] not in org_codes:
        raise OrganisationRefused(f"staff.yaml, {person['login']}: no organisation node {person['org']}")
    atomic.put_staff(
        login=person["login"],
        name_zh=person["names"]["zh"],
        name_en=person["names"]["en"],
        org_code=person["org"],
        roles=list(person["roles"]),
        password=person["password"],
        language=person.get("language", "zh-hans"),
    )
