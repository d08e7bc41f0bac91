"""What the engine makes of chunks of usage: the worked examples of the domain rules."""

import random

import polars as pl
import pytest

from openboss.kernel.usage import LdType, RecordType, RoamType
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.engine.snapshots import load_snapshot, save_snapshot
from openboss.modules.charging.engine.state import EngineState

from .conftest import ITEM_ID, chunk, image, record, rule_id_of

PLAIN = 8613900000002
GOTONE = 8613900000001


def rate(state, *rows, threads=2):
    return rate_chunk(state, chunk(*rows), position=1, threads=threads)


def opened(state, *cycles):
    for cycle in cycles:
        state.open_cycle(cycle)
    return state


@pytest.mark.requirement("CHG-07")
def test_a_61_second_local_call_at_40_cents_is_2_minutes_and_80_cents(engine):
    detail = rate(opened(engine, 201205), record(PLAIN, "2012-05-01 10:00:00", duration_s=61)).detail
    assert detail.select("basic_units", "act_basic_li", "std_basic_li").row(0) == (2, 800, 800)


@pytest.mark.requirement("CHG-16")
def test_a_record_keeps_real_seconds_minutes_and_long_distance_units(engine):
    call = record(PLAIN, "2005-05-01 12:00:00", duration_s=61, ld_type=LdType.INTER_PROV_LD)
    detail = rate(opened(engine, 200505), call).detail
    assert detail.select("duration_s", "basic_units", "ld_units").row(0) == (61, 2, 11)


def test_a_long_distance_call_bears_two_fees_in_2005_and_one_in_2012(engine):
    opened(engine, 200505, 201206)
    rows = [
        record(PLAIN, f"{day} {hour}:00:00", duration_s=61, ld_type=LdType.INTER_PROV_LD)
        for day, hour in (("2005-05-01", "12"), ("2005-05-01", "02"), ("2012-06-01", "12"))
    ]
    detail = rate(engine, *rows).detail.sort("row")
    sums = detail.select(pl.col("act_basic_li") + pl.col("act_ld_li")).to_series().to_list()
    assert sums == [1570, 1240, 770]


@pytest.mark.requirement("CHG-17")
def test_long_distance_under_3_seconds_is_free_but_counts_as_a_call(engine):
    opened(engine, 201205)
    short = record(PLAIN, "2012-05-01 12:00:00", duration_s=2, ld_type=LdType.INTER_PROV_LD)
    three = record(PLAIN, "2012-05-01 12:01:00", duration_s=3, ld_type=LdType.INTER_PROV_LD)
    result = rate(engine, short, three)
    assert (result.free, result.rated) == (1, 1)
    assert result.detail.sort("row")["act_ld_li"].to_list() == [0, 70]
    assert totals(engine, 12, 201205).get_column("calls").sum() == 2


@pytest.mark.requirement("CHG-18")
def test_a_call_to_10086_is_free_and_counts(engine):
    call = record(PLAIN, "2012-05-01 12:00:00", duration_s=300, other_number=10086, free_number=1)
    result = rate(opened(engine, 201205), call)
    assert result.free == 1
    assert totals(engine, 12, 201205).select("calls", "act_li").row(0) == (1, 0)


@pytest.mark.requirement("CHG-25")
def test_roaming_call_and_roaming_long_distance_are_two_items(engine):
    call = record(
        PLAIN,
        "2012-05-01 12:00:00",
        duration_s=61,
        ld_type=LdType.INTER_PROV_LD,
        roam_type=RoamType.INTER_PROV_OUT,
    )
    detail = rate(opened(engine, 201205), call).detail
    assert detail.select("item_basic", "act_basic_li").row(0) == (ITEM_ID["ROAM_CALL"], 1200)
    assert detail.select("item_ld", "act_ld_li").row(0) == (ITEM_ID["ROAM_LD"], 770)


