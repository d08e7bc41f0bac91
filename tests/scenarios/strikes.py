"""Kills: which process, at which moment. The moments are seen from outside; the product has no hooks for them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.scenarios.worlds import CYCLE, World, kill

LOOK_EVERY_S = 0.002
LAST_CHANCE_S = 180.0
PART_USERS = 10

CLOSE_IN_PARTS = f"""
from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation
with open_installation():
    from openboss.processes import close_month
    close_month.run({CYCLE}, at=clock.now(), part_size={PART_USERS}, progress=lambda *step: print(*step, flush=True))
"""


@dataclass(frozen=True)
class Strike:
    """One kill: of `victim`, `delay_s` after a moment."""

    victim: str  # collect, charge, server, bill
    moment: str
    delay_s: float = 0.0


USAGE_STRIKES = (
    ("collect", "file taken", 0.05),
    ("collect", "chunk written", 0.004),
    ("collect", "idle", 0.5),
    ("charge", "chunk rated", 0.05),
    ("charge", "detail written", 0.004),
    ("charge", "snapshot begun", 0.15),
    ("charge", "idle", 0.5),
    ("server", "chunk rated", 0.05),
    ("server", "file taken", 0.05),
)
BILL_STRIKES = (
    ("bill", "freeze asked", 0.02),
    ("bill", "inputs begun", 0.1),
    ("bill", "part done", 0.4),
    ("bill", "part done", 0.4),
    ("bill", "audit begun", 0.02),
)


def drawn(chance: random.Random, kinds: tuple[tuple[str, str, float], ...]) -> Strike:
    """Draw a kind of strike and its delay."""
    victim, moment, longest_s = chance.choice(kinds)
    return Strike(victim, moment, chance.uniform(0, longest_s))


class Moments:
    """Watches one world from outside; each moment is a change since this was made."""

    def __init__(self, world: World, portion: int) -> None:
        self.world = world
        self.session = psycopg.connect(world.url(), autocommit=True)
        self.portion = portion
        self.chunks = self._chunk_files()
        self.taken = self._taken()
        self.rated = self._count("SELECT count(*) FROM charging_usagechunk WHERE state = 'RATED'")
        self.details = self._detail_files()
        self.snapshots = self._snapshots()
        self.parts = self._parts()

    def look_for(self, moment: str) -> Callable[[], bool]:
        """Give the question that is answered by yes from the moment on."""
        half = max(self.portion // 2, 1)
        return {
            "file taken": lambda: self._taken() >= self.taken + half,
            "chunk written": lambda: self._chunk_files() >= self.chunks + half,
            "chunk rated": lambda: (
                self._count("SELECT count(*) FROM charging_usagechunk WHERE state = 'RATED'") >= self.rated + half
            ),
            "detail written": lambda: self._detail_files() > self.details,
            "snapshot begun": lambda: self._snapshots() > self.snapshots,
            "idle": self.is_idle,
            "freeze asked": lambda: (
                self._count("SELECT count(*) FROM charging_enginecommand WHERE kind = 'FREEZE'") > 0
            ),
            "inputs begun": lambda: self._count("SELECT count(*) FROM billing_billrunstep") > 0,
            "part done": lambda: self._parts() > self.parts,
            "audit begun": lambda: self._count("SELECT count(*) FROM billing_billrunstep WHERE step = 'AUDIT'") > 0,
        }[moment]

    def is_idle(self) -> bool:
        """Nothing lies in the inboxes, nothing waits for the engine, and the lake is up to date."""
        waiting = self._count("SELECT count(*) FROM charging_usagechunk WHERE state = 'READY'")
        return not self.world.waiting_files() and waiting == 0

    def _count(self, question: str) -> int:
        row = self.session.execute(question).fetchone()
        assert row is not None
        return int(row[0])

    def _taken(self) -> int:
        return self._count("SELECT count(*) FROM charging_usagefile WHERE state <> 'RECEIVED'")

    def _parts(self) -> int:
        return self._count("SELECT count(*) FROM billing_billrunstep WHERE state = 'DONE'")

    def _chunk_files(self) -> int:
        return _files(self.world.lake_dir / "chunks", "*/*.arrow")

    def _detail_files(self) -> int:
        return _files(self.world.lake_dir / "usage", "cycle=*/*")

    def _snapshots(self) -> int:
        return _files(self.world.data_dir / "engine", "*")


def _files(folder: Path, pattern: str) -> int:
    return sum(1 for _ in folder.glob(pattern)) if folder.exists() else 0


def _is_alive(process: subprocess.Popen[bytes]) -> Callable[[], bool]:
    return lambda: process.poll() is None


def wait_for(question: Callable[[], bool], *, alive: Callable[[], bool], within_s: float = LAST_CHANCE_S) -> bool:
    """Look until a question is answered by yes; False if its process ended first or nothing came."""
    until_s = time.monotonic() + within_s
    while not question():
        if not alive() or time.monotonic() > until_s:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


@dataclass
class Fire:
    """The processes of a world under fire, and the tally of what was killed when."""

    world: World
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kills: list[Strike] = field(default_factory=list)

    def usage(self, portions: list[list[Path]], strikes: list[Strike]) -> None:
        """Deliver the portions one by one; a strike falls on each of the first ones. All is rated in the end."""
        try:
            for number, portion in enumerate(portions):
                self._restart()
                moments = Moments(self.world, len(portion))
                self.world.deliver(portion)
                if number < len(strikes):
                    self._strike(strikes[number], moments)
                    self._restart()
                    moments = Moments(self.world, len(portion))
                drained = wait_for(lambda: not self.world.waiting_files(), alive=self.all_alive)
                assert drained, (strikes[number : number + 1], self._states(), self.world.heard())
                moments.session.close()
        finally:
            for process in self.running.values():
                kill(process)  # both idle or nearly so: what is left over is done by the commands of the next lines
        assert self.world.run("collect") in (0, 1)
        assert self.world.run("rate") == 0, self.world.heard()

    def month(self, strikes: list[Strike]) -> None:
        """Close the month; every strike kills the run that is on."""
        for strike in strikes:
            moments = Moments(self.world, 1)
            process = self.world.start(program=CLOSE_IN_PARTS)
            if wait_for(moments.look_for(strike.moment), alive=_is_alive(process)):
                time.sleep(strike.delay_s)
            if kill(process):
                self.kills.append(strike)
            else:
                assert process.returncode == 0, self.world.heard()
            moments.session.close()
        assert self.world.run(program=CLOSE_IN_PARTS) == 0, self.world.heard()

    def _restart(self) -> None:
        for name, arguments in {"collect": ("collect", "--watch"), "charge": ("charge",)}.items():
            if name not in self.running or self.running[name].poll() is not None:
                self.running[name] = self.world.start(*arguments)

    def _states(self) -> dict[str, int | None]:
        return {name: process.poll() for name, process in self.running.items()}

    def all_alive(self) -> bool:
        """None of the processes has ended."""
        return all(process.poll() is None for process in self.running.values())

    def _strike(self, strike: Strike, moments: Moments) -> None:
        asked = "chunk rated" if strike.moment == "snapshot begun" else strike.moment
        assert wait_for(moments.look_for(asked), alive=self.all_alive) or asked != "idle", self.world.heard()
        if strike.moment == "snapshot begun":  # an engine told to stop keeps its state first
            self.running["charge"].send_signal(signal.SIGTERM)
            wait_for(moments.look_for(strike.moment), alive=self.all_alive)
        time.sleep(strike.delay_s)
        moments.session.close()
        if strike.victim == "server":
            self._kill_server()
            self.kills.append(strike)
        elif kill(self.running[strike.victim]):
            self.kills.append(strike)

    def _kill_server(self) -> None:
        """Kill the database server itself; those who needed it must end by themselves and say what to do."""
        os.kill(self.world.server_pid(), signal.SIGKILL)
        charge = self.running["charge"]
        assert charge.wait(timeout=LAST_CHANCE_S) == 3, self.world.heard()
        assert "the database cannot be reached" in self.world.heard()
        kill(self.running["collect"])  # it may be waiting for a file, and would notice only then
        self.world.cluster.revive()
