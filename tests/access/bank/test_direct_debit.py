"""Direct debit by files: only confirmed mandates, answers whole or not at all, failures tried again or ended."""

import pytest
from django.db import transaction
from tests.modules.receivables.conftest import Desk, check_books, desk, on

from openboss.access.bank.delimited import FileRefused, read_answer, write_answer, write_requests
from openboss.modules.receivables.functions import direct_debit as debit
from openboss.modules.receivables.models import Payment

__all__ = ["desk"]
KEY = b"shared with the bank"


def with_mandate(desk: Desk, number: int, *, verified: bool = True) -> int:
    account = desk.account()
    mandate = debit.open_mandate(
        account_id=account, contract_no=f"C{number}", bank="ICBC", bank_account=f"62220000{number:08d}", holder="张三",
        at=on(1, 1), staff_id=None,
    )  # fmt: skip
    if verified:
        debit.verify_mandate(mandate_id=mandate, reason="bank called", at=on(1, 2), staff_id=desk.staff["clerk"])
    desk.bill(account, 202610, RENT=1000 * number)
    return account


def answer_of(run: debit.RunView, **codes: str) -> bytes:
    """The bank's file of codes by contract number."""
    return "".join(write_answer(run, debit.requests_of(run_id=run.run_id), codes, key=KEY)).encode()


@pytest.mark.requirement("ACM-29")
def test_a_mandate_that_the_bank_has_not_confirmed_is_not_in_its_file(desk: Desk) -> None:
    with_mandate(desk, 1)
    with_mandate(desk, 2, verified=False)
    run = debit.make_run(bank="ICBC", at=on(11, 5))
    text = "".join(write_requests(run, debit.requests_of(run_id=run.run_id), key=KEY))
    assert [line.split("|")[1] for line in text.splitlines() if line.startswith("D")] == ["C1"]


@pytest.mark.requirement("ACM-04")
def test_of_three_requests_two_are_paid_and_one_goes_back_to_arrears_and_is_tried_on_the_next_date(desk: Desk) -> None:
    accounts = [with_mandate(desk, number) for number in (1, 2, 3)]
    run = debit.make_run(bank="ICBC", at=on(11, 5))
    with pytest.raises(debit.NothingToAsk):
        debit.make_run(bank="ICBC", at=on(11, 5))
    answer = read_answer(answer_of(run, C1="00", C2="00", C3="01"), run, key=KEY)
    answered = debit.take_answer(run_id=run.run_id, answer=answer, at=on(11, 6))
    assert (answered.paid, answered.paid_fen, answered.again) == (2, 3000, (accounts[2],))
    assert answered.tried_again_on.isoformat() == "2026-11-15"
    with pytest.raises(debit.RunAnswered):
        debit.take_answer(run_id=run.run_id, answer=answer, at=on(11, 6))
    again = debit.make_run(bank="ICBC", at=on(11, 15))
    assert [(one.account_id, one.asked_fen) for one in debit.requests_of(run_id=again.run_id)] == [(accounts[2], 3000)]
    assert (again.sequence, Payment.objects.count()) == (2, 2)
    check_books()


def test_a_closed_account_ends_the_mandate_and_the_debt_is_collected_otherwise(desk: Desk) -> None:
    account = with_mandate(desk, 1)
    run = debit.make_run(bank="ICBC", at=on(11, 5))
    answer = read_answer(answer_of(run, C1="02"), run, key=KEY)
    assert debit.take_answer(run_id=run.run_id, answer=answer, at=on(11, 6)).back_to_arrears == (account,)
    with pytest.raises(debit.NothingToAsk):
        debit.make_run(bank="ICBC", at=on(11, 15))


@pytest.mark.parametrize(
    "forge",
    [
        lambda text: text.replace("|01\n", "|00\n"),
        lambda text: text.replace("D|C1|1000|00\n", ""),
        lambda text: text.replace("|000001|", "|000002|"),
        lambda text: text[: len(text) // 2],
        lambda text: "",
    ],
    ids=["a code changed", "a line lost", "another number", "cut off", "empty"],
)
def test_an_answer_that_is_forged_cut_off_or_of_another_run_is_refused_whole(desk: Desk, forge) -> None:
    for number in (1, 2):
        with_mandate(desk, number)
    run = debit.make_run(bank="ICBC", at=on(11, 5))
    good = answer_of(run, C1="00", C2="01")
    with pytest.raises(FileRefused):
        read_answer(forge(good.decode()).encode(), run, key=KEY)
    with pytest.raises(FileRefused):
        read_answer(good, run, key=b"another key")
    with pytest.raises(debit.AnswerIncomplete):
        debit.take_answer(run_id=run.run_id, answer=read_answer(good, run, key=KEY)[:1], at=on(11, 6))
    assert Payment.objects.count() == 0


def test_answers_that_come_twice_in_another_order_or_cut_are_each_taken_once_and_whole(desk: Desk) -> None:
    with_mandate(desk, 1)
    first = debit.make_run(bank="ICBC", at=on(11, 5))
    with_mandate(desk, 2)
    second = debit.make_run(bank="ICBC", at=on(11, 5))
    old, new = answer_of(first, C1="00"), answer_of(second, C2="00")
    with pytest.raises(FileRefused, match="number"):
        read_answer(new, first, key=KEY)
    for run, content in ((second, new), (first, old)):  # the later one arrived first
        debit.take_answer(run_id=run.run_id, answer=read_answer(content, run, key=KEY), at=on(11, 6))
        with pytest.raises(debit.RunAnswered):
            debit.take_answer(run_id=run.run_id, answer=read_answer(content, run, key=KEY), at=on(11, 7))
    for size in range(0, len(old), 7):
        with pytest.raises(FileRefused):
            read_answer(old[:size], first, key=KEY)
    assert sorted(Payment.objects.values_list("paid_fen", flat=True)) == [1000, 2000]
    check_books()


def test_an_answer_half_taken_when_the_machine_stopped_goes_on_and_another_answer_is_refused(desk: Desk) -> None:
    for number in (1, 2, 3):
        with_mandate(desk, number)
    run = debit.make_run(bank="ICBC", at=on(11, 5))
    asked = list(debit.requests_of(run_id=run.run_id))
    part = read_answer(answer_of(run, C1="00", C2="00", C3="01"), run, key=KEY)
    with transaction.atomic():
        debit.direct_debit.answer_requests({asked[0].item_id: "00"})  # as if killed after the first part
    other = read_answer(answer_of(run, C1="01", C2="00", C3="01"), run, key=KEY)
    with pytest.raises(debit.AnswerIncomplete):
        debit.take_answer(run_id=run.run_id, answer=other, at=on(11, 6))
    assert debit.take_answer(run_id=run.run_id, answer=part, at=on(11, 6)).paid == 2
    assert [one.code for one in debit.requests_of(run_id=run.run_id)] == ["00", "00", "01"]


def test_the_days_of_direct_debit_run_over_the_end_of_the_year(desk: Desk) -> None:
    days = [debit.next_run_on(after=on(12, day).date(), at=on(12, 1)).isoformat() for day in (1, 5, 24, 25)]
    assert days == ["2026-12-05", "2026-12-15", "2026-12-25", "2027-01-05"]
