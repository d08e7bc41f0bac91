"""Clearing (销账): the money of accounts pays their open items in the configured order (D8.1, D8.2, D8.5).

One account or a hundred thousand go the same way: read, compute with the kernel, write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openboss.kernel.clearing import Buckets, OpenItems, clear
from openboss.kernel.late_fees import late_fees_fen
from openboss.modules.billing.atomic import note_settlement
from openboss.modules.receivables.atomic import debts
from openboss.modules.receivables.atomic.ledger import Act, new_ids, put_entries
from openboss.modules.receivables.functions.rules import Rules

ITEM_KEYS = ["bill_id", "subscriber_id", "item_id"]
BUCKET_ROLE = {"CASH": "PREPAYMENT", "DEPOSIT": "DEPOSIT"}  # the others are gifts


@dataclass(frozen=True)
class Cleared:
    """What acts of clearing did: allocations (account_id, bill_id, ..., paid_fen) and late fees (bill_id, fee_fen)."""

    allocations: pl.DataFrame
    late_fees: pl.DataFrame
    clearings: pl.DataFrame


def clear_accounts(
    turns: pl.DataFrame,
    *,
    rules: Rules,
    act: Act,
    with_deposit: bool = False,
    not_yet: Mapping[int, int] = MappingProxyType({}),
) -> Cleared:
    """Let accounts pay what they can, in the caller's transaction that holds their locks.

    turns    one row an account: account_id, cleared_on (late fees count up to the day before), payment_id (or null),
             and, to do an act again: at and position (bills booked later are left alone)
    not_yet  by bucket, what came into it only after the act that is done again
    """
    account_ids = turns["account_id"].to_list()
    bills = debts.open_bills(account_ids).join(turns.select("account_id", "cleared_on"), on="account_id")
    if "position" in turns.columns:
        turn = turns.select("account_id", turn="position")
        bills = bills.join(turn, on="account_id").filter(pl.col("position") < pl.col("turn"))
    items = debts.items_of(bills["bill_id"].to_list())
    bills = _with_late_fees(bills, items, rules)
    kinds = [*rules.value("bucket_order"), *(["DEPOSIT"] if with_deposit else [])]
    buckets = debts.buckets_of(account_ids, kinds=kinds, on=act.business_on)
    paid = _allocate(_in_order(bills, items, rules), _limited(buckets, not_yet))
    late = bills.filter((pl.col("fee_fen") > 0) & pl.col("bill_id").is_in(paid["bill_id"].implode()))
    return _store(turns, paid, late, rules, act)


def late_fees_now(bills: pl.DataFrame, items: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Add to open bills (with cleared_on) what their late fee comes to that is not booked yet: principal_fen, fee_fen,
    cap_fen."""
    return _with_late_fees(bills, items, rules)