@pytest.mark.requirement("ACP-10")
def test_170_free_minutes_of_200_leave_30_charged(engine):
    rows = [record(GOTONE, f"2012-05-02 {h:02}:{m:02}:00", duration_s=55) for h in range(4) for m in range(50)]
    rate(opened(engine, 201205), *rows)
    local = totals(engine, 11, 201205).row(0, named=True)
    assert (local["free_units"], local["units"], local["act_li"], local["std_li"]) == (170, 30, 12_000, 80_000)


def test_gotone_98_with_200_local_and_10_roaming_minutes_uses_18_yuan(engine):
    local = record(GOTONE, "2012-05-02 10:00:00", duration_s=200 * 60)
    roaming = record(GOTONE, "2012-05-03 10:00:00", duration_s=600, roam_type=RoamType.INTER_PROV_OUT)
    rate(opened(engine, 201205), local, roaming)
    assert totals(engine, 11, 201205)["act_li"].sum() == 30 * 400 + 10 * 600  # with 98.00 rent: 116.00


@pytest.mark.requirement("CHG-30")
def test_free_minutes_cover_home_and_the_own_province_only(engine):
    rows = [
        record(GOTONE, "2012-05-02 10:00:00", duration_s=600),
        record(GOTONE, "2012-05-02 11:00:00", duration_s=300, roam_type=RoamType.INTRA_PROV),
        record(GOTONE, "2012-05-02 12:00:00", duration_s=240, roam_type=RoamType.INTER_PROV_OUT),
    ]
    rate(opened(engine, 201205), *rows)
    found = totals(engine, 11, 201205)
    assert (found["free_units"].sum(), found["units"].sum()) == (15, 4)


