"""Frames into tables and queries into frames, by COPY inside Django's own transaction.

For bulk only; single things go through atomic services. A frame travels as CSV text made and read by polars:
null is an unquoted nothing, an empty text is quoted.
"""

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any, LiteralString, cast

import polars as pl
from django.db import connection

from openboss.modules.system.statements import forget_written

CHUNK_BYTES = 1 << 20


class WrongColumns(ValueError):
    """The frame does not have the columns that were agreed; the message names the missing and the foreign ones."""


def checked(frame: pl.DataFrame, schema: pl.Schema, *, name: str) -> pl.DataFrame:
    """Bring a frame into the agreed column order and types. Raises WrongColumns."""
    missing, foreign = set(schema) - set(frame.columns), set(frame.columns) - set(schema)
    if missing or foreign:
        raise WrongColumns(f"{name}: missing {sorted(missing)}, not known {sorted(foreign)}")
    return frame.select(pl.col(column).cast(kind) for column, kind in schema.items())


def copy_in(table: str, frame: pl.DataFrame) -> int:
    """Append a frame to a table whose columns have the frame's column names; return the number of rows."""
    if frame.is_empty():
        return 0
    text = BytesIO()
    frame.write_csv(text, include_header=False, quote_style="necessary", datetime_format="%Y-%m-%d %H:%M:%S%.f%:z")
    columns = ", ".join(f'"{column}"' for column in frame.columns)
    forget_written(f'COPY "{table}"')
    with connection.cursor() as cursor:
        statement = cast(LiteralString, f'COPY "{table}" ({columns}) FROM STDIN WITH (FORMAT csv)')
        with cursor.copy(statement) as copy:
            view = text.getbuffer()
            for start in range(0, len(view), CHUNK_BYTES):
                copy.write(view[start : start + CHUNK_BYTES])
    return frame.height


def copy_out(query: str, schema: Mapping[str, Any], parameters: Iterable[object] = ()) -> pl.DataFrame:
    """Read a query into a frame with the given columns (names and types as in `schema`, in the query's order)."""
    text = BytesIO()
    with connection.cursor() as cursor:
        statement = cast(LiteralString, f"COPY ({query}) TO STDOUT WITH (FORMAT csv)")
        with cursor.copy(statement, tuple(parameters) or None) as copy:
            for block in copy:
                text.write(block)
    if text.tell() == 0:
        return pl.DataFrame(schema=dict(schema))
    text.seek(0)
    return pl.read_csv(text, has_header=False, schema=dict(schema))


def range_text(from_column: str, to_column: str) -> pl.Expr:
    """Write two columns as a half-open PostgreSQL range; null = open."""
    return pl.format(
        "[{},{})", pl.col(from_column).cast(pl.String).fill_null(""), pl.col(to_column).cast(pl.String).fill_null("")
    )
