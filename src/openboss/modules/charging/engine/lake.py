"""The detail store: rated usage in a Delta table, and what the engine publishes when a cycle is frozen.

One writer. Each commit carries the journal position it reaches, as the table's application transaction, so that a
replay never writes a row twice. Within a chunk rows are sorted by user, so that row groups tell by their bounds where
one user's month is not.
"""

import base64
import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from openboss.modules.charging.chunks import make_folder, sync_folder, write_durably
from openboss.modules.charging.engine.online.closed import Closed
from openboss.modules.charging.engine.scribe import Scribe
from openboss.modules.charging.schema import RATED

ROWS_A_GROUP = 8_192  # what is read for one user of a file
FILES_A_MERGE = 8  # small files of a cycle that are worth putting together
FILES_WHILE_SERVING = 96  # the same while networks are served: eight minutes'
SMALL_FILE_ROWS = 2_000_000
ROWS_A_MERGE = 4_000_000
ENTRIES_A_CHECKPOINT = 100  # of the table's log: the table's own default

Do = Callable[..., Any]  # calls a function of a module, here or in the scribe


@dataclass(frozen=True)
class Corrected:
    """Rated records (schema RATED) that take the place of those of the same position and row.

    folder    below the lake: the rows they replace are kept there
    position  of the journal: where the correction was decided
    """

    rows: pl.DataFrame
    folder: str
    position: int


