"""Sessions whose network falls silent, or seems to because the engine was away: what they used is charged, once."""

from datetime import UTC, date, datetime

import pytest

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online.desk import Life
from openboss.modules.charging.engine.online.requests import Kind, Result
from openboss.modules.charging.engine.query import answering
from openboss.modules.charging.functions.gateways import NothingLeft, NotSure, charge_rest
from openboss.modules.charging.models import UsageChunk
from openboss.modules.receivables.functions.authority import SecondPersonNeeded
from openboss.modules.system.atomic import OrgNodeView, put_org_nodes, put_role, put_staff
from openboss.processes import assure_money

from .conftest import local_s
from .test_online import MB, Network, detail, moment, network, open_wallet  # noqa: F401 - a fixture
from .test_online_events import CALL
from .test_owner import world  # noqa: F401 - a fixture
from .test_twins import OTHER, cdr, filed, of_msc, of_smsc

pytestmark = pytest.mark.django_db(transaction=True)
NUMBERED = {**CALL, "call_ref": 555, "other": 2 * 10**18 + OTHER}
ENDS = {"asking": False}


def sweep(network: Network, at: str, heard_from: str = "1970-01-01 08:00:00") -> None:  # noqa: F811
    network.owner.sweep(moment(f"2026-10-{at}"), moment(heard_from).now_s)


@pytest.mark.parametrize("is_away", [False, True])
def test_an_engine_that_was_away_for_longer_than_the_silence_charges_a_call_as_if_it_had_not_been(network, is_away):  # noqa: F811
    open_wallet(network, 100_000)
    network.ask(1, 0, Kind.INITIAL, moment(), **CALL)
    network.ask(1, 1, Kind.UPDATE, moment("2026-10-05 10:00:31"), used_s=31, **CALL)
    if is_away:
        network.crash()
        sweep(network, "05 10:03:31", "2026-10-05 10:05:01")
    network.ask(1, 2, Kind.TERMINATION, moment("2026-10-05 10:03:32"), used_s=29, **{**CALL, **ENDS})
    assert network.wallet()["balance_li"] == 100_000 - 400
    assert detail(network).select("duration_s", "act_basic_li").rows() == [(60, 400)]


def test_silence_counts_whole_from_when_networks_can_be_heard_again_and_what_ended_is_known_as_long(network):  # noqa: F811
    open_wallet(network, 100_000)
    network.ask(1, 0, Kind.INITIAL, moment(), **CALL)
    network.ask(2, 0, Kind.INITIAL, moment())
    network.ask(2, 1, Kind.TERMINATION, moment("2026-10-05 10:00:05"), used_down=MB, **ENDS)
    heard = "2026-10-05 12:00:00"
    sweep(network, "05 12:02:00", heard)
    assert network.owner.state.desk.sessions["life"][:].tolist().count(Life.OPEN) == 1
    again, _ = network.ask(2, 1, Kind.TERMINATION, moment("2026-10-05 12:02:00"), used_down=MB, **ENDS)
    assert (again["result"], again["is_repeat"], network.wallet()["balance_li"]) == (2001, 1, 100_000 - 290)
    sweep(network, "05 12:02:01", heard)
    assert network.owner.state.desk.sessions["life"][:].tolist().count(Life.EXPIRED) == 1
    sweep(network, "05 12:05:01", heard)
    assert network.ask(2, 1, Kind.TERMINATION, moment("2026-10-05 12:05:01"))[0]["result"] == Result.UNKNOWN_SESSION


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize(("after", "result"), [("06 10:02:02", 2001), ("06 10:02:05", 5002)])
def test_what_a_network_reports_within_a_day_of_a_session_that_silence_settled_is_charged(network, dies, after, result):  # noqa: F811
    """13 minutes at 0.40; known for 24 hours from when it was settled."""
    open_wallet(network, 100_000)
    network.ask(1, 0, Kind.INITIAL, moment(), **NUMBERED)
    sweep(network, "05 10:02:03")
    sweep(network, "05 10:13:01")
    if dies:
        network.owner.snapshot()
        network.crash()
    sweep(network, after)
    answer, _ = network.ask(1, 1, Kind.TERMINATION, moment(f"2026-10-{after}"), used_s=780, **{**NUMBERED, **ENDS})
    assert answer["result"] == result
    assert network.wallet()["balance_li"] == 100_000 - (5200 if result == 2001 else 0)
    if result == 2001:  # answered: forgotten as soon as any that ended
        sweep(network, "06 10:07:03")
        assert not network.owner.state.desk.sessions["life"].any()
        assert filed(network, of_msc("2026-10-05 10:00:00", 780, call_ref=555)) == (0, 1)  # a day before ours


