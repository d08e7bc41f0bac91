"""A user's products change: the customer's record and the charging engine learn of it in one transaction.

The engine takes the change before any usage that comes after it, so a plan changed at 10:00:00 prices a call at
10:00:05. Source: ARC-27, D7.4, D13.4.
"""

from datetime import datetime

from django.db import transaction

from openboss.modules.charging.functions.engine import announce_users
from openboss.modules.customers import functions as customers


@transaction.atomic
def order_product(
    *, subscriber_id: int, offer_id: int, from_at: datetime, first_month: str, at: datetime, staff_id: int | None
) -> int:
    """Give a user an add-on or group offer from a moment on; return the holding's id.

    Raises the refusals of customers.hold_product; then nothing was changed.
    """
    holding_id = customers.hold_product(
        subscriber_id=subscriber_id,
        offer_id=offer_id,
        first_month=first_month,
        from_at=from_at,
        at=at,
        staff_id=staff_id,
    )
    _tell_engine(subscriber_id)
    return holding_id


@transaction.atomic
def change_plan(
    *,
    subscriber_id: int,
    offer_id: int,
    at: datetime,
    staff_id: int | None,
    from_at: datetime | None = None,
    first_month: str = "PRORATE",
) -> datetime:
    """Change a user's main offer, from the next cycle unless a moment is given; return that moment.

    Raises the refusals of customers.change_main_offer; then nothing was changed.
    """
    moment = customers.change_main_offer(
        subscriber_id=subscriber_id,
        offer_id=offer_id,
        at=at,
        staff_id=staff_id,
        from_at=from_at,
        first_month=first_month,
    )
    _tell_engine(subscriber_id)
    return moment


@transaction.atomic
def end_product(*, subscriber_id: int, holding_id: int, to_at: datetime, at: datetime, staff_id: int | None) -> None:
    """End an add-on or group offer at a moment. Raises the refusals of customers.end_product."""
    customers.end_product(holding_id=holding_id, to_at=to_at, at=at, staff_id=staff_id)
    _tell_engine(subscriber_id)


def _tell_engine(subscriber_id: int) -> None:
    announce_users(customers.engine_image(subscriber_ids=[subscriber_id]))
