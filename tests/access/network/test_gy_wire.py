"""What is said over Diameter Gy and Ro, and what it costs: one engine on PostgreSQL, requests by python-diameter."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from diameter.message import Message
from diameter.message.avp.grouped import RequestedServiceUnit, UsedServiceUnit
from tests.access.network.dissection import complaints, needs_tshark
from tests.access.network.gy_exchanges import (
    FAR,
    LOCAL,
    call_to,
    play_a_flood,
    play_events,
    play_faults,
    play_ours,
    play_services,
    play_to_the_last_quota,
    text_to,
    yuan,
)
from tests.access.network.gy_world import (
    DATA,
    ENDINGS,
    EVENT,
    HAS_PASS,
    INITIAL,
    MB,
    MORNING,
    NOBODY,
    PASS_ENDS,
    SMS,
    TERMINATION,
    UPDATE,
    VOICE,
    last,
    of,
    service,
)

from openboss.modules.system.models import Outbox

# --- tariff changes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begins", "changes", "after", "costs_li", "subscriber_id"),
    [("2026-10-05 23:50:00", "2026-10-06 00:00:00", "2026-10-06 00:05:00", (580, 1000), 0),  # another version
     ("2026-10-31 23:50:00", "2026-11-01 00:00:00", "2026-11-01 00:05:00", (2000, 1000), 0),  # another month
     ("2026-10-05 11:50:00", PASS_ENDS, "2026-10-05 12:05:00", (0, 290), HAS_PASS)],  # a pass ends
)  # fmt: skip
def test_a_change_of_prices_ahead_is_told_and_use_before_and_after_it_costs_what_it_cost_then(
    gy, begins, changes, after, costs_li, subscriber_id
):
    user = gy.new_user(100_000, subscriber_id)
    gy.at(begins)
    session = gy.session(user)
    session.ask(INITIAL, service(100))
    assert session.change_at == [changes]
    gy.at(after)
    split = {"cc_total_octets": 2 * MB, "tariff_change_usage": 0}, {"cc_total_octets": MB, "tariff_change_usage": 1}
    answer = session.ask(UPDATE, service(100, *split))
    assert (of(answer)[100].result_code, session.change_at) == (2001, [])
    assert gy.wallet(user)[0] == 100_000 - sum(costs_li)
    session.ask(TERMINATION, last(100))
    rows = gy.detail(user, 202610, 202611).select("kb_units", "act_basic_li").rows()
    assert rows == [(2048, costs_li[0]), (1024, costs_li[1])]


@pytest.mark.parametrize(
    ("used", "costs_li"),
    [(({"cc_total_octets": 3 * MB},), 870), (({"cc_total_octets": 3 * MB, "tariff_change_usage": 2},), 870),
     (({"cc_total_octets": 2 * MB, "tariff_change_usage": 2}, {"cc_total_octets": MB, "tariff_change_usage": 1}), 1580),
     (({"cc_input_octets": MB, "cc_output_octets": MB, "tariff_change_usage": 1},), 2000)],
)  # fmt: skip
def test_use_that_a_network_does_not_split_was_before_the_change(gy, used, costs_li):
    user = gy.new_user(100_000)
    gy.at("2026-10-05 23:50:00")
    session = gy.session(user)
    session.ask(INITIAL, service(100))
    gy.at("2026-10-06 00:05:00")
    session.ask(TERMINATION, last(100, *used))
    assert gy.wallet(user) == (100_000 - costs_li, 0)


def test_a_change_farther_away_than_the_quota_lives_is_not_told(gy):
    gy.at("2026-10-05 23:29:59")
    session = gy.session(gy.new_user(100_000))
    answer = session.ask(INITIAL, service(100))
    assert (of(answer)[100].validity_time, session.change_at) == (1800, [])
    gy.at("2026-10-05 23:30:00")
    session.ask(UPDATE, service(100))
    assert session.change_at == ["2026-10-06 00:00:00"]
    session.ask(TERMINATION, last(100))


def test_a_call_over_the_edge_of_a_time_band_is_told_of_no_change_and_pays_each_unit_by_its_band(gy):
    user = gy.new_user(10_000)
    gy.at("2026-10-05 06:59:50")
    session = gy.session(user, VOICE, service_information=call_to(FAR))
    session.ask(INITIAL, service(1))
    assert session.change_at == []
    gy.at("2026-10-05 07:00:20")
    session.ask(TERMINATION, last(1, {"cc_time": 30}))
    assert gy.wallet(user) == (10_000 - 2 * 40 - 3 * 70, 0)  # of 5 units of 6 s two begin by night


# --- who pays by bill ------------------------------------------------------------------------------------------------


def told_of(user):
    """What business heard of somebody's wallet: what for, and the balance in li."""
    told = Outbox.objects.filter(topic="charging.wallet", payload__account_id=user.account_id).order_by("outbox_id")
    return [(one.payload["kind"], one.payload["balance_li"]) for one in told]


