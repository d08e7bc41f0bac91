"""The Diameter listener beside the charging engine: what has arrived meanwhile is one group, decided in one turn.

While a group is on its way to the journal the next one gathers in the sockets, and is decided if there is much of it:
the busier it is, the larger the groups. An answer leaves when everything decided up to it is committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
import structlog

from openboss.access.network import gathering
from openboss.access.network.diameter import avps, wire, wire_out
from openboss.access.network.diameter.avps import Message, avp
from openboss.access.network.diameter.homes import Homes, Register
from openboss.access.network.diameter.peers import NONSENSE, TOO_MANY, Identity, Peer
from openboss.access.network.diameter.telling import Telling
from openboss.access.network.diameter.values import hashed
from openboss.access.network.gathering import MOST_AHEAD, MOST_REQUESTS
from openboss.kernel.direct import direct
from openboss.modules.charging.engine.online.meter import Meter
from openboss.modules.charging.engine.online.requests import ANSWER, ASK, QUOTA, REQUEST, Kind, Result

AHEAD_BYTES = 64 << 10  # of requests that are worth a group while others are on their way: some hundred
SAID_EVERY_S = 10.0  # that connections were refused stands in the log no more often

_HEAD_BYTES, _SERVICE_BYTES = 256, 224 + wire_out.ARMED_BYTES  # the most an answer has, beside what it repeats


log = structlog.get_logger("diameter")


@dataclass(frozen=True)
class Places:
    """How many connections there may be: a flood of them takes no sockets from anybody else."""

    from_one_address: int = 64
    in_all: int = 512


class Server(gathering.Server, Protocol):
    """The engine as the listener sees it."""

    currency: int  # ISO 4217 number of the operator's money

    def prepare(self) -> None:
        """Be ready for the first request."""

    def let_settle(self, keys: list[str]) -> None:
        """Settle sessions soon that their networks know no more."""


_read, _write = direct(wire.read), direct(wire_out.write)


def warm_wire() -> None:
    """Compile the reading of requests and the writing of answers: a peer that waits for it gives up."""
    nothing = np.frombuffer(bytes(1), np.uint8)  # read-only as what arrives: what may be written is compiled apart
    marks, requests, asks = np.zeros(0, wire.MARK), np.zeros(0, REQUEST), np.zeros(0, ASK)
    room = (np.zeros(1, wire.STATE), np.zeros(wire.DEEPEST, np.int64), np.zeros(wire.DEEPEST, np.int64))
    _read(nothing, 0, 0, 0, marks, requests, asks, np.zeros(3, np.int64), *room, 0)
    answers, quotas, out = np.zeros(0, ANSWER), np.zeros(0, QUOTA), np.zeros(8, np.uint8)
    _write(nothing, marks, requests, asks, answers, quotas, nothing, nothing, 0, out, np.zeros(1, np.int64))


class Node:
    """All connections of this process."""

    def __init__(
        self,
        *,
        identity: Identity,
        server: Server,
        now_s: Callable[[], int],
        fail: Callable[[BaseException], None],
        loop: asyncio.AbstractEventLoop,
        register: Register | None = None,
        places: Places = Places(),
    ) -> None:
        self.identity, self.server, self.now_s, self.fail = identity, server, now_s, fail
        self.loop, self.places = loop, places
        self.peers: list[Peer] = []
        self.homes = Homes(register)
        self.telling = Telling(loop, lambda: self.peers, self.next_sequence, self._let_settle)
        self.meter = Meter()
        self._connections, self._said_at_s = 0, -SAID_EVERY_S
        self._arrived_s = 0.0  # when the first bytes of those that wait came
        self._group: tuple[bytes, list[Peer], np.ndarray, np.ndarray]  # under decision: bytes, peers, marks, requests
        self._group = b"", [], np.zeros(0, wire.MARK), np.zeros(0, REQUEST)
        self._waiting: dict[Peer, None] = {}
        self._broken: list[Peer] = []  # who sent what is no Diameter: closed after the answers to what came before
        self._is_due = self._is_behind = False
        self._sequence = (identity.state_id & 0xFFF) << 20  # no number again after a restart (RFC 6733 3)
        self._first = 0  # which peer is read first
        self._own = np.frombuffer(identity.named() + avp(avps.AUTH_APPLICATION, avps.CREDIT_APPLICATION), np.uint8)
        self._final = np.frombuffer(identity.final_unit, np.uint8)
        self._marks = np.zeros(MOST_REQUESTS, wire.MARK)
        self._requests = np.zeros(MOST_REQUESTS, REQUEST)
        self._asks = np.zeros(2 * MOST_REQUESTS + wire.MOST_ASKS, ASK)
        self._counts = np.zeros(3, np.int64)
        self._room = (np.zeros(1, wire.STATE), np.zeros(wire.DEEPEST, np.int64), np.zeros(wire.DEEPEST, np.int64))

        self._room[0]["currency"] = server.currency
        self._room[0]["own_high"], self._room[0]["own_low"] = hashed(
            np.frombuffer(identity.host.encode(), np.uint8), 0, len(identity.host.encode())
        )

    def new_peer(self) -> Peer:
        """Make the protocol of a new connection."""
        return Peer(self.identity, self)

    def joined(self, peer: Peer) -> bool:
        """Take a connection, under TLS after its handshake, unless there are too many; forget those that are gone."""
        self.peers = [known for known in self.peers if known.transport is not None]
        from_there = sum(known.address == peer.address for known in self.peers)
        if from_there >= self.places.from_one_address or len(self.peers) >= self.places.in_all:
            self._say_refused(peer.address)
            return False
        self._connections += 1
        peer.number = self._connections
        self.peers.append(peer)
        return True

    def _say_refused(self, address: str) -> None:
        self.meter.turn_down(TOO_MANY)
        if self.loop.time() - self._said_at_s >= SAID_EVERY_S:
            self._said_at_s = self.loop.time()
            refused = self.meter.turned_down[TOO_MANY]
            log.warning("too many connections", address=address, connected=len(self.peers), refused=refused)

    def welcomed(self, peer: Peer) -> None:
        """A peer may ask, and hear what waited for a line."""
        self.homes.meets(peer.number, peer.host)
        self.telling.line_came()

    def left(self, peer: Peer) -> None:
        """A peer is gone, or answers no more: what it was told is told another."""
        self.telling.line_gone(peer)

    def answered(self, answer: Message) -> None:
        """A peer answers what it was told."""
        self.telling.answered(answer)

    def says_state(self, host: str, state_id: int) -> None:
        """A peer says in which life it is: sessions of an earlier one are settled."""
        self._let_settle(self.homes.says_state(host.encode(), state_id))

    def next_sequence(self) -> int:
        """A number for a message of our own."""
        self._sequence = self._sequence + 1 & 0xFFFFFFFF
        return self._sequence

    def _let_settle(self, keys: list[str]) -> None:
        if keys:
            log.info("sessions their network knows no more", sessions=len(keys))
            self.server.let_settle(keys)

    def prepare(self) -> None:
        """A peer introduces itself."""
        self.server.prepare()
        warm_wire()

    def wake(self, peer: Peer) -> None:
        """Bytes have arrived at a peer: decide them soon, together with what arrives until then."""
        if not self._waiting and not self._is_behind:
            self._arrived_s = self.loop.time()
        self._waiting[peer] = None
        if not self._is_due:
            self._is_due = True
            self.loop.call_soon(self._turn)

    def tell(self, places: np.ndarray, sessions: np.ndarray, is_stopped: np.ndarray) -> int:
        """Ask the networks to come again with some sessions, to end those that are stopped; return how many heard.

        places, sessions  where they stand at the engine, and its rows (SESSION). Those of other doors are passed over.
        """
        told = 0
        for home, ends in zip(self.homes.of(places, sessions), is_stopped.tolist(), strict=True):
            told += home is not None and self.telling.tell(home, ends=ends)
        return told

    def whence(self, key_hi: int, key_lo: int) -> dict[str, str] | None:
        """Who asks with a session in the group under decision, and how the network names it; None = nobody here."""
        data, ready, credit, requests = self._group
        for place in np.flatnonzero((requests["key_hi"] == key_hi) & (requests["key_lo"] == key_lo))[:1]:
            mark = credit[place]
            at, length = int(mark["session_at"]), int(mark["session_length"])
            named = data[at : at + length].decode("utf-8", "replace")
            return {"interface": "DIAMETER", "peer": ready[int(mark["connection"])].host, "session_id": named}
        return None

    def keep(self, at: datetime) -> None:
        """Write down where sessions live that have lasted a while."""
        self.homes.keep(self.loop.time(), at)

    def connected(self) -> list[dict[str, Any]]:
        """Who is connected now, what was heard of each, and how many bytes of it wait."""
        return [
            {"name": peer.host, "realm": peer.realm, "address": peer.address, "is_tls": peer.is_tls,
             "waiting": len(peer.inbox), "requests": peer.messages, "last_at_s": peer.heard_at_s}
            for peer in list(self.peers)
            if peer.transport is not None
        ]  # fmt: skip

    def review(self) -> None:
        """Say goodbye to peers that may not ask any more."""
        for peer in list(self.peers):
            if peer.is_welcome and not peer.is_admitted():
                peer.say_goodbye(self.next_sequence(), avps.DO_NOT_WANT_TO_TALK)

    def stop(self, at: datetime) -> None:
        """Say goodbye to all peers, and write down what is left of sessions."""
        for peer in self.peers:
            peer.say_goodbye(self.next_sequence())
        self.homes.keep_all(at)
        self.homes.close()

    # --- a turn --------------------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """A commit has ended: take what waited for it."""
        if self._waiting and not self._is_due:
            self._turn()

    def _turn(self) -> None:
        self._is_due = False
        try:
            self._take_group()
        except BaseException as fault:  # noqa: BLE001 - the edge: whatever it is, the process must end unanswered
            self.fail(fault)

    def _take_group(self) -> None:
        """Read what waits, decide it, commit, answer."""
        waiting, self._waiting = list(self._waiting), {}
        for peer in waiting:
            if not peer.is_welcome:
                peer.introduce()
        ready = [peer for peer in waiting if peer.is_welcome and peer.inbox and not peer.is_stalled]
        if not ready:
            return
        if self._should_wait(sum(len(peer.inbox) for peer in ready)):
            self._waiting = dict.fromkeys(ready) | self._waiting
            return
        self._first += 1  # each is the first to be read in its turn: one that floods does not keep the others waiting
        ready = ready[self._first % len(ready) :] + ready[: self._first % len(ready)]
        starts = list(accumulate((len(peer.inbox) for peer in ready), initial=0))
        data = b"".join([peer.inbox for peer in ready])
        self._counts[:], self._is_behind = 0, False
        for number, peer in enumerate(ready):
            stop = self._read(np.frombuffer(data, np.uint8), starts[number], starts[number + 1], number)
            self._consumed(peer, stop, starts[number], starts[number + 1])
        self._decide_and_answer(data, ready)

    def _should_wait(self, waiting_bytes: int) -> bool:
        """Say whether what has arrived should wait for the commit that is under way."""
        ahead = self.server.requests_ahead()
        return ahead > 0 and (waiting_bytes < AHEAD_BYTES or ahead > MOST_AHEAD)

    def _read(self, data: np.ndarray, start: int, stop: int, connection: int) -> int:
        return _read(data, start, stop, connection, self._marks, self._requests, self._asks, self._counts,
                         *self._room, self.now_s())  # fmt: skip

    def _consumed(self, peer: Peer, reached: int, start: int, stop: int) -> None:
        if reached < 0:  # what follows is no Diameter: answer what was read, then end it
            peer.taken(stop - start)
            self._broken.append(peer)
            self.meter.turn_down(NONSENSE)
            return
        peer.taken(reached - start)
        is_full = self._counts[1] >= MOST_REQUESTS or self._counts[2] + wire.MOST_ASKS > len(self._asks)
        if peer.inbox and (is_full or self._counts[0] >= MOST_REQUESTS):
            self._is_behind = True
            self.wake(peer)

    def _decide_and_answer(self, data: bytes, ready: list[Peer]) -> None:
        marks = self._marks[: self._counts[0]].copy()
        requests, asks = self._requests[: self._counts[1]].copy(), self._asks[: self._counts[2]].copy()
        credit = marks if len(marks) == len(requests) else marks[marks["what"] == wire.CREDIT]
        self._group, arrived_s = (data, ready, credit, requests), self._arrived_s
        self._let_settle(self.homes.restarted(data, credit, lambda number, host: ready[number].speaks_for(host)))
        answers, quotas = self._decide(requests, asks)
        lines = [peer.number for peer in ready]
        self.homes.note(data, lines, credit, requests, answers["place"], self.loop.time())
        self.server.when_safe(lambda: self._answer(data, ready, marks, requests, asks, answers, quotas, arrived_s))
        broken, self._broken = self._broken, []
        for peer in broken:
            self.server.when_safe(peer.close)

    def _answer(
        self, data: bytes, ready: list[Peer], marks: np.ndarray, requests: np.ndarray, asks: np.ndarray,
        answers: np.ndarray, quotas: np.ndarray, arrived_s: float,
    ) -> None:  # fmt: skip
        """Write the answers to a group, the first of which came at `arrived_s`, and send them."""
        room = int(marks["length"].sum()) + len(requests) * (_HEAD_BYTES + len(self._own))
        room += len(asks) * (_SERVICE_BYTES + len(self._final))
        out, places = np.empty(room, np.uint8), np.zeros(len(marks) + 1, np.int64)
        _write(
            np.frombuffer(data, np.uint8), marks, requests, asks, answers, quotas, self._own, self._final,
            self.server.currency, out, places,
        )  # fmt: skip
        edges = np.searchsorted(marks["connection"], np.arange(len(ready) + 1))
        now_s = self.now_s()
        for number, peer in enumerate(ready):
            start, stop = places[edges[number]], places[edges[number + 1]]
            if stop > start:
                peer.send(out[start:stop].tobytes())
            peer.messages += int(edges[number + 1] - edges[number])
            peer.heard_at_s = now_s
        self.meter.answered(len(requests), self.loop.time() - arrived_s)
        for mark in marks[marks["what"] != wire.CREDIT]:
            self._answer_rarely(data, ready[mark["connection"]], mark)

    def _decide(self, requests: np.ndarray, asks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Have requests decided; while more waits than a group can hold, new sessions are told to come later."""
        is_new = (requests["kind"] == Kind.INITIAL) | (requests["kind"] == Kind.EVENT)
        if not self._is_behind or not is_new.any():
            return gathering.decide(self.server.decide, requests, asks)
        answers, quotas = gathering.decide(self.server.decide, requests, asks, np.flatnonzero(~is_new))
        answers["place"][is_new], answers["result"][is_new] = -1, Result.TOO_BUSY
        self.meter.turn_down(str(int(Result.TOO_BUSY)), int(is_new.sum()))
        return answers, quotas

    def _answer_rarely(self, data: bytes, peer: Peer, mark: np.ndarray) -> None:
        at, fault_at = int(mark["at"]), int(mark["fault_at"])
        whole = data[at : at + int(mark["length"])]
        if mark["what"] == wire.OTHER:
            peer.handle(whole)
            return
        fault = data[fault_at : fault_at + int(mark["fault_length"])] if fault_at > 0 else b""
        peer.refuse(whole, int(mark["fault"]), fault_at, fault)
