"""Filtering, sorting and paging of a short list that is in memory as a whole, such as the offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from openboss.access.console.lists import Paging, Rows

Test = Callable[[Any, str], bool]


def rows_in_memory(
    rows: Iterable[Any],
    tests: Mapping[str, Test],
    filters: Mapping[str, str],
    sort: str,
    paging: Paging,
    sums: Sequence[str] = (),
) -> Rows:
    """Answer one page of the rows that pass every filter, sorted by a value of theirs; what has none comes last.

    sums  values to be added up over all the rows that pass, not those of the page alone
    """
    kept = [row for row in rows if all(tests[key](row, value) for key, value in filters.items())]
    if key := sort.removeprefix("-"):
        valued = [row for row in kept if _value(row, key) is not None]
        valued.sort(key=lambda row: _value(row, key), reverse=sort.startswith("-"))
        kept = valued + [row for row in kept if _value(row, key) is None]
    summed = {name: sum(_value(row, name) for row in kept) for name in sums}
    return kept[paging.offset : paging.offset + paging.size], len(kept), summed


def _value(row: Any, key: str) -> Any:
    return row[key] if isinstance(row, Mapping) else getattr(row, key)
