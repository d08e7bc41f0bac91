"""Molecular function of collection: the text of one file -> durable chunks, counters and errors, exactly once.

Source: CHG-02, CHG-03, CHG-05, CHG-06, CHG-37, D4.2, D4.5.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
import polars as pl

from openboss.modules.charging.atomic import alarms, files
from openboss.modules.charging.atomic.errors import NewError
from openboss.modules.charging.atomic.files import FileFound, NotHeld, SourceInfo, StageCount
from openboss.modules.charging.canonical import (
    DURATION,
    Trailer,
    TrailerMismatch,
    Undecodable,
    UsageBlock,
    UsageText,
    fields_of,
    read_block,
)
from openboss.modules.charging.chunks import Chunk, write_chunk
from openboss.modules.charging.functions.black_list import listed_in, numbers_on_list
from openboss.modules.charging.functions.identities import look_again_by_imsi
from openboss.modules.charging.functions.visitors import together, use_of_visitors
from openboss.modules.charging.normalise import NormalisedBlock, normalise
from openboss.modules.charging.numbering import NumberingTables, OperatorClock

Worked = tuple[UsageBlock, NormalisedBlock]
CHUNK_RECORDS = 250_000
WORKERS = 2
AHEAD = 8  # pieces of a few megabytes

find_files = files.find_files
let_in_files = files.let_in_files
register_file = files.register_file
hold_file = files.hold_file
release_file = files.release_file
refuse_file = files.refuse_file
records_of = files.records_of
list_sources = files.list_sources
note_disk = alarms.note_disk
define_source = files.define_source

__all__ = [
    "FileFound", "NotHeld", "SourceInfo", "define_source", "find_files", "hold_file", "let_in_files",
    "Tally", "chunk_usage", "list_sources", "note_disk", "records_of", "refuse_file", "register_file",
    "release_file", "take_usage",
]  # fmt: skip


@dataclass
class Tally:
    """What was seen of one file: counts, error records, durable chunks."""

    records: int = 0
    filtered: int = 0
    unreadable: int = 0
    duration_s: int = 0
    first_s: int = 2**62
    last_s: int = -(2**62)
    codes: Counter[str] = field(default_factory=Counter)
    errors: list[NewError] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    visitors: list[pl.DataFrame] = field(default_factory=list)
    listed: Counter[tuple[str, int, int]] = field(default_factory=Counter)  # who used numbers of the black list
    trailer: Trailer | None = None


def take_usage(
    *,
    file_id: int,
    pieces: Iterable[UsageText | Trailer],
    tables: NumberingTables,
    clock: OperatorClock,
    lake_dir: Path,
    now: datetime,
) -> int:
    """Take one registered file: make its chunks durable, then count everything in one transaction.

    pieces   what the decoder yields; a Trailer, if the format has one, comes last

    Returns the number of records in the file. Raises Undecodable, TrailerMismatch (nothing was taken; hold the file)
    and OSError (a full disk; try again later). Repeating it after a crash gives the same chunks. Source: CHG-02.
    """
    tally = chunk_usage(
        file_id=file_id, pieces=pieces, tables=tables, clock=clock, lake_dir=lake_dir, now=now,
        on_list=numbers_on_list(at=now),
    )  # fmt: skip
    files.complete_file(
        file_id=file_id,
        chunks=tally.chunks,
        counts=_counts(tally),
        errors=tally.errors,
        trailer_records=tally.trailer.records if tally.trailer else None,
        span=_span(tally),
        visitors=together(tally.visitors),
        listed=tally.listed,
        at=now,
    )
    return tally.records


def chunk_usage(
    *,
    file_id: int,
    pieces: Iterable[UsageText | Trailer],
    tables: NumberingTables,
    clock: OperatorClock,
    lake_dir: Path,
    now: datetime,
    on_list: Mapping[int, int] = MappingProxyType({}),
) -> Tally:
    """Normalise the text of a file into durable chunks; the main database hears nothing yet.

    on_list  numbers of the black list, each with the UTC second since which it is on it

    Raises Undecodable, TrailerMismatch, OSError. Source: CHG-03, CHG-06.
    """
    tally = Tally()
    waiting: list[pl.DataFrame] = []
    now_s = int(now.timestamp())

    def work(text: UsageText, first_seq: int) -> Worked:
        block = read_block(text.text, first_seq)
        return block, normalise(block, tables, clock, now_s=now_s, file_id=file_id)

    try:
        for found in _in_order(_numbered(pieces, tally), work):
            if isinstance(found, Trailer):
                tally.trailer = found
                continue
            block, first_look = found
            known = look_again_by_imsi(block, first_look, tables, clock, now_s=now_s, file_id=file_id)
            _tally_block(tally, block, known)
            tally.visitors.append(use_of_visitors(known.usage))
            tally.listed += listed_in(known.usage, on_list)
            waiting.append(known.usage)
            if sum(frame.height for frame in waiting) >= CHUNK_RECORDS:
                _write(tally, waiting, file_id, lake_dir)
        _write(tally, waiting, file_id, lake_dir)
        _check_trailer(tally)
    except (Undecodable, TrailerMismatch):
        for chunk in tally.chunks:
            (lake_dir / chunk.path).unlink()  # nothing of a held file stays in the lake
        raise
    return tally


def _numbered(pieces: Iterable[UsageText | Trailer], tally: Tally) -> Iterator[tuple[UsageText | Trailer, int]]:
    """Give every piece the place of its first record in the file."""
    for piece in pieces:
        if isinstance(piece, UsageText):
            yield piece, tally.records + 1
            tally.records += piece.text.count(b"\n")
            tally.filtered += piece.filtered
        else:
            yield piece, 0


def _in_order(
    pieces: Iterable[tuple[UsageText | Trailer, int]], work: Callable[[UsageText, int], Worked]
) -> Iterator[Worked | Trailer]:
    """Work on pieces in threads (the compiled passes release the interpreter), few ahead so that memory stays flat."""
    ahead: deque[Future[Worked] | Trailer] = deque()
    with ThreadPoolExecutor(WORKERS) as threads:
        for piece, first_seq in pieces:
            ahead.append(threads.submit(work, piece, first_seq) if isinstance(piece, UsageText) else piece)
            if len(ahead) > AHEAD:
                yield _done(ahead.popleft())
        while ahead:
            yield _done(ahead.popleft())


def _done(found: Future[Worked] | Trailer) -> Worked | Trailer:
    return found if isinstance(found, Trailer) else found.result()


def _tally_block(tally: Tally, block: UsageBlock, normalised: NormalisedBlock) -> None:
    """Add one block to the counts, and its faulty records to the errors."""
    columns = block.columns
    readable = block.fault == 0
    tally.unreadable += int(np.count_nonzero(~readable))
    tally.duration_s += int(np.maximum(columns[readable, DURATION], 0).sum())
    if normalised.usage.height:
        starts = normalised.usage["start_at_s"]
        tally.first_s = min(tally.first_s, int(starts.min()))  # type: ignore[arg-type]
        tally.last_s = max(tally.last_s, int(starts.max()))  # type: ignore[arg-type]
    for row, number in zip(normalised.faulty_rows.tolist(), normalised.faulty_codes.tolist(), strict=True):
        code, record = f"E{number}", fields_of(block.line(row))
        stage = "DECODE" if not readable[row] else "VALIDATE" if number < 300 else "NORMALISE"
        tally.codes[stage] += 1
        served = record.get("served_number", "")
        tally.errors.append(NewError(block.first_seq + row, stage, code, served, record))


def _write(tally: Tally, waiting: list[pl.DataFrame], file_id: int, lake_dir: Path) -> None:
    if not any(frame.height for frame in waiting):
        return
    name = f"{file_id % 1000:03d}/{file_id:09d}-{len(tally.chunks):04d}"
    tally.chunks.append(write_chunk(pl.concat(waiting, rechunk=False), lake_dir=lake_dir, name=name))
    waiting.clear()


def _check_trailer(tally: Tally) -> None:
    trailer = tally.trailer
    if trailer is None:
        return
    if trailer.records != tally.records:
        raise TrailerMismatch(f"the trailer says {trailer.records} records, the file has {tally.records}")
    if trailer.duration_s is not None and not tally.unreadable and trailer.duration_s != tally.duration_s:
        raise TrailerMismatch(f"the trailer says {trailer.duration_s} seconds, the records sum to {tally.duration_s}")


def _counts(tally: Tally) -> list[StageCount]:
    """The three stages before rating; what passes one enters the next (D4.5)."""
    decode, validate, norm = (tally.codes[stage] for stage in ("DECODE", "VALIDATE", "NORMALISE"))
    total = tally.records + tally.filtered
    decoded, validated = tally.records - decode, tally.records - decode - validate
    return [
        StageCount("DECODE", total, error=decode, filtered=tally.filtered, passed=decoded),
        StageCount("VALIDATE", decoded, error=validate, passed=validated),
        StageCount("NORMALISE", validated, error=norm, passed=validated - norm),
    ]


def _span(tally: Tally) -> tuple[datetime, datetime] | None:
    if not tally.chunks:
        return None
    return datetime.fromtimestamp(tally.first_s, UTC), datetime.fromtimestamp(tally.last_s, UTC)
