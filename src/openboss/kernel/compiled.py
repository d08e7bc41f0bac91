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

A function is compiled once for all integers: numba would compile it anew for every constant it is called with, and for
every narrower integer that a column holds (measured: 19 times `note`, 31 times the writer of a Diameter word).
"""

from collections.abc import Callable
from typing import Any

from numba import njit, types

_KEPT: dict[str, Any] = {"cache": True, "no_cfunc_wrapper": True}
OPTIONS = _KEPT | {"error_model": "numpy", "_nrt": False}


def _widened(kind: types.Type) -> types.Type:
    """Take a constant for its type, and a signed integer, or a moment of 32 bits, for a signed one of 64."""
    kind = types.unliteral(kind)
    is_signed = isinstance(kind, types.Integer) and kind.signed  # type: ignore[attr-defined]
    return types.int64 if is_signed or kind == types.uint32 else kind


def _once(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    def compile_once(function: Callable[..., Any]) -> Any:
        dispatcher: Any = njit(**options)(function)
        template = dispatcher.get_call_template
        dispatcher.get_call_template = lambda args, kws: template(
            tuple(_widened(kind) for kind in args), {name: _widened(kind) for name, kind in kws.items()}
        )
        return dispatcher

    return compile_once


compiled = _once(**OPTIONS, forceinline=True)
apart = _once(**OPTIONS)
compiled_releasing = _once(**OPTIONS, nogil=True)
inlined = njit(**OPTIONS, inline="always")
allocating = _once(**_KEPT, nogil=True)
