"""Atomic services on usage files: register, hold, complete, count what the engine made of a chunk.

Every service is safe to repeat after a crash. Source: CHG-02, CHG-37, D4.2 (E101 to E105), D4.5.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from openboss.modules.charging.atomic import alarms
from openboss.modules.charging.atomic import errors as pool
from openboss.modules.charging.atomic.black_list import note_uses
from openboss.modules.charging.atomic.visitors import add_visitor_use
from openboss.modules.charging.chunks import Chunk
from openboss.modules.charging.models import Source, StageCounter, UsageChunk, UsageFile
from openboss.modules.charging.models.files import STAGES, TAKEN_STATES
from openboss.modules.system.atomic import record_audit

WAITING = "WAITING"


class UnbalancedChunk(Exception):
    """The engine's results for a chunk do not add up to its records; nothing was changed."""


class NotWaiting(Exception):
    """This chunk was rated before at another position; nothing was changed."""


class BadSource(ValueError):
    """A source needs a code of letters, digits, `_` or `-`, and a file name pattern with a group named `sequence`.

    Numbers that begin again must be more than twice as many as the window, or old and new could not be told apart.
    """


@dataclass(frozen=True)
class SourceInfo:
    """One configured source."""

    source_id: int
    code: str
    name_zh: str
    name_en: str
    decoder: str
    file_name_pattern: str
    is_sequence_controlled: bool
    window: int
    sequence_from: int
    sequence_to: int | None
    is_active: bool


@dataclass(frozen=True)
class FileFound:
    """A file the main database knows, and what became of it."""

    file_id: int
    inbox: str
    name: str
    sequence: int | None
    round: int
    state: str
    error_code: str
    cause: str
    arrived_at: datetime


@dataclass(frozen=True)
class StageCount:
    """What one stage made of the records of one file; `records_in` must be the sum of the rest (D4.5)."""

    stage: str
    records_in: int
    rated: int = 0
    free: int = 0
    duplicate: int = 0
    error: int = 0
    filtered: int = 0
    passed: int = 0


@transaction.atomic
def define_source(
    *,
    code: str,
    name_zh: str,
    name_en: str,
    decoder: str,
    file_name_pattern: str,
    is_sequence_controlled: bool = True,
    window: int = 1000,
    sequence_from: int = 1,
    sequence_to: int | None = None,
) -> int:
    """Configure a source, or change what is configured under its code; return its id.

    file_name_pattern  regular expression for whole file names, with a group `sequence` if the sequence is controlled
    window             how far from the last number a file may be; one further away is held
    sequence_to        the highest number, after which `sequence_from` comes again; None = numbers never repeat

    Raises BadSource. Source: CHG-02.
    """
    groups = re.compile(file_name_pattern).groupindex
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", code) or (is_sequence_controlled and "sequence" not in groups):
        raise BadSource(code)
    if sequence_to is not None and sequence_to < sequence_from + 2 * window:
        raise BadSource(code)
    source, _ = Source.objects.update_or_create(
        code=code,
        defaults={
            "name_zh": name_zh,
            "name_en": name_en,
            "decoder": decoder,
            "file_name_pattern": file_name_pattern,
            "is_sequence_controlled": is_sequence_controlled,
            "window": window,
            "sequence_from": sequence_from,
            "sequence_to": sequence_to,
            "is_active": True,
        },
    )
    return source.source_id


def list_sources() -> list[SourceInfo]:
    """Name every configured source, for the collector and the monitor."""
    fields = SourceInfo.__dataclass_fields__
    return [SourceInfo(**row) for row in Source.objects.order_by("code").values(*fields)]


def _found(row: UsageFile) -> FileFound:
    return FileFound(**{name: getattr(row, name) for name in FileFound.__dataclass_fields__})


def find_files(*, inbox: str, name: str, sha256: str) -> list[FileFound]:
    """Find every earlier sight of a file by folder, name and content, newest first."""
    rows = UsageFile.objects.filter(inbox=inbox, name=name, sha256=sha256).order_by("-file_id")
    return [_found(row) for row in rows]


def let_in_files() -> list[FileFound]:
    """Name the files that may be taken and are not yet: new ones, and held ones that somebody let in again."""
    return [_found(row) for row in UsageFile.objects.filter(state="RECEIVED").order_by("file_id")]


