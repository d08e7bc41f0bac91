"""Payment on the web: only what the provider signed is believed, each notice is taken once, and no fen is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from tests.modules.receivables.conftest import Desk, check_books, desk, on
from tests.processes.test_collect_debt import user_of

from openboss.access.jobs import clock
from openboss.access.selfcare.providers import sandbox
from openboss.access.selfcare.tries import forget_tries
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions.web_payments import (
    WebOrderView,
    make_web_order,
    settle_web_order,
    web_order,
)
from openboss.modules.receivables.models import Entry, Payment, WebOrder
from openboss.modules.system.keys import key_for
from openboss.modules.system.signing import sign

__all__ = ["desk"]
NOW = on(11, 10)
ADDRESS = "/my/pay/notices/sandbox/"


@pytest.fixture(autouse=True)
def sandbox_is_open(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The sandbox takes payments, and it is the morning of 10 November."""
    settings.WEB_PAYMENTS = "sandbox"
    forget_tries()
    monkeypatch.setattr(clock, "now", lambda: NOW)
    yield


@pytest.fixture
def order(desk: Desk) -> WebOrderView:
    """An order of 70 yuan for an account that owes 70."""
    account = desk.account()
    desk.bill(account, 202610, RENT=7000)
    return _order(account, 7000)


def _order(account_id: int, asked_fen: int, order_no: str = "W1", made_at: datetime = NOW) -> WebOrderView:
    return make_web_order(
        order_no=order_no, account_id=account_id, asked_fen=asked_fen, currency="CNY", provider="sandbox",
        at=made_at, expires_at=made_at + timedelta(minutes=30),
    )  # fmt: skip


def _tell(
    order: WebOrderView,
    outcome: str = "PAID",
    *,
    transaction_no: str = "tx1",
    at: datetime = NOW,
    **changes: Any,
) -> Any:
    """Send what the sandbox would send; changes go into the message before it is signed."""
    headers, body = sandbox.write_notice(
        order, outcome=outcome, transaction_no=transaction_no, paid_fen=order.asked_fen, at=at
    )
    if changes:
        body = json.dumps({**json.loads(body), **changes}).encode()
        headers = {sandbox.SIGNATURE: sign(body, key=key_for("sandbox"), at=at)}
    return _send(body, headers[sandbox.SIGNATURE])


def _send(body: bytes, signature: str) -> Any:
    headers = {sandbox.SIGNATURE: signature} if signature else {}
    return Client(headers=headers).post(ADDRESS, body, content_type="application/json")


def _nothing_moved(order: WebOrderView) -> bool:
    return web_order(order_no=order.order_no).state == "OPEN" and not Payment.objects.exists()


def test_a_signed_notice_posts_the_payment_and_clears_the_bill(desk: Desk, order: WebOrderView) -> None:
    assert _tell(order).json() == {"taken": "POSTED"}
    paid = web_order(order_no="W1")
    assert paid.state == "PAID"
    payment = receivables.payment_view(payment_id=paid.payment_id)
    assert (payment.paid_fen, payment.means, payment.channel) == (7000, "WEB", "WEB")
    assert receivables.owed(account_id=order.account_id, at=NOW).owed_fen == 0
    check_books()


@pytest.mark.parametrize(
    "forge",
    [
        lambda signature, body: ("", body),
        lambda signature, body: (signature[:-1] + ("0" if signature[-1] != "0" else "1"), body),
        lambda signature, body: (signature, body.replace(b"7000", b"9000")),
        lambda signature, body: (signature.replace("t=17", "t=18"), body),
        lambda signature, body: ("t=,v1=", body),
        lambda signature, body: (signature.replace("v1=", "v1=\u00e9"), body),
        lambda signature, body: (sign(body, key=b"another key", at=NOW), body),
        lambda signature, body: (sign(body, key=key_for("a bank"), at=NOW), body),
    ],
    ids=["none", "one digit", "amount", "stamp", "empty", "not ascii", "another key", "another partner's key"],
)
def test_a_forged_notice_is_refused_and_changes_nothing(order: WebOrderView, forge: Any) -> None:
    headers, body = sandbox.write_notice(order, outcome="PAID", transaction_no="tx1", paid_fen=7000, at=NOW)
    signature, forged = forge(headers[sandbox.SIGNATURE], body)
    assert _send(forged, signature).status_code == 403
    assert _nothing_moved(order)