class Lake:
    """The lake of one installation, under a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.usage_path = folder / "usage"
        self._synced: int | None = None  # the table's newest version that this process knows to be durable

    def __reduce__(self) -> tuple[Callable[[Path], "Lake"], tuple[Path]]:
        """Be one and the same in another process, so that it too remembers what is durable."""
        return _lake_at, (self.folder,)

    def open_usage(self) -> DeltaTable | None:
        """Open the table of rated usage; None before its first commit."""
        try:
            return DeltaTable(str(self.usage_path))
        except TableNotFoundError:
            return None

    def position(self, timeline: int) -> int | None:
        """The journal position up to which rated usage of a timeline is in the table; None before its first.

        What is there stays there: somebody killed behind a commit may not have made it durable.
        """
        table = self.open_usage()
        if table is None:
            return None
        self._sync_log(table)
        return table.transaction_version(_application(timeline))

    def append_usage(self, detail: pl.DataFrame, *, timeline: int, position: int) -> None:
        """Commit rated usage (schema RATED) up to a position; rows at or below the table's position are dropped.

        Data files are durable before the table names them, and the table's log before this returns.
        """
        reached = self.position(timeline) or 0
        if position <= reached:
            return
        name = f"{timeline:04d}-{position:012d}.parquet"
        added: list[AddAction | RemoveAction] = [
            self._add(part, f"cycle={cycle}/{name}", cycle, is_new=True)
            for cycle, part in _by_cycle(_behind(detail, reached)).items()
        ]
        self._table().create_write_transaction(
            added,
            mode="append",
            schema=pl.DataFrame(schema=RATED).to_arrow().schema,
            partition_by=["cycle"],
            commit_properties=CommitProperties(app_transactions=[Transaction(_application(timeline), position)]),
        )
        self._sync_log()

    def corrected_to(self, timeline: int) -> int:
        """The position of the newest correction of a timeline that is in the table."""
        table = self.open_usage()
        return (table.transaction_version(_corrections(timeline)) or 0) if table else 0

    def correct_usage(self, corrected: Corrected, *, timeline: int) -> None:
        """Put rated records right, once, in one commit; what they replace stays beside it (CHG-36)."""
        if corrected.position > self.corrected_to(timeline):
            kept = self.folder / corrected.folder / f"replaced-{corrected.position}.parquet"
            self._replace(corrected.rows, kept, name=f"corrected-{corrected.position:012d}", transaction=Transaction(
                _corrections(timeline), corrected.position))  # fmt: skip

    def _replace(self, rows: pl.DataFrame, kept: Path, *, name: str, transaction: Transaction | None) -> None:
        """Write the files anew that have some rows, with these in the place of the old ones."""
        table, old_rows = self._table(), []
        actions: list[AddAction | RemoveAction] = []
        keys = rows.select("position", "row")
        for number, file in enumerate(pl.DataFrame(table.get_add_actions(flatten=True)).iter_rows(named=True)):
            part = rows.filter(pl.col("cycle") == file["partition.cycle"])
            if part.is_empty() or part["subscriber_id"].max() < file["min.subscriber_id"]:
                continue
            old = pl.read_parquet(self.usage_path / file["path"])
            found = old.join(keys, on=["position", "row"], how="semi")
            if found.is_empty():
                continue
            old_rows.append(found.with_columns(cycle=pl.lit(file["partition.cycle"], pl.Int32)))
            cycle = file["partition.cycle"]
            right = old.update(part.select(old.columns), on=["position", "row"])
            actions.append(self._add(right, f"cycle={cycle}/{name}-{number}.parquet", cycle, is_new=False))
            actions.append(RemoveAction(file["path"], False, 0, partition_values={"cycle": str(cycle)}))
        if old_rows and not kept.exists():
            self.publish(pl.concat(old_rows, how="diagonal"), str(kept.relative_to(self.folder)))
        table.create_write_transaction(
            actions,
            mode="append",
            schema=pl.DataFrame(schema=RATED).to_arrow().schema,
            partition_by=["cycle"],
            commit_properties=CommitProperties(app_transactions=[transaction] if transaction else []),
        )
        self._sync_log()

    def _table(self) -> DeltaTable:
        if table := self.open_usage():
            return table
        make_folder(self.usage_path / "_delta_log")
        schema = pl.DataFrame(schema=RATED).to_arrow().schema
        # Without it only the first 32 columns have bounds, and queries for a user read every file of the month.
        bounded = {"delta.dataSkippingStatsColumns": "subscriber_id"}
        return DeltaTable.create(str(self.usage_path), schema, partition_by=["cycle"], configuration=bounded)

    def merge_small_files(self, cycle: int, fewest: int = FILES_A_MERGE) -> int:
        """Put a cycle's many small files together, sorted by user, so that one user's month is found quickly.

        One commit: readers see the files before or after. Returns how many files became fewer. Files that nobody
        has named for an hour are deleted.
        """
        table = self.open_usage()
        if table is None:
            return 0
        files = list(pl.DataFrame(table.get_add_actions(flatten=True)).iter_rows(named=True))
        small = [f for f in files if f["partition.cycle"] == cycle and f["num_records"] < SMALL_FILE_ROWS]
        if len(small) < fewest:
            return 0
        chosen, rows = [], 0
        for file in sorted(small, key=lambda f: f["path"]):
            if rows + file["num_records"] > ROWS_A_MERGE:
                break
            chosen.append(file)
            rows += file["num_records"]
        merged = pl.concat(pl.read_parquet(self.usage_path / file["path"]) for file in chosen)
        merged = merged.sort("subscriber_id", "start_at_s", "position", "row")
        reached = chosen[-1]["path"].rpartition("/")[2].removesuffix(".parquet")
        added = self._add(merged, f"cycle={cycle}/merged-{reached}.parquet", cycle, is_new=False)
        removed = [RemoveAction(file["path"], False, 0, partition_values={"cycle": str(cycle)}) for file in chosen]
        table.create_write_transaction(
            [added, *removed],
            mode="append",
            schema=pl.DataFrame(schema=RATED).to_arrow().schema,
            partition_by=["cycle"],
        )
        self._sync_log()
        table.vacuum(retention_hours=1, dry_run=False, enforce_retention_duration=False)
        self._sync_log()
        return len(chosen) - 1

    def _add(self, part: pl.DataFrame, path: str, cycle: int, *, is_new: bool) -> AddAction:
        """Write one data file and describe it for the table, with the bounds that let queries pass it over.

        What is new is written as quickly as it goes, what is put together as small as it gets (31 bytes a row, not 55).
        """
        buffer = BytesIO()
        rows = part.drop("cycle", strict=False)
        if is_new:
            pq.write_table(
                rows.to_arrow(),
                buffer,
                compression="lz4",
                row_group_size=ROWS_A_GROUP,
                use_dictionary=False,
                write_statistics=["subscriber_id"],
            )
        else:
            rows.write_parquet(buffer, compression="zstd", compression_level=1, row_group_size=ROWS_A_GROUP)
        write_durably(self.usage_path / path, buffer.getbuffer())
        bounds = part.select(low=pl.col("subscriber_id").min(), high=pl.col("subscriber_id").max()).row(0, named=True)
        stats = {
            "numRecords": part.height,
            "minValues": {"subscriber_id": bounds["low"]},
            "maxValues": {"subscriber_id": bounds["high"]},
            "nullCount": {"subscriber_id": 0},
        }
        partition: dict[str, str | None] = {"cycle": str(cycle)}
        return AddAction(path, buffer.getbuffer().nbytes, partition, 0, data_change=is_new, stats=json.dumps(stats))

    def _sync_log(self, table: DeltaTable | None = None) -> None:
        """Make every entry of the table's log survive a power cut, and the checkpoint a reader begins with.

        The table does not: one entry without its content, however old, and nobody can read it any more.

        table  as it was opened just now
        """
        log, newest = self.usage_path / "_delta_log", (table or DeltaTable(str(self.usage_path))).version()
        if newest == self._synced:
            return
        first = max(newest - ENTRIES_A_CHECKPOINT, 0) if self._synced is None else self._synced + 1
        named = [f"{version:020d}.{kind}" for version in range(first, newest + 1) for kind in ("json", _CHECKPOINT)]
        for name in (*named, "_last_checkpoint"):
            if (log / name).exists():
                with (log / name).open("rb") as entry:
                    os.fsync(entry.fileno())
        sync_folder(log)
        self._synced = newest

    def hide_after(self, position: int) -> None:
        """Take out rated usage beyond a position: it belongs to a timeline that a restore has ended.

        What was corrected beyond it is put back as it was.
        """
        table = self.open_usage()
        if table is None:
            return
        table.delete(f"position > {position}")
        self._sync_log()
        for kept in sorted(self.folder.glob("rerate/*/replaced-*.parquet"), key=_decided_at, reverse=True):
            if _decided_at(kept) > position:
                self._replace(pl.read_parquet(kept), kept, name=f"put-back-{kept.stem}", transaction=None)
                kept.unlink()

    def usage_files(self, cycle: int) -> list[str]:
        """Name the files that hold a cycle's rated usage."""
        table = self.open_usage()
        return table.file_uris(file_pruning_predicate=[("cycle", "=", str(cycle))]) if table else []

    def read_chunk(self, path: str, sha256: str) -> pl.DataFrame:
        """Read a chunk of usage (Arrow), an image of base data (Parquet), or a small image that is its own path.

        Raises ValueError if it is not the file that was registered.
        """
        if path.startswith(_WRITTEN_OUT):
            return pl.read_ipc_stream(base64.b64decode(path.removeprefix(_WRITTEN_OUT)))
        content = (self.folder / path).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError(f"chunk {path} has changed since it was registered: restore it from the backup")
        return pl.read_ipc(content) if path.endswith(".arrow") else pl.read_parquet(content)

    def publish(self, frame: pl.DataFrame, path: str) -> str:
        """Write a published frame so that it is whole or not there; return its SHA-256."""
        buffer = BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        content = buffer.getbuffer()
        write_durably(self.folder / path, content)
        return hashlib.sha256(content).hexdigest()


