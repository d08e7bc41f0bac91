"""Payment files of banks' counters and collectors: checked whole, posted once, answered line by line."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.modules.receivables.conftest import Desk, check_books, desk, on
from tests.processes.test_collect_debt import state, user_of

from openboss.access.bank.collections import write_file
from openboss.access.jobs import clock, money_runs
from openboss.access.jobs.money_runs import bank_folder, money_run
from openboss.modules.receivables.functions import long_runs
from openboss.modules.receivables.models import CollectorFile, CollectorItem, Payment
from openboss.modules.system.keys import key_for
from openboss.processes import assure_money, collect_debt, take_collections
from openboss.processes.take_collections import Collected, PaymentFile

__all__ = ["desk"]
NOW, DAY = on(11, 6), date(2026, 11, 5)
KEY = "collector ABCBANK"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(clock, "now", lambda: NOW)


def paid(reference: str, whose: int, paid_fen: int, *, by: str = "A") -> Collected:
    return Collected(reference, by, whose, paid_fen, on(11, 5), "BANK")


def text_of(sequence: int, *payments: Collected, **changes: Any) -> str:
    """A file as the bank writes it."""
    count, sum_fen = len(payments), sum(one.paid_fen for one in payments)
    facts = {"payments": count, "paid_fen": sum_fen, "business_on": DAY} | changes
    return "".join(write_file(PaymentFile("ABCBANK", sequence, digest="", **facts), payments, key=key_for(KEY)))


def signed(lines: str) -> str:
    """Lines that are wrong, with the bank's own signature."""
    return f"{lines}T|{hmac.new(key_for(KEY), lines.encode(), hashlib.sha256).hexdigest()}\n"


def take(text: str | bytes) -> long_runs.LongRunView:
    """Hand a file in, and let the worker do it."""
    folder = bank_folder("ABCBANK")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "in").write_bytes(text.encode() if isinstance(text, str) else text)
    given = {"collector": "ABCBANK", "file": "in"}
    run = long_runs.begin_long_run(kind="PAYMENT_FILE", subject="ABCBANK", given=given, at=NOW, staff_id=None)
    return worked(run.long_run_id)


def worked(long_run_id: int) -> long_runs.LongRunView:
    money_run(long_run_id=long_run_id)
    return long_runs.long_run(long_run_id=long_run_id)


def answer(sequence: int) -> list[str]:
    text = (bank_folder("ABCBANK") / f"ABCBANK-{sequence:06d}.result.txt").read_text()
    lines, _, trailer = text.rstrip("\n").rpartition("\n")
    assert f"{lines}\n{trailer}\n" == signed(f"{lines}\n") == text
    return lines.split("\n")


def test_a_file_pays_bills_to_the_fen_and_answers_each_line_and_reconciliation_agrees(desk: Desk) -> None:
    one, two = desk.account(), desk.account()
    bill = desk.bill(one, 202610, RENT=3000)
    payments = [paid("R1", one, 1234), paid("R2", one, 1766), paid("R3", two, 505), paid("R4", 999_999, 100)]
    payments += [paid("R5", 8613900000000, 250, by="N")]
    done = take(text_of(1, *payments))
    assert (done.state, done.result["taken"], done.result["taken_fen"], done.done) == ("DONE", 5, 3855, 5)
    assert done.result["codes"] == {"00": 3, "10": 2}
    assert answer(1) == [
        "H|OPENBOSS-PAYMENTS-ANSWER|1|ABCBANK|000001|2026-11-05|5|38.55",
        "D|R1|12.34|00", "D|R2|17.66|00", "D|R3|5.05|00", "D|R4|1.00|10", "D|R5|2.50|10",
    ]  # fmt: skip
    assert (desk.open(bill), desk.cash(one), desk.cash(two)) == (0, 0, 505)
    waiting = Payment.objects.filter(state="SUSPENDED").order_by("serial_no")
    assert list(waiting.values_list("serial_no", "note", "paid_fen")) == [
        ("ABCBANK R4", "UNKNOWN ACCOUNT 999999", 100), ("ABCBANK R5", "UNKNOWN NUMBER 8613900000000", 250),
    ]  # fmt: skip
    check_books()
    (checked,) = assure_money.run(on=NOW.date(), at=NOW, checks=["BANK_FILES"])
    assert (checked.compared, checked.found) == (5, 0)


def test_a_number_pays_for_the_account_that_pays_for_its_user(desk: Desk) -> None:
    account = desk.account()
    number = 8613900000000 + user_of(account)
    assert take(text_of(1, paid("R1", number, 700, by="N"))).result["codes"] == {"00": 1}
    assert desk.cash(account) == 700


def test_service_that_was_stopped_for_arrears_goes_on_with_the_file(desk: Desk) -> None:
    account = desk.account()
    user = user_of(account, pay_type="PREPAID")
    desk.pay(account, 79, on(11, 1))
    collect_debt.look_at([account], at=on(11, 2), unbilled_fen={user: 80})
    assert state(user, on(11, 2, 11)) == "TWO_WAY_STOP"
    assert take(text_of(1, paid("R1", account, 3000))).state == "DONE"
    assert state(user, on(11, 6, 11)) == "ACTIVE"


