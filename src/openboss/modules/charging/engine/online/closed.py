"""Records that sessions have closed, as rated: journalled with their group, later laid out as rated detail."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from openboss.kernel.compiled import compiled
from openboss.kernel.direct import direct
from openboss.kernel.records import Cycles, Rated
from openboss.kernel.state import CYCLE_SLOTS as SLOTS
from openboss.kernel.state import Directory
from openboss.kernel.usage import Status
from openboss.modules.charging.engine.online.desk import USE

RATED_PARTS = {"item": (np.int16, 3), "units": (np.int64, 2), "std_li": (np.int64, 3), "act_li": (np.int64, 3),
               "rule": (np.int32, 2), "free_rule": (np.int32, 2), "free_units": (np.int64, 2)}  # fmt: skip
CLOSED = np.dtype(
    [
        ("use", USE),
        ("subscriber_id", np.int64),
        ("cycle", np.int32),
        ("status", np.int32),
        *((name, kind, (width,)) for name, (kind, width) in RATED_PARTS.items()),
        ("error", np.int16),  # why it could not be rated (301 is E301)
        ("cap_saved_li", np.int64),
    ]
)
"""A closed record with what rating found; status FILTERED = all of it was given back: files may still tell of it."""
Closed = tuple[np.ndarray, np.ndarray]  # journal positions (i64[n]), and the records (CLOSED[n]) closed at them
ROWS_A_BLOCK = 1 << 14

_WORDS, _USE_WORDS = CLOSED.itemsize // 8, USE.itemsize // 8


@compiled
def _copy_uses(uses: np.ndarray, places: np.ndarray, closed: np.ndarray) -> None:
    """Copy records, as words, into the front of those that are kept."""
    for i in range(len(places)):
        for k in range(_USE_WORDS):
            closed[i * _WORDS + k] = uses[places[i] * _USE_WORDS + k]


@compiled
def _copy_rated(directory: Directory, cycles: Cycles, rated: Rated, order: np.ndarray, closed: np.ndarray) -> None:
    """Keep what rating found of records."""
    for i in range(len(order)):
        k, found = order[i], closed[i]
        found.status, found.error, found.cap_saved_li = rated.status[k], rated.error[k], rated.cap_saved_li[k]
        found.subscriber_id, found.cycle = directory.subscriber_id[rated.row[k]], cycles.cycle[rated.slot[k] % SLOTS]
        for part in range(3):
            found.item[part] = rated.item[k, part]
            found.std_li[part], found.act_li[part] = rated.std_li[k, part], rated.act_li[k, part]
        for part in range(2):
            found.units[part], found.rule[part] = rated.units[k, part], rated.rule[k, part]
            found.free_rule[part], found.free_units[part] = rated.free_rule[k, part], rated.free_units[k, part]


_use, _rated = direct(_copy_uses), direct(_copy_rated)


def closed_of(
    directory: Directory, cycles: Cycles, uses: np.ndarray, places: np.ndarray, rated: Rated, order: np.ndarray
) -> np.ndarray:
    """Keep the records at some places as they were rated, or not; `order` says where each stands in `rated`."""
    found = np.zeros(len(places), CLOSED)
    _use(uses.view(np.uint64), places, found.view(np.uint64))
    _rated(directory, cycles, rated, order, found)
    return found


class Kept:
    """Closed records that wait, by their position in the journal: in few blocks, which are handed on as they are."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []

    def __len__(self) -> int:
        return sum(block.count for block in list(self._blocks))

    def add(self, position: int, closed: np.ndarray) -> None:
        """Keep what was closed at a position, the newest."""
        if not self._blocks or not self._blocks[-1].has_room(len(closed)):
            self._blocks.append(_Block(max(ROWS_A_BLOCK, len(closed))))
        self._blocks[-1].add(position, closed)

    def told(self) -> list[Closed]:
        """All positions and records, oldest first; asked from other threads too."""
        return [block.rows() for block in list(self._blocks)]

    def split(self, to: int) -> tuple[list[Closed], "Kept"]:
        """What was closed up to a position, and the rest to keep; nothing is changed."""
        reached, rest = list[Closed](), Kept()
        for positions, closed in self.told():
            ends = int(np.searchsorted(positions, to, "right"))
            if ends:
                reached.append((positions[:ends], closed[:ends]))
            for position in np.unique(positions[ends:]).tolist():
                rest.add(position, closed[positions == position])
        return reached, rest


class _Block:
    def __init__(self, size: int) -> None:
        self._positions, self._closed, self.count = np.zeros(size, np.int64), np.zeros(size, CLOSED), 0

    def has_room(self, rows: int) -> bool:
        return self.count + rows <= len(self._positions)

    def add(self, position: int, closed: np.ndarray) -> None:
        there = slice(self.count, self.count + len(closed))
        self._positions[there] = position
        self._closed[there].view(np.uint8)[:] = closed.view(np.uint8)
        self.count = there.stop  # at last: others read

    def rows(self) -> Closed:
        count = self.count
        return self._positions[:count], self._closed[:count]


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Records (CLOSED) one after the other; joined as they are, NumPy would compare every field of every part."""
    return np.concatenate([np.zeros(0, np.uint8), *(part.view(np.uint8) for part in parts)]).view(CLOSED)


def faults_of(closed: np.ndarray) -> pl.DataFrame | None:
    """The records that could not be rated, for the error pool: NORMALISED columns and `code`; None if there is none."""
    failed = closed[closed["status"] == Status.ERROR]
    if not len(failed):
        return None
    columns = {name: np.ascontiguousarray(failed["use"][name]) for name in USE.names or ()}
    return pl.DataFrame(columns | {"code": np.ascontiguousarray(failed["error"])})
