"""The map of the system: every module stands once in each map of the trade, and the page shows two views."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from openboss.access.console import words
from openboss.access.console.menu import SECTIONS
from openboss.access.console.system_map import PLACES, VIEWS, screens_by

from .conftest import signed_in

ROOT = Path(__file__).parents[3]


def _documented() -> dict[str, list[str]]:
    rows = re.findall(r"^\| ([a-z]+) \|(.+)\|$", (ROOT / "docs" / "system-map.md").read_text(encoding="utf-8"), re.M)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows if name != "folder"}


@pytest.mark.requirement("ARC-25")
def test_every_module_carries_exactly_one_of_bss_oss_and_mss() -> None:
    folders = {path.parent.name for path in (ROOT / "src" / "openboss" / "modules").glob("*/__init__.py")}
    assert set(PLACES) == folders
    assert {place.domain for place in PLACES.values()} <= {"BSS", "OSS", "MSS"}


@pytest.mark.requirement("ARC-34")
def test_every_module_carries_one_of_the_four_areas() -> None:
    areas = dict(words.choices("map_area"))
    assert set(areas) == {"MARKET", "SERVICE", "RESOURCE", "ENTERPRISE"}
    assert all(place.area in areas for place in PLACES.values())


@pytest.mark.requirement("ARC-30")
def test_the_documentation_maps_the_boxes_of_tbss_to_our_modules() -> None:
    documented = _documented()
    assert documented == {name: [*vars(place).values()] for name, place in PLACES.items()}
    assert {cells[3] for cells in documented.values()} == set(dict(words.choices("map_tbss")))


def test_every_screen_of_the_rail_stands_once_in_either_view() -> None:
    rail = [screen.route for section in SECTIONS for screen in section.everything]
    for view in VIEWS:
        found = screens_by(view)
        assert sorted(one.route for screens in found.values() for one in screens) == sorted(rail)
        assert set(found) <= set(dict(words.choices(f"map_{view}")))


@pytest.mark.requirement("ARC-22")
@pytest.mark.usefixtures("operator")
def test_page_and_documentation_offer_the_eight_modules_and_the_four_parts() -> None:
    clerk = signed_in("clerk")
    modules, parts = (clerk.get(f"/map/?view={view}").context["groups"] for view in VIEWS)
    assert [code for code, _text, _screens in modules] == [
        "CHARGING", "SETTLEMENT", "ACCOUNT_PROCESSING", "ACCOUNT_MANAGEMENT", "BUSINESS", "SERVICE",
        "SYSTEM", "ANALYSIS",
    ]  # fmt: skip
    assert [str(text) for _code, text, _screens in parts][:4] == [
        "Charging and settlement", "Business hall and accounts", "Customer service", "Decision support",
    ]  # fmt: skip
    text = (ROOT / "docs" / "system-map.md").read_text(encoding="utf-8")
    assert "of eight modules | of four parts" in text
    page = clerk.get("/map/").content.decode()
    assert '<span class="pill">Audit log</span>' in page  # named, but not opened by this clerk
    assert 'href="/customers/"' in page
