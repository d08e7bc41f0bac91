"""Small installations whose processes are real ones and may be killed, and what can be said about them afterwards.

A world is a data folder and a database of its own on one embedded server. A finished world is copied in a second, so
that an undisturbed run and many disturbed ones begin from the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg

from openboss.access.jobs.generate import generate_operator
from openboss.access.jobs.postgres import Cluster
from tests.scenarios.nursery import Forked

EXAMPLE = Path(__file__).parents[2] / "example"
CYCLE = 202609
FIRST_DAY, DAYS, USERS, SEED = date(2026, 9, 27), 6, 120, 3
MOMENT = datetime(2026, 10, 4, 1, 0, tzinfo=UTC)
PATIENCE_S = 300

_OPEN = f"""
import sys
from datetime import datetime
from pathlib import Path
from openboss.access.jobs import clock
from openboss.access.jobs.installation import migrate, open_installation
moment = datetime.fromisoformat({MOMENT.isoformat()!r})
clock.pin(moment)
with open_installation():
    migrate(verbosity=0)
    from openboss.processes.open_operator import open_operator, take_customers_over
    open_operator(Path(sys.argv[1]), at=moment)
    take_customers_over(Path(sys.argv[2]), first_cycle={CYCLE}, at=moment)
"""


@dataclass
class World:
    """One installation: its folder, its database, the server that has it."""

    data_dir: Path
    database: str
    cluster: Cluster

    @property
    def lake_dir(self) -> Path:
        return self.data_dir / "lake"

    @property
    def inbox_dir(self) -> Path:
        return self.data_dir / "inbox"

    def environment(self) -> dict[str, str]:
        """What a process needs to work in this world; the server's port may change when it is started again."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPENBOSS_")}
        return {
            **inherited,
            "DATABASE_URL": self.url(),
            "OPENBOSS_DATA_DIR": str(self.data_dir),
            "OPENBOSS_TIMEZONE": "Asia/Shanghai",
            "DJANGO_SETTINGS_MODULE": "openboss.config.settings",
            "PYTHONUNBUFFERED": "1",
        }

    def url(self) -> str:
        connection = self.cluster.known_connection()
        assert connection is not None
        return connection.url().rsplit("/", 1)[0] + f"/{self.database}"

    def start(self, *arguments: str, program: str | None = None) -> subprocess.Popen[bytes]:
        """Start `openboss ARGUMENTS`, or a program, here; what it says is kept in a file."""
        command = ["-c", program] if program else ["-m", "openboss.access.jobs.cli"]
        with (self.data_dir / "said.txt").open("ab") as said:
            return subprocess.Popen(
                [sys.executable, *command, *arguments], env=self.environment(), stdout=said, stderr=subprocess.STDOUT
            )

    def run(self, *arguments: str, program: str | None = None) -> int:
        """Run `openboss ARGUMENTS`, or a program, to its end; return its exit code."""
        process = self.start(*arguments, program=program)
        try:
            return process.wait(timeout=PATIENCE_S)
        finally:
            process.kill()

    def heard(self) -> str:
        """Everything the processes of this world have said."""
        return (self.data_dir / "said.txt").read_text(encoding="utf-8", errors="replace")

    def ask(self, question: str) -> list[tuple]:
        """Ask this world's database."""
        with psycopg.connect(self.url(), autocommit=True) as session:
            return session.execute(question).fetchall()

    def deliver(self, files: list[Path]) -> None:
        """Drop usage files into the inboxes, each whole."""
        for path in files:
            inbox = self.inbox_dir / path.parent.name
            inbox.mkdir(parents=True, exist_ok=True)
            draft = inbox / f".{path.name}.tmp"
            shutil.copyfile(path, draft)
            draft.rename(inbox / path.name)

    def waiting_files(self) -> list[str]:
        """Name the usage files that still lie in an inbox."""
        return sorted(path.name for path in self.inbox_dir.glob("*/*") if not path.name.startswith("."))

    def server_pid(self) -> int:
        """The main process of the database server."""
        connection = self.cluster.known_connection()
        assert connection is not None
        return int((Path(connection.server_dir) / "pgdata" / "postmaster.pid").read_text().split()[0])

    def copy(self, name: str, *, tablespace: str = "") -> World:
        """Make a world that is the same to the byte; nobody may be at work in this one."""
        data_dir = self.data_dir.with_name(name)
        shutil.copytree(self.data_dir, data_dir, ignore=shutil.ignore_patterns("*.sock"))
        with _session(self.cluster) as session:
            # Not the default strategy: it copies sequences as they stand in memory, and PostgreSQL then logs their
            # next values only after 32 more; a server killed before that gives the same ids out again.
            session.execute(f"CREATE DATABASE {name} TEMPLATE {self.database} STRATEGY file_copy {tablespace}")
        return World(data_dir, name, self.cluster)


@contextmanager
def _session(cluster: Cluster) -> Iterator[psycopg.Connection]:
    connection = cluster.known_connection()
    assert connection is not None
    with psycopg.connect(connection.url(), autocommit=True) as session:
        yield session


def found_world(folder: Path, cluster: Cluster) -> tuple[World, list[list[Path]]]:
    """Open an operator with its customers; return it and the portions in which its usage will be delivered."""
    generated = folder / "generated"
    generate_operator(users=USERS, days=DAYS, seed=SEED, start=FIRST_DAY, out=generated, example=EXAMPLE)
    world = World(folder / "opened", "opened", cluster)
    world.data_dir.mkdir()
    with _session(cluster) as session:
        session.execute("CREATE DATABASE opened")
    assert world.run(str(EXAMPLE), str(generated / "base"), program=_OPEN) == 0, world.heard()
    return world, _portions(generated)


def _portions(generated: Path) -> list[list[Path]]:
    """Half a source at a time, in order of sequence; then what came late or twice."""
    portions = []
    for source in sorted((generated / "usage").iterdir()):
        files = sorted(source.iterdir())
        portions += [files[: len(files) // 2], files[len(files) // 2 :]]
    late = sorted((generated / "usage_late").glob("*/*"))
    return [*portions, *([path] for path in late)]


def kill(process: subprocess.Popen[bytes] | Forked) -> bool:
    """Kill a process as the kernel would; return whether it was alive until then."""
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def read_answer(world: World) -> dict[str, dict[str, str]]:
    """What the engine answered when it froze the cycle."""
    rows = world.ask("SELECT answer FROM charging_enginecommand WHERE kind = 'FREEZE' AND state = 'DONE'")
    assert len(rows) == 1, rows
    answer = rows[0][0]
    return answer if isinstance(answer, dict) else json.loads(answer)
