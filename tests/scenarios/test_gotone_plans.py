"""The seven plans of GoTone, approved once and sold everywhere."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from openboss.modules.catalog.functions import (
    import_reference,
    import_tariffs,
    offers,
    offers_at,
    reference_frames,
)
from openboss.modules.customers import functions as customers
from openboss.modules.customers.schema import FRAMES

EXAMPLE = Path(__file__).parents[2] / "example"
AT = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = {30: 0, 98: 170, 168: 330, 268: 600, 388: 1000, 568: 1700, 788: 2588}  # D5.2
LEVELS = tuple(MINUTES)


@pytest.fixture
def areas(db: None, tmp_path: Path, settings: Any) -> list[int]:
    """One area of each province, in an operator with one customer and one account for each."""
    settings.LAKE_DIR = tmp_path
    import_reference(EXAMPLE / "reference", at=AT)
    import_tariffs(EXAMPLE / "tariffs", at=AT)
    areas = reference_frames()["areas"].group_by("province").agg(pl.col("area").min()).sort("province")["area"]
    person = {
        "kind": "INDIVIDUAL", "name": "陈静", "pinyin": "chen jing", "initials": "cj", "cert_type": "ID_CARD",
        "born_on": date(1990, 1, 1), "customer_class": "ORDINARY", "vip_level": "NONE", "org_code": "17",
        "created_on": date(2026, 1, 1),
    }  # fmt: skip
    account = {"pay_method": "CASH", "language": "zh", "layout": "STANDARD"}
    rows = {
        "customers": [{"customer_id": area, "cert_no": f"{area:018}", **person} for area in areas],
        "accounts": [{"account_id": area, "customer_id": area, **account} for area in areas],
    }
    frames = {name: pl.DataFrame(found, schema=FRAMES[name]) for name, found in rows.items()}
    customers.load_base(frames=frames, at=AT)
    return areas.to_list()


@pytest.mark.requirement("CHG-29", "IND-41")
def test_the_seven_plans_load_are_ordered_in_every_province_and_their_users_counted(areas: list[int]) -> None:
    plans = {offer.offer_id: offer.code for offer in offers()}
    ids = {level: next(one for one, code in plans.items() if code == f"GOTONE_{level}") for level in LEVELS}
    in_force = {version.offer_id: version.document for version in offers_at(AT.date())}
    for level, offer_id in ids.items():
        document = in_force[offer_id]
        assert [rule["fee"] for rule in document["recurring"]] == [f"{level}.00"]
        assert sum(rule["granted"] for rule in document.get("free", [])) == MINUTES[level]

    assert len(areas) == 31
    for place, area in enumerate(areas):
        user = _open(area, ids[LEVELS[0]], place)
        for month, level in enumerate([*LEVELS[1:], LEVELS[place % 7]], 1):
            from_at = AT + timedelta(days=31 * month)
            customers.change_main_offer(
                subscriber_id=user, offer_id=ids[level], from_at=from_at, at=from_at, staff_id=None
            )

    each_month = [AT + timedelta(days=31 * month) for month in range(8)]
    found = [customers.holders_by_offer(at=moment) for moment in each_month]
    assert found[:7] == [{ids[level]: 31} for level in LEVELS]
    assert found[7] == {ids[level]: 5 if place < 3 else 4 for place, level in enumerate(LEVELS)}


def _open(area: int, offer_id: int, place: int) -> int:
    return customers.open_subscriber(
        customer_id=area, account_id=area, service_type="MOBILE", brand="GOTONE", home_area=area, pay_type="POSTPAID",
        number=8613571001000 + place, iccid=f"{place:020}", imsi=460000000001000 + place, main_offer_id=offer_id,
        first_month="PRORATE", at=AT, staff_id=None,
    )  # fmt: skip
