"""One-time events and units of every kind: debits, refunds, prices, money that the network has priced itself."""

import pytest

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online.requests import Action, Kind, Measure, Result, empty_requests
from openboss.modules.charging.models import ErrorRecord
from openboss.modules.system.models import Outbox

from .conftest import local_s, rule_id_of
from .test_online import MB, NUMBERING, PREPAID, Network, detail, moment, network, open_wallet  # noqa: F401 - a fixture
from .test_owner import world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = {"record_type": RecordType.SMS_MO, "other": 13900000001, "rating_group": -1, "asking": False}
CALL = {"record_type": RecordType.MOC, "other": 13900000001, "rating_group": -1}


def debit(network: Network, session: int, units: int = 1, at: str = "2026-10-05 10:00:00", **more):  # noqa: F811
    return network.ask(session, 0, Kind.EVENT, moment(at), **{**TEXT, "want_units": units, **more})


def refund(network: Network, session: int, of: int, *, number: int = 0, at: str = "2026-10-05 10:01:00", **more):  # noqa: F811
    about = {} if of == session else {"debit": of}
    return network.ask(session, number, Kind.EVENT, moment(at), **{**TEXT, "action": Action.REFUND, **about, **more})


def settle(network: Network, at: str = "2026-10-05 10:30:00") -> None:  # noqa: F811
    network.owner.sweep(moment(at))


def test_an_event_is_debited_at_once_and_its_record_settled(network):  # noqa: F811
    open_wallet(network, 1000)
    answer, quota = debit(network, 1, 3)
    assert (answer["result"], answer["cost_li"]) == (2001, 300)
    assert (quota["measure"], quota["granted"]) == (Measure.UNITS, 3)
    assert network.wallet()["balance_li"] == 700
    settle(network)
    assert detail(network).select("message_count", "act_basic_li").rows() == [(3, 300)]


def test_an_event_sent_again_is_debited_once_and_answered_the_same(network):  # noqa: F811
    open_wallet(network, 1000)
    first = debit(network, 1, 3)
    again = debit(network, 1, 3)
    assert (again[0]["cost_li"], again[0]["result"], again[0]["is_repeat"]) == (300, 2001, 1)
    assert again[1] == first[1]
    assert network.wallet()["balance_li"] == 700


def settled_and_forgotten(network: Network, said: str) -> None:  # noqa: F811
    """Let debits of 10:00 be settled and their sessions be forgotten, before the engine dies or around it."""
    settle(network, "2026-10-05 10:07:00")
    if said == "crash":
        network.crash()
    settle(network, "2026-10-05 10:13:00")
    if said == "snapshot":
        network.owner.snapshot()
        network.crash()
    assert not network.owner.state.desk.sessions["life"].any()


@pytest.mark.parametrize("said", ["", "crash", "snapshot"])
@pytest.mark.parametrize("late", ["2026-10-05 10:15:00", "2026-10-06 10:05:59"])
def test_a_debit_sent_again_after_it_was_settled_had_its_success_and_is_not_charged_again(network, said, late):  # noqa: F811
    open_wallet(network, 1000)
    first = debit(network, 1, 3)
    settled_and_forgotten(network, said)
    for is_repeated in (1, 0):
        answer, quota = debit(network, 1, 3, late, is_repeated=is_repeated)
        assert (answer["result"], answer["is_repeat"], answer["place"]) == (2001, 1, -1)
        assert quota == first[1]
    assert network.wallet()["balance_li"] == 700
    assert refund(network, 2, 1, at=late)[0]["result"] == Result.UNABLE_TO_COMPLY
    assert refund(network, 1, 1, number=1, at=late)[0]["result"] == Result.UNABLE_TO_COMPLY
    assert debit(network, 3, 1, late, is_repeated=1)[0]["is_repeat"] == 0  # the first of it that arrived
    assert network.wallet()["balance_li"] == 600
    network.crash()
    assert debit(network, 1, 3, late, is_repeated=1)[0]["is_repeat"] == 1
    assert network.wallet()["balance_li"] == 600


