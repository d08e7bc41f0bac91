"""What a tariff document can say, each way of saying it with an exact charge (docs/formats/tariffs.md)."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from openboss.kernel.records import rate_records
from openboss.kernel.tariffs import FOREVER_S
from openboss.kernel.trace import (
    NO_TRACE,
    TRACE_BAND,
    TRACE_CONNECT,
    TRACE_FREE,
    TRACE_PRICE,
    TRACE_ROUND,
    TRACE_STANDARD,
    TRACE_STEP,
    empty_trace,
)
from openboss.kernel.usage import LdType, RecordType, RoamType, text_id
from openboss.modules.catalog.compiler import compile_tariffs
from openboss.modules.charging.engine import rating, state
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.engine.state import EngineState

from .conftest import ITEMS, Version, chunk, image, local_s, record, versions

ME, MATE, MINE, MATES, OTHER = 11, 12, 8613900000001, 8613900000002, 8613900000003
MB = 1024 * 1024
ABROAD = 1_000_000
CALL, DATA, SMS = {"record": ["MOC"]}, {"record": ["DATA"]}, {"record": ["SMS_MO"]}
HOLIDAYS = [date(2026, 10, 1)]


def price(rule="P", *, item="LOCAL", when=CALL, component="basic", **fields):
    return {"rule": rule, "component": component, "when": when, "item": item, **fields}


def free(rule="F", *, scope, unit="MIN", granted=10, **fields):
    return {"rule": rule, "unit": unit, "granted": granted, "scope": scope, **fields}


class World:
    """Two users in one group on one offer, in an engine of their own."""

    def __init__(self, *rules, offers=None, holdings=None, friends=(), holders=(ME, MATE), cycles=(202610,), **version):
        sections = {"prices": [], "free": [], "caps": []}
        for rule in rules:
            section = "caps" if "items" in rule else "free" if "granted" in rule else "prices"
            sections[section].append(rule)
        document = {**sections, **version}
        made = [*versions(), Version(50, "OFFER", "ADDON", date(2003, 1, 1), document)]
        made[-1].rule_ids = {rule["rule"]: 500 + place for place, rule in enumerate(rules)}
        self.rule_ids = made[-1].rule_ids
        self.state = EngineState(tables=compile_tariffs(made, ITEMS, holidays=HOLIDAYS))
        users = {
            user: {"number": number, "offers": [50] if user in holders else [4], "groups": [7]}
            for user, number in ((ME, MINE), (MATE, MATES))
        }
        base = image(users)
        if holdings:
            base = base._replace(holdings=pl.DataFrame(holdings, schema=dict(base.holdings.schema), orient="row"))
        span = {"from_local_s": pl.Int64, "to_local_s": pl.Int64}
        listed = [(ME, number, 0, FOREVER_S) for number in friends]
        schema = {"subscriber_id": pl.Int64, "number": pl.Int64, **span}
        self.state.apply_image(base._replace(friends=pl.DataFrame(listed, schema=schema, orient="row")))
        for cycle in cycles:
            self.state.open_cycle(cycle)
        self.results = []

    def rate(self, *records):
        """Rate records in order; return what each costs, basic and long distance together, in li."""
        charged = []
        for row in records:
            result = rate_chunk(self.state, chunk(row), position=1, threads=1)
            assert (result.error, result.duplicate) == (0, 0), result.errors
            self.results.append(result)
            detail = result.detail
            charged.append(detail["act_basic_li"][0] + detail["act_ld_li"][0])
        return charged


def call(seconds, start="2026-10-12 12:00:00", served=MINE, **known):
    return record(served, start, duration_s=seconds, other_number=known.pop("other_number", OTHER), **known)


def data(kb, start="2026-10-12 12:00:00", served=MINE, **known):
    return record(served, start, RecordType.DATA, down_bytes=kb * 1024, **known)


def text(start="2026-10-12 12:00:00", count=1):
    return record(MINE, start, RecordType.SMS_MO, message_count=count)


# --- inside one event ------------------------------------------------------------------------------------------------


def test_a_connect_fee_is_charged_once_for_an_event_that_is_charged_for_anything():
    world = World(price(unit="6 s", price="0.01", connect="0.15"), free(scope=CALL, granted=1))
    assert world.rate(call(60), call(61), call(6)) == [0, 150 + 11 * 10, 160]


def test_a_first_period_at_one_price_then_minutes():
    steps = [{"to": "180 s", "unit": "180 s", "price": "0.22"}, {"unit": "60 s", "price": "0.11"}]
    world = World(price(steps=steps))
    assert world.rate(call(1), call(180), call(181), call(241), call(3600)) == [220, 220, 330, 440, 220 + 57 * 110]


def test_free_minutes_take_the_beginning_of_an_event_and_steps_go_on_from_there():
    steps = [{"to": "3 MIN", "unit": "1 MIN", "price": "0.30"}, {"unit": "1 MIN", "price": "0.10"}]
    world = World(price(steps=steps), free(scope=CALL, granted=2))
    assert world.rate(call(300)) == [300 + 2 * 100]  # minute 3 at 0.30, minutes 4 and 5 at 0.10


def test_an_event_is_charged_for_at_least_a_minute_and_what_is_free_counts():
    world = World(price(unit="1 s", price="0.005", at_least="60 s"))
    assert world.rate(call(10), call(60), call(61)) == [300, 300, 305]
    world = World(price(unit="1 s", price="0.005", at_least="120 s"), free(scope=CALL, granted=1))
    assert world.rate(call(70)) == [300]  # 60 s are free, the rest is charged up to 120 s


def test_an_event_costs_no_less_and_no_more_than_its_limits():
    world = World(price(unit="1 s", price="0.01", min_charge="0.30", max_charge="2.00"))
    assert world.rate(call(1), call(100), call(500)) == [300, 1000, 2000]


@pytest.mark.parametrize(
    ("rounding", "charged_li"),
    [
        ({"mode": "HALF_UP", "place": "0.001"}, 13),
        ({"mode": "HALF_EVEN", "place": "0.001"}, 12),
        ({"mode": "UP", "place": "0.01"}, 20),
        ({"mode": "DOWN", "place": "0.01"}, 10),
        ({"mode": "UP", "place": "0.10"}, 100),
        (None, 13),
    ],
)
def test_a_charge_of_12_and_a_half_li_is_rounded_as_the_price_says(rounding, charged_li):
    world = World(price(unit="1 s", price="0.00125", **({"rounding": rounding} if rounding else {})))
    assert world.rate(call(10)) == [charged_li]


def test_a_step_may_be_rounded_by_itself_before_the_sum():
    up = {"mode": "UP", "place": "0.01"}
    steps = [{"to": "10 s", "unit": "1 s", "price": "0.00125", "rounding": up}, {"unit": "1 s", "price": "0.0012"}]
    assert World(price(steps=steps)).rate(call(15)) == [20 + 6]


def test_prices_have_six_decimals():
    assert World(price(unit="1 s", price="0.000001")).rate(call(499), call(500)) == [0, 1]


@pytest.mark.parametrize("seconds", [60, 3600])
def test_a_long_call_takes_the_same_number_of_steps_as_a_short_one(seconds):
    world = World(price(unit="1 s", price="0.001"))
    assert world.rate(call(seconds)) == [seconds]


# --- time ------------------------------------------------------------------------------------------------------------

WEEKEND = {"days": ["SAT", "SUN"], "price": "0.20"}
HOLIDAY = {"days": ["HOLIDAY"], "from": "08:00", "to": "20:00", "price": "0.05"}
NIGHT = {"from": "22:00", "to": "06:00", "price": "0.10"}


@pytest.mark.parametrize(
    ("start", "li"),
    [
        ("2026-10-12 12:00:00", 400),  # Monday
        ("2026-10-12 22:00:00", 100),
        ("2026-10-13 05:59:59", 100),
        ("2026-10-10 12:00:00", 200),  # Saturday
        ("2026-10-10 23:00:00", 200),  # the weekend stands before the night
        ("2026-10-01 12:00:00", 50),  # a holiday, a Thursday
        ("2026-10-01 20:00:00", 400),
        ("2026-10-01 23:00:00", 100),
    ],
)
def test_the_first_band_that_holds_gives_the_price(start, li):
    world = World(price(unit="60 s", price="0.40", bands=[HOLIDAY, WEEKEND, NIGHT]))
    assert world.rate(call(60, start)) == [li]


def test_a_call_from_friday_into_saturday_is_cut_minute_by_minute():
    world = World(price(unit="60 s", price="0.40", bands=[WEEKEND]))
    assert world.rate(call(240, "2026-10-09 23:58:30")) == [2 * 400 + 2 * 200]


def test_a_night_band_on_fridays_means_both_ends_of_friday():
    world = World(price(unit="60 s", price="0.40", bands=[{"days": ["FRI"], **NIGHT}]))
    starts = ["2026-10-09 01:00:00", "2026-10-09 23:00:00", "2026-10-10 01:00:00"]
    assert world.rate(*(call(60, start) for start in starts)) == [100, 100, 400]


def test_the_night_is_two_hours_later_in_xinjiang():
    world = World(price(unit="60 s", price="0.40", bands=[NIGHT]))
    assert world.rate(call(60, "2026-10-12 22:30:00", band_shift_s=7200)) == [400]
    assert world.rate(call(60, "2026-10-12 07:30:00", band_shift_s=7200)) == [100]


def test_a_message_belongs_whole_to_the_band_in_which_it_was_sent():
    world = World(price(item="SMS", when=SMS, unit="1 MSG", price="0.10", bands=[{**NIGHT, "price": "0.05"}]))
    assert world.rate(text("2026-10-12 23:00:00", 3), text()) == [150, 100]


# --- over a period ---------------------------------------------------------------------------------------------------

TIERS = [{"from": 0, "price": "0.10"}, {"from": 5, "price": "0.08"}, {"from": 10, "price": "0.05"}]


def test_graduated_tiers_price_each_unit_by_its_tier():
    world = World(price(item="SMS", when=SMS, unit="1 MSG", basis="CYCLE", price="0.10", tiers=TIERS))
    assert world.rate(text(count=5), text(count=3), text(count=4)) == [500, 240, 2 * 80 + 2 * 50]


def test_volume_tiers_price_all_units_by_the_tier_reached_and_give_back_what_was_dearer():
    world = World(
        price(item="SMS", when=SMS, unit="1 MSG", basis="CYCLE", price="0.10", tiers=TIERS, tier_mode="VOLUME")
    )
    charged = world.rate(text(count=5), text(count=1), text(count=5))
    assert charged == [500, 480 - 500, 550 - 480]
    assert sum(charged) == 11 * 50


def test_a_tier_may_have_a_fee_once_and_then_a_price():
    tiers = [{"from": 0, "flat": "5.00", "price": "0"}, {"from": 100, "price": "0.10"}]
    world = World(price(item="SMS", when=SMS, unit="1 MSG", basis="CYCLE", price="0", tiers=tiers))
    assert world.rate(text(count=1), text(count=99), text(count=2)) == [5000, 0, 200]


def test_packages_of_3_mb_stack_and_17_8_mb_in_one_place_cost_six_of_them():
    tiers = [{"from": 0, "block": "3 MB", "block_price": "3.00"}, {"from": "30 MB", "price": "0"}]
    world = World(price(item="DATA_DOM", when=DATA, unit="1 KB", basis="DAY", by="VISITED", price="0", tiers=tiers))
    taiwan = {"roam_type": RoamType.INTL_OUT, "visited_area": ABROAD + 886}
    assert sum(world.rate(data(18_000, **taiwan), data(227, **taiwan))) == 18_000  # 17.8 MB = 18 227 KB (D5.8)
    japan = {"roam_type": RoamType.INTL_OUT, "visited_area": ABROAD + 81}
    assert world.rate(data(1, **japan), data(100 * 1024, **japan)) == [3000, 27_000]  # ten packages a place and day
    assert world.rate(data(1, "2026-10-13 00:00:00", **japan)) == [3000]


@pytest.mark.parametrize(("mb", "li"), [(34, 9_860), (60, 10_000), (134, 19_860), (300, 30_000)])
def test_the_step_pack_bounds_every_block(mb, li):
    tiers = [{"from": 0, "block": "100 MB", "block_cap": "10.00", "price": "0.29", "per": "1 MB"}]
    world = World(price(item="DATA_DOM", when=DATA, unit="1 KB", basis="CYCLE", price="0.29", per="1 MB", tiers=tiers))
    assert sum(world.rate(data(10 * 1024), data((mb - 10) * 1024))) == li


def test_a_price_for_a_day_is_due_at_its_first_event():
    world = World(price(item="DATA_DOM", when=DATA, unit="1 DAY", price="1.00"))
    assert world.rate(data(5), data(7), data(1, "2026-10-13 00:00:00")) == [1000, 0, 1000]


@pytest.mark.parametrize(
    ("basis", "same", "new"),
    [
        ("DAY", "2026-10-12 23:59:59", "2026-10-13 00:00:00"),
        ("CYCLE", "2026-10-31 23:59:59", "2026-11-01 00:00:00"),
        ("QUARTER", "2026-12-31 23:59:59", "2027-01-01 00:00:00"),
        ("YEAR", "2026-12-31 23:59:59", "2027-01-01 00:00:00"),
    ],
)
def test_units_are_counted_over_a_day_a_cycle_a_quarter_or_a_year(basis, same, new):
    tiers = [{"from": 0, "price": "0.10"}, {"from": 1, "price": "0.01"}]
    first = World(price(item="SMS", when=SMS, unit="1 MSG", basis=basis, price="0.10", tiers=tiers), cycles=(202610,))
    for cycle in (202611, 202612):
        first.state.open_cycle(cycle)
    assert first.rate(text(), text(same)) == [100, 10]
    if new.startswith("2027"):
        first.state.freeze_cycle(202610)
        first.state.open_cycle(202701)
    assert first.rate(text(new)) == [100]


def test_a_contract_counts_from_the_day_the_offer_was_taken():
    tiers = [{"from": 0, "price": "0.10"}, {"from": 1, "price": "0.01"}]
    rule = price(item="SMS", when=SMS, unit="1 MSG", basis="CONTRACT", price="0.10", tiers=tiers)
    first, second = local_s("2026-10-01"), local_s("2026-10-20")
    world = World(rule, holdings=[(ME, 50, 0, first, second), (ME, 50, 0, second, FOREVER_S)])
    assert world.rate(text(), text(), text("2026-10-20 00:00:00")) == [100, 10, 100]


def test_prices_may_share_a_counter():
    tiers = [{"from": 0, "price": "0.10"}, {"from": 2, "price": "0.01"}]
    shared = {"item": "SMS", "unit": "1 MSG", "price": "0.10", "tiers": tiers, "counter": "ALL"}
    world = World(
        price("SENT", when=SMS, **shared),
        price("MMS", when={"record": ["SMS_MO"], "net": ["CUCC"]}, **shared),
        counters={"ALL": {"over": "CYCLE"}},
    )
    assert world.rate(text(count=2), text()) == [200, 10]


def test_a_pool_counts_the_units_of_all_its_users():
    tiers = [{"from": 0, "price": "0.10"}, {"from": 1, "price": "0.01"}]
    world = World(price(unit="60 s", price="0.10", basis="CYCLE", counts="POOL", tiers=tiers))
    assert world.rate(call(60), call(60, served=MATES), call(60)) == [100, 10, 10]


# --- place and party -------------------------------------------------------------------------------------------------


def test_the_longest_prefix_over_all_zones_decides():
    zones = {"ASIA": ["81", "82"], "ASIA_DEAR": ["8170"], "AMERICA": ["1"]}
    world = World(
        price("DEAR", when={**CALL, "zone": ["ASIA_DEAR"]}, unit="60 s", price="3.00"),
        price("ASIA", when={**CALL, "zone": ["ASIA"]}, unit="60 s", price="1.00"),
        price("REST", unit="60 s", price="0.40"),
        zones=zones,
    )
    called = [81_30_1234, 81_70_1234, 82_2_12345, 1_202_5551234, 0]
    assert world.rate(*(call(60, other_number=number) for number in called)) == [1000, 3000, 1000, 400, 400]


@pytest.mark.parametrize(
    ("when", "matching", "other"),
    [
        ({"number": ["8610"]}, {"other_number": 861012345678}, {"other_number": 862112345678}),
        ({"numbers": [10086]}, {"other_number": 10086}, {"other_number": 100860}),
        ({"area": [10, 21]}, {"other_area": 21}, {"other_area": 20}),
        ({"country": [852]}, {"other_area": ABROAD + 852}, {"other_area": 852}),
        ({"home": [571]}, {"home_area": 571}, {"home_area": 10}),
        ({"visited": [10]}, {"visited_area": 10}, {"visited_area": 21}),
        ({"visited_country": [81]}, {"visited_area": ABROAD + 81}, {"visited_area": ABROAD + 82}),
        ({"sp": [901001]}, {"sp_code": 901001}, {"sp_code": 901002}),
        ({"friends": True}, {"other_number": OTHER}, {"other_number": OTHER + 1}),
        ({"days": ["WEEKEND"]}, {"start": "2026-10-11 12:00:00"}, {"start": "2026-10-12 12:00:00"}),
        ({"days": ["HOLIDAY"]}, {"start": "2026-10-01 12:00:00"}, {"start": "2026-10-02 12:00:00"}),
        ({"hours": ["22:00-06:00"]}, {"start": "2026-10-12 05:59:59"}, {"start": "2026-10-12 06:00:00"}),
        ({"group": ["VPMN"]}, {"other_number": MATES}, {"other_number": OTHER}),
    ],
)
def test_a_price_looks_at_more_than_the_class_of_use(when, matching, other):
    world = World(
        price("SPECIAL", when={**CALL, **when}, unit="60 s", price="0.10"),
        price("REST", unit="60 s", price="0.40"),
        friends=[OTHER],
    )
    assert world.rate(call(60, **matching), call(60, **other)) == [100, 400]


def test_names_of_access_points_and_services_are_compared_without_regard_to_case():
    assert text_id("CMNET") == text_id("cmnet") != text_id("cmwap") > 0
    assert text_id("") == 0


# --- free resources --------------------------------------------------------------------------------------------------


def test_roaming_uses_three_units_for_one():
    scope = [{"record": ["DATA"], "roam": ["HOME"]}, {"record": ["DATA"], "roam": ["INTL_OUT"], "factor": "3"}]
    world = World(
        price(item="DATA_DOM", when=DATA, unit="1 KB", price="0.01"), free(unit="KB", granted=100, scope=scope)
    )
    roaming = {"roam_type": RoamType.INTL_OUT}
    assert world.rate(data(10), data(20, **roaming), data(20, **roaming)) == [0, 0, 100]  # 10 + 60 + 30 used


def test_volume_granted_in_mb_uses_a_begun_mb_whole():
    world = World(price(item="DATA_DOM", when=DATA, unit="1 KB", price="0.01"), free(unit="MB", granted=2, scope=DATA))
    assert world.rate(data(1), data(1), data(1)) == [0, 0, 10]


def test_seconds_and_minutes_cover_a_call_one_after_the_other():
    world = World(
        price(unit="60 s", price="0.40"),
        free("SECONDS", unit="s", granted=90, scope=CALL, priority=1),
        free("MINUTES", unit="MIN", granted=1, scope=CALL, priority=2),
    )
    assert world.rate(call(200)) == [400]  # 90 s, then 60 s, then 50 s are charged


def test_free_money_pays_what_an_event_costs():
    world = World(price(unit="60 s", price="0.40"), free(unit="YUAN", granted="1.00", scope=CALL))
    assert world.rate(call(60), call(60), call(60), call(60)) == [0, 0, 200, 400]


def test_a_blocked_overflow_is_not_charged():
    world = World(price(unit="60 s", price="0.40"), free(granted=2, scope=CALL, overflow="BLOCK"))
    assert world.rate(call(60), call(300), call(60)) == [0, 0, 0]


def test_all_users_of_a_pool_draw_on_what_it_was_given_each_up_to_a_limit():
    world = World(
        price(unit="60 s", price="0.40"),
        free(granted=10, scope=CALL, share={"by": "POOL", "per_user": 6}),
        holders=(ME,),
    )
    assert world.rate(call(300), call(300, served=MATES)) == [0, 0]
    assert world.rate(call(120)) == [800]  # nothing is left of the ten minutes
    world = World(price(unit="60 s", price="0.40"), free(granted=10, scope=CALL, share={"by": "POOL", "per_user": 3}))
    assert world.rate(call(300), call(300, served=MATES)) == [800, 800]  # what both gave is there, but three each


def test_what_every_holder_gives_to_a_pool_adds_up():
    world = World(price(unit="60 s", price="0.40"), free(granted=2, scope=CALL, share={"by": "POOL"}))
    assert world.rate(call(240), call(60, served=MATES)) == [0, 400]


def test_a_resource_of_seven_days_ends_at_its_second_and_one_of_months_at_its_day():
    taken = local_s("2026-10-10 10:00:00")
    held = [(ME, 50, 0, taken, FOREVER_S)]
    week = free("WEEK", granted=100, scope=CALL, grant="ONCE", valid={"days": 7})
    world = World(price(unit="60 s", price="0.40"), week, holdings=held)
    assert world.rate(call(60, "2026-10-17 09:59:59"), call(60, "2026-10-17 10:00:00")) == [0, 400]
    months = free("MONTHS", granted=3, scope=CALL, grant="ONCE", valid={"months": 1})
    world = World(price(unit="60 s", price="0.40"), months, holdings=held, cycles=(202610, 202611))
    assert world.rate(call(120, "2026-10-31 12:00:00")) == [0]
    assert world.rate(call(120, "2026-11-10 09:59:59")) == [400]  # given once: one minute was left
    assert world.rate(call(60, "2026-11-10 10:00:00")) == [400]


def test_instalments_stop_after_their_number():
    taken = local_s("2026-10-10 10:00:00")
    rule = free(granted=1, scope=CALL, instalments=2, prorate=False)
    world = World(
        price(unit="60 s", price="0.40"), rule, holdings=[(ME, 50, 1, taken, FOREVER_S)],
        cycles=(202610, 202611, 202612),
    )  # fmt: skip
    assert world.rate(*(call(60, f"2026-{month}-15 12:00:00") for month in (10, 11, 12))) == [0, 0, 400]


def test_what_is_left_lives_on_for_three_cycles():
    rule = free(granted=10, scope=CALL, carry_over={"cycles": 3}, instalments=1)
    held = [(ME, 50, 0, local_s("2026-10-01"), FOREVER_S)]
    world = World(price(unit="60 s", price="0.40"), rule, holdings=held)
    assert world.rate(call(60)) == [0]
    for cycle in (202610, 202611, 202612):
        world.state.freeze_cycle(cycle)
    assert world.rate(call(120, "2027-01-31 23:59:59")) == [0]
    world.state.freeze_cycle(202701)
    assert world.rate(call(60, "2027-02-01 00:00:00")) == [400]


# --- caps ------------------------------------------------------------------------------------------------------------


def test_items_under_one_cap_cost_no_more_together():
    world = World(
        price("CALLS", unit="60 s", price="1.00"),
        price("TEXTS", item="SMS", when=SMS, unit="1 MSG", price="1.00"),
        {"rule": "CAP", "items": ["LOCAL", "SMS"], "cap": "3.00"},
    )
    assert world.rate(call(120), text(count=2), text()) == [2000, 1000, 0]


def test_a_cap_of_a_day_begins_anew_the_next_day():
    world = World(price(unit="60 s", price="1.00"), {"rule": "CAP", "items": ["LOCAL"], "cap": "1.50", "over": "DAY"})
    assert world.rate(call(60), call(60), call(60), call(60, "2026-10-13 12:00:00")) == [1000, 500, 0, 1000]


def test_a_volume_closes_the_service():
    cap = {"rule": "CAP", "items": ["DATA_DOM"], "cap": "1.00", "closes_at": "1 MB"}
    world = World(price(item="DATA_DOM", when=DATA, unit="1 KB", price="0.01"), cap)
    assert world.rate(data(1000), data(24), data(5)) == [1000, 0, 0]
    world = World(price(item="DATA_DOM", when=DATA, unit="1 KB", price="0.01"), {**cap, "cap": "500.00"})
    assert world.rate(data(1000), data(24), data(5)) == [10_000, 240, 0]


def test_long_distance_may_be_priced_by_the_minute_with_a_connect_fee_of_its_own():
    rule = price(item="LD_DOM", unit="60 s", price="0.19", connect="0.10", component="ld")
    world = World(rule)
    far = {"ld_type": LdType.INTER_PROV_LD}
    assert world.rate(call(61, **far)) == [380 + 100]


def test_more_counters_than_there_is_room_for_are_made_room_for(monkeypatch):
    monkeypatch.setattr(state, "COUNTER_STEP", 8)
    world = World(price(item="VPMN_CALL", unit="1 DAY", by="VISITED", price="1.00"))
    rows = [call(1, visited_area=place) for place in range(1, 101)]
    result = rate_chunk(world.state, chunk(*rows), position=1, threads=2)
    assert result.detail["act_basic_li"].to_list() == [1000] * 100


# --- before use ------------------------------------------------------------------------------------------------------


def asked(world, row, trace=NO_TRACE):
    """What a record would come to, as the online engine asks: nothing is kept."""
    columns = {name: np.array([value], np.int64) for name, value in row.items()}
    rated = rating.empty_rated(1)
    rated.row[:] = world.state.row_of[ME]
    world.state.make_room([1, 1, 1, 1])
    known = (world.state.tables, world.state.directory, tuple(world.state.lanes), world.state.cycles)
    rate_records(*known, rating.usage_of(columns), rated, np.zeros(1, np.int64), trace, 0)
    return rated


def test_a_quote_is_what_rating_charges_then_and_changes_nothing():
    steps = [{"to": "180 s", "unit": "180 s", "price": "0.22"}, {"unit": "6 s", "price": "0.011"}]
    world = World(price(steps=steps, connect="0.10"), free(scope=CALL, granted=1))
    before = world.state.digest()
    quoted = [int(asked(world, call(seconds)).act_li.sum()) for seconds in (60, 61, 180, 181, 3600)]
    assert quoted == [0, 320, 320, 331, 320 + 570 * 11]
    assert world.state.digest() == before
    assert world.rate(call(186)) == [331]


def test_a_quote_says_what_a_resource_does_not_allow():
    world = World(price(unit="60 s", price="0.40"), free(granted=2, scope=CALL, overflow="BLOCK"))
    assert [int(asked(world, call(seconds)).blocked[0]) for seconds in (120, 121)] == [0, 1]


def test_a_trace_says_how_a_charge_came_about():
    world = World(price(unit="60 s", price="0.40", connect="0.10", bands=[NIGHT]), free(scope=CALL, granted=1))
    trace = empty_trace(64)
    assert asked(world, call(240, "2026-10-12 21:58:00"), trace).act_li.sum() == 100 + 400 + 2 * 100
    rows = [tuple(row) for row in trace.rows[: trace.written[0], 1:].tolist()]
    rule, minutes = world.rule_ids["P"], world.rule_ids["F"]
    assert [row[1:] for row in rows if row[0] == 0] == [
        (TRACE_PRICE, rule, *rows[0][3:]),
        (TRACE_FREE, minutes, 1, 60, 0),
        (TRACE_CONNECT, 100, 1, 0, 0),
        (TRACE_STEP, 60, 240, 3, 400),
        *(row[1:] for row in rows if row[:2] == (0, TRACE_BAND)),
        (TRACE_ROUND, 700, 1, 1, 700),
        (TRACE_STANDARD, 4, 1600, 700, 0),
    ]
    assert [row[3] for row in rows if row[:2] == (0, TRACE_BAND)] == [2]
