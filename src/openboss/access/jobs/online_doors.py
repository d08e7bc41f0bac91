"""The interfaces beside Diameter through which networks ask before use: opened as the settings say.

They share one gathering: what has arrived over any of them meanwhile is one group of the engine.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import structlog

from openboss.access.network.admission import Admission
from openboss.access.network.gathering import Gathering, Server
from openboss.access.network.nchf.answers import final_unit
from openboss.access.network.nchf.door import Address, Door
from openboss.access.network.nchf.node import Node
from openboss.access.network.nchf.notices import Notifier
from openboss.access.network.radius.accounting import NOT_CHARGED, Accounting
from openboss.access.network.radius.changes import FromEngine
from openboss.access.network.radius.logins import Logins
from openboss.access.network.radius.packets import Code
from openboss.access.network.radius.ports import Port
from openboss.access.network.radius.sessions import Sessions
from openboss.config.options import Options
from openboss.modules.charging.engine.online.kinds import ACCESS

_REPORT_EVERY_S = 60.0
DROPS = {"unknown server", "malformed", "not genuine", "another kind", "dropped"}  # of what ports of RADIUS count

log = structlog.get_logger("charge")


class OnlineDoors:
    """All of them."""

    def __init__(
        self,
        chosen: Options,
        *,
        admission: Admission,
        server: Server,
        use_connection: Callable[[], None],
        now_s: Callable[[], int],
        fail: Callable[[BaseException], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.chosen, self.admission, self.now_s, self.loop = chosen, admission, now_s, loop
        self.use_connection = use_connection  # of the engine's thread: called first in what opens a door
        self.gathering = Gathering(server=server, fail=fail, loop=loop)
        self.notifier = Notifier(loop)
        self._radius: list[Port] = []
        self._sessions = Sessions()  # of access servers
        self._accounting: Accounting | None = None  # of access servers, once one is listed
        self._counts: list[Counter[str]] = []
        self._nchf: Door | None = None
        self._nchf_node: Node | None = None
        self._opening: asyncio.Task[None] | None = None
        self.fail = fail
        if chosen.nchf_port:
            final = final_unit(chosen.final_unit, chosen.final_unit_to)
            self._nchf_node = Node(
                gathering=self.gathering, notices=self.notifier, now_s=now_s, final=final,
                client_of=admission.nchf_client,
            )  # fmt: skip
            self._nchf = Door(self._nchf_node, _address(chosen), loop)
        self.review()

    @property
    def is_open(self) -> bool:
        """Whether any of them is."""
        return self._nchf is not None or self._opening is not None

    def review(self) -> None:
        """Open the ports of RADIUS once an access server is listed; without one nobody could use them."""
        if self._opening is None and self.admission.servers.by_address:
            self._opening = self.loop.create_task(self._open_radius())
            self._opening.add_done_callback(self._opened)
            self.loop.call_later(_REPORT_EVERY_S, self._report, self.loop, {})

    def _opened(self, opening: asyncio.Task[None]) -> None:
        fault = None if opening.cancelled() else opening.exception()
        if fault is not None:
            self.fail(fault)

    async def _open_radius(self) -> None:
        self.use_connection()  # what a port hears runs in this context; each turn would take a connection and keep it
        chosen, servers, sessions, loop = self.chosen, self.admission.servers, self._sessions, self.loop
        changes = FromEngine(servers, self.now_s, loop)
        logins = Logins(gathering=self.gathering, sessions=sessions, now_s=self.now_s)
        accounting = Accounting(gathering=self.gathering, sessions=sessions, now_s=self.now_s, changes=changes)
        self._accounting = accounting
        self._counts += [logins.counts, accounting.counts]
        for code, number, handle in (
            (Code.ACCESS_REQUEST, chosen.radius_port, logins.handle),
            (Code.ACCOUNTING_REQUEST, chosen.radius_accounting_port, accounting.handle),
        ):
            if not number:
                continue
            port = Port(code, servers, handle, loop)
            try:
                await loop.create_datagram_endpoint(port.itself, (chosen.radius_host, number))
            except OSError as taken:
                log.warning("RADIUS cannot be served", host=chosen.radius_host, port=number, why=str(taken))
            else:
                self._radius.append(port)
                self._counts.append(port.counts)

    def _report(self, loop: asyncio.AbstractEventLoop, before: dict[str, int]) -> None:
        """Write down what access servers sent, once a minute if anything came: drops leave no other trace."""
        counts: Counter[str] = Counter()
        for source in self._counts:
            counts.update(source)
        if counts != before:
            log.info("access servers", **{name.replace(" ", "_"): count for name, count in counts.items()})
        loop.call_later(_REPORT_EVERY_S, self._report, loop, dict(counts))

    def counted(self) -> tuple[np.ndarray, dict[tuple[str, str], int]]:
        """What these doors have counted since the start: answers by time, and what was turned down by cause."""
        nchf = self._nchf_node.meter.turned_down if self._nchf_node is not None else {}
        turned_down = {("NCHF", cause): count for cause, count in nchf.items()}
        for port in self._radius:
            for cause in DROPS & port.counts.keys():
                turned_down["RADIUS", cause] = turned_down.get(("RADIUS", cause), 0) + port.counts[cause]
        if self._accounting is not None and (lost := self._accounting.counts[NOT_CHARGED]):
            turned_down["RADIUS", NOT_CHARGED] = lost
        return self.gathering.meter.times, turned_down

    def whence(self, key_hi: int, key_lo: int) -> dict[str, str] | None:
        """Who asks with a session in the group under decision; None = nobody here."""
        key = f"{key_hi:016x}{key_lo:016x}"
        if self._nchf_node is not None and (client := self._nchf_node.asking.get(key)) is not None:
            return {"interface": "NCHF", "peer": client, "session_id": key}
        if key in self._sessions.busy and (session := self._sessions.find(key)) is not None:
            return {"interface": "RADIUS", "peer": session.nas, "session_id": session.acct_session_id}
        return None

    def go_on(self) -> None:
        """A commit has ended: decide what waited for it."""
        self.gathering.go_on()

    def tell(self, sessions: np.ndarray, stopped: np.ndarray) -> None:
        """Tell networks to come again with some sessions, or to end those of users who were stopped.

        Access servers cannot be told to come again: they are told how long their sessions may last now. Of a stop they
        hear through the outbox as well, until they have heeded it.
        """
        for is_stop in (False, True):
            mine = sessions[stopped == is_stop]
            keys = np.array(
                [f"{high:016x}{low:016x}" for high, low in zip(mine["key_hi"], mine["key_lo"], strict=True)]
            )
            is_access = np.isin(mine["record_type"], ACCESS)
            self.notifier.tell(keys[~is_access].tolist(), is_stop=is_stop)
            if self._accounting is not None:
                self._accounting.heed(keys[is_access].tolist(), is_stop=is_stop)

    def keep(self, at: datetime) -> None:
        """Write down where 5G networks want to be told of sessions."""
        self.notifier.keep(at)

    async def close(self) -> None:
        """Close all of them."""
        for port in self._radius:
            port.close()
        if self._nchf is not None:
            await self._nchf.close()
        await self.notifier.close()


def _address(chosen: Options) -> Address:
    certificate, key, clients = (
        Path(text) if text else None for text in (chosen.nchf_certificate, chosen.nchf_key, chosen.nchf_clients)
    )
    return Address(chosen.nchf_host, chosen.nchf_port, certificate, key, clients)
