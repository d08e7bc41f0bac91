# ruff: noqa: DTZ001, DTZ901 -- tariffs are applied to the wall clock, which has no zone
"""The slow calculator itself against the worked examples of the domain rules, on the example operator's tariffs."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from tests.reference.slow_rating import Held, Use, left_over, rate_month

TARIFFS = Path(__file__).parents[2] / "example" / "tariffs"
LONG_AGO = datetime(2003, 1, 1)
MB = 1024 * 1024


def document(code):
    return yaml.safe_load((TARIFFS / f"{code.lower()}.yaml").read_text(encoding="utf-8"))


def month_of(records, *offers, month, **more):
    held = [Held(document(code), LONG_AGO) for code in offers]
    return rate_month(document("STANDARD"), held, records, month=month, **more)


def charged_li(totals, item=None):
    return sum(total.act_li for (code, _), total in totals.items() if item in (None, code))


def minutes(count, each_min, month, **more):
    return [Use("MOC", datetime(month.year, month.month, 1 + i % 27, 10), each_min * 60, **more) for i in range(count)]


def data(kb_each, month, count=1):
    return [
        Use("DATA", datetime(month.year, month.month, 1 + i % 27, 20), volume_bytes=kb_each * 1024)
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("at", "duration_s", "li"),
    [
        (datetime(2005, 5, 10, 12), 61, 1570),  # 2 x 0.40 + 11 x 0.07
        (datetime(2005, 5, 10, 2), 61, 1240),  # 2 x 0.40 + 11 x 0.04
        (datetime(2012, 5, 10, 12), 61, 770),  # one long-distance fee since 2010
        (datetime(2012, 5, 10, 6, 59, 50), 30, 290),  # 2 x 0.04 + 3 x 0.07
        (datetime(2012, 5, 10, 12), 2, 0),
        (datetime(2012, 5, 10, 12), 3, 70),
    ],
)
def test_a_long_distance_call_by_date_and_hour(at, duration_s, li):
    totals = month_of([Use("MOC", at, duration_s, ld="INTER_PROV_LD")], month=at.date())
    assert charged_li(totals) == li


def test_night_begins_two_hours_later_in_xinjiang():
    at = datetime(2012, 5, 10, 8, 59, 50)
    call = Use("MOC", at, 30, roam="INTER_PROV_OUT", ld="INTER_PROV_LD", band_shift_s=7200)
    totals = month_of([call], month=at.date())
    assert (charged_li(totals, "ROAM_CALL"), charged_li(totals, "ROAM_LD")) == (600, 290)


def test_gotone_98_with_200_local_and_10_roaming_minutes_costs_18_beyond_the_rent():
    month = date(2009, 5, 1)
    totals = month_of(minutes(20, 10, month) + minutes(1, 10, month, roam="INTER_PROV_OUT"), "GOTONE_98", month=month)
    assert charged_li(totals, "LOCAL") == 30 * 400
    assert charged_li(totals, "ROAM_CALL") == 10 * 600
    assert totals["LOCAL", "GOTONE_98/OVER"].free_units == 170


def test_local_88_with_500_minutes_and_40_mb_costs_6_70_beyond_the_fee():
    month = date(2026, 9, 1)
    totals = month_of(minutes(20, 25, month) + data(2048, month, 20), "GOTONE_LOCAL_88", month=month)
    assert (charged_li(totals, "LOCAL"), charged_li(totals, "DATA_DOM")) == (3800, 2900)


@pytest.mark.parametrize(("mb", "li"), [(34, 9860), (60, 10_000), (100, 10_000), (134, 19_860), (300, 30_000)])
def test_the_step_pack_costs_ten_a_hundred_mb(mb, li):
    month = date(2026, 9, 1)
    totals = month_of(data(1024, month, mb), "DATA_STEP_10", "EASYOWN_STANDARD", month=month)
    assert charged_li(totals, "DATA_DOM") == li


def test_data_worth_812_30_is_capped_at_500():
    month = date(2026, 9, 1)
    totals = month_of(data(143_413, month, 20), "EASYOWN_STANDARD", month=month)
    assert charged_li(totals, "DATA_DOM") == 500_000
    assert sum(total.std_li for total in totals.values()) == 812_300


def test_what_is_left_of_a_month_is_used_first_in_the_next_and_then_lost():
    month, gb = date(2026, 11, 1), 1024
    held = [Held(document("DATA_PACK_100"), LONG_AGO)]
    october = data(1024, date(2026, 10, 1), 2 * gb - 300)
    left = left_over(document("STANDARD"), held, october, month=date(2026, 10, 1))
    assert left == {"DATA_PACK_100/DATA_FREE": 300 * 1024}
    november = data(1024, month, 2 * gb + 301)
    totals = rate_month(document("STANDARD"), held, november, month=month, carried=left)
    assert charged_li(totals) == 290


def test_a_first_month_has_free_minutes_by_days_rounded_up():
    month = date(2026, 9, 1)
    held = [Held(document("GOTONE_98"), datetime(2026, 9, 15, 10))]
    calls = [Use("MOC", datetime(2026, 9, 20, 10) + timedelta(hours=i), 600) for i in range(10)]
    totals = rate_month(document("STANDARD"), held, calls, month=month)
    assert totals["LOCAL", "GOTONE_98/OVER"].free_units == 91  # 170 x 16 / 30 = 90.67
    assert charged_li(totals) == 9 * 400


def test_calls_inside_a_closed_group_cost_nothing_within_its_minutes_and_8_fen_beyond():
    month = date(2026, 9, 1)
    totals = month_of(minutes(27, 40, month, group="VPMN"), "VPMN_5", "UNIT_LINE_50", month=month)
    assert charged_li(totals) == (27 * 40 - 1000) * 80


def test_a_premium_plans_data_costs_5_a_gb_and_3_after_the_third():
    month = date(2026, 9, 1)
    over = [Use("DATA", datetime(2026, 9, 2, i), volume_bytes=1024 * MB) for i in range(5)]
    full = [Use("DATA", datetime(2026, 9, 1, 0), volume_bytes=40 * 1024 * MB)]
    totals = month_of(full + over, "GOTONE_PREMIUM_288", month=month)
    assert charged_li(totals, "DATA_DOM") == 3 * 5000 + 2 * 3000


def test_domestic_minutes_cover_roaming_and_long_distance_alike():
    month = date(2026, 9, 1)
    calls = minutes(3, 10, month, ld="INTER_PROV_LD") + minutes(3, 10, month, roam="INTER_PROV_OUT", ld="INTER_PROV_LD")
    totals = month_of(calls, "GOTONE_BUSINESS_58", month=month)
    assert charged_li(totals) == 10 * 250  # 50 of 60 minutes are free
