"""Release the monthly parts of gifts (分月返还). Read from top to bottom.

    end      a gift of an account for whose users nobody is left: what was released stays, nothing more comes
    release  the part of this month, and of months in which nothing ran, each an entry under its own number

It runs every night, so that the first of the month is caught up with after a stop; on other days there is nothing to
do. Each gift is a transaction of its own: killed anywhere and run again, no part is released twice. Source: D8.1.
"""

from contextlib import suppress
from datetime import datetime

from openboss.modules.customers import functions as customers
from openboss.modules.customers.atomic.owners import accounts_in_use
from openboss.modules.receivables.functions import monthly_gifts

CHUNK = 1000
NOBODY_LEFT = "nobody is left on the account"


def run(*, at: datetime) -> int:
    """Release what is due; return how many parts. Done again: none."""
    released = last = 0
    today = customers.operator_day(at)
    while due := monthly_gifts.gifts_due(on=today, after_gift_id=last, limit=CHUNK):
        in_use = accounts_in_use(account_ids=[account_id for _, account_id in due], cycle=customers.cycle_of(at))
        for gift_id, account_id in due:
            if account_id in in_use:
                released += monthly_gifts.release_due(gift_id=gift_id, account_id=account_id, at=at)
            else:
                with suppress(monthly_gifts.MonthlyGiftUnknown):  # somebody has ended it meanwhile
                    monthly_gifts.end_gift(gift_id=gift_id, reason=NOBODY_LEFT, at=at, staff_id=None)
        last = due[-1][0]
    return released
