"""Which running processes belong to a data folder; by /proc, because a pid alone proves nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

_GRACE_S = 5.0


def server_pid(pgdata: Path) -> int | None:
    """The main process of a data folder's server, or None; a stale or re-used pid in its pid file is None."""
    try:
        pid = int((pgdata / "postmaster.pid").read_text(encoding="ascii", errors="replace").split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if _belongs(pid, pgdata) else None


def clear_leftovers(pgdata: Path) -> None:
    """Make a data folder startable after a kill: end orphaned backends, then remove the stale pid file.

    A server refuses to start while backends of its killed predecessor are alive, and while the pid in the
    pid file is alive, be it a text editor by now. Call only when `server_pid` is None.
    """
    for kill in (signal.SIGQUIT, signal.SIGKILL):
        if not (orphans := _all_of(pgdata)):
            break
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, kill)
        deadline = time.monotonic() + _GRACE_S
        while _all_of(pgdata) and time.monotonic() < deadline:
            time.sleep(0.05)
    (pgdata / "postmaster.pid").unlink(missing_ok=True)


def _all_of(pgdata: Path) -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _belongs(int(entry), pgdata)]


def _belongs(pid: int, pgdata: Path) -> bool:
    """Whether a live process is a PostgreSQL program working in this data folder (and not a zombie)."""
    try:
        if os.readlink(f"/proc/{pid}/cwd") != str(pgdata):
            return False
        return Path(os.readlink(f"/proc/{pid}/exe")).name.split(" ")[0] == "postgres"
    except OSError:
        return False
