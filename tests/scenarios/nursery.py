"""Engines that begin with their code loaded: forked from a process that has opened nothing yet.

Who kills an engine ten times would otherwise pay ten times for the imports, most of what a start costs. A child takes
its lock, connects, recovers and listens like a process of its own; what starts it only tells how it ended.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

NURSE = """
import os, sys, threading, traceback
from openboss.access.jobs.installation import set_up_django
set_up_django()
from openboss.access.jobs import charge_command, charge_loop
from openboss.modules.charging.functions import engine
assert threading.active_count() == 1, threading.enumerate()
child = 0
for _ in sys.stdin:
    child = os.fork()
    if not child:
        break
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
code = 1
try:
    exec(sys.argv.pop(1))
    code = 0
except SystemExit as ended:
    code = ended.code
except BaseException:
    traceback.print_exc()
finally:
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else code is not None)  # a forked one's libraries cannot all be put away
"""


class Nursery:
    """Starts a program again and again in one environment, one process at a time."""

    def __init__(self, program: str, environment: dict[str, str], said: Path, *arguments: str) -> None:
        self.environment = environment
        with said.open("ab") as heard:
            self._nurse = subprocess.Popen(
                [sys.executable, "-c", NURSE, program, *arguments],
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=heard, bufsize=0,
            )  # fmt: skip

    def begin(self) -> Forked:
        """Start the program; the one before has ended."""
        assert self._nurse.stdin is not None and self._nurse.stdout is not None
        self._nurse.stdin.write(b"\n")
        return Forked(self._nurse, int(self._nurse.stdout.readline()))

    def close(self) -> None:
        """End the nurse; the program has ended."""
        self._nurse.communicate()


class Forked:
    """What a test needs of a process it did not start itself, named as those of Popen."""

    def __init__(self, nurse: subprocess.Popen[bytes], pid: int) -> None:
        self._nurse, self.pid = nurse, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, if it has."""
        return self._read(0)

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, once it has. Raises TimeoutExpired."""
        if (code := self._read(timeout)) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _read(self, timeout: float | None) -> int | None:
        out = self._nurse.stdout
        assert out is not None
        if self.returncode is None and select.select([out], [], [], timeout)[0]:
            self.returncode = int(out.readline())
        return self.returncode
