"""Atomic services on records of sessions that go the way of files: into the error pool, or to be charged after all.

They stand in a file of their own for each day, which nobody sent: its id is the day, below zero, so that they are known
as charged online (engine/twins.py). Source: CHG-08, CHG-37.
"""

import hashlib
from datetime import datetime

import polars as pl
from django.db import transaction

from openboss.modules.charging.atomic import errors as pool
from openboss.modules.charging.atomic.files import count_records
from openboss.modules.charging.chunks import Chunk
from openboss.modules.charging.models import UsageChunk, UsageFile
from openboss.modules.charging.models.files import STAGES

SESSIONS = "ONLINE"  # the inbox of records that did not come in a file


def record_session_errors(*, errors: pl.DataFrame, at: datetime) -> None:
    """Put records that sessions ended and nobody could rate into the error pool; inside the journal's transaction.

    errors  NORMALISED columns and `code`
    """
    file_id, first = take_places(count=errors.height, at=at)
    places = pl.Series("seq_in_file", range(first, first + errors.height), dtype=pl.Int32)
    pool.add_rating_errors(file_id=file_id, errors=errors.with_columns(places))
    count_records(file_id, STAGES[-1], records_in=errors.height, error=errors.height)


@transaction.atomic
def take_places(*, count: int, at: datetime) -> tuple[int, int]:
    """Take places for records in the day's file, which have come as far as rating; return the file and the first."""
    day = at.strftime("%Y%m%d")
    about = {"inbox": SESSIONS, "name": f"{SESSIONS}-{day}", "size_bytes": 0, "state": "RATED", "arrived_at": at,
             "chunked_at": at, "rated_at": at, "sha256": hashlib.sha256(day.encode()).hexdigest()}  # fmt: skip
    UsageFile.objects.get_or_create(file_id=-int(day), defaults=about)
    row = UsageFile.objects.select_for_update().get(file_id=-int(day))
    for stage in STAGES[:-1]:
        count_records(row.file_id, stage, records_in=count, passed=count)
    row.records += count
    row.save(update_fields=["records"])
    return row.file_id, row.records - count


def is_on_its_way(*, path: str) -> bool:
    """Whether a chunk was given to the engine before, by its path."""
    return UsageChunk.objects.filter(path=path).exists()


@transaction.atomic
def add_session_chunk(*, file_id: int, chunk: Chunk, at: datetime) -> None:
    """Let records of sessions, in places taken before, wait for the engine as usage does."""
    UsageChunk.objects.create(file_id=file_id, path=chunk.path, sha256=chunk.sha256, rows=chunk.rows, created_at=at)
    UsageFile.objects.filter(file_id=file_id).update(state="CHUNKED", rated_at=None)
