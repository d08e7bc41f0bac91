"""The engine's arrays as one thing: made empty, grown, changed by commands, saved and read back.

Every change is a function of the state and of journalled inputs, so that replay gives the same bytes.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from openboss.kernel.records import Cycles
from openboss.kernel.state import CYCLE_SLOTS, LANES, SHORT_NUMBER_BASE, Directory, Lane
from openboss.kernel.tariffs import TariffTables
from openboss.modules.charging.engine import changes, grants
from openboss.modules.charging.engine.duplicates import DAY_S, Duplicates
from openboss.modules.charging.engine.layout import (
    HEADS,
    LANE_HEADS,
    LANE_POOLS,
    NAMES,
    POOLS,
    Arrays,
    as_moments,
    empty_cycles,
    empty_directory,
    empty_lane,
    lane_of,
)
from openboss.modules.charging.engine.online import debits, silent
from openboss.modules.charging.engine.online.accounts import Accounts
from openboss.modules.charging.engine.online.black_list import BlackList
from openboss.modules.charging.engine.online.desk import (
    COUNTER_NODE,
    FREE_NODE,
    KEPT,
    TOTALS_NODE,
    Desk,
    empty_desk,
    further,
    in_use,
    indexed,
    marked_effects,
    renumber,
    with_users,
)  # fmt: skip
from openboss.modules.charging.engine.online.images import Images
from openboss.modules.charging.engine.side_by_side import grown, side_by_side

WINDOW_MONTHS = 2  # keys are kept for the current and two previous months (D4.3)
COUNTER_STEP = 4096  # records for which room for counters is made at once
TOTALS_A_RECORD = 4  # new totals one record can need: two components, information, free

_EFFECT_KINDS = {"free": FREE_NODE, "totals": TOTALS_NODE, "counter": COUNTER_NODE}


class Image(NamedTuple):
    """Base data of some users, complete for each of them (customers.atomic.engine_image)."""

    subscribers: pl.DataFrame
    numbers: pl.DataFrame
    imsis: pl.DataFrame
    holdings: pl.DataFrame
    groups: pl.DataFrame
    friends: pl.DataFrame | None = None  # subscriber_id, number, from_local_s, to_local_s: lists of the users' own


class CycleNotReady(Exception):
    """The cycle cannot be opened or frozen now; the message says why."""


def month_start_s(cycle: int) -> int:
    """Local second at which a cycle (202610) begins."""
    return (date(cycle // 100, cycle % 100, 1) - date(1970, 1, 1)).days * DAY_S


def next_cycle(cycle: int) -> int:
    """The cycle after a cycle: 202612 is followed by 202701."""
    return cycle + 1 if cycle % 100 < 12 else cycle + 89


def cycle_slot(cycle: int) -> int:
    """The place among CYCLE_SLOTS that a cycle always has."""
    return (cycle // 100 * 12 + cycle % 100) % CYCLE_SLOTS


def _in_order(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Sort rows; one row or none is in order, and a quote is made of such frames."""
    return frame.sort(*columns) if len(frame) > 1 else frame


