"""Which records were rated already: 128-bit keys in open-addressing tables, one table a day of use.

A day that rests (no key came between two snapshots) leaves memory: its table is the snapshot's file, mapped, of which
a late record reads one page; keys that still come go to a small table beside it. Sizes: docs/architecture.md section 5;
why the key is enough: docs/decisions/0006. Source: D4.3, CHG-05.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from openboss.kernel.compiled import compiled, compiled_releasing
from openboss.modules.charging.engine.array_files import ArrayFile

DAY_S = 86_400
SMALLEST = 1 << 12
AT_ONCE = 64  # keys whose places are fetched together
LATE_SHARE = 8  # a resting day comes back to memory when an eighth of its keys is new


@dataclass
class KeyTable:
    """Keys with their halves side by side, how many places are taken, and the file of a snapshot that has them so."""

    keys: np.ndarray = field(default_factory=lambda: np.zeros((SMALLEST, 2), np.uint64))  # two zeros: free
    taken: int = 0
    saved_as: str = ""
    sums: tuple[int, int] | None = None  # of both halves, where reading them again would cost

    def totals(self) -> tuple[int, int]:
        """Sums of both halves, whatever the order of the keys."""
        return self.sums or (int(self.keys[:, 0].sum()), int(self.keys[:, 1].sum()))


@dataclass
class DayKeys:
    """Keys of one day: those in memory and, of a day that rests, those in its file."""

    new: KeyTable = field(default_factory=KeyTable)
    old: KeyTable | None = None

    def tables(self) -> list[KeyTable]:
        """The tables there are."""
        return [self.new, self.old] if self.old else [self.new]

    def described(self) -> str:
        """Count and sums of the keys: equal sets of keys are described alike, wherever they lie."""
        high = sum(table.totals()[0] for table in self.tables()) % 2**64
        low = sum(table.totals()[1] for table in self.tables()) % 2**64
        return f"{sum(table.taken for table in self.tables())}:{high ^ low}"

    def rest(self, folder: Path) -> None:
        """Leave memory for the file of a snapshot under `folder`, which has all keys."""
        file = folder / f"{self.new.saved_as}.npy"
        self.old = KeyTable(np.load(file, mmap_mode="r"), self.new.taken, self.new.saved_as, self.new.totals())
        self.new = KeyTable()

    def make_room(self, coming: int) -> None:
        """Let as many keys come; a resting day to which many came is in memory again."""
        gathered = [self.new]
        if self.old and (self.new.taken + coming) * LATE_SHARE > self.old.taken:
            gathered, self.old = [self.new, self.old], None
        needed = sum(table.taken for table in gathered) + coming
        if len(gathered) > 1 or needed * 5 > len(self.new.keys) * 3:
            size = SMALLEST
            while needed * 5 > size * 3:
                size *= 2
            larger = np.zeros((size, 2), np.uint64)
            for table in gathered:
                _move(table.keys, larger)
            self.new = KeyTable(larger, needed - coming)


@compiled
def _home(keys: np.ndarray, key_hi: int, key_lo: int) -> int:
    return (key_lo ^ (key_hi >> np.uint64(7))) & np.uint64(len(keys) - 1)  # type: ignore[return-value]


@compiled
def _insert(keys: np.ndarray, key_hi: int, key_lo: int) -> bool:
    """Put a key in its place; False if it was there."""
    mask = np.uint64(len(keys) - 1)
    place = _home(keys, key_hi, key_lo)
    while keys[place, 0] != 0 or keys[place, 1] != 0:
        if keys[place, 0] == key_hi and keys[place, 1] == key_lo:
            return False
        place = (place + np.uint64(1)) & mask
    keys[place, 0] = key_hi
    keys[place, 1] = key_lo
    return True


@compiled
def _has(keys: np.ndarray, key_hi: int, key_lo: int) -> bool:
    mask = np.uint64(len(keys) - 1)
    place = _home(keys, key_hi, key_lo)
    while keys[place, 0] != 0 or keys[place, 1] != 0:
        if keys[place, 0] == key_hi and keys[place, 1] == key_lo:
            return True
        place = (place + np.uint64(1)) & mask
    return False


@compiled_releasing
def _known(keys: np.ndarray, keys_hi: np.ndarray, keys_lo: np.ndarray, places: np.ndarray, known: np.ndarray) -> None:
    for i in range(len(places)):
        known[i] = _has(keys, keys_hi[places[i]], keys_lo[places[i]])


@compiled_releasing
def _insert_all(
    keys: np.ndarray, keys_hi: np.ndarray, keys_lo: np.ndarray, places: np.ndarray, fresh: np.ndarray
) -> int:
    """Put the keys at some places in; mark those that were new and count them.

    The places of the next few are touched before they are needed: memory is asked for all of them at once.
    """
    added, touched = 0, np.uint64(0)
    for first in range(0, len(places), AT_ONCE):
        last = min(first + AT_ONCE, len(places))
        for i in range(first, last):
            touched |= keys[_home(keys, keys_hi[places[i]], keys_lo[places[i]]), 0]
        for i in range(first, last):
            place = places[i]
            if _insert(keys, keys_hi[place], keys_lo[place]):
                fresh[place] = 1
                added += 1
    return added if touched != 0 or added >= 0 else -1


@compiled
def _move(keys: np.ndarray, into: np.ndarray) -> None:
    for place in range(len(keys)):
        if keys[place, 0] != 0 or keys[place, 1] != 0:
            _insert(into, keys[place, 0], keys[place, 1])


@compiled
def _remove(keys: np.ndarray, key_hi: int, key_lo: int) -> None:
    """Take a key out and close the gap, so that later keys of the same run are still found."""
    mask = np.uint64(len(keys) - 1)
    one = np.uint64(1)
    place = _home(keys, key_hi, key_lo)
    while keys[place, 0] != key_hi or keys[place, 1] != key_lo:
        if keys[place, 0] == 0 and keys[place, 1] == 0:
            return
        place = (place + one) & mask
    gap = place
    while True:
        place = (place + one) & mask
        if keys[place, 0] == 0 and keys[place, 1] == 0:
            break
        home = _home(keys, keys[place, 0], keys[place, 1])
        if ((place - home) & mask) >= ((place - gap) & mask):
            keys[gap, 0], keys[gap, 1] = keys[place, 0], keys[place, 1]
            gap = place
    keys[gap, 0], keys[gap, 1] = np.uint64(0), np.uint64(0)


@dataclass
class Duplicates:
    """The keys of every day within the window."""

    days: dict[int, DayKeys] = field(default_factory=dict)

    def claim(self, days: np.ndarray, keys_hi: np.ndarray, keys_lo: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Enter the keys of the wanted records; return u8[n]: 1 where the key was new.

        days    i64[n]: local day of use
        wanted  i64[k]: places of the records that ask, in journal order
        """
        fresh = np.zeros(len(days), np.uint8)
        for number, places in _by_day(days[wanted], wanted):
            day = self.days.setdefault(number, DayKeys())
            day.make_room(len(places))
            if day.old:
                known = np.zeros(len(places), np.bool_)
                _known(day.old.keys, keys_hi, keys_lo, places, known)
                places = places[~known]
            added = _insert_all(day.new.keys, keys_hi, keys_lo, places, fresh)
            if added:
                day.new.taken += added
                day.new.saved_as = ""
        return fresh

    def has(self, days: np.ndarray, keys_hi: np.ndarray, keys_lo: np.ndarray) -> np.ndarray:
        """Say which keys are known on their days: bool[n]."""
        found = np.zeros(len(days), np.bool_)
        for number, places in _by_day(days, np.arange(len(days))):
            for table in self.days[number].tables() if number in self.days else []:
                known = np.zeros(len(places), np.bool_)
                _known(table.keys, keys_hi, keys_lo, places, known)
                found[places] |= known
        return found

    def give_back(self, days: np.ndarray, keys_hi: np.ndarray, keys_lo: np.ndarray) -> None:
        """Forget the keys of records that went to the error pool, so that they can come again."""
        for number, key_hi, key_lo in zip(days.tolist(), keys_hi, keys_lo, strict=True):
            table = self.days[number].new  # where it was entered a moment ago
            _remove(table.keys, key_hi, key_lo)
            table.taken -= 1
            table.saved_as = ""

    def forget_before(self, day: int) -> None:
        """Drop the days that have left the window."""
        for old in [known for known in self.days if known < day]:
            del self.days[old]

    def to_save(self, folder: Path) -> Iterator[tuple[Path, np.ndarray]]:
        """Name the files a snapshot in `folder` lacks, with their content; days that rested since the last one rest."""
        for number, day in self.days.items():
            if day.old is None and day.new.saved_as and day.new.taken > SMALLEST:
                day.rest(folder.parent)
            for table, name in zip(day.tables(), (f"keys-{number}", ""), strict=False):
                if not table.saved_as:
                    yield folder / f"{name}.npy", table.keys
                    table.saved_as = f"{folder.name}/{name}"

    def described(self) -> dict[str, str]:
        """Describe the keys of each day (DayKeys.described), in the order of the days."""
        return {str(number): day.described() for number, day in sorted(self.days.items())}

    def manifest(self) -> dict[str, Any]:
        """Name the files of all days, as `load` wants it."""
        return {
            str(number): [{"file": t.saved_as, "taken": t.taken, "sums": t.sums} for t in day.tables()]
            for number, day in self.days.items()
        }

    def load(self, manifest: dict[str, Any], folder: Path) -> None:
        """Read the days back; those that rest are mapped, not read. Raises OSError, ValueError."""
        for number, kept in manifest.items():
            tables = list[KeyTable]()
            for part in kept:
                file = ArrayFile(folder / f"{part['file']}.npy").path
                keys = np.load(file, mmap_mode="r" if part["sums"] else None)
                tables.append(
                    KeyTable(keys, part["taken"], part["file"], tuple(part["sums"]) if part["sums"] else None)
                )
            self.days[int(number)] = DayKeys(*tables)

    def files(self) -> set[str]:
        """Name the files that hold keys."""
        return {table.saved_as for day in self.days.values() for table in day.tables()}


def _by_day(days: np.ndarray, places: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Split places by their day, each part in its order; most chunks are of one day."""
    if not len(days):
        return []
    if days.min() == days.max():
        return [(int(days[0]), places)]
    order = np.argsort(days, kind="stable")
    edges = np.flatnonzero(np.diff(days[order])) + 1
    return [(int(days[part[0]]), places[part]) for part in np.split(order, edges)]
