"""Usage as written becomes usage as the engine reads it; what cannot be used gets its code (D4.2, CHG-03 to CHG-06)."""

from datetime import UTC, datetime

import polars as pl
import pytest

from openboss.kernel.usage import LdType, OtherNet, RoamType, name_code, text_id
from openboss.modules.charging.canonical import NETWORK, RATING_GROUP, block_of, read_block
from openboss.modules.charging.fields import ABSENT
from openboss.modules.charging.normalise import NormalisedBlock, normalise, operator_clock
from openboss.modules.charging.numbering import NumberingTables, ReferenceFault, build_numbering, knowing_imsis
from openboss.modules.charging.schema import NORMALISED
from openboss.modules.charging.written import written_records

NOW_S = int(datetime(2026, 11, 1, 2, 0, tzinfo=UTC).timestamp())
CLOCK = operator_clock("Asia/Shanghai", NOW_S)
CALL = {
    "record_type": "MOC",
    "served_number": "8613900210001",
    "other_party": "13900210002",
    "start_time": "2026-10-31T10:00:00",
    "duration_s": 61,
    "msc_id": "MSC1",
    "lac": 1,
    "call_ref": "7",
}
SHANGHAI, WUHAN, XIANGYANG, BEIJING, URUMQI = 21, 27, 710, 10, 991


def frames() -> dict[str, pl.DataFrame]:
    """A numbering plan of five cities, seen by the operator of Shanghai."""

    def table(names: str, *rows: tuple[object, ...]) -> pl.DataFrame:
        return pl.DataFrame(rows, schema=names.split(), orient="row")

    cities = ((SHANGHAI, "SH", 1, 0), (WUHAN, "HB", 0, 0), (XIANGYANG, "HB", 0, 0), (BEIJING, "BJ", 0, 0),
              (URUMQI, "XJ", 0, 7200))  # fmt: skip
    return {
        "areas": table("area province is_home band_shift_s", *cities),
        "number_prefixes": table(
            "prefix kind area net",
            ("139", "MOBILE_SEGMENT", 0, "OWN_MOBILE"),
            ("1390021", "MOBILE_SEGMENT", SHANGHAI, "OWN_MOBILE"),
            ("1390027", "MOBILE_SEGMENT", WUHAN, "OWN_MOBILE"),
            ("1390710", "MOBILE_SEGMENT", XIANGYANG, "OWN_MOBILE"),
            ("13800", "MOBILE_SEGMENT", SHANGHAI, "OWN_MOBILE"),
            ("1300010", "MOBILE_SEGMENT", BEIJING, "CUCC"),
            ("1330991", "MOBILE_SEGMENT", URUMQI, "CTCC"),
            *((str(area), "FIXED_AREA", area, "FIXED") for area, *_ in cities),
        ),
        "countries": table(
            "country_code ld_type", ("852", "HMT"), ("1", "INTL_LISTED"), ("7", "INTL"), ("1242", "INTL")
        ),
        "special_numbers": table("number free", ("110", 1), ("10086", 1), ("12580", 0), ("13800138000", 1)),
        "cells": table(
            "msc_id lac area",
            ("MSC1", 1, SHANGHAI), ("MSC1", 2, BEIJING), ("8613", 0, WUHAN), ("UR", 1, URUMQI),
        ),
        "providers": table("sp_code service_code", (9001, "A1")),
    }  # fmt: skip


TABLES = build_numbering(frames())


def run(*records: dict[str, object], tables: NumberingTables = TABLES) -> NormalisedBlock:
    return normalise(block_of(records), tables, CLOCK, now_s=NOW_S, file_id=1)


def one(tables: NumberingTables = TABLES, **changes: object) -> dict[str, int]:
    result = run({**CALL, **changes}, tables=tables)
    assert result.usage.height == 1, result.faulty_codes
    return result.usage.row(0, named=True)


def code(tables: NumberingTables = TABLES, **changes: object) -> int:
    result = run({**CALL, **changes}, tables=tables)
    return int(result.faulty_codes[0]) if len(result.faulty_codes) else 0