def test_who_pays_by_bill_uses_the_limit_to_the_li_is_told_once_of_each_line_and_then_refused(gy):
    user = gy.new_user(0, limit_li=1000)
    session = gy.session(user)
    granted, kb = [], 0
    answer = session.ask(INITIAL, service(100))
    for wallet, told in (((-290, 290), []), ((-580, 290), []), ((-870, 130), [("NEAR_LIMIT", -870)])):
        granted.append(of(answer)[100])
        kb += 1024
        answer = session.ask(UPDATE, service(100, {"cc_total_octets": MB}))
        assert (gy.wallet(user), told_of(user)) == (wallet, told)
    assert [one.granted_service_unit.cc_total_octets for one in granted] == [MB] * 3
    assert not any(one.final_unit_indication for one in granted)
    final = of(answer)[100]
    assert (final.granted_service_unit.cc_total_octets, final.result_code) == (460 * 1024, 2001)  # what 0.130 buys
    assert final.final_unit_indication.final_unit_action == 0
    answer = session.ask(UPDATE, service(100, {"cc_total_octets": 460 * 1024}))
    assert (of(answer)[100].result_code, of(answer)[100].granted_service_unit) == (4012, None)
    assert session.ask(TERMINATION, last(100)).result_code == 2001
    assert gy.session(user).ask(INITIAL, service(100)).result_code == 4012
    assert (gy.wallet(user), told_of(user)) == ((-1000, 0), [("NEAR_LIMIT", -870), ("AT_LIMIT", -1000)])
    assert gy.detail(user).select("kb_units", "act_basic_li").rows() == [(kb + 460, 1000)]


def test_beyond_the_limit_goes_the_last_slice_alone(gy):
    user = gy.new_user(0, limit_li=390)  # a minute costs 0.40
    call = gy.session(user, VOICE, service_information=call_to(LOCAL))
    final = of(call.ask(INITIAL, service(1)))[1]
    assert (final.granted_service_unit.cc_time, final.final_unit_indication.final_unit_action) == (1, 0)
    assert of(call.ask(UPDATE, service(1, {"cc_time": 1})))[1].result_code == 4012
    assert (gy.wallet(user), told_of(user)) == ((-400, 0), [("NEAR_LIMIT", -400), ("AT_LIMIT", -400)])
    call.ask(TERMINATION, last(1))


# --- services, units and what a network is told with them -------------------------------------------------------------


def test_several_services_of_one_request_are_answered_each_for_itself(gy):
    user = gy.new_user(388)
    session = gy.session(user)
    answer = session.ask(
        INITIAL, service(100, wants={"cc_total_octets": MB}), service(200), service(200, service_identifier=[5]),
        service(9), service(5000),
    )  # fmt: skip
    assert (answer.result_code, answer.session_id, answer.auth_application_id) == (2001, session.name, 4)
    told = [(one.rating_group, one.result_code, one.granted_service_unit and one.granted_service_unit.cc_total_octets,
             one.final_unit_indication and one.final_unit_indication.final_unit_action)
            for one in answer.multiple_services_credit_control]  # fmt: skip
    assert told == [
        (100, 2001, MB, None),  # 0.290
        (200, 2001, 10 * 1024, 0),  # the last 0.098, at 10.00 a MB
        (200, 4012, None, None),
        (9, 2001, 10 * MB, None),  # costs nothing
        (5000, 5031, None, None),  # has no price
    ]
    assert gy.wallet(user) == (388, 388)
    used_up = [last(100, {"cc_total_octets": MB}), last(200, {"cc_total_octets": 10 * 1024}),
               last(9, {"cc_total_octets": MB})]  # fmt: skip
    answer = session.ask(UPDATE, *used_up, service(7))
    assert {one.result_code for one in answer.multiple_services_credit_control[:3]} == {2001}
    assert answer.multiple_services_credit_control[3].result_code == 4012
    assert session.ask(TERMINATION).result_code == 2001
    assert gy.wallet(user) == (0, 0)


