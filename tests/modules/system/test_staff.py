"""Who may log in, and what they may do."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from openboss.modules.system import atomic
from openboss.modules.system import functions as system
from openboss.modules.system.atomic import OrgNodeView
from openboss.modules.system.functions import own_account

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PASSWORD = "correct-horse-7"
EXAMPLE = Path(__file__).parents[3] / "example" / "reference"


@pytest.fixture
def clerk() -> int:
    """A clerk with two roles in one outlet."""
    atomic.put_org_nodes(nodes=[OrgNodeView("17", "PROVINCE", None, "湖北", "Hubei")], at=AT)
    atomic.put_role(code="CLERK", name_zh="营业员", name_en="Clerk", rights=["customers.view", "billing.view"], at=AT)
    atomic.put_role(
        code="MONITOR", name_zh="监控员", name_en="Monitor", rights=["charging.monitor", "billing.view"], at=AT
    )
    return atomic.put_staff(
        login="lin",
        name_zh="林晓燕",
        name_en="Lin Xiaoyan",
        org_code="17",
        roles=["CLERK", "MONITOR"],
        password=PASSWORD,
        language="zh-hans",
        at=AT,
    )


def test_a_new_password_unlocks_the_login_ends_its_sessions_and_the_old_one_is_refused(clerk: int) -> None:
    for _ in range(5):
        with pytest.raises((system.LoginRefused, system.LoginLocked)):
            system.authenticate_staff(login="lin", password="wrong", at=AT)
    session = own_account.open_session(staff_id=clerk, address="10.0.0.1", agent="", at=AT)
    system.set_password(login="lin", password="Another-horse-8", at=AT)
    assert system.authenticate_staff(login="lin", password="Another-horse-8", at=AT).staff_id == clerk
    assert not own_account.session_is_open(staff_session_id=session, staff_id=clerk, at=AT)
    with pytest.raises(system.LoginRefused):
        system.authenticate_staff(login="lin", password=PASSWORD, at=AT)


def test_a_weak_password_or_an_unknown_login_changes_nothing(clerk: int) -> None:
    for weak in ("Short-1", "only-small-signs"):
        with pytest.raises(own_account.PasswordWeak):
            system.set_password(login="lin", password=weak, at=AT)
    with pytest.raises(system.StaffUnknown):
        system.set_password(login="nobody", password="Another-horse-8", at=AT)
    assert system.authenticate_staff(login="lin", password=PASSWORD, at=AT).staff_id == clerk


@pytest.mark.requirement("AAA-14")
def test_a_person_with_two_roles_has_the_rights_of_both(clerk: int) -> None:
    assert system.menu_rights(staff_id=clerk) == {"customers.view", "billing.view", "charging.monitor"}


def test_the_right_password_lets_in(clerk: int) -> None:
    staff = system.authenticate_staff(login="lin", password=PASSWORD, at=AT)
    assert (staff.staff_id, staff.name_en, staff.org_code) == (clerk, "Lin Xiaoyan", "17")


def test_an_unknown_login_and_a_wrong_password_are_refused_alike(clerk: int) -> None:
    with pytest.raises(system.LoginRefused):
        system.authenticate_staff(login="nobody", password=PASSWORD, at=AT)
    with pytest.raises(system.LoginRefused):
        system.authenticate_staff(login="lin", password="wrong", at=AT)


def test_five_wrong_passwords_lock_for_thirty_minutes(clerk: int) -> None:
    for _ in range(4):
        with pytest.raises(system.LoginRefused):
            system.authenticate_staff(login="lin", password="wrong", at=AT)
    with pytest.raises(system.LoginLocked):
        system.authenticate_staff(login="lin", password="wrong", at=AT)
    with pytest.raises(system.LoginLocked):
        system.authenticate_staff(login="lin", password=PASSWORD, at=AT + timedelta(minutes=29))
    staff = system.authenticate_staff(login="lin", password=PASSWORD, at=AT + timedelta(minutes=30))
    assert staff.staff_id == clerk


def test_a_right_password_forgets_the_wrong_ones(clerk: int) -> None:
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(system.LoginRefused):
                system.authenticate_staff(login="lin", password="wrong", at=AT)
        assert system.authenticate_staff(login="lin", password=PASSWORD, at=AT)


def test_every_login_leaves_an_audit_row(clerk: int) -> None:
    with pytest.raises(system.LoginRefused):
        system.authenticate_staff(login="lin", password="wrong", at=AT)
    system.authenticate_staff(login="lin", password=PASSWORD, at=AT)
    rows, total = system.list_audit(staff_id=clerk)
    assert [row.action for row in rows] == ["system.login", "system.login_refused"]
    assert total == 2


def test_the_example_organisation_loads_and_loads_again_without_change() -> None:
    assert system.import_organisation(EXAMPLE, at=AT)["nodes"] > 100
    assert system.import_organisation(EXAMPLE, at=AT)["nodes"] == 0
    staff = system.authenticate_staff(login="billing", password="openboss-demo", at=AT)
    assert "billing.run" in staff.rights
    assert "catalog.edit" not in staff.rights


def test_a_manager_sees_everything_below_their_node() -> None:
    system.import_organisation(EXAMPLE, at=AT)
    assert system.org_subtree(code="17.027.01") == {"17.027.01", "17.027.01.01", "17.027.01.02"}


def test_a_person_of_an_unknown_place_is_refused_and_nothing_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "organisation.yaml").write_text(
        '- {code: "17", kind: PROVINCE, parent: null, names: {zh: 湖北, en: H}}'
    )
    (tmp_path / "staff.yaml").write_text(
        "demo_password: openboss-demo\n"
        "roles: [{role: CLERK, names: {zh: 营业员, en: Clerk}, rights: [customers.view]}]\n"
        'staff: [{login: lin, role: CLERK, org: "99", language: en, names: {zh: 林, en: Lin}}]\n'
    )
    with pytest.raises(system.OrganisationRefused, match="staff.yaml, lin: there is no organisation node 99"):
        system.import_organisation(tmp_path, at=AT)
    assert system.org_nodes() == []


@pytest.mark.requirement("SYS-01")
def test_every_change_of_an_administered_thing_says_who_when_before_and_after(clerk: int) -> None:
    from openboss.modules.catalog.atomic import REFERENCE, replace_reference

    later = AT + timedelta(hours=1)
    known = len(system.list_audit(page_size=500)[0])
    by = {"at": later, "staff_id": clerk}
    atomic.put_org_nodes(nodes=[OrgNodeView("17", "PROVINCE", None, "鄂", "Hubei")], **by)
    atomic.put_role(code="MONITOR", name_zh="监控员", name_en="Monitor", rights=["charging.monitor"], **by)
    who = {"name_zh": "林晓燕", "name_en": "Lin Xiaoyan", "org_code": "17", "password": "", "language": "en"}
    atomic.put_staff(login="lin", roles=["CLERK"], **who, **by)
    for value in (5, 6):
        atomic.put_parameter(key="stop.day", value=value, from_on=AT.date(), **by)
    for days in ([], [date(2026, 10, 1)]):
        holidays = {"date": days, "name_zh": ["国庆"] * len(days), "name_en": ["National Day"] * len(days)}
        replace_reference(name="holidays", frame=pl.DataFrame(holidays, schema=REFERENCE["holidays"][1]), **by)
    atomic.put_staff(login="lin", roles=["CLERK"], **who, **by)  # nothing new: no entry

    rows = system.list_audit(page_size=500)[0]
    changes = sorted(rows, key=lambda row: row.audit_id)[known:]
    assert {row.staff_id for row in changes} == {clerk}
    assert {row.at for row in changes} == {later}
    found = [(row.object_kind, row.object_id, row.before, row.after) for row in changes]
    assert [(kind, name) for kind, name, _, _ in found] == [
        ("organisation", "17"), ("role", "MONITOR"), ("staff", "lin"), ("parameter", "stop.day GROUP"),
        ("parameter", "stop.day GROUP"), ("reference", "holidays"),
    ]  # fmt: skip
    assert (found[0][2]["name_zh"], found[0][3]["name_zh"]) == ("湖北", "鄂")
    assert (found[1][2]["rights"], found[1][3]["rights"]) == (
        ["billing.view", "charging.monitor"],
        ["charging.monitor"],
    )
    assert (found[2][2]["roles"], found[2][3]["roles"]) == (["CLERK", "MONITOR"], ["CLERK"])
    assert (found[4][2]["value"], found[4][3]["value"]) == (5, 6)
    assert (found[5][2]["rows"], found[5][3]["rows"]) == (0, 1)
