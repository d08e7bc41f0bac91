"""Rating without an engine: some users, their opening and their events, in memory, by the engine's state and kernel.

Nothing is stored and nothing of the installation is read: for quotes, for the tariff lab, for the search of the best
plan. What comes out is what the engine would have made of the same journal.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from openboss.kernel.allowances import grant
from openboss.kernel.records import Rated, Usage, find_users
from openboss.kernel.state import LANES, STANDING, Lane, totals_node
from openboss.kernel.tariffs import TariffTables
from openboss.kernel.trace import empty_trace
from openboss.kernel.usage import Status
from openboss.modules.charging.engine.changes import Chains, count_nodes, list_nodes
from openboss.modules.charging.engine.online.orders import OrderRefused, carry_out
from openboss.modules.charging.engine.rating import _rate, empty_rated, rate_in_order, usage_of
from openboss.modules.charging.engine.state import CycleNotReady, EngineState, Image, _with_room, cycle_slot
from openboss.modules.charging.schema import RATED

TRACE_ROOM = 200  # steps of one event that are kept
LONGS = pl.Int64
SPAN = {"subscriber_id": LONGS, "from_local_s": LONGS, "to_local_s": LONGS}
IMAGE_SCHEMAS = {
    "subscribers": {"subscriber_id": LONGS},
    "numbers": {"number": LONGS, **SPAN},
    "imsis": {"imsi": LONGS, **SPAN},
    "holdings": {**SPAN, "offer_id": LONGS, "first_month": LONGS},
    "groups": {**SPAN, "group_id": LONGS, "kind": LONGS},
    "friends": {**SPAN, "number": LONGS},
}


_NOTHING = {name: pl.DataFrame(schema=schema) for name, schema in IMAGE_SCHEMAS.items()}
REPLAYED = ("subscriber_id", *(name for name in Usage._fields if name in RATED))


class FreeUsed(NamedTuple):
    """Units of one free resource that an event used up."""

    subscriber_id: int
    rule_id: int
    carried: bool
    units: int


class TotalGrown(NamedTuple):
    """What an event added to one running total."""

    subscriber_id: int
    item_id: int
    rule_id: int
    units: int
    free_units: int
    std_li: int
    act_li: int


@dataclass(frozen=True)
class EventRated:
    """What became of one event, with what it changed in the state."""

    status: int
    error: int
    cycle: int
    cap_saved_li: int
    components: tuple[tuple[int, int, int, int, int], ...]  # item, rule, units of the standard price, std li, act li
    free: tuple[FreeUsed, ...]
    totals: tuple[TotalGrown, ...]
    trace: tuple[tuple[int, ...], ...]  # rows of kernel.trace
    money_li: int = 0
    is_blocked: bool = False


def image_of(rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> Image:
    """Make the engine's image of some users from plain rows; columns as in IMAGE_SCHEMAS."""
    frames = {
        name: pl.DataFrame({column: [row[column] for row in found] for column in schema}, schema=schema)
        for name, schema in IMAGE_SCHEMAS.items()
        if (found := list(rows.get(name, ())))
    }
    return Image(**_NOTHING | frames)


def opened(tables: TariffTables, image: Image, cycles: Iterable[int]) -> EngineState:
    """Make a state in which users are known and cycles are open, their free resources granted.

    cycles  202610 ..., at most kernel.state.CYCLE_SLOTS in a row
    """
    state = EngineState(tables=tables)
    state.apply_image(image)
    for cycle in sorted(cycles):
        state.open_cycle(cycle)
    return state


def rate_event(state: EngineState, columns: Mapping[str, int]) -> EventRated:
    """Rate one event and say what it changed. A column of kernel.records.Usage that is absent is 0."""
    usage = usage_of({name: np.array([columns.get(name, 0)], np.int64) for name in Usage._fields})
    rated, trace = empty_rated(1), empty_trace(TRACE_ROOM)
    find_users(state.directory, usage, rated, 0, 1)
    if rated.error[0]:
        return EventRated(int(rated.status[0]), int(rated.error[0]), 0, 0, (), (), (), ())
    number = int(rated.row[0]) % LANES
    state.make_room([int(lane == number) for lane in range(LANES)])
    before = [_counters(lane) for lane in state.lanes]
    rate_in_order(state, usage, rated, np.zeros(1, np.int64), trace)
    steps = tuple(map(tuple, trace.rows[: trace.written[0]].tolist()))
    if rated.error[0]:
        return EventRated(int(rated.status[0]), int(rated.error[0]), 0, 0, (), (), (), steps)
    changed = [_changes(state, lane, old, int(rated.slot[0])) for lane, old in enumerate(before)]
    return EventRated(
        status=int(rated.status[0]),
        error=0,
        cycle=int(state.cycles.cycle[rated.slot[0]]),
        cap_saved_li=int(rated.cap_saved_li[0]),
        components=_components(rated),
        free=tuple(one for free, _ in changed for one in free),
        totals=tuple(one for _, totals in changed for one in totals),
        trace=steps,
        money_li=int(rated.money_li[0]),
        is_blocked=bool(rated.blocked[0]),
    )


