"""BILL: spread what is due over the accounts and store bills, items, lines and choices (D1.1, D3.3)."""

from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openboss.kernel.rounding import LI_PER_FEN
from openboss.kernel.shares import Mode, Relations, Scope, split_to_accounts
from openboss.modules.billing import atomic
from openboss.modules.billing.atomic import BILL_ID_STEP
from openboss.modules.billing.functions.run_files import RunFiles
from openboss.modules.billing.functions.tariff_of_run import RunTariff

PPM_PER_TEN_THOUSANDTH = 100
_POSTGRES_DAY_ZERO = date(2000, 1, 1)


def post_part(*, files: RunFiles, part: int, tariff: RunTariff, due_on: date) -> tuple[int, int]:
    """Split a part to accounts and store its trial bills; return the rows stored and the sum in li.

    Runs in the caller's transaction. Raises ReleasedBills.
    """
    relations = files.get(part, "relations")
    due = files.get(part, "due").sort("subscriber_id", "column")
    items = shares_of(due=due, relations=relations, tariff=tariff)
    items = items.with_columns(bill_id=files.cycle * BILL_ID_STEP + pl.col("account_id"))
    bills = _bills(items, relations, files.cycle, part, due_on)
    cycle = pl.lit(files.cycle, pl.Int32).alias("cycle")
    frames: dict[str, pl.DataFrame] = {
        "billing_bill": bills,
        "billing_billitem": items.select(
            cycle,
            *("bill_id", "subscriber_id", "item_id", "std_fen"),
            (pl.col("std_fen") - pl.col("due_fen")).alias("discount_fen"),
            "due_fen",
        ),
        "billing_billline": files.get(part, "lines").select(cycle, pl.all()),
        "billing_freeuse": _free_use(files.get(part, "free")).select(cycle, pl.all()),
        "billing_discountchoice": files.get(part, "choices").select(cycle, pl.all()),
    }
    return atomic.put_part(cycle=files.cycle, frames=frames), int(items["due_fen"].sum()) * LI_PER_FEN


def shares_of(*, due: pl.DataFrame, relations: pl.DataFrame, tariff: RunTariff) -> pl.DataFrame:
    """Spread users' items over accounts: subscriber_id, item_id, account_id, std_fen, due_fen.

    due  as written by discount_part, sorted by user and settlement order
    Amounts are rounded to fen once per user and item, half up; shares add up to them.
    """
    users = due["subscriber_id"].unique().sort()
    user = np.searchsorted(users.to_numpy(), due["subscriber_id"].to_numpy())
    groups = sorted({item.group_code for item in tariff.items})
    group_of_item = np.array([groups.index(item.group_code) for item in tariff.items], np.int64)
    shares = split_to_accounts(
        user.astype(np.int64),
        due["column"].cast(pl.Int64).to_numpy(),
        group_of_item,
        _fen(due["std_li"]),
        _fen(due["due_li"]),
        _relations(relations, users, tariff, groups),
    )
    return (
        due.select("subscriber_id", "item_id")[shares.row]
        .with_columns(
            account_id=pl.Series(shares.account), std_fen=pl.Series(shares.std_fen), due_fen=pl.Series(shares.due_fen)
        )
        .group_by("account_id", "subscriber_id", "item_id")
        .sum()
        .sort("account_id", "subscriber_id", "item_id")
    )


def _fen(li: pl.Series) -> NDArray[np.int64]:
    """Half up, away from zero (kernel.rounding.fen_of_li over a column)."""
    values = li.cast(pl.Int64).to_numpy()
    return np.sign(values) * ((np.abs(values) + LI_PER_FEN // 2) // LI_PER_FEN)


def _relations(relations: pl.DataFrame, users: pl.Series, tariff: RunTariff, groups: list[str]) -> Relations:
    """Payment relations as the kernel's columns, of the users that have something to pay."""
    ids = pl.DataFrame({"subscriber_id": users}).with_row_index("user")
    found = relations.join(ids, on="subscriber_id").sort("user", "priority", "relation_id")
    scopes: dict[str, tuple[int, int]] = {"ALL": (Scope.ALL, 0)}
    scopes |= {group: (Scope.GROUP, place) for place, group in enumerate(groups)}
    scopes |= {code: (Scope.ITEM, column) for code, column in tariff.columns.items()}
    modes: dict[str, int] = {mode.name: int(mode) for mode in Mode}

    def mapped(name: str, values: dict[str, Any]) -> NDArray[np.int64]:
        return found[name].replace_strict(values, return_dtype=pl.Int64).to_numpy()

    mode = mapped("mode", modes)
    value = found["value"].cast(pl.Int64).to_numpy()
    return Relations(
        first=np.searchsorted(found["user"].to_numpy(), np.arange(len(users) + 1)).astype(np.int64),
        account=found["account_id"].cast(pl.Int64).to_numpy(),
        scope=mapped("item_scope", {code: int(scope) for code, (scope, _) in scopes.items()}),
        target=mapped("item_scope", {code: target for code, (_, target) in scopes.items()}),
        mode=mode,
        value=np.where(mode == Mode.RATIO, value * PPM_PER_TEN_THOUSANDTH, value),
    )


def _bills(items: pl.DataFrame, relations: pl.DataFrame, cycle: int, part: int, due_on: date) -> pl.DataFrame:
    """One bill an account, also for an account with nothing to pay (D1.2)."""
    payers = relations.select("account_id", customer_id="payer_id").unique("account_id")
    sums = items.group_by("account_id").agg(pl.col("std_fen", "due_fen").sum())
    return (
        payers.join(sums, on="account_id", how="left")
        .with_columns(pl.col("std_fen", "due_fen").fill_null(0))
        .sort("account_id")
        .select(
            bill_id=cycle * BILL_ID_STEP + pl.col("account_id"),
            part=pl.lit(part, pl.Int32),
            cycle=pl.lit(cycle, pl.Int32),
            account_id="account_id",
            customer_id="customer_id",
            state=pl.lit("new"),
            std_fen="std_fen",
            discount_fen=pl.col("std_fen") - pl.col("due_fen"),
            total_fen="due_fen",
            due_on=pl.lit((due_on - _POSTGRES_DAY_ZERO).days, pl.Int32),
        )
    )


def _free_use(free: pl.DataFrame) -> pl.DataFrame:
    return (
        free.group_by("subscriber_id", "rule_id")
        .agg(pl.col("unit").first().cast(pl.Int16), pl.col("granted", "used", "carried").sum())
        .sort("subscriber_id", "rule_id")
    )
