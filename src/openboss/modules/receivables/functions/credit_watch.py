"""Limits that the engine watches: what it is told of accounts that pay by bill (D9.1, D9.4).

The wallet of such an account stands below zero by its exposure as credit control sees it. How far it may go down, its
line, is set so that the engine says NEAR_LIMIT, at 80 % of the line, where the next step of credit control is due:
first at the warning, then at the limit itself, with a line a quarter beyond it. Nothing is charged beyond the line.

Payments tell the engine themselves what they bring, so where an account stands and what the engine was told of it are
read while nobody can pay: otherwise a payment between the two would count twice, or for an account that is not
watched yet not at all.

Of a user for whom others pay a part (D9.10) the engine draws all use from the wallet of who pays the rest, for it knows
no shares. So the line lies further down by what others pay at most: the engine never says the limit is reached before
it is. Whether it is, credit control knows when it looks, at once or within the hour.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import polars as pl
from django.db import transaction

from openboss.kernel.periods import previous_cycle
from openboss.modules.billing.functions import list_cycles
from openboss.modules.charging.functions.online import announce_wallets
from openboss.modules.customers.atomic.owners import room_of_others
from openboss.modules.customers.functions import cycle_of
from openboss.modules.receivables.atomic import credit_watch, debts, wallets
from openboss.modules.receivables.functions.credit_at_once import positions_of_many
from openboss.modules.receivables.functions.rules import Rules, rules_at

LI = wallets.LI
NEAR_PERCENT = 80  # of its line, where the engine says NEAR_LIMIT (charging.engine.online)
NO_LIMIT_LI = 10**15
FIXED = "G1_FIXED"  # items of monthly fees: no use is charged to them
PART = 500  # wallets of a command: one user whom the engine does not know yet lets it refuse no more than these


class PayerPaysByBill(Exception):
    """The account pays by bill for others, and its limit is watched: it cannot pay for a user who pays before use."""


@dataclass(frozen=True)
class Heard:
    """What the engine last wrote down.

    position       where in its journal that stands
    wallets        account_id, balance_li, limit_li
    used_fen       what users have used and not been billed for, by user
    misplaced      users who draw on no wallet, or on another than their payer's
    """

    position: int
    wallets: pl.DataFrame
    used_fen: Mapping[int, int]
    misplaced: AbstractSet[int]


def watched() -> list[int]:
    """Every account whose limit the engine watches."""
    return credit_watch.watched()["account_id"].to_list()


def refuse_prepaid(*, account_id: int) -> None:
    """Refuse to let an account whose limit is watched pay for a user who pays before use: its wallet would become
    prepaid money, and the limit of all its users would go. Raises PayerPaysByBill."""
    if credit_watch.watched_of([account_id]):
        raise PayerPaysByBill(account_id)


@transaction.atomic
def tell_limits(users: Mapping[int, Sequence[int]], *, heard: Heard, at: datetime) -> int:
    """Tell the engine where some accounts (their users) stand, if it does not know; return of how many.

    Who is exempt, or has a complaint looked at, is watched without limit.
    """
    rules = rules_at(at)
    debts.lock_accounts(list(users))
    prepaid = wallets.accounts_with_wallets(list(users))  # since the caller looked
    users = {one: mine for one, mine in users.items() if one not in prepaid}
    told_li = wallets.waiting_li(after_position=heard.position)
    known = credit_watch.watched_of(list(users))
    seen = _with_room(positions_of_many(list(users), at, heard.used_fen, rules), rules)
    wanted = seen.select("account_id", wanted_li=-pl.col("exposure_fen") * LI, line_li=_line_li(rules))
    both = wanted.join(heard.wallets, on="account_id", how="left")
    fresh = both.filter(~pl.col("account_id").is_in(known))
    old = both.filter(pl.col("account_id").is_in(known))
    unheard = old.filter(pl.col("balance_li").is_null())  # not taken up yet: told again, which changes nothing
    late = pl.col("account_id").replace_strict(told_li, default=0, return_dtype=pl.Int64)
    moved = old.with_columns(more_li=pl.col("wanted_li") - pl.col("balance_li") - late).filter(
        pl.col("more_li").abs() >= LI
    )
    draws = pl.Series([one for one in users if not heard.misplaced.isdisjoint(users[one])], dtype=pl.Int64)
    changed = old.filter((pl.col("limit_li") != pl.col("line_li")) | pl.col("account_id").is_in(draws.to_list()))
    told = [
        {"account_id": one, "balance_li": li, "limit_li": line_li, "subscriber_ids": list(users[one])}
        for one, li, line_li in pl.concat([fresh, unheard, changed]).select("account_id", "wanted_li", "line_li").rows()
    ]
    for start in range(0, len(told), PART):
        announce_wallets(told[start : start + PART])
    credit_watch.put_watched(account_ids=fresh["account_id"].to_list(), at=at)
    wallets.send_amounts(moved.select("account_id", "more_li").rows(), serial_no=_named(moved, at))
    return len({*moved["account_id"], *(one["account_id"] for one in told)})


@transaction.atomic
def move_lines(
    account_ids: Sequence[int],
    *,
    used_fen: Mapping[int, int],
    at: datetime,
    drawing: Mapping[int, Sequence[int]] = MappingProxyType({}),
) -> None:
    """Set the lines of watched accounts of which the engine just said something, so that it says the next thing too.

    drawing  users who draw on an account's line from this month on, with what they have used in it (D1.3)
    """
    mine = credit_watch.watched_of(account_ids)
    if not mine:
        return
    rules = rules_at(at)
    seen = _with_room(positions_of_many(mine, at, used_fen, rules), rules)
    lines = seen.select("account_id", limit_li=_line_li(rules))
    from_cycle = cycle_of(at)
    announce_wallets(
        [
            {**one, "subscriber_ids": list(drawing.get(one["account_id"], [])), "from_cycle": from_cycle}
            for one in lines.to_dicts()
        ]
    )


def _line_li(rules: Rules) -> pl.Expr:
    """How far below zero a wallet may go, of positions: to the ceiling of an emergency opening, else by the limit; no
    line is set for who is exempt or complains."""
    is_free = (pl.col("is_exempt") == 1) | (pl.col("disputed_until_on") >= rules.on).fill_null(value=False)
    warned_at = min(one["at_percent"] for one in rules.value("plan.LIMIT"))
    is_warned = pl.col("exposure_fen") * 100 >= pl.col("limit_fen") * warned_at
    percent = pl.when(is_warned).then(100).otherwise(min(warned_at, 100))
    own_li = pl.coalesce(pl.col("ceiling_fen") * LI, pl.col("limit_fen") * LI * percent // NEAR_PERCENT)
    is_open = pl.col("ceiling_fen").is_null() & is_free | pl.col("room_li").is_null()
    return pl.when(is_open).then(NO_LIMIT_LI).otherwise(own_li + pl.col("room_li"))


def _with_room(seen: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Positions with room_li: what others pay at most of the use that is not billed yet; null: without limit."""
    month = rules.on.year * 100 + rules.on.month
    billed = {one.cycle for one in list_cycles() if one.state in ("RELEASED", "CLOSED")}
    months = len({month, previous_cycle(month)} - billed)
    fixed = [FIXED, *(kind.code for kind in rules.item_types if kind.group_code == FIXED)]
    room = room_of_others(account_ids=seen["account_id"].to_list(), cycle=month, not_used=fixed)
    room = room.select("account_id", room_li=pl.col("room_fen") * LI * months, is_shared=pl.lit(value=True))
    of_others = pl.when(pl.col("is_shared")).then("room_li").otherwise(0)
    return seen.join(room, on="account_id", how="left").with_columns(room_li=of_others)


@transaction.atomic
def end_watch(account_ids: Sequence[int]) -> None:
    """Let accounts go that nobody uses who pays by bill: the engine's line of each begins anew, at nothing."""
    if account_ids:
        nobodys = {"limit_li": 0, "subscriber_ids": [], "anew": True}
        announce_wallets([{"account_id": one, **nobodys} for one in account_ids])
        credit_watch.end_watched(account_ids=account_ids)


def _named(moved: pl.DataFrame, at: datetime) -> str:
    first = moved["account_id"][0] if moved.height else 0
    return f"LIMITS {at:%Y%m%d%H%M%S} {first}"
