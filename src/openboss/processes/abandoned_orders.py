"""Orders nobody goes on with are given up before what they keep is free again by itself (D12.1, HAL-01).

A clerk who closed the window, a shop's system that died between two requests: the order waits for whoever sends or
opens it again; when the days for which a number is kept are over, it is cancelled, and number and card are free.
"""

from datetime import datetime, timedelta

from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.processes import cart

EARLIER = timedelta(hours=1)  # than numbers are freed by themselves: then the order would keep a card alone
REASON = "abandoned"


def run(*, at: datetime) -> int:
    """Give up what nobody went on with, each order or cart in a transaction of its own; return how many."""
    days = customers.hall_rule("hall.number_reserve_days", on=customers.operator_day(at))
    found = orders.abandoned_orders(before=at - timedelta(days=int(days)) + EARLIER)
    for order_id in found:
        cart.cancel(order_id=order_id, reason=REASON, at=at, staff_id=None)
    return len(found)
