"""What networks say again or too late: events of one session, refunds, services named twice, use of who was stopped."""

# ruff: noqa: F811 - fixtures

import numpy as np
import pytest

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online.black_list import Handsets, running_with_listed
from openboss.modules.charging.engine.online.desk import SESSION
from openboss.modules.charging.engine.online.requests import Action, Kind, Measure, Result, empty_requests

from .test_online import MB, NUMBERING, PREPAID, Network, detail, moment, network, open_wallet  # noqa: F401 - a fixture
from .test_online_events import debit, refund, settle, settled_and_forgotten
from .test_owner import world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)
MESSAGES = {"record_type": RecordType.SMS_MO, "other": 13900000001}
NOTHING, SERVED, DENIED = 0, Result.SUCCESS, Result.END_USER_SERVICE_DENIED


def ask_many(network: Network, session: int, number: int, kind: Kind, groups, at: str = "2026-10-05 10:00:00", **said):
    """One request about several services; what is said of it and of them. Gives the answer and the quotas."""
    requests, asks = empty_requests(1)
    asks = asks.repeat(len(groups))
    requests["key_hi"], requests["key_lo"], requests["served"] = session, 77, 2 * 10**18 + PREPAID
    requests["kind"], requests["number"], requests["record_type"] = kind, number, RecordType.DATA
    requests["asks"], asks["rating_group"] = len(groups), groups
    for name, value in said.items():
        (requests if name in requests.dtype.names else asks)[name] = value
    decided = network.owner.serve(requests, asks, numbering=NUMBERING, moment=moment(at))
    return decided.answers[0], decided.quotas


def stop(network: Network, barred: int = 2) -> None:
    assert network.order("STATE", subscriber_id=12, barred=barred).state == "DONE"


def list_number(network: Network, number: int) -> None:
    assert network.order("BLACK_LIST", what="NUMBER", number=number, until_s=1 << 62).state == "DONE"


# --- events of one session --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crash", [False, True])
def test_a_refund_with_the_number_of_its_debit_is_no_repeat_of_it(network, crash):
    open_wallet(network, 1000)
    debit(network, 1, 3)
    for _again in range(2):
        if crash:
            network.crash()
        assert refund(network, 1, 1, number=0, want_units=2)[0]["cost_li"] == 200
        assert network.wallet()["balance_li"] == 900
    assert debit(network, 1, 3)[0]["result"] == Result.UNABLE_TO_COMPLY
    settle(network)
    assert detail(network).select("message_count", "act_basic_li").rows() == [(1, 100)]


@pytest.mark.parametrize("asked", [Action.PRICE, Action.CHECK_BALANCE])
def test_an_enquiry_leaves_its_session_to_a_debit_of_the_same_user(network, asked):
    open_wallet(network, 1000)
    assert ask_many(network, 1, 0, Kind.EVENT, (1, 2, 3), action=asked, want_units=1, **MESSAGES)[0]["cost_li"] == 300
    assert refund(network, 1, 1, number=0)[0]["result"] == Result.UNABLE_TO_COMPLY  # of nothing
    other = debit(network, 1, 3, served=PREPAID - 1)
    assert (other[0]["result"], other[0]["place"]) == (Result.UNABLE_TO_COMPLY, -1)
    for _again in range(2):
        answer, quota = debit(network, 1, 4, record_type=RecordType.SMS_MO)
        assert (answer["cost_li"], quota["granted"], network.wallet()["balance_li"]) == (400, 4, 600)
    network.crash()
    assert refund(network, 2, 1)[0]["cost_li"] == 400
    settle(network)
    assert network.wallet()["balance_li"] == 1000


def test_of_sessions_from_before_their_actions_were_kept_a_repeat_is_known_by_number_and_kind(network):
    open_wallet(network, 1000)
    first = debit(network, 1, 3)
    sessions = network.owner.state.desk.sessions
    assert sessions["action"][first[0]["place"]] == 1 + Action.DEBIT
    sessions["action"] = 0  # as an older snapshot or journal has it
    assert debit(network, 1, 3)[0]["is_repeat"] == 1
    assert (network.wallet()["balance_li"], SESSION.itemsize) == (700, 72)


