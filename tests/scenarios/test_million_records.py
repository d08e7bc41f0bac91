"""A million records of one province through the whole way of usage, at once."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from openboss.access.jobs.generate import generate_operator
from openboss.access.network.collector import Place, collect_once
from openboss.kernel.state import LANES
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.functions.engine import rate_waiting
from openboss.modules.charging.functions.monitor import unbalanced_files
from openboss.processes.open_operator import open_operator, take_customers_over

EXAMPLE = Path(__file__).parents[2] / "example"
AT = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
MILLION, USERS, DAYS, RECORDS_PER_DAY = 1_000_000, 13_000, 10, 8.0


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_a_million_records_are_rated_and_every_lane_of_users_has_the_same_share_of_them(
    tmp_path: Path, settings: Any, record_property: Any
) -> None:
    """Lanes share nothing and are rated side by side, so even shares are what makes the work linear with workers.

    How long it takes is measured by benchmarks/rate_files.py, not here.
    """
    settings.DATA_DIR, settings.LAKE_DIR = tmp_path, tmp_path / "lake"
    made = generate_operator(
        users=USERS, days=DAYS, seed=1, start=date(2026, 10, 1), out=tmp_path / "generated",
        records_per_day=RECORDS_PER_DAY,
    )  # fmt: skip
    assert sum(made.records.values()) >= MILLION
    open_operator(EXAMPLE, at=AT)
    take_customers_over(tmp_path / "generated" / "base", first_cycle=202610, at=AT)
    place = Place(data_dir=tmp_path, lake_dir=settings.LAKE_DIR, timezone=settings.TIME_ZONE)
    shutil.copytree(tmp_path / "generated" / "usage", place.inbox_dir, dirs_exist_ok=True)

    collect_once(place=place, now=lambda: AT)
    rate_waiting()

    assert unbalanced_files(cycle=202610, timezone=settings.TIME_ZONE) == []
    users = pl.scan_parquet(Lake(settings.LAKE_DIR).usage_files(202610), hive_partitioning=True)
    rows = users.select("row").collect()["row"].to_numpy()
    shares = np.bincount(rows % LANES, minlength=LANES) / len(rows)
    record_property("records rated", len(rows))
    record_property("shares", " ".join(f"{share:.3f}" for share in shares))
    assert len(rows) >= MILLION * 95 // 100  # the rest is what the network spoilt on purpose
    assert abs(shares * LANES - 1).max() < 0.05
