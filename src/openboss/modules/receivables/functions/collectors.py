"""Those who collect for us: their files against our payments, what they keep, and what provinces owe each other.

Source: ACM-06, STL-06 to STL-08, D15.9 to D15.11.
"""

from datetime import date, datetime

import polars as pl

from openboss.kernel.rounding import PPM, half_up_share
from openboss.modules.receivables.atomic import checks
from openboss.modules.receivables.atomic.checks import Difference
from openboss.modules.receivables.functions.rules import rules_at


def compare_with_collector(theirs: pl.DataFrame, *, channel: str, business_on: date) -> list[Difference]:
    """A collector's day against our payments of a channel; one difference an item, none if both agree to the fen.

    theirs  serial_no, paid_fen
    """
    ours = checks.payments_of_day(channel=channel, business_on=business_on)
    both = theirs.select("serial_no", "paid_fen").join(ours, on="serial_no", how="full", coalesce=True, suffix="_ours")
    amounts = both.with_columns(pl.col("paid_fen", "paid_fen_ours").fill_null(0)).sort("serial_no")
    return [
        Difference("COLLECTOR", "payment", serial_no, expected, found, _cause(expected, found))
        for serial_no, expected, found in amounts.select("serial_no", "paid_fen", "paid_fen_ours").iter_rows()
        if expected != found
    ]


def _cause(expected_fen: int, found_fen: int) -> str:
    if found_fen == 0:
        return "in the collector's file and not with us: post it"
    if expected_fen == 0:
        return "with us and not in the collector's file: ask the collector, or reverse it"
    return "two amounts: ask the collector for the slip"


def collection_fee(*, collected_fen: int, at: datetime) -> int:
    """What a bank or agent keeps of what it collected, in fen (D15.11)."""
    return half_up_share(collected_fen, rules_at(at).value("collection_fee_ppm"), PPM)


def kiosk_vendor_share(*, collected_fen: int, at: datetime) -> int:
    """What the vendor of kiosks gets of what they collected, in fen (STL-07, D15.10)."""
    return half_up_share(collected_fen, rules_at(at).value("kiosk_vendor_ppm"), PPM)


def net_of_provinces(collections: pl.DataFrame) -> pl.DataFrame:
    """What provinces pay each other for a month: payer, receiver, net_fen, one row a pair (STL-06, D15.9).

    collections  collected_by, home, collected_fen: who holds the money, whose users paid it
    """
    owed = collections.filter(pl.col("collected_by") != pl.col("home")).select(
        low=pl.min_horizontal("collected_by", "home"),
        high=pl.max_horizontal("collected_by", "home"),
        low_owes_fen=pl.when(pl.col("collected_by") < pl.col("home"))
        .then("collected_fen")
        .otherwise(-pl.col("collected_fen")),
    )
    pairs = owed.group_by("low", "high").agg(pl.col("low_owes_fen").sum()).sort("low", "high")
    low_pays = pl.col("low_owes_fen") >= 0
    return pairs.select(
        payer=pl.when(low_pays).then("low").otherwise("high"),
        receiver=pl.when(low_pays).then("high").otherwise("low"),
        net_fen=pl.col("low_owes_fen").abs(),
    )
