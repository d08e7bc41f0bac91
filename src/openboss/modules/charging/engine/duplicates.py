"""Which records were rated already: 128-bit keys in open-addressing tables, one table a day of use.

Source: D4.3, CHG-05. A key takes 16 bytes at most 60 % full: three months of a million users with ten records a day
are 900 million keys, 24 GB on disk; the days in use are in memory, the others are read when a late record needs them.
"""

from dataclasses import dataclass, field

import numpy as np

from openboss.kernel.compiled import compiled, compiled_releasing

DAY_S = 86_400
SMALLEST = 1 << 12


@dataclass
class DayKeys:
    """Keys of one day: both halves, how many places are taken, and whether a snapshot has them as they are."""

    high: np.ndarray
    low: np.ndarray
    taken: int = 0
    saved_as: str = ""


@compiled_releasing
def _insert(high: np.ndarray, low: np.ndarray, key_hi: int, key_lo: int) -> bool:
    """Put a key in its place; False if it was there."""
    mask = np.uint64(len(high) - 1)
    place = (key_lo ^ (key_hi >> np.uint64(7))) & mask
    while high[place] != 0 or low[place] != 0:
        if high[place] == key_hi and low[place] == key_lo:
            return False
        place = (place + np.uint64(1)) & mask
    high[place] = key_hi
    low[place] = key_lo
    return True


@compiled_releasing
def _insert_all(
    high: np.ndarray, low: np.ndarray, keys_hi: np.ndarray, keys_lo: np.ndarray, places: np.ndarray, fresh: np.ndarray
) -> int:
    added = 0
    for place in places:
        if _insert(high, low, keys_hi[place], keys_lo[place]):
            fresh[place] = 1
            added += 1
    return added


@compiled
def _move(high: np.ndarray, low: np.ndarray, into_high: np.ndarray, into_low: np.ndarray) -> None:
    for place in range(len(high)):
        if high[place] != 0 or low[place] != 0:
            _insert(into_high, into_low, high[place], low[place])


@compiled
def _remove(high: np.ndarray, low: np.ndarray, key_hi: int, key_lo: int) -> None:
    """Take a key out and close the gap, so that later keys of the same run are still found."""
    mask = np.uint64(len(high) - 1)
    one = np.uint64(1)
    place = (key_lo ^ (key_hi >> np.uint64(7))) & mask
    while high[place] != key_hi or low[place] != key_lo:
        if high[place] == 0 and low[place] == 0:
            return
        place = (place + one) & mask
    gap = place
    while True:
        place = (place + one) & mask
        if high[place] == 0 and low[place] == 0:
            break
        home = (low[place] ^ (high[place] >> np.uint64(7))) & mask
        if ((place - home) & mask) >= ((place - gap) & mask):
            high[gap], low[gap] = high[place], low[place]
            gap = place
    high[gap], low[gap] = np.uint64(0), np.uint64(0)


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
        order = wanted[np.argsort(days[wanted], kind="stable")]
        edges = np.flatnonzero(np.diff(days[order])) + 1
        for places in np.split(order, edges):
            if len(places):
                day = self._day(int(days[places[0]]), len(places))
                day.taken += _insert_all(day.high, day.low, keys_hi, keys_lo, places, fresh)
                day.saved_as = ""
        return fresh

    def give_back(self, days: np.ndarray, keys_hi: np.ndarray, keys_lo: np.ndarray, places: np.ndarray) -> None:
        """Forget the keys of records that went to the error pool, so that they can come again."""
        for place in places:
            day = self.days[int(days[place])]
            _remove(day.high, day.low, keys_hi[place], keys_lo[place])
            day.taken -= 1

    def forget_before(self, day: int) -> None:
        """Drop the days that have left the window."""
        for old in [known for known in self.days if known < day]:
            del self.days[old]

    def _day(self, number: int, coming: int) -> DayKeys:
        day = self.days.get(number)
        needed = (day.taken if day else 0) + coming
        if day is None or needed * 5 > len(day.high) * 3:
            size = SMALLEST
            while needed * 5 > size * 3:
                size *= 2
            grown = DayKeys(np.zeros(size, np.uint64), np.zeros(size, np.uint64), day.taken if day else 0)
            if day is not None:
                _move(day.high, day.low, grown.high, grown.low)
            self.days[number] = day = grown
        return day