def test_a_debit_that_was_refunded_whole_or_in_part_is_not_charged_when_it_comes_again_and_refunded_once(network):  # noqa: F811
    open_wallet(network, 1000)
    debit(network, 1, 3)
    debit(network, 2, 2)
    assert refund(network, 3, 1)[0]["cost_li"] == 300
    assert refund(network, 2, 2, number=1, want_units=1)[0]["cost_li"] == 100
    settled_and_forgotten(network, "")
    for session, units in ((1, 3), (2, 2)):
        assert debit(network, session, units, "2026-10-05 10:15:00", is_repeated=1)[0]["result"] == 2001
        assert refund(network, 3, session, at="2026-10-05 10:15:30")[0]["result"] == Result.UNABLE_TO_COMPLY
    assert network.wallet()["balance_li"] == 900


def hours_kept(network: Network) -> int:  # noqa: F811
    return sum(number >= 1 << 32 for number in network.owner.state.duplicates.days)


def test_a_debit_sent_again_more_than_a_day_after_it_happened_is_refused_and_other_keys_are_forgotten(network):  # noqa: F811
    open_wallet(network, 1000)
    debit(network, 1, 3)
    settled_and_forgotten(network, "")
    late, happened_s = "2026-10-07 10:15:00", moment().now_s
    assert debit(network, 1, 3, late, is_repeated=1, at_s=happened_s)[0]["result"] == Result.UNABLE_TO_COMPLY
    assert debit(network, 9, 3, late, is_repeated=1, at_s=happened_s)[0]["result"] == Result.UNABLE_TO_COMPLY
    assert network.wallet()["balance_li"] == 700
    known = hours_kept(network)
    debit(network, 4, 1, late)
    settle(network, "2026-10-07 10:21:00")
    assert hours_kept(network) == known  # of another hour, and those of the first are forgotten


def test_of_prices_refusals_and_checks_of_the_balance_nothing_is_kept(network):  # noqa: F811
    open_wallet(network, 250)
    debit(network, 1, 3)
    debit(network, 2, 3, action=Action.PRICE)
    debit(network, 3, 3, action=Action.CHECK_BALANCE)
    settled_and_forgotten(network, "")
    assert not network.owner.state.duplicates.days


def test_an_event_that_is_over_is_charged_below_zero_once_and_may_be_refunded(network):  # noqa: F811
    open_wallet(network, 150)
    for _again in range(2):
        answer, quota = debit(network, 1, 0, action=Action.OVER, used_units=3)
        assert (answer["result"], answer["cost_li"], quota["measure"]) == (2001, 300, Measure.NONE)
        assert network.wallet()["balance_li"] == -150
    assert refund(network, 2, 1, want_units=1)[0]["cost_li"] == 100
    settled_and_forgotten(network, "")
    assert detail(network).select("message_count", "act_basic_li").rows() == [(2, 200)]
    answer, quota = debit(network, 1, 0, "2026-10-05 10:15:00", action=Action.OVER, used_units=3, is_repeated=1)
    assert (answer["result"], quota["measure"], network.wallet()["balance_li"]) == (2001, Measure.NONE, -50)


def test_an_event_that_is_over_and_has_no_price_waits_in_the_error_pool(network):  # noqa: F811
    open_wallet(network, 150)
    answer, _quota = debit(network, 1, 0, action=Action.OVER, used_units=1, record_type=RecordType.MMS, other=0)
    assert answer["result"] == Result.RATING_FAILED
    settle(network)
    assert (ErrorRecord.objects.count(), network.wallet()["balance_li"]) == (1, 150)


def test_a_debit_without_money_is_refused_and_leaves_nothing(network):  # noqa: F811
    open_wallet(network, 250)
    answer, _quota = debit(network, 1, 3)
    assert answer["result"] == Result.CREDIT_LIMIT_REACHED
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (250, 0)
    settle(network)
    assert network.owner.lake.open_usage() is None


