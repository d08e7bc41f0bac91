"""Re-rating inside the engine: the use of some users written down, and what is right put in its place.

    write_down   free resources, totals and counters of users and of the pools they draw on, as frames
    put          such frames in place of what stands there
    rate_again   records of the detail store rated once more
    carry_out    the command RERATE: what a replay found up to a position, and what has been used since

Nothing here is compiled. Source: CHG-36, docs/algorithms/re-rating.md.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from openboss.kernel.state import LANES, STANDING
from openboss.kernel.usage import Status
from openboss.modules.charging.engine import changes
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.online.desk import COUNTER_NODE, FREE_NODE, Life, effects_of
from openboss.modules.charging.engine.online.growing import Growing, one_a_user
from openboss.modules.charging.engine.online.orders import OrderRefused
from openboss.modules.charging.engine.online.shown import used_li, wallets_of
from openboss.modules.charging.engine.rating import _rate, detail_of, empty_rated
from openboss.modules.charging.engine.state import EngineState, _with_room, cycle_slot
from openboss.modules.charging.schema import RATED

KINDS = ("LOOK", "RERATE")
_FIELDS = {
    "free": ("rule", "granted", "used", "carried", "from_s", "to_s", "by"),
    "totals": ("item", "rule", "calls", "seconds", "units", "free_units", "std_li", "act_li"),
    "counter": ("key", "period", "to_s", "value"),
}
RATED_AGAIN = (
    "status",
    *(f"item_{name}" for name in ("basic", "ld", "info")),
    "basic_units",
    "ld_units",
    *(f"{fee}_{name}_li" for name in ("basic", "ld", "info") for fee in ("std", "act")),
    "rule_basic",
    "rule_ld",
    *(f"free_{name}_{place}" for place in (1, 2) for name in ("rule", "units")),
    "cap_saved_li",
)
"""The columns of rated detail that another tariff can change."""
_HARMLESS = frozenset(
    ("CHUNK", "ONLINE", "WALLETS", "TOP_UP", "TOP_UPS", "HOLD", "CONFIRM", "RELEASE", "STATE", "BALANCES", "LOOK")
)
"""Inputs that may come between a replay's end and the command: use is rated again here, the rest changes none."""


class MovedOn(OrderRefused):
    """Offers, months or tariffs of these users have changed since the replay: replay what came and ask again."""


class NotPriced(Exception):
    """Records that were charged have no price under the tariffs now in force: add the missing price first."""


class Written(NamedTuple):
    """The use of some users, by the name of its owner: a user's id, or a pool's negative number; chains in order.

    free      owner, cycle (0 = outlives cycles), place, rule, granted, used, carried, from_s, to_s, by (a user)
    totals    owner, cycle, place, item, rule, calls, seconds, units, free_units, std_li, act_li
    counter   owner, cycle (0), place, key, period, to_s, value
    """

    free: pl.DataFrame
    totals: pl.DataFrame
    counter: pl.DataFrame


def with_pools(state: EngineState, subscriber_ids: np.ndarray) -> np.ndarray:
    """The rows of users and of every pool they draw on, drew on or will draw on; rising."""
    rows = state.row_of[subscriber_ids].astype(np.int64)
    directory, pools = state.directory, set()
    for row in rows[state.draws_on_pool[rows] == 1]:
        entry = directory.group_head[row]
        while entry >= 0:
            pools.add(int(directory.group_pool[entry]))
            entry = directory.group_next[entry]
    return np.union1d(rows, np.array(sorted(pools - {-1}), np.int64))


def known_users(state: EngineState, subscriber_ids: np.ndarray) -> np.ndarray:
    """Those of some users whom the engine knows; who never was in service is not."""
    inside = subscriber_ids[subscriber_ids < len(state.row_of)]
    return inside[state.row_of[inside] >= 0]


