"""`openboss generate`: an operator's customers and its network's usage files, as large as asked for.

The same numbers always give the same bytes. Memory does not grow with the number of days, and only with the base's
flat arrays in the number of users: usage is made day by day for blocks of subscribers.

    DIR/base/*.parquet        what `customers.functions.load_base` takes
    DIR/usage/SOURCE/*.txt    one file a source, day and block (docs/formats/delimited.md), one gateway's in BER;
                              its time of change is the moment at which the element wrote it
    DIR/usage_late/SOURCE/    a file missing from a sequence above, and one delivered twice: to be handed in afterwards
    DIR/manifest.json         how many records of each kind were written, files, and what was spoilt how
"""

import json
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl

from openboss.access.jobs.generate_base import EXAMPLE, Population, draw_population, read_catalogue
from openboss.access.jobs.generate_ber import SOURCE as BER_SOURCE
from openboss.access.jobs.generate_ber import ber_file, split_off
from openboss.access.jobs.generate_faults import Ledger, double, hold_back, spoil
from openboss.access.jobs.generate_frames import base_frames
from openboss.access.jobs.generate_usage import SOURCES, draw_block, tour_records
from openboss.access.jobs.refusals import Refused

BLOCK_USERS = 50_000
RECORDS_PER_DAY = 10.0
GAP_SOURCE, GAP_SEQUENCE = "GMSC01", 3
TWICE_SOURCE, TWICE_SEQUENCE = "PGW01", 2
BESIDE = "PGW01"  # the gateway beside which another writes BER
FIELDS = (
    "record_type", "served_number", "served_imsi", "other_party", "third_party", "start_time", "end_time", "duration_s",
    "msc_id", "lac", "cell_id", "up_bytes", "down_bytes", "message_count", "apn", "call_ref", "partial_seq",
    "cause_close", "sp_code", "service_code", "info_fee", "visited_area", "rating_group",
)  # fmt: skip
HEAD_LINE = "#" + "|".join(FIELDS) + "\n"

Progress = Callable[[int, int], None]


class AlreadyThere(Refused):
    """The folder holds generated data already; nothing was written. Choose another folder or delete this one."""


@dataclass(frozen=True)
class Manifest:
    """What was generated, for whoever checks what comes out at the other end."""

    users: int
    days: int
    seed: int
    start: date
    files: int
    records: dict[str, int]  # by source, as written
    spoilt: dict[str, int]  # by kind: LATE, DUPLICATE and the error codes


def generate_operator(
    *,
    users: int,
    days: int,
    seed: int,
    start: date,
    out: Path,
    records_per_day: float = RECORDS_PER_DAY,
    example: Path = EXAMPLE,
    on_day: Progress = lambda _done, _of: None,
) -> Manifest:
    """Write a base of `users` subscribers and `days` days of usage from `start` into the folder `out`.

    records_per_day  of an average subscriber
    on_day           called with (days done, days in all)
    Raises AlreadyThere, generate_base.TooFew.
    """
    if (out / "manifest.json").exists() or (out / "usage").exists():
        raise AlreadyThere(f"{out} holds generated data already")
    population = draw_population(users=users, days=days, seed=seed, start=start, catalogue=read_catalogue(example))
    write_base(population, out / "base")
    writer = _UsageWriter(population, out)
    for day in range(days):
        writer.write_day(day, records_per_day)
        on_day(day + 1, days)
    writer.set_aside()
    manifest = Manifest(users, days, seed, start, writer.files, dict(writer.records), dict(writer.ledger.counts))
    (out / "manifest.json").write_text(json.dumps(vars(manifest), default=str, indent=1, sort_keys=True) + "\n")
    return manifest