@pytest.mark.requirement("CHG-04")
def test_a_normalised_record_has_no_price_and_no_charge() -> None:
    usage = run(CALL).usage
    assert usage.schema == NORMALISED
    assert [name for name in usage.columns if "fee" in name or name.endswith(("_li", "_fen"))] == ["info_fee_li"]
    assert usage["info_fee_li"].to_list() == [0]  # only what a content partner itself delivers


def test_what_prices_may_ask_goes_on_to_the_engine() -> None:
    data = {"record_type": "DATA", "other_party": "", "duration_s": "", "up_bytes": 1, "msc_id": ""}
    asked = {"apn": "CMNET", "rating_group": 20, "service_code": "A1", "sp_code": 9001, "visited_network": 45400}
    usage = run({**CALL, **data, **asked}).usage
    assert usage.select("apn", "rating_group", "service", "sp_code", "partner").rows() == [
        (text_id("cmnet"), 20, name_code("A1"), 9001, 45400)
    ]
    again = run(written_records(usage)[0]).usage  # as it comes back from the error pool
    assert again.drop("file_id", "seq_in_file").equals(usage.drop("file_id", "seq_in_file"))
    assert one()["apn"] == one()["service"] == one()["rating_group"] == one()["partner"] == 0


def test_the_services_of_one_session_are_not_duplicates_of_one_another() -> None:
    data = {"record_type": "DATA", "other_party": "", "duration_s": 60, "up_bytes": 1}
    keys = {(one(**data, rating_group=group)["key_hi"], group) for group in (0, 10, 20)}
    assert len({key for key, _ in keys}) == 3


@pytest.mark.parametrize("end", ["|", "|45400", ""])
def test_a_line_may_end_before_the_visited_network(end: str) -> None:
    line = "DATA|8613900210001|||| 2026-10-31T10:00:00||||||1|2||cmnet|7|||||||20".replace(" ", "") + end
    block = read_block((line + "\n" + line + "\r\n").encode(), 1)
    assert block.fault.tolist() == [0, 0]
    assert block.columns[:, RATING_GROUP].tolist() == [20, 20]
    assert block.columns[:, NETWORK].tolist() == [45400 if end == "|45400" else ABSENT] * 2
    assert read_block((line + "|" * (3 - end.count("|")) + "\n").encode(), 1).fault.tolist() == [201]
    assert read_block((line.removesuffix("|20" + end) + "\n").encode(), 1).fault.tolist() == [201]


@pytest.mark.requirement("CHG-03")
def test_a_record_that_ends_before_it_starts_is_rejected_and_the_other_999_pass() -> None:
    calls = [{**CALL, "call_ref": n} for n in range(1000)]
    calls[500]["end_time"] = "2026-10-31T09:59:59"
    result = run(*calls)
    assert result.usage.height == 999
    assert (result.faulty_rows.tolist(), result.faulty_codes.tolist()) == ([500], [203])


@pytest.mark.requirement("CHG-06")
def test_a_shanghai_mobile_calling_a_beijing_fixed_line_at_home_is_domestic_long_distance_off_net() -> None:
    usage = one(served_number="13800001234", other_party="01062345678")
    assert (usage["home_area"], usage["visited_area"], usage["roam_type"]) == (SHANGHAI, SHANGHAI, RoamType.HOME)
    assert (usage["ld_type"], usage["other_net"], usage["other_area"]) == (
        LdType.INTER_PROV_LD,
        OtherNet.FIXED,
        BEIJING,
    )


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("13900210002", 8613900210002),
        ("8613900210002", 8613900210002),
        ("+8613900210002", 8613900210002),
        ("008613900210002", 8613900210002),
        ("013900210002", 8613900210002),
        ("01062345678", 861062345678),
        ("861062345678", 861062345678),
        ("07103456789", 867103456789),
        ("62345678", 862162345678),
        ("1795101062345678", 861062345678),
        ("1795113900210002", 8613900210002),
        ("17951008521234567", 8521234567),
        ("0085291234567", 85291234567),
        ("+12425551234", 12425551234),
        ("10086", 10086),
        ("+8610086", 10086),
        ("661", 661),
        ("106901234567", 106901234567),
        ("4008001234", 4008001234),
    ],
)
def test_every_way_to_write_a_number_gives_one_number(written: str, number: int) -> None:
    assert one(other_party=written)["other_number"] == number