def _components(rated: Rated) -> tuple[tuple[int, int, int, int, int], ...]:
    """Basic, long distance and information as item, rule, standard units, standard and actual li."""
    rules, units = (*rated.rule[0], 0), (*rated.units[0], 0)
    return tuple(
        (int(rated.item[0, place]), int(rules[place]), int(units[place]), int(rated.std_li[0, place]), int(act_li))
        for place, act_li in enumerate(rated.act_li[0])
    )


_GROWING = ("units", "free_units", "std_li", "act_li", "calls")


def _counters(lane: Lane) -> tuple[np.ndarray, np.ndarray]:
    free, totals = int(lane.free_count[0]), int(lane.totals_count[0])
    return lane.free_used[:free].copy(), np.stack([getattr(lane, f"totals_{name}")[:totals] for name in _GROWING])


def _changes(
    state: EngineState, lane_number: int, before: tuple[np.ndarray, np.ndarray], slot: int
) -> tuple[list[FreeUsed], list[TotalGrown]]:
    """Compare a lane with what it was before an event; free resources in their order of use."""
    lane = state.lanes[lane_number]
    free_before, totals_before = before
    count = int(lane.totals_count[0])
    grown = np.stack([getattr(lane, f"totals_{name}")[:count] for name in _GROWING])
    grown[:, : totals_before.shape[1]] -= totals_before
    free: list[FreeUsed] = []
    totals: list[TotalGrown] = []
    used = lane.free_used[: len(free_before)] - free_before
    if used.any():
        for subscriber_id, node in _nodes(state, lane_number, "free", slot):
            if used[node]:
                carried = bool(lane.free_carried[node] > 0)
                free.append(FreeUsed(subscriber_id, int(lane.free_rule[node]), carried, int(used[node])))
    if grown.any():
        for subscriber_id, node in _nodes(state, lane_number, "totals", slot):
            if grown[:, node].any():
                item, rule = int(lane.totals_item[node]), int(lane.totals_rule[node])
                totals.append(TotalGrown(subscriber_id, item, rule, *map(int, grown[:4, node])))
    return free, totals


def _nodes(state: EngineState, lane_number: int, pool: str, slot: int) -> list[tuple[int, int]]:
    """List the users and places of a pool of a lane in one cycle slot, and of what outlives cycles."""
    lane = state.lanes[lane_number]
    heads, nexts = getattr(lane, f"{pool}_head"), getattr(lane, f"{pool}_next")
    found: list[tuple[int, int]] = []
    for chain in (slot, STANDING) if pool == "free" else (slot,):
        count = count_nodes(Chains(heads, nexts), chain)
        rows, nodes = np.empty(count, np.int64), np.empty(count, np.int64)
        list_nodes(Chains(heads, nexts), chain, lane_number, rows, nodes)
        if pool == "free":
            rows = lane.free_by[nodes]  # in a pool's chain it is another's
        found += zip(state.directory.subscriber_id[rows].tolist(), nodes.tolist(), strict=True)
    return found


def replay(state: EngineState, usage: pl.DataFrame, threads: int) -> int:
    """Rate records of a lake's detail once more (columns REPLAYED, a user's in journal order); return how many failed.

    Their users must be known to the state; records of others are passed over. Nothing is de-duplicated: what is in
    the detail came once.
    """
    rows = state.row_of[np.minimum(usage["subscriber_id"].to_numpy(), len(state.row_of) - 1)]
    known = np.flatnonzero(rows >= 0)
    order = known[np.argsort(rows[known], kind="stable")]
    absent = np.zeros(len(order), np.int64)
    columns = {name: usage[name].to_numpy()[order] if name in usage.columns else absent for name in Usage._fields}
    rated = empty_rated(len(order))
    rated.row[:] = rows[order]
    with ThreadPoolExecutor(threads) as pool:
        _rate(state, columns, rated, order, pool.map)
    return int((rated.status == Status.ERROR).sum())


