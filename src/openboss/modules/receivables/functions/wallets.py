"""Prepaid money in use, on the ledger's side: wallets opened, their use posted by range, billed, and compared.

The engine takes money for use as it happens. A range of its journal becomes one entry an account: prepayment to
CHARGED, money taken and not billed yet; what goes below zero is OVERDRAWN, a debt. When the month is billed, CHARGED
goes back to the cash in the same transaction in which the bill takes what it comes to. So the engine hears of the
difference only, and usage is revenue once: on the bill. Source: D4.8, D8.1, issue 6 section 1.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from django.db import connection, transaction

from openboss.modules.charging.functions.engine import EngineRefused, order_answer
from openboss.modules.charging.functions.online import (
    Published,
    announce_release,
    announce_wallets,
    hold_money,
    read_published,
)
from openboss.modules.customers.functions import cycle_of
from openboss.modules.receivables.atomic import credit_watch, debts, wallets
from openboss.modules.receivables.atomic.ledger import Act, hold_day, new_ids, put_entries
from openboss.modules.receivables.functions.rules import Rules, act_of, day_of, rules_at
from openboss.modules.system.atomic import record_audit

CHUNK = 5000
LI = wallets.LI


class MoneyInUse(Exception):
    """The account has not that much money any more: calls and data are using it; ask for less."""


@dataclass(frozen=True)
class RangeView:
    """A range of the journal by its end, and the files published there."""

    to_position: int
    paths: dict[str, str]
    sha256: dict[str, str]
    published_at: datetime


@dataclass(frozen=True)
class RangePosted:
    """A range of the journal that was posted: positions, entries written now, and what was used in them."""

    from_position: int
    to_position: int
    entries: int
    used_fen: int


@transaction.atomic
def open_wallets(users: Mapping[int, Sequence[int]], *, at: datetime, staff_id: int | None = None) -> None:
    """Let users pay for use at once out of the cash of their accounts; the engine hears of it in this transaction.

    users  by account; an account that has a wallet gets more users, one whose limit was watched is watched no more;
           who drew on another account's brings what was used this month, which is this one's to pay (D1.3)
    """
    if not users:
        return
    accounts = sorted(users)
    debts.lock_accounts(accounts)
    cash = dict(debts.cash_of(accounts))
    limits = wallets.limits_of(accounts, on=day_of(at))
    watched, from_cycle = credit_watch.watched_of(accounts), cycle_of(at)
    told = [
        {"account_id": one, "balance_li": cash.get(one, 0) * LI, "limit_li": limits[one] * LI,
         "subscriber_ids": list(users[one]), "from_cycle": from_cycle, "anew": one in watched}
        for one in accounts
    ]  # fmt: skip
    credit_watch.end_watched(account_ids=watched)
    command_id = announce_wallets(told)
    wallets.put_wallets(account_ids=accounts, command_id=command_id, at=at)
    record_audit(
        staff_id=staff_id,
        action="receivables.open_wallets",
        object_kind="account",
        object_id=accounts[0],
        at=at,
        after={"accounts": len(accounts)},
    )


@transaction.atomic
def renew_limits(published: Published, *, at: datetime) -> int:
    """Tell the engine of gifts whose time has begun or ended since it was told last; return of how many accounts."""
    found, _ = _prepaid(published)
    known = dict(found.select("account_id", "limit_li").iter_rows())
    limits = wallets.limits_of(list(known), on=day_of(at))
    changed = {account_id: fen for account_id, fen in limits.items() if fen * LI != known[account_id]}
    wallets.send_limits(changed)
    return len(changed)


def has_wallets() -> bool:
    """Whether any account's money is in use in the engine."""
    return wallets.has_wallets()


def accounts_with_wallets(account_ids: Sequence[int] | None = None) -> set[int]:
    """The accounts, of some or all, whose money is in use in the engine."""
    return wallets.accounts_with_wallets(account_ids)


@contextmanager
def money_held(*, account_id: int, fen: int, name: str) -> Iterator[None]:
    """Hold money of a wallet in the engine while business takes it: held, then taken or given back (D4.8).

    The entry that takes the money tells the engine in its transaction; the hold ends with it, or when it is refused.
    Raises MoneyInUse: calls have taken the money already. Inside a transaction the engine cannot
    hear of a hold: there the ledger's cash alone decides.
    """
    if not wallets.accounts_with_wallets([account_id]):
        yield
        return
    if connection.in_atomic_block:
        yield
        return
    try:
        hold_money(account_id=account_id, amount_li=fen * LI, hold=name)
    except EngineRefused as refusal:
        raise MoneyInUse(account_id) from refusal
    try:
        yield
    finally:
        announce_release(account_id=account_id, hold=name)


