"""Filtering, sorting and paging of a short list that is in memory as a whole, such as the offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from openboss.access.console.lists import Paging, Rows

Test = Callable[[Any, str], bool]


def rows_in_memory(
    rows: Iterable[Any], tests: Mapping[str, Test], filters: Mapping[str, str], sort: str, paging: Paging
) -> Rows:
    """Answer one page of the rows that pass every filter, sorted by an attribute."""
    kept = [row for row in rows if all(tests[key](row, value) for key, value in filters.items())]
    key = sort.removeprefix("-")
    if key:
        kept.sort(key=lambda row: getattr(row, key), reverse=sort.startswith("-"))
    return kept[paging.offset : paging.offset + paging.size], len(kept), {}
