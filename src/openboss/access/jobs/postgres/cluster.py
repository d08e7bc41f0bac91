"""One embedded cluster: made once, started when leased, stopped when the last lease ends.

Two locks in the folder keep order: `launch.lock` serialises starting, `lease.lock` is shared by everybody
who uses the server; the guard waits for it exclusively and then stops the server.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from openboss.access.jobs.postgres import processes_of
from openboss.access.jobs.postgres.account import Account, account_for
from openboss.access.jobs.postgres.binaries import SHARED_HOME, binaries_for
from openboss.config.database import CONNECTION_FILE

LAUNCH_LOCK = "launch.lock"
LEASE_LOCK = "lease.lock"
GUARD_LOCK = "guard.lock"
_HOST = "127.0.0.1"
_FIRST_PORT = 54340
_PORTS = 200
_START_TIMEOUT_S = 300
_STOP_TIMEOUT_S = 60
_ROLE = _DATABASE = "openboss"
_SUPERUSER = "postgres"
_SERVER_OPTIONS = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "128MB",
    "work_mem": "16MB",
    "max_wal_size": "4GB",
    "min_wal_size": "1GB",  # files of the log that are used again: to make a new one holds up every commit
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_THROW_AWAY_OPTIONS = {"fsync": "off", "full_page_writes": "off"}  # survives a kill, not a power cut


class DatabaseNotStarted(Exception):
    """The embedded database did not start; the message ends with what its own log says. Nothing was changed."""


class PasswordLost(DatabaseNotStarted):
    """The data folder has a database but its connection file is missing; restore that file or restore a backup."""


@dataclass(frozen=True)
class Connection:
    """How to reach the server, as kept in the connection file (0600)."""

    host: str
    port: int
    user: str
    password: str
    database: str
    superuser_password: str
    server_dir: str

    def url(self) -> str:
        """The same as a DATABASE_URL (the password is URL-safe)."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"


