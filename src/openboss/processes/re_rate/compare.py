"""Before and after: what users would be billed, which records are charged otherwise, which free units come back."""

from dataclasses import dataclass

import polars as pl

from openboss.modules.billing.functions.adjustments import tariff_of_cycle
from openboss.modules.charging.functions import rerating as charging
from openboss.modules.charging.functions.freezes import frozen_totals
from openboss.modules.charging.schema import TOTALS
from openboss.processes.replay_months import People, Tariffs, due_of_month

BY_ITEM = {
    "cycle": pl.Int32,
    "is_closed": pl.Boolean,
    "subscriber_id": pl.Int64,
    "item_id": pl.Int16,
    "before_fen": pl.Int64,
    "after_fen": pl.Int64,
}
_KEY = ("cycle", "is_closed", "subscriber_id", "item_id")
_ABOUT = ("subscriber_id", "cycle", "position", "row", "start_local_s", "record_type", "other_number", "duration_s",
          "kb_units", "message_count")  # fmt: skip
_ACT = pl.sum_horizontal("act_basic_li", "act_ld_li", "act_info_li")


@dataclass(frozen=True)
class Compared:
    """What a replay found.

    by_item  BY_ITEM: what each user would be billed; closed months as billed and adjusted so far
    records  those rated otherwise: _ABOUT, before_li, after_li, rule_before, rule_after
    free     free resources used otherwise: owner, cycle, rule, granted, used before and after
    closed   totals of closed months as they should have been, with their cycle
    """

    by_item: pl.DataFrame
    records: pl.DataFrame
    free: pl.DataFrame
    closed: pl.DataFrame


def compare(
    *, replay: charging.Replay, looked: charging.Looked, people: People, tariffs: Tariffs, adjusted: pl.DataFrame
) -> Compared:
    """Compare what was charged with what should have been.

    people    narrowed to the users of the replay, with the months from the first one on
    adjusted  BY_ITEM of earlier re-ratings that were posted for closed months
    """
    written, before = replay.written(), looked.written()
    parts = []
    for cycle in sorted(people.bills):
        image = people.bills[cycle]
        if cycle in looked.cycles:
            charged, right = _totals(before.totals, cycle), _totals(written.totals, cycle)
            then: object = tariffs
        else:
            charged, right = frozen_totals(cycle)[0], replay.frozen[cycle][0]
            then = tariff_of_cycle(cycle) or tariffs
        mine = image.attributes.select("subscriber_id")
        was = due_of_month(then, cycle, charged.join(mine, on="subscriber_id", how="semi"), image)  # type: ignore[arg-type]
        is_closed = cycle not in looked.cycles
        parts.append(_side_by_side(cycle, is_closed, was, due_of_month(tariffs, cycle, right, image)))
    by_item = pl.concat([pl.DataFrame(schema=BY_ITEM), *parts])
    return Compared(
        by_item=_with_adjusted(by_item, adjusted),
        records=_records(*replay.corrections()),
        free=_free(before.free, written.free),
        closed=closed_totals(replay),
    )


def closed_totals(replay: charging.Replay) -> pl.DataFrame:
    """The totals of closed months as they should have been, by cycle."""
    frames = [
        totals.with_columns(cycle=pl.lit(cycle, pl.Int32))
        for cycle, (totals, _free_use) in sorted(replay.frozen.items())
    ]
    return pl.concat([pl.DataFrame(schema={**TOTALS, "cycle": pl.Int32}), *frames])


def _totals(written: pl.DataFrame, cycle: int) -> pl.DataFrame:
    """Totals of users as the bill run reads them; pools are no users."""
    users = written.filter((pl.col("cycle") == cycle) & (pl.col("owner") > 0))
    named = users.rename({"owner": "subscriber_id", "item": "item_id", "rule": "rule_id"})
    return named.select(pl.col(name).cast(kind) for name, kind in TOTALS.items()).sort(
        "subscriber_id", "item_id", "rule_id"
    )


def _side_by_side(cycle: int, is_closed: bool, was: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    keys = ["subscriber_id", "item_id"]
    both = was.rename({"due_fen": "before_fen"}).join(
        right.rename({"due_fen": "after_fen"}), on=keys, how="full", coalesce=True
    )
    both = both.with_columns(cycle=pl.lit(cycle), is_closed=pl.lit(is_closed)).fill_null(0)
    return both.select(pl.col(name).cast(kind) for name, kind in BY_ITEM.items()).sort(keys)


def _with_adjusted(by_item: pl.DataFrame, adjusted: pl.DataFrame) -> pl.DataFrame:
    """What was billed of a closed month and what earlier re-ratings have adjusted of it count together."""
    more = adjusted.join(by_item.filter("is_closed").select("cycle").unique(), on="cycle", how="semi")
    more = more.join(by_item.select("subscriber_id").unique(), on="subscriber_id", how="semi")
    posted = more.select(*_KEY, before_fen=pl.col("after_fen") - pl.col("before_fen"), after_fen=pl.lit(0, pl.Int64))
    together = pl.concat([by_item, posted.select(by_item.columns)])
    return together.group_by(_KEY).agg(pl.col("before_fen", "after_fen").sum()).select(list(BY_ITEM)).sort(_KEY)


def _records(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    right = after.select("position", "row", after_li=_ACT, rule_after="rule_basic")
    charged = before.select(*_ABOUT, before_li=_ACT, rule_before="rule_basic")
    return charged.join(right, on=["position", "row"]).sort("subscriber_id", "start_local_s", "position", "row")


def _free(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Free resources of open months and those that outlive months (cycle 0) where a re-rating puts them elsewhere."""
    keys = ["owner", "cycle", "rule"]

    def summed(written: pl.DataFrame, when: str) -> pl.DataFrame:
        return written.group_by(keys).agg(
            pl.col("granted").sum().alias(f"granted_{when}"), pl.col("used").sum().alias(f"used_{when}")
        )

    both = summed(before, "before").join(summed(after, "after"), on=keys, how="full", coalesce=True).fill_null(0)
    differs = (pl.col("granted_before") != pl.col("granted_after")) | (pl.col("used_before") != pl.col("used_after"))
    return both.filter(differs).sort(keys)
