"""The processes beside the engine: one writes the lake while networks are served, one saves a snapshot."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest

from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.online import closed as closed_module
from openboss.modules.charging.engine.online.closed import CLOSED, joined
from openboss.modules.charging.engine.scribe import Scribe, ScribeEnded
from openboss.modules.charging.engine.snapshots import Saving, SnapshotNotSaved, load_snapshot

from .conftest import record
from .test_owner import calls, detail, put_chunk, start, world  # noqa: F401 - a fixture
from .test_rating_chunks import rate

ENGINE = """
import time
from openboss.modules.charging.engine.scribe import Scribe
scribe = Scribe()
print(scribe._process.pid, flush=True)
scribe.do(time.sleep, 60)
"""


@pytest.fixture
def scribe():
    found = Scribe()
    yield found
    found.close()


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as told:
            return told.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_scribe_is_given_arrays_of_any_number_and_frames_and_gives_back_what_a_call_here_would(scribe):
    parts = [np.full(size, size, CLOSED) for size in (3, 0, 1)] * 700
    assert scribe.do(joined, parts).tobytes() == joined(parts).tobytes()
    frames = [pl.DataFrame({"position": [n, n], "number": [n, None]}) for n in range(3)]
    assert scribe.do(pl.concat, frames).equals(pl.concat(frames))


@pytest.mark.parametrize("rows_a_block", [1, 5, 1000])
def test_what_sessions_closed_is_kept_in_its_order_and_split_at_a_position(rows_a_block, monkeypatch):
    monkeypatch.setattr(closed_module, "ROWS_A_BLOCK", rows_a_block)
    groups = [(position, np.full(size, size, CLOSED)) for position, size in enumerate((2, 1, 7, 3, 1, 4), 10)]
    kept = closed_module.Kept()
    for position, closed in groups:
        closed["use"]["start_at_s"] = np.arange(len(closed))
        kept.add(position, closed)
    for to in range(9, 17):
        reached, rest = kept.split(to)
        for found, wanted in ((reached, groups[: to - 9]), (rest.told(), groups[to - 9 :])):
            assert [row for positions, _ in found for row in positions] == [n for n, part in wanted for _ in part]
            assert joined([part for _, part in found]).tobytes() == joined([part for _, part in wanted]).tobytes()
    assert len(kept) == 18 == sum(len(part) for _, part in kept.told())


def test_the_scribe_remembers_what_of_the_lake_is_durable_from_one_commit_to_the_next(scribe, tmp_path):
    lake = Lake(tmp_path)
    first, second = (scribe.do(id, lake) for _ in range(2))
    assert first == second != scribe.do(id, Lake(tmp_path / "other"))


def test_what_cannot_be_written_and_a_scribe_that_was_killed_end_the_engine(capfd):
    failing, killed = Scribe(), Scribe()
    with pytest.raises(ScribeEnded):
        failing.do(os.listdir, "/nowhere")
    assert "No such file or directory: '/nowhere'" in capfd.readouterr().err
    os.kill(killed._process.pid, signal.SIGKILL)
    with pytest.raises(ScribeEnded, match="-9"):
        killed.do(joined, [])


def test_a_killed_engine_leaves_no_scribe_behind():
    engine = subprocess.Popen([sys.executable, "-c", ENGINE], stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    pid = int(engine.stdout.readline())
    time.sleep(1)  # it is at work
    assert is_alive(pid)
    engine.kill()
    engine.communicate()
    until_s = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < until_s
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_saved_beside_is_what_the_state_was_when_it_was_begun(engine, tmp_path):
    engine.open_cycle(201205)
    call = record(8613900000002, "2012-05-01 10:00:00", duration_s=61)
    rate(engine, call)
    before = engine.digest()
    saving = Saving(engine, tmp_path / "0001-000000000001-1", 1)
    rate(engine, {**call, "key_lo": 7, "key_hi": 7})
    assert len(saving.wait()) == 64
    found = load_snapshot(tmp_path / "0001-000000000001-1")
    assert found.digest() == before != engine.digest()


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_saved_beside_is_entered_when_the_lake_has_all_before_it_and_usage_goes_on(world):  # noqa: F811
    (world / "engine").mkdir()
    put_chunk(*calls(1))
    owner = start(world)
    while owner.turn():
        pass
    owner.begin_snapshot()
    begun = owner.position
    put_chunk(*calls(2))
    while owner.turn():
        pass
    while not owner.saving.is_done():
        time.sleep(0.01)
    owner.end_snapshot()
    assert journal.snapshots() == []  # the detail before it would be lost
    owner.hand_over(is_serving=True)
    owner.writer.close()
    owner.end_snapshot()
    assert [position for position, _ in journal.snapshots()] == [begun] == [owner.position - 1]
    again = start(world)
    assert again.state.digest() == owner.state.digest()
    assert len(detail(world)) == 40


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_that_could_not_be_saved_beside_ends_the_engine_and_harms_no_older_one(world, capfd):  # noqa: F811
    (world / "engine").mkdir()
    put_chunk(*calls(1))
    owner = start(world)
    owner.drain()
    owner.snapshot()
    put_chunk(*calls(2))
    owner.drain()
    good = journal.snapshots()
    shutil.rmtree(world / "engine")
    (world / "engine").write_text("no folder")
    owner.begin_snapshot()
    while not owner.saving.is_done():
        time.sleep(0.01)
    with pytest.raises(SnapshotNotSaved):
        owner.end_snapshot()
    assert "NotADirectoryError" in capfd.readouterr().err
    assert journal.snapshots() == good