def note_openings() -> None:
    """Take down from the engine's answers what users had used before their wallets were opened."""
    for command_id in wallets.openings():
        answer = order_answer(command_id)
        if answer is not None:
            with transaction.atomic():
                wallets.note_opening(command_id=command_id, used_li=[tuple(one) for one in answer["used_li"]])


def begin_range(published: Published, *, at: datetime) -> None:
    """Take down a publication of the engine as the end of the next range to post."""
    wallets.begin_range(to_position=published.position, paths=published.paths, sha256=published.sha256, at=at)


def post_range(*, at: datetime) -> RangePosted | None:
    """Post the newest range that is not posted whole: one entry an account, part by part, each part once.

    Started again after a kill it goes on where it stopped. None: there is nothing to post.
    """
    range_ = wallets.last_range()
    if range_ is None or range_.posted_at is not None:
        return None
    published = Published(range_.to_position, range_.paths, range_.sha256)
    _, used = _prepaid(published)
    by_month = used.filter(pl.col("account_id") > 0).group_by("account_id", "cycle").agg(pl.col("used_li").sum())
    accounts = by_month["account_id"].unique().sort().to_list()
    entries = used_fen = 0
    for first in range(0, len(accounts), CHUNK):
        chunk = accounts[first : first + CHUNK]
        mine = by_month.filter(pl.col("account_id").is_in(chunk))
        part = _post_part(mine, range_.from_position, range_.to_position, at=at)
        entries, used_fen = entries + part[0], used_fen + part[1]
    wallets.end_range(to_position=range_.to_position, at=at)
    return RangePosted(range_.from_position, range_.to_position, entries, used_fen)


