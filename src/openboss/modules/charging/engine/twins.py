"""Usage that was charged online and comes again in the gateway's files: known by user, kind and charging number.

What was charged as it happened is not charged again from a file; it is kept apart, to be compared. A closed record is
remembered among the keys of duplicates, on the day it began; one that still grows is known by itself. A gateway
may cut a session into many records of its own: all of those that began within DAYS_BACK of ours are its twins.
"""

from pathlib import Path

import numpy as np
import polars as pl

from openboss.modules.charging.engine.duplicates import DAY_S
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.state import EngineState

FOLDER = "twins"
DAYS_BACK = 3
TWINS = pl.Schema(
    {
        "file_id": pl.Int64(),
        "seq_in_file": pl.Int32(),
        "subscriber_id": pl.Int64(),
        "record_type": pl.Int8(),
        "call_ref": pl.Int64(),
        "start_local_s": pl.Int64(),
        "duration_s": pl.Int32(),
        "up_bytes": pl.Int64(),
        "down_bytes": pl.Int64(),
        "message_count": pl.Int32(),
    }
)
_MARK = 1 << 63  # no key of a record is like it: those are hashes, this names a user and a kind
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def _keys(subscriber_id: np.ndarray, record_type: np.ndarray, call_ref: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    high = np.uint64(_MARK) | record_type.astype(np.uint64) << np.uint64(48) | subscriber_id.astype(np.uint64)
    return high, call_ref.astype(np.uint64) * _SPREAD


def remember(state: EngineState, closed: np.ndarray) -> None:
    """Remember records that sessions closed (CLOSED); those without a charging number cannot be known again."""
    named = closed[closed["use"]["call_ref"] != 0]
    if not len(named):
        return
    state.used["online"] = 1
    uses = named["use"]
    high, low = _keys(named["subscriber_id"], uses["record_type"], uses["call_ref"])
    state.duplicates.claim(uses["start_local_s"] // DAY_S, high, low, np.arange(len(named)))


def are_twins(state: EngineState, columns: dict[str, np.ndarray], rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Say which records of a chunk were charged online: bool[len(places)].

    What sessions ended and nobody could rate comes once more from the error pool (a file below zero): it is no twin.

    rows    i32[n]: the user of each record of the chunk
    places  i64[k]: the records that are asked about
    """
    known = np.zeros(len(places), np.bool_)
    named = np.flatnonzero((columns["call_ref"][places] != 0) & (columns["file_id"][places] >= 0))
    mine = places[named]
    record_type, call_ref = columns["record_type"][mine], columns["call_ref"][mine]
    if state.used.get("online"):
        high, low = _keys(state.directory.subscriber_id[rows[mine]], record_type, call_ref)
        days = columns["start_local_s"][mine] // DAY_S
        for back in range(DAYS_BACK + 1):
            known[named] |= state.duplicates.has(days - back, high, low)
    known[named] |= _still_grow(state, rows[mine], record_type, call_ref)
    return known


def _still_grow(state: EngineState, rows: np.ndarray, record_type: np.ndarray, call_ref: np.ndarray) -> np.ndarray:
    """Say which records have a twin among their users' open services: one service of every user at a time."""
    desk, found = state.desk, np.zeros(len(rows), np.bool_)
    left = np.flatnonzero(rows < len(desk.user_service))
    open_places = desk.user_service[rows[left]]
    while len(left):
        left, open_places = left[open_places >= 0], open_places[open_places >= 0]
        is_same = desk.uses["record_type"][open_places] == record_type[left]
        found[left] |= is_same & (desk.uses["call_ref"][open_places] == call_ref[left])
        open_places = desk.services["next_of_user"][open_places]
    return found


def keep_twins(lake: Lake, twins: pl.DataFrame, *, timeline: int, position: int) -> None:
    """Keep the twins of a chunk (schema TWINS) for the comparison; doing it again changes nothing."""
    if len(twins):
        lake.publish(twins, f"{FOLDER}/{timeline:04d}-{position:012d}.parquet")


def read_twins(lake_dir: Path, *, from_local_s: int, to_local_s: int) -> pl.DataFrame:
    """The records of gateways' files that began between two local seconds and were charged online (schema TWINS)."""
    files = sorted((lake_dir / FOLDER).glob("*.parquet"))
    if not files:
        return pl.DataFrame(schema=TWINS)
    began = pl.col("start_local_s")
    return pl.scan_parquet(files).filter(began >= from_local_s, began < to_local_s).collect()
