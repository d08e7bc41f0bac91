"""At the counter: reversal, deposits, fees, refunds, transfers, agents, tills, documents, suspense."""

from typing import Any

import pytest

from openboss.modules.receivables.atomic import documents, payments
from openboss.modules.receivables.functions import counter, reversal, suspense, tills
from openboss.modules.receivables.functions.authority import NotEntitled, SecondPersonNeeded
from openboss.modules.receivables.functions.payments import AgentShort
from openboss.modules.receivables.functions.reconciliation import trial_balance
from openboss.modules.receivables.models import Entry, Payment
from openboss.modules.system.atomic import SerialNumberUsed
from tests.modules.receivables.conftest import Desk, check_books, on


def reverse(desk: Desk, payment_id: int, at: Any, **changes: Any) -> Any:
    known = {"reason": "wrong number", "serial_no": desk.no(), "staff_id": desk.staff["clerk"]}
    return reversal.reverse_payment(payment_id=payment_id, at=at, **(known | changes))


@pytest.mark.requirement("ACM-03")
def test_a_reversal_puts_both_bills_back(desk: Desk) -> None:
    account = desk.account()
    first, second = desk.bill(account, 202609, RENT=6000), desk.bill(account, 202610, RENT=7000)
    posted = desk.pay(account, 10_000, on(11, 10))
    reverse(desk, posted.payment_id, on(11, 10, 15))
    assert (desk.open(first), desk.open(second), desk.cash(account)) == (6000, 7000, 0)
    assert (desk.state(first), desk.state(second)) == ("validated", "validated")
    check_books()


def test_a_reversal_starts_the_late_fee_clock_again_as_if_nothing_had_been_paid(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202610, RENT=10_000)
    wrong = desk.pay(account, 4000, on(12, 10))
    reverse(desk, wrong.payment_id, on(12, 10, 16))
    assert desk.open(bill) == 10_000
    assert desk.pay(account, 20_000, on(12, 11)).late_fee_fen == 300  # ten days on 100.00
    check_books()


def test_a_payment_reversed_after_later_ones_leaves_the_account_as_if_it_had_never_been(desk: Desk) -> None:
    accounts = [desk.account(), desk.account()]
    bills = []
    for account in accounts:
        bills.append([desk.bill(account, 202610, RENT=10_000, SP_INFO=900), 0])
        if account == accounts[0]:
            wrong = desk.pay(account, 4000, on(12, 10))
        desk.pay(account, 3000, on(12, 20))
        bills[-1][1] = desk.bill(account, 202611, RENT=5000)
        desk.pay(account, 9000, on(12, 28))
    reverse(desk, wrong.payment_id, on(12, 29), approved_by=desk.staff["chief"])
    left = [([desk.open(one) for one in both], [desk.paid(one) for one in both]) for both in bills]
    assert left[0] == left[1]
    assert desk.cash(accounts[0]) == desk.cash(accounts[1])
    check_books()


def test_a_later_day_or_another_clerk_needs_a_second_person(desk: Desk) -> None:
    account = desk.account()
    posted = desk.pay(account, 4000, on(10, 10))
    with pytest.raises(SecondPersonNeeded):
        reverse(desk, posted.payment_id, on(10, 11))
    with pytest.raises(SecondPersonNeeded):
        reverse(desk, posted.payment_id, on(10, 10, 12), staff_id=desk.staff["clerk2"])
    with pytest.raises(NotEntitled):
        reverse(desk, posted.payment_id, on(10, 11), approved_by=desk.staff["clerk2"])
    assert desk.cash(account) == 4000
    reverse(desk, posted.payment_id, on(10, 11), approved_by=desk.staff["chief"])
    assert desk.cash(account) == 0


def test_a_reversal_is_refused_for_vouchers_invoices_and_money_that_is_gone(desk: Desk) -> None:
    account = desk.account()
    voucher = desk.pay(account, 3000, on(10, 10), means="VOUCHER")
    with pytest.raises(reversal.VoucherUsed):
        reverse(desk, voucher.payment_id, on(10, 10))
    cash = desk.pay(account, 3000, on(10, 10))
    issued = documents.issue_document(
        kind="INVOICE", account_id=account, total_fen=3000, at=on(10, 10), staff_id=None, payment_id=cash.payment_id
    )
    with pytest.raises(reversal.InvoiceNotReturned):
        reverse(desk, cash.payment_id, on(10, 10))
    documents.return_document(document_id=issued.document_id, at=on(10, 10), staff_id=desk.staff["clerk"])
    pay_out(desk, account, 4000)
    with pytest.raises(reversal.MoneyGone):
        reverse(desk, cash.payment_id, on(10, 10))
    assert desk.cash(account) == 2000
    with pytest.raises(reversal.ReversedBefore):
        other = desk.pay(account, 100, on(10, 10))
        reverse(desk, other.payment_id, on(10, 10))
        reverse(desk, other.payment_id, on(10, 10))
    check_books()


