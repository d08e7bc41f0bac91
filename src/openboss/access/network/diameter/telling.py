"""What we tell networks of their sessions ourselves, until they confirm it: come again (RAR), or end (ASR).

One that cannot deliver, is too busy or does not answer is asked again, by another line if there is one; what finds no
line waits for one. Who answers that it does not know the session is believed. Source: RFC 6733 8.3, 8.5, RFC 8506 5.5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from openboss.access.network.diameter import avps
from openboss.access.network.diameter.avps import Message
from openboss.access.network.diameter.homes import Home
from openboss.access.network.diameter.peers import Peer

ANSWER_S = 5.0  # so long an answer is waited for
BUSY_S = 2.0  # so long the only line is left alone that could not deliver
TRIES = 3
STRANDED_S = 300.0  # so long a line is waited for: a gateway comes back within half a minute (RFC 6733 2.1)
_LOOK_S = 0.5

log = structlog.get_logger("diameter")


@dataclass(slots=True, eq=False)
class Told:
    """One notice on its way."""

    home: Home
    ends: bool
    end: int  # End-to-End Identifier: the same however often it is sent
    begun_s: float
    due_s: float = 0.0
    hop: int = 0  # Hop-by-Hop Identifier of the last sending, 0 = not sent yet
    tried: list[Peer] = field(default_factory=list)


class Telling:
    """Notices to the networks of one node.

    sequence  gives numbers to messages;  unknown  takes the keys of sessions that networks know no more
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        peers: Callable[[], Iterable[Peer]],
        sequence: Callable[[], int],
        unknown: Callable[[list[str]], None],
    ) -> None:
        self.loop, self.peers, self.sequence, self.unknown = loop, peers, sequence, unknown
        self._waiting: dict[int, Told] = {}  # by Hop-by-Hop Identifier: the answer is waited for
        self._stranded: dict[int, Told] = {}  # by End-to-End Identifier: no line leads there
        self._unreached: list[tuple[Told, int]] = []  # given up, with the last answer; not said yet
        self._is_watched = False

    def tell(self, home: Home, *, ends: bool) -> bool:
        """Tell a session's network to come again with it, or to end it; say whether a line leads there now."""
        return self._send(Told(home, ends, self.sequence(), self.loop.time()))

    def answered(self, answer: Message) -> None:
        """A network has answered."""
        told = self._waiting.pop(answer.hop, None)
        if told is None:
            return
        result = answer.number(avps.RESULT_CODE) or avps.SUCCESS
        if result == avps.UNKNOWN_SESSION:
            self.unknown([told.home.key])
        elif result in (avps.UNABLE_TO_DELIVER, avps.TOO_BUSY, avps.OUT_OF_SPACE):
            self._again(told, result)
        elif result >= 3000:
            self._give_up(told, result)

    def line_came(self) -> None:
        """A peer is welcome: what found no line may find one now."""
        for end, told in list(self._stranded.items()):
            if self._send(told):
                self._stranded.pop(end, None)

    def line_gone(self, peer: Peer) -> None:
        """A peer is gone: what it has not answered goes by another line."""
        for told in [told for told in self._waiting.values() if told.tried[-1] is peer]:
            del self._waiting[told.hop]
            told.tried.pop()
            self._send(told)

    def _send(self, told: Told) -> bool:
        line = self._line(told)
        if line is None:
            self._stranded[told.end] = told
            self._watch()
            return False
        is_repeated, told.hop, told.due_s = told.hop > 0, self.sequence(), self.loop.time() + ANSWER_S
        line.tell(told.home, ends=told.ends, hop=told.hop, end=told.end, is_repeated=is_repeated)
        told.tried.append(line)
        self._waiting[told.hop] = told
        self._watch()
        return True

    def _line(self, told: Told) -> Peer | None:
        """Choose a line: one not tried yet, and the nearer to the session the better."""
        able = [peer for peer in self.peers() if peer.hears and _nearness(peer, told.home) < _FAR]
        return min(able, key=lambda peer: (told.tried.count(peer), _nearness(peer, told.home)), default=None)

    def _again(self, told: Told, result: int) -> None:
        """Ask again: by another line at once, by one that was asked already after a while."""
        line = self._line(told)
        if len(told.tried) >= TRIES:
            self._give_up(told, result)
        elif result and line in told.tried:
            self.loop.call_later(BUSY_S, self._send, told)
        else:
            self._send(told)

    def _give_up(self, told: Told, result: int) -> None:
        """It stays as it is: the network learns it when its quota ends. The log says so, of many in one line."""
        self._unreached.append((told, result))
        self._watch()

    def _watch(self) -> None:
        if not self._is_watched:
            self._is_watched = True
            self.loop.call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        """Ask again what was not answered in time; leave what found no line for too long."""
        self._is_watched = False
        now_s = self.loop.time()
        for hop, told in [(hop, told) for hop, told in self._waiting.items() if told.due_s <= now_s]:
            del self._waiting[hop]
            self._again(told, 0)
        for end, told in [(end, told) for end, told in self._stranded.items() if told.begun_s + STRANDED_S <= now_s]:
            del self._stranded[end]
            self._give_up(told, 0)
        if self._unreached:
            (told, result), many = self._unreached[0], len(self._unreached)
            log.warning("sessions not reached", sessions=many, host=told.home.host, result=result or "no answer",
                        one=told.home.session_id.decode("utf-8", "replace"))  # fmt: skip
            self._unreached = []
        if self._waiting or self._stranded:
            self._watch()


_FAR = 5


def _nearness(peer: Peer, home: Home) -> int:
    """How near a line is to a session: that of its last request, its gateway or relay, its realm, any relay."""
    if peer.number == home.line:
        return 0
    if peer.host == home.host:
        return 1
    if peer.host == home.via:
        return 2
    if peer.realm == home.realm:
        return 3
    return 4 if peer.relays else _FAR
