"""What the engine's arrays say of a whole cycle, as frames: running totals, free resources, balances; published."""

from typing import Any

import numpy as np
import polars as pl

from openboss.kernel.state import STANDING
from openboss.modules.charging.engine import changes
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.online.former import with_payers
from openboss.modules.charging.engine.state import CycleNotReady, EngineState, cycle_slot
from openboss.modules.charging.schema import FREE_USE, TOTALS

_TOTALS = {
    "item_id": "item",
    "rule_id": "rule",
    "calls": "calls",
    "seconds": "seconds",
    "units": "units",
    "free_units": "free_units",
    "std_li": "std_li",
    "act_li": "act_li",
}


_FREE = {"rule_id": "rule", "granted": "granted", "used": "used", "carried": "carried"}


def totals_of(state: EngineState, cycle: int) -> pl.DataFrame:
    """Running totals of a cycle (schema TOTALS), sorted by subscriber, item and rule. Raises CycleNotReady."""
    frame = _nodes(state, cycle, "totals", _TOTALS)
    return frame.select(pl.col(name).cast(kind) for name, kind in TOTALS.items()).sort(
        "subscriber_id", "item_id", "rule_id"
    )


def free_use_of(state: EngineState, cycle: int) -> pl.DataFrame:
    """Free resources of a cycle and what was used of them (schema FREE_USE). Raises CycleNotReady.

    Those that outlive cycles are in every cycle of theirs, with all that was used of them so far.
    """
    assert state.tables is not None
    frame = pl.concat([_nodes(state, cycle, "free", _FREE), _standing(state, cycle)])
    units = state.tables.free_unit[state.tables.free_of_rule[frame["rule_id"].to_numpy()]]
    frame = frame.with_columns(pl.Series("unit", units, pl.Int8))
    return frame.select(pl.col(name).cast(kind) for name, kind in FREE_USE.items()).sort(
        "subscriber_id", "rule_id", "carried"
    )


def balances_of(state: EngineState) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every wallet, and what every user has used in each month the engine holds: one consistent look.

    wallets  account_id, balance_li, limit_li, reserved_li, held_li
    used     see former.with_payers
    """
    known = state.desk.wallets
    wallets = pl.DataFrame({name: known[name] for name in known.dtype.names or ()})
    months = []
    for slot, cycle in enumerate(state.cycles.cycle):
        if cycle:
            sums = _chains(state, slot, "totals", {"act_li": "act_li"}).group_by("subscriber_id")
            months.append(sums.agg(used_li=pl.col("act_li").sum()).with_columns(cycle=pl.lit(int(cycle), pl.Int32)))
    empty = {"subscriber_id": pl.Int64, "used_li": pl.Int64, "cycle": pl.Int32}
    used = pl.concat([pl.DataFrame(schema=empty), *months]).sort("subscriber_id", "cycle")
    return wallets, with_payers(state, used)


def _standing(state: EngineState, cycle: int) -> pl.DataFrame:
    slot = cycle_slot(cycle)
    spans = _chains(state, STANDING, "free", {**_FREE, "from_s": "from_s", "to_s": "to_s"})
    inside = (pl.col("from_s") < state.cycles.end_s[slot]) & (pl.col("to_s") > state.cycles.start_s[slot])
    return spans.filter(inside).drop("from_s", "to_s")


def _nodes(state: EngineState, cycle: int, pool: str, columns: dict[str, str]) -> pl.DataFrame:
    if state.cycles.cycle[cycle_slot(cycle)] != cycle:
        raise CycleNotReady(f"cycle {cycle} is no longer in the engine: read what was published when it was closed")
    return _chains(state, cycle_slot(cycle), pool, columns)


def _chains(state: EngineState, chain: int, pool: str, columns: dict[str, str]) -> pl.DataFrame:
    """What lies in one chain of every user; pools, which are no users, are left out."""
    frames = []
    for number, lane in enumerate(state.lanes):
        heads, nexts = getattr(lane, f"{pool}_head"), getattr(lane, f"{pool}_next")
        count = changes.count_nodes(changes.Chains(heads, nexts), chain)
        rows, nodes = np.empty(count, np.int64), np.empty(count, np.int64)
        changes.list_nodes(changes.Chains(heads, nexts), chain, number, rows, nodes)
        found = {name: getattr(lane, f"{pool}_{column}")[nodes] for name, column in columns.items()}
        frames.append(pl.DataFrame({"subscriber_id": state.directory.subscriber_id[rows], **found}))
    return pl.concat(frames).filter(pl.col("subscriber_id") > 0)


def publish_cycle(state: EngineState, lake: Lake, cycle: int, position: int) -> dict[str, Any]:
    """Publish the totals and free resources of a cycle as they are at one position; say where they are."""
    return {"cycle": cycle, **_published(lake, f"{cycle}-{position}", {
        "totals": ("totals/{}.parquet", totals_of(state, cycle)),
        "free": ("free/{}.parquet", free_use_of(state, cycle)),
    })}  # fmt: skip


def publish_balances(state: EngineState, lake: Lake, position: int) -> dict[str, Any]:
    """Publish every wallet and what every user has used in each month, as they are at one position."""
    wallets, used = balances_of(state)
    return {"position": position, **_published(lake, str(position), {
        "wallets": ("wallets/{}-wallets.parquet", wallets), "used": ("wallets/{}-used.parquet", used),
    })}  # fmt: skip


def _published(lake: Lake, named: str, frames: dict[str, tuple[str, pl.DataFrame]]) -> dict[str, Any]:
    paths = {name: place.format(named) for name, (place, _frame) in frames.items()}
    return {"paths": paths, "sha256": {name: lake.publish(frames[name][1], path) for name, path in paths.items()}}
