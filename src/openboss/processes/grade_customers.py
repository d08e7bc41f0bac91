"""Key customers are graded once a month by what their bills came to on average (BMV-01, D17.1, D17.2).

A grade given by hand stays until its day; the rule takes over with the first look after it.
"""

from collections import Counter
from datetime import datetime

from openboss.modules.billing import functions as billing
from openboss.modules.customers import functions as customers

AT_ONCE = 5_000  # customers of one transaction


def run(at: datetime) -> Counter[str]:
    """Grade every person by the released bills of the last months; return how many came to which grade anew.

    Done again it changes nothing. How many months count is the rule `hall.vip_months`.
    """
    months = customers.hall_rule("hall.vip_months", on=customers.operator_day(at))
    averages = billing.average_by_customer(before=customers.cycle_of(at), months=months)
    changed: Counter[str] = Counter()
    for piece in averages.iter_slices(AT_ONCE):
        changed.update(customers.grade_vips(arpu_fen=dict(piece.iter_rows()), at=at).values())
    return changed