def test_a_service_identifier_is_given_back_and_priced_beside_others_of_its_rating_group(gy):
    user = gy.new_user(10_000)
    session = gy.session(user)
    video, alone = service(100, service_identifier=[1201]), service(None, service_identifier=[1201])
    answer = session.ask(INITIAL, service(100), video, alone)
    told = [(one.rating_group, one.service_identifier) for one in answer.multiple_services_credit_control]
    assert told == [(100, []), (100, [1201]), (None, [1201])]
    assert gy.wallet(user) == (10_000, 2_900 + 5_000 + 500)  # 10 MB, 10 MB, and near the limit 1 MB
    video = last(100, {"cc_total_octets": 2 * MB}, service_identifier=[1201])
    session.ask(TERMINATION, last(100, {"cc_total_octets": MB}), video)
    assert gy.wallet(user) == (10_000 - 290 - 1_000, 0)
    rows = gy.detail(user).select("rating_group", "service", "act_basic_li").rows()
    assert sorted(rows) == [(100, 0, 290), (100, 1201, 1000)]


def cost_li(answer: Any) -> int:
    value = answer.cost_information.unit_value
    assert (value.exponent, answer.cost_information.currency_code) == (-3, 156)
    return value.value_digits


def test_units_of_the_request_itself_are_granted_and_charged_beside_all_services(gy):
    user = gy.new_user(10_000)
    call = gy.session(user, VOICE, service_information=call_to(LOCAL))
    answer = call.ask(INITIAL, requested_service_unit=RequestedServiceUnit(cc_time=90))
    assert (answer.granted_service_unit.cc_time, answer.multiple_services_credit_control) == (60, [])
    assert gy.wallet(user) == (10_000, 400)
    minute = [UsedServiceUnit(cc_time=60)]
    answer = call.ask(UPDATE, requested_service_unit=RequestedServiceUnit(), used_service_unit=minute)
    assert (answer.granted_service_unit.cc_time, gy.wallet(user)) == (60, (9_600, 400))
    call.ask(TERMINATION, used_service_unit=[UsedServiceUnit(cc_time=1)])
    assert gy.wallet(user) == (10_000 - 800, 0)  # 61 s are two minutes


@pytest.mark.parametrize("is_of_units", [False, True])
def test_a_service_that_its_network_has_ended_is_settled_while_the_others_go_on(gy, is_of_units):
    user = gy.new_user(10_000)
    session = gy.session(user)
    session.ask(INITIAL, service(100), service(7))
    used, final = {"cc_total_octets": MB}, {"reporting_reason": 2}
    ended = last(100, used | final) if is_of_units else last(100, used, reporting_reason=[2])
    answer = session.ask(UPDATE, ended, service(7, {"cc_total_octets": MB}))
    assert [(one.result_code, one.granted_service_unit is None) for one in of(answer).values()] == [
        (2001, True), (2001, False),
    ]  # fmt: skip
    assert gy.detail(user)["rating_group"].to_list() == [100]
    assert gy.wallet(user) == (10_000 - 580, 2_900)
    session.ask(TERMINATION, last(7))
    assert gy.wallet(user) == (10_000 - 580, 0)


def test_money_that_a_network_has_priced_is_granted_and_charged_in_money(gy):
    user = gy.new_user(4_000)
    session = gy.session(user)
    three = of(session.ask(INITIAL, service(100, wants=yuan("3.00"))))[100].granted_service_unit.cc_money
    assert (three.unit_value.value_digits, three.unit_value.exponent, three.currency_code) == (3_000, -3, 156)
    answer = of(session.ask(UPDATE, service(100, yuan("3.00"), wants=yuan("3.00"))))[100]
    assert answer.granted_service_unit.cc_money.unit_value.value_digits == 1_000
    assert answer.final_unit_indication.final_unit_action == 0
    session.ask(TERMINATION, last(100, yuan("0.5")))
    assert gy.wallet(user) == (500, 0)
    assert gy.detail(user)["act_info_li"].to_list() == [3_500]


