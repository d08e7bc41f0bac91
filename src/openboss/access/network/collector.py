"""The collector: watches the inboxes and takes every file exactly once, whatever happens.

    inbox/<source>/FILE -> archive/<source>/<yyyymm>/FILE        taken
                        -> held/<source>/<file id>_FILE          refused or held, with its reason in the database

Each step can be repeated: the file is registered by content, its chunks are written under fixed names, one
transaction makes it taken, and only then it leaves the inbox. Files whose names begin with `.` or end in `.tmp` or
`.part` are still being written; others are taken when their size has not changed. Source: CHG-02, CHG-34.
"""

import fcntl
import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
import watchfiles
from django.db import DatabaseError, close_old_connections

from openboss.access.network.decoders import DECODERS
from openboss.modules.charging.canonical import TrailerMismatch, Undecodable
from openboss.modules.charging.chunks import sync_folder
from openboss.modules.charging.functions import collection
from openboss.modules.charging.functions.collection import FileFound, SourceInfo
from openboss.modules.charging.numbering import NumberingTables
from openboss.processes.rate_usage import current_numbering, take_file
from openboss.processes.warm_up import warm_collecting

UNFINISHED = (".tmp", ".part")
PASS_EVERY_S = 1.0
RETRY_S = 30.0
DISK_LOW_BYTES = 1 << 30
LONGEST_INBOX = 80
LONGEST_NAME = 230  # with a file id before it still a name that file systems take

log = structlog.get_logger("collect")


@dataclass(frozen=True)
class Place:
    """Where one installation keeps its files, and its time zone."""

    data_dir: Path
    lake_dir: Path
    timezone: str

    @property
    def inbox_dir(self) -> Path:
        """One folder a source."""
        return self.data_dir / "inbox"


@dataclass
class Pass:
    """What one look through the inboxes did."""

    taken: int = 0
    records: int = 0
    held: int = 0
    refused: int = 0
    waiting: int = 0
    messages: list[str] = field(default_factory=list)


def run(stop_event: threading.Event, *, place: Place, now: Callable[[], datetime]) -> None:
    """Collect until told to stop: at once when a file appears, and every second for what the watch did not see.

    What reads usage is compiled first: on a cold and busy machine that takes minutes, and the log says so.
    """
    sizes: dict[Path, int] = {}
    _make_inboxes(place)
    log.info("preparing; after an update the reader of usage is compiled first")
    warm_collecting()
    log.info("watching the inboxes", inbox=str(place.inbox_dir))
    while not stop_event.is_set():
        try:
            close_old_connections()
            found = collect_once(place=place, now=now, sizes=sizes)
            waits = found.waiting > 0
        except OSError as fault:
            log.error("collection stopped, trying again", fault=str(fault), seconds=RETRY_S)
            stop_event.wait(RETRY_S)
            continue
        if not waits:
            _wait_for_change(place.inbox_dir, stop_event)
        else:
            stop_event.wait(0.2)


def _wait_for_change(inbox_dir: Path, stop_event: threading.Event) -> None:
    for _change in watchfiles.watch(
        inbox_dir, stop_event=stop_event, rust_timeout=int(PASS_EVERY_S * 1000), yield_on_timeout=True, debounce=200
    ):
        return


def _make_inboxes(place: Place) -> None:
    for source in collection.list_sources():
        (place.inbox_dir / source.code).mkdir(parents=True, exist_ok=True)
    place.inbox_dir.mkdir(parents=True, exist_ok=True)


def collect_once(*, place: Place, now: Callable[[], datetime], sizes: dict[Path, int] | None = None) -> Pass:
    """Look through all inboxes once and take what is complete, for the process and the command line.

    sizes   sizes seen by the last look: a file is complete when its size did not change since; without them
            every file not named as unfinished is taken to be complete

    Raises OSError (a full disk) with an alarm: everything not yet taken stays in the inbox.
    """
    try:
        done = _look(place, now, sizes)
    except OSError as fault:
        with suppress(DatabaseError):  # the database may lie on the same disk
            collection.note_disk(cause=f"collection stopped: {fault.strerror or fault}", at=now())
        raise
    free_bytes = shutil.disk_usage(place.data_dir).free
    short = f"only {free_bytes >> 20} MiB of disk are free" if free_bytes < DISK_LOW_BYTES else ""
    collection.note_disk(cause=short, at=now())
    return done


def _look(place: Place, now: Callable[[], datetime], sizes: dict[Path, int] | None) -> Pass:
    done = Pass()
    sources = {source.code: source for source in collection.list_sources()}
    numbering: NumberingTables | None = None
    _bring_back(place)
    for folder in sorted(place.inbox_dir.iterdir()) if place.inbox_dir.is_dir() else ():
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        with _only_one(folder) as mine:
            files = _complete_files(folder, sources.get(folder.name), sizes, done) if mine else []
            for file in files:
                numbering = numbering or current_numbering()
                _take(file, sources.get(folder.name), numbering, place, now, done)
    return done


def release(file_id: int, *, place: Place) -> FileFound:
    """Put a held file back into its inbox, to be tried again as the same file."""
    found = collection.release_file(file_id=file_id)
    _bring_back(place)
    return found


