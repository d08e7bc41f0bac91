"""Bills as PDF: each customer's layout and language."""

from datetime import date

import pytest

from openboss.modules.billing import functions as billing
from openboss.modules.billing.functions.bill_document import bill_content
from openboss.modules.catalog import functions as catalog
from openboss.modules.catalog.atomic import put_offer
from openboss.modules.system.atomic import put_parameter
from tests.modules.billing import example_month as month
from tests.modules.billing.example_month import OCTOBER, OPENED_AT, free, used

YOUNG = """
offer: YOUNG_9
offer_id: 999
names: {zh: 青春9元, en: Young 9}
kind: MAIN
brand: YOUNG
versions:
- from: 2020-01-01
  recurring: [{rule: RENT, item: RENT, fee: "9.00", first_month: FULL, names: {zh: 月租, en: Rent}}]
"""


@pytest.fixture
def bill_id(db: None, request: pytest.FixtureRequest) -> int:
    month.open_operator()
    month.load_customer([("GOTONE_98", OPENED_AT, None)], layout=getattr(request, "param", "STANDARD"))
    calls = used("LOCAL", "GOTONE_98", "OVER", 12_000, calls=90, units=30, free_units=170, std_li=80_000)
    long_distance = used("LD_DOM", "STANDARD", "LD", 770, calls=0, units=11)
    return month.bill_month(OCTOBER, [calls, long_distance], [free("GOTONE_98", "MIN", 170, 170)])


@pytest.mark.requirement("ACP-16")
@pytest.mark.parametrize(
    ("bill_id", "sections"),
    [("BRIEF", ["summary"]), ("STANDARD", ["summary", "users"]), ("DETAILED", ["summary", "details"])],
    indirect=["bill_id"],
)
def test_a_bill_has_the_sections_its_account_asked_for_and_no_others(bill_id: int, sections: list[str]) -> None:
    content = bill_content(bill_id)
    assert [name for name in ("summary", "users", "details") if content[name]] == sections


def test_a_bill_shows_standard_fee_savings_and_what_is_due(bill_id: int) -> None:
    content = bill_content(bill_id, "en")
    assert (content["standard"], content["saved"], content["total"]) == ("178.77", "−68.00", "110.77")
    (user,) = content["users"]
    assert user["free"] == [
        {"name": "Minutes at home and in the province", "percent": 100, "text": "170 min / 170 min"}
    ]
    assert content["facts"][3]["value"] == "2026100000000031"
    assert "trial" in content["notice"]


@pytest.mark.requirement("ACP-20")
@pytest.mark.django_db
def test_a_new_brand_and_its_plan_are_on_the_bill_without_a_change_of_the_template() -> None:
    month.open_operator()
    items = {item.code for item in catalog.bill_item_types()}
    young = catalog.read_text(YOUNG, name="young", item_codes=items, limits=[])
    put_offer(offer=young, at=OPENED_AT)
    put_parameter(key="brand.YOUNG", value={"zh": "青春", "en": "Young"}, from_on=date(2026, 1, 1), at=OPENED_AT)
    month.load_customer([("YOUNG_9", OPENED_AT, None)])
    bill_id = month.bill_month(OCTOBER, [], [])
    assert [user["title"].split("  ")[1] for user in bill_content(bill_id, "zh")["users"]] == ["青春 · 青春9元"]
    assert [user["title"].split("  ")[1] for user in bill_content(bill_id, "en")["users"]] == ["Young · Young 9"]
    assert billing.bill_pdf(bill_id, "zh").startswith(b"%PDF")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_bill_prints_as_pdf_with_our_own_font(bill_id: int, language: str) -> None:
    printed = billing.bill_pdf(bill_id, language)
    assert printed.startswith(b"%PDF")
    assert b"OpenBOSSSans" in printed
    assert printed == billing.bill_pdf(bill_id, language), "the same bill prints the same bytes"
