"""The state of a user at a moment, derived from life and stop reasons (D2.2)."""

from collections.abc import Collection, Iterable
from datetime import datetime

from openboss.modules.customers.life import ACTIVE
from openboss.modules.customers.stop_reasons import BY_CODE, BY_ID
from openboss.modules.system.statements import ask


class SubscriberUnknown(LookupError):
    """There is no such user."""


def effective_state(*, subscriber_id: int, at: datetime) -> str:
    """Derive a user's state at a moment: the life state, or the highest level of all active stop reasons (D2.2).

    Raises SubscriberUnknown.
    """
    found = ask(
        "SELECT life, array(SELECT stop_reason_id::int FROM customers_stopperiod p"
        "  WHERE p.subscriber_id = s.subscriber_id AND p.period @> %s::timestamptz)"
        " FROM customers_subscriber s WHERE subscriber_id = %s::bigint",
        [at, subscriber_id],
    )
    if not found:
        raise SubscriberUnknown(subscriber_id)
    ((life, reasons),) = found
    return state_of(life=life, reasons=[BY_ID[key].code for key in reasons])


def state_of(*, life: str, reasons: Iterable[str]) -> str:
    """The state that a life and the active stop reasons make (D2.2)."""
    if life != ACTIVE:
        return life
    levels = {BY_CODE[reason].level for reason in reasons}
    return next((f"{level}_STOP" for level in ("TWO_WAY", "ONE_WAY") if level in levels), ACTIVE)


def active_reasons(*, subscriber_id: int, at: datetime) -> set[str]:
    """Name the reasons for which a user is stopped at a moment (D2.2)."""
    return reasons_of_users(subscriber_ids=[subscriber_id], at=at)[subscriber_id]


def reasons_of_users(*, subscriber_ids: Collection[int], at: datetime) -> dict[int, set[str]]:
    """Name the active stop reasons of some users; a user without any has an empty set."""
    active = ask(
        "SELECT subscriber_id, stop_reason_id FROM customers_stopperiod"
        " WHERE subscriber_id = ANY(%s::bigint[]) AND period @> %s::timestamptz",
        [list(subscriber_ids), at],
    )
    reasons: dict[int, set[str]] = {user: set() for user in subscriber_ids}
    for user, key in active:
        reasons[user].add(BY_ID[key].code)
    return reasons
