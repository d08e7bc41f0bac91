"""Recurring fees of months that were not used whole."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openboss.kernel import periods
from openboss.kernel.periods import OPEN_END, day_number, days_in, first_day
from openboss.kernel.proration import (
    FirstMonth,
    early_end_fee_li,
    fee_of_month_li,
    first_month_grant,
    prorated_li,
    rent_free_days,
)

FIRST = first_day(202611)  # November 2026: 30 days


def fee(mode: FirstMonth, from_day: int, to_day: int = OPEN_END, rent_free: int = 0) -> int:
    return fee_of_month_li(30_000, mode, from_day, to_day, rent_free, FIRST, 30)


def test_thirty_yuan_from_the_fifteenth_of_a_thirty_day_month_is_sixteen() -> None:
    assert fee(FirstMonth.PRORATE, FIRST + 14) == 16_000
    assert prorated_li(30_000, 16, 30) == 16_000


@pytest.mark.parametrize(
    ("mode", "charged_li"),
    [(FirstMonth.PRORATE, 16_000), (FirstMonth.FULL, 30_000), (FirstMonth.HALF, 15_000), (FirstMonth.PAY_AS_YOU_GO, 0)],
)
def test_the_first_month_costs_what_was_chosen_at_opening(mode: FirstMonth, charged_li: int) -> None:
    assert fee(mode, FIRST + 14) == charged_li


def test_the_choice_for_the_first_month_means_nothing_later() -> None:
    assert {fee(mode, FIRST - 100) for mode in FirstMonth} == {30_000}


def test_a_product_that_ends_inside_the_month_pays_its_days() -> None:
    assert fee(FirstMonth.FULL, FIRST - 100, FIRST + 10) == 10_000


def test_days_without_rent_are_not_charged() -> None:
    assert fee(FirstMonth.PRORATE, FIRST - 100, rent_free=0b11111) == 25_000


@pytest.mark.parametrize(("left", "fee_li"), [(12, 600_000), (5, 250_000), (1, 50_000), (0, 0), (-3, 0)])
def test_ending_a_contract_early_costs_the_cycles_that_are_left(left: int, fee_li: int) -> None:
    assert early_end_fee_li(600_000, left, 12) == fee_li


def test_prorated_free_resources_are_rounded_up() -> None:
    assert first_month_grant(170, FirstMonth.PRORATE, 16, 30) == 91


@given(st.dates(dt.date(1970, 1, 1), dt.date(2199, 12, 31)))
def test_day_numbers_agree_with_the_calendar(day: dt.date) -> None:
    assert day_number(day.year, day.month, day.day) == (day - dt.date(1970, 1, 1)).days


def test_a_cycle_is_a_natural_month() -> None:
    assert [days_in(cycle) for cycle in (202602, 202402, 202610, 202611)] == [28, 29, 31, 30]
    assert periods.next_cycle(202612) == 202701
    assert periods.previous_cycle(202701) == 202612


@given(start=st.integers(1, 30), first=st.integers(0, 10**9))
def test_the_days_before_and_after_a_change_add_up_to_the_month_within_a_fen(start: int, first: int) -> None:
    before, after = prorated_li(first, start, 30), prorated_li(first, 30 - start, 30)
    assert abs(before + after - first) <= 15


def test_arrears_free_the_rent_of_whole_months_only_and_other_stops_by_the_day() -> None:
    def masks(whole_month_only: bool, from_day: int, to_day: int) -> int:
        columns = (np.array([value]) for value in (0, whole_month_only, from_day, to_day))
        return int(rent_free_days(*columns, 1, FIRST, 30)[0])

    assert masks(True, FIRST - 40, FIRST + 10) == 0
    assert masks(True, FIRST - 40, OPEN_END) == 2**30 - 1
    assert masks(False, FIRST + 25, OPEN_END) == 0b11111 << 25