def carry_in(state: EngineState, cycle: int, carried: pl.DataFrame) -> None:
    """Give users what the month before left over: subscriber_id, rule_id, carried (units)."""
    assert state.tables is not None
    slot = cycle_slot(cycle)
    start_s, end_s = int(state.cycles.start_s[slot]), int(state.cycles.end_s[slot])
    for subscriber_id, rule_id, units in carried.select("subscriber_id", "rule_id", "carried").iter_rows():
        row = int(state.row_of[subscriber_id]) if subscriber_id < len(state.row_of) else -1
        if row >= 0:
            lane = state.lanes[row % LANES] = _with_room(state.lanes[row % LANES], "free", 1)
            grant(state.tables, lane, row // LANES, slot, rule_id, units, units, start_s, end_s, row)


def set_free(state: EngineState, *, cycle: int, subscriber_id: int, rule_id: int, left: int, carried: bool) -> None:
    """Put a free resource where an opening says it is: what is left of this month's, or what last month left over.

    Raises CycleNotReady if the user has no such resource in that cycle.
    """
    assert state.tables is not None
    row, slot = int(state.row_of[subscriber_id]), cycle_slot(cycle)
    lane = state.lanes[row % LANES] = _with_room(state.lanes[row % LANES], "free", 1)
    if carried:
        start_s, end_s = int(state.cycles.start_s[slot]), int(state.cycles.end_s[slot])
        grant(state.tables, lane, row // LANES, slot, rule_id, left, left, start_s, end_s, row)
        return
    for number, here in enumerate(state.lanes):
        for owner, node in _nodes(state, number, "free", slot):
            if owner == subscriber_id and here.free_rule[node] == rule_id and here.free_carried[node] == 0:
                here.free_granted[node] = max(left, int(here.free_granted[node]))
                here.free_used[node] = here.free_granted[node] - left
                return
    raise CycleNotReady(f"user {subscriber_id} is not granted free resource {rule_id} in {cycle}")


def set_total(state: EngineState, *, cycle: int, subscriber_id: int, item_id: int, rule_id: int, **grown: int) -> None:
    """Begin a running total (calls, seconds, units, free_units, std_li, act_li) where an opening says it is."""
    row = int(state.row_of[subscriber_id])
    state.make_room([int(lane == row % LANES) for lane in range(LANES)])
    lane = state.lanes[row % LANES]
    node = totals_node(lane, row // LANES, cycle_slot(cycle), item_id, rule_id)
    for name, count in grown.items():
        getattr(lane, f"totals_{name}")[node] = count


def give_free(
    state: EngineState, *, subscriber_id: int, to_id: int, rule_id: int, units: int, at_local_s: int
) -> int | None:
    """Move units of a free resource from one user to another as the engine's command does; what is left, or None."""
    about = {"subscriber_id": subscriber_id, "to_id": to_id, "rule_id": rule_id}
    try:
        return int(carry_out(state, "GIVE", {**about, "units": units, "at_local_s": at_local_s})["left"])
    except OrderRefused:
        return None


_FREE_FIELDS = ("rule", "granted", "used", "carried", "from_s", "to_s")
_TOTAL_FIELDS = ("item", "rule", "calls", "seconds", "units", "free_units", "std_li", "act_li")


def closing(state: EngineState, cycle: int) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    """List what is known of a cycle now: free resources in their order of use, and totals; each with its user."""
    slot = cycle_slot(cycle)
    free, totals = [], []
    for number, lane in enumerate(state.lanes):
        for subscriber_id, node in _nodes(state, number, "free", slot):
            values = {name: int(getattr(lane, f"free_{name}")[node]) for name in _FREE_FIELDS}
            free.append({"subscriber_id": subscriber_id, **values})
        for subscriber_id, node in _nodes(state, number, "totals", slot):
            values = {name: int(getattr(lane, f"totals_{name}")[node]) for name in _TOTAL_FIELDS}
            totals.append({"subscriber_id": subscriber_id, **values})
    return free, totals
