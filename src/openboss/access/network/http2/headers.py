"""Header blocks of HTTP/2 (RFC 7541), read with the sender's table and written without one of our own.

The tables of the standard are those of the package hpack. Its reading is not used: a request's headers took four times
as long as all the rest of HTTP/2.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache

from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.table import HeaderTable

MOST_TABLE = 4096  # bytes the sender may have us remember: the standard's own number
MOST_HEADERS = 16 << 10  # bytes of the headers of one request, as the standard counts them
_ENTRY = 32  # what the standard counts for an entry besides its texts
_LONGEST_KNOWN = 256  # bytes of a packed text that may be asked for again
_EOS = 256
_KNOWN = [("", ""), *((name.decode(), value.decode()) for name, value in HeaderTable.STATIC_TABLE)]
_FIXED = len(_KNOWN)


class Unreadable(Exception):
    """A header block that is none: what follows on the connection cannot be read either."""


class TooLong(Unreadable):
    """More headers than anybody needs."""


class HeaderReader:
    """Reads the header blocks of one connection, in their order."""

    def __init__(self) -> None:
        self._table: deque[tuple[str, str]] = deque()  # newest first
        self._size, self._most = 0, MOST_TABLE

    def read(self, block: bytes) -> list[tuple[str, str]]:
        """Read the fields of one request. Raises Unreadable, TooLong."""
        try:
            return self._read(block)
        except IndexError as cut:
            raise Unreadable("the block ends in the middle") from cut

    def _read(self, block: bytes) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        at, stop, room = 0, len(block), MOST_HEADERS
        while at < stop:
            first = block[at]
            if first & 0x80:
                index, at = (first & 0x7F, at + 1) if first < 0xFF else _integer(block, at, 0x7F)
                field = _KNOWN[index] if 0 < index < _FIXED else self._remembered(index)
            elif first & 0x60 == 0x20:
                if found:
                    raise Unreadable("the table changes in the middle of a block")
                most, at = _integer(block, at, 0x1F)
                self._resize(most)
                continue
            else:
                index, at = _integer(block, at, 0x3F if first & 0x40 else 0x0F)
                if index:
                    name = (_KNOWN[index] if index < _FIXED else self._remembered(index))[0]
                else:
                    name, at = _text(block, at)
                value, at = _text(block, at)
                field = (name, value)
                if first & 0x40:
                    self._keep(field)
            room -= len(field[0]) + len(field[1]) + _ENTRY
            if room < 0:
                raise TooLong("too many headers")
            found.append(field)
        return found

    def _remembered(self, index: int) -> tuple[str, str]:
        if not _FIXED <= index < _FIXED + len(self._table):
            raise Unreadable("nothing was remembered there")
        return self._table[index - _FIXED]

    def _keep(self, field: tuple[str, str]) -> None:
        self._table.appendleft(field)
        self._size += len(field[0]) + len(field[1]) + _ENTRY
        if self._size > self._most:
            self._shrink()

    def _resize(self, most: int) -> None:
        if most > MOST_TABLE:
            raise Unreadable("a larger table than we have")
        self._most = most
        self._shrink()

    def _shrink(self) -> None:
        while self._size > self._most:
            name, value = self._table.pop()
            self._size -= len(name) + len(value) + _ENTRY


def _integer(block: bytes, at: int, mask: int) -> tuple[int, int]:
    """Read a number that begins with the low bits of a byte; return it and where it ends."""
    number = block[at] & mask
    at += 1
    if number < mask:
        return number, at
    for shift in (0, 7, 14, 21):
        more = block[at]
        at += 1
        number += (more & 0x7F) << shift
        if more < 0x80:
            return number, at
    raise Unreadable("an endless number")


def _text(block: bytes, at: int) -> tuple[str, int]:
    first = block[at]
    is_packed, length, at = first & 0x80, first & 0x7F, at + 1
    if length == 0x7F:
        length, at = _integer(block, at - 1, 0x7F)
    stop = at + length
    if stop > len(block):
        raise Unreadable("a text longer than its block")
    data = block[at:stop]
    if not is_packed:
        return data.decode("latin-1"), stop
    return (_known(data) if length <= _LONGEST_KNOWN else unpacked(data)), stop


# --- packed texts ----------------------------------------------------------------------------------------------------


def _tree() -> tuple[list[list[int]], frozenset[int]]:
    """Make the tree of the codes: two branches a node, a node or -1 - sign; and where a text may end."""
    nodes: list[list[int]] = [[0, 0]]
    for sign, (code, length) in enumerate(zip(REQUEST_CODES, REQUEST_CODES_LENGTH, strict=True)):
        node = 0
        for place in range(length - 1, 0, -1):
            bit = code >> place & 1
            if not nodes[node][bit]:
                nodes.append([0, 0])
                nodes[node][bit] = len(nodes) - 1
            node = nodes[node][bit]
        nodes[node][code & 1] = -1 - sign
    ends, node = [0], 0
    for _ in range(7):  # it is filled up with the beginning of the longest code, which is all ones
        node = nodes[node][1]
        ends.append(node)
    return nodes, frozenset(ends)


_NODES, _ENDS = _tree()
_STEPS: dict[int, list[tuple[int, str] | None]] = {}  # by node: by byte, where it leads and what was read


def _steps_from(node: int) -> list[tuple[int, str] | None]:
    """What each byte leads to from a node, found when it is first needed."""
    steps = _STEPS[node] = [_step(node, byte) for byte in range(256)]
    return steps


def _step(node: int, byte: int) -> tuple[int, str] | None:
    read = ""
    for place in range(7, -1, -1):
        node = _NODES[node][byte >> place & 1]
        if node < 0:
            if node == -1 - _EOS:
                return None
            read += chr(-1 - node)
            node = 0
    return node, read


def unpacked(data: bytes) -> str:
    """Read a text packed by the standard's code. Raises Unreadable."""
    node, read = 0, []
    for byte in data:
        step = (_STEPS.get(node) or _steps_from(node))[byte]
        if step is None:
            raise Unreadable("a text with an end in its middle")
        node = step[0]
        read.append(step[1])
    if node not in _ENDS:
        raise Unreadable("a text with half a sign at its end")
    return "".join(read)


_known = lru_cache(maxsize=4096)(unpacked)


# --- what we say -----------------------------------------------------------------------------------------------------


def length_of(count: int, mask: int = 0x7F) -> bytes:
    """Write the length of a text, or another number from the low bits of a byte on."""
    if count < mask:
        return bytes((count,))
    written, count = bytearray((mask,)), count - mask
    while count >= 0x80:
        written.append(count & 0x7F | 0x80)
        count >>= 7
    written.append(count)
    return bytes(written)


@lru_cache(maxsize=256)
def _named(name: str) -> bytes:
    """Begin a field that nobody shall remember: its name by its number, or in full."""
    number = next((place for place, field in enumerate(_KNOWN) if field[0] == name), 0)
    return length_of(number, 0x0F) if number else b"\x00" + length_of(len(name)) + name.encode("latin-1")


def field(name: str, value: str) -> bytes:
    """Write one field."""
    return _named(name) + length_of(len(value)) + value.encode("latin-1")


@lru_cache(maxsize=64)
def status(code: int) -> bytes:
    """Write how a request fared."""
    field_of = (":status", str(code))
    return bytes((0x80 | _KNOWN.index(field_of),)) if field_of in _KNOWN else field(*field_of)