@pytest.mark.parametrize(
    ("other", "msc", "lac", "expected"),
    [
        ("13900210002", "MSC1", 1, LdType.LOCAL),
        ("02162345678", "MSC1", 1, LdType.LOCAL),
        ("13900270001", "MSC1", 1, LdType.INTER_PROV_LD),
        ("13907100001", "8613", 5, LdType.INTRA_PROV_LD),
        ("0085291234567", "MSC1", 1, LdType.HMT),
        ("0012125551234", "MSC1", 1, LdType.INTL_LISTED),
        ("0012425551234", "MSC1", 1, LdType.INTL),
        ("1795113900270001", "MSC1", 1, LdType.IP_LD),
        ("1795113900210002", "MSC1", 1, LdType.LOCAL),
        ("10086", "MSC1", 2, LdType.LOCAL),
    ],
)
def test_distance_runs_from_where_the_caller_is(other: str, msc: str, lac: int, expected: LdType) -> None:
    assert one(other_party=other, msc_id=msc, lac=lac)["ld_type"] == expected


def test_a_received_call_costs_no_distance() -> None:
    assert one(record_type="MTC", other_party="13900270001")["ld_type"] == LdType.LOCAL


def test_a_forwarded_call_goes_on_to_the_number_forwarded_to() -> None:
    usage = one(record_type="CALL_FORWARD", third_party="01062345678")
    assert (usage["ld_type"], usage["other_area"], usage["other_net"]) == (
        LdType.INTER_PROV_LD,
        BEIJING,
        OtherNet.FIXED,
    )
    assert (usage["other_number"], usage["third_number"]) == (8613900210002, 861062345678)


@pytest.mark.requirement("CHG-24")
def test_one_roamer_is_outbound_for_his_operator_and_visiting_for_the_other() -> None:
    roamer = {"served_number": "13900270001", "msc_id": "MSC1", "lac": 2}

    def seen_from(area: int) -> int:
        plan = frames()
        plan["areas"] = plan["areas"].with_columns(is_home=(pl.col("area") == area).cast(pl.Int64))
        return one(tables=build_numbering(plan), **roamer)["roam_type"]

    assert seen_from(WUHAN) == RoamType.INTER_PROV_OUT
    assert seen_from(BEIJING) == RoamType.INTER_PROV_IN


@pytest.mark.parametrize(
    ("served", "visited", "expected"),
    [
        ("13900210001", SHANGHAI, RoamType.HOME),
        ("13900270001", XIANGYANG, RoamType.INTRA_PROV),
        ("13900210001", BEIJING, RoamType.INTER_PROV_OUT),
        ("13900270001", SHANGHAI, RoamType.INTER_PROV_IN),
        ("13900210001", 1_000_852, RoamType.INTL_OUT),
        ("+85291234567", SHANGHAI, RoamType.INTL_IN),
    ],
)
def test_roaming_is_told_by_home_and_visited_area(served: str, visited: int, expected: RoamType) -> None:
    assert one(served_number=served, visited_area=visited)["roam_type"] == expected


@pytest.mark.parametrize(
    ("record_type", "other", "free"),
    [
        ("MOC", "10086", 1),
        ("MOC", "110", 1),
        ("MOC", "13800138000", 1),
        ("MOC", "12580", 0),
        ("SMS_MO", "10086", 1),
        ("MTC", "10086", 0),
        ("MOC", "13900210002", 0),
    ],
)
def test_free_numbers_are_marked_where_the_user_reaches_for_them(record_type: str, other: str, free: int) -> None:
    assert one(record_type=record_type, other_party=other)["free_number"] == free


@pytest.mark.parametrize(("lac", "msc", "shift_s"), [(1, "MSC1", 0), (1, "UR", 7200)])
def test_the_night_begins_two_hours_later_in_xinjiang(lac: int, msc: str, shift_s: int) -> None:
    assert one(msc_id=msc, lac=lac)["band_shift_s"] == shift_s


