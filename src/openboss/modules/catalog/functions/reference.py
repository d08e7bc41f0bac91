"""The reference tables of the world, read from an operator's folder."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from django.db import transaction

from openboss.modules.catalog import atomic
from openboss.modules.catalog.atomic import BillItemTypeView
from openboss.modules.catalog.documents import Limit
from openboss.modules.system.atomic import ParameterMissing, parameter_at, put_parameter

LIMITS_FILE = "tariff_limits.yaml"
LIMITS_KEY = "catalog.tariff_limits"
SINCE = date(1994, 1, 1)  # when the parameter itself begins; each limit carries its own days


class ReferenceRefused(ValueError):
    """A reference file cannot be used; the message names the file and what would be right. Nothing was changed."""


@transaction.atomic
def import_reference(folder: Path, *, at: datetime, staff_id: int | None = None) -> dict[str, bool]:
    """Load the reference tables of a folder, one CSV each; say of each whether it changed.

    A table without a file stays as it is. Raises ReferenceRefused, and then nothing was changed.
    """
    changed = {}
    for name, (_, schema) in atomic.REFERENCE.items():
        path = folder / f"{name}.csv"
        if path.exists():
            try:
                changed[name] = atomic.replace_reference(
                    name=name, frame=_table(path, schema), at=at, staff_id=staff_id
                )
            except (pl.exceptions.PolarsError, ValueError) as broken:
                raise ReferenceRefused(f"{path.name}: {broken}; the columns are {', '.join(schema)}") from broken
    if (folder / LIMITS_FILE).exists():
        changed["tariff_limits"] = put_parameter(
            key=LIMITS_KEY, value=_limit_rows(folder), from_on=SINCE, at=at, override_allowed=False, staff_id=staff_id
        )
    return changed


def _table(path: Path, schema: pl.Schema) -> pl.DataFrame:
    return pl.read_csv(path, schema_overrides=dict(schema), encoding="utf8")


def _limit_rows(folder: Path) -> list[dict[str, Any]]:
    rows = yaml.safe_load((folder / LIMITS_FILE).read_text(encoding="utf-8"))
    plain: list[dict[str, Any]] = json.loads(json.dumps(rows, default=str))
    return plain


def read_items(folder: Path) -> list[BillItemTypeView]:
    """Read the bill items of a reference folder itself, without the database. Raises ReferenceRefused."""
    path = folder / "bill_items.csv"
    if not path.is_file():
        raise ReferenceRefused(f"there is no {path.name} in {folder}")
    flags = [name for name in BillItemTypeView.__dataclass_fields__ if name.startswith(("is_", "no_"))]
    frame = _table(path, atomic.REFERENCE["bill_items"][1]).sort("sort_order", "item_id")
    return [BillItemTypeView(**row) for row in frame.with_columns(pl.col(flags).cast(pl.Boolean)).iter_rows(named=True)]


def read_holidays(folder: Path) -> list[date]:
    """Read the public holidays of a reference folder itself, without the database; none if it has no such file."""
    path = folder / "holidays.csv"
    return _table(path, atomic.REFERENCE["holidays"][1])["date"].to_list() if path.is_file() else []


def limits_of_file(folder: Path) -> list[Limit]:
    """Read the regulated caps and approved floors of a reference folder itself, without the database."""
    return limits_of(_limit_rows(folder)) if (folder / LIMITS_FILE).is_file() else []


def tariff_limits() -> list[Limit]:
    """Read the regulated caps and approved floors of prices (CHG-23); none if the operator has set none."""
    try:
        rows = parameter_at(key=LIMITS_KEY, on=date.max)
    except ParameterMissing:
        return []
    return limits_of(rows)


def limits_of(rows: Sequence[dict[str, Any]]) -> list[Limit]:
    """Read limits as they stand in the file and the parameter."""
    return [_limit(row) for row in rows]


def _limit(row: dict[str, Any]) -> Limit:
    to_on = row.get("to")
    return Limit(
        row["name"],
        row["component"],
        row["when"],
        row["per"],
        row.get("max"),
        row.get("min"),
        date.fromisoformat(row["from"]),
        date.fromisoformat(to_on) if to_on else None,
    )
