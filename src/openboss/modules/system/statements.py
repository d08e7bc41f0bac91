"""Statements of a few rows that run very often: the server reads and plans each once a connection, not each time.

Django writes values into the text of a statement; for work of milliseconds the planning of such texts is most of the
work. Here values travel beside the text. Inside Django's connection and transaction, like system.copying.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import wraps
from types import NoneType
from typing import Any, LiteralString, ParamSpec, TypeVar, cast

from django.db import connection
from psycopg import Cursor

_MOST_KEPT = 1000

P = ParamSpec("P")
T = TypeVar("T")


def ask(statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Run a statement that answers with rows. Values need their types in the text (%s::bigint[])."""
    with _executed(statement, values) as cursor:
        return cursor.fetchall()


def run(statement: str, values: Sequence[object] = ()) -> int:
    """Run a statement; return how many rows it touched."""
    with _executed(statement, values) as cursor:
        return cursor.rowcount


def put_rows(table: str, columns: dict[str, str], rows: Sequence[Sequence[object]]) -> None:
    """Append rows to a table. columns: name and type, in the order of the values of a row."""
    if rows:
        names, types = ", ".join(columns), ", ".join(f"%s::{kind}[]" for kind in columns.values())
        run(
            f"INSERT INTO {table} ({names}) SELECT * FROM unnest({types})",
            [list(column) for column in zip(*rows, strict=True)],
        )


def kept_until_written(*tables: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Keep the answers of a question to small tables until a row of them is written, by whatever process.

    The rows' transactions tell: one statement over the tables instead of reading and building it all. Answers are
    shared, so that whoever gets one leaves it as it is.
    """
    counts = [f"(SELECT (count(*), sum(hashint8(xmin::text::bigint)))::text FROM {table})" for table in tables]
    statement = f"SELECT {', '.join(counts)}"

    def decorated(question: Callable[P, T]) -> Callable[P, T]:
        kept: dict[object, tuple[object, T]] = {}

        @wraps(question)
        def answer(*args: P.args, **named: P.kwargs) -> T:
            found = ask(statement)
            written = (connection.settings_dict["NAME"], found)
            key = (args, repr(sorted(named.items())))
            known = kept.get(key)
            if known is None or known[0] != written:
                if len(kept) >= _MOST_KEPT:
                    kept.clear()
                known = kept[key] = written, question(*args, **named)
            return known[1]

        return answer

    return decorated


def _executed(statement: str, values: Sequence[object]) -> Cursor[Any]:
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        cursor = Cursor(connection.connection)
        return cursor.execute(cast(LiteralString, statement), [_as_sent(value) for value in values], prepare=True)


def _as_sent(value: object) -> object:
    """Write lists as an array's text. Whole numbers sent as such would have a type that follows their size, and every
    size would be another statement to prepare; of the others, one by one is slow."""
    if not isinstance(value, list):
        return value
    kinds = set(map(type, value))
    if kinds <= {int, bool, NoneType}:
        return "{" + ",".join(map(str, value)).replace("None", "NULL").replace("True", "t").replace("False", "f") + "}"
    if kinds <= {date, datetime}:
        return "{" + ",".join(one.isoformat() for one in value) + "}"
    if kinds == {str}:
        text = '","'.join(value)
        has_marks = "\\" in text or text.count('"') != 2 * len(value) - 2
        return value if has_marks else '{"' + text + '"}'
    return value
