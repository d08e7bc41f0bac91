"""The port: HTTP/2 in the engine's own loop, with TLS where a certificate is given.

The protocol is read and written by threads that hold no Python; the engine's thread sees whole
requests only.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path

import structlog
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP2Settings
from granian.server.embed import Server

from openboss.access.network.nchf.node import Node

_MOST_CONNECTIONS = 1024
_SETTINGS = HTTP2Settings(max_concurrent_streams=512, max_headers_size=16 * 1024, keep_alive_interval=30_000)

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
        self._server = Server(
            node.__call__,
            address=address.host,
            port=address.port,
            interface=Interfaces.RSGI,
            http=HTTPModes.http2,
            websockets=False,
            backlog=_MOST_CONNECTIONS,
            backpressure=_MOST_CONNECTIONS,
            http2_settings=_SETTINGS,
            log_enabled=False,
            ssl_cert=address.certificate,
            ssl_key=address.key,
            ssl_ca=address.clients,
            ssl_client_verify=address.clients is not None,
            ssl_protocol_min=SSLProtocols.tls12,
        )
        self._task = loop.create_task(self._serve(address))

    async def _serve(self, address: Address) -> None:
        try:
            _refuse_if_taken(address)
            await self._server.serve()
        except OSError as taken:
            log.warning("Nchf cannot be served", host=address.host, port=address.port, why=str(taken))

    async def close(self) -> None:
        """Stop to listen and let connections go."""
        self._server.stop()
        await asyncio.wait([self._task], timeout=2)


def _refuse_if_taken(address: Address) -> None:
    """Raise OSError if somebody listens there: the server itself would share the port with them, and the requests."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address.host, address.port))
