"""One chunk of usage through the kernel: columns in, rated detail and errors out, state changed.

The records that will be rated are put in the order of their users first, column by column: then a user's state and all
that is read and written of his records lies together. Deterministic: lanes share nothing, so the number of threads
changes the time, never a byte.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from openboss.kernel.direct import direct
from openboss.kernel.records import Rated, Usage, find_users, rate_records
from openboss.kernel.state import CYCLE_SLOTS, LANES
from openboss.kernel.trace import NO_TRACE, Trace
from openboss.kernel.usage import Status
from openboss.modules.charging.engine.duplicates import DAY_S
from openboss.modules.charging.engine.online.closed import RATED_PARTS, Closed, joined
from openboss.modules.charging.engine.online.desk import USE
from openboss.modules.charging.engine.state import CycleNotReady, EngineState, month_start_s, next_cycle
from openboss.modules.charging.engine.twins import TWINS, find_twins
from openboss.modules.charging.schema import NORMALISED, RATED

E_DUPLICATE = 401
ROWS_FOR_THREADS = 8192  # fewer are rated sooner than threads are started

Columns = dict[str, np.ndarray]
Each = Callable[..., Iterable[Any]]  # `map`, or that of a pool of threads
_KEPT = [name for name in NORMALISED if name in RATED]
_ARROW = pl.DataFrame(schema=RATED).to_arrow().schema
_COMPILED_FOR = {name: pl.Series(name, [], NORMALISED.get(name, pl.Int32)).to_numpy().dtype for name in Usage._fields}


@dataclass(frozen=True)
class ChunkRated:
    """What became of a chunk: counts by status, the detail (schema RATED) and the errors (NORMALISED + code)."""

    detail: pl.DataFrame
    errors: pl.DataFrame
    rated: int
    free: int
    duplicate: int
    twins: pl.DataFrame  # charged online already (schema TWINS)

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
    columns = _columns_of(chunk)
    if len(chunk) < ROWS_FOR_THREADS:
        seen, began, order, mine, rated = _admitted_and_rated(state, columns, map, 1)
    else:
        with ThreadPoolExecutor(threads) as pool:
            seen, began, order, mine, rated = _admitted_and_rated(state, columns, pool.map, threads)
    failed = rated.status == Status.ERROR
    seen.status[order], seen.error[order] = rated.status, rated.error
    if failed.any():
        state.duplicates.give_back(
            mine["start_local_s"][failed] // DAY_S, mine["key_hi"][failed], mine["key_lo"][failed]
        )
    bad = np.flatnonzero(seen.status == Status.ERROR)
    detail = detail_of(state, mine, rated, order, position)
    return ChunkRated(
        detail=detail.filter(~failed) if failed.any() else detail,
        errors=chunk[bad].with_columns(pl.Series("code", seen.error[bad], pl.Int16)),
        rated=int((rated.status == Status.RATED).sum()),
        free=int((rated.status == Status.FREE).sum()),
        duplicate=int((seen.status == Status.DUPLICATE).sum()),
        twins=_twins(state, chunk, seen, began),
    )


def users_of(state: EngineState, chunk: pl.DataFrame) -> np.ndarray:
    """The rows of the users whose records a chunk has, each once."""
    usage, seen = usage_of(_columns_of(chunk)), empty_rated(len(chunk))
    find_users(state.directory, usage, seen, 0, len(chunk))
    return np.unique(seen.row[seen.row >= 0])


def _admitted_and_rated(
    state: EngineState, columns: Columns, each: Each, threads: int
) -> tuple[Rated, np.ndarray, np.ndarray, Columns, Rated]:
    """Rate the new records of known users, in the order of their users.

    Gives what was seen of every record, when twins began online, the places of those rated, their columns, and how
    they were rated.
    """
    seen, began = _admit(state, columns, each, threads)
    order = _by_user(seen)
    mine = dict(zip(NORMALISED, each(lambda name: np.take(columns[name], order), NORMALISED), strict=True))
    rated = empty_rated(len(order))
    rated.row[:] = seen.row[order]
    _rate(state, mine, rated, order, each)
    return seen, began, order, mine, rated


def _columns_of(chunk: pl.DataFrame) -> Columns:
    """The columns of a chunk; one made before a column was known has nothing in it."""
    return {
        name: chunk[name].to_numpy() if name in chunk.columns else pl.zeros(chunk.height, kind, eager=True).to_numpy()
        for name, kind in NORMALISED.items()
    }


def _admit(state: EngineState, columns: Columns, each: Each, threads: int) -> tuple[Rated, np.ndarray]:
    """Find every record's user, and those that were rated before; in the order of the chunk.

    Gives, too, when what was charged online began, of each record that tells of it (twins.find_twins).
    """
    usage = usage_of(columns)
    _open_months(state, usage.start_local_s)
    seen = empty_rated(len(usage.record_type))
    edges: list[int] = np.linspace(0, len(seen.row), threads + 1).astype(int).tolist()
    list(each(lambda k: find_users(state.directory, usage, seen, edges[k], edges[k + 1]), range(threads)))
    wanted = np.flatnonzero(seen.status != Status.ERROR)
    days = usage.start_local_s // DAY_S
    fresh = state.duplicates.claim(days, columns["key_hi"], columns["key_lo"], wanted)
    seen.status[wanted[fresh[wanted] == 0]] = Status.DUPLICATE
    new = wanted[fresh[wanted] != 0]
    began = find_twins(state, columns, seen.row, new)
    seen.status[new[began >= 0]] = Status.FILTERED
    return seen, began[began >= 0]


def _twins(state: EngineState, chunk: pl.DataFrame, seen: Rated, began: np.ndarray) -> pl.DataFrame:
    """The records of a chunk that were charged online."""
    places = np.flatnonzero(seen.status == Status.FILTERED)
    if not len(places):
        return pl.DataFrame(schema=TWINS)
    users = pl.Series("subscriber_id", state.directory.subscriber_id[seen.row[places]])
    online = pl.Series("online_local_s", began)
    return chunk[places].with_columns(users, online).select(TWINS.names()).cast(TWINS)


def _by_user(seen: Rated) -> np.ndarray:
    """Places of the records to be rated, a user's together and in journal order (row and place sort as one number)."""
    places = np.flatnonzero(seen.status == Status.RATED)  # as it was before anything became of it
    both = (seen.row[places].astype(np.int64) << 32) | places
    both.sort()
    return both & 0xFFFFFFFF


