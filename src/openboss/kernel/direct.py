"""Compiled functions called past numba's look at every argument.

At every call from Python numba looks at each argument, and at each array of a group of arrays, to find which of its
compiled versions fits: with the engine's groups 100 us a call, for work of two. Here it is asked once; afterwards a
few comparisons tell whether the arguments are of the same types, and the version it found then is called.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

_FLAGS = 0x501  # of an array: its values lie without gaps, are aligned, may be written
_dtypes: dict[int, tuple[str, np.dtype]] = {}  # by address, and kept: another one never comes to lie there


def direct(function: Any) -> Callable[..., Any]:
    """Let Python call a compiled function directly, with arguments by position."""
    known: list[Any] = [None, None]  # what the arguments were, and the version that fits them

    def call(*given: Any) -> Any:
        seen = [_seen(one) for one in given]
        was, version = known
        if seen == was:
            return version(*given)
        found = function(*given)
        kinds = tuple(function.typeof_pyval(one) for one in given)
        known[:] = seen, function.overloads[kinds].entry_point
        return found

    return call


def _seen(given: Any) -> Any:
    """What numba would make of an argument, as something that is quickly compared."""
    kind = type(given)
    if kind is int:
        return int
    if kind is np.ndarray:
        dtype = given.dtype
        named = _dtypes.get(id(dtype)) or _dtypes.setdefault(id(dtype), (str(dtype), dtype))
        return named[0], given.ndim, given.flags.num & _FLAGS
    if kind is tuple:
        return [_seen(one) for one in given]
    return getattr(given, "compiled_as", kind)  # of a pointed group (kernel/pointed.py), or a number