def two_services(network: Network, session: int, *wanted: int, name: str = "want_units", **more):  # noqa: F811
    """A debit of two services, or what else is said of messages or calls; the answer and both quotas."""
    requests, asks = empty_requests(1)
    asks = asks.repeat(2)
    requests["key_hi"], requests["key_lo"], requests["served"] = session, 77, 2 * 10**18 + PREPAID
    requests["kind"], requests["record_type"], requests["other"] = Kind.EVENT, RecordType.SMS_MO, 13900000001
    requests["asks"], asks["rating_group"], asks[name] = 2, (1, 2), wanted
    for field, value in more.items():
        requests[field] = value
    decided = network.owner.serve(requests, asks, numbering=NUMBERING, moment=moment())
    return decided.answers[0], decided.quotas


@pytest.mark.parametrize(("balance_li", "result"), [(500, Result.SUCCESS), (499, Result.CREDIT_LIMIT_REACHED)])
def test_a_debit_of_several_services_needs_what_they_cost_together_once(network, balance_li, result):  # noqa: F811
    open_wallet(network, balance_li)
    answer, quotas = two_services(network, 1, 2, 3)
    assert answer["result"] == result
    assert quotas["result"].tolist() == [result, result]
    assert quotas["granted"].tolist() == ([2, 3] if result == Result.SUCCESS else [0, 0])
    is_paid = result == Result.SUCCESS
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (0 if is_paid else 499, 0)
    settle(network)
    assert sorted(detail(network)["message_count"]) == [2, 3] if is_paid else network.owner.lake.open_usage() is None


def test_of_a_debit_of_several_services_that_is_refused_nothing_is_granted_and_no_threshold_is_told(network):  # noqa: F811
    open_wallet(network, 10_050)
    first = two_services(network, 1, 2, 200)  # 0.20 and 20.00: the first alone would leave less than 10.00
    again = two_services(network, 1, 2, 200)
    for answer, quotas in (first, again):
        assert answer["result"] == Result.CREDIT_LIMIT_REACHED
        assert quotas[["result", "granted", "measure"]].tolist() == [(Result.CREDIT_LIMIT_REACHED, 0, Measure.NONE)] * 2
    assert (first[0]["is_repeat"], again[0]["is_repeat"]) == (0, 1)
    assert (network.wallet()["balance_li"], Outbox.objects.filter(topic="charging.wallet").count()) == (10_050, 0)


@pytest.mark.parametrize("balance_li", [2_399, 2_400])
def test_a_price_a_check_and_a_debit_of_several_services_say_the_same(network, balance_li):  # noqa: F811
    """Of 10 free minutes the first service takes 8 and the second the last 2: 6 minutes at 0.40."""
    network.order("GRANT", subscriber_id=12, rule_id=rule_id_of("GOTONE_98", "MIN"), units=10,
                  from_local_s=local_s("2026-10-01"), to_local_s=local_s("2026-11-01"))  # fmt: skip
    open_wallet(network, balance_li)
    calls = {"name": "want_s", "record_type": RecordType.MOC}
    price, _ = two_services(network, 1, 480, 480, action=Action.PRICE, **calls)
    check, _ = two_services(network, 2, 480, 480, action=Action.CHECK_BALANCE, **calls)
    is_enough = balance_li == 2_400
    assert (price["result"], price["cost_li"], check["has_credit"]) == (2001, 2_400, is_enough)
    assert network.owner.user_now(12)["cycles"][0]["free"][0]["used"] == 0
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (balance_li, 0)
    debited, quotas = two_services(network, 3, 480, 480, **calls)
    assert debited["cost_li"] == 2_400
    assert quotas["granted"].tolist() == ([480, 480] if is_enough else [0, 0])
    assert network.wallet()["balance_li"] == (0 if is_enough else 2_399)


