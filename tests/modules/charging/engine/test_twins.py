"""Use that was charged online and comes again in the gateway's files: matched, compared, never charged twice."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online.requests import Kind, empty_requests
from openboss.modules.charging.engine.twins import read_twins
from openboss.modules.charging.functions.gateways import DAILY, compared_sessions, daily_sums
from openboss.modules.charging.models import StageCounter
from openboss.processes import assure_money

from .conftest import local_s, record
from .test_online import MB, NUMBERING, PREPAID, moment, network, open_wallet  # noqa: F401 - a fixture
from .test_owner import put_chunk, world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)
DAY = (local_s("2026-10-05 00:00:00"), local_s("2026-10-06 00:00:00"))


def session(network, name: int, charging_id: int, down: int, *, ends: bool = True) -> None:  # noqa: F811
    ask(network, name, 0, Kind.INITIAL, moment(), charging_id)
    ask(network, name, 1, Kind.UPDATE, moment("2026-10-05 10:05:00"), used_down=down)
    if ends:
        ask(network, name, 2, Kind.TERMINATION, moment("2026-10-05 10:09:00"))


def ask(network, session: int, number: int, kind: Kind, at, charging_id: int = 0, used_down: int = 0):  # noqa: F811
    requests, asks = empty_requests(1)
    requests["key_hi"], requests["key_lo"], requests["served"] = session, 77, 2 * 10**18 + PREPAID
    requests["kind"], requests["number"], requests["record_type"] = kind, number, RecordType.DATA
    requests["asks"], requests["call_ref"] = 1, charging_id
    asks["rating_group"], asks["is_asking"], asks["used_down"] = 1, kind != Kind.TERMINATION, used_down
    network.owner.serve(requests, asks, numbering=NUMBERING, moment=at)


def cdr(charging_id: int, start: str, down: int) -> dict:
    return record(PREPAID, start, RecordType.DATA, down_bytes=down, call_ref=charging_id)


def filed(network, *rows: dict) -> tuple[int, int]:  # noqa: F811
    """Let a file's records come; return how many were rated and how many were twins."""
    put_chunk(*rows)
    network.owner.drain()
    counter = StageCounter.objects.filter(stage="RATE").latest("file_id")
    return counter.rated + counter.free, counter.filtered


def test_what_was_charged_online_is_not_charged_again_from_a_file_and_the_rest_is(network):  # noqa: F811
    open_wallet(network, 10_000)
    session(network, 1, 7001, 5 * MB)
    session(network, 2, 7002, 2 * MB, ends=False)
    before = network.wallet()["balance_li"]
    assert before == 10_000 - 7 * 290
    rows = [cdr(7001, "2026-10-05 10:00:00", 3 * MB), cdr(7001, "2026-10-05 10:04:00", 2 * MB),
            cdr(7002, "2026-10-05 10:00:00", 2 * MB), cdr(7003, "2026-10-05 11:00:00", MB)]  # fmt: skip
    assert filed(network, *rows) == (1, 3)
    assert network.wallet()["balance_li"] == before - 290  # the session nobody asked for
    assert filed(network, cdr(7001, "2026-10-12 10:00:00", MB)) == (1, 0)  # a week later the number means another one


def test_of_several_sessions_that_still_run_each_is_known_again(network):  # noqa: F811
    open_wallet(network, 10_000)
    for name in (1, 2, 3):
        session(network, name, 7000 + name, MB, ends=False)
    rows = [cdr(number, "2026-10-05 10:00:00", MB) for number in (7001, 7002, 7003, 7004)]
    assert filed(network, *rows) == (1, 3)


def test_matching_is_the_same_after_a_crash_and_from_a_snapshot(network):  # noqa: F811
    open_wallet(network, 10_000)
    session(network, 1, 7001, 5 * MB)
    network.crash()
    assert filed(network, cdr(7001, "2026-10-05 10:00:00", 3 * MB)) == (0, 1)
    network.owner.snapshot()
    network.crash()
    assert filed(network, cdr(7001, "2026-10-05 10:04:00", 2 * MB)) == (0, 1)
    digest = network.owner.state.digest()
    network.crash()
    assert network.owner.state.digest() == digest
    twins = read_twins(network.owner.lake.folder, from_local_s=DAY[0], to_local_s=DAY[1])
    assert twins["down_bytes"].sum() == 5 * MB


