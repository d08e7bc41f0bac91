"""Where online charging of others went wrong, by their trackers: each has its test (issue 4 section 7)."""

import random
import threading
import time

import numpy as np
import pytest
from django.db import DatabaseError, connection

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online.requests import Action, Kind, Result, empty_requests
from tests.access.network.test_diameter import Listener, Wire, credit_request

from . import test_rerating as rerated
from .conftest import local_s, rule_id_of
from .test_online import MB, NUMBERING, PREPAID, Network, detail, moment, network, open_wallet  # noqa: F401
from .test_online_events import CALL, debit, refund, settle
from .test_owner import world  # noqa: F401 - a fixture
from .test_rerating import world as bare_world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)
OTHER = 8613900000001


def together(network: Network, wanted: list[dict], at: str = "2026-10-05 10:05:00"):  # noqa: F811
    """Send requests as one group; return result and cost of each, and in how many turns all were answered."""
    requests, asks = empty_requests(len(wanted))
    for place, one in enumerate(wanted):
        known = {
            "key_lo": 77,
            "served": 2 * 10**18 + PREPAID,
            "other": 2 * 10**18 + OTHER,
            "asks": 1,
            "first_ask": place,
        }
        for name, value in (known | one).items():
            (asks if name in asks.dtype.names else requests)[name][place] = value
    found, turns, left = [None] * len(wanted), 0, np.arange(len(wanted))
    while len(left):
        decided = network.owner.serve(requests[left], asks, numbering=NUMBERING, moment=moment(at))
        for place in np.flatnonzero(decided.taken):
            found[left[place]] = (int(decided.answers["result"][place]), int(decided.answers["cost_li"][place]))
        turns, left = turns + 1, left[~decided.taken]
    return found, turns


def test_a_retransmission_after_a_crash_is_not_debited_again(network):  # noqa: F811
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    first = network.ask(1, 1, Kind.UPDATE, moment(), used_down=3 * MB)
    debit(network, 2, 3)
    network.crash()
    again = network.ask(1, 1, Kind.UPDATE, moment("2026-10-05 10:00:07"), used_down=3 * MB)
    assert (again[0]["is_repeat"], again[1]) == (1, first[1])
    assert debit(network, 2, 3)[0]["is_repeat"] == 1
    assert network.wallet()["balance_li"] == 10_000 - 870 - 300


