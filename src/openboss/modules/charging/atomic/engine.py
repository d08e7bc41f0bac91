"""Atomic services of the charging engine: ownership, journal, commands, snapshots.

Everything here is called inside the transaction of the engine's turn, or of the business change that sends a command.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Min

from openboss.modules.charging.models import EngineCommand, EngineJournal, EngineOwner, EngineSnapshot, UsageChunk
from openboss.modules.system.statements import ask, put_rows

STREAM = 0  # one process owns every shard of a machine


class OwnershipLost(Exception):
    """Another process has taken the stream over; this one must stop without answering."""


@dataclass(frozen=True)
class Ownership:
    """A claim to write a stream: void as soon as somebody has a higher epoch."""

    stream: int
    epoch: int
    timeline: int
    timeline_from: int = 0


@dataclass(frozen=True)
class Waiting:
    """A command that waits for the engine."""

    command_id: int
    kind: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class ReadyChunk:
    """A chunk of usage that waits for the engine."""

    chunk_id: int
    path: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class JournalEntry:
    """One journalled input; a group of requests has images of what it changed instead of a payload."""

    position: int
    kind: str
    payload: dict[str, Any]
    images: bytes


@dataclass(frozen=True)
class CommandState:
    """How far a command has got: WAITING, DONE with a position, or REFUSED; with the engine's answer."""

    state: str
    position: int | None
    answer: dict[str, Any] | None


@transaction.atomic
def take_ownership(*, stream: int = STREAM) -> Ownership:
    """Claim a stream for this process and fence every earlier owner."""
    EngineOwner.objects.get_or_create(stream=stream)
    EngineOwner.objects.filter(stream=stream).update(epoch=F("epoch") + 1)
    owner = EngineOwner.objects.get(stream=stream)
    return Ownership(stream, owner.epoch, owner.timeline, owner.timeline_from)


@transaction.atomic
def start_timeline(*, stream: int = STREAM) -> None:
    """Begin a new timeline at the journal's end: what the lake has beyond it no longer counts. For restores."""
    EngineOwner.objects.get_or_create(stream=stream)
    EngineOwner.objects.filter(stream=stream).update(
        timeline=F("timeline") + 1, timeline_from=last_position(stream=stream)
    )


def check_ownership(owner: Ownership) -> None:
    """Lock the owner's row for this transaction. Raises OwnershipLost if somebody else owns the stream now."""
    current = EngineOwner.objects.select_for_update().get(stream=owner.stream)
    if current.epoch != owner.epoch:
        raise OwnershipLost(f"the charging engine was taken over by another process (epoch {current.epoch})")


_SEND = (
    "INSERT INTO charging_enginecommand (kind, payload, state, serial_no)"
    " VALUES (%s::text, %s::jsonb, 'WAITING', %s::text) ON CONFLICT (serial_no) DO NOTHING RETURNING command_id"
)
_SENT = "SELECT command_id FROM charging_enginecommand WHERE serial_no = %s::text"


def send_command(*, kind: str, payload: dict[str, Any], serial_no: str | None = None) -> int:
    """Leave a command for the engine in the caller's transaction; return its id.

    kind       IMAGE (users' base data), PUBLICATION (tariffs), OPEN_CYCLE, FREEZE, or one of engine/online/orders.py
    serial_no  of a write of money: the command that was sent under it before is not sent again (D0.4)
    """
    found = ask(_SEND, [kind, json.dumps(payload), serial_no])
    return int((found or ask(_SENT, [serial_no]))[0][0])


def send_commands(*, kind: str, payloads: Sequence[Mapping[str, Any]]) -> None:
    """Leave many commands of one kind for the engine in the caller's transaction; it takes them in this order."""
    columns = {"kind": "text", "payload": "jsonb", "state": "text"}
    put_rows("charging_enginecommand", columns, [(kind, json.dumps(one), "WAITING") for one in payloads])


_FORGOTTEN_HOLDS = """
SELECT (held.payload->>'account_id')::bigint, held.payload->>'hold' FROM charging_enginecommand AS held
WHERE held.kind = 'HOLD' AND held.state = 'DONE' AND held.position <= %s AND NOT EXISTS (
    SELECT FROM charging_enginecommand AS ended
    WHERE ended.kind IN ('CONFIRM', 'RELEASE') AND ended.payload->>'hold' = held.payload->>'hold')
ORDER BY held.command_id
"""


def forgotten_holds(*, up_to_position: int) -> list[tuple[int, str]]:
    """Account and name of money set aside up to a position that nobody has taken or given back since."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGOTTEN_HOLDS, [up_to_position])
        return [(int(account_id), str(hold)) for account_id, hold in cursor.fetchall()]


def command_state(command_id: int) -> CommandState:
    """Say how far a command has got."""
    command = EngineCommand.objects.get(command_id=command_id)
    return CommandState(command.state, command.position, command.answer)


_WAITS = """
SELECT EXISTS (SELECT FROM charging_enginecommand WHERE state = 'WAITING'),
       EXISTS (SELECT FROM charging_usagechunk WHERE state = 'READY')
"""


def what_waits() -> tuple[bool, bool]:
    """Whether commands wait, and chunks of usage: asked many times a second, so without Django's ways."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITS)
        commands, chunks = cursor.fetchone()
    return bool(commands), bool(chunks)


