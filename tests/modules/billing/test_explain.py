"""Why a bill is higher: reasons in both languages that add up to the fen, with rule and records."""

from datetime import UTC, date, datetime

import pytest

from openboss.modules.billing import functions as billing
from openboss.modules.billing.functions.words import Cause
from openboss.modules.catalog import functions as catalog
from openboss.modules.catalog.atomic.life import move_offer
from tests.modules.billing import example_month as month
from tests.modules.billing.example_month import OCTOBER, OPENED_AT, SEPTEMBER, USER, free, used

SINCE_OCTOBER = datetime(2026, 9, 30, 16, tzinfo=UTC)  # 1 October 0:00 in Shanghai


@pytest.fixture
def operator(db: None) -> None:
    month.open_operator()


def calls(minutes_over: int, minutes_free: int) -> dict[str, int]:
    """Local calls on the 98 plan: 0.40 a minute beyond the free minutes."""
    figures = {"calls": 90, "units": minutes_over, "free_units": minutes_free}
    return used("LOCAL", "GOTONE_98", "OVER", minutes_over * 400, **figures, std_li=(minutes_over + minutes_free) * 400)


def reasons_of(bill_id: int) -> dict[Cause, billing.Reason]:
    explanation = billing.explain_bill(bill_id)
    assert sum(reason.delta_fen for reason in explanation.reasons) == explanation.delta_fen
    bars = explanation.bars
    assert [bar.from_fen for bar in bars[1:-1]] == [bar.to_fen for bar in bars[:-2]], "each bar starts where one ended"
    assert bars[-2].to_fen == bars[-1].to_fen == explanation.bill.total_fen
    return {reason.cause: reason for reason in explanation.reasons}


def test_a_higher_bill_is_explained_by_what_was_used_up_and_what_was_added(operator: None) -> None:
    month.load_customer([("GOTONE_98", OPENED_AT, None), ("DATA_PACK_10", SINCE_OCTOBER, None)])
    month.bill_month(SEPTEMBER, [calls(0, 150)], [free("GOTONE_98", "MIN", 170, 150)])
    roaming = used("ROAM_CALL", "STANDARD", "ROAM_OUT", 6_000, calls=3, units=10)
    bill_id = month.bill_month(OCTOBER, [calls(30, 170), roaming], [free("GOTONE_98", "MIN", 170, 170)])
    reasons = reasons_of(bill_id)
    assert {cause: one.delta_fen for cause, one in reasons.items()} == {
        Cause.FREE_USED_UP: 1_200,
        Cause.PRODUCT_ADDED: 1_000,
        Cause.ROAMING: 600,
    }
    used_up = reasons[Cause.FREE_USED_UP]
    assert "超出 30 分钟（本月共 90 次、200 分钟，上月 90 次、150 分钟）" in used_up.sentence.zh
    assert "30 min beyond it" in used_up.sentence.en
    assert used_up.rule is not None
    assert (used_up.rule.offer.en, used_up.rule.names.en) == ("GoTone 98", "Calls beyond the plan")
    assert used_up.records == billing.RecordsOf(USER, OCTOBER, used_up.item_id, used_up.rule.rule_id)
    assert billing.explain_bill(bill_id).summary.en.startswith("28.00 yuan more than last month, mainly: Local calls")
    assert billing.explain_bill(bill_id).bill.total_fen == 9_800 + 1_000 + 1_200 + 600


def test_a_product_given_up_and_a_discount_lost_lower_and_raise_a_bill(operator: None) -> None:
    month.load_customer([("GOTONE_98", OPENED_AT, None), ("VIP_CLUB", OPENED_AT, SINCE_OCTOBER)])
    month.bill_month(SEPTEMBER, [calls(100, 170)], [free("GOTONE_98", "MIN", 170, 170)])
    reasons = reasons_of(month.bill_month(OCTOBER, [calls(100, 170)], [free("GOTONE_98", "MIN", 170, 170)]))
    lost = reasons[Cause.DISCOUNT_LOST]
    assert (lost.delta_fen, lost.sentence.zh) == (400, "不再适用“金卡通话费九折”（上月 -4.00 元）")


def test_the_first_bill_of_an_account_says_so(operator: None) -> None:
    month.load_customer([("GOTONE_98", OPENED_AT, None)])
    explanation = billing.explain_bill(month.bill_month(OCTOBER, [], []))
    assert explanation.previous is None
    assert explanation.summary.zh == "这是该账户的第一张账单。"


@pytest.mark.requirement("ACP-22")
def test_the_trace_shows_free_resources_unit_prices_item_and_bill_discounts_caps_and_minimum_in_order(
    operator: None,
) -> None:
    month.load_customer(
        [
            ("GOTONE_98", OPENED_AT, None),
            ("VIP_CLUB", OPENED_AT, None),
            ("BEST_OF_THREE", OPENED_AT, None),
            ("MINIMUM_198", OPENED_AT, None),
        ]
    )
    data = used("DATA_DOM", "STANDARD", "DATA", 600_000, calls=9, units=2_000_000)
    bill_id = month.bill_month(OCTOBER, [calls(30, 170), data], [free("GOTONE_98", "MIN", 170, 170)])
    trace = billing.explain_bill(bill_id).trace
    phases = [step.phase for step in trace]
    assert phases == sorted(phases)
    assert {1, 2, 3, 5, 6, 7} <= set(phases)
    chosen = {step.rule.names.en: step.chosen for step in trace if step.rule and step.phase > 2}
    assert chosen["Use at most 90.00"]
    assert not chosen["Use 20% less"]
    assert not chosen["Use 25.00 less"]
    assert billing.explain_bill(bill_id).bill.total_fen == 19_800


def test_late_records_of_a_user_who_left_are_billed_without_any_monthly_fee(operator: None) -> None:
    left_at = datetime(2026, 9, 20, tzinfo=UTC)
    month.load_customer([("GOTONE_98", OPENED_AT, left_at)], closed_at=left_at)
    bill_id = month.bill_month(OCTOBER, [calls(5, 0)], [])
    assert billing.explain_bill(bill_id).bill.total_fen == 200


@pytest.mark.requirement("BMT-03")
def test_a_plan_off_sale_is_refused_to_buyers_and_billed_to_its_holders(operator: None) -> None:
    month.load_customer([("GOTONE_98", OPENED_AT, None)])
    gotone_98 = next(offer.offer_id for offer in catalog.offers() if offer.code == "GOTONE_98")
    assert catalog.refusals(code="GOTONE_98", buyer=catalog.Buyer(), on=date(2026, 10, 2)) == []
    move_offer(offer_id=gotone_98, life="OFF_SALE", at=OPENED_AT, staff_id=1)
    refused = catalog.refusals(code="GOTONE_98", buyer=catalog.Buyer(), on=date(2026, 10, 2))
    assert [one.code for one in refused] == ["NOT_ON_SALE"]
    assert billing.explain_bill(month.bill_month(OCTOBER, [], [])).bill.total_fen == 9_800
