"""How long the tariff lab takes: `python -m benchmarks.tariff_lab [users] [records a user]`.

A month of made-up use (calls, long distance, messages, data; sorted by user as in the lake) is read from parquet, rated
once more under the example catalog with a draft plan, and billed: what `processes.tariff_lab.run` does, but for reading
the base from the database. Two threads. CPU seconds beside wall seconds, since other load lies in the latter only.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).parents[1]
CYCLE = 202609
FOREVER_S = 2**62
BATCH = 20_000  # users, as in processes.replay_months


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Print how long a step took."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    print(f"{name:<34} {time.perf_counter() - wall:8.2f} s wall {time.process_time() - cpu:8.2f} s CPU", flush=True)


def month_of_use(users: int, each: int) -> pl.DataFrame:
    """Draw a month's records, a user's together."""
    dice = np.random.default_rng(7)
    count = users * each
    kind = dice.choice(np.array([0, 0, 0, 1, 3, 6, 6, 6]), count)
    start = int((datetime(2026, 9, 1) - datetime(1970, 1, 1)).total_seconds())
    return pl.DataFrame(
        {
            "subscriber_id": np.repeat(np.arange(1, users + 1), each),
            "position": np.ones(count, np.int64),
            "row": np.tile(np.arange(each), users),
            "record_type": kind.astype(np.int8),
            "start_local_s": start + np.tile(np.sort(dice.integers(0, 30 * 86_400, each)), users),
            "duration_s": np.where(kind < 2, dice.integers(1, 600, count), 0).astype(np.int32),
            "down_bytes": np.where(kind == 6, dice.integers(1, 2_000_000, count), 0),
            "ld_type": np.where((kind == 0) & (dice.random(count) < 0.2), 2, 0).astype(np.int8),
        }
    )


def main(users: int, each: int) -> None:
    """Measure and print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openboss.config.settings")
    os.environ.setdefault("OPENBOSS_DATA_DIR", tempfile.mkdtemp(prefix="openboss-bench-"))
    import django

    django.setup()
    from openboss.modules.billing.functions import bill_in_memory, tariff_of
    from openboss.modules.charging.functions import what_if
    from openboss.processes.quote.bill import SCHEMAS
    from openboss.processes.quote.tariffs import tariffs_of

    tariffs = tariffs_of(["example/tariffs"], reference=ROOT / "example" / "reference", beside=ROOT)
    ids = np.arange(1, users + 1)
    plans = np.array([tariffs.offer_ids[code] for code in ("GOTONE_98", "GOTONE_LOCAL_88", "EASYOWN_HOME", "MZONE_20")])
    always = {"from_local_s": np.zeros(users, np.int64), "to_local_s": np.full(users, FOREVER_S)}
    own = {"subscriber_id": ids, **always}
    held = {"offer_id": plans[ids % 4], "first_month": np.ones(users, np.int64)}
    image = what_if.Image(
        pl.DataFrame({"subscriber_id": ids}),
        pl.DataFrame({"number": 8_613_500_000_000 + ids, **own}),
        pl.DataFrame(schema=what_if.IMAGE_SCHEMAS["imsis"]),
        pl.DataFrame({**own, **held}),
        pl.DataFrame(schema=what_if.IMAGE_SCHEMAS["groups"]),
    )
    path = Path(tempfile.mkdtemp(prefix="openboss-bench-")) / "usage.parquet"
    month_of_use(users, each).write_parquet(path, compression="lz4", row_group_size=8_192)
    warm = what_if.opened(tariffs.tables, image, [CYCLE])
    what_if.replay(warm, month_of_use(100, 20).drop("position", "row"), 2)  # compiled code is loaded here
    began = time.perf_counter(), time.process_time()
    with timed("open the month for all users"):
        state = what_if.opened(tariffs.tables, image, [CYCLE])
    with timed(f"read and rate {users * each:,} records"):
        for first in range(1, users + 1, BATCH):
            wanted = pl.col("subscriber_id").is_between(first, first + BATCH - 1)
            usage = pl.scan_parquet(path).filter(wanted).sort("subscriber_id", "position", "row").collect()
            what_if.replay(state, usage, 2)
    with timed("totals"):
        totals = what_if.totals_of(state, CYCLE)
    empty = {name: pl.DataFrame(schema=schema) for name, schema in SCHEMAS.items()}
    day = pl.lit(date(2020, 1, 1))
    attributes = pl.DataFrame({"subscriber_id": ids}).with_columns(
        customer_id=pl.col("subscriber_id"), born_on=day, opened_on=day, closed_on=pl.lit(None, pl.Date),
        customer_class=pl.lit(""), vip_level=pl.lit(""), brand=pl.lit(""), star=pl.lit(0), home_area=pl.lit(0),
    )  # fmt: skip
    holdings = pl.DataFrame({"holding_id": ids, "subscriber_id": ids, "offer_id": plans[ids % 4]}).with_columns(
        first_month=pl.lit("PRORATE"), from_on=day, to_on=pl.lit(None, pl.Date)
    )
    inputs = {**empty, "usage": totals, "attributes": attributes, "holdings": holdings}
    with timed("bills in memory"):
        newest = [one for one in tariffs.versions if one.from_on < date(2026, 10, 1)]
        files = bill_in_memory(cycle=CYCLE, tariff=tariff_of(newest, list(tariffs.items)), inputs=inputs)
    wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    print(
        f"{'all':<34} {wall:8.2f} s wall {cpu:8.2f} s CPU; due {int(files.get(0, 'due')['due_li'].sum()) // 1000} yuan"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 100)
