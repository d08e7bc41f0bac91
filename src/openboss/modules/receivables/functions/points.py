"""Points: earned by paying, used for phone money, gone after their time (BMC-05, D11).

Scheme STAR (D11.1): what a user's items of some groups were really paid with cash in a month, in yuan, times a factor
by star or VIP grade, rounded up. Late fees, items of third parties and gifts earn nothing.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import polars as pl
from django.db import transaction

from openboss.kernel.periods import next_cycle
from openboss.modules.customers.atomic.owners import stars_of
from openboss.modules.receivables.atomic import points as ledger
from openboss.modules.receivables.atomic.points import PointsEntryView
from openboss.modules.receivables.functions.counter import grant_gift
from openboss.modules.receivables.functions.owed import has_arrears
from openboss.modules.receivables.functions.rules import Rules, of_star, rules_at
from openboss.modules.system.atomic import SerialNumberUsed

FEN_PER_YUAN = 100
TENTHS = 10
Whole = TypeVar("Whole", int, pl.Expr)

entries_of, points_of = ledger.entries_of, ledger.points_of


class PointsShort(Exception):
    """The user has fewer points than that; the message says how many."""


class PointsWrong(ValueError):
    """So many points cannot be used: above zero, and worth whole fen; the message says how many points a yuan is."""


class ArrearsFirst(Exception):
    """Something is owed for this user; it is paid before points are used (D11.4)."""


def earned_points(*, paid_fen: Whole, factor_tenths: Whole) -> Whole:
    """Points for an amount paid: yuan times the factor, rounded up. 100.00 with factor 2 = 200 (D11.1).

    Of one amount, or of columns.
    """
    return (paid_fen * factor_tenths + FEN_PER_YUAN * TENTHS - 1) // (FEN_PER_YUAN * TENTHS)


def credit_month(*, month: int, at: datetime, subscriber_ids: Sequence[int] | None = None) -> int:
    """Give users the points for what was paid in a month; return how many users' points changed.

    Done again it changes nothing; after a payment of the month was taken back it takes back its points, with the
    factor they were earned with.
    """
    rules = rules_at(at)
    scheme = rules.value("points")
    counted = [kind.item_id for kind in rules.item_types if kind.group_code in scheme["groups"]]
    paid = ledger.paid_for_users(
        month=month,
        from_on=_first_day(month),
        to_on=_first_day(next_cycle(month)),
        item_ids=counted,
        subscriber_ids=subscriber_ids,
    )
    stars = stars_of(subscriber_ids=paid["subscriber_id"].to_list())
    due = (
        paid.join(stars, on="subscriber_id", how="left")
        .with_columns(pl.coalesce("factor_tenths", _factor(scheme, stars)).alias("factor"))
        .with_columns(
            points=earned_points(paid_fen=pl.col("paid_fen"), factor_tenths=pl.col("factor")) - pl.col("earned")
        )
        .filter(pl.col("points") != 0)
        .sort("subscriber_id")
    )
    return ledger.post_many(entries=_entries(due, month, rules, at), staff_id=None, at=at)


def _factor(scheme: dict[str, Any], stars: pl.DataFrame) -> pl.Expr:
    """The factor by VIP grade, else by star, in tenths; an unrated user has none."""
    tenths = {star: of_star(scheme["star_tenths"], star) for star in stars["star"].unique()}
    by_star = pl.col("star").replace_strict(tenths, return_dtype=pl.Int64)
    by_vip = pl.col("vip_level").replace_strict(scheme["vip_tenths"], default=0, return_dtype=pl.Int64)
    return pl.when(by_star > 0).then(pl.max_horizontal(by_star, by_vip)).otherwise(0)


def _entries(due: pl.DataFrame, month: int, rules: Rules, at: datetime) -> pl.DataFrame:
    months = rules.value("points")["valid_months"]
    until = _months_later(rules.on, months) if months else None
    return due.select(
        "subscriber_id",
        pl.lit("EARNED").alias("kind"),
        "points",
        pl.lit(month, pl.Int32).alias("month"),
        pl.col("factor").cast(pl.Int16).alias("factor_tenths"),
        pl.when(pl.col("points") > 0).then(pl.lit(until, pl.Date)).alias("expires_on"),
        pl.format("POINTS {} {} {}", pl.lit(month), "subscriber_id", "times").alias("serial_no"),
        pl.lit("").alias("reason"),
        pl.lit(at).cast(pl.Datetime("us", "UTC")).alias("at"),
    )


def credit_again(*, account_id: int, at: datetime) -> int:
    """Bring points right after a payment of an account was taken back; return how many changes that took (D8.3)."""
    subscriber_ids = ledger.users_cleared(account_id=account_id)
    months = ledger.months_earned(subscriber_ids=subscriber_ids)
    return sum(credit_month(month=month, at=at, subscriber_ids=subscriber_ids) for month in months)


@transaction.atomic
def redeem(
    *, subscriber_id: int, account_id: int, points: int, serial_no: str, at: datetime, staff_id: int | None
) -> int:
    """Turn points into phone money of an account, which is not refundable; return it in fen.

    The same again gives the same answer. Raises PointsWrong, PointsShort, ArrearsFirst, SerialNumberUsed. D11.4.
    """
    a_yuan = rules_at(at).value("points")["a_yuan"]
    if points <= 0 or points * FEN_PER_YUAN % a_yuan:
        raise PointsWrong(a_yuan)
    held = ledger.lock_balance(subscriber_id=subscriber_id)
    gift_fen = points * FEN_PER_YUAN // a_yuan
    if known := ledger.entry_of(serial_no=serial_no):
        if (known.kind, known.points) != ("REDEEMED", -points):
            raise SerialNumberUsed(serial_no)
        return gift_fen
    if held < points:
        raise PointsShort(held)
    if has_arrears(subscriber_id=subscriber_id, at=at):
        raise ArrearsFirst(subscriber_id)
    _post(subscriber_id, "REDEEMED", -points, serial_no, "", at, staff_id)
    grant_gift(account_id=account_id, gift_fen=gift_fen, serial_no=serial_no, at=at, staff_id=staff_id)
    return gift_fen


@transaction.atomic
def adjust(*, subscriber_id: int, points: int, reason: str, serial_no: str, at: datetime, staff_id: int) -> int:
    """Give or take points by hand, with a reason; return the balance. The same again gives the same answer.

    Raises PointsWrong, PointsShort, SerialNumberUsed.
    """
    held = ledger.lock_balance(subscriber_id=subscriber_id)
    if known := ledger.entry_of(serial_no=serial_no):
        if (known.kind, known.points, known.reason) != ("ADJUSTED", points, reason):
            raise SerialNumberUsed(serial_no)
        return held
    if points == 0 or not reason:
        raise PointsWrong(points)
    if held + points < 0:
        raise PointsShort(held)
    _post(subscriber_id, "ADJUSTED", points, serial_no, reason, at, staff_id)
    return held + points


@transaction.atomic
def end_points(*, subscriber_id: int, at: datetime, staff_id: int | None) -> int:
    """Let a user's points end with the user (D11.5); return how many went."""
    held = ledger.lock_balance(subscriber_id=subscriber_id)
    if held:
        _post(subscriber_id, "ENDED", -held, f"POINTS END {subscriber_id}", "", at, staff_id)
    return held