@dataclass
class Lease:
    """A right to use the server; it runs at least until the lease is released or its holder dies."""

    connection: Connection
    _descriptor: int

    def is_last(self) -> bool:
        """Whether nobody else holds a lease; nobody can take one until this one is released."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False  # the attempt gave our shared lock up: only `release` may follow
        return True

    def keep_across_exec(self) -> None:
        """Let the program this process turns into hold the lease on."""
        os.set_inheritable(self._descriptor, True)

    def release(self) -> None:
        """Give the lease back; the guard stops the server soon after the last one."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Cluster:
    """The embedded server of one folder."""

    def __init__(self, folder: Path, *, fsync: bool = True) -> None:
        """Name a cluster by its folder; nothing is touched yet."""
        self.folder = folder.resolve()
        self.fsync = fsync

    # ---- what callers do

    def lease(self) -> Lease:
        """Start the server if it does not run, make role and database if they are missing, and hold it.

        Raises DatabaseNotStarted, PasswordLost, NoPostgresBinaries.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._launching():
            descriptor = os.open(self.folder / LEASE_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits while a guard is stopping the server
                connection = self._start_if_down()
                self._ensure_guard()
            except BaseException:
                os.close(descriptor)
                raise
        return Lease(connection, descriptor)

    @contextmanager
    def leased(self) -> Iterator[Connection]:
        """Hold the server for the length of a block."""
        lease = self.lease()
        try:
            yield lease.connection
        finally:
            lease.release()

    def release_and_stop(self, lease: Lease) -> None:
        """Give a lease back and, if it was the last one, return only when the server has stopped."""
        if lease.is_last():
            self.stop()
        lease.release()

    def revive(self) -> Connection:
        """Start a server that died under a lease we still hold. Raises DatabaseNotStarted."""
        with self._launching():
            return self._start_if_down()

    def is_alive(self) -> bool:
        """Whether the server's main process is there (cheap; says nothing about answering)."""
        connection = self.known_connection()
        return connection is not None and self._server_pid(Path(connection.server_dir)) is not None

    def answers(self) -> bool:
        """Whether the server answers a real query with our password."""
        connection = self.known_connection()
        return connection is not None and _answers(connection)

    def stop(self) -> None:
        """Stop the server whoever uses it, fast but orderly; nothing happens if it does not run."""
        self._stop("fast", "immediate")

    def _stop(self, *ways: str) -> None:
        """Try one way after the other until the server is gone."""
        connection = self.known_connection()
        if connection is None:
            return
        server_dir = Path(connection.server_dir)
        if self._server_pid(server_dir) is None:
            return
        pgdata = server_dir / "pgdata"
        account = account_for(pgdata)
        for way in ways:
            if self._server_pid(server_dir) is not None:
                self._pg_ctl(account, pgdata, "stop", "-m", way, "-t", str(_STOP_TIMEOUT_S))

    def destroy(self) -> None:
        """Stop the server and delete the cluster with everything in it, wherever it was kept."""
        self._stop("immediate")  # nothing has to be written down that goes
        if connection := self.known_connection():
            shutil.rmtree(connection.server_dir, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def known_connection(self) -> Connection | None:
        """The connection file's content, or None before the first start."""
        try:
            return Connection(**json.loads((self.folder / CONNECTION_FILE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except PermissionError as refused:
            raise DatabaseNotStarted(
                f"{self.folder / CONNECTION_FILE} belongs to another user; run as the user who made it"
            ) from refused

    # ---- making and starting

    @contextmanager
    def _launching(self) -> Iterator[None]:
        descriptor = os.open(self.folder / LAUNCH_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _start_if_down(self) -> Connection:
        connection = self.known_connection()
        server_dir = Path(connection.server_dir) if connection else self._choose_server_dir()
        pgdata = server_dir / "pgdata"
        account = account_for(pgdata)
        if not (pgdata / "PG_VERSION").exists():
            connection = self._initdb(server_dir, account)
        elif connection is None:
            raise PasswordLost(str(self.folder / CONNECTION_FILE))
        assert connection is not None
        if self._server_pid(server_dir) is not None:
            try:
                return self._ready(connection)
            except DatabaseNotStarted:
                if self._server_pid(server_dir) is not None:
                    raise
                # it was dying when we looked
        processes_of.clear_leftovers(pgdata)
        return self._ready(self._start(connection, account))

    def _choose_server_dir(self) -> Path:
        """Keep the cluster in our folder, or as root where the service account can reach it."""
        inside = self.folder / "server"
        account = account_for(inside / "pgdata")
        if account.reaches(self.folder):
            return inside
        outside = SHARED_HOME / "clusters" / secrets.token_hex(8)  # never a place an earlier installation used
        outside.mkdir(mode=0o755, parents=True)
        (outside / "belongs_to").write_text(f"{self.folder}\n", encoding="utf-8")
        return outside

    def _initdb(self, server_dir: Path, account: Account) -> Connection:
        """Make the cluster: built beside its place and renamed, so that a kill leaves nothing half made."""
        server_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        server_dir.chmod(0o755 if account.switch else 0o700)
        account.own(server_dir)
        connection = Connection(
            host=_HOST,
            port=_FIRST_PORT,
            user=_ROLE,
            password=secrets.token_urlsafe(24),
            database=_DATABASE,
            superuser_password=secrets.token_urlsafe(24),
            server_dir=str(server_dir),
        )
        draft = server_dir / f"pgdata.new.{secrets.token_hex(4)}"
        password_file = server_dir / f"{draft.name}.password"
        _write_private(password_file, connection.superuser_password + "\n")
        account.own(password_file)
        try:
            made = account.run(
                [
                    *(str(binaries_for(account) / "initdb"), "-D", str(draft), "-U", _SUPERUSER),
                    *("--pwfile", str(password_file), "--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"),
                    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                    *(() if self.fsync else ("--no-sync",)),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        finally:
            password_file.unlink(missing_ok=True)
        if made.returncode != 0:
            raise DatabaseNotStarted(f"initdb failed:\n{made.stdout[-2000:]}")
        self._remember(connection)
        os.replace(draft, server_dir / "pgdata")
        return connection

    def _start(self, connection: Connection, account: Account) -> Connection:
        """Start the server on its last port, or on the next free one."""
        server_dir = Path(connection.server_dir)
        pgdata, log = server_dir / "pgdata", server_dir / "server.log"
        for port in _ports_from(connection.port):
            if not _is_free(port):
                continue
            log_start = log.stat().st_size if log.exists() else 0
            started = self._pg_ctl(
                account, pgdata, "start", "-l", str(log), "-t", str(_START_TIMEOUT_S), "-o", self._options_text(port)
            )
            if started == 0:
                moved = Connection(**{**asdict(connection), "port": port})
                self._remember(moved)
                return moved
            said = _tail(log, log_start)
            if "could not bind" not in said:
                raise DatabaseNotStarted(f"{log}:\n{said}")
        raise DatabaseNotStarted(f"no free port on {_HOST} from {_FIRST_PORT} to {_FIRST_PORT + _PORTS}")

    def _options_text(self, port: int) -> str:
        options = {**_SERVER_OPTIONS, **({} if self.fsync else _THROW_AWAY_OPTIONS), "port": str(port)}
        return " ".join(f"-c {name}='{value}'" for name, value in options.items())

    def _pg_ctl(self, account: Account, pgdata: Path, action: str, *arguments: str) -> int:
        # Its output goes nowhere: the server inherits it, and a pipe would stay open for the server's life.
        return account.run(
            [str(binaries_for(account) / "pg_ctl"), action, "-w", "-s", "-D", str(pgdata), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal must not reach the server before its clients
        ).returncode

    def _ready(self, connection: Connection) -> Connection:
        """Wait for a real answer (crash recovery may take minutes), then make sure of role and database."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        server_dir = Path(connection.server_dir)
        while not _answers(connection) and not _prepare(connection):
            if self._server_pid(server_dir) is None or time.monotonic() > deadline:
                raise DatabaseNotStarted(f"{server_dir / 'server.log'}:\n{_tail(server_dir / 'server.log', 0)}")
            time.sleep(0.1)
        return connection

    def _remember(self, connection: Connection) -> None:
        path = self.folder / CONNECTION_FILE
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        _write_private(draft, json.dumps(asdict(connection), indent=1))
        os.replace(draft, path)

    def _server_pid(self, server_dir: Path) -> int | None:
        return processes_of.server_pid(server_dir / "pgdata")

    def _ensure_guard(self) -> None:
        descriptor = os.open(self.folder / GUARD_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        finally:
            os.close(descriptor)
        subprocess.Popen(
            [sys.executable, "-m", "openboss.access.jobs.postgres.guard", str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _answers(connection: Connection) -> bool:
    try:
        with psycopg.connect(connection.url(), connect_timeout=5) as session:
            return session.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def _prepare(connection: Connection) -> bool:
    """Make role and database where they are missing; False while the server does not answer yet."""
    try:
        session = psycopg.connect(
            host=connection.host,
            port=connection.port,
            user=_SUPERUSER,
            password=connection.superuser_password,
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,
        )
    except psycopg.OperationalError:
        return False
    with session:
        role, database = sql.Identifier(connection.user), sql.Identifier(connection.database)
        if session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [connection.user]).fetchone() is None:
            session.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(role))
        session.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(connection.password)))
        if session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [connection.database]).fetchone() is None:
            session.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
    return True


def _ports_from(preferred: int) -> Iterator[int]:
    for step in range(_PORTS):
        yield _FIRST_PORT + (preferred - _FIRST_PORT + step) % _PORTS


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as PostgreSQL binds it
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _tail(log: Path, start: int) -> str:
    try:
        with log.open("rb") as stream:
            stream.seek(start)
            return stream.read().decode("utf-8", "replace")[-2000:]
    except OSError:
        return "(no log)"
