"""A process of its own that writes the lake while networks are served.

Laying out detail and putting files together takes a tenth of a core, in bursts. In the engine's process such a burst
holds the interpreter and both cores while requests wait; here it runs at a lower priority. It does one piece of work
after the other and lives no longer than the engine: a piece that a kill cuts short is as if a thread of the engine had
been cut short, and made good by replay.

    python -m openboss.modules.charging.engine.scribe FD    started by the engine alone
"""

import ctypes
import mmap
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any

NICENESS = 10  # a tenth of a core that the engine wants too, all of one that nobody wants
PARTS_A_WRITE = 1_000  # fewer than the kernel takes at once
_PR_SET_PDEATHSIG = 1


class ScribeEnded(Exception):
    """The process that writes the lake for the engine has ended, its last lines say why: the engine must end too."""


class Scribe:
    """The engine's hold on its scribe."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "POLARS_MAX_THREADS": "1"},
            )
        self._line = Connection(ours.detach())

    def do(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Have a function of a module called there and wait for what it returns; other threads go on meanwhile.

        Raises ScribeEnded, also if the function raised something.
        """
        try:
            self._send(work, arguments)
            return self._line.recv()
        except (EOFError, OSError) as ended:
            raise ScribeEnded(f"it ended with {self._process.wait()}") from ended

    def close(self) -> None:
        """Let it end."""
        self._line.close()
        self._process.wait()

    def _send(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Leave the arguments in memory that both see: arrays go there without holding the interpreter."""
        arrays = list[pickle.PickleBuffer]()
        words = pickle.dumps((work, arguments), protocol=5, buffer_callback=arrays.append)
        parts = [memoryview(words), *(array.raw() for array in arrays)]
        shared = os.memfd_create("detail")
        try:
            for first in range(0, len(parts), PARTS_A_WRITE):
                _write_all(shared, parts[first : first + PARTS_A_WRITE])
            self._line.send([part.nbytes for part in parts])
            send_handle(self._line, shared, self._process.pid)
        finally:
            os.close(shared)


def _write_all(file: int, parts: list[memoryview]) -> None:
    while parts:
        written = os.writev(file, parts)
        while parts and written >= parts[0].nbytes:
            written -= parts.pop(0).nbytes
        if written:
            parts[0] = parts[0][written:]


def end_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _read(line: Connection) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    sizes = line.recv()
    shared = recv_handle(line)
    try:
        whole = memoryview(mmap.mmap(shared, sum(sizes)))
    finally:
        os.close(shared)
    parts, first = [], 0
    for size in sizes:
        parts.append(whole[first : first + size])
        first += size
    work, arguments = pickle.loads(parts[0], buffers=parts[1:])  # from the engine's own process
    return work, arguments


def main() -> None:
    """Do what the engine asks for until it ends."""
    end_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the engine is told; the scribe ends with it
    os.nice(NICENESS)
    with Connection(int(sys.argv[1])) as line:
        while True:
            try:
                work, arguments = _read(line)
            except EOFError:
                return
            line.send(work(*arguments))  # what it raises ends this process, and the engine


if __name__ == "__main__":
    main()
