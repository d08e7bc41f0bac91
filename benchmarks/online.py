"""How fast networks are answered, durably: Gy over 4 connections against a real `openboss charge` on a real PostgreSQL.

    python -m benchmarks.online [MODE] [--users N] [--rate R] [--seconds S]

Users with a plan of the example (PLANS: free minutes and megabytes, steps, calls at home dearer by day than by night,
long distance likewise) and a wallet each are put into the engine's state and saved as a snapshot; what is measured then
are the product's own processes: `openboss charge`, PostgreSQL with fsync and synchronous_commit on, and the generator
(_online_load.py) in a process of its own. Sessions of I + 3 U + T: seven of ten data, one of these with two services in
every request, two calls nearby, one far away; one of ten belongs to a user who has another one open.

    load     one offered rate: answered, shed, refused, p50, p99, p99.9, CPU of engine, database and generator
    rates    several rates, each on the state the last one left
    parts    where the time goes: read, decide (and of it in compiled code), journal, write, in groups of 64, 256 and
             1,024, in this process; the share of requests that went the slow way; a wallet that
             all use; bytes of state with sessions open
    sizes    what a request costs at two numbers of users (`--users 1000000,8000000`), and bytes of state a user
             (from a minute at a hundred thousand users to ten at eight million)
    overload 1.5 and 2 times `--rate` for 20 s, with half of it before, meanwhile and after: how long running sessions
             wait, what is shed, how soon it is over
    restart  kill -9 under load, then until the engine is ready and until it has answered a network
    batch    the same while usage in files is rated
    flush    the same with 0, 1 and 5 ms added to every flush of the database's log (PostgreSQL's own commit_delay with
             commit_siblings = 0: the server sleeps before it flushes)
    client   an independent client, python-diameter with threads, as an anchor
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks._books import TICKS_A_S, _stat

EXAMPLE = Path(__file__).parents[1] / "example"
PLANS = ("GOTONE_98", "GOTONE_LOCAL_88", "GOTONE_BUSINESS_88", "GOTONE_PREMIUM_288", "EASYOWN_HOME", "MZONE_20")
BALANCE_LI = 100_000
READY, PATIENCE_S = "engine ready", 180.0
GROUPS = (64, 256, 1024)
MANY_SESSIONS = 100_000  # open at once, where bytes are counted
RATES = (5_000, 20_000, 50_000, 100_000, 150_000, 200_000)
CALM_BEFORE_S, OVERLOAD_S, CALM_AFTER_S = 5, 20, 10
CALM_MS = 100  # nobody waits longer when it is over
LOG_MB = 1_200  # of the database's log, written and used up before anything is measured


# --- users ---------------------------------------------------------------------------------------------------------


def found_users(users: int, at: datetime) -> float:
    """Open the operator, enter so many users with wallets, save the state; return bytes of state a user."""
    from openboss.access.jobs.installation import migrate
    from openboss.modules.charging.functions.engine import engine_lock, recover_engine
    from openboss.processes.open_operator import open_operator

    migrate(verbosity=0)
    open_operator(EXAMPLE, at=at)
    with engine_lock() as mine:
        assert mine
        owner = recover_engine()
        owner.drain()
        _enter(owner.state, users, at)
        owner.position += 1  # so that the snapshot is a new one
        _journal_nothing(owner)
        size = sum(array.nbytes for array in owner.state.arrays().values())
        owner.snapshot()
    return size / users


def _enter(state: Any, users: int, at: datetime) -> None:
    """Give every user a plan, every third an add-on, everybody a wallet."""
    import numpy as np
    import polars as pl
    from benchmarks import kernel
    from benchmarks._online_load import numbers_of

    from openboss.kernel.tariffs import FOREVER_S
    from openboss.modules.charging.engine.online.desk import WALLET, with_users
    from openboss.modules.charging.engine.state import Image

    offers = {version.code: version.offer_id for version in kernel.example_versions()}
    mains, addons = (np.array([offers[code] for code in codes]) for codes in (PLANS, kernel.ADDONS))
    ids = np.arange(1, users + 1)
    span = {"from_local_s": pl.lit(0, pl.Int64), "to_local_s": pl.lit(FOREVER_S, pl.Int64)}
    main = pl.DataFrame({"subscriber_id": ids, "offer_id": mains[ids % len(mains)]})
    addon = pl.DataFrame({"subscriber_id": ids[2::3], "offer_id": addons[ids[2::3] % len(addons)]})
    held = pl.concat([main, addon]).with_columns(pl.lit(0, pl.Int8).alias("first_month"), **span)
    kinds = {"subscriber_id": pl.Int64, "from_local_s": pl.Int64, "to_local_s": pl.Int64}
    state.apply_image(
        Image(
            subscribers=pl.DataFrame({"subscriber_id": ids}),
            numbers=pl.DataFrame({"number": numbers_of(users), "subscriber_id": ids}).with_columns(**span),
            imsis=pl.DataFrame(schema={"imsi": pl.Int64, **kinds}),
            holdings=held.select("subscriber_id", "offer_id", "first_month", "from_local_s", "to_local_s"),
            groups=pl.DataFrame(schema={"group_id": pl.Int64, "kind": pl.Int8, **kinds}),
        )
    )
    state.open_cycle(at.year * 100 + at.month)
    wallets = np.zeros(users, WALLET)
    wallets["account_id"], wallets["balance_li"] = ids, BALANCE_LI
    state.desk = with_users(state.desk, state.used["rows"])._replace(wallets=wallets)
    state.desk.user_wallet[state.row_of[ids]] = np.arange(users)


def use_up_log() -> None:
    """Bring the server's log to where it is after some hours: its files are used again and not made anew."""
    import psycopg

    from openboss.access.jobs.installation import embedded_cluster

    cluster = embedded_cluster()
    assert cluster
    known = cluster.known_connection()
    assert known
    with psycopg.connect(
        host=known.host, port=known.port, user="postgres", password=known.superuser_password, dbname=known.database,
        autocommit=True,
    ) as server:  # fmt: skip
        for _ in range(LOG_MB):
            server.execute("SELECT pg_logical_emit_message(false, 'bench', repeat('x', 1048576))")
        server.execute("CHECKPOINT")


