"""What rated detail says of whole months, to be compared with bills and with what the engine charged."""

from pathlib import Path

import polars as pl
from django.conf import settings

from openboss.modules.charging.engine.lake import Lake

PARTS = ("basic", "ld", "info")


def rated_sums(cycle: int) -> pl.DataFrame:
    """What every user's rated records of a cycle come to: subscriber_id, item_id, act_li."""
    files = Lake(Path(settings.LAKE_DIR)).usage_files(cycle)
    schema = {"subscriber_id": pl.Int64, "item_id": pl.Int16, "act_li": pl.Int64}
    if not files:
        return pl.DataFrame(schema=schema)
    detail = pl.scan_parquet(files, hive_partitioning=True)
    sums = [
        detail.group_by("subscriber_id", item_id=pl.col(f"item_{part}")).agg(act_li=pl.col(f"act_{part}_li").sum())
        for part in PARTS
    ]
    whole = pl.concat(sums).group_by("subscriber_id", "item_id").agg(pl.col("act_li").sum())
    found = whole.filter(pl.col("act_li") != 0).collect()
    return found.select(pl.col(name).cast(kind) for name, kind in schema.items())
