"""RADIUS packets: bytes read and written, signatures made and checked, passwords unhidden.

Source: RFC 2865 and 2866; Message-Authenticator RFC 2869 5.14 (demanded, because without it an answer can be forged:
CVE-2024-3596); changes RFC 5176.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Address

HEADER = 20
LONGEST = 4096
_NOTHING = bytes(16)
_PIECE = 16


class Code(IntEnum):
    """What a packet is."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    DISCONNECT_REQUEST = 40
    DISCONNECT_ACK = 41
    DISCONNECT_NAK = 42
    COA_REQUEST = 43
    COA_ACK = 44
    COA_NAK = 45


class Attribute(IntEnum):
    """The attributes that are read or written here."""

    USER_NAME = 1
    USER_PASSWORD = 2
    CHAP_PASSWORD = 3
    FRAMED_IP_ADDRESS = 8
    REPLY_MESSAGE = 18
    STATE = 24
    CLASS = 25
    VENDOR = 26
    SESSION_TIMEOUT = 27
    TERMINATION_ACTION = 29
    PROXY_STATE = 33
    ACCT_STATUS_TYPE = 40
    ACCT_DELAY = 41
    ACCT_INPUT_OCTETS = 42
    ACCT_OUTPUT_OCTETS = 43
    ACCT_SESSION_ID = 44
    ACCT_SESSION_TIME = 46
    ACCT_INPUT_GIGAWORDS = 52
    ACCT_OUTPUT_GIGAWORDS = 53
    EVENT_TIMESTAMP = 55
    CHAP_CHALLENGE = 60
    MESSAGE_AUTHENTICATOR = 80
    ACCT_INTERIM_INTERVAL = 85
    ERROR_CAUSE = 101


class Malformed(Exception):
    """These bytes are no RADIUS packet."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet. Attributes stand in their order; one may come several times."""

    code: int
    identifier: int
    authenticator: bytes
    attributes: list[tuple[int, bytes]] = field(default_factory=list)

    def first(self, attribute: Attribute) -> bytes | None:
        """The first value of an attribute, None if it is not there."""
        return next((value for kind, value in self.attributes if kind == attribute), None)

    def text(self, attribute: Attribute) -> str:
        """An attribute as text, empty if it is not there."""
        return (self.first(attribute) or b"").decode("utf-8", "replace").replace("\0", "")

    def number(self, attribute: Attribute) -> int:
        """An attribute of four bytes as a number, 0 if it is not there. Raises Malformed."""
        value = self.first(attribute)
        if value is not None and len(value) != 4:
            raise Malformed(f"attribute {attribute} has {len(value)} bytes")
        return int.from_bytes(value or b"", "big")


def read_packet(data: bytes) -> Packet:
    """Read a packet; bytes behind its length are padding. Raises Malformed."""
    if len(data) < HEADER:
        raise Malformed("too short")
    code, identifier, length = struct.unpack_from("!BBH", data)
    if not HEADER <= length <= min(len(data), LONGEST):
        raise Malformed("a wrong length")
    attributes, at = [], HEADER
    while at < length:
        size = data[at + 1] if at + 1 < length else 0
        if size < 2 or at + size > length:
            raise Malformed("an attribute with a wrong length")
        attributes.append((data[at], data[at + 2 : at + size]))
        at += size
    return Packet(code, identifier, data[4:HEADER], attributes)


def is_genuine(packet: Packet, secret: bytes) -> bool:
    """Whether a request was signed with a secret.

    Access requests must carry a Message-Authenticator; accounting and changes are signed as a whole, and a
    Message-Authenticator they carry must be right as well.
    """
    if packet.code == Code.ACCESS_REQUEST:
        return _has_right_signature(packet, packet.authenticator, secret, is_demanded=True)
    signed = _digest(packet.code, packet.identifier, _NOTHING, packet.attributes, secret)
    return hmac.compare_digest(signed, packet.authenticator) and _has_right_signature(
        packet, _NOTHING, secret, is_demanded=False
    )


def is_answer_to(answer: Packet, request: Packet, secret: bytes) -> bool:
    """Whether an answer is a genuine one to a request of ours."""
    signed = _digest(answer.code, answer.identifier, request.authenticator, answer.attributes, secret)
    return (
        answer.identifier == request.identifier
        and hmac.compare_digest(signed, answer.authenticator)
        and _has_right_signature(answer, request.authenticator, secret, is_demanded=False)
    )


