"""The same payment from fifty threads at once is posted once; payments of one account at once lose nothing."""

import threading
from collections.abc import Callable

import polars as pl
import pytest
from django.db import connection

from openboss.modules.receivables.functions import direct_debit as debit
from openboss.modules.receivables.functions.payments import PaymentPosted
from openboss.modules.receivables.models import Entry, Payment
from tests.modules.receivables.conftest import Desk, check_books, on


def at_once(count: int, work: Callable[[int], PaymentPosted]) -> list[PaymentPosted]:
    """Do a thing in many threads that all begin at one moment; every one must answer."""
    start, answers = threading.Barrier(count), []

    def one(number: int) -> None:
        start.wait()
        try:
            answers.append(work(number))
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == count
    return answers


@pytest.mark.django_db(transaction=True)
def test_the_same_payment_from_fifty_threads_at_once_is_posted_once(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202610, RENT=6000)
    answers = at_once(50, lambda _: desk.pay(account, 10_000, on(11, 10), serial_no="WEB-77"))
    assert {answer.payment_id for answer in answers} == {answers[0].payment_id}
    assert sum(not answer.is_repeat for answer in answers) == 1
    assert (Payment.objects.count(), Entry.objects.filter(cause="PAYMENT").count()) == (1, 1)
    assert (desk.open(bill), desk.cash(account)) == (0, 4000)
    check_books()


@pytest.mark.django_db(transaction=True)
def test_payments_of_few_accounts_at_once_all_count_and_none_waits_for_another_for_ever(desk: Desk) -> None:
    accounts = [desk.account() for _ in range(3)]
    for account in accounts:
        desk.bill(account, 202610, RENT=6000)
    at_once(30, lambda number: desk.pay(accounts[number % 3], 1000, on(11, 10), serial_no=f"W{number}"))
    assert [desk.cash(account) for account in accounts] == [4000] * 3
    check_books()


@pytest.mark.django_db(transaction=True)
def test_a_banks_answer_is_taken_in_parts_at_once_and_pays_every_bill_once(desk: Desk) -> None:
    bills = []
    for number in range(7):
        account = desk.account()
        mandate = debit.open_mandate(
            account_id=account, contract_no=f"C{number}", bank="ICBC", bank_account="6222", holder="张三",
            at=on(1, 1), staff_id=None,
        )  # fmt: skip
        debit.verify_mandate(mandate_id=mandate, reason="bank called", at=on(1, 2), staff_id=desk.staff["clerk"])
        bills.append(desk.bill(account, 202610, RENT=1000))
    run = debit.make_run(bank="ICBC", at=on(11, 5))
    codes = {one.contract_no: "01" if one.contract_no == "C6" else "00" for one in debit.requests_of(run_id=run.run_id)}
    answer = pl.DataFrame(
        {"contract_no": list(codes), "asked_fen": [1000] * 7, "code": list(codes.values())}, schema=debit.ANSWER
    )
    answered = debit.take_answer(run_id=run.run_id, answer=answer, at=on(11, 6), part=2)
    assert (answered.paid, answered.paid_fen, answered.again) == (6, 6000, (desk.accounts[6],))
    assert [desk.open(bill) for bill in bills] == [0] * 6 + [1000]
    check_books()
