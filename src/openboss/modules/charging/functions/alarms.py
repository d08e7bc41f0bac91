"""Molecular functions of alarms: what the clock looks for in collection, and putting alarms away by hand.

Source: CHG-37, D4.2 (E402), D4.5.
"""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from openboss.kernel.usage import RecordType
from openboss.modules.charging.atomic import alarms, files
from openboss.modules.charging.atomic.alarms import AlarmUnknown, Overlap

BALANCES_OF = timedelta(days=3)
CALL_LIMIT = timedelta(days=1)  # a longer call is E204
OVERLAP_S = 5
CALLS_BEFORE = 3  # how many earlier calls of a user each call is compared with
OVERLAPS_A_LOOK = 1_000
CALLS = [RecordType.MOC, RecordType.MTC, RecordType.VIDEO_CALL]  # a forwarded call does not need the user's phone

clear_alarm = alarms.clear_alarm

__all__ = ["AlarmUnknown", "check_balances", "check_overlaps", "clear_alarm", "overlapping_calls"]


def check_balances(*, at: datetime) -> int:
    """Open an alarm for each file whose records do not add up, clear those that do again; return how many do not."""
    return alarms.note_balances(since=at - BALANCES_OF, at=at)


def check_overlaps(*, since: datetime, at: datetime, lake_dir: Path) -> int:
    """Warn of users who talked at two switches at once in usage rated since a moment; return how many are new.

    A card that was copied, or a clock that is wrong. The records are rated as they are. Source: D4.2 (E402).
    """
    fresh = files.rated_chunks(since=since)
    if not fresh:
        return 0
    span = (min(chunk.first_at for chunk in fresh) - CALL_LIMIT, max(chunk.last_at for chunk in fresh) + CALL_LIMIT)
    paths = [lake_dir / chunk.path for chunk in files.rated_chunks(during=span)]
    calls = (
        pl.scan_ipc(paths)
        .filter(pl.col("record_type").is_in([int(kind) for kind in CALLS]), pl.col("msc_id") != 0)
        .select("file_id", "seq_in_file", "served_number", "start_at_s", "duration_s", "msc_id")
        .collect()
    )
    found = overlapping_calls(calls)
    return alarms.note_overlaps(overlaps=[Overlap(*row) for row in found.head(OVERLAPS_A_LOOK).iter_rows()], at=at)


def overlapping_calls(calls: pl.DataFrame) -> pl.DataFrame:
    """Find the calls that began while their user talked at another switch for more than five seconds.

    calls   file_id, seq_in_file, served_number, start_at_s, duration_s, msc_id

    Returns file_id, seq_in_file, cause; one row a call. Source: D4.2 (E402).
    """
    ordered = calls.sort("served_number", "start_at_s", "file_id", "seq_in_file").with_columns(
        end_at_s=pl.col("start_at_s") + pl.col("duration_s")
    )
    found = []
    for back in range(1, CALLS_BEFORE + 1):
        before = {name: pl.col(name).shift(back).over("served_number") for name in ("end_at_s", "msc_id")}
        together_s = pl.min_horizontal("end_at_s", before["end_at_s"]) - pl.col("start_at_s")
        pairs = ordered.with_columns(other_msc=before["msc_id"], together_s=together_s)
        found.append(pairs.filter(pl.col("other_msc") != pl.col("msc_id"), pl.col("together_s") > OVERLAP_S))
    cause = pl.format("two calls of one user at switches {} and {}, {} s at once", "other_msc", "msc_id", "together_s")
    overlaps = pl.concat(found).sort("together_s", descending=True).unique(["file_id", "seq_in_file"], keep="first")
    return overlaps.sort("file_id", "seq_in_file").select("file_id", "seq_in_file", cause=cause)
