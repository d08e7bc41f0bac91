"""The port: HTTP/2 in the engine's own loop, with TLS where a certificate is given."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path

import structlog

from openboss.access.network.http2.connection import GREETING_S
from openboss.access.network.http2.connections import Connections
from openboss.access.network.nchf.node import Node
from openboss.access.network.tls import server_context

_BACKLOG = 1024

log = structlog.get_logger("nchf")


@dataclass(frozen=True)
class Address:
    """Where to listen. Without a certificate connections are in the clear (HTTP/2 with prior knowledge)."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    clients: Path | None = None  # certificates of authorities that vouch for clients; None = any client


class Door:
    """A port that is open as long as this lives."""

    def __init__(self, node: Node, address: Address, loop: asyncio.AbstractEventLoop) -> None:
        self.connections = Connections(node, loop)
        self._listener: asyncio.AbstractServer | None = None
        self.opening = loop.create_task(self._open(address, loop))

    async def _open(self, address: Address, loop: asyncio.AbstractEventLoop) -> None:
        try:
            context = _context(address)
            self._listener = await loop.create_server(
                self.connections.new, address.host, address.port, ssl=context, backlog=_BACKLOG,
                ssl_handshake_timeout=GREETING_S if context else None,
            )  # fmt: skip
        except OSError as taken:
            log.warning("Nchf cannot be served", host=address.host, port=address.port, why=str(taken))

    async def close(self) -> None:
        """Stop to listen and say goodbye to connections."""
        await self.opening
        if self._listener is not None:
            self._listener.close()
        self.connections.close()


def _context(address: Address) -> ssl.SSLContext | None:
    """With our certificate, and HTTP/2 agreed; clients must show one if authorities are named that vouch for them."""
    if address.certificate is None:
        return None
    context = server_context(address.certificate, address.key, address.clients)
    context.set_alpn_protocols(["h2"])
    return context
