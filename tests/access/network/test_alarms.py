"""Every alarm opens when its cause comes and is cleared when it goes (docs/operating/alarms.md, D4.2, D4.5)."""

import errno
import os
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.access.network.network_operator import CALL, NOW, define, drop, place, usage_text

from openboss.access.network import collector
from openboss.modules.charging.atomic.files import record_rating
from openboss.modules.charging.functions.alarms import AlarmUnknown, check_balances, check_overlaps, clear_alarm
from openboss.modules.charging.models import Alarm, StageCounter, UsageChunk, UsageFile
from openboss.modules.charging.schema import NORMALISED
from openboss.modules.system.atomic import list_audit

pytestmark = pytest.mark.django_db
NOTHING = pl.DataFrame(schema={**NORMALISED, "code": pl.Int16})


@pytest.fixture(autouse=True)
def _numbering(numbering: None) -> None:
    define()


def bring(folder: Path, number: int, calls: list[dict[str, object]], at: datetime = NOW) -> None:
    drop(folder, f"GMSC01_{number:06d}.txt", usage_text(number, calls))
    collector.collect_once(place=place(folder), now=lambda: at)


def rate() -> None:
    """Answer for all chunks as the engine does."""
    for chunk in UsageChunk.objects.filter(state="READY"):
        record_rating(
            chunk_id=chunk.chunk_id,
            position=chunk.chunk_id,
            rated=chunk.rows,
            free=0,
            duplicate=0,
            filtered=0,
            errors=NOTHING,
        )


def open_kinds() -> list[str]:
    return list(Alarm.objects.filter(cleared_at=None).order_by("alarm_id").values_list("kind", flat=True))


def test_a_file_that_lost_a_record_raises_an_alarm_until_it_adds_up_again(tmp_path: Path) -> None:
    bring(tmp_path, 1, [{**CALL, "call_ref": n, "other_party": "10086"} for n in range(3)])
    assert check_balances(at=NOW) == 0  # waiting for the engine is no imbalance
    rate()
    StageCounter.objects.filter(stage="RATE").update(records_in=2, rated=2)

    assert [check_balances(at=NOW), check_balances(at=NOW)] == [1, 1]
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.file_id) == ("BALANCE", UsageFile.objects.get().file_id)
    assert alarm.cause == "3 records came in, 2 are accounted for"

    StageCounter.objects.filter(stage="RATE").update(records_in=3, rated=3)
    later = NOW + timedelta(days=30)  # an old file's alarm is followed however long it takes
    assert check_balances(at=later) == 0
    assert Alarm.objects.get().cleared_at == later


def test_a_full_disk_raises_an_alarm_that_the_next_look_with_room_clears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                bring(tmp_path, 1, [CALL])
    assert Alarm.objects.get().cause == "collection stopped: No space left on device"
    assert open_kinds() == ["DISK"]

    collector.collect_once(place=place(tmp_path), now=lambda: NOW)
    assert (open_kinds(), UsageFile.objects.get().state) == ([], "CHUNKED")


def test_a_disk_that_is_nearly_full_raises_an_alarm_before_anything_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(collector, "DISK_LOW_BYTES", 1 << 60)
        bring(tmp_path, 1, [CALL])
        assert open_kinds() == ["DISK"]
        assert "MiB of disk are free" in Alarm.objects.get().cause
    assert UsageFile.objects.get().state == "CHUNKED"
    collector.collect_once(place=place(tmp_path), now=lambda: NOW)
    assert open_kinds() == []


def test_the_alarm_of_a_file_sent_twice_ends_with_the_next_file_a_day_later(tmp_path: Path) -> None:
    bring(tmp_path, 1, [CALL])
    bring(tmp_path, 1, [CALL])
    bring(tmp_path, 2, [{**CALL, "call_ref": 2}], at=NOW + timedelta(hours=23))
    assert open_kinds() == ["DUPLICATE"]
    bring(tmp_path, 3, [{**CALL, "call_ref": 3}], at=NOW + timedelta(hours=24))
    assert open_kinds() == []


def call(start: str, switch: int, duration_s: int = 120, **more: object) -> dict[str, object]:
    starts = {"start_time": f"2026-10-31T{start}", "duration_s": duration_s}
    return {**CALL, **starts, "other_party": "10086", "visited_area": 27, "msc_id": switch, "call_ref": start, **more}


def test_one_user_talking_at_two_switches_for_more_than_5_seconds_is_a_warning_and_both_calls_are_rated(
    tmp_path: Path,
) -> None:
    bring(tmp_path, 1, [call("10:00:00", 1), call("11:00:00", 1), call("12:00:00", 1), call("13:00:00", 1, 3000)])
    rate()
    same_switch, five_s, six_s = call("10:01:00", 1), call("11:01:55", 2), call("12:01:54", 2)
    other_user = call("12:00:30", 2, served_number="8613900710002")
    inside = [call("13:10:00", 1, 60), call("13:20:00", 2, 60)]
    bring(tmp_path, 2, [same_switch, five_s, six_s, other_user, *inside])
    rate()

    now = UsageFile.objects.latest("file_id").rated_at + timedelta(seconds=1)
    assert check_overlaps(since=now - timedelta(seconds=30), at=now, lake_dir=tmp_path / "lake") == 2
    found = {alarm.sequence: alarm for alarm in Alarm.objects.filter(kind="OVERLAP")}
    assert sorted(found) == [3, 6]
    assert (found[3].code, found[3].source.code, found[3].cause) == (
        "E402",
        "GMSC01",
        "two calls of one user at switches 1 and 2, 6 s at once",
    )
    assert StageCounter.objects.get(stage="RATE", file=found[3].file).rated == 6
    assert check_overlaps(since=now - timedelta(days=1), at=now, lake_dir=tmp_path / "lake") == 0


def test_a_warning_is_put_away_by_hand_with_a_reason_and_does_not_come_again(tmp_path: Path) -> None:
    bring(tmp_path, 1, [call("12:00:00", 1), call("12:00:30", 2)])
    rate()
    check = {"since": NOW - timedelta(days=1), "at": NOW, "lake_dir": tmp_path / "lake"}
    assert check_overlaps(**check) == 1
    alarm_id = Alarm.objects.get().alarm_id

    clear_alarm(alarm_id=alarm_id, reason="the switch's clock was wrong", staff_id=7, at=NOW)

    assert (open_kinds(), Alarm.objects.get().cleared_by) == ([], 7)
    assert check_overlaps(**check) == 0
    entry = list_audit(action="charging.clear_alarm")[0][0]
    assert (entry.object_id, entry.reason) == (str(alarm_id), "the switch's clock was wrong")
    with pytest.raises(AlarmUnknown):
        clear_alarm(alarm_id=alarm_id, reason="again", staff_id=7, at=NOW)


def test_what_ends_by_itself_cannot_be_put_away_by_hand(tmp_path: Path) -> None:
    drop(tmp_path, "GMSC01_000001.txt", b"rubbish")
    collector.collect_once(place=place(tmp_path), now=lambda: NOW)
    with pytest.raises(AlarmUnknown):
        clear_alarm(alarm_id=Alarm.objects.get().alarm_id, reason="x", staff_id=7, at=NOW)
    assert open_kinds() == ["DECODE"]
