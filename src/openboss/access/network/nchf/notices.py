"""What we tell the network ourselves: come again with a session, or end it (TS 32.291, Notify).

The address is the one the session's last request named; it is kept in the database within a second, so that an engine
that begins again knows it. A network function that cannot be reached is tried again a
few times; what it was to be told it learns at the latest when its quota ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime

import httpx
import structlog

from openboss.access.network.nchf.answers import encode
from openboss.access.network.nchf.schema import ChargingNotifyRequest
from openboss.modules.charging.functions.addresses import addresses_of, keep_addresses

MOST_SESSIONS = 1 << 21  # whose addresses are remembered
_AT_ONCE = 64
_TRIES = 3
_TIMEOUT_S = 3.0
_JSON = {"content-type": "application/json"}
_COME_AGAIN = encode(ChargingNotifyRequest("REAUTHORIZATION"))
_STOP = encode(ChargingNotifyRequest("ABORT_CHARGING"))

log = structlog.get_logger("nchf")
logging.getLogger("httpx").setLevel(logging.WARNING)  # it writes a line about every request


class Notifier:
    """Tells network functions of their sessions, over HTTP/2."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._addresses: OrderedDict[str, str] = OrderedDict()
        self._said: dict[str, str] = {}  # not kept yet
        self._ended: set[str] = set()
        self._client: httpx.AsyncClient | None = None
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def remember(self, key: str, uri: str) -> None:
        """A session can be reached at an address; of too many the oldest are looked up when they are needed."""
        if self._addresses.get(key) != uri:
            self._said[key] = self._addresses[key] = uri
        if len(self._addresses) > MOST_SESSIONS:
            self._addresses.popitem(last=False)

    def forget(self, key: str) -> None:
        """A session has ended."""
        self._addresses.pop(key, None)
        if self._said.pop(key, None) is None:
            self._ended.add(key)

    def keep(self, at: datetime) -> None:
        """Write down what was said since the last time."""
        if self._said or self._ended:
            keep_addresses(said=self._said, ended=self._ended, at=at)
            self._said, self._ended = {}, set()

    def tell(self, keys: Iterable[str], *, is_stop: bool) -> None:
        """Tell the network to come again with some sessions, or to end them."""
        wanted = list(keys)
        kept = addresses_of([key for key in wanted if key not in self._addresses])
        for key in wanted:
            uri = self._addresses.get(key) or kept.get(key)
            if uri is not None:
                task = self.loop.create_task(self._send(key, uri, _STOP if is_stop else _COME_AGAIN))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let connections go."""
        if self._client is not None:
            await self._client.aclose()

    async def _send(self, key: str, uri: str, notice: bytes) -> None:
        async with self._places:
            for attempt in range(_TRIES):
                try:
                    answer = await self._connected().post(uri, content=notice, headers=_JSON)
                except httpx.HTTPError as fault:
                    log.warning("network function not reached", why=str(fault) or type(fault).__name__)
                except (httpx.InvalidURL, UnicodeError) as fault:
                    log.warning("impossible address", why=str(fault))
                    break
                else:
                    if answer.status_code == 404:
                        self.forget(key)
                    if answer.status_code < 500:
                        return
                await asyncio.sleep(2**attempt / 2)

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                http1=False, http2=True, timeout=_TIMEOUT_S, follow_redirects=True, trust_env=False
            )
        return self._client
