"""The tables of the world that prices and numbers depend on, as whole frames."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db import connection, transaction

from openboss.modules.catalog.models import BillItemType
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.copying import checked, copy_in, copy_out
from openboss.modules.system.statements import ask, kept_until_written

NAMES = {"name_zh": pl.String, "name_en": pl.String}
FLAGS = ("is_comm", "is_voice", "is_vas", "is_third", "no_discount", "is_home", "free")

REFERENCE: dict[str, tuple[str, pl.Schema]] = {
    "areas": (
        "catalog_area",
        pl.Schema(
            {
                "area": pl.Int32,
                **NAMES,
                "province": pl.String,
                "province_zh": pl.String,
                "province_en": pl.String,
                "is_home": pl.Int8,
                "band_shift_s": pl.Int32,
            }
        ),
    ),
    "number_prefixes": (
        "catalog_numberprefix",
        pl.Schema({"prefix": pl.String, "kind": pl.String, "area": pl.Int32, "net": pl.String}),
    ),
    "countries": ("catalog_country", pl.Schema({"country_code": pl.Int32, **NAMES, "ld_type": pl.String})),
    "special_numbers": ("catalog_specialnumber", pl.Schema({"number": pl.Int64, **NAMES, "free": pl.Int8})),
    "cells": ("catalog_cell", pl.Schema({"msc_id": pl.Int64, "lac": pl.Int32, "area": pl.Int32})),
    "providers": ("catalog_provider", pl.Schema({"sp_code": pl.Int32, "service_code": pl.String, **NAMES})),
    "holidays": ("catalog_holiday", pl.Schema({"date": pl.Date, **NAMES})),
    "carriers": (
        "catalog_carrier",
        pl.Schema({"carrier_code": pl.String, **NAMES, "net": pl.String, "kind": pl.String}),
    ),
    "bill_items": (
        "catalog_billitemtype",
        pl.Schema(
            {
                "item_id": pl.Int16,
                "code": pl.String,
                **NAMES,
                "group_code": pl.String,
                "group_zh": pl.String,
                "group_en": pl.String,
                "sort_order": pl.Int32,
                **dict.fromkeys(("is_comm", "is_voice", "is_vas", "is_third", "no_discount"), pl.Int8),
                "report_group": pl.String,
            }
        ),
    ),
}


@dataclass(frozen=True)
class BillItemTypeView:
    """A kind of bill line: where it is shown and what it counts as (D7.6)."""

    item_id: int
    code: str
    name_zh: str
    name_en: str
    group_code: str
    group_zh: str
    group_en: str
    sort_order: int
    is_comm: bool
    is_voice: bool
    is_vas: bool
    is_third: bool
    no_discount: bool
    report_group: str


@kept_until_written("catalog_billitemtype")
def bill_item_types() -> list[BillItemTypeView]:
    """List the kinds of bill lines in the order in which a bill shows them."""
    fields = list(BillItemTypeView.__dataclass_fields__)
    return [BillItemTypeView(**row) for row in BillItemType.objects.order_by("sort_order", "item_id").values(*fields)]


def reference_frames() -> dict[str, pl.DataFrame]:
    """Give every reference table as a frame with the columns of its file; flags are 0 or 1."""
    return {name: _read(table, schema) for name, (table, schema) in REFERENCE.items()}


def _read(table: str, schema: pl.Schema) -> pl.DataFrame:
    columns = [f"{column}::int" if column in FLAGS else f'"{column}"' for column in schema]
    order = ", ".join(str(place + 1) for place in range(min(2, len(schema))))
    return copy_out(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}", schema)


@transaction.atomic
def replace_reference(*, name: str, frame: pl.DataFrame, at: datetime, staff_id: int | None = None) -> bool:
    """Put a whole reference table in place of the one there; say whether anything changed.

    Raises WrongColumns. The audit entry keeps the number of rows and the content hash before and after.
    """
    table, schema = REFERENCE[name]
    fresh = checked(frame, schema, name=name).sort(list(schema)[:2])
    held = _read(table, schema).sort(list(schema)[:2])
    if fresh.equals(held):
        return False
    flags = [pl.col(column).cast(pl.Boolean) for column in schema if column in FLAGS]
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")
    copy_in(table, fresh.with_columns(flags))
    record_audit(
        staff_id=staff_id,
        action="catalog.replace_reference",
        object_kind="reference",
        object_id=name,
        at=at,
        before={"rows": held.height, "hash": _hash(held)},
        after={"rows": fresh.height, "hash": _hash(fresh)},
    )
    return True


def _hash(frame: pl.DataFrame) -> str:
    return f"{int(frame.hash_rows(seed=0).sum() or 0) & (2**64 - 1):016x}" if frame.height else ""


def is_holiday(on: date) -> bool:
    """Whether a day is a public holiday of the operator's calendar."""
    return bool(ask("SELECT 1 FROM catalog_holiday WHERE date = %s::date", [on]))
