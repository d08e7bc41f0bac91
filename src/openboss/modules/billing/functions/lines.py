"""RECURRING: the lines of a part, one a fee before discounts: usage, monthly fees, one-time charges."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openboss.kernel import periods
from openboss.kernel.proration import FirstMonth, recurring_fees_li, rent_free_days
from openboss.modules.billing.atomic import Source
from openboss.modules.billing.functions.conditions import Month
from openboss.modules.billing.functions.run_files import RunFiles
from openboss.modules.billing.functions.tariff_of_run import RunTariff

# Stops without rent, by the day or for whole months only (D2.2); all others leave the rent as it is.
RENT_FREE_STOPS = {"REQ_HOLD": False, "OPERATOR": False, "PRETERM": False, "ARREARS_2": True}

LINES = pl.Schema(
    {
        "subscriber_id": pl.Int64,
        "item_id": pl.Int16,
        "rule_id": pl.Int32,
        "source": pl.Int16,
        "reference_id": pl.Int64,
        "calls": pl.Int64,
        "seconds": pl.Int64,
        "units": pl.Int64,
        "free_units": pl.Int64,
        "std_li": pl.Int64,
        "act_li": pl.Int64,
    }
)


def make_lines(*, files: RunFiles, part: int, tariff: RunTariff) -> tuple[int, int]:
    """Write the lines of a part; return how many and their sum in li. Source: ACP-02, D7.4, D2.2."""
    holdings, users = files.get(part, "holdings"), files.get(part, "attributes")
    lines = pl.concat(
        [
            _usage_lines(files.get(part, "usage"), tariff),
            recurring_lines(
                holdings=holdings, stops=files.get(part, "stops"), users=users, tariff=tariff, cycle=files.cycle
            ),
            _begun_lines(holdings, tariff, files.cycle),
            _one_time_lines(files.get(part, "charges")),
        ]
    )
    asking = {rule.rule_id: rule.when for rule in tariff.recurring if rule.when}
    if asking:
        lines = _where_asked(lines, asking, files, part, tariff)
    lines = lines.sort("subscriber_id", "item_id", "rule_id", "source", "reference_id")
    files.put(part, "lines", lines)
    return lines.height, int(lines["act_li"].sum())


def _usage_lines(usage: pl.DataFrame, tariff: RunTariff) -> pl.DataFrame:
    third = [item.item_id for item in tariff.items if item.third]
    source = pl.when(pl.col("item_id").is_in(third)).then(int(Source.THIRD_PARTY)).otherwise(int(Source.USAGE))
    return _as_lines(usage.with_columns(source=source, reference_id=pl.lit(0)))


def _where_asked(
    lines: pl.DataFrame, asking: dict[int, dict[str, Any]], files: RunFiles, part: int, tariff: RunTariff
) -> pl.DataFrame:
    """Leave out the fees whose conditions a user does not fulfil; what they ask is counted without such fees."""
    users = files.get(part, "attributes").sort("subscriber_id").with_row_index("user")
    sure = lines.filter(~pl.col("rule_id").is_in(list(asking)))
    month = Month(files, part, users, matrices(sure, users, tariff)[1], tariff)
    due = [sure]
    for rule_id, when in asking.items():
        fulfil = users.filter(pl.Series(month.fulfil(when, rule_id))).select("subscriber_id")
        due.append(lines.filter(pl.col("rule_id") == rule_id).join(fulfil, on="subscriber_id", how="semi"))
    return pl.concat(due)


def _begun_lines(holdings: pl.DataFrame, tariff: RunTariff, cycle: int) -> pl.DataFrame:
    """Charge the one-time fees of the products that began in a cycle; one taken back on the same day costs nothing."""
    rules = pl.DataFrame(
        [(rule.rule_id, rule.offer_id, rule.item_id, rule.fee_li) for rule in tariff.one_time],
        schema={"rule_id": pl.Int32, "offer_id": pl.Int64, "item_id": pl.Int16, "fee_li": pl.Int64},
        orient="row",
    )
    began = pl.col("from_on").dt.year().cast(pl.Int32) * 100 + pl.col("from_on").dt.month()
    kept = pl.col("to_on").is_null() | (pl.col("to_on") > pl.col("from_on"))
    begun = holdings.filter((began == cycle) & kept).join(rules, on="offer_id")
    zeros = {name: pl.lit(0) for name in ("calls", "seconds", "free_units")}
    fees = {"reference_id": pl.col("holding_id"), "std_li": pl.col("fee_li"), "act_li": pl.col("fee_li")}
    return _as_lines(begun.with_columns(**zeros, **fees, units=pl.lit(1), source=pl.lit(int(Source.RECURRING))))


def _one_time_lines(charges: pl.DataFrame) -> pl.DataFrame:
    zeros = {name: pl.lit(0) for name in ("rule_id", "calls", "seconds", "units", "free_units")}
    fees = {"reference_id": pl.col("charge_id"), "std_li": pl.col("charge_li"), "act_li": pl.col("charge_li")}
    return _as_lines(charges.with_columns(**zeros, **fees))


def recurring_lines(
    *, holdings: pl.DataFrame, stops: pl.DataFrame, users: pl.DataFrame, tariff: RunTariff, cycle: int
) -> pl.DataFrame:
    """Charge the monthly fees of the products held in a cycle: one line a product and fee, columns as in LINES.

    units is the number of days charged; a fee of nothing (first month free) is a line too if days were held.
    """
    first, days = periods.first_day(cycle), periods.days_in(cycle)
    rules = pl.DataFrame(
        [{name: value for name, value in vars(rule).items() if name != "when"} for rule in tariff.recurring],
        schema={
            "rule_id": pl.Int32,
            "offer_id": pl.Int64,
            "item_id": pl.Int16,
            "fee_li": pl.Int64,
            "first_month": pl.Int64,
            "in_stops": pl.Boolean,
            "every": pl.Int64,
            "cycles": pl.Int64,
        },
    )
    held = _days(holdings).rename({"first_month": "chosen"}).join(rules, on="offer_id")
    held = held.filter((pl.col("from_day") < first + days) & (pl.col("to_day") > first))
    began = pl.col("from_on").dt.year().cast(pl.Int64) * 12 + pl.col("from_on").dt.month().cast(pl.Int64)
    held = held.with_columns(age=cycle // 100 * 12 + cycle % 100 - began)
    due = (pl.col("age") % pl.col("every") == 0) & ((pl.col("cycles") == 0) | (pl.col("age") < pl.col("cycles")))
    held = held.filter(due)
    # A product that leaves the choice to the customer says PRORATE; any other word of the tariff stands.
    chosen = pl.col("chosen").replace_strict({mode.name: int(mode) for mode in FirstMonth}, return_dtype=pl.Int64)
    held = held.with_columns(
        mode=pl.when(pl.col("first_month") == int(FirstMonth.PRORATE)).then(chosen).otherwise(pl.col("first_month"))
    ).join(_rent_free(stops, users, first, days), on="subscriber_id", how="left")
    held = held.with_columns(rent_free=pl.when("in_stops").then(0).otherwise(pl.col("rent_free").fill_null(0)))
    charged = recurring_fees_li(
        _int64(held["fee_li"]),
        _int64(held["mode"]),
        _int64(held["from_day"]),
        _int64(held["to_day"]),
        _int64(held["rent_free"]),
        first,
        days,
    )
    return _as_lines(
        held.with_columns(
            source=pl.lit(int(Source.RECURRING)),
            reference_id=pl.col("holding_id"),
            calls=pl.lit(0),
            seconds=pl.lit(0),
            units=pl.min_horizontal("to_day", pl.lit(first + days)) - pl.max_horizontal("from_day", pl.lit(first)),
            free_units=pl.lit(0),
            std_li=pl.Series(charged),
            act_li=pl.Series(charged),
        )
    )


def matrices(
    lines: pl.DataFrame, users: pl.DataFrame, tariff: RunTariff
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Lines summed to users x items: standard fees, actual fees, charged units of usage."""
    columns = pl.DataFrame({"item_id": [item.item_id for item in tariff.items]}, schema={"item_id": pl.Int16})
    columns = columns.with_row_index("column")
    cells = (
        lines.join(users.select("subscriber_id", "user"), on="subscriber_id")
        .join(columns, on="item_id")
        .group_by("user", "column")
        .agg(
            pl.col("std_li", "act_li").sum(), units=pl.col("units").filter(pl.col("source") == int(Source.USAGE)).sum()
        )
    )
    place = cells["user"].to_numpy(), cells["column"].to_numpy()
    matrices = []
    for name in ("std_li", "act_li", "units"):
        matrix = np.zeros((users.height, len(tariff.items)), np.int64)
        matrix[place] = cells[name].to_numpy()
        matrices.append(matrix)
    return matrices[0], matrices[1], matrices[2]


