"""Prepaid money in use: what the engine takes enters the ledger by ranges of its journal, and both agree to the li."""

from datetime import date, timedelta

import polars as pl
import pytest

from openboss.access.hub import asking
from openboss.modules.charging.functions.engine import rate_waiting
from openboss.modules.charging.functions.online import Published, hold_money, publish_balances, read_published
from openboss.modules.charging.models import EngineCommand
from openboss.modules.receivables.atomic.debts import money_of_accounts
from openboss.modules.receivables.functions import (
    NotEnoughMoney,
    elsewhere,
    grant_gift,
    monthly_gifts,
    paid_before_billing,
    pay_out,
    wallets,
)
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.receivables.models import Bucket, Entry, Wallet, WalletUse
from openboss.processes import keep_wallets, pay_elsewhere
from tests.modules.charging.engine.conftest import record
from tests.modules.charging.engine.test_owner import put_chunk, world
from tests.modules.receivables.conftest import Desk, causes, check_books, desk, on
from tests.processes.test_collect_debt import user_of

__all__ = ["desk", "world"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("world")]
USER, NUMBER = 12, 8613900000002
AT = on(10, 5)


def call(hour: int, minutes: int, number: int = NUMBER) -> None:
    """A call that the switch's file tells of: 0.40 a minute."""
    put_chunk(record(number, f"2026-10-05 {hour:02}:00:00", duration_s=60 * minutes))
    rate_waiting()


def prepaid(desk: Desk, paid_fen: int) -> int:
    """An account with a wallet in the running engine and some money in it."""
    account = desk.account()
    wallets.open_wallets({account: [USER]}, at=AT)
    desk.pay(account, paid_fen, AT)
    return account


def money(account: int) -> dict[str, int]:
    rows = Bucket.objects.filter(account_id=account).values_list("kind", "balance_fen")
    return dict(rows) | {"OVERDRAWN": Wallet.objects.get(account_id=account).overdrawn_fen}


def differences() -> list[dict[str, int]]:
    return wallets.wallet_differences()[0].to_dicts()


def test_what_the_engine_took_is_one_entry_an_account_and_range_and_both_sides_agree(desk: Desk) -> None:
    account = prepaid(desk, 1000)
    call(9, 2)
    call(10, 3)
    posted = keep_wallets.run(at=AT)
    assert posted is not None
    assert (posted.entries, posted.used_fen) == (1, 200)
    assert owed(account_id=account, at=AT).advance_fen == money_of_accounts([account])["advance_fen"].item() == 800
    assert money(account) == {"CASH": 800, "CHARGED": 200, "OVERDRAWN": 0}
    entry = Entry.objects.get(cause="WALLET_USE")
    assert entry.serial_no == f"WALLET_USE {posted.from_position}-{posted.to_position} {account}"
    assert (differences(), wallets.wallet_differences()[1]) == ([], 1)
    assert keep_wallets.run(at=AT).entries == 0
    check_books()


@pytest.mark.requirement("ACP-21")
def test_thirty_of_the_months_use_that_was_prepaid_and_consumed_is_known_as_paid_before_its_bill(desk: Desk) -> None:
    account = prepaid(desk, 5000)
    call(9, 75)
    keep_wallets.run(at=AT)
    assert money(account) == {"CASH": 2000, "CHARGED": 3000, "OVERDRAWN": 0}
    assert [paid_before_billing(period=period) for period in (202609, 202610, 202611)] == [0, 3000, 0]


def test_a_payment_reaches_the_engine_in_its_own_transaction_and_is_there_a_turn_later(desk: Desk) -> None:
    account = prepaid(desk, 1000)
    desk.pay(account, 500, AT)
    desk.pay(account, 500, AT, serial_no=f"T{desk.serial}")  # the same again
    keep_wallets.run(at=AT)
    assert money(account)["CASH"] == 1500
    assert not differences()


def test_a_call_beyond_the_cash_is_a_debt_which_the_next_payment_covers_first(desk: Desk) -> None:
    account = prepaid(desk, 79)
    call(9, 2)  # 0.80
    keep_wallets.run(at=AT)
    assert money(account) == {"CASH": 0, "CHARGED": 80, "OVERDRAWN": 1}
    assert not differences()
    desk.pay(account, 1000, AT)
    keep_wallets.run(at=AT)
    assert money(account) == {"CASH": 999, "CHARGED": 80, "OVERDRAWN": 0}
    assert not differences()
    check_books()


