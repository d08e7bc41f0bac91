"""A list as a file: CSV or Excel, the rows and columns of the view, whole; every export in the audit.

A file is written while the list is read, page by page out of one view of the database, so that a list of millions of
rows neither fills the memory nor is cut. A sheet of Excel ends at 1,048,576 rows: what is longer is refused with the
way out, never shortened.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, count
from typing import IO, Any

import xlsxwriter
from django.contrib import messages
from django.db import connection, transaction
from django.http import FileResponse, HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from openboss.access.console import formats
from openboss.access.console.lists import Column, ListScreen, Paging, View
from openboss.access.console.session import staff_of
from openboss.access.jobs import clock
from openboss.modules.system import functions as system

EXPORT_PAGE_ROWS = 20_000
XLSX_LIMIT_ROWS = 1_048_575  # below the heading
MEDIA = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
NUMBERS = ("count", "size", "kb", "number")


class SheetFull(Exception):
    """A sheet of Excel has no room for these rows: export them as CSV, or narrow the filters."""


Cell = str | int | Decimal
Pages = Iterator[list[list[Cell]]]


def _pages(screen: ListScreen, view: View) -> Pages:
    """The cells of every row of the view, page by page, all as they stood at the first page."""
    language = get_language() or ""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for number in count(1):
            with override(language):
                rows, _total, _sums = screen.fetch(view.filters, view.sort, Paging(number, EXPORT_PAGE_ROWS))
                page = [[_exported(column, row) for column in view.columns] for row in rows]
            yield page
            if len(page) < EXPORT_PAGE_ROWS:  # the number of all rows may be an estimate: the last page says the end
                return


def _exported(column: Column, row: Any) -> Cell:
    """A value for a spreadsheet: amounts as yuan, counts as numbers, the rest as people read it."""
    value = column.value(row)
    if value is None:
        return ""
    if column.kind in ("fen", "li") and isinstance(value, int):
        return Decimal(value).scaleb(-2 if column.kind == "fen" else -3)
    if column.kind in NUMBERS and isinstance(value, int):
        return value
    if isinstance(value, datetime | date) and column.kind == "text":
        return value.isoformat()
    return column.text(value)


def _harmless(text: str) -> str:
    """Keep a spreadsheet from running text that begins like a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _csv(titles: Sequence[str], pages: Pages) -> Iterator[bytes]:
    yield b"\xef\xbb\xbf" + _csv_text([list(titles)])  # the mark makes Excel read it as UTF-8
    for page in pages:
        yield _csv_text(page)


def _csv_text(rows: list[list[Cell]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([_harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue().encode()


def _xlsx(name: str, columns: Sequence[Column], pages: Pages) -> IO[bytes]:
    """Write a sheet into a file that goes when it is sent. Raises SheetFull."""
    out = tempfile.TemporaryFile()  # noqa: SIM115 (closed by the answer that sends it)
    book = xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet(name[:31].translate(str.maketrans("", "", "[]:*?/\\")))
    head = book.add_format({"bold": True, "bottom": 1})
    money = {"fen": book.add_format({"num_format": "#,##0.00"}), "li": book.add_format({"num_format": "#,##0.000"})}
    for at, column in enumerate(columns):
        sheet.set_column(at, at, 18)
        sheet.write_string(0, at, str(column.title), head)
    for number, cells in enumerate(chain.from_iterable(pages), start=1):
        if number > XLSX_LIMIT_ROWS:
            raise SheetFull(number)
        for at, cell in enumerate(cells):
            if isinstance(cell, str):
                sheet.write_string(number, at, cell)
            else:
                sheet.write_number(number, at, cell, money.get(columns[at].kind))
    sheet.freeze_panes(1, 0)
    book.close()
    out.seek(0)
    return out


def export_list(request: HttpRequest, screen: ListScreen, view: View, kind: str) -> HttpResponseBase:
    """Answer with the file and leave an audit entry saying who took which view, of how many rows."""
    _rows, total, _sums = screen.fetch(view.filters, view.sort, Paging(1, 1))
    answer: HttpResponseBase
    try:
        answer = _sheet(screen, view, total) if kind == "xlsx" else _text(screen, view)
    except SheetFull:
        text = _("Excel holds %(most)s rows, this view has %(total)s. Export it as CSV, or narrow the filters.")
        messages.error(request, text % {"most": formats.count(XLSX_LIMIT_ROWS), "total": formats.count(total)})
        return HttpResponseRedirect(view.address(export=None))
    system.record_audit(
        staff_id=staff_of(request).staff_id,
        action="list.export",
        object_kind="list",
        object_id=screen.name,
        after={"kind": kind, "rows": total, "address": request.get_full_path()},
        at=clock.now(),
    )
    stamp = clock.now().astimezone(clock.operator_timezone()).strftime("%Y%m%d-%H%M%S")
    answer["Content-Disposition"] = f'attachment; filename="{screen.name}-{stamp}.{kind}"'
    answer["X-Rows"] = str(total)
    return answer


def _text(screen: ListScreen, view: View) -> StreamingHttpResponse:
    titles = [str(column.title) for column in view.columns]
    return StreamingHttpResponse(_csv(titles, _pages(screen, view)), content_type=MEDIA["csv"])


def _sheet(screen: ListScreen, view: View, total: int) -> FileResponse:
    if total > XLSX_LIMIT_ROWS:
        raise SheetFull(total)
    return FileResponse(_xlsx(str(screen.title), view.columns, _pages(screen, view)), content_type=MEDIA["xlsx"])