def test_a_notice_sent_again_is_taken_once(order: WebOrderView) -> None:
    assert [_tell(order).json()["taken"] for _ in range(3)] == ["POSTED", "REPEATED", "REPEATED"]
    assert Payment.objects.count() == 1


def test_a_recorded_notice_is_worth_nothing_a_quarter_of_an_hour_later(order: WebOrderView) -> None:
    assert _tell(order, at=NOW - timedelta(seconds=901)).status_code == 403
    assert _tell(order, at=NOW + timedelta(seconds=901)).status_code == 403
    assert _nothing_moved(order)


def test_a_transaction_told_again_with_another_amount_is_refused(order: WebOrderView) -> None:
    _tell(order)
    assert _tell(order, paid_fen=1).status_code == 409
    assert list(Payment.objects.values_list("paid_fen", flat=True)) == [7000]


def test_a_failure_that_comes_after_the_payment_changes_nothing_and_a_payment_after_a_failure_counts(
    desk: Desk, order: WebOrderView
) -> None:
    assert _tell(order, "FAILED", transaction_no="tx0").json() == {"taken": "NOTED"}
    assert web_order(order_no="W1").state == "FAILED"
    assert _tell(order).json() == {"taken": "POSTED"}
    assert _tell(order, "FAILED", transaction_no="tx0").json() == {"taken": "NOTED"}
    assert web_order(order_no="W1").state == "PAID"
    assert Payment.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"paid_fen": 6999}, "AMOUNT DIFFERS FROM ORDER W1"),
        ({"paid_fen": 7001}, "AMOUNT DIFFERS FROM ORDER W1"),
        ({"order_no": "W9"}, "UNKNOWN ORDER W9"),
        (
            {"paid_at": (NOW + timedelta(minutes=30, seconds=1)).isoformat()},
            "PAID AFTER THE ORDER HAD EXPIRED W1",
        ),
    ],
    ids=["less", "more", "unknown order", "too late"],
)
def test_money_that_came_otherwise_than_ordered_waits_for_a_person(
    order: WebOrderView, changes: dict[str, Any], note: str
) -> None:
    assert [_tell(order, **changes).json()["taken"] for _ in range(2)] == ["SUSPENDED", "REPEATED"]
    (waiting,) = receivables.suspense_list()
    assert (waiting.paid_fen, waiting.note) == (changes.get("paid_fen", 7000), note)
    assert web_order(order_no="W1").state == "OPEN"
    assert receivables.owed(account_id=order.account_id, at=NOW).owed_fen == 7000
    check_books()


def test_an_order_paid_twice_clears_once_and_the_second_money_waits(desk: Desk, order: WebOrderView) -> None:
    assert _tell(order).json() == {"taken": "POSTED"}
    assert _tell(order, transaction_no="tx2").json() == {"taken": "SUSPENDED"}
    (waiting,) = receivables.suspense_list()
    assert waiting.note == "ORDER PAID TWICE W1"
    receivables.attribute(
        payment_id=waiting.payment_id, account_id=order.account_id, reason="the customer's", at=NOW,
        staff_id=desk.staff["chief"],
    )  # fmt: skip
    assert receivables.owed(account_id=order.account_id, at=NOW).advance_fen == 7000
    check_books()


@pytest.mark.parametrize(
    "changes",
    [{"currency": "USD"}, {"paid_fen": -1}, {"paid_fen": 70.5}, {"outcome": "MAYBE"}, {"more": 1}, {"paid_at": "x"}],
)
def test_a_signed_notice_that_cannot_be_read_is_refused(order: WebOrderView, changes: dict[str, Any]) -> None:
    assert _tell(order, **changes).status_code == 400
    assert _nothing_moved(order)


