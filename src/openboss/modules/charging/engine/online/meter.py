"""How long answers took and what was turned down: what a door of charging counts by itself, as cheap as can be.

A door counts on and on; the board reads the counts once a second. What a door turns down never reaches the engine:
overload, nonsense, strangers.
"""

from collections import Counter

import numpy as np

BUCKETS = 96  # a quarter of a doubling each, from one microsecond to seconds
_A_DOUBLING = 4


def bucket_of(took_s: float) -> int:
    """The bucket of a time."""
    return min(int(np.log2(max(1.0, took_s * 1e6)) * _A_DOUBLING), BUCKETS - 1)


def quantile_us(times: np.ndarray, part: float) -> int | None:
    """The upper edge of the bucket in which a quantile lies, in microseconds; None without requests."""
    upto = np.cumsum(times)
    if not upto[-1]:
        return None
    return round(2 ** ((int(np.searchsorted(upto, part * upto[-1])) + 1) / _A_DOUBLING))


class Meter:
    """Counts since the start: answers by the time they took, and what was turned down by its cause."""

    def __init__(self) -> None:
        self.times = np.zeros(BUCKETS, np.int64)
        self.turned_down: Counter[str] = Counter()

    def answered(self, count: int, took_s: float) -> None:
        """So many requests have their answers, the first of them after `took_s` at the socket."""
        self.times[bucket_of(took_s)] += count

    def turn_down(self, cause: str, count: int = 1) -> None:
        """So many requests were answered, or dropped, without the engine."""
        self.turned_down[cause] += count
