"""What goes wrong on the way from a network element: late, doubled and faulty records, each of a known kind.

A record is spoilt after it was written as text, exactly as a broken element or line would spoil it.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import polars as pl

LATE_SHARE = 0.004
DUPLICATE_SHARE = 0.003
FAULTY_SHARE = 0.002


@dataclass(frozen=True)
class Fault:
    """One way in which a record is spoilt: the error it must yield, and the columns it changes."""

    code: str
    columns: dict[str, pl.Expr]
    records: tuple[str, ...] = ()  # spoils only these; empty = all


CALLS = ("MOC", "MTC")
FAULTS = (
    Fault("E301", {"served_number": pl.lit("8618771592094"), "served_imsi": pl.lit(None, pl.String)}),
    Fault("E302", {"other_party": pl.lit("19299998888")}, CALLS),
    Fault("E202", {"other_party": pl.lit("139x7100A12")}, CALLS),
    Fault("E201", {"start_time": pl.lit(None, pl.String)}),
    Fault("E205", {"start_time": pl.lit("2031-") + pl.col("start_time").str.slice(5)}),
    Fault("E303", {"msc_id": pl.lit("861379990001"), "lac": pl.lit("65000")}, CALLS),
    Fault("E204", {"duration_s": pl.lit("90061")}, CALLS),
    Fault("E206", {"up_bytes": pl.lit("-2048")}, ("DATA",)),
    Fault("E304", {"sp_code": pl.lit("999999")}, ("SP_FEE",)),
)


@dataclass
class Ledger:
    """What was done to the records, for whoever checks the other end: counts by kind."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, many: int) -> None:
        """Note that so many records of this kind were written."""
        self.counts[kind] += many


def spoil(frame: pl.DataFrame, rng: np.random.Generator, ledger: Ledger) -> pl.DataFrame:
    """Spoil a few of a file's records, each in one way that its kind of use allows; `spoilt` marks them."""
    draw = rng.random(frame.height)
    which = rng.integers(0, len(FAULTS), frame.height)
    frame = frame.with_columns(fault=pl.Series(np.where(draw < FAULTY_SHARE, which, -1)))
    changes: dict[str, pl.Expr] = {}
    spoilt = pl.lit(False)
    for number, fault in enumerate(FAULTS):
        hit = pl.col("fault") == number
        if fault.records:
            hit &= pl.col("record_type").is_in(fault.records)
        ledger.add(fault.code, int(frame.select(hit.sum()).item()))
        spoilt |= hit
        for column, changed in fault.columns.items():
            changes[column] = pl.when(hit).then(changed).otherwise(changes.get(column, pl.col(column)))
    return frame.with_columns(**changes, spoilt=spoilt).drop("fault")


def double(frame: pl.DataFrame, rng: np.random.Generator, ledger: Ledger) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Write a few good records twice: half of the copies in the same file, half handed back for the next day's.

    Takes what `spoil` made and takes its mark off, so that each record has one thing wrong with it at most.
    """
    chosen = np.flatnonzero((rng.random(frame.height) < DUPLICATE_SHARE) & ~frame["spoilt"].to_numpy())
    frame = frame.drop("spoilt")
    ledger.add("DUPLICATE", len(chosen))
    same, next_day = frame[chosen[::2]], frame[chosen[1::2]]
    return pl.concat([frame, same]), next_day


def hold_back(frame: pl.DataFrame, rng: np.random.Generator, ledger: Ledger, days_left: int) -> list[pl.DataFrame]:
    """Split a day's records by the days they arrive late: entry 0 goes today, entry d in d days' time."""
    if days_left < 1:
        return [frame]
    late = rng.random(frame.height) < LATE_SHARE
    delay = np.where(late, np.minimum(rng.geometric(0.45, frame.height), min(days_left, 6)), 0)
    ledger.add("LATE", int(late.sum()))
    column = pl.Series(delay)
    return [frame.filter(column == days) for days in range(int(delay.max(initial=0)) + 1)]
