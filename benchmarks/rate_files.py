"""How fast usage text becomes committed rated detail, next to polars reading and writing the same.

    python -m benchmarks.rate_files [--users 100000] [--days 1] [--folder DIR]

Makes an installation of its own (deleted afterwards unless --folder names it), lets the example operator's network
write its files, then collects and rates them with the product's own steps: durable chunks, journal, counters and
errors in PostgreSQL, detail in the lake. Compiled code is warm. Wanted: at most twice the time of polars; under 4 GiB
(issue 2, section 8).
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
START = date(2026, 10, 1)
WARM_SOURCE = "SPGW01"


def timed(what: str, work: Callable[[], object], rows: int) -> float:
    """Run a step, print its time and rows a second, and return the seconds."""
    started, cpu = time.perf_counter(), time.process_time()
    work()
    took, busy = time.perf_counter() - started, time.process_time() - cpu
    print(f"{what:44} {took:7.2f} s  cpu {busy:7.2f} s {rows / took:12,.0f} records/s")
    return took


def open_world(users: int, days: int, folder: Path) -> int:
    """Generate, load and open the cycle; return how many records the files hold."""
    from openboss.access.jobs.generate import generate_operator
    from openboss.access.jobs.installation import migrate
    from openboss.processes.open_operator import open_operator, take_customers_over

    example, at = Path(__file__).parents[1] / "example", datetime(2026, 10, 1, tzinfo=ZONE)
    migrate(verbosity=0)
    made = generate_operator(users=users, days=days, seed=1, start=START, out=folder / "generated", example=example)
    open_operator(example, at=at)
    take_customers_over(folder / "generated" / "base", first_cycle=202610, at=at)
    return sum(made.records.values())


def deliver(files: list[Path], inbox: Path) -> None:
    """Drop files into the inboxes of their sources."""
    for file in files:
        (inbox / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, inbox / file.parent.name / file.name)


def polars_alone(files: list[Path], lake: Path, target: Path) -> None:
    """Read the same text and write the columns of the rated detail: what nobody can do without."""
    import polars as pl

    for file in files:
        lines = pl.read_csv(
            file, separator="|", skip_rows=2, has_header=False, infer_schema=False, truncate_ragged_lines=True
        )
        assert lines.height
    detail = pl.read_parquet(lake / "usage" / "**" / "*.parquet")
    started = time.perf_counter()
    detail.write_parquet(target, compression="lz4")
    print(f"{'  of which writing':44} {time.perf_counter() - started:7.2f} s")


def run(users: int, days: int, folder: Path) -> None:
    """Measure one size in an open installation."""
    from openboss.access.network import collector
    from openboss.config.options import options
    from openboss.modules.charging.functions.engine import engine_lock, recover_engine

    chosen = options()
    place = collector.Place(data_dir=chosen.data_dir, lake_dir=chosen.lake_dir, timezone=chosen.timezone)
    records = open_world(users, days, folder)
    usage = folder / "generated" / "usage"
    files = sorted(usage.glob("*/*"))
    size_mb = sum(file.stat().st_size for file in files) / 1e6
    print(f"{records:,} records of {users:,} users in {len(files)} files, {size_mb:,.0f} MB of text")
    now = datetime(2026, 10, 1 + days, 6, tzinfo=ZONE)
    with engine_lock() as mine:
        assert mine
        owner = recover_engine()
        first = [file for file in files if file.parent.name == WARM_SOURCE]
        deliver(first, chosen.inbox_dir)  # the smallest source first, so that compiled code is read in
        collector.collect_once(place=place, now=lambda: now)
        owner.drain()
        deliver([file for file in files if file not in first], chosen.inbox_dir)
        collect = timed(
            "collect: text to durable chunks", lambda: collector.collect_once(place=place, now=lambda: now), records
        )
        rate = timed("rate: chunks to committed detail", owner.drain, records)
    alone = timed(
        "polars alone: read, write", lambda: polars_alone(files, chosen.lake_dir, folder / "alone.parquet"), records
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ours = collect + rate
    print(f"text to committed detail {records / ours:,.0f} records/s; ratio to polars {ours / alone:.2f}")
    print(f"greatest memory {memory:,.0f} MiB; {platform.machine()}, {os.cpu_count()} cores")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="openboss-bench-"))
    os.environ["OPENBOSS_DATA_DIR"] = str(folder / "data")
    from openboss.access.jobs.installation import embedded_cluster, open_installation

    try:
        with open_installation():
            run(given.users, given.days, folder)
    finally:
        if not given.folder:
            if cluster := embedded_cluster():
                cluster.destroy()
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