def _rate(state: EngineState, columns: Columns, rated: Rated, places: np.ndarray, each: Each) -> None:
    """Rate records that lie in the order of their users, every lane by itself; then those of users who share.

    places  i64[records]: where each record stands in the journal's order, in which a pool is drawn on
    """
    usage = usage_of(columns)
    alone = state.draws_on_pool[rated.row] == 0
    lane_of = rated.row % LANES
    orders = [np.flatnonzero((lane_of == number) & alone) for number in range(LANES)]
    state.make_room(np.bincount(lane_of, minlength=LANES).tolist())
    list(each(lambda number: rate_in_order(state, usage, rated, orders[number], NO_TRACE), range(LANES)))
    together = np.flatnonzero(~alone)
    rate_in_order(state, usage, rated, together[np.argsort(places[together])], NO_TRACE)


_rate_records = direct(rate_records)


def rate_in_order(state: EngineState, usage: Usage, rated: Rated, order: np.ndarray, trace: Trace) -> None:
    """Rate the records at some places, in that order; the caller has made room for them.

    Calls may run side by side if each is about one lane and none about a user who draws on a pool.
    """
    assert state.tables is not None
    done = 0
    while done < len(order):
        lanes = tuple(state.lanes)
        done += _rate_records(state.tables, state.directory, lanes, state.cycles, usage, rated, order[done:], trace, 1)
        if done < len(order):
            state.make_counter_room(int(rated.row[order[done]]))


