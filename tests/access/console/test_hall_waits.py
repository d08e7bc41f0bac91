"""The queue of a hall on its page, and the payment desk with due, received, change and one offer (HAL-05, HAL-15)."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.receivables.functions.owed import owed

from .conftest import signed_in
from .small_operator import NOW

pytestmark = pytest.mark.usefixtures("operator", "stock")
ACCOUNT = 20


def _text(answer: object) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))  # type: ignore[attr-defined]


@pytest.mark.requirement("HAL-05")
def test_the_payment_desk_shows_due_received_change_and_one_offer_and_logs_what_was_said(clerk: Client) -> None:
    due_fen = owed(account_id=ACCOUNT, at=NOW).owed_fen
    page = clerk.get(f"/pay/?account={ACCOUNT}")
    offer = page.context["offer"]
    text = page.content.decode()
    assert f"data-due>{due_fen // 100:,}.{due_fen % 100:02d}<" in text
    assert ("data-received" in text, "data-change>" in text) == (True, True)
    assert text.count('name="offer_id"') == 1
    form = {"account": str(ACCOUNT), "serial_no": "HAL-05", "means": "CASH", "paid": "100", "tendered": "150"}
    said = {"offer_id": str(offer.offer.offer_id), "offer_user": str(offer.subscriber_id), "offer_answer": "TAKEN"}
    after = clerk.post("/pay/take/", {**form, **said}, follow=True)
    assert re.search(r"Amount due 100\.00 Handed over by the customer 150\.00 Change due 50\.00", _text(after))
    (made,) = orders.offers_made(subscriber_id=offer.subscriber_id)
    assert (made.offer_id, made.answer, made.payment_id) == (
        offer.offer.offer_id, "TAKEN", after.context["payment"].payment_id
    )  # fmt: skip
    clerk.post("/pay/take/", {**form, **said}, follow=True)
    assert len(orders.offers_made(subscriber_id=offer.subscriber_id)) == 1
    order = clerk.get(after.context["offered"]["url"])
    assert f'<option value="{made.offer_id}" selected>' in order.content.decode()
    again = clerk.get(f"/pay/?account={ACCOUNT}").context["offer"]
    assert again is None or again.offer.offer_id != made.offer_id


def test_tickets_are_taken_prepared_called_and_closed_on_the_page_of_the_hall() -> None:
    client = signed_in("clerk")
    number = customers.numbers_of_subscribers(subscriber_ids=[5], at=NOW)[5]
    for kind, typed in (("BUSINESS", ""), ("ADVICE", str(number))):
        client.post("/queue/act/", {"act": "take", "kind": kind, "number": typed})
    (first, second) = [row["ticket"] for row in client.get("/queue/").context["waiting"]]
    assert (first.label, second.label, second.customer_id is not None) == ("B001", "C001", True)
    client.post("/queue/act/", {"act": "prepare", "ticket": first.queue_ticket_id, "preparation": "ID copied"})
    called = client.post("/queue/act/", {"act": "call", "window": "3"}, follow=True)
    assert "Now B001, please." in called.content.decode()
    (row,) = called.context["called"]
    assert (row["ticket"].window, row["ticket"].preparation) == ("3", "ID copied")
    client.post("/queue/act/", {"act": "close", "outcome": "LEFT", "ticket": second.queue_ticket_id})
    twice = client.post("/queue/act/", {"act": "close", "ticket": second.queue_ticket_id}, follow=True)
    assert "called or closed meanwhile" in twice.content.decode()
    assert len(twice.context["hours"]) == 1
    analyst = signed_in("analyst")
    assert analyst.get("/queue/").status_code == 200
    assert analyst.post("/queue/act/", {"act": "call"}).status_code == 403
