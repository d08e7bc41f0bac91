"""Random histories of bills, payments, reversals, refunds, transfers, late fees, waivers, write-offs and recoveries,
deposits, final settlements and gifts.

After every step the trial balance is zero, no fen is made or lost, and the books agree. And a payment that is
reversed after any history leaves the account as its twin, to which the payment never happened.
"""

import os
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from openboss.modules.billing.models import Bill
from openboss.modules.receivables import functions as money
from openboss.modules.receivables.functions import credit_records as records
from openboss.modules.receivables.functions.reconciliation import ledger_differences, trial_balance
from openboss.modules.receivables.models import Bucket, OpenItem, Payment, Posting, Receivable
from tests.modules.receivables.conftest import Desk, on

IS_LONG = os.environ.get("OPENBOSS_SOAK") == "1"
AMOUNTS = st.integers(1, 20_000)
PLACES = st.integers(0, 2)


class Histories(RuleBasedStateMachine):
    """Three accounts and a calendar that only goes forward."""

    desk: Desk
    done: Counter[str]

    @initialize()
    def begin(self) -> None:
        self.accounts = [self.desk.account() for _ in range(3)]
        self.at = on(1, 2, year=2026)
        self.cycle = 202512
        self.payments: list[int] = []
        self.bills: list[int] = []
        self.came_in_fen = self.billed_fen = self.recovered_fen = self.given_fen = 0
        self.written_off: dict[int, int] = {}
        for account in self.accounts:
            steps = [(account, "OVERDUE", f"REMINDED_{turn}", 0) for turn in range(3)]  # proofs of dunning
            records.begin_steps(steps=steps, at=self.at)

    def account(self, place: int) -> int:
        return self.accounts[place]

    @rule(days=st.integers(0, 40))
    def time_passes(self, days: int) -> None:
        self.at += timedelta(days=days)

    @rule(fees=st.lists(AMOUNTS, min_size=3, max_size=3), credit=st.sampled_from([0, 0, 5000, 40_000]), place=PLACES)
    def a_month_is_billed(self, fees: list[int], credit: int, place: int) -> None:
        year, month = divmod(self.cycle, 100)
        self.cycle = self.cycle + 1 if month < 12 else (year + 1) * 100 + 1
        self.at = max(self.at, on(self.cycle % 100, 28, year=self.cycle // 100) + timedelta(days=5))
        items = [
            (account, account, {"RENT": fee, "SP_INFO": fee // 7 + 1} | ({"ADJUST": -credit} if credit else {}))
            for account, fee in zip(self.accounts, fees, strict=True)
        ]
        items[place][2].pop("SP_INFO")
        self.bills += self.desk.bills(self.cycle, items, at=self.at)
        self.billed_fen += sum(sum(one[2].values()) for one in items)

    @rule(place=PLACES, paid_fen=AMOUNTS, means=st.sampled_from(["CASH", "CARD", "VOUCHER"]))
    def somebody_pays(self, place: int, paid_fen: int, means: str) -> None:
        posted = self.desk.pay(self.account(place), paid_fen, self.at, means=means)
        self.payments.append(posted.payment_id)
        self.came_in_fen += paid_fen

    @precondition(lambda self: self.payments)
    @rule(number=st.integers(0, 1000))
    def a_payment_is_reversed(self, number: int) -> None:
        payment_id = self.payments[number % len(self.payments)]
        try:
            money.reverse_payment(
                payment_id=payment_id, reason="wrong", serial_no=self.desk.no(), at=self.at,
                staff_id=self.desk.staff["clerk"], approved_by=self.desk.staff["chief"],
            )  # fmt: skip
        except (money.ReversedBefore, money.VoucherUsed, money.MoneyGone, money.LaterActs):
            return
        self.came_in_fen -= Payment.objects.get(payment_id=payment_id).paid_fen

    @rule(place=PLACES, paid_fen=AMOUNTS)
    def money_is_given_back(self, place: int, paid_fen: int) -> None:
        known: dict[str, Any] = {"means": "CASH", "serial_no": self.desk.no(), "at": self.at}
        try:
            money.pay_out(account_id=self.account(place), paid_fen=paid_fen, staff_id=self.desk.staff["clerk"], **known)
        except money.NotEnoughMoney:
            return
        self.came_in_fen -= paid_fen

    @rule(place=PLACES, moved_fen=AMOUNTS)
    def money_is_moved(self, place: int, moved_fen: int) -> None:
        known: dict[str, Any] = {"serial_no": self.desk.no(), "reason": "asked", "at": self.at}
        try:
            money.transfer_balance(
                from_account_id=self.account(place), to_account_id=self.account((place + 1) % 3),
                moved_fen=moved_fen, staff_id=self.desk.staff["clerk"], **known,
            )  # fmt: skip
        except money.NotEnoughMoney:
            return

    @precondition(lambda self: self.bills)
    @rule(number=st.integers(0, 1000), waived_fen=st.integers(1, 300))
    def late_fee_is_waived(self, number: int, waived_fen: int) -> None:
        try:
            money.waive_late_fee(
                bill_id=self.bills[number % len(self.bills)], waived_fen=waived_fen, reason="complaint",
                serial_no=self.desk.no(), at=self.at, staff_id=self.desk.staff["chief"],
            )  # fmt: skip
        except (money.BillNotOwed, money.AmountWrong):
            return

    @rule()
    def old_debts_become_doubtful(self) -> None:
        money.mark_doubtful(at=self.at)

    @precondition(lambda self: self.bills)
    @rule(number=st.integers(0, 1000), later=st.sampled_from([0, 400]))
    def a_debt_is_written_off(self, number: int, later: int) -> None:
        self.at += timedelta(days=later)
        money.mark_doubtful(at=self.at)
        bill_id = self.bills[number % len(self.bills)]
        try:
            written = money.write_off(
                bill_id=bill_id, reason="gone", at=self.at,
                staff_id=self.desk.staff["clerk"], approved_by=self.desk.staff["chief"],
            )  # fmt: skip
        except (money.NotYetBad, money.BillNotOwed):
            return
        self.written_off[bill_id] = written.written_off_fen
        self.done["write-off"] += 1

    @precondition(lambda self: self.written_off)
    @rule(number=st.integers(0, 1000), paid_fen=AMOUNTS)
    def something_of_it_comes_back(self, number: int, paid_fen: int) -> None:
        bill_id = sorted(self.written_off)[number % len(self.written_off)]
        paid_fen = 1 + paid_fen % self.written_off[bill_id]
        known: dict[str, Any] = {"means": "CASH", "channel": "HALL", "serial_no": self.desk.no(), "at": self.at}
        try:
            money.recover(bill_id=bill_id, paid_fen=paid_fen, staff_id=self.desk.staff["clerk"], **known)
        except money.AmountWrong:
            return
        self.written_off[bill_id] = max(self.written_off[bill_id] - paid_fen, 1)
        self.recovered_fen += paid_fen
        self.came_in_fen += paid_fen
        self.done["recovery"] += 1

    @rule(place=PLACES, paid_fen=AMOUNTS)
    def a_deposit_is_taken(self, place: int, paid_fen: int) -> None:
        known: dict[str, Any] = {"means": "CASH", "channel": "HALL", "serial_no": self.desk.no(), "at": self.at}
        money.take_deposit(account_id=self.account(place), deposit_fen=paid_fen, staff_id=None, **known)
        self.came_in_fen += paid_fen

    @rule(place=PLACES)
    def a_deposit_is_given_back(self, place: int) -> None:
        known: dict[str, Any] = {"means": "CASH", "serial_no": self.desk.no(), "at": self.at}
        try:
            back = money.return_deposit(account_id=self.account(place), staff_id=self.desk.staff["clerk"], **known)
        except money.NotEnoughMoney:
            return
        self.came_in_fen += back.paid_fen

    @rule(place=PLACES)
    def an_account_is_settled_for_good(self, place: int) -> None:
        money.settle_finally(account_id=self.account(place), serial_no=self.desk.no(), at=self.at, staff_id=None)

    @rule(place=PLACES, gift_fen=st.integers(1, 3000), for_some=st.booleans())
    def a_gift_is_granted(self, place: int, gift_fen: int, for_some: bool) -> None:
        known: dict[str, Any] = {"serial_no": self.desk.no(), "at": self.at, "staff_id": None}
        codes = ["SP_INFO"] if for_some else []
        money.grant_gift(account_id=self.account(place), gift_fen=gift_fen, item_codes=codes, **known)
        self.given_fen += gift_fen

    @invariant()
    def no_fen_is_made_or_lost(self) -> None:
        assert sum(Posting.objects.values_list("amount_fen", flat=True)) == 0
        assert ledger_differences() == []
        balances = {row["role"]: row["balance_fen"] for row in trial_balance().iter_rows(named=True)}
        if not hasattr(self, "accounts"):
            return
        assert sum(balances[role] for role in ("CASH", "CARDS", "VOUCHER")) == self.came_in_fen
        held = sum(Bucket.objects.values_list("balance_fen", flat=True))
        owed = sum(Receivable.objects.values_list("open_fen", flat=True))
        late = -balances["LATE_FEE"] - balances["WAIVED"]
        used_fen = self.came_in_fen - self.recovered_fen + self.given_fen - held
        assert owed + balances["BAD_DEBT"] == self.billed_fen + late - used_fen


def play(desk: Desk, *, examples: int, steps: int) -> Counter[str]:
    """Play random histories, each in a savepoint of its own; say how often the rare ones came to pass."""
    counted: Counter[str] = Counter()

    class Played(Histories):
        def __init__(self) -> None:
            super().__init__()
            self.desk, self.done = desk, counted
            with connection.cursor() as cursor:
                cursor.execute("SAVEPOINT history")

        def teardown(self) -> None:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK TO SAVEPOINT history")

    run_state_machine_as_test(
        Played,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=not IS_LONG, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate, Phase.shrink],
        ),
    )  # fmt: skip
    return counted


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("bill"), AMOUNTS),
        st.tuples(st.just("pay"), AMOUNTS),
        st.tuples(st.just("gift"), st.integers(1, 3000)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
    ),
    min_size=1,
    max_size=12,
)


