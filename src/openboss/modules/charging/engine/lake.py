"""The detail store: rated usage in a Delta table, and what the engine publishes when a cycle is frozen.

One writer. Each commit carries the journal position it reaches, as the table's application transaction, so that a
replay never writes a row twice. Files are sorted by subscriber, so that one user's month is found by statistics.
"""

import hashlib
from io import BytesIO
from pathlib import Path

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import TableNotFoundError

from openboss.modules.charging.chunks import write_durably

ROWS_A_GROUP = 32_768


class Lake:
    """The lake of one installation, under a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.usage_path = folder / "usage"

    def open_usage(self) -> DeltaTable | None:
        """Open the table of rated usage; None before its first commit."""
        try:
            return DeltaTable(str(self.usage_path))
        except TableNotFoundError:
            return None

    def position(self, timeline: int) -> int | None:
        """The journal position up to which rated usage of a timeline is in the table; None before its first."""
        table = self.open_usage()
        return table.transaction_version(_application(timeline)) if table else None

    def append_usage(self, detail: pl.DataFrame, *, timeline: int, position: int) -> None:
        """Commit rated usage (schema RATED) up to a position; rows at or below the table's position are dropped."""
        reached = self.position(timeline) or 0
        if position <= reached:
            return
        fresh = detail.filter(pl.col("position") > reached)
        write_deltalake(
            str(self.usage_path),
            fresh.sort("cycle", "subscriber_id", "start_at_s", "position", "row").to_arrow(),
            mode="append",
            partition_by=["cycle"],
            writer_properties=WriterProperties(compression="ZSTD", max_row_group_size=ROWS_A_GROUP),
            commit_properties=CommitProperties(app_transactions=[Transaction(_application(timeline), position)]),
        )

    def hide_after(self, position: int) -> None:
        """Take out rated usage beyond a position: it belongs to a timeline that a restore has ended."""
        table = self.open_usage()
        if table is not None:
            table.delete(f"position > {position}")

    def usage_files(self, cycle: int) -> list[str]:
        """Name the files that hold a cycle's rated usage."""
        table = self.open_usage()
        return table.file_uris([("cycle", "=", str(cycle))]) if table else []

    def read_chunk(self, path: str, sha256: str) -> pl.DataFrame:
        """Read a chunk of usage. Raises ValueError if it is not the file that was registered."""
        content = (self.folder / path).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError(f"chunk {path} has changed since it was registered: restore it from the backup")
        return pl.read_parquet(content)

    def publish(self, frame: pl.DataFrame, path: str) -> str:
        """Write a published frame so that it is whole or not there; return its SHA-256."""
        buffer = BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        content = buffer.getbuffer()
        write_durably(self.folder / path, content)
        return hashlib.sha256(content).hexdigest()


def _application(timeline: int) -> str:
    return f"openboss-charging-{timeline}"
