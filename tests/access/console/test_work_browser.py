"""Work of several people in a real browser: decided by keyboard, drawn in bpmn-js whose mark stays in sight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openboss.access.jobs import clock
from openboss.modules.receivables import functions as receivables
from openboss.modules.workflow.functions import definitions, work
from openboss.processes import multi_person
from openboss.processes.multi_person import beginnings

from .conftest import Tab
from .small_operator import staff_id_of
from .test_browser import PHONE, SHOP_PC, faults

pytestmark = pytest.mark.browser


@pytest.fixture
def tab(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Tab]:
    """A tab where nobody is logged in yet; parameters: viewport, theme, language."""
    viewport, theme, language = request.param
    context = browser.new_context(viewport=viewport, reduced_motion="reduce")
    cookies = {"django_language": language, "theme": theme}
    context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
    yield Tab(context, address)
    context.close()


@pytest.mark.parametrize("tab", [pytest.param((PHONE, "dark", "zh-hans"), id="phone-dark-zh")], indirect=True)
def test_a_task_is_found_and_decided_without_a_mouse(tab: Tab) -> None:
    at, clerk = clock.now(), staff_id_of("clerk")
    receivables.post_payment(
        account_id=7, paid_fen=90_000, means="CASH", channel="HALL", serial_no="rich by key", at=at, staff_id=clerk
    )
    instance_id = beginnings.begin_exception(
        kind="REFUND", account_id=7, amount_fen=60_000, means="CASH", reason="x", serial_no="by key", at=at,
        staff_id=clerk,
    )  # fmt: skip
    tab.log_in("hall")
    assert faults(tab, ["/tasks/", "/authority/", f"/work/{instance_id}/"]) == []
    tab.open("/tasks/")
    tab.press("j")
    while f"/work/{instance_id}/" not in tab.page.locator("tr.at a").first.get_attribute("href"):
        tab.press("j")
    tab.press("Enter")
    tab.page.wait_for_selector("#diagram[data-ready] .is-here")
    assert tab.page.locator(".bjs-powered-by").is_visible()
    tab.press("F8")
    tab.page.wait_for_selector("form[action*='/decide/']", state="detached")
    assert work.instance_view(instance_id=instance_id).outcome == "Booked"


@pytest.mark.parametrize("tab", [pytest.param((SHOP_PC, "light", "en"), id="pc-light-en")], indirect=True)
def test_a_version_drawn_in_the_browser_keeps_what_the_old_one_asked(tab: Tab) -> None:
    tab.log_in("admin")
    before = definitions.definition_in_force(flow="KEY_RETENTION", at=clock.now())
    path = f"/workflows/{before.definition_id}/"
    assert faults(tab, [path]) == []
    tab.open(path)
    tab.page.wait_for_selector("#diagram[data-ready]")
    assert tab.page.locator(".bjs-powered-by").is_visible()
    tab.page.locator("#diagram [data-element-id=Talk]").first.click()
    tab.page.locator("#element label", has_text="Hours until due").locator("input").fill("12")
    tab.press("Tab")
    tab.press("F6")
    tab.page.wait_for_selector("#problems.good")
    tab.press("F8")
    tab.page.wait_for_url(lambda url: url.rstrip("/").rpartition("/")[2] not in path)
    (drawn,) = [one for one in definitions.definitions(flow="KEY_RETENTION") if one.state == "DRAFT"]
    old, new = definitions.diagram_of(before), definitions.diagram_of(drawn)
    assert definitions.problems_of(drawn.xml, multi_person.known()) == []
    changed = {name for name, element in new.elements.items() if element != old.elements[name]}
    assert (changed, new.elements["Talk"].due_hours, drawn.version) == ({"Talk"}, 12, before.version + 1)
    assert tab.complaints == []
