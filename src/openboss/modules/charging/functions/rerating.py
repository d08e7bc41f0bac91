"""Re-rating: which users are concerned, what they should have used, and how the engine is put right.

Read by processes/re_rate.py, where the whole story is. Source: CHG-36, docs/algorithms/re-rating.md.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from django.conf import settings

from openboss.modules.charging.atomic import rerating as atomic
from openboss.modules.charging.atomic.rerating import (
    NotWaiting,
    OwnProposal,
    ReratingUnknown,
    ReratingView,
    approve,
    ask,
    fail,
    files_of_source,
    list_reratings,
    mark_applied,
    note_progress,
    propose,
    refuse,
    rerating_view,
)
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.replaying import NotReproducible, Replay, begin
from openboss.modules.charging.engine.rerating import NotPriced, Written, read_written
from openboss.modules.charging.functions.engine import EngineRefused, EngineSilent, ask_engine, rate_waiting
from openboss.modules.charging.schema import RATED

__all__ = [
    "EngineBusy",
    "EngineRefused",
    "EngineSilent",
    "Looked",
    "NotPriced",
    "NotReproducible",
    "NotWaiting",
    "OwnProposal",
    "Replay",
    "ReratingUnknown",
    "ReratingView",
    "TariffsChanged",
    "approve",
    "ask",
    "fail",
    "files_of_source",
    "list_reratings",
    "look",
    "mark_applied",
    "note_progress",
    "propose",
    "put_right",
    "read_frame",
    "refuse",
    "replay_from",
    "rerating_view",
    "selected_users",
    "users_file",
    "write_frame",
]

TRIES = 20


class EngineBusy(Exception):
    """Offers of the users changed faster than the engine could be put right; nothing was changed: try again."""


class TariffsChanged(Exception):
    """Other tariffs were published since the re-rating was worked out: ask for it again."""


@dataclass(frozen=True)
class Looked:
    """What users had used at a position of the journal, as the engine wrote it down."""

    position: int
    frames: dict[str, dict[str, str]]
    cycles: list[int]  # open ones
    sha256: str  # of the tariffs in force

    def written(self) -> Written:
        """Read it."""
        return read_written(_lake(), self.frames)


def _lake() -> Lake:
    return Lake(Path(settings.LAKE_DIR))


def write_frame(frame: pl.DataFrame, path: str) -> dict[str, str]:
    """Write a frame into the lake, whole and durably; return its path and SHA-256."""
    return {"path": path, "sha256": _lake().publish(frame, path)}


def read_frame(part: dict[str, str]) -> pl.DataFrame:
    """Read a frame that was written. Raises ValueError if it has changed since."""
    return _lake().read_chunk(part["path"], part["sha256"])


def selected_users(
    *,
    from_local_s: int,
    to_local_s: int,
    rule_ids: Iterable[int] | None = None,
    file_ids: Iterable[int] | None = None,
    subscriber_ids: Iterable[int] | None = None,
) -> pl.DataFrame:
    """Name the users of rated records of a period (local seconds, half-open): subscriber_id, cycle, records.

    rule_ids   charged or covered by one of these rules; file_ids  from one of these files
    """
    table = _lake().open_usage()
    schema = {"subscriber_id": pl.Int64, "cycle": pl.Int32, "records": pl.UInt32}
    if table is None:
        return pl.DataFrame(schema=schema)
    found = pl.scan_parquet(table.file_uris(), hive_partitioning=True)
    moment = pl.col("start_local_s")
    found = found.filter((moment >= from_local_s) & (moment < to_local_s))
    if rule_ids is not None:
        named = pl.col("rule_basic", "rule_ld", "free_rule_1", "free_rule_2")
        found = found.filter(pl.any_horizontal(named.is_in(list(rule_ids))))
    if file_ids is not None:
        found = found.filter(pl.col("file_id").is_in(list(file_ids)))
    if subscriber_ids is not None:
        found = found.filter(pl.col("subscriber_id").is_in(list(subscriber_ids)))
    counted = found.group_by("subscriber_id", "cycle").agg(records=pl.len()).sort("subscriber_id", "cycle")
    return counted.select(pl.col(name).cast(kind) for name, kind in schema.items()).collect()


def look(*, folder: str, users: dict[str, str]) -> Looked:
    """Let the engine write down what users have used by now. Raises EngineRefused, EngineSilent."""
    answer = ask_engine("LOOK", {"folder": folder, "users": users})
    return Looked(answer["position"], answer["frames"], answer["cycles"], answer["sha256"])


def replay_from(
    *, users: dict[str, str], first_cycle: int, sha256: str, told: Callable[[int, int], None] = lambda *_: None
) -> Replay:
    """Begin to live the journal again for users, from before a month, under a publication of tariffs."""
    ids = read_frame(users)["subscriber_id"].to_numpy()
    snapshots = Path(settings.DATA_DIR) / "engine"
    return begin(lake=_lake(), snapshot_dir=snapshots, users=ids, first_cycle=first_cycle, sha256=sha256, told=told)


def put_right(
    *,
    rerating_id: int,
    folder: str,
    users: dict[str, str],
    first_cycle: int,
    sha256: str,
    check: Callable[[Replay], None],
    told: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Put the engine right, once; return its answer. What it did before a kill is found again.

    check  called before the engine is told, with the replay; what it raises stops everything
    Raises TariffsChanged, EngineBusy, EngineRefused, EngineSilent, NotPriced, NotReproducible.
    """
    rate_waiting()
    done = atomic.engine_answer(rerating_id=rerating_id)
    if done is not None:
        return done
    replay = replay_from(users=users, first_cycle=first_cycle, sha256=sha256, told=told)
    for _ in range(TRIES):
        looked = look(folder=folder, users=users)
        if looked.sha256 != sha256:
            raise TariffsChanged(looked.sha256)
        replay.run_to(looked.position)
        check(replay)
        try:
            return ask_engine("RERATE", _command(rerating_id, folder, users, replay, looked))
        except EngineRefused as refused:
            reason = str(refused)
    raise EngineBusy(reason)


def _command(rerating_id: int, folder: str, users: dict[str, str], replay: Replay, looked: Looked) -> dict[str, Any]:
    written, (_, after) = replay.written(), replay.corrections()
    place = f"{folder}/right-{looked.position}"
    frames = {name: write_frame(getattr(written, name), f"{place}-{name}.parquet") for name in Written._fields}
    corrected = after.filter(pl.col("cycle").is_in(looked.cycles)).select(list(RATED))
    return {
        "rerating_id": rerating_id,
        "folder": folder,
        "users": users,
        "position": looked.position,
        "cycles": looked.cycles,
        "first_cycle": replay.first_cycle,
        "sha256": looked.sha256,
        "frames": frames,
        "detail": write_frame(corrected, f"{place}-detail.parquet"),
    }


def users_file(subscriber_ids: np.ndarray, folder: str) -> dict[str, str]:
    """Write down whom a re-rating is about, rising."""
    return write_frame(pl.DataFrame({"subscriber_id": np.unique(subscriber_ids)}), f"{folder}/users.parquet")
