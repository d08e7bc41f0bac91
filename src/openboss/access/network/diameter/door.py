"""The ports of Diameter: in the clear, and under TLS from the first byte (RFC 6733 section 13.1), IPv4 or IPv6."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import structlog

from openboss.access.network.tls import server_context
from openboss.config.options import Options

log = structlog.get_logger("diameter")


async def open_doors(
    new_peer: Callable[[], asyncio.Protocol], chosen: Options, loop: asyncio.AbstractEventLoop
) -> list[asyncio.AbstractServer]:
    """Listen where the options say; a port that is taken is said in the log, and the others serve."""
    doors: list[asyncio.AbstractServer] = []
    for port, context in ((chosen.diameter_port, None), (chosen.diameter_tls_port, _context(chosen))):
        if port == 0:
            continue
        try:
            doors.append(await loop.create_server(new_peer, chosen.diameter_host, port, ssl=context))
        except OSError as taken:
            log.warning("networks cannot be served", host=chosen.diameter_host, port=port, why=str(taken))
    return doors


def _context(chosen: Options) -> ssl.SSLContext | None:
    """With our certificate; peers must show one that the named authorities vouch for."""
    if not chosen.diameter_tls_port:
        return None
    return server_context(chosen.diameter_certificate, chosen.diameter_key, chosen.diameter_clients)
