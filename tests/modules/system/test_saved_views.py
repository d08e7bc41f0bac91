"""Views of lists that people save for themselves and their team."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from openboss.modules.system import functions as system
from openboss.modules.system.atomic import put_org_nodes, put_role, put_staff
from openboss.modules.system.functions import NotOfTheTeam, OrgNodeView, ViewUnknown

AT = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> tuple[int, int, int]:
    """Two billing clerks and one product manager."""
    put_org_nodes(nodes=[OrgNodeView("17", "PROVINCE", None, "湖北", "Hubei")], at=AT)
    for code in ("BILLING", "PRODUCT"):
        put_role(code=code, name_zh=code, name_en=code, rights=["billing.view"], at=AT)

    def person(login: str, role: str) -> int:
        names = {"name_zh": login, "name_en": login, "org_code": "17", "language": "en"}
        return put_staff(login=login, roles=[role], password="openboss-demo", at=AT, **names)

    return person("one", "BILLING"), person("two", "BILLING"), person("three", "PRODUCT")


def _titles(staff_id: int) -> list[str]:
    return [view.title for view in system.saved_views(staff_id=staff_id)]


def test_a_view_is_its_owners_until_it_is_shared_with_the_team(people: tuple[int, int, int]) -> None:
    one, two, three = people
    system.save_view(staff_id=one, title="High bills", address="/bills/?sort=-total_fen", at=AT)
    assert (_titles(one), _titles(two)) == (["High bills"], [])
    system.save_view(staff_id=one, title="High bills", address="/bills/?sort=-total_fen", team="BILLING", at=AT)
    assert (_titles(one), _titles(two), _titles(three)) == (["High bills"], ["High bills"], [])


def test_the_same_name_again_replaces_the_address(people: tuple[int, int, int]) -> None:
    first = system.save_view(staff_id=people[0], title="Mine", address="/bills/", at=AT)
    assert system.save_view(staff_id=people[0], title="Mine", address="/files/", at=AT) == first
    assert [view.address for view in system.saved_views(staff_id=people[0])] == ["/files/"]


def test_nobody_shares_with_a_team_of_others(people: tuple[int, int, int]) -> None:
    with pytest.raises(NotOfTheTeam):
        system.save_view(staff_id=people[0], title="Ours", address="/bills/", team="PRODUCT", at=AT)
    assert (_titles(people[0]), _titles(people[2])) == ([], [])


def test_only_the_owner_unpins_or_removes_a_view(people: tuple[int, int, int]) -> None:
    one, two, _three = people
    view = system.save_view(staff_id=one, title="Ours", address="/bills/", team="BILLING", at=AT)
    with pytest.raises(ViewUnknown):
        system.remove_view(staff_id=two, saved_view_id=view, at=AT)
    with pytest.raises(ViewUnknown):
        system.pin_view(staff_id=two, saved_view_id=view, is_pinned=False)
    assert [row.is_pinned for row in system.saved_views(staff_id=two)] == [True]
    system.remove_view(staff_id=one, saved_view_id=view, at=AT)
    assert (_titles(one), _titles(two)) == ([], [])
