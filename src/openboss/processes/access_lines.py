"""Broadband and WLAN users at the door of an access server: who is let in, and what running sessions are told.

An access server asks with a login and a proof of a password. Who is stopped is not let in (D2.2); who has no money
left is refused by the charging engine. A stop, or another speed, reaches running sessions through the outbox.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from openboss.modules.charging.functions.access_sessions import AccessSessionView, open_access_sessions
from openboss.modules.customers.atomic.access_lines import (
    AccessLineView,
    AccessPasswordWrong,
    access_line_of,
    set_access_line,
)
from openboss.modules.customers.atomic.network import ACCESS_TOPIC
from openboss.modules.customers.atomic.questions import subscriber_of_number
from openboss.modules.customers.functions import SubscriberUnknown
from openboss.modules.customers.life import ACTIVE
from openboss.processes.provision import NotDelivered

__all__ = [
    "ACCESS_TOPIC",
    "AccessLineView",
    "AccessPasswordWrong",
    "LoginRefused",
    "bring",
    "let_in",
    "set_access_line",
    "user_of",
]

Change = Callable[[AccessSessionView, Mapping[str, Any]], None]


class LoginRefused(Exception):
    """This login is not let in; the code says why: WRONG_LOGIN, SUSPENDED."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def let_in(*, number: int, proves: Callable[[str], bool], at: datetime) -> AccessLineView:
    """Find the access line of a login that proves its password. Raises LoginRefused.

    An unknown login and a wrong password are told alike, so that nobody can find out who is a customer.
    """
    line = access_line_of(number=number, at=at)
    if line is None or not proves(line.password):
        raise LoginRefused("WRONG_LOGIN")
    if line.state != ACTIVE:
        raise LoginRefused("SUSPENDED")
    return line


def user_of(*, number: int, at: datetime) -> int | None:
    """Who has a number at a moment, None = nobody."""
    try:
        return subscriber_of_number(number=number, at=at)
    except SubscriberUnknown:
        return None


def bring(payload: Mapping[str, Any], *, disconnect: Change, change: Change) -> None:
    """Let a user's running sessions follow what is wanted: end them, or change their speed. Raises NotDelivered."""
    try:
        user, is_served = int(payload["subscriber_id"]), bool(payload["data"])
    except (KeyError, TypeError, ValueError) as wrong:  # a message that a person wrote
        raise NotDelivered(f"the message lacks or spoils {wrong}") from wrong
    for session in open_access_sessions(subscriber_id=user):
        (change if is_served else disconnect)(session, payload)
