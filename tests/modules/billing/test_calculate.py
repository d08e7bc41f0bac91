"""From frozen usage to trial bills: the worked examples of the requirements."""

from collections.abc import Callable
from datetime import date

import pytest

from openboss.modules.billing import functions as billing
from openboss.modules.billing.models import BillLine, DiscountChoice
from tests.modules.billing.conftest import AT, Books
from tests.modules.billing.operator import CYCLE, ITEM_ID, Operator, offer, rent

Close = Callable[..., Books]


def discount(items: list[str], effect: dict[str, object], phase: str = "P3", **rest: object) -> dict[str, object]:
    return {"rule": f"D{phase}{len(rest)}", "phase": phase, "items": items, "effect": effect, "priority": 10, **rest}


def test_a_plan_and_usage_make_a_bill(bill: Close) -> None:
    operator = Operator([offer(98, recurring=[rent("98.00")])])
    operator.user(1)
    operator.holds(1, 98)
    operator.used(1, "LOCAL", 12_000)
    operator.used(1, "LD_DOM", 6_000)
    assert bill(operator).total(1) == "116.00"


@pytest.mark.requirement("ACP-09")
def test_the_elderly_card_takes_a_fifth_off_local_calls_from_the_age_of_sixty(bill: Close) -> None:
    card = discount(["LOCAL"], {"percent": "20"}, when={"age_min": 60})
    operator = Operator([offer(203, discounts=[card])])
    for subscriber_id, born_on in ((1, date(1966, 12, 1)), (2, date(1966, 12, 2))):
        operator.user(subscriber_id, born_on=born_on)
        operator.holds(subscriber_id, 203)
        operator.used(subscriber_id, "LOCAL", 50_000)
    books = bill(operator)
    assert (books.total(1), books.total(2)) == ("40.00", "50.00")


def test_a_month_of_birth_and_another_product_open_a_discount(bill: Close) -> None:
    birthday = discount(["LOCAL"], {"percent": "50"}, when={"birthday_month": True})
    both = {**discount(["LOCAL"], {"amount": "10.00"}, when={"holds": ["OFFER_50"]}), "rule": "BOTH", "priority": 20}
    operator = Operator([offer(98, discounts=[birthday, both]), offer(50)])
    for subscriber_id, born_on in ((1, date(1980, CYCLE % 100, 9)), (2, date(1980, CYCLE % 100 % 12 + 1, 9))):
        operator.user(subscriber_id, born_on=born_on)
        operator.holds(subscriber_id, 98)
        operator.used(subscriber_id, "LOCAL", 50_000)
    operator.holds(2, 50)
    books = bill(operator)
    assert (books.total(1), books.total(2)) == ("25.00", "40.00")