def _bring_back(place: Place) -> None:
    """Move the held files that somebody let in again (the console only notes it) back into their inboxes."""
    for found in collection.let_in_files():
        held = _destination(replace(found, state="HELD"), place)
        inbox = place.inbox_dir / found.inbox / found.name
        if held.exists() and not inbox.exists():
            _move(held, inbox)


@contextmanager
def _only_one(folder: Path) -> Iterator[bool]:
    """Hold a folder for this process; false if another one is at it."""
    with (folder / ".collecting").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _complete_files(folder: Path, source: SourceInfo | None, sizes: dict[Path, int] | None, done: Pass) -> list[Path]:
    """Files that are wholly there, in the order in which the source wrote them."""
    found = []
    for file in folder.iterdir():
        if file.name.startswith(".") or file.name.endswith(UNFINISHED) or not file.is_file():
            continue
        size = file.stat().st_size
        if sizes is not None and sizes.get(file) != size:
            sizes[file] = size
            done.waiting += 1
            continue
        found.append(file)
    written = _in_written_order({_sequence(file.name, source) or 0 for file in found}, source)
    return sorted(found, key=lambda file: (written.index(_sequence(file.name, source) or 0), file.name))


def _in_written_order(numbers: set[int], source: SourceInfo | None) -> list[int]:
    """Sequence numbers in the order of writing: where they have begun again, the high ones came first."""
    order = sorted(numbers)
    if source is not None and source.sequence_to is not None and order:
        half = (source.sequence_to - source.sequence_from + 1) // 2
        order = [n for n in order if n > order[-1] - half] + [n for n in order if n <= order[-1] - half]
    return order


def _sequence(name: str, source: SourceInfo | None) -> int | None:
    matched = re.fullmatch(source.file_name_pattern, name) if source else None
    number = matched.groupdict().get("sequence") if matched else None
    return int(number) if number else None


def _take(
    file: Path,
    source: SourceInfo | None,
    numbering: NumberingTables,
    place: Place,
    now: Callable[[], datetime],
    done: Pass,
) -> None:
    """Bring one file from wherever an earlier attempt left it to its end."""
    sha256 = _digest(file)
    found = _interrupted(file, sha256, place) or _register(file, sha256, source, now())
    if found.state == "RECEIVED":
        found = _decode(file, found, source, numbering, place, now())
        if found.state == "RECEIVED":
            done.taken += 1
            done.records += collection.records_of(found.file_id)
            log.info("file taken", source=found.inbox, file=found.name, file_id=found.file_id)
    if found.state in ("HELD", "REFUSED"):
        done.held += found.state == "HELD"
        done.refused += found.state == "REFUSED"
        done.messages.append(f"{found.inbox}/{found.name}: {found.error_code} {found.cause}")
        log.warning("file set aside", source=found.inbox, file=found.name, code=found.error_code, cause=found.cause)
    _move(file, _destination(found, place))


def _interrupted(file: Path, sha256: str, place: Place) -> FileFound | None:
    """A file registered before that never left the inbox: the earlier attempt was cut off."""
    known = collection.find_files(
        inbox=_entered(file.parent.name, LONGEST_INBOX), name=_entered(file.name, LONGEST_NAME), sha256=sha256
    )
    return next((found for found in known if not _destination(found, place).exists()), None)


def _entered(name: str, longest_bytes: int) -> str:
    """A name as the database and the folder of held files can have it: one bad name must not stop all the others."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return text.encode()[:longest_bytes].decode("utf-8", "ignore")


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _register(file: Path, sha256: str, source: SourceInfo | None, at: datetime) -> FileFound:
    cause = ""
    if source and not re.fullmatch(source.file_name_pattern, file.name):
        cause = f"the name does not match {source.file_name_pattern}"
    return collection.register_file(
        inbox=_entered(file.parent.name, LONGEST_INBOX),
        name=_entered(file.name, LONGEST_NAME),
        sha256=sha256,
        size_bytes=file.stat().st_size,
        sequence=_sequence(file.name, source),
        arrived_at=at,
        cause=cause,
    )


def _decode(
    file: Path, found: FileFound, source: SourceInfo | None, numbering: NumberingTables, place: Place, at: datetime
) -> FileFound:
    assert source is not None
    try:
        take_file(
            file_id=found.file_id,
            pieces=DECODERS[source.decoder](file, source.code, found.sequence),
            numbering=numbering,
            timezone=place.timezone,
            lake_dir=place.lake_dir,
            now=at,
        )
    except Undecodable as fault:
        return collection.hold_file(file_id=found.file_id, code="E104", cause=str(fault), at=at)
    except TrailerMismatch as fault:
        return collection.hold_file(file_id=found.file_id, code="E103", cause=str(fault), at=at)
    return found


def _destination(found: FileFound, place: Place) -> Path:
    """Where a file belongs after it was dealt with."""
    if found.state in ("HELD", "REFUSED"):
        return place.data_dir / "held" / found.inbox / f"{found.file_id}_{found.name}"
    month = found.arrived_at.astimezone(ZoneInfo(place.timezone)).strftime("%Y%m")
    round_ = f"round-{found.round}" if found.round else ""  # names come again with the numbers
    return place.data_dir / "archive" / found.inbox / month / round_ / found.name


def _move(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(file, target)
    sync_folder(target.parent)
    sync_folder(file.parent)
