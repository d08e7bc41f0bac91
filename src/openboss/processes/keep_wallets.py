"""Keep wallets: what the engine took for use enters the ledger, range by range of its journal. Read top to bottom.

    give back  money that somebody set aside and was killed before taking it
    take down  what users had used before their wallets were opened
    publish    the engine writes down all balances and all use at one position
    renew      gifts whose time has begun or ended change how far wallets may go below zero
    mend       prepaid users who draw on no wallet, or on another than their payer's, get it
    post       what was used since the last position: one entry an account, numbered by stream and range
    forget     files of ranges older than a day

Killed anywhere and started again, it goes on where it stopped and posts nothing twice. Source: issue 6 section 1.
"""

from datetime import datetime, timedelta

from django.db import transaction

from openboss.modules.charging.functions.online import (
    Published,
    forget_balances,
    publish_balances,
    release_forgotten_holds,
)
from openboss.modules.customers.atomic.owners import postpaid_users, prepaid_users
from openboss.modules.customers.functions import cycle_of
from openboss.modules.receivables.functions import credit_watch, wallets
from openboss.modules.receivables.functions.wallets import RangePosted
from openboss.processes import unbilled

KEPT = timedelta(hours=26)  # credit control compares with the day before
SET_ASIDE = timedelta(minutes=10)  # business takes what it set aside within a second


@transaction.atomic
def follow_payers(subscriber_ids: list[int], *, at: datetime, staff_id: int | None = None) -> None:
    """Let users in service draw on the wallets of the accounts that pay their rest now (D1.3, D8.1).

    What they used this month goes with them: the bill of the month is their payer's. Who pays by bill draws on the
    limit of the payer, if the engine watches it; `keep_limits` sees to the others. Shares of other accounts are no
    matter here: the wallet of who pays the rest stands for the whole use until the bill has shared it.
    """
    cycle = cycle_of(at)
    wallets.open_wallets(prepaid_users(subscriber_ids=subscriber_ids, cycle=cycle), at=at, staff_id=staff_id)
    if by_bill := postpaid_users(subscriber_ids=subscriber_ids, cycle=cycle):
        credit_watch.move_lines(list(by_bill), used_fen=unbilled.now(list(by_bill), at=at), at=at, drawing=by_bill)


def open_missing(*, at: datetime, staff_id: int | None = None) -> int:
    """Open the wallets of prepaid users who were taken over without; return how many accounts. Done again: none."""
    users = prepaid_users(cycle=cycle_of(at))
    known = wallets.accounts_with_wallets()
    missing = {account_id: mine for account_id, mine in users.items() if account_id not in known}
    wallets.open_wallets(missing, at=at, staff_id=staff_id)
    return len(missing)


def misplaced(*, at: datetime) -> list[unbilled.Misplaced]:
    """Prepaid users in service who drew on another wallet than their payer's, or on none, at the last publication."""
    found = unbilled.Everybody(at).misplaced
    prepaid = prepaid_users(subscriber_ids=[one.subscriber_id for one in found], cycle=cycle_of(at)) if found else {}
    users = {user for mine in prepaid.values() for user in mine}
    return [one for one in found if one.subscriber_id in users]


def mend(*, at: datetime) -> int:
    """Give prepaid users whom no process gave their payer's wallet what they lack; return how many users."""
    found = misplaced(at=at)
    if found:
        follow_payers([one.subscriber_id for one in found], at=at)
    return len(found)


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
    mend(at=at)
    wallets.note_openings()
    posted = wallets.post_range(at=at)
    for old in wallets.ranges_before(at - KEPT):
        forget_balances(Published(old.to_position, old.paths, old.sha256))
        wallets.forget_range(old.to_position)
    return posted
