"""Single rows of models that are read and written very often: by statements that the server plans once a connection.

Django writes out and plans each of its statements anew, which is most of the work where one row is asked for by its
key. What is refused by the database is raised as by Django. Several rows, or parts of them: system.statements.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models

from openboss.modules.system.statements import ask, run

M = TypeVar("M", bound=models.Model)


def row_of(model: type[M], where: str, values: Sequence[object]) -> M | None:
    """The first row for which a condition holds; it may end in an order, or keep others away (FOR UPDATE)."""
    rows = ask(f"{_select(model._meta)} WHERE {where}", values)
    return _built(model, rows[0]) if rows else None


def add_row(row: models.Model) -> None:
    """Write a new row; it gets its key."""
    statement, fields = _insert(row._meta, row.pk is None)
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    ((row.pk,),) = ask(statement, values)


def change_row(model: type[models.Model], key: object, **values: object) -> None:
    """Change columns of the row with a key."""
    fields = {name: model._meta.get_field(name) for name in values}
    sent = [field.get_db_prep_save(values[name], connection) for name, field in fields.items()]
    sets = ", ".join(f'"{field.column}" = %s::{_type(field)}' for field in fields.values())
    own = model._meta.pk
    run(f'UPDATE {model._meta.db_table} SET {sets} WHERE "{own.column}" = %s::{_type(own)}', [*sent, key])


def _type(field: Any) -> str:
    """The type in which a value is sent; a text is sent whole, so that one that is too long is refused, not cut."""
    kind = str(field.db_type(connection))
    return "text" if kind.startswith("varchar") else kind


@cache
def _select(shape: Any) -> str:
    columns = ", ".join(f'"{field.column}"' for field in shape.concrete_fields)
    return f"SELECT {columns} FROM {shape.db_table}"


@cache
def _insert(shape: Any, gets_key: bool) -> tuple[str, list[Any]]:
    own = shape.pk
    fields = [field for field in shape.concrete_fields if not (gets_key and field is own)]
    names = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(f"%s::{_type(field)}" for field in fields)
    return f'INSERT INTO {shape.db_table} ({names}) VALUES ({values}) RETURNING "{own.column}"', fields


@cache
def _readers(shape: Any) -> list[tuple[int, Any]]:
    """Places of columns whose values Django reads in its own way."""
    fields = enumerate(shape.concrete_fields)
    return [(place, field.from_db_value) for place, field in fields if hasattr(field, "from_db_value")]


def _built(model: type[M], row: Sequence[object]) -> M:
    values = list(row)
    for place, read in _readers(model._meta):
        values[place] = read(values[place], None, connection)
    return model.from_db(connection.alias, [field.attname for field in model._meta.concrete_fields], values)
