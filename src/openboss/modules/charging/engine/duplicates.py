"""Which records were rated already: 128-bit keys in open-addressing tables, one table a day of use.

Source: D4.3, CHG-05. A key takes 16 bytes at most 60 % full: three months of a million users with ten records a day
are 900 million keys, 24 GB on disk; the days in use are in memory, the others are read when a late record needs them.
"""

from dataclasses import dataclass, field

import numpy as np

from openboss.kernel.compiled import compiled, compiled_releasing

DAY_S = 86_400
SMALLEST = 1 << 12
AT_ONCE = 64  # keys whose places are fetched together


@dataclass
class DayKeys:
    """Keys of one day: both halves side by side, how many places are taken, and whether a snapshot has them so."""

    keys: np.ndarray  # u64[2^k, 2]; a place of two zeros is free
    taken: int = 0
    saved_as: str = ""


@compiled
def _home(keys: np.ndarray, key_hi: int, key_lo: int) -> int:
    return (key_lo ^ (key_hi >> np.uint64(7))) & np.uint64(len(keys) - 1)


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
            day = self._day(number, len(places))
            day.taken += _insert_all(day.keys, keys_hi, keys_lo, places, fresh)
            day.saved_as = ""
        return fresh

    def give_back(self, days: np.ndarray, keys_hi: np.ndarray, keys_lo: np.ndarray) -> None:
        """Forget the keys of records that went to the error pool, so that they can come again."""
        for number, key_hi, key_lo in zip(days.tolist(), keys_hi, keys_lo, strict=True):
            day = self.days[number]
            _remove(day.keys, key_hi, key_lo)
            day.taken -= 1

    def forget_before(self, day: int) -> None:
        """Drop the days that have left the window."""
        for old in [known for known in self.days if known < day]:
            del self.days[old]

    def _day(self, number: int, coming: int) -> DayKeys:
        day = self.days.get(number)
        needed = (day.taken if day else 0) + coming
        if day is None or needed * 5 > len(day.keys) * 3:
            size = SMALLEST
            while needed * 5 > size * 3:
                size *= 2
            grown = DayKeys(np.zeros((size, 2), np.uint64), day.taken if day else 0)
            if day is not None:
                _move(day.keys, grown.keys)
            self.days[number] = day = grown
        return day


def _by_day(days: np.ndarray, places: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Split places by their day, each part in its order; most chunks are of one day."""
    if not len(days):
        return []
    if days.min() == days.max():
        return [(int(days[0]), places)]
    order = np.argsort(days, kind="stable")
    edges = np.flatnonzero(np.diff(days[order])) + 1
    return [(int(days[part[0]]), places[part]) for part in np.split(order, edges)]
