"""Structures as words, most of them zero or small, packed for the journal and unpacked again.

Compiled. A group's images are seven hundred bytes a request as they lie in memory; rows of one kind differ from the
row before in few words, and packed they are two hundred.
"""

import numpy as np

from openboss.kernel.compiled import compiled

WORD = 8
WORST = 10  # bytes a word can need: itself, its length and its part of a mask


@compiled
def copy_rows(words: np.ndarray, width: int, places: np.ndarray, raw: np.ndarray, at: int) -> int:
    """Copy some rows of `width` words each behind one another; return the place behind."""
    for i in range(len(places)):
        first = places[i] * width
        for k in range(width):
            raw[at + k] = words[first + k]
        at += width
    return at


@compiled
def keep_differences(raw: np.ndarray, first: int, width: int, count: int) -> None:
    """Leave of each row but the first what differs from the row before; words are equal where nothing is left.

    raw  u64: `count` rows of `width` words from `first` on
    """
    for at in range(first + count * width - 1, first + width - 1, -1):
        raw[at] ^= raw[at - width]


@compiled
def squeeze(raw: np.ndarray, out: np.ndarray) -> int:
    """Pack words: of eight, a byte says which are not zero; each of those is a length and its bytes. Return the bytes.

    raw  u64[n];  out  u8[8 + WORST * n]
    """
    at = 0
    count = len(raw)
    for i in range(WORD):
        out[at + i] = np.uint64(count) >> np.uint64(8 * i) & np.uint64(255)
    at += WORD
    for first in range(0, count, 8):
        mask, mask_at = 0, at
        at += 1
        for k in range(first, min(first + 8, count)):
            word = raw[k]
            if word == np.uint64(0):
                continue
            mask |= 1 << (k - first)
            length_at = at
            at += 1
            while word != np.uint64(0):
                out[at] = word & np.uint64(255)
                word >>= np.uint64(8)
                at += 1
            out[length_at] = at - length_at - 1
        out[mask_at] = mask
    return at


@compiled
def words_packed(packed: np.ndarray) -> int:
    """How many words were packed."""
    count = 0
    for i in range(WORD):
        count |= np.int64(packed[i]) << 8 * i
    return count


@compiled
def unsqueeze(packed: np.ndarray, raw: np.ndarray) -> None:
    """Unpack words; raw  u64[words_packed], zeros."""
    at = WORD
    for first in range(0, len(raw), 8):
        mask = np.int64(packed[at])
        at += 1
        for k in range(8):
            if mask >> k & 1:
                length = np.int64(packed[at])
                word = np.uint64(0)
                for i in range(length):
                    word |= np.uint64(packed[at + 1 + i]) << np.uint64(8 * i)
                raw[first + k] = word
                at += 1 + length


@compiled
def distinct(places: np.ndarray, marks: np.ndarray) -> int:
    """Move each place that occurs to the front once; return how many. marks  u8 for every place, zeros, left so."""
    count = 0
    for i in range(len(places)):
        if marks[places[i]] == 0:
            marks[places[i]] = 1
            places[count] = places[i]
            count += 1
    for i in range(count):
        marks[places[i]] = 0
    return count
