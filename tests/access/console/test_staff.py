"""Who may do what, by which role, and how an administrator changes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from openboss.access.console.lists import Paging
from openboss.access.console.words import WORDS
from openboss.access.jobs import clock
from openboss.modules.system import functions as system
from openboss.modules.system.functions import RIGHTS, list_audit, people, staff_by_login

from .conftest import posted, signed_in

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def analyst() -> Iterator[int]:
    """The analyst, who has their one role again afterwards."""
    staff_id = staff_by_login(login="analyst").staff_id
    yield staff_id
    admin = staff_by_login(login="admin").staff_id
    people.give_roles(staff_id=staff_id, roles=["ANALYST"], at=clock.now(), by_staff_id=admin)


def test_every_right_has_a_word() -> None:
    assert set(WORDS["right"]) == RIGHTS


@pytest.mark.requirement("AAA-14")
def test_a_person_gets_rights_by_two_roles_and_the_effective_set_is_shown(analyst: int) -> None:
    admin, place = signed_in("admin"), f"/staff/{analyst}/"
    before = system.menu_rights(staff_id=analyst)
    assert "resources.load" not in before
    assert "Done" in posted(admin, f"{place}act/", action="roles", role=["ANALYST", "RESOURCE"])
    held = dict(admin.get(place).context["held"])
    assert set(held) == system.menu_rights(staff_id=analyst) == before | {
        "resources.view", "resources.manage", "resources.approve", "resources.load",
    }  # fmt: skip
    assert held["customers.view"] == ["Analyst", "Resource manager"]
    assert held["resources.load"] == ["Resource manager"]
    assert "Load segments, cards, books and terminals" in admin.get(place).content.decode()
    assert list_audit(action="system.put_staff")[0][0].after["roles"] == ["ANALYST", "RESOURCE"]


def test_nobody_changes_their_own_rights_and_only_an_administrator_those_of_others(analyst: int) -> None:
    admin, me = signed_in("admin"), staff_by_login(login="admin").staff_id
    for action in ("roles", "rest"):
        said = posted(admin, f"/staff/{me}/act/", action=action, role="ANALYST", reason="x")
        assert "another administrator does" in said
    assert "Choose one role" in posted(admin, f"/staff/{analyst}/act/", action="roles")
    assert "Choose one role" in posted(admin, f"/staff/{analyst}/act/", action="roles", role="KING")
    assert staff_by_login(login="analyst").roles == ("ANALYST",)
    assert signed_in("billing").get("/staff/").status_code == 403
    assert admin.get("/staff/999/").status_code == 404


def test_a_login_that_rests_is_ended_where_it_is_open_and_comes_back(analyst: int) -> None:
    admin, place, theirs = signed_in("admin"), f"/staff/{analyst}/act/", signed_in("analyst")
    assert theirs.get("/bills/").status_code == 200
    assert "Say why" in posted(admin, place, action="rest")
    assert "Done" in posted(admin, place, action="rest", reason="left the firm")
    assert theirs.get("/bills/").status_code == 302
    rows = {row["login"]: row for row in _rows(admin, "/staff/")}
    assert (rows["analyst"]["state"], rows["clerk"]["state"]) == ("RESTS", "ACTIVE")
    assert "Done" in posted(admin, place, action="back", reason="came back")
    assert signed_in("analyst").get("/bills/").status_code == 200
    assert "Done" in posted(admin, place, action="sessions")
    assert b"analyst" in b"".join(admin.get("/staff/?q=analyst&export=csv"))


def _rows(client: Client, address: str) -> list[Any]:
    return list(client.get(address).context["list"]["screen"].fetch({}, "", Paging(1, 200))[0])
