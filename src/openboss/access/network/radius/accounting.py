"""Accounting: Start, Interim-Update and Stop of sessions, On and Off of whole access servers (RFC 2866).

A report is acknowledged when its use is committed, never before. What an access server reports of a user nobody
knows, or of a session that ended, is acknowledged as well, or it would be sent for ever; it is counted. That the use of
a session that ended was taken is written down before its Stop is acknowledged: the engine forgets it after minutes, and
the same Stop may come again after hours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from openboss.access.network.gathering import Answer, Gathering, Request, TooBusy
from openboss.access.network.radius.belonging import Status, known_until, says_more, session_of, told_by
from openboss.access.network.radius.clients import AccessServer
from openboss.access.network.radius.packets import Attribute, Code, Packet
from openboss.access.network.radius.ports import Attributes, Reply
from openboss.access.network.radius.sessions import (
    NOTHING_MORE,
    SLICE_S,
    Sessions,
    from_second,
    going_on,
    is_settled,
    key_of,
    new_session,
    number_of,
    opening,
    report,
    settle,
    take_again,
    take_report,
    used_of,
)
from openboss.modules.charging.engine.online.requests import Kind, Measure, Result
from openboss.modules.charging.functions.access_sessions import (
    AccessSessionView,
    forget_access_sessions,
    open_access_sessions,
    put_access_sessions,
)
from openboss.processes.access_lines import user_of

KEPT = timedelta(days=40)
NOT_CHARGED = "not charged"  # counted: what was reported and can never be
_FORGET_EVERY_S = 3600
MOST_WAITING = 16_384  # reports; the next ones are not acknowledged, and are sent again
MOST_A_TURN = 512  # reports; the engine serves others between two turns

log = structlog.get_logger("radius")

_Waiting = tuple[AccessServer, Packet, Reply]
_Asked = tuple[AccessSessionView, list[Request], Reply]


class Changes(Protocol):
    """Whoever tells access servers what their sessions may."""

    def end(self, session: AccessSessionView) -> None:
        """Have a session ended."""

    def limit(self, session: AccessSessionView, *, is_last: bool) -> None:
        """Tell how long a session may last in all, and whether it ends then or asks again."""


class Accounting:
    """Takes reports, a turn's worth at a time, one of each session."""

    def __init__(self, *, gathering: Gathering, sessions: Sessions, now_s: Callable[[], int], changes: Changes) -> None:
        self.gathering, self.sessions, self.now_s, self.changes = gathering, sessions, now_s, changes
        self.counts: Counter[str] = Counter()
        self._waiting: list[_Waiting] = []
        self._settled: list[tuple[AccessSessionView, Reply]] = []  # ended, and not written down as such yet
        self._changed: dict[str, AccessSessionView] = {}  # for whose users something has changed
        self._is_due = False
        self._forgot_at_s = 0

    def handle(self, server: AccessServer, packet: Packet, reply: Reply) -> None:
        """Take one request; it is decided soon, together with what arrives until then. Raises Malformed."""
        status = packet.number(Attribute.ACCT_STATUS_TYPE)
        used_of(packet)  # what cannot be read is dropped here, where nothing was changed
        if status not in tuple(Status):
            reply(Code.ACCOUNTING_RESPONSE, [])
            return
        if len(self._waiting) >= MOST_WAITING:
            reply.drop()
            return
        self._waiting.append((server, packet, reply))
        self._wake()

    def heed(self, session_keys: Collection[str], *, is_stop: bool) -> None:
        """Something has changed for the users of some sessions: have those ended, or ask how long they may last now.

        A session that was let in and has not begun is asked about when it does. Names of others are passed over.
        """
        for session in self.sessions.find_all(session_keys):
            if session.ended_at is not None or not session.acct_session_id:
                continue
            if is_stop:
                self.changes.end(session)
            else:
                self._changed[session.session_key] = session
        if self._changed:
            self._wake()

    def _wake(self) -> None:
        if not self._is_due:
            self._is_due = True
            self.gathering.loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._is_due = False
        try:
            self._acknowledge_settled()
            waiting, self._waiting = self._waiting[:MOST_A_TURN], self._waiting[MOST_A_TURN:]
            if self._waiting:
                self._wake()
            asked = [taken for one in waiting for taken in self._taken(*one)] + self._asked_anew()
            if asked:
                put_access_sessions([session for session, _requests, _reply in asked])
            for session, requests, reply in asked:
                self._ask(session, requests, reply)
            self._forget()
        except BaseException as fault:  # noqa: BLE001 - the edge: whatever it is, the process must end unanswered
            self.gathering.fail(fault)

    def _taken(self, server: AccessServer, packet: Packet, reply: Reply) -> list[_Asked]:
        """Make the requests of one report; none if there is nothing to ask, or not yet."""
        at = from_second(self.now_s())
        told = told_by(packet, at)
        if told.status in (Status.ON, Status.OFF):
            return self._end_all(server, packet, reply)
        ended, running, next_key = self._known(server, packet)
        session = session_of(ended, running, told)
        asked: list[_Asked] = []
        known = session or running
        if known is not None and known.session_key in self.sessions.busy:
            self._waiting.append((server, packet, reply))  # its report before is not committed yet
            return []
        requests = self.sessions.pending(session) if session is not None else []
        if session is None and running is not None:  # its server began anew without a word
            log.info("a running session's name was given to another one", server=server.name, name=told.acct_session_id)
            asked.append((*self._ended(running, at, known_until(running)), _Nobody()))
            next_key = key_of(running.session_key)
        if session is None:
            session = new_session(server, packet, next_key, at)
            requests = self._begun(session, at)
        elif session.ended_at is not None:
            if not says_more(session, told.used):
                return self._told_again(session, requests, told.status, reply)
            session = going_on(session, next_key, at)
            requests += self._begun(session, at)
        _describe(session, packet)
        take_report(session, Kind.TERMINATION if told.status == Status.STOP else Kind.UPDATE, told.used, at)
        if told.status == Status.STOP:
            session.ended_at = told.happened_at
        self.sessions.busy.add(session.session_key)
        want_s = SLICE_S if told.status == Status.START else 0  # something may have changed since it was let in
        return [*asked, (session, [*requests, report(session, want_s=want_s)], reply)]

    def _asked_anew(self) -> list[_Asked]:
        """Make the requests of sessions for whose users something has changed; those under decision wait for it."""
        asked: list[_Asked] = []
        free = [one for key, one in self._changed.items() if key not in self.sessions.busy][:MOST_A_TURN]
        for session in free:
            del self._changed[session.session_key]
            if session.ended_at is not None:
                continue
            requests = self.sessions.pending(session)
            take_again(session, from_second(self.now_s()))
            self.sessions.busy.add(session.session_key)
            asked.append((session, [*requests, report(session, want_s=SLICE_S)], _Nobody()))
        return asked

    def _known(
        self, server: AccessServer, packet: Packet
    ) -> tuple[list[AccessSessionView], AccessSessionView | None, str]:
        """Find the sessions under a report's name: those that ended, the one that runs, and the next one's key."""
        named, ended = packet.text(Attribute.CLASS), []
        key = named if self.sessions.find(named) is not None else ""
        key = key or key_of(server.name, packet.text(Attribute.ACCT_SESSION_ID), packet.text(Attribute.USER_NAME))
        while (session := self.sessions.find(key)) is not None and session.ended_at is not None:
            ended.append(session)
            key = key_of(key)
        return ended, session, key

    def _begun(self, session: AccessSessionView, at: datetime) -> list[Request]:
        """Know a session from now on; return what opens it in the engine."""
        number = number_of(session.login)
        session.subscriber_id = user_of(number=number, at=at) if number else None
        self.sessions.keep(session)
        return [opening(session)]

    def _told_again(
        self, session: AccessSessionView, requests: list[Request], status: int, reply: Reply
    ) -> list[_Asked]:
        """Nothing new of a session that ended: its last report is asked again if it may not have been taken."""
        self.counts["again" if status == Status.STOP else "late"] += 1
        if not is_settled(session):
            requests = requests or [report(session)]
        if not requests:
            reply(Code.ACCOUNTING_RESPONSE, [])
            return []
        self.sessions.busy.add(session.session_key)
        return [(session, requests, reply)]

    def _end_all(self, server: AccessServer, packet: Packet, reply: Reply) -> list[_Asked]:
        """An access server has begun or ceased to work: none of its sessions goes on. Acknowledged when all ended."""
        known = [self.sessions.find(one.session_key) or one for one in open_access_sessions(nas=server.name)]
        if any(session.session_key in self.sessions.busy for session in known):
            self._waiting.append((server, packet, reply))
            return []
        at = from_second(self.now_s())
        happened_at = told_by(packet, at).happened_at
        ended = [self._ended(session, at, happened_at) for session in known]
        log.info("access server on or off", server=server.name, sessions=len(ended))
        if not ended:
            reply(Code.ACCOUNTING_RESPONSE, [])
        together = _Together(reply, len(ended))
        return [(session, requests, together) for session, requests in ended]

    def _ended(
        self, session: AccessSessionView, at: datetime, ended_at: datetime
    ) -> tuple[AccessSessionView, list[Request]]:
        """End a session of which no report says so; return the requests that do it."""
        requests = self.sessions.pending(session)
        take_report(session, Kind.TERMINATION, NOTHING_MORE, at)
        session.ended_at = ended_at
        self.sessions.busy.add(session.session_key)
        return session, [*requests, report(session)]

    def _ask(self, session: AccessSessionView, requests: list[Request], reply: Reply) -> None:
        def answered(found: list[Answer]) -> None:
            self.sessions.busy.discard(session.session_key)
            self._heard(session, requests, found, reply)
            if self._waiting or self._changed:
                self._wake()

        try:
            self.gathering.ask(requests, answered)
        except TooBusy:  # no answer: it is sent again
            self.sessions.busy.discard(session.session_key)
            self.sessions.drop(session.session_key)
            reply.drop()

    def _heard(self, session: AccessSessionView, requests: list[Request], found: list[Answer], reply: Reply) -> None:
        last = found[-1]
        is_first_try = requests[0].kind != Kind.INITIAL
        has_ended = session.report_kind == Kind.TERMINATION
        if last.result == Result.UNKNOWN_SESSION and has_ended and is_settled(session):
            reply(Code.ACCOUNTING_RESPONSE, [])  # forgotten by now, and nothing is left to be charged
            return
        if last.result == Result.UNKNOWN_SESSION and is_first_try:
            self.sessions.busy.add(session.session_key)  # the engine was not told of its opening: now it is
            self._ask(session, [opening(session), requests[-1]], reply)
            return
        if last.result == Result.SUCCESS and has_ended:
            settle(session)
            self._settled.append((session, reply))
            self._wake()
            return
        if last.result != Result.SUCCESS:
            self._note_lost(session, next(one.result for one in found if one.result != Result.SUCCESS))
        reply(Code.ACCOUNTING_RESPONSE, [])
        if last.result == Result.SUCCESS:
            self._may_go_on(session, last)

    def _note_lost(self, session: AccessSessionView, result: int) -> None:
        """Let operators know of use that can never be charged: its server is told that it was taken."""
        self.counts[NOT_CHARGED] += 1
        ask = report(session).asks[0]
        log.warning("use not charged", server=session.nas, session=session.acct_session_id, result=result,
                    seconds=ask.used_s, octets=ask.used_up + ask.used_down)  # fmt: skip

    def _acknowledge_settled(self) -> None:
        """Write down whose use was taken whole, and acknowledge their ends."""
        settled, self._settled = self._settled, []
        if settled:
            put_access_sessions([session for session, _reply in settled])
        for _session, reply in settled:
            reply(Code.ACCOUNTING_RESPONSE, [])

    def _may_go_on(self, session: AccessSessionView, answer: Answer) -> None:
        """End a session that has no money left, or whose user was stopped; say if it may last otherwise than told."""
        quota, told_s = answer.quotas[0], session.authorised_s
        if quota.result in (Result.CREDIT_LIMIT_REACHED, Result.END_USER_SERVICE_DENIED):
            self.counts["ended"] += 1
            self.changes.end(session)
        elif quota.measure == Measure.SECONDS and (told_s > 0 or quota.is_last):  # else nothing ends it, and need not
            session.authorised_s = session.total_s + quota.granted
            if session.authorised_s != told_s:
                self.changes.limit(session, is_last=bool(quota.is_last))

    def _forget(self) -> None:
        now_s = self.now_s()
        if now_s - self._forgot_at_s >= _FORGET_EVERY_S:
            self._forgot_at_s = now_s
            forget_access_sessions(before=from_second(now_s) - KEPT)


class _Nobody:
    """No reply: nobody asked."""

    def __call__(self, code: Code, attributes: Attributes) -> None:
        """Say nothing."""

    def drop(self) -> None:
        """Say nothing."""


class _Together:
    """One reply to a request that ends many sessions: given when the last of them has ended."""

    def __init__(self, reply: Reply, left: int) -> None:
        self._reply, self._left = reply, left

    def __call__(self, code: Code, attributes: Attributes) -> None:
        self._left -= 1
        if self._left == 0:
            self._reply(code, attributes)

    def drop(self) -> None:
        self._reply.drop()


def _describe(session: AccessSessionView, packet: Packet) -> None:
    """Take over how the access server names the session."""
    session.acct_session_id = packet.text(Attribute.ACCT_SESSION_ID) or session.acct_session_id
    framed = packet.first(Attribute.FRAMED_IP_ADDRESS)
    if framed is not None and len(framed) == 4:
        session.framed_ip = ".".join(str(byte) for byte in framed)
