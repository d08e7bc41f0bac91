"""Compiled functions that are called directly are called with what they were compiled for, whatever they are given."""

from typing import NamedTuple

import numpy as np
from numba import njit

from openboss.kernel.direct import direct
from openboss.kernel.pointed import pointed


@pointed
class Pair(NamedTuple):
    """Two columns."""

    left: np.ndarray
    right: np.ndarray


@njit(_nrt=False)
def _sum(pair: Pair, more: np.ndarray, factor: int) -> int:
    total = 0
    for i in range(len(more)):
        total += (pair.left[i] - pair.right[i]) * more[i] * factor
    return total


def test_the_same_function_serves_arguments_of_the_same_and_of_other_types() -> None:
    summed = direct(_sum)
    wide = Pair(np.array([5, 7]), np.array([1, 2]))
    narrow = Pair(np.array([5, 7], np.int16), np.array([1, 2], np.uint8))
    more, short = np.array([10, 100]), np.array([10, 100], np.int32)
    frozen, gaps = more.copy(), np.array([10, 0, 100, 0])[::2]
    frozen.flags.writeable = False
    for _ in range(2):
        for pair in (wide, narrow, wide._replace(left=np.array([5, 7]))):
            for some in (more, short, frozen, gaps, more):
                assert summed(pair, some, 2) == 2 * (4 * 10 + 5 * 100)
    assert summed(wide, more[:1], True) == 40
    assert summed(wide, more, np.int64(-1)) == -540
