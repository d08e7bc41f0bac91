"""Statements of a few rows that run very often: the server reads and plans each once a connection, not each time.

Django writes values into the text of a statement; for work of milliseconds the planning of such texts is most of the
work. Here values travel beside the text. Inside Django's connection and transaction, like system.copying.
"""

import threading
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

    The rows' transactions tell: one statement over the tables instead of reading and building it all, and within a
    transaction one a table as long as that transaction does not write it: it goes on with what it began with. Answers
    are shared, so that whoever gets one leaves it as it is.
    """

    def decorated(question: Callable[P, T]) -> Callable[P, T]:
        kept: dict[object, tuple[object, T]] = {}

        @wraps(question)
        def answer(*args: P.args, **named: P.kwargs) -> T:
            written = (connection.settings_dict["NAME"], *map(_last_written, tables))
            key = (args, repr(sorted(named.items())))
            known = kept.get(key)
            if known is None or known[0] != written:
                if len(kept) >= _MOST_KEPT:
                    kept.clear()
                known = kept[key] = written, question(*args, **named)
            return known[1]

        return answer

    return decorated


class _Looked(threading.local):
    """What this thread's transaction has learnt of the tables whose answers are kept."""

    def __init__(self) -> None:
        self.transaction: object = None
        self.written: dict[str, str] = {}


_looked = _Looked()


def _last_written(table: str) -> str:
    """A text that changes with every write of a table: who wrote its rows, and where they lie."""
    known = _learnt()
    if table not in known:
        counted = f"SELECT (count(*), sum(hashint8(xmin::text::bigint) # hashtid(ctid)))::text FROM {table}"
        known[table] = ask(counted)[0][0]
    return known[table]


def _learnt() -> dict[str, str]:
    """By table, what is known in this transaction; begun anew with each, and with a part of it that is rolled back."""
    if not connection.in_atomic_block:
        return {}
    if _watching not in connection.execute_wrappers:
        connection.execute_wrappers.append(_watching)
    if _looked.transaction is not connection.run_on_commit:  # Django makes a new list at both
        _looked.transaction, _looked.written = connection.run_on_commit, {}
    return _looked.written


def forget_written(statement: str) -> None:
    """Look again at the tables that a statement of this transaction writes: only what names one can."""
    if _looked.written and not statement.startswith("SELECT"):
        for table in [table for table in _looked.written if table in statement]:
            del _looked.written[table]


def _watching(execute: Callable[..., T], statement: object, *more: Any) -> T:
    """Django's own statements pass here once a transaction has looked at such a table."""
    forget_written(str(statement))
    return execute(statement, *more)


def _executed(statement: str, values: Sequence[object]) -> Cursor[Any]:
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        forget_written(statement)
        if connection.connection.prepared_max != _MOST_KEPT:
            connection.connection.prepared_max = _MOST_KEPT  # psycopg's hundred is less than one opening asks
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
