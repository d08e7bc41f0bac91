"""A Diameter node among peers that send spoilt messages, and one neighbour who does nothing wrong.

Run by itself with NUMBA_BOUNDSCHECK=1 and a cache of its own, compiled code checks every place it reads or writes:
    python -m tests.access.network.diameter_siege MESSAGES SEED
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import structlog
from tests.access.network.diameter_mutations import Spoiler, data_request, good_messages

from openboss.access.network.diameter import avps, wire
from openboss.access.network.diameter.avps import avp, message, read_message
from openboss.access.network.diameter.node import Node, Server
from openboss.access.network.diameter.peers import Identity, Peer
from openboss.access.network.diameter.values import be32
from openboss.modules.charging.engine.online.requests import ANSWER, ASK, QUOTA, REQUEST, Kind, Measure

HOSTILE, NEIGHBOUR = "8613900000002", "8613177777777"
NOW_S = 1_791_165_600
HOSTS = 40
GREETING = message(
    flags=0x80, command=257, application=0, hop=1, end=1,
    avps=avp(264, "gw.test") + avp(296, "test") + avp(257, avps.address("127.0.0.1")) + avp(266, 0) + avp(258, 4),
)  # fmt: skip


class Line(asyncio.Transport):
    """A line that keeps what is written on it."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 3868), "peername": ("127.0.0.1", 40_000)})
        self.written, self.is_closed = bytearray(), False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        assert not self.is_closed
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing waits here."""

    def pause_reading(self) -> None:
        """Whoever writes sees to it."""

    def resume_reading(self) -> None:
        """Whoever writes sees to it."""

    def answers(self) -> list[bytes]:
        """Take the messages that were written since the last time; they must be whole."""
        found, data = [], bytes(self.written)
        self.written.clear()
        while data:
            size = int.from_bytes(data[1:4], "big")
            assert data[0] == 1 and 20 <= size <= len(data) and size % 4 == 0, data[:64]
            found.append(data[:size])
            data = data[size:]
        return found


class Prompt:
    """An engine whose groups are safe as soon as they are decided."""

    currency = 156

    def prepare(self) -> None:
        """Nothing is to be prepared."""

    def decide(self, requests: np.ndarray, asks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        raise NotImplementedError

    def when_safe(self, answer: Callable[[], None]) -> None:
        answer()

    def requests_ahead(self) -> int:
        return 0

    def let_settle(self, keys: list[str]) -> None:
        """Whoever is spoilt claims of itself that it restarted, under the neighbour's own name."""