def expire(*, at: datetime) -> int:
    """Take the points whose time is over and that were not used, the oldest being used first; return from how many."""
    on = rules_at(at).on
    gone = ledger.expiring(on=on)
    entries = gone.select(
        "subscriber_id",
        pl.lit("EXPIRED").alias("kind"),
        -pl.col("points"),
        pl.lit(None, pl.Int32).alias("month"),
        pl.lit(None, pl.Int16).alias("factor_tenths"),
        pl.lit(None, pl.Date).alias("expires_on"),
        pl.format("POINTS OVER {} {}", pl.lit(on.isoformat()), "subscriber_id").alias("serial_no"),
        pl.lit("").alias("reason"),
        pl.lit(at).cast(pl.Datetime("us", "UTC")).alias("at"),
    )
    return ledger.post_many(entries=entries, staff_id=None, at=at)


def _post(
    subscriber_id: int, kind: str, points: int, serial_no: str, reason: str, at: datetime, staff_id: int | None
) -> None:
    ledger.post_points(
        subscriber_id=subscriber_id,
        kind=kind,
        points=points,
        serial_no=serial_no,
        reason=reason,
        at=at,
        staff_id=staff_id,
    )


def _first_day(month: int) -> date:
    return date(month // 100, month % 100, 1)


def _months_later(day: date, months: int) -> date:
    """The first day of the month so many months after a day's: points of a month end together."""
    months += day.year * 12 + day.month - 1
    return date(months // 12, months % 12 + 1, 1)


__all__ = [
    "ArrearsFirst",
    "PointsEntryView",
    "PointsShort",
    "PointsWrong",
    "adjust",
    "credit_again",
    "credit_month",
    "earned_points",
    "end_points",
    "entries_of",
    "expire",
    "points_of",
    "redeem",
]
