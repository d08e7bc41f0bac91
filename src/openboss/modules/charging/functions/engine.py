"""What processes ask of the charging engine: give it tariffs and users, let it rate, close a cycle, read totals.

The engine runs as a process of its own. Where none runs (command line, tests), the caller becomes the owner for as
long as it takes; the lock below lets only one process be it at a time.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
from django.conf import settings
from django.db import connection

from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.engine.lake import Lake, written_out
from openboss.modules.charging.engine.owner import Owner
from openboss.modules.charging.engine.query import answering
from openboss.modules.charging.engine.recovery import read_only, recover
from openboss.modules.charging.engine.state import Image

__all__ = [
    "EngineRefused",
    "EngineSilent",
    "announce_users",
    "answering",
    "ask_engine",
    "cycle_totals",
    "engine_lock",
    "freeze_cycle",
    "image_payload",
    "last_known_user",
    "load_users",
    "open_cycle",
    "order_answer",
    "publish_tariffs",
    "rate_waiting",
    "recover_engine",
]

LOCK_KEY = 7_301_001  # advisory lock of the stream's owner
PATIENCE_S = 600
LOCK_AGAIN_S = 3
BETWEEN_LOOKS_S = 0.2


class EngineRefused(Exception):
    """The charging engine refused the command; the message says why and what to do first."""


class EngineSilent(Exception):
    """The charging engine did not answer in time: see whether its process runs (`openboss doctor`)."""


@contextlib.contextmanager
def engine_lock() -> Iterator[bool]:
    """Hold the right to be the engine while the block runs; False if another process has it.

    On a connection of its own, so that the lock ends with the process, however that ends.
    """
    parameters = {k: v for k, v in connection.get_connection_params().items() if k in _CONNECTION_FIELDS}
    with psycopg.connect(**parameters, autocommit=True) as own:
        row = own.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchone()
        try:
            yield bool(row and row[0])
        finally:  # closing alone gives it back a moment later, when the server's process has ended
            own.execute("SELECT pg_advisory_unlock_all()")


_CONNECTION_FIELDS = ("dbname", "user", "password", "host", "port", "sslmode")


def recover_engine(threads: int | None = None) -> Owner:
    """Become the owner of the stream: call it under `engine_lock` only."""
    folder = Path(settings.DATA_DIR) / "engine"
    folder.mkdir(parents=True, exist_ok=True)
    return recover(lake_dir=Path(settings.LAKE_DIR), snapshot_dir=folder, threads=threads or os.cpu_count() or 1)


def last_known_user(subscriber_id: int) -> dict[str, Any]:
    """One user's charges and free resources from the newest snapshot: for when no engine answers."""
    newest = next((folder for _, folder in journal.snapshots()), "")
    if newest not in _read:
        _read.clear()
        _read[newest] = read_only(lake_dir=Path(settings.LAKE_DIR), snapshot_dir=Path(settings.DATA_DIR) / "engine")
    return _read[newest].user_now(subscriber_id)


_read: dict[str, Owner] = {}  # the last snapshot read, by its folder


def rate_waiting() -> int:
    """Rate everything that waits now; if an engine process runs, wait until it has. Return inputs taken here.

    If that process ends meanwhile, its work is done here. Raises EngineSilent.
    """
    for _ in range(PATIENCE_S // LOCK_AGAIN_S):
        with engine_lock() as mine:
            if mine:
                owner = recover_engine()
                taken = owner.drain()
                owner.snapshot()
                return taken
        if _nothing_waits_within(LOCK_AGAIN_S):
            return 0
    raise EngineSilent("what waits was not taken for 10 minutes")


def _nothing_waits_within(seconds: int) -> bool:
    for _ in range(round(seconds / BETWEEN_LOOKS_S)):
        if not journal.ready_chunks(1) and not journal.waiting_commands(1):
            return True
        time.sleep(BETWEEN_LOOKS_S)
    return False


def begin_timeline() -> None:
    """After a restore: begin a new timeline, so that what the lake has beyond the journal no longer counts."""
    journal.start_timeline()


def ask_engine(kind: str, payload: dict[str, Any], *, serial_no: str | None = None) -> dict[str, Any]:
    """Send a command, have it carried out, and return the engine's answer with its position.

    serial_no  of a write of money: sent again under the same number, it is answered as it was the first time

    Raises EngineRefused, EngineSilent. Not inside a transaction: the engine would not see the command.
    """
    command_id = journal.send_command(kind=kind, payload=payload, serial_no=serial_no)
    rate_waiting()
    outcome = journal.command_state(command_id)
    if outcome.state == "REFUSED":
        raise EngineRefused((outcome.answer or {})["refusal"])
    return {**(outcome.answer or {}), "position": outcome.position}


def order_answer(command_id: int) -> dict[str, Any] | None:
    """The engine's answer to a command that was left for it; None while it waits, or if it was refused."""
    outcome = journal.command_state(command_id)
    return outcome.answer if outcome.state == "DONE" else None


def publish_tariffs(path: str, sha256: str) -> dict[str, Any]:
    """Give the engine a publication of the catalog (path below the lake)."""
    return ask_engine("PUBLICATION", {"path": path, "sha256": sha256})


FEW_ROWS = 100  # of an image: four kilobytes


def image_payload(image: Any) -> dict[str, Any]:
    """Write an image of base data into the lake and describe it for a command; same image, same files.

    That of a few users is in the command itself.
    """
    lake = Lake(Path(settings.LAKE_DIR))
    frames = {}
    for name in Image._fields:
        frame: pl.DataFrame | None = getattr(image, name, None)
        if frame is None:
            continue
        if frame.height <= FEW_ROWS:
            frames[name] = {"path": written_out(frame), "sha256": ""}
            continue
        content = hashlib.sha256(frame.hash_rows(seed=1).to_numpy().tobytes()).hexdigest()
        path = f"images/{name}-{content}.parquet"
        frames[name] = {"path": path, "sha256": lake.publish(frame, path)}
    return {"frames": frames}


def load_users(image: Any) -> dict[str, Any]:
    """Give the engine the base data of users: numbers, offers, groups (customers.functions.engine_image)."""
    return ask_engine("IMAGE", image_payload(image))


def announce_users(image: Any) -> int:
    """Leave the new base data of users for the engine, in the caller's transaction; return the command's id.

    For business that must not wait for the engine: it takes the command within a second, before later usage.
    """
    return journal.send_command(kind="IMAGE", payload=image_payload(image))


def open_cycle(cycle: int) -> dict[str, Any]:
    """Open a cycle (202610) for usage; free resources of the month are granted."""
    return ask_engine("OPEN_CYCLE", {"cycle": cycle})


def freeze_cycle(cycle: int) -> dict[str, Any]:
    """Close a cycle to usage; the answer names the published totals and the position. Raises EngineRefused."""
    return ask_engine("FREEZE", {"cycle": cycle})


def cycle_totals(paths: dict[str, str], sha256: dict[str, str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read what a freeze has published: totals and free resources (schema TOTALS, FREE_USE)."""
    lake = Lake(Path(settings.LAKE_DIR))
    return lake.read_chunk(paths["totals"], sha256["totals"]), lake.read_chunk(paths["free"], sha256["free"])