@pytest.mark.parametrize(
    ("more", "due"),
    [({"every": 3}, "30.00"), ({"every": 2}, "0.00"), ({"cycles": 9}, "0.00"), ({"cycles": 10}, "30.00")],
)
def test_a_fee_may_be_due_every_few_cycles_or_in_the_first_ones_only(
    bill: Close, more: dict[str, int], due: str
) -> None:
    operator = Operator([offer(98, recurring=[{**rent("30.00"), **more}])])
    operator.user(1)
    year, month = divmod(CYCLE // 100 * 12 + CYCLE % 100 - 1 - 9, 12)
    operator.holds(1, 98, from_on=date(year, month + 1, 1))  # the tenth cycle of the product
    operator.used(1, "LOCAL", 0)
    assert bill(operator).total(1) == due


def test_a_cap_of_a_day_is_not_a_cap_of_the_month(bill: Close) -> None:
    cap = {"rule": "CAP", "items": ["DATA_DOM"], "cap": "5.00", "over": "DAY"}
    operator = Operator([offer(1, "STANDARD", caps=[cap])])
    operator.user(1)
    operator.used(1, "DATA_DOM", 80_000)
    assert bill(operator).total(1) == "80.00"


@pytest.mark.requirement("ACP-11")
def test_over_use_of_data_is_capped_at_five_hundred(bill: Close) -> None:
    operator = Operator([offer(1, "STANDARD", caps=[{"rule": "CAP", "items": ["DATA_DOM"], "cap": "500.00"}])])
    operator.user(1)
    operator.used(1, "DATA_DOM", 812_300)
    assert bill(operator).total(1) == "500.00"


@pytest.mark.requirement("ACP-12")
@pytest.mark.parametrize(("broadband", "due"), [("50.00", "48.00"), ("49.00", "58.00")])
def test_broadband_of_fifty_takes_ten_off_the_rent_of_the_mobile(bill: Close, broadband: str, due: str) -> None:
    when = {"items_sum": {"items": ["BB_FEE"], "scope": "CUSTOMER", "min": "50.00"}}
    operator = Operator(
        [
            offer(58, recurring=[rent("58.00")], discounts=[discount(["RENT"], {"amount": "10.00"}, "P4", when=when)]),
            offer(50, recurring=[rent(broadband, "BB_FEE")]),
        ]
    )
    operator.user(1, customer_id=7)
    operator.user(2, customer_id=7)
    operator.holds(1, 58)
    operator.holds(2, 50)
    assert bill(operator).items(1) == {"RENT": due}


@pytest.mark.requirement("ACP-14")
def test_a_data_pack_is_an_item_of_its_own_beside_the_rent(bill: Close) -> None:
    operator = Operator(
        [offer(58, recurring=[rent("58.00")]), offer(10, "ADDON", recurring=[rent("10.00", "PACK_FEE")])]
    )
    operator.user(1)
    operator.holds(1, 58)
    operator.holds(1, 10)
    assert bill(operator).items(1) == {"PACK_FEE": "10.00", "RENT": "58.00"}


@pytest.mark.requirement("ARC-20")
def test_the_employer_pays_the_rent_and_the_first_hundred_of_calls_of_two_users(bill: Close) -> None:
    operator = Operator([offer(50, recurring=[rent("50.00")])])
    for subscriber_id, calls_li in ((1, 130_000), (2, 80_000)):
        operator.user(subscriber_id)
        operator.holds(subscriber_id, 50)
        operator.used(subscriber_id, "LOCAL", calls_li)
        operator.pays(900, subscriber_id, "FULL", scope="RENT")
        operator.pays(900, subscriber_id, "LIMIT", 10_000, scope="G2_VOICE")
    books = bill(operator)
    assert [books.total(account_id) for account_id in (900, 1, 2)] == ["280.00", "30.00", "0.00"]


def test_half_to_the_unit_leaves_the_odd_fen_with_the_person(bill: Close) -> None:
    operator = Operator()
    operator.user(1)
    operator.used(1, "LOCAL", 100_010)
    operator.pays(900, 1, "RATIO", 5_000)
    books = bill(operator)
    assert (books.total(900), books.total(1)) == ("50.00", "50.01")


def test_a_plan_taken_on_the_fifteenth_pays_sixteen_of_thirty_days(bill: Close) -> None:
    operator = Operator([offer(30, recurring=[rent("30.00")])])
    operator.user(1)
    operator.holds(1, 30, from_on=date(2026, 11, 15))
    assert bill(operator).total(1) == "16.00"


def test_a_change_of_plan_in_mid_month_charges_each_plan_its_days(bill: Close) -> None:
    operator = Operator([offer(30, recurring=[rent("30.00")]), offer(60, recurring=[rent("60.00")])])
    operator.user(1)
    operator.holds(1, 30, to_on=date(2026, 11, 11))
    operator.holds(1, 60, from_on=date(2026, 11, 11))
    assert bill(operator).total(1) == "50.00"
    assert [(line.act_li, line.units) for line in BillLine.objects.filter(cycle=CYCLE)] == [(10_000, 10), (40_000, 20)]


@pytest.mark.parametrize(
    ("reason", "from_on", "to_on", "due"),
    [
        ("OPERATOR", date(2026, 11, 11), None, "10.00"),
        ("REQ_HOLD", date(2026, 10, 1), None, "5.00"),
        ("ARREARS_2", date(2026, 11, 5), None, "30.00"),
        ("ARREARS_2", date(2026, 10, 5), None, "0.00"),
        ("ARREARS_2", date(2026, 10, 5), date(2026, 11, 29), "30.00"),
        ("LOST", date(2026, 10, 5), None, "30.00"),
    ],
)
def test_rent_during_stops(bill: Close, reason: str, from_on: date, to_on: date | None, due: str) -> None:
    operator = Operator(
        [offer(30, recurring=[rent("30.00")]), offer(404, "ADDON", recurring=[rent("5.00", "KEEP_NO", "FULL")])]
    )
    operator.user(1)
    operator.holds(1, 30)
    operator.stopped(1, reason, from_on, to_on)
    if reason == "REQ_HOLD":
        operator.holds(1, 404, from_on=from_on)
    assert bill(operator).total(1) == due


@pytest.mark.requirement("ACP-13")
def test_the_best_of_three_discounts_is_taken_and_the_choice_recorded(bill: Close) -> None:
    group = {"exclusion_group": "BEST3"}
    rules = [
        {**discount(["LOCAL"], {"percent": "20"}, **group), "rule": "A"},
        {**discount(["LOCAL"], {"cap": "90.00"}, "P6", **group), "rule": "B"},
        {**discount(["LOCAL"], {"amount": "25.00"}, "P5", **group), "rule": "C"},
    ]
    operator = Operator([offer(425, "ADDON", discounts=rules)])
    operator.user(1)
    operator.holds(1, 425)
    operator.used(1, "LOCAL", 120_000)
    assert bill(operator).total(1) == "90.00"
    recorded = DiscountChoice.objects.filter(cycle=CYCLE).order_by("rule_id")
    assert [(row.chosen, row.payable_li) for row in recorded] == [(False, 96_000), (True, 90_000), (False, 95_000)]


@pytest.mark.requirement("ACP-08")
@pytest.mark.parametrize(("mode", "due"), [("MARGINAL", "140.00"), ("RETROACTIVE", "80.00")])
def test_calls_above_three_hundred_minutes_at_half_price(bill: Close, mode: str, due: str) -> None:
    tiers = {"mode": mode, "steps": [{"from": 300, "percent": "50"}], "measure": "units"}
    operator = Operator([offer(422, "ADDON", discounts=[discount(["LOCAL"], {"tiers": tiers})])])
    operator.user(1)
    operator.holds(1, 422)
    operator.used(1, "LOCAL", 160_000, units=400)
    assert bill(operator).total(1) == due


def test_a_minimum_spend_is_filled_up_by_a_supplement(bill: Close) -> None:
    minimum = discount(["MIN_SUPPLEMENT"], {"minimum": "68.00"}, "P7")
    operator = Operator([offer(426, "ADDON", discounts=[minimum])])
    operator.user(1)
    operator.holds(1, 426)
    operator.used(1, "LOCAL", 20_000)
    operator.used(1, "SP_INFO", 30_000)
    assert bill(operator).items(1) == {"LOCAL": "20.00", "MIN_SUPPLEMENT": "48.00", "SP_INFO": "30.00"}


@pytest.mark.requirement("ACP-02")
def test_all_five_sources_are_in_the_input_balance(bill: Close) -> None:
    operator = Operator([offer(98, recurring=[rent("98.00")])])
    operator.user(1)
    operator.holds(1, 98)
    operator.used(1, "LOCAL", 12_000)
    operator.used(1, "SP_INFO", 3_000)
    for serial_no, source, item, charge_li in (
        ("a", "ONE_TIME", "ONE_TIME", 50_000),
        ("b", "ADJUSTMENT", "ADJUST", -7_000),
    ):
        billing.post_charge(
            serial_no=serial_no,
            source=source,
            cycle=CYCLE,
            subscriber_id=1,
            item_id=ITEM_ID[item],
            charge_li=charge_li,
            note="",
            staff="li",
            at=AT,
        )
    assert bill(operator).total(1) == "156.00"
    balance = {one.source: (one.line_count, one.line_li) for one in billing.run_status(CYCLE).inputs}
    assert balance == {
        "USAGE": (1, 12_000),
        "RECURRING": (1, 98_000),
        "ONE_TIME": (1, 50_000),
        "THIRD_PARTY": (1, 3_000),
        "ADJUSTMENT": (1, -7_000),
    }


def test_usage_of_a_user_without_default_account_stops_the_bill_run(bill: Close) -> None:
    operator = Operator()
    operator.user(1)
    operator.used(2, "LOCAL", 100)
    with pytest.raises(billing.UsersNotBillable, match="unknown: 2"):
        bill(operator)


def test_parts_keep_families_together(bill: Close) -> None:
    operator = Operator()
    for subscriber_id in range(1, 31):
        operator.user(subscriber_id)
        operator.used(subscriber_id, "LOCAL", 1_000)
        operator.pays(900 + subscriber_id % 10, subscriber_id, "RATIO", 5_000)
    books = bill(operator, part_size=7)
    assert books.total(905) == "1.50"
    assert {step.step: step.parts for step in billing.run_status(CYCLE).steps}["BILL"] == 4