def test_messages_are_debited_reserved_and_charged_in_units(gy):
    user = gy.new_user(1_000)
    told = text_to(8613900719998)
    three = {"cc_service_specific_units": 3}
    sent = gy.session(user, SMS).ask(EVENT, service(None, wants=three), requested_action=0, service_information=told)
    granted = sent.multiple_services_credit_control[0].granted_service_unit
    assert (sent.result_code, granted.cc_service_specific_units, cost_li(sent)) == (2001, 3, 300)
    assert gy.wallet(user) == (700, 0)
    plain = gy.session(user, SMS).ask(
        EVENT, requested_action=0, service_information=told, requested_service_unit=RequestedServiceUnit(**three)
    )
    assert (plain.result_code, plain.granted_service_unit.cc_service_specific_units, cost_li(plain)) == (2001, 3, 300)
    session = gy.session(user, SMS, service_information=told)
    reserved = session.ask(INITIAL, service(7, wants={"cc_service_specific_units": 2}))
    assert of(reserved)[7].granted_service_unit.cc_service_specific_units == 2
    assert gy.wallet(user) == (400, 200)
    session.ask(TERMINATION, last(7, {"cc_service_specific_units": 1}))
    assert gy.wallet(user) == (300, 0)
    too_many = service(None, wants={"cc_service_specific_units": 4})
    four = gy.session(user, SMS).ask(EVENT, too_many, requested_action=0, service_information=told)
    assert (four.result_code, gy.wallet(user)) == (4012, (300, 0))
    gy.sweep("2026-10-05 10:05:01")
    assert sorted(gy.detail(user)["message_count"].to_list()) == [1, 3, 3]


@pytest.mark.parametrize(
    ("ending", "said"),
    [("TERMINATE", (0, None, [])), ("REDIRECT", (1, (2, "http://top.up/"), [])),
     ("RESTRICT", (2, None, ["walled-garden"]))],
)  # fmt: skip
def test_at_the_end_of_the_money_a_network_hears_what_becomes_of_the_service(gy, ending, said):
    user = gy.new_user(435)
    session = gy.session(user, door=ending)
    assert of(session.ask(INITIAL, service(100)))[100].final_unit_indication is None  # a MB of 1.5
    answer = of(session.ask(UPDATE, service(100, {"cc_total_octets": MB})))[100]
    final = answer.final_unit_indication
    server = final.redirect_server and (
        final.redirect_server.redirect_address_type, final.redirect_server.redirect_server_address,
    )  # fmt: skip
    assert (answer.result_code, answer.granted_service_unit.cc_total_octets) == (2001, 513 * 1024)
    assert (final.final_unit_action, server, final.filter_id, answer.volume_quota_threshold) == (*said, None)
    over = of(session.ask(UPDATE, service(100, {"cc_total_octets": 513 * 1024})))[100]
    assert (over.result_code, over.granted_service_unit, gy.wallet(user)) == (4012, None, (0, 0))
    gy.engine.order("TOP_UP", f"P-{ending}", account_id=user.account_id, amount_li=10_000)
    again = of(session.ask(UPDATE, service(100)))[100]
    assert (again.result_code, again.granted_service_unit.cc_total_octets, again.final_unit_indication) == (
        2001, 10 * MB, None,
    )  # fmt: skip
    session.ask(TERMINATION, last(100))


