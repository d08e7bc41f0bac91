"""A customer says how much they want and gets one price; a price by the class of the customer (BMT-06, CHG-10)."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from openboss.modules.catalog import functions as catalog
from openboss.processes.build_plan import TooMuchWanted, _pack, build_plan
from openboss.processes.quote import cases_of, differences, quote

ROOT = Path(__file__).parents[2]
ON = date(2026, 11, 1)


@pytest.fixture
def packs(db: Any) -> None:
    """The packs of the example operator."""
    at = datetime(2026, 10, 1, tzinfo=UTC)
    catalog.import_reference(ROOT / "example" / "reference", at=at)
    catalog.import_tariffs(ROOT / "example" / "tariffs", at=at)


@pytest.mark.requirement("BMT-06")
@pytest.mark.usefixtures("packs")
def test_200_minutes_100_messages_and_500_mb_have_one_price() -> None:
    built = build_plan(minutes=200, messages=100, mb=500, on=ON)
    assert [pack.code for pack in built.packs] == ["VOICE_PACK_200", "SMS_PACK_10", "DATA_PACK_50"]
    assert built.fee_fen == 3500 + 1000 + 5000


@pytest.mark.usefixtures("packs")
def test_two_small_packs_are_taken_where_they_are_cheaper_than_a_large_one() -> None:
    built = build_plan(minutes=0, messages=0, mb=160, on=ON)
    assert [(pack.code, pack.fee_fen) for pack in built.packs] == [("DATA_PACK_2", 200), ("DATA_PACK_20", 2000)]
    assert build_plan(minutes=300, messages=0, mb=0, on=ON).fee_fen == 5500
    assert build_plan(minutes=0, messages=0, mb=0, on=ON).fee_fen == 0


@pytest.mark.usefixtures("packs")
def test_a_pack_whose_price_is_without_tax_costs_its_price_with_it() -> None:
    pack = next(one for one in catalog.offers_on_sale(ON) if one.code == "DATA_PACK_20")
    untaxed = {**pack.document, "tax": {"percent": "6", "prices": "EXCLUSIVE"}}
    built = _pack(replace(pack, document=untaxed))
    assert built is not None
    assert built.fee_fen == 2120


@pytest.mark.usefixtures("packs")
def test_more_than_all_packs_give_is_refused() -> None:
    with pytest.raises(TooMuchWanted):
        build_plan(minutes=301, messages=0, mb=0, on=ON)


@pytest.mark.requirement("CHG-10")
def test_the_same_call_is_charged_by_the_class_of_the_customer_when_it_is_rated() -> None:
    vectors = ROOT / "tests" / "vectors" / "tariffs"
    for case in cases_of(yaml.safe_load((vectors / "classes.yaml").read_text(encoding="utf-8"))):
        answer = quote(case, reference=ROOT / "example" / "reference", beside=vectors)
        assert differences(case["expect"], answer) == []
