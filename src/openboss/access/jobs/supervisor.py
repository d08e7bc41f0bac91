"""Keeps the processes of one machine running in the foreground: starts, restarts, and stops them together.

A child that dies is started again, at first at once, then ever more slowly. Ctrl-C or SIGTERM stops all of them
within seconds. If the supervisor itself is killed, the kernel signals the children and the database's guard
notices the released lease: nothing is left running.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from openboss.access.jobs.postgres import Cluster, DatabaseNotStarted

_TIED = Path(__file__).with_name("tied.py")
_POLL_S = 0.2
_BACKOFF_FIRST_S = 0.5
_BACKOFF_MAX_S = 30.0
_HEALTHY_AFTER_S = 30.0
_DATABASE_CHECK_S = 1.0


@dataclass(frozen=True)
class Service:
    """One process to keep running."""

    name: str
    command: tuple[str, ...]


@dataclass
class _Child:
    service: Service
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    backoff_s: float = _BACKOFF_FIRST_S
    start_again_s: float = 0.0
    pump: threading.Thread | None = field(default=None, repr=False)


class Supervisor:
    """Runs services until it is told to stop; `say` gets one finished line of log at a time."""

    def __init__(
        self,
        services: Sequence[Service],
        *,
        cluster: Cluster | None,
        say: Callable[[str, str], None],
        stop_grace_s: float = 8.0,
    ) -> None:
        """Prepare; `cluster` is the embedded database whose lease the caller holds, or None."""
        self._children = [_Child(service) for service in services]
        self._cluster = cluster
        self._say = say
        self._stop_grace_s = stop_grace_s
        self._stopping = threading.Event()

    def run(self, *, until: Callable[[], bool] | None = None) -> None:
        """Run the services until SIGINT, SIGTERM or `until()`; then stop them all."""
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        checked_s = time.monotonic()
        try:
            while not self._stopping.is_set() and not (until is not None and until()):
                if time.monotonic() - checked_s >= _DATABASE_CHECK_S:
                    self._keep_database()
                    checked_s = time.monotonic()
                for child in self._children:
                    self._keep(child)
                self._stopping.wait(_POLL_S)
        finally:
            self._stop_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Ask `run` to stop (from a signal or another thread)."""
        self._stopping.set()

    def pids(self) -> dict[str, int]:
        """The running children by name."""
        return {
            child.service.name: child.process.pid
            for child in self._children
            if child.process is not None and child.process.poll() is None
        }

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stopping.set()

    def _keep(self, child: _Child) -> None:
        """Notice a death, and start what should run and does not."""
        now_s = time.monotonic()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                return
            _kill_group(child.process.pid, signal.SIGKILL)  # its own children, if it left any
            if now_s - child.started_s >= _HEALTHY_AFTER_S:
                child.backoff_s = _BACKOFF_FIRST_S
            self._say(child.service.name, f"ended with {_ending(code)}; starting again in {child.backoff_s:g} s")
            child.process = None
            child.start_again_s = now_s + child.backoff_s
            child.backoff_s = min(child.backoff_s * 2, _BACKOFF_MAX_S)
        if now_s >= child.start_again_s:
            self._start(child)

    def _start(self, child: _Child) -> None:
        # Started from the main thread only: the kernel's death signal is tied to the thread that forked.
        child.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_TIED), str(os.getpid()), *child.service.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # Ctrl-C reaches us alone; we stop the children in order
        )
        child.started_s = time.monotonic()
        assert child.process.stdout is not None
        child.pump = threading.Thread(target=self._pump, args=(child.service.name, child.process.stdout), daemon=True)
        child.pump.start()

    def _pump(self, name: str, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self._say(name, line.decode("utf-8", "replace").rstrip("\n"))

    def _keep_database(self) -> None:
        if self._cluster is None or self._cluster.is_alive():
            return
        self._say("postgres", "the database server died; starting it again")
        before = self._cluster.known_connection()
        try:
            after = self._cluster.revive()
        except DatabaseNotStarted as failed:
            self._say("postgres", f"did not start, trying again: {failed}")
            return
        self._say("postgres", "the database server runs again")
        if before is None or before.port != after.port:
            for child in self._children:  # they know the old port
                if child.process is not None:
                    _kill_group(child.process.pid, signal.SIGTERM)

    def _stop_all(self) -> None:
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            _kill_group(process.pid, signal.SIGTERM)
        deadline_s = time.monotonic() + self._stop_grace_s
        for process in running:
            try:
                process.wait(timeout=max(deadline_s - time.monotonic(), 0.01))
            except subprocess.TimeoutExpired:
                self._say("supervisor", f"process {process.pid} did not stop in time and was killed")
            _kill_group(process.pid, signal.SIGKILL)
            process.wait()
        for child in self._children:
            if child.pump is not None:
                child.pump.join(timeout=1.0)


def _kill_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