def _has_right_signature(packet: Packet, authenticator: bytes, secret: bytes, *, is_demanded: bool) -> bool:
    found = [value for kind, value in packet.attributes if kind == Attribute.MESSAGE_AUTHENTICATOR]
    if len(found) != 1:
        return not found and not is_demanded
    blank = [
        (kind, _NOTHING if kind == Attribute.MESSAGE_AUTHENTICATOR else value) for kind, value in packet.attributes
    ]
    content = _bytes(packet.code, packet.identifier, authenticator, blank)
    return hmac.compare_digest(hmac.digest(secret, content, "md5"), found[0])


def answer_bytes(request: Packet, code: Code, attributes: list[tuple[int, bytes]], secret: bytes) -> bytes:
    """Write the answer to a request: signed as a whole, with what proxies left in it, and to access requests with a
    Message-Authenticator in front."""
    content = attributes + [one for one in request.attributes if one[0] == Attribute.PROXY_STATE]
    if request.code == Code.ACCESS_REQUEST:
        content = _signed(code, request.identifier, request.authenticator, content, secret)
    signature = _digest(code, request.identifier, request.authenticator, content, secret)
    return _bytes(code, request.identifier, signature, content)


def change_bytes(code: Code, identifier: int, attributes: list[tuple[int, bytes]], secret: bytes) -> bytes:
    """Write a request of ours to an access server (RFC 5176)."""
    content = _signed(code, identifier, _NOTHING, attributes, secret)
    return _bytes(code, identifier, _digest(code, identifier, _NOTHING, content, secret), content)


def _signed(
    code: int, identifier: int, authenticator: bytes, attributes: list[tuple[int, bytes]], secret: bytes
) -> list[tuple[int, bytes]]:
    blank = [(int(Attribute.MESSAGE_AUTHENTICATOR), _NOTHING), *attributes]
    signature = hmac.digest(secret, _bytes(code, identifier, authenticator, blank), "md5")
    return [(int(Attribute.MESSAGE_AUTHENTICATOR), signature), *attributes]


def _digest(
    code: int, identifier: int, authenticator: bytes, attributes: list[tuple[int, bytes]], secret: bytes
) -> bytes:
    content = _bytes(code, identifier, authenticator, attributes) + secret
    return hashlib.md5(content, usedforsecurity=False).digest()


def _bytes(code: int, identifier: int, authenticator: bytes, attributes: list[tuple[int, bytes]]) -> bytes:
    content = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in attributes)
    return struct.pack("!BBH", code, identifier, HEADER + len(content)) + authenticator + content


def unhidden(hidden: bytes, authenticator: bytes, secret: bytes) -> bytes:
    """Read a User-Password (RFC 2865 5.2). Raises Malformed."""
    if not hidden or len(hidden) % _PIECE or len(hidden) > 128:
        raise Malformed("a password of a wrong length")
    clear, before = b"", authenticator
    for at in range(0, len(hidden), _PIECE):
        piece = hidden[at : at + _PIECE]
        mask = hashlib.md5(secret + before, usedforsecurity=False).digest()
        clear += bytes(one ^ two for one, two in zip(piece, mask, strict=True))
        before = piece
    return clear.rstrip(b"\0")


def is_right_chap(packet: Packet, password: bytes) -> bool:
    """Whether a CHAP answer was made with a password (RFC 2865 5.3)."""
    answer = packet.first(Attribute.CHAP_PASSWORD) or b""
    challenge = packet.first(Attribute.CHAP_CHALLENGE) or packet.authenticator
    if len(answer) != 17:
        return False
    made = hashlib.md5(answer[:1] + password + challenge, usedforsecurity=False).digest()
    return hmac.compare_digest(made, answer[1:])


def whole(attribute: Attribute, number: int) -> tuple[int, bytes]:
    """An attribute with a number."""
    return int(attribute), min(number, 2**32 - 1).to_bytes(4, "big")


def named(attribute: Attribute, text: str) -> tuple[int, bytes]:
    """An attribute with text, as much of it as fits."""
    return int(attribute), text.encode()[:253]


def address(attribute: Attribute, ipv4: str) -> tuple[int, bytes]:
    """An attribute with an IPv4 address."""
    return int(attribute), IPv4Address(ipv4).packed


def of_vendor(vendor: int, kind: int, number: int) -> tuple[int, bytes]:
    """A vendor's attribute with a number."""
    return int(Attribute.VENDOR), struct.pack("!IBBI", vendor, kind, 6, min(number, 2**32 - 1))
