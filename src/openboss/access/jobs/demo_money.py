"""What the demo's customers do with their bills: most pay in time, some in part or in advance, a few not at all.

Who does what follows from the account's number alone, so that every demo tells the same story.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import polars as pl

from openboss.kernel.periods import next_cycle
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import prepaid_users
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import direct_debit
from openboss.processes import assure_money, collect_debt
from openboss.processes.unbilled import Everybody

# means, channel and the share of accounts, in percent
WAYS = (("WEB", "WEB", 40), ("BANK", "BANK", 25), ("CASH", "HALL", 20), ("KIOSK", "KIOSK", 10), ("CARD", "HALL", 5))
PAY_DAYS = (4, 6, 9, 11)  # of the month after the cycle
NOBODY = 999_999_999
MANDATES = range(41, 61)  # accounts
NOTHING, PART, DOUBLE = 3, 6, 10  # percent up to which an account pays nothing, half, twice; the others pay the bill

Moment = Callable[[date, int], datetime]


def let_customers_pay(cycle: int, *, moment: Moment, cashier_id: int) -> int:
    """Let a released cycle be paid; return how many payments there were."""
    month = next_cycle(cycle)
    bills = receivables.bills_of_cycle(cycle=cycle).filter(pl.col("open_fen") > 0)
    habit = (pl.col("account_id") * 7919 + cycle) % 100
    paid_fen = (
        pl.when(habit < NOTHING)
        .then(0)
        .when(habit < PART)
        .then(pl.col("open_fen") // 2)
        .when(habit < DOUBLE)
        .then(pl.col("open_fen") * 2)
        .otherwise("open_fen")
    )
    payers = bills.with_columns(
        paid_fen=paid_fen,
        way=pl.col("account_id") * 104_729 % 100,
        day=pl.col("account_id") * 1_299_709 % len(PAY_DAYS),
    ).filter(pl.col("paid_fen") > 0)
    count, share_from = 0, 0
    for means, channel, share in WAYS:
        mine = payers.filter((pl.col("way") >= share_from) & (pl.col("way") < share_from + share))
        share_from += share
        for number, day in enumerate(PAY_DAYS):
            at = moment(date(month // 100, month % 100, day), 10)
            count += _pay(mine.filter(day=number), cycle, means, channel, at, cashier_id)
    return count


def _pay(payers: pl.DataFrame, cycle: int, means: str, channel: str, at: datetime, cashier_id: int) -> int:
    if payers.is_empty():
        return 0
    frame = payers.select(
        pl.format("{}-{}-{}", pl.lit(channel), pl.lit(cycle), "account_id").alias("serial_no"),
        *("account_id", "paid_fen"),
        pl.lit(means).alias("means"),
        pl.lit("").alias("reference"),
        pl.lit(at).alias("paid_at"),
        pl.lit(None, pl.Int64).alias("agent_account_id"),
    )
    staff_id = cashier_id if channel == "HALL" else None
    if channel == "BANK":  # the bank says the same in its file of the day
        items = list(frame.select("serial_no", "paid_fen").iter_rows())
        assure_money.take_collector_file(channel=channel, business_on=at.date(), items=items)
    return len(receivables.post_payments(frame, channel=channel, at=at, staff_id=staff_id))


def let_prepaid_users_recharge(at: datetime) -> int:
    """Most prepaid accounts get 50.00 more than they have used this month, one in twenty forgot; return how many."""
    used = Everybody(at)
    payers = prepaid_users(cycle=at.year * 100 + at.month)
    paying = {account_id: users for account_id, users in payers.items() if account_id % 20}
    rows = [
        (
            f"RECHARGE-{account_id}",
            account_id,
            5_000 + sum(used.by_user.get(user, 0) // 1_000 * 1_000 for user in users),
        )
        for account_id, users in paying.items()
    ]
    frame = pl.DataFrame(rows, schema=["serial_no", "account_id", "paid_fen"], orient="row").with_columns(
        means=pl.lit("WEB"),
        reference=pl.lit(""),
        paid_at=pl.lit(at),
        agent_account_id=pl.lit(None, pl.Int64),
    )
    return len(receivables.post_payments(frame, channel="WEB", at=at))


def look_after_debts(day: date, *, moment: Moment, staff_id: int) -> None:
    """Close the books of the days before yesterday, remind and stop who has not paid, and leave a payment of nobody."""
    receivables.post_payment(
        account_id=NOBODY,
        paid_fen=5_000,
        means="BANK",
        channel="BANK",
        serial_no="BANK-LOST-1",
        reference="8817-2",
        at=moment(day - timedelta(days=2), 11),
    )
    lost_on = day - timedelta(days=2)
    assure_money.take_collector_file(channel="BANK", business_on=lost_on, items=[("BANK-LOST-1", 5_000)])
    for business_on in receivables.days_with_entries(before=day - timedelta(days=1)):
        receivables.close_day(business_on=business_on, at=moment(day - timedelta(days=1), 20), staff_id=staff_id)
    collect_debt.run(at=moment(day, 9))
    _let_a_bank_debit(moment(day - timedelta(days=30), 10), staff_id)


def _let_a_bank_debit(at: datetime, staff_id: int) -> None:
    """Mandates of direct debit: confirmed by the bank but for the last, which still has to be asked about."""
    for account_id in MANDATES:
        mandate_id = direct_debit.open_mandate(
            account_id=account_id,
            contract_no=f"ICBC-{account_id:06d}",
            bank="ICBC",
            bank_account=f"62220210{account_id:08d}",
            holder=customers.name_on_bill(customer_id=customers.customer_of_account(account_id=account_id)),
            at=at,
            staff_id=staff_id,
        )
        if account_id != MANDATES[-1]:
            direct_debit.verify_mandate(mandate_id=mandate_id, reason="电话核实", at=at, staff_id=staff_id)
