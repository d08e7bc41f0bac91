"""Two months of one customer of the example operator, with the real tariffs, from usage totals written by hand."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from openboss.modules.billing import functions as billing
from openboss.modules.catalog.atomic import bill_item_types, offers_in_force
from openboss.modules.catalog.functions import import_reference, import_tariffs
from openboss.modules.charging.schema import FREE_USE, TOTALS
from openboss.modules.customers import schema
from openboss.modules.customers.functions import billing_image, load_base

EXAMPLE = Path(__file__).parents[3] / "example"
SEPTEMBER, OCTOBER = 202609, 202610
OPENED_AT = datetime(2020, 1, 1, tzinfo=UTC)
CUSTOMER, USER, ACCOUNT = 11, 21, 31
NUMBER = 8613900001234


def open_operator() -> None:
    """Read the example's tables and tariffs."""
    import_reference(EXAMPLE / "reference", at=OPENED_AT)
    import_tariffs(EXAMPLE / "tariffs", at=OPENED_AT)


def load_customer(
    holdings: list[tuple[str, datetime, datetime | None]],
    *,
    layout: str = "STANDARD",
    closed_at: datetime | None = None,
) -> None:
    """Load one customer of 62 years, gold card, with one number and one account, and the offers it holds."""
    offer_ids = {version.code: version.offer_id for version in offers_in_force(OCTOBER)}
    rows: dict[str, list[dict[str, Any]]] = {
        "customers": [
            {
                "customer_id": CUSTOMER, "kind": "INDIVIDUAL", "name": "张小薇", "pinyin": "zhang xiao wei",
                "initials": "zxw", "cert_type": "ID_CARD", "cert_no": "420102196401010017",
                "born_on": date(1964, 1, 1), "customer_class": "ORDINARY", "vip_level": "GOLD", "org_code": "P",
                "created_on": date(2020, 1, 1),
            }
        ],
        "subscribers": [
            {
                "subscriber_id": USER, "customer_id": CUSTOMER, "service_type": "MOBILE", "brand": "GOTONE",
                "home_area": 27, "pay_type": "POSTPAID", "opened_at": OPENED_AT, "closed_at": closed_at, "star": 3,
            }
        ],
        "numbers": [{"subscriber_id": USER, "number": NUMBER, "from_at": OPENED_AT, "to_at": None}],
        "accounts": [
            {"account_id": ACCOUNT, "customer_id": CUSTOMER, "pay_method": "CASH", "language": "zh", "layout": layout}
        ],
        "relations": [
            {
                "relation_id": 1, "subscriber_id": USER, "account_id": ACCOUNT, "item_scope": "ALL", "mode": "REST",
                "value": 0, "priority": 100, "from_cycle": 202001, "to_cycle": None,
            }
        ],
        "holdings": [
            {
                "holding_id": place, "subscriber_id": USER, "offer_id": offer_ids[code], "first_month": "PRORATE",
                "from_at": from_at, "to_at": to_at,
            }
            for place, (code, from_at, to_at) in enumerate(holdings, 1)
        ],
    }  # fmt: skip
    frames = {name: pl.DataFrame(found, schema=schema.FRAMES[name]) for name, found in rows.items()}
    load_base(frames=frames, at=OPENED_AT)


def rule_id(offer: str, rule: str) -> int:
    """The id of a rule in the version in force."""
    return max(version.rule_ids[rule] for version in offers_in_force(OCTOBER) if version.code == offer)


def used(item: str, offer: str, rule: str, act_li: int, **figures: int) -> dict[str, int]:
    """Usage of a month under a rule; units are those charged for, beyond free_units."""
    item_ids = {one.code: one.item_id for one in bill_item_types()}
    row = {"calls": 1, "seconds": 0, "units": 1, "free_units": 0, "std_li": act_li}
    where = {"subscriber_id": USER, "item_id": item_ids[item], "rule_id": rule_id(offer, rule)}
    return {**row, **where, "act_li": act_li, **figures}


def free(offer: str, rule: str, granted: int, used_units: int, unit: int = 1) -> dict[str, int]:
    """A free resource of the month."""
    where = {"subscriber_id": USER, "rule_id": rule_id(offer, rule), "carried": 0, "unit": unit}
    return {**where, "granted": granted, "used": used_units}


def bill_month(cycle: int, totals: list[dict[str, int]], free_use: list[dict[str, int]]) -> int:
    """Make the trial bill of a month; return its id."""
    at = datetime(2026, 12, 1, tzinfo=UTC)
    billing.open_cycle(cycle=cycle)
    billing.cut_cycle(cycle=cycle, position=1, at=at, staff_id=None)
    billing.collect_inputs(
        cycle=cycle,
        versions=offers_in_force(cycle),
        item_types=bill_item_types(),
        totals=pl.DataFrame(totals, schema=TOTALS),
        free_use=pl.DataFrame(free_use, schema=FREE_USE),
        image=billing_image(cycle=cycle, also=[row["subscriber_id"] for row in totals]),
    )
    billing.calculate(cycle=cycle, at=at, staff_id=None, progress=lambda step, part: None)
    (row,), _, _ = billing.list_bills(filters={"cycle": cycle})
    return row.bill_id