@pytest.mark.parametrize(
    "written",
    ["2026-10-31T10:00:00", "2026-10-31 10:00:00", "2026-10-31T10:00:00+08:00", "2026-10-31T02:00:00Z",
     "2026-10-30T21:30:00-04:30"],
)  # fmt: skip
def test_every_way_to_write_a_moment_gives_one_moment(written: str) -> None:
    usage = one(start_time=written)
    assert usage["start_at_s"] == int(datetime(2026, 10, 31, 2, 0, tzinfo=UTC).timestamp())
    assert usage["start_local_s"] == int(datetime(2026, 10, 31, 10, 0, tzinfo=UTC).timestamp())


def test_a_wall_clock_with_summer_time_is_followed() -> None:
    """Berlin went from +2 to +1 in the night to 25 October 2026."""
    clock = operator_clock("Europe/Berlin", NOW_S)
    records = [{**CALL, "start_time": "2026-10-24T12:00:00"}, {**CALL, "start_time": "2026-10-26T12:00:00"}]
    usage = normalise(block_of(records), TABLES, clock, now_s=NOW_S, file_id=1).usage
    hours = [datetime.fromtimestamp(s, UTC).hour for s in usage["start_at_s"]]
    assert hours == [10, 11]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"record_type": "FAX"}, 201),
        ({"served_number": ""}, 201),
        ({"other_party": ""}, 201),
        ({"start_time": ""}, 201),
        ({"start_time": "2026-02-30T10:00:00"}, 201),
        ({"start_time": "31.10.2026 10:00"}, 201),
        ({"duration_s": ""}, 201),
        ({"record_type": "SP_FEE", "sp_code": ""}, 201),
        ({"other_party": "139x7100A12"}, 202),
        ({"other_party": "12"}, 202),
        ({"other_party": "9" * 19}, 202),
        ({"served_number": "10086"}, 202),
        ({"served_imsi": "4600"}, 202),
        ({"duration_s": "6l"}, 202),
        ({"duration_s": "9" * 30}, 202),
        ({"partial_seq": "99999999999"}, 202),
        ({"end_time": "2026-10-31T09:59:59"}, 203),
        ({"duration_s": 86_401}, 204),
        ({"duration_s": -1}, 204),
        ({"end_time": "2026-10-31T10:01:04"}, 204),
        ({"end_time": "2026-10-31T10:01:03"}, 0),
        ({"start_time": "2026-11-01T10:10:01"}, 205),
        ({"start_time": "2026-11-01T10:10:00"}, 0),
        ({"up_bytes": -1}, 206),
        ({"down_bytes": -2048}, 206),
        ({"start_time": "2026-08-03T09:59:59"}, 207),
        ({"start_time": "2026-08-03T10:00:00"}, 0),
        ({"other_party": "19299998888"}, 302),
        ({"other_party": "0099991234567"}, 302),
        ({"other_party": "09998887777"}, 302),
        ({"served_number": "13999990000"}, 302),
        ({"msc_id": "MSC9"}, 303),
        ({"visited_area": 999}, 303),
        ({"visited_area": 1_000_999}, 303),
        ({"record_type": "SP_FEE", "sp_code": 9001, "service_code": "A1"}, 0),
        ({"record_type": "SP_FEE", "sp_code": 9001}, 0),
        ({"record_type": "SP_FEE", "sp_code": 9001, "service_code": "ZZ"}, 304),
        ({"record_type": "SP_FEE", "sp_code": 9999}, 304),
        ({"served_number": "", "served_imsi": "460000000000001"}, 306),
        ({}, 0),
    ],
)
def test_what_cannot_be_used_gets_its_code(changes: dict[str, object], expected: int) -> None:
    assert code(**changes) == expected


