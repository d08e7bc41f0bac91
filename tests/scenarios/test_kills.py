"""Processes killed at any moment lose nothing and double nothing: the totals are those of an undisturbed run.

`make test` kills a sample at fixed moments; `make soak` at least 50 times OPENBOSS_SOAK, at moments drawn by chance.
"""

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.findings import differences, doubled, facts
from tests.scenarios.strikes import BILL_STRIKES, USAGE_STRIKES, Fire, Strike, drawn, wait_for
from tests.scenarios.worlds import World, kill

SAMPLE_USAGE = [
    Strike("collect", "chunk written", 0.002),
    Strike("charge", "chunk rated", 0.03),
    Strike("server", "chunk rated", 0.01),
    Strike("charge", "snapshot begun", 0.02),
]
SAMPLE_MONTH = [Strike("bill", "freeze asked"), Strike("bill", "part done", 0.1)]
SOAK_RUNS = 5 * int(os.environ.get("OPENBOSS_SOAK", "1") or 1)

RATE_WITHOUT_GUARD = """
from openboss.modules.charging.engine.lake import Lake
Lake.position = lambda self, timeline: None
from openboss.access.jobs.cli import app
app(["rate"])
"""


@dataclass
class Stage:
    """The world all runs start from, the portions of its usage, and what an undisturbed run comes to."""

    opened: World
    portions: list[list[Path]]
    calm: World
    expected: dict[str, Any]


@pytest.fixture(scope="module")
def stage(opened: tuple[World, list[list[Path]]]) -> Stage:
    world, portions = opened
    calm = world.copy("calm")
    undisturbed = Fire(calm)
    undisturbed.usage(portions, [])
    undisturbed.month([])
    return Stage(world, portions, calm, facts(calm))


def run_under_fire(stage: Stage, name: str, usage: list[Strike], month: list[Strike]) -> Fire:
    fire = Fire(stage.opened.copy(name))
    fire.usage(stage.portions, usage)
    fire.month(month)
    return fire


def check_same(stage: Stage, world: World) -> None:
    assert differences(facts(world), stage.expected) == {}
    assert doubled(world) == 0


def test_an_undisturbed_run_has_something_to_lose(stage: Stage) -> None:
    expected = stage.expected
    assert expected["rated rows"] > 7_000
    assert len(expected["bills"]) > 100
    assert sum(bill[5] for bill in expected["bills"]) > 0
    assert {row[2] for row in expected["files"]} == {"RATED", "REFUSED"}
    assert expected["inbox"] == []
    assert doubled(stage.calm) == 0


def test_processes_killed_at_work_come_to_the_totals_of_an_undisturbed_run(stage: Stage) -> None:
    fire = run_under_fire(stage, "sample", SAMPLE_USAGE, SAMPLE_MONTH)
    assert fire.kills == SAMPLE_USAGE + SAMPLE_MONTH  # each of them fell on a process at work
    check_same(stage, fire.world)


def test_this_test_sees_usage_that_was_doubled(stage: Stage) -> None:
    """With the guard against a second commit taken out, a restart doubles the detail, and the comparison says so."""
    world = stage.calm.copy("doubled")
    assert world.run(program=RATE_WITHOUT_GUARD) == 0, world.heard()
    assert doubled(world) > 7_000
    assert "rated rows" in differences(facts(world), stage.expected)


def test_who_waits_for_an_engine_that_is_killed_does_its_work(opened: tuple[World, list[list[Path]]]) -> None:
    world, portions = opened[0].copy("waiting"), opened[1]
    charge = world.start("charge")
    try:
        assert wait_for(lambda: "engine ready" in world.heard(), alive=lambda: charge.poll() is None), world.heard()
        charge.send_signal(signal.SIGSTOP)
        world.deliver(portions[0])
        assert world.run("collect") == 0, world.heard()
        rate = world.start("rate")
        time.sleep(4)
        assert rate.poll() is None  # it waits for the engine that is there
    finally:
        kill(charge)
    assert rate.wait(timeout=60) == 0
    assert f"inputs taken: {len(portions[0])}" in world.heard()


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, SOAK_RUNS + 1))
def test_processes_killed_very_often_come_to_the_same_totals(stage: Stage, seed: int, record_property) -> None:
    chance = random.Random(seed)
    usage = [drawn(chance, USAGE_STRIKES) for _ in range(len(stage.portions) - 2)]
    month = [drawn(chance, BILL_STRIKES) for _ in range(4)]
    fire = run_under_fire(stage, f"soak_{seed}", usage, month)
    check_same(stage, fire.world)
    record_property("kills", len(fire.kills))
    for victim, count in Counter(f"{strike.victim}: {strike.moment}" for strike in fire.kills).items():
        record_property(f"killed {victim}", count)
    assert len(fire.kills) >= 10


@pytest.mark.parametrize("revived", ["before the next look", "after the collector has ended"])
def test_an_idle_collector_whose_database_is_killed_takes_the_next_file_within_seconds(
    stage: Stage, revived: str
) -> None:
    world = stage.opened.copy(f"idle_{revived.split()[0]}")
    fire = Fire(world, {"collect": world.start("collect", "--watch")})
    try:
        world.deliver(stage.portions[0])
        assert wait_for(lambda: not world.waiting_files(), alive=fire.all_alive), world.heard()
        time.sleep(1.5)  # idle: it has looked at empty inboxes

        os.kill(world.server_pid(), signal.SIGKILL)
        if revived == "after the collector has ended":
            assert fire.running["collect"].wait(timeout=30) == 3, world.heard()
            assert "the database cannot be reached" in world.heard()
        world.cluster.revive()
        world.deliver(stage.portions[1])

        dropped_s = time.monotonic()
        while world.waiting_files() and time.monotonic() < dropped_s + 60:
            if fire.running["collect"].poll() is not None:  # as the supervisor does
                fire.running["collect"] = world.start("collect", "--watch")
            time.sleep(0.05)
        assert not world.waiting_files(), (fire.running["collect"].poll(), world.heard())
    finally:
        kill(fire.running["collect"])