def _rent_free(stops: pl.DataFrame, users: pl.DataFrame, first: int, days: int) -> pl.DataFrame:
    """The days without rent of each user that has a stop: subscriber_id, rent_free (day mask)."""
    ids = users.select("subscriber_id").with_row_index("user")
    found = _days(stops.filter(pl.col("reason").is_in(list(RENT_FREE_STOPS)))).join(ids, on="subscriber_id")
    whole_month = found["reason"].replace_strict(RENT_FREE_STOPS, return_dtype=pl.Boolean).to_numpy()
    masks = rent_free_days(
        _int64(found["user"]),
        np.ascontiguousarray(whole_month),
        _int64(found["from_day"]),
        _int64(found["to_day"]),
        ids.height,
        first,
        days,
    )
    return ids.select("subscriber_id").with_columns(rent_free=pl.Series(masks))


def _days(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn from_on and to_on into day numbers; an open end is far away."""
    return frame.with_columns(
        from_day=pl.col("from_on").cast(pl.Int32).cast(pl.Int64),
        to_day=pl.col("to_on").cast(pl.Int32).cast(pl.Int64).fill_null(periods.OPEN_END),
    )


def _int64(column: pl.Series) -> np.ndarray:
    return np.ascontiguousarray(column.cast(pl.Int64).to_numpy())


def _as_lines(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(kind) for name, kind in LINES.items())
