"""How fast usage text becomes committed rated detail, next to Polars reading and writing the same.

    python -m benchmarks.rate_files [--users 100000] [--days 1] [--file-records 0] [--folder DIR]

Makes an installation of its own (deleted afterwards unless --folder names it) and lets the example operator's network
write its files. Then the product's two processes do their work side by side, as under `openboss up`: the collector
turns files into durable chunks, the engine rates them; the clock stops when the lake's commit names the last record.
Polars reads the same text into typed columns and writes the same detail as Parquet, with both cores. Compiled code is
warm. Wanted: at most twice the time of Polars; under 4 GiB however many files (issue 2, section 8).

    --file-records N   cut the network's files into small ones of N records: memory and time by the number of files
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
START = date(2026, 10, 1)
WARM_SOURCE = "SPGW01"
LOOK_EVERY_S = 0.05
TEXT_COLUMNS = (0, 1, 3, 4, 5, 6, 8, 14, 15, 19)  # numbers with a plus or zeros, moments and names stay text


@dataclass(frozen=True)
class Spent:
    """What a piece of work took: seconds of the clock, seconds of processors, and the greatest memory so far."""

    took_s: float
    cpu_s: float
    memory_mib: int


def spent(work: Callable[[], Any]) -> Spent:
    """Run a step of this process and say what it took."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return Spent(took_s, cpu_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)


def show(what: str, found: Spent, records: int) -> None:
    """Print one line of the result."""
    speed, cost_ns = records / found.took_s, found.cpu_s / records * 1e9
    print(
        f"{what:42} {found.took_s:7.2f} s {speed:11,.0f} records/s"
        f"  cpu {found.cpu_s:7.2f} s {cost_ns:6,.0f} ns a record  memory {found.memory_mib:6,} MiB"
    )


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


def deliver(files: list[Path], inbox: Path, file_records: int) -> list[Path]:
    """Drop files into the inboxes of their sources, cut into small ones if wanted; return what was dropped."""
    dropped = []
    for source in sorted({file.parent.name for file in files}):
        (inbox / source).mkdir(parents=True, exist_ok=True)
        sequence = 0
        for file in [file for file in files if file.parent.name == source]:
            lines = file.read_bytes().splitlines(keepends=True) if file_records else []
            head, names, records = lines[0:1], lines[1:2], lines[2:-1]
            for first in range(0, max(len(records), 1), file_records or 1):
                sequence += 1
                target = inbox / source / f"{file.name[:-10]}{sequence:06d}.txt"
                if file_records:
                    part = records[first : first + file_records]
                    header = b"|".join([*head[0].split(b"|")[:4], b"%06d" % sequence, head[0].split(b"|")[5]])
                    talked_s = sum(int(line.split(b"|", 8)[7] or 0) for line in part)
                    target.write_bytes(b"".join([header, *names, *part, b"T|%d|%d\n" % (len(part), talked_s)]))
                else:
                    shutil.copy(file, target)
                dropped.append(target)
    return dropped


def collector_side(orders: Connection, at: datetime) -> None:
    """Be the collector: at each order look through the inboxes once, and report what it took."""
    from openboss.access.jobs.installation import open_installation

    with open_installation():
        from openboss.access.network import collector
        from openboss.config.options import options

        chosen = options()
        place = collector.Place(data_dir=chosen.data_dir, lake_dir=chosen.lake_dir, timezone=chosen.timezone)
        while orders.recv():
            orders.send(spent(lambda: collector.collect_once(place=place, now=lambda: at)))


def engine_side(owner: Any, orders: Connection) -> Spent:
    """Let the collector go and rate what it delivers until both are done; return the collector's report."""
    orders.send(True)
    collected: Spent | None = None
    while True:
        finished = collected is not None
        if owner.turn():
            continue
        if finished:
            owner.flush()
            assert collected is not None
            return collected
        if orders.poll(LOOK_EVERY_S):
            collected = orders.recv()


def polars_alone(files: list[Path], detail: Any, target: Path) -> None:
    """Read the same text and write the columns of the rated detail: what nobody can do without."""
    import polars as pl

    schema = {f"column_{n + 1}": pl.String if n in TEXT_COLUMNS else pl.Int64 for n in range(23)}
    for file in files:
        lines = pl.read_csv(
            file, separator="|", skip_rows=2, has_header=False, schema=schema, truncate_ragged_lines=True,
            ignore_errors=True,
        )  # fmt: skip
        assert lines.height
    detail.write_parquet(target, compression="lz4")


def run(users: int, days: int, file_records: int, folder: Path) -> None:
    """Measure one size in an open installation."""
    import polars as pl

    from openboss.config.options import options
    from openboss.modules.charging.functions.engine import engine_lock, recover_engine

    chosen, at = options(), datetime(2026, 10, 1 + days, 6, tzinfo=ZONE)
    open_world(users, days, folder)
    files = sorted((folder / "generated" / "usage").glob("*/*.txt"))  # text alone: Polars reads no BER
    orders, far_end = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(target=collector_side, args=(far_end, at), daemon=True)
    child.start()
    with engine_lock() as mine:
        assert mine
        owner = recover_engine()
        first = [file for file in files if file.parent.name == WARM_SOURCE]
        deliver(first, chosen.inbox_dir, 0)  # the smallest source first, so that compiled code is read in
        engine_side(owner, orders)
        warm_rows = pl.scan_parquet(owner.lake.usage_files(202610)).select(pl.len()).collect().item()
        rest = [file for file in files if file not in first]
        dropped = deliver(rest, chosen.inbox_dir, file_records)
        size_mb = sum(file.stat().st_size for file in dropped) / 1e6
        collected: list[Spent] = []
        rated = spent(lambda: collected.append(engine_side(owner, orders)))
        orders.send(False)
        detail = pl.read_parquet(owner.lake.usage_files(202610), hive_partitioning=True)
    records = detail.height - warm_rows
    print(f"{records:,} records of {users:,} users in {len(dropped):,} files, {size_mb:,.0f} MB of text")
    show("collector: text to durable chunks", collected[0], records)
    show("engine: chunks to committed detail", rated, records)
    detail = detail.slice(0, records)
    alone = spent(lambda: polars_alone(rest, detail, folder / "alone.parquet"))
    show("polars alone: read, write", alone, records)
    ratio, cpu_s = rated.took_s / alone.took_s, collected[0].cpu_s + rated.cpu_s
    print(f"text to committed detail {records / rated.took_s:,.0f} records/s: {ratio:.2f} x the time of polars")
    print(f"processor time {cpu_s / alone.cpu_s:.2f} x that of polars")
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--file-records", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="openboss-bench-"))
    os.environ["OPENBOSS_DATA_DIR"] = str(folder / "data")
    from openboss.access.jobs.installation import embedded_cluster, open_installation

    try:
        with open_installation():
            run(given.users, given.days, given.file_records, folder)
    finally:
        if not given.folder:
            if cluster := embedded_cluster():
                cluster.destroy()
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
