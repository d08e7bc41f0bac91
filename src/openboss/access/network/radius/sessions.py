"""The sessions of access servers as this process knows them, and the reports of them as requests of the engine.

A server says what was used in all; the engine is asked about what was used since. The difference is written down
before the engine is asked (charging's access sessions): whatever dies in between, the report that is sent again is
counted once, for it goes to the engine under the same number.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from openboss.access.network.gathering import PLUS, Ask, Request
from openboss.access.network.radius.clients import AccessServer
from openboss.access.network.radius.names import record_name
from openboss.access.network.radius.packets import Attribute, Malformed, Packet
from openboss.kernel.usage import name_code
from openboss.modules.charging.engine.online.requests import MOST_COUNTED, MOST_OCTETS, Action, Kind
from openboss.modules.charging.functions.access_sessions import AccessSessionView, access_session, access_sessions

SLICE_S = 3600  # the longest that is granted at once
MOST_REMEMBERED = 1 << 20
KEY_LENGTH = 32
_GIGAWORD = 1 << 32
_COUNTRY = "86"


@dataclass(frozen=True)
class Used:
    """What a session has used in all."""

    seconds: int
    up: int
    down: int


NOTHING_MORE = Used(0, 0, 0)  # than was reported before


def number_of(login: str) -> int:
    """The telephone number a login means, E.164; 0 = none. The realm behind the @ says nothing of the user."""
    digits = login.partition("@")[0].removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and 3 <= len(digits) <= 17):
        return 0
    if digits.startswith("00"):
        return int(digits[2:] or 0)
    if digits.startswith("0"):
        return int(_COUNTRY + digits[1:])
    return int(_COUNTRY + digits) if len(digits) == 11 and digits.startswith("1") else int(digits)


def used_of(packet: Packet) -> Used:
    """What a report says was used in all. Raises Malformed, also for more than a record can hold."""
    up, down = (
        packet.number(low) + _GIGAWORD * packet.number(high)
        for low, high in (
            (Attribute.ACCT_INPUT_OCTETS, Attribute.ACCT_INPUT_GIGAWORDS),
            (Attribute.ACCT_OUTPUT_OCTETS, Attribute.ACCT_OUTPUT_GIGAWORDS),
        )
    )
    seconds = passed_s_of(packet)
    if seconds > MOST_COUNTED or max(up, down) > MOST_OCTETS:
        raise Malformed("more was used than can be")
    return Used(packet.number(Attribute.ACCT_SESSION_TIME), up, down)


def passed_s_of(packet: Packet) -> int:
    """How long ago the session of a packet began. Raises Malformed."""
    return packet.number(Attribute.ACCT_SESSION_TIME) + packet.number(Attribute.ACCT_DELAY)


def key_of(*parts: str) -> str:
    """Name a session after what is told of it."""
    return hashlib.blake2b("\n".join(("radius", *parts)).encode(), digest_size=16).hexdigest()


def new_session(server: AccessServer, packet: Packet, key: str, at: datetime) -> AccessSessionView:
    """A session that was not heard of before."""
    login = packet.text(Attribute.USER_NAME)
    passed_s = passed_s_of(packet)
    number = number_of(login)
    return AccessSessionView(
        session_key=key,
        nas=server.name,
        login=login,
        subscriber_id=None,
        served=PLUS + number if number else 0,
        record_type=int(server.record_type),
        started_at=at - timedelta(seconds=passed_s),
        reported_at=at,
        record_name=record_name(packet.text(Attribute.CLASS), packet.text(Attribute.ACCT_SESSION_ID)),
    )


def going_on(ended: AccessSessionView, key: str, at: datetime) -> AccessSessionView:
    """A session that was taken for ended and goes on: what it used till then was charged."""
    return replace(
        ended, session_key=key, started_at=ended.ended_at or at, ended_at=None, reported_at=at, report_no=0,
        report_kind=int(Kind.INITIAL), went_on_s=ended.total_s, authorised_s=0,
    )  # fmt: skip


def opening(session: AccessSessionView, *, want_s: int = 0) -> Request:
    """The request that opens a session in the engine; one that wants nothing runs already, or ran, and is reported."""
    request = _request(session, Kind.INITIAL, 0, Ask(want_s=want_s, is_asking=want_s > 0))
    request.action = Action.DEBIT if want_s else Action.OVER
    return request


def report(session: AccessSessionView, *, want_s: int = 0) -> Request:
    """The request of a session's last report: what was used since the one before, and whether it may go on.

    want_s  how long from now; 0 = as long as its server was told, or a slice
    """
    ask = Ask(
        used_s=session.total_s - session.before_s,
        used_up=session.total_up - session.before_up,
        used_down=session.total_down - session.before_down,
    )
    kind = Kind(session.report_kind)
    if kind == Kind.UPDATE:
        left_s = session.authorised_s - session.total_s
        ask.is_asking, ask.want_s = True, want_s or (left_s if left_s > 0 else SLICE_S)
    return _request(session, kind, session.report_no, ask)


def _request(session: AccessSessionView, kind: Kind, number: int, ask: Ask) -> Request:
    return Request(
        key_hi=int(session.session_key[:16], 16),
        key_lo=int(session.session_key[16:], 16),
        kind=kind,
        number=number,
        record_type=session.record_type,
        served=session.served,
        at_s=int(session.started_at.timestamp()),
        call_ref=name_code(session.record_name),
        asks=[ask],
    )


def take_report(session: AccessSessionView, kind: Kind, used: Used, at: datetime) -> None:
    """Note what a report says; one that says nothing new keeps its number, so that the engine knows it again."""
    totals = (session.total_s, session.total_up, session.total_down)
    now = tuple(max(old, new) for old, new in zip(totals, (used.seconds, used.up, used.down), strict=True))
    session.reported_at = at
    if now == totals and kind == session.report_kind and session.report_no > 0:
        return
    session.before_s, session.before_up, session.before_down = totals
    session.total_s, session.total_up, session.total_down = now
    session.report_no += 1
    session.report_kind = int(kind)


def settle(session: AccessSessionView) -> None:
    """Note that the engine has taken all that was reported: asked again, the last report says nothing more."""
    session.before_s, session.before_up, session.before_down = session.total_s, session.total_up, session.total_down


def is_settled(session: AccessSessionView) -> bool:
    """Whether the last report says nothing that may not have been charged."""
    before = (session.before_s, session.before_up, session.before_down)
    return before == (session.total_s, session.total_up, session.total_down)


def take_again(session: AccessSessionView, at: datetime) -> None:
    """Note that it is asked how long a running session may go on: a report that says nothing new of use."""
    settle(session)
    session.report_no += 1
    session.report_kind, session.reported_at = int(Kind.UPDATE), at


class Sessions:
    """Sessions this process has heard of since it began; others are looked up."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, AccessSessionView] = OrderedDict()
        self._doubtful: set[str] = set()
        self.busy: set[str] = set()  # whose last report is not committed yet

    def find(self, key: str) -> AccessSessionView | None:
        """A session by its name."""
        if len(key) != KEY_LENGTH:
            return None
        known = self._known.get(key)
        if known is None and (known := access_session(key)) is not None:
            self._keep_looked_up(known)
        return known

    def find_all(self, keys: Collection[str]) -> list[AccessSessionView]:
        """Those of some names that are sessions."""
        known = [self._known[key] for key in keys if key in self._known]
        looked_up = access_sessions([key for key in keys if key not in self._known])
        for session in looked_up:
            self._keep_looked_up(session)
        return known + looked_up

    def _keep_looked_up(self, session: AccessSessionView) -> None:
        self.keep(session)
        if session.report_no > 0:
            self._doubtful.add(session.session_key)

    def pending(self, session: AccessSessionView) -> list[Request]:
        """The last report of a session that another process was to bring to the engine and perhaps did not."""
        if session.session_key not in self._doubtful:
            return []
        self._doubtful.discard(session.session_key)
        return [report(session)]

    def keep(self, session: AccessSessionView) -> None:
        """Remember a session; of too many the oldest must be looked up again."""
        self._known[session.session_key] = session
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)

    def drop(self, key: str) -> None:
        """Look a session up anew when it is next heard of."""
        self._known.pop(key, None)


def from_second(second: int) -> datetime:
    """A UTC second as a moment."""
    return datetime.fromtimestamp(second, UTC)
