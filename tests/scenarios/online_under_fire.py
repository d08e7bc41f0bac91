"""An engine that serves networks in a world, killed at any moment; what it must come to in the end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import psycopg

from tests.scenarios.findings import DeltaTable
from tests.scenarios.gateway import Gateway, used_by
from tests.scenarios.nursery import Forked, Nursery
from tests.scenarios.worlds import World, kill

USERS, BALANCE_LI = 16, 100_000_000
PATIENCE_S = 90.0
KINDS = ("engine", "server", "both", "engine idle", "both idle", "mid-snapshot", "both mid-snapshot", "power cut")
SERVER_ALONE = ("server", "server restarted", "server failed over")  # the engine then ends by itself
STALL_S = 1.5

PREPARE = f"""
import sys
from openboss.access.jobs.installation import open_installation
with open_installation():
    from openboss.modules.charging.functions.engine import ask_engine
    wallets = [dict(account_id=int(user), balance_li={BALANCE_LI}, subscriber_ids=[int(user)]) for user in sys.argv[1:]]
    ask_engine("WALLETS", dict(wallets=wallets))
"""

ENGINE = """
import sys
from openboss.access.jobs import charge_command
own = charge_command._own

def often_saving(stopping):
    from openboss.access.jobs import charge_loop
    charge_loop.POSITIONS_A_SNAPSHOT, charge_loop.SNAPSHOT_AFTER_IDLE_S = 15, 0.6
{planted}
    own(stopping)

charge_command._own = often_saving
from openboss.access.jobs.cli import main
sys.argv = ["openboss", "charge"]
main()
"""

ASK_BALANCES = "INSERT INTO charging_enginecommand (kind, payload, state) VALUES ('BALANCES', '{}', 'WAITING')"
BALANCES = "SELECT answer FROM charging_enginecommand WHERE kind = 'BALANCES' AND state = 'DONE' ORDER BY command_id"
RETIRE = """
ALTER TABLE charging_enginejournal DISABLE TRIGGER USER;
DELETE FROM charging_enginejournal WHERE position <= (SELECT min(position) FROM charging_enginesnapshot);
ALTER TABLE charging_enginejournal ENABLE TRIGGER USER;
"""
_FREE_USERS = """
SELECT n.number, n.subscriber_id FROM customers_numberperiod n JOIN customers_subscriber s USING (subscriber_id)
WHERE upper(n.period) IS NULL AND NOT EXISTS (
    SELECT FROM customers_groupmember m WHERE m.subscriber_id = n.subscriber_id)
