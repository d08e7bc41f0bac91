"""Statements of a few rows: lists arrive at the server as they were, whatever is in them."""

import gc
from datetime import UTC, date, datetime

import pytest

from openboss.modules.system.garbage import collector_paused
from openboss.modules.system.statements import ask


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", [1, 2**40, None]),
        ("boolean", [True, None, False]),
        ("date", [date(2026, 11, 22)]),
        ("timestamptz", [datetime(2026, 11, 22, 10, 30, 0, 125, tzinfo=UTC)]),
        ("text", ["plain", "", "NULL", "a,b", "{braces}", "two words", "中文"]),
        ("text", ['a quoted "word"', "back\\slash", '","', "'"]),
        ("text", ['"', '"']),
        ("text", [None, "x"]),
        ("text", []),
    ],
)
def test_a_list_arrives_as_it_was(kind: str, values: list[object]) -> None:
    assert [row[0] for row in ask(f"SELECT one FROM unnest(%s::{kind}[]) AS one", [values])] == values


def test_the_search_for_garbage_goes_on_after_the_work_and_after_its_failure() -> None:
    def fail() -> None:
        with collector_paused():
            assert not gc.isenabled()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert gc.isenabled()