@pytest.mark.requirement("ACP-11")
def test_data_worth_812_yuan_costs_500(engine):
    kb = 812_300 * 1024 // 290
    rows = [
        record(PLAIN, f"2012-05-{day:02} 10:00:00", RecordType.DATA, down_bytes=kb * 1024 // 20) for day in range(1, 21)
    ]
    detail = rate(opened(engine, 201205), *rows).detail
    assert detail["act_basic_li"].sum() == 500_000
    assert abs(detail["cap_saved_li"].sum() - 312_300) <= 20


def test_data_in_many_small_records_costs_what_one_large_record_costs(engine):
    opened(engine, 201205)
    rows = [record(PLAIN, "2012-05-01 10:00:00", RecordType.DATA, up_bytes=1000 + i % 24) for i in range(1024)]
    assert rate(engine, *rows).detail["act_basic_li"].sum() == 290


@pytest.mark.requirement("CHG-05")
def test_the_same_chunk_again_is_all_duplicates_and_changes_nothing(engine):
    rows = [record(PLAIN, "2012-05-01 10:00:00", duration_s=s) for s in range(1, 50)]
    rate(opened(engine, 201205), *rows)
    before = engine.digest()
    again = rate(engine, *rows)
    assert (again.rated, again.duplicate) == (0, 49)
    assert engine.digest() == before


def test_a_record_from_the_error_pool_can_come_again(engine):
    unknown = record(8613900000099, "2012-05-01 10:00:00", duration_s=60)
    too_dear = record(PLAIN, "2012-05-01 11:00:00", duration_s=86_000, record_type=RecordType.MOC, info_fee_li=10**9)
    first = rate(opened(engine, 201205), unknown, too_dear)
    assert sorted(first.errors["code"].to_list()) == [301, 504]
    engine.apply_image(image({99: {"number": 8613900000099}}))
    second = rate(engine, unknown, too_dear | {"info_fee_li": 0})
    assert (second.rated, second.error, second.duplicate) == (2, 0, 0)


def test_free_data_left_in_october_is_used_first_in_november_and_not_in_december(engine):
    mb = 1024 * 1024
    user = {21: {"number": 8613900000021, "offers": [4, 2]}}
    opened(engine, 202610)
    engine.apply_image(image(user))

    def use(day, megabytes):
        rate(engine, record(8613900000021, f"{day} 10:00:00", RecordType.DATA, down_bytes=megabytes * mb))

    use("2026-10-05", 724)
    engine.freeze_cycle(202610)
    use("2026-11-05", 1200)
    left = {(carried > 0): granted - used for granted, used, carried in free_of(engine, 21, 202611)}
    assert left == {True: 0, False: 124 * 1024}
    engine.freeze_cycle(202611)
    assert sorted(granted for granted, _, carried in free_of(engine, 21, 202612) if carried) == [124 * 1024]


def test_a_late_record_is_posted_to_the_open_cycle_at_the_price_of_its_day(engine):
    opened(engine, 202610)
    engine.freeze_cycle(202610)
    detail = rate(engine, record(PLAIN, "2026-10-31 23:00:00", duration_s=60)).detail
    assert detail.select("cycle", "usage_month", "act_basic_li").row(0) == (202611, 202610, 400)


def test_members_of_one_group_call_each_other_at_the_group_price(engine):
    opened(engine, 201205)
    members = {
        31: {"number": 8613900000031, "offers": [4, 3], "groups": [5]},
        32: {"number": 8613900000032, "offers": [4, 3], "groups": [5]},
        33: {"number": 8613900000033, "offers": [4, 3], "groups": [6]},
    }
    engine.apply_image(image(members))
    inside = record(8613900000031, "2012-05-01 10:00:00", duration_s=60, other_number=8613900000032)
    outside = record(8613900000031, "2012-05-01 11:00:00", duration_s=60, other_number=8613900000033)
    detail = rate(engine, inside, outside).detail.sort("row")
    assert detail["act_basic_li"].to_list() == [0, 400]
    assert detail["std_basic_li"].to_list() == [400, 400]
    assert detail["rule_basic"][0] == rule_id_of("VPMN", "ONNET")


def test_a_short_number_reaches_the_member_of_the_callers_own_group(engine):
    opened(engine, 201205)
    members = {
        31: {"number": 8613900000031, "offers": [4, 3], "groups": [5], "short": {5: 61001}},
        32: {"number": 8613900000032, "offers": [4, 3], "groups": [5], "short": {5: 61002}},
        33: {"number": 8613900000033, "offers": [4, 3], "groups": [6], "short": {6: 61003}},
    }
    engine.apply_image(image(members))
    inside = record(8613900000031, "2012-05-01 10:00:00", duration_s=60, other_number=61002)
    of_another_group = record(8613900000031, "2012-05-01 11:00:00", duration_s=60, other_number=61003)
    detail = rate(engine, inside, of_another_group).detail.sort("row")
    assert detail["act_basic_li"].to_list() == [0, 400]


def test_a_number_belongs_to_whoever_had_it_at_the_moment_of_use(engine):
    from .conftest import local_s

    opened(engine, 201205)
    cut = local_s("2012-05-10 00:00:00")
    first = {"number": 8613900000041, "to_s": cut}
    second = {"number": 8613900000041, "from_s": cut, "to_s": local_s("2012-05-20 00:00:00")}
    engine.apply_image(image({41: first, 42: second}))
    rows = [record(8613900000041, f"2012-05-{day} 10:00:00", duration_s=60) for day in ("09", "10", "25")]
    result = rate(engine, *rows)
    assert result.detail.sort("row")["subscriber_id"].to_list() == [41, 42]
    assert result.errors["code"].to_list() == [305]


def test_users_given_twice_are_known_once(engine):
    opened(engine, 201205)
    before = engine.digest()
    again = image({11: {"number": GOTONE, "offers": [1]}})
    engine.apply_image(again)
    rows = [record(GOTONE, "2012-05-02 10:00:00", duration_s=171 * 60)]
    assert rate(engine, *rows).detail["act_basic_li"].to_list() == [400]
    assert before != engine.digest()  # pools grew; charges did not


@pytest.fixture
def busy_month(engine):
    chance = random.Random(5)
    users = {100 + n: {"number": 8613900001000 + n, "offers": [chance.choice([1, 4]), 2]} for n in range(60)}
    opened(engine, 201205)
    engine.apply_image(image(users))
    kinds = [RecordType.MOC, RecordType.MTC, RecordType.SMS_MO, RecordType.DATA]
    return [
        record(
            8613900001000 + chance.randrange(61),
            f"2012-05-{chance.randrange(1, 29):02} {chance.randrange(24):02}:{chance.randrange(60):02}:00",
            chance.choice(kinds),
            duration_s=chance.randrange(4000),
            down_bytes=chance.randrange(10**8),
            ld_type=chance.choice([0, 0, 0, 2]),
            roam_type=chance.choice([0, 0, 0, 2]),
        )
        for _ in range(5000)
    ]


def test_threads_change_nothing(engine, busy_month, tmp_path):
    save_snapshot(engine, tmp_path / "start", 0)
    other = load_snapshot(tmp_path / "start")
    other.tables = engine.tables
    one = rate(engine, *busy_month, threads=1)
    two = rate(other, *busy_month, threads=2)
    assert one.detail.equals(two.detail)
    assert engine.digest() == other.digest()
    assert one.error > 0


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_files_changes_no_total_where_a_month_has_one_price(engine, busy_month, tmp_path, seed):
    """Calls beyond free minutes at one price, and data priced by the month's sum; which record was free may differ."""
    save_snapshot(engine, tmp_path / "start", 0)
    other = load_snapshot(tmp_path / "start")
    other.tables = engine.tables
    rows = [row for row in busy_month if row["record_type"] in (RecordType.MOC, RecordType.DATA)]
    rows = [{**row, "ld_type": 0, "roam_type": 0} for row in rows]
    files = [rows[first : first + 300] for first in range(0, len(rows), 300)]
    shuffled = random.Random(seed).sample(files, len(files))

    for state, arrived in ((engine, files), (other, shuffled)):
        for file in arrived:
            rate(state, *file)

    by = ["subscriber_id", "item_id", "rule_id"]
    in_order, out_of_order = (owner_of(state).totals(201205).sort(by) for state in (engine, other))
    assert in_order.equals(out_of_order)
    assert in_order["act_li"].sum() > 0
    frees = [owner_of(state).free_use(201205).sort("subscriber_id", "rule_id") for state in (engine, other)]
    assert frees[0].equals(frees[1])
    assert frees[0]["used"].sum() > 0


def test_a_state_read_back_from_a_snapshot_goes_on_as_if_nothing_had_happened(engine, busy_month, tmp_path):
    rate(engine, *busy_month[:2500])
    save_snapshot(engine, tmp_path / "half", 1)
    other = load_snapshot(tmp_path / "half")
    other.tables = engine.tables
    assert other.digest() == engine.digest()
    assert rate(engine, *busy_month[2000:]).detail.equals(rate(other, *busy_month[2000:]).detail)
    assert engine.digest() == other.digest()


def test_a_damaged_snapshot_is_noticed(engine, tmp_path):
    save_snapshot(engine, tmp_path / "s", 1)
    path = tmp_path / "s" / "directory.span_row.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        load_snapshot(tmp_path / "s")


def totals(state: EngineState, subscriber_id: int, cycle: int) -> pl.DataFrame:
    return owner_of(state).totals(cycle).filter(pl.col("subscriber_id") == subscriber_id)


def free_of(state: EngineState, subscriber_id: int, cycle: int) -> list[tuple[int, int, int]]:
    frame = owner_of(state).free_use(cycle).filter(pl.col("subscriber_id") == subscriber_id)
    return frame.select("granted", "used", "carried").rows()


def owner_of(state):
    from pathlib import Path

    from openboss.modules.charging.atomic.engine import Ownership
    from openboss.modules.charging.engine.lake import Lake
    from openboss.modules.charging.engine.owner import Owner

    return Owner(Lake(Path("nowhere")), Path("nowhere"), 1, Ownership(0, 1, 1), state=state)