ORDER BY n.number
"""
_OF_THE_RUN = ("position", "row", "seq_in_file", "start_at_s", "start_local_s")  # when, and in which group


def networked(opened: World) -> World:
    """Copy a world and give some users who share nothing a wallet."""
    world = opened.copy("networked")
    assert world.run(*(str(user) for _, user in _chosen(world)), program=PREPARE) == 0, world.heard()
    return world


def _chosen(world: World) -> list[tuple[int, int]]:
    found = world.ask(_FREE_USERS)[:USERS]
    assert len(found) == USERS
    return [(int(number), int(user)) for number, user in found]


@dataclass
class OnlineFire:
    """One world's engine under load and under fire."""

    world: World
    planted: str = ""
    kills: list[str] = field(default_factory=list)
    torn: int = 0  # kills that left a snapshot half written
    restarts_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.engine: Forked | None = None
        self._nursery: Nursery | None = None
        self.users = [number for number, _ in _chosen(self.world)]
        self.gateway = Gateway(self.port, self.users)

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
        environment = {**self.world.environment(), "OPENBOSS_DIAMETER_PORT": str(self.port)}
        if self._nursery and self._nursery.environment != environment:
            self.close()
        if self._nursery is None:
            program = ENGINE.replace("{planted}", textwrap.indent(self.planted, "    "))
            self._nursery = Nursery(program, environment, self.world.data_dir / "said.txt")
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
        self.gateway.finish()
        self._wait(self.gateway.has_ended)
        assert self.gateway.has_ended(), (self.gateway.answered, self.gateway.wrong[:3], self.world.heard()[-3000:])
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
        if "idle" in kind:
            self.gateway.is_calm.set()
            time.sleep(chance.uniform(0.1, 0.4))
        elif "mid-snapshot" in kind:
            self._wait(self._is_saving)
            time.sleep(chance.uniform(0, 0.03))
        else:
            time.sleep(chance.uniform(0, 0.02))
        self._kill(kind)
        self.kills.append(kind)
        self.gateway.is_calm.clear()
        self.start()

    def _kill(self, kind: str) -> None:
        assert self.engine is not None
        server = "server" in kind or "both" in kind or kind == "power cut"
        if server:
            os.kill(self.world.server_pid(), signal.SIGINT if kind == "server restarted" else signal.SIGKILL)
        if kind in SERVER_ALONE:  # who has lost its database ends by itself, without an answer
            assert self.engine.wait(timeout=PATIENCE_S) == 3, self.world.heard()[-3000:]
        else:
            assert kill(self.engine), self.world.heard()[-3000:]
        self.torn += self._is_saving()
        if kind == "power cut":
            self._lose_unsynced()
        if kind == "server failed over":
            self._move_server()
        if server:
            self.world.cluster.revive()

    def _move_server(self) -> None:
        """Let another server go on from a copy of what this one had committed, as a synchronous standby has it."""
        connection = self.world.cluster.known_connection()
        assert connection is not None
        pgdata = Path(connection.server_dir, "pgdata")
        pgdata.rename(pgdata.with_name("pgdata.lost"))
        subprocess.run(["cp", "-a", pgdata.with_name("pgdata.lost"), pgdata], check=True)
        shutil.rmtree(pgdata.with_name("pgdata.lost"))

    def stall_server(self) -> int:
        """Let no process of the server run for a while; return how many requests were answered meanwhile."""
        server = self.world.server_pid()
        stopped = [server, *map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())]
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        time.sleep(0.3)  # what was committed before may still be answered
        before = self.gateway.answered
        time.sleep(STALL_S)
        meanwhile = self.gateway.answered - before
        for process in reversed(stopped):
            os.kill(process, signal.SIGCONT)
        return meanwhile

    def _retire(self) -> None:
        """Take away the journal that no kept snapshot needs, as an operator with little room would."""
        with psycopg.connect(self.world.url(), autocommit=True) as session:
            session.execute(RETIRE)

    def _lose_unsynced(self) -> None:
        """Lose what no fsync had promised: folders of snapshots that no row names; and tear the newest that one does.

        The second is worse than a power cut, which leaves what was fsynced: an older one must do.
        """
        self.world.cluster.revive()
        rows = self.world.ask("SELECT folder FROM charging_enginesnapshot ORDER BY position DESC, snapshot_id DESC")
        named = [folder for (folder,) in rows]
        for place in self.snapshot_dir.iterdir():
            if place.is_dir() and place.name not in named:
                shutil.rmtree(place)
        if len(named) > 1:
            largest = max((self.snapshot_dir / named[0]).glob("*.npy"), key=lambda path: path.stat().st_size)
            os.truncate(largest, largest.stat().st_size // 2)

    def _is_saving(self) -> bool:
        """A snapshot has its first array and no manifest yet; older ones may be folders of keys alone."""
        begun = self.snapshot_dir.glob("*/row_of.npy")
        return any(not (path.parent / "manifest.json").exists() for path in begun)

    def let_answer(self, more: int) -> None:
        """Wait until so many more requests were answered."""
        wanted = self.gateway.answered + more
        self._wait(lambda: self.gateway.answered >= wanted)

    def _wait(self, question: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
        assert self.engine is not None
        until_s = time.monotonic() + within_s
        while not question() and time.monotonic() < until_s:
            assert self.engine.poll() is None, self.world.heard()[-3000:]
            time.sleep(0.001)

    # --- what it came to -----------------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Wallets, use and rated detail as they are in the end, without moments and positions."""
        paths = self.world.ask(BALANCES)[-1][0]["paths"]
        found = {name: pl.read_parquet(self.world.lake_dir / path).rows() for name, path in paths.items()}
        return {**found, "detail": self._detail().drop(*_OF_THE_RUN).sort(pl.all()).rows()}

    def _detail(self) -> pl.DataFrame:
        table = pl.from_arrow(DeltaTable(str(self.world.lake_dir / "usage")).to_pyarrow_table())
        assert isinstance(table, pl.DataFrame)
        return table

    def wrong(self) -> list[str]:
        """What is not as it must be, whatever was killed: every acknowledged use is charged and recorded once."""
        found, detail = list(self.gateway.wrong), self._detail()
        if twice := int(detail.select("position", "row").is_duplicated().sum()):
            found.append(f"{twice} rows of detail stand twice")
        li = pl.sum_horizontal("act_basic_li", "act_ld_li", "act_info_li").sum()
        sums = detail.group_by("served_number").agg(
            pl.len(), pl.sum("duration_s"), pl.sum("down_bytes"), li=li, user=pl.first("subscriber_id")
        )
        told = {number: rest for number, *rest in sums.iter_rows()}
        paths = self.world.ask(BALANCES)[-1][0]["paths"]
        purses = pl.read_parquet(self.world.lake_dir / paths["wallets"])
        wallets = {account: rest for account, *rest in purses.iter_rows()}
        for number in self.users:
            records, seconds, octets, paid_li, user = told[number]
            used = [used_by(number, count) for count in range(self.gateway.done[number])]
            expected = [len(used), sum(one[0] for one in used), sum(one[1] for one in used)]
            if [records, seconds, octets] != expected:
                found.append(f"{number}: records, seconds, octets {[records, seconds, octets]}, not {expected}")
            if wallets[user] != [BALANCE_LI - paid_li, 0, 0, 0]:
                found.append(f"{number}: wallet {wallets[user]}, charged {paid_li}")
        return found


def under_fire(world: World, trouble: Callable[[OnlineFire], None], planted: str = "") -> OnlineFire:
    """Serve networks, with trouble in between, to an orderly end."""
    fire = OnlineFire(world, planted)
    try:
        fire.start()
        fire.gateway.begin()
        trouble(fire)
        fire.stop()
    finally:
        fire.gateway.abandon()
        fire.close()
    return fire


def calm_facts(world: World, name: str, sessions: dict[int, int]) -> dict[str, Any]:
    """What the same sessions come to in a copy of a world where nobody is killed."""
    calm = OnlineFire(world.copy(name))
    calm.gateway = Gateway(calm.port, calm.users, pause_s=0, wanted=sessions)
    calm.start()
    try:
        calm.gateway.begin()
        calm.stop()
    finally:
        calm.gateway.abandon()
        calm.close()
    assert calm.wrong() == []
    return calm.facts()
