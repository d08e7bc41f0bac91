"""Keep wallets: what the engine took for use enters the ledger, range by range of its journal. Read top to bottom.

    give back  money that somebody set aside and was killed before taking it
    take down  what users had used before their wallets were opened
    publish    the engine writes down all balances and all use at one position
    renew      gifts whose time has begun or ended change how far wallets may go below zero
    post       what was used since the last position: one entry an account, numbered by stream and range
    forget     files of ranges older than a day

Killed anywhere and started again, it goes on where it stopped and posts nothing twice. Source: issue 6 section 1.
"""

from datetime import datetime, timedelta

from openboss.modules.charging.functions.online import (
    Published,
    forget_balances,
    publish_balances,
    release_forgotten_holds,
)
from openboss.modules.customers.atomic.owners import prepaid_users
from openboss.modules.customers.functions import cycle_of
from openboss.modules.receivables.functions import wallets
from openboss.modules.receivables.functions.wallets import RangePosted

KEPT = timedelta(hours=26)  # credit control compares with the day before
SET_ASIDE = timedelta(minutes=10)  # business takes what it set aside within a second


def open_missing(*, at: datetime, staff_id: int | None = None) -> int:
    """Open the wallets of prepaid users who were taken over without; return how many accounts. Done again: none."""
    users = prepaid_users(cycle=cycle_of(at))
    known = wallets.accounts_with_wallets()
    missing = {account_id: mine for account_id, mine in users.items() if account_id not in known}
    wallets.open_wallets(missing, at=at, staff_id=staff_id)
    return len(missing)


def run(*, at: datetime) -> RangePosted | None:
    """Post what wallets were used for up to now; first a range that was left half done. None: nothing to post.

    Raises EngineRefused, EngineSilent.
    """
    before = wallets.range_at(at - SET_ASIDE)
    if before is not None:
        release_forgotten_holds(up_to_position=before.to_position)
    wallets.note_openings()
    wallets.post_range(at=at)
    published = publish_balances()
    wallets.begin_range(published, at=at)
    wallets.renew_limits(published, at=at)
    wallets.note_openings()
    posted = wallets.post_range(at=at)
    for old in wallets.ranges_before(at - KEPT):
        forget_balances(Published(old.to_position, old.paths, old.sha256))
        wallets.forget_range(old.to_position)
    return posted
