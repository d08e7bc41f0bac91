"""A user's products change while usage flows: the engine prices by the moment of use."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.functions.engine import engine_lock, recover_engine
from openboss.modules.charging.models import EngineCommand
from openboss.modules.customers.atomic import OfferUnknown
from openboss.modules.customers.models import Holding
from openboss.modules.customers.schema import FRAMES
from openboss.processes import change_products
from openboss.processes.open_operator import open_operator, take_customers_over
from tests.modules.charging.engine.conftest import chunk, record

pytestmark = pytest.mark.django_db(transaction=True)

EXAMPLE = Path(__file__).parents[2] / "example"
EASYOWN_STANDARD, GOTONE_30, DATA_PACK_5 = 202, 101, 302
USER, NUMBER = 7, 8613907110007
OPENED = datetime(2026, 9, 30, 16, tzinfo=UTC)  # 1 October, midnight in Shanghai
TEN = datetime(2026, 10, 15, 2, tzinfo=UTC)  # 10:00 in Shanghai

BASE = {
    "customers": {
        "customer_id": [USER], "kind": ["INDIVIDUAL"], "name": ["王一"], "pinyin": ["wang yi"], "initials": ["wy"],
        "cert_type": ["ID_CARD"], "cert_no": ["990000199001010017"], "born_on": [date(1990, 1, 1)],
        "customer_class": ["ORDINARY"], "vip_level": ["NONE"], "org_code": ["HB"], "created_on": [date(2026, 10, 1)],
    },
    "subscribers": {
        "subscriber_id": [USER], "customer_id": [USER], "service_type": ["MOBILE"], "brand": ["EASYOWN"],
        "home_area": [27], "pay_type": ["POSTPAID"], "opened_at": [OPENED], "closed_at": [None], "star": [0],
    },
    "numbers": {"subscriber_id": [USER], "number": [NUMBER], "from_at": [OPENED], "to_at": [None]},
    "holdings": {
        "holding_id": [1], "subscriber_id": [USER], "offer_id": [EASYOWN_STANDARD], "first_month": ["FULL"],
        "from_at": [OPENED], "to_at": [None],
    },
    "accounts": {
        "account_id": [USER], "customer_id": [USER], "pay_method": ["CASH"], "language": ["zh"], "layout": ["STANDARD"],
    },
    "relations": {
        "relation_id": [1], "subscriber_id": [USER], "account_id": [USER], "item_scope": ["ALL"], "mode": ["REST"],
        "value": [0], "priority": [100], "from_cycle": [202610], "to_cycle": [None],
    },
}  # fmt: skip


@pytest.fixture
def operator(tmp_path, settings):
    """The example operator with one user on the standard prepaid tariff."""
    settings.DATA_DIR, settings.LAKE_DIR = tmp_path, tmp_path / "lake"
    (tmp_path / "base").mkdir()
    for name, columns in BASE.items():
        pl.DataFrame(columns, schema=FRAMES[name]).write_parquet(tmp_path / "base" / f"{name}.parquet")
    open_operator(EXAMPLE, at=OPENED)
    take_customers_over(tmp_path / "base", first_cycle=202610, at=OPENED)


def use(*rows):
    """Let the engine take what waits and rate some records; return the detail in the order given."""
    with engine_lock() as mine:
        assert mine
        owner = recover_engine()
        owner.drain()
        return rate_chunk(owner.state, chunk(*rows), position=owner.position + 1, threads=1).detail.sort("row")


@pytest.mark.requirement("ARC-27")
def test_a_plan_changed_at_ten_prices_the_call_five_seconds_later(operator):
    change_products.change_plan(subscriber_id=USER, offer_id=GOTONE_30, from_at=TEN, at=TEN, staff_id=None)
    before = record(NUMBER, "2026-10-15 09:59:00", duration_s=60)
    after = record(NUMBER, "2026-10-15 10:00:05", duration_s=60)
    assert use(before, after)["act_basic_li"].to_list() == [600, 400]


def test_a_plan_change_waits_for_the_next_month_unless_told_otherwise(operator):
    moment = change_products.change_plan(subscriber_id=USER, offer_id=GOTONE_30, at=TEN, staff_id=None)
    assert moment == datetime(2026, 10, 31, 16, tzinfo=UTC)
    rows = [record(NUMBER, f"{day} 12:00:00", duration_s=60) for day in ("2026-10-31", "2026-11-01")]
    assert use(*rows)["act_basic_li"].to_list() == [600, 400]


def test_a_data_pack_counts_from_the_moment_it_is_ordered_and_ends_with_its_order(operator):
    mb = 2**20
    holding_id = change_products.order_product(
        subscriber_id=USER, offer_id=DATA_PACK_5, from_at=TEN, first_month="FULL", at=TEN, staff_id=None
    )
    noon = datetime(2026, 10, 15, 4, tzinfo=UTC)
    change_products.end_product(subscriber_id=USER, holding_id=holding_id, to_at=noon, at=noon, staff_id=None)
    moments = ("09:00:00", "11:00:00", "13:00:00")
    rows = [record(NUMBER, f"2026-10-15 {moment}", RecordType.DATA, down_bytes=mb) for moment in moments]
    assert use(*rows)["free_units_1"].to_list() == [0, 1024, 0]


def test_an_offer_that_does_not_exist_changes_nothing_and_tells_nobody(operator):
    before = EngineCommand.objects.count(), Holding.objects.count()
    with pytest.raises(OfferUnknown):
        change_products.change_plan(subscriber_id=USER, offer_id=999_999, at=TEN, staff_id=None)
    assert (EngineCommand.objects.count(), Holding.objects.count()) == before
