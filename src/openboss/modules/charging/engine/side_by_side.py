"""Columns whose members lie side by side in memory.

What is read together of one user, one total or one free resource comes with one line of the processor's cache, not with
one for each column. Outside, columns are arrays like any others: a name each, with gaps between their values.
"""

from functools import cache

import numpy as np

Columns = dict[str, np.ndarray]

RESERVED = 1 << 22  # members that addresses are reserved for; memory follows as they are used
RESERVED_FROM = 1 << 12  # members from which on that is worth it
MEMBERS_AT_ONCE = 1 << 16  # most members added to spare


def side_by_side(columns: Columns) -> Columns:
    """Lay columns of one length side by side."""
    return _enlarged(columns, len(next(iter(columns.values()))), 0)


def grown(columns: Columns, size: int, filled: int = 0) -> Columns:
    """Give columns room for at least `size` members, with some to spare if they had less.

    Many are not copied: networks wait meanwhile.
    """
    have = len(next(iter(columns.values())))
    if have >= size:
        return columns
    return _enlarged(columns, max(size, min(have * 3 // 2, have + MEMBERS_AT_ONCE)), filled)


def _enlarged(columns: Columns, size: int, filled: int) -> Columns:
    kind = _kind(tuple((name, column.dtype.str, column.shape[1:]) for name, column in columns.items()))
    have = len(next(iter(columns.values())))
    room = _shared_room(columns, kind)
    if room is None or len(room) < size:
        larger = np.zeros(size if size < RESERVED_FROM else max(RESERVED, 2 * size), kind)
        if room is not None:  # side by side already: one copy
            larger[:have].view(np.uint8)[:] = room[:have].view(np.uint8)
        else:
            for name, column in columns.items():
                larger[name][:have] = column
        room = larger
    if filled:
        for name in columns:
            room[name][have:size] = filled
    return {name: room[name][:size] for name in columns}


def _shared_room(columns: Columns, kind: np.dtype) -> np.ndarray | None:
    """What columns are parts of, if they lie side by side."""
    room = next(iter(columns.values())).base
    is_shared = room is not None and room.dtype == kind and all(column.base is room for column in columns.values())
    return room if is_shared else None


@cache
def _kind(fields: tuple[tuple[str, str, tuple[int, ...]], ...]) -> np.dtype:
    """Lay out one row: the widest first, and a length that fits whole into lines of the cache."""
    widest_first = sorted(fields, key=lambda field: -np.dtype(field[1]).itemsize)
    ends = np.cumsum([np.dtype((code, shape)).itemsize for _name, code, shape in widest_first]).tolist()
    return np.dtype(
        {
            "names": [name for name, _code, _shape in widest_first],
            "formats": [(code, shape) for _name, code, shape in widest_first],
            "offsets": [0, *ends[:-1]],
            "itemsize": 1 << (ends[-1] - 1).bit_length(),
        }
    )
