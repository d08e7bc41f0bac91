"""A customer's detail list: who may ask, for how long it answers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.lake import FILES_A_MERGE, Lake
from openboss.modules.charging.schema import RATED
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import NotEntitled, Proof
from openboss.processes.query_details import CLASS_OF_RECORD, DetailClass, query_details
from tests.modules.customers.conftest import loaded, offers  # noqa: F401 - fixtures of the tests below

JUNE, NOVEMBER = 202606, 202611
USER, ANOTHER = 1001, 1002
NOW = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path, settings: Any) -> Lake:
    """Two users with a record of each kind in every month from June to November, in as many files as are merged."""
    settings.LAKE_DIR = tmp_path
    lake = Lake(tmp_path)
    position = 0
    for cycle in range(JUNE, NOVEMBER + 1):
        for _file in range(FILES_A_MERGE):
            position += 1
            lake.append_usage(_records(cycle, position), timeline=1, position=position)
    return lake


def _records(cycle: int, position: int) -> pl.DataFrame:
    empty = dict.fromkeys(RATED, 0) | {"cycle": cycle, "position": position, "act_basic_li": cycle}
    kinds = [
        empty | {"subscriber_id": user, "row": user, "record_type": int(kind)}
        for user in (USER, ANOTHER)
        for kind in RecordType
    ]
    return pl.DataFrame(kinds, schema=RATED)


@pytest.mark.requirement("CHG-38")
@pytest.mark.usefixtures("loaded")
def test_in_november_the_details_of_june_still_answer_to_whoever_has_the_service_password(lake: Lake) -> None:
    customers.set_password(
        subscriber_id=USER, kind="SERVICE", digits="258014", channel="HALL", is_initial=False, at=NOW, staff_id=7
    )
    for cycle in range(JUNE, NOVEMBER + 1):
        assert lake.merge_small_files(cycle) == FILES_A_MERGE - 1  # putting files together forgets nothing

    for too_little in ([], [Proof.OWN_HANDSET, Proof.CONFIRMED], [Proof.DYNAMIC]):
        with pytest.raises(NotEntitled):
            query_details(subscriber_id=USER, cycle=JUNE, detail_class=DetailClass.CALLS, shown=too_little)

    proof = customers.check_password_of(subscriber_id=USER, kind="SERVICE", digits="258014", at=NOW)
    found = query_details(subscriber_id=USER, cycle=JUNE, detail_class=DetailClass.DATA, shown=[proof])
    kinds = {RecordType.DATA, RecordType.WLAN, RecordType.BROADBAND}
    assert {row["record_type"] for row in found.rows} == kinds
    assert {row["subscriber_id"] for row in found.rows} == {USER}
    assert (found.total, found.act_li) == (3 * FILES_A_MERGE, 3 * FILES_A_MERGE * JUNE)


def test_every_kind_of_record_is_in_one_of_the_seven_classes() -> None:
    assert set(CLASS_OF_RECORD) == set(RecordType)
    assert len(DetailClass) == 7