def test_data_reported_an_hour_late_are_charged_beside_what_was_and_their_file_is_not(network):  # noqa: F811
    open_wallet(network, 100_000)
    network.ask(1, 0, Kind.INITIAL, moment(), call_ref=777)
    network.ask(1, 1, Kind.UPDATE, moment("2026-10-05 10:01:00"), used_down=MB, call_ref=777)
    for at in ("05 11:05:00", "05 11:11:00"):
        sweep(network, at)
    late, _ = network.ask(1, 2, Kind.TERMINATION, moment("2026-10-05 11:11:01"), used_down=50 * MB, **ENDS)
    assert (late["result"], network.wallet()["balance_li"]) == (2001, 100_000 - 51 * 290)
    assert filed(network, cdr(777, "2026-10-05 10:00:00", 51 * MB)) == (0, 1)


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("call_ref", [555, 0])
def test_a_call_settled_with_nothing_used_is_charged_from_its_file_and_then_no_more_from_its_network(
    network,  # noqa: F811
    dies,
    call_ref,
):
    open_wallet(network, 100_000)
    network.ask(1, 0, Kind.INITIAL, moment(), **{**NUMBERED, "call_ref": call_ref})
    sweep(network, "05 10:08:00")
    if dies:
        network.crash()
    assert filed(network, of_msc("2026-10-05 10:00:05", 780, call_ref=call_ref)) == (1, 0)
    if dies:
        digest = network.owner.state.digest()
        network.crash()
        assert network.owner.state.digest() == digest
    late, _ = network.ask(1, 1, Kind.TERMINATION, moment("2026-10-05 10:13:02"), used_s=780, **{**NUMBERED, **ENDS})
    assert (late["result"], network.wallet()["balance_li"]) == (5002, 100_000 - 5200)


MESSAGE = {"record_type": RecordType.SMS_MO, "other": 2 * 10**18 + OTHER, "rating_group": -1}


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize(("about", "used", "row", "act_li"), [
    (CALL | {"other": 2 * 10**18 + OTHER}, {"used_s": 780}, of_msc("2026-10-05 10:00:05", 780), 5200),
    (MESSAGE, {"used_units": 1}, of_smsc("2026-10-05 10:00:05"), 100),
])  # fmt: skip
def test_a_call_or_message_without_a_number_reported_late_began_when_it_was_asked_and_its_file_is_not_charged(
    network, about, used, row, act_li, dies, asks  # noqa: F811
):  # fmt: skip
    open_wallet(network, 100_000)
    network.ask(1, 0, Kind.INITIAL, moment(), **about, asking=asks)
    sweep(network, "05 12:02:03")
    if dies:
        network.crash()
    at = moment("2026-10-05 12:13:00")
    assert network.ask(1, 1, Kind.TERMINATION, at, **used, **about, **ENDS)[0]["result"] == 2001
    assert filed(network, row) == (0, 1)
    assert network.wallet()["balance_li"] == 100_000 - act_li
    started = detail(network).filter(act_basic_li=act_li)["start_local_s"].to_list()
    assert started == [local_s("2026-10-05 10:00:00")]


@pytest.mark.parametrize("dies", [False, True])
def test_a_message_settled_with_nothing_used_is_charged_from_its_file_and_one_record_is_of_one_message(network, dies):  # noqa: F811
    """Two to one number, 3 s apart: the file tells of the first."""
    open_wallet(network, 100_000)
    for session, second in ((2, "03"), (1, "00")):
        network.ask(session, 0, Kind.INITIAL, moment(f"2026-10-05 10:00:{second}"), **MESSAGE)
    sweep(network, "05 12:02:03")
    if dies:
        network.crash()
    assert filed(network, of_smsc("2026-10-05 10:00:02")) == (1, 0)
    if dies:
        digest = network.owner.state.digest()
        network.crash()
        assert network.owner.state.digest() == digest
    at = moment("2026-10-05 12:13:02")
    late = [network.ask(name, 1, Kind.TERMINATION, at, used_units=1, **MESSAGE, **ENDS)[0]["result"] for name in (1, 2)]
    assert (late, network.wallet()["balance_li"]) == ([5002, 2001], 100_000 - 2 * 100)
    assert filed(network, of_smsc("2026-10-05 10:00:05")) == (0, 1)


