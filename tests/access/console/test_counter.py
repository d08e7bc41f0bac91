"""The counter: a user is opened, changes plan and card, is stopped and resumed; what is refused says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.resources import functions as resources

from .conftest import EXAMPLE, NOW, Tab, signed_in

pytestmark = [pytest.mark.usefixtures("operator", "stock")]
HALL, CUSTOMER, USER = "17.027.05.01", 12, 12
SHOWN = {"proof": "HOLDER_AT_HALL"}


@pytest.fixture(scope="module")
def stock(operator: Any) -> None:  # noqa: ARG001 (the operator comes first)
    """Numbers and cards in the clerk's hall."""
    from openboss.access.jobs.generate_stock import generate_stock
    from openboss.processes.stock_halls import fill_halls, import_items, take_resources_over

    register, _items = import_items(EXAMPLE / "reference" / "stock.yaml", at=NOW)
    take_resources_over(register=register, at=NOW)
    mine = next(hall for hall in generate_stock(EXAMPLE) if hall.home_area == 27)
    fill_halls([mine], register=register, at=NOW)


@pytest.fixture
def clerk() -> Iterator[Client]:
    """A clerk with an open till, which is closed again."""
    client = signed_in("clerk")
    client.post("/till/open/", {"float": "500"})
    yield client
    till = client.get("/till/").context["till"]
    client.post("/till/close/", {"counted": f"{till.expected_fen // 100}.{till.expected_fen % 100:02d}"})


def _place(client: Client, kind: str, **fields: Any) -> Any:
    about = {"customer": str(CUSTOMER), "user": str(USER), **SHOWN}
    return client.post(f"/orders/new/{kind}/place/", {**about, **fields}, follow=True)


def _confirm(client: Client, order_id: int, **fields: str) -> str:
    client.post(f"/orders/{order_id}/confirm/", fields, follow=True)
    return orders.order_view(order_id=order_id).state


def _state() -> str:
    return customers.effective_state(subscriber_id=USER, at=clock.now())


def test_a_plan_is_changed_from_next_month_and_the_change_is_cancelled(clerk: Client) -> None:
    page = clerk.post(
        "/orders/new/CHANGE_PLAN/preview/", {"customer": str(CUSTOMER), "user": str(USER), "offer_id": "105"}
    )
    assert "next month" in page.content.decode()
    order = _place(clerk, "CHANGE_PLAN", offer_id="105", change_brand="1").context["order"]
    assert _confirm(clerk, order.order_id) == "PENDING"
    clerk.post(f"/orders/{order.order_id}/give-up/", {"reason": "changed his mind"})
    assert orders.order_view(order_id=order.order_id).state == "CANCELLED"


def test_what_was_not_shown_is_asked_for_and_nothing_is_taken_down(clerk: Client) -> None:
    before = orders.list_orders(customer_id=CUSTOMER)[1]
    answer = _place(clerk, "CHANGE_PLAN", offer_id="105", proof="")
    assert "What the customer showed is not enough" in answer.content.decode()
    assert orders.list_orders(customer_id=CUSTOMER)[1] == before


def test_loss_is_reported_and_ended_and_an_order_is_taken_back(clerk: Client) -> None:
    order = _place(clerk, "REPORT_LOST").context["order"]
    assert _confirm(clerk, order.order_id) == "COMPLETED"
    assert _state() == "TWO_WAY_STOP"
    assert "stopped for this reason already" in _place(clerk, "REPORT_LOST").content.decode()
    found = _place(clerk, "RELEASE_LOST").context["order"]
    assert _confirm(clerk, found.order_id) == "COMPLETED"
    assert _state() == "ACTIVE"


def test_a_card_is_replaced_for_its_price(clerk: Client) -> None:
    card = resources.free_sims(org_codes=[HALL])[0]
    order = _place(clerk, "REPLACE_SIM", iccid=card.iccid).context["order"]
    assert order.unpaid_fen > 0
    assert _confirm(clerk, order.order_id, means="CASH", tendered="1") == "ACKNOWLEDGED"
    assert _confirm(clerk, order.order_id, means="CASH", tendered="500") == "COMPLETED"
    assert resources.sim_view(iccid=card.iccid).subscriber_id == USER


def test_a_clerk_without_the_right_cannot_use_the_counter() -> None:
    client = signed_in("analyst")
    assert client.get(f"/counter/?customer={CUSTOMER}").status_code == 403
    assert _place(client, "REPORT_LOST").status_code == 403
    assert client.get("/orders/").status_code == 200


@pytest.mark.browser
def test_a_user_is_opened_at_the_counter_without_a_mouse(browser: Any, address: str, clerk: Client) -> None:
    plain = [one for one in resources.find_numbers(at=NOW, org_codes=[HALL]) if not one.deposit_fen + one.minimum_fen]
    number = plain[0].number
    iccid = resources.free_sims(org_codes=[HALL])[0].iccid
    context = browser.new_context(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    context.add_cookies([{"name": "django_language", "value": "en", "url": address}])
    tab = Tab(context, address)
    page, keyboard = tab.page, tab.page.keyboard
    tab.log_in("clerk")
    tab.open(f"/customers/{CUSTOMER}/")
    keyboard.press("F4")
    page.wait_for_url("**/counter/**")
    keyboard.press("F3")
    page.wait_for_url("**/orders/new/OPEN/**")
    keyboard.type(str(number))
    keyboard.press("Tab")
    keyboard.type(iccid)
    keyboard.press("Tab")
    page.wait_for_selector("#preview tfoot", timeout=60_000)
    keyboard.press("F8")
    page.wait_for_url("**/orders/*/")
    page.wait_for_selector("[name^=document-]:focus")
    keyboard.type("ID 990000200001010007")
    keyboard.press("F6")
    page.wait_for_selector("text=SHA-256")
    page.focus("#tendered")
    keyboard.type("1000")
    keyboard.press("Tab")
    keyboard.type("258147")
    keyboard.press("F8")
    page.wait_for_selector("h1 .pill.good")
    keyboard.press("F5")
    page.wait_for_url("**/customers/**")
    assert page.locator(".tabs a").count() >= 2
    assert tab.complaints == []
    assert clerk.get("/orders/?kind=OPEN").context["list"]["total"] == 1
    context.close()
