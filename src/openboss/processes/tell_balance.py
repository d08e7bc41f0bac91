"""The balance of an account and of a user, right now: one figure for every channel. Read from top to bottom.

    wallet    prepaid money in use: what charging says is left, gifts among it
    bills     else what the ledger holds, less what is owed, less what all its users have used and was not billed
    user      the same figure, with what the user has used, has free and has going on

Console, web hall, telephone, kiosk, short message, USSD and the open interfaces all ask here, so that none can say
another figure, to the li. Source: CHN-01, CHG-13, issue 4 section 1.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from openboss.kernel.usage import Unit
from openboss.modules.charging.functions.live import LiveFree, LiveMoney, LiveUsage, engine_answers, live_usage
from openboss.modules.customers import functions as customers
from openboss.modules.customers.atomic.owners import users_paid_by
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import Owed, wallets
from openboss.modules.receivables.functions.emergency import open_emergencies
from openboss.processes import unbilled

LI = unbilled.LI


@dataclass(frozen=True)
class AccountBalance:
    """What an account has right now, in li; below zero = it owes. `is_live` is false where charging is silent.

    balance_li   left if everything used so far were paid now
    gifts_li     the part of it that is gifts
    reserved_li  the part of it that is kept for quotas which networks have out
    owed         what its bills come to
    """

    account_id: int
    balance_li: int
    gifts_li: int
    reserved_li: int
    is_prepaid: bool
    is_live: bool
    owed: Owed


@dataclass(frozen=True)
class UserBalance:
    """What a user may be told: the account that pays, and what is the user's own (li, months without a bill)."""

    subscriber_id: int
    account: AccountBalance
    unbilled_li: int
    live: LiveUsage | None


def of_account(account_id: int, *, at: datetime) -> AccountBalance:
    """What an account has right now."""
    return _of_account(account_id, None, at)


def _of_account(account_id: int, seen: LiveUsage | None, at: datetime) -> AccountBalance:
    """seen: what charging has just said of one of its users."""
    users = users_paid_by(account_ids=[account_id], cycle=customers.cycle_of(at), at=at)["subscriber_id"].to_list()
    owed = receivables.owed(account_id=account_id, at=at)
    if wallets.accounts_with_wallets([account_id]):
        asked = (live_usage(user) for user in users)  # no further than to the first whose money it is
        for live in chain([seen], asked):
            if live and live.money and live.money.account_id == account_id:
                return _prepaid(live.money, owed, is_live=live.is_live)
    is_live = seen.is_live if seen else engine_answers()
    had_fen = owed.advance_fen - owed.open_fen - owed.late_fee_fen - owed.overdrawn_fen
    shares = unbilled.shares_of([account_id], at=at)
    own_li = {user: fen * LI for user, fen in shares.unbilled_fen.items()}
    used_li = {**unbilled.li_of_users(users, at=at), **own_li}
    left_li = had_fen * LI - sum(used_li.values()) - shares.shared_fen.get(account_id, 0) * LI
    return AccountBalance(account_id, left_li, 0, 0, False, is_live, owed)


def _prepaid(money: LiveMoney, owed: Owed, *, is_live: bool) -> AccountBalance:
    opening = open_emergencies(account_ids=[money.account_id]).get(money.account_id)
    lent_li = opening.ceiling_fen * LI if opening else 0  # credit, neither the account's money nor a gift
    left_li, gifts_li = money.left_li - lent_li, money.limit_li - lent_li
    return AccountBalance(money.account_id, left_li, gifts_li, money.reserved_li, True, is_live, owed)


def of_user(subscriber_id: int, *, at: datetime) -> UserBalance:
    """What a user may be told right now. Raises SubscriberUnknown."""
    live = live_usage(subscriber_id)
    account_id = customers.paying_account(subscriber_id=subscriber_id, cycle=customers.cycle_of(at))
    used_li = unbilled.li_of_users([subscriber_id], at=at).get(subscriber_id, 0)
    return UserBalance(subscriber_id, _of_account(account_id, live, at), used_li, live)


def in_words(balance: UserBalance, *, language: str) -> str:
    """A sentence for a message or a voice: what is left, kept for quotas, used and not billed, and to pay."""
    account = balance.account
    values = {
        "balance_li": account.balance_li,
        "reserved_li": account.reserved_li,
        "unbilled_li": balance.unbilled_li,
        "owed_fen": account.owed.owed_fen,
    }
    said = customers.text_of("BALANCE", language=language, values=values)
    if not account.is_live:
        said += customers.text_of("BALANCE_OLD", language=language, values={})
    return said


def free_in_words(balance: UserBalance, *, language: str) -> str:
    """A sentence for a message or a voice: what is left of each free resource."""
    found = balance.live.free if balance.live else []
    left = [f"{free.names[language]} {_left(free, language)}" for free in found]
    if not left:
        return customers.text_of("NOTHING_FREE", language=language, values={})
    return customers.text_of(
        "FREE_LEFT", language=language, values={"left": ("；" if language == "zh" else "; ").join(left)}
    )


def _left(free: LiveFree, language: str) -> str:
    """What is left of a free resource, whole units down, data in MB."""
    left, unit = max(0, free.granted - free.used), Unit(free.unit)
    zh, en = _UNITS.get(unit, ("", ""))
    amount = left // 1024 if unit == Unit.KB else left
    return f"{amount}{zh}" if language == "zh" else f"{amount} {en}".rstrip()


_UNITS = {Unit.MIN: ("分钟", "min"), Unit.KB: ("MB", "MB"), Unit.MSG: ("条", "messages")}
