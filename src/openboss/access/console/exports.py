"""A list as a file: CSV or Excel, the rows and columns of the view, every export in the audit."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter
from django.http import HttpRequest, HttpResponse

from openboss.access.console.lists import Column, ListScreen, Paging, View
from openboss.access.console.session import staff_of
from openboss.access.jobs import clock
from openboss.modules.system import functions as system

EXPORT_LIMIT_ROWS = 100_000
EXPORT_PAGE_ROWS = 2_000
MEDIA = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def _all_rows(screen: ListScreen, view: View) -> Iterator[Any]:
    """Every row of the view, page by page, up to the limit."""
    for number in range(1, EXPORT_LIMIT_ROWS // EXPORT_PAGE_ROWS + 1):
        rows, _total, _sums = screen.fetch(view.filters, view.sort, Paging(number, EXPORT_PAGE_ROWS))
        yield from rows
        if len(rows) < EXPORT_PAGE_ROWS:
            return


def _exported(column: Column, row: Any) -> str | int | Decimal:
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


NUMBERS = ("count", "size", "kb", "number")


def _harmless(text: str) -> str:
    """Keep a spreadsheet from running text that begins like a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _csv(screen: ListScreen, view: View) -> tuple[bytes, int]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([str(column.title) for column in view.columns])
    count = 0
    for row in _all_rows(screen, view):
        cells = [_exported(column, row) for column in view.columns]
        writer.writerow([_harmless(cell) if isinstance(cell, str) else cell for cell in cells])
        count += 1
    return b"\xef\xbb\xbf" + out.getvalue().encode(), count  # the mark makes Excel read it as UTF-8


def _xlsx(screen: ListScreen, view: View) -> tuple[bytes, int]:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet(str(screen.title)[:31].translate(str.maketrans("", "", "[]:*?/\\")))
    head = book.add_format({"bold": True, "bottom": 1})
    money = {"fen": book.add_format({"num_format": "#,##0.00"}), "li": book.add_format({"num_format": "#,##0.000"})}
    for at, column in enumerate(view.columns):
        sheet.set_column(at, at, 18)
        sheet.write_string(0, at, str(column.title), head)
    count = 0
    for count, row in enumerate(_all_rows(screen, view), start=1):
        for at, column in enumerate(view.columns):
            cell = _exported(column, row)
            if isinstance(cell, str):
                sheet.write_string(count, at, cell)
            else:
                sheet.write_number(count, at, cell, money.get(column.kind))
    sheet.freeze_panes(1, 0)
    book.close()
    return out.getvalue(), count


def export_list(request: HttpRequest, screen: ListScreen, view: View, kind: str) -> HttpResponse:
    """Answer with the file and leave an audit entry saying who took which rows."""
    content, count = (_csv if kind == "csv" else _xlsx)(screen, view)
    system.record_audit(
        staff_id=staff_of(request).staff_id,
        action="list.export",
        object_kind="list",
        object_id=screen.name,
        after={"kind": kind, "rows": count, "address": request.get_full_path()},
        at=clock.now(),
    )
    answer = HttpResponse(content, content_type=MEDIA[kind])
    stamp = clock.now().astimezone(clock.operator_timezone()).strftime("%Y%m%d-%H%M%S")
    answer["Content-Disposition"] = f'attachment; filename="{screen.name}-{stamp}.{kind}"'
    answer["X-Rows"] = str(count)
    return answer
