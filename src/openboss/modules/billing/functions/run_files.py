"""The files of a bill run between its steps: parquet, one folder a part, under lake/bills/<cycle>/run-<id>/.

A file is complete or absent: it is written beside its place, flushed to disk and then renamed.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from django.conf import settings


@dataclass(frozen=True)
class RunFiles:
    """Where a run keeps what it works on."""

    cycle: int
    run_id: int

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return Path(settings.LAKE_DIR, "bills", str(self.cycle), f"run-{self.run_id}")

    def put(self, part: int, name: str, frame: pl.DataFrame) -> None:
        """Write one frame of one part."""
        place = self.folder / f"part-{part:05d}" / f"{name}.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.with_suffix(".new")
        frame.write_parquet(beside, compression="lz4", statistics=False)
        _settle(beside, place)

    def get(self, part: int, name: str) -> pl.DataFrame:
        """Read one frame of one part."""
        return pl.read_parquet(self.folder / f"part-{part:05d}" / f"{name}.parquet", memory_map=False)

    def put_catalog(self, catalog: dict[str, Any]) -> None:
        """Keep the catalog the run works with, so that a restart works with the same."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / "catalog.new"
        beside.write_text(json.dumps(catalog, ensure_ascii=False), encoding="utf-8")
        _settle(beside, self.folder / "catalog.json")

    def get_catalog(self) -> dict[str, Any]:
        """Read the catalog of the run."""
        found: dict[str, Any] = json.loads((self.folder / "catalog.json").read_text(encoding="utf-8"))
        return found

    def remove_parts(self) -> None:
        """Remove what the steps worked on, once the bills are final; the catalog they were made with stays."""
        for part in self.folder.glob("part-*"):
            shutil.rmtree(part, ignore_errors=True)

    def remove(self) -> None:
        """Remove the files of a run that was cancelled."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _settle(beside: Path, place: Path) -> None:
    with beside.open("rb") as written:
        os.fsync(written.fileno())
    beside.replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
