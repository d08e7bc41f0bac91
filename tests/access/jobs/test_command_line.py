"""The command line as an operator meets it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openboss.access.jobs.postgres import Cluster


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _children(pid: int) -> list[int]:
    try:
        found = [int(child) for child in Path("/proc", str(pid), "task", str(pid), "children").read_text().split()]
    except OSError:
        return []
    return [*found, *(below for child in found for below in _children(child))]


def _alive(pid: int) -> bool:
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _command(pid: int) -> bytes:
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes()
    except OSError:
        return b""


def _eventually(condition: Callable[[], bool], *, within_s: float = 20.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def _started(installation: Any) -> tuple[subprocess.Popen[str], str]:
    """`openboss up`, when its console answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "openboss.access.jobs.cli", "up"],
        env=installation.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("OpenBOSS is ready: "):
            return process, line.split()[-1]
    pytest.fail("".join(said[-30:]))


def test_help_names_every_command(new_installation: Callable[..., Any]) -> None:
    said = new_installation().run("--help").stdout
    for command in ("up", "generate", "collect", "rate", "bill", "doctor", "backup", "restore", "migrate", "demo"):
        assert f" {command} " in said


def test_an_unreachable_database_ends_with_code_3_and_says_what_to_do(new_installation: Callable[..., Any]) -> None:
    nowhere = new_installation(DATABASE_URL=f"postgresql://nobody:x@127.0.0.1:{_free_port()}/none")
    refused = nowhere.run("doctor", "--json")
    found = {finding["subject"]: finding for finding in json.loads(refused.stdout)}
    assert refused.returncode == 1
    assert found["database"]["state"] == "wrong"
    assert "DATABASE_URL" in found["database"]["advice"]
    closed = nowhere.run("bill", "202610", "--status")
    assert (closed.returncode, "openboss doctor" in closed.stderr) == (3, True), closed.stderr[-600:]


def test_the_doctor_finds_what_is_wrong_and_says_what_to_do(new_installation: Callable[..., Any]) -> None:
    installation = new_installation(OPENBOSS_WEB_PORT=str(_free_port()))
    assert installation.run("keys", "show", "--json").returncode == 0
    (installation.data_dir / "keys.json").chmod(0o644)
    (installation.data_dir / "lake" / "usage").mkdir(parents=True)  # the table's log is gone
    with Cluster(installation.data_dir / "postgres", fsync=False).leased(), socket.socket() as taken:
        taken.bind(("127.0.0.1", int(installation.environment["OPENBOSS_WEB_PORT"])))
        taken.listen()
        sick = installation.run("doctor", "--json")
    found = {finding["subject"]: finding for finding in json.loads(sick.stdout)}
    assert sick.returncode == 1
    assert found["keys"]["advice"].startswith("chmod 600")
    assert found["migrations"]["state"] == "wrong"
    assert "openboss migrate" in found["migrations"]["advice"]
    assert (found["lake"]["state"], found["lake"]["advice"]) == ("wrong", "Restore the last backup.")
    assert found["console port"]["state"] == "note"
    assert "OPENBOSS_WEB_PORT" in found["console port"]["advice"]


def _asks_the_database(address: str) -> bool:
    """Open a page with a session nobody has: the console looks for it in the database, then asks for a login."""
    asked = urllib.request.Request(address, headers={"Cookie": "sessionid=0123456789abcdefghijklmnopqrstuv"})
    try:
        with urllib.request.urlopen(asked, timeout=10) as page:
            return page.status == 200 and "/login/" in page.url
    except urllib.error.HTTPError:
        return False


def test_everything_comes_up_survives_a_killed_database_and_stops_on_ctrl_c_leaving_nothing(
    new_installation: Callable[..., Any],
) -> None:
    installation = new_installation(OPENBOSS_WEB_PORT=str(_free_port()))
    process, address = _started(installation)
    cluster = Cluster(installation.data_dir / "postgres")
    assert _asks_the_database(address)
    console = {pid for pid in _children(process.pid) if b"granian" in _command(pid)}
    connection = cluster.known_connection()
    assert connection is not None
    server = int((Path(connection.server_dir) / "pgdata" / "postmaster.pid").read_text().split("\n")[0])
    os.kill(server, signal.SIGKILL)
    assert _eventually(cluster.answers)
    assert _eventually(lambda: _asks_the_database(address))
    family = _children(process.pid)
    assert console
    assert console <= set(family)  # it found its database again without being started anew
    assert len(family) >= 4
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert not any(_alive(pid) for pid in family)
    assert not cluster.is_alive()


def test_nothing_outlives_a_killed_supervisor(new_installation: Callable[..., Any]) -> None:
    installation = new_installation(OPENBOSS_WEB_PORT=str(_free_port()))
    process, _address = _started(installation)
    family = _children(process.pid)
    process.kill()
    process.wait()
    assert _eventually(lambda: not any(_alive(pid) for pid in family))
    assert _eventually(lambda: not Cluster(installation.data_dir / "postgres").is_alive())
