"""How the kernel's functions are compiled.

`compiled`           for functions called per record or per user. They allocate nothing, so reference counting is off:
                     with it every array read would be counted up and down (measured: 18 us a record instead of 0.8).
                     Divisors are proved positive by the tariff compiler, so no check for zero stands in the way
                     either. LLVM puts every call's body in its place (measured: 785 ns a record without, 605 so).
`apart`              the same without that, for long bodies on the rare way.
`compiled_releasing` the same for the entry points, which let other threads run meanwhile.
`inlined`            the same for functions called from one place, by numba itself, which sees more of what is constant
                     (measured: 1.6 us a record without, 1.0 with).
`allocating`         for functions called once a run, which make the arrays they answer with.
"""

from typing import Any

from numba import njit

_KEPT: dict[str, Any] = {"cache": True, "no_cfunc_wrapper": True}
OPTIONS = _KEPT | {"error_model": "numpy", "_nrt": False}

compiled = njit(**OPTIONS, forceinline=True)
apart = njit(**OPTIONS)
compiled_releasing = njit(**OPTIONS, nogil=True)
inlined = njit(**OPTIONS, inline="always")
allocating = njit(**_KEPT, nogil=True)
