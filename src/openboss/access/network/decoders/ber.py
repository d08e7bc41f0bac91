"""A strict reader of BER values: bounds, nesting and definite lengths are checked, nothing is skipped over."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from openboss.modules.charging.canonical import Undecodable

RECORD_LIMIT = 1 << 20
DEPTH_LIMIT = 16
CONTEXT, CONSTRUCTED = 0x80, 0x20


class Value(NamedTuple):
    """One value: its tag as bytes in an int (0x83, 0xBF22), and where its content lies."""

    tag: int
    start: int
    end: int

    @property
    def is_constructed(self) -> bool:
        """True if values are inside."""
        first = self.tag
        while first > 0xFF:
            first >>= 8
        return bool(first & CONSTRUCTED)


def records(data: BinaryIO) -> Iterator[bytes]:
    """Yield the top-level values of a stream, each with tag and length, of bounded size.

    Raises Undecodable for indefinite or oversized lengths, a cut-off value, and anything that is no value.
    """
    while head := data.read(1):
        if head[0] & 0x1F == 0x1F:
            head += _rest_of_tag(data)
        size = data.read(1)
        if not size or size[0] == 0x80:
            raise Undecodable("a record without definite length" if size else "the last record is cut off")
        if size[0] & 0x80:
            more = data.read(size[0] & 0x7F)
            if len(more) != size[0] & 0x7F or len(more) > 4:
                raise Undecodable("a record's length is cut off or absurd")
            length, size = int.from_bytes(more, "big"), size + more
        else:
            length = size[0]
        if length > RECORD_LIMIT:
            raise Undecodable(f"a record is longer than {RECORD_LIMIT} bytes")
        content = data.read(length)
        if len(content) != length:
            raise Undecodable("the last record is cut off")
        yield head + size + content


def _rest_of_tag(data: BinaryIO) -> bytes:
    rest = b""
    while len(rest) < 4:
        byte = data.read(1)
        if not byte:
            raise Undecodable("the last record is cut off")
        rest += byte
        if byte[0] < 0x80:
            return rest
    raise Undecodable("a tag longer than five bytes")


def values(data: bytes, start: int, end: int, depth: int = 0) -> Iterator[Value]:
    """Walk the values that fill data[start:end] exactly; what is inside them is checked, too.

    Raises Undecodable.
    """
    if depth > DEPTH_LIMIT:
        raise Undecodable(f"values nested deeper than {DEPTH_LIMIT}")
    at = start
    while at < end:
        value = _value(data, at, end)
        if value.is_constructed:
            for _inner in values(data, value.start, value.end, depth + 1):
                pass
        yield value
        at = value.end


def _value(data: bytes, at: int, end: int) -> Value:
    tag, at = data[at], at + 1
    if tag & 0x1F == 0x1F:
        while True:
            if at >= end or tag > 0xFFFFFF:
                raise Undecodable("a tag runs past the end of its value")
            byte, at = data[at], at + 1
            tag = tag << 8 | byte
            if byte < 0x80:
                break
    if at >= end:
        raise Undecodable("a length runs past the end of its value")
    length, at = data[at], at + 1
    if length == 0x80:
        raise Undecodable("a value without definite length")
    if length > 0x80:
        count = length & 0x7F
        if count > 4 or at + count > end:
            raise Undecodable("a length runs past the end of its value")
        length, at = int.from_bytes(data[at : at + count], "big"), at + count
    if at + length > end:
        raise Undecodable("a value runs past the end of the one around it")
    return Value(tag, at, at + length)


def whole(data: bytes, value: Value) -> int:
    """An INTEGER or ENUMERATED of 1 to 8 bytes. Raises Undecodable."""
    size = value.end - value.start
    if not 1 <= size <= 8:
        raise Undecodable(f"an integer of {size} bytes")
    return int.from_bytes(data[value.start : value.end], "big", signed=True)


def digits(data: bytes) -> str:
    """Digits packed two a byte, low half first, filled up with F (TBCD); other halves show as letters."""
    swapped = "".join(f"{byte & 0x0F:x}{byte >> 4:x}" for byte in data)
    return swapped.rstrip("f")
