"""One user's detail list from the lake: the right records, filters, order, sums over all."""

import polars as pl
import pytest

from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.functions.detail import detail_list
from openboss.modules.charging.schema import RATED


@pytest.fixture
def lake(tmp_path, settings):
    """Three users; user 2 has five records: calls of 10 to 50 s at 100 to 500 li, the last one from abroad."""
    settings.LAKE_DIR = tmp_path
    rows = [
        dict.fromkeys(RATED, 0)
        | {
            "subscriber_id": user,
            "cycle": 202610,
            "position": 1,
            "row": user * 10 + n,
            "start_at_s": 1_000 * n,
            "start_local_s": 1_000 * n + 28_800,
            "duration_s": 10 * n,
            "act_basic_li": 100 * n,
            "std_basic_li": 200 * n,
            "other_number": 8613900000000 + n,
            "roam_type": 4 if n == 5 else 0,
            "rule_basic": n % 2 + 1,
        }
        for user in (1, 2, 3)
        for n in range(1, 6)
    ]
    Lake(tmp_path).append_usage(pl.DataFrame(rows, schema=RATED), timeline=1, position=1)


def test_the_newest_record_comes_first_and_the_sums_are_of_all(lake):
    rows, total, sums = detail_list(2, 202610, {}, page_size=2)
    assert [row["duration_s"] for row in rows] == [50, 40]
    assert (total, sums) == (5, {"duration_s": 150, "kb_units": 0, "act_li": 1_500, "std_li": 3_000})


def test_the_second_page_goes_on_where_the_first_ended(lake):
    rows, _, _ = detail_list(2, 202610, {}, page=2, page_size=2)
    assert [row["duration_s"] for row in rows] == [30, 20]


@pytest.mark.parametrize(
    ("filters", "durations"),
    [
        ({"roam_type": 4}, [50]),
        ({"rule": "2"}, [50, 30, 10]),
        ({"other_number": "8613900000003"}, [30]),
        ({"from_s": 1_000 * 2 + 28_800, "to_s": 1_000 * 4 + 28_800}, [30, 20]),
        ({"charged": 0}, []),
        ({"unknown": 1, "roam_type": ""}, [50, 40, 30, 20, 10]),
    ],
)
def test_filters_choose_records_and_their_sums(lake, filters, durations):
    rows, total, sums = detail_list(2, 202610, filters)
    assert [row["duration_s"] for row in rows] == durations
    assert (total, sums["duration_s"]) == (len(durations), sum(durations))


def test_a_month_without_usage_is_empty(lake):
    assert detail_list(2, 202611, {}) == ([], 0, {})
