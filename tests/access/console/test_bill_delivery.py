"""How bills are delivered: wishes on the account's page, rates of a month."""

from __future__ import annotations

import pytest

from openboss.modules.billing.functions import deliveries

from .conftest import signed_in
from .small_operator import NOW

pytestmark = pytest.mark.usefixtures("operator")
RELEASED = 202609


def test_a_clerk_sets_and_ends_a_wish_and_the_rates_of_a_month_are_a_list() -> None:
    clerk = signed_in("clerk")
    wishes = "/accounts/1/delivery/"
    shown = clerk.post(wishes, {"means": "POST", "address": "湖北省武汉市珞喻路1号"}, follow=True).content.decode()
    assert "湖北省武汉市***" in shown
    assert "珞喻路" not in shown
    refused = clerk.post(wishes, {"means": "EMAIL", "address": "nobody"}, follow=True).content.decode()
    assert "Post needs an address" in refused
    clerk.post(wishes, {"means": "APP"})
    clerk.post(wishes, {"means": "APP", "action": "end"})
    assert [one.means for one in deliveries.masked_wishes(account_id=1)] == ["POST"]

    deliveries.begin_delivery(cycle=RELEASED, at=NOW)
    page = signed_in("billing").get(f"/bill-delivery/?cycle={RELEASED}")
    rows = [[cell["text"] for cell in row["cells"]] for row in page.context["list"]["rows"]]
    month = "2026-09"
    (post, web) = rows
    assert post == ["Letter post", month, "1", "0", "1", "0", "0 %"]
    assert web == ["Web", month, web[2], web[2], "0", "0", "100 %"]
    assert signed_in("product").post(wishes, {"means": "APP"}).status_code == 403