class Grants(Prompt):
    """Gives to every service, by what the request says, some of all that can be answered."""

    def decide(self, requests: np.ndarray, asks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        answers, quotas = np.zeros(len(requests), ANSWER), np.zeros(len(asks), QUOTA)
        odd = (requests["key_lo"] % np.uint64(97)).astype(np.int64)
        answers["result"], answers["place"] = np.where(odd == 1, 3004, np.where(odd == 2, 4012, 2001)), odd
        answers["cost_li"] = odd * 1000
        of = np.repeat(odd, requests["asks"])
        quotas["result"], quotas["granted"] = 2001, of * 1_000_000
        quotas["measure"] = of % (max(Measure) + 1)
        quotas["is_last"], quotas["validity_s"], quotas["change_at_s"] = of % 3 == 0, of % 2 * 1800, of % 5 // 4 * NOW_S
        return np.ones(len(requests), bool), answers, quotas


class Siege:
    """A node with peers that were let in."""

    def __init__(self, server: Server) -> None:
        self.loop, self.faults = asyncio.new_event_loop(), list[BaseException]()
        identity = Identity("charge.test", "test", 1, lambda *_asked: True)
        self.node = Node(identity=identity, server=server, now_s=lambda: NOW_S,
                         fail=self.faults.append, loop=self.loop)  # fmt: skip

    def peer(self) -> tuple[Peer, Line]:
        """A peer that has introduced itself."""
        peer, line = self.node.new_peer(), Line()
        peer.connection_made(line)
        peer.data_received(GREETING)
        self.turn()
        assert peer.is_welcome and len(line.answers()) == 1
        return peer, line

    def turn(self) -> None:
        """Let the node answer what waits. Raises what it failed of."""
        while True:
            self.loop.run_until_complete(asyncio.sleep(0))
            if self.faults:
                raise self.faults[0]
            if not self.node._is_due:
                return


def neighbours_requests(user: str = NEIGHBOUR, name: str = "calm") -> Iterator[bytes]:
    """Data sessions without an end, in good order."""
    session = 0
    while True:
        session += 1
        for kind, number, octets in ((1, 0, 0), (2, 1, 70_000 + session), (3, 2, 900)):
            yield data_request(f"{name};{session}", kind, number, user=user, octets=octets)


def besiege(
    siege: Siege, messages: int, seed: int, *, user: str = HOSTILE, neighbour_is: str = NEIGHBOUR
) -> Counter[str]:
    """Send spoilt messages about a user from many peers, and say what became of them.

    Raises if an answer cannot be read, or if the neighbour is not answered each time.
    """
    spoiler, counts, requests = Spoiler(seed), Counter[str](), neighbours_requests(neighbour_is)
    neighbour, calm = siege.peer()
    hostile = [siege.peer() for _ in range(HOSTS)]
    goods = good_messages("odd", user)
    while counts["sent"] < messages:
        neighbour.data_received(next(requests))
        for peer, _line in hostile:
            data = spoiler.spoilt(spoiler.chance.choice(goods))
            if neighbour_is.encode() not in data:  # bits fell so that it is about the neighbour
                counts["sent"] += 1
                peer.data_received(data)
        siege.turn()
        for place, (peer, line) in enumerate(hostile):
            for answer in line.answers():
                counts[str(read_message(answer).number(avps.RESULT_CODE))] += 1
            if line.is_closed or peer.inbox:  # a half message would swallow the next ones
                counts["closed" if line.is_closed else "half"] += 1
                peer.connection_lost(None)
                hostile[place] = siege.peer()
        heard = calm.answers()
        assert len(heard) == 1
        counts["neighbour"] += 1
        counts["disturbed"] += _is_disturbed(heard[0], counts["neighbour"])
    return counts


def _is_disturbed(answer: bytes, number: int) -> bool:
    read = read_message(answer)
    session, step = divmod(number - 1, 3)
    name = f"calm;{session + 1}".encode()
    return (read.first(avps.SESSION_ID), read.number(avps.CC_NUMBER)) != (name, step)


def read_alone(messages: int, seed: int) -> Counter[str]:
    """Read spoilt messages each at the very end of the bytes there are: who reads further, reads what is not there."""
    spoiler, counts, goods = Spoiler(seed), Counter[str](), good_messages("odd", HOSTILE)
    marks, requests, asks = np.zeros(2, wire.MARK), np.zeros(2, REQUEST), np.zeros(wire.MOST_ASKS, ASK)
    room = (np.zeros(1, wire.STATE), np.zeros(wire.DEEPEST, np.int64), np.zeros(wire.DEEPEST, np.int64))
    for _ in range(messages):
        data = np.frombuffer(spoiler.spoilt(spoiler.chance.choice(goods)), np.uint8)
        found = np.zeros(3, np.int64)
        reached = wire.read(data, 0, len(data), 0, marks, requests, asks, found, *room, NOW_S)
        kind = ("credit", "other", "fault")[int(marks[0]["what"])] if found[0] else "half" if reached == 0 else "junk"
        counts[kind] += 1
        if kind == "credit":
            assert Kind(int(requests[0]["kind"])) and 0 <= requests[0]["asks"] <= wire.MOST_ASKS
    return counts


def seen_behind_the_end() -> str:
    """What is said when compiled code reads behind the end of the bytes: nothing, if places are not checked."""
    try:
        be32(np.zeros(3, np.uint8), 0)
    except IndexError as fault:
        return str(fault)
    return ""


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    count, first = int(sys.argv[1]), int(sys.argv[2])
    alone = read_alone(count, first)
    print(json.dumps({"siege": besiege(Siege(Grants()), count, first), "alone": alone, "sees": seen_behind_the_end()}))