def _journal_nothing(owner: Any) -> None:
    """Journal an input that repeats what is known, so that positions have no gap."""
    from django.db import transaction

    from openboss.modules.charging.atomic import engine as journal

    payload = {"sha256": owner.state.tariff_sha256}
    with transaction.atomic():
        journal.append_journal(owner.ownership, position=owner.position, kind="PUBLICATION", payload=payload)


# --- processes -------------------------------------------------------------------------------------------------------


class Engine:
    """A running `openboss charge`, with the server behind it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.process: subprocess.Popen[bytes]
        self.log = folder / "charge.log"
        self.start()

    def start(self) -> float:
        """Start the process; return seconds until it is ready."""
        began, before = time.monotonic(), self._ready_lines()
        environment = {**os.environ, "OPENBOSS_DIAMETER_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installation keeps its bytecode
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "openboss.access.jobs.cli", "charge"], env=environment, stdout=log, stderr=log
            )
        while self._ready_lines() == before:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < began + PATIENCE_S, "the engine did not become ready"
            time.sleep(0.02)
        ready_s = time.monotonic() - began
        while not self._listens():
            time.sleep(0.02)
        return ready_s

    def _ready_lines(self) -> int:
        return self.log.read_text(errors="replace").count(READY) if self.log.exists() else 0

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """End it as the kernel would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Throw it away; its state is not needed."""
        if self.process.poll() is None:
            self.kill()


def cpu_s(pid: int) -> float:
    """CPU seconds of a process."""
    return sum(_stat(pid)[11:13]) / TICKS_A_S


def server_cpu_s() -> float:
    """CPU seconds of the database server with all its processes."""
    from benchmarks._books import _server_cpu_s

    return float(_server_cpu_s())


def begin_load(engine: Engine, given: argparse.Namespace, rate: float, **more: object) -> subprocess.Popen[str]:
    """Start the generator in its own process."""
    arguments = {
        "port": engine.port, "users": given.users, "rate": rate, "seconds": given.seconds,
        "first-session": next(_sessions), **more,
    }  # fmt: skip
    words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks._online_load", *words], stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip


def _first_sessions() -> Iterator[int]:
    first = 0
    while True:
        yield first
        first += 5_000_000


_sessions = _first_sessions()


def loaded(engine: Engine, given: argparse.Namespace, rate: float, **more: object) -> dict[str, Any]:
    """Offer a rate; say what came back and what it took of the processors."""
    before = (cpu_s(engine.process.pid), server_cpu_s(), time.monotonic())
    child = begin_load(engine, given, rate, **more)
    told, _ = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0, engine.log.read_text()[-3000:]
    found: dict[str, Any] = json.loads(told)
    del found["began_ns"], found["longest_ms"]
    elapsed = time.monotonic() - before[2]
    requests = max(found.pop("answered_in_all"), 1)
    engine_s, server_s = cpu_s(engine.process.pid) - before[0], server_cpu_s() - before[1]
    return found | {
        "engine_cpu": round(engine_s / elapsed, 2),
        "server_cpu": round(server_s / elapsed, 2),
        "engine_us_a_request": round(engine_s / requests * 1e6, 1),
        "server_us_a_request": round(server_s / requests * 1e6, 1),
        "load_1m": round(os.getloadavg()[0], 1),
    }


def show(what: str, found: dict[str, Any]) -> None:
    """Print one result as a line."""
    print(json.dumps({"what": what, **found}), flush=True)


# --- what is measured ------------------------------------------------------------------------------------------------


def load(given: argparse.Namespace, engine: Engine) -> None:
    """One rate."""
    loaded(engine, argparse.Namespace(**{**vars(given), "seconds": 1}), 1_000)  # compiled code is read in
    show(f"{given.rate:,.0f}/s offered, {given.users:,} users", loaded(engine, given, given.rate))


def rates(given: argparse.Namespace, engine: Engine) -> None:
    """Several rates, until one is not kept up with."""
    loaded(engine, argparse.Namespace(**{**vars(given), "seconds": 1}), 1_000)
    for rate in RATES:
        found = loaded(engine, given, rate)
        show(f"{rate:,}/s offered, {given.users:,} users", found)
        if found["answered_per_s"] < 0.8 * rate:
            break


def overload(given: argparse.Namespace, engine: Engine) -> None:
    """Half of `--rate` all the time; for OVERLOAD_S seconds as much more as makes 1.5 and 2 times of it."""
    loaded(engine, argparse.Namespace(**{**vars(given), "seconds": 1}), 1_000)
    for times in (1.5, 2.0):
        seconds = argparse.Namespace(**{**vars(given), "seconds": CALM_BEFORE_S + OVERLOAD_S + CALM_AFTER_S})
        calm = begin_load(engine, seconds, given.rate / 2, warm=0)
        time.sleep(CALM_BEFORE_S)
        seconds.seconds = OVERLOAD_S
        before = (cpu_s(engine.process.pid), server_cpu_s())
        more = begin_load(engine, seconds, given.rate * (times - 0.5), warm=0)
        burst = json.loads(more.communicate()[0])
        took = [now - then for now, then in zip((cpu_s(engine.process.pid), server_cpu_s()), before, strict=True)]
        steady = json.loads(calm.communicate()[0])
        first = int((burst["began_ns"] - steady["began_ns"]) / 1e9)
        last = first + OVERLOAD_S
        longest_ms = steady["longest_ms"]
        late = [second for second in range(last, len(longest_ms)) if longest_ms[second] > CALM_MS]
        kept = ("answered_share", "shed_share", "shed_of_running", "p50_ms", "p99_ms", "running_p99_ms", "results")
        show(
            f"{times} times {given.rate:,.0f}/s for {OVERLOAD_S} s, {given.users:,} users",
            {"more": {name: burst[name] for name in kept}, "steady": {name: steady[name] for name in kept},
             "longest_ms_before": max(longest_ms[1:first], default=0), "longest_ms_during": max(longest_ms[first:last]),
             "recovered_after_s": max(late, default=last - 1) - last + 1,
             "engine_cpu": round(took[0] / OVERLOAD_S, 2), "server_cpu": round(took[1] / OVERLOAD_S, 2)},
        )  # fmt: skip


def restart(given: argparse.Namespace, engine: Engine) -> None:
    """Kill it under load, start it again."""
    from benchmarks._online_load import Connection, templates

    made = templates(given.users)
    child = begin_load(engine, given, given.rate)
    time.sleep(2 + given.seconds)
    engine.kill()
    child.communicate()
    began = time.monotonic()
    ready_s = engine.start()
    Connection(engine.port, 0, 1, 0, made).socket.close()  # it has answered our capabilities
    answers_s, took_s = time.monotonic() - began, cpu_s(engine.process.pid)
    first = loaded(engine, argparse.Namespace(**{**vars(given), "seconds": 1}), 100, warm=0)
    show(
        f"restart after kill -9 under {given.rate:,.0f}/s, {given.users:,} users",
        {"ready_s": round(ready_s, 2), "answers_s": round(answers_s, 2), "engine_cpu_s": round(took_s, 2),
         "load_1m": round(os.getloadavg()[0], 1), "results": first["results"]},
    )  # fmt: skip


def flush(given: argparse.Namespace, engine: Engine) -> None:
    """Slower flushes: the server sleeps so long before each."""
    from openboss.access.jobs.installation import embedded_cluster

    loaded(engine, argparse.Namespace(**{**vars(given), "seconds": 1}), 1_000)
    cluster = embedded_cluster()
    assert cluster
    connection = cluster.known_connection()
    assert connection
    server = Path(connection.server_dir) / "pgdata"
    for added_ms in (0, 1, 5):
        with (server / "postgresql.conf").open("a") as file:
            file.write(f"\ncommit_siblings = 0\ncommit_delay = {added_ms * 1000}\n")
        os.kill(int((server / "postmaster.pid").read_text().split()[0]), signal.SIGHUP)
        time.sleep(0.5)
        show(f"{given.rate:,.0f}/s offered, {added_ms} ms added to every flush", loaded(engine, given, given.rate))


def batch(given: argparse.Namespace, engine: Engine) -> None:
    """Files of usage are rated meanwhile."""
    loaded(engine, argparse.Namespace(**{**vars(given), "seconds": 1}), 1_000)
    records = _deliver_usage(given.users, chunks=4, rows=100_000)
    child = begin_load(engine, given, given.rate)
    began, rated_s = time.monotonic(), 0.0
    while child.poll() is None:
        if not rated_s and not _waiting_chunks():
            rated_s = time.monotonic() - began
        time.sleep(0.05)
    told, _ = child.communicate()
    speed = {"records": records, "rated_s": round(rated_s, 1) or "not all rated in this time"}
    show(f"{given.rate:,.0f}/s offered while a batch is rated", json.loads(told) | speed)


def _deliver_usage(users: int, *, chunks: int, rows: int) -> int:
    """Leave chunks of usage of random users for the engine, as the collector does."""
    import numpy as np
    import polars as pl
    from benchmarks import kernel
    from benchmarks._online_load import numbers_of

    from openboss.config.options import options
    from openboss.modules.charging.chunks import write_chunk
    from openboss.modules.charging.engine.state import month_start_s
    from openboss.modules.charging.models import Source, UsageChunk, UsageFile
    from openboss.modules.charging.schema import NORMALISED

    columns = kernel.events(chunks * rows, users, only_calls=False)
    now = datetime.now(UTC)
    start_s = month_start_s(now.year * 100 + now.month)
    columns["start_local_s"][:] = start_s + np.random.default_rng(3).integers(0, 86_400, chunks * rows)
    columns["served_number"][:] = np.random.default_rng(2).choice(numbers_of(users), chunks * rows)
    columns["key_hi"], columns["key_lo"] = np.random.default_rng(1).integers(1, 2**63, (2, chunks * rows), np.uint64)
    usage = pl.DataFrame(columns).cast(dict(NORMALISED))
    file = UsageFile.objects.create(
        source=Source.objects.first(), inbox="bench", name="bench", size_bytes=1, sha256="0" * 64, state="CHUNKED",
        arrived_at=now,
    )  # fmt: skip
    for number in range(chunks):
        part = usage[number * rows : (number + 1) * rows]
        chunk = write_chunk(part, lake_dir=options().lake_dir, name=f"bench/{number}")
        UsageChunk.objects.create(file=file, path=chunk.path, sha256=chunk.sha256, rows=chunk.rows, created_at=now)
    return chunks * rows


def _waiting_chunks() -> int:
    from openboss.modules.charging.models import UsageChunk

    return UsageChunk.objects.filter(state="READY").count()


def client(given: argparse.Namespace, engine: Engine) -> None:
    """An independent client, as fast as it goes with 32 threads."""
    from benchmarks._online_load import numbers_of
    from diameter.message.avp.grouped import MultipleServicesCreditControl, RequestedServiceUnit, SubscriptionId
    from diameter.message.commands.credit_control import CreditControlRequest
    from diameter.node import Node as Client
    from diameter.node.application import SimpleThreadingApplication

    logging.getLogger("diameter").setLevel(logging.ERROR)
    numbers = numbers_of(given.users)
    node = Client("gw.independent", "load", ip_addresses=["127.0.0.1"])
    peer = node.add_peer(
        f"aaa://charge.openboss.invalid:{engine.port}", "openboss.invalid", ip_addresses=["127.0.0.1"],
        is_persistent=True,
    )  # fmt: skip
    application = SimpleThreadingApplication(4, is_auth_application=True)
    node.add_application(application, [peer])
    node.start()
    application.wait_for_ready(timeout=120)
    stop_at, counts = time.monotonic() + given.seconds, [0] * 32

    def ask(worker: int) -> None:
        while time.monotonic() < stop_at:
            request = CreditControlRequest()
            request.header.application_id = 4
            request.session_id, request.origin_host = f"independent;{worker};{counts[worker]}", b"gw.independent"
            request.origin_realm, request.destination_realm = b"load", b"openboss.invalid"
            request.auth_application_id, request.service_context_id = 4, "32251@3gpp.org"
            request.cc_request_type, request.cc_request_number = 1, 0
            number = numbers[(worker * 1000 + counts[worker]) % len(numbers)]
            request.subscription_id = [SubscriptionId(subscription_id_type=0, subscription_id_data=str(number))]
            service = MultipleServicesCreditControl(rating_group=100, requested_service_unit=RequestedServiceUnit())
            request.multiple_services_credit_control = [service]
            assert application.send_request(request, timeout=30).result_code in (2001, 4012)
            counts[worker] += 1

    workers = [threading.Thread(target=ask, args=(number,)) for number in range(len(counts))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    node.stop(wait_timeout=1)
    show("python-diameter, 32 threads, one connection", {"answered_per_s": round(sum(counts) / given.seconds)})


# --- where the time goes ---------------------------------------------------------------------------------------------


def parts(given: argparse.Namespace) -> dict[int, float]:
    """Take the steps of a request apart, in this process; return microseconds in `decide` by size of group."""
    from benchmarks._online_parts import Parts

    found: dict[int, float] = {}
    with _owner() as owner:
        measured = Parts(owner, given.users)
        for group in GROUPS:
            steps = measured.run(group, requests=max(given.requests, 10 * group))
            show(f"microseconds of CPU a request, {given.users:,} users", {"group": group, **steps})
            found[group] = steps["decide"]
        show("1,000 requests at once, all of one wallet", measured.one_wallet(1000))
        show(f"bytes of state, {given.users:,} users", measured.state_with_sessions(min(given.users, MANY_SESSIONS)))
    return found


@contextmanager
def _owner() -> Iterator[Any]:
    from openboss.modules.charging.functions.engine import engine_lock, recover_engine

    with engine_lock() as mine:
        assert mine
        yield recover_engine()


def sizes(given: argparse.Namespace, several: list[int]) -> None:
    """The same at several numbers of users, each in a process of its own; in the end what more users cost."""
    decided = []
    for users in several:
        words = ["parts", "--users", str(users), "--requests", str(given.requests)]
        told = subprocess.run(
            [sys.executable, "-m", "benchmarks.online", *words], check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        print(told, end="", flush=True)
        lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
        decided.append({line["group"]: line["in_all"] for line in lines if "group" in line})
    for group in decided[0]:
        ratio = decided[-1][group] / decided[0][group]
        show(
            f"a request of {several[-1]:,} users over one of {several[0]:,}, groups of {group}",
            {"ratio": round(ratio, 2)},
        )


# --- the whole -------------------------------------------------------------------------------------------------------

WITH_ENGINE = {"load": load, "rates": rates, "overload": overload, "restart": restart, "flush": flush, "batch": batch,
               "client": client}  # fmt: skip


def measure(given: argparse.Namespace, folder: Path) -> None:
    """Make an installation, measure in it."""
    from django.db import connection

    began = time.monotonic()
    state_bytes = found_users(given.users, datetime.now(UTC))
    use_up_log()
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "load_1m": round(os.getloadavg()[0], 1)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit'), version()")
        row = cursor.fetchone()
    show(
        f"{given.users:,} users entered",
        {"s": round(time.monotonic() - began, 1), "state_bytes_a_user": round(state_bytes), "fsync": row[0],
         "synchronous_commit": row[1], "server": row[2].split(" on ")[0], **machine},
    )  # fmt: skip
    if given.mode == "parts":
        parts(given)
        return
    engine = Engine(folder)
    try:
        WITH_ENGINE[given.mode](given, engine)
    finally:
        engine.stop()


@contextmanager
def installation() -> Iterator[Path]:
    """An installation in a folder of its own, which is thrown away."""
    folder = Path(tempfile.mkdtemp(prefix="openboss-bench-"))
    os.environ["OPENBOSS_DATA_DIR"] = str(folder / "data")
    from openboss.access.jobs.installation import embedded_cluster, open_installation

    try:
        with open_installation():
            yield folder
    finally:
        if cluster := embedded_cluster():
            cluster.destroy()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", nargs="?", default="rates", choices=[*WITH_ENGINE, "parts", "sizes"])
    parser.add_argument("--users", default="100000")
    parser.add_argument("--rate", type=float, default=5_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--requests", type=int, default=20_000, help="of each size of group (parts, sizes)")
    given = parser.parse_args()
    several = [int(users) for users in given.users.split(",")]
    given.users = several[0]
    if given.mode == "sizes":
        sizes(given, several)
        return
    with installation() as folder:
        measure(given, folder)


if __name__ == "__main__":
    main()
