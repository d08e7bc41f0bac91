"""All connections of a port over HTTP/2: so many, and none may lie about half open or silent for ever."""

from __future__ import annotations

import asyncio

import structlog

from openboss.access.network.http2.connection import Connection
from openboss.access.network.http2.stream import Desk

MOST_CONNECTIONS = 512  # of a port: half of what a process may usually have open
_REVIEW_S = 1.0
_SILENT_S = 60.0  # who has asked something since then is not put out for a new one

log = structlog.get_logger("http2")


class Connections:
    """Makes them, counts them, ends those that keep others out."""

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop, *, most: int = MOST_CONNECTIONS) -> None:
        self.desk, self.loop, self.most = desk, loop, most
        self.lines: dict[Connection, None] = {}
        self._ended: dict[str, tuple[int, str]] = {}  # by why: how many, and the last of them
        self._timer = loop.call_later(_REVIEW_S, self._review)

    def new(self) -> Connection:
        """Make the protocol of a new connection."""
        return Connection(self.desk, self)

    def joined(self, line: Connection) -> None:
        """A connection is there; of too many the one that has asked nothing for longest goes, or the new one."""
        if len(self.lines) >= self.most:
            silent = min(self.lines, key=lambda one: one.asked_at_s)
            if self.loop.time() - silent.asked_at_s < _SILENT_S:
                line.abort("too many connections")
                return
            self.left(silent)
            silent.abort("too many connections")
        self.lines[line] = None

    def left(self, line: Connection) -> None:
        """A connection has ended."""
        self.lines.pop(line, None)

    def note(self, line: Connection, why: str) -> None:
        """We end a connection; said once a second, with the last of those for the same reason."""
        self._ended[why] = (self._ended.get(why, (0, ""))[0] + 1, line.client)

    def close(self) -> None:
        """Say goodbye to all."""
        self._timer.cancel()
        for line in list(self.lines):
            line.close()

    def _review(self) -> None:
        now_s = self.loop.time()
        for line in list(self.lines):
            line.review(now_s)
        for why, (count, client) in self._ended.items():
            log.info("connections ended", why=why, count=count, last=client)
        self._ended.clear()
        self._timer = self.loop.call_later(_REVIEW_S, self._review)
