"""UDP ports of RADIUS: what is no genuine packet of a known server is dropped without a word, and counted.

A request that arrives again while it is decided is passed over; one that was answered gets the same answer again
(RFC 5080 2.2.2).
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

from openboss.access.network.radius.clients import NOT_LISTED, WRONG_SECRET, AccessServer, AccessServers
from openboss.access.network.radius.packets import Code, Malformed, Packet, answer_bytes, is_genuine, read_packet

REMEMBERED_S = 30.0
MOST_REMEMBERED = 1 << 16

Attributes = list[tuple[int, bytes]]
_Key = tuple[tuple[str, int], int, bytes]


class Reply(Protocol):
    """The way back to whoever sent a request."""

    def __call__(self, code: Code, attributes: Attributes) -> None:
        """Answer it."""

    def drop(self) -> None:
        """Leave it unanswered: if it is sent again it is taken anew."""


Handler = Callable[[AccessServer, Packet, Reply], None]


@dataclass
class _Answered:
    """A request that is decided, or was."""

    at_s: float
    data: bytes = field(default=b"")


class Port(asyncio.DatagramProtocol):
    """One port, for one kind of request."""

    def __init__(self, code: Code, servers: AccessServers, handle: Handler, loop: asyncio.AbstractEventLoop) -> None:
        self.code, self.servers, self.handle, self.loop = code, servers, handle, loop
        self.counts: Counter[str] = Counter()
        self._transport: asyncio.DatagramTransport | None = None
        self._answered: OrderedDict[_Key, _Answered] = OrderedDict()

    def itself(self) -> Port:
        """What the loop makes its endpoint of."""
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        """Take a packet, if it is one."""
        server = self.servers.by_address.get(address[0])
        if server is None:
            self.counts["unknown server"] += 1
            self.servers.note("", address[0], NOT_LISTED)
            return
        try:
            packet = read_packet(data)
        except Malformed:
            self.counts["malformed"] += 1
            return
        if packet.code != self.code or not is_genuine(packet, server.secret):
            self.counts["not genuine" if packet.code == self.code else "another kind"] += 1
            self.servers.note(server.name, server.address, WRONG_SECRET if packet.code == self.code else "")
            return
        self.servers.note(server.name, server.address, "")
        self._take(server, packet, address)

    def answered(self, key: _Key, data: bytes, address: tuple[str, int]) -> None:
        """A request has its answer."""
        self._answered[key] = _Answered(self.loop.time(), data)
        self._send(data, address)

    def dropped(self, key: _Key) -> None:
        """A request stays unanswered."""
        self.counts["dropped"] += 1
        self._answered.pop(key, None)

    def close(self) -> None:
        """Stop to listen."""
        if self._transport is not None:
            self._transport.close()

    def _take(self, server: AccessServer, packet: Packet, address: tuple[str, int]) -> None:
        key = (address, packet.identifier, packet.authenticator)
        self._forget()
        known = self._answered.get(key)
        if known is not None:
            self.counts["repeated"] += 1
            self._send(known.data, address)
            return
        self._answered[key] = _Answered(self.loop.time())
        self.counts["taken"] += 1

        try:
            self.handle(server, packet, _Reply(self, server, packet, address, key))
        except Malformed:
            self.counts["malformed"] += 1

    def _send(self, data: bytes, address: tuple[str, int]) -> None:
        if data and self._transport is not None:
            self._transport.sendto(data, address)

    def _forget(self) -> None:
        """Forget what was answered long ago, and the oldest of too many."""
        before_s = self.loop.time() - REMEMBERED_S
        while self._answered:
            oldest = next(iter(self._answered))
            if self._answered[oldest].at_s >= before_s and len(self._answered) < MOST_REMEMBERED:
                return
            del self._answered[oldest]


class _Reply:
    """The way back for one request."""

    def __init__(self, port: Port, server: AccessServer, packet: Packet, address: tuple[str, int], key: _Key) -> None:
        self._port, self._server, self._packet, self._address, self._key = port, server, packet, address, key

    def __call__(self, code: Code, attributes: Attributes) -> None:
        data = answer_bytes(self._packet, code, attributes, self._server.secret)
        self._port.answered(self._key, data, self._address)

    def drop(self) -> None:
        self._port.dropped(self._key)