@cache
def _lake_at(folder: Path) -> Lake:
    return Lake(folder)


_CHECKPOINT = "checkpoint.parquet"
_WRITTEN_OUT = "ipc:"


def written_out(frame: pl.DataFrame) -> str:
    """Write a few rows as a path that holds them, so that a command about one user leaves no file behind."""
    buffer = BytesIO()
    frame.write_ipc_stream(buffer)
    return _WRITTEN_OUT + base64.b64encode(buffer.getbuffer()).decode("ascii")


@dataclass
class DetailWriter:
    """Brings rated detail to the lake while the engine goes on: one commit after the other, behind its back.

    What cannot be written is raised by the next call; a crash before a commit is made good by replay.

    lay_out  what sessions closed, as rated detail; a function of a module

    A thread does it; while networks are served it has a scribe do it.
    """

    lake: Lake
    lay_out: Callable[[list[Closed]], pl.DataFrame]
    _scribe: Scribe | None = None
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="detail"))
    _commit: Future[None] | None = None
    _merge: Future[None] | None = None
    _cycles: set[int] = field(default_factory=set)

    def put(
        self,
        details: list[pl.DataFrame],
        closed: list[Closed],
        *,
        timeline: int,
        position: int,
        is_serving: bool = False,
    ) -> None:
        """Commit detail up to a position; at most one commit waits, so that memory stays flat."""
        self.settle()
        do = self._hand(is_serving)
        self._commit = self._thread.submit(self._write, do, details, closed, timeline, position)

    def correct(self, corrected: list[Corrected], *, timeline: int) -> None:
        """Put rated records right behind what was put so far."""
        self.settle()
        self._commit = self._thread.submit(self._correct, corrected, timeline)

    def settle(self) -> None:
        """Return when everything put so far is in the lake."""
        commit, self._commit = self._commit, None
        if commit is not None:
            commit.result()

    @property
    def is_busy(self) -> bool:
        """Whether what was put last is still on its way: who puts more now waits for it."""
        return self._commit is not None and not self._commit.done()

    def merge(self, *, is_serving: bool = False) -> Future[None]:
        """Put small files together behind what was put so far; nobody waits for it."""
        if self._merge is None or self._merge.done():
            if self._merge is not None:
                self._merge.result()
            fewest = FILES_WHILE_SERVING if is_serving else FILES_A_MERGE
            self._merge = self._thread.submit(self._put_together, self._hand(is_serving), fewest)
        return self._merge

    def be_ready(self) -> None:
        """Have the scribe begin, with all it needs, before networks are served: beginning takes a second of a core."""
        self._thread.submit(self._hand(is_serving=True), len, [self.lay_out, self.lake.append_usage])

    def close(self) -> None:
        """Bring what was put to the lake, then let the scribe go."""
        self.settle()
        if self._scribe is not None:
            self._thread.submit(self._scribe.close).result()
            self._scribe = None

    def _hand(self, is_serving: bool) -> Do:
        """Say who calls what writes; called by the thread that the scribe shall not outlive."""
        if not is_serving:
            return _call
        self._scribe = self._scribe or Scribe()
        return self._scribe.do

    def _write(self, do: Do, *put: Any) -> None:
        self._cycles |= do(_written, self.lake, self.lay_out, *put)

    def _correct(self, corrected: list[Corrected], timeline: int) -> None:
        for one in corrected:
            self.lake.correct_usage(one, timeline=timeline)

    def _put_together(self, do: Do, fewest: int) -> None:
        for cycle in list(self._cycles):
            if do(self.lake.merge_small_files, cycle, fewest) or fewest <= FILES_A_MERGE:
                self._cycles.discard(cycle)  # while networks are served, a month is looked at again and again


