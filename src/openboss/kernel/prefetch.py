"""Memory asked for before it is needed, so that users who lie anywhere in it do not keep the processor waiting."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic
from numba.np.arrayobj import make_array

_WORD = ir.IntType(32)
_BYTE = ir.IntType(8).as_pointer()


def _prefetch(_context: Any, array: Any, _place: Any) -> Any:
    """Ask for the line of an array's value at a place; changes nothing. The place must be inside."""

    def ask(context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        found = make_array(array)(context, builder, given[0])
        places = [given[1]] + [context.get_constant(types.intp, 0)] * (array.ndim - 1)
        address = cgutils.get_item_pointer(context, builder, array, found, places, wraparound=False)
        kind = ir.FunctionType(ir.VoidType(), [_BYTE, _WORD, _WORD, _WORD])
        ask_for = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(ask_for, [builder.bitcast(address, _BYTE), _WORD(0), _WORD(3), _WORD(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), ask


prefetch: Any = intrinsic(_prefetch)