def pay_out(desk: Desk, account: int, paid_fen: int, **changes: Any) -> Any:
    known = {"means": "CASH", "serial_no": desk.no(), "at": on(10, 10), "staff_id": desk.staff["clerk"]}
    return counter.pay_out(account_id=account, paid_fen=paid_fen, **(known | changes))


def test_the_same_payment_again_gives_the_same_answer_and_another_under_its_number_is_refused(desk: Desk) -> None:
    account = desk.account()
    first = desk.pay(account, 3000, on(10, 10), serial_no="WEB-1")
    again = desk.pay(account, 3000, on(10, 11), serial_no="WEB-1")
    assert (again.payment_id, again.is_repeat, desk.cash(account)) == (first.payment_id, True, 3000)
    with pytest.raises(SerialNumberUsed):
        desk.pay(account, 3001, on(10, 10), serial_no="WEB-1")
    assert Payment.objects.count() == 1


@pytest.mark.requirement("ACM-18")
def test_at_cancellation_the_deposit_pays_the_final_bill_and_the_rest_goes_back(desk: Desk) -> None:
    known = {"at": on(10, 10), "staff_id": desk.staff["clerk"], "means": "CASH"}
    left = []
    for final_fen in (6340, 25_000):
        account = desk.account()
        counter.take_deposit(account_id=account, deposit_fen=20_000, channel="HALL", serial_no=desk.no(), **known)
        bill = desk.bill(account, 202610, RENT=final_fen)
        assert desk.open(bill) == final_fen, "a deposit pays nothing before the end"
        settled = counter.settle_finally(account_id=account, serial_no=desk.no(), at=on(11, 5), staff_id=None)
        left.append((settled.refundable_fen, settled.short_fen))
    assert left == [(13_660, 0), (0, 5000)]
    pay_out(desk, desk.accounts[0], 13_660, at=on(11, 5))
    desk.pay(desk.accounts[1], 5000, on(11, 5))
    assert trial_balance().filter(role="DEPOSIT")["balance_fen"].item() == 0
    assert trial_balance().filter(role="RECEIVABLE")["balance_fen"].item() == 0
    check_books()


def test_a_deposit_is_taken_and_given_back_whole(desk: Desk) -> None:
    account = desk.account()
    known = {"means": "CASH", "staff_id": desk.staff["clerk"], "at": on(10, 10)}
    counter.take_deposit(account_id=account, deposit_fen=10_000, channel="HALL", serial_no="D1", **known)
    counter.take_deposit(account_id=account, deposit_fen=10_000, channel="HALL", serial_no="D1", **known)
    assert trial_balance().filter(role="DEPOSIT")["balance_fen"].item() == -10_000
    assert counter.return_deposit(account_id=account, serial_no="D2", **known).paid_fen == -10_000
    with pytest.raises(counter.NotEnoughMoney):
        counter.return_deposit(account_id=account, serial_no="D3", **known)
    check_books()


@pytest.mark.requirement("ACM-24")
def test_a_sim_card_and_a_voucher_are_separate_card_items(desk: Desk) -> None:
    account = desk.account()
    known = {"means": "CASH", "channel": "HALL", "staff_id": desk.staff["clerk"], "at": on(10, 10)}
    counter.charge_fee(account_id=account, fee_fen=5000, item_code="CARD", serial_no="F1", **known)
    counter.charge_fee(account_id=account, fee_fen=10_000, item_code="VOUCHER", serial_no="F2", **known)
    balances = {row["role"]: row["balance_fen"] for row in trial_balance().iter_rows(named=True)}
    assert (balances["CASH"], balances["CARDS_SOLD"], balances["VOUCHER"]) == (15_000, -5000, -10_000)
    assert list(Payment.objects.order_by("payment_id").values_list("purpose", "note")) == [
        ("FEE", "CARD"),
        ("FEE", "VOUCHER"),
    ]
    check_books()


