"""What users of other provinces use here is summed as their records come in, once a file (CHG-33)."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from openboss.modules.charging.canonical import UsageText, line_of
from openboss.modules.charging.functions.collection import take_usage
from openboss.modules.charging.functions.visitors import together, use_of_visitors, visitor_days
from openboss.modules.charging.models import Source, UsageFile

from .test_normalise import CALL, CLOCK, NOW_S, SHANGHAI, TABLES, run

VISITOR, NUMBER = {**CALL, "served_number": "13900270001", "visited_area": SHANGHAI}, 8613900270001
DATA = {"record_type": "DATA", "other_party": "", "up_bytes": 1024, "down_bytes": 2048, "call_ref": "9"}
AT = datetime.fromtimestamp(NOW_S, UTC)


def test_only_users_of_other_provinces_are_summed_by_local_day() -> None:
    late = {**VISITOR, "start_time": "2026-10-30T23:59:50", "call_ref": "8"}
    usage = run(CALL, VISITOR, {**VISITOR, **DATA}, late).usage
    first, second = together([use_of_visitors(usage), use_of_visitors(usage.clear())]).rows(named=True)
    about = {"number": NUMBER, "home_area": 27, "calls_s": 61, "messages": 0}
    assert first | about | {"used_on": date(2026, 10, 30), "data_kb": 0} == first
    assert second | about | {"used_on": date(2026, 10, 31), "data_kb": 3} == second
    assert (second["to_s"] - second["from_s"], first["to_s"] - first["from_s"]) == (61, 61)


@pytest.mark.django_db
def test_a_file_that_is_taken_adds_to_its_visitors_days(tmp_path: Path) -> None:
    source = Source.objects.create(code="msc", decoder="delimited", file_name_pattern="")
    for number in (1, 2):
        file = UsageFile.objects.create(
            source=source,
            inbox="msc",
            name=f"f{number}",
            sha256=f"{number:064}",
            size_bytes=1,
            arrived_at=AT,
            state="RECEIVED",
        )
        text = UsageText(line_of({**VISITOR, "call_ref": number}) + line_of({**CALL, "call_ref": number}))
        take_usage(file_id=file.file_id, pieces=[text], tables=TABLES, clock=CLOCK, lake_dir=tmp_path, now=AT)
    (day,) = visitor_days(from_on=date(2026, 10, 31))
    assert (day.number, day.calls_s, day.told_fen) == (NUMBER, 122, 0)
