"""The product manager's desk: an offer from an empty form to the customer, four eyes between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from openboss.access.jobs.best_plan_command import campaign_rows
from openboss.modules.catalog import functions as catalog
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.processes.best_plan import advise_all

from .conftest import Tab, signed_in

pytestmark = [pytest.mark.usefixtures("operator")]
NEW = 9_801
BUYER = 14  # customer and user of the same number
DECEMBER = datetime(2026, 11, 30, 16, tzinfo=UTC)  # 1 December, midnight in Shanghai
FORM = {
    "offer": "desk_98",
    "offer_id": str(NEW),
    "zh": "柜台98套餐",
    "en": "Desk 98",
    "kind": "MAIN",
    "brand": "GOTONE",
    "from": "2026-11-01",
    "source": "test",
    "recurring-1-rule": "RENT",
    "recurring-1-zh": "月基本费",
    "recurring-1-en": "Monthly fee",
    "recurring-1-item": "RENT",
    "recurring-1-fee": "98.00",
    "recurring-1-first_month": "PRORATE",
    "prices-2-rule": "OVER",
    "prices-2-zh": "超出",
    "prices-2-en": "Beyond",
    "prices-2-component": "basic",
    "prices-2-when-record": ["MOC"],
    "prices-2-when-roam": ["HOME", "INTRA_PROV"],
    "prices-2-item": "LOCAL",
    "prices-2-price": "0.40",
    "prices-2-unit-n": "60",
    "prices-2-unit-u": "s",
    "prices-2-bands-0-from": "00:00",
    "prices-2-bands-0-to": "07:00",
    "prices-2-bands-0-price": "0.04",
}


@pytest.fixture
def _desk_is_empty() -> Iterator[None]:
    """What the desk wrote goes again, so that the other tests see the example's own offers."""
    yield
    from openboss.modules.catalog.models import Offer, OfferVersion, TariffRule

    mine = OfferVersion.objects.filter(offer__code__startswith="DESK_")
    TariffRule.objects.filter(version__in=mine).delete()
    mine.delete()
    Offer.objects.filter(code__startswith="DESK_").delete()


def _step(login: str, action: str, **more: str) -> str:
    address = f"/offers/{NEW}/2026-11-01/step/"
    return signed_in(login).post(address, {"action": action, **more}, follow=True).content.decode()


def _state() -> str:
    return catalog.versions_of(offer_id=NEW)[0].state


@pytest.mark.requirement("CHG-23")
@pytest.mark.usefixtures("_desk_is_empty")
def test_the_form_says_what_is_wrong_while_it_is_filled_and_shows_the_price_card() -> None:
    client = signed_in("product")
    good = client.post("/offers/check/", FORM).content.decode()
    assert "complete and lawful" in good
    assert "¥98.00" in good
    bad = client.post("/offers/check/", {**FORM, "recurring-1-fee": "98.0000001", "prices-2-item": "NOTHING"})
    assert "there is no bill item" in bad.content.decode()
    unlawful = {**FORM, "prices-2-when-roam": ["INTER_PROV_OUT"], "prices-2-price": "0.65"}
    assert "above the cap of 0.60" in client.post("/offers/check/", unlawful).content.decode()
    assert client.post("/offers/save/", unlawful).status_code == 422
    assert NEW not in {offer.offer_id for offer in catalog.offers()}


@pytest.mark.usefixtures("_desk_is_empty")
def test_nobody_approves_their_own_tariff() -> None:
    client = signed_in("product")
    client.post("/offers/save/", FORM)
    assert _state() == "DRAFT"
    _step("product", "submit")
    assert "another person must approve it" in _step("product", "approve")
    assert _state() == "SUBMITTED"
    assert f"/offers/{NEW}/" in signed_in("product2").get("/offers/waiting/").content.decode()
    assert "Say what is to be changed" in _step("product2", "return")
    _step("product2", "return", reason="too cheap")
    assert _state() == "DRAFT"


@pytest.mark.usefixtures("_desk_is_empty")
def test_a_clerk_may_look_but_not_write() -> None:
    client = signed_in("clerk")
    assert client.get("/offers/new/").status_code == 403
    assert client.post("/offers/save/", FORM).status_code == 403
    signed_in("product").post("/offers/save/", FORM)
    assert "Your role may not take this step" in _step("clerk", "submit")
    assert _state() == "DRAFT"