def test_a_data_session_settled_with_nothing_used_is_charged_from_its_file_and_no_other_session_is_ended(network):  # noqa: F811
    open_wallet(network, 100_000)
    for session in (1, 2):
        network.ask(session, 0, Kind.INITIAL, moment(), call_ref=700 + session)
    sweep(network, "05 11:05:00")
    assert filed(network, cdr(701, "2026-10-05 10:00:00", MB)) == (1, 0)
    told, _ = network.ask(1, 1, Kind.TERMINATION, moment("2026-10-05 11:06:00"), used_down=MB, **ENDS)
    other, _ = network.ask(2, 1, Kind.TERMINATION, moment("2026-10-05 11:06:00"), used_down=MB, **ENDS)
    assert (told["result"], other["result"], network.wallet()["balance_li"]) == (5002, 2001, 100_000 - 2 * 290)


# --- more on file than was charged online --------------------------------------------------------------------------


def two_people() -> tuple[int, int]:
    """Who may adjust, and who may approve it."""
    at, found = datetime(2026, 1, 1, tzinfo=UTC), []
    put_org_nodes(nodes=[OrgNodeView("P", "PROVINCE", None, "省", "Province")], at=at)
    for login, right in (("clerk", "receivables.adjust"), ("chief", "receivables.approve")):
        put_role(code=login.upper(), name_zh=login, name_en=login, rights=[right], at=at)
        found.append(put_staff(login=login, roles=[login.upper()], name_zh=login, name_en=login, org_code="P",
                               password="not-a-secret", language="en", at=at))  # fmt: skip
    return found[0], found[1]


@pytest.mark.parametrize(("kind", "online", "filed_use", "rest", "before_li", "after_li"), [
    ("data", MB, 51 * MB, (0, 50 * MB), 290, 51 * 290),
    ("call", 31, 95, (64, 0), 400, 3 * 400),  # of the rest, 64 s, two minutes: as a late report of it would cost
    ("call", 0, 780, (780, 0), 0, 13 * 400),
])  # fmt: skip
def test_what_files_tell_beyond_what_was_charged_of_a_session_that_fell_silent_is_charged_by_a_person_once(
    network, kind, online, filed_use, rest, before_li, after_li, settings  # noqa: F811
):  # fmt: skip
    open_wallet(network, 100_000)
    about = NUMBERED if kind == "call" else {"call_ref": 777}
    used = {"used_s": online} if kind == "call" else {"used_down": online}
    network.ask(1, 0, Kind.INITIAL, moment(), **about)
    if online:
        network.ask(1, 1, Kind.UPDATE, moment("2026-10-05 10:01:00"), **used, **about)
    row = (of_msc("2026-10-05 10:00:05", filed_use, call_ref=555) if kind == "call"
           else cdr(777, "2026-10-05 10:00:00", filed_use))  # fmt: skip
    assert filed(network, row) == (0, 1)  # it still runs
    sweep(network, "05 12:05:00")
    assert network.wallet()["balance_li"] == 100_000 - before_li
    detail(network)
    assert [one.repair for one in differing(7)] == ["CHARGE_FILE"]
    adjusts, approves = two_people()
    who = {"at": datetime(2026, 10, 7, 9, tzinfo=UTC), "staff_id": adjusts}
    (one,) = assure_money.differences(check="GATEWAYS")
    with pytest.raises(SecondPersonNeeded):
        assure_money.repair(difference_id=one.difference_id, **who)
    with pytest.raises(assure_money.NotSure):  # no engine answers
        assure_money.repair(difference_id=one.difference_id, approved_by=approves, **who)
    with answering(network.owner, settings.DATA_DIR), pytest.raises(assure_money.NotSure):  # may report until 12:05:00
        assure_money.repair(difference_id=one.difference_id, approved_by=approves, **who)
    network.crash()
    sweep(network, "06 12:05:02")
    with answering(network.owner, settings.DATA_DIR):
        assert not UsageChunk.objects.filter(state="READY").exists()
        assert assure_money.repair(difference_id=one.difference_id, approved_by=approves, **who).state == "REPAIRED"
        (again,) = differing(7)  # the engine has not taken it yet
        with pytest.raises(assure_money.NothingLeft):
            assure_money.repair(difference_id=again.difference_id, approved_by=approves, **who)
    network.owner.drain()
    assert network.wallet()["balance_li"] == 100_000 - after_li
    charged = detail(network).sort("partial_seq").tail(1)
    assert charged.select("duration_s", "down_bytes").row(0) == rest
    assert differing(8) == []
    network.crash()
    assert network.wallet()["balance_li"] == 100_000 - after_li


