"""Groups of arrays that compiled code takes as one pointer.

Tariffs, base data and usage are some two hundred arrays. Handed on as named tuples of arrays, each call between
compiled functions carries a thousand values: three quarters of all compile time went there. A class marked `pointed`
stays the named tuple it is in Python; compiled code gets the address of a small table that says where its arrays begin
and how long they are (docs/decisions/0009). Whether they may be written to is not asked: an array that polars owns and
one of ours are one type, and a function is compiled once for both. Arrays of a class marked `pointed_rows` may have
gaps between their values: columns that lie side by side, so that one user's values are one line of the cache.
"""

from functools import cached_property
from hashlib import sha256
from typing import Any, TypeVar

import numpy as np
from llvmlite import ir
from numba import typeof
from numba.core import types
from numba.core.datamodel import models
from numba.core.extending import NativeValue, register_model, unbox
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.core.typing.typeof import typeof_impl
from numba.np.arrayobj import make_array, populate_array

_WORD = ir.IntType(64)
_Group = TypeVar("_Group")


class PointedType(types.Type):
    """A pointed class with the types of its members; `places` says at which word of the table each begins.

    The words of an array: where it begins, its lengths, and the steps between its values if it may have gaps.
    """

    def __init__(self, group: type, members: dict[str, types.Type]) -> None:
        self.members = members
        self.places: dict[str, int] = {}
        place = 0
        for name, member in members.items():
            self.places[name] = place
            place += 1
            if isinstance(member, types.Array):
                place += member.ndim if member.layout == "C" else 2 * member.ndim
        said = sha256(repr([(name, str(member)) for name, member in members.items()]).encode()).hexdigest()
        super().__init__(name=f"{group.__name__}_{said[:12]}")


def pointed(group: type[_Group]) -> type[_Group]:
    """Let compiled code take a class of named tuples, of arrays without gaps and integers, by pointer."""
    return _by_pointer(group, "C")


def pointed_rows(group: type[_Group]) -> type[_Group]:
    """Let compiled code take a class of named tuples by pointer, whose arrays may have gaps between their values."""
    return _by_pointer(group, "A")


def _by_pointer(group: type[_Group], layout: str) -> type[_Group]:
    named = {"__module__": group.__module__, "__doc__": group.__doc__}
    kept = type(group.__name__, (group,), named | {"layout": layout})
    for name, work_out in (("table_at", _table_at), ("compiled_as", _compiled_as)):
        once = cached_property(work_out)
        once.__set_name__(kept, name)
        setattr(kept, name, once)
    typeof_impl.register(kept)(_type_of)
    return kept


def _table_at(group: Any) -> int:
    """Give the address of a group's table, made when it is first asked for and kept with the group.

    Two threads may ask first at once: the table that was kept first is everybody's, and is never freed under one.
    """
    kept = group.__dict__.get("_table")
    if kept is None:
        words: list[int] = []
        for member in group:
            if not isinstance(member, np.ndarray):
                words.append(member)
                continue
            words += (member.ctypes.data, *member.shape)
            if group.layout == "A":
                words += member.strides
        table = np.array(words, np.int64)
        kept = group.__dict__.setdefault("_table", (table, table.ctypes.data))
    return int(kept[1])


_types: dict[str, PointedType] = {}


def _compiled_as(group: Any) -> PointedType:
    """Give the type of a group, one object for all groups of the type: worked out when it is first asked for."""
    found: PointedType = typeof(group)
    return _types.setdefault(found.name, found)


def _type_of(group: Any, context: Any) -> PointedType:
    found = {name: typeof_impl(value, context) for name, value in group._asdict().items()}
    return PointedType(type(group), {name: _member(name, kind, group.layout) for name, kind in found.items()})


def _member(name: str, found: types.Type, layout: str) -> types.Type:
    if isinstance(found, types.Array):
        if layout == "C" and found.layout != "C":
            raise TypeError(f"{name} has gaps between its values: copy it first")
        return types.Array(found.dtype, found.ndim, layout)  # type: ignore[call-overload]
    return types.int64


@register_model(PointedType)
class _PointedModel(models.PrimitiveModel):
    def __init__(self, manager: Any, found: PointedType) -> None:
        super().__init__(manager, found, _WORD.as_pointer())


@infer_getattr
class _PointedAttributes(AttributeTemplate):
    key = PointedType

    def generic_resolve(self, found: PointedType, name: str) -> types.Type | None:  # type: ignore[override]
        return found.members.get(name)


@lower_getattr_generic(PointedType)
def _read_member(context: Any, builder: Any, found: PointedType, table: Any, name: str) -> Any:
    """Read a member out of the table; LLVM may keep what it has read, for the table never changes."""
    member, place = found.members[name], found.places[name]
    if not isinstance(member, types.Array):
        return _read(builder, table, place, _WORD)
    array = make_array(member)(context, builder)
    itemsize = context.get_abi_sizeof(context.get_data_type(member.dtype))
    shape = [_read(builder, table, place + 1 + axis, _WORD) for axis in range(member.ndim)]
    if member.layout == "A":
        strides = [_read(builder, table, place + 1 + member.ndim + axis, _WORD) for axis in range(member.ndim)]
    else:
        strides = [_WORD(itemsize)]
        for length in reversed(shape[1:]):
            strides.insert(0, builder.mul(strides[0], length))
    data = _read(builder, table, place, array.data.type)
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
    return array._getvalue()


def _read(builder: Any, table: Any, place: int, kind: Any) -> Any:
    address = builder.bitcast(builder.gep(table, [_WORD(place)]), kind.as_pointer())
    word = builder.load(address)
    word.set_metadata("invariant.load", builder.module.add_metadata([]))
    return word


@unbox(PointedType)
def _unbox(_found: PointedType, group: Any, c: Any) -> NativeValue:
    number = c.pyapi.object_getattr_string(group, "table_at")
    address = c.pyapi.long_as_voidptr(number)
    c.pyapi.decref(number)
    return NativeValue(c.builder.bitcast(address, _WORD.as_pointer()), is_error=c.pyapi.c_api_error())