def test_a_network_is_told_how_long_a_quota_holds_and_when_to_come_again(gy):
    user = gy.new_user(100_000)
    data, call = gy.session(user), gy.session(user, VOICE, service_information=call_to(LOCAL))
    volume = of(data.ask(INITIAL, service(100)))[100]
    time = of(call.ask(INITIAL, service(1)))[1]
    texts = gy.session(user, SMS, service_information=text_to(8613900719998))
    units = of(texts.ask(INITIAL, service(7, wants={"cc_service_specific_units": 25})))[7]
    told = [(one.validity_time, one.quota_holding_time, one.volume_quota_threshold, one.time_quota_threshold,
             one.unit_quota_threshold) for one in (volume, time, units)]  # fmt: skip
    assert told == [(1800, 900, MB, None, None), (None, None, None, 6, None), (None, None, None, None, 2)]
    few = of(texts.ask(UPDATE, service(7, wants={"cc_service_specific_units": 9})))[7]
    money = of(gy.session(user).ask(INITIAL, service(100, wants=yuan("1.50"))))[100]
    event = gy.session(user, VOICE, service_information=call_to(LOCAL)).ask(
        EVENT, service(1, wants={"cc_time": 60}), requested_action=0
    )
    for one in (few, money, of(event)[1]):
        assert one.result_code == 2001
        assert (one.volume_quota_threshold, one.time_quota_threshold, one.unit_quota_threshold) == (None, None, None)
    data.ask(TERMINATION, last(100))
    call.ask(TERMINATION, last(1))


def test_who_opens_a_session_hears_that_it_may_go_on_over_another_line_and_ends_where_nobody_can_charge_it(gy):
    user = gy.new_user(100_000)
    session = gy.session(user)
    answers = [session.ask(INITIAL, service(100)), session.ask(UPDATE, service(100))]
    session.wire = gy.meet("REDIRECT")  # the first line has died
    answers += [session.ask(UPDATE, service(100, {"cc_total_octets": MB})), session.ask(TERMINATION, last(100))]
    nobody = gy.session(known_as=[NOBODY]).ask(INITIAL, service(100))
    answers += [
        nobody,
        gy.session(user, SMS, service_information=text_to(8613900719998)).ask(EVENT, service(None), requested_action=0),
    ]
    assert [one.result_code for one in answers] == [2001, 2001, 2001, 2001, 5030, 2001]
    said = [(one.cc_session_failover, one.credit_control_failure_handling) for one in answers]
    assert said == [(1, 2), *[(None, None)] * 5]  # FAILOVER_SUPPORTED, RETRY_AND_TERMINATE
    assert gy.wallet(user) == (100_000 - 290 - 100, 0)


def test_a_debit_sent_again_with_the_t_flag_after_hours_is_answered_with_its_success_and_not_charged(gy):
    user, told = gy.new_user(1_000), text_to(8613900719998)
    units = {"cc_service_specific_units": 3}
    gy.at("2026-10-05 10:00:00")
    happened = datetime(2026, 10, 5, 2, tzinfo=UTC)
    plain = {"requested_service_unit": RequestedServiceUnit(**units)}
    debits = [(gy.session(user, SMS, service_information=told), about) for about in ([service(7, wants=units)], [])]
    debits = [one.request(EVENT, *about, requested_action=0, event_timestamp=happened, **({} if about else plain))
              for one, about in debits]  # fmt: skip
    wire = gy.line()

    def sent(data: bytes) -> Any:
        wire.send(data)
        return Message.from_bytes(wire.read())

    assert [(one.result_code, cost_li(one)) for one in map(sent, debits)] == [(2001, 300)] * 2
    assert gy.wallet(user) == (400, 0)
    again = [data[:4] + bytes([data[4] | 0x10]) + data[5:] for data in debits]
    for at in ("10:05:01", "10:10:02"):
        gy.sweep(f"2026-10-05 {at}")
    for at in ("2026-10-05 10:15:00", "2026-10-06 10:05:00"):
        gy.at(at)
        whole, own = map(sent, again)
        granted = [of(whole)[7].granted_service_unit, own.granted_service_unit]
        assert [one.cc_service_specific_units for one in granted] == [3, 3]
        assert [(one.result_code, one.cost_information) for one in (whole, own)] == [(2001, None)] * 2
    gy.at("2026-10-08 10:00:00")
    gy.sweep("2026-10-08 10:00:01")
    unheard_of = gy.session(user, SMS, service_information=told).request(
        EVENT, service(7, wants=units), requested_action=0, event_timestamp=happened
    )
    again.append(unheard_of[:4] + bytes([unheard_of[4] | 0x10]) + unheard_of[5:])
    assert {sent(data).result_code for data in again} == {5012}
    assert gy.wallet(user) == (400, 0)
    gy.at(MORNING)


