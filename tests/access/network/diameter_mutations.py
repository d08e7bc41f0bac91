"""Messages of Diameter, whole and spoilt: for the fuzz of what reads them.

A spoilt message is a good one with a few of the things done to it that peers get wrong or try: wrong lengths, AVPs that
are unknown and matter, repeated, missing, out of order, nested absurdly, huge; bits turned over; bytes of no protocol.
"""

import random
import struct
from collections.abc import Callable, Iterator

from openboss.access.network.diameter.avps import avp, message

THREE_GPP = 10415
GROUPS = (456, 437, 446, 443, 413, 445, 873, 874, 876, 2000, 2026, 1201, 284, 279, 297)
EDGES = (0, 1, 7, 8, 9, 11, 12, 13, 20, 255, 256, 0x7FFF, 0xFFFF, 0xFFFFFF, 2**31 - 1, 2**31, 2**32 - 1)


def vendor_avp(code: int, value: bytes, *, vendor: int = THREE_GPP, flags: int = 0xC0) -> bytes:
    """Write an AVP of a vendor."""
    return struct.pack(">III", code, flags << 24 | 12 + len(value), vendor) + value + bytes(-len(value) % 4)


def credit_request(session: str, kind: int, number: int, content: bytes, *, user: str, context: str) -> bytes:
    """Write a request of credit control about one user."""
    head = avp(263, session) + avp(264, "gw.test") + avp(296, "test") + avp(283, "test") + avp(258, 4)
    head += avp(461, context) + avp(416, kind) + avp(415, number) + avp(443, avp(450, 0) + avp(444, user))
    return message(flags=0xC0, command=272, application=4, hop=number + 1, end=number + 2, avps=head + content)


def data_request(session: str, kind: int, number: int, *, user: str, octets: int = 0, group: int = 100) -> bytes:
    """Write a request of a data session."""
    used = avp(446, avp(421, octets.to_bytes(8, "big"))) if octets else b""
    wanted = b"" if kind == 3 else avp(437, b"")
    service = avp(456, wanted + used + avp(432, group))
    return credit_request(session, kind, number, service, user=user, context="32251@3gpp.org")


def good_messages(name: str, user: str) -> list[bytes]:
    """Messages of every kind that is read here, of one user; sessions bear a name."""
    money = avp(413, avp(445, avp(447, (150).to_bytes(8, "big")) + avp(429, 2**32 - 2)) + avp(425, 156))
    ims = vendor_avp(876, vendor_avp(829, bytes(4)) + vendor_avp(831, b"tel:+1") + vendor_avp(832, b"sip:+8613@x;y"))
    sms = vendor_avp(2000, vendor_avp(2026, vendor_avp(1201, vendor_avp(897, b"8613900000009"))))
    both = avp(446, avp(452, 0) + avp(421, bytes(7) + b"\5")) + avp(446, avp(452, 1) + avp(412, bytes(7) + b"\7"))
    parts = avp(456, avp(437, avp(420, 60)) + avp(439, 7) + avp(432, 1)) + avp(456, both + avp(432, 2))
    proxies = avp(284, avp(280, "relay.test") + avp(33, b"state")) + avp(282, "relay.test")
    calls, texts = {"user": user, "context": "32260@3gpp.org"}, {"user": user, "context": "32274@3gpp.org"}
    data = {"user": user, "context": "32251@3gpp.org"}
    base = avp(264, "gw.test") + avp(296, "test")
    return [
        data_request(f"{name};d", 1, 0, user=user),
        data_request(f"{name};d", 2, 1, user=user, octets=1_000_000),
        data_request(f"{name};d", 3, 2, user=user, octets=99),
        credit_request(f"{name};m", 1, 0, parts + proxies + avp(55, b"\xe9\0\0\0"), **data),
        credit_request(f"{name};m", 2, 1, parts + vendor_avp(872, bytes(3) + b"\2") + vendor_avp(2, b"abcd"), **data),
        credit_request(f"{name};c", 1, 0, avp(437, b"") + vendor_avp(873, ims), **calls),
        credit_request(f"{name};c", 3, 1, avp(446, avp(420, 61)) + avp(30, "cmnet"), **calls),
        credit_request(f"{name};s", 4, 0, avp(436, 0) + avp(437, avp(417, bytes(7) + b"\1")) + sms, **texts),
        credit_request(f"{name};e", 4, 0, avp(436, 0) + avp(456, avp(437, money) + avp(432, 9)), **data),
        credit_request(f"{name};r", 4, 0, avp(436, 1) + avp(411, f"{name};e") + avp(437, money), **data),
        message(flags=0x80, command=280, application=0, hop=5, end=6, avps=base + avp(278, 1)),
        message(flags=0xC0, command=275, application=4, hop=5, end=6, avps=avp(263, "x") + base),
        message(flags=0x40, command=258, application=4, hop=5, end=6, avps=avp(263, "x") + avp(268, 2001) + base),
    ]


