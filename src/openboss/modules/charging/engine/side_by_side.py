"""Columns whose members lie side by side in memory.

What is read together of one user, one total or one free resource comes with one line of the processor's cache, not with
one for each column. Outside, columns are arrays like any others: a name each, with gaps between their values.
"""

from functools import cache

import numpy as np

Columns = dict[str, np.ndarray]


def side_by_side(columns: Columns) -> Columns:
    """Lay columns of one length side by side."""
    return _enlarged(columns, len(next(iter(columns.values()))), 0)


def grown(columns: Columns, size: int, filled: int = 0) -> Columns:
    """Give columns room for at least `size` members, with some to spare if they had less."""
    have = len(next(iter(columns.values())))
    return columns if have >= size else _enlarged(columns, max(size, have * 3 // 2), filled)


def _enlarged(columns: Columns, size: int, filled: int) -> Columns:
    kind = _kind(tuple((name, column.dtype.str, column.shape[1:]) for name, column in columns.items()))
    rows = np.zeros(size, kind)
    first = next(iter(columns.values()))
    laid = first.base
    if laid is not None and laid.dtype == kind and all(column.base is laid for column in columns.values()):
        rows.view(np.uint8)[: laid.nbytes] = laid.view(np.uint8)  # side by side already: one copy
    else:
        for name, column in columns.items():
            rows[name][: len(column)] = column
    if filled:
        for name in columns:
            rows[name][len(first) :] = filled
    return {name: rows[name] for name in columns}


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
