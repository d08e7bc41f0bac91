"""How fast one user's detail list answers when a month of a million users lies in the lake.

    python -m benchmarks.detail_list [--users 1000000] [--records-per-user 30] [--folder DIR]

Fills a lake through the engine's own writer, commit by commit as a month would, then asks the console's question for
users drawn at random. Wanted: 95 of 100 answers under 150 ms (issue 2, section 8).
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

CYCLE = 202610
START_S = 1_790_784_000  # 2026-10-01
ROWS_A_COMMIT = 1_000_000
REPEATS = 200


def usage(users: int, rows: int, position: int, rng: np.random.Generator) -> pl.DataFrame:
    """Draw rated records of one commit, by user, as the engine leaves them."""
    from openboss.modules.charging.schema import RATED

    started = START_S + position * 3_600 + rng.integers(0, 3_600, rows)
    charge = rng.integers(0, 5_000, rows)
    drawn = {
        "subscriber_id": np.sort(rng.integers(1, users + 1, rows)),
        "other_number": 8_613_900_000_000 + rng.integers(0, 10**8, rows),
        "start_at_s": started,
        "start_local_s": started + 28_800,
        "duration_s": rng.integers(1, 900, rows),
        "std_basic_li": charge,
        "act_basic_li": charge,
        "row": np.arange(rows),
    }
    fixed = {"cycle": CYCLE, "usage_month": CYCLE, "position": position}
    same = pl.select(pl.repeat(fixed.get(name, 1), rows, dtype=RATED[name]).alias(name) for name in RATED)
    return same.with_columns(pl.Series(name, values).cast(RATED[name]) for name, values in drawn.items())


def run(users: int, records_per_user: int, folder: Path) -> None:
    """Fill the lake, ask, and print."""
    from django.conf import settings

    from openboss.modules.charging.engine.lake import Lake
    from openboss.modules.charging.functions.detail import detail_list

    settings.LAKE_DIR = folder / "lake"
    lake, rng, filled = Lake(folder / "lake"), np.random.default_rng(1), time.perf_counter()
    commits = users * records_per_user // ROWS_A_COMMIT
    for position in range(1, commits + 1):
        lake.append_usage(usage(users, ROWS_A_COMMIT, position, rng), timeline=1, position=position)
        lake.merge_small_files(CYCLE)
    files = lake.usage_files(CYCLE)
    size_gb = sum(Path(file.removeprefix("file://")).stat().st_size for file in files) / 1e9
    print(f"{commits * ROWS_A_COMMIT:,} records of {users:,} users in {len(files)} files, {size_gb:.2f} GB")
    print(f"filled in {time.perf_counter() - filled:.0f} s")
    chance, took_ms = random.Random(7), []
    for _ in range(REPEATS):
        asked = time.perf_counter()
        rows, total, _ = detail_list(chance.randint(1, users), CYCLE, {})
        took_ms.append((time.perf_counter() - asked) * 1000)
        assert len(rows) == min(total, 50)
    middle, p95 = statistics.median(took_ms), statistics.quantiles(took_ms, n=20)[-1]
    print(f"detail list: median {middle:.0f} ms, p95 {p95:.0f} ms, first {took_ms[0]:.0f} ms; {REPEATS} users")
    print(f"{platform.machine()}, {os.cpu_count()} cores")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--records-per-user", type=int, default=30)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="openboss-bench-"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openboss.config.settings")
    os.environ["OPENBOSS_DATA_DIR"] = str(folder)
    import django

    django.setup()
    try:
        run(given.users, given.records_per_user, folder)
    finally:
        if not given.folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