def _chains(state: EngineState, pool: str) -> list[tuple[int, int]]:
    """The chains of a pool that re-rating replaces, with their cycle: open ones, and what outlives cycles (0)."""
    open_ = [(cycle_slot(int(cycle)), int(cycle)) for cycle in state.cycles.cycle[state.cycles.is_open == 1]]
    if pool == "counter":
        return [(0, 0)]
    return [*open_, (STANDING, 0)] if pool == "free" else open_


def write_down(state: EngineState, rows: np.ndarray) -> Written:
    """Write down what users and pools have used in open cycles, and what they have that outlives them."""
    wanted = np.zeros(state.used["rows"], np.bool_)
    wanted[rows] = True
    return Written(*(_written(state, pool, wanted) for pool in _FIELDS))


def _written(state: EngineState, pool: str, wanted: np.ndarray) -> pl.DataFrame:
    names, frames = state.directory.subscriber_id, []
    for number, lane in enumerate(state.lanes):
        heads, nexts = getattr(lane, f"{pool}_head"), getattr(lane, f"{pool}_next")
        for chain, cycle in _chains(state, pool):
            count = changes.count_nodes(changes.Chains(heads, nexts), chain)
            rows, nodes = np.empty(count, np.int64), np.empty(count, np.int64)
            changes.list_nodes(changes.Chains(heads, nexts), chain, number, rows, nodes)
            mine = wanted[rows]
            values = {name: getattr(lane, f"{pool}_{name}")[nodes[mine]] for name in _FIELDS[pool]}
            if pool == "free":
                values["by"] = names[values["by"]]
            owner = names[rows[mine]]
            frames.append(pl.DataFrame({"owner": owner, "cycle": np.full(len(owner), cycle, np.int32), **values}))
    place = pl.int_range(pl.len(), dtype=pl.Int32).over("owner", "cycle")
    found = pl.concat(frames).with_columns(place=place) if frames else pl.DataFrame()
    return found.sort("owner", "cycle", "place")