@transaction.atomic
def _post_part(used: pl.DataFrame, from_position: int, to_position: int, *, at: datetime) -> tuple[int, int]:
    """Post what some accounts used: account_id, cycle, used_li in all so far. Returns entries and fen."""
    rules = rules_at(at)
    act = act_of(rules, at=at, staff_id=None, channel="SYSTEM")
    hold_day(act.business_on)
    accounts = used["account_id"].unique().sort().to_list()
    debts.lock_accounts(accounts)
    settled = pl.DataFrame(
        wallets.settled_months(accounts), schema={"account_id": pl.Int64, "cycle": pl.Int32}, orient="row"
    )
    known = wallets.uses(accounts).rename({"used_li": "before_used_li"})
    found = used.with_columns(pl.col("cycle").cast(pl.Int32)).join(settled, on=["account_id", "cycle"], how="anti")
    moved = found.join(known, on=["account_id", "cycle"], how="left").with_columns(
        pl.col("before_li", "posted_fen", "position", "before_used_li").fill_null(0)
    )
    moved = moved.filter((pl.col("position") < to_position) & (pl.col("used_li") != pl.col("before_used_li")))
    moved = moved.with_columns(now_fen=(pl.col("used_li") - pl.col("before_li")) // LI)
    by_account = moved.group_by("account_id").agg(fen=(pl.col("now_fen") - pl.col("posted_fen")).sum())
    by_account = by_account.filter(pl.col("fen") != 0).sort("account_id")
    if by_account.height:
        _enter_use(by_account, f"{from_position}-{to_position}", rules, act)
    uses = moved.with_columns(posted_fen="now_fen", position=pl.lit(to_position))
    wallets.put_uses(uses.select(list(wallets.USES)))
    return by_account.height, int(by_account["fen"].sum())


def _enter_use(by_account: pl.DataFrame, named: str, rules: Rules, act: Act) -> None:
    """One entry an account: out of the cash, then out of nothing (overdrawn); less used than before goes back."""
    no_of = rules.chart.no_of
    accounts = by_account["account_id"].to_list()
    booked = wallets.booked(accounts)
    rows = by_account.join(booked.drop("bucket_id"), on="account_id").sort("account_id")
    less_over = pl.max_horizontal(pl.col("fen"), -pl.col("overdrawn_fen"))
    rows = rows.with_columns(
        over_fen=pl.when(pl.col("fen") > 0)
        .then((pl.col("fen") - pl.col("cash_fen")).clip(lower_bound=0))
        .otherwise(less_over)
    ).with_columns(
        cash_out_fen=pl.col("fen") - pl.col("over_fen"),
        entry_id=pl.Series(new_ids("receivables_entry", "entry_id", rows.height), dtype=pl.Int64),
    )
    cash = _move_money("CASH", accounts, (-rows["cash_out_fen"]).to_list(), act)
    charged = _move_money("CHARGED", accounts, rows["fen"].to_list(), act)
    wallets.change_overdrawn(dict(rows.filter(pl.col("over_fen") != 0).select("account_id", "over_fen").iter_rows()))
    key = rows.select("entry_id", "account_id")
    of_account = pl.col("account_id")
    postings = pl.concat(
        [
            key.with_columns(
                amount_fen=rows["cash_out_fen"], chart_no=pl.lit(no_of("PREPAYMENT")),
                bucket_id=of_account.replace_strict(cash, return_dtype=pl.Int64),
            ),
            key.with_columns(amount_fen=rows["over_fen"], chart_no=pl.lit(no_of("OVERDRAWN"))),
            key.with_columns(
                amount_fen=-rows["fen"], chart_no=pl.lit(no_of("CHARGED")),
                bucket_id=of_account.replace_strict(charged, return_dtype=pl.Int64),
            ),
        ],
        how="diagonal_relaxed",
    ).filter(pl.col("amount_fen") != 0)  # fmt: skip
    entries = rows.select(
        "entry_id", serial_no=pl.format("WALLET_USE {} {}", pl.lit(named), "account_id"), cause=pl.lit("WALLET_USE")
    )
    put_entries(entries=entries, postings=postings.sort("entry_id", maintain_order=True), act=act, is_told=True)


def _move_money(kind: str, accounts: list[int], amounts_fen: list[int], act: Act) -> dict[int, int]:
    """Put money into the buckets of a kind, or take it out; return bucket ids by account."""
    ids = debts.add_to_bucket(account_ids=accounts, kind=kind, amounts_fen=[0] * len(accounts), on=act.business_on)
    debts.change_buckets(bucket_ids=[ids[one] for one in accounts], amounts_fen=amounts_fen)
    return ids


def settle_use(account_ids: Sequence[int], cycle: int, *, rules: Rules, act: Act) -> None:
    """Give what wallets paid for a month back to the cash, in the transaction that bills the month.

    The caller holds the locks and lets the bill be cleared next; the engine hears of both.
    """
    uses = wallets.uses(account_ids, cycle=cycle)
    if uses.is_empty():
        return
    uses = uses.with_columns(
        told_li=pl.col("used_li") - pl.col("before_li"),
        entry_id=pl.Series(new_ids("receivables_entry", "entry_id", uses.height), dtype=pl.Int64),
    )
    posted = uses.filter(pl.col("posted_fen") != 0)
    if posted.height:
        _enter_settled(posted, cycle, rules, act)
    told = uses.filter(pl.col("told_li") != 0).select("account_id", "told_li").rows()
    wallets.send_amounts(told, serial_no=f"SETTLED {uses['entry_id'][0]}")
    wallets.settle_uses(uses["account_id"].to_list(), cycle)
    cover_overdrafts(account_ids, rules=rules, act=act)


def _enter_settled(posted: pl.DataFrame, cycle: int, rules: Rules, act: Act) -> None:
    accounts = posted["account_id"].to_list()
    amounts_fen = posted["posted_fen"]
    cash = _move_money("CASH", accounts, amounts_fen.to_list(), act)
    charged = _move_money("CHARGED", accounts, (-amounts_fen).to_list(), act)
    key = posted.select("entry_id", "account_id", amount_fen="posted_fen")
    of_account = pl.col("account_id")
    taken = key.with_columns(
        chart_no=pl.lit(rules.chart.no_of("CHARGED")),
        bucket_id=of_account.replace_strict(charged, return_dtype=pl.Int64),
    )
    given = key.with_columns(
        amount_fen=-pl.col("amount_fen"),
        chart_no=pl.lit(rules.chart.no_of("PREPAYMENT")),
        bucket_id=of_account.replace_strict(cash, return_dtype=pl.Int64),
    )
    entries = posted.select(
        "entry_id",
        serial_no=pl.format("WALLET_SETTLED {} {}", pl.lit(cycle), "account_id"),
        cause=pl.lit("WALLET_SETTLED"),
    )
    postings = pl.concat([taken, given]).sort("entry_id", maintain_order=True)
    put_entries(entries=entries, postings=postings, act=act, is_told=True)


def settle_rest(cycle: int, *, at: datetime) -> int:
    """Settle the use of a released month of accounts that got no bill; return how many accounts."""
    count = 0
    while accounts := wallets.accounts_to_settle(cycle, limit=CHUNK):
        with transaction.atomic():
            rules = rules_at(at)
            act = act_of(rules, at=at, staff_id=None, channel="SYSTEM")
            hold_day(act.business_on)
            debts.lock_accounts(accounts)
            settle_use(accounts, cycle, rules=rules, act=act)
        count += len(accounts)
    return count


def cover_overdrafts(account_ids: Sequence[int], *, rules: Rules, act: Act) -> None:
    """Let new cash of accounts cover what they used beyond their cash before, in the caller's transaction."""
    _move_overdrafts(
        {one: (bucket_id, fen) for one, bucket_id, fen in wallets.overdrawn_with_cash(account_ids)}, rules, act
    )


def overdraw(account_id: int, wanted_fen: int, *, rules: Rules, act: Act) -> None:
    """Let an account that used its money have a payment taken back: what use took of it becomes a debt again."""
    booked = wallets.booked([account_id])
    if booked.is_empty():
        return
    cash_fen, bucket_id = int(booked["cash_fen"][0]), int(booked["bucket_id"][0])
    used_fen = int(wallets.uses([account_id])["posted_fen"].sum())
    short_fen = wanted_fen - cash_fen
    if 0 < short_fen <= used_fen:
        _move_overdrafts({account_id: (bucket_id, -short_fen)}, rules, act)


def _move_overdrafts(moved: dict[int, tuple[int, int]], rules: Rules, act: Act) -> None:
    """Cash covers an overdraft (above zero), or is given on credit for it (below)."""
    if not moved:
        return
    wallets.change_overdrawn({account_id: -fen for account_id, (_, fen) in moved.items()})
    debts.change_buckets(
        bucket_ids=[bucket_id for bucket_id, _ in moved.values()], amounts_fen=[-fen for _, fen in moved.values()]
    )
    ids = new_ids("receivables_entry", "entry_id", len(moved))
    rows = pl.DataFrame(
        [(entry_id, account_id, *facts) for entry_id, (account_id, facts) in zip(ids, moved.items(), strict=True)],
        schema={"entry_id": pl.Int64, "account_id": pl.Int64, "bucket_id": pl.Int64, "amount_fen": pl.Int64},
        orient="row",
    )
    taken = rows.with_columns(chart_no=pl.lit(rules.chart.no_of("PREPAYMENT")))
    covered = rows.drop("bucket_id").with_columns(
        amount_fen=-pl.col("amount_fen"), chart_no=pl.lit(rules.chart.no_of("OVERDRAWN"))
    )
    entries = rows.select("entry_id", serial_no=pl.format("OVERDRAFT {}", "entry_id"), cause=pl.lit("OVERDRAFT"))
    postings = pl.concat([taken, covered], how="diagonal_relaxed").sort("entry_id", maintain_order=True)
    put_entries(entries=entries, postings=postings, act=act, is_told=True)


def wallet_differences() -> tuple[pl.DataFrame, int]:
    """The engine's balances at the newest range against the ledger: account_id, expected_li, found_li of those that
    differ, and how many wallets were compared.

    expected  what the ledger has, less what it told the engine later, less what was used and makes no whole fen yet
    """
    range_ = wallets.last_range()
    empty = pl.DataFrame(schema={"account_id": pl.Int64, "expected_li": pl.Int64, "found_li": pl.Int64})
    if range_ is None or not range_.paths:
        return empty, 0
    is_outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if is_outermost:  # a payment between two of these reads would look like a difference
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        found, _ = _prepaid(Published(range_.to_position, range_.paths, range_.sha256))
        accounts = wallets.opened_before(range_.published_at)
        found = found.filter(~pl.col("account_id").is_in(wallets.being_opened()))
        later = wallets.waiting_li(after_position=range_.to_position)
        uses, booked = wallets.uses(accounts), wallets.booked(accounts)
    rest = uses.group_by("account_id").agg(
        rest_li=(pl.col("used_li") - pl.col("before_li") - pl.col("posted_fen") * LI).sum()
    )
    booked = booked.join(rest, on="account_id", how="left")
    told = pl.col("account_id").replace_strict(later, default=0, return_dtype=pl.Int64)
    expected = booked.select(
        "account_id",
        expected_li=(pl.col("cash_fen") - pl.col("overdrawn_fen")) * LI - pl.col("rest_li").fill_null(0) - told,
    )
    both = expected.join(found.select("account_id", found_li="balance_li"), on="account_id", how="full", coalesce=True)
    both = both.with_columns(pl.col("expected_li", "found_li").fill_null(0))
    return both.filter(pl.col("expected_li") != pl.col("found_li")).sort("account_id"), both.height


def ranges_before(published_before: datetime) -> list[RangeView]:
    """Older ranges whose files are still there; the newest range is none of them."""
    newest = wallets.last_range()
    rows = wallets.ranges(published_before=published_before)
    return [_view(one) for one in rows if newest and one.to_position != newest.to_position]


def _prepaid(published: Published) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What was published of prepaid wallets, see read_published; accounts whose limit is watched are left out."""
    wallets_, used = read_published(published)
    mine = credit_watch.watched()
    return wallets_.join(mine, on="account_id", how="anti"), used.join(mine, on="account_id", how="anti")


def range_at(moment: datetime) -> RangeView | None:
    """The last range that was published up to a moment and whose files are there."""
    rows = wallets.ranges(published_before=moment, limit=1)
    return _view(rows[0]) if rows else None


def forget_range(to_position: int) -> None:
    """Note that the files of a range are gone."""
    wallets.forget_range(to_position=to_position)


def _view(row: wallets.WalletRange) -> RangeView:
    return RangeView(row.to_position, row.paths, row.sha256, row.published_at)
