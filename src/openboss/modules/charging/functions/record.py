"""Why one record of the detail store cost what it did: the journal lived again up to it, then rated step by step.

What rating did is not kept (it would be larger than the records); it is found again exactly, since the engine does the
same from the same journal. Source: issue 3 section 5, CHG-38.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from django.conf import settings

from openboss.kernel.records import Usage
from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.atomic.rerating import carried_out_after
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.replaying import Replay, begin
from openboss.modules.charging.engine.rerating import rate_again, usage_of_users, users_of
from openboss.modules.charging.engine.snapshots import EVERY_MONTH, newest_good
from openboss.modules.charging.engine.state import EngineState, next_cycle
from openboss.modules.charging.engine.what_if import EventRated, rate_event


class RecordUnknown(Exception):
    """The user has no such record in this month: take the record from the detail list."""


@dataclass(frozen=True)
class RecordRated:
    """A record of the detail store (schema RATED) and how it is rated again, with the steps.

    is_same  it costs again what was charged; otherwise it was corrected since, or opened by other state
    """

    record: dict[str, Any]
    rated: EventRated
    is_same: bool


def rated_again(*, subscriber_id: int, cycle: int, position: int, row: int, together: list[int]) -> RecordRated:
    """Find one record of a user's month and rate it again, in the state in which it came.

    together  users who share free resources or counters with the user
    Raises RecordUnknown.
    """
    lake, users = Lake(Path(settings.LAKE_DIR)), np.unique([subscriber_id, *together])
    there = usage_of_users(lake, users, after=position - 1, until=position)
    found = there.filter(
        (pl.col("subscriber_id") == subscriber_id) & (pl.col("row") == row) & (pl.col("cycle") == cycle)
    )
    if found.is_empty():
        raise RecordUnknown(f"{subscriber_id} {cycle} {position} {row}")
    state = _state_before(lake, users, position, _corrected_by(lake, subscriber_id, cycle, position))
    while cycle > int(state.cycles.cycle.max()):
        state.open_cycle(next_cycle(int(state.cycles.cycle.max())))
    earlier = there.filter(pl.col("row") < row)
    if len(earlier):
        rate_again(state, earlier)
    record = found.row(0, named=True)
    rated = rate_event(state, {name: int(record[name]) for name in Usage._fields if name in record})
    names = ("basic", "ld", "info")
    charged = [(record[f"std_{name}_li"], record[f"act_{name}_li"]) for name in names]
    return RecordRated(record, rated, charged == [(one[3], one[4]) for one in rated.components])


def _corrected_by(lake: Lake, subscriber_id: int, cycle: int, position: int) -> dict[str, Any] | None:
    """The command of the last re-rating that put the user's records of this month right; None if none did."""
    for command in carried_out_after(position):
        if cycle in command["cycles"] and subscriber_id in users_of(lake, command):
            return command
    return None


def _state_before(lake: Lake, users: np.ndarray, position: int, corrected: dict[str, Any] | None) -> EngineState:
    """The state of some users just before a position, from the newest snapshot before it.

    corrected  the re-rating after which the record stands as it does: then the state is the one it came to
    """
    snapshots = Path(settings.DATA_DIR) / "engine"
    if corrected is not None:
        right = {"first_cycle": corrected["first_cycle"], "sha256": corrected["sha256"]}
        again = begin(lake=lake, snapshot_dir=snapshots, users=users, **right)
        again.run_to(position - 1)
        return again.state
    older = [(snapshot, folder) for snapshot, folder in journal.snapshots() if snapshot < position]
    state, reached = newest_good(older, snapshot_dir=snapshots, tariffs=lake.folder / "tariffs")
    replay = Replay(lake, users, EVERY_MONTH, state.tables, state, reached)  # type: ignore[arg-type]
    replay.run_to(position - 1)
    return replay.state