def put(state: EngineState, rows: np.ndarray, written: Written) -> None:
    """Put what was written down in place of what users and pools have now; their order of use is kept."""
    for pool, frame in zip(_FIELDS, written, strict=True):
        owner_rows = _rows_of(state, frame["owner"].to_numpy())
        for number in range(LANES):
            _put_in_lane(state, pool, number, rows[rows % LANES == number] // LANES, frame, owner_rows)


def _rows_of(state: EngineState, names: np.ndarray) -> np.ndarray:
    rows, users = np.empty(len(names), np.int64), names >= 0
    rows[users] = state.row_of[names[users]]
    rows[~users] = [state.pools[-int(name)] for name in names[~users]]
    return rows


def _put_in_lane(
    state: EngineState, pool: str, number: int, local_rows: np.ndarray, frame: pl.DataFrame, owner_rows: np.ndarray
) -> None:
    mine = np.flatnonzero(owner_rows % LANES == number)
    lane = state.lanes[number] = _with_room(state.lanes[number], pool, len(mine))
    heads, chain_of = getattr(lane, f"{pool}_head"), {cycle: chain for chain, cycle in _chains(state, pool)}
    for chain in chain_of.values():
        heads[local_rows, chain] = -1
    if not len(mine):
        return
    count = getattr(lane, f"{pool}_count")
    first, last = int(count[0]), int(count[0]) + len(mine)
    for name in _FIELDS[pool]:
        values = frame[name].to_numpy()[mine]
        getattr(lane, f"{pool}_{name}")[first:last] = _rows_of(state, values) if name == "by" else values
    local, chains = owner_rows[mine] // LANES, np.array([chain_of[cycle] for cycle in frame["cycle"].to_numpy()[mine]])
    follows = np.append((local[1:] == local[:-1]) & (chains[1:] == chains[:-1]), False)
    getattr(lane, f"{pool}_next")[first:last] = np.where(follows, np.arange(first + 1, last + 1), -1)
    begins = np.append(True, ~follows[:-1])
    heads[local[begins], chains[begins]] = np.arange(first, last)[begins]
    count[0] = last


def rate_again(state: EngineState, detail: pl.DataFrame, threads: int = 1) -> pl.DataFrame:
    """Rate records of the detail store once more (schema RATED, in journal order); return them as rated now.

    Their users are known to the state; nothing is de-duplicated. Raises NotPriced, and then the state is of no use.
    """
    rows = state.row_of[detail["subscriber_id"].to_numpy()]
    order = np.argsort(rows, kind="stable")
    columns = {name: detail[name].to_numpy()[order] for name in detail.columns}
    rated = empty_rated(len(order))
    rated.row[:] = rows[order]
    with ThreadPoolExecutor(threads) as pool:
        _rate(state, columns, rated, order, pool.map)
    failed = np.flatnonzero(rated.status == Status.ERROR)
    if len(failed):
        kept = detail[int(order[failed[0]])].select("subscriber_id", "file_id", "seq_in_file").row(0)
        raise NotPriced(f"{len(failed)} records, such as (user, file, record) {kept}")
    made = detail_of(state, columns, rated, order, 0)[np.argsort(order)]
    return made.with_columns(detail["position"], detail["row"])


def changed_rows(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Those records of `after` that are rated otherwise than in `before`; both in the same order."""
    differs = np.zeros(len(before), np.bool_)
    for name in RATED_AGAIN:
        differs |= before[name].to_numpy() != after[name].to_numpy()
    return after.filter(pl.Series(differs))


# --- commands ----------------------------------------------------------------------------------------------------


def look(state: EngineState, lake: Lake, payload: dict[str, Any], position: int) -> dict[str, Any]:
    """Publish what users have used by now; use that is still growing is left out, as a file would not have it yet."""
    rows = with_pools(state, known_users(state, users_of(lake, payload)))
    places = _growing_places(state, rows)
    _shift(state, places, -1)
    written = write_down(state, rows)
    _shift(state, places, +1)
    paths = {name: f"{payload['folder']}/look-{position}-{name}.parquet" for name in Written._fields}
    frames = {
        name: {"path": path, "sha256": lake.publish(getattr(written, name), path)} for name, path in paths.items()
    }
    cycles = sorted(int(cycle) for cycle in state.cycles.cycle[state.cycles.is_open == 1])
    return {"frames": frames, "cycles": cycles, "sha256": state.tariff_sha256}


@dataclass(frozen=True)
class CarriedOut:
    """A re-rating put into the state: the answer, and the records of the detail store that are rated otherwise."""

    answer: dict[str, Any]
    corrected: pl.DataFrame


def carry_out(
    state: EngineState, lake: Lake, payload: dict[str, Any], between: list[tuple[str, Any]], position: int
) -> CarriedOut:
    """Put what a replay found up to payload["position"] into the state, and rate again what was used since.

    between  kind and payload of the inputs since then
    Raises MovedOn before any change. The detail store has everything up to here.
    """
    users = known_users(state, users_of(lake, payload))
    _refuse_if_moved_on(state, lake, payload, between, users)
    tail = usage_of_users(lake, users, after=payload["position"], until=position - 1)
    detail = lake.read_chunk(payload["detail"]["path"], payload["detail"]["sha256"])
    state._enter_pools(state.row_of[users], 0)
    rows = with_pools(state, users)
    places = _growing_places(state, rows)
    _shift(state, places, -1)
    state.desk.services["marks"][places] = 0
    before_li = _used_li(state, users)  # without what still grows: that is paid for by what it comes to
    put(state, rows, read_written(lake, payload["frames"]))
    again = rate_again(state, tail)
    _give_back(state, users, before_li)
    for some in one_a_user(state.desk.services["row"][places]):
        Growing().rate(state, places[some])
    corrected = pl.concat([detail, changed_rows(tail, again)])
    return CarriedOut({"corrected": len(corrected), "since": len(tail)}, corrected)


def read_written(lake: Lake, frames: dict[str, dict[str, str]]) -> Written:
    """Read frames of written-down use from the lake."""
    return Written(*(lake.read_chunk(frames[name]["path"], frames[name]["sha256"]) for name in Written._fields))


def usage_of_users(lake: Lake, subscriber_ids: np.ndarray, *, after: int, until: int) -> pl.DataFrame:
    """Read the rated records (schema RATED) of users between two positions of the journal, in its order."""
    table = lake.open_usage()
    if table is None:
        return pl.DataFrame(schema=RATED)
    found = pl.scan_parquet(table.file_uris(), hive_partitioning=True)
    inside = pl.col("position").is_between(after, until, closed="right")
    bounds = pl.col("subscriber_id").is_between(int(subscriber_ids.min()), int(subscriber_ids.max()))
    mine = pl.col("subscriber_id").is_in(pl.Series(subscriber_ids).implode())
    chosen = found.filter(inside & bounds & mine).select(pl.col(name).cast(kind) for name, kind in RATED.items())
    return chosen.sort("position", "row").collect()


def users_of(lake: Lake, payload: dict[str, Any]) -> np.ndarray:
    """The users a command is about."""
    return lake.read_chunk(payload["users"]["path"], payload["users"]["sha256"])["subscriber_id"].to_numpy()


def _refuse_if_moved_on(
    state: EngineState, lake: Lake, payload: dict[str, Any], between: list[tuple[str, Any]], users: np.ndarray
) -> None:
    cycles = sorted(int(cycle) for cycle in state.cycles.cycle[state.cycles.is_open == 1])
    if state.tariff_sha256 != payload["sha256"] or cycles != payload["cycles"]:
        raise MovedOn("other tariffs or months are in force than in the replay")
    for kind, content in between:
        if kind == "IMAGE":
            part = content["frames"]["subscribers"]
            touched = lake.read_chunk(part["path"], part["sha256"])["subscriber_id"].to_numpy()
            if np.isin(touched, users).any():
                raise MovedOn("offers or groups of these users have changed since the replay")
        elif kind not in _HARMLESS:
            raise MovedOn(f"{kind} came since the replay")


def _growing_places(state: EngineState, rows: np.ndarray) -> np.ndarray:
    services = state.desk.services
    mine = (services["life"] == Life.OPEN) & (services["marks"] > 0) & np.isin(services["row"], rows)
    return np.flatnonzero(mine)


def _shift(state: EngineState, places: np.ndarray, sign: int) -> None:
    """Take away (-1) or add again (+1) what growing records have done."""
    for place in places:
        for effect in effects_of(state.desk, place):
            lane, node = state.lanes[effect["lane"]], effect["node"]
            if effect["kind"] == FREE_NODE:
                lane.free_used[node] += sign * effect["a"]
            elif effect["kind"] == COUNTER_NODE:
                lane.counter_value[node] += sign * effect["a"]
            else:
                for name, column in zip(_FIELDS["totals"][2:], "abcdef", strict=True):
                    getattr(lane, f"totals_{name}")[node] += sign * effect[column]


def _used_li(state: EngineState, users: np.ndarray) -> np.ndarray:
    """What each user with a wallet has used in open cycles, in li; 0 for the others."""
    used = np.zeros(len(users), np.int64)
    rows = state.row_of[users]
    for place in np.flatnonzero(wallets_of(state.desk, rows) >= 0):
        used[place] = sum(used_li(state, int(rows[place]), slot) for slot, _cycle in _chains(state, "totals"))
    return used


def _give_back(state: EngineState, users: np.ndarray, before_li: np.ndarray) -> None:
    """Move wallets by the difference: balance and use together stay what they were."""
    more_li = _used_li(state, users) - before_li
    for place in np.flatnonzero(more_li):
        state.desk.wallets["balance_li"][state.desk.user_wallet[state.row_of[users[place]]]] -= more_li[place]