def _with_late_fees(bills: pl.DataFrame, items: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    principal = items.filter(~pl.col("is_late_exempt")).group_by("bill_id")
    unpaid = principal.agg(principal_fen=(pl.col("due_fen") - pl.col("paid_fen")).sum())
    bills = bills.join(unpaid, on="bill_id", how="left").with_columns(
        pl.col("principal_fen").fill_null(0),
        days=(pl.col("cleared_on") - pl.col("late_from_on")).dt.total_days(),
    )
    bills = bills.with_columns(cap_fen=pl.coalesce("late_cap_fen", "principal_fen"))
    fees = late_fees_fen(
        bills["principal_fen"].to_numpy(),
        rules.value("late_fee_ppm_a_day"),
        bills["days"].to_numpy(),
        (bills["cap_fen"] - bills["late_fen"]).to_numpy(),
    )
    return bills.with_columns(fee_fen=pl.Series(fees, dtype=pl.Int64))


def _in_order(bills: pl.DataFrame, items: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Open items with the late fees that fall due now, in the order in which they are paid."""
    late = rules.late_fee_item
    left = items.select(*ITEM_KEYS, "rank", open_fen=pl.col("due_fen") - pl.col("paid_fen"))
    falling_due = bills.filter(pl.col("fee_fen") > 0).select(
        "bill_id",
        subscriber_id=pl.lit(0, pl.Int64),
        item_id=pl.lit(late.item_id, pl.Int16),
        rank=pl.lit(late.sort_order, pl.Int16),
        open_fen="fee_fen",
    )
    whole = pl.concat([left, falling_due]).group_by(*ITEM_KEYS, "rank").agg(pl.col("open_fen").sum())
    whole = whole.filter(pl.col("open_fen") > 0).join(
        bills.select("bill_id", "account_id", "cycle", "due_on", "standing"), on="bill_id"
    )
    return whole.sort("account_id", *rules.value("clearing_order"), "bill_id", "rank", "subscriber_id", "item_id")


def _limited(buckets: pl.DataFrame, not_yet: Mapping[int, int]) -> pl.DataFrame:
    """Leave out what came into buckets only later than the act that is done again."""
    later = pl.col("bucket_id").replace_strict(not_yet, default=0, return_dtype=pl.Int64)
    usable = pl.min_horizontal("balance_fen", (pl.col("balance_fen") - later).clip(lower_bound=0))
    return buckets.with_columns(balance_fen=usable) if not_yet else buckets


def _allocate(items: pl.DataFrame, buckets: pl.DataFrame) -> pl.DataFrame:
    """Ask the kernel which bucket pays which item; both sorted by account."""
    accounts = np.intersect1d(items["account_id"].to_numpy(), buckets["account_id"].to_numpy())
    items = items.filter(pl.col("account_id").is_in(accounts))
    buckets = buckets.filter(pl.col("account_id").is_in(accounts))
    allowed = [[int(one) for one in text.strip("{}").split(",") if one] for text in buckets["item_ids"]]
    cleared = clear(
        OpenItems(
            _first_rows(items, accounts), items["item_id"].cast(pl.Int64).to_numpy(), items["open_fen"].to_numpy()
        ),
        Buckets(
            _first_rows(buckets, accounts),
            buckets["balance_fen"].to_numpy(),
            np.cumsum([0, *map(len, allowed)], dtype=np.int64),
            np.array([one for ids in allowed for one in ids], np.int64),
        ),
    )
    return pl.concat(
        [
            items.select("account_id", "standing", *ITEM_KEYS)[cleared.item],
            buckets.select("bucket_id", "kind")[cleared.bucket],
            pl.DataFrame({"paid_fen": cleared.paid_fen}),
        ],
        how="horizontal",
    )


def _first_rows(frame: pl.DataFrame, accounts: NDArray[np.int64]) -> NDArray[np.int64]:
    first = np.searchsorted(frame["account_id"].to_numpy(), accounts)
    return np.append(first, frame.height).astype(np.int64)


def _store(turns: pl.DataFrame, paid: pl.DataFrame, late: pl.DataFrame, rules: Rules, act: Act) -> Cleared:
    """Write what was computed: acts of clearing, and where something was paid all that follows from it."""
    clearings = _clearings(turns, paid, late, act)
    ids = clearings.select("account_id", "clearing_id", "entry_id", "late_entry_id")
    paid, late = paid.join(ids, on="account_id"), late.join(ids, on="account_id")
    if paid.height:
        _pay(paid, late, rules)
        _enter(paid, late, rules, act)
    debts.put_clearings(
        clearings=clearings,
        allocations=paid.select("clearing_id", *ITEM_KEYS, "bucket_id", "paid_fen"),
        late_fees=late.select(
            "clearing_id", "bill_id", "principal_fen", "fee_fen", from_on="late_from_on", to_on="cleared_on"
        ),
    )
    return Cleared(paid, late, clearings)


def _pay(paid: pl.DataFrame, late: pl.DataFrame, rules: Rules) -> None:
    """Late fees onto bills, money from buckets to items and bills, and the bills' states."""
    late_fee = rules.late_fee_item
    if late.height:
        moved = late.select("bill_id", "fee_fen", late_from_on="cleared_on", late_cap_fen="cap_fen")
        debts.book_late_fees(fees=moved, item_id=late_fee.item_id, rank=late_fee.sort_order)
    debts.pay_items(paid)
    by_bill = paid.group_by("bill_id").agg(pl.col("paid_fen").sum()).sort("bill_id")
    now = debts.close_bills(bill_ids=by_bill["bill_id"].to_list(), paid_fen=by_bill["paid_fen"].to_list())
    debts.change_buckets(bucket_ids=paid["bucket_id"].to_list(), amounts_fen=(-paid["paid_fen"]).to_list())
    settle_states(now)


def _clearings(turns: pl.DataFrame, paid: pl.DataFrame, late: pl.DataFrame, act: Act) -> pl.DataFrame:
    """One act of clearing an account, with the ids of its entries if it paid something."""
    acted = turns
    if "at" not in acted.columns:
        acted = acted.with_columns(at=pl.lit(act.at), position=pl.lit(None, pl.Int64))
    acted = acted.select("account_id", "payment_id", "cleared_on", "at", "position").with_columns(
        clearing_id=pl.Series(new_ids("receivables_clearing", "clearing_id", acted.height), dtype=pl.Int64)
    )
    late_ids = late.select("account_id").unique(maintain_order=True)
    late_ids = late_ids.with_columns(
        late_entry_id=pl.Series(new_ids("receivables_entry", "entry_id", late_ids.height), dtype=pl.Int64)
    )
    acted = acted.join(late_ids, on="account_id", how="left").with_columns(
        entry_id=pl.Series(new_ids("receivables_entry", "entry_id", acted.height), dtype=pl.Int64)
    )
    has_paid = pl.col("account_id").is_in(paid["account_id"].implode())
    return acted.with_columns(
        position=pl.coalesce("position", "entry_id"),
        entry_id=pl.when(has_paid).then("entry_id"),
        is_undone=pl.lit(False),
    )


def _enter(paid: pl.DataFrame, late: pl.DataFrame, rules: Rules, act: Act) -> None:
    """The entries: a late fee falls due (receivable to income), then money pays (bucket to receivable)."""
    no_of = rules.chart.no_of
    owed_on = pl.when(pl.col("standing") == "DOUBTFUL").then(no_of("DOUBTFUL")).otherwise(no_of("RECEIVABLE"))
    bucket_on = pl.col("kind").replace_strict({kind: no_of(role) for kind, role in BUCKET_ROLE.items()},
                                              default=no_of("GIFT"), return_dtype=pl.Int32)  # fmt: skip
    from_buckets = paid.group_by("entry_id", "account_id", "bucket_id", "kind").agg(amount_fen=pl.col("paid_fen").sum())
    from_buckets = from_buckets.select("entry_id", "account_id", "bucket_id", "amount_fen", chart_no=bucket_on)
    to_bills = paid.group_by("entry_id", "account_id", "bill_id", "standing").agg(amount_fen=-pl.col("paid_fen").sum())
    to_bills = to_bills.select("entry_id", "account_id", "bill_id", "amount_fen", chart_no=owed_on)
    late_due = late.select("account_id", "bill_id", entry_id="late_entry_id", amount_fen="fee_fen", chart_no=owed_on)
    late_income = late_due.with_columns(
        amount_fen=-pl.col("amount_fen"),
        chart_no=pl.lit(no_of("LATE_FEE")),
        item_id=pl.lit(rules.late_fee_item.item_id, pl.Int16),
    )
    postings = pl.concat([late_due, late_income, from_buckets, to_bills], how="diagonal_relaxed")
    made = (
        paid.select("entry_id", "clearing_id")
        .unique()
        .with_columns(cause=pl.lit("CLEARING"), serial_no=pl.format("CLEARING {}", "clearing_id"))
    )
    fell_due = (
        late.select("clearing_id", entry_id="late_entry_id")
        .unique()
        .with_columns(cause=pl.lit("LATE_FEE"), serial_no=pl.format("LATE_FEE {}", "clearing_id"))
    )
    entries = pl.concat([fell_due, made], how="diagonal").sort("entry_id").drop("clearing_id")
    put_entries(entries=entries, postings=postings.sort("entry_id"), act=act)


def settle_states(now: pl.DataFrame) -> None:
    """Tell billing what became of bills: bill_id, open_fen, total_fen, late_fen."""
    states = now.with_columns(
        state=pl.when(pl.col("open_fen") == 0)
        .then(pl.lit("settled"))
        .when(pl.col("open_fen") < pl.col("total_fen") + pl.col("late_fen"))
        .then(pl.lit("partiallySettled"))
        .otherwise(pl.lit("validated"))
    )
    note_settlement(bill_ids=states["bill_id"].to_list(), states=states["state"].to_list())
