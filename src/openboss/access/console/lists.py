"""The list every screen of rows is made of: filters, sorting, columns, paging, all in the address; and its export.

A screen declares columns and filters and names the question to ask; the address is the view, so it can be bookmarked,
sent to a colleague and exported. Rows come from a function of a module as `(rows, total, sums)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils.functional import Promise

from openboss.access.console import formats, words
from openboss.access.console.page import page

Text: TypeAlias = str | Promise
Rows: TypeAlias = tuple[Sequence[Any], int, Mapping[str, int]]
Fetch: TypeAlias = Callable[[dict[str, str], str, "Paging"], Rows]

SIZES = (20, 50, 100, 200)
NUMERIC = frozenset({"fen", "li", "count", "duration", "kb", "size", "number"})
WRITERS: dict[str, Callable[[Any], str]] = {
    "fen": formats.yuan_of_fen,
    "li": formats.yuan_of_li,
    "count": formats.count,
    "duration": formats.duration,
    "kb": formats.volume,
    "size": formats.bytes_size,
    "phone": formats.phone,
    "moment": formats.moment,
    "day": formats.day,
    "cycle": formats.cycle_name,
}


@dataclass(frozen=True)
class Paging:
    """Which part of the rows is asked for."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many rows come before it."""
        return (self.number - 1) * self.size


@dataclass(frozen=True)
class Column:
    """One column. `kind` is a format of WRITERS, `text`, `nowrap` or `word:<vocabulary>`; `read` takes the value."""

    key: str
    title: Text
    kind: str = "text"
    sort: bool = False
    hidden: bool = False
    read: Callable[[Any], Any] | None = None
    link: Callable[[Any], str | None] | None = None
    sub: Callable[[Any], str] | None = None

    def value(self, row: Any) -> Any:
        """The value of this column in a row."""
        if self.read:
            return self.read(row)
        return row[self.key] if isinstance(row, Mapping) else getattr(row, self.key)

    @property
    def is_numeric(self) -> bool:
        """Whether it stands on the right."""
        return self.kind in NUMERIC

    def text(self, value: Any) -> str:
        """The value as people read it."""
        if value is None or value == "":
            return ""
        if self.kind.startswith("word:"):
            return str(words.word(self.kind.removeprefix("word:"), value).text)
        return WRITERS[self.kind](value) if self.kind in WRITERS else str(value)


@dataclass(frozen=True)
class Filter:
    """One field of the filter bar: search, text, choice, date, number, or hidden: what the list itself is about."""

    key: str
    title: Text
    kind: str = "text"
    choices: Sequence[tuple[str, Text]] = ()
    default: str = ""  # what it is until somebody chooses; a choice with one cannot be left open


@dataclass(frozen=True)
class ListScreen:
    """A list as a screen declares it."""

    name: str
    title: Text
    columns: tuple[Column, ...]
    fetch: Fetch
    filters: tuple[Filter, ...] = ()
    default_sort: str = ""
    row_link: Callable[[Any], str | None] | None = None
    row_id: Callable[[Any], Any] | None = None
    empty: Text = ""
    template: str = "list.html"
    tools: str = "console/nothing.html"
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """What the address asks for."""

    filters: dict[str, str]
    sort: str
    paging: Paging
    columns: tuple[Column, ...]
    query: QueryDict

    def address(self, **changes: Any) -> str:
        """This view with some things changed, as a query; None takes a thing out."""
        query = self.query.copy()
        for key, value in changes.items():
            query.pop(key, None)
            if value not in (None, ""):
                query[key] = str(value)
        return f"?{query.urlencode()}"


def read_view(query: QueryDict, screen: ListScreen) -> View:
    """Understand an address; what it does not know or cannot use is ignored rather than refused."""
    filters = {f.key: value for f in screen.filters if (value := query.get(f.key, "").strip() or f.default)}
    sortable = {column.key for column in screen.columns if column.sort}
    sort = query.get("sort", "")
    if sort.removeprefix("-") not in sortable:
        sort = screen.default_sort
    chosen = query.getlist("cols")
    columns = tuple(c for c in screen.columns if (c.key in chosen if chosen else not c.hidden))
    size = int(query["size"]) if query.get("size", "").isdecimal() and int(query["size"]) in SIZES else SIZES[1]
    text = query.get("page", "")
    number = int(text) if text.isdecimal() and 0 < int(text) < 10**9 else 1
    return View(filters, sort, Paging(number, size), columns or screen.columns, query)


