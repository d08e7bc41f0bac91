"""One chunk of usage through the kernel: columns in, rated detail and errors out, state changed.

Deterministic: lanes share nothing, so the number of threads changes the time, never a byte.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl

from openboss.kernel.records import Rated, Usage, find_users, rate_records
from openboss.kernel.state import CYCLE_SLOTS, LANES
from openboss.kernel.usage import Status
from openboss.modules.charging.engine.duplicates import DAY_S
from openboss.modules.charging.engine.state import CycleNotReady, EngineState, month_start_s, next_cycle
from openboss.modules.charging.schema import NORMALISED, RATED

E_DUPLICATE = 401


@dataclass(frozen=True)
class ChunkRated:
    """What became of a chunk: counts by status, the detail (schema RATED) and the errors (NORMALISED + code)."""

    detail: pl.DataFrame
    errors: pl.DataFrame
    rated: int
    free: int
    duplicate: int

    @property
    def error(self) -> int:
        """How many records went to the error pool."""
        return len(self.errors)


def rate_chunk(state: EngineState, chunk: pl.DataFrame, position: int, threads: int) -> ChunkRated:
    """Rate a chunk (schema NORMALISED) and change the state.

    Months that have begun since the last chunk are opened first. Raises CycleNotReady if no tariffs are published.
    """
    if state.tables is None:
        raise CycleNotReady("no tariffs are published yet: publish the catalog first")
    columns = {name: chunk[name].to_numpy() for name in NORMALISED}
    usage = Usage(**{name: columns[name] for name in Usage._fields})
    _open_months(state, usage.start_local_s)
    rated = _empty_rated(len(chunk))
    with ThreadPoolExecutor(threads) as pool:
        edges: list[int] = np.linspace(0, len(chunk), threads + 1).astype(int).tolist()
        list(pool.map(lambda k: find_users(state.directory, usage, rated, edges[k], edges[k + 1]), range(threads)))
        days = usage.start_local_s // DAY_S
        wanted = np.flatnonzero(rated.status != Status.ERROR)
        fresh = state.duplicates.claim(days, columns["key_hi"], columns["key_lo"], wanted)
        rated.status[wanted[fresh[wanted] == 0]] = Status.DUPLICATE
        found = np.flatnonzero(fresh)
        found = found[np.argsort(rated.row[found], kind="stable")]  # a user's records together: memory is near
        lane_of = rated.row[found] % LANES
        orders = [found[lane_of == number] for number in range(LANES)]
        state.make_room([len(order) for order in orders])
        list(pool.map(lambda n: _rate_lane(state, usage, rated, n, orders[n]), range(LANES)))
    failed = found[rated.status[found] == Status.ERROR]
    state.duplicates.give_back(days, columns["key_hi"], columns["key_lo"], failed)
    return _collect(state, chunk, usage, rated, found, position)


def _rate_lane(state: EngineState, usage: Usage, rated: Rated, number: int, order: np.ndarray) -> None:
    assert state.tables is not None
    rate_records(state.tables, state.directory, state.lanes[number], state.cycles, usage, rated, order)


def _open_months(state: EngineState, start_local_s: np.ndarray) -> None:
    """Open the months that usage has reached, as far as their places are free; later records become errors."""
    if not len(start_local_s) or not state.cycles.is_open.any():
        return
    newest = int(state.cycles.cycle.max())
    while month_start_s(next_cycle(newest)) <= start_local_s.max():
        newest = next_cycle(newest)
        try:
            state.open_cycle(newest)
        except CycleNotReady:
            return


def _empty_rated(count: int) -> Rated:
    return Rated(
        row=np.full(count, -1, np.int32),
        status=np.zeros(count, np.int8),
        error=np.zeros(count, np.int16),
        slot=np.zeros(count, np.int8),
        item=np.zeros((count, 3), np.int16),
        units=np.zeros((count, 2), np.int64),
        std_li=np.zeros((count, 3), np.int64),
        act_li=np.zeros((count, 3), np.int64),
        rule=np.zeros((count, 2), np.int32),
        free_rule=np.zeros((count, 2), np.int32),
        free_units=np.zeros((count, 2), np.int64),
        cap_saved_li=np.zeros(count, np.int64),
    )


def _collect(
    state: EngineState, chunk: pl.DataFrame, usage: Usage, rated: Rated, found: np.ndarray, position: int
) -> ChunkRated:
    """Put the kernel's columns beside those of the chunk, user by user.

    found  i64[k]: places of the records that were new and had a user, by user
    """
    good = found[rated.status[found] != Status.ERROR]
    bad = np.flatnonzero(rated.status == Status.ERROR)
    volume = usage.up_bytes[good] + usage.down_bytes[good]
    months = usage.start_local_s[good].astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    cycles = state.cycles.cycle[rated.slot[good] % CYCLE_SLOTS]
    new = {
        "position": np.full(len(good), position),
        "row": good,
        "subscriber_id": state.directory.subscriber_id[rated.row[good]],
        "cycle": cycles,
        "usage_month": (1970 + months // 12) * 100 + months % 12 + 1,
        "status": rated.status[good],
        "basic_units": rated.units[good, 0],
        "ld_units": rated.units[good, 1],
        "kb_units": (volume + 1023) // 1024,
        "cap_saved_li": rated.cap_saved_li[good],
    }
    for place, name in enumerate(("basic", "ld", "info")):
        new[f"item_{name}"] = rated.item[good, place]
        new[f"std_{name}_li"] = rated.std_li[good, place]
        new[f"act_{name}_li"] = rated.act_li[good, place]
    for place, name in enumerate(("basic", "ld")):
        new[f"rule_{name}"] = rated.rule[good, place]
        new[f"free_rule_{place + 1}"] = rated.free_rule[good, place]
        new[f"free_units_{place + 1}"] = rated.free_units[good, place]
    added = pl.DataFrame({name: np.ascontiguousarray(values) for name, values in new.items()})
    detail = chunk.select(name for name in RATED if name in NORMALISED)[good].hstack(added)
    return ChunkRated(
        detail=detail.select(pl.col(name).cast(kind) for name, kind in RATED.items()),
        errors=chunk[bad].with_columns(pl.Series("code", rated.error[bad], pl.Int16)),
        rated=int((rated.status == Status.RATED).sum()),
        free=int((rated.status == Status.FREE).sum()),
        duplicate=int((rated.status == Status.DUPLICATE).sum()),
    )
