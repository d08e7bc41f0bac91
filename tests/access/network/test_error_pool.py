"""Error records keep their cause, are corrected in bulk, recycled or given up by two persons (CHG-08, D4.4, D4.5)."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from django.db import IntegrityError, transaction
from tests.access.network.network_operator import CALL, NOW, define, drop, place, reference, usage_text

from openboss.access.network.collector import collect_once
from openboss.modules.catalog.atomic import replace_reference
from openboss.modules.charging.atomic.files import NotWaiting, UnbalancedChunk, record_rating
from openboss.modules.charging.functions import errors as error_functions
from openboss.modules.charging.functions.errors import (
    NotCorrectable,
    NotRequested,
    OwnRequest,
    correct_errors,
    decide_write_off,
    error_summary,
    list_batches,
    list_errors,
    request_write_off,
)
from openboss.modules.charging.functions.monitor import (
    file_balance,
    list_files,
    source_status,
    stage_counts,
    unbalanced_files,
)
from openboss.modules.charging.models import ErrorRecord, StageCounter, UsageChunk, UsageFile
from openboss.modules.charging.schema import NORMALISED
from openboss.processes.clear_error_pool import propose_write_offs, try_again_after_new_tables, try_all_again
from openboss.processes.rate_usage import recycle_errors

pytestmark = pytest.mark.django_db
ZONE = "Asia/Shanghai"
LACKING = "13900990001"  # its 7-digit segment and its network are not in the plan until a test loads them
NOBODY = pl.DataFrame(schema={**NORMALISED, "code": pl.Int16})


@pytest.fixture(autouse=True)
def _numbering(numbering: None) -> None:
    define()
    without = reference()["number_prefixes"].filter(pl.col("prefix") != 139)
    replace_reference(name="number_prefixes", frame=without, at=NOW)


def collect(folder: Path, calls: list[dict[str, object]]) -> UsageFile:
    number = UsageFile.objects.count() + 1
    drop(folder, f"GMSC01_{number:06d}.txt", usage_text(number, calls))
    collect_once(place=place(folder), now=lambda: NOW)
    return UsageFile.objects.latest("file_id")


def rate(chunk: UsageChunk, errors: pl.DataFrame = NOBODY, **outcome: int) -> None:
    """Answer for a chunk as the engine does."""
    rated = chunk.rows - errors.height - sum(outcome.values())
    record_rating(
        chunk_id=chunk.chunk_id,
        position=chunk.chunk_id,
        rated=rated,
        free=outcome.get("free", 0),
        duplicate=outcome.get("duplicate", 0),
        filtered=0,
        errors=errors,
    )


def usage_of(folder: Path, chunk: UsageChunk) -> pl.DataFrame:
    return pl.read_ipc(folder / "lake" / chunk.path)


def counters(file: UsageFile) -> dict[str, tuple[int, int, int, int]]:
    rows = stage_counts(file_id=file.file_id)
    return {row["stage"]: (row["records_in"], row["passed"], row["rated"], row["error"]) for row in rows}


def recycle(folder: Path, **filters: object):
    return recycle_errors(filters=filters, timezone=ZONE, lake_dir=folder / "lake", now=NOW, staff_id=7)


@pytest.mark.requirement("CHG-08")
def test_after_loading_a_missing_prefix_250_records_recycle_and_rate(tmp_path: Path) -> None:
    calls = [{**CALL, "call_ref": n, "other_party": LACKING if n < 250 else "13071000001"} for n in range(1000)]
    file = collect(tmp_path, calls)
    rate(UsageChunk.objects.get())
    before = file_balance(file_id=file.file_id)
    assert (before.rated, before.error, before.is_balanced) == (750, 250, True)
    assert error_summary() == [{"source": "GMSC01", "code": "E302", "state": "OPEN", "records": 250}]
    assert recycle(tmp_path).still_failing == 250

    replace_reference(name="number_prefixes", frame=reference()["number_prefixes"], at=NOW)
    assert recycle(tmp_path, code="E302").recycled == 250
    waiting = file_balance(file_id=file.file_id)
    assert (waiting.rated, waiting.error, waiting.waiting, waiting.is_balanced) == (750, 0, 250, True)

    chunk = UsageChunk.objects.get(state="READY")
    assert usage_of(tmp_path, chunk)["seq_in_file"].to_list() == list(range(1, 251))
    assert usage_of(tmp_path, chunk)["file_id"].unique().to_list() == [file.file_id]
    rate(chunk)

    after = file_balance(file_id=file.file_id)
    assert (after.rated - before.rated, after.error - before.error) == (250, -250)
    assert (after.is_balanced, after.waiting) == (True, 0)
    assert counters(file)["NORMALISE"] == (1000, 1000, 0, 0)
    assert counters(file)["RATE"] == (1000, 0, 1000, 0)
    assert error_summary() == [{"source": "GMSC01", "code": "E302", "state": "RECYCLED", "records": 250}]
    assert recycle(tmp_path).recycled == 0


def test_a_wrong_field_is_corrected_in_bulk_and_recycled_from_the_stage_where_it_failed(tmp_path: Path) -> None:
    calls = [{**CALL, "call_ref": n, "duration_s": 90_061} for n in range(3)]
    calls += [{**CALL, "call_ref": 9, "duration_s": "6l"}]
    file = collect(tmp_path, calls)
    assert counters(file)["DECODE"] == (4, 3, 0, 1)
    assert counters(file)["VALIDATE"] == (3, 0, 0, 3)

    corrected = correct_errors(
        filters={"file_id": file.file_id}, field="duration_s", value="61", reason="switch clock", staff_id=7, at=NOW
    )
    assert (corrected, ErrorRecord.objects.filter(state="CORRECTED").count()) == (4, 4)
    assert recycle(tmp_path, file_id=file.file_id).recycled == 4

    assert counters(file)["NORMALISE"] == (4, 4, 0, 0)
    assert usage_of(tmp_path, UsageChunk.objects.get())["duration_s"].to_list() == [61] * 4
    assert file_balance(file_id=file.file_id).is_balanced


def test_a_record_that_fails_later_moves_to_the_stage_that_stops_it_now(tmp_path: Path) -> None:
    file = collect(tmp_path, [{**CALL, "duration_s": 90_061, "other_party": LACKING}])
    correct_errors(filters={}, field="duration_s", value="61", reason="x", staff_id=7, at=NOW)
    assert recycle(tmp_path).still_failing == 1
    record = ErrorRecord.objects.get()
    assert (record.stage, record.code, record.recycles) == ("NORMALISE", "E302", 1)
    assert counters(file) == {"DECODE": (1, 1, 0, 0), "VALIDATE": (1, 1, 0, 0), "NORMALISE": (1, 0, 0, 1)}


def test_only_fields_of_a_record_can_be_corrected(tmp_path: Path) -> None:
    collect(tmp_path, [{**CALL, "other_party": LACKING}])
    with pytest.raises(NotCorrectable):
        correct_errors(filters={}, field="act_basic_li", value="0", reason="x", staff_id=7, at=NOW)
    assert ErrorRecord.objects.get().state == "OPEN"


def test_what_the_engine_refuses_comes_back_when_recycled_and_reopens_when_it_fails_again(tmp_path: Path) -> None:
    calls = [{**CALL, "call_ref": n, "other_party": "1795113071000001"} for n in range(5)]
    file = collect(tmp_path, calls)
    first = UsageChunk.objects.get()
    usage = usage_of(tmp_path, first)
    rate(first, errors=usage.head(2).with_columns(code=pl.lit(301)), free=1)
    assert counters(file)["RATE"] == (5, 0, 2, 2)

    assert recycle(tmp_path, code="E301").recycled == 2
    again = UsageChunk.objects.get(state="READY")
    assert usage_of(tmp_path, again).equals(usage.head(2))  # the same record with the same key
    rate(again, errors=usage.head(1).with_columns(code=pl.lit(305)))

    balance = file_balance(file_id=file.file_id)
    assert (balance.rated, balance.free, balance.error, balance.is_balanced) == (3, 1, 1, True)
    listed, total = list_errors(filters={"state": "OPEN"})
    assert total == 1
    assert (listed[0]["code"], listed[0]["seq_in_file"], listed[0]["recycles"]) == ("E305", 1, 1)


def test_a_write_off_needs_a_second_person(tmp_path: Path) -> None:
    collect(tmp_path, [{**CALL, "call_ref": n, "other_party": LACKING} for n in range(3)])
    batch_id = request_write_off(filters={"code": "E302"}, reason="older than 90 days", staff_id=7, at=NOW)
    with pytest.raises(OwnRequest):
        decide_write_off(batch_id=batch_id, approved=True, staff_id=7, at=NOW)
    assert set(ErrorRecord.objects.values_list("state", flat=True)) == {"WRITE_OFF_REQUESTED"}

    assert decide_write_off(batch_id=batch_id, approved=True, staff_id=8, at=NOW) == 3
    assert set(ErrorRecord.objects.values_list("state", flat=True)) == {"WRITTEN_OFF"}
    assert recycle(tmp_path).recycled == 0
    with pytest.raises(NotRequested):
        decide_write_off(batch_id=batch_id, approved=True, staff_id=8, at=NOW)


def test_a_refused_write_off_leaves_the_records_open(tmp_path: Path) -> None:
    collect(tmp_path, [{**CALL, "other_party": LACKING}])
    batch_id = request_write_off(filters={}, reason="x", staff_id=7, at=NOW)
    decide_write_off(batch_id=batch_id, approved=False, staff_id=8, at=NOW)
    assert ErrorRecord.objects.get().state == "OPEN"


def test_the_database_refuses_one_person_in_both_parts_of_a_write_off(tmp_path: Path) -> None:
    collect(tmp_path, [{**CALL, "other_party": LACKING}])
    request_write_off(filters={}, reason="x", staff_id=7, at=NOW)
    batch = ErrorRecord.objects.get().batch
    batch.decided_by = 7
    with pytest.raises(IntegrityError), transaction.atomic():
        batch.save()


def again(folder: Path, now: datetime) -> tuple[int, int]:
    done = try_all_again(timezone=ZONE, lake_dir=folder / "lake", now=now)
    return done.recycled, done.still_failing


def test_every_day_all_open_records_are_tried_again_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_functions, "BATCH_RECORDS", 2)
    collect(tmp_path, [{**CALL, "call_ref": n, "other_party": LACKING} for n in range(5)])
    assert again(tmp_path, NOW + timedelta(days=1)) == (0, 5)
    replace_reference(name="number_prefixes", frame=reference()["number_prefixes"], at=NOW + timedelta(days=1))
    assert again(tmp_path, NOW + timedelta(days=2)) == (5, 0)
    assert again(tmp_path, NOW + timedelta(days=3)) == (0, 0)


def test_new_tables_try_the_records_again_that_failed_before_them_for_what_the_tables_lack(tmp_path: Path) -> None:
    def soon(minutes: int) -> tuple[int, int]:
        now = NOW + timedelta(minutes=minutes)
        done = try_again_after_new_tables(timezone=ZONE, lake_dir=tmp_path / "lake", now=now)
        return done.recycled, done.still_failing

    collect(tmp_path, [{**CALL, "other_party": LACKING}, {**CALL, "duration_s": 90_061}])
    assert soon(5) == (0, 0)
    with_139 = reference()["number_prefixes"]
    replace_reference(name="number_prefixes", frame=with_139.filter(pl.col("prefix") != 138), at=NOW)
    assert soon(6) == (0, 0)  # it failed at that very moment: not before
    replace_reference(name="number_prefixes", frame=with_139, at=NOW + timedelta(minutes=7))
    assert soon(10) == (1, 0)
    assert ErrorRecord.objects.get(state="OPEN").code == "E204"


def test_after_90_days_a_record_is_proposed_for_writing_off_and_a_person_decides(tmp_path: Path) -> None:
    collect(tmp_path, [{**CALL, "call_ref": n, "other_party": LACKING} for n in range(3)])
    assert propose_write_offs(now=NOW + timedelta(days=89)) == 0
    due = NOW + timedelta(days=90)
    assert [propose_write_offs(now=due), propose_write_offs(now=due)] == [3, 0]
    (batch,) = list_batches(state="REQUESTED")
    assert (batch["kind"], batch["requested_by"], batch["records"]) == ("WRITE_OFF", None, 3)
    assert set(ErrorRecord.objects.values_list("state", flat=True)) == {"WRITE_OFF_REQUESTED"}

    assert decide_write_off(batch_id=batch["batch_id"], approved=False, staff_id=8, at=due) == 3
    assert propose_write_offs(now=due + timedelta(days=89)) == 0  # refused: nobody is asked again every day
    assert propose_write_offs(now=due + timedelta(days=90)) == 3
    second = list_batches(state="REQUESTED")[0]["batch_id"]
    assert decide_write_off(batch_id=second, approved=True, staff_id=8, at=due + timedelta(days=91)) == 3
    assert set(ErrorRecord.objects.values_list("state", flat=True)) == {"WRITTEN_OFF"}


def test_results_that_do_not_add_up_are_refused_and_change_nothing(tmp_path: Path) -> None:
    collect(tmp_path, [{**CALL, "call_ref": n, "other_party": "10086"} for n in range(3)])
    chunk = UsageChunk.objects.get()
    with pytest.raises(UnbalancedChunk):
        record_rating(chunk_id=chunk.chunk_id, position=1, rated=2, free=0, duplicate=0, filtered=0, errors=NOBODY)
    assert (UsageChunk.objects.get().state, StageCounter.objects.filter(stage="RATE").exists()) == ("READY", False)


def test_a_replayed_chunk_is_counted_once(tmp_path: Path) -> None:
    file = collect(tmp_path, [{**CALL, "call_ref": n, "other_party": "10086"} for n in range(3)])
    chunk = UsageChunk.objects.get()
    rate(chunk)
    rate(chunk)
    assert file_balance(file_id=file.file_id).rated == 3
    with pytest.raises(NotWaiting):
        record_rating(chunk_id=chunk.chunk_id, position=99, rated=3, free=0, duplicate=0, filtered=0, errors=NOBODY)


@pytest.mark.requirement("CHG-37")
def test_a_lost_record_or_one_not_yet_rated_blocks_the_bill_run(tmp_path: Path) -> None:
    def blocking(cycle: int) -> list[int]:
        return [balance.file_id for balance in unbalanced_files(cycle=cycle, timezone=ZONE)]

    file = collect(tmp_path, [{**CALL, "call_ref": n, "other_party": "10086"} for n in range(3)])
    assert blocking(202610) == [file.file_id]  # waits for the engine
    rate(UsageChunk.objects.get())
    assert blocking(202610) == []

    StageCounter.objects.filter(stage="RATE").update(records_in=2, rated=2)  # a record is lost
    assert blocking(202610) == [file.file_id]
    assert blocking(202609) == []


def test_the_database_keeps_no_counter_out_of_balance(tmp_path: Path) -> None:
    collect(tmp_path, [CALL])
    with pytest.raises(IntegrityError), transaction.atomic():
        StageCounter.objects.filter(stage="DECODE").update(error=1)


@pytest.mark.requirement("CHG-01")
def test_the_monitor_reports_files_records_and_rejections_that_agree(tmp_path: Path) -> None:
    collect(tmp_path, [{**CALL, "call_ref": n, "other_party": "10086"} for n in range(8)])
    collect(tmp_path, [{**CALL, "call_ref": 100 + n, "other_party": LACKING} for n in range(2)])
    rate(UsageChunk.objects.get(), duplicate=1, free=3)

    rows, total = list_files(filters={"source": "GMSC01"}, sort="file_id")
    assert (total, [row["state"] for row in rows]) == (2, ["RATED", "RATED"])
    sums = {name: sum(row[name] for row in rows) for name in ("records_in", "rated", "free", "duplicate", "error")}
    assert sums == {"records_in": 10, "rated": 4, "free": 3, "duplicate": 1, "error": 2}
    assert all(row["is_balanced"] for row in rows)


@pytest.mark.requirement("CHG-34")
def test_the_delay_of_each_source_is_shown_at_the_median_and_the_95th_percentile(tmp_path: Path) -> None:
    collect(tmp_path, [{**CALL, "other_party": "10086", "start_time": "2026-11-01T09:00:00"}])
    rate(UsageChunk.objects.get())
    (status,) = source_status(since=NOW)
    assert (status["code"], status["files"], status["records"], status["waiting"]) == ("GMSC01", 1, 1, 0)
    assert 0 <= status["arrival_p50_s"] <= status["arrival_p95_s"] < 60
    assert 3600 <= status["event_p50_s"] < 3660  # an hour from the call to the file, and the rating
