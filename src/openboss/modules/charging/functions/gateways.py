"""What was charged online against what the gateways' own files say of the same sessions (assurance, issue of doubt).

Source: TS 32.299 (a charging number joins both), CHG-37.
"""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from django.conf import settings

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.duplicates import DAY_S
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.online.cuts import MESSAGES
from openboss.modules.charging.engine.twins import DAYS_BACK, read_twins

__all__ = ["compared_sessions"]

_SESSION = ("subscriber_id", "record_type", "call_ref")
COMPARED = pl.Schema(
    {"subscriber_id": pl.Int64(), "record_type": pl.Int8(), "call_ref": pl.Int64(), "unit": pl.String(),
     "online": pl.Int64(), "filed": pl.Int64(), "act_li": pl.Int64()}
)  # fmt: skip


def compared_sessions(*, from_local_s: int, to_local_s: int) -> pl.DataFrame:
    """Sessions charged online that began between two local seconds, each with what the files say of it.

    Gives subscriber_id, record_type, call_ref (the charging number), unit (KB, S or MSG), online and filed in it, and
    act_li, what was charged. A session of which no file tells has nothing filed.
    """
    lake = Lake(Path(settings.LAKE_DIR))
    files = [name for cycle in _cycles(from_local_s, to_local_s) for name in lake.usage_files(cycle)]
    if not files:
        return pl.DataFrame(schema=COMPARED)
    began = pl.col("start_local_s")
    detail = pl.scan_parquet(files, hive_partitioning=True).filter(
        pl.col("file_id") == 0, pl.col("call_ref") != 0, began >= from_local_s, began < to_local_s
    )
    li = pl.sum_horizontal("act_basic_li", "act_ld_li", "act_info_li").sum().alias("act_li")
    online = detail.group_by(_SESSION).agg(_amount("online"), li).collect()
    twins = read_twins(lake.folder, from_local_s=from_local_s, to_local_s=to_local_s + DAYS_BACK * DAY_S)
    filed = twins.group_by(_SESSION).agg(_amount("filed"))
    both = online.join(filed, on=_SESSION, how="left").with_columns(pl.col("filed").fill_null(0), unit=_unit())
    return both.select(pl.col(name).cast(kind) for name, kind in COMPARED.items())


def _cycles(from_local_s: int, to_local_s: int) -> list[int]:
    """The months in which use of a span may be posted: its own and the one after (D4.6)."""
    days = range(from_local_s // DAY_S, to_local_s // DAY_S + 32)
    months = {datetime.fromtimestamp(day * DAY_S, UTC) for day in days}
    return sorted({one.year * 100 + one.month for one in months})


def _amount(name: str) -> pl.Expr:
    kind = pl.col("record_type").first()
    octets = pl.col("up_bytes").sum() + pl.col("down_bytes").sum()
    return (
        pl.when(kind == RecordType.DATA)
        .then((octets + 1023) // 1024)
        .when(kind.is_in(MESSAGES))
        .then(pl.col("message_count").sum())
        .otherwise(pl.col("duration_s").sum())
        .cast(pl.Int64)
        .alias(name)
    )


def _unit() -> pl.Expr:
    kind = pl.col("record_type")
    is_message = kind.is_in(MESSAGES)
    data = pl.when(kind == RecordType.DATA).then(pl.lit("KB"))
    return data.when(is_message).then(pl.lit("MSG")).otherwise(pl.lit("S"))
