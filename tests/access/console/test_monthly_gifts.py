"""Money released month by month at the account's page, in the customer's figures and in the web hall (D8.1)."""

from datetime import timedelta

import pytest
from django.test import Client

from openboss.access.jobs import clock
from openboss.access.selfcare.hall import CUSTOMER
from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions import monthly_gifts

from .conftest import posted, signed_in
from .small_operator import NOW

pytestmark = pytest.mark.usefixtures("operator")
FIELDS = {"action": "gift", "amount": "120", "parts": "12", "reason": "stays a year"}
SECOND = {"second_login": "billing2", "second_password": "openboss-demo"}


def test_a_monthly_gift_is_given_by_two_shown_on_every_page_and_ended() -> None:
    user = 31
    account = customers.paying_account(subscriber_id=user, cycle=customers.cycle_of(NOW))
    client, address = signed_in("billing"), f"/accounts/{account}/act/"
    assert "A second person must agree" in posted(client, address, **FIELDS, serial_no="MG-1")
    assert "2 to 60 monthly parts" in posted(client, address, **(FIELDS | SECOND | {"parts": "1"}), serial_no="MG-1")
    assert monthly_gifts.gifts_of_account(account_id=account) == []
    for _ in range(2):
        assert "entered in the ledger" in posted(client, address, **FIELDS, **SECOND, serial_no="MG-1")
    (gift,) = monthly_gifts.gifts_of_account(account_id=account)
    assert (gift.released_fen, gift.given_fen, gift.parts) == (1_000, 12_000, 12)
    next_on = monthly_gifts.coming_of_account(account_id=account)[0][0]
    for page in (f"/accounts/{account}/", f"/users/{user}/"):
        shown = client.get(page, follow=True).content.decode()
        assert next_on.isoformat() in shown and "10.00" in shown, page
    visitor = Client(headers={"accept-language": "en"})
    session = visitor.session
    session[CUSTOMER] = {"subscriber_id": user, "until_at": (clock.now() + timedelta(minutes=15)).isoformat()}
    session.save()
    shown = visitor.get("/my/").content.decode()
    assert "Gifts to come" in shown and shown.count(">10.00<") >= 11
    end = {"action": "end_gift", "reason": "left the plan", "gift": str(gift.gift_id)}
    assert "Nothing more comes of this gift" in posted(client, "/accounts/61/act/", **end)
    assert "entered in the ledger" in posted(client, address, **end)
    assert monthly_gifts.coming_of_account(account_id=account) == []
    assert "Gifts to come" not in visitor.get("/my/").content.decode()
