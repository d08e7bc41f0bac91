"""Networks that are answered by an engine that is killed at any moment lose and double nothing.

The engine, PostgreSQL, both; at work, idle, while it saves its state; with the newest snapshot torn. After every
restart the network sends again what was not answered, and repeats what was: the same answer to the byte. In the end
wallets, totals and rated detail are those of a run in which nobody was killed. `make test` kills ten times, each way
at least once; `make soak` two hundred times OPENBOSS_SOAK. The test of the test plants faults, and each is seen.
"""

import os
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.scenarios.online_under_fire import KINDS, OnlineFire, calm_facts, under_fire
from tests.scenarios.worlds import World

SAMPLE = (*KINDS, "server stalled", "server restarted", "engine")
SOAK_ROUNDS = 8 * int(os.environ.get("OPENBOSS_SOAK", "1") or 1)
KILLS_A_ROUND = 25

ANSWERED_FIRST = """
from openboss.modules.charging.engine.commits import Commits
send, settle = Commits.send, Commits.settle

def one_late(self, owner):
    if len(self._decided) > 1:
        last = self._decided.pop()
        send(self, owner)
        self._decided.append(last)

def settle_all(self, owner):
    Commits.send = send
    settle(self, owner)
    Commits.send = one_late

Commits.send, Commits.settle, Commits.oldest, Commits.requests_ahead = one_late, settle_all, None, 0
"""
IMAGE_LOST = """
from openboss.modules.charging.engine.online import turns
whole = turns.Changed
turns.Changed = lambda **named: whole(**(named | {"wallets": named["wallets"][:0]}))
"""
GOOD_ONE_OVERWRITTEN = """
import shutil
from openboss.modules.charging.engine import owner as engine

def overwrite(self):
    self.flush()
    folder = self.snapshot_dir / "the-only-one"
    named = [name for _, name in engine.journal.snapshots()]
    shutil.rmtree(folder, ignore_errors=True)
    sha256 = engine.save_snapshot(self.state, folder, self.position)
    if folder.name not in named:
        engine.journal.forget_snapshots(named)
        engine.journal.record_snapshot(position=self.position, folder=folder.name, sha256=sha256)
    self.snapshot_position = self.position

engine.Owner.snapshot = engine.Owner.begin_snapshot = overwrite
"""


def run_under_fire(stage: World, name: str, kinds: Sequence[str], seed: int, planted: str = "") -> OnlineFire:
    chance = random.Random(seed)

    def strike(fire: OnlineFire) -> None:
        for kind in kinds:
            fire.strike(kind, chance)

    return under_fire(stage.copy(name), strike, planted)


def test_an_engine_killed_under_load_loses_and_doubles_nothing(stage: World) -> None:
    fire = run_under_fire(stage, "online_sample", SAMPLE, seed=1)
    assert fire.kills == list(SAMPLE)
    assert fire.gateway.resent + fire.gateway.repeats > 0
    assert fire.wrong() == []


def test_this_test_sees_an_answer_before_its_commit(stage: World) -> None:
    assert run_under_fire(stage, "online_early", ("engine",) * 5, 2, ANSWERED_FIRST).wrong() != []


@pytest.mark.soak
def test_this_test_sees_a_lost_after_image(stage: World) -> None:
    found = run_under_fire(stage, "online_image", ("engine", "engine", "engine"), 3, IMAGE_LOST).wrong()
    assert [line for line in found if "wallet" in line]


@pytest.mark.soak
def test_this_test_sees_a_snapshot_that_overwrites_the_good_one(stage: World) -> None:
    with pytest.raises(AssertionError, match="the journal is damaged"):  # the engine cannot be started any more
        run_under_fire(stage, "online_only", ("mid-snapshot",) * 3, 4, GOOD_ONE_OVERWRITTEN)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, SOAK_ROUNDS + 1))
def test_an_engine_killed_very_often_under_load_comes_to_what_a_calm_one_does(
    stage: World, seed: int, record_property
) -> None:
    chance = random.Random(seed)
    fire = run_under_fire(stage, f"online_soak_{seed}", [chance.choice(KINDS) for _ in range(KILLS_A_ROUND)], seed)
    assert fire.wrong() == []
    assert fire.facts() == calm_facts(stage, f"online_calm_{seed}", fire.gateway.done)
    record_property("kills", len(fire.kills))
    record_property("snapshots torn by them", fire.torn)
    record_property("answered", fire.gateway.answered)
    record_property("sent again unanswered", fire.gateway.resent)
    record_property("repeated and answered alike", fire.gateway.repeats)
    for kind, count in Counter(fire.kills).items():
        record_property(f"killed {kind}", count)
