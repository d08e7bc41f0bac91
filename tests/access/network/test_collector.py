"""Files are taken exactly once, in sequence, and set aside with a reason (CHG-02)."""

import errno
import os
from pathlib import Path

import polars as pl
import pytest
from tests.access.network.network_operator import CALL, NOW, define, drop, place, usage_text

from openboss.access.network.collector import collect_once, release
from openboss.access.network.decoders import delimited
from openboss.modules.charging.functions import collection
from openboss.modules.charging.functions.monitor import unbalanced_files
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
    usage = pl.read_ipc(tmp_path / "lake" / chunk.path)
    assert (chunk.state, chunk.rows, usage.height) == ("READY", 999, 999)
    assert usage["seq_in_file"].to_list() == [n for n in range(1, 1001) if n != 11]
    assert usage["file_id"].unique().to_list() == [UsageFile.objects.get().file_id]
    counters = {c.stage: (c.records_in, c.error, c.passed) for c in StageCounter.objects.all()}
    assert counters == {"DECODE": (1000, 0, 1000), "VALIDATE": (1000, 1, 999), "NORMALISE": (999, 0, 999)}
    assert ErrorRecord.objects.get().code == "E203"
    assert (tmp_path / "archive/GMSC01/202611/GMSC01_000001.txt").exists()
    assert not (tmp_path / "inbox/GMSC01/GMSC01_000001.txt").exists()
    assert not Alarm.objects.exists()


def sequences(state: str) -> list[int | None]:
    return list(UsageFile.objects.filter(state=state).order_by("file_id").values_list("sequence", flat=True))


def open_gaps() -> list[int | None]:
    return list(
        Alarm.objects.filter(kind="GAP", cleared_at=None, sequence__isnull=False)
        .order_by("sequence")
        .values_list("sequence", flat=True)
    )


@pytest.mark.requirement("CHG-02")
def test_a_missing_number_raises_an_alarm_and_the_late_file_is_taken_once(tmp_path: Path) -> None:
    for n in (1, 2, 4):
        drop(tmp_path, f"GMSC01_{n:06d}.txt", usage_text(n, [{**CALL, "call_ref": n}]))
    assert collect(tmp_path).taken == 3
    assert open_gaps() == [3]

    late = usage_text(3, [{**CALL, "call_ref": 3}])
    drop(tmp_path, "GMSC01_000003.txt", late)
    assert collect(tmp_path).taken == 1
    assert open_gaps() == []

    drop(tmp_path, "GMSC01_000003.txt", late)
    assert (collect(tmp_path).taken, collect(tmp_path).taken) == (0, 0)
    assert sequences("CHUNKED") == [1, 2, 4, 3]
    assert UsageChunk.objects.count() == 4


def test_a_gap_of_several_numbers_is_an_alarm_for_each(tmp_path: Path) -> None:
    for n in (1, 5):
        drop(tmp_path, f"GMSC01_{n:06d}.txt", usage_text(n, [{**CALL, "call_ref": n}]))
    collect(tmp_path)
    assert open_gaps() == [2, 3, 4]
    assert UsageFile.objects.get(sequence=5).error_code == "E102"


def test_files_held_one_after_another_are_no_gap_and_stop_nothing(tmp_path: Path) -> None:
    drop(tmp_path, "GMSC01_000001.txt", ONE)
    for n in (2, 3, 5):
        drop(tmp_path, f"GMSC01_{n:06d}.txt", usage_text(n, [{**CALL, "call_ref": n}])[:-9])
    collect(tmp_path)
    assert (sequences("HELD"), open_gaps()) == ([2, 3, 5], [4])

    for n in (6, 7):
        drop(tmp_path, f"GMSC01_{n:06d}.txt", usage_text(n, [{**CALL, "call_ref": n}]))
        collect(tmp_path)
    assert (sequences("CHUNKED"), open_gaps()) == ([1, 6, 7], [4])


def test_a_number_far_from_the_last_is_held(tmp_path: Path) -> None:
    for n in (1, 5000):
        drop(tmp_path, f"GMSC01_{n:06d}.txt", usage_text(n, [{**CALL, "call_ref": n}]))
    done = collect(tmp_path)
    assert (done.taken, done.held, open_gaps()) == (1, 1, [])
    assert UsageFile.objects.get(sequence=5000).error_code == "E102"


