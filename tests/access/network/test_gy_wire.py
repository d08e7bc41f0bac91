"""What is said over Diameter Gy and Ro, and what it costs: one engine on PostgreSQL, requests by python-diameter."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import polars as pl
import pytest
from diameter.message import Message
from diameter.message.avp.grouped import RequestedServiceUnit
from tests.access.console.small_operator import _create, at_work
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
)
from tests.access.network.gy_world import (
    DATA,
    ENDINGS,
    EVENT,
    HAS_PASS,
    INITIAL,
    MB,
    NOBODY,
    NOON,
    PASS_ENDS,
    SMS,
    TERMINATION,
    UPDATE,
    VOICE,
    World,
    last,
    of,
    service,
)
from tests.access.network.test_nchf import data_request, used, wanted
from tests.database_template import migrated_template
from tests.modules.charging.engine.conftest import image, local_s

from openboss.modules.charging.functions.engine import image_payload

try:
    from tests.access.network import test_nchf_schema
except pytest.skip.Exception:  # its validator is not installed
    test_nchf_schema = None


@pytest.fixture(scope="module")
def whole_world(
    database_fields: dict[str, Any], django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[World]:
    del django_db_setup
    name = f"test_openboss_{os.getpid()}_gy"
    with django_db_blocker.unblock():
        _create(database_fields, name, migrated_template(database_fields))
        folder = tmp_path_factory.mktemp("gy")
        with at_work(folder, name):
            found = World(folder)
            yield found
            found.stop()


@pytest.fixture
def world(whole_world: World, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock():
        whole_world.at(NOON)
        yield whole_world
    assert whole_world.doors.faults == []


# --- tariff changes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begins", "changes", "after", "costs_li", "subscriber_id"),
    [("2026-10-05 23:50:00", "2026-10-06 00:00:00", "2026-10-06 00:05:00", (580, 1000), 0),  # another version
     ("2026-10-31 23:50:00", "2026-11-01 00:00:00", "2026-11-01 00:05:00", (2000, 1000), 0),  # another month
     ("2026-10-05 11:50:00", PASS_ENDS, "2026-10-05 12:05:00", (0, 290), HAS_PASS)],  # a pass ends
)  # fmt: skip
def test_a_change_of_prices_ahead_is_told_and_use_before_and_after_it_costs_what_it_cost_then(
    world, begins, changes, after, costs_li, subscriber_id
):
    user = world.new_user(100_000, subscriber_id)
    world.at(begins)
    session = world.session(user)
    session.ask(INITIAL, service(100))
    assert session.change_at == [changes]
    world.at(after)
    split = {"cc_total_octets": 2 * MB, "tariff_change_usage": 0}, {"cc_total_octets": MB, "tariff_change_usage": 1}
    answer = session.ask(UPDATE, service(100, *split))
    assert (of(answer)[100].result_code, session.change_at) == (2001, [])
    assert world.wallet(user)[0] == 100_000 - sum(costs_li)
    session.ask(TERMINATION, last(100))
    rows = world.detail(user, 202610, 202611).select("kb_units", "act_basic_li").rows()
    assert rows == [(2048, costs_li[0]), (1024, costs_li[1])]


@pytest.mark.parametrize(
    ("used", "costs_li"),
    [(({"cc_total_octets": 3 * MB},), 870), (({"cc_total_octets": 3 * MB, "tariff_change_usage": 2},), 870),
     (({"cc_total_octets": 2 * MB, "tariff_change_usage": 2}, {"cc_total_octets": MB, "tariff_change_usage": 1}), 1580),
     (({"cc_input_octets": MB, "cc_output_octets": MB, "tariff_change_usage": 1},), 2000)],
)  # fmt: skip
def test_use_that_a_network_does_not_split_was_before_the_change(world, used, costs_li):
    user = world.new_user(100_000)
    world.at("2026-10-05 23:50:00")
    session = world.session(user)
    session.ask(INITIAL, service(100))
    world.at("2026-10-06 00:05:00")
    session.ask(TERMINATION, last(100, *used))
    assert world.wallet(user) == (100_000 - costs_li, 0)


def test_a_change_farther_away_than_the_quota_lives_is_not_told(world):
    world.at("2026-10-05 23:29:59")
    session = world.session(world.new_user(100_000))
    answer = session.ask(INITIAL, service(100))
    assert (of(answer)[100].validity_time, session.change_at) == (1800, [])
    world.at("2026-10-05 23:30:00")
    session.ask(UPDATE, service(100))
    assert session.change_at == ["2026-10-06 00:00:00"]
    session.ask(TERMINATION, last(100))


def test_a_change_of_prices_is_told_over_nchf_as_published_and_use_before_and_after_it_costs_what_it_cost_then(world):
    user = world.new_user(100_000)
    world.at("2026-10-05 23:50:00")
    with httpx.Client(http1=False, http2=True, timeout=60, trust_env=False) as smf:

        def say(url: str, number: int, at: str, usage: dict) -> Any:
            message = data_request(number, invocationTimeStamp=at, multipleUnitUsage=[usage])
            message["pDUSessionChargingInformation"]["userInformation"]["servedGPSI"] = f"msisdn-{user.number}"
            return smf.post(url, json=message)

        created = say(world.nchf, 1, "2026-10-05T15:50:00Z", wanted())
        told = created.json()["multipleUnitInformation"][0]
        assert told["grantedUnit"] == {"tariffTimeChange": "2026-10-05T16:00:00Z", "totalVolume": 10 * MB}
        assert "TARIFF_TIME_CHANGE" in {one["triggerType"] for one in told["triggers"]}
        check_as_published("ChargingDataResponse", created.json())
        world.at("2026-10-06 00:05:00")
        crossed = {"totalVolume": 2 * MB, "triggers": [
            {"triggerType": "TARIFF_TIME_CHANGE", "triggerCategory": "DEFERRED_REPORT"}]}  # fmt: skip
        usage = used(crossed, {"totalVolume": MB}, asking=False)
        assert say(f"{created.headers['location']}/release", 2, "2026-10-05T16:05:00Z", usage).status_code == 204
    assert world.wallet(user) == (100_000 - 1580, 0)
    assert world.detail(user).select("kb_units", "act_basic_li").rows() == [(2048, 580), (1024, 1000)]


def check_as_published(schema: str, message: dict) -> None:
    """Hold a message against the published schema, where it is at hand."""
    if test_nchf_schema is not None and test_nchf_schema.PUBLISHED.exists():
        test_nchf_schema.check(schema, message)


# --- who pays -------------------------------------------------------------------------------------------------------

IMS = "ims.mnc000.mcc460.3gppnetwork.org"


@pytest.mark.parametrize(
    "known_as",
    [["0:{number}"], ["1:{imsi}"], ["2:sip:+{number}@" + IMS], ["2:sip:+{number}@" + IMS + ";user=phone"],
     ["2:sips:+{number};phone-context=x@" + IMS], ["2:tel:+{number}"], ["1:{imsi}", "0:{number}", "2:tel:+{number}"],
     ["2:sip:+{number}@" + IMS, "1:{imsi}"], ["2:sip:somebody@" + IMS, "1:{imsi}"], ["1:460009999999999", "0:{number}"],
     ["0:{number}", "2:sip:+8613900719999@" + IMS], ["2:sip:+8613900719999@" + IMS, "0:{number}"]],
)  # fmt: skip
def test_whoever_a_network_names_by_number_card_or_address_pays(world, known_as):
    user = world.new_user(10_000)
    said = [one.format(number=user.number, imsi=user.imsi).split(":", 1) for one in known_as]
    session = world.session(known_as=[(int(kind), data) for kind, data in said])
    assert session.ask(INITIAL, service(100)).result_code == 2001
    session.ask(TERMINATION, last(100, {"cc_total_octets": MB}))
    assert world.wallet(user) == (9_710, 0)
    assert world.detail(user)["served_number"].to_list() == [user.number]


@pytest.mark.parametrize(
    "known_as",
    [[NOBODY], [(1, "460009999999999")], [(2, "sip:+8613900719999@" + IMS)], [(2, "tel:+8613900719999")],
     [(2, "sip:somebody@" + IMS)], []],
)  # fmt: skip
def test_whoever_nobody_knows_is_refused_and_nothing_is_begun(world, known_as):
    before = world.engine.owner.state.digest()
    session = world.session(known_as=known_as)
    answer = session.ask(INITIAL, service(100))
    assert (answer.result_code, answer.multiple_services_credit_control) == (5030, [])
    assert session.ask(UPDATE, service(100)).result_code == 5002
    assert world.engine.owner.state.digest() == before


def test_a_card_pays_from_the_minute_it_is_given_on_and_the_old_one_no_more(world):
    user = world.new_user(10_000)
    changed = image({user.subscriber_id: {"number": user.number}})
    since, swapped, last_s = local_s("2000-01-01"), local_s("2026-10-05 09:00:00"), local_s("2099-01-01")
    cards = [(user.imsi, user.subscriber_id, since, swapped), (user.imsi + 500, user.subscriber_id, swapped, last_s)]
    cards = pl.DataFrame(cards, schema=changed.imsis.schema, orient="row")
    world.engine.order("IMAGE", **image_payload(changed._replace(imsis=cards)))

    def opened(at: str, imsi: int) -> int:
        world.at(f"2026-10-05 {at}")
        session = world.session(known_as=[(1, str(imsi))])
        result = session.ask(INITIAL, service(100)).result_code
        session.ask(TERMINATION, last(100))
        return result

    assert [opened("08:59:59", user.imsi), opened("08:59:59", user.imsi + 500)] == [2001, 5030]
    assert [opened("09:00:00", user.imsi), opened("09:00:00", user.imsi + 500)] == [5030, 2001]


# --- services, units and what a network is told with them -------------------------------------------------------------


def test_several_services_of_one_request_are_answered_each_for_itself(world):
    user = world.new_user(388)
    session = world.session(user)
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
    assert world.wallet(user) == (388, 388)
    used_up = [last(100, {"cc_total_octets": MB}), last(200, {"cc_total_octets": 10 * 1024}),
               last(9, {"cc_total_octets": MB})]  # fmt: skip
    answer = session.ask(UPDATE, *used_up, service(100))
    assert {one.result_code for one in answer.multiple_services_credit_control[:3]} == {2001}
    assert answer.multiple_services_credit_control[3].result_code == 4012
    assert session.ask(TERMINATION).result_code == 2001
    assert world.wallet(user) == (0, 0)


def test_a_service_identifier_is_given_back_and_priced_beside_others_of_its_rating_group(world):
    user = world.new_user(10_000)
    session = world.session(user)
    video, alone = service(100, service_identifier=[1201]), service(None, service_identifier=[1201])
    answer = session.ask(INITIAL, service(100), video, alone)
    told = [(one.rating_group, one.service_identifier) for one in answer.multiple_services_credit_control]
    assert told == [(100, []), (100, [1201]), (None, [1201])]
    assert world.wallet(user) == (10_000, 2_900 + 5_000 + 500)  # 10 MB, 10 MB, and near the limit 1 MB
    video = last(100, {"cc_total_octets": 2 * MB}, service_identifier=[1201])
    session.ask(TERMINATION, last(100, {"cc_total_octets": MB}), video)
    assert world.wallet(user) == (10_000 - 290 - 1_000, 0)
    rows = world.detail(user).select("rating_group", "service", "act_basic_li").rows()
    assert sorted(rows) == [(100, 0, 290), (100, 1201, 1000)]


def cost_li(answer: Any) -> int:
    value = answer.cost_information.unit_value
    assert (value.exponent, answer.cost_information.currency_code) == (-3, 156)
    return value.value_digits


def test_messages_are_debited_reserved_and_charged_in_units(world):
    user = world.new_user(1_000)
    told = text_to(8613900719998)
    three = {"cc_service_specific_units": 3}
    sent = world.session(user, SMS).ask(EVENT, service(None, wants=three), requested_action=0, service_information=told)
    granted = sent.multiple_services_credit_control[0].granted_service_unit
    assert (sent.result_code, granted.cc_service_specific_units, cost_li(sent)) == (2001, 3, 300)
    assert world.wallet(user) == (700, 0)
    plain = world.session(user, SMS).ask(
        EVENT, requested_action=0, service_information=told, requested_service_unit=RequestedServiceUnit(**three)
    )
    assert (plain.result_code, plain.granted_service_unit.cc_service_specific_units, cost_li(plain)) == (2001, 3, 300)
    session = world.session(user, SMS, service_information=told)
    reserved = session.ask(INITIAL, service(7, wants={"cc_service_specific_units": 2}))
    assert of(reserved)[7].granted_service_unit.cc_service_specific_units == 2
    assert world.wallet(user) == (400, 200)
    session.ask(TERMINATION, last(7, {"cc_service_specific_units": 1}))
    assert world.wallet(user) == (300, 0)
    too_many = service(None, wants={"cc_service_specific_units": 4})
    four = world.session(user, SMS).ask(EVENT, too_many, requested_action=0, service_information=told)
    assert (four.result_code, world.wallet(user)) == (4012, (300, 0))
    world.sweep("2026-10-05 10:05:01")
    assert sorted(world.detail(user)["message_count"].to_list()) == [1, 3, 3]


@pytest.mark.parametrize(
    ("ending", "said"),
    [("TERMINATE", (0, None, [])), ("REDIRECT", (1, (2, "http://top.up/"), [])),
     ("RESTRICT", (2, None, ["walled-garden"]))],
)  # fmt: skip
def test_at_the_end_of_the_money_a_network_hears_what_becomes_of_the_service(world, ending, said):
    user = world.new_user(435)
    session = world.session(user, door=ending)
    assert of(session.ask(INITIAL, service(100)))[100].final_unit_indication is None  # a MB of 1.5
    answer = of(session.ask(UPDATE, service(100, {"cc_total_octets": MB})))[100]
    final = answer.final_unit_indication
    server = final.redirect_server and (
        final.redirect_server.redirect_address_type, final.redirect_server.redirect_server_address,
    )  # fmt: skip
    assert (answer.result_code, answer.granted_service_unit.cc_total_octets) == (2001, 513 * 1024)
    assert (final.final_unit_action, server, final.filter_id, answer.volume_quota_threshold) == (*said, None)
    over = of(session.ask(UPDATE, service(100, {"cc_total_octets": 513 * 1024})))[100]
    assert (over.result_code, over.granted_service_unit, world.wallet(user)) == (4012, None, (0, 0))
    world.engine.order("TOP_UP", f"P-{ending}", account_id=user.account_id, amount_li=10_000)
    again = of(session.ask(UPDATE, service(100)))[100]
    assert (again.result_code, again.granted_service_unit.cc_total_octets, again.final_unit_indication) == (
        2001, 10 * MB, None,
    )  # fmt: skip
    session.ask(TERMINATION, last(100))


def test_a_network_is_told_how_long_a_quota_holds_and_when_to_come_again(world):
    user = world.new_user(100_000)
    data, call = world.session(user), world.session(user, VOICE, service_information=call_to(LOCAL))
    volume = of(data.ask(INITIAL, service(100)))[100]
    time = of(call.ask(INITIAL, service(1)))[1]
    told = [(one.validity_time, one.quota_holding_time, one.volume_quota_threshold, one.time_quota_threshold)
            for one in (volume, time)]  # fmt: skip
    assert told == [(1800, 900, MB, None), (None, None, None, 6)]
    data.ask(TERMINATION, last(100))
    call.ask(TERMINATION, last(1))


def test_requests_that_cannot_be_carried_out_are_answered_with_the_reason_and_cost_nothing(world):
    user = world.new_user(1_000)
    world.engine.order("STATE", subscriber_id=user.subscriber_id, barred=2)
    assert world.session(user).ask(INITIAL, service(100)).result_code == 4010
    world.engine.order("STATE", subscriber_id=user.subscriber_id, barred=0)
    session = world.session(user)
    assert session.ask(INITIAL, service(100)).result_code == 2001
    world.engine.order("STATE", subscriber_id=user.subscriber_id, barred=2)
    running = session.ask(UPDATE, service(100, {"cc_total_octets": MB}))
    assert (running.result_code, of(running)[100].result_code) == (2001, 4010)
    session.ask(TERMINATION, last(100))
    world.engine.order("STATE", subscriber_id=user.subscriber_id, barred=0)
    assert world.wallet(user) == (710, 0)
    unpriced = world.session(user).ask(INITIAL, service(5000))
    assert (unpriced.result_code, of(unpriced)[5000].result_code) == (5031, 5031)
    event = world.session(user).ask(EVENT, service(5000, wants={"cc_total_octets": MB}), requested_action=3)
    assert event.result_code == 5031
    poor = world.new_user(0)
    broke = world.session(poor).ask(INITIAL, service(100))
    assert (broke.result_code, of(broke)[100].result_code) == (4012, 4012)
    assert (world.wallet(user), world.wallet(poor)) == ((710, 0), (0, 0))


@pytest.mark.parametrize("context", ["32251@3gpp.org", "8.32251@3gpp.org", "ext.000.460.8.32251@3gpp.org"])
def test_a_service_context_is_known_with_its_release_and_operator_or_without(world, context):
    user = world.new_user(10_000)
    session = world.session(user, context)
    assert of(session.ask(INITIAL, service(100)))[100].granted_service_unit.cc_total_octets == 10 * MB
    session.ask(TERMINATION, last(100, {"cc_total_octets": MB}))
    assert world.wallet(user) == (9_710, 0)


@pytest.mark.parametrize(
    ("context", "about", "wants", "group", "costs_li"),
    [(VOICE, call_to(LOCAL), {"cc_time": 61}, None, 800), (VOICE, call_to(FAR), {"cc_time": 61}, None, 770),
     (SMS, text_to(8613900719998), {"cc_service_specific_units": 7}, None, 700),
     (DATA, None, {"cc_total_octets": 1_572_864}, 100, 435), (DATA, None, {"cc_total_octets": 1}, 200, 10)],
)  # fmt: skip
def test_a_price_and_a_check_of_the_balance_are_exact_and_change_nothing(world, context, about, wants, group, costs_li):
    enough, short = world.new_user(costs_li), world.new_user(costs_li - 1)

    def asked(user: Any, action: int) -> Any:
        session = world.session(user, context, service_information=about)
        return session.ask(EVENT, service(group, wants=wants), requested_action=action)

    assert cost_li(asked(short, 3)) == costs_li
    checked = asked(enough, 2), asked(short, 2)
    assert [(one.result_code, one.check_balance_result) for one in checked] == [(2001, 0), (2001, 1)]
    assert [world.wallet(user) for user in (enough, short)] == [(costs_li, 0), (costs_li - 1, 0)]


# --- doors, sizes and timers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["IPV6", "TLS"])
def test_a_whole_session_over_ipv6_and_under_tls_costs_what_it_costs_in_the_clear(world, door):
    if door == "IPV6" and not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")
    user = world.new_user(10_000)
    session = world.session(user, door=door)
    for kind, used_octets in ((INITIAL, 0), (UPDATE, 10 * MB)):
        answer = of(session.ask(kind, service(100, {"cc_total_octets": used_octets})))[100]
        assert answer.granted_service_unit.cc_total_octets == 10 * MB
    assert session.ask(TERMINATION, last(100, {"cc_total_octets": MB})).result_code == 2001
    assert world.wallet(user) == (6_810, 0)
    text = world.session(user, SMS, door=door, service_information=text_to(8613900719998))
    assert cost_li(text.ask(EVENT, service(None, wants={"cc_service_specific_units": 2}), requested_action=0)) == 200
    assert world.wallet(user) == (6_610, 0)


@pytest.mark.parametrize(
    ("context", "about", "balance_li", "wants", "granted", "reserved_li"),
    [(VOICE, call_to(LOCAL), 10_000, {}, 60, 400), (VOICE, call_to(FAR), 10_000, {}, 60, 10 * 70),  # 10 units of 6 s
     (VOICE, call_to(FAR), 10_000, {"cc_time": 600}, 60, 10 * 70),
     (VOICE, call_to(FAR), 10_000, {"cc_time": 13}, 13, 3 * 70),
     (VOICE, call_to(FAR), 500, {}, 42, 490), (VOICE, call_to(LOCAL), 390, {}, 1, 400),
     (DATA, None, 2_900, {}, 10 * MB, 2_900), (DATA, None, 2_899, {}, MB, 290),
     (DATA, None, 289, {}, 1022 * 1024, 289), (DATA, None, 10_000, {"cc_total_octets": 5 * MB}, 5 * MB, 1_450)],
)  # fmt: skip
def test_quotas_are_as_large_as_d4_8_says(world, context, about, balance_li, wants, granted, reserved_li):
    user = world.new_user(balance_li)
    session = world.session(user, context, service_information=about)
    unit = of(session.ask(INITIAL, service(100, wants=wants)))[100].granted_service_unit
    assert (unit.cc_time or unit.cc_total_octets, world.wallet(user)[1]) == (granted, reserved_li)
    session.ask(TERMINATION, last(100))


@pytest.mark.parametrize(("context", "about", "slices_s"), [(VOICE, call_to(FAR), 2 * 60), (DATA, None, 2 * 1800)])
def test_after_two_silent_slices_what_was_reserved_is_free_again(world, context, about, slices_s):
    user = world.new_user(10_000)
    session = world.session(user, context, service_information=about)
    session.ask(INITIAL, service(100))
    session.ask(UPDATE, service(100))
    reserved_li = world.wallet(user)[1]
    assert reserved_li > 0
    for after_s, held_li in ((slices_s, reserved_li), (slices_s + 1, 0)):
        world.sweep(str(datetime.fromisoformat(NOON) + timedelta(seconds=after_s)))
        assert world.wallet(user)[1] == held_li


# --- what Wireshark says ----------------------------------------------------------------------------------------------


@needs_tshark
def test_tshark_finds_nothing_wrong_with_anything_we_may_say(world, tmp_path):
    wires = {ending: world.meet(ending) for ending in ENDINGS}
    for ending, wire in wires.items():
        play_to_the_last_quota(world, wire, ending)
    wire = wires["TERMINATE"]
    play_services(world, wire)
    play_events(world, wire)
    play_faults(world, wire)
    busy = play_a_flood(world)
    said = play_ours(world, wire) + busy.said
    said += [one for ending in ("REDIRECT", "RESTRICT") for one in wires[ending].said]
    ours = [Message.from_bytes(data) for is_ours, data in said if is_ours]
    requests = {one.header.command_code for one in ours if one.header.is_request}
    assert requests == {258, 274, 282}  # Re-Auth, Abort-Session, Disconnect-Peer
    answers = {(one.header.command_code, one.result_code) for one in ours if not one.header.is_request}
    charged = {
        2001,
        3004,
        3007,
        3008,
        4012,
        5001,
        5002,
        5004,
        5005,
        5008,
        5009,
        5012,
        5014,
        5030,
        5031,
    }  # and 3009, which gives back the very bits that tshark complains of
    assert answers == {(257, 2001), (280, 2001), (282, 2001), (275, 3001), *((272, code) for code in charged)}
    wrong, seen = complaints(said, tmp_path, transport="-T", port=3868, protocol="diameter")
    assert (wrong, len(seen)) == ("", len(ours))
