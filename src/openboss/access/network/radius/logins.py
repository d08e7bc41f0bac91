"""Access requests: a login with the right password of a user who is served and has money is let in.

The session is opened in the engine here, and what it grants is how long the access server may let it run. It then asks
again (Termination-Action), without the user noticing, and gets as much again as there is money for. Class carries the
session's name, so that accounting finds it. Source: RFC 2865, 2869; WISPr attributes for the speed.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from openboss.access.network.gathering import Answer, Gathering, TooBusy
from openboss.access.network.radius.clients import AccessServer
from openboss.access.network.radius.packets import (
    Attribute,
    Code,
    Packet,
    is_right_chap,
    named,
    of_vendor,
    unhidden,
    whole,
)
from openboss.access.network.radius.ports import Attributes, Reply
from openboss.access.network.radius.sessions import (
    SLICE_S,
    Sessions,
    from_second,
    key_of,
    new_session,
    number_of,
    opening,
    report,
    take_again,
    used_of,
)
from openboss.modules.charging.engine.online.requests import Measure, Result
from openboss.modules.charging.functions.access_sessions import AccessSessionView, put_access_sessions
from openboss.processes.access_lines import AccessLineView, LoginRefused, let_in

INTERIM_S = 300
MOST_WAITING = 1024  # logins; the next ones are not answered, and are asked again
SLICE_OF_LOOP_S = 0.005
ASK_AGAIN = 1  # Termination-Action: when the time is over, ask again
WISPR, WISPR_UP, WISPR_DOWN = 14122, 7, 8
_REASONS = {
    "WRONG_LOGIN": "Unknown login or wrong password",
    "SUSPENDED": "Service is suspended",
    Result.CREDIT_LIMIT_REACHED: "No credit left",
    Result.END_USER_SERVICE_DENIED: "Service is suspended",
    Result.USER_UNKNOWN: "Unknown login or wrong password",
}
_NOT_NOW = "Service cannot be given now"

_Waiting = tuple[AccessServer, Packet, Reply, bytes | None]  # with the password, if it was said


class Logins:
    """Decides who is let in."""

    def __init__(self, *, gathering: Gathering, sessions: Sessions, now_s: Callable[[], int]) -> None:
        self.gathering, self.sessions, self.now_s = gathering, sessions, now_s
        self.counts: Counter[str] = Counter()
        self._waiting: deque[_Waiting] = deque()

    def handle(self, server: AccessServer, packet: Packet, reply: Reply) -> None:
        """Take one request; it is decided as soon as those before it are. Raises Malformed."""
        hidden = packet.first(Attribute.USER_PASSWORD)
        clear = unhidden(hidden, packet.authenticator, server.secret) if hidden is not None else None
        used_of(packet)  # what cannot be read is dropped here, where nothing was changed
        if len(self._waiting) >= MOST_WAITING:
            reply.drop()
            return
        self._waiting.append((server, packet, reply, clear))
        if len(self._waiting) == 1:
            self.gathering.loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Decide for a few milliseconds: whoever logs in waits for those who are in, not they for them."""
        until_s = self.gathering.loop.time() + SLICE_OF_LOOP_S
        while self._waiting and self.gathering.loop.time() < until_s:
            self._decide(*self._waiting.popleft())
        if self._waiting:
            self.gathering.loop.call_soon(self._turn)

    def _decide(self, server: AccessServer, packet: Packet, reply: Reply, clear: bytes | None) -> None:
        def proves(password: str) -> bool:
            return clear == password.encode() if clear is not None else is_right_chap(packet, password.encode())

        number, at = number_of(packet.text(Attribute.USER_NAME)), from_second(self.now_s())
        try:
            line = let_in(number=number, proves=proves, at=at)
            self._open(server, packet, line, reply)
        except LoginRefused as refusal:
            self._reject(reply, refusal.code)
        except BaseException as fault:  # noqa: BLE001 - the edge: without a database nothing goes on
            self.gathering.fail(fault)

    def _open(self, server: AccessServer, packet: Packet, line: AccessLineView, reply: Reply) -> None:
        """Open a session in the engine, or have the running one that asks again go on."""
        at = from_second(self.now_s())
        running = self.sessions.find(packet.text(Attribute.STATE))
        if running is not None and running.ended_at is None and running.subscriber_id == line.subscriber_id:
            if running.session_key in self.sessions.busy:
                reply.drop()  # a report of it is not committed yet
                return
            session, requests = running, self.sessions.pending(running)
            take_again(session, at)
            requests.append(report(session, want_s=SLICE_S))
        else:
            name = (server.name, packet.text(Attribute.USER_NAME), packet.authenticator.hex(), str(packet.identifier))
            session = new_session(server, packet, key_of(*name), at)
            session.subscriber_id, session.record_name = line.subscriber_id, session.session_key
            self.sessions.keep(session)
            requests = [opening(session, want_s=SLICE_S)]
        put_access_sessions([session])
        self.sessions.busy.add(session.session_key)

        def answered(found: list[Answer]) -> None:
            self.sessions.busy.discard(session.session_key)
            self._answer(session, line, found[-1], reply)

        try:
            self.gathering.ask(requests, answered)
        except TooBusy:  # no answer: it is asked again
            self.sessions.busy.discard(session.session_key)
            self.sessions.drop(session.session_key)
            reply.drop()

    def _answer(self, session: AccessSessionView, line: AccessLineView, answer: Answer, reply: Reply) -> None:
        quota = answer.quotas[0]
        result = answer.result if answer.result != Result.SUCCESS else quota.result
        if result != Result.SUCCESS:
            self._reject(reply, result)
            return
        lasts_s = quota.granted if quota.measure == Measure.SECONDS else SLICE_S
        session.authorised_s = session.total_s + lasts_s
        self.counts["accepted"] += 1
        reply(Code.ACCESS_ACCEPT, _accepted(session, line, lasts_s, is_last=bool(quota.is_last)))

    def _reject(self, reply: Reply, reason: str | int) -> None:
        self.counts["rejected"] += 1
        reply(Code.ACCESS_REJECT, [named(Attribute.REPLY_MESSAGE, _REASONS.get(reason, _NOT_NOW))])


def _accepted(session: AccessSessionView, line: AccessLineView, lasts_s: int, *, is_last: bool) -> Attributes:
    name = session.session_key
    said = [
        named(Attribute.CLASS, name),
        whole(Attribute.SESSION_TIMEOUT, lasts_s),
        whole(Attribute.ACCT_INTERIM_INTERVAL, INTERIM_S),
    ]
    if not is_last:
        said += [named(Attribute.STATE, name), whole(Attribute.TERMINATION_ACTION, ASK_AGAIN)]
    for kind, kbps in ((WISPR_UP, line.up_kbps), (WISPR_DOWN, line.down_kbps)):
        if kbps:
            said.append(of_vendor(WISPR, kind, kbps * 1000))
    return said