def test_two_versions_are_compared_rule_by_rule() -> None:
    client = signed_in("product")
    data = {"to": "2003-01-01", "with": "103", "from": "2003-01-01"}
    page = client.get("/offers/102/compare/", data)
    changed = {(one["rule"], field["name"]) for one in page.context["differences"] for field in one["fields"]}
    assert ("RENT", "Fee") in changed
    assert client.get("/offers/102/compare/", {**data, "with": "102"}).context["differences"] == []


def test_invented_use_costs_what_the_seed_says() -> None:
    client = signed_in("product")
    page = client.get("/offers/102/2003-01-01/try/", {"go": "1", "record-0": "MOC", "amount-0": str(215 * 60)})
    assert page.context["tried"]["total"] == "116.00"  # 98.00 and 45 minutes beyond 170 at 0.40 (D5.2)
    refused = client.get("/offers/102/2003-01-01/try/", {"go": "1", "record-0": "DATA", "amount-0": "much"})
    assert (refused.status_code, len(refused.context["problems"])) == (422, 1)


def test_the_same_tariff_lived_again_changes_nothing_and_another_says_who_pays_less() -> None:
    client = signed_in("product")
    assert client.get("/offers/102/2003-01-01/lab/").context["result"] is None
    same = client.get("/offers/102/2003-01-01/lab/?go=1").context["result"]
    assert (same.winners, same.losers, same.then_fen) == (0, 0, same.now_fen)
    moved = client.get("/offers/102/2003-01-01/lab/?go=1&swap=GOTONE_168")
    assert moved.context["list"]["foot"][1] != ""


def test_the_best_plan_of_a_user_is_the_cheapest_of_all_that_are_shown() -> None:
    page = signed_in("clerk").get("/users/5/best-plan/")
    plans = page.context["advice"].plans
    assert [plan.due_fen for plan in plans] == sorted(plan.due_fen for plan in plans)
    assert page.context["advice"].best.due_fen == min([plans[0].due_fen, page.context["advice"].now.due_fen])


@pytest.mark.requirement("BMT-06")
def test_the_plan_builder_shows_one_price() -> None:
    page = signed_in("clerk").get("/offers/builder/?minutes=200&messages=100&mb=500")
    assert "¥95.00" in page.content.decode()
    assert signed_in("clerk").get("/offers/builder/?minutes=much").status_code == 422
    assert signed_in("clerk").get("/offers/builder/?minutes=100000").status_code == 422


def test_the_lab_is_narrowed_to_one_user_and_exported() -> None:
    client = signed_in("product")
    one = client.get("/offers/102/2003-01-01/lab/?go=1&user=5")
    assert [row["subscriber_id"] for row in one.context["result"].by_user.to_dicts()] == [5]
    rows = b"".join(client.get("/offers/102/2003-01-01/lab/?go=1&user=5&export=csv").streaming_content).decode()
    assert len(rows.strip().splitlines()) == 2


def test_the_best_plans_of_all_users_are_written_for_a_campaign() -> None:
    found = advise_all(subscriber_ids=None, cycles=[202609], on=date(2026, 11, 2))
    head, *lines = campaign_rows(found, 1)
    assert head == ("user", "cycles", "now_fen", "best_plan", "best_fen", "saving_fen")
    assert lines
    assert [saving for *_, saving in lines] == sorted((one.saving_fen for one in found if one.saving_fen), reverse=True)
    assert all(now - best == saving > 0 for _, _, now, _, best, saving in lines)
    assert len(list(campaign_rows(found, 0))) == 101


def _fill_rule(tab: Tab, section: str, fields: dict[str, str]) -> None:
    tab.page.click(f'[data-add="{section}"]')
    row = tab.page.locator(f"#rows-{section} [data-rule]").last
    row.wait_for()
    for name, value in fields.items():
        field = row.locator(f'[name$="-{name}"]')
        if field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


