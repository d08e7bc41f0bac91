"""Bills of the past, asked by the hall: what a user's bills were on average, how one would have been shared."""

from collections.abc import Mapping

import polars as pl

from openboss.kernel.periods import previous_cycle
from openboss.modules.billing.atomic import average_bills, bills_of_accounts, due_by_item
from openboss.modules.billing.functions.posting import shares_of
from openboss.modules.billing.functions.tariff_of_run import tariff_of
from openboss.modules.catalog.atomic import bill_item_types


def average_bill_fen(*, account_id: int, months: int) -> int:
    """What an account's bills of the newest months came to on average, in whole fen; 0 without bills (D14.5)."""
    totals = [bill.total_fen for bill in bills_of_accounts(account_ids=[account_id], months=months)]
    return sum(totals) // len(totals) if totals else 0


def average_by_customer(*, before: int, months: int) -> pl.DataFrame:
    """What customers' bills of the months before a cycle came to on average: customer_id, average_fen (D17.2)."""
    cycles = [before]
    for _ in range(months):
        cycles.append(previous_cycle(cycles[-1]))
    return average_bills(cycles=cycles[1:])


def split_of_bill(*, cycle: int, subscriber_id: int, relations: pl.DataFrame) -> Mapping[int, int]:
    """Share what a user was billed in a cycle by given payment relations: account -> fen (D1.1).

    relations  relation_id, subscriber_id, account_id, item_scope, mode, value, priority: as in the billing image
    """
    due = due_by_item(cycle=cycle, subscriber_ids=[subscriber_id])
    shares = split_of_use(due_li=due, relations=relations)
    return {one: shares.get((subscriber_id, one), 0) for one in sorted(set(relations["account_id"]))}


def split_of_use(*, due_li: Mapping[tuple[int, int], int], relations: pl.DataFrame) -> dict[tuple[int, int], int]:
    """Share what users owe for a month, or have used of it so far, as its bill will (D1.1): user and account -> fen.

    due_li     li by user and bill item
    relations  of these users in the month, as in the billing image
    """
    if not due_li:
        return {}
    tariff = tariff_of([], bill_item_types())
    place = {item.item_id: column for column, item in enumerate(tariff.items)}
    rows = [(user, place[item_id], item_id, li, li) for (user, item_id), li in due_li.items()]
    names = ["subscriber_id", "column", "item_id", "std_li", "due_li"]
    due = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None).cast(pl.Int64)
    shares = shares_of(due=due.sort("subscriber_id", "column"), relations=relations, tariff=tariff)
    sums = shares.group_by("subscriber_id", "account_id").agg(pl.col("due_fen").sum())
    return {(user, account_id): fen for user, account_id, fen in sums.iter_rows()}
