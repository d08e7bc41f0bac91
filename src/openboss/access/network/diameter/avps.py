"""Numbers and bytes of Diameter messages: for capabilities, watchdogs, faults and whatever is asked rarely.

Source: RFC 6733 sections 3, 4 and 7.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

CAPABILITIES, RE_AUTH, CREDIT_CONTROL, ABORT_SESSION, WATCHDOG, DISCONNECT = 257, 258, 272, 274, 280, 282
REQUEST, PROXIABLE, ERROR, REPEATED = 0x80, 0x40, 0x20, 0x10
CREDIT_APPLICATION, RELAY_APPLICATION = 4, 0xFFFFFFFF
SUCCESS = 2001
COMMAND_UNSUPPORTED, UNABLE_TO_DELIVER, TOO_BUSY, INVALID_BITS = 3001, 3002, 3004, 3008
UNKNOWN_SESSION, OUT_OF_SPACE = 5002, 4002
MISSING_AVP, NO_COMMON_APPLICATION, INVALID_LENGTH = 5005, 5010, 5014

SESSION_ID, ORIGIN_HOST, ORIGIN_REALM, RESULT_CODE, FAILED_AVP, PROXY_INFO = 263, 264, 296, 268, 279, 284
HOST_IP, VENDOR_ID, PRODUCT_NAME, STATE_ID, AUTH_APPLICATION = 257, 266, 269, 278, 258
ACCT_APPLICATION, VENDOR_APPLICATION, CAUSE = 259, 260, 273
CC_TYPE, CC_NUMBER, DESTINATION_HOST, DESTINATION_REALM, RE_AUTH_TYPE = 416, 415, 293, 283, 285
FINAL_UNIT, FINAL_ACTION, REDIRECT_SERVER, REDIRECT_TYPE, REDIRECT_TO, FILTER_ID = 430, 449, 434, 433, 435, 11
TERMINATE, REDIRECT, RESTRICT = range(3)
REBOOTING, _BUSY, DO_NOT_WANT_TO_TALK = range(3)
_TO_URL = 2


class Malformed(Exception):
    """The message cannot be read: a length does not fit. What follows in the stream cannot be trusted."""


@dataclass(frozen=True)
class Message:
    """A message's head and its AVPs of the first level."""

    flags: int
    command: int
    application: int
    hop: int
    end: int
    avps: list[tuple[int, int, bytes]]  # code, vendor, value

    @property
    def is_request(self) -> bool:
        """Whether it wants an answer."""
        return bool(self.flags & REQUEST)

    def all(self, code: int) -> list[bytes]:
        """Values of every AVP of the base protocol with a code."""
        return [value for found, vendor, value in self.avps if found == code and vendor == 0]

    def first(self, code: int) -> bytes | None:
        """Value of the first AVP of the base protocol with a code; None = there is none."""
        return next(iter(self.all(code)), None)

    def number(self, code: int) -> int | None:
        """A number of four bytes; None if it is not there or not a number."""
        value = self.first(code)
        return int.from_bytes(value, "big") if value is not None and len(value) == 4 else None


def read_message(data: bytes) -> Message:
    """Read one whole message. Raises Malformed."""
    word, command, application, hop, end = struct.unpack_from(">IIIII", data)
    if word & 0xFFFFFF != len(data):
        raise Malformed("length of the message")
    return Message(command >> 24, command & 0xFFFFFF, application, hop, end, list(read_avps(data[20:])))


def read_avps(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Read AVPs side by side. Raises Malformed."""
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise Malformed("head of an AVP")
        code, word = struct.unpack_from(">II", data, at)
        head = 12 if word >> 31 else 8
        length = word & 0xFFFFFF
        if length < head or at + length > len(data):
            raise Malformed("length of an AVP")
        vendor = int.from_bytes(data[at + 8 : at + 12], "big") if head == 12 else 0
        yield code, vendor, data[at + head : at + length]
        at += (length + 3) // 4 * 4


def avp(code: int, value: bytes | str | int, *, flags: int = 0x40) -> bytes:
    """Write one AVP of the base protocol; numbers are written with four bytes."""
    content = (
        value.to_bytes(4, "big") if isinstance(value, int) else value.encode() if isinstance(value, str) else value
    )
    length = 8 + len(content)
    return struct.pack(">II", code, flags << 24 | length) + content + bytes(-length % 4)


def address(text: str) -> bytes:
    """Write an address (IPv4 or IPv6) as an AVP's value."""
    found: IPv4Address | IPv6Address = ip_address(text)
    return (1 if found.version == 4 else 2).to_bytes(2, "big") + found.packed


def message(*, flags: int, command: int, application: int, hop: int, end: int, avps: bytes) -> bytes:
    """Write one message."""
    head = struct.pack(">IIIII", 1 << 24 | 20 + len(avps), flags << 24 | command, application, hop, end)
    return head + avps


def final_unit(action: str, where: str) -> bytes:
    """Write what a network does with a service when its last quota is used up (RFC 8506 8.34).

    action  TERMINATE; REDIRECT to the address `where`; RESTRICT to what the network's filter `where` lets through
    """
    if action == "REDIRECT":
        server = avp(REDIRECT_TYPE, _TO_URL) + avp(REDIRECT_TO, where)
        return avp(FINAL_UNIT, avp(FINAL_ACTION, REDIRECT) + avp(REDIRECT_SERVER, server))
    if action == "RESTRICT":
        return avp(FINAL_UNIT, avp(FINAL_ACTION, RESTRICT) + avp(FILTER_ID, where))
    return avp(FINAL_UNIT, avp(FINAL_ACTION, TERMINATE))
