"""Payments: clearing in order, part payment, advances, late fees, each posted once."""

from datetime import date

import pytest

from openboss.modules.receivables.functions.counter import top_up_agent
from openboss.modules.receivables.functions.reconciliation import trial_balance
from openboss.modules.system.atomic import put_parameter
from tests.modules.receivables.conftest import Desk, causes, check_books, on


@pytest.mark.requirement("ACM-03")
def test_a_hundred_against_sixty_and_seventy_clears_the_first_bill_and_forty_of_the_second(desk: Desk) -> None:
    account = desk.account()
    first, second = desk.bill(account, 202609, RENT=6000), desk.bill(account, 202610, RENT=7000)
    posted = desk.pay(account, 10_000, on(10, 10))
    assert (desk.open(first), desk.open(second), posted.cleared_fen, posted.advance_fen) == (0, 3000, 10_000, 0)
    assert (desk.state(first), desk.state(second)) == ("settled", "partiallySettled")
    check_books()


def test_inside_a_bill_fees_for_others_are_paid_last(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202610, SP_INFO=500, LOCAL=3000, RENT=5000)
    desk.pay(account, 6000, on(11, 10))
    assert desk.paid(bill) == {"RENT": 5000, "LOCAL": 1000, "SP_INFO": 0}
    check_books()


def test_another_configured_order_clears_other_items_from_its_day_on(desk: Desk) -> None:
    """By default the oldest bill first; by rank first the rents of all months, then the calls of all months."""
    put_parameter(
        key="money.clearing_order", value=["rank", "cycle", "bill_id"], from_on=date(2026, 10, 11), at=on(10, 1)
    )
    by_age, by_rank = (
        [desk.bill(account, cycle, RENT=5000, LOCAL=3000) for cycle in (202609, 202610)]
        for account in (desk.account(), desk.account())
    )
    for account, day in zip(desk.accounts, (10, 11), strict=True):
        desk.pay(account, 9000, on(10, day))
    assert [desk.paid(bill) for bill in by_age] == [{"RENT": 5000, "LOCAL": 3000}, {"RENT": 1000, "LOCAL": 0}]
    assert [desk.paid(bill) for bill in by_rank] == [{"RENT": 5000, "LOCAL": 0}, {"RENT": 4000, "LOCAL": 0}]
    check_books()


@pytest.mark.requirement("ACP-15")
def test_a_thousand_overdue_for_ten_days_bears_thirty(desk: Desk) -> None:
    account = desk.account()
    desk.bill(account, 202609, RENT=100_000)
    posted = desk.pay(account, 103_000, on(11, 11))
    assert (posted.late_fee_fen, posted.cleared_fen, posted.advance_fen) == (3000, 103_000, 0)
    check_books()


def test_a_part_payment_covers_the_late_fee_first_and_the_rest_goes_on_bearing_it(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202610, RENT=10_000)
    posted = desk.pay(account, 4000, on(12, 10))
    assert posted.late_fee_fen == 270
    assert desk.paid(bill) == {"LATE_FEE": 270, "RENT": 3730}
    assert desk.open(bill) == 6270
    later = desk.pay(account, 1000, on(12, 20))
    assert later.late_fee_fen == 188  # 62.70 x 10 days x 3 per mille = 1.881
    check_books()


def test_fees_collected_for_others_bear_no_late_fee(desk: Desk) -> None:
    account = desk.account()
    desk.bill(account, 202610, RENT=10_000, SP_INFO=10_000)
    assert desk.pay(account, 20_000, on(12, 11)).late_fee_fen == 300


def test_a_late_fee_never_exceeds_the_principal(desk: Desk) -> None:
    account = desk.account()
    desk.bill(account, 202510, RENT=10_000)
    assert desk.pay(account, 30_000, on(12, 11, year=2027)).late_fee_fen == 10_000
    check_books()


def test_an_advance_clears_the_next_bill_by_itself(desk: Desk) -> None:
    account = desk.account()
    assert desk.pay(account, 5000, on(10, 10)).advance_fen == 5000
    bill = desk.bill(account, 202610, RENT=3000)
    assert (desk.open(bill), desk.state(bill), desk.cash(account)) == (0, "settled", 2000)
    assert causes() == ["PAYMENT", "BILL", "CLEARING"]
    check_books()


def test_a_credit_pays_the_other_items_of_its_bill_and_what_is_left_is_an_advance(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202610, RENT=3000, LOCAL=1000, ADJUST=-3500)
    assert (desk.open(bill), desk.paid(bill)) == (500, {"RENT": 3000, "LOCAL": 500, "ADJUST": -3500})
    other = desk.account()
    below = desk.bill(other, 202610, RENT=3000, ADJUST=-3500)
    assert (desk.open(below), desk.state(below), desk.cash(other)) == (0, "settled", 500)
    check_books()


@pytest.mark.requirement("ACM-02")
def test_one_account_paid_by_six_means_and_more_shows_each_payment_and_one_balance(desk: Desk) -> None:
    from openboss.modules.receivables.atomic.payments import payments_of_account

    account, agent = desk.account(), desk.account()
    known = {"means": "CASH", "serial_no": "A1", "at": on(10, 10), "staff_id": desk.staff["clerk"]}
    top_up_agent(account_id=agent, paid_fen=5000, **known)
    own = ("CASH", "CARD", "CHEQUE", "VOUCHER", "BANK", "KIOSK", "WEB", "REMOTE")
    for means in own:
        desk.pay(account, 1000, on(10, 10), means=means)
    for means in ("AGENT", "AIR"):  # out of the agent's own money, over its counter or by SMS
        desk.pay(account, 1000, on(10, 10), means=means, channel="AGENT", agent_account_id=agent)
    shown = [one.means for one in payments_of_account(account_id=account)]
    assert shown == ["AIR", "AGENT", *reversed(own)]
    assert desk.cash(account) == 10_000
    assert trial_balance().filter(role="AGENT")["balance_fen"].item() == -3000
    check_books()