def test_the_bill_of_the_month_takes_the_place_of_what_was_charged(desk: Desk) -> None:
    account = prepaid(desk, 1000)
    call(9, 5)  # 2.00
    keep_wallets.run(at=AT)
    bill = desk.bill(account, 202610, LOCAL=200, RENT=300, user=USER)
    assert (desk.open(bill), desk.state(bill)) == (0, "settled")
    assert money(account) == {"CASH": 500, "CHARGED": 0, "OVERDRAWN": 0}
    keep_wallets.run(at=on(11, 2))
    assert not differences()
    assert WalletUse.objects.get(account_id=account).is_settled
    assert causes()[-3:] == ["BILL", "WALLET_SETTLED", "CLEARING"]
    check_books()


def test_a_payment_taken_back_after_it_was_used_leaves_the_use_as_a_debt(desk: Desk) -> None:
    from openboss.modules.receivables.functions import reverse_payment

    account = prepaid(desk, 1000)
    call(9, 5)
    keep_wallets.run(at=AT)
    paid = desk.pay(account, 100, AT)
    known = {"reason": "wrong number", "staff_id": desk.staff["clerk"], "at": AT}
    reverse_payment(payment_id=paid.payment_id - 1, serial_no="R1", **known)
    assert money(account) == {"CASH": 0, "CHARGED": 200, "OVERDRAWN": 100}
    keep_wallets.run(at=AT)
    assert not differences()
    check_books()


def test_use_before_the_wallet_was_opened_is_for_the_bill_and_not_taken_from_it(desk: Desk) -> None:
    call(9, 5)
    account = prepaid(desk, 1000)
    call(10, 1)
    keep_wallets.run(at=AT)
    assert money(account) == {"CASH": 960, "CHARGED": 40, "OVERDRAWN": 0}
    assert not differences()


def test_a_range_that_was_left_half_done_is_posted_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    account = prepaid(desk, 1000)
    call(9, 5)

    class Killed(BaseException):
        pass

    def kill(**_: object) -> None:
        raise Killed

    monkeypatch.setattr(wallets.wallets, "end_range", kill)
    with pytest.raises(Killed):
        keep_wallets.run(at=AT)
    monkeypatch.undo()
    assert money(account)["CHARGED"] == 200
    keep_wallets.run(at=AT + timedelta(hours=1))
    assert money(account) == {"CASH": 800, "CHARGED": 200, "OVERDRAWN": 0}
    assert Entry.objects.filter(cause="WALLET_USE").count() == 1
    assert not differences()


def test_a_refund_is_held_by_the_engine_taken_once_and_refused_when_calls_have_used_the_money(desk: Desk) -> None:
    account = prepaid(desk, 1000)
    call(9, 20)  # 8.00, which the ledger does not know yet
    known = {"means": "CASH", "at": AT, "staff_id": desk.staff["clerk"]}
    with pytest.raises(NotEnoughMoney):
        pay_out(account_id=account, paid_fen=500, serial_no="B1", **known)
    assert desk.cash(account) == 1000
    paid = pay_out(account_id=account, paid_fen=200, serial_no="B2", **known)
    assert pay_out(account_id=account, paid_fen=200, serial_no="B2", **known) == paid
    keep_wallets.run(at=AT)
    assert money(account) == {"CASH": 0, "CHARGED": 800, "OVERDRAWN": 0}
    assert not differences()
    published = wallets.range_at(AT)
    assert published is not None
    found, _ = read_published(Published(published.to_position, published.paths, published.sha256))
    assert found.select("balance_li", "held_li").row(0) == (0, 0)
    check_books()


def test_money_set_aside_by_somebody_who_was_killed_is_given_back_and_may_be_refunded(desk: Desk) -> None:
    account = prepaid(desk, 1000)
    hold_money(account_id=account, amount_li=10_000, hold="REFUND B1")  # and killed before the entry
    known = {"account_id": account, "paid_fen": 1000, "means": "CASH", "staff_id": desk.staff["clerk"]}
    keep_wallets.run(at=AT)
    with pytest.raises(NotEnoughMoney):
        pay_out(serial_no="B2", at=AT, **known)
    keep_wallets.run(at=AT + timedelta(minutes=9))
    assert EngineCommand.objects.filter(kind="RELEASE").count() == 0, "it may still be taken"
    for hours in (1, 2):
        keep_wallets.run(at=AT + timedelta(hours=hours))
    assert EngineCommand.objects.filter(kind="RELEASE").count() == 1
    pay_out(serial_no="B3", at=AT + timedelta(hours=2), **known)
    assert desk.cash(account) == 0
    check_books()