def usage_of(columns: Columns) -> Usage:
    """The columns that rating reads, absent ones 0, in the types it is compiled for: others compile it once more."""
    absent = np.zeros(len(columns["record_type"]), np.int32)
    return Usage(**{name: columns.get(name, absent).astype(kind, copy=False) for name, kind in _COMPILED_FOR.items()})


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


def detail_of_closed(parts: list[Closed]) -> pl.DataFrame:
    """Lay out what sessions closed (CLOSED), with the positions they were closed at, as rated detail (schema RATED).

    What could not be rated is none, nor what was given back whole.
    """
    position, whole = np.concatenate([one for one, _ in parts]), joined([closed for _, closed in parts])
    is_rated = (whole["status"] != Status.ERROR) & (whole["status"] != Status.FILTERED)
    before = np.cumsum(is_rated) - is_rated  # how many rated ones stand before each
    in_group = before - before[np.searchsorted(position, position)]
    if not is_rated.all():
        whole, position, in_group = whole[is_rated], position[is_rated], in_group[is_rated]
    columns = {name: np.ascontiguousarray(whole["use"][name]) for name in USE.names or ()}
    rated = SimpleNamespace(**{name: whole[name] for name in ("status", "cap_saved_li", *RATED_PARTS)})
    return detail_frame(columns, rated, position, in_group, subscriber_id=whole["subscriber_id"], cycle=whole["cycle"])


def usage_for(count: int) -> Usage:
    """Make room for the columns that rating reads."""
    return Usage(**{name: np.zeros(count, kind) for name, kind in _COMPILED_FOR.items()})


def empty_rated(count: int) -> Rated:
    """Make room for what rating finds."""
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
        money_li=np.zeros(count, np.int64),
        rest=np.zeros((count, 2), np.int64),
        blocked=np.zeros(count, np.int8),
    )


def detail_of(state: EngineState, columns: Columns, rated: Rated, order: np.ndarray, position: int) -> pl.DataFrame:
    """Put the kernel's columns beside those of the chunk; nothing is copied that has its width already.

    order  i64[k]: places in the chunk of the records that were new and had a user, by user
    """
    cycle = state.cycles.cycle[rated.slot % CYCLE_SLOTS]
    return detail_frame(
        columns,
        rated,
        np.full(len(order), position),
        order,
        subscriber_id=state.directory.subscriber_id[rated.row],
        cycle=cycle,
    )


def detail_frame(
    columns: Columns, rated: Any, position: np.ndarray, order: np.ndarray, *, subscriber_id: np.ndarray,
    cycle: np.ndarray,
) -> pl.DataFrame:  # fmt: skip
    """Lay out rated detail (schema RATED); `rated` has the columns of Rated that the detail keeps."""
    months = columns["start_local_s"].astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    made: dict[str, Any] = {
        **{name: columns[name] for name in _KEPT},
        "position": position,
        "row": order,
        "subscriber_id": subscriber_id,
        "cycle": cycle,
        "usage_month": (1970 + months // 12) * 100 + months % 12 + 1,
        "status": rated.status,
        "basic_units": rated.units[:, 0],
        "ld_units": rated.units[:, 1],
        "kb_units": (columns["up_bytes"] + columns["down_bytes"] + 1023) // 1024,
        "cap_saved_li": rated.cap_saved_li,
    }
    for place, name in enumerate(("basic", "ld", "info")):
        made[f"item_{name}"] = rated.item[:, place]
        made[f"std_{name}_li"] = rated.std_li[:, place]
        made[f"act_{name}_li"] = rated.act_li[:, place]
    for place, name in enumerate(("basic", "ld")):
        made[f"rule_{name}"] = rated.rule[:, place]
        made[f"free_rule_{place + 1}"] = rated.free_rule[:, place]
        made[f"free_units_{place + 1}"] = rated.free_units[:, place]
    arrays = [pa.array(np.ascontiguousarray(made[field.name], field.type.to_pandas_dtype())) for field in _ARROW]
    frame = pl.from_arrow(pa.Table.from_arrays(arrays, schema=_ARROW))
    assert isinstance(frame, pl.DataFrame)
    return frame