def test_a_refund_of_an_amount_that_names_no_service_takes_it_once_in_the_order_of_the_debit(network):  # noqa: F811
    open_wallet(network, 1000)
    two_services(network, 1, 2, 3)
    assert refund(network, 2, 1, want_units=3)[0]["cost_li"] == 300  # both of the first, one of the second
    assert [one["used_units"] for one in network.owner.user_now(12)["services"]] == [0, 2]
    assert refund(network, 3, 1, want_units=1)[0]["cost_li"] == 100
    assert refund(network, 4, 1, want_units=5)[0]["cost_li"] == 100
    assert refund(network, 5, 1, want_units=5)[0]["result"] == Result.UNABLE_TO_COMPLY
    assert network.wallet()["balance_li"] == 1000


def test_a_refund_of_what_was_over_gives_back_both_directions(network):  # noqa: F811
    open_wallet(network, 10_000)
    data = {"record_type": RecordType.DATA, "other": 0, "rating_group": 1}
    over = debit(network, 1, 0, action=Action.OVER, used_up=4 * MB, used_down=6 * MB, **data)
    assert (over[0]["cost_li"], network.wallet()["balance_li"]) == (2_900, 7_100)
    assert refund(network, 2, 1, want_octets=8 * MB, **data)[0]["cost_li"] == 2_320
    assert refund(network, 3, 1, **data)[0]["cost_li"] == 580
    assert network.wallet()["balance_li"] == 10_000


def test_a_refund_gives_back_what_was_charged_once_and_no_more(network):  # noqa: F811
    open_wallet(network, 1000)
    debit(network, 1, 3)
    answer, _quota = refund(network, 2, 1, want_units=1)
    assert (answer["result"], answer["cost_li"], network.wallet()["balance_li"]) == (2001, 100, 800)
    again, _quota = refund(network, 2, 1, want_units=1)
    assert (again["is_repeat"], again["cost_li"], network.wallet()["balance_li"]) == (1, 100, 800)
    answer, _quota = refund(network, 3, 1, want_units=50)
    assert (answer["cost_li"], network.wallet()["balance_li"]) == (200, 1000)
    answer, _quota = refund(network, 4, 1)
    assert (answer["result"], network.wallet()["balance_li"]) == (Result.UNABLE_TO_COMPLY, 1000)
    settle(network)
    assert network.owner.lake.open_usage() is None  # nothing was used in the end


def test_a_refund_in_the_session_of_its_debit_keeps_what_is_left_on_record(network):  # noqa: F811
    open_wallet(network, 1000)
    debit(network, 1, 3)
    refund(network, 1, 1, number=1, want_units=2)
    network.crash()
    assert network.wallet()["balance_li"] == 900
    settle(network)
    assert detail(network).select("message_count", "act_basic_li").rows() == [(1, 100)]
    assert network.owner.user_now(12)["cycles"][0]["items"][0]["act_li"] == 100


def test_a_refund_of_nothing_of_another_user_or_too_late_is_refused(network):  # noqa: F811
    open_wallet(network, 1000)
    debit(network, 1, 3)
    assert refund(network, 2, 2)[0]["result"] == Result.UNABLE_TO_COMPLY
    assert refund(network, 3, 99)[0]["result"] == Result.UNABLE_TO_COMPLY
    other = {"served": 8613900000001}
    assert refund(network, 4, 1, **other)[0]["result"] == Result.UNABLE_TO_COMPLY
    network.ask(5, 0, Kind.INITIAL, moment())
    assert refund(network, 6, 5)[0]["result"] == Result.UNABLE_TO_COMPLY
    settle(network)
    assert refund(network, 7, 1, at="2026-10-05 10:31:00")[0]["result"] == Result.UNABLE_TO_COMPLY
    assert network.wallet()["balance_li"] == 700


