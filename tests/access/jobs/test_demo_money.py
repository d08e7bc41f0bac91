"""What the demo's customers do with their bills gives every page of money something to show."""

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.modules.receivables.conftest import Desk, check_books, desk, on

from openboss.access.jobs import demo_money
from openboss.access.jobs.demo_money import let_customers_pay, look_after_debts
from openboss.modules.receivables import functions as money
from openboss.modules.receivables.models import Payment

__all__ = ["desk"]


def moment(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC) - timedelta(hours=8)


def test_most_pay_some_in_part_or_in_advance_and_a_few_not_at_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = [desk.account() for _ in range(100)]
    monkeypatch.setattr(demo_money, "MANDATES", accounts[40:60])  # the demo's own have these numbers from the start
    for cycle in (202609, 202610):
        desk.bills(cycle, [(account, account, {"RENT": 5000 + account}) for account in accounts])
        assert let_customers_pay(cycle, moment=moment, cashier_id=desk.staff["clerk"]) > 80
        assert let_customers_pay(cycle, moment=moment, cashier_id=desk.staff["clerk"]) == 0, "known beforehand"
    look_after_debts(date(2026, 11, 12), moment=moment, staff_id=desk.staff["chief"])
    assert set(Payment.objects.values_list("channel", flat=True)) == {"WEB", "BANK", "HALL", "KIOSK"}
    assert len(money.suspense_list()) == 1
    assert money.dunning_list().height > 0
    assert money.prepayments()["CASH"] > 0
    overdue = money.ageing(at=on(11, 12)).filter(age="D0_30")["accounts"].item()
    assert 0 < overdue < 10
    assert money.verify_seals().broken_on is None
    check_books()