def test_the_same_file_again_posts_nothing_and_is_answered_the_same(desk: Desk) -> None:
    account = desk.account()
    text = text_of(1, paid("R1", account, 100), paid("R2", 999_999, 200))
    first = take(text)
    said = answer(1)
    again = take(text)
    assert (again.state, again.result["codes"], answer(1)) == ("DONE", first.result["codes"], said)
    assert take(text_of(1, paid("R1", account, 101))).error == "FileNumberUsed"
    third = take(text_of(2, paid("R1", account, 100), paid("R3", account, 100)))
    assert (third.state, answer(2)[1:]) == ("DONE", ["D|R1|1.00|20", "D|R3|1.00|00"])
    assert (desk.cash(account), Payment.objects.count(), CollectorFile.objects.count()) == (200, 3, 2)
    assert assure_money.run(on=NOW.date(), at=NOW, checks=["BANK_FILES"])[0].found == 0


SPOILT: dict[str, tuple[Callable[[str], str | bytes], str]] = {
    "forged": (lambda text: text.replace("|1.00|", "|9.00|"), "FileNotSigned"),
    "another key": (lambda text: text[:-66] + "0" * 64 + "\n", "FileNotSigned"),
    "cut in a line": (lambda text: text[:-90], "FileNotSigned"),
    "cut before the trailer": (lambda text: text[: text.index("T|")], "FileNotSigned"),
    "lines in another order": (lambda text: "".join(sorted(text.splitlines(keepends=True))), "FileNotSigned"),
    "nothing": (lambda _: "", "FileNotSigned"),
    "not text": (lambda text: b"\xff\xfe" + text.encode("utf-16-le"), "FileNotSigned"),
    "count": (lambda text: signed(text[: text.index("T|")].replace("|2|3.00", "|3|3.00")), "CountOrSumWrong"),
    "sum": (lambda text: signed(text[: text.index("T|")].replace("|2|3.00", "|2|3.01")), "CountOrSumWrong"),
    "a reference twice": (lambda text: signed(text[: text.index("T|")].replace("R2", "R1")), "LineWrong"),
    "no amount": (lambda text: signed(text[: text.index("T|")].replace("|2.00|", "|0.00|")), "LineWrong"),
    "below zero": (lambda text: signed(text[: text.index("T|")].replace("|2.00|", "|-2.00|")), "LineWrong"),
    "half a fen": (lambda text: signed(text[: text.index("T|")].replace("|2.00|", "|2.005|")), "LineWrong"),
    "encoding": (lambda text: signed(text[: text.index("T|")].replace("R2", "张")), "LineWrong"),
    "no such day": (lambda text: signed(text[: text.index("T|")].replace("11-05T", "13-05T")), "LineWrong"),
    "paid after its day": (lambda text: signed(text[: text.index("T|")].replace("11-05T", "11-06T")), "LineWrong"),
    "means": (lambda text: signed(text[: text.index("T|")].replace("|BANK\n", "|CASH\n")), "LineWrong"),
    "another's file": (lambda text: signed(text[: text.index("T|")].replace("ABCBANK", "XBANK")), "LineWrong"),
    "tomorrow's": (lambda text: signed(text[: text.index("T|")].replace("-05|", "-07|")), "LineWrong"),
}


def test_a_file_that_is_not_right_in_everything_is_refused_and_nothing_is_posted(desk: Desk) -> None:
    account = desk.account()
    good = text_of(1, paid("R1", account, 100), paid("R2", account, 200))
    found = {name: take(spoil(good)).error for name, (spoil, _) in SPOILT.items()}
    assert found == {name: error for name, (_, error) in SPOILT.items()}
    assert long_runs.list_long_runs(limit=1)[0].result["line_no"] == 1
    assert not Payment.objects.exists() and not CollectorFile.objects.exists() and not CollectorItem.objects.exists()
    assert take(good).state == "DONE"


def test_a_file_whose_number_is_not_the_next_is_refused_until_the_missing_one_came(desk: Desk) -> None:
    account = desk.account()
    first, second = (text_of(number, paid(f"R{number}", account, 100)) for number in (1, 2))
    assert (take(second).error, Payment.objects.count()) == ("FileOutOfSequence", 0)
    assert [take(text).state for text in (first, second)] == ["DONE", "DONE"]
    assert (take(text_of(4, paid("R4", account, 100))).error, desk.cash(account)) == ("FileOutOfSequence", 200)


def test_a_file_half_posted_goes_on_where_it_stopped_and_no_other_passes_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = desk.account()
    monkeypatch.setattr(take_collections, "PART", 2)
    text = text_of(1, *(paid(f"R{number}", account, 100 + number) for number in range(5)))

    def killed(*, done: int, **_: Any) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(money_runs.long_runs, "note_progress", killed)
        take(text)
    half = long_runs.list_long_runs(limit=1)[0]
    assert (half.state, Payment.objects.count(), desk.cash(account)) == ("FAILED", 4, 406)
    assert assure_money.run(on=NOW.date(), at=NOW, checks=["BANK_FILES"])[0].found == 1, "the missing one is known"
    assert take(text_of(2, paid("S1", account, 1))).error == "FileOutOfSequence"
    (bank_folder("ABCBANK") / "in").write_text(text)
    long_runs.take_up_long_run(long_run_id=half.long_run_id)
    assert worked(half.long_run_id).result["codes"] == {"00": 5}
    assert (Payment.objects.count(), desk.cash(account)) == (5, 510)
    assert assure_money.run(on=NOW.date(), at=NOW, checks=["BANK_FILES"])[0].found == 0
    check_books()
