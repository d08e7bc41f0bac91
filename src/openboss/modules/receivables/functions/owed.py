"""What is owed: of one account with its bills and late fees today, and by user, account, customer and group with age.

Source: ACM-22, D8.4, D8.5, D22.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from openboss.modules.receivables.atomic import debts, wallets
from openboss.modules.receivables.atomic.clearings import open_debts
from openboss.modules.receivables.functions.clearing import late_fees_due, with_late_fees
from openboss.modules.receivables.functions.rules import rules_at

AGES = ((0, "NOT_DUE"), (30, "D0_30"), (60, "D31_60"), (90, "D61_90"), (180, "D91_180"), (360, "D181_360"))
OLDEST = "D360_UP"
LEVELS = ("USER", "ACCOUNT", "CUSTOMER")


@dataclass(frozen=True)
class BillOwed:
    """A bill on which something is open; late_fee_fen is what falls due if it is paid today."""

    bill_id: int
    cycle: int
    due_on: date
    total_fen: int
    open_fen: int
    late_fee_fen: int
    standing: str
    is_overdue: bool


@dataclass(frozen=True)
class MoneyHeld:
    """A bucket with money of an account."""

    bucket_id: int
    kind: str
    balance_fen: int
    item_ids: tuple[int, ...]
    valid_to_on: date | None


@dataclass(frozen=True)
class Owed:
    """What an account owes at a moment: open, late fees not booked yet, money it has, and what it has to pay."""

    account_id: int
    bills: tuple[BillOwed, ...]
    money: tuple[MoneyHeld, ...]
    open_fen: int
    late_fee_fen: int
    advance_fen: int
    deposit_fen: int
    overdrawn_fen: int = 0  # used beyond prepaid money

    @property
    def owed_fen(self) -> int:
        """What would settle everything now."""
        return max(self.open_fen + self.late_fee_fen + self.overdrawn_fen - self.advance_fen, 0)

    @property
    def overdue_fen(self) -> int:
        """What of it is past its due day, with the late fees."""
        return sum(bill.open_fen + bill.late_fee_fen for bill in self.bills if bill.is_overdue)


def owed_by_accounts(account_ids: Sequence[int], *, at: datetime) -> pl.DataFrame:
    """What would settle their bills now, for many accounts: account_id, owed_fen, only where it is more than nothing.

    As owed, but for what was used beyond prepaid money (overdrawn_fen): no bill says that yet.
    """
    rules = rules_at(at)
    bills = with_late_fees(debts.open_principals(account_ids, on=rules.on), on=rules.on, rules=rules)
    open_fen = bills.group_by("account_id").agg(open_fen=(pl.col("open_fen") + pl.col("fee_fen")).sum())
    both = open_fen.join(debts.money_of_accounts(account_ids), on="account_id", how="left").select(
        "account_id", owed_fen=pl.col("open_fen") - pl.col("advance_fen").fill_null(0)
    )
    return both.filter(pl.col("owed_fen") > 0).sort("account_id")


def owed(*, account_id: int, at: datetime) -> Owed:
    """Say what an account owes at a moment, bill by bill, the oldest first, and the money it has."""
    rules = rules_at(at)
    bills = open_debts([account_id])
    late_fen = {one.bill_id: one.fee_fen for one in late_fees_due(bills, {account_id: rules.on}, rules)}
    money = tuple(
        MoneyHeld(row.bucket_id, row.kind, row.balance_fen, tuple(row.item_ids), row.valid_to_on)
        for row in debts.money_of(account_id)
    )
    owed_bills = tuple(
        BillOwed(
            bill.bill_id, bill.cycle, bill.due_on, bill.total_fen, bill.open_fen, late_fen.get(bill.bill_id, 0),
            bill.standing, bill.due_on < rules.on,
        )
        for bill in bills
    )  # fmt: skip
    return Owed(
        account_id,
        owed_bills,
        money,
        sum(bill.open_fen for bill in bills),
        sum(late_fen.values()),
        sum(one.balance_fen for one in money if one.kind not in debts.NO_ADVANCES),
        sum(one.balance_fen for one in money if one.kind == "DEPOSIT"),
        wallets.overdrawn_of(account_id),
    )


def has_arrears(*, subscriber_id: int, at: datetime) -> bool:
    """Whether something of a user is unpaid after its due day."""
    return not debts.arrears_frame(level="USER", key=subscriber_id, due_before=rules_at(at).on).is_empty()


def arrears(*, level: str, key: int, at: datetime) -> pl.DataFrame:
    """What is open of a USER, an ACCOUNT or a CUSTOMER, by bill and user, with due_on, open_fen and age.

    The sums of all levels agree, because all are sums of the same open items. Source: ACM-22.
    """
    assert level in LEVELS
    return _aged(debts.arrears_frame(level=level, key=key, due_before=None), rules_at(at).on)


def arrears_of_group(*, subscriber_ids: list[int], at: datetime) -> pl.DataFrame:
    """What is open of the users of a group, as arrears."""
    frames = [debts.arrears_frame(level="USER", key=one, due_before=None) for one in subscriber_ids or [-1]]
    return _aged(pl.concat(frames), rules_at(at).on)


def bills_of_cycle(*, cycle: int) -> pl.DataFrame:
    """Every bill of a cycle as a debt: bill_id, account_id, customer_id, total_fen, open_fen, late_fen, standing."""
    names = ["bill_id", "account_id", "customer_id", "total_fen", "open_fen", "late_fen", "standing"]
    return debts.bills_of_cycle(cycle).select(names).sort("bill_id")


def ageing(*, at: datetime) -> pl.DataFrame:
    """Everything that is open by age after the due day: age, bills, accounts, open_fen (D22.5)."""
    ordered = [name for _, name in AGES] + [OLDEST]
    found = _aged(debts.open_by_bill(), rules_at(at).on)
    sums = found.group_by("age").agg(
        bills=pl.len(), accounts=pl.col("account_id").n_unique(), open_fen=pl.col("open_fen").sum()
    )
    return (
        pl.DataFrame({"age": ordered})
        .join(sums, on="age", how="left")
        .with_columns(pl.col("bills", "accounts", "open_fen").fill_null(0))
    )


def arrears_rates(*, at: datetime) -> pl.DataFrame:
    """Arrears rate by cycle: cycle, billed_fen, open_fen, overdue_fen, rate_ppm (overdue of billed; ACM-15)."""
    rates = debts.rates_by_cycle(on=rules_at(at).on)
    return rates.with_columns(rate_ppm=_ppm("overdue_fen", "billed_fen"))


def arrears_rates_by_class(*, classes: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """Arrears rate by cycle and class of customer. classes: customer_id, customer_class. Source: ACM-15."""
    billed = debts.billed_by_customer(on=rules_at(at).on).join(classes, on="customer_id", how="left")
    sums = billed.group_by("cycle", "customer_class").agg(pl.col("billed_fen", "open_fen", "overdue_fen").sum())
    return sums.with_columns(rate_ppm=_ppm("overdue_fen", "billed_fen")).sort("cycle", "customer_class")


def _ppm(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) * 1_000_000 // pl.col(whole)).otherwise(0)


def _aged(frame: pl.DataFrame, on: date) -> pl.DataFrame:
    days = (pl.lit(on) - pl.col("due_on")).dt.total_days()
    age = pl.lit(OLDEST)
    for up_to, name in reversed(AGES):
        age = pl.when(days <= up_to).then(pl.lit(name)).otherwise(age)
    return frame.with_columns(age=age)


def average_bills(*, subscriber_ids: Sequence[int], at: datetime, months: int = 3) -> dict[int, int]:
    """What users were billed a month on the average of the last months with bills, in fen; without a bill: missing.

    The month before this one does not count as a month of nothing while its bills are not released, nor do months
    before the first that was billed here. Source: D7.8, D9.9.
    """
    on = rules_at(at).on
    cycles = debts.cycles_billed(before=on.year * 100 + on.month, most=months)
    return debts.averages_of_months(subscriber_ids=subscriber_ids, cycles=cycles)


def billed_of_users(*, subscriber_ids: Sequence[int]) -> dict[int, int]:
    """What users were billed in all, in fen; users without a bill are missing."""
    return debts.billed_of_users(subscriber_ids=subscriber_ids)