def test_records_rated_again_whenever_another_session_reports_are_paid_for_once(network):  # noqa: F811
    open_wallet(network, 100_000)
    for session in (1, 2, 3):
        network.ask(session, 0, Kind.INITIAL, moment())
    for number in range(1, 9):
        for session in (1, 2, 3):
            network.ask(session, number, Kind.UPDATE, moment(), used_down=333_333)
    used_kb = -(-8 * 333_333 // 1024)
    assert 100_000 - network.wallet()["balance_li"] == (3 * used_kb * 290 * 2 + 1024) // 2048


def test_sessions_that_a_gateway_forgot_when_it_restarted_hold_no_money_back_for_long(network):  # noqa: F811
    open_wallet(network, 3500)
    network.ask(1, 0, Kind.INITIAL, moment())
    network.ask(1, 1, Kind.UPDATE, moment(), used_down=MB)  # the gateway dies here and never speaks of it again
    _answer, quota = network.ask(2, 0, Kind.INITIAL, moment("2026-10-05 10:01:00"))
    assert quota["granted"] == MB  # for what is left
    network.owner.sweep(moment("2026-10-05 11:00:30"))
    assert network.owner.state.desk.wallets["reserved_li"][0] == 290  # only what the new session holds
    _answer, quota = network.ask(2, 1, Kind.UPDATE, moment("2026-10-05 11:01:00"))
    assert quota["granted"] > 9 * MB
    assert detail(network)["act_basic_li"].to_list() == [290]


def test_sessions_that_a_gateway_forgot_when_it_restarted_are_settled_at_once_when_it_says_that_it_did(network):  # noqa: F811
    open_wallet(network, 3500)
    listener = Listener(network)
    gateway = Wire(listener.port, host="gw.test", state_id=7)
    for number, used in enumerate((None, {"cc_total_octets": MB})):
        gateway.send(credit_request("gw;1", 1 + number, number, used=used).as_bytes())
        assert gateway.answer().result_code == 2001
    gateway.line.close()  # it dies, and comes back with a greater Origin-State-Id (RFC 6733 8.16)
    again = Wire(listener.port, host="gw.test", state_id=8)
    again.send(credit_request("gw;2", 1, 0).as_bytes())
    granted = again.answer().multiple_services_credit_control[0].granted_service_unit
    listener.stop()
    assert granted.cc_total_octets == 10 * MB  # nothing of the money is held for what it forgot
    assert detail(network)["act_basic_li"].to_list() == [290]
    assert listener.faults == []


def test_negative_increments_of_any_kind_of_use_or_event_are_no_credit(network):  # noqa: F811
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    network.ask(1, 1, Kind.UPDATE, moment(), used_down=MB)
    for number, name in enumerate(("used_down", "used_up", "after_down", "used_li", "used_s", "want_octets"), 2):
        network.ask(1, number, Kind.UPDATE, moment(), **{name: -(2**45)})
        assert network.wallet()["balance_li"] == 10_000 - 290
    debit(network, 2, 3)
    assert refund(network, 3, 2, want_units=-5)[0]["result"] == Result.UNABLE_TO_COMPLY
    assert debit(network, 4, -7)[0]["cost_li"] == 100  # as one
    assert network.wallet()["balance_li"] == 10_000 - 290 - 300 - 100
    data = {"record_type": RecordType.DATA, "other": 0, "rating_group": 1}
    for session, name in ((5, "want_octets"), (6, "want_li")):
        answer, _quota = debit(network, session, 0, **{**data, name: 2**62})
        assert answer["result"] == Result.INVALID_VALUE  # not so much that it turns round
    assert network.wallet()["balance_li"] == 10_000 - 690


def test_less_used_than_before_is_no_credit(network):  # noqa: F811
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment(), **CALL)
    network.ask(1, 1, Kind.UPDATE, moment(), used_s=61, **CALL)
    network.ask(1, 2, Kind.UPDATE, moment(), used_s=-60, **CALL)
    network.ask(1, 3, Kind.TERMINATION, moment(), used_s=-(2**40), asking=False, **CALL)
    assert network.wallet()["balance_li"] == 10_000 - 800


def test_what_is_reserved_is_what_is_debited_is_what_the_record_says(network):  # noqa: F811
    open_wallet(network, 1_000_000)
    dice = random.Random(7)
    network.ask(1, 0, Kind.INITIAL, moment(), want_octets=dice.randrange(1, MB))
    for number in range(1, 40):
        held, before = network.wallet(), int(network.owner.state.desk.services["granted"].max())
        network.ask(1, number, Kind.UPDATE, moment(), used_down=before, want_octets=dice.randrange(1, 3 * MB))
        assert held["balance_li"] - network.wallet()["balance_li"] == held["reserved_li"]
    network.ask(1, 40, Kind.TERMINATION, moment(), asking=False)
    assert detail(network)["act_basic_li"].sum() == 1_000_000 - network.wallet()["balance_li"]


