"""The wallet follows the payer: a change of payer or of owner reaches the engine, and bills, wallets and the ledger
agree; no use is taken from two accounts, none from neither (D1.3, D8.1)."""

import pytest

from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.functions.engine import rate_waiting, recover_engine
from openboss.modules.charging.models import EngineCommand
from openboss.modules.receivables.functions import wallets
from openboss.processes import keep_wallets
from tests.modules.charging.engine.conftest import record
from tests.modules.charging.engine.test_owner import put_chunk, world
from tests.modules.receivables.conftest import Desk, check_books, desk, on
from tests.processes.test_wallets import AT, NUMBER, USER, call, differences, money, prepaid, usable_li

__all__ = ["desk", "world"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("world")]
NOVEMBER = on(11, 1, 0)


def other(desk: Desk, paid_fen: int) -> int:
    """Another account with money."""
    account = desk.account()
    desk.pay(account, paid_fen, AT)
    return account


def test_a_payer_of_the_open_bill_pays_what_the_month_has_cost_and_the_former_one_gets_it_back(desk: Desk) -> None:
    former, payer = prepaid(desk, 1000), other(desk, 1000)
    call(9, 5)  # 2.00
    keep_wallets.run(at=AT)
    assert money(former) == {"CASH": 800, "CHARGED": 200, "OVERDRAWN": 0}
    wallets.open_wallets({payer: [USER]}, at=AT)
    call(10, 1)
    assert (usable_li(former), usable_li(payer)) == (10_000, 7_600)
    keep_wallets.run(at=AT)
    assert money(former) == {"CASH": 1000, "CHARGED": 0, "OVERDRAWN": 0}
    assert money(payer) == {"CASH": 760, "CHARGED": 240, "OVERDRAWN": 0}
    assert differences() == []
    bill = desk.bill(payer, 202610, LOCAL=240, user=USER)
    keep_wallets.run(at=on(11, 2))
    assert (desk.state(bill), money(payer)) == ("settled", {"CASH": 760, "CHARGED": 0, "OVERDRAWN": 0})
    assert (usable_li(former), usable_li(payer), differences()) == (10_000, 7_600, [])
    check_books()


def test_a_payer_from_november_on_pays_november_and_what_comes_late_of_october_stays_the_formers(desk: Desk) -> None:
    journal.send_command(kind="OPEN_CYCLE", payload={"cycle": 202611})
    former, payer = prepaid(desk, 1000), other(desk, 1000)
    call(9, 5)  # 2.00 in October
    november(hour=0, minutes=2)  # 0.80, before the engine has heard of the payer
    wallets.open_wallets({payer: [USER]}, at=NOVEMBER)
    assert (usable_li(former), usable_li(payer)) == (8_000, 9_200)
    call(10, 1)  # comes late
    november(hour=9, minutes=3)
    keep_wallets.run(at=on(11, 2))
    assert money(former) == {"CASH": 760, "CHARGED": 240, "OVERDRAWN": 0}
    assert money(payer) == {"CASH": 800, "CHARGED": 200, "OVERDRAWN": 0}
    assert (usable_li(former), usable_li(payer), differences()) == (7_600, 8_000, [])
    for account, cycle, fen in ((former, 202610, 240), (payer, 202611, 200)):
        assert desk.state(desk.bill(account, cycle, LOCAL=fen, user=USER)) == "settled"
    keep_wallets.run(at=on(12, 2))
    assert [money(one)["CASH"] for one in (former, payer)] == [760, 800]
    assert (usable_li(former), usable_li(payer), differences()) == (7_600, 8_000, [])
    check_books()


def test_who_paid_before_is_known_after_a_restart_from_a_snapshot_and_after_one_from_the_journal(desk: Desk) -> None:
    journal.send_command(kind="OPEN_CYCLE", payload={"cycle": 202611})
    prepaid(desk, 1000)
    call(9, 5)
    wallets.open_wallets({other(desk, 1000): [USER]}, at=NOVEMBER)
    owner = recover_engine(threads=1)
    owner.drain()
    known = owner.state.former_payers()
    assert [entry[1:] for entry in known] == [(202610, 0, 2_000), (202611, 0, None)]
    replayed = recover_engine(threads=1)
    assert (replayed.state.former_payers(), replayed.state.digest()) == (known, owner.state.digest())
    replayed.snapshot()
    again = recover_engine(threads=1)
    assert (again.state.former_payers(), again.state.digest()) == (known, owner.state.digest())


def test_a_payer_who_comes_back_in_the_month_pays_it_again_as_if_nobody_else_ever_had(desk: Desk) -> None:
    first, second = prepaid(desk, 1000), other(desk, 1000)
    call(9, 5)
    for account in (second, first):
        wallets.open_wallets({account: [USER]}, at=AT)
        call(10 + account % 2, 1)
        keep_wallets.run(at=AT)
        assert differences() == []
    assert money(first) == {"CASH": 720, "CHARGED": 280, "OVERDRAWN": 0}
    assert money(second) == {"CASH": 1000, "CHARGED": 0, "OVERDRAWN": 0}
    assert (usable_li(first), usable_li(second)) == (7_200, 10_000)
    check_books()


def november(*, hour: int, minutes: int) -> None:
    put_chunk(record(NUMBER, f"2026-11-01 {hour:02}:00:00", duration_s=60 * minutes))
    rate_waiting()
    assert not EngineCommand.objects.filter(state="WAITING").exists()