def _grown(array: np.ndarray, size: int, filled: int = 0) -> np.ndarray:
    if len(array) >= size:
        return array
    larger = np.full((max(size, len(array) * 3 // 2), *array.shape[1:]), filled, array.dtype)
    larger[: len(array)] = array
    return larger


@dataclass
class EngineState:
    """Everything the engine knows; the only writer is the owner of the stream."""

    directory: Directory = field(default_factory=empty_directory)
    lanes: list[Lane] = field(default_factory=lambda: [empty_lane() for _ in range(LANES)])
    cycles: Cycles = field(default_factory=empty_cycles)
    duplicates: Duplicates = field(default_factory=Duplicates)
    desk: Desk = field(default_factory=empty_desk)
    accounts: Accounts = field(default_factory=Accounts)
    holds: dict[str, tuple[int, int]] = field(default_factory=dict)  # money set aside: wallet, li
    former: dict[tuple[int, int], dict[int, int | None]] = field(default_factory=dict)  # by row, cycle: online.former
    black_list: BlackList = field(default_factory=BlackList)
    tables: TariffTables | None = None
    tariff_sha256: str = ""
    used: dict[str, int] = field(
        default_factory=lambda: {"rows": 0, "span": 0, "holding": 0, "group": 0, "friend": 0, "number": 0, "imsi": 0}
    )
    row_of: np.ndarray = field(default_factory=lambda: np.full(0, -1, np.int32))
    pools: dict[int, int] = field(default_factory=dict)  # what a group shares: kernel.state.pool_key to row
    draws_on_pool: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))  # by row

    # --- base data -----------------------------------------------------------------------------------------------

    def take_tariffs(self, tables: TariffTables, sha256: str) -> None:
        """Rate by other tariffs from now on; open records are cut where these have versions begin.

        Groups some of whom hold an offer that shares something only now have their pools from now on.
        """
        self.tables, self.tariff_sha256 = tables, sha256
        self.desk.services["change_local_s"] = 0
        if self.used["group"]:
            self._enter_pools(np.arange(self.used["rows"], dtype=np.int32), 0)

    def apply_image(self, image: Image) -> np.ndarray:
        """Enter users or replace what is known of them, and grant what new offers have; return rows in sessions."""
        if self.tables is None:
            raise CycleNotReady("no tariffs are published yet: publish the catalog first")
        rows = self._rows(image.subscribers["subscriber_id"].to_numpy())
        changed = np.zeros(self.used["rows"], np.uint8)
        changed[rows] = 1
        for heads in (self.directory.holding_head, self.directory.group_head, self.directory.friend_head):
            heads[rows] = -1
        self._enter_numbers("number", image.numbers, "number", changed)
        self._enter_numbers("imsi", image.imsis, "imsi", changed)
        self.desk = with_users(self.desk, self.used["rows"])
        newest = _in_order(image.numbers.filter(image.numbers["number"] < SHORT_NUMBER_BASE), "from_local_s")
        self.desk.user_number[self.row_of[newest["subscriber_id"].to_numpy()]] = newest["number"].to_numpy()
        self._enter_holdings(image.holdings)
        first_group = self.used["group"]
        self._enter_groups(image.groups)
        if image.friends is not None:
            self._enter_friends(image.friends)
        self._enter_pools(rows, first_group)
        self.desk.services["change_local_s"][np.isin(self.desk.services["row"], rows)] = 0  # cut as offers are now
        for slot in range(CYCLE_SLOTS):
            if self.cycles.is_open[slot]:
                self._grant(np.sort(rows), slot)
        return np.unique(rows[self.desk.user_service[rows] >= 0])

    def _rows(self, subscriber_ids: np.ndarray) -> np.ndarray:
        """Rows of users, new ones at the end."""
        largest = int(subscriber_ids.max(initial=0)) + 1
        self.row_of = _grown(self.row_of, largest, -1)
        new = np.unique(subscriber_ids[self.row_of[subscriber_ids] < 0])
        first = self.used["rows"]
        self.row_of[new] = np.arange(first, first + len(new), dtype=np.int32)
        self._add_rows(new)
        return self.row_of[subscriber_ids]

    def _new_row(self, key: int) -> int:
        """Make a row for what is no user: a pool, named by a negative number."""
        self._add_rows(np.array([key], np.int64))
        return self.used["rows"] - 1

    def _add_rows(self, names: np.ndarray) -> None:
        first = self.used["rows"]
        self.used["rows"] = last = first + len(names)
        self.draws_on_pool = _grown(self.draws_on_pool, last)
        columns = grown(_named(self.directory, NAMES), last) | grown(_named(self.directory, HEADS), last, -1)
        self.directory = self.directory._replace(**columns)
        self.directory.subscriber_id[first:last] = names
        rows_a_lane = last // LANES + 1
        for number, lane in enumerate(self.lanes):
            self.lanes[number] = lane._replace(**grown(_named(lane, LANE_HEADS), rows_a_lane, -1))

    def _room(self, pool: str, coming: int) -> None:
        size = self.used[pool] + coming
        self.directory = self.directory._replace(**grown(_named(self.directory, POOLS[pool]), size))

    def _enter_numbers(self, table: str, frame: pl.DataFrame, column: str, changed: np.ndarray) -> None:
        frame = _in_order(frame, column, "from_local_s", "subscriber_id")
        numbers = frame[column].to_numpy()
        rows = self.row_of[frame["subscriber_id"].to_numpy()]
        self._room("span", len(frame))
        needed = self.used[table] + len(np.unique(numbers))
        keys, heads = getattr(self.directory, f"{table}_key"), getattr(self.directory, f"{table}_head")
        if needed * 2 > len(keys):
            size = 1 << (needed * 2).bit_length()
            empty: dict[str, np.ndarray] = {
                f"{table}_key": np.zeros(size, np.int64),
                f"{table}_head": np.full(size, -1, np.int32),
            }
            larger = side_by_side(empty)
            changes.rehash(keys, heads, *larger.values())
            keys, heads = larger.values()
            self.directory = self.directory._replace(**larger)
        changes.drop_spans(self.directory, keys, heads, np.unique(numbers), changed)
        count, new_keys = changes.add_spans(
            self.directory, keys, heads, numbers, rows, as_moments(frame["from_local_s"]),
            as_moments(frame["to_local_s"]), self.used["span"],
        )  # fmt: skip
        self.used["span"] = count
        self.used[table] += new_keys

    def _enter_holdings(self, frame: pl.DataFrame) -> None:
        assert self.tables is not None
        frame = _in_order(frame, "subscriber_id", "from_local_s", "offer_id")
        self._room("holding", len(frame))
        self.used["holding"] = changes.add_holdings(
            self.directory,
            self.tables,
            self.row_of[frame["subscriber_id"].to_numpy()],
            frame["offer_id"].to_numpy(),
            frame["first_month"].to_numpy(),
            as_moments(frame["from_local_s"]),
            as_moments(frame["to_local_s"]),
            self.used["holding"],
        )

    def _enter_groups(self, frame: pl.DataFrame) -> None:
        frame = _in_order(frame, "subscriber_id", "group_id", "from_local_s")
        self._room("group", len(frame))
        self.used["group"] = changes.add_groups(
            self.directory,
            self.row_of[frame["subscriber_id"].to_numpy()],
            frame["group_id"].to_numpy(),
            frame["kind"].to_numpy(),
            as_moments(frame["from_local_s"]),
            as_moments(frame["to_local_s"]),
            self.used["group"],
        )

    def _enter_friends(self, frame: pl.DataFrame) -> None:
        frame = _in_order(frame, "subscriber_id", "number", "from_local_s")
        self._room("friend", len(frame))
        self.used["friend"] = changes.add_friends(
            self.directory,
            self.row_of[frame["subscriber_id"].to_numpy()],
            frame["number"].to_numpy(),
            as_moments(frame["from_local_s"]),
            as_moments(frame["to_local_s"]),
            self.used["friend"],
        )

    def _enter_pools(self, rows: np.ndarray, first: int) -> None:
        """Give a row of its own to every group of a user who holds an offer that shares something.

        first  the first of the group entries just made; a new pool concerns members entered earlier too
        """
        assert self.tables is not None
        found = changes.sharing_groups(self.directory, self.tables, rows, self.used["group"] - first)
        new = [key for key in np.unique(found).tolist() if key not in self.pools]
        self.pools |= {key: self._new_row(-key) for key in new}
        keys = np.array(sorted(self.pools), np.int64)
        pool_rows = np.array([self.pools[key] for key in keys.tolist()], np.int32)
        changes.point_to_pools(self.directory, keys, pool_rows, 0 if new else first, self.used["group"])
        concerned = np.arange(self.used["rows"], dtype=np.int32) if new else rows
        changes.mark_who_draws(self.directory, concerned, self.draws_on_pool)

    def wallets_of(self, account_ids: list[int]) -> list[int]:
        """Places of accounts' wallets; who has none gets an empty one."""
        new = [account_id for account_id in dict.fromkeys(account_ids) if self.accounts.get(account_id) is None]
        first = len(self.desk.wallets)
        wallets = further(self.desk.wallets, first + len(new))
        wallets["account_id"][first:] = new
        self.accounts.take(wallets)
        self.desk = with_users(self.desk, self.used["rows"])._replace(wallets=wallets)
        places = map(self.accounts.get, account_ids)
        return [place for place in places if place is not None]

    # --- cycles --------------------------------------------------------------------------------------------------

    def open_cycle(self, cycle: int) -> None:
        """Open a cycle and grant its free resources. Raises CycleNotReady if its place is still in use."""
        slot = cycle_slot(cycle)
        if self.tables is None:
            raise CycleNotReady("no tariffs are published yet: publish the catalog first")
        if self.cycles.cycle[slot] == cycle:
            return
        if self.cycles.is_open[slot]:
            raise CycleNotReady(f"cycle {cycle} waits for cycle {self.cycles.cycle[slot]}: close that month first")
        for number, lane in enumerate(self.lanes):
            lane.free_head[:, slot] = -1
            lane.totals_head[:, slot] = -1
            if lane.free_count[0] or lane.totals_count[0] or lane.counter_count[0]:
                grants.forget_past(lane, self._oldest_open_s())
                self.lanes[number] = _compacted(lane, number, self.desk)
        self.cycles.cycle[slot] = cycle
        self.cycles.start_s[slot] = month_start_s(cycle)
        self.cycles.end_s[slot] = month_start_s(next_cycle(cycle))
        self.cycles.is_open[slot] = 1
        self._grant(np.arange(self.used["rows"]), slot)
        oldest = cycle
        for _ in range(WINDOW_MONTHS + 1):
            oldest = oldest - 1 if oldest % 100 > 1 else oldest - 89
        self.duplicates.forget_before(month_start_s(oldest) // DAY_S)

    def why_not_frozen(self, cycle: int) -> str:
        """Say why a cycle cannot be closed now; nothing if it can."""
        slot = cycle_slot(cycle)
        if self.cycles.cycle[slot] != cycle or not self.cycles.is_open[slot]:
            return f"cycle {cycle} is not open: it was closed before or never had usage"
        older = [c for c, is_open in zip(self.cycles.cycle, self.cycles.is_open, strict=True) if is_open and c < cycle]
        return f"cycle {cycle} waits for cycle {min(older)}: close that month first" if older else ""

    def freeze_cycle(self, cycle: int) -> None:
        """Close a cycle to records; what is left of carried resources goes to the next one, which is opened.

        Raises CycleNotReady before any change.
        """
        if refusal := self.why_not_frozen(cycle):
            raise CycleNotReady(refusal)
        slot, following = cycle_slot(cycle), next_cycle(cycle)
        self.open_cycle(following)
        self.cycles.is_open[slot] = 0
        assert self.tables is not None
        for number, lane in enumerate(self.lanes):
            room = changes.count_nodes(changes.Chains(lane.free_head, lane.free_next), slot)
            self.lanes[number] = lane = _with_room(lane, "free", room)
            grants.carry_over(self.tables, self.cycles, lane, slot, cycle_slot(following))

    def _oldest_open_s(self) -> int:
        """Local second before which no open cycle has room for anything."""
        open_ = self.cycles.start_s[self.cycles.is_open == 1]
        return int(open_.min()) if len(open_) else 0

    def _grant(self, rows: np.ndarray, slot: int) -> None:
        assert self.tables is not None
        end_s = int(self.cycles.end_s[slot])
        shared = grants.grants_wanted(self.directory, self.tables, rows, end_s, True)
        for number in range(LANES):
            own = rows[rows % LANES == number]
            wanted = grants.grants_wanted(self.directory, self.tables, own, end_s, False)
            self.lanes[number] = _with_room(self.lanes[number], "free", wanted + shared)
        grants.grant_cycle(self.directory, self.tables, self.cycles, tuple(self.lanes), rows, slot)

    def make_room(self, records_a_lane: list[int]) -> None:
        """Let every lane take the totals that its share of a chunk can need, and counters to begin with."""
        for number, records in enumerate(records_a_lane):
            lane = _with_room(self.lanes[number], "totals", records * TOTALS_A_RECORD)
            self.lanes[number] = self._with_counter_room(lane, min(records, COUNTER_STEP))

    def make_counter_room(self, row: int) -> None:
        """Let a user's lane take more counters, after rating has stopped for want of room; pools' lanes too."""
        for number in range(LANES) if self.draws_on_pool[row] else [row % LANES]:
            self.lanes[number] = self._with_counter_room(self.lanes[number], COUNTER_STEP)

    def _with_counter_room(self, lane: Lane, records: int) -> Lane:
        assert self.tables is not None
        return _with_room(lane, "counter", records * self.tables.counter_room)

    def make_free_room(self, lane: int, grants: int) -> None:
        """Let a lane take some more free resources."""
        self.lanes[lane] = _with_room(self.lanes[lane], "free", grants)

    def apply_images(self, images: Images) -> None:
        """Apply what a group of requests changed; `settle_desk` must follow the last one."""
        self.desk = with_users(self.desk, self.used["rows"])
        if not images.have_room(self.desk, self.lanes):
            for pool, kind in (("totals", TOTALS_NODE), ("counter", COUNTER_NODE)):
                for number, most in enumerate(images.most_nodes(kind)):
                    room = most - int(getattr(self.lanes[number], f"{pool}_count")[0])
                    self.lanes[number] = _with_room(self.lanes[number], pool, max(room, 0))
            self.desk = images.with_places(self.desk)
        images.put(self.desk, self.lanes)
        debits.remember(self.duplicates, images.sessions)
        settled = images.session_places[silent.are_settled(images.sessions)]
        silent.remember(self.duplicates, self.directory.subscriber_id, self.desk, settled)

    def settle_desk(self) -> None:
        """Work out what follows from the desk's arrays, after images were put there."""
        self._take_desk({name: getattr(self.desk, name) for name in KEPT} | {"effects": marked_effects(self.desk)})

    def _take_desk(self, kept: Arrays) -> None:
        self.desk = indexed(kept)
        self.accounts = Accounts(self.desk.wallets)

    # --- keeping -------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """Name every array, cut to what is in use: what a snapshot holds and the digest covers."""
        named = {"row_of": self.row_of}
        for name, array in self.directory._asdict().items():
            named[f"directory.{name}"] = array[: self._used_of(name, len(array))]
        for number, lane in enumerate(self.lanes):
            for name, array in lane._asdict().items():
                pool = name.split("_")[0]
                cut = int(getattr(lane, f"{pool}_count")[0]) if name in LANE_POOLS[pool] else len(array)
                named[f"lane{number}.{name}"] = array[:cut]
        for name, array in self.cycles._asdict().items():
            named[f"cycles.{name}"] = array
        return named | {f"desk.{name}": array for name, array in in_use(self.desk).items()}

    def _used_of(self, name: str, size: int) -> int:
        if name in NAMES + HEADS:
            return self.used["rows"]
        for pool, names in POOLS.items():
            if name in names:
                return self.used[pool]
        return size

    def take_arrays(self, arrays: Arrays) -> None:
        """Know what a snapshot knew; the arrays are named as `arrays` names them and lie as `layout` wants them."""
        self.row_of = arrays["row_of"]
        self.directory = Directory(**{name: arrays[f"directory.{name}"] for name in Directory._fields})
        self.lanes = [Lane(**{name: arrays[f"lane{n}.{name}"] for name in Lane._fields}) for n in range(LANES)]
        self.cycles = Cycles(**{name: arrays[f"cycles.{name}"] for name in Cycles._fields})
        self._take_desk({name: arrays[f"desk.{name}"] for name in KEPT})
        self.draws_on_pool = np.zeros(self.used["rows"], np.uint8)
        changes.mark_who_draws(self.directory, np.arange(self.used["rows"], dtype=np.int32), self.draws_on_pool)

    def former_payers(self) -> list[tuple[int, int, int, int | None]]:
        """Former wallets of users' months, as a snapshot keeps them: row, cycle, wallet, what it has paid."""
        return [(*key, *one) for key, former in sorted(self.former.items()) for one in sorted(former.items())]

    def digest(self) -> str:
        """SHA-256 over the whole state: equal states give equal digests."""
        small: list[Any] = [self.tariff_sha256, self.used, self.holds]
        small += [self.black_list.until_s] if self.black_list.until_s else []  # snapshots of before know none
        small += [self.former_payers()] if self.former else []
        return digest_of(small, sorted(self.arrays().items()), self.duplicates)


def digest_of(small: list[Any], arrays: Iterable[tuple[str, np.ndarray]], duplicates: Duplicates) -> str:
    """SHA-256 over what a state consists of, its arrays in the order of their names."""
    whole = hashlib.sha256(json.dumps(small, sort_keys=True).encode())
    for name, array in arrays:
        whole.update(name.encode())
        whole.update(np.ascontiguousarray(array).data)
    for day, described in duplicates.described().items():
        whole.update(f"{day}:{described}".encode())
    return whole.hexdigest()


def _compacted(lane: Lane, number: int, desk: Desk) -> Lane:
    """Drop pool places that no chain reaches any more; what open records have done is found under the new places."""
    arrays: dict[str, Any] = {}
    for pool, names in LANE_POOLS.items():
        heads = getattr(lane, f"{pool}_head")
        nexts = getattr(lane, f"{pool}_next")
        kept = np.zeros(len(nexts), np.int64)
        count = changes.chain_order(changes.Chains(heads, nexts), kept)
        kept = kept[:count]
        has_next = nexts[kept] >= 0
        moved_to = np.full(len(nexts) + 1, -1, np.int32)
        moved_to[kept] = np.arange(count)
        renumber(desk, number, _EFFECT_KINDS[pool], moved_to)
        arrays |= {name: getattr(lane, name)[kept] for name in names}
        arrays[f"{pool}_next"] = np.where(has_next, np.arange(1, count + 1), -1).astype(np.int32)
        arrays[f"{pool}_count"] = np.array([count], np.int64)
    return lane_of(lane._asdict() | arrays)


def _with_room(lane: Lane, pool: str, coming: int) -> Lane:
    size = int(getattr(lane, f"{pool}_count")[0]) + coming
    if len(getattr(lane, f"{pool}_next")) >= size:
        return lane  # the same one: compiled code knows where it lies
    return lane._replace(**grown(_named(lane, LANE_POOLS[pool]), size))


def _named(arrays: Directory | Lane, names: Iterable[str]) -> dict[str, np.ndarray]:
    return {name: getattr(arrays, name) for name in names}