def test_requests_that_cannot_be_carried_out_are_answered_with_the_reason_and_cost_nothing(gy):
    user = gy.new_user(1_000)
    gy.engine.order("STATE", subscriber_id=user.subscriber_id, barred=2)
    assert gy.session(user).ask(INITIAL, service(100)).result_code == 4010
    gy.engine.order("STATE", subscriber_id=user.subscriber_id, barred=0)
    session = gy.session(user)
    assert session.ask(INITIAL, service(100)).result_code == 2001
    gy.engine.order("STATE", subscriber_id=user.subscriber_id, barred=2)
    running = session.ask(UPDATE, service(100, {"cc_total_octets": MB}))
    assert (running.result_code, of(running)[100].result_code) == (2001, 4010)
    session.ask(TERMINATION, last(100))
    gy.engine.order("STATE", subscriber_id=user.subscriber_id, barred=0)
    assert gy.wallet(user) == (710, 0)
    unpriced = gy.session(user).ask(INITIAL, service(5000))
    assert (unpriced.result_code, of(unpriced)[5000].result_code) == (5031, 5031)
    event = gy.session(user).ask(EVENT, service(5000, wants={"cc_total_octets": MB}), requested_action=3)
    assert event.result_code == 5031
    poor = gy.new_user(0)
    broke = gy.session(poor).ask(INITIAL, service(100))
    assert (broke.result_code, of(broke)[100].result_code) == (4012, 4012)
    assert (gy.wallet(user), gy.wallet(poor)) == ((710, 0), (0, 0))


@pytest.mark.parametrize("context", ["32251@3gpp.org", "8.32251@3gpp.org", "ext.000.460.8.32251@3gpp.org"])
def test_a_service_context_is_known_with_its_release_and_operator_or_without(gy, context):
    user = gy.new_user(10_000)
    session = gy.session(user, context)
    assert of(session.ask(INITIAL, service(100)))[100].granted_service_unit.cc_total_octets == 10 * MB
    session.ask(TERMINATION, last(100, {"cc_total_octets": MB}))
    assert gy.wallet(user) == (9_710, 0)


@pytest.mark.parametrize(
    ("context", "about", "wants", "group", "costs_li"),
    [(VOICE, call_to(LOCAL), {"cc_time": 61}, None, 800), (VOICE, call_to(FAR), {"cc_time": 61}, None, 770),
     (SMS, text_to(8613900719998), {"cc_service_specific_units": 7}, None, 700),
     (DATA, None, {"cc_total_octets": 1_572_864}, 100, 435), (DATA, None, {"cc_total_octets": 1}, 200, 10)],
)  # fmt: skip
def test_a_price_and_a_check_of_the_balance_are_exact_and_change_nothing(gy, context, about, wants, group, costs_li):
    enough, short = gy.new_user(costs_li), gy.new_user(costs_li - 1)

    def asked(user: Any, action: int) -> Any:
        session = gy.session(user, context, service_information=about)
        return session.ask(EVENT, service(group, wants=wants), requested_action=action)

    assert cost_li(asked(short, 3)) == costs_li
    checked = asked(enough, 2), asked(short, 2)
    assert [(one.result_code, one.check_balance_result) for one in checked] == [(2001, 0), (2001, 1)]
    assert [gy.wallet(user) for user in (enough, short)] == [(costs_li, 0), (costs_li - 1, 0)]


# --- doors, sizes and timers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["IPV6", "TLS"])
def test_a_whole_session_over_ipv6_and_under_tls_costs_what_it_costs_in_the_clear(gy, door):
    if door == "IPV6" and not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")
    user = gy.new_user(10_000)
    session = gy.session(user, door=door)
    for kind, used_octets in ((INITIAL, 0), (UPDATE, 10 * MB)):
        answer = of(session.ask(kind, service(100, {"cc_total_octets": used_octets})))[100]
        assert answer.granted_service_unit.cc_total_octets == 10 * MB
    assert session.ask(TERMINATION, last(100, {"cc_total_octets": MB})).result_code == 2001
    assert gy.wallet(user) == (6_810, 0)
    text = gy.session(user, SMS, door=door, service_information=text_to(8613900719998))
    assert cost_li(text.ask(EVENT, service(None, wants={"cc_service_specific_units": 2}), requested_action=0)) == 200
    assert gy.wallet(user) == (6_610, 0)