def as_if_never_paid(desk: Desk, before: list[tuple[str, int]], paid_fen: int, after: list[tuple[str, int]]) -> None:
    """Let two accounts live the same life but for one payment, take it back, and compare all there is."""
    accounts = [desk.account(), desk.account()]
    at, cycle, wrong = on(1, 28), 202512, 0
    for place, (deed, figure) in enumerate([*before, ("wrong", paid_fen), *after]):
        if deed == "wait":
            at += timedelta(days=figure)
        elif deed == "wrong":
            wrong = desk.pay(accounts[0], figure, at).payment_id
        elif deed == "pay":
            for account in accounts:
                desk.pay(account, figure, at)
        elif deed == "gift":
            for account in accounts:
                known: dict[str, Any] = {"at": at, "staff_id": None, "item_codes": ["SP_INFO"] if figure % 2 else []}
                money.grant_gift(account_id=account, gift_fen=figure, serial_no=f"{account}-{place}", **known)
        else:
            cycle = cycle + 1 if cycle % 100 < 12 else cycle + 89
            at = max(at, on(cycle % 100, 28, year=cycle // 100) + timedelta(days=5))
            items = {"RENT": figure, "LOCAL": figure // 3 + 1, "SP_INFO": figure // 7 + 1}
            desk.bills(cycle, [(account, account, items) for account in accounts], at=at)
    money.reverse_payment(
        payment_id=wrong, reason="wrong", serial_no=desk.no(), at=at, staff_id=desk.staff["clerk"],
        approved_by=desk.staff["chief"],
    )  # fmt: skip
    assert picture(accounts[0]) == picture(accounts[1])
    assert ledger_differences() == []


def picture(account_id: int) -> list[Any]:
    """All that is known of an account's money."""
    bills = Receivable.objects.filter(account_id=account_id).order_by("cycle")
    fields = ["cycle", "open_fen", "late_fen", "late_from_on", "late_cap_fen", "standing"]
    items = OpenItem.objects.filter(bill_id__in=bills.values("bill_id")).order_by("bill_id", "item_id")
    left = [row for row in items.values_list("item_id", "due_fen", "paid_fen") if row[1:] != (0, 0)]
    buckets = Bucket.objects.filter(account_id=account_id, balance_fen__gt=0).order_by("kind", "bucket_id")
    states = Bill.objects.filter(account_id=account_id).order_by("cycle").values_list("state", flat=True)
    return [list(bills.values_list(*fields)), left, list(buckets.values_list("kind", "balance_fen")), list(states)]


def twins(desk: Desk, examples: int) -> None:
    @settings(
        max_examples=examples, deadline=None, derandomize=not IS_LONG, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(before=DEEDS, paid_fen=AMOUNTS, after=DEEDS)
    def check(before: list[tuple[str, int]], paid_fen: int, after: list[tuple[str, int]]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SAVEPOINT history")
        try:
            as_if_never_paid(desk, before, paid_fen, after)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK TO SAVEPOINT history")

    check()


def test_a_payment_taken_back_after_any_history_was_never_there(desk: Desk) -> None:
    twins(desk, 12)


@pytest.mark.soak
def test_a_payment_taken_back_after_any_long_history_was_never_there(desk: Desk) -> None:
    twins(desk, 1000)


def test_no_history_makes_or_loses_a_fen(desk: Desk) -> None:
    play(desk, examples=6, steps=16)


@pytest.mark.soak
def test_no_long_history_makes_or_loses_a_fen(desk: Desk) -> None:
    done = play(desk, examples=300, steps=60)
    assert min(done["write-off"], done["recovery"]) > 0
