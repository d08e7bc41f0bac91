"""Frames of HTTP/2 and what may go wrong with them (RFC 9113 sections 4, 6 and 7)."""

from __future__ import annotations

import struct
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD = struct.Struct(">HBBBI")  # length in two parts, kind, flags, stream
LONGEST_FRAME = 1 << 14
LARGEST_WINDOW = (1 << 31) - 1
FIRST_WINDOW = (1 << 16) - 1
END_STREAM = ACK = 1
END_HEADERS, PADDED, PRIORITISED = 4, 8, 0x20

_NUMBER, _SETTING = struct.Struct(">I"), struct.Struct(">HI")


class Kind(IntEnum):
    """What a frame is."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Setting(IntEnum):
    """What one side tells the other about itself."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class Code(IntEnum):
    """Why a stream or a connection ends."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    FLOW_CONTROL_ERROR = 3
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


class ConnectionFault(Exception):
    """The other side broke the rules: the connection ends and says why."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


class StreamFault(Exception):
    """A request broke the rules: it alone ends."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


def frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    """Write one frame."""
    length = len(content)
    return HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream) + content


def number(value: int) -> bytes:
    """Write a number of four bytes."""
    return _NUMBER.pack(value)


def number_of(content: bytes) -> int:
    """Read a number of four bytes, without the bit that is kept free. Raises ConnectionFault."""
    if len(content) != _NUMBER.size:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "four bytes expected")
    return int.from_bytes(content, "big") & LARGEST_WINDOW


def settings(told: dict[int, int]) -> bytes:
    """Write what we tell about ourselves."""
    return frame(Kind.SETTINGS, 0, 0, b"".join(_SETTING.pack(*one) for one in told.items()))


def settings_of(content: bytes) -> list[tuple[int, int]]:
    """Read what the other side tells about itself. Raises ConnectionFault."""
    if len(content) % _SETTING.size:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "settings of six bytes each")
    return list(_SETTING.iter_unpack(content))


def without_padding(flags: int, content: bytes) -> bytes:
    """Take off what only hides how long a frame is. Raises ConnectionFault."""
    if not flags & PADDED:
        return content
    if not content or content[0] >= len(content):
        raise ConnectionFault(Code.PROTOCOL_ERROR, "more padding than frame")
    return content[1 : len(content) - content[0]]
