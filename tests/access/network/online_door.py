"""An interface that asks one engine on PostgreSQL, with its loop in a thread."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable

from django.db import connection
from tests.modules.charging.engine.test_online import NUMBERING, Network, moment

from openboss.access.jobs.charge_loop import ChargeLoop
from openboss.access.jobs.installation import one_connection
from openboss.access.network.gathering import Gathering
from openboss.modules.charging.engine.online.finding import serves_data
from openboss.modules.charging.numbering import NumberingTables


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port nobody listens on."""
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def waited_for(question: Callable, within_s: float = 20.0) -> bool:
    """Whether something comes to be so, in another thread or process."""
    until_s = time.monotonic() + within_s
    while not question() and time.monotonic() < until_s:
        time.sleep(0.005)
    return bool(question())


def play_beside(loop: ChargeLoop, part: Callable[[], None]) -> None:
    """Run an engine's loop here, as in a process of its own, while a part is played beside it; raise what failed there.

    The engine stops when the part is over.
    """
    faults: list[BaseException] = []

    def play() -> None:
        try:
            part()
        except BaseException as fault:  # noqa: BLE001 - said in the test's own thread
            faults.append(fault)
        finally:
            connection.close()
            loop.stopping.set()

    thread = threading.Thread(target=play)
    thread.start()
    loop.run()
    thread.join(10)
    if faults:
        raise faults[0]


class OnlineDoor:
    """The engine's loop with one interface, which `start(loop, gathering)` begins and returns how to end."""

    def __init__(self, engine: Network, start: Callable, numbering: NumberingTables = NUMBERING) -> None:
        self.engine, self.faults, self.at, self.numbering = engine, [], moment(), numbering
        self.ahead = 0  # requests a test says are on their way to the journal
        self._start = start
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(300)  # cold: everything is compiled

    def now_s(self) -> int:
        return self.at.now_s

    def decide(self, requests, asks):
        self.use_connection()
        decided = self.engine.owner.serve(requests, asks, numbering=self.numbering, moment=self.at)
        return decided.taken, decided.answers, decided.quotas

    def when_safe(self, answer: Callable) -> None:
        answer()

    def requests_ahead(self) -> int:
        return self.ahead

    def serves_data(self, key: str) -> bool:
        return serves_data(self.engine.owner.state.desk, key)

    def call(self, work: Callable) -> None:
        """Have something done in the loop."""
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (self.use_connection(), work(), done.set()))
        assert done.wait(10)

    def _run(self) -> None:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        self.use_connection = one_connection()
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.engine.owner.warm(self.at, self.numbering)
        self.gathering = Gathering(server=self, fail=self.faults.append, loop=self.loop)
        end = self.loop.run_until_complete(self._begin())
        self._ready.set()
        self.loop.run_forever()
        self.loop.run_until_complete(end())
        self.loop.close()
        from django.db import connection

        connection.close()

    async def _begin(self) -> Callable:
        self.use_connection()  # what a port hears runs in this context; each turn would take a connection and keep it
        return await self._start(self)

    def stop(self) -> None:
        if self.loop.is_closed():
            return
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        assert self.faults == []
