"""Keep limits: the engine watches the credit limits of accounts that pay by bill. Read from top to bottom.

    who     accounts with users in service who pay by bill, and no prepaid money in the engine
    where   what each owes and has used by the last publication; what it paid since, the engine heard at once
    tell    new accounts, other limits, new users, and the difference to where the engine stands
    end     accounts without such users

Between two runs the engine takes use as it happens and payments tell it what they bring; bills, fees and gifts come in
here. A call that crosses a limit is heard within a second (watch_wallets). Source: CHG-11, D9.1, D9.4.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from openboss.modules.customers.atomic.owners import postpaid_users, users_paid_by
from openboss.modules.customers.functions import cycle_of
from openboss.modules.receivables.functions import credit_watch, wallets
from openboss.processes.unbilled import Everybody

AT_ONCE = 10_000  # accounts nobody can pay for meanwhile


def run(*, at: datetime) -> int:
    """Bring the engine's limits up to date; return how many accounts it was told something of."""
    if wallets.range_at(at) is None:
        return 0
    prepaid = wallets.accounts_with_wallets()
    users = {one: mine for one, mine in postpaid_users(cycle=cycle_of(at)).items() if one not in prepaid}
    told = _tell(users, at)
    credit_watch.end_watch(sorted(set(credit_watch.watched()) - set(users)))
    return told


def bring(account_ids: Sequence[int], *, at: datetime) -> None:
    """Bring the engine's limits of some accounts up to date at once; of those that prepay it knows all."""
    if wallets.range_at(at) is None:
        return
    paid = users_paid_by(account_ids=list(account_ids), cycle=cycle_of(at), at=at)
    in_service = paid.filter((pl.col("pay_type") == "POSTPAID") & (pl.col("life") == "ACTIVE"))
    users: dict[int, list[int]] = {}
    for account_id, user in in_service.select("account_id", "subscriber_id").iter_rows():
        users.setdefault(account_id, []).append(user)
    if users:
        _tell(users, at)


def _tell(users: Mapping[int, Sequence[int]], at: datetime) -> int:
    """Tell the engine of accounts and their users, by what it last wrote down."""
    range_, everybody = wallets.range_at(at), Everybody(at)
    assert range_ is not None
    heard = credit_watch.Heard(
        range_.to_position,
        everybody.wallets,
        used_fen=everybody.by_user,
        misplaced={one.subscriber_id for one in everybody.misplaced},
    )
    accounts, told = list(users), 0
    for start in range(0, len(accounts), AT_ONCE):
        part = {one: users[one] for one in accounts[start : start + AT_ONCE]}
        told += credit_watch.tell_limits(part, heard=heard, at=at)
    return told
