"""The engine's state in a folder: written whole and fsynced, read back to the byte or not at all."""

import gc
import hashlib
import json
import os
import signal
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from openboss.kernel.state import CYCLE_SLOTS
from openboss.modules.catalog.functions import load_publication
from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.engine.array_files import ArrayFile, read_into, write_array
from openboss.modules.charging.engine.duplicates import Duplicates
from openboss.modules.charging.engine.layout import Arrays, laid_together, room_for
from openboss.modules.charging.engine.online.black_list import BlackList
from openboss.modules.charging.engine.scribe import NICENESS, end_with_parent
from openboss.modules.charging.engine.state import EngineState, digest_of

EVERY_MONTH = 999_912
SNAPSHOTS_KEPT = 3
SECONDS_TO_SAVE = 600  # a copy that stands still must not keep snapshots from being made for ever


class SnapshotNotSaved(Exception):
    """The process that saved a snapshot ended before it was whole: see the lines it wrote; mostly the disk is full."""


def save_snapshot(state: EngineState, folder: Path, position: int) -> str:
    """Write the state into a new folder, fsynced, and return the SHA-256 of its manifest.

    Never touches an older snapshot; days of keys that have not changed since one are named, not written again.
    """
    return _write_snapshot(state, folder, position, list(state.duplicates.to_save(folder)))


class Saving:
    """A snapshot that is being written by a copy of this process, while this one goes on changing the state."""

    def __init__(self, state: EngineState, folder: Path, position: int) -> None:
        """Begin to write what the state is now into a new folder."""
        self.folder, self.position = folder, position
        keys = list(state.duplicates.to_save(folder))
        self._told, telling = os.pipe()
        self._status: int | None = None
        self._pid = os.fork()
        if not self._pid:
            _save_and_exit(lambda: _write_snapshot(state, folder, position, keys), telling)
        os.close(telling)

    def is_done(self) -> bool:
        """Whether the copy has ended."""
        if self._status is None:
            ended, status = os.waitpid(self._pid, os.WNOHANG)
            self._status = status if ended else None
        return self._status is not None

    def wait(self) -> str:
        """Return the SHA-256 of its manifest when it is whole. Raises SnapshotNotSaved."""
        with open(self._told, "rb") as told:
            sha256 = told.read().decode()
        if self._status is None:
            _, self._status = os.waitpid(self._pid, 0)
        if self._status:
            raise SnapshotNotSaved(f"{self.folder.name}: it ended with {self._status}")
        return sha256


def _save_and_exit(save: Callable[[], str], telling: int) -> NoReturn:
    """Save as a copy of a process with other threads and open lines: nothing of them is touched."""
    status = 1
    try:
        end_with_parent()
        signal.alarm(SECONDS_TO_SAVE)
        gc.disable()  # what is thrown away may belong to a library whose threads are gone
        os.nice(NICENESS)
        os.closerange(3, telling)
        os.closerange(telling + 1, os.sysconf("SC_OPEN_MAX"))  # networks must hear at once if the engine is killed
        os.write(telling, save().encode())
        status = 0
    finally:
        try:
            if status:
                os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(status)


