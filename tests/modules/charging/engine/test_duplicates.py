"""Days whose keys no longer change lie on disk; what is known of them stays the same."""

from pathlib import Path

import numpy as np
import pytest

from openboss.modules.charging.engine.duplicates import SMALLEST, Duplicates
from openboss.modules.charging.engine.snapshots import load_snapshot, save_snapshot
from openboss.modules.charging.engine.state import EngineState

DAY, OTHER_DAY = 20_000, 20_001
RNG = np.random.default_rng(1)
HIGH, LOW = RNG.integers(1, 2**64, (2, 3 * SMALLEST), np.uint64)


def claim(duplicates: Duplicates, first: int, last: int, day: int = DAY) -> list[int]:
    """Ask for a range of keys on one day; 1 = it was new."""
    places = np.arange(first, last)
    fresh = duplicates.claim(np.full(len(HIGH), day), HIGH, LOW, places)
    return fresh[places].tolist()


def saved(state: EngineState, folder: Path, number: int) -> EngineState:
    save_snapshot(state, folder / f"snapshot-{number}", number)
    return load_snapshot(folder / f"snapshot-{number}")


@pytest.fixture
def rested(tmp_path: Path) -> EngineState:
    """A state one of whose days did not change between two snapshots."""
    state = EngineState()
    assert claim(state.duplicates, 0, 2 * SMALLEST) == [1] * 2 * SMALLEST
    saved(state, tmp_path, 1)
    assert state.duplicates.days[DAY].old is None
    claim(state.duplicates, 0, 10, OTHER_DAY)
    saved(state, tmp_path, 2)
    return state


def test_a_late_duplicate_of_a_day_on_disk_is_known(rested):
    day = rested.duplicates.days[DAY]
    assert isinstance(day.old.keys, np.memmap)
    assert (day.new.taken, day.old.taken) == (0, 2 * SMALLEST)
    assert claim(rested.duplicates, 2 * SMALLEST - 3, 2 * SMALLEST + 2) == [0, 0, 0, 1, 1]
    assert claim(rested.duplicates, 2 * SMALLEST, 2 * SMALLEST + 3) == [0, 0, 1]
    assert isinstance(day.old.keys, np.memmap)


def test_a_state_with_days_on_disk_is_the_state_that_had_them_in_memory(rested, tmp_path):
    plain = EngineState()
    for day, last in ((DAY, 2 * SMALLEST), (OTHER_DAY, 10)):
        claim(plain.duplicates, 0, last, day)
    assert rested.digest() == plain.digest()
    for one in (rested, plain):
        claim(one.duplicates, 2 * SMALLEST, 2 * SMALLEST + 5)
    again = saved(rested, tmp_path, 3)
    assert again.digest() == rested.digest() == plain.digest()
    assert isinstance(again.duplicates.days[DAY].old.keys, np.memmap)
    assert claim(again.duplicates, 2 * SMALLEST + 4, 2 * SMALLEST + 6) == [0, 1]
    files = {f"{path.parent.name}/{path.stem}" for path in tmp_path.glob("*/keys-*.npy")}
    assert rested.duplicates.files() <= files


def test_a_day_to_which_many_late_records_come_is_in_memory_again(rested):
    assert claim(rested.duplicates, 0, 3 * SMALLEST) == [0] * 2 * SMALLEST + [1] * SMALLEST
    day = rested.duplicates.days[DAY]
    assert (day.old, day.new.taken) == (None, 3 * SMALLEST)


def test_keys_that_are_given_back_can_come_again(rested):
    claim(rested.duplicates, 2 * SMALLEST, 2 * SMALLEST + 2)
    back = slice(2 * SMALLEST, 2 * SMALLEST + 1)
    rested.duplicates.give_back(np.array([DAY]), HIGH[back], LOW[back])
    assert claim(rested.duplicates, 2 * SMALLEST, 2 * SMALLEST + 2) == [1, 0]


def test_a_file_of_keys_that_was_cut_off_is_noticed(rested, tmp_path):
    file = tmp_path / f"{rested.duplicates.days[DAY].old.saved_as}.npy"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match="length"):
        load_snapshot(tmp_path / "snapshot-2")
