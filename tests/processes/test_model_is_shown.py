"""Everything the tariff model says it can express is shown by a case with an exact amount (issue 3, section 1)."""

import re

import pytest

from tests.processes.test_quote_vectors import FILES, ROOT, answer, cases

TABLE = re.compile(r"^\| (?P<what>[^|]+) \| (?P<written>[^|]+) \| (?P<case>[^|]+) \| (?P<production>[^|]+) \|$", re.M)
PAGE = ROOT / "docs" / "formats" / "tariffs.md"
CASES = {case["name"]: case for file in FILES for case in cases(file)}


def rows() -> list[re.Match[str]]:
    text = PAGE.read_text(encoding="utf-8")
    return list(TABLE.finditer(text[text.index("## What the model can say") :]))[1:]


def test_every_line_of_the_model_names_a_case_and_tests_that_are_there() -> None:
    found = rows()
    assert len(found) > 50
    assert [row["case"] for row in found if row["case"] not in CASES] == []
    tests = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    named = [name for row in found for name in re.findall(r"`(test_\w+)`", row["production"])]
    assert [name for name in named if f"def {name}(" not in tests] == []


def events(name: str) -> list[str]:
    """What the events of a case cost."""
    return [event["actual"] for event in answer(CASES[name])["events"]]


def due(name: str) -> dict[str, str]:
    """What stands on the bill of a case, by item."""
    accounts = answer(CASES[name])["bill"]["accounts"]
    return {item["item"]: item["due"] for account in accounts for item in account["items"]}


def units(name: str) -> list[dict[str, tuple[int, int]]]:
    """Units charged for and covered, by component, of each event of a case."""
    return [
        {charge["component"]: (charge["units"], charge["free_units"]) for charge in event["charges"]}
        for event in answer(CASES[name])["events"]
    ]


@pytest.mark.requirement("CHG-15")
def test_61_s_are_two_minutes_and_eleven_units_of_long_distance():
    (used,) = units("before 2010 a long-distance call bears the local fee and the long-distance fee")
    assert used == {"basic": (2, 0), "ld": (11, 0)}


@pytest.mark.requirement("CHG-30")
def test_of_ten_local_five_roaming_at_home_and_four_minutes_elsewhere_fifteen_are_free():
    used = units("GoTone minutes cover home and province, not the rest of the country")
    assert [one["basic"] for one in used] == [(0, 10), (0, 5), (4, 0)]


@pytest.mark.requirement("ACP-10")
def test_of_200_minutes_170_are_free_and_30_charged():
    (used,) = units("170 minutes are free of 200, 30 are charged")
    assert used["basic"] == (30, 170)


@pytest.mark.requirement("BMT-01")
def test_both_versions_of_the_long_distance_price_meet_at_midnight_of_2010():
    names = (
        "the last second of 2009 is priced by the old regime",
        "the first second of 2010 is priced by the new regime",
    )
    assert [events(name) for name in names] == [["0.83"], ["0.40"]]


@pytest.mark.requirement("ACP-08")
def test_400_minutes_at_040_above_300_at_half_price_come_to_140():
    assert due("400 minutes at 0.40, half price above 300, marginal, come to 140.00")["LOCAL"] == "140.00"


@pytest.mark.requirement("ACP-09")
def test_at_60_local_calls_of_50_become_40_and_at_59_they_stay():
    assert due("from the age of 60 local calls cost 20 % less")["LOCAL"] == "40.00"
    assert due("a user of 59 pays local calls in full")["LOCAL"] == "50.00"


@pytest.mark.requirement("ACP-12")
def test_broadband_of_50_takes_10_off_the_rent_of_58():
    assert due("broadband of 50 takes 10.00 off the mobile rent of the same account")["RENT"] == "48.00"


@pytest.mark.requirement("ACP-13")
def test_of_96_90_and_95_the_cap_is_chosen_and_what_lost_is_recorded():
    bill = answer(CASES["of three discounts that exclude one another the cheapest for the customer acts"])["bill"]
    tried = {choice["rule"].split("/")[1]: (choice["chosen"], choice["payable"]) for choice in bill["discounts"]}
    assert tried == {"A_PERCENT": (False, "96.00"), "B_CAP": (True, "90.00"), "C_AMOUNT": (False, "95.00")}
    assert bill["accounts"][0]["total"] == "90.00"


@pytest.mark.requirement("ACP-22")
def test_five_phases_act_in_their_order():
    bill = answer(CASES["a bill shows five phases in their order, free resources first and the minimum last"])["bill"]
    left, order = 10_00, []
    for choice in sorted(bill["discounts"], key=lambda choice: choice["phase"]):
        left += choice["effect_li"] // 10
        order.append((choice["phase"], left))
    assert order == [("P3", 800), ("P5", 700), ("P6", 500), ("P7", 600)]
    used = answer(CASES["a bill shows five phases in their order, free resources first and the minimum last"])["events"]
    assert [(one["actual"], one["free"][0]["units"]) for one in used] == [("10.00", 10)]  # free resources came first


@pytest.mark.requirement("BMT-02")
def test_a_bill_of_32_10_with_a_minimum_of_50_gets_a_supplement_of_17_90():
    bill = due("a bill of 32.10 is filled up to the minimum of 50.00 by 17.90")
    assert bill == {"RENT": "32.10", "MIN_SUPPLEMENT": "17.90"}


@pytest.mark.requirement("CHG-35")
def test_a_video_call_of_61_s_costs_1_20_by_a_price_alone():
    assert events("a video call of 61 s costs 1.20 by a price alone") == ["1.20"]


@pytest.mark.requirement("ACP-25")
def test_900_incoming_minutes_cost_nothing_with_unlimited_incoming():
    case = "unlimited incoming for 10.00 makes 900 minutes cost nothing"
    assert set(events(case)) == {"0.00"}
    assert answer(CASES[case])["bill"]["accounts"][0]["total"] == "10.00"
