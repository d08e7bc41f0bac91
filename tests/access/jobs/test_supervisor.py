"""The supervisor, with small programs as children and real kills."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from openboss.access.jobs.supervisor import Service, Supervisor

_STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
_TWO_SERVICES = """
import sys
from openboss.access.jobs.supervisor import Service, Supervisor
sleep = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)")
parent = (sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '600'])")
supervisor = Supervisor([Service("one", sleep), Service("two", parent)], cluster=None, say=lambda name, line: None)
import threading, time
def tell():
    while len(supervisor.pids()) < 2: time.sleep(0.05)
    print(*supervisor.pids().values(), flush=True)
threading.Thread(target=tell, daemon=True).start()
supervisor.run()
"""


def _alive(pid: int) -> bool:
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _eventually(condition: Callable[[], bool], *, within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def _running_supervisor() -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen([sys.executable, "-c", _TWO_SERVICES], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert _eventually(lambda: bool(_grandchildren(pids[1])))  # Python has to begin first
    return process, pids


def _grandchildren(pid: int) -> list[int]:
    found = Path("/proc", str(pid), "task", str(pid), "children")
    return [int(child) for child in found.read_text().split()]


def test_a_child_that_dies_is_started_again_and_its_death_is_told() -> None:
    said: list[tuple[str, str]] = []
    service = Service("brief", (sys.executable, "-c", "print('hello', flush=True)"))
    supervisor = Supervisor([service], cluster=None, say=lambda name, line: said.append((name, line)))
    supervisor.run(until=lambda: said.count(("brief", "hello")) >= 2)
    assert ("brief", "ended with exit code 0; starting again in 0.5 s") in said


def test_restarts_come_ever_more_slowly() -> None:
    said: list[str] = []
    supervisor = Supervisor(
        [Service("broken", ("/bin/false",))], cluster=None, say=lambda _name, line: said.append(line)
    )
    supervisor.run(until=lambda: len(said) >= 3)
    assert said == [f"ended with exit code 1; starting again in {wait} s" for wait in ("0.5", "1", "2")]


def test_a_killed_child_is_started_again() -> None:
    pids: set[int] = set()
    supervisor = Supervisor([Service("sleep", ("/bin/sleep", "600"))], cluster=None, say=lambda _name, _line: None)

    def second_life() -> bool:
        for pid in supervisor.pids().values():
            if not pids:
                os.kill(pid, signal.SIGKILL)
            pids.add(pid)
        return len(pids) == 2

    supervisor.run(until=second_life)
    assert not any(_alive(pid) for pid in pids)


def test_a_child_that_ignores_the_request_to_stop_is_killed_and_that_is_told() -> None:
    said: list[str] = []
    supervisor = Supervisor(
        [Service("stubborn", (sys.executable, "-c", _STUBBORN))],
        cluster=None,
        say=lambda _name, line: said.append(line),
        stop_grace_s=1.0,
    )
    started_s = time.monotonic()
    supervisor.run(until=lambda: "up" in said)
    assert time.monotonic() - started_s < 5
    assert said[-1].endswith("did not stop in time and was killed")


def test_sigterm_stops_everything_within_seconds() -> None:
    process, pids = _running_supervisor()
    everything = [*pids, *(child for pid in pids for child in _grandchildren(pid))]
    assert len(everything) == 3
    process.terminate()
    assert process.wait(timeout=5) == 0
    assert not any(_alive(pid) for pid in everything)


def test_ctrl_c_stops_everything_within_seconds() -> None:
    process, pids = _running_supervisor()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=5) == 0
    assert not any(_alive(pid) for pid in pids)


def test_no_child_outlives_a_killed_supervisor() -> None:
    process, pids = _running_supervisor()
    orphans = [child for pid in pids for child in _grandchildren(pid)]
    process.kill()
    process.wait()
    assert _eventually(lambda: not any(_alive(pid) for pid in pids))
    for orphan in orphans:  # `sleep` under a parent that does not pass the signal on: ours all do
        with contextlib.suppress(ProcessLookupError):
            os.kill(orphan, signal.SIGKILL)


def test_stopping_from_another_thread_works() -> None:
    supervisor = Supervisor([Service("sleep", ("/bin/sleep", "600"))], cluster=None, say=lambda _name, _line: None)
    threading.Timer(0.5, supervisor.stop).start()
    supervisor.run()
    assert supervisor.pids() == {}