def write_base(population: Population, folder: Path) -> None:
    """Write the base's frames as parquet, one file a table."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in base_frames(population):
        frame.write_parquet(folder / f"{name}.parquet", compression="zstd", statistics=False)


def delimited_text(frame: pl.DataFrame, source: str, sequence: int, written_at: str) -> bytes:
    """Lay records out as a delimited usage file with header and trailer (docs/formats/delimited.md)."""
    body = BytesIO()
    frame.select(FIELDS).write_csv(body, separator="|", include_header=False, quote_style="never", null_value="")
    total = frame["duration_s"].cast(pl.Int64, strict=False).sum()
    head = f"H|OPENBOSS-USAGE|1|{source}|{sequence:06d}|{written_at}\n{HEAD_LINE}"
    return head.encode() + body.getvalue() + f"T|{frame.height}|{total}\n".encode()


class _UsageWriter:
    """The state that runs over the days: what comes late, sequence numbers, counts."""

    def __init__(self, population: Population, out: Path) -> None:
        self.population = population
        self.out = out
        self.due: dict[tuple[int, str], list[pl.DataFrame]] = defaultdict(list)
        self.sequence: Counter[str] = Counter()
        self.records: Counter[str] = Counter()
        self.ledger = Ledger()
        self.files = 0

    def write_day(self, day: int, records_per_day: float) -> None:
        """Write one day's files, block by block."""
        population = self.population
        present = population.present(day, 0, population.users)
        for first in range(0, population.users, BLOCK_USERS):
            last = min(first + BLOCK_USERS, population.users)
            frames = draw_block(population, day, first, last, present, records_per_day)
            tour = tour_records(population, day) if first == 0 else {}
            seeds = np.random.SeedSequence([population.seed, 3, day, first])
            rng = np.random.Generator(np.random.PCG64(seeds))
            for source in SOURCES:
                self._write_file(day, source, self._delivered(day, source, frames[source], rng), tour.get(source))

    def set_aside(self) -> None:
        """Take a file out of a sequence, to be handed in late, and copy another, to be handed in twice."""
        for source, sequence, keep in ((GAP_SOURCE, GAP_SEQUENCE, False), (TWICE_SOURCE, TWICE_SEQUENCE, True)):
            path = self._path(source, sequence)
            if not path.exists():
                continue
            later = self.out / "usage_late" / source / path.name
            later.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, later)
            if not keep:
                path.unlink()

    def _delivered(self, day: int, source: str, frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
        """What of a day's records arrives that day, with what is left from the days before."""
        days_left = self.population.days - 1 - day
        today, *later = hold_back(_as_text(frame), rng, self.ledger, days_left)
        for delay, part in enumerate(later, 1):
            self.due[day + delay, source].append(part)
        today, again = double(spoil(today, rng, self.ledger), rng, self.ledger)
        if days_left:
            self.due[day + 1, source].append(again)
        else:
            today = pl.concat([today, again])
        return pl.concat([today, *self.due.pop((day, source), [])])

    def _write_file(self, day: int, source: str, frame: pl.DataFrame, tour: pl.DataFrame | None) -> None:
        if tour is not None:
            frame = pl.concat([frame, _as_text(tour)])
        frame = frame.sort("start_s", maintain_order=True)
        written_at = f"{self.population.start + timedelta(days=day + 1)}T00:15:00+08:00"
        if source == BESIDE:
            frame, in_ber = split_off(frame)
            self._put(BER_SOURCE, ber_file(in_ber), in_ber.height, written_at)
        text = delimited_text(frame, source, self.sequence[source] + 1, written_at)
        self._put(source, text, frame.height, written_at)

    def _put(self, source: str, content: bytes, records: int, written_at: str) -> None:
        if not content:
            return
        self.sequence[source] += 1
        path = self._path(source, self.sequence[source])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        moment_s = datetime.fromisoformat(written_at).timestamp()
        os.utime(path, (moment_s, moment_s))
        self.records[source] += records
        self.files += 1

    def _path(self, source: str, sequence: int) -> Path:
        return self.out / "usage" / source / f"{source}_{sequence:06d}.{'ber' if source == BER_SOURCE else 'txt'}"


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """All 23 fields as text, in order; what a source does not know is null. `start_s` stays beside for sorting."""
    start = (pl.col("start_s") * 1_000).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%S")
    frame = frame.with_columns(start_time=start)
    known = [
        pl.col(name).cast(pl.String) if name in frame.columns else pl.lit(None, pl.String).alias(name)
        for name in FIELDS
    ]
    return frame.select(*known, "start_s")
