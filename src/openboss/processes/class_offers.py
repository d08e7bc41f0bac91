"""The offer of a customer's class is held by their users, from the moment they are of the class (BMC-07).

wanted   the offers of the class and of those above it
held     what earlier classes gave ends now, what the new one gives begins now: ordinary holdings over time, so
         that the engine, a bill and a replay see a class as they see a product, from the next record on
tell     the caller tells the engine, in its transaction
"""

from collections.abc import Iterable
from datetime import datetime

from openboss.modules.customers import functions as customers


def follow(*, subscriber_ids: Iterable[int], at: datetime, staff_id: int | None) -> int:
    """Let users hold what the class of their customer gives, and nothing of another class; return what changed.

    Raises as `customers.hold_product`.
    """
    tree = customers.classes()
    given = {one.offer_id for one in tree.values() if one.offer_id is not None}
    changed = 0
    for user in subscriber_ids if given else ():
        customer_id = customers.customer_of_subscriber(subscriber_id=user)
        path = customers.class_path(customers.person_of(customer_id=customer_id).customer_class)
        wanted = {tree[code].offer_id for code in path if code in tree} - {None}
        held = customers.offers_held(subscriber_id=user, at=at)
        own = {"at": at, "staff_id": staff_id}
        for holding_id, offer_id in held.items():
            if offer_id in given - wanted:
                customers.end_product(holding_id=holding_id, to_at=at, **own)
                changed += 1
        for missing in sorted(offer_id for offer_id in wanted - set(held.values()) if offer_id is not None):
            customers.hold_product(subscriber_id=user, offer_id=missing, first_month="FULL", from_at=at, **own)
            changed += 1
    return changed
