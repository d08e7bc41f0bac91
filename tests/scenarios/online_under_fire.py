"""An engine that serves networks in a world, killed at any moment; what it must come to in the end."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import random
import signal
import socket
import struct
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import psycopg

from tests.scenarios.findings import DeltaTable
from tests.scenarios.fire_world import (
    BALANCE_LI,
    BESIDE,
    ENGINE,
    POOR_LI,
    SHARERS,
    TOP_UP_LI,
    USERS,
    chosen_users,
)
from tests.scenarios.gateway import Gateway
from tests.scenarios.nursery import Forked, Nursery
from tests.scenarios.other_networks import AccessServer, Network, SessionFunction
from tests.scenarios.power_cut import Power, why_not_here
from tests.scenarios.standby import Standby
from tests.scenarios.visits import Told
from tests.scenarios.worlds import World, kill

PATIENCE_S = 240.0  # on a slow machine with others at work
STANDING_STILL = "engine while nothing is committed"  # the server stands still
KINDS = (
    "engine", "server", "both", "engine idle", "both idle", "mid-snapshot", "both mid-snapshot", "power cut",
    STANDING_STILL,
)  # fmt: skip
SERVER_ALONE = ("server", "server restarted", "server failed over")  # the engine then ends by itself
STALL_S = 1.5
QUIET_S = 1.0  # without work or an answer: what was committed before has arrived
MANY_AHEAD = 2  # groups between their decision and the end of their commit

ASK_BALANCES = "INSERT INTO charging_enginecommand (kind, payload, state) VALUES ('BALANCES', '{}', 'WAITING')"
BALANCES = "SELECT answer FROM charging_enginecommand WHERE kind = 'BALANCES' AND state = 'DONE' ORDER BY command_id"
HELD = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'openboss'"
TOP_UP = "INSERT INTO charging_enginecommand (kind, payload, state) VALUES ('TOP_UP', %s, 'WAITING')"
WAITING = "SELECT FROM charging_usagechunk WHERE state = 'READY' LIMIT 1"
MOVE = """
WITH next AS (DELETE FROM fire_{table} WHERE {key} = (SELECT min({key}) FROM fire_{table}) RETURNING *)
INSERT INTO charging_{table} OVERRIDING SYSTEM VALUE SELECT * FROM next
"""
KEPT = "SELECT folder FROM charging_enginesnapshot ORDER BY position DESC, snapshot_id DESC LIMIT 3"
RETIRE = """
ALTER TABLE charging_enginejournal DISABLE TRIGGER USER;
DELETE FROM charging_enginejournal WHERE position <= (
    SELECT min(position) FROM (SELECT position FROM charging_enginesnapshot ORDER BY position DESC LIMIT 3) AS newest);
