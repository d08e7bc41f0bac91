"""Discounts: the worked examples of the trade and what always holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openboss.kernel.discounts import Effect, Measure, Phase, TierMode, discount_users
from tests.kernel.discount_rules import Rule, discount_one, tables_of

RENT, CALLS, DATA, MORE = range(4)
HALF, FIFTH = 500_000, 200_000


@pytest.mark.requirement("ACP-08")
@pytest.mark.parametrize(("mode", "due_li"), [(TierMode.MARGINAL, 140_000), (TierMode.RETROACTIVE, 80_000)])
def test_calls_above_three_hundred_minutes_at_half_price(mode: TierMode, due_li: int) -> None:
    rule = Rule(1, Phase.ITEM, Effect.TIERS, (CALLS,), mode=mode, steps=((300, HALF),))
    due, _, _ = discount_one([0, 160_000, 0, 0], [rule], [0, 400, 0, 0])
    assert due == [0, due_li, 0, 0]


def test_a_volume_below_the_tier_is_not_discounted() -> None:
    rule = Rule(1, Phase.ITEM, Effect.TIERS, (CALLS,), steps=((300, HALF),))
    assert discount_one([0, 120_000, 0, 0], [rule], [0, 300, 0, 0])[0][CALLS] == 120_000


def test_tiers_may_count_money() -> None:
    rule = Rule(1, Phase.BILL, Effect.TIERS, (RENT, CALLS), measure=Measure.AMOUNT, steps=((100_000, FIFTH),))
    assert discount_one([50_000, 150_000, 0, 0], [rule])[0] == [45_000, 135_000, 0, 0]


def test_a_data_cap_holds_the_bill_at_the_cap() -> None:
    rule = Rule(1, Phase.CAP, Effect.CAP, (DATA,), value=500_000)
    assert discount_one([0, 0, 812_300, 0], [rule])[0] == [0, 0, 500_000, 0]


def test_a_cap_over_several_items_is_kept_to_the_fen() -> None:
    rule = Rule(1, Phase.CAP, Effect.CAP, (RENT, CALLS, DATA), value=100_000)
    due, _, _ = discount_one([33_333, 99_999, 123_457, 0], [rule])
    assert sum(due) == 100_000
    assert all(li % 10 == 0 for li in due)


@pytest.mark.requirement("ACP-13")
def test_of_discounts_that_exclude_one_another_the_lowest_bill_wins_and_the_choice_is_recorded() -> None:
    rules = [
        Rule(11, Phase.ITEM, Effect.PERCENT, (CALLS,), value=FIFTH, group=0),
        Rule(12, Phase.CAP, Effect.CAP, (CALLS,), value=90_000, group=0),
        Rule(13, Phase.ITEM, Effect.AMOUNT, (CALLS,), value=25_000, group=0),
    ]
    due, choices, tables = discount_one([0, 120_000, 0, 0], rules)
    assert sum(due) == 90_000
    recorded = {
        int(tables.rule_id[r]): (bool(c), int(p))
        for r, c, p in zip(choices.rule, choices.chosen, choices.payable_li, strict=True)
    }
    assert recorded == {11: (False, 96_000), 12: (True, 90_000), 13: (False, 95_000)}


def test_a_tie_goes_to_the_lower_priority_number() -> None:
    rules = [
        Rule(1, Phase.ITEM, Effect.PERCENT, (CALLS,), value=HALF, group=0, priority=20),
        Rule(2, Phase.CAP, Effect.CAP, (CALLS,), value=50_000, group=0, priority=10),
    ]
    _, choices, tables = discount_one([0, 100_000, 0, 0], rules)
    assert int(tables.rule_id[choices.rule[choices.chosen == 1][0]]) == 2


def test_groups_with_shared_targets_are_chosen_together() -> None:
    """Alone each group would take its larger discount; together the second choice of one group is better."""
    rules = [
        Rule(1, Phase.ITEM, Effect.PERCENT, (RENT, CALLS), value=HALF, group=0),
        Rule(2, Phase.ITEM, Effect.AMOUNT, (RENT,), value=90_000, group=0),
        Rule(3, Phase.CAP, Effect.CAP, (CALLS,), value=40_000, group=1),
        Rule(4, Phase.ITEM, Effect.AMOUNT, (CALLS,), value=10_000, group=1),
    ]
    due, _, _ = discount_one([100_000, 100_000, 0, 0], rules, clusters=[[0, 1]])
    assert due == [10_000, 40_000, 0, 0]


def test_phases_act_in_order_whatever_the_order_of_the_rules() -> None:
    rules = [
        Rule(1, Phase.MINIMUM, Effect.MINIMUM, (RENT, CALLS), value=60_000),
        Rule(2, Phase.CAP, Effect.CAP, (CALLS,), value=30_000),
        Rule(3, Phase.BILL, Effect.PERCENT, (RENT, CALLS), value=FIFTH),
        Rule(4, Phase.ITEM, Effect.PERCENT, (CALLS,), value=HALF),
    ]
    due, choices, tables = discount_one([20_000, 100_000, 0, 0], rules)
    assert due == [16_000, 30_000, 0, 14_000]
    assert [int(tables.phase[r]) for r in choices.rule] == [3, 5, 5, 6, 7]


def test_of_two_minimums_the_higher_counts_and_not_the_sum() -> None:
    rules = [Rule(n, Phase.MINIMUM, Effect.MINIMUM, (RENT, CALLS), value=v) for n, v in ((1, 50_000), (2, 80_000))]
    assert discount_one([20_000, 10_000, 0, 0], rules)[0] == [20_000, 10_000, 0, 50_000]


def test_a_discount_never_goes_below_zero() -> None:
    assert discount_one([5_000, 0, 0, 0], [Rule(1, Phase.ITEM, Effect.AMOUNT, (RENT,), value=9_000)])[0][RENT] == 0


def test_too_many_combinations_are_solved_group_by_group_with_a_warning() -> None:
    rules = [
        Rule(10 * g + n, Phase.ITEM, Effect.AMOUNT, (RENT, CALLS), value=1_000 * n, group=g)
        for g in range(5)
        for n in range(1, 5)
    ]
    tables = tables_of(rules, 4, [[0, 1, 2, 3, 4]])
    act_li = np.array([[100_000, 0, 0, 0]], np.int64)
    due_li, _, warnings = discount_users(act_li, np.zeros_like(act_li), np.ones((1, 20), np.bool_), tables, 3)
    assert (due_li[0, 0], warnings) == (80_000, 1)


RULES = st.builds(
    Rule,
    rule_id=st.integers(1, 99),
    phase=st.sampled_from([Phase.ITEM, Phase.CROSS, Phase.BILL, Phase.CAP]),
    effect=st.sampled_from([Effect.PERCENT, Effect.AMOUNT, Effect.FIXED, Effect.CAP, Effect.TIERS]),
    items=st.sets(st.integers(0, 2), min_size=1).map(tuple),
    value=st.integers(0, 1_000_000),
    group=st.integers(-1, 2),
    steps=st.just(((10, 100_000), (50, 900_000))),
)


@settings(max_examples=150, deadline=None)
@given(act=st.lists(st.integers(0, 300_000), min_size=4, max_size=4), rules=st.lists(RULES, min_size=1, max_size=7))
def test_what_is_due_is_what_was_charged_plus_the_effects_recorded(act: list[int], rules: list[Rule]) -> None:
    due, choices, _ = discount_one(act, rules, [7, 60, 0, 0], clusters=[[0, 1, 2]])
    assert sum(due) == sum(act) + int(choices.effect_li[choices.chosen == 1].sum())
    assert all(0 <= after <= before for after, before in zip(due, act, strict=True))
    assert (choices.payable_li[choices.chosen == 0] >= sum(due)).all()