def waiting_commands(limit: int) -> list[Waiting]:
    """List commands in id order. A lower id that commits later is taken later: each row is marked by itself."""
    rows = EngineCommand.objects.filter(state="WAITING").order_by("command_id")[:limit]
    return [Waiting(row.command_id, row.kind, row.payload) for row in rows]


def ready_chunks(limit: int) -> list[ReadyChunk]:
    """List chunks that wait to be rated, in id order."""
    rows = UsageChunk.objects.filter(state="READY").order_by("chunk_id")[:limit]
    return [ReadyChunk(row.chunk_id, row.path, row.sha256, row.rows) for row in rows]


def finish_command(command_id: int, *, position: int | None, answer: dict[str, Any]) -> None:
    """Mark a command as done at a position, or as refused where there is none."""
    state = "DONE" if position is not None else "REFUSED"
    EngineCommand.objects.filter(command_id=command_id).update(state=state, position=position, answer=answer)


def append_journal(owner: Ownership, *, position: int, kind: str, payload: dict[str, Any]) -> None:
    """Append one input to the journal, with a checksum of its content."""
    make_journal_room(position)
    EngineJournal.objects.create(
        stream=owner.stream,
        timeline=owner.timeline,
        position=position,
        kind=kind,
        payload=payload,
        sha256=checksum(kind, payload),
    )


ONLINE = "ONLINE"
_ROOM_EVERY = 50_000  # positions; a partition has 200,000 and the next one is made with it


def make_journal_room(position: int) -> None:
    """Make the journal's partition of a position and the one after it, now and then."""
    if position % _ROOM_EVERY == 1:
        with connection.cursor() as cursor:
            cursor.execute("SELECT charging_make_journal_room(%s)", [position])


def last_position(*, stream: int = STREAM) -> int:
    """The position of the newest journalled input; 0 before the first."""
    newest = EngineJournal.objects.filter(stream=stream).order_by("-position").first()
    return newest.position if newest else 0


def first_chunk_after(position: int, *, stream: int = STREAM) -> int | None:
    """The position of the first chunk of usage behind a position; None if there is none."""
    chunks = EngineJournal.objects.filter(stream=stream, kind="CHUNK", position__gt=position)
    return chunks.aggregate(first=Min("position"))["first"]


_ENTRY = ("position", "kind", "payload", "sha256", "images")


def journal_after(position: int, *, stream: int = STREAM) -> Iterator[JournalEntry]:
    """Read the journal behind a position, in order. Raises ValueError at a gap or a changed entry."""
    expected = position
    rows = EngineJournal.objects.filter(stream=stream, position__gt=position).order_by("position")
    for at, kind, payload, sha256, images in rows.values_list(*_ENTRY).iterator():
        expected += 1
        images = bytes(images) if images is not None else b""
        found = hashlib.sha256(images).hexdigest() if kind == ONLINE else checksum(kind, payload)
        if at != expected or sha256 != found:
            raise ValueError(f"the journal is damaged at position {expected}: restore the last backup")
        yield JournalEntry(at, kind, payload or {}, images)


def commands_after(position: int, until: int, *, stream: int = STREAM) -> Iterator[JournalEntry]:
    """Read what was no group of requests between two positions (the second with it), in order; images are not read.

    Raises ValueError at a changed entry.
    """
    rows = EngineJournal.objects.filter(stream=stream, position__gt=position, position__lte=until).exclude(kind=ONLINE)
    for row in rows.order_by("position").iterator():
        if row.sha256 != checksum(row.kind, row.payload):
            raise ValueError(f"the journal is damaged at position {row.position}: restore the last backup")
        yield JournalEntry(row.position, row.kind, row.payload or {}, b"")


def inputs_between(first: int, last: int, *, stream: int = STREAM) -> list[tuple[str, dict[str, Any]]]:
    """List kind and payload of the commands journalled between two positions, both left out; groups by kind only."""
    rows = EngineJournal.objects.filter(stream=stream, position__gt=first, position__lt=last).order_by("position")
    return [(kind, payload or {}) for kind, payload in rows.values_list("kind", "payload")]


def record_snapshot(*, position: int, folder: str, sha256: str, stream: int = STREAM) -> None:
    """Name a snapshot that is safely on disk."""
    EngineSnapshot.objects.create(stream=stream, position=position, folder=folder, sha256=sha256)


def snapshots(*, stream: int = STREAM) -> list[tuple[int, str]]:
    """List snapshots as (position, folder), the newest first."""
    rows = EngineSnapshot.objects.filter(stream=stream).order_by("-position", "-snapshot_id")
    return [(row.position, row.folder) for row in rows]


def forget_snapshots(folders: list[str], *, stream: int = STREAM) -> None:
    """Take snapshots off the list, before their folders are emptied."""
    EngineSnapshot.objects.filter(stream=stream, folder__in=folders).delete()


def checksum(kind: str, payload: Mapping[str, Any]) -> str:
    """What an entry of the journal is checked by when it is read again."""
    return hashlib.sha256(f"{kind}{json.dumps(payload, sort_keys=True)}".encode()).hexdigest()