def test_a_refund_gives_free_units_back_too(network):  # noqa: F811
    network.order("GRANT", subscriber_id=12, rule_id=rule_id_of("GOTONE_98", "MIN"), units=10,
                  from_local_s=local_s("2026-10-01"), to_local_s=local_s("2026-11-01"))  # fmt: skip
    open_wallet(network, 1000)
    call = {**CALL, "asking": False, "want_s": 300}
    assert network.ask(1, 0, Kind.EVENT, moment(), **call)[0]["cost_li"] == 0
    assert network.owner.user_now(12)["cycles"][0]["free"][0]["used"] == 5
    answer, _quota = refund(network, 2, 1, **{**call, "want_s": 0})
    assert answer["result"] == 2001
    assert network.owner.user_now(12)["cycles"][0]["free"][0]["used"] == 0


def test_a_price_and_a_check_of_the_balance_change_nothing(network):  # noqa: F811
    open_wallet(network, 250)
    for session, (units, has_credit) in enumerate(((2, 1), (3, 0)), 1):
        answer, _quota = debit(network, session, units, action=Action.CHECK_BALANCE)
        assert (answer["result"], answer["has_credit"]) == (2001, has_credit)
    answer, _quota = debit(network, 3, 7, action=Action.PRICE)
    assert (answer["result"], answer["cost_li"]) == (2001, 700)
    answer, _quota = network.ask(4, 0, Kind.EVENT, moment(), **{**CALL, "asking": False, "want_s": 61,
                                                               "action": Action.PRICE})  # fmt: skip
    assert answer["cost_li"] == 800
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (250, 0)
    settle(network)
    assert sum(item["calls"] + item["act_li"] for item in network.owner.user_now(12)["cycles"][0]["items"]) == 0
    assert network.owner.lake.open_usage() is None


def test_money_that_the_network_has_priced_is_granted_and_charged_as_information(network):  # noqa: F811
    open_wallet(network, 4000)
    _answer, quota = network.ask(1, 0, Kind.INITIAL, moment(), want_li=3000)
    assert (quota["measure"], quota["granted"]) == (Measure.LI, 3000)
    assert network.wallet()["reserved_li"] == 3000
    _answer, quota = network.ask(1, 1, Kind.UPDATE, moment(), used_li=3000, want_li=3000)
    assert (quota["granted"], quota["is_last"]) == (1000, 1)
    network.ask(1, 2, Kind.TERMINATION, moment(), used_li=500, asking=False)
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (500, 0)
    assert detail(network).select("act_info_li", "act_basic_li", "kb_units").rows() == [(3500, 0, 0)]


def test_an_amount_of_money_is_debited_and_refunded(network):  # noqa: F811
    open_wallet(network, 4000)
    buy = {"rating_group": 7, "asking": False}
    assert network.ask(1, 0, Kind.EVENT, moment(), **buy, want_li=1500)[0]["cost_li"] == 1500
    answer, _quota = network.ask(2, 0, Kind.EVENT, moment(), **buy, want_li=500, action=Action.REFUND, debit=1)
    assert (answer["cost_li"], network.wallet()["balance_li"]) == (500, 3000)


def test_the_oldest_events_of_a_user_with_many_are_settled(network):  # noqa: F811
    open_wallet(network, 10_000)
    for session in range(1, 12):
        debit(network, session)
    assert len(detail(network)) == 3
    assert refund(network, 20, 1)[0]["result"] == Result.UNABLE_TO_COMPLY
    assert refund(network, 21, 11)[0]["cost_li"] == 100
    before = network.owner.state.digest()
    network.crash()
    assert network.owner.state.digest() == before


def test_money_reserved_for_what_was_never_used_is_free_again(network):  # noqa: F811
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    network.ask(2, 0, Kind.INITIAL, moment(), record_type=RecordType.SMS_MO, other=13900000001)
    assert network.wallet()["reserved_li"] == 3000
    network.owner.sweep(moment("2026-10-05 12:00:00"))
    assert (network.wallet()["reserved_li"], network.wallet()["balance_li"]) == (0, 10_000)