def _heads(view: View) -> list[dict[str, Any]]:
    heads = []
    for column in view.columns:
        at = view.sort.removeprefix("-") == column.key
        falling = view.sort.startswith("-")
        # A column of numbers is first sorted from the top, any other from A.
        first = f"-{column.key}" if column.is_numeric or column.kind in ("moment", "day") else column.key
        turned = column.key if falling else f"-{column.key}"
        heads.append(
            {
                "column": column,
                "sorted": ("descending" if falling else "ascending") if at else "",
                "url": view.address(sort=turned if at else first, page=None) if column.sort else "",
            }
        )
    return heads


def _cell(column: Column, row: Any) -> dict[str, Any]:
    value = column.value(row)
    return {
        "column": column,
        "text": column.text(value),
        "tone": words.word(column.kind.removeprefix("word:"), value).tone if column.kind.startswith("word:") else None,
        "url": column.link(row) if column.link else None,
        "sub": column.sub(row) if column.sub else "",
        "is_negative": column.kind in ("fen", "li") and isinstance(value, int) and value < 0,
    }


def table_of(screen: ListScreen, view: View) -> dict[str, Any]:
    """Ask for the rows of a view and lay them out for the template."""
    rows, total, sums = screen.fetch(view.filters, view.sort, view.paging)
    pages = max(1, -(-total // view.paging.size))
    number = view.paging.number
    return {
        "screen": screen,
        "view": view,
        "heads": _heads(view),
        "rows": [
            {
                "url": screen.row_link(row) if screen.row_link else None,
                "id": screen.row_id(row) if screen.row_id else None,
                "cells": [_cell(column, row) for column in view.columns],
            }
            for row in rows
        ],
        "selects": screen.row_id is not None,
        "total": total,
        "foot": [column.text(sums[column.key]) if column.key in sums else "" for column in view.columns],
        "has_sums": any(column.key in sums for column in view.columns),
        "first": view.paging.offset + 1 if rows else 0,
        "last": view.paging.offset + len(rows),
        "pages": pages,
        "previous": view.address(page=number - 1) if number > 1 else "",
        "next": view.address(page=number + 1) if number < pages else "",
        "sizes": [(size, view.address(size=size, page=None)) for size in SIZES],
        "is_filtered": any(view.query.get(f.key, "").strip() for f in screen.filters if f.kind != "hidden"),
        "clear": f"?{_without(view.query, [f.key for f in screen.filters if f.kind != 'hidden'] + ['page'])}",
        "exports": [(kind, view.address(export=kind, page=None)) for kind in ("csv", "xlsx")],
        "kept": [
            (key, value) for key, values in view.query.lists() if key in ("sort", "size", "cols") for value in values
        ],
    }


def _without(query: QueryDict, keys: Sequence[str]) -> str:
    rest = query.copy()
    for key in keys:
        rest.pop(key, None)
    return rest.urlencode()


def show_list(request: HttpRequest, screen: ListScreen, *, active: str) -> HttpResponseBase:
    """Answer a list: the page, the file when the address asks for an export, or with `count` how many rows it has."""
    from openboss.access.console.exports import export_list

    view = read_view(request.GET, screen)
    if request.GET.get("export") in ("csv", "xlsx"):
        return export_list(request, screen, view, request.GET["export"])
    if "count" in request.GET:
        _rows, total, _sums = screen.fetch(view.filters, view.sort, Paging(1, 1))
        return HttpResponse(formats.count(total), content_type="text/plain", headers={"X-Rows": str(total)})
    context = {"active": active, "list": table_of(screen, view), "view_address": _address(request)}
    return page(request, screen.template, {**screen.context, **context})


def _address(request: HttpRequest) -> str:
    """The address of the view as somebody would save it: without the page they happen to be on."""
    query = _without(request.GET, ["page"])
    return f"{request.path}?{query}" if query else request.path
