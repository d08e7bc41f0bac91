"""The example operator is whole: tables agree with each other, documents with the items, people with the rules."""

import csv
from collections import Counter
from pathlib import Path

import pytest
import yaml

from openboss.modules.catalog.documents import read_document

EXAMPLE = Path(__file__).parents[2] / "example"
REFERENCE, TARIFFS = EXAMPLE / "reference", EXAMPLE / "tariffs"


def table(name):
    with (REFERENCE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def documents():
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(TARIFFS.glob("*.yaml"))]


def test_every_tariff_document_is_accepted_and_its_file_is_named_after_the_offer():
    codes = {row["code"] for row in table("bill_items")}
    for path in TARIFFS.glob("*.yaml"):
        offer = read_document(path, item_codes=codes, limits=[])
        assert path.stem == offer.code.lower()
        assert offer.source, offer.code


def test_offer_ids_are_unique_and_small_enough_to_index_by():
    ids = [document["offer_id"] for document in documents()]
    assert len(set(ids)) == len(ids)
    assert all(0 < offer_id < 1000 for offer_id in ids)


def test_every_name_is_given_in_chinese_and_english():
    for document in documents():
        rules = [
            rule
            for version in document["versions"]
            for section in ("recurring", "free", "prices", "caps", "discounts")
            for rule in version.get(section) or []
        ]
        for names in [document["names"], *(rule["names"] for rule in rules)]:
            assert any("\u4e00" <= sign <= "\u9fff" for sign in names["zh"]), names
            assert names["en"].isascii(), names


def test_the_seven_gotone_plans_have_the_fees_the_group_fixed():
    fees = {
        document["offer"]: document["versions"][0]["recurring"][0]["fee"]
        for document in documents()
        if document["versions"][0]["from"].year == 2003 and document["offer"].startswith("GOTONE_")
    }
    assert sorted(fees.values(), key=float) == ["30.00", "98.00", "168.00", "268.00", "388.00", "568.00", "788.00"]


@pytest.mark.requirement("ACP-06")
def test_40_bill_items_belong_to_one_of_7_display_groups_and_one_of_12_report_groups():
    everything = table("bill_items")
    assert len({item["code"] for item in everything}) == len({item["item_id"] for item in everything}) == 42
    items = [item for item in everything if item["code"] not in ("PACK_HALF", "PACK_YEAR")]  # the operator's own
    assert len(items) == 40
    assert len({item["group_code"] for item in items}) == 7
    assert len({item["report_group"] for item in items}) == 12
    assert all(item["group_code"] and item["report_group"] for item in everything)


def test_the_late_fee_is_settled_first_and_what_is_collected_for_others_last():
    items = sorted(table("bill_items"), key=lambda item: int(item["sort_order"]))
    assert items[0]["code"] == "LATE_FEE"
    assert [item["group_code"] for item in items[-3:]] == ["G6_THIRD"] * 3


def test_prefixes_name_known_areas_and_no_prefix_stands_twice():
    areas = {row["area"] for row in table("areas")} | {"0"}
    prefixes = table("number_prefixes")
    assert {row["area"] for row in prefixes} <= areas
    assert not [prefix for prefix, count in Counter(row["prefix"] for row in prefixes).items() if count > 1]


def test_there_are_31_provinces_one_home_and_two_with_a_later_night():
    areas = table("areas")
    assert len({row["province"] for row in areas}) == 31
    assert {row["province_en"] for row in areas if row["is_home"] == "1"} == {"Hubei"}
    assert {row["province_en"] for row in areas if row["band_shift_s"] == "7200"} == {"Tibet", "Xinjiang"}
    assert len({row["name_zh"] for row in areas}) == len(areas)


def test_sixteen_countries_have_a_night_price():
    listed = [row for row in table("countries") if row["ld_type"] == "INTL_LISTED"]
    assert len(listed) + 1 == 16  # code 1 is two countries
    assert {row["country_code"] for row in table("countries") if row["ld_type"] == "HMT"} == {"852", "853", "886"}


def test_every_home_city_has_outlets_and_staff_work_at_places_that_exist():
    tree = yaml.safe_load((REFERENCE / "organisation.yaml").read_text(encoding="utf-8"))
    codes = {node["code"] for node in tree}
    assert all(node["parent"] in codes or node["kind"] == "GROUP" for node in tree)
    cities = {int(row["area"]) for row in table("areas") if row["is_home"] == "1"}
    assert {int(node["code"].split(".")[1]) for node in tree if node["kind"] == "OUTLET"} == cities
    people = yaml.safe_load((REFERENCE / "staff.yaml").read_text(encoding="utf-8"))
    assert {person["org"] for person in people["staff"]} <= codes
    assert {person["role"] for person in people["staff"]} == {role["role"] for role in people["roles"]}