def _write_snapshot(state: EngineState, folder: Path, position: int, keys: list[tuple[Path, np.ndarray]]) -> str:
    folder.mkdir(parents=True, exist_ok=False)
    files = {name: write_array(folder / f"{name}.npy", array) for name, array in state.arrays().items()}
    for path, table in keys:
        write_array(path, table)
    manifest = {
        "position": position,
        "tariff_sha256": state.tariff_sha256,
        "used": state.used,
        "pools": {str(key): row for key, row in sorted(state.pools.items())},
        "holds": state.holds,
        "former": state.former_payers(),
        "black_list": state.black_list.until_s,
        "days": state.duplicates.manifest(),
        "keys": state.duplicates.described(),
        "files": files,
    }
    text = json.dumps(manifest | {"sha256": _sha256_of(manifest)}, indent=1, sort_keys=True).encode()
    with (folder / "manifest.json").open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    for place in (folder, folder.parent):
        descriptor = os.open(place, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    return hashlib.sha256(text).hexdigest()


def load_snapshot(folder: Path) -> EngineState:
    """Read a state back, without its tariff tables. Raises ValueError or KeyError if a byte is not what was saved."""
    damaged = ValueError(f"snapshot {folder.name} is damaged: an older one will be used")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    is_of_before = "digest" in manifest
    if not is_of_before and manifest.pop("sha256") != _sha256_of(manifest):
        raise damaged
    state = EngineState(used=manifest["used"], tariff_sha256=manifest["tariff_sha256"])
    state.take_arrays(_read_arrays(folder, state.arrays(), {} if is_of_before else manifest["files"]))
    state.pools = {int(key): row for key, row in manifest["pools"].items()}
    state.holds = {serial_no: (place, held_li) for serial_no, (place, held_li) in manifest["holds"].items()}
    for row, cycle, place, paid_li in manifest.get("former", []):
        state.former.setdefault((row, cycle), {})[place] = paid_li
    state.black_list = BlackList(manifest.get("black_list"))
    state.duplicates.load(manifest["days"], folder.parent)
    if is_of_before and manifest["digest"] != _digest_before(manifest, folder, state.duplicates):
        raise damaged
    if not is_of_before and manifest["keys"] != state.duplicates.described():
        raise damaged
    return state


def _sha256_of(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _read_arrays(folder: Path, kinds: Arrays, sha256: dict[str, str]) -> Arrays:
    """Read all arrays that a state has, several at once, the largest first; those that lie side by side together."""
    files = {name: ArrayFile(folder / f"{name}.npy") for name in kinds}
    shapes = {name: file.shape for name, file in files.items()}
    laid = laid_together()
    rooms = [room_for(kinds, {name: shapes[name] for name in names}, is_laid=True) for names in laid]
    rooms += [room_for(kinds, {name: shapes[name]}, is_laid=False) for name in kinds.keys() - set(chain(*laid))]
    rooms.sort(key=lambda room: -sum(files[name].size for name in room))
    with ThreadPoolExecutor(os.cpu_count()) as readers:
        for _ in readers.map(lambda room: read_into(room, files, sha256), rooms):
            pass
    return {name: array for room in rooms for name, array in room.items()}


def _digest_before(manifest: dict[str, Any], folder: Path, duplicates: Duplicates) -> str:
    """The digest of the state in a snapshot of 2026-11-22 or before, whose files have none of their own."""
    small = [manifest["tariff_sha256"], manifest["used"], manifest["holds"]]
    small += [manifest["black_list"]] if manifest.get("black_list") else []
    names = sorted(path.stem for path in folder.glob("*.npy") if not path.stem.startswith("keys-"))
    return digest_of(small, ((name, np.load(folder / f"{name}.npy")) for name in names), duplicates)


def newest_good(known: Iterable[tuple[int, str]], *, snapshot_dir: Path, tariffs: Path) -> tuple[EngineState, int]:
    """Read the first good snapshot of some (position, folder), with its tariffs; an empty state at 0 if none is.

    One that is damaged, gone or of another version is passed over: an older one and the journal have all that counts.
    """
    for position, folder in known:
        try:
            state = load_snapshot(snapshot_dir / folder)
        except (OSError, ValueError, KeyError, EOFError):  # the last of files without a byte
            continue
        if state.tariff_sha256:
            state.tables = load_publication(tariffs, state.tariff_sha256)
        return state, position
    return EngineState(), 0


def newest_month(folder: Path) -> int:
    """The newest month that was open in a snapshot (202610); one that is gone has every month."""
    path = folder / "cycles.cycle.npy"
    return int(np.load(path).max()) if path.exists() else EVERY_MONTH


def forget_older(snapshot_dir: Path, named: set[str]) -> Callable[[], None]:
    """Forget what is older than the kept snapshots; return what empties them, half-made ones too.

    That is for another thread: at a million users it takes 30 ms of a processor, and networks wait. Days of keys that
    a kept one names stay.

    named  the files of keys in use (Duplicates.files)
    """
    known = [folder for _, folder in journal.snapshots()]
    months = [place for place in _last_of_months(snapshot_dir, known) if place not in known[:SNAPSHOTS_KEPT]]
    kept = [*known[:SNAPSHOTS_KEPT], *months]
    dropped = [folder for folder in known if folder not in kept]
    if not dropped:
        return lambda: None
    journal.forget_snapshots(dropped)
    return partial(_empty_older, snapshot_dir, known[:SNAPSHOTS_KEPT], months, named)


def _empty_older(snapshot_dir: Path, kept: list[str], months: list[str], named: set[str]) -> None:
    named = named.union(*(_named_days(snapshot_dir / folder) for folder in kept + months))
    passed = [place for place in snapshot_dir.iterdir() if place.is_dir() and place.name < min(kept)]
    for old in [place for place in passed if place.name not in months]:
        for path in old.iterdir():  # all of them: a kill or a day of keys may have kept an earlier one
            if f"{old.name}/{path.stem}" not in named:
                path.unlink()
        if not any(old.iterdir()):
            old.rmdir()


def _last_of_months(snapshot_dir: Path, known: list[str]) -> list[str]:
    """The last snapshots before months were opened: from there these months can be rated again (CHG-36)."""
    last: dict[int, str] = {}
    for folder in known:
        if (month := newest_month(snapshot_dir / folder)) < EVERY_MONTH:
            last.setdefault(month, folder)
    return [last[month] for month in sorted(last)[-CYCLE_SLOTS:]]


def _named_days(folder: Path) -> set[str]:
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return set()
    return {part["file"] for day in json.loads(manifest.read_bytes())["days"].values() for part in day}
