"""What a product manager's desk asks of charging: rate some users in memory, without the engine and its journal."""

from pathlib import Path

import polars as pl
from django.conf import settings

from openboss.kernel.tariffs import TariffTables
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.state import CycleNotReady, EngineState, Image
from openboss.modules.charging.engine.totals import free_use_of, totals_of
from openboss.modules.charging.engine.what_if import (
    IMAGE_SCHEMAS,
    REPLAYED,
    EventRated,
    FreeUsed,
    TotalGrown,
    carry_in,
    closing,
    give_free,
    image_of,
    opened,
    rate_event,
    replay,
    set_free,
    set_total,
)

__all__ = [
    "IMAGE_SCHEMAS",
    "CycleNotReady",
    "EngineState",
    "EventRated",
    "FreeUsed",
    "Image",
    "TariffTables",
    "TotalGrown",
    "carry_in",
    "closing",
    "free_use_of",
    "give_free",
    "image_of",
    "opened",
    "rate_event",
    "rated_usage",
    "replay",
    "set_free",
    "set_total",
    "totals_of",
]


def rated_usage(cycle: int, *, first_id: int, last_id: int) -> pl.DataFrame:
    """Read the records posted to a cycle of the users from an id to an id for `replay`, a user's in journal order."""
    files = Lake(Path(settings.LAKE_DIR)).usage_files(cycle)
    schema = dict.fromkeys(REPLAYED, pl.Int64)
    if not files:
        return pl.DataFrame(schema=schema)
    found = pl.scan_parquet(files, hive_partitioning=True)
    have = found.collect_schema().names()
    wanted = pl.col("subscriber_id").is_between(first_id, last_id)
    columns = [name for name in REPLAYED if name in have]
    return found.filter(wanted).sort("subscriber_id", "position", "row").select(columns).collect()