def test_an_imsi_finds_the_number_it_had_at_that_moment_and_a_false_pair_is_refused() -> None:
    changed_s = int(datetime(2026, 10, 31, 2, 0, tzinfo=UTC).timestamp())  # the moment of the call: 10:00 in Shanghai
    held = ((8613900270001, 0, changed_s), (8613900210001, changed_s, None))
    schema = {"imsi": pl.Int64, "number": pl.Int64, "from_s": pl.Int64, "to_s": pl.Int64}
    tables = knowing_imsis(TABLES, pl.DataFrame([(460000000000001, *row) for row in held], schema, orient="row"))
    alone = {"served_number": "", "served_imsi": "460000000000001"}

    assert one(tables=tables, **alone)["served_number"] == 8613900210001
    assert one(tables=tables, **alone, start_time="2026-10-31T09:59:59")["served_number"] == 8613900270001
    assert code(tables=tables, served_imsi="460000000000001", served_number="13900270001") == 306
    assert code(tables=tables, served_imsi="460000000000009") == 0
    assert code(tables=tables, **{**alone, "served_imsi": "460000000000009"}) == 306


@pytest.mark.parametrize(
    ("incoming", "outgoing", "found"), [(1, 2, 0), (1, 9, 307), (9, 2, 307), ("", 2, 307), (1, "", 307)]
)
def test_a_call_at_the_border_must_name_trunk_groups_that_are_known(incoming: object, outgoing: object, found: int):
    assert code(record_type="GATEWAY", msc_id="MSC1", lac=incoming, cell_id=outgoing) == found


def test_up_and_down_volume_are_kept_apart() -> None:
    usage = one(record_type="DATA", other_party="", up_bytes=1025, down_bytes=10)
    assert (usage["up_bytes"], usage["down_bytes"]) == (1025, 10)


def test_the_same_event_has_the_same_key_however_it_was_written() -> None:
    usage = run(CALL, {**CALL, "served_number": "13900210001", "start_time": "2026-10-31T02:00:00Z"}).usage
    assert usage["key_hi"].n_unique() == usage["key_lo"].n_unique() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("record_type", "MTC"), ("served_number", "13900210009"), ("other_party", "13900210009"),
     ("start_time", "2026-10-31T10:00:01"), ("duration_s", 62), ("call_ref", 8), ("partial_seq", 1),
     ("msc_id", "8613")],
)  # fmt: skip
def test_each_field_of_the_duplicate_key_changes_it(field: str, value: object) -> None:
    usage = run(CALL, {**CALL, field: value}).usage
    assert usage["key_hi"].n_unique() == usage["key_lo"].n_unique() == 2


def test_many_different_calls_have_different_keys() -> None:
    line = "MOC|8613900210001||139002%05d||2026-10-%02dT%02d:00:00||61|MSC1|1||||||%d|||||||\n"
    text = "".join(line % (n % 90_000, n % 28 + 4, n % 24, n) for n in range(200_000)).encode()
    from openboss.modules.charging.canonical import read_block

    usage = normalise(read_block(text, 1), TABLES, CLOCK, now_s=NOW_S, file_id=1).usage
    assert usage.height == usage["key_hi"].n_unique() == usage["key_lo"].n_unique()


@pytest.mark.parametrize(
    "changes",
    [{}, {"other_party": "1795101062345678"}, {"other_party": "10086"}, {"record_type": "SMS_MO", "message_count": 3},
     {"record_type": "CALL_FORWARD", "third_party": "01062345678"}, {"call_ref": "a@b", "partial_seq": 2},
     {"record_type": "DATA", "other_party": "", "up_bytes": 5, "down_bytes": 6, "visited_area": 1_000_852},
     {"other_party": "106901234567"}, {"other_party": "4008001234"}, {"other_party": "13800138000"}],
)  # fmt: skip
def test_usage_written_back_reads_the_same_with_the_same_key(changes: dict[str, object]) -> None:
    usage = run({**CALL, **changes}).usage
    again = run(*written_records(usage)).usage
    assert again.equals(usage)


def test_a_numbering_plan_that_contradicts_itself_is_refused() -> None:
    plan = frames()
    plan["number_prefixes"] = pl.concat([plan["number_prefixes"], plan["number_prefixes"].head(1)])
    with pytest.raises(ReferenceFault):
        build_numbering(plan)
