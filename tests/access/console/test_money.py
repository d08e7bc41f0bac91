"""Money at the counter: payment, change, receipt, reversal, refund, till, and the way of each fen in the ledger."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from openboss.access.console.views.money import AmountUnreadable, fen_of
from openboss.modules.receivables import functions as receivables

from .conftest import Tab, signed_in
from .small_operator import NOW

pytestmark = [pytest.mark.usefixtures("operator")]
TILL_FEN = 50_000


def _owed(account_id: int) -> receivables.Owed:
    return receivables.owed(account_id=account_id, at=NOW)


def _pay(client: Client, account_id: int, paid: str, **more: str) -> Any:
    fields = {"account": str(account_id), "paid": paid, "means": "CASH", **more}
    return client.post("/pay/take/", fields, follow=True)


@pytest.mark.parametrize(("text", "fen"), [("120.5", 12050), ("1,200.00", 120000), ("¥0.01", 1), (" 86.30 ", 8630)])
def test_amounts_are_read_as_people_type_them(text: str, fen: int) -> None:
    assert fen_of(text) == fen


@pytest.mark.parametrize("text", ["", "1.005", "-5", "much", "NaN", "1e20"])
def test_an_amount_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(AmountUnreadable):
        fen_of(text)


@pytest.mark.requirement("ACM-20")
def test_due_received_and_change_are_shown_and_printed_on_the_slip(clerk: Client) -> None:
    page = _pay(clerk, 3, "86.30", tendered="100")
    assert page.context["taken"]["change_fen"] == 1370
    payment_id = page.context["payment"].payment_id
    slip = clerk.post(f"/payments/{payment_id}/receipt/").content.decode()
    assert [text in slip for text in ("86.30", "100.00", "13.70")] == [True, True, True]
    assert "copy-mark" not in slip


@pytest.mark.requirement("ACM-19")
def test_what_is_paid_in_advance_prints_a_receipt_and_what_pays_a_bill_an_invoice(clerk: Client) -> None:
    owed_fen = _owed(9).owed_fen
    assert owed_fen > 0
    printed = []
    for paid in (f"{owed_fen / 100:.2f}", "50"):  # the bill, then nothing is owed any more
        payment_id = _pay(clerk, 9, paid).context["payment"].payment_id
        slip = clerk.post(f"/payments/{payment_id}/receipt/").content.decode()
        printed.append(
            (re.findall(r"(Receipt|Invoice) (?:for|of) telecom", slip), re.findall(r"<dd>([RV])\d{10}<", slip))
        )
    assert printed == [(["Invoice"], ["V"]), (["Receipt"], ["R"])]


def test_a_receipt_printed_again_is_marked_copy_and_counted(clerk: Client) -> None:
    payment_id = _pay(clerk, 4, "10").context["payment"].payment_id
    slips = [clerk.post(f"/payments/{payment_id}/receipt/").content.decode() for _ in range(3)]
    assert [re.findall(r"COPY (\d)", slip) for slip in slips] == [[], ["1"], ["2"]]
    other = signed_in("billing")
    assert "COPY 3" in other.post(f"/payments/{payment_id}/receipt/").content.decode()


def test_the_same_form_sent_twice_is_one_payment(clerk: Client) -> None:
    def left_to_pay() -> int:
        return _owed(5).owed_fen - _owed(5).advance_fen

    before = left_to_pay()
    serial = {"serial_no": "C-twice"}
    pages = [_pay(clerk, 5, "10", **serial), _pay(clerk, 5, "10", **serial)]
    assert pages[0].context["payment"].payment_id == pages[1].context["payment"].payment_id
    assert before - left_to_pay() == 1000


def test_cash_needs_an_open_till_and_enough_of_it() -> None:
    client = signed_in("clerk")
    before = _owed(6)
    assert "Open your till" in _pay(client, 6, "10").content.decode()
    client.post("/till/open/", {"float": "0"})
    try:
        assert "Less was handed over" in _pay(client, 6, "10", tendered="9.99").content.decode()
        assert "at most two decimals" in _pay(client, 6, "10.005").content.decode()
        assert _owed(6) == before
    finally:
        client.post("/till/close/", {"counted": "0"})


def test_a_payment_taken_back_leaves_the_account_as_if_never_paid(clerk: Client) -> None:
    before = _owed(7)
    payment_id = _pay(clerk, 7, "0.50").context["payment"].payment_id
    refused = clerk.post(f"/payments/{payment_id}/reverse/", {"reason": " "}, follow=True)
    assert "Say why" in refused.content.decode()
    known = {"reason": "wrong account"}
    kept = clerk.post(f"/payments/{payment_id}/reverse/", known, follow=True).content.decode()
    assert "An invoice is out" in kept and "is here and is taken back" in kept
    assert receivables.payment_view(payment_id=payment_id).state == "POSTED"
    clerk.post(f"/payments/{payment_id}/reverse/", {**known, "paper_back": "on"})
    assert (_owed(7).open_fen, _owed(7).advance_fen) == (before.open_fen, before.advance_fen)
    assert receivables.payment_view(payment_id=payment_id).state == "REVERSED"


def test_another_clerks_payment_is_taken_back_only_with_a_second_person(clerk: Client) -> None:
    payment_id = _pay(clerk, 8, "20").context["payment"].payment_id
    address, reason = f"/payments/{payment_id}/reverse/", {"reason": "wrong account", "paper_back": "on"}
    other = signed_in("billing")
    assert "A second person must agree" in other.post(address, reason, follow=True).content.decode()
    wrong = {**reason, "second_login": "billing2", "second_password": "wrong"}
    assert "login or password is wrong" in other.post(address, wrong, follow=True).content.decode()
    assert receivables.payment_view(payment_id=payment_id).state == "POSTED"
    right = {**reason, "second_login": "billing2", "second_password": "openboss-demo"}
    assert "Taken back" in other.post(address, right, follow=True).content.decode()


def test_a_refund_above_the_limit_needs_a_second_person_and_never_exceeds_the_cash(clerk: Client) -> None:
    _pay(clerk, 9, "2000", means="CARD")
    billing = signed_in("billing")
    address = "/accounts/9/act/"
    fields = {"action": "refund", "amount": "600", "means": "CARD", "reason": "customer moves away"}
    assert "A second person must agree" in billing.post(address, fields, follow=True).content.decode()
    second = {"second_login": "billing2", "second_password": "openboss-demo"}
    before = _owed(9).advance_fen
    assert "entered in the ledger" in billing.post(address, {**fields, **second}, follow=True).content.decode()
    assert before - _owed(9).advance_fen == 60_000
    much = {**fields, **second, "amount": "99999"}
    assert "not that much cash" in billing.post(address, much, follow=True).content.decode()


def test_each_fen_is_followed_from_the_day_to_the_bill(clerk: Client) -> None:
    payment = _pay(clerk, 10, "15").context["payment"]
    journal = clerk.get("/ledger/")
    sums = {c.key: c for c in journal.context["list"]["screen"].columns}
    assert {"debit_fen", "credit_fen"} <= set(sums)
    foot = [text for text in journal.context["list"]["foot"] if text]
    assert foot[0] == foot[1]
    cash = receivables.chart().no_of("CASH")
    place = {"on": payment.business_on.isoformat(), "chart": cash, "cause": "PAYMENT", "channel": "HALL"}
    entries = clerk.get("/ledger/entries/", place).context["list"]["rows"]
    assert f"/ledger/entries/{payment.entry_id}/" in [row["url"] for row in entries]
    entry = clerk.get(f"/ledger/entries/{payment.entry_id}/")
    assert sum(one["line"].amount_fen for one in entry.context["lines"]) == 0
    assert f"/payments/{payment.payment_id}/" in entry.content.decode()
    assert clerk.get("/accounts/10/").context["list"]["rows"][0]["cells"]


def test_the_trial_balance_is_zero_and_agrees_with_bills_and_accounts() -> None:
    page = signed_in("billing").get("/ledger/balance/?check=1")
    assert page.context["list"]["foot"][-1] == "0.00"
    assert page.context["differences"] == []


def test_the_statement_ends_with_what_is_owed() -> None:
    page = signed_in("billing").get("/accounts/2/")
    newest = page.context["list"]["rows"][0]["cells"][-1]["text"]
    owed = _owed(2)
    assert fen_of(newest.replace("−", "")) == abs(owed.open_fen - owed.advance_fen - owed.deposit_fen)


def test_ageing_adds_up_to_the_open_items() -> None:
    page = signed_in("billing").get("/ageing/")
    assert page.context["total_fen"] == sum(row["open_fen"] for row in page.context["ages"]) > 0


def test_a_till_with_a_difference_is_closed_only_with_a_reason() -> None:
    client = signed_in("billing2")
    client.post("/till/open/", {"float": "100"})
    assert "count again, or say why" in client.post("/till/close/", {"counted": "99"}, follow=True).content.decode()
    closed = client.post("/till/close/", {"counted": "99", "reason": "coin lost"}, follow=True).content.decode()
    assert "Difference: −1.00" in closed
    assert client.get("/till/").context["till"] is None


@pytest.mark.browser
def test_a_bill_is_paid_printed_and_taken_back_without_a_mouse(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    context.add_cookies([{"name": "django_language", "value": "en", "url": address}])
    tab = Tab(context, address)
    page, keyboard = tab.page, tab.page.keyboard
    tab.log_in("clerk")
    tab.press("F2")
    page.wait_for_url("**/pay/")
    tab.press("F7")
    page.wait_for_url("**/till/")
    page.wait_for_selector("[name=float]:focus")
    keyboard.type("500")
    tab.press("Enter")
    page.wait_for_selector("[name=counted]")
    tab.press("F2")
    page.wait_for_url("**/pay/")
    page.wait_for_selector("#find:focus")
    keyboard.type("zyt")
    tab.press("Enter")
    page.wait_for_url("**/pay/?account=1")
    page.wait_for_selector("[name=paid]:focus")
    keyboard.type("50")
    tab.press("Enter")
    keyboard.type("100")
    assert page.inner_text("[data-change]") == "50.00"
    tab.press("Enter")
    page.wait_for_url("**/payments/*/")
    assert page.inner_text("[data-change-due]") == "50.00"
    tab.press("F9")
    page.wait_for_selector(".paper")
    assert page.locator(".copy-mark").count() == 0
    tab.press("F6")
    page.wait_for_url("**/payments/*/")
    tab.press("F9")
    page.wait_for_selector(".copy-mark")
    tab.press("F6")
    page.wait_for_url("**/payments/*/")
    tab.press("F4")
    keyboard.type("wrong customer")
    for key in ("Tab", "Space", "Enter"):  # the invoice is here
        tab.press(key)
    page.wait_for_selector(".pill.bad:has-text('Taken back')")
    tab.press("F2")
    page.wait_for_url("**/pay/?account=1")
    tab.press("F7")
    page.wait_for_selector("[name=counted]:focus")
    keyboard.type("500")
    tab.press("Enter")
    page.wait_for_selector("[name=float]")
    assert tab.complaints == []
    context.close()
