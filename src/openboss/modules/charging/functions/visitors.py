"""Use of visitors: users of other provinces in records of our network. Source: CHG-33."""

from collections.abc import Sequence

import polars as pl

from openboss.kernel.usage import RecordType, RoamType
from openboss.modules.charging.atomic.visitors import COLUMNS, VisitorDay, note_roamer_use, note_told, visitor_days

__all__ = ["VisitorDay", "note_roamer_use", "note_told", "together", "use_of_visitors", "visitor_days"]

_SCHEMA = {name: pl.Date if name == "used_on" else pl.Int64 for name in COLUMNS}
_CALLS = (RecordType.MOC, RecordType.MTC, RecordType.CALL_FORWARD, RecordType.VIDEO_CALL)
_MESSAGES = (RecordType.SMS_MO, RecordType.MMS)


def use_of_visitors(usage: pl.DataFrame) -> pl.DataFrame:
    """Sum what visitors used by number and local day (COLUMNS).

    usage  schema NORMALISED; users at home here are left out
    """
    kind, bytes_used = pl.col("record_type"), pl.col("up_bytes") + pl.col("down_bytes")
    here = usage.filter(pl.col("roam_type") == RoamType.INTER_PROV_IN)
    days = here.group_by(
        number=pl.col("served_number"),
        used_on=pl.from_epoch("start_local_s", time_unit="s").dt.date(),
        maintain_order=True,
    ).agg(
        home_area=pl.col("home_area").first().cast(pl.Int64),
        calls_s=pl.col("duration_s").filter(kind.is_in(_CALLS)).sum().cast(pl.Int64),
        data_kb=bytes_used.sum().floordiv(1024),
        messages=pl.col("message_count").filter(kind.is_in(_MESSAGES)).sum().cast(pl.Int64),
        from_s=pl.col("start_at_s").min(),
        to_s=(pl.col("start_at_s") + pl.col("duration_s")).max(),
    )
    return days.select(COLUMNS)


def together(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Sum what visitors used in the parts of a file (COLUMNS), in the order of numbers: so files never deadlock."""
    whole = pl.concat([pl.DataFrame(schema=_SCHEMA), *parts])
    sums = [pl.col(name).sum() for name in ("calls_s", "data_kb", "messages")]
    bounds = (pl.col("home_area").first(), pl.col("from_s").min(), pl.col("to_s").max())
    return whole.group_by("number", "used_on").agg(*sums, *bounds).sort("number", "used_on").select(COLUMNS)
