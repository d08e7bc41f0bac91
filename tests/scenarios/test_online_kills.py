"""Networks that are answered by an engine that is killed at any moment lose and double nothing.

The engine, PostgreSQL, both; at work, with groups decided and not committed, idle, while it saves its state; with all
lost that no fsync had promised, and the newest snapshot torn. Meanwhile business tops wallets up and changes plans, and
files of usage are rated. After every restart the network sends again what was not answered, and repeats what was: the
same answer to the byte. In the end wallets, totals and rated detail are those of what was acknowledged, and for those
who share nothing those of a run in which nobody was killed. `make test` kills each way at least once; `make soak` two
hundred times OPENBOSS_SOAK. The test of the test plants faults, and each is seen.
"""

import os
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.scenarios.online_under_fire import (
    KINDS,
    MANY_AHEAD,
    STANDING_STILL,
    OnlineFire,
    under_fire,
    unlike_calm,
)
from tests.scenarios.power_cut import why_not_here
from tests.scenarios.worlds import World

SAMPLE = (*KINDS, "server stalled", "server restarted", "engine")
ORDERS = {"top-ups": "top-ups", "enginecommand": "plans changed", "usagechunk": "chunks of usage rated beside"}
MOST_CONNECTIONS = 4  # of an engine: its thread's, its journal line's, and what somebody who asks it may take
BESIDE = {"SessionFunction": "over Nchf", "AccessServer": "over RADIUS"}
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
REPEAT_ANSWERED_FIRST = """
from openboss.access.jobs.charge_loop import ChargeLoop
decide, when_safe = ChargeLoop.decide, ChargeLoop.when_safe

def knowing_repeats(self, requests, asks):
    self.only_repeats = False
    taken, answers, quotas = decide(self, requests, asks)
    self.only_repeats = taken.any() and answers["is_repeat"][taken].all()
    return taken, answers, quotas

def at_once(self, answer):
    if self.only_repeats:  # which have changed nothing themselves
        answer()
    else:
        when_safe(self, answer)

ChargeLoop.only_repeats, ChargeLoop.decide, ChargeLoop.when_safe = False, knowing_repeats, at_once
"""
NO_FSYNC = """
import os
os.fsync = lambda _descriptor: None
"""
IMAGE_LOST = """
charge_loop.POSITIONS_A_SNAPSHOT = 1_000_000  # what was lost is in no snapshot
from openboss.modules.charging.engine.online import turns
whole = turns.Changed
turns.Changed = lambda **named: whole(**(named | {"wallets": named["wallets"][:0]}))
"""
GOOD_ONE_OVERWRITTEN = """
import os, shutil, time
sync = os.fsync
os.fsync = lambda descriptor: (time.sleep(0.02), sync(descriptor))  # a slow disk: a kill in mid-snapshot falls there
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


def check_load(fire: OnlineFire) -> None:
    """The kills fell where it is hard: with groups ahead of the journal, amid all kinds of requests and orders."""
    many = sum(groups >= MANY_AHEAD for groups in fire.ahead)
    assert many * 3 >= len(fire.ahead), fire.ahead
    assert fire.gateway.resent > 0 < fire.gateway.repeats and fire.gateway.copied > 0
    assert sum(one.refused for one in fire.gateway.told.values()) > 0
    assert sum(one.events_li for one in fire.gateway.told.values()) > 0
    assert all(one.sent_again > 0 < one.repeats for one in fire.beside)
    assert fire.most_connections <= MOST_CONNECTIONS
    assert min(fire.orders[kind] for kind in ("top-ups", "enginecommand", "usagechunk")) > 1


def test_an_engine_killed_under_load_loses_and_doubles_nothing(stage: World) -> None:
    fire = run_under_fire(stage, "online_sample", SAMPLE, seed=1)
    assert fire.kills == list(SAMPLE)
    assert fire.wrong() == []
    check_load(fire)


@pytest.mark.parametrize(("planted", "kind"), [
    pytest.param(ANSWERED_FIRST, STANDING_STILL, id="an answer before its commit"),
    pytest.param(IMAGE_LOST, "engine", id="a lost after-image"),
])  # fmt: skip
def test_this_test_sees(stage: World, planted: str, kind: str, request: pytest.FixtureRequest) -> None:
    name = f"online_planted_{abs(hash(request.node.callspec.id))}"
    assert run_under_fire(stage, name, [kind], 2, planted).wrong() != []


@pytest.mark.soak  # whether a repeat comes amid one kill is chance
def test_this_test_sees_a_repeat_that_is_answered_before_its_original_is_committed(stage: World) -> None:
    kinds = [STANDING_STILL] * 3
    assert run_under_fire(stage, "online_planted_repeat", kinds, 2, REPEAT_ANSWERED_FIRST).wrong() != []


def test_this_test_sees_a_snapshot_that_overwrites_the_good_one(stage: World) -> None:
    def trouble(fire: OnlineFire) -> None:
        fire.let_save(1)  # what the journal has before it is retired
        fire.strike("mid-snapshot", random.Random(4))

    with pytest.raises(AssertionError, match="the journal is damaged"):  # the engine cannot be started any more
        under_fire(stage.copy("online_only"), trouble, GOOD_ONE_OVERWRITTEN)


@pytest.mark.soak
@pytest.mark.skipif(bool(why_not_here()), reason=why_not_here())
def test_this_test_sees_that_nothing_was_fsynced(stage: World) -> None:
    def trouble(fire: OnlineFire) -> None:
        fire.let_save(4)
        fire.strike("power cut", random.Random(5))

    with pytest.raises(AssertionError, match="the journal is damaged"):
        under_fire(stage.copy("online_forgetful"), trouble, NO_FSYNC)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, SOAK_ROUNDS + 1))
def test_an_engine_killed_very_often_under_load_comes_to_what_a_calm_one_does(
    stage: World, seed: int, record_property
) -> None:
    chance = random.Random(seed)
    fire = run_under_fire(stage, f"online_soak_{seed}", [chance.choice(KINDS) for _ in range(KILLS_A_ROUND)], seed)
    assert fire.wrong() == []
    assert unlike_calm(fire, stage, f"online_calm_{seed}") == []
    check_load(fire)
    record_property("kills", len(fire.kills))
    record_property("snapshots torn by them", fire.torn)
    record_property("answered", fire.gateway.answered)
    record_property("sent again unanswered", fire.gateway.resent)
    record_property("repeated and answered alike", fire.gateway.repeats + fire.gateway.copied)
    record_property("refused for want of money", sum(one.refused for one in fire.gateway.told.values()))
    for one in fire.beside:
        record_property(f"answered {BESIDE[type(one).__name__]}", one.answered)
        record_property(f"sent again unanswered {BESIDE[type(one).__name__]}", one.sent_again)
    record_property("kills at work", len(fire.ahead))
    record_property("of these with two groups or more ahead of the journal", sum(one > 1 for one in fire.ahead))
    record_property("most groups ahead at one of them", max(fire.ahead))
    for kind, count in fire.orders.items():
        record_property(ORDERS[kind], count)
    for kind, count in Counter(fire.kills).items():
        record_property(f"killed {kind}", count)
