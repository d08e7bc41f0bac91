"""What staff, access and higher modules ask of the system module."""

from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from openboss.modules.system import atomic
from openboss.modules.system.atomic import (
    AuditCheck,
    AuditRow,
    ClientUnknown,
    ClientView,
    LoginOutcome,
    Message,
    MessageUnknown,
    NotOfTheTeam,
    OrgNodeView,
    SavedViewRow,
    ScopeBeyondRights,
    SerialNumberUsed,
    StaffUnknown,
    StaffView,
    ViewUnknown,
    add_client,
    answer_under,
    claim_messages,
    count_messages,
    drop_message,
    holder_of_token,
    list_audit,
    list_clients,
    list_messages,
    message,
    message_failed,
    message_sent,
    org_nodes,
    org_subtree,
    parameter_at,
    pin_view,
    record_audit,
    remove_client,
    remove_view,
    save_view,
    saved_views,
    seal_audit,
    send_again,
    send_out,
    set_preferences,
    staff_by_id,
    staff_by_login,
    take_serial_no,
    verify_audit,
)
from openboss.modules.system.functions.own_account import end_sessions, refuse_weak

__all__ = [
    "SerialNumberUsed",
    "AuditCheck",
    "AuditRow",
    "ClientUnknown",
    "ClientView",
    "LoginLocked",
    "LoginRefused",
    "Message",
    "MessageUnknown",
    "NotOfTheTeam",
    "OrganisationRefused",
    "RIGHTS",
    "SavedViewRow",
    "ScopeBeyondRights",
    "StaffUnknown",
    "StaffView",
    "ViewUnknown",
    "add_client",
    "answer_under",
    "authenticate_staff",
    "claim_messages",
    "count_messages",
    "drop_message",
    "import_organisation",
    "list_audit",
    "holder_of_token",
    "list_clients",
    "list_messages",
    "menu_rights",
    "message",
    "message_failed",
    "message_sent",
    "org_nodes",
    "org_subtree",
    "parameter_at",
    "pin_view",
    "record_audit",
    "remove_client",
    "remove_view",
    "save_view",
    "saved_views",
    "seal_audit",
    "send_again",
    "send_out",
    "set_password",
    "set_preferences",
    "staff_by_id",
    "staff_by_login",
    "take_serial_no",
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
        "charging.trace",
        "charging.peers",
        "charging.blacklist",
        "charging.errors",
        "charging.writeoff",
        "charging.rerate",
        "charging.rerate_approve",
        "catalog.view",
        "catalog.edit",
        "catalog.approve",
        "jobs.view",
        "kiosk.serve",
        "audit.view",
        "receivables.view",
        "receivables.collect",
        "receivables.adjust",
        "receivables.approve",
        "receivables.close",
        "receivables.credit",
        "resources.view",
        "resources.manage",
        "resources.approve",
        "resources.load",
        "system.admin",
        "workflow.edit",
        "workflow.publish",
    }
)


class LoginRefused(Exception):
    """The login or the password is wrong, or the person no longer works here."""


class LoginLocked(Exception):
    """Too many wrong passwords; try again in half an hour or ask an administrator."""


class OrganisationRefused(ValueError):
    """The organisation files cannot be used; the message says where and what would be right. Nothing was changed."""


@transaction.atomic
def set_password(*, login: str, password: str, at: datetime, staff_id: int | None = None) -> None:
    """Give a member of staff a new password: the login is unlocked, and ended wherever it was open.

    Raises StaffUnknown, and PasswordWeak of own_account. Source: D21.6.
    """
    person = staff_by_login(login=login)
    refuse_weak(password, on=at.date())
    atomic.set_password(login=login, password=password, at=at, staff_id=staff_id)
    end_sessions(staff_id=person.staff_id, at=at)


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

    organisation.yaml  a list of {code, kind, parent, names: {zh, en}}, parents first
    staff.yaml         {demo_password, roles: [{role, names, rights}], staff: [{login, role, org, language, names}]}
    Returns how many nodes changed, and how many roles and people the files name.
    """
    nodes = _organisation(_read(folder / "organisation.yaml"))
    people = _read(folder / "staff.yaml")
    counts = {
        "nodes": atomic.put_org_nodes(nodes=nodes, at=at),
        "roles": len(people["roles"]),
        "staff": len(people["staff"]),
    }
    for role in people["roles"]:
        _put_role(role, at)
    _check_people(people)
    for person in people["staff"]:
        _put_person(person, people["demo_password"], at)
    record_audit(
        staff_id=None,
        action="system.import_organisation",
        object_kind="organisation",
        object_id="",
        at=at,
        after=counts,
    )
    return counts


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise OrganisationRefused(f"{path.name} is missing") from missing
    except yaml.YAMLError as broken:
        raise OrganisationRefused(f"{path.name}: {broken}") from broken


def _organisation(rows: list[dict[str, Any]]) -> list[OrgNodeView]:
    nodes: list[OrgNodeView] = []
    known: set[str | None] = {None}
    for row in rows:
        try:
            node = OrgNodeView(row["code"], row["kind"], row["parent"], row["names"]["zh"], row["names"]["en"])
        except (KeyError, TypeError) as missing:
            raise OrganisationRefused(f"organisation.yaml: {row!r:.80} lacks {missing}") from missing
        if node.parent_code not in known:
            raise OrganisationRefused(f"organisation.yaml: {node.code} stands before its parent {node.parent_code}")
        known.add(node.code)
        nodes.append(node)
    return nodes


def _put_role(role: dict[str, Any], at: datetime) -> None:
    unknown = set(role["rights"]) - RIGHTS
    if unknown:
        raise OrganisationRefused(f"staff.yaml, role {role['role']}: there is no right {sorted(unknown)[0]}")
    atomic.put_role(
        code=role["role"],
        name_zh=role["names"]["zh"],
        name_en=role["names"]["en"],
        rights=list(role["rights"]),
        at=at,
    )


def _check_people(people: dict[str, Any]) -> None:
    """Refuse a person whose role or place does not exist."""
    places, roles = {node.code for node in org_nodes()}, {role["role"] for role in people["roles"]}
    for person in people["staff"]:
        if person["org"] not in places:
            raise OrganisationRefused(f"staff.yaml, {person['login']}: there is no organisation node {person['org']}")
        if person["role"] not in roles:
            raise OrganisationRefused(f"staff.yaml, {person['login']}: there is no role {person['role']}")


def _put_person(person: dict[str, Any], password: str, at: datetime) -> None:
    atomic.put_staff(
        login=person["login"],
        name_zh=person["names"]["zh"],
        name_en=person["names"]["en"],
        org_code=person["org"],
        roles=[person["role"]],
        password=password,
        language=person["language"],
        at=at,
    )
