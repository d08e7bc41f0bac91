"""Which session a report is of (RFC 2866): access servers count from the beginning again, and send reports again.

Both happen hours later, and neither says so: a report that is sent again may lack Acct-Delay-Time. Under one name there
may be several sessions that ended and one that runs. In doubt a report was made before: nobody is charged twice.

A server that restarts and tells nobody gives a running session's name to another one: whose report says less than is
known, and that it began later than that was used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from openboss.access.network.radius.packets import Attribute, Packet
from openboss.access.network.radius.sessions import Used, used_of
from openboss.modules.charging.functions.access_sessions import AccessSessionView

CLOCKS = timedelta(seconds=5)  # by so much the moments of two reports of one server may lie otherwise than they seem


class Status(IntEnum):
    """What an accounting request reports (Acct-Status-Type)."""

    START = 1
    STOP = 2
    INTERIM = 3
    ON = 7
    OFF = 8


@dataclass(frozen=True)
class Told:
    """What a report tells of its session."""

    status: int
    acct_session_id: str
    used: Used
    happened_at: datetime

    @property
    def began_at(self) -> datetime:
        """When its session began."""
        return self.happened_at - timedelta(seconds=self.used.seconds)


def told_by(packet: Packet, at: datetime) -> Told:
    """Read what a report tells that arrived at a moment. Raises Malformed."""
    delay = timedelta(seconds=packet.number(Attribute.ACCT_DELAY))
    status, name = packet.number(Attribute.ACCT_STATUS_TYPE), packet.text(Attribute.ACCT_SESSION_ID)
    return Told(status, name, used_of(packet), at - delay)


def session_of(
    ended: Sequence[AccessSessionView], running: AccessSessionView | None, told: Told
) -> AccessSessionView | None:
    """Of the sessions under one name, oldest first, the one a report is of; None = one nobody has heard of.

    None though one runs: that one is over.
    """
    ended = [one for one in ended if one.acct_session_id == told.acct_session_id]
    if told.status == Status.START:
        return running or next((one for one in ended if told.happened_at < _end(one)), None)
    again = next((one for one in reversed(ended) if _is_again(one, running, told)), None)
    if again is not None or running is not None:
        return again or (None if running is not None and _is_over(running, told) else running)
    return next((one for one in ended if told.began_at < _end(one)), None)


def says_more(session: AccessSessionView, used: Used) -> bool:
    """Whether a report says that more was used than is known."""
    return used.seconds > session.total_s or used.up > session.total_up or used.down > session.total_down


def known_until(session: AccessSessionView) -> datetime:
    """When a session had used what is known of it."""
    return session.started_at + timedelta(seconds=session.total_s - session.went_on_s)


def _is_over(running: AccessSessionView, told: Told) -> bool:
    """Whether a report is of a session that began after what is known of the running one, whose name it has."""
    used, before = told.used, (running.before_s, running.before_up, running.before_down)
    says_less = used.seconds < running.total_s or used.up < running.total_up or used.down < running.total_down
    is_again = (used.seconds, used.up, used.down) == before
    return says_less and not is_again and told.began_at > known_until(running) + CLOCKS


def _is_again(ended: AccessSessionView, running: AccessSessionView | None, told: Told) -> bool:
    """Whether a report says what is known of a session that ended.

    The reports of one that runs may say the same as long as they are small: then the moment or the octets decide.
    """
    used = told.used
    is_known = not says_more(ended, used) and (told.status != Status.STOP or used.seconds == ended.total_s)
    if running is None or not is_known:
        return is_known
    is_same = (used.seconds, used.up, used.down) == (ended.total_s, ended.total_up, ended.total_down)
    return told.began_at < _end(ended) - CLOCKS or (is_same and used.up + used.down > 0)


def _end(session: AccessSessionView) -> datetime:
    assert session.ended_at is not None
    return session.ended_at
