"""A list understands its address and exports what it shows."""

from dataclasses import dataclass

import pytest
from django.http import QueryDict

from openboss.access.console import formats
from openboss.access.console.exports import _exported, _harmless
from openboss.access.console.lists import Column, Filter, ListScreen, read_view, table_of


@dataclass(frozen=True)
class Row:
    name: str
    due_fen: int


ROWS = [Row(f"name {n}", n * 101) for n in range(1, 121)]


def _fetch(filters, sort, paging):
    rows = [row for row in ROWS if filters.get("name", "") in row.name]
    rows = rows[::-1] if sort.startswith("-") else rows
    return rows[paging.offset : paging.offset + paging.size], len(rows), {"due_fen": sum(r.due_fen for r in rows)}


SCREEN = ListScreen(
    name="rows",
    title="Rows",
    columns=(Column("name", "Name", sort=True), Column("due_fen", "Due", "fen", sort=True)),
    filters=(Filter("name", "Name"),),
    fetch=_fetch,
    default_sort="name",
)


def _view(query: str):
    return read_view(QueryDict(query), SCREEN)


def test_the_address_is_the_view() -> None:
    view = _view("name=1&sort=-due_fen&page=2&size=20&cols=due_fen")
    assert (view.filters, view.sort, view.paging.number, view.paging.size) == ({"name": "1"}, "-due_fen", 2, 20)
    assert [column.key for column in view.columns] == ["due_fen"]


@pytest.mark.parametrize(
    "query", ["sort=password", "page=-1", "page=x", "size=1000000", "cols=nothing", "page=" + "9" * 40]
)
def test_what_an_address_cannot_mean_is_ignored(query: str) -> None:
    view = _view(query)
    assert (view.sort, view.paging.number, view.paging.size, len(view.columns)) == ("name", 1, 50, 2)


def test_a_page_says_how_many_there_are_and_what_they_sum_to() -> None:
    table = table_of(SCREEN, _view("page=3"))
    assert (table["total"], table["first"], table["last"], table["pages"]) == (120, 101, 120, 3)
    assert table["foot"] == ["", formats.yuan_of_fen(sum(row.due_fen for row in ROWS))]
    assert table["next"] == ""
    assert "page=2" in table["previous"]


def test_sorting_again_by_the_same_column_turns_it_round() -> None:
    heads = table_of(SCREEN, _view("sort=-due_fen"))["heads"]
    assert heads[1]["sorted"] == "descending"
    assert heads[1]["url"] == "?sort=due_fen"


def test_amounts_are_exported_as_exact_numbers() -> None:
    assert str(_exported(SCREEN.columns[1], Row("x", 123_456))) == "1234.56"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_text_that_begins_like_a_formula_is_not_run_by_a_spreadsheet(text: str) -> None:
    assert _harmless(text) == f"'{text}"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (formats.yuan_of_fen(-123_456), "−1,234.56"),
        (formats.yuan_of_fen(5), "0.05"),
        (formats.signed_yuan_of_fen(5_800), "+58.00"),
        (formats.yuan_of_li(1_570), "1.570"),
        (formats.duration(3_661), "1:01:01"),
        (formats.volume(1_048_576), "1 GB"),
        (formats.volume(154_000), "150.3 MB"),
        (formats.percent(3_805), "38.05 %"),
        (formats.phone(8613900001234), "139 0000 1234"),
    ],
)
def test_figures_are_written_as_people_read_them(written: str, expected: str) -> None:
    assert written == expected
