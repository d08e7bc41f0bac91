"""Use that was charged online and comes again in the gateway's files: matched, compared, never charged twice."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online.requests import Action, Kind, empty_requests
from openboss.modules.charging.engine.twins import read_twins
from openboss.modules.charging.functions.gateways import DAILY, compared_sessions, daily_sums
from openboss.modules.charging.models import StageCounter
from openboss.processes import assure_money

from .conftest import local_s, record
from .test_online import MB, NUMBERING, PREPAID, moment, network, open_wallet  # noqa: F401 - a fixture
from .test_online_events import debit, refund, settle
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


# --- calls and messages ---------------------------------------------------------------------------------------------

OTHER, ANOTHER = 8613900000001, 8613900000003
COUNTED = ("online", "online_li", "filed", "filed_li", "matched", "only_online", "only_filed", "difference_li")


def call(network, name: int, begins: str, used_s: int, *, ends: bool = True, ref: int = 0, other: int = OTHER) -> None:  # noqa: F811
    """A call over Ro: charging is asked when it is set up."""
    about = {"record_type": RecordType.MOC, "other": 2 * 10**18 + other, "rating_group": -1}
    if ref:
        requests, asks = empty_requests(1)
        requests["key_hi"], requests["key_lo"], requests["served"] = name, 77, 2 * 10**18 + PREPAID
        requests["kind"], requests["record_type"], requests["other"] = Kind.INITIAL, RecordType.MOC, about["other"]
        requests["asks"], requests["call_ref"], asks["is_asking"] = 1, ref, 1
        network.owner.serve(requests, asks, numbering=NUMBERING, moment=moment(begins))
    else:
        network.ask(name, 0, Kind.INITIAL, moment(begins), **about)
    if ends:
        network.ask(name, 1, Kind.TERMINATION, moment(begins), used_s=used_s, asking=False, **about)


def text(network, name: int, sent: str, *, other: int = OTHER) -> None:  # noqa: F811
    """A message over Ro, debited at once."""
    debit(network, name, at=sent, other=2 * 10**18 + other)


def of_msc(start: str, duration_s: int, *, other: int = OTHER, **more) -> dict:
    return record(PREPAID, start, RecordType.MOC, duration_s=duration_s, other_number=other, **more)


def of_smsc(start: str, *, other: int = OTHER, **more) -> dict:
    return record(PREPAID, start, RecordType.SMS_MO, message_count=1, other_number=other, **more)


def day_of(network, kind: RecordType) -> tuple[int, ...]:  # noqa: F811
    network.owner.flush()
    rows = daily_sums(from_on=date(2026, 10, 5), to_on=date(2026, 10, 5)).filter(pl.col("record_type") == kind)
    return rows.select(COUNTED).row(0)


def test_a_call_charged_over_ro_is_not_charged_again_from_the_msc_and_one_that_was_not_is(network):  # noqa: F811
    open_wallet(network, 10_000)
    call(network, 1, "2026-10-05 10:00:00", 65)
    assert network.wallet()["balance_li"] == 10_000 - 2 * 400
    rows = [of_msc("2026-10-05 10:00:14", 64, call_ref=91), of_msc("2026-10-05 11:00:00", 60, call_ref=92),
            of_msc("2026-10-05 10:00:10", 60, call_ref=93, other=ANOTHER)]  # fmt: skip
    assert filed(network, *(row | {"file_id": 9} for row in rows)) == (2, 1)
    assert network.wallet()["balance_li"] == 10_000 - 4 * 400
    assert day_of(network, RecordType.MOC) == (1, 800, 3, 1600, 1, 0, 2, -800)
    found = compared_sessions(from_local_s=DAY[0], to_local_s=DAY[1])
    assert found.select("call_ref", "online", "filed", "unit", "act_li").rows() == [(0, 65, 64, "S", 800)]


def test_further_records_of_a_call_are_known_by_the_number_the_first_had(network):  # noqa: F811
    open_wallet(network, 100_000)
    call(network, 1, "2026-10-05 10:00:00", 5400)
    first, rest = of_msc("2026-10-05 10:00:09", 1800, call_ref=91), [
        of_msc("2026-10-05 10:30:09", 1800, call_ref=91), of_msc("2026-10-05 11:00:09", 1790, call_ref=91)]  # fmt: skip
    assert filed(network, first, rest[0]) == (0, 2)
    assert filed(network, rest[1]) == (0, 1)
    network.owner.flush()
    found = compared_sessions(from_local_s=DAY[0], to_local_s=DAY[1])
    assert found.select("online", "filed").rows() == [(5400, 5390)]


def test_a_call_with_a_number_of_the_network_is_known_by_it_whenever_it_was_answered(network):  # noqa: F811
    open_wallet(network, 10_000)
    call(network, 1, "2026-10-05 10:00:00", 60, ref=4711)
    assert filed(network, of_msc("2026-10-05 10:03:30", 60, call_ref=4711, other=ANOTHER)) == (0, 1)
    call(network, 2, "2026-10-05 12:00:00", 60, ref=4712)  # its file has numbers of its own
    assert filed(network, of_msc("2026-10-05 12:00:20", 60, call_ref=92)) == (0, 1)
    assert day_of(network, RecordType.MOC)[:5] == (2, 800, 2, 800, 2)


def test_a_second_call_to_the_same_party_is_another_one_in_whatever_order_their_records_come(network):  # noqa: F811
    open_wallet(network, 10_000)
    call(network, 1, "2026-10-05 10:00:00", 5)  # answered after 30 s
    call(network, 2, "2026-10-05 10:00:40", 5)
    assert filed(network, of_msc("2026-10-05 10:00:45", 5)) == (0, 1)
    assert filed(network, of_msc("2026-10-05 10:00:30", 5), of_msc("2026-10-05 10:01:20", 5)) == (1, 1)


def test_a_call_nobody_answered_takes_no_record_of_a_file(network):  # noqa: F811
    open_wallet(network, 10_000)
    call(network, 1, "2026-10-05 10:00:00", 0)
    assert filed(network, of_msc("2026-10-05 10:01:00", 60)) == (1, 0)


def test_a_call_that_still_runs_is_known_and_not_known_twice_when_it_has_ended(network):  # noqa: F811
    open_wallet(network, 10_000)
    call(network, 1, "2026-10-05 10:00:00", 0, ends=False)
    assert filed(network, of_msc("2026-10-05 10:00:10", 60)) == (0, 1)
    network.ask(1, 1, Kind.TERMINATION, moment("2026-10-05 10:02:00"), used_s=60, asking=False,
                record_type=RecordType.MOC, other=2 * 10**18 + OTHER, rating_group=-1)  # fmt: skip
    assert filed(network, of_msc("2026-10-05 10:00:12", 60)) == (1, 0)


def test_messages_debited_over_ro_are_not_charged_again_from_the_smsc_each_for_one(network):  # noqa: F811
    open_wallet(network, 10_000)
    for name, sent in ((1, "10:00:00"), (2, "10:00:00"), (3, "10:00:04")):
        text(network, name, f"2026-10-05 {sent}")
    assert filed(network, of_smsc("2026-10-05 10:00:04")) == (0, 1)  # before the debits are settled
    settle(network)
    assert network.wallet()["balance_li"] == 9700
    rows = [of_smsc("2026-10-05 10:00:04"), of_smsc("2026-10-05 10:00:08"), of_smsc("2026-10-05 10:00:09"),
            of_smsc("2026-10-05 10:00:06"), of_smsc("2026-10-05 10:00:03", other=ANOTHER)]  # fmt: skip
    assert filed(network, *(row | {"file_id": 9} for row in rows)) == (3, 2)
    assert network.wallet()["balance_li"] == 9400
    assert day_of(network, RecordType.SMS_MO) == (2, 300, 5, 600, 2, 0, 3, -300)


@pytest.mark.parametrize(("lag_s", "again"), [(-5, 0), (4, 0), (6, 1)])
def test_a_train_of_messages_is_known_whole_while_clocks_differ_by_no_more_than_is_allowed(network, lag_s, again):  # noqa: F811
    open_wallet(network, 10_000)
    for name in range(3):
        text(network, name + 1, f"2026-10-05 10:00:{20 + name}")
    settle(network)
    rows = [of_smsc(f"2026-10-05 10:00:{20 + name + lag_s:02}") for name in range(3)]
    assert filed(network, *rows) == (again, 3 - again)


@pytest.mark.parametrize("settled_first", [True, False])
def test_a_message_whose_debit_was_refunded_is_not_charged_from_the_file_either(network, settled_first):  # noqa: F811
    open_wallet(network, 10_000)
    text(network, 1, "2026-10-05 10:00:00")
    refund(network, 2, 1)
    assert network.wallet()["balance_li"] == 10_000
    if settled_first:
        settle(network)
        network.crash()
    assert filed(network, of_smsc("2026-10-05 10:00:01")) == (0, 1)
    settle(network)
    network.owner.flush()
    assert network.wallet()["balance_li"] == 10_000 and not network.owner.lake.usage_files(202610)


@pytest.mark.parametrize("about", [{"action": Action.PRICE}, {"action": Action.CHECK_BALANCE}, {"want_units": 1000}])
def test_a_message_that_was_not_debited_is_charged_from_the_file(network, about):  # noqa: F811
    open_wallet(network, 10_000)
    debit(network, 1, other=2 * 10**18 + OTHER, **about)
    settle(network)
    assert filed(network, of_smsc("2026-10-05 10:00:00")) == (1, 0)


def test_what_has_met_its_record_is_the_same_after_a_crash_and_from_a_snapshot(network):  # noqa: F811
    open_wallet(network, 10_000)
    text(network, 1, "2026-10-05 23:59:58")
    text(network, 2, "2026-10-05 23:59:59")
    settle(network, "2026-10-06 01:00:00")
    network.crash()
    assert filed(network, of_smsc("2026-10-06 00:00:02", call_ref=5)) == (0, 1)  # of the day after
    digest = network.owner.state.digest()
    network.crash()
    assert network.owner.state.digest() == digest
    network.owner.snapshot()
    network.crash()
    assert network.owner.state.digest() == digest
    assert filed(network, of_smsc("2026-10-06 00:00:03"), of_smsc("2026-10-06 00:00:03", call_ref=6)) == (1, 1)


def test_the_daily_check_compares_calls_and_messages_without_a_number_too(network):  # noqa: F811
    open_wallet(network, 10_000)
    call(network, 1, "2026-10-05 10:00:00", 65)
    text(network, 2, "2026-10-05 11:00:00")
    settle(network, "2026-10-05 11:30:00")
    filed(network, of_msc("2026-10-05 10:00:14", 64, call_ref=91))
    network.owner.flush()
    (done,) = assure_money.run(on=date(2026, 10, 7), at=datetime(2026, 10, 7, tzinfo=UTC), checks=("GATEWAYS",))
    assert (done.compared, done.found) == (2, 2)
    found = {(one.cause, one.expected_fen, one.found_fen, one.unit)
             for one in assure_money.differences(check="GATEWAYS")}  # fmt: skip
    assert found == {("GATEWAY_NOT_ONLINE", 65, 64, "S"), ("GATEWAY_SILENT", 1, 0, "MSG")}
