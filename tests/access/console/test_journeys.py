"""Whole journeys at the counter in a browser without a mouse: every key press beyond the data is counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Error as PlaywrightError

from openboss.access.console.views.desks import DESKS, KEYS
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.resources import functions as resources

from .conftest import Tab
from .small_operator import NOW

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator", "stock")]
HALL = "17.027.05.01"
KEYS_MAX = 25
KEY_OF = dict(zip((desk.kind for desk in DESKS), KEYS, strict=True))
NAME, ID_NUMBER, ADDRESS = "王小兰", "420106199003072345", "湖北省武汉市江汉区江汉路18号"
READER = f"{NAME}|女|汉|19900307|{ADDRESS}|{ID_NUMBER}"


class Counter:
    """A keyboard, a scanner and a document reader: what is data is typed, what is no data is counted."""

    def __init__(self, tab: Tab) -> None:
        self.tab, self.page, self.pressed = tab, tab.page, 0

    def press(self, *keys: str) -> None:
        self.tab.press(*keys)
        self.pressed += len(keys)

    def data(self, text: str) -> None:
        """Typed where the focus is; a page gives it to its first field a moment after it has loaded."""
        self.page.wait_for_selector("input:focus, textarea:focus")
        self.page.keyboard.type(text)

    def read(self, line: str) -> None:
        """A reader types its line and ends it with Enter by itself."""
        self.data(line)
        self.page.keyboard.press("Enter")

    def arrives(self, path: str) -> None:
        try:
            self.page.wait_for_url(path, timeout=60_000)  # the first paper looks for fonts
        except PlaywrightError as missed:
            said = self.page.locator(".toasts").inner_text()
            raise AssertionError(f"at {self.page.url} instead of {path}: {said}") from missed

    def value(self, name: str) -> str:
        return str(self.page.input_value(f"[name={name}]"))


@pytest.fixture
def counter(browser: Any, address: str, clerk: Client) -> Iterator[Counter]:
    """The counter of a clerk with an open till, on a shop PC."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    context.add_cookies([{"name": "django_language", "value": "zh-hans", "url": address}])
    tab = Tab(context, address)
    tab.log_in("clerk")
    one = Counter(tab)
    yield one
    assert tab.complaints == []
    context.close()