def test_a_day_is_compared_session_by_session(network, settings):  # noqa: F811
    open_wallet(network, 10_000)
    for name, charging_id in ((1, 7001), (2, 7002), (3, 7003)):
        session(network, name, charging_id, 2 * MB)
    filed(network, cdr(7001, "2026-10-05 10:00:00", 2 * MB), cdr(7002, "2026-10-05 10:00:00", 2 * MB - 1024))
    network.owner.flush()
    found = compared_sessions(from_local_s=DAY[0], to_local_s=DAY[1]).sort("call_ref")
    columns = ("call_ref", "online", "filed", "unit", "act_li")
    assert found.select(columns).rows() == [(7001, 2048, 2048, "KB", 580), (7002, 2048, 2047, "KB", 580),
                                            (7003, 2048, 0, "KB", 580)]  # fmt: skip
    assert isinstance(found, pl.DataFrame)


def test_a_day_is_summed_by_kind_what_was_charged_online_what_is_on_file_and_the_difference(network):  # noqa: F811
    open_wallet(network, 20_000)
    for name, charging_id in ((1, 7001), (2, 7002), (3, 7003), (4, 0)):
        session(network, name, charging_id, name * MB)
    session(network, 5, 7005, MB, ends=False)  # still runs: in no sum
    rows = [cdr(7001, "2026-10-05 10:00:00", MB), cdr(7002, "2026-10-05 10:00:00", MB),
            cdr(7002, "2026-10-06 00:10:00", MB - 1024), cdr(7005, "2026-10-05 10:00:00", MB),
            cdr(7006, "2026-10-05 11:00:00", 2 * MB), cdr(7006, "2026-10-05 12:00:00", MB),
            cdr(0, "2026-10-05 13:00:00", MB), cdr(7007, "2026-10-06 09:00:00", MB)]  # fmt: skip
    assert filed(network, *(row | {"file_id": 9} for row in rows)) == (4, 4)
    network.owner.flush()
    first, last = (daily_sums(from_on=on, to_on=on).rows(named=True) for on in (date(2026, 10, 5), date(2026, 10, 6)))
    data = {"record_type": RecordType.DATA}
    assert first == [data | {
        "used_on": date(2026, 10, 5), "online": 4, "online_li": 2900, "online_records": 4, "online_use": 10_240,
        "filed": 4, "filed_li": 2030, "filed_records": 6, "filed_use": 7167, "matched": 2, "otherwise": 1,
        "only_online": 2, "only_online_li": 2030, "only_filed": 2, "only_filed_li": 1160,
        "difference": 0, "difference_li": 870}]  # fmt: skip
    assert last == [data | dict.fromkeys(DAILY.names(), 0) | {
        "used_on": date(2026, 10, 6), "filed": 1, "filed_li": 290, "filed_records": 1, "filed_use": 1024,
        "only_filed": 1, "only_filed_li": 290, "difference": -1, "difference_li": -290} | data]  # fmt: skip
    assert daily_sums(from_on=date(2026, 10, 5), to_on=date(2026, 10, 6)).height == 2


def test_the_daily_check_finds_what_gateways_did_not_tell_or_told_otherwise(network):  # noqa: F811
    open_wallet(network, 10_000)
    for name, charging_id in ((1, 7001), (2, 7002), (3, 7003)):
        session(network, name, charging_id, 2 * MB)
    filed(network, cdr(7001, "2026-10-05 10:00:00", 2 * MB), cdr(7002, "2026-10-05 10:00:00", 2 * MB - 1024))
    network.owner.flush()
    (done,) = assure_money.run(on=date(2026, 10, 7), at=datetime(2026, 10, 7, tzinfo=UTC), checks=("GATEWAYS",))
    assert (done.compared, done.found) == (3, 2)
    found = {one.object_id: (one.cause, one.expected_fen, one.found_fen, one.unit)
             for one in assure_money.differences(check="GATEWAYS")}  # fmt: skip
    assert found == {"12 7002": ("GATEWAY_NOT_ONLINE", 2048, 2047, "KB"), "12 7003": ("GATEWAY_SILENT", 2048, 0, "KB")}
    filed(network, cdr(7002, "2026-10-05 10:20:00", 1024), cdr(7003, "2026-10-05 10:00:00", 2 * MB))
    (done,) = assure_money.run(on=date(2026, 10, 7), at=datetime(2026, 10, 7, 1, tzinfo=UTC), checks=("GATEWAYS",))
    assert done.found == 0 and not assure_money.differences(check="GATEWAYS")