@pytest.mark.parametrize(
    ("context", "about", "balance_li", "wants", "granted", "reserved_li"),
    [(VOICE, call_to(LOCAL), 10_000, {}, 60, 400), (VOICE, call_to(FAR), 10_000, {}, 60, 10 * 70),  # 10 units of 6 s
     (VOICE, call_to(FAR), 10_000, {"cc_time": 600}, 60, 10 * 70),
     (VOICE, call_to(FAR), 10_000, {"cc_time": 13}, 13, 3 * 70),
     (VOICE, call_to(FAR), 500, {}, 42, 490), (VOICE, call_to(LOCAL), 390, {}, 1, 400),
     (DATA, None, 2_900, {}, 10 * MB, 2_900), (DATA, None, 2_899, {}, MB, 290),
     (DATA, None, 289, {}, 1022 * 1024, 289), (DATA, None, 10_000, {"cc_total_octets": 5 * MB}, 5 * MB, 1_450)],
)  # fmt: skip
def test_quotas_are_as_large_as_d4_8_says(gy, context, about, balance_li, wants, granted, reserved_li):
    user = gy.new_user(balance_li)
    session = gy.session(user, context, service_information=about)
    unit = of(session.ask(INITIAL, service(100, wants=wants)))[100].granted_service_unit
    assert (unit.cc_time or unit.cc_total_octets, gy.wallet(user)[1]) == (granted, reserved_li)
    session.ask(TERMINATION, last(100))


@pytest.mark.parametrize(("context", "about", "slices_s"), [(VOICE, call_to(FAR), 2 * 60), (DATA, None, 2 * 1800)])
def test_after_two_silent_slices_what_was_reserved_is_free_again(gy, context, about, slices_s):
    user = gy.new_user(10_000)
    session = gy.session(user, context, service_information=about)
    session.ask(INITIAL, service(100))
    session.ask(UPDATE, service(100))
    reserved_li = gy.wallet(user)[1]
    assert reserved_li > 0
    for after_s, held_li in ((slices_s, reserved_li), (slices_s + 1, 0)):
        gy.sweep(str(datetime.fromisoformat(MORNING) + timedelta(seconds=after_s)))
        assert gy.wallet(user)[1] == held_li


# --- what Wireshark says ----------------------------------------------------------------------------------------------


@needs_tshark
def test_tshark_finds_nothing_wrong_with_anything_we_may_say(gy, tmp_path):
    wires = {ending: gy.meet(ending) for ending in ENDINGS}
    for ending, wire in wires.items():
        play_to_the_last_quota(gy, wire, ending)
    wire = wires["TERMINATE"]
    play_services(gy, wire)
    play_events(gy, wire)
    play_faults(gy, wire)
    busy = play_a_flood(gy)
    said = play_ours(gy, wire) + busy.said
    said += [one for ending in ("REDIRECT", "RESTRICT") for one in wires[ending].said]
    ours = [Message.from_bytes(data) for is_ours, data in said if is_ours]
    requests = {one.header.command_code for one in ours if one.header.is_request}
    assert requests == {258, 274, 280, 282}  # Re-Auth, Abort-Session, Device-Watchdog, Disconnect-Peer
    answers = {(one.header.command_code, one.result_code) for one in ours if not one.header.is_request}
    charged = [3004, 3005, 3007, 3008, 4012, 5001, 5002, 5004, 5005, 5008, 5009, 5012, 5014, 5030, 5031]
    charged = {2001, *charged}  # and 3009, which gives back the very bits that tshark complains of
    assert answers == {(257, 2001), (280, 2001), (282, 2001), (275, 3001), *((272, code) for code in charged)}
    wrong, seen = complaints(said, tmp_path, transport="-T", port=3868, protocol="diameter")
    assert (wrong, len(seen)) == ("", len(ours))