def _call(work: Callable[..., Any], *arguments: Any) -> Any:
    return work(*arguments)


def _written(
    lake: Lake,
    lay_out: Callable[[list[Closed]], pl.DataFrame],
    details: list[pl.DataFrame],
    closed: list[Closed],
    timeline: int,
    position: int,
) -> set[int]:
    """Commit detail up to a position; return the months it is of."""
    laid_out = [lay_out(closed)] if closed else []
    detail = pl.concat([*details, *laid_out], rechunk=False)
    lake.append_usage(detail, timeline=timeline, position=position)
    return set(detail["cycle"].unique())


def _behind(detail: pl.DataFrame, position: int) -> pl.DataFrame:
    """Leave out rows up to a position; a frame that has none is not copied."""
    if (detail["position"] > position).all():
        return detail
    return detail.filter(pl.col("position") > position)


def _by_cycle(detail: pl.DataFrame) -> dict[int, pl.DataFrame]:
    """Split rated usage by cycle, oldest first; a frame of one cycle, the usual case, is not copied."""
    cycles = sorted(detail["cycle"].unique())
    if len(cycles) < 2:
        return dict.fromkeys(cycles, detail)
    return {cycle: detail.filter(pl.col("cycle") == cycle) for cycle in cycles}


def _decided_at(kept: Path) -> int:
    """The position at which rows were replaced, from the name of the file that keeps them."""
    return int(kept.stem.rpartition("-")[2])


def _corrections(timeline: int) -> str:
    return f"openboss-rerating-{timeline}"


def _application(timeline: int) -> str:
    return f"openboss-charging-{timeline}"
