"""Chunks: Arrow files of normalised usage under the lake, durable before anybody hears of them."""

import hashlib
import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import polars as pl
import pyarrow as pa

CHUNKS = "chunks"


@dataclass(frozen=True)
class Chunk:
    """A written chunk: path relative to the lake, hash of its bytes, records in it."""

    path: str
    sha256: str
    rows: int


def chunk_path(name: str) -> str:
    """Where a chunk lies in the lake that is written under a name."""
    return (Path(CHUNKS) / f"{name}.arrow").as_posix()


def write_chunk(usage: pl.DataFrame, *, lake_dir: Path, name: str) -> Chunk:
    """Write one chunk so that it survives a power cut, replacing what an interrupted attempt left under its name.

    name   `<folder>/<file>` without suffix, the same again when the work is repeated

    Raises OSError (a full disk), in which case nothing with that name was changed.
    """
    table = usage.to_arrow()
    buffer = BytesIO()
    # as it lies in memory, lightly packed: a chunk is read whole and lives days; Parquet costs twice the time
    with pa.ipc.new_file(buffer, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as out:
        out.write_table(table)
    content = buffer.getbuffer()
    path = chunk_path(name)
    write_durably(lake_dir / path, content)
    return Chunk(path, hashlib.sha256(content).hexdigest(), usage.height)


def write_durably(target: Path, content: bytes | memoryview) -> None:
    """Write a file whole or not at all: temporary name, fsync, rename, fsync of the folder; new folders as well."""
    make_folder(target.parent)
    partial = target.with_name(f".{target.name}.part")
    try:
        with partial.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def make_folder(folder: Path) -> None:
    """Make a folder, with those above it, so that it survives a power cut; one that is there already did."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
