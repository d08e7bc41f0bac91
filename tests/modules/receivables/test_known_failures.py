"""What users of other systems report of their money: none of it is possible here, each kind by name.

Money that vanishes without history, double debits, money in the wrong wallet, refunds on the wrong line.
"""

from typing import Any

import pytest
from django.db import connection

from openboss.modules.receivables import functions as money
from openboss.modules.receivables.models import Bucket, Entry, Payment, Posting
from tests.modules.receivables.conftest import Desk, check_books, on


def lines(serial_no: str) -> list[tuple[str, int, int | None]]:
    """Role, fen and account of the lines of an entry."""
    roles = {one.chart_no: one.role for one in money.chart().accounts}
    rows = Posting.objects.filter(entry_id=Entry.objects.get(serial_no=serial_no).entry_id).order_by("line_no")
    return [(roles[row.chart_no], row.amount_fen, row.account_id) for row in rows]


def test_money_does_not_vanish_without_history(desk: Desk) -> None:
    """Every fen an account has or had is a line of its statement, and a balance changed without one is found."""
    account = desk.account()
    desk.bill(account, 202609, RENT=6000)
    known: dict[str, Any] = {"at": on(10, 10), "staff_id": desk.staff["clerk"]}
    desk.pay(account, 10_000, on(10, 10))
    money.grant_gift(account_id=account, gift_fen=500, serial_no="G", **known)
    money.pay_out(account_id=account, paid_fen=1500, means="CASH", serial_no="R", reason="asked", **known)
    history = money.statement(account_id=account)
    assert [one.cause for one in history if one.cause != "CLEARING"] == ["BILL", "PAYMENT", "GIFT", "REFUND"]
    owed = money.owed(account_id=account, at=on(10, 10))
    assert history[-1].balance_fen == owed.open_fen - owed.advance_fen == -3000
    check_books()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE receivables_bucket SET balance_fen = balance_fen - 1 WHERE kind = 'CASH'")
    (difference,) = money.ledger_differences()
    assert difference.expected_fen - difference.found_fen in (1, -1)


def test_nothing_is_debited_twice(desk: Desk) -> None:
    """The same payment, refund, transfer and agent's recharge again give the same answer and move nothing."""
    account, other, agent = desk.account(), desk.account(), desk.account()
    known: dict[str, Any] = {"at": on(10, 10), "staff_id": desk.staff["clerk"]}
    money.top_up_agent(account_id=agent, paid_fen=10_000, means="CASH", serial_no="TOP", **known)
    for _ in range(3):
        desk.pay(account, 5000, on(10, 10), serial_no="P", means="AGENT", agent_account_id=agent)
        money.pay_out(account_id=account, paid_fen=1000, means="CASH", serial_no="R", **known)
        money.transfer_balance(
            from_account_id=account, to_account_id=other, moved_fen=700, serial_no="T", reason="asked", **known
        )
    held = dict(Bucket.objects.values_list("account_id", "balance_fen"))
    assert held == {account: 3300, other: 700, agent: 5000}
    assert Payment.objects.count() == 3
    check_books()


def test_money_never_gets_into_or_out_of_another_wallet(desk: Desk) -> None:
    """A payment pays its own account; a gift for some items pays no others; a deposit pays nothing; agents' stays."""
    account, other = desk.account(), desk.account()
    bill, others = desk.bill(account, 202609, RENT=6000, SP_INFO=800), desk.bill(other, 202609, RENT=6000)
    known: dict[str, Any] = {"at": on(10, 10), "staff_id": desk.staff["clerk"]}
    money.take_deposit(account_id=account, deposit_fen=9000, means="CASH", channel="HALL", serial_no="D", **known)
    money.grant_gift(account_id=account, gift_fen=5000, serial_no="G", item_codes=["SP_INFO"], **known)
    desk.pay(account, 2000, on(10, 10))
    assert desk.paid(bill) == {"RENT": 2000, "SP_INFO": 800}
    assert desk.open(others) == 6000
    held = dict(Bucket.objects.filter(account_id=account).values_list("kind", "balance_fen"))
    assert held == {"DEPOSIT": 9000, "DEDICATED": 4200, "CASH": 0}
    with pytest.raises(money.NotEnoughMoney):
        money.pay_out(account_id=account, paid_fen=1, means="CASH", serial_no="R", **known)
    check_books()


def test_a_refund_stands_on_the_lines_of_what_is_refunded(desk: Desk) -> None:
    """Cash comes out of the account's prepayment, a deposit out of deposits, a reversal out of where it went in."""
    account = desk.account()
    known: dict[str, Any] = {"at": on(10, 10), "staff_id": desk.staff["clerk"]}
    money.take_deposit(account_id=account, deposit_fen=9000, means="CARD", channel="HALL", serial_no="D", **known)
    paid = desk.pay(account, 2000, on(10, 10), serial_no="P", means="CARD")
    money.pay_out(account_id=account, paid_fen=500, means="CASH", serial_no="R", **known)
    money.return_deposit(account_id=account, means="BANK", serial_no="B", **known)
    assert lines("REFUND R") == [("PREPAYMENT", 500, account), ("CASH", -500, account)]
    assert lines("REFUND B") == [("DEPOSIT", 9000, account), ("BANK", -9000, account)]
    with pytest.raises(money.MoneyGone):
        money.reverse_payment(payment_id=paid.payment_id, reason="wrong", serial_no="X", **known)
    again = desk.pay(account, 800, on(10, 10), serial_no="Q", means="CARD")
    money.reverse_payment(payment_id=again.payment_id, reason="wrong", serial_no="Y", **known)
    assert lines("REVERSE PAYMENT Q") == [(role, -fen, whose) for role, fen, whose in lines("PAYMENT Q")]
    check_books()