def _wide(counter: Counter) -> int:
    return int(counter.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.requirement("HAL-01")
def test_somebody_new_is_entered_and_opened_signs_pays_and_has_the_receipt_in_at_most_25_keys(counter: Counter) -> None:
    plain = [one for one in resources.find_numbers(at=NOW, org_codes=[HALL]) if not one.deposit_fen + one.minimum_fen]
    number, iccid = plain[0].number, resources.free_sims(org_codes=[HALL], item_code="SIM_32K")[0].iccid
    page = counter.page
    counter.press("F4")
    counter.arrives("**/customers/new/")
    counter.read(READER)
    filled = [counter.value(one) for one in ("name", "cert_type", "cert_no", "address")]
    assert filled == [NAME, "ID_CARD", ID_NUMBER, ADDRESS]
    counter.press("F8")
    counter.arrives("**/orders/new/OPEN/**")
    assert page.locator("fieldset.proofs .pill.good").count() == 1  # the document that was read counts
    counter.read(iccid)  # a card in any field goes to the card's
    assert (counter.value("iccid"), counter.value("number")) == (iccid, "")
    counter.data(str(number))
    counter.press("F8")
    counter.arrives("**/orders/*/")
    page.wait_for_selector("[name^=document-]:focus")
    counter.press("F8")
    page.wait_for_selector("[name=service_password]:focus")
    counter.data("258147")
    counter.press("F8")
    page.wait_for_selector(".toast-line.error")  # the document is a mandatory step
    order_id = int(page.url.rstrip("/").rsplit("/", 1)[1])
    assert orders.order_view(order_id=order_id).state == "ACKNOWLEDGED"
    page.wait_for_selector("[name^=document-]:focus")
    counter.read(READER)
    counter.press("F6")
    page.wait_for_selector("text=SHA-256")
    counter.press("F7")
    counter.arrives("**/form/")
    counter.data(NAME)
    assert _wide(counter) == 0
    counter.press("F8")
    counter.arrives("**/orders/*/")
    page.wait_for_selector("#tendered:focus")
    counter.data("200")
    counter.press("Tab")
    counter.data("258147")
    counter.press("F8")
    page.wait_for_selector("h1 .pill.good", timeout=60_000)
    order = orders.order_view(order_id=order_id)
    assert customers.effective_state(subscriber_id=order.subscriber_id or 0, at=clock.now()) == "ACTIVE"
    card = resources.sim_view(iccid=iccid)
    assert (card.state, card.subscriber_id, card.number) == ("IN_USE", order.subscriber_id, number)
    assert "SIGNED_FORM" in {one.kind for one in order.documents}
    counter.press("F2")
    counter.arrives("**/receipt/")
    paper = page.inner_text(".paper")
    assert "150.00" in paper
    assert "200.00" in paper
    assert "50.00" in paper
    assert page.locator(".copy-mark").count() == 0
    counter.press("F9")
    assert counter.pressed <= KEYS_MAX, counter.pressed


def test_a_card_is_replaced_by_keyboard_with_the_document_read_into_any_field(counter: Counter) -> None:
    user, page = 14, counter.page
    customer_id = customers.customer_of_subscriber(subscriber_id=user)
    seen = customers.reveal(customer_id=customer_id, staff_id=1, reason="test", at=clock.now())
    iccid = resources.free_sims(org_codes=[HALL], item_code="SIM_32K")[0].iccid
    counter.tab.open(f"/customers/{customer_id}/?user={user}")
    counter.press("F4")
    counter.arrives("**/counter/**")
    counter.press(KEY_OF["REPLACE_SIM"])
    counter.arrives("**/orders/new/REPLACE_SIM/**")
    counter.read(iccid)
    counter.press("F6")
    counter.data(seen.cert_no or "")
    counter.press("F8")
    counter.arrives("**/orders/*/")
    page.wait_for_selector("#tendered:focus")
    counter.data("100")
    counter.press("F8")
    page.wait_for_selector("h1 .pill.good", timeout=60_000)
    assert resources.sim_view(iccid=iccid).subscriber_id == user
    assert counter.pressed <= 5


def test_two_things_go_into_a_cart_are_signed_once_and_paid_once_by_keyboard(counter: Counter) -> None:
    user, page = 15, counter.page
    customer_id = customers.customer_of_subscriber(subscriber_id=user)
    iccid = resources.free_sims(org_codes=[HALL], item_code="SIM_32K")[0].iccid
    counter.tab.open(f"/counter/?customer={customer_id}&user={user}")
    counter.press(KEY_OF["CHANGE_PLAN"])
    counter.arrives("**/orders/new/CHANGE_PLAN/**")
    wanted = page.evaluate("[...document.querySelector('[name=offer_id]').options].map((one) => one.text)")
    held = page.evaluate("document.querySelector('[name=offer_id]').value")
    counter.press("ArrowDown")
    chosen = page.evaluate("document.querySelector('[name=offer_id]').value")
    assert (len(wanted) > 1, chosen != held) == (True, True)
    counter.press("Tab", "Tab", "Space")  # agrees to another brand
    counter.press("F6", "Tab", "Tab", "Space")  # no reader at hand: a tick says that a clerk has seen the document
    counter.press("F7")
    counter.arrives("**/carts/*/")
    counter.press("F4")
    counter.arrives("**/counter/**")
    counter.press(KEY_OF["REPLACE_SIM"])
    counter.arrives("**/orders/new/REPLACE_SIM/**")
    assert page.locator("[name=holder_document]").count() == 0  # it was shown a moment ago
    counter.read(iccid)
    counter.press("F7")
    counter.arrives("**/carts/*/")
    assert page.locator("main tbody tr").count() == 2
    counter.press("F7")
    counter.arrives("**/form/")
    counter.data("L")
    counter.press("F8")
    counter.arrives("**/carts/*/")
    page.wait_for_selector("#tendered:focus")
    counter.data("100")
    assert page.inner_text("[data-change]") == "40.00"
    counter.press("F8")
    page.wait_for_selector("h1 .pill.good", timeout=60_000)
    cart_id = int(page.url.rstrip("/").rsplit("/", 1)[1])
    assert sorted(one.state for one in orders.parts_of(order_id=cart_id)) == ["COMPLETED", "PENDING"]
    counter.press("F2")
    counter.arrives("**/receipt/")
    for key, width_mm in (("1", 54), ("3", 180), ("2", 76)):
        counter.press(key)
        width_px = page.evaluate("document.querySelector('.paper').getBoundingClientRect().width")
        assert abs(width_px - width_mm * 96 / 25.4) < 1, key
    assert _wide(counter) == 0


def test_open_customers_are_reached_by_function_keys(counter: Counter) -> None:
    for customer_id in (1, 2, 3):
        counter.tab.open(f"/customers/{customer_id}/")
    counter.press("Shift+F1")
    counter.arrives("**/customers/1/**")
    counter.press("Shift+F3")
    counter.arrives("**/customers/3/**")