def test_a_refund_sent_again_is_known_as_long_as_its_debit_can_be_refunded(network):
    open_wallet(network, 1000)
    debit(network, 1, 3)
    assert refund(network, 2, 1, want_units=1, at="2026-10-05 10:00:10")[0]["cost_li"] == 100
    assert refund(network, 1, 1, number=1, want_units=1, at="2026-10-05 10:04:50")[0]["cost_li"] == 100
    settle(network, "2026-10-05 10:05:11")
    again = refund(network, 2, 1, want_units=1, at="2026-10-05 10:05:12", is_repeated=1)
    assert (again[0]["is_repeat"], again[0]["cost_li"], network.wallet()["balance_li"]) == (1, 100, 900)
    late = refund(network, 3, 1, want_units=1, at="2026-10-05 10:05:13")
    assert late[0]["result"] == Result.UNABLE_TO_COMPLY  # 5 minutes from the debit, not from its last refund
    assert detail(network).select("message_count", "act_basic_li").rows() == [(1, 100)]


def test_a_refund_named_by_its_debits_session_is_given_to_who_was_stopped_meanwhile(network):
    open_wallet(network, 1000)
    debit(network, 1, 3)
    stop(network)
    answer, quota = refund(network, 2, 1, want_units=1)
    assert (answer["result"], answer["cost_li"], quota["result"]) == (SERVED, 100, SERVED)
    assert network.wallet()["balance_li"] == 800
    assert debit(network, 3, 1)[0]["result"] == DENIED


# --- use of who was stopped -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["stopped", "listed"])
def test_an_event_that_is_over_is_charged_whoever_was_stopped_or_listed_meanwhile(network, why):
    open_wallet(network, 150)
    stop(network) if why == "stopped" else list_number(network, PREPAID)
    assert debit(network, 1, 1)[0]["result"] == DENIED
    for _again in range(2):
        assert debit(network, 2, 0, action=Action.OVER, used_units=3)[0]["result"] == SERVED
        assert network.wallet()["balance_li"] == -150
    settle(network)
    assert detail(network).select("message_count", "act_basic_li").rows() == [(3, 300)]


def test_a_session_that_ran_already_is_reported_by_who_was_stopped_and_is_given_nothing_more(network):
    """As over RADIUS: the engine was not told of its beginning, or has forgotten it."""
    open_wallet(network, 10_000)
    stop(network)
    assert network.ask(1, 0, Kind.INITIAL, moment(), asking=False)[0]["result"] == DENIED
    assert network.ask(2, 0, Kind.INITIAL, moment(), asking=False, action=Action.OVER)[0]["result"] == SERVED
    answer, quota = network.ask(2, 1, Kind.UPDATE, moment(), used_down=MB)
    assert (answer["result"], quota["result"], quota["granted"]) == (SERVED, DENIED, 0)
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (9_710, 0)
    network.ask(2, 2, Kind.TERMINATION, moment(), used_down=MB, asking=False)
    assert network.wallet()["balance_li"] == 9_420


@pytest.mark.parametrize("when", ["used_down", "after_down"])
def test_a_first_request_that_reports_use_is_charged_it_and_refused_more_if_its_user_was_stopped(network, when):
    open_wallet(network, 10_000)
    stop(network)
    for _again in range(2):
        answer, quota = network.ask(1, 0, Kind.INITIAL, moment(), **{when: MB})
        assert (answer["result"], quota["result"], quota["granted"]) == (DENIED, DENIED, 0)
        assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (9_710, 0)
    assert detail(network).select("down_bytes", "act_basic_li").rows() == [(MB, 290)]


def test_a_first_request_of_a_listed_number_that_reports_use_is_charged_it_given_nothing_and_ended(network):
    open_wallet(network, 10_000)
    list_number(network, PREPAID)
    answer, quota = network.ask(1, 0, Kind.INITIAL, moment(), used_down=MB)
    assert (answer["result"], quota["granted"]) == (SERVED, 0)
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (9_710, 0)
    state, now_s = network.owner.state, moment().now_s
    opened = np.array([answer["place"]])
    assert running_with_listed(state.black_list, state.desk, Handsets(), now_s, among=opened).tolist() == [opened[0]]
    assert network.ask(2, 0, Kind.INITIAL, moment())[0]["result"] == DENIED


