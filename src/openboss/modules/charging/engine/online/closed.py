"""Records that sessions have closed, as rated: journalled with their group, later laid out as rated detail."""

import numpy as np
import polars as pl

from openboss.kernel.records import Cycles, Rated
from openboss.kernel.state import CYCLE_SLOTS, Directory
from openboss.kernel.usage import Status
from openboss.modules.charging.engine.online.desk import USE

RATED_PARTS = {"item": (np.int16, 3), "units": (np.int64, 2), "std_li": (np.int64, 3), "act_li": (np.int64, 3),
               "rule": (np.int32, 2), "free_rule": (np.int32, 2), "free_units": (np.int64, 2)}  # fmt: skip
CLOSED = np.dtype(
    [
        ("use", USE),
        ("subscriber_id", np.int64),
        ("cycle", np.int32),
        ("status", np.int32),
        *((name, kind, (width,)) for name, (kind, width) in RATED_PARTS.items()),
        ("error", np.int16),  # why it could not be rated (301 is E301)
        ("cap_saved_li", np.int64),
    ]
)
"""A closed record with what rating found."""


def closed_of(directory: Directory, cycles: Cycles, uses: np.ndarray, rated: Rated, order: np.ndarray) -> np.ndarray:
    """Keep records as they were rated, or not; `order` says where each stands in `rated`."""
    found = np.zeros(len(uses), CLOSED)
    width = USE.itemsize
    found.view(np.uint8).reshape(len(uses), CLOSED.itemsize)[:, :width] = uses.view(np.uint8).reshape(len(uses), width)
    found["status"], found["error"] = rated.status[order], rated.error[order]
    found["subscriber_id"] = directory.subscriber_id[rated.row[order]]
    found["cycle"] = cycles.cycle[rated.slot[order] % CYCLE_SLOTS]
    for name in RATED_PARTS:
        found[name] = getattr(rated, name)[order]
    found["cap_saved_li"] = rated.cap_saved_li[order]
    return found


def without_faults(closed: np.ndarray) -> np.ndarray:
    """The records that were rated (CLOSED)."""
    return closed[closed["status"] != Status.ERROR]


def faults_of(closed: np.ndarray) -> pl.DataFrame | None:
    """The records that could not be rated, for the error pool: NORMALISED columns and `code`; None if there is none."""
    failed = closed[closed["status"] == Status.ERROR]
    if not len(failed):
        return None
    columns = {name: np.ascontiguousarray(failed["use"][name]) for name in USE.names or ()}
    return pl.DataFrame(columns | {"code": np.ascontiguousarray(failed["error"])})
