"""Released bills become debts: open items, entries of revenue, and clearing from money paid in advance."""

from datetime import datetime, timedelta

import polars as pl

from openboss.modules.billing.atomic import note_settlement
from openboss.modules.receivables.atomic import debts
from openboss.modules.receivables.atomic.clearings import money_for
from openboss.modules.receivables.atomic.ledger import Act, hold_day, new_ids, put_entries
from openboss.modules.receivables.functions.clearing import Turn, clear_accounts
from openboss.modules.receivables.functions.deferred import deferred_items
from openboss.modules.receivables.functions.rules import Rules, act_of, rules_at
from openboss.modules.receivables.functions.wallets import settle_use


def book_bills(bills: pl.DataFrame, items: pl.DataFrame, *, at: datetime, staff_id: int | None) -> None:
    """Take a part of released bills into the books, in the caller's transaction.

    bills  bill_id, cycle, account_id, customer_id, total_fen, due_on;  items  bill_id, subscriber_id, item_id, due_fen
    A credit item pays the other items of its bill; what is left of it is an advance. Source: D22.4, D8.4.
    """
    if bills.is_empty():
        return
    rules = rules_at(at)
    act = act_of(rules, at=at, staff_id=staff_id, channel="SYSTEM")
    hold_day(act.business_on)
    debts.lock_accounts(bills["account_id"].to_list())
    bills = bills.sort("bill_id").with_columns(
        open_fen=pl.col("total_fen").clip(lower_bound=0),
        late_from_on=pl.col("due_on") + timedelta(days=1),
        position=pl.lit(new_ids("receivables_entry", "entry_id", 1)[0]),
    )
    debts.put_receivables(bills=bills, items=_open_items(items, rules), booked_at=at)
    _enter(bills, items, rules, act)
    _keep_credits(bills.filter(pl.col("total_fen") < 0), rules, act)
    nothing = bills.filter(pl.col("open_fen") == 0)["bill_id"].to_list()
    note_settlement(bill_ids=nothing, states=["settled"] * len(nothing))
    for (cycle,), mine in bills.group_by("cycle"):
        settle_use(mine["account_id"].sort().to_list(), int(cycle), rules=rules, act=act)
    payers = bills.filter(pl.col("open_fen") > 0)["account_id"].to_list()
    clear_from_advances(payers, rules=rules, act=act)


def clear_from_advances(account_ids: list[int], *, rules: Rules, act: Act) -> None:
    """Let money that accounts paid in advance pay what is open, in the caller's transaction that holds their locks."""
    kinds = rules.value("bucket_order")
    money = money_for(account_ids, kinds=kinds, on=act.business_on)
    turns = [Turn(account_id, rules.on) for account_id in sorted({one.account_id for one in money})]
    if turns:
        clear_accounts(turns, rules=rules, act=act)


def _open_items(items: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Items with their turn in clearing; credits of a bill have paid its first items already."""
    rank = {kind.item_id: kind.sort_order for kind in rules.item_types}
    items = items.with_columns(
        rank=pl.col("item_id").replace_strict(rank, return_dtype=pl.Int16),
        is_late_exempt=pl.col("item_id").is_in(rules.late_exempt_item_ids),
    ).sort("bill_id", "rank", "subscriber_id", "item_id")
    due, of_bill = pl.col("due_fen"), "bill_id"
    fees, credits = due.clip(lower_bound=0), (-due).clip(lower_bound=0)
    offset = pl.min_horizontal(fees.sum().over(of_bill), credits.sum().over(of_bill))
    fee_paid = (offset - (fees.cum_sum().over(of_bill) - fees)).clip(lower_bound=0)
    return items.select(
        *("bill_id", "subscriber_id", "item_id", "rank", "is_late_exempt", "due_fen"),
        paid_fen=pl.when(due > 0).then(pl.min_horizontal(fee_paid, due)).otherwise(due),
    )


def _enter(bills: pl.DataFrame, items: pl.DataFrame, rules: Rules, act: Act) -> None:
    """One entry a bill: receivable against revenue by display group, or against those we collect for."""
    charged = items.filter(pl.col("due_fen") != 0)
    booked = bills.filter(pl.col("bill_id").is_in(charged["bill_id"].unique().implode()))
    ids = booked.select(
        "bill_id", "account_id", "total_fen",
        entry_id=pl.Series(new_ids("receivables_entry", "entry_id", booked.height), dtype=pl.Int64),
    )  # fmt: skip
    income = {kind.item_id: rules.chart.of_group(kind.group_code) for kind in rules.item_types}
    income |= dict.fromkeys(deferred_items(rules), rules.chart.no_of("DEFERRED"))
    receivable = ids.filter(pl.col("total_fen") != 0).select(
        "entry_id", "account_id", "bill_id", amount_fen="total_fen", chart_no=pl.lit(rules.chart.no_of("RECEIVABLE"))
    )
    revenue = charged.join(ids.select("bill_id", "entry_id", "account_id"), on="bill_id").select(
        *("entry_id", "account_id", "bill_id", "subscriber_id", "item_id"),
        amount_fen=-pl.col("due_fen"),
        chart_no=pl.col("item_id").replace_strict(income, return_dtype=pl.Int32),
    )
    entries = ids.select("entry_id", serial_no=pl.format("BILL {}", "bill_id"), cause=pl.lit("BILL"))
    postings = pl.concat([receivable, revenue], how="diagonal_relaxed").sort("entry_id", maintain_order=True)
    put_entries(entries=entries, postings=postings, act=act)


def _keep_credits(bills: pl.DataFrame, rules: Rules, act: Act) -> None:
    """Bills below zero: the credit becomes money of the account."""
    if bills.is_empty():
        return
    amounts_fen = (-bills["total_fen"]).to_list()
    accounts = bills["account_id"].to_list()
    buckets = debts.add_to_bucket(account_ids=accounts, kind="CASH", amounts_fen=amounts_fen, on=rules.on)
    ids = new_ids("receivables_entry", "entry_id", bills.height)
    kept = bills.select(
        "bill_id",
        "account_id",
        entry_id=pl.Series(ids, dtype=pl.Int64),
        amount_fen=pl.Series(amounts_fen, dtype=pl.Int64),
        bucket_id=pl.Series([buckets[one] for one in accounts], dtype=pl.Int64),
    )
    no_of = rules.chart.no_of
    off_bill = kept.drop("bucket_id").with_columns(chart_no=pl.lit(no_of("RECEIVABLE")))
    to_money = kept.drop("bill_id").with_columns(amount_fen=-pl.col("amount_fen"), chart_no=pl.lit(no_of("PREPAYMENT")))
    entries = kept.select("entry_id", serial_no=pl.format("CREDIT {}", "bill_id"), cause=pl.lit("CREDIT"))
    postings = pl.concat([off_bill, to_money], how="diagonal_relaxed").sort("entry_id", maintain_order=True)
    put_entries(entries=entries, postings=postings, act=act)
