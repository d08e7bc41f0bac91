"""An operator's resources are taken over: kinds of items, numbers and cards in use, and stock for the halls (D12).

Each step by COPY; numbers and cards of users become OCCUPIED and IN_USE as the customers' tables say, those of users
who left rest until their time is over. Source: BMR-03, BMR-06.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from django.db import transaction

from openboss.modules.customers import functions as customers
from openboss.modules.resources import functions as resources
from openboss.modules.system.functions import org_nodes

STOCK_FILE = "stock.yaml"
FEN_PER_YUAN = 100
CARD_OF_THE_BASE = "SIM_32K"


class StockRefused(ValueError):
    """The file of stocked items cannot be used; the message says what an entry lacks. Nothing was changed."""


@dataclass(frozen=True)
class HallStock:
    """What is put into one hall: idle numbers first to last, and a vendor's file of cards."""

    org_code: str
    home_area: int
    first: int
    last: int
    cards: bytes


def import_items(path: Path, *, at: datetime) -> tuple[str, int]:
    """Read the kinds of items of an operator; return its register's code and how many there are.

    Raises StockRefused.
    """
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    rows = []
    for item in found["items"]:
        try:
            rows.append(
                {
                    "code": item["code"],
                    "kind": item["kind"],
                    "name_zh": item["names"]["zh"],
                    "name_en": item["names"]["en"],
                    "price_fen": int(Decimal(item["price"]) * FEN_PER_YUAN),
                    "face_fen": int(Decimal(item.get("face", "0")) * FEN_PER_YUAN),
                    "alarm_below": item.get("alarm_below", 0),
                }
            )
        except (KeyError, TypeError, ArithmeticError) as wrong:
            raise StockRefused(f"{path.name}: {item!r:.80}: {wrong}") from wrong
    return found["register"], resources.put_item_types(rows=rows, at=at)


@transaction.atomic
def take_resources_over(*, register: str, at: datetime) -> dict[str, int]:
    """Let every number and card of the customers' tables be a resource: in use, or at rest after its user left.

    A place that the organisation does not have counts as its highest one. Returns how many of each.
    """
    numbers, cards = customers.resources_in_use()
    known = [node.code for node in org_nodes()]
    top = next(node.code for node in org_nodes() if node.parent_code is None)
    place = pl.when(pl.col("org_code").is_in(known)).then(pl.col("org_code")).otherwise(pl.lit(top)).alias("org_id")
    rest = timedelta(days=customers.hall_rule("hall.number_quarantine_days", on=customers.operator_day(at)))
    numbers = numbers.select(
        "number",
        "subscriber_id",
        place,
        "home_area",
        hlr_code=pl.lit(register),
        until_at=pl.col("to_at") + rest,
    ).filter(pl.col("until_at").is_null() | (pl.col("until_at") > at.astimezone(UTC)))
    cards = cards.select(
        "iccid",
        "imsi",
        place,
        "subscriber_id",
        number=pl.when(pl.col("to_at").is_null()).then(pl.col("number")),
        hlr_code=pl.lit(register),
        state=pl.when(pl.col("to_at").is_null()).then(pl.lit("IN_USE")).otherwise(pl.lit("SCRAPPED")),
    )
    return {
        "numbers": resources.take_numbers_over(frame=numbers, at=at),
        "cards": resources.take_sims_over(frame=cards, item_code=CARD_OF_THE_BASE, at=at),
    }


def fill_halls(halls: Sequence[HallStock], *, register: str, at: datetime) -> dict[str, int]:
    """Put idle numbers and new cards into halls; return how many of each. Raises SegmentOverlaps, FileKnown."""
    counts = {"numbers": 0, "cards": 0}
    for hall in halls:
        counts["numbers"] += resources.load_segment(
            first=hall.first,
            last=hall.last,
            hlr_code=register,
            home_area=hall.home_area,
            org_code=hall.org_code,
            at=at,
            staff_id=None,
        )
        done = resources.import_sims(
            content=hall.cards,
            file_name=f"{hall.org_code}.csv",
            item_code=CARD_OF_THE_BASE,
            hlr_code=register,
            org_code=hall.org_code,
            at=at,
            staff_id=None,
        )
        counts["cards"] += done.accepted
    return counts


def sell_vouchers(
    *, item_code: str, count: int, first_serial: int, province: str, org_code: str, expires_on: date, at: datetime
) -> list[resources.VoucherMade]:
    """Make vouchers and bring them to a hall, ready to be used; return them with their PINs, for the printer."""
    made = resources.generate_vouchers(
        item_code=item_code,
        count=count,
        first_serial=first_serial,
        province=province,
        org_code=org_code,
        expires_on=expires_on,
        at=at,
        staff_id=None,
    )
    first, last = made[0].serial_no, made[-1].serial_no
    for state in ("PRINTED", "IN_STOCK", "ISSUED", "ACTIVE"):
        resources.move_vouchers(first=first, last=last, state=state, to_org=org_code, at=at, staff_id=None)
    return made