def test_a_refund_above_five_hundred_needs_a_second_person(desk: Desk) -> None:
    account = desk.account()
    desk.pay(account, 80_000, on(10, 10))
    pay_out(desk, account, 20_000)
    with pytest.raises(SecondPersonNeeded):
        pay_out(desk, account, 50_001)
    assert desk.cash(account) == 60_000
    pay_out(desk, account, 50_001, approved_by=desk.staff["chief"])
    with pytest.raises(counter.NotEnoughMoney):
        pay_out(desk, account, 10_000)
    assert desk.cash(account) == 9999
    check_books()


def test_a_gift_is_used_before_cash_for_its_items_only_and_is_never_refunded(desk: Desk) -> None:
    account = desk.account()
    desk.pay(account, 5000, on(10, 10))
    known = {"at": on(10, 10), "staff_id": None}
    counter.grant_gift(account_id=account, gift_fen=2000, serial_no="G1", item_codes=["DATA_DOM"], **known)
    bill = desk.bill(account, 202610, RENT=3000, DATA_DOM=1500)
    assert (desk.open(bill), desk.cash(account)) == (0, 2000)
    with pytest.raises(counter.NotEnoughMoney):
        pay_out(desk, account, 2500)
    check_books()


def test_money_moved_to_another_account_pays_its_bills(desk: Desk) -> None:
    mine, other = desk.account(), desk.account()
    desk.pay(mine, 8000, on(10, 10))
    bill = desk.bill(other, 202609, RENT=3000)
    known = {"serial_no": "X1", "reason": "asked", "at": on(10, 10), "staff_id": desk.staff["clerk"]}
    for _ in range(2):
        counter.transfer_balance(from_account_id=mine, to_account_id=other, moved_fen=5000, **known)
    assert (desk.cash(mine), desk.cash(other), desk.open(bill)) == (3000, 2000, 0)
    check_books()


def test_a_transfer_above_five_hundred_without_a_second_person_changes_nothing(desk: Desk) -> None:
    mine, other = desk.account(), desk.account()
    desk.pay(mine, 80_000, on(10, 10))
    bill = desk.bill(other, 202609, RENT=3000)
    entries = Entry.objects.count()
    known = {"serial_no": "X1", "reason": "asked", "at": on(10, 10), "staff_id": desk.staff["clerk"]}
    with pytest.raises(SecondPersonNeeded):
        counter.transfer_balance(from_account_id=mine, to_account_id=other, moved_fen=50_001, **known)
    assert (desk.cash(mine), desk.cash(other), desk.open(bill)) == (80_000, 0, 3000)
    assert Entry.objects.count() == entries
    counter.transfer_balance(
        from_account_id=mine, to_account_id=other, moved_fen=50_001, approved_by=desk.staff["chief"], **known
    )
    assert (desk.cash(mine), desk.cash(other), desk.open(bill)) == (29_999, 47_001, 0)
    check_books()


@pytest.mark.requirement("ACM-25")
def test_an_agents_recharges_are_deducted_from_its_own_money(desk: Desk) -> None:
    agent, users = desk.account(), [desk.account() for _ in range(3)]
    known = {"means": "CASH", "serial_no": "A1", "at": on(10, 10), "staff_id": desk.staff["clerk"]}
    counter.top_up_agent(account_id=agent, paid_fen=100_000, **known)
    for user, fen in zip(users, (5000, 10_000, 3000), strict=True):
        desk.pay(user, fen, on(10, 10), means="AGENT", channel="AGENT", agent_account_id=agent)
    assert trial_balance().filter(role="AGENT")["balance_fen"].item() == -82_000
    with pytest.raises(AgentShort):
        desk.pay(users[0], 82_001, on(10, 10), means="AGENT", channel="AGENT", agent_account_id=agent)
    assert [desk.cash(user) for user in users] == [5000, 10_000, 3000]
    check_books()


@pytest.mark.requirement("ACM-26")
def test_a_kiosks_cash_box_is_what_our_books_say_and_a_wrong_payment_is_reversed_here(desk: Desk) -> None:
    account = desk.account()
    box = tills.open_till(staff_id=desk.staff["clerk"], place="KIOSK-7", opening_fen=0, at=on(10, 10))
    known = {"means": "KIOSK", "channel": "KIOSK", "till_id": box}
    desk.pay(account, 126_000, on(10, 10), **known)
    wrong = desk.pay(account, 5000, on(10, 10), **known)
    reverse(desk, wrong.payment_id, on(10, 10, 18))
    closed = tills.close_till(till_id=box, counted_fen=126_000, at=on(10, 11), staff_id=desk.staff["clerk"])
    assert (closed.expected_fen, closed.difference_fen) == (126_000, 0)