def test_notices_of_a_provider_that_is_not_in_use_are_not_listened_to(order: WebOrderView, settings: Any) -> None:
    settings.WEB_PAYMENTS = ""
    assert _tell(order).status_code == 404
    assert Client().get("/my/pay/").status_code == 404
    assert Client().post("/my/pay/sandbox/W1/", {"choice": "pay"}).status_code == 404
    assert _nothing_moved(order)


def test_a_customer_pays_and_reads_that_it_is_paid(order: WebOrderView) -> None:
    visitor = Client(headers={"accept-language": "en"})
    page = visitor.get("/my/pay/W1/").content.decode()
    assert "70.00" in page and "/my/pay/sandbox/W1/" in page
    refused = visitor.post("/my/pay/sandbox/W1/", {"choice": "refuse"}, follow=True).content.decode()
    assert "The bank did not pay" in refused
    paid = visitor.post("/my/pay/sandbox/W1/", {"choice": "pay"}, follow=True).content.decode()
    assert "service goes on" in paid
    assert "/my/pay/sandbox/W1/" not in paid
    assert visitor.get("/my/pay/W2/").status_code == 404


@pytest.mark.parametrize("state", ["OPEN", "FAILED"])
def test_an_order_that_is_over_offers_no_payment(desk: Desk, state: str) -> None:
    _order(desk.account(), 5000, made_at=NOW - timedelta(minutes=31))
    settle_web_order(order_no="W1", state=state)
    page = Client(headers={"accept-language": "en"}).get("/my/pay/W1/").content.decode()
    assert "This order is over" in page
    assert "/my/pay/sandbox/" not in page


def test_a_notice_that_is_too_long_is_not_read(order: WebOrderView) -> None:
    assert _send(b"x" * 10_001, "").status_code == 413


@pytest.mark.parametrize("amount", ["", "0", "0.001", "5000.01", "-1", "NaN", "1e9", "1e1000000", "ten"])
def test_an_amount_that_cannot_be_paid_makes_no_order(desk: Desk, amount: str) -> None:
    answer = Client(headers={"accept-language": "en"}).post("/my/pay/", {"number": "13900001234", "amount": amount})
    assert answer.status_code == 422
    assert "from 0.01 to 5,000.00" in answer.content.decode()


def test_an_unknown_number_makes_no_order(desk: Desk) -> None:
    answer = Client(headers={"accept-language": "en"}).post("/my/pay/", {"number": "13900001234", "amount": "50"})
    assert "no such number" in answer.content.decode()


def test_an_account_has_five_orders_open_at_most(desk: Desk) -> None:
    account = desk.account()
    number = f"{13900000000 + user_of(account)}"
    visitor = Client(headers={"accept-language": "en"})
    answers = [visitor.post("/my/pay/", {"number": number, "amount": "1"}) for _ in range(6)]
    assert [one.status_code for one in answers] == [302] * 5 + [429]
    assert "Several payments are open" in answers[5].content.decode()
    assert WebOrder.objects.filter(account_id=account).count() == 5


def test_an_address_that_asks_for_number_after_number_is_stopped(desk: Desk) -> None:
    visitor = Client(headers={"accept-language": "en"}, REMOTE_ADDR="10.9.9.9")
    tries = [visitor.post("/my/pay/", {"number": f"139{turn:08}", "amount": "1"}).status_code for turn in range(21)]
    assert tries == [422] * 20 + [429]
    another = Client(REMOTE_ADDR="10.9.9.8").post("/my/pay/", {"number": "13900000000", "amount": "1"})
    assert another.status_code == 422


@pytest.mark.django_db(transaction=True)
def test_the_same_notice_from_many_threads_at_once_is_one_payment(desk: Desk) -> None:
    account = desk.account()
    order = _order(account, 7000)

    def tell(_: int) -> str:
        try:
            return str(_tell(order).json()["taken"])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        became = sorted(pool.map(tell, range(16)))
    assert became == ["POSTED"] + ["REPEATED"] * 15
    assert Payment.objects.count() == Entry.objects.filter(cause="PAYMENT").count() == 1