@transaction.atomic
def register_file(
    *, inbox: str, name: str, sha256: str, size_bytes: int, sequence: int | None, arrived_at: datetime, cause: str = ""
) -> FileFound:
    """Enter a file that just arrived; the answer's state says whether it may be decoded.

    RECEIVED  take it        REFUSED  its name, number or content was taken before (E101)
    HELD      unknown folder (E105), number too far from the last (E102), or `cause` given by the caller (E104)

    A number skipped opens a gap alarm (E102); the late file clears it. Source: CHG-02.
    """
    source = Source.objects.select_for_update().filter(code=inbox, is_active=True).first()
    round_ = _round_of(source, sequence)
    state, code, why = _admit(source, name, sha256, (round_, sequence), cause)
    row = UsageFile.objects.create(
        source=source,
        inbox=inbox,
        name=name,
        sequence=sequence,
        round=round_,
        sha256=sha256,
        size_bytes=size_bytes,
        state=state,
        error_code=code,
        cause=why,
        arrived_at=arrived_at,
    )
    if state == "RECEIVED" and source is not None:
        _supersede(source, row, arrived_at)
        if sequence is not None and source.is_sequence_controlled:
            _follow_sequence(source, row, arrived_at)
        alarms.clear_old_duplicates(source=source, at=arrived_at)
    if state != "RECEIVED":
        kind = {"E101": "DUPLICATE", "E102": "GAP", "E105": "SOURCE"}.get(code, "DECODE")
        alarms.open_file_alarm(kind=kind, row=row, code=code, cause=why, at=arrived_at)
    return _found(row)


def _admit(
    source: Source | None, name: str, sha256: str, place: tuple[int, int | None], cause: str
) -> tuple[str, str, str]:
    """Say what becomes of a file: state, code, cause.

    place   round and number of its sequence
    """
    if source is None:
        return "HELD", "E105", "no active source is configured for this folder"
    if cause:
        return "HELD", "E104", cause
    round_, sequence = place
    taken = UsageFile.objects.filter(state__in=TAKEN_STATES)
    if first := taken.filter(sha256=sha256).values_list("file_id", flat=True).first():
        return "REFUSED", "E101", f"the same content was taken as file {first}"
    here = taken.filter(source=source, round=round_)
    if first := here.filter(name=name).values_list("file_id", flat=True).first():
        return "REFUSED", "E101", f"the name was taken as file {first}"
    if sequence is None or not source.is_sequence_controlled:
        return "RECEIVED", "", ""
    if first := here.filter(sequence=sequence).values_list("file_id", flat=True).first():
        return "REFUSED", "E101", f"sequence number {sequence} was taken as file {first}"
    if source.sequence_to is not None and not source.sequence_from <= sequence <= source.sequence_to:
        span = f"{source.sequence_from} to {source.sequence_to}"
        return "HELD", "E104", f"sequence number {sequence} is not one of {span}"
    last = _last_place(source)
    if last is not None and abs(_running(source, (round_, sequence)) - _running(source, last)) > source.window:
        return "HELD", "E102", f"sequence number {sequence} is more than {source.window} from the last, {last[1]}"
    return "RECEIVED", "", ""


def _numbers(source: Source) -> int:
    """How many numbers a source has before they begin again; 0 = they never do."""
    return source.sequence_to - source.sequence_from + 1 if source.sequence_to is not None else 0


def _running(source: Source, place: tuple[int, int]) -> int:
    """The number a file would have if the source's numbers never began again."""
    return place[0] * _numbers(source) + place[1]


def _round_of(source: Source | None, sequence: int | None) -> int:
    """In which round of its source's numbers a file is: the one that brings it nearest to the last file."""
    if source is None or source.sequence_to is None or sequence is None:
        return 0
    last = _last_place(source)
    if last is None:
        return 0
    return min(
        range(last[0] - 1, last[0] + 2),
        key=lambda round_: abs(_running(source, (round_, sequence)) - _running(source, last)),
    )


def _supersede(source: Source, row: UsageFile, at: datetime) -> None:
    """A file sent again takes the place of the held one with its name or number."""
    same = Q(name=row.name) if row.sequence is None else Q(name=row.name) | Q(sequence=row.sequence)
    for held in UsageFile.objects.filter(same, source=source, round=row.round, state="HELD"):
        _refuse(held, f"{held.cause}; sent again as file {row.file_id}", at)


def _refuse(row: UsageFile, cause: str, at: datetime) -> None:
    row.state, row.cause = "REFUSED", cause
    row.save(update_fields=["state", "cause"])
    alarms.clear_file_alarms(file_id=row.file_id, at=at)


def _last_place(source: Source, before: int | None = None) -> tuple[int, int] | None:
    """Round and number of the furthest file taken."""
    files = UsageFile.objects.filter(source=source, state__in=TAKEN_STATES, sequence__isnull=False)
    furthest = files.exclude(file_id=before).order_by("-round", "-sequence")
    return furthest.values_list("round", "sequence").first()


