"""The interfaces beside Diameter through which networks ask before use: opened as the settings say.

They share one gathering: what has arrived over any of them meanwhile is one group of the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np

from openboss.access.network.gathering import Gathering, Server
from openboss.access.network.nchf.door import Address, Door
from openboss.access.network.nchf.node import Node
from openboss.access.network.nchf.notices import Notifier
from openboss.config.options import Options


class OnlineDoors:
    """All of them."""

    def __init__(
        self,
        chosen: Options,
        *,
        server: Server,
        now_s: Callable[[], int],
        fail: Callable[[BaseException], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.gathering = Gathering(server=server, fail=fail, loop=loop)
        self.notifier = Notifier(loop)
        self._nchf: Door | None = None
        if chosen.nchf_port:
            node = Node(gathering=self.gathering, notices=self.notifier, now_s=now_s)
            self._nchf = Door(node, _address(chosen), loop)

    @property
    def is_open(self) -> bool:
        """Whether any of them is."""
        return self._nchf is not None

    def tell(self, sessions: np.ndarray, stopped: np.ndarray) -> None:
        """Tell networks to come again with some sessions, or to end those of users who were stopped."""
        for is_stop in (False, True):
            mine = sessions[stopped == is_stop]
            keys = [f"{high:016x}{low:016x}" for high, low in zip(mine["key_hi"], mine["key_lo"], strict=True)]
            self.notifier.tell(keys, is_stop=is_stop)

    async def close(self) -> None:
        """Close all of them."""
        if self._nchf is not None:
            await self._nchf.close()
        await self.notifier.close()


def _address(chosen: Options) -> Address:
    certificate, key, clients = (
        Path(text) if text else None for text in (chosen.nchf_certificate, chosen.nchf_key, chosen.nchf_clients)
    )
    return Address(chosen.nchf_host, chosen.nchf_port, certificate, key, clients)
