"""What each role may open, and what is written down about it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from django.test import Client

from openboss.access.console import menu
from openboss.modules.customers import functions as customers
from openboss.modules.system import functions as system

from .conftest import signed_in
from .small_operator import NOW

PAGES = {
    "/": None,
    "/help/": None,
    "/customers/": "customers.view",
    "/customers/1/": "customers.view",
    "/users/1/detail/?cycle=202610": "charging.view",
    "/saved/": None,
    "/health/": "charging.monitor",
    "/alarms/": "charging.monitor",
    "/live/": "charging.monitor",
    "/live/follow/": "charging.trace",
    "/live/trial/": "charging.trace",
    "/live/follow/1/": "charging.trace",
    "/collection/": "charging.monitor",
    "/files/": "charging.monitor",
    "/files/1/": "charging.monitor",
    "/errors/": "charging.errors",
    "/bills/": "billing.view",
    "/bills/2026100000000001/": "billing.view",
    "/bills/2026100000000001/why/": "billing.view",
    "/bill-delivery/": "billing.view",
    "/runs/": "billing.run",
    "/runs/202610/": "billing.run",
    "/offers/": "catalog.view",
    "/offers/102/": "catalog.view",
    "/offers/waiting/": "catalog.view",
    "/offers/new/": "catalog.edit",
    "/offers/102/2003-01-01/edit/": "catalog.edit",
    "/offers/102/2003-01-01/lab/": "catalog.view",
    "/orders/": "customers.view",
    "/counter/?customer=1": "customers.edit",
    "/orders/new/CHANGE_PLAN/?customer=1": "customers.edit",
    "/pay/": "receivables.collect",
    "/pay/?account=1": "receivables.collect",
    "/recharge/": "receivables.collect",
    "/till/": "receivables.collect",
    "/accounts/1/": "receivables.view",
    "/accounts/1/e-bills/": "billing.view",
    "/ageing/": "receivables.view",
    "/suspense/": "receivables.view",
    "/ledger/": "receivables.view",
    "/ledger/balance/": "receivables.view",
    "/ledger/all/?account=1": "receivables.view",
    "/accounts/1/statement.pdf": "receivables.view",
    "/books/": "receivables.view",
    "/who-owes/?level=USER": "receivables.view",
    "/dunning/": "receivables.view",
    "/agencies/": "receivables.view",
    "/adjustments/": "receivables.view",
    "/bad-debt/": "receivables.view",
    "/debit/": "receivables.view",
    "/mandates/": "receivables.view",
    "/finance/": "receivables.view",
    "/prepayments/": "receivables.view",
    "/clearing/": "receivables.view",
    "/web-payments/": "receivables.view",
    "/assurance/": "receivables.view",
    "/assurance/gateways/": "receivables.view",
    "/messages/": "jobs.view",
    "/jobs/": "jobs.view",
    "/audit/": "audit.view",
}

pytestmark = [pytest.mark.usefixtures("operator")]


def _rights(login: str) -> frozenset[str]:
    from .small_operator import NOW

    return system.authenticate_staff(login=login, password="openboss-demo", at=NOW).rights


@pytest.mark.parametrize("login", ["clerk", "billing", "product", "analyst", "admin"])
def test_each_role_opens_the_pages_of_its_rights_and_no_other(login: str) -> None:
    client, rights = signed_in(login), _rights(login)
    found = {page: client.get(page).status_code for page in PAGES}
    assert found == {page: 200 if right is None or right in rights else 403 for page, right in PAGES.items()}


def test_the_menu_shows_only_what_may_be_opened() -> None:
    page = signed_in("product").get("/").content.decode()
    assert 'href="/offers/"' in page
    assert 'href="/customers/"' not in page
    assert 'href="/runs/"' not in page


def test_without_a_login_every_page_asks_for_it_and_comes_back_afterwards() -> None:
    answer = Client().get("/customers/1/?user=1")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=%2Fcustomers%2F1%2F%3Fuser%3D1")


def test_a_wrong_password_is_refused_without_saying_what_was_wrong() -> None:
    one = Client().post("/login/", {"login": "clerk", "password": "wrong"})
    other = Client().post("/login/", {"login": "nobody", "password": "wrong"})
    assert (one.status_code, other.status_code) == (401, 401)
    assert one.context["refusal"] == other.context["refusal"]


def test_login_never_leads_to_a_foreign_address() -> None:
    fields = {"login": "clerk", "password": "openboss-demo", "next": "https://example.org/"}
    assert Client().post("/login/", fields)["Location"] == "/"


def test_personal_data_is_masked_until_a_reason_is_given_and_then_logged() -> None:
    client = signed_in("clerk")
    masked = client.get("/customers/1/").content.decode()
    assert "张*桐" in masked
    assert "张雨桐" not in masked
    before = system.list_audit(action="customers.reveal")[1]
    client.post("/customers/1/reveal/", {"reason": ""})
    assert system.list_audit(action="customers.reveal")[1] == before
    answer = client.post("/customers/1/reveal/", {"reason": "customer asks at the counter"})
    assert "张雨桐" in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    (entry,) = system.list_audit(action="customers.reveal", page_size=1)[0]
    assert (entry.object_id, entry.reason) == ("1", "customer asks at the counter")
    assert "张雨桐" not in client.get("/customers/1/").content.decode()


def test_an_export_has_the_rows_of_the_view_and_is_logged() -> None:
    client = signed_in("billing")
    answer = client.get("/bills/?cycle=202610&export=csv")
    lines = answer.getvalue().decode("utf-8-sig").strip().splitlines()
    (entry,) = system.list_audit(action="list.export", page_size=1)[0]
    assert entry.after["rows"] == len(lines) - 1 > 50
    assert entry.after["address"] == "/bills/?cycle=202610&export=csv"
    assert client.get("/bills/?export=xlsx").getvalue()[:2] == b"PK"


def test_an_export_is_whole_however_many_pages_it_is_read_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openboss.access.console.exports.EXPORT_PAGE_ROWS", 7)
    answer = signed_in("billing").get("/bills/?cycle=202610&export=csv&cols=bill_id")
    numbers = answer.getvalue().decode("utf-8-sig").split()[2:]
    assert len(numbers) == len(set(numbers)) == int(answer["X-Rows"]) > 50


def test_a_sheet_that_excel_cannot_hold_is_refused_and_nothing_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openboss.access.console.exports.XLSX_LIMIT_ROWS", 20)
    client = signed_in("billing")
    before = system.list_audit(action="list.export")[1]
    answer = client.get("/bills/?cycle=202610&export=xlsx", follow=True)
    assert answer.redirect_chain == [("?cycle=202610", 302)]
    assert "Excel holds 20 rows" in answer.content.decode()
    assert system.list_audit(action="list.export")[1] == before


def test_a_saved_view_of_the_team_stands_in_the_side_bar_with_its_live_count() -> None:
    mine, theirs, other = signed_in("billing"), signed_in("billing2"), signed_in("analyst")
    fields = {"title": "High bills", "address": "/bills/?cycle=202610&sort=-total_fen", "team": "BILLING"}
    mine.post("/saved/save/", fields)
    try:
        for client, shown in ((mine, True), (theirs, True), (other, False)):
            assert ("High bills" in client.get("/help/").content.decode()) is shown
        (view,) = [v for v in theirs.get("/help/").context["pinned"] if v.title == "High bills"]
        count = theirs.get(f"/saved/{view.saved_view_id}/count/").content.decode()
        assert int(count) == theirs.get(fields["address"]).context["list"]["total"]
        assert other.get(f"/saved/{view.saved_view_id}/count/").content == b""
        refused = theirs.post("/saved/act/", {"action": "remove", "row": view.saved_view_id}, follow=True)
        assert "Only the person who saved a view" in refused.content.decode()
    finally:
        mine.post("/saved/act/", {"action": "remove", "row": view.saved_view_id})
    assert "High bills" not in theirs.get("/help/").content.decode()


@pytest.mark.parametrize("address", ["/bills/2026100000000001/", "/nowhere/", "/runs/202610/release/", "javascript:1"])
def test_only_a_list_can_be_saved_as_a_view(address: str) -> None:
    client = signed_in("billing")
    client.post("/saved/save/", {"title": "Odd", "address": address})
    assert "Odd" not in [view.title for view in client.get("/help/").context["pinned"]]
    assert client.get("/runs/202610/").context["status"].cycle.state == "AUDITED"


def test_open_customers_stay_as_tabs_that_lead_back_to_where_one_was() -> None:
    client = signed_in("billing")
    client.get("/customers/1/")
    client.get("/customers/2/")
    client.get("/users/1/detail/?cycle=202610")
    tabs = client.get("/bills/").context["tabs"]
    assert [(tab["customer_id"], tab["url"]) for tab in tabs] == [
        (1, "/users/1/detail/?cycle=202610"),
        (2, "/customers/2/"),
    ]
    assert client.post("/customers/1/close/")["Location"] == "/customers/2/"
    assert client.post("/customers/2/close/", {"next": "https://example.org/"})["Location"] == "/customers/"
    assert client.get("/bills/").context["tabs"] == []


def test_a_held_file_is_given_up_for_a_reason_by_somebody_who_may(operator: Path) -> None:
    from openboss.modules.charging.functions import collection

    from .small_operator import NOW

    held = collection.register_file(
        inbox="NOBODY", name="odd.txt", sha256="0" * 64, size_bytes=1, sequence=None, arrived_at=NOW
    )
    billing, clerk = signed_in("billing"), signed_in("analyst")
    address = f"/files/{held.file_id}/give-up/"
    assert clerk.post(address, {"reason": "test"}).status_code == 403
    billing.post(address, {"reason": " "})
    assert billing.get(f"/files/{held.file_id}/").context["file"]["state"] == "HELD"
    assert f"/files/{held.file_id}/" in billing.get("/alarms/").content.decode()
    billing.post(address, {"reason": "sent to the wrong folder"})
    page = billing.get(f"/files/{held.file_id}/")
    assert page.context["file"]["state"] == "REFUSED"
    assert "sent to the wrong folder" in page.content.decode()
    assert f"/files/{held.file_id}/" not in billing.get("/alarms/").content.decode()


def test_the_lamp_says_that_charging_is_silent() -> None:
    page = signed_in("billing").get("/health/").content.decode()
    assert "Charging does not answer." in page
    assert 'class="health bad"' in page


def test_jobs_are_shown_on_the_installations_clock() -> None:
    from openboss.access.console.tasks import close_month_up_to_audit

    from .small_operator import NOW

    job = close_month_up_to_audit.configure(schedule_in={"hours": 1}).defer(cycle=209912, staff_id=1)
    shown = signed_in("billing").get("/jobs/").context["list"]["rows"][0]["cells"]
    moments = [cell["text"] for cell in shown if cell["column"].key == "scheduled_at"]
    assert job
    assert moments[0].startswith(f"{NOW + timedelta(hours=9):%Y-%m-%d}")


def test_the_palette_finds_by_initials_by_last_digits_and_by_bill_number() -> None:
    client = signed_in("clerk")
    assert "/customers/1/" in client.get("/search/?q=zyt").content.decode()
    number = client.get("/customers/1/").content.decode().split("****")[1][:4]
    assert "/customers/1/" in client.get(f"/search/?q={number}").content.decode()
    assert "/bills/2026100000000001/" in client.get("/search/?q=2026100000000001").content.decode()


def test_the_bill_of_the_tour_is_explained_down_to_rule_and_records() -> None:
    page = signed_in("billing").get("/bills/2026100000000001/").content.decode()
    assert "148.41" in page
    assert "+85.41" in page
    assert "/users/1/detail/?cycle=202610&amp;item=" in page
    assert "/offers/" in page


def test_the_waterfall_adds_up_to_the_bill() -> None:
    steps = signed_in("billing").get("/bills/2026100000000001/").context["chart"]["steps"]
    assert steps[0]["fen"] + sum(step["fen"] for step in steps if step["kind"] == "change") == steps[-1]["fen"]


def test_a_printed_bill_names_the_customer_and_is_logged() -> None:
    client = signed_in("billing")
    answer = client.get("/bills/2026100000000001/pdf/")
    assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")
    (entry,) = system.list_audit(action="billing.print_bill", page_size=1)[0]
    assert entry.object_id == "2026100000000001"


def test_a_number_leads_to_its_customer() -> None:
    client = signed_in("clerk")
    page = client.post("/customers/1/reveal/", {"reason": "test"})
    number = page.context["seen"].numbers[1]
    assert client.get(f"/c/by-number/{number}/")["Location"] == "/customers/1/?user=1"
    assert client.get("/c/by-number/19900000000/").status_code == 404


def test_a_month_that_is_still_running_cannot_be_closed() -> None:
    client = signed_in("billing")
    answer = client.post("/runs/202611/start/", follow=True)
    assert "The month is still running" in answer.content.decode()


def test_the_release_waits_for_signatures() -> None:
    client = signed_in("billing")
    unsigned = client.get("/runs/202610/").context["status"].unsigned
    answer = client.post("/runs/202610/release/", follow=True)
    assert ("still need a signature" in answer.content.decode()) == (unsigned > 0)


def test_a_run_that_is_followed_shows_the_same_buttons_as_the_page_loaded_again() -> None:
    client = signed_in("billing")
    part = client.get("/runs/202610/", headers={"HX-Request": "true"}).content.decode()
    whole = client.get("/runs/202610/").content.decode()
    for button in ('class="sign-form"', 'data-dialog="release"'):
        assert part.count(button) == whole.count(button)
    assert 'data-dialog="release"' in part


def test_nobody_decides_on_their_own_write_off() -> None:
    first, second = signed_in("billing"), signed_in("billing2")
    page = first.get("/errors/")
    row = page.context["list"]["rows"][0]["id"]
    first.post("/errors/act/", {"action": "write_off", "scope": "selected", "row": row, "reason": "test call"})
    (batch,) = first.get("/errors/").context["requests"]
    first.post(f"/errors/write-off/{batch['batch_id']}/", {"decision": "approve"})
    assert len(first.get("/errors/").context["requests"]) == 1
    second.post(f"/errors/write-off/{batch['batch_id']}/", {"decision": "approve"})
    assert second.get("/errors/").context["requests"] == []


def test_every_icon_that_a_page_draws_is_in_the_sprite() -> None:
    access = Path(menu.__file__).parent.parent
    drawn = {name for page in access.rglob("*.html") for name in re.findall(r'{% icon "([^"]+)"', page.read_text())}
    sprite = Path(menu.__file__).parent / "static/console/vendor/icons.svg"
    assert drawn and drawn <= set(re.findall(r'<symbol id="([^"]+)"', sprite.read_text()))


def test_a_missing_thing_is_a_page_that_says_what_to_do() -> None:
    client = signed_in("billing")
    for page in ("/customers/999999/", "/bills/1/", "/offers/9/", "/files/999999/", "/runs/190001/", "/nowhere/"):
        answer = client.get(page)
        assert answer.status_code == 404, page
        assert "Ctrl+K" in answer.content.decode()


def test_the_language_changes_on_the_same_page() -> None:
    client = signed_in("billing")
    client.post("/language/", {"language": "zh-hans", "next": "/bills/"})
    assert "账单" in client.get("/bills/").content.decode()
    client.post("/language/", {"language": "en", "next": "/bills/"})
    assert ">Bills<" in client.get("/bills/").content.decode()


def test_the_page_of_a_customer_shows_the_stars_how_they_came_and_until_when() -> None:
    user = 48
    owner = customers.customer_of_subscriber(subscriber_id=user)
    address = f"/customers/{owner}/"
    assert "Not rated yet" in signed_in("clerk").get(address, {"user": user}).content.decode()
    parts = {
        "tenure_points": 59,
        "spend_points": 188,
        "contract_points": 30,
        "real_name_points": 20,
        "stop_points": -40,
    }
    rated = {"subscriber_id": user, "star": 3, "score": 257, "tenure_months": 59, "spend_fen": 18_899, "stops": 2}
    days = {"rated_on": NOW.date(), "valid_until_on": NOW.date().replace(year=NOW.year + 1)}
    customers.put_ratings(pl.DataFrame([rated | parts]), **days, at=NOW)
    page = signed_in("clerk").get(address, {"user": user}).content.decode()
    card = page.split("<h2>Stars</h2>")[1].split("</section>")[0]
    shown = [int(one) for one in re.findall(r'class="num(?: strong)?">(-?\d+)<', card)]
    assert shown == [59, 188, 30, 20, -40, 257]
    assert all(word in card for word in ("59 months", "¥188.99 a month", "3 stars", "until 2027-11"))
