"""What users have used and was not billed yet: of a few from the running engine, of everybody as it last published.

Months whose bills are released are left out; what is less than a fen is dropped. Of users whom several accounts pay
for, each account has the share that the bill will give it: `now` says what falls to who pays the rest, `shared` what
falls to the others, a group's account or an employer's (D9.10). Source: CHG-13, D9.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

import polars as pl

from openboss.modules.billing.functions import list_cycles, split_of_use
from openboss.modules.charging.functions.live import used_by_item, used_now
from openboss.modules.charging.functions.online import Published, read_published
from openboss.modules.customers.atomic.owners import paying_accounts, relations_of_users, users_paid_by, users_shared
from openboss.modules.customers.functions import cycle_of
from openboss.modules.receivables.functions.wallets import range_at

LI = 10
A_DAY = timedelta(hours=24)


class Use(NamedTuple):
    """What some accounts pay of use.

    unbilled_fen  of users whose rest they pay, in fen by user, less what falls to others
    shared_fen    of users whose rest another pays, in fen by account; nothing: missing
    """

    unbilled_fen: Mapping[int, int]
    shared_fen: Mapping[int, int]


def of_accounts(account_ids: Sequence[int], *, at: datetime) -> Use:
    """What some accounts pay of what was used, both at once; if no engine answers, as it last published."""
    users = users_paid_by(account_ids=list(account_ids), cycle=cycle_of(at), at=at)["subscriber_id"].to_list()
    shares = shares_of(account_ids, at=at)
    return Use({**of_users(users, at=at), **shares.unbilled_fen}, shares.shared_fen)


def now(account_ids: Sequence[int], *, at: datetime) -> Mapping[int, int]:
    """What the users of some accounts have used and others do not pay, in fen by user; see of_accounts."""
    return of_accounts(account_ids, at=at).unbilled_fen


def shared(account_ids: Sequence[int], *, at: datetime) -> Mapping[int, int]:
    """What falls to accounts of the use of users whose rest another pays, in fen by account; nothing: missing."""
    return shares_of(account_ids, at=at).shared_fen


def shares_of(account_ids: Sequence[int], *, at: datetime) -> Use:
    """What falls to some accounts of the use of those users alone for whom several accounts pay."""
    unbilled_fen: dict[int, int] = {}
    shared_fen: dict[int, int] = {}
    mine = set(account_ids)
    for (user, account_id), (fen, is_rest) in _shares(account_ids, at).items():
        if account_id in mine and is_rest:
            unbilled_fen[user] = fen
        elif account_id in mine:
            shared_fen[account_id] = shared_fen.get(account_id, 0) + fen
    return Use(unbilled_fen, shared_fen)


def _shares(account_ids: Sequence[int], at: datetime) -> dict[tuple[int, int], tuple[int, bool]]:
    """Of users whom several accounts pay for, some of these among them: by user and account the fen of every unbilled
    month, and whether the account pays the rest this month."""
    users = users_shared(account_ids=account_ids, cycle=cycle_of(at))
    if not users:
        return {}
    payers = dict(paying_accounts(subscriber_ids=users, cycle=cycle_of(at)).iter_rows())
    used, billed = used_by_item(users), billed_cycles()
    months = {cycle for by_cycle in used.values() for cycle in by_cycle} - billed
    sums = {(user, payers[user]): 0 for user in users}
    for cycle in sorted(months):
        due_li = {(user, item): li for user in used for item, li in used[user].get(cycle, {}).items()}
        relations = relations_of_users(subscriber_ids=users, cycle=cycle)
        for key, fen in split_of_use(due_li=due_li, relations=relations).items():
            sums[key] = sums.get(key, 0) + fen
    return {key: (fen, key[1] == payers[key[0]]) for key, fen in sums.items()}


def of_users(users: list[int], *, at: datetime) -> Mapping[int, int]:
    """What some users have used, in fen by user; if no engine answers, as it last published."""
    return {user: li // LI for user, li in li_of_users(users, at=at).items()}


def li_of_users(users: list[int], *, at: datetime) -> Mapping[int, int]:
    """What some users have used, in li by user; if no engine answers, as it last published, in whole fen."""
    used = used_now(users) if users else {}
    if used is None:
        return {user: fen * LI for user, fen in Everybody(at).by_user.items() if user in set(users)}
    billed = billed_cycles()
    return {user: sum(li for cycle, li in months.items() if cycle not in billed) for user, months in used.items()}


def billed_cycles() -> set[int]:
    """The months whose bills are released."""
    return {one.cycle for one in list_cycles() if one.state in ("RELEASED", "CLOSED")}


class Misplaced(NamedTuple):
    """A user who draws on another wallet than that of the account that pays the rest; 0 = on none."""

    subscriber_id: int
    account_id: int
    draws_on: int


@dataclass(frozen=True)
class Everybody:
    """What everybody had used at the last publication of the engine up to a moment."""

    at: datetime

    @cached_property
    def _frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        range_ = range_at(self.at)
        if range_ is None:
            return pl.DataFrame(schema=_WALLETS), pl.DataFrame(schema=_USES)
        return read_published(Published(range_.to_position, range_.paths, range_.sha256))

    @property
    def wallets(self) -> pl.DataFrame:
        """Wallets: account_id, balance_li, limit_li."""
        return self._frames[0]

    @cached_property
    def misplaced(self) -> list["Misplaced"]:
        """Users who draw on no wallet, and who used something this month out of another than their payer's."""
        cycle = cycle_of(self.at)
        is_now = (pl.col("cycle") == cycle) & (pl.col("used_li") != 0)
        drawn = self._frames[1].filter(is_now | (pl.col("account_id") == 0)).unique("subscriber_id")
        payers = paying_accounts(subscriber_ids=drawn["subscriber_id"].to_list(), cycle=cycle)
        both = drawn.rename({"account_id": "draws_on"}).join(payers, on="subscriber_id")
        wrong = both.filter(pl.col("draws_on") != pl.col("account_id")).sort("subscriber_id")
        return [Misplaced(*row) for row in wrong.select("subscriber_id", "account_id", "draws_on").iter_rows()]

    @cached_property
    def by_user(self) -> dict[int, int]:
        """Fen by user."""
        used = self._frames[1].filter(~pl.col("cycle").is_in(list(billed_cycles())))
        sums = used.group_by("subscriber_id").agg(fen=pl.col("used_li").sum() // LI).filter(pl.col("fen") > 0)
        return dict(sums.iter_rows())

    def accounts_from(self, *, used_fen: int, balance_fen: int) -> list[int]:
        """Accounts whose users together have used so much, or who may use no more than so little."""
        users = pl.DataFrame({"subscriber_id": list(self.by_user), "fen": list(self.by_user.values())}, schema=_USED)
        payers = paying_accounts(subscriber_ids=list(self.by_user), cycle=cycle_of(self.at))
        sums = payers.join(users, on="subscriber_id").group_by("account_id").agg(pl.col("fen").sum())
        much = sums.filter(pl.col("fen") >= used_fen)["account_id"].to_list()
        left_li = pl.col("balance_li") + pl.col("limit_li")
        low = self.wallets.filter(left_li <= balance_fen * LI)["account_id"].to_list()
        return sorted({*much, *low})


_WALLETS = {"account_id": pl.Int64, "balance_li": pl.Int64, "limit_li": pl.Int64}
_USES = {"subscriber_id": pl.Int64, "account_id": pl.Int64, "cycle": pl.Int32, "used_li": pl.Int64}
_USED = {"subscriber_id": pl.Int64, "fen": pl.Int64}


def since_yesterday(used_fen: Mapping[int, int], *, at: datetime) -> dict[int, int]:
    """What users have used within a day, in fen: now less what they had used a day ago."""
    before = Everybody(at - A_DAY).by_user
    return {user: max(fen - before.get(user, 0), 0) for user, fen in used_fen.items()}