def _follow_sequence(source: Source, row: UsageFile, at: datetime) -> None:
    """Clear the gap this file fills, or open one for every number it skipped."""
    assert row.sequence is not None
    alarms.clear_gap(source=source, place=(row.round, row.sequence), at=at)
    last = _last_place(source, before=row.file_id)
    here = _running(source, (row.round, row.sequence))
    if last is None or here <= _running(source, last) + 1:
        return
    skipped = [_place(source, running) for running in range(_running(source, last) + 1, here)]
    held = UsageFile.objects.filter(source=source, state="HELD", sequence__isnull=False)  # came, and have alarms
    skipped = sorted(set(skipped) - set(held.values_list("round", "sequence")))
    if not skipped:
        return
    row.error_code = "E102"
    row.cause = f"sequence numbers {skipped[0][1]} to {skipped[-1][1]} are missing"
    row.save(update_fields=["error_code", "cause"])
    alarms.open_gaps(row=row, places=skipped, at=at)


def _place(source: Source, running: int) -> tuple[int, int]:
    """Round and number from a number that never begins again."""
    if not _numbers(source):
        return 0, running
    round_, number = divmod(running - source.sequence_from, _numbers(source))
    return round_, number + source.sequence_from


@dataclass(frozen=True)
class RatedChunk:
    """A chunk the engine has taken, and the moments between which its file's usage began."""

    path: str
    first_at: datetime
    last_at: datetime


def rated_chunks(*, since: datetime | None = None, during: tuple[datetime, datetime] | None = None) -> list[RatedChunk]:
    """Name the chunks of files that were rated since a moment, or that hold usage of a span of time."""
    chunks = UsageChunk.objects.filter(state="RATED", file__first_event_at__isnull=False)
    if since is not None:
        chunks = chunks.filter(file__rated_at__gte=since)
    if during is not None:
        chunks = chunks.filter(file__first_event_at__lte=during[1], file__last_event_at__gte=during[0])
    rows = chunks.order_by("chunk_id").values_list("path", "file__first_event_at", "file__last_event_at")
    return [RatedChunk(*row) for row in rows]


def records_of(file_id: int) -> int:
    """How many records a taken file has."""
    return UsageFile.objects.values_list("records", flat=True).get(file_id=file_id)


@transaction.atomic
def hold_file(*, file_id: int, code: str, cause: str, at: datetime) -> FileFound:
    """Set a file aside as a whole, with its reason and an alarm; none of its records goes on (E103, E104)."""
    row = UsageFile.objects.select_for_update().get(file_id=file_id, state="RECEIVED")
    row.state, row.error_code, row.cause = "HELD", code, cause
    row.save(update_fields=["state", "error_code", "cause"])
    alarms.open_file_alarm(kind="TRAILER" if code == "E103" else "DECODE", row=row, code=code, cause=cause, at=at)
    return _found(row)


class NotHeld(Exception):
    """There is no held file of this id; nothing was changed."""


@transaction.atomic
def release_file(*, file_id: int) -> FileFound:
    """Let a held file be tried again, after its source or its decoder was put right; its alarm is cleared.

    Safe to repeat until the file is taken. Raises NotHeld.
    """
    row = UsageFile.objects.select_for_update().filter(file_id=file_id, state__in=("HELD", "RECEIVED")).first()
    if row is None:
        raise NotHeld(file_id)
    row.source = Source.objects.filter(code=row.inbox, is_active=True).first()
    row.round = _round_of(row.source, row.sequence)
    row.state, row.error_code, row.cause = "RECEIVED", "", ""
    row.save(update_fields=["state", "error_code", "cause", "source", "round"])
    alarms.clear_file_alarms(file_id=file_id, at=Now())
    return _found(row)


@transaction.atomic
def refuse_file(*, file_id: int, reason: str, staff_id: int, at: datetime) -> None:
    """Give a held file up: nothing of it will be rated, it no longer blocks a bill run, its alarm is cleared.

    Raises NotHeld. Source: CHG-37.
    """
    row = UsageFile.objects.select_for_update().filter(file_id=file_id, state="HELD").first()
    if row is None:
        raise NotHeld(file_id)
    before = {"state": row.state, "cause": row.cause}
    _refuse(row, f"{row.cause}; given up: {reason}", at)
    record_audit(
        staff_id=staff_id,
        action="charging.refuse_file",
        object_kind="usage_file",
        object_id=file_id,
        at=at,
        reason=reason,
        before=before,
        after={"state": row.state, "cause": row.cause},
    )


