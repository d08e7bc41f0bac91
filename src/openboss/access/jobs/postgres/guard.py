"""Stops an embedded server when nobody holds a lease on it any more, however the holders ended.

Run as a program of its own (`python -m openboss.access.jobs.postgres.guard FOLDER`): a kill -9 of the holder
releases its lock, and that is what wakes the guard.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from pathlib import Path

from openboss.access.jobs.postgres.cluster import GUARD_LOCK, LEASE_LOCK, Cluster


def main(folder: str) -> int:
    """Wait until the last lease is gone, then stop the server."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the holder; its end is our signal
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    cluster = Cluster(Path(folder))
    guard_lock = os.open(cluster.folder / GUARD_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(guard_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0  # another guard is on duty
    leases = os.open(cluster.folder / LEASE_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(leases, fcntl.LOCK_EX)
    cluster.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