@pytest.mark.browser
@pytest.mark.usefixtures("_desk_is_empty")
def test_gotone_98_is_built_from_an_empty_form_tried_approved_by_a_second_person_and_sold(
    browser: Any, address: str
) -> None:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    context.add_cookies([{"name": "django_language", "value": "en", "url": address}])
    tab = Tab(context, address)
    page = tab.page
    tab.log_in("product")
    tab.open("/offers/")
    tab.press("F3")
    page.wait_for_selector("[name=offer]:focus")
    page.keyboard.type("desk_gotone_98")
    page.fill("[name=zh]", "全球通98")
    page.fill("#offer-form > section [name=en]", "GoTone 98")
    page.select_option("[name=brand]", "GOTONE")
    page.fill("[name=from]", "2026-11-01")
    _fill_rule(
        tab, "recurring", {"rule": "RENT", "zh": "月基本费", "en": "Monthly fee", "item": "RENT", "fee": "98.00"}
    )
    _fill_rule(tab, "free", {"rule": "MIN", "zh": "分钟", "en": "Minutes", "granted": "170"})
    page.click("#rows-free summary:has-text('Applies to')")
    for code in ("MOC", "MTC"):
        page.check(f'#rows-free [name$="-scope-0-of-record"][value={code}]')
    tab.press("Escape")
    over = {"rule": "OVER", "zh": "超出", "en": "Beyond", "item": "LOCAL", "price": "0.40"}
    _fill_rule(tab, "prices", over)
    page.click("#rows-prices summary:has-text('Applies to')")
    page.check('#rows-prices [name$="-when-record"][value=MOC]')
    tab.press("Escape")
    page.wait_for_selector(".price-card:has-text('170 min')")
    page.wait_for_selector("#check .pill.good")
    assert "170 min" in page.inner_text(".price-card")
    tab.press("F8")
    page.wait_for_url("**/offers/*/?from=2026-11-01")
    place = page.url.removeprefix(address)
    tab.press("F6")
    page.fill("[name=amount-0]", str(215 * 60))
    tab.press("F8")
    page.wait_for_selector("[data-total]", timeout=90_000)
    assert page.inner_text("[data-total]") == "116.00"
    tab.open(place)
    tab.press("F8")
    page.wait_for_selector("text=Waiting for approval")
    assert tab.complaints == []
    context.clear_cookies()
    context.add_cookies([{"name": "django_language", "value": "en", "url": address}])
    tab.log_in("product2")
    tab.open("/offers/waiting/")
    tab.press("j")
    tab.press("Enter")
    page.wait_for_url(f"**{place}")
    tab.press("F8")
    page.fill("[name=filing_no]", "鄂通资费〔2026〕98号")
    tab.press("Enter")
    page.wait_for_selector("text=Publish")
    tab.press("F8")
    page.wait_for_selector(".toast-line.success", timeout=180_000)  # charging compiles and takes them
    for move in ("Offer into test", "Offer is filed", "Put on sale"):
        page.click(f"button:has-text('{move}')")
    page.wait_for_selector(".lead .pill:has-text('On sale')")
    context.clear_cookies()
    context.add_cookies([{"name": "django_language", "value": "en", "url": address}])
    tab.log_in("clerk")
    tab.open(f"/orders/new/CHANGE_PLAN/?customer={BUYER}&user={BUYER}")
    offer_id = place.split("/")[2]
    page.select_option("[name=offer_id]", offer_id)
    for box in page.query_selector_all("[name=change_brand]"):
        box.check()
    page.wait_for_selector("#preview:has-text('GoTone 98')")
    tab.press("F6")  # the document: the counter asks who it is
    buyer = customers.customer_of_subscriber(subscriber_id=BUYER)
    page.keyboard.type(customers.reveal(customer_id=buyer, staff_id=1, reason="test", at=DECEMBER).cert_no or "")
    tab.press("F8")
    page.wait_for_url("**/orders/*/")
    tab.press("F8")
    page.wait_for_selector("h1 .pill:has-text('Waits for its day')")
    assert tab.complaints == []
    context.close()
    assert int(offer_id) in customers.offers_held(subscriber_id=BUYER, at=DECEMBER).values()
    order_id = orders.list_orders(customer_id=BUYER)[0][0].order_id
    signed_in("clerk").post(f"/orders/{order_id}/give-up/", {"reason": "a test"})
    assert int(offer_id) not in customers.offers_held(subscriber_id=BUYER, at=DECEMBER).values()
