"""Recharge by voucher: at the counter, over IVR and on the web, once, and never without its money."""

from datetime import date
from pathlib import Path

import pytest

from openboss.access.jobs.generate_stock import generate_stock
from openboss.modules.customers.functions import add_stop_reason
from openboss.modules.receivables.models import Payment
from openboss.modules.resources import functions as resources
from openboss.modules.system.functions import import_organisation
from openboss.processes import stock_halls
from openboss.processes.recharge_by_voucher import recharge
from tests.modules.receivables.conftest import LONG_AGO, Desk, check_books, desk, on
from tests.processes.test_collect_debt import state, user_of

__all__ = ["desk"]


EXAMPLE = Path(__file__).parents[2] / "example" / "reference"


@pytest.fixture
def pins(desk: Desk) -> list[str]:
    """The PINs of four vouchers of fifty yuan in a hall."""
    import_organisation(EXAMPLE, at=LONG_AGO)
    stock_halls.import_items(EXAMPLE / stock_halls.STOCK_FILE, at=LONG_AGO)
    place = generate_stock(EXAMPLE.parent)[0].org_code
    made = stock_halls.sell_vouchers(
        item_code="VOUCHER_50", count=4, first_serial=1, province="17", org_code=place, expires_on=date(2027, 12, 31),
        at=LONG_AGO,
    )  # fmt: skip
    return [one.pin for one in made]


def number_of(user: int) -> int:
    return 8613900000000 + user


def test_vouchers_at_the_counter_over_ivr_and_on_the_web_pay_bills_and_bring_service_back(
    desk: Desk, pins: list[str]
) -> None:
    account = desk.account()
    user = user_of(account)
    bill = desk.bill(account, 202609, user=user, RENT=12_000)
    add_stop_reason(subscriber_id=user, reason="ARREARS_1", at=on(10, 20), staff_id=None)
    taken = [
        recharge(number=number_of(user), pin=pin, channel=channel, at=on(10, 21))
        for pin, channel in zip(pins, ["HALL", "IVR", "WEB"], strict=False)
    ]
    assert [one.owed_fen for one in taken] == [7000, 2000, 0]
    assert (desk.open(bill), desk.cash(account)) == (0, 3000)
    assert [one.resumed for one in taken] == [(), (user,), ()]  # below the limit with the second
    assert state(user, on(10, 21)) == "ACTIVE"
    assert set(Payment.objects.values_list("means", "channel", "paid_fen")) == {
        ("VOUCHER", "HALL", 5000),
        ("VOUCHER", "IVR", 5000),
        ("VOUCHER", "WEB", 5000),
    }
    check_books()


@pytest.mark.requirement("ACM-28")
def test_a_used_voucher_and_a_wrong_pin_change_nothing_and_five_wrong_ones_lock_the_number(
    desk: Desk, pins: list[str]
) -> None:
    account = desk.account()
    number = number_of(user_of(account))
    recharge(number=number, pin=pins[0], channel="WEB", at=on(10, 21))
    with pytest.raises(resources.VoucherUsed):
        recharge(number=number, pin=pins[0], channel="HALL", at=on(10, 21))
    for _ in range(4):
        with pytest.raises(resources.VoucherUnknown):
            recharge(number=number, pin="0" * 16, channel="IVR", at=on(10, 21))
    for pin in ("0" * 16, pins[1]):
        with pytest.raises(resources.RechargeLocked):
            recharge(number=number, pin=pin, channel="IVR", at=on(10, 21))
    assert (desk.cash(account), Payment.objects.count()) == (5000, 1)
    recharge(number=number, pin=pins[1], channel="IVR", at=on(10, 23))
    assert desk.cash(account) == 10_000
    check_books()