def test_users_of_one_wallet_wait_for_each_other_in_order_and_never_for_ever(network):  # noqa: F811
    wallet = {"account_id": 5, "balance_li": 1000, "limit_li": 0, "subscriber_ids": [11, 12]}
    assert network.order("WALLETS", wallets=[wallet]).state == "DONE"
    texts = [{"key_hi": 100 + n, "kind": Kind.EVENT, "record_type": RecordType.SMS_MO, "want_units": 2,
              "served": 2 * 10**18 + (PREPAID, OTHER)[n % 2]} for n in range(7)]  # fmt: skip
    found, turns = together(network, texts)
    assert [result for result, _cost in found] == [2001] * 5 + [Result.CREDIT_LIMIT_REACHED] * 2
    assert (turns, network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (7, 0, 0)


def test_two_wallets_crossed_in_every_group_and_asked_about_all_the_time_never_lock_each_other(network):  # noqa: F811
    """Members of each family share a wallet; every group names both wallets, in an order of its own."""
    wallets = [{"account_id": account, "balance_li": 3_000, "subscriber_ids": [user]}
               for account, user in ((5, 11), (6, 12))]  # fmt: skip
    assert network.order("WALLETS", wallets=wallets).state == "DONE"
    network.order("GRANT", subscriber_id=11, rule_id=rule_id_of("GOTONE_98", "MIN"), units=10,
                  from_local_s=local_s("2026-10-01"), to_local_s=local_s("2026-11-01"))  # fmt: skip
    over, told = threading.Event(), []

    def ask_on() -> None:
        while not over.is_set():
            told.append(
                network.owner.user_now(11)["money"]["balance_li"] + network.owner.unbilled_of([12])["12"]["202610"]
            )

    begun_s, asking = time.monotonic(), threading.Thread(target=ask_on)
    asking.start()
    for turn in range(10):
        pair = [{"key_hi": 1000 + 2 * turn + n, "kind": Kind.EVENT, "record_type": RecordType.SMS_MO, "want_units": 1,
                 "served": 2 * 10**18 + (OTHER, PREPAID)[(turn + n) % 2]} for n in range(2)]  # fmt: skip
        found, turns = together(network, pair)
        assert ([result for result, _ in found], turns) == ([2001, 2001], 1)  # neither waits for the other
        give = {"subscriber_id": 11, "to_id": 12, "rule_id": rule_id_of("GOTONE_98", "MIN"), "units": 1,
                "at_local_s": local_s("2026-10-05")}  # fmt: skip
        assert network.order("GIVE", **give).state == "DONE"
    over.set()
    asking.join(20)
    assert not asking.is_alive()
    assert told
    assert time.monotonic() - begun_s < 60
    assert network.owner.state.desk.wallets["balance_li"].tolist() == [2_000, 2_000]


def test_no_order_of_refunds_lets_a_balance_grow(network):  # noqa: F811
    open_wallet(network, 10_000)
    dice = random.Random(3)
    for session in range(1, 6):
        debit(network, session, session)
    for number in range(40):
        session, units = dice.randrange(1, 6), dice.randrange(0, 9)
        refund(network, 100 + number, session, want_units=units)
        assert network.wallet()["balance_li"] <= 10_000
    assert network.wallet()["balance_li"] == 10_000
    settle(network)
    assert network.owner.lake.open_usage() is None


@pytest.mark.parametrize("is_refund_first", [True, False])
def test_a_refund_that_races_with_the_end_of_a_session_or_of_its_debit_is_given_or_refused(network, is_refund_first):  # noqa: F811
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    debit(network, 2, 3, "2026-10-05 10:00:00")
    back = {"key_hi": 3, "kind": Kind.EVENT, "action": Action.REFUND, "record_type": RecordType.SMS_MO, "debit_hi": 2,
            "debit_lo": 77, "rating_group": -1}  # fmt: skip
    wrong = {**back, "key_hi": 4, "debit_hi": 1}
    end = {"key_hi": 1, "kind": Kind.TERMINATION, "number": 1, "record_type": RecordType.DATA, "rating_group": 1,
           "used_down": MB}  # fmt: skip
    group = [back, wrong, end] if is_refund_first else [end, wrong, back]
    found, _turns = together(network, group, "2026-10-05 10:04:00")
    assert sorted(found) == [(2001, 0), (2001, 300), (Result.UNABLE_TO_COMPLY, 0)]
    assert network.wallet()["balance_li"] == 10_000 - 290
    debit(network, 5, 1, "2026-10-05 10:10:00")
    settle(network)  # the record of the debit is closed: a refund comes too late, and again, and after it is forgotten
    for session, at in ((6, "2026-10-05 10:31:00"), (7, "2026-10-05 10:32:00"), (8, "2026-10-05 12:00:00")):
        assert refund(network, session, 5, at=at)[0]["result"] == Result.UNABLE_TO_COMPLY
        settle(network, at)
    assert network.wallet()["balance_li"] == 10_000 - 290 - 100


@pytest.mark.parametrize("is_refund_first", [True, False])
def test_refunds_and_ends_in_groups_that_are_on_their_way_together_race_without_harm(network, is_refund_first):  # noqa: F811
    """Over two lines: the second group is decided before the first is in the journal, and all is sent again later."""
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    debit(network, 2, 3, "2026-10-05 10:00:00")
    network.owner.snapshot()
    requests, asks = empty_requests(2)
    requests["key_hi"], requests["key_lo"], requests["served"] = (3, 1), 77, 2 * 10**18 + PREPAID
    requests["kind"], requests["number"] = (Kind.EVENT, Kind.TERMINATION), (0, 1)
    requests["record_type"], requests["action"] = (RecordType.SMS_MO, RecordType.DATA), (Action.REFUND, 0)
    requests["debit_hi"], requests["debit_lo"], requests["other"] = (2, 0), (77, 0), (2 * 10**18 + OTHER, 0)
    requests["asks"], requests["first_ask"] = 1, (0, 1)
    asks["rating_group"], asks["used_down"] = (-1, 1), (0, MB)
    order = [[0], [1]] if is_refund_first else [[1], [0]]

    def send():
        return [network.owner.decide(requests[one], asks, numbering=NUMBERING, moment=moment("2026-10-05 10:04:00"))
                for one in order]  # fmt: skip

    with network.owner.running_ahead():
        first = send()
        network.owner.settle()
    assert [int(one.answers["result"][0]) for one in first] == [2001, 2001]
    network.crash()
    assert network.wallet()["balance_li"] == 10_000 - 290
    assert [int(one.answers["is_repeat"][0]) for one in send()] == [1, 1]
    assert network.wallet()["balance_li"] == 10_000 - 290


def test_re_rating_debits_what_is_too_little_once_wherever_the_engine_dies_in_it(bare_world):  # noqa: F811
    rerated.publish(data="0.29")
    rerated.live([("IMAGE", {12: {"number": PREPAID}}), ("OPEN_CYCLE", 202610)])
    network = Network(bare_world)  # noqa: F811
    open_wallet(network, 20_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    network.ask(1, 1, Kind.TERMINATION, moment(), used_down=10 * MB, asking=False)
    network.ask(2, 0, Kind.INITIAL, moment())
    network.ask(2, 1, Kind.UPDATE, moment(), used_down=5 * MB)  # goes on
    network.owner.flush()
    sha256 = rerated.publish(data="0.50")
    folder, part = "rerate/1", rerated.rerating.users_file(np.array([12]), "rerate/1")
    looked = rerated.rerating.look(folder=folder, users=part)
    replay = rerated.rerating.replay_from(users=part, first_cycle=202610, sha256=sha256)
    replay.run_to(looked.position)
    replay.corrections()
    command = rerated.rerating._command(1, folder, part, replay, looked)
    rerated.journal.send_command(kind="RERATE", payload=command)
    network.crash()
    with pytest.raises(DatabaseError), connection.execute_wrapper(rerated._dies_at_the_journal):
        network.owner.turn()  # in the middle: nothing of it is left
    network.crash()
    assert network.wallet()["balance_li"] == 20_000 - 2_900 - 1_450
    network.owner.turn()  # dies behind the commit, before the detail store
    for _ in range(2):
        network.crash()
        network.owner.drain()
        assert network.wallet()["balance_li"] == 20_000 - 5_000 - 1_450  # what still grows: with its next step
    network.ask(2, 2, Kind.UPDATE, moment(), used_down=5 * MB)
    network.ask(2, 2, Kind.UPDATE, moment(), used_down=5 * MB)
    network.ask(2, 3, Kind.TERMINATION, moment(), asking=False)
    assert network.wallet()["balance_li"] == 20_000 - 5_000 - 5_000
    assert rerated.re_rate(sha256, 202610, users=(12,))["corrected"] == 1  # was done, and is not done again
    network.crash()
    assert network.wallet()["balance_li"] == 10_000
    assert detail(network)["act_basic_li"].to_list() == [5_000, 5_000]