def test_a_till_that_is_short_needs_a_reason_and_is_booked(desk: Desk) -> None:
    account = desk.account()
    till = tills.open_till(staff_id=desk.staff["clerk"], place="HALL", opening_fen=20_000, at=on(10, 10, 9))
    desk.pay(account, 10_000, on(10, 10), till_id=till)
    with pytest.raises(tills.DifferenceUnexplained):
        tills.close_till(till_id=till, counted_fen=29_000, at=on(10, 10, 18), staff_id=desk.staff["clerk"])
    closed = tills.close_till(
        till_id=till, counted_fen=29_000, at=on(10, 10, 18), staff_id=desk.staff["clerk"], reason="change given twice"
    )
    assert closed.difference_fen == -1000
    assert trial_balance().filter(role="CASH_SHORT")["balance_fen"].item() == 1000
    check_books()


def test_a_prepayment_gets_a_receipt_a_bill_an_invoice_and_a_reprint_says_copy(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202610, RENT=3000)
    posted = desk.pay(account, 5000, on(10, 10))
    known = {"account_id": account, "at": on(10, 10), "staff_id": desk.staff["clerk"]}
    receipt = documents.issue_document(kind="RECEIPT", total_fen=5000, payment_id=posted.payment_id, **known)
    invoice = documents.issue_document(kind="INVOICE", total_fen=3000, bill_id=bill, **known)
    assert (receipt.number, invoice.number, receipt.is_copy) == ("R0000000001", "V0000000001", False)
    with pytest.raises(documents.DocumentIssued):
        documents.issue_document(kind="INVOICE", total_fen=3000, bill_id=bill, **known)
    again = documents.reprint_document(document_id=receipt.document_id, at=on(10, 11), staff_id=desk.staff["clerk"])
    assert (again.number, again.is_copy) == ("R0000000001", True)


def test_unknown_and_repeated_payments_wait_in_suspense_until_a_person_attributes_them(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202610, RENT=10_000)
    lost = desk.pay(999_999, 10_300, on(12, 11), means="BANK", channel="BANK")
    desk.pay(account, 100, on(12, 11), means="BANK", channel="BANK", reference="B-77")
    repeated = desk.pay(account, 100, on(12, 12), means="BANK", channel="BANK", reference="B-77")
    assert (lost.state, repeated.state) == ("SUSPENDED", "SUSPENDED")
    assert [one.note for one in suspense.suspense_list()] == ["UNKNOWN ACCOUNT 999999", f"DUPLICATE {account}"]
    assert trial_balance().filter(role="SUSPENSE")["balance_fen"].item() == -10_400
    known = {"reason": "called the payer", "at": on(12, 20), "staff_id": desk.staff["clerk"]}
    suspense.attribute(payment_id=lost.payment_id, account_id=account, **known)
    assert desk.open(bill) == 0, "late fees count to the day it was paid"
    with pytest.raises(suspense.NotSuspended):
        suspense.attribute(payment_id=lost.payment_id, account_id=account, **known)
    check_books()
    reverse(desk, lost.payment_id, on(12, 21), approved_by=desk.staff["chief"])
    assert payments.payment_view(payment_id=lost.payment_id).state == "REVERSED"
    assert trial_balance().filter(role="SUSPENSE")["balance_fen"].item() == -100
    check_books()


def test_the_ledger_refuses_change_and_what_does_not_balance(desk: Desk) -> None:
    from django.db import DatabaseError, connection, transaction

    desk.pay(desk.account(), 100, on(10, 10))
    entry_id = Entry.objects.values_list("entry_id", flat=True).get()
    day = Entry.objects.values_list("business_on", flat=True).get()
    insert = "INSERT INTO receivables_posting (entry_id, line_no, chart_no, amount_fen, business_on) VALUES"
    for statement in (
        "UPDATE receivables_posting SET amount_fen = amount_fen * 2",
        "DELETE FROM receivables_entry",
        f"{insert} ({entry_id}, 9, 100100, 1, '{day}')",
        f"{insert} ({entry_id}, 9, 1, 1, '{day}'), ({entry_id}, 10, 1, -1, '{day}')",
        "UPDATE receivables_payment SET paid_fen = 1",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as the commit would ask
    check_books()
