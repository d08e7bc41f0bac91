"""Molecular functions of the error pool: look, correct in bulk, recycle, write off with approval.

Source: CHG-08, D4.4.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from django.db import transaction

from openboss.modules.charging.atomic import errors, files
from openboss.modules.charging.atomic.errors import NotRequested, OwnRequest, PoolRecord
from openboss.modules.charging.canonical import FIELDS, block_of
from openboss.modules.charging.chunks import write_chunk
from openboss.modules.charging.codes import ERROR_CODES
from openboss.modules.charging.functions.identities import look_again_by_imsi
from openboss.modules.charging.normalise import normalise
from openboss.modules.charging.numbering import NumberingTables, OperatorClock

BATCH_RECORDS = 200_000

list_errors = errors.list_errors
error_summary = errors.error_summary
propose_write_off = errors.propose_write_off
request_write_off = errors.request_write_off
decide_write_off = errors.decide_write_off
list_batches = errors.list_batches

__all__ = [
    "ERROR_CODES", "FIELDS", "NotCorrectable", "NotRequested", "OwnRequest", "Recycled", "correct_errors",
    "decide_write_off", "error_summary", "list_batches", "list_errors", "propose_write_off", "recycle",
    "request_write_off",
]  # fmt: skip


class NotCorrectable(ValueError):
    """Only the fields of a usage record can be corrected; nothing was changed."""


@dataclass(frozen=True)
class Recycled:
    """What a recycling did: records sent to the engine again, and records that stayed in the pool."""

    recycled: int
    still_failing: int


def correct_errors(
    *, filters: Mapping[str, Any], field: str, value: str, reason: str, staff_id: int, at: datetime
) -> int:
    """Set one field of all matching open records, or (field empty) note that reference data was put right.

    Returns how many records were touched; recycle them next. Raises NotCorrectable. Source: CHG-08.
    """
    if field and field not in FIELDS:
        raise NotCorrectable(field)
    return errors.correct_errors(filters=filters, field=field, value=value, reason=reason, staff_id=staff_id, at=at)


def recycle(
    *,
    filters: Mapping[str, Any],
    tables: NumberingTables,
    clock: OperatorClock,
    lake_dir: Path,
    now: datetime,
    staff_id: int | None = None,
) -> Recycled:
    """Normalise open records again; what passes becomes a chunk of its file, in one transaction with its counters.

    Source: CHG-08, D4.4.
    """
    recycled = failing = 0
    with transaction.atomic():
        taken = errors.lock_open_errors(filters=filters, limit=BATCH_RECORDS)
        by_file: defaultdict[int, list[PoolRecord]] = defaultdict(list)
        for record in taken:
            by_file[record.file_id].append(record)
        for file_id, records in by_file.items():
            passed = _recycle_file(file_id, records, tables, clock, lake_dir, now, staff_id)
            recycled, failing = recycled + passed, failing + len(records) - passed
    return Recycled(recycled, failing)


def _recycle_file(
    file_id: int,
    records: list[PoolRecord],
    tables: NumberingTables,
    clock: OperatorClock,
    lake_dir: Path,
    now: datetime,
    staff_id: int | None,
) -> int:
    """Recycle the records of one file; return how many passed."""
    block = block_of(record.record for record in records)
    now_s = int(now.timestamp())
    first_look = normalise(block, tables, clock, now_s=now_s, file_id=file_id)
    result = look_again_by_imsi(block, first_look, tables, clock, now_s=now_s, file_id=file_id)
    failed = dict(zip(result.faulty_rows.tolist(), result.faulty_codes.tolist(), strict=True))
    moves: Counter[tuple[str, str]] = Counter()
    codes: dict[str, dict[int, str]] = defaultdict(dict)
    passed: list[PoolRecord] = []
    for row, record in enumerate(records):
        if row not in failed:
            passed.append(record)
            moves[record.stage, files.WAITING] += 1
            continue
        stage = "DECODE" if block.fault[row] else "VALIDATE" if failed[row] < 300 else "NORMALISE"
        codes[stage][record.error_id] = f"E{failed[row]}"
        if stage != record.stage:
            moves[record.stage, stage] += 1
    for stage, its_codes in codes.items():
        errors.reopen_stage(error_ids=its_codes, stage=stage, at=now)
    if passed:
        _send(file_id, result.usage, passed, lake_dir, now)
        errors.mark_recycled(error_ids=[record.error_id for record in passed], staff_id=staff_id, at=now)
    files.move_records(file_id=file_id, moves=moves)
    return len(passed)


def _send(file_id: int, usage: pl.DataFrame, passed: Iterable[PoolRecord], lake_dir: Path, now: datetime) -> None:
    """Write the chunk; its records keep their places in the original file."""
    records = list(passed)
    seqs = pl.Series("seq_in_file", [record.seq_in_file for record in records], dtype=pl.Int32)
    name = f"{file_id % 1000:03d}/{file_id:09d}-r{records[0].error_id}-{int(now.timestamp() * 1_000_000)}"
    chunk = write_chunk(usage.with_columns(seqs), lake_dir=lake_dir, name=name)
    files.add_recycled_chunk(file_id=file_id, chunk=chunk, at=now)