ONE = usage_text(1, [CALL])


@pytest.mark.parametrize(
    ("name", "content", "code", "state"),
    [
        ("GMSC01_000001.txt", ONE, "E101", "REFUSED"),
        ("GMSC01_000001.txt", usage_text(1, [{**CALL, "call_ref": 2}]), "E101", "REFUSED"),
        ("GMSC01_000002.txt", ONE, "E101", "REFUSED"),
        ("GMSC01_000002.txt", usage_text(2, [CALL])[:-9], "E103", "HELD"),
        ("GMSC01_000002.txt", usage_text(2, [CALL], records=2), "E103", "HELD"),
        ("GMSC01_000002.txt", usage_text(2, [CALL], duration_s=62), "E103", "HELD"),
        ("GMSC01_000002.txt", usage_text(2, [CALL]) + b"MOC|", "E103", "HELD"),
        ("GMSC01_000002.txt", b"", "E104", "HELD"),
        ("GMSC01_000002.txt", b"H|OPENBOSS-USAGE|1|GMSC01|000002|x\n", "E103", "HELD"),
        ("GMSC01_000002.txt", bytes(range(256)) * 64, "E104", "HELD"),
        ("GMSC01_000002.txt", b"A" * 100_000, "E104", "HELD"),
        ("GMSC01_000002.txt", usage_text(3, [CALL]), "E104", "HELD"),
        ("GMSC01_000002.txt", usage_text(2, [CALL], code="GMSC09"), "E104", "HELD"),
        ("GMSC01_000002.txt", usage_text(2, [{**CALL, "apn": "中国"}]).decode().encode("gbk"), "E104", "HELD"),
        ("GMSC01_2.txt", usage_text(2, [CALL]), "E104", "HELD"),
    ],
    ids=range(15),
)
def test_a_file_that_cannot_be_trusted_is_set_aside_with_its_reason(
    tmp_path: Path, name: str, content: bytes, code: str, state: str
) -> None:
    drop(tmp_path, "GMSC01_000001.txt", ONE)
    collect(tmp_path)

    drop(tmp_path, name, content)
    done = collect(tmp_path)

    file = UsageFile.objects.order_by("file_id").last()
    assert (file.error_code, file.state, done.taken) == (code, state, 0)
    assert file.cause
    assert (tmp_path / "held" / "GMSC01" / f"{file.file_id}_{name}").read_bytes() == content
    assert not (tmp_path / "inbox" / "GMSC01" / name).exists()
    assert Alarm.objects.filter(file=file, code=code, cleared_at=None).exists()
    assert UsageChunk.objects.count() == len(list((tmp_path / "lake").rglob("*.arrow"))) == 1
    assert list(UsageFile.objects.filter(state="CHUNKED").values_list("sequence", flat=True)) == [1]


def test_an_endless_line_is_refused_without_filling_the_memory(tmp_path: Path) -> None:
    head, tail = usage_text(1, []).split(b"T|")
    drop(tmp_path, "GMSC01_000001.txt", head + b"x" * (30 << 20) + b"\nT|" + tail)
    assert collect(tmp_path).held == 1
    assert UsageFile.objects.get().error_code == "E104"


def test_records_in_another_order_make_the_same_usage(tmp_path: Path) -> None:
    calls = [{**CALL, "call_ref": n, "start_time": f"2026-10-31T10:{n:02d}:00"} for n in range(50)]
    drop(tmp_path, "GMSC01_000001.txt", usage_text(1, calls))
    drop(tmp_path, "GMSC01_000002.txt", usage_text(2, calls[::-1]))
    collect(tmp_path)
    first, second = (
        pl.read_ipc(tmp_path / "lake" / chunk.path).drop("file_id", "seq_in_file").sort("call_ref")
        for chunk in UsageChunk.objects.order_by("chunk_id")
    )
    assert first.equals(second)


def test_a_file_in_a_folder_nobody_configured_is_held(tmp_path: Path) -> None:
    drop(tmp_path, "X_000001.txt", ONE, code="NEWELEMENT")
    assert collect(tmp_path).held == 1
    assert (UsageFile.objects.get().error_code, UsageFile.objects.get().inbox) == ("E105", "NEWELEMENT")


