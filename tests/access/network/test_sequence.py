"""File numbers that begin again after the highest one are followed round by round (CHG-02, D4.2 E101 and E102)."""

from pathlib import Path

import pytest
from tests.access.network.network_operator import CALL, NOW, define, drop, place, usage_text

from openboss.access.network.collector import collect_once
from openboss.modules.charging.functions.collection import define_source
from openboss.modules.charging.functions.monitor import source_status
from openboss.modules.charging.models import Alarm, Source, UsageFile

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _numbering(numbering: None) -> None:
    define(sequence_to=99, window=20)


def bring(folder: Path, *numbers: int, ref: int = 0) -> None:
    for n in numbers:
        drop(folder, f"GMSC01_{n:06d}.txt", usage_text(n, [{**CALL, "call_ref": 1000 * ref + n}]))
    collect_once(place=place(folder), now=lambda: NOW)


def taken() -> list[tuple[int, int | None]]:
    rows = UsageFile.objects.filter(state="CHUNKED").order_by("file_id")
    return list(rows.values_list("round", "sequence"))


def open_gaps() -> list[tuple[int, int | None]]:
    rows = Alarm.objects.filter(kind="GAP", cleared_at=None).order_by("round", "sequence")
    return list(rows.values_list("round", "sequence"))


def test_after_the_highest_number_the_first_one_follows_without_a_gap(tmp_path: Path) -> None:
    bring(tmp_path, 97, 98, 99, 1, 2)
    assert taken() == [(0, 97), (0, 98), (0, 99), (1, 1), (1, 2)]
    assert open_gaps() == []
    assert source_status(since=NOW)[0]["last_sequence"] == 2


def test_a_gap_across_the_wrap_is_an_alarm_for_each_number_and_the_late_file_clears_its_own(tmp_path: Path) -> None:
    bring(tmp_path, 98)
    bring(tmp_path, 2)
    assert open_gaps() == [(0, 99), (1, 1)]
    bring(tmp_path, 99)
    assert (open_gaps(), taken()[-1]) == ([(1, 1)], (0, 99))


def test_a_name_that_comes_again_in_the_next_round_is_a_new_file_and_keeps_its_own_place(tmp_path: Path) -> None:
    for step in range(12):
        bring(tmp_path, *range(1 + 10 * step % 100, min(11 + 10 * step % 100, 100)), ref=step)
    assert len(taken()) == 99 + 20
    assert Alarm.objects.count() == 0
    archive = tmp_path / "archive/GMSC01/202611"
    assert len(list(archive.glob("*.txt"))) == 99
    assert len(list((archive / "round-1").glob("*.txt"))) == 20


def test_a_file_sent_twice_after_the_wrap_is_refused(tmp_path: Path) -> None:
    bring(tmp_path, 99, 1)
    bring(tmp_path, 1, ref=7)
    refused = UsageFile.objects.get(state="REFUSED")
    assert (refused.round, refused.sequence, refused.error_code) == (1, 1, "E101")
    assert len(taken()) == 2


def test_a_number_that_the_source_cannot_have_is_held(tmp_path: Path) -> None:
    bring(tmp_path, 100)
    held = UsageFile.objects.get()
    assert (held.state, held.error_code) == ("HELD", "E104")
    assert held.cause == "sequence number 100 is not one of 1 to 99"


def test_a_window_as_wide_as_half_the_numbers_is_refused(db: None) -> None:
    with pytest.raises(ValueError, match="GMSC01"):
        define_source(
            code="GMSC01", name_zh="x", name_en="x", decoder="delimited", file_name_pattern=r"(?P<sequence>\d+)",
            window=60, sequence_to=99,
        )  # fmt: skip
    assert Source.objects.get().window == 20