def places(data: bytes, start: int, stop: int) -> Iterator[int]:
    """Where the AVPs of a message begin, those in groups too, as far as lengths can be followed."""
    while start + 8 <= stop:
        code, word = struct.unpack_from(">II", data, start)
        head, length = 12 if word >> 31 else 8, word & 0xFFFFFF
        yield start
        if code in GROUPS and length > head:
            yield from places(data, start + head, min(start + length, stop))
        start += max((length + 3) // 4 * 4, 8)


def resized(data: bytes) -> bytes:
    """Let a message say how long it is."""
    return data[:1] + (len(data) & 0xFFFFFF).to_bytes(3, "big") + data[4:]


class Spoiler:
    """Spoils messages, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._ways: list[Callable[[bytes], bytes]] = [
            self._turn_bits, self._turn_bits, self._overwrite, self._wrong_avp_length, self._wrong_avp_length,
            self._wrong_length, self._cut, self._unknown, self._nest, self._swell, self._repeat, self._leave_out,
            self._shuffle, self._extreme, self._extreme, self._head,
        ]  # fmt: skip

    def spoilt(self, good: bytes) -> bytes:
        """One message, spoilt in one to three ways, or bytes of no protocol."""
        if self.chance.random() < 0.02:
            return self._rubbish()
        for _ in range(self.chance.choice((1, 1, 2, 3))):
            good = self.chance.choice(self._ways)(good)
        return good

    def _rubbish(self) -> bytes:
        data = self.chance.randbytes(self.chance.randint(1, 400))
        return resized(b"\1" + data + bytes(19 + -len(data) % 4)) if self.chance.random() < 0.7 else data

    def _at(self, data: bytes) -> int | None:
        """Where some AVP begins; None if the message is too spoilt to find one."""
        try:
            return self.chance.choice(list(places(data, 20, len(data))))
        except (struct.error, IndexError, RecursionError):
            return None

    def _top(self, data: bytes) -> list[bytes]:
        """The AVPs of the first level, each with its padding."""
        found, at = [], 20
        while at + 8 <= len(data):
            size = max((int.from_bytes(data[at + 5 : at + 8], "big") + 3) // 4 * 4, 8)
            found.append(data[at : at + size])
            at += size
        return found

    def _turn_bits(self, data: bytes) -> bytes:
        spoilt = bytearray(data)
        for _ in range(self.chance.choice((1, 1, 2, 8))):
            spoilt[self.chance.randrange(len(spoilt))] ^= 1 << self.chance.randrange(8)
        return bytes(spoilt)

    def _overwrite(self, data: bytes) -> bytes:
        at, count = self.chance.randrange(len(data)), self.chance.choice((1, 2, 4, 16))
        filling = self.chance.choice((b"\0", b"\xff", b"\x7f", b"\x80", self.chance.randbytes(1))) * count
        return (data[:at] + filling)[: len(data)] + data[at + count :]

    def _wrong_avp_length(self, data: bytes) -> bytes:
        at = self._at(data)
        if at is None:
            return self._turn_bits(data)
        old = int.from_bytes(data[at + 5 : at + 8], "big")
        near = (old + self.chance.randint(-5, 5), len(data) - at, self.chance.choice(EDGES), self.chance.randrange(64))
        return data[: at + 5] + (self.chance.choice(near) & 0xFFFFFF).to_bytes(3, "big") + data[at + 8 :]

    def _wrong_length(self, data: bytes) -> bytes:
        new = self.chance.choice(
            (len(data) + self.chance.randint(-9, 9), self.chance.choice(EDGES), len(data) // 8 * 4)
        )
        return data[:1] + (new & 0xFFFFFF).to_bytes(3, "big") + data[4:]

    def _cut(self, data: bytes) -> bytes:
        cut = data[: self.chance.randint(1, len(data))]
        return resized(cut) if len(cut) >= 20 and self.chance.random() < 0.7 else cut

    def _unknown(self, data: bytes) -> bytes:
        value = self.chance.randbytes(self.chance.randrange(24))
        code, flags = self.chance.choice((0, 1_000_000, 999, 2**32 - 1, 446)), self.chance.choice((0, 0x40, 0x60, 0xFF))
        vendor = self.chance.choice((0, 9, THREE_GPP, 2**32 - 1))
        new = vendor_avp(code, value, vendor=vendor, flags=flags | 0x80) if vendor else avp(code, value, flags=flags)
        at = self.chance.choice((20, len(data), self._at(data) or 20))
        return resized(data[:at] + new + data[at:])

    def _nest(self, data: bytes) -> bytes:
        inner, depth = self.chance.choice((b"", avp(432, 1), avp(420, 5))), self.chance.choice((2, 5, 11, 12, 13, 400))
        for _ in range(depth):
            code = self.chance.choice(GROUPS)
            inner = vendor_avp(code, inner) if code in (873, 874, 876, 2000, 2026, 1201) else avp(code, inner)
        return resized(data + inner)

    def _swell(self, data: bytes) -> bytes:
        size = self.chance.choice((1000, 30_000, 65_536 - len(data), 65_540 - len(data), 70_000))
        return resized(data + avp(self.chance.choice((1, 25, 263, 284, 444)), bytes(max(size // 4 * 4 - 8, 0))))

    def _repeat(self, data: bytes) -> bytes:
        top = self._top(data) or [b""]
        return resized(data + self.chance.choice(top) * self.chance.choice((1, 2, 30, 200)))

    def _leave_out(self, data: bytes) -> bytes:
        top = self._top(data)
        first = self.chance.randint(0, len(top))
        return resized(data[:20] + b"".join(top[:first] + top[first + self.chance.choice((1, 1, 2, 99)) :]))

    def _shuffle(self, data: bytes) -> bytes:
        top = self._top(data)
        self.chance.shuffle(top)
        return resized(data[:20] + b"".join(top))

    def _extreme(self, data: bytes) -> bytes:
        at = self._at(data)
        if at is None:
            return self._overwrite(data)
        size = int.from_bytes(data[at + 5 : at + 8], "big") - 8
        if size not in (4, 8):
            return self._unknown(data)
        number = self.chance.choice((*EDGES, 2**62, 2**63, 2**64 - 1)) & (1 << 8 * size) - 1
        return data[: at + 8] + number.to_bytes(size, "big") + data[at + 8 + size :]

    def _head(self, data: bytes) -> bytes:
        at, size = self.chance.choice(((0, 1), (4, 1), (5, 3), (8, 4), (12, 4), (16, 4)))
        new = self.chance.choice((bytes(size), self.chance.randbytes(size), (272).to_bytes(4, "big")[-size:]))
        return data[:at] + new + data[at + size :]
