"""A second server that has every commit of the first before it is acknowledged, and takes over when that one dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import asdict, replace
from pathlib import Path

import psycopg

from openboss.access.jobs.postgres import Cluster, Connection
from openboss.access.jobs.postgres.account import account_for
from openboss.access.jobs.postgres.binaries import binaries_for
from openboss.config.database import CONNECTION_FILE

CAUGHT_UP = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'"
PATIENCE_S = 60


class Standby:
    """A synchronous standby of an embedded cluster's server, by streaming replication."""

    def __init__(self, cluster: Cluster, *, applies_after_ms: int = 0) -> None:
        """Copy the server while it works, let the copy follow, and let commits wait for it from then on.

        applies_after_ms  commits then wait until it has applied them, and so long before: a server that is slow
        """
        connection = cluster.known_connection()
        assert connection is not None
        self._cluster, self._first = cluster, connection
        first = Path(connection.server_dir)
        self._account = account_for(first / "pgdata")
        self._programs = binaries_for(self._account)
        place = first.with_name(f"server-{time.monotonic_ns()}")
        place.mkdir(mode=0o755)
        self._account.own(place)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.connection = replace(connection, port=port, server_dir=str(place))
        self._run("pg_basebackup", "-d", _superuser(connection), "-D", self._pgdata, "-R", "-X", "stream", "-c", "fast",
                  "--no-sync")  # fmt: skip
        settings = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        settings += f" -c recovery_min_apply_delay={applies_after_ms}"
        self._run("pg_ctl", "start", "-w", "-s", "-D", self._pgdata, "-l", str(place / "server.log"), "-o", settings)
        self._set_first("synchronous_standby_names", "*")
        if applies_after_ms:
            self._set_first("synchronous_commit", "remote_apply")
        self._wait_until_it_follows()

    @property
    def _pgdata(self) -> str:
        return str(Path(self.connection.server_dir, "pgdata"))

    def take_over(self) -> None:
        """Be the server from now on: the first one was killed. Who asks for the connection is told the new one."""
        self._run("pg_ctl", "promote", "-w", "-s", "-D", self._pgdata)
        draft = self._cluster.folder / f".{CONNECTION_FILE}.new"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(self.connection)), encoding="utf-8")
        draft.replace(self._cluster.folder / CONNECTION_FILE)
        shutil.rmtree(self._first.server_dir)

    def end(self) -> None:
        """Let the first server go on alone."""
        for name in ("synchronous_standby_names", "synchronous_commit"):
            self._set_first(name, None)
        os.kill(int(Path(self._pgdata, "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        self._run("pg_ctl", "stop", "-w", "-s", "-D", self._pgdata, may_fail=True)
        shutil.rmtree(self.connection.server_dir)

    def _set_first(self, name: str, value: str | None) -> None:
        with psycopg.connect(_superuser(self._first), autocommit=True) as session:
            session.execute(f"ALTER SYSTEM SET {name} = '{value}'" if value else f"ALTER SYSTEM RESET {name}")
            session.execute("SELECT pg_reload_conf()")

    def _wait_until_it_follows(self) -> None:
        until_s = time.monotonic() + PATIENCE_S
        with psycopg.connect(_superuser(self._first), autocommit=True) as session:
            while session.execute(CAUGHT_UP).fetchone() != (1,):
                assert time.monotonic() < until_s, Path(self.connection.server_dir, "server.log").read_text()[-2000:]
                time.sleep(0.05)

    def _run(self, program: str, *arguments: str, may_fail: bool = False) -> None:
        """Run one of PostgreSQL's programs; the server it starts inherits what it writes on."""
        done = self._account.run([str(self._programs / program), *arguments], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
        assert may_fail or done.returncode == 0, (program, done.returncode)


def _superuser(connection: Connection) -> str:
    where = f"{connection.host}:{connection.port}/postgres"
    return f"postgresql://postgres:{connection.superuser_password}@{where}"
