"""A small operator for tests of collection: the example's numbering plan, two sources, a place, and file writers."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from openboss.access.network.collector import Place
from openboss.modules.charging.canonical import line_of
from openboss.modules.charging.functions.collection import define_source

NOW = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
REFERENCE = Path(__file__).parents[3] / "example" / "reference"
CALL = {
    "record_type": "MOC",
    "served_number": "8613900710001",
    "other_party": "01062345678",
    "start_time": "2026-10-31T10:00:00",
    "duration_s": 61,
    "call_ref": 1,
}


def place(folder: Path) -> Place:
    """A fresh data folder."""
    return Place(folder, folder / "lake", "Asia/Shanghai")


def define(code: str = "GMSC01", decoder: str = "delimited", **more: int) -> None:
    """Configure a source whose files are named CODE_000001.txt; `sequence_to=`, `window=` as define_source has them."""
    define_source(
        code=code,
        name_zh="交换机",
        name_en="Switch",
        decoder=decoder,
        file_name_pattern=code + r"_(?P<sequence>\d{6})\.txt",
        **more,
    )


def usage_text(sequence: int, usage: list[dict[str, object]], code: str = "GMSC01", **trailer: int) -> bytes:
    """Write a delimited file; `records=` and `duration_s=` falsify the trailer."""
    count = trailer.get("records", len(usage))
    talked = [str(record.get("duration_s", "")) for record in usage]
    total_s = trailer.get("duration_s", sum(int(text) for text in talked if text.isdigit()))
    head = f"H|OPENBOSS-USAGE|1|{code}|{sequence:06d}|2026-11-01T00:00:00+08:00\n".encode()
    return head + b"".join(line_of(r) for r in usage) + f"T|{count}|{total_s}\n".encode()


def drop(folder: Path, name: str, content: bytes, code: str = "GMSC01") -> Path:
    """Put a file into an inbox as a network element does: under another name first."""
    inbox = folder / "inbox" / code
    inbox.mkdir(parents=True, exist_ok=True)
    draft = inbox / f".{name}.tmp"
    draft.write_bytes(content)
    return draft.rename(inbox / name)


def reference() -> dict[str, pl.DataFrame]:
    """The example operator's reference tables as frames."""
    names = ("areas", "number_prefixes", "countries", "special_numbers", "cells", "providers")
    return {name: pl.read_csv(REFERENCE / f"{name}.csv", infer_schema_length=None) for name in names}
