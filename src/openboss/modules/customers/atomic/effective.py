"""The state of a user at a moment, derived from life and stop reasons (D2.2)."""

from datetime import datetime

from openboss.modules.customers.life import ACTIVE
from openboss.modules.customers.models import StopPeriod, Subscriber
from openboss.modules.customers.stop_reasons import BY_CODE, BY_ID


class SubscriberUnknown(LookupError):
    """There is no such user."""


def effective_state(*, subscriber_id: int, at: datetime) -> str:
    """Derive a user's state at a moment: the life state, or the highest level of all active stop reasons (D2.2).

    Raises SubscriberUnknown.
    """
    life = Subscriber.objects.filter(subscriber_id=subscriber_id).values_list("life", flat=True).first()
    if life is None:
        raise SubscriberUnknown(subscriber_id)
    if life != ACTIVE:
        return life
    levels = {BY_CODE[reason].level for reason in active_reasons(subscriber_id=subscriber_id, at=at)}
    return next((f"{level}_STOP" for level in ("TWO_WAY", "ONE_WAY") if level in levels), life)


def active_reasons(*, subscriber_id: int, at: datetime) -> set[str]:
    """Name the reasons for which a user is stopped at a moment (D2.2)."""
    active = StopPeriod.objects.filter(subscriber_id=subscriber_id, period__contains=at)
    return {BY_ID[key].code for key in active.values_list("stop_reason_id", flat=True)}
