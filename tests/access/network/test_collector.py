"""Files are taken exactly once, in sequence, and set aside with a reason (CHG-02)."""

from pathlib import Path

import polars as pl
import pytest
from tests.access.network.network_operator import CALL, NOW, define, drop, place, usage_text

from openboss.access.network.collector import collect_once
from openboss.modules.charging.models import Alarm, ErrorRecord, StageCounter, UsageChunk, UsageFile

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _numbering(numbering: None) -> None:
    define()


def collect(folder: Path):
    return collect_once(place=place(folder), now=lambda: NOW)


def test_a_file_becomes_a_durable_chunk_with_balanced_counters(tmp_path: Path) -> None:
    calls = [{**CALL, "call_ref": n, "duration_s": n} for n in range(1, 1001)]
    calls[10]["end_time"] = "2026-10-31T09:59:59"
    drop(tmp_path, "GMSC01_000001.txt", usage_text(1, calls))

    done = collect(tmp_path)

    assert (done.taken, done.records) == (1, 1000)
    chunk = UsageChunk.objects.get()
    usage = pl.read_parquet(tmp_path / "lake" / chunk.path)
    assert (chunk.state, chunk.rows, usage.height) == ("READY", 999, 999)
    assert usage["seq_in_file"].to_list() == [n for n in range(1, 1001) if n != 11]
    assert usage["file_id"].unique().to_list() == [UsageFile.objects.get().file_id]
    counters = {c.stage: (c.records_in, c.error, c.passed) for c in StageCounter.objects.all()}
    assert counters == {"DECODE": (1000, 0, 1000), "VALIDATE": (1000, 1, 999), "NORMALISE": (999, 0, 999)}
    assert ErrorRecord.objects.get().code == "E203"
    assert (tmp_path / "archive/GMSC01/202611/GMSC01_000001.txt").exists()
    assert not (tmp_path / "inbox/GMSC01/GMSC01_000001.txt").exists()
    assert not Alarm.objects.exists()