ALTER TABLE charging_enginejournal ENABLE TRIGGER USER;
"""
_CHARGED = ("act_basic_li", "act_ld_li", "act_info_li")
_PRICED = ("std_basic_li", "act_basic_li", "std_ld_li", "act_ld_li")
_OF_THE_RUN = ("position", "row", "seq_in_file", "start_at_s", "start_local_s")  # when, and in which group


@dataclass
class OnlineFire:
    """One world's engine under load and under fire."""

    world: World
    planted: str = ""
    kills: list[str] = field(default_factory=list)
    torn: int = 0  # kills that left a snapshot half written
    ahead: list[int] = field(default_factory=list)  # groups decided and not committed, at each kill at work
    saving_every: int = 15  # inputs
    is_powered: bool = not why_not_here()
    most_connections: int = 0  # that the engine was seen to hold
    orders: Counter[str] = field(default_factory=Counter)  # what business and usage files played in
    topped_li: Counter[int] = field(default_factory=Counter)  # by account
    restarts_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port, nchf_port, radius_port = _free_port(), _free_port(), _free_port(socket.SOCK_DGRAM)
        self._ports = {"OPENBOSS_DIAMETER_PORT": str(self.port), "OPENBOSS_NCHF_PORT": str(nchf_port),
                       "OPENBOSS_RADIUS_PORT": "0", "OPENBOSS_RADIUS_ACCOUNTING_PORT": str(radius_port)}  # fmt: skip
        self._torn: set[str] = set()  # snapshots whose bytes a power cut took
        self.engine: Forked | None = None
        self._nursery: Nursery | None = None
        self.chosen = chosen_users(self.world)
        busy, beside = self.chosen[USERS : -2 * BESIDE], [number for number, _ in self.chosen[-2 * BESIDE :]]
        self.users, self.busy_users = [number for number, _ in self.chosen[:USERS]], busy
        self.gateway = Gateway(self.port, self.users, [number for number, _ in self.busy_users])
        self.beside: list[Network] = [SessionFunction(nchf_port, beside[:BESIDE])]
        self.beside += [AccessServer(radius_port, beside[BESIDE:])]
        self.power = Power(self.world.data_dir) if self.is_powered else None
        with (self.world.data_dir / "ahead").open("w+b") as file:
            file.write(bytes(24))
            file.flush()
            self._told = mmap.mmap(file.fileno(), 24)

    @property
    def networks(self) -> list[Gateway | Network]:
        """Everybody who asks the engine."""
        return [self.gateway, *self.beside]

    @property
    def told(self) -> dict[int, Told]:
        """What was acknowledged, by user."""
        return {number: told for one in self.networks for number, told in one.told.items()}

    @property
    def snapshot_dir(self) -> Path:
        return self.world.data_dir / "engine"

    def start(self) -> None:
        """Start the engine and wait until it takes requests."""
        ready, began_s = self.world.heard().count("engine ready"), time.monotonic()
        self.engine = self._nursed().begin()
        while self.world.heard().count("engine ready") == ready or not self._listens():
            assert self.engine.poll() is None, self.world.heard()[-3000:]
            assert time.monotonic() < began_s + PATIENCE_S, self.world.heard()[-3000:]
            time.sleep(0.01)
        self.restarts_s.append(time.monotonic() - began_s)

    def _nursed(self) -> Nursery:
        """The nursery of this world; another one if the server came back elsewhere."""
        environment = {**self.world.environment(), **self._ports}
        if self.power:
            environment |= self.power.environment()
        if self._nursery and self._nursery.environment != environment:
            self.close()
        if self._nursery is None:
            program = ENGINE.replace("{planted}", textwrap.indent(self.planted, "    "))
            program = program.replace("{saving}", str(self.saving_every))
            said = self.world.data_dir / "said.txt"
            self._nursery = Nursery(program, environment, said, str(self.world.data_dir / "ahead"))
        return self._nursery

    def close(self) -> None:
        """Let the nursery go, with the engine that is still alive."""
        if self.engine and self.engine.poll() is None:
            kill(self.engine)
        if self._nursery:
            self._nursery.close()
            self._nursery = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """End all sessions, then the engine, which saves its state."""
        assert self.engine is not None
        for one in self.networks:
            one.finish()
        for one in self.networks:
            self._wait(one.has_ended)
            assert one.has_ended(), (one.answered, one.wrong[:3], self.world.heard()[-3000:])
        while self._play_in():
            pass
        self._wait(lambda: not self.world.ask(WAITING))
        with psycopg.connect(self.world.url(), autocommit=True) as session:
            session.execute(ASK_BALANCES)
            self._wait(lambda: bool(session.execute(BALANCES).fetchall()))
        self.engine.send_signal(signal.SIGTERM)
        assert self.engine.wait(timeout=PATIENCE_S) == 0, self.world.heard()[-3000:]

    # --- kills ---------------------------------------------------------------------------------------------------

    def strike(self, kind: str, chance: random.Random, *, answers: int = 60) -> None:
        """Let some requests be answered, kill at a moment of the kind, start again; or let the server stand still."""
        self.let_answer(chance.randrange(answers // 3, answers))
        if kind == "server stalled":
            assert self.stall_server() == 0
            self.kills.append(kind)
            return
        self._retire()
        self._do_business(chance)
        if "idle" in kind:
            self.gateway.is_calm.set()
            time.sleep(chance.uniform(0.1, 0.4))
        elif "mid-snapshot" in kind:
            self._wait(self._is_saving)
            time.sleep(chance.uniform(0, 0.03))
        elif kind == STANDING_STILL or chance.random() < 0.7:
            self._wait(self._is_ahead, within_s=1.0)
        else:
            time.sleep(chance.uniform(0, 0.02))
        self._kill(kind)
        if not ("idle" in kind or "snapshot" in kind):
            self.ahead.append(self._groups_ahead())
        self.kills.append(kind)
        self.gateway.is_calm.clear()
        self.start()

    def _kill(self, kind: str) -> None:
        assert self.engine is not None
        server = "server" in kind or "both" in kind or kind == "power cut"
        standby = Standby(self.world.cluster) if kind == "server failed over" else None
        if server:
            os.kill(self.world.server_pid(), signal.SIGINT if kind == "server restarted" else signal.SIGKILL)
        if kind == STANDING_STILL:
            self.stall_server(within=self._fall_behind)
        elif kind in SERVER_ALONE:  # who has lost its database ends by itself, without an answer
            assert self.engine.wait(timeout=PATIENCE_S) == 3, self.world.heard()[-3000:]
        else:
            assert kill(self.engine), self.world.heard()[-3000:]
        self.torn += self._is_saving()
        if kind == "power cut":
            self._lose_unsynced()
        if standby:
            standby.take_over()
        if server:
            self.world.cluster.revive()

    def stall_server(self, within: Callable[[], None] | None = None) -> int:
        """Let no process of the server run for a while, or until something was done; return how many requests were
        answered meanwhile."""
        server = self.world.server_pid()
        os.kill(server, signal.SIGSTOP)  # first: it begins processes
        stopped = [server, *map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())]
        for process in stopped[1:]:
            os.kill(process, signal.SIGSTOP)
        before = self._let_arrive()
        if within is None:
            time.sleep(STALL_S)
        else:
            within()
        meanwhile = self.gateway.answered - before
        for process in reversed(stopped):
            os.kill(process, signal.SIGCONT)
        return meanwhile

    def _let_arrive(self) -> int:
        """Wait until the engine does nothing and what it said has arrived; return how many requests were answered."""
        answered, begun_s = self.gateway.answered, time.monotonic()
        quiet_since_s = begun_s
        while time.monotonic() < min(quiet_since_s + QUIET_S, begun_s + PATIENCE_S):
            if self._is_at_work() or self.gateway.answered != answered:
                answered, quiet_since_s = self.gateway.answered, time.monotonic()
            time.sleep(0.01)
        return answered

    def _is_at_work(self) -> bool:
        """The engine has something to do, and perhaps no processor for it."""
        assert self.engine is not None
        return Path(f"/proc/{self.engine.pid}/stat").read_text().rpartition(")")[2].split()[0] == "R"

    def _fall_behind(self) -> None:
        """Let the engine decide what it may while nothing is committed, and kill it."""
        assert self.engine is not None
        time.sleep(0.2)
        assert kill(self.engine), self.world.heard()[-3000:]

    def _groups_ahead(self) -> int:
        return int(struct.unpack_from("<q", self._told)[0])

    def _is_ahead(self) -> bool:
        return self._groups_ahead() >= MANY_AHEAD

    # --- what else the engine has to do --------------------------------------------------------------------------

    def _do_business(self, chance: random.Random) -> None:
        """Top up some wallets, and play a change of a plan and a chunk of usage in, just before a kill."""
        accounts = [user for _, user in self.busy_users[SHARERS:]]
        with psycopg.connect(self.world.url(), autocommit=True) as session:
            [(held,)] = session.execute(HELD).fetchall()
            self.most_connections = max(self.most_connections, held)
            for account_id in chance.sample(accounts, 4):
                session.execute(TOP_UP, [json.dumps({"account_id": account_id, "amount_li": TOP_UP_LI})])
                self.topped_li[account_id] += TOP_UP_LI
                self.orders["top-ups"] += 1
        self._play_in()

    def _play_in(self) -> int:
        """Let one more change of a plan and one more chunk of usage reach the engine; return how many there were."""
        found = 0
        with psycopg.connect(self.world.url(), autocommit=True) as session:
            for table, key in (("enginecommand", "command_id"), ("usagechunk", "chunk_id")):
                moved = session.execute(MOVE.format(table=table, key=key)).rowcount
                self.orders[table] += moved
                found += moved
        return found

    def _retire(self) -> None:
        """Take away the journal that the newest snapshots do not need, as an operator with little room would."""
        with psycopg.connect(self.world.url(), autocommit=True) as session:
            session.execute(RETIRE)

    def _lose_unsynced(self) -> None:
        """Lose what no fsync had promised; and tear the newest snapshot too if a whole one is left.

        The second is worse than a power cut, which leaves what was fsynced: an older one must do.
        """
        self.world.cluster.revive()
        newest, *older = [folder for (folder,) in self.world.ask(KEPT)] or [""]
        if set(older) - self._torn:
            largest = max((self.snapshot_dir / newest).glob("*.npy"), key=lambda path: path.stat().st_size)
            os.truncate(largest, largest.stat().st_size // 2)
            self._torn.add(newest)
        if self.power:
            self.power.cut([self.snapshot_dir, self.world.lake_dir])

    def _is_saving(self) -> bool:
        """A snapshot has its first array and no manifest yet; older ones may be folders of keys alone."""
        begun = self.snapshot_dir.glob("*/row_of.npy")
        return any(not (path.parent / "manifest.json").exists() for path in begun)

    def let_answer(self, more: int) -> None:
        """Wait until so many more requests were answered."""
        wanted = self.gateway.answered + more
        self._wait(lambda: self.gateway.answered >= wanted)

    def let_save(self, more: int) -> None:
        """Wait until so many more snapshots were saved."""
        saved = "SELECT coalesce(max(snapshot_id), 0) FROM charging_enginesnapshot"
        before = self.world.ask(saved)[0][0]
        self._wait(lambda: self.world.ask(saved)[0][0] >= before + more)

    def _wait(self, question: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
        assert self.engine is not None
        until_s = time.monotonic() + within_s
        while not question() and time.monotonic() < until_s:
            assert self.engine.poll() is None, self.world.heard()[-3000:]
            time.sleep(0.001)

    # --- what it came to -----------------------------------------------------------------------------------------

    def facts(self) -> dict[str, pl.DataFrame]:
        """Wallets, use and rated detail of those who share nothing, as they are in the end, without moments.

        Which of two services at once bears the li of a rounding is not compared; what they come to together is.
        """
        users = [user for _, user in self.chosen[:USERS]]
        detail = self._detail().filter(pl.col("subscriber_id").is_in(users))
        return {
            "charged": detail.group_by("served_number").agg(pl.sum(*_PRICED)),
            "wallets": self._balances("wallets").filter(pl.col("account_id").is_in(users)),
            "used": self._balances("used").filter(pl.col("subscriber_id").is_in(users)),
            "detail": detail.drop(*_OF_THE_RUN, *_PRICED),
        }

    def _balances(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.world.lake_dir / self.world.ask(BALANCES)[-1][0]["paths"][name])

    def _detail(self) -> pl.DataFrame:
        table = pl.from_arrow(DeltaTable(str(self.world.lake_dir / "usage")).to_pyarrow_table())
        assert isinstance(table, pl.DataFrame)
        return table

    def wrong(self) -> list[str]:
        """What is not as it must be, whatever was killed: every acknowledged use is charged and recorded once."""
        said = [line for one in self.networks for line in one.wrong]
        return [*said, *self._wrong_business(), *self._wrong_detail(), *self._wrong_money()]

    def _wrong_business(self) -> list[str]:
        states = self.world.ask("SELECT kind, state, count(*) FROM charging_enginecommand GROUP BY 1, 2")
        chunks = self.world.ask("SELECT state, count(*) FROM charging_usagechunk GROUP BY 1")
        return [f"left over: {one}" for one in (*states, *chunks) if one[-2] not in ("DONE", "RATED")]

    def _wrong_detail(self) -> list[str]:
        """Records of sessions are those acknowledged, records of files those that were taken: each once."""
        found, detail = [], self._detail()
        if twice := int(detail.select("position", "row").is_duplicated().sum()):
            found.append(f"{twice} rows of detail stand twice")
        files = detail.filter(pl.col("file_id") > 0)
        if twice := int(files.select("file_id", "seq_in_file").is_duplicated().sum()):
            found.append(f"{twice} records of files were rated twice")
        [(rated,)] = self.world.ask("SELECT coalesce(sum(rated + free), 0) FROM charging_stagecounter")
        if files.height != rated:
            found.append(f"{files.height} records of files in the detail, {rated} counted")
        visits = detail.filter((pl.col("file_id") == 0) & (pl.col("info_fee_li") == 0))
        octets = pl.col("up_bytes") + pl.col("down_bytes")
        sums = visits.group_by("served_number").agg(pl.len(), pl.sum("duration_s"), octets.sum())
        told = {number: rest for number, *rest in sums.iter_rows()}
        for number, one in self.told.items():
            expected, records = [one.records, one.seconds, one.octets], told.get(number, [0, 0, 0])
            if records != expected:
                found.append(f"{number}: records, seconds, octets {records}, not {expected}")
        return found

    def _wrong_money(self) -> list[str]:
        """What a user has used is what its records and events came to, and its wallet has paid just that."""
        found, used = [], self._balances("used")
        known = (pl.col("file_id") > 0) | (pl.col("info_fee_li") == 0)  # not events: some are open, answers tell of all
        sums = self._detail().filter(known).group_by("subscriber_id").agg(li=pl.sum_horizontal(*_CHARGED).sum())
        charged = dict(sums.iter_rows())
        account_of = dict(used.select("subscriber_id", "account_id").iter_rows())
        paid: Counter[int] = Counter()
        for number, user in ((one, user) for one, user in self.chosen if one in self.told):
            used_li = int(used.filter(pl.col("subscriber_id") == user)["used_li"].sum())
            expected = int(charged.get(user, 0)) + self.told[number].events_li
            paid[account_of.get(user, user)] += used_li
            if used_li != expected:
                found.append(f"{number}: has used {used_li} li, its records and events say {expected}")
        wallets = {account: rest for account, *rest in self._balances("wallets").iter_rows()}
        for account, paid_li in paid.items():
            begun_li = POOR_LI if account in {user for _, user in self.busy_users[SHARERS:]} else BALANCE_LI
            expected = [begun_li + self.topped_li[account] - paid_li, 0, 0, 0]
            if wallets[account] != expected:
                found.append(f"wallet {account}: {wallets[account]}, not {expected}")
        return found


def _free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port nobody has, nor is given for calling out: who calls an engine that is dead would reach itself there."""
    given_from = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with socket.socket(type=kind) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(given_from // 2, given_from)))
            return int(probe.getsockname()[1])


def under_fire(world: World, trouble: Callable[[OnlineFire], None], planted: str = "") -> OnlineFire:
    """Serve networks, with trouble in between, to an orderly end."""
    fire = OnlineFire(world, planted)
    try:
        fire.start()
        for one in fire.networks:
            one.begin()
        trouble(fire)
        fire.stop()
    finally:
        for one in fire.networks:
            one.abandon()
        fire.close()
    return fire


def unlike_calm(fire: OnlineFire, world: World, name: str) -> list[str]:
    """Say which facts are not those of the same visits in a copy of a world where nobody is killed."""
    found, calm, said = fire.facts(), _calm_facts(world.copy(name), fire.gateway.done), []
    for what in calm:
        rows, others = Counter(found[what].rows()), Counter(calm[what].rows())
        for whose, more in (("only here", rows - others), ("only in the calm run", others - rows)):
            named = [dict(zip(found[what].columns, row, strict=True)) for row in sorted(more)]
            said += [f"{what}, {whose}: { {word: value for word, value in one.items() if value} }" for one in named]
    return said


def _calm_facts(world: World, visits: dict[int, int]) -> dict[str, pl.DataFrame]:
    calm = OnlineFire(world)
    calm.gateway, calm.beside = Gateway(calm.port, calm.users, pause_s=0, wanted=visits), []
    calm.start()
    try:
        calm.gateway.begin()
        calm.stop()
    finally:
        calm.gateway.abandon()
        calm.close()
    assert calm.wrong() == []
    return calm.facts()