def test_a_held_file_is_taken_once_its_source_is_configured(tmp_path: Path) -> None:
    content = usage_text(1, [CALL], code="NEWELEMENT")
    drop(tmp_path, "NEWELEMENT_000001.txt", content, code="NEWELEMENT")
    collect(tmp_path)
    define("NEWELEMENT")

    release(UsageFile.objects.get().file_id, place=place(tmp_path))

    assert collect(tmp_path).taken == 1
    assert (UsageFile.objects.get().state, Alarm.objects.filter(cleared_at=None).count()) == ("CHUNKED", 0)
    assert not list((tmp_path / "held" / "NEWELEMENT").iterdir())


def test_a_held_file_that_the_console_let_in_again_is_taken_by_the_next_look(tmp_path: Path) -> None:
    drop(tmp_path, "NEWELEMENT_000001.txt", usage_text(1, [CALL], code="NEWELEMENT"), code="NEWELEMENT")
    collect(tmp_path)
    define("NEWELEMENT")

    collection.release_file(file_id=UsageFile.objects.get().file_id)

    assert collect(tmp_path).taken == 1
    assert UsageFile.objects.get().state == "CHUNKED"


def test_a_corrected_file_takes_the_place_of_the_held_one(tmp_path: Path) -> None:
    drop(tmp_path, "GMSC01_000001.txt", ONE[:-9])
    collect(tmp_path)
    drop(tmp_path, "GMSC01_000001.txt", ONE)
    assert collect(tmp_path).taken == 1
    assert [f.state for f in UsageFile.objects.order_by("file_id")] == ["REFUSED", "CHUNKED"]
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_a_held_file_blocks_the_bill_run_until_somebody_gives_it_up(tmp_path: Path) -> None:
    drop(tmp_path, "GMSC01_000001.txt", ONE[:-9])
    collect(tmp_path)
    held = UsageFile.objects.get().file_id
    assert [file.file_id for file in unbalanced_files(cycle=202611, timezone="Asia/Shanghai")] == [held]

    collection.refuse_file(file_id=held, reason="the switch was under test", staff_id=7, at=NOW)

    assert unbalanced_files(cycle=202611, timezone="Asia/Shanghai") == []
    assert not Alarm.objects.filter(cleared_at=None).exists()
    with pytest.raises(collection.NotHeld):
        release(held, place=place(tmp_path))


def test_files_still_being_written_are_left_alone(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox" / "GMSC01"
    inbox.mkdir(parents=True)
    for name in (".GMSC01_000001.txt", "GMSC01_000001.txt.tmp", "GMSC01_000001.txt.part"):
        (inbox / name).write_bytes(ONE)
    growing = inbox / "GMSC01_000001.txt"
    growing.write_bytes(ONE[:50])
    sizes: dict[Path, int] = {}
    assert collect_once(place=place(tmp_path), now=lambda: NOW, sizes=sizes).waiting == 1
    growing.write_bytes(ONE)
    assert collect_once(place=place(tmp_path), now=lambda: NOW, sizes=sizes).waiting == 1
    assert collect_once(place=place(tmp_path), now=lambda: NOW, sizes=sizes).taken == 1
    assert len([f for f in inbox.iterdir() if "GMSC01" in f.name]) == 3


def test_a_full_disk_loses_nothing_and_the_file_is_taken_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(tmp_path, "GMSC01_000001.txt", ONE)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            collect(tmp_path)
    assert (tmp_path / "inbox/GMSC01/GMSC01_000001.txt").read_bytes() == ONE
    assert not UsageChunk.objects.exists()
    assert not list((tmp_path / "lake").rglob("*.arrow"))

    assert collect(tmp_path).taken == 1
    assert UsageFile.objects.get().state == "CHUNKED"


def test_a_large_file_becomes_chunks_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "CHUNK_RECORDS", 1000)
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 50_000)
    calls = [{**CALL, "call_ref": n} for n in range(5000)]
    drop(tmp_path, "GMSC01_000001.txt", usage_text(1, calls))
    collect(tmp_path)
    chunks = [pl.read_ipc(tmp_path / "lake" / c.path) for c in UsageChunk.objects.order_by("chunk_id")]
    assert len(chunks) >= 4
    assert pl.concat(chunks)["seq_in_file"].to_list() == list(range(1, 5001))
