"""The console in a real browser: by keyboard, in both languages and themes, on a shop PC and a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openboss.modules.customers import functions as customers

from .conftest import Tab
from .small_operator import NOW

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
SHOP_PC, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
BILL = "/bills/2026100000000001/"
PAGES = [
    "/",
    "/customers/",
    "/customers/1/",
    "/users/1/detail/?cycle=202610",
    "/saved/",
    "/alarms/",
    "/collection/",
    "/files/",
    "/files/1/",
    "/errors/",
    "/reratings/",
    "/reratings/new/",
    "/bills/",
    BILL,
    "/runs/",
    "/runs/202610/",
    "/offers/",
    "/offers/102/",
    "/offers/102/2003-01-01/try/",
    "/offers/waiting/",
    "/offers/102/2003-01-01/lab/",
    "/orders/",
    "/pay/",
    "/pay/?account=1",
    "/till/",
    "/accounts/1/",
    "/ageing/",
    "/suspense/",
    "/ledger/?from=2026-10-01&to=2026-11-30",
    "/ledger/balance/",
    "/ledger/all/",
    "/ledger/entries/4/",
    "/books/",
    "/assurance/",
    "/assurance/gateways/",
    "/agencies/",
    "/who-owes/",
    "/dunning/",
    "/adjustments/",
    "/bad-debt/",
    "/debit/",
    "/mandates/",
    "/finance/",
    "/prepayments/",
    "/clearing/",
    "/web-payments/",
    "/tasks/",
    "/users/1/best-plan/",
    "/users/1/points/",
    "/offers/102/compare/?to=2003-01-01&with=103&from=2003-01-01",
    "/stock/",
    "/stock/requests/",
    "/stock/moves/",
    "/numbers/",
    "/numbers/segments/",
    "/sims/",
    "/vouchers/",
    "/key-customers/",
    "/group-users/",
    "/live/",
    "/live/sessions/",
    "/live/follow/",
    "/live/follow/1/",
    "/live/peers/",
    "/live/black-list/",
    "/live/trial/",
    "/jobs/",
    "/access-layer/",
    "/help/",
]
# Tables that have to be pushed sideways to be read.
SIDEWAYS = """[...document.querySelectorAll(".table-wrap")].filter((node) => node.scrollWidth > node.clientWidth + 1)
    .map((node) => node.getAttribute("aria-label"))"""
# Resolved when what is on the page stands where it will: two pictures after the last answer.
DRAWN = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"

pytestmark = pytest.mark.browser


@pytest.fixture
def tab(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Tab]:
    """A logged-in tab; parameters: viewport, theme, language."""
    viewport, theme, language = getattr(request, "param", (SHOP_PC, "light", "en"))
    context = browser.new_context(viewport=viewport, reduced_motion="reduce")
    context.add_cookies(
        [
            {"name": "django_language", "value": language, "url": address},
            {"name": "theme", "value": theme, "url": address},
        ]
    )
    one = Tab(context, address)
    one.log_in()
    yield one
    context.close()


def test_a_customer_is_found_and_opened_without_a_mouse(tab: Tab) -> None:
    tab.press("Control+k")
    tab.page.keyboard.type("zyt", delay=10)
    tab.page.wait_for_selector('[role="option"]:has-text("135****")')
    tab.press("ArrowDown")
    tab.press("ArrowUp")
    tab.press("Enter")
    tab.page.wait_for_url("**/customers/1/")
    tab.press("F5")
    tab.page.wait_for_url("**/bills/*/")
    assert tab.complaints == []


def test_escape_closes_the_palette_and_gives_the_focus_back(tab: Tab) -> None:
    tab.page.focus(".search-button")
    tab.press("Enter")
    tab.page.wait_for_selector("#palette[open]")
    tab.press("Escape")
    assert tab.page.evaluate("document.getElementById('palette').open") is False
    assert tab.page.evaluate("document.activeElement.className") == "search-button"


def test_customer_360_draws_its_charts_and_explains_the_last_bill(tab: Tab) -> None:
    tab.open("/customers/1/")
    tab.page.wait_for_selector("#chart-data svg")
    tab.page.wait_for_selector('[data-chart="waterfall"] svg')
    assert "+85.41" in tab.page.inner_text("main")
    tab.page.click('[data-switch="chart-calls"]')
    tab.page.wait_for_selector("#chart-calls svg")
    assert tab.complaints == []


def test_a_bill_leads_from_its_reason_to_the_records(tab: Tab) -> None:
    tab.open(BILL)
    tab.page.wait_for_selector('[data-chart="waterfall"] svg')
    tab.page.click("text=the records >> nth=0")
    tab.page.wait_for_url("**/users/1/detail/**")
    assert tab.page.locator("tbody tr").count() > 0
    assert tab.complaints == []


def test_rows_are_walked_with_j_and_k_and_opened_with_enter(tab: Tab) -> None:
    tab.open("/offers/")
    for key in ("j", "j", "k", "j"):
        tab.press(key)
    second = tab.page.locator("tbody tr").nth(1)
    assert "at" in (second.get_attribute("class") or "")
    tab.press("Enter")
    tab.page.wait_for_url(f"**{second.get_attribute('data-href') or ''}")


def test_a_view_is_saved_and_found_again_without_a_mouse(tab: Tab) -> None:
    tab.open("/bills/?cycle=202610&sort=-total_fen")
    tab.press("s")
    tab.page.keyboard.type("Largest")
    tab.press("Enter")
    pinned = tab.page.locator('.rail a:has-text("Largest")')
    pinned.wait_for()
    total = tab.page.inner_text(".card-head .muted").split()[0]
    tab.page.wait_for_selector(".rail .live-count:not(:empty)")
    assert tab.page.inner_text(".rail .live-count") == total
    tab.open("/saved/")
    tab.page.focus("[data-select-row]")
    tab.press("Space")
    tab.press("F9")
    pinned.wait_for(state="detached")
    assert tab.complaints == []


def test_open_customers_are_walked_and_closed_by_keys(tab: Tab) -> None:
    tab.open("/customers/1/")
    tab.open("/customers/2/")
    tab.press("[")
    tab.page.wait_for_url("**/customers/1/")
    tab.press("w")
    tab.page.wait_for_url("**/customers/2/")
    assert tab.page.locator("[data-tab]").count() == 1
    assert tab.complaints == []


def test_language_and_theme_change_at_once_and_stay(tab: Tab) -> None:
    tab.open("/customers/1/")
    tab.page.click('summary[aria-label="Language"]')
    tab.page.click('button[value="zh-hans"]')
    tab.page.wait_for_selector('html[lang="zh-hans"]')
    assert tab.page.url.endswith("/customers/1/")
    tab.page.click('summary[aria-label="主题与行距"]')
    tab.page.click('[data-choice="theme"][data-value="dark"]')
    dark = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    tab.open("/bills/")
    assert tab.page.get_attribute("html", "data-bs-theme") == "dark"
    assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == dark == "rgb(10, 17, 31)"
    assert tab.complaints == []


@pytest.mark.parametrize(
    "tab",
    [
        pytest.param((SHOP_PC, "light", "zh-hans"), id="pc-light-zh"),
        pytest.param((SHOP_PC, "dark", "en"), id="pc-dark-en", marks=pytest.mark.soak),
        pytest.param((PHONE, "light", "zh-hans"), id="phone-light-zh", marks=pytest.mark.soak),
        pytest.param((PHONE, "dark", "en"), id="phone-dark-en"),
    ],
    indirect=True,
)
def test_every_page_is_accessible_fits_and_complains_of_nothing(tab: Tab) -> None:
    assert faults(tab, PAGES) == []


@pytest.mark.parametrize(
    "tab",
    [
        pytest.param((PHONE, "dark", "zh-hans"), id="phone-dark-zh"),
        pytest.param((SHOP_PC, "light", "en"), id="pc-light-en", marks=pytest.mark.soak),
    ],
    indirect=True,
)
def test_a_customer_pays_on_the_web_by_keyboard_on_accessible_pages(tab: Tab, settings: Any) -> None:
    settings.WEB_PAYMENTS = "sandbox"
    number = customers.numbers_of_subscribers(subscriber_ids=[5], at=NOW)[5]
    assert faults(tab, ["/my/pay/"]) == []
    tab.page.focus("[name=number]")
    tab.page.keyboard.type(str(number).removeprefix("86"))
    tab.press("Tab")
    tab.page.keyboard.type("0.01")
    tab.press("Enter")
    tab.page.wait_for_selector("main a[href*='/my/pay/sandbox/']")
    order, bank = (path.removeprefix(tab.address) for path in (tab.page.url, _link(tab, "/my/pay/sandbox/")))
    assert faults(tab, [order, bank]) == []
    tab.page.focus("[value=pay]")
    tab.press("Enter")
    tab.page.wait_for_selector(".notice.good")
    assert faults(tab, [order]) == []


def _link(tab: Tab, part: str) -> str:
    return str(tab.page.locator(f"main a[href*='{part}']").first.evaluate("node => node.href"))


@pytest.mark.parametrize("tab", [pytest.param((PHONE, "light", "zh-hans"), id="phone-light-zh")], indirect=True)
def test_the_form_of_an_offer_is_accessible_and_fits_a_phone(tab: Tab) -> None:
    tab.page.context.clear_cookies(name="openboss_session")
    tab.log_in("product")
    assert faults(tab, ["/offers/", "/offers/new/?clone=102", "/offers/102/"]) == []


@pytest.mark.parametrize("tab", [pytest.param((SHOP_PC, "light", "zh-hans"), id="pc-light-zh")], indirect=True)
def test_the_counter_is_accessible_and_fits_a_shop_pc(tab: Tab) -> None:
    tab.page.context.clear_cookies(name="openboss_session")
    tab.log_in("clerk")
    kinds = ["OPEN", "CHANGE_PLAN", "REPORT_LOST"]
    paths = ["/counter/?customer=2", *(f"/orders/new/{kind}/?customer=2" for kind in kinds)]
    paths += ["/customers/new/", "/customers/2/contacts/", "/customers/2/merge/?other=3", "/queue/", "/leads/"]
    assert faults(tab, [*paths, "/leads/campaigns/", "/records/", "/remote/", "/pay/?account=5"]) == []


@pytest.mark.parametrize(
    "tab",
    [
        pytest.param((PHONE, "dark", "zh-hans"), id="phone-dark-zh"),
        pytest.param((SHOP_PC, "light", "en"), id="pc-light-en", marks=pytest.mark.soak),
    ],
    indirect=True,
)
def test_the_forms_of_peers_are_accessible_and_fit_a_phone(tab: Tab) -> None:
    tab.page.context.clear_cookies(name="openboss_session")
    tab.log_in("admin")
    assert faults(tab, [f"/live/peers/new/{interface}/" for interface in ("DIAMETER", "NCHF", "RADIUS")]) == []


def faults(tab: Tab, paths: list[str]) -> list[str]:
    """What is too wide, not accessible, or complained of on some pages."""
    found: list[str] = []
    for path in paths:
        tab.open(path)
        tab.page.evaluate(DRAWN)
        wider = tab.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"{path} is {wider} px too wide"] * (wider > 0)
        if tab.page.viewport_size == PHONE:
            found += [f"{path} scrolls sideways: {name}" for name in tab.page.evaluate(SIDEWAYS)]
        tab.page.evaluate(AXE.read_text(encoding="utf-8"))
        result = tab.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        for violation in result["violations"]:
            if violation["impact"] in ("serious", "critical"):
                nodes = [node["html"][:110] for node in violation["nodes"][:3]]
                found.append(f"{path} {violation['id']} {nodes}")
    return found + tab.complaints


def test_the_login_page_is_accessible_and_fits_a_phone(browser: Any, address: str) -> None:
    context = browser.new_context(viewport=PHONE)
    tab = Tab(context, address)
    tab.open("/login/")
    tab.page.evaluate(AXE.read_text(encoding="utf-8"))
    result = tab.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [v["id"] for v in result["violations"] if v["impact"] in ("serious", "critical")] == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    context.close()
