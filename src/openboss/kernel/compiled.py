"""How the kernel's functions are compiled.

`compiled`           for functions called per record or per user. They allocate nothing, so reference counting is off:
                     with it every call would count up and down each of the forty arrays of the tables (measured: 18
                     us a record instead of 0.8). Divisors are proved positive by the tariff compiler, so no check
                     for zero stands in the way either.
`compiled_releasing` the same for the entry points, which let other threads run meanwhile.
"""

from numba import njit

compiled = njit(cache=True, error_model="numpy", _nrt=False)
compiled_releasing = njit(cache=True, error_model="numpy", _nrt=False, nogil=True)