def test_what_is_told_of_a_session_beyond_midnight_is_compared_with_all_of_it_and_charged_once(network, settings):  # noqa: F811
    """1 MB at 23:00, 10 MB reported late at 1:00, 11 MB on file."""
    open_wallet(network, 100_000)
    network.ask(1, 0, Kind.INITIAL, moment("2026-10-05 23:00:00"), call_ref=777)
    network.ask(1, 1, Kind.UPDATE, moment("2026-10-05 23:01:00"), used_down=MB, call_ref=777)
    sweep(network, "06 00:59:00")
    network.ask(1, 2, Kind.TERMINATION, moment("2026-10-06 01:00:00"), used_down=10 * MB, call_ref=777, **ENDS)
    sweep(network, "06 01:06:00")
    assert filed(network, cdr(777, "2026-10-05 23:00:00", 11 * MB)) == (0, 1)
    assert detail(network)["start_local_s"].sort().to_list() == [
        local_s(f"2026-10-{at}") for at in ("05 23:00:00", "06 01:00:00")
    ]
    assert [differing(day) for day in (7, 11)] == [[], []]
    about = {"subscriber_id": 12, "session": "777", "at": datetime(2026, 10, 7, tzinfo=UTC)}
    first, midnight, last = (local_s(f"2026-10-{day} 00:00:00") for day in ("02", "06", "10"))
    with answering(network.owner, settings.DATA_DIR):
        with pytest.raises(NothingLeft):
            charge_rest(from_local_s=first, to_local_s=midnight, **about)
        with pytest.raises(NotSure):  # it began before
            charge_rest(from_local_s=midnight, to_local_s=last, **about)
    assert not UsageChunk.objects.filter(state="READY").exists()


def test_what_is_told_of_a_call_without_a_number_is_charged_by_nobody_once_it_has_reported_late(network, settings):  # noqa: F811
    """31 s, then 64 s reported late; 95 s on file."""
    about = {**CALL, "other": 2 * 10**18 + OTHER}
    open_wallet(network, 100_000)
    network.ask(1, 0, Kind.INITIAL, moment(), **about)
    network.ask(1, 1, Kind.UPDATE, moment("2026-10-05 10:00:31"), used_s=31, **about)
    sweep(network, "05 10:05:00")
    network.ask(1, 2, Kind.TERMINATION, moment("2026-10-05 10:06:00"), used_s=64, **{**about, **ENDS})
    sweep(network, "05 10:12:00")
    assert filed(network, of_msc("2026-10-05 10:00:00", 95)) == (0, 1)
    detail(network)
    began_s = local_s("2026-10-05 10:00:00")
    with answering(network.owner, settings.DATA_DIR), pytest.raises(NotSure):
        charge_rest(subscriber_id=12, session=f"{int(RecordType.MOC)}-{began_s}", from_local_s=began_s,
                    to_local_s=began_s + 1, at=datetime(2026, 10, 7, tzinfo=UTC))  # fmt: skip


def differing(day: int) -> list[assure_money.DifferenceView]:
    """What the check of a day finds."""
    assure_money.run(on=date(2026, 10, day), at=datetime(2026, 10, day, tzinfo=UTC), checks=("GATEWAYS",))
    return assure_money.differences(check="GATEWAYS")
