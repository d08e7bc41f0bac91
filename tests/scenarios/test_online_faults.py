"""Networks are charged while PostgreSQL is slow, restarted, full or failed over: no false answer, nothing lost.

An engine that loses its database ends without an answer, and its supervisor starts it again. One whose database only
takes its time waits with it. Fail-over is to a synchronous standby, by streaming replication.
"""

import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from openboss.access.jobs.postgres.account import account_for
from tests.scenarios.online_under_fire import OnlineFire, under_fire, unlike_calm
from tests.scenarios.standby import Standby
from tests.scenarios.worlds import World

pytestmark = pytest.mark.soak  # a sample is among the kills of `make test`
TIMES = 8
SLOWER_MS = 200  # each commit
SLOWLY = ("engine", "engine idle", "mid-snapshot", "engine")


@pytest.mark.parametrize("kind", ["server restarted", "server failed over", "server stalled"])
def test_with_a_server_in_trouble_nothing_is_answered_falsely_and_nothing_lost(
    stage: World, kind: str, record_property
) -> None:
    chance, name = random.Random(9), f"online_{kind.rpartition(' ')[2]}"

    def trouble(fire: OnlineFire) -> None:
        for _ in range(TIMES):
            fire.strike(kind, chance)

    fire = under_fire(stage.copy(name), trouble)
    assert (fire.kills, fire.wrong()) == ([kind] * TIMES, [])
    assert unlike_calm(fire, stage, f"{name}_calm") == []
    assert (fire.gateway.resent > 0) == (kind != "server stalled")  # that one goes on with the same engine
    record_property(kind, TIMES)


def test_with_a_server_that_is_steadily_slow_everything_is_answered_and_killed_engines_lose_nothing(
    stage: World, record_property
) -> None:
    chance = random.Random(10)

    def trouble(fire: OnlineFire) -> None:
        standby = Standby(stage.cluster, applies_after_ms=SLOWER_MS)
        try:
            for kind in SLOWLY:
                fire.strike(kind, chance)
            began_s = time.monotonic()
            fire.let_answer(100)
            record_property("answers a second", round(100 / (time.monotonic() - began_s)))
        finally:
            standby.end()

    fire = under_fire(stage.copy("online_slow"), trouble)
    assert (fire.kills, fire.wrong()) == (list(SLOWLY), [])
    assert max(fire.ahead) > 1
    assert unlike_calm(fire, stage, "online_slow_calm") == []
    record_property("kills", len(SLOWLY))


@pytest.fixture
def small(stage: World) -> Iterator[Callable[[int], None]]:
    """A small disk for the tables of a world, and how to leave so many KB of room on it."""
    connection = stage.cluster.known_connection()
    assert connection is not None
    place = Path(tempfile.mkdtemp(prefix="openboss-small-"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", place], check=False).returncode:
        pytest.skip("no small disk: mounting one needs root")
    account_for(Path(connection.server_dir, "pgdata")).own(place)
    url = f"postgresql://postgres:{connection.superuser_password}@{connection.host}:{connection.port}/postgres"

    def leave_room_of(kilobytes: int) -> None:
        used = sum(path.stat().st_blocks for path in place.rglob("*")) // 2
        subprocess.run(["mount", "-o", f"remount,size={used + kilobytes}k", place], check=True)

    with psycopg.connect(url, autocommit=True) as session:
        session.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
        session.execute(f"GRANT CREATE ON TABLESPACE small TO {connection.user}")
        try:
            yield leave_room_of
        finally:
            leave_room_of(100_000)
            session.execute("DROP DATABASE IF EXISTS online_full WITH (FORCE)")
            session.execute("DROP TABLESPACE small")
            subprocess.run(["umount", place], check=False)
            place.rmdir()


def test_a_server_whose_disk_is_full_ends_the_engine_unanswered_and_with_room_everything_goes_on(
    stage: World, small: Callable[[int], None]
) -> None:
    def trouble(fire: OnlineFire) -> None:
        fire.let_answer(40)
        small(100)
        assert fire.engine is not None
        assert fire.engine.wait(timeout=60) != 0
        said = fire.world.heard()
        before = fire.gateway.answered
        time.sleep(0.5)
        assert fire.gateway.answered == before
        assert "No space left on device" in said or "disk is full" in said
        small(100_000)
        fire.start()
        fire.let_answer(40)

    fire = under_fire(stage.copy("online_full", tablespace="TABLESPACE small"), trouble)
    assert fire.wrong() == []
    assert fire.gateway.resent > 0
