"""Counter, bank and web are one service: the same payment leaves the same ledger."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions.statements import statement
from openboss.modules.receivables.functions.web_payments import make_web_order
from openboss.modules.receivables.models import ChartAccount, Entry, Posting
from openboss.processes import pay_by_web, take_collections, take_payment
from openboss.processes.pay_by_web import Notice
from openboss.processes.take_collections import Collected, PaymentFile
from tests.modules.receivables.conftest import Desk, check_books, desk, on

__all__ = ["desk"]
NOW = on(11, 10)
PAID_FEN = 5_000


def at_the_counter(account_id: int) -> None:
    take_payment.take(
        account_id=account_id, paid_fen=PAID_FEN, means="CASH", channel="HALL", serial_no="COUNTER-1", at=NOW
    )


def by_the_bank(account_id: int) -> None:
    file = PaymentFile("ABCBANK", 1, NOW.date(), 1, PAID_FEN, "0" * 64)
    collected = [Collected("R1", "A", account_id, PAID_FEN, NOW, "BANK")]
    admitted = take_collections.admit(file, collected, at=NOW, staff_id=None)
    take_collections.post(admitted, collected, at=NOW, told=lambda _done: None)


def on_the_web(account_id: int) -> None:
    made = make_web_order(
        order_no="W1", account_id=account_id, asked_fen=PAID_FEN, currency="CNY", provider="sandbox", at=NOW,
        expires_at=NOW + timedelta(minutes=30),
    )  # fmt: skip
    notice = Notice("sandbox", made.order_no, "tx1", "PAID", PAID_FEN, "CNY", NOW)
    assert pay_by_web.take_notice(notice, at=NOW).became == "POSTED"


CHANNELS: tuple[Callable[[int], None], ...] = (at_the_counter, by_the_bank, on_the_web)


@pytest.mark.requirement("ARC-15")
def test_fifty_yuan_by_counter_bank_and_web_leave_three_identical_ledgers(desk: Desk) -> None:
    clones = [desk.account() for _ in CHANNELS]
    for account_id in clones:
        desk.bill(account_id, 202610, RENT=7_000)
    for pay, account_id in zip(CHANNELS, clones, strict=True):
        pay(account_id)
    ledgers = [_ledger(account_id) for account_id in clones]
    assert ledgers[0] == ledgers[1] == ledgers[2]
    assert any(amount == -PAID_FEN for _cause, _chart, _item, amount in ledgers[0])
    told = [
        [(line.business_on, line.cause, line.amount_fen, line.balance_fen) for line in statement(account_id=account_id)]
        for account_id in clones
    ]
    assert told[0] == told[1] == told[2]
    owed = [receivables.owed(account_id=account_id, at=NOW) for account_id in clones]
    assert [one.owed_fen for one in owed] == [2_000] * 3
    assert [[bill.open_fen for bill in one.bills] for one in owed] == [[2_000]] * 3
    check_books()


def _ledger(account_id: int) -> list[tuple[str, int, int, int]]:
    """Every line of an account in the ledger: cause of its entry, account of the chart, item, amount.

    Where the money itself lies (till, bank, provider) is not the customer's ledger and stands as one account here.
    """
    means = set(ChartAccount.objects.exclude(means=[]).values_list("chart_no", flat=True))
    causes = dict(Entry.objects.values_list("entry_id", "cause"))
    lines = Posting.objects.filter(account_id=account_id).values_list("entry_id", "chart_no", "item_id", "amount_fen")
    return sorted(
        (causes[entry_id], 0 if chart_no in means else chart_no, item_id or 0, fen)
        for entry_id, chart_no, item_id, fen in lines
    )
