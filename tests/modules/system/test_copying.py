"""Frames into tables and back without loss."""

from datetime import UTC, datetime

import polars as pl
import pytest
from django.db import connection

from openboss.modules.system.copying import WrongColumns, checked, copy_in, copy_out, range_text

SCHEMA = pl.Schema({"id": pl.Int64(), "note": pl.String(), "at": pl.Datetime("us", "UTC")})


@pytest.mark.django_db
def test_empty_text_null_quotes_and_line_breaks_survive() -> None:
    notes = ["", None, 'a "b", c', "two\nlines", "\\N", "中文", " blank "]
    at = [datetime(2026, 1, 1, 0, 0, 0, 123456, UTC)] * len(notes)
    frame = pl.DataFrame({"id": range(len(notes)), "note": notes, "at": at}, schema=SCHEMA)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE copied (id bigint, note text, at timestamptz)")
    assert copy_in("copied", frame) == 7
    read = copy_out("SELECT id, note FROM copied ORDER BY id", {"id": pl.Int64(), "note": pl.String()})
    assert read["note"].to_list() == notes
    same = copy_out("SELECT count(*) FROM copied WHERE at = %s", {"rows": pl.Int64()}, (at[0],))
    assert same["rows"].to_list() == [7]


@pytest.mark.django_db
def test_a_query_without_rows_gives_an_empty_frame_with_the_columns() -> None:
    assert copy_out("SELECT 1 WHERE false", {"n": pl.Int64()}).schema == {"n": pl.Int64()}


def test_a_frame_with_other_columns_is_refused_by_name() -> None:
    with pytest.raises(WrongColumns, match=r"missing \['at', 'note'\], not known \['notes'\]"):
        checked(pl.DataFrame({"id": [1], "notes": ["a"]}), SCHEMA, name="copied")


def test_an_open_end_is_written_as_an_open_range() -> None:
    frame = pl.DataFrame({"from_cycle": [202610, 202611], "to_cycle": [None, 202701]})
    ranges = frame.select(range_text("from_cycle", "to_cycle")).to_series().to_list()
    assert ranges == ["[202610,)", "[202611,202701)"]
