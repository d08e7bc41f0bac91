"""How the engine's arrays are laid out: their types, which of them lie side by side, room for those read from files."""

from itertools import chain

import numpy as np
import polars as pl

from openboss.kernel.records import Cycles
from openboss.kernel.state import CYCLE_SLOTS, LANES, Directory, Lane
from openboss.modules.charging.engine.array_files import ArrayFileDamaged
from openboss.modules.charging.engine.side_by_side import grown, side_by_side

Arrays = dict[str, np.ndarray]

LAST_S = 2**32 - 1  # a moment nothing reaches

NAMES, HEADS = ("subscriber_id",), ("holding_head", "group_head", "friend_head")  # of each row


def _members(fields: tuple[str, ...], pool: str) -> tuple[str, ...]:
    """The arrays that have one place for each member of a pool."""
    return tuple(name for name in fields if name.startswith(f"{pool}_") and not name.endswith(("_head", "_count")))


POOLS = {pool: _members(Directory._fields, pool) for pool in ("span", "holding", "group", "friend")}
LANE_POOLS = {pool: _members(Lane._fields, pool) for pool in ("free", "totals", "counter")}
_MOMENTS = tuple(f"{pool}_{end}_s" for pool in (*POOLS, "free") for end in ("from", "to"))
_NARROW = dict.fromkeys(_MOMENTS, np.uint32) | {
    "span_row": np.int32,
    "span_next": np.int32,
    "holding_head": np.int32,
    "group_head": np.int32,
    "holding_offer": np.int32,
    "holding_rank": np.int8,
    "holding_first_month": np.int8,
    "holding_next": np.int32,
    "group_kind": np.int8,
    "group_next": np.int32,
    "number_head": np.int32,
    "imsi_head": np.int32,
    "free_head": np.int32,
    "totals_head": np.int32,
    "group_pool": np.int32,
    "friend_head": np.int32,
    "friend_next": np.int32,
    "counter_head": np.int32,
    "counter_next": np.int32,
    "free_by": np.int32,
    "free_rule": np.int32,
    "free_next": np.int32,
    "totals_item": np.int16,
    "totals_rule": np.int32,
    "totals_next": np.int32,
}


_DIRECTORY_ROWS = (NAMES, HEADS, *POOLS.values(), ("number_key", "number_head"), ("imsi_key", "imsi_head"))
LANE_HEADS = {"free_head": CYCLE_SLOTS + 1, "totals_head": CYCLE_SLOTS, "counter_head": 1}  # chains a row has of each
_LANE_ROWS = (tuple(LANE_HEADS), *LANE_POOLS.values())


def _new(name: str, size: int, filled: int = 0) -> np.ndarray:
    return np.full(size, filled, _NARROW.get(name, np.int64))


def as_moments(local_s: pl.Series) -> np.ndarray:
    """Local seconds as the arrays hold them: from 1970 to the year 2106, whose last second stands for always."""
    return local_s.clip(0, LAST_S).to_numpy()


def empty_directory() -> Directory:
    arrays = {name: _new(name, 0) for name in Directory._fields}
    for table in ("number", "imsi"):
        arrays[f"{table}_key"] = np.zeros(16, np.int64)
        arrays[f"{table}_head"] = np.full(16, -1, np.int32)
    return directory_of(arrays)


def empty_lane() -> Lane:
    arrays = {name: _new(name, 0) for name in Lane._fields}
    for name, width in LANE_HEADS.items():
        arrays[name] = np.full((0, width), -1, np.int32)
    for name in ("free_count", "totals_count", "counter_count"):
        arrays[name] = np.zeros(1, np.int64)
    return lane_of(arrays)


def directory_of(arrays: dict[str, np.ndarray]) -> Directory:
    """Make a directory of its arrays, laid side by side."""
    laid = [side_by_side({name: arrays[name] for name in names}) for names in _DIRECTORY_ROWS]
    return Directory(**{name: column for columns in laid for name, column in columns.items()})


def lane_of(arrays: dict[str, np.ndarray]) -> Lane:
    """Make a lane of its arrays, laid side by side."""
    laid = [side_by_side({name: arrays[name] for name in names}) for names in _LANE_ROWS]
    return Lane(**arrays | {name: column for columns in laid for name, column in columns.items()})


def empty_cycles() -> Cycles:
    return Cycles(
        cycle=np.zeros(CYCLE_SLOTS, np.int32),
        start_s=np.zeros(CYCLE_SLOTS, np.int64),
        end_s=np.zeros(CYCLE_SLOTS, np.int64),
        is_open=np.zeros(CYCLE_SLOTS, np.uint8),
    )


def laid_together() -> list[tuple[str, ...]]:
    """Name the arrays that lie side by side, as a snapshot names them."""
    directory = [("directory", names) for names in _DIRECTORY_ROWS]
    lanes = [(f"lane{number}", names) for number in range(LANES) for names in _LANE_ROWS]
    return [tuple(f"{whose}.{name}" for name in names) for whose, names in chain(directory, lanes)]


def room_for(kinds: Arrays, shapes: dict[str, tuple[int, ...]], *, is_laid: bool) -> Arrays:
    """Make room for arrays of some shapes, of the types of others. Raises ArrayFileDamaged if they do not fit."""
    sizes = {shape[0] for shape in shapes.values()}
    if len(sizes) > 1 or any(shape[1:] != kinds[name].shape[1:] for name, shape in shapes.items()):
        raise ArrayFileDamaged(f"{', '.join(shapes)} do not fit: {list(shapes.values())}")
    if is_laid:
        return grown(side_by_side({name: kinds[name][:0] for name in shapes}), sizes.pop())
    return {name: np.empty(shape, kinds[name].dtype) for name, shape in shapes.items()}
