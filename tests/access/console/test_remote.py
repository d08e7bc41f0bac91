"""A user of another province at the counter: asked through the hub, answered on the page; the simulator says so."""

from __future__ import annotations

import pytest
from django.test import Client

from openboss.access.hub import asking
from openboss.access.jobs import clock
from openboss.modules.orders import functions as orders
from openboss.processes import ask_province

from .conftest import signed_in

pytestmark = pytest.mark.usefixtures("operator")
ABOUT = {"number": "13912345678", "home": "19"}


def test_a_user_of_another_province_is_asked_about_and_pays_and_the_page_says_it_was_a_simulator(clerk: Client) -> None:
    before = orders.list_hub_orders()[1]
    assert "are needed" in clerk.post("/remote/ask/", {"number": "139"}, follow=True).content.decode()
    home = clerk.post("/remote/ask/", {**ABOUT, "home": "17", "activity": "STATUS"}, follow=True)
    assert "at home here" in home.content.decode()
    for activity, more in (("STATUS", {"CertNo": "11010519491231002X"}), ("PAY", {"paid": "35", "means": "CASH"})):
        page = clerk.post("/remote/ask/", {**ABOUT, **more, "activity": activity}, follow=True)
        assert "being asked" in page.content.decode()
    refused = clerk.post("/remote/ask/", {**ABOUT, "activity": "PAY", "paid": "0"}, follow=True)
    assert "Write the amount" in refused.content.decode()
    asking.deliver(peers=None, now=clock.now)
    asking.deliver(peers=None, now=clock.now)
    (paid, asked, *_earlier), total = orders.list_hub_orders()
    assert (paid.state, paid.paid_fen, asked.state, total - before) == ("DONE", 3500, "DONE", 2)
    text = clerk.get("/remote/").content.decode()
    assert ("SIMULATOR" in text, "张*" in text, "13912345678" in text) == (True, True, False)
    assert clerk.get("/till/").context["till"].expected_fen == 50_000 + 3500
    assert signed_in("analyst").get("/remote/").status_code == 403


def test_cash_for_another_province_is_taken_into_an_open_till_alone() -> None:
    client, before = signed_in("clerk"), orders.list_hub_orders()[1]
    form = {**ABOUT, "activity": "PAY", "paid": "35", "means": "CASH"}
    assert "Open your till before you take cash." in client.post("/remote/ask/", form, follow=True).content.decode()
    assert orders.list_hub_orders()[1] == before


def test_a_page_of_a_hall_does_not_wait_for_what_no_hall_has_asked() -> None:
    used = {"UsedFen": 52_000, "From": "2026-11-01T08:00:00+08:00", "To": "2026-11-01T09:00:00+08:00"}
    about = {"home": "19", "number": 8613912345678, "activity": ask_province.HIGH_USE, "about": used}
    ask_province.ask(trans_id="U-WAITS", at=clock.now(), **about)
    page = signed_in("clerk").get("/remote/")
    assert ("Told of high use" in page.content.decode(), page.context["waits"]) == (True, False)