def test_a_gift_buys_calls_before_the_bill_and_pays_the_bill_first(desk: Desk) -> None:
    account = prepaid(desk, 100)
    grant_gift(account_id=account, gift_fen=200, serial_no="G1", at=AT, staff_id=None, to_on=date(2026, 11, 20))
    rate_waiting()
    assert usable_li(account) == 3000
    call(9, 5)  # 2.00: 1.00 of the cash, 1.00 beyond it
    keep_wallets.run(at=AT)
    assert money(account) == {"CASH": 0, "CHARGED": 200, "GIFT": 200, "OVERDRAWN": 100}
    assert usable_li(account) == 1000
    desk.bill(account, 202610, user=USER, LOCAL=200)
    rate_waiting()
    keep_wallets.run(at=on(11, 2))
    assert money(account) == {"CASH": 100, "CHARGED": 0, "GIFT": 0, "OVERDRAWN": 0}, "the gift paid, the cash is back"
    assert usable_li(account) == 1000
    assert differences() == []
    check_books()


def test_a_gift_whose_time_is_over_buys_no_more_calls(desk: Desk) -> None:
    account = prepaid(desk, 100)
    grant_gift(account_id=account, gift_fen=200, serial_no="G1", at=AT, staff_id=None, to_on=date(2026, 10, 20))
    rate_waiting()
    assert usable_li(account) == 3000
    keep_wallets.run(at=on(10, 20))
    rate_waiting()
    assert usable_li(account) == 1000


def usable_li(account: int) -> int:
    """What an account may still use, in li, as the engine published it."""
    found, _ = read_published(publish_balances())
    row = found.filter(pl.col("account_id") == account).to_dicts()[0]
    return row["balance_li"] + row["limit_li"]


def test_the_part_of_the_month_reaches_a_prepaid_users_wallet_and_what_is_not_released_does_not(desk: Desk) -> None:
    account = prepaid(desk, 100)
    known = {"reason": "x", "serial_no": "M1", "staff_id": None}
    gift = monthly_gifts.promise(account_id=account, given_fen=2400, parts=12, at=AT, **known)
    rate_waiting()
    assert usable_li(account) == 3000, "1.00 of cash and 2.00 of this month"
    call(9, 5)  # 2.00: 1.00 of the cash, 1.00 beyond it
    keep_wallets.run(at=AT)
    monthly_gifts.release_due(gift_id=gift.gift_id, account_id=account, at=on(11, 1, 0))
    rate_waiting()
    assert usable_li(account) == 3000
    desk.bill(account, 202610, user=USER, LOCAL=200)
    rate_waiting()
    keep_wallets.run(at=on(11, 2))
    assert money(account) == {"CASH": 100, "CHARGED": 0, "RELEASED": 200, "OVERDRAWN": 0}
    assert usable_li(account) == 3000
    assert differences() == []
    check_books()


def test_a_payer_for_another_province_who_was_short_once_pays_after_recharging(desk: Desk) -> None:
    """Each try is held by the engine anew: an old refusal answers no later one."""
    account = prepaid(desk, 3000)
    user = user_of(account)
    call(9, 10)  # 4.00, which the ledger does not know yet
    who = {"staff_id": desk.staff["clerk"], "org_code": "P"}
    pay_elsewhere.order(subscriber_id=user, province="19", number=8613712340000, trans_id="PE1", at=AT, **who)
    asking.deliver(peers=None, now=lambda: AT)
    november = on(11, 3)
    pay_elsewhere.run(at=november)
    asking.deliver(peers=None, now=lambda: november)
    assert (pay_elsewhere.run(at=november), elsewhere.months()[0].state) == (0, "SHORT")
    desk.pay(account, 600, november)
    assert pay_elsewhere.run(at=november + timedelta(hours=1)) == 0, "36.00 in the ledger, 32.00 in the engine"
    desk.pay(account, 300, november)
    assert pay_elsewhere.run(at=november + timedelta(hours=2)) == 1
    assert (elsewhere.months()[0].state, money(account)["CASH"]) == ("PAYING", 400)
    keep_wallets.run(at=november + timedelta(hours=2))
    assert not differences()
    check_books()