# --- services named twice, and too many -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "more"), [(Kind.INITIAL, {}), (Kind.UPDATE, {"used_down": (MB, MB), "want_octets": (0, 5 * MB)})]
)
def test_a_request_with_a_service_named_twice_is_answered_the_same_when_it_comes_again(network, kind, more):
    open_wallet(network, 100_000)
    if kind == Kind.UPDATE:
        network.ask(1, 0, Kind.INITIAL, moment())
    number = int(kind == Kind.UPDATE)
    answer, quotas = ask_many(network, 1, number, kind, (1, 1, 2), is_asking=1,
                              **{name: (*both, 0) for name, both in more.items()})  # fmt: skip
    granted = [5 * MB if more else 10 * MB, NOTHING, 10 * MB]
    assert (quotas["granted"].tolist(), quotas["result"].tolist()) == (granted, [SERVED] * 3)
    assert network.wallet()["balance_li"] == 100_000 - (580 if more else 0)
    again, same = ask_many(network, 1, number, kind, (1, 1, 2), is_asking=1,
                           **{name: (*both, 0) for name, both in more.items()})  # fmt: skip
    assert (again["result"], again["is_repeat"]) == (answer["result"], 1)
    assert (same == quotas).all()


def test_a_service_named_twice_wants_what_both_say(network):
    open_wallet(network, 100_000)
    five = ask_many(network, 1, 0, Kind.INITIAL, (1, 1), is_asking=(0, 1), want_units=(0, 5), **MESSAGES)[1]
    assert (five["measure"][0], five["granted"].tolist()) == (Measure.UNITS, [5, NOTHING])
    money = ask_many(network, 2, 0, Kind.INITIAL, (1, 1), is_asking=1, want_li=(200, 300))[1]
    assert (money["measure"][0], money["granted"].tolist()) == (Measure.LI, [500, NOTHING])
    parts = ask_many(network, 3, 0, Kind.INITIAL, (1, 1), is_asking=1, want_octets=(MB, 2 * MB))[1]
    assert parts["granted"].tolist() == [3 * MB, NOTHING]


def test_a_debit_of_two_of_one_service_debits_both_or_neither_and_comes_again_as_it_was(network):
    open_wallet(network, 1_000)
    call = {"record_type": RecordType.MOC, "other": 13900000001, "want_s": (60, 60)}
    price = ask_many(network, 1, 0, Kind.EVENT, (1, 1), action=Action.PRICE, **call)[0]["cost_li"]
    answer, quotas = ask_many(network, 2, 0, Kind.EVENT, (1, 1), **call)
    assert (answer["result"], answer["cost_li"], price) == (SERVED, 800, 800)
    assert (quotas["granted"].tolist(), quotas["result"].tolist()) == ([120, NOTHING], [SERVED, SERVED])
    assert network.wallet()["balance_li"] == 200
    refused, nothing = ask_many(network, 3, 0, Kind.EVENT, (1, 1), **call)
    assert (refused["result"], nothing["result"].tolist()) == (4012, [4012, 4012])
    assert (ask_many(network, 3, 0, Kind.EVENT, (1, 1), **call)[1] == nothing).all()
    settled_and_forgotten(network, "")
    late = ask_many(network, 2, 0, Kind.EVENT, (1, 1), at="2026-10-05 10:15:00", **call)
    assert (late[0]["is_repeat"], late[0]["place"], network.wallet()["balance_li"]) == (1, -1, 200)
    assert (late[1] == quotas).all()
    assert detail(network)["duration_s"].to_list() == [120]


def test_a_request_for_which_a_session_has_too_many_services_is_refused_as_a_whole_each_time_it_comes(network):
    open_wallet(network, 10_000)
    answer, quotas = ask_many(network, 1, 0, Kind.INITIAL, range(1, 65))
    assert (answer["result"], quotas["result"].tolist()) == (SERVED, [SERVED] * 64)
    before = network.wallet()
    for _again in range(2):
        refused, _ = ask_many(network, 1, 1, Kind.UPDATE, (64, 65), is_asking=1, used_down=MB)
        assert (refused["result"], refused["place"], refused["is_repeat"]) == (Result.UNABLE_TO_COMPLY, -1, 0)
        assert network.wallet() == before
    going, quotas = ask_many(network, 1, 1, Kind.UPDATE, (64, 64), is_final=1, used_down=MB)
    assert (going["result"], quotas["result"].tolist()) == (SERVED, [SERVED] * 2)
    assert network.wallet()["balance_li"] == 9_420
    more, quotas = ask_many(network, 1, 2, Kind.UPDATE, (1, 65), is_final=1)  # in the place of the one that ended
    assert (more["result"], quotas["result"].tolist()) == (SERVED, [SERVED] * 2)
