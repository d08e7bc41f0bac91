"""A catalog with two bill items and one limit, and a way to write tariff files."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from openboss.modules.catalog import functions as catalog

AT = datetime(2026, 9, 1, tzinfo=UTC)

BILL_ITEMS = """\
item_id,code,name_zh,name_en,group_code,group_zh,group_en,sort_order,is_comm,is_voice,is_vas,is_third,no_discount,report_group
11,LOCAL,本地通话费,Local calls,G2_VOICE,语音,Calls,201,1,1,0,0,0,LOCAL
1,RENT,月租费,Monthly rent,G1_FIXED,固定,Fixed,101,0,0,0,0,0,RENT
12,LD_DOM,国内长途费,Domestic long distance,G2_VOICE,语音,Calls,202,1,1,0,0,0,LONG_DISTANCE
16,ROAM_CALL,漫游通话费,Roaming calls,G2_VOICE,语音,Calls,206,1,1,0,0,0,ROAMING
"""
LIMITS = """\
- {name: domestic roaming, component: basic, when: {record: [MOC], roam: [INTER_PROV_OUT]}, per: 60 s,
   max: "0.60", from: "2008-03-01", to: null}
- {name: local floor, component: basic, when: {record: [MOC], roam: [HOME]}, per: 60 s,
   min: "0.10", from: "2003-01-01", to: "2014-01-01"}
"""
PLAN = """\
offer: {code}
offer_id: {offer_id}
names: {{zh: 测试套餐, en: Test plan}}
kind: {kind}
brand: GOTONE
source: test
versions:
{versions}
"""
VERSION = """\
- from: {day}
  recurring:
  - {{rule: RENT, item: RENT, fee: "50.00", first_month: PRORATE, names: {{zh: 月租, en: Rent}}}}
  prices:
  - {{rule: OUT, component: basic, when: {{record: [MOC], roam: [{roam}]}}, item: {item}, unit: 60 s, price: {price},
     names: {{zh: 主叫, en: Calls made}}}}
"""


@pytest.fixture
def reference(db: None, tmp_path: Path, settings: Any) -> Path:
    """Bill items and limits are loaded; the lake is the test's own."""
    settings.LAKE_DIR = tmp_path / "lake"
    folder = tmp_path / "reference"
    folder.mkdir()
    (folder / "bill_items.csv").write_text(BILL_ITEMS, encoding="utf-8")
    (folder / "tariff_limits.yaml").write_text(LIMITS, encoding="utf-8")
    catalog.import_reference(folder, at=AT)
    return folder


@pytest.fixture
def plan(reference: Path, tmp_path: Path) -> Callable[..., dict[str, int]]:
    """Write one tariff file with versions {day: price} and load it."""
    folder = tmp_path / "tariffs"
    folder.mkdir()

    def load(
        versions: dict[str, str],
        *,
        roam: str = "HOME",
        item: str = "LOCAL",
        kind: str = "MAIN",
        code: str = "PLAN",
        offer_id: int = 102,
    ) -> dict[str, int]:
        parts = [VERSION.format(day=day, price=price, roam=roam, item=item) for day, price in versions.items()]
        text = PLAN.format(code=code, offer_id=offer_id, kind=kind, versions="".join(parts))
        (folder / f"{code.lower()}.yaml").write_text(text, encoding="utf-8")
        return catalog.import_tariffs(folder, at=AT)

    return load
