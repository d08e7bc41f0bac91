"""A small base: three customers, a family, a unit that pays, offers of every kind that is needed."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from openboss.modules.catalog.atomic import put_offer
from openboss.modules.catalog.documents import OfferDocument, VersionDocument
from openboss.modules.customers import functions as customers

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
OPENED = datetime(2020, 1, 14, 16, 30, tzinfo=UTC)  # 2020-01-15 00:30 in Shanghai
MAIN, OTHER_MAIN, PACK, EXCLUDING_PACK, DEPENDENT_PACK = 102, 103, 305, 306, 307

Rows = list[dict[str, Any]]


def customer(customer_id: int, name: str, reading: str, **changes: Any) -> dict[str, Any]:
    """One row of the customers' frame."""
    row = {
        "customer_id": customer_id,
        "kind": "INDIVIDUAL",
        "name": name,
        "pinyin": reading,
        "initials": "".join(syllable[0] for syllable in reading.split()),
        "cert_type": "ID_CARD",
        "cert_no": f"42010119800101{customer_id:04d}",
        "born_on": date(1980, 1, 1),
        "customer_class": "ORDINARY",
        "vip_level": "NONE",
        "org_code": "17.027.05.01",
        "created_on": date(2020, 1, 15),
    }
    return {**row, **changes}


def subscriber(subscriber_id: int, customer_id: int, **changes: Any) -> dict[str, Any]:
    """One row of the users' frame."""
    row = {
        "subscriber_id": subscriber_id,
        "customer_id": customer_id,
        "service_type": "MOBILE",
        "brand": "GOTONE",
        "home_area": 27,
        "pay_type": "POSTPAID",
        "opened_at": OPENED,
        "closed_at": None,
        "star": 3,
    }
    return {**row, **changes}


def rest(relation_id: int, subscriber_id: int, account_id: int) -> dict[str, Any]:
    """The relation by which an account pays what is left."""
    return {
        "relation_id": relation_id,
        "subscriber_id": subscriber_id,
        "account_id": account_id,
        "item_scope": "ALL",
        "mode": "REST",
        "value": 0,
        "priority": 100,
        "from_cycle": 202001,
        "to_cycle": None,
    }


def account(account_id: int, customer_id: int) -> dict[str, Any]:
    """One row of the accounts' frame."""
    return {
        "account_id": account_id,
        "customer_id": customer_id,
        "pay_method": "CASH",
        "language": "zh",
        "layout": "STANDARD",
    }


def base() -> dict[str, Rows]:
    """Zhang Wei (two users), Wang Fang (one), a unit without users."""
    since = {"from_at": OPENED, "to_at": None}
    users = (1001, 1002, 1003)
    return {
        "customers": [
            customer(1, "张伟", "zhang wei"),
            customer(2, "王小芳", "wang xiao fang", vip_level="GOLD"),
            customer(3, "楚江机械厂", "chu jiang ji xie chang", kind="UNIT", cert_type="LICENCE", cert_no="91420100A"),
        ],
        "subscribers": [subscriber(1001, 1), subscriber(1002, 1), subscriber(1003, 2)],
        "numbers": [{"subscriber_id": user, "number": 8613900010000 + user, **since} for user in users],
        "sims": [
            {"subscriber_id": user, "iccid": f"8986000000000000{user}", "imsi": 460000000000000 + user, **since}
            for user in users
        ],
        "holdings": [
            {"holding_id": n, "subscriber_id": user, "offer_id": MAIN, "first_month": "PRORATE", **since}
            for n, user in enumerate(users, start=1)
        ],
        "accounts": [account(1, 1), account(2, 2), account(3, 3)],
        "relations": [rest(1, 1001, 1), rest(2, 1002, 1), rest(3, 1003, 2)],
    }


def frames(rows: dict[str, Rows]) -> dict[str, pl.DataFrame]:
    """Rows as the frames that `load_base` takes."""
    return {name: pl.DataFrame(table, infer_schema_length=None) for name, table in rows.items()}


@pytest.fixture
def offers(db: None) -> None:
    """Two main offers and a pack, without rules: nothing is rated here."""
    for offer_id, kind, relations in (
        (MAIN, "MAIN", {}),
        (OTHER_MAIN, "MAIN", {}),
        (PACK, "ADDON", {}),
        (EXCLUDING_PACK, "ADDON", {"excludes": [f"OFFER_{PACK}"]}),
        (DEPENDENT_PACK, "ADDON", {"requires": [f"OFFER_{PACK}"]}),
    ):
        names = (f"套餐{offer_id}", f"Offer {offer_id}")
        version = VersionDocument(date(2003, 1, 1), {"relations": relations}, f"{offer_id}", ())
        put_offer(offer=OfferDocument(offer_id, f"OFFER_{offer_id}", kind, "GOTONE", *names, "test", (version,)), at=AT)


@pytest.fixture
def loaded(offers: None) -> None:
    """The small base, loaded."""
    customers.load_base(frames=frames(base()), at=AT)