@transaction.atomic
def complete_file(
    *,
    file_id: int,
    chunks: Iterable[Chunk],
    counts: Iterable[StageCount],
    errors: Iterable[pool.NewError],
    trailer_records: int | None,
    span: tuple[datetime, datetime] | None,
    visitors: pl.DataFrame,
    listed: Counter[tuple[str, int, int]],
    at: datetime,
) -> None:
    """Take a file in one step: its chunks are ready, its counters stand, its errors are in the pool.

    visitors  what users of other provinces used (functions.visitors)
    listed    who used numbers of the black list, and how often (functions.black_list)

    The chunks must be durable in the lake. Source: CHG-02, CHG-37.
    """
    row = UsageFile.objects.select_for_update().get(file_id=file_id, state="RECEIVED")
    made = [UsageChunk(file=row, path=c.path, sha256=c.sha256, rows=c.rows, created_at=at) for c in chunks]
    UsageChunk.objects.bulk_create(made)
    counted = [StageCounter(file=row, **vars(count)) for count in counts]
    StageCounter.objects.bulk_create(counted)
    pool.add_errors(file_id=file_id, errors=errors, at=at)
    add_visitor_use(visitors)
    note_uses(uses=listed, at=at, is_file=True)
    row.records = next(count.records_in for count in counted if count.stage == "DECODE")
    row.trailer_records, row.chunked_at = trailer_records, at
    row.first_event_at, row.last_event_at = span or (None, None)
    row.state = "CHUNKED" if made else "RATED"
    row.rated_at = None if made else at
    row.save()


@transaction.atomic
def record_rating(
    *, chunk_id: int, position: int, rated: int, free: int, duplicate: int, filtered: int, errors: pl.DataFrame
) -> None:
    """Note what the engine made of a chunk; called inside the transaction that journals it.

    position   journal position of the chunk
    filtered   records that were charged online already
    errors     NORMALISED columns and `code` (301, 305, 501 ...) of the records that went to the error pool

    Repeating it with the same position changes nothing. Raises UnbalancedChunk, NotWaiting. Source: CHG-37, D4.5.
    """
    chunk = UsageChunk.objects.select_for_update().get(chunk_id=chunk_id)
    if chunk.state == "RATED":
        if chunk.position == position:
            return
        raise NotWaiting(chunk_id)
    found = (rated, free, duplicate, filtered, errors.height)
    if sum(found) != chunk.rows:
        raise UnbalancedChunk(f"chunk {chunk_id}: {'+'.join(map(str, found))} is not {chunk.rows}")
    chunk.state, chunk.position = "RATED", position
    chunk.save(update_fields=["state", "position"])
    count_records(chunk.file_id, "RATE", records_in=chunk.rows, rated=rated, free=free, duplicate=duplicate,
           filtered=filtered, error=errors.height)  # fmt: skip
    if chunk.is_recycled:
        pool.reopen_errors(file_id=chunk.file_id, stage="RATE", errors=errors)
    else:
        pool.add_rating_errors(file_id=chunk.file_id, errors=errors)
    if not UsageChunk.objects.filter(file_id=chunk.file_id, state="READY").exists():
        # the engine has no clock: the delay is the database's, counted on from the arrival
        rated_at = F("arrived_at") + (Now() - F("entered_at"))
        UsageFile.objects.filter(file_id=chunk.file_id).update(state="RATED", rated_at=rated_at)


def count_records(file_id: int, stage: str, **more: int) -> None:
    """Add to one counter of one file; the database refuses a row out of balance."""
    StageCounter.objects.get_or_create(file_id=file_id, stage=stage)
    changes = {name: F(name) + count for name, count in more.items()}
    StageCounter.objects.filter(file_id=file_id, stage=stage).update(**changes)


@transaction.atomic
def add_recycled_chunk(*, file_id: int, chunk: Chunk, at: datetime) -> None:
    """Put records of the error pool back on their way as a new chunk of the file they came from."""
    UsageChunk.objects.create(
        file_id=file_id, path=chunk.path, sha256=chunk.sha256, rows=chunk.rows, is_recycled=True, created_at=at
    )
    UsageFile.objects.filter(file_id=file_id).update(state="CHUNKED", rated_at=None)


@transaction.atomic
def move_records(*, file_id: int, moves: Mapping[tuple[str, str], int]) -> None:
    """Move records between the places where they stopped, so that every stage still balances.

    moves   (from, to) -> how many; a place is the stage whose error it is, or WAITING for the engine
    """
    for (before, after), count in moves.items():
        for stage, passed, stopped in _contributions(before, -count) + _contributions(after, count):
            count_records(file_id, stage, records_in=passed + stopped, passed=passed, error=stopped)


def _contributions(place: str, count: int) -> list[tuple[str, int, int]]:
    """What `count` records stopped at a place add to (stage, passed, error)."""
    reached = STAGES.index("RATE" if place == WAITING else place)
    before = [(stage, count, 0) for stage in STAGES[:reached]]
    return before if place == WAITING else [*before, (place, 0, count)]
