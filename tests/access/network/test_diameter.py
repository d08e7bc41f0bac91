"""Diameter credit control with a client nobody here wrote, on a socket, against an engine on PostgreSQL."""

import asyncio
import contextlib
import os
import socket
import threading
import time

import numpy as np
import polars as pl
import pytest
from diameter.message import Message
from diameter.message.avp.grouped import (
    CcMoney,
    MultipleServicesCreditControl,
    RequestedServiceUnit,
    SubscriptionId,
    UnitValue,
    UsedServiceUnit,
)
from diameter.message.commands.credit_control import CreditControlRequest
from diameter.node import Node as Client
from diameter.node.application import SimpleThreadingApplication
from tests.access.network.dissection import complaints, needs_tshark
from tests.access.network.online_door import waited_for
from tests.modules.charging.engine.conftest import local_s
from tests.modules.charging.engine.test_online import MB, NUMBERING, PREPAID, Network, moment, network, open_wallet  # noqa: F401
from tests.modules.charging.engine.test_owner import world  # noqa: F401

from openboss.access.jobs.installation import one_connection
from openboss.access.network.diameter import avps, values
from openboss.access.network.diameter import node as node_module
from openboss.access.network.diameter.avps import avp, message
from openboss.access.network.diameter.node import Node
from openboss.access.network.diameter.peers import Identity
from openboss.access.network.diameter.session_names import key_of
from openboss.modules.charging.engine.online.desk import Life
from openboss.modules.charging.engine.online.finding import find_sessions
from openboss.modules.charging.engine.online.unknown import let_settle

pytestmark = pytest.mark.django_db(transaction=True)


class Listener:
    """A node with its loop in a thread."""

    currency = 156

    def __init__(self, engine: Network, *, new_register=None, **chosen) -> None:
        self.engine, self.faults, self.captured, self.chosen = engine, [], [], chosen
        self.new_register = new_register  # makes one that uses a connection
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.ready = threading.Event()
        self.thread.start()
        assert self.ready.wait(300)  # cold: everything is compiled

    def prepare(self) -> None:
        self.engine.owner.warm(moment(), NUMBERING)

    def decide(self, requests, asks):
        self.use_connection()
        decided = self.engine.owner.serve(requests, asks, numbering=NUMBERING, moment=moment())
        return decided.taken, decided.answers, decided.quotas

    def when_safe(self, answer) -> None:
        answer()

    def requests_ahead(self) -> int:
        return 0

    def _run(self) -> None:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        self.use_connection = one_connection()
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        identity = Identity("charge.test", "test", 1, lambda *_asked: True)
        self.node = Node(
            identity=identity,
            server=self,
            now_s=lambda: local_s("2026-10-05 02:00:00"),
            fail=self.faults.append,
            loop=loop,
            register=self.new_register(self.use_connection) if self.new_register else None,
            **self.chosen,
        )
        self.loop = loop
        loop.run_until_complete(loop.create_server(self.node.new_peer, "127.0.0.1", self.port))
        self.ready.set()
        loop.run_forever()
        self.node.homes.close()
        from django.db import connection

        connection.close()

    def let_settle(self, keys) -> None:
        self.use_connection()
        let_settle(self.engine.owner.state.desk, keys)
        self.engine.owner.sweep(moment())

    def call(self, work) -> None:
        """Have something done in the loop."""
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (self.use_connection(), work(), done.set()))
        assert done.wait(10)

    def tell(self, place: int, *, ends: bool = False) -> None:
        """Have the network of the session at a place told something."""
        places = np.array([place])
        sessions = self.engine.owner.state.desk.sessions[places]
        self.loop.call_soon_threadsafe(self.node.tell, places, sessions, np.array([ends]))

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


@pytest.fixture
def listener(network):  # noqa: F811
    open_wallet(network, 10_000)
    found = Listener(network)
    yield found
    found.stop()
    assert found.faults == []


@pytest.fixture
def client(listener):
    node = Client("gw.test", "test", ip_addresses=["127.0.0.1"])
    peer = node.add_peer(f"aaa://charge.test:{listener.port}", "test", ip_addresses=["127.0.0.1"], is_persistent=True)
    application = SimpleThreadingApplication(4, is_auth_application=True)
    node.add_application(application, [peer])
    node.start()
    application.wait_for_ready(timeout=60)
    yield application
    node.stop(wait_timeout=2)


def credit_request(
    session: str,
    kind: int,
    number: int,
    *,
    context: str = "32251@3gpp.org",
    used: dict | None = None,
    asking: bool = True,
):
    request = CreditControlRequest()
    request.header.application_id = 4
    request.session_id, request.origin_host, request.origin_realm = session, b"gw.test", b"test"
    request.destination_realm, request.auth_application_id = b"test", 4
    request.service_context_id, request.cc_request_type, request.cc_request_number = context, kind, number
    request.subscription_id = [SubscriptionId(subscription_id_type=0, subscription_id_data=str(PREPAID))]
    service = MultipleServicesCreditControl(rating_group=100)
    if asking:
        service.requested_service_unit = RequestedServiceUnit()
    if used:
        service.used_service_unit = [UsedServiceUnit(**used)]
    request.multiple_services_credit_control = [service]
    return request


def test_python_diameter_completes_a_data_session_with_the_exact_charge(network, client):  # noqa: F811
    answer = client.send_request(credit_request("gw;1", 1, 0), timeout=60)
    service = answer.multiple_services_credit_control[0]
    assert (answer.result_code, service.result_code, service.granted_service_unit.cc_total_octets) == (
        2001,
        2001,
        10 * MB,
    )
    answer = client.send_request(credit_request("gw;1", 2, 1, used={"cc_total_octets": 10 * MB}), timeout=60)
    assert answer.multiple_services_credit_control[0].granted_service_unit.cc_total_octets == 10 * MB
    found = find_sessions(network.owner.state, keys=[key_of("gw;1")])
    assert (found["total"], found["sessions"][0]["used_octets"], found["sessions"][0]["life"]) == (1, 10 * MB, "OPEN")
    answer = client.send_request(credit_request("gw;1", 3, 2, used={"cc_total_octets": MB}, asking=False), timeout=60)
    assert (answer.result_code, answer.cc_request_type, answer.cc_request_number) == (2001, 3, 2)
    assert network.wallet()["balance_li"] == 6810
    network.crash()
    assert network.wallet()["balance_li"] == 6810


def test_python_diameter_completes_a_voice_session_with_the_exact_charge(network, client):  # noqa: F811
    from diameter.message.avp.grouped import ImsInformation, ServiceInformation

    def call(kind, number, **more):
        request = credit_request("gw;call", kind, number, context="32260@3gpp.org", **more)
        request.service_information = ServiceInformation(
            ims_information=ImsInformation(role_of_node=0, called_party_address=["tel:+8613900000001"])
        )
        return request

    answer = client.send_request(call(1, 0), timeout=60)
    assert answer.multiple_services_credit_control[0].granted_service_unit.cc_time == 60
    answer = client.send_request(call(2, 1, used={"cc_time": 60}), timeout=60)
    assert answer.multiple_services_credit_control[0].granted_service_unit.cc_time == 60
    client.send_request(call(3, 2, used={"cc_time": 1}, asking=False), timeout=60)
    assert network.wallet()["balance_li"] == 10_000 - 800  # 61 s are two minutes


class Wire:
    """A peer that sends what it likes."""

    who: dict = {}  # what it says of itself when it is not odd.test

    def __init__(self, port: int, *, introduced: bool = True, **who) -> None:
        self.who = who
        self.line = socket.create_connection(("127.0.0.1", port))
        self.line.settimeout(60)
        if introduced:
            self.introduce()

    def say_hello(self) -> None:
        """Say who we are, as was said, else odd.test of test without a state, for credit control."""
        state_id = self.who.get("state_id")
        content = (
            avp(avps.ORIGIN_HOST, self.who.get("host", "odd.test"))
            + avp(avps.ORIGIN_REALM, self.who.get("realm", "test"))
            + avp(avps.HOST_IP, avps.address("127.0.0.1"))
            + avp(avps.VENDOR_ID, 0) + avp(avps.PRODUCT_NAME, "odd", flags=0)
            + avp(avps.AUTH_APPLICATION, self.who.get("application", 4))
            + (avp(avps.STATE_ID, state_id) if state_id else b"")
        )  # fmt: skip
        self.send(message(flags=0x80, command=257, application=0, hop=1, end=1, avps=content))

    def introduce(self) -> None:
        self.say_hello()
        assert self.answer().result_code == 2001

    def send(self, data: bytes) -> None:
        self.line.sendall(data)

    def read(self) -> bytes:
        head = self._exactly(4)
        return head + self._exactly(int.from_bytes(head[1:], "big") - 4)

    def hear(self) -> bytes:
        """What comes next but questions whether we are there, which come while a test takes its time: it says yes."""
        while (asked := avps.read_message(data := self.read())).command == avps.WATCHDOG and asked.is_request:
            said = avp(avps.RESULT_CODE, 2001) + avp(avps.ORIGIN_HOST, "odd.test") + avp(avps.ORIGIN_REALM, "test")
            self.send(message(flags=0, command=avps.WATCHDOG, application=0, hop=asked.hop, end=asked.end, avps=said))
        return data

    def answer(self):
        return Message.from_bytes(self.read())

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.line.recv(count - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data

    def is_closed(self) -> bool:
        with contextlib.suppress(OSError):
            return self.line.recv(1) == b""
        return True


def test_half_messages_wait_and_several_at_once_are_answered_in_order(listener):
    wire = Wire(listener.port)
    data = b"".join(credit_request(f"s;{n}", 1, 0).as_bytes() for n in range(3))
    wire.send(data[:50])
    time.sleep(0.1)
    wire.send(data[50:])
    assert [wire.answer().session_id for _ in range(3)] == ["s;0", "s;1", "s;2"]
    wire.send(message(flags=0x80, command=280, application=0, hop=9, end=9, avps=b""))
    assert wire.answer().result_code == 2001


def test_hostile_messages_get_an_error_or_a_closed_line_and_disturb_nobody(listener, network):  # noqa: F811
    wire = Wire(listener.port)
    good = credit_request("s;1", 1, 0).as_bytes()
    cases = {
        5014: good[:25] + b"\xff\xff\xff" + good[28:],  # an AVP longer than its message
        5001: _with(good, b"\x00\x0f\x42\x40\x40\x00\x00\x0cabcd"),  # unknown, and it matters
        5005: message(flags=0xC0, command=272, application=4, hop=1, end=1, avps=avp(263, "s;2")),
        3007: good[:8] + (99).to_bytes(4, "big") + good[12:],
    }
    for code, data in cases.items():
        wire.send(data)
        assert wire.answer().result_code == code
    wire.send(b"GET / HTTP/1.1\r\n\r\n" + bytes(40))
    assert wire.is_closed()
    stranger = Wire(listener.port, introduced=False)
    stranger.send(good)
    assert stranger.is_closed()
    calm = Wire(listener.port)
    calm.send(good)
    assert calm.answer().result_code == 2001
    assert network.wallet()["balance_li"] == 10_000


def test_more_seconds_than_a_record_can_hold_are_refused(listener, network):  # noqa: F811
    wire = Wire(listener.port)
    wire.send(credit_request("s;1", 1, 0).as_bytes())
    assert wire.answer().result_code == 2001
    wire.send(credit_request("s;1", 2, 1, used={"cc_time": 2**31}).as_bytes())
    refused = wire.answer()
    assert (refused.result_code, network.wallet()["balance_li"]) == (5004, 10_000)


def _with(data: bytes, more: bytes) -> bytes:
    return data[:1] + (len(data) + len(more)).to_bytes(3, "big") + data[4:] + more


def test_while_more_waits_than_a_group_holds_running_sessions_come_first(listener, monkeypatch):
    monkeypatch.setattr(node_module, "MOST_REQUESTS", 4)
    node = listener.node
    node._marks, node._requests = node._marks[:4], node._requests[:4]
    running, flood = Wire(listener.port), Wire(listener.port)
    running.send(credit_request("run;1", 1, 0).as_bytes())
    assert running.answer().result_code == 2001
    flood.send(b"".join(credit_request(f"new;{n}", 1, 0).as_bytes() for n in range(40)))
    running.send(credit_request("run;1", 2, 1, used={"cc_total_octets": 10}).as_bytes())
    assert running.answer().result_code == 2001
    answers = [flood.answer() for _ in range(40)]
    refused = [answer for answer in answers if answer.result_code == 3004]
    assert len(refused) == node.meter.turned_down["3004"] > 0
    assert all(answer.header.is_error for answer in refused)
    assert {answer.result_code for answer in answers} == {2001, 3004}  # the last ones no longer wait


@needs_tshark
def test_tshark_finds_nothing_wrong_with_our_answers(listener, tmp_path):
    wire, sent = Wire(listener.port), []

    def exchange(request: bytes) -> None:
        wire.send(request)
        sent.extend([(False, request), (True, wire.read())])

    steps = [(1, 0, None), (2, 1, {"cc_total_octets": 9_900_000}), (2, 2, {"cc_total_octets": 9_900_000}),
             (2, 3, {"cc_total_octets": 9_900_000}), (3, 4, {"cc_total_octets": 100})]  # fmt: skip
    for kind, number, used in steps:
        exchange(credit_request("s;9", kind, number, used=used).as_bytes())
    for action, money_fen in ((0, 1), (2, 1), (3, 1)):
        exchange(event_request(f"e;{action}", action, money_fen=money_fen).as_bytes())
    exchange(event_request("e;r", 1, correlation="e;0", money_fen=1).as_bytes())
    exchange(event_request("e;s", 0, units=1).as_bytes())
    exchange(credit_request("s;0", 2, 1).as_bytes())  # nobody knows it
    proxied = avp(284, avp(280, "relay.test") + avp(33, b"1"))
    for more in (proxied, avp(416, bytes(3)), avp(461, "9@x")):  # what nobody knows, tshark does not know either
        exchange(_with(credit_request("s;8", 1, 0).as_bytes(), more))
    exchange(message(flags=0xC0, command=272, application=4, hop=1, end=1, avps=avp(263, "s;2")))
    exchange(message(flags=0x80, command=280, application=0, hop=2, end=2, avps=b""))
    exchange(message(flags=0xC0, command=275, application=4, hop=3, end=3, avps=avp(263, "s;2")))
    wire.send(credit_request("s;7", 1, 0).as_bytes())
    assert wire.answer().result_code == 2001
    place = int(np.flatnonzero(listener.engine.owner.state.desk.sessions["life"] == Life.OPEN)[-1])
    for is_stopped in (False, True):
        listener.tell(place, ends=is_stopped)
        sent.append((True, wire.read()))
    exchange(message(flags=0x80, command=282, application=0, hop=4, end=4, avps=avp(273, 0)))
    wrong, seen = complaints(sent, tmp_path, transport="-T", port=3868, protocol="diameter")
    assert (wrong, len(seen)) == ("", len([ours for ours, _data in sent if ours]))


# --- events, money, and what we tell networks of ourselves ------------------------------------------------------------


def event_request(
    session: str, action: int, *, correlation: str = "", money_fen: int = 0, currency: int = 156, units: int = 0
):
    request = credit_request(session, 4, 0, context="32274@3gpp.org" if units else "32251@3gpp.org")
    wanted = RequestedServiceUnit()
    if units:
        wanted.cc_service_specific_units = units
    if money_fen:
        wanted.cc_money = CcMoney(unit_value=UnitValue(value_digits=money_fen, exponent=-2), currency_code=currency)
    request.multiple_services_credit_control = [
        MultipleServicesCreditControl(rating_group=9, requested_service_unit=wanted)
    ]
    request.requested_action = action
    if correlation:
        request.cc_correlation_id = correlation.encode()
    return request


def test_python_diameter_debits_refunds_asks_for_prices_and_for_credit(network, client):  # noqa: F811
    def cost(answer) -> int:
        value = answer.cost_information.unit_value
        assert (value.exponent, answer.cost_information.currency_code) == (-3, 156)
        return value.value_digits

    debited = client.send_request(event_request("gw;e1", 0, money_fen=150), timeout=60)
    assert (debited.result_code, cost(debited), network.wallet()["balance_li"]) == (2001, 1500, 8500)
    granted = debited.multiple_services_credit_control[0].granted_service_unit
    assert granted.cc_money.unit_value.value_digits == 1500
    back = client.send_request(event_request("gw;e2", 1, correlation="gw;e1", money_fen=50), timeout=60)
    assert (back.result_code, cost(back), network.wallet()["balance_li"]) == (2001, 500, 9000)
    priced = client.send_request(event_request("gw;e3", 3, money_fen=2000), timeout=60)
    assert (priced.result_code, cost(priced), network.wallet()["balance_li"]) == (2001, 20_000, 9000)
    asked = client.send_request(event_request("gw;e4", 2, money_fen=2000), timeout=60)
    assert (asked.result_code, asked.check_balance_result, network.wallet()["balance_li"]) == (2001, 1, 9000)
    foreign = client.send_request(event_request("gw;e5", 0, money_fen=150, currency=840), timeout=60)
    assert (foreign.result_code, network.wallet()["balance_li"]) == (5004, 9000)


def test_a_stopped_users_session_is_aborted_and_a_topped_up_ones_asked_again(listener, network):  # noqa: F811
    wire = Wire(listener.port)
    wire.send(credit_request("s;1", 1, 0).as_bytes())
    assert wire.answer().result_code == 2001
    listener.tell(0)
    asked = wire.answer()
    assert (asked.header.command_code, asked.session_id, asked.destination_host) == (
        258,
        "s;1",
        b"gw.test",
    )  # who opened it
    listener.tell(0, ends=True)
    stopped = wire.answer()
    assert (stopped.header.command_code, stopped.session_id, stopped.header.is_request) == (274, "s;1", True)


def test_a_session_whose_gateway_lost_its_line_is_reached_by_another_of_its_realm(listener, network):  # noqa: F811
    first, second = Wire(listener.port), Wire(listener.port)
    first.send(credit_request("s;1", 1, 0).as_bytes())
    assert first.answer().result_code == 2001
    first.line.close()
    assert waited_for(lambda: sum(one.transport is not None for one in listener.node.peers) == 1)
    listener.tell(0)
    assert (second.answer().session_id) == "s;1"
    second.send(credit_request("s;1", 2, 1, used={"cc_total_octets": MB}).as_bytes())
    assert second.answer().result_code == 2001
    assert network.wallet()["balance_li"] == 9710


@pytest.mark.parametrize(
    ("action", "where", "said"),
    [("TERMINATE", "", (0, None, None)), ("REDIRECT", "http://top.up/", (1, "http://top.up/", None)),
     ("RESTRICT", "walled-garden", (2, None, "walled-garden"))],
)  # fmt: skip
def test_what_becomes_of_a_service_after_its_last_quota_is_the_operators_choice(action, where, said):
    content = avps.final_unit(action, where)
    data = message(flags=0x40, command=272, application=4, hop=1, end=1, avps=avp(263, "s") + content)
    final = Message.from_bytes(data).final_unit_indication
    server = final.redirect_server.redirect_server_address if final.redirect_server else None
    filters = final.filter_id[0] if final.filter_id else None
    assert (final.final_unit_action, server, filters) == said


def test_a_network_is_told_when_to_come_again_before_its_quota_is_used_up(listener):
    wire = Wire(listener.port)
    wire.send(credit_request("s;1", 1, 0).as_bytes())
    service = wire.answer().multiple_services_credit_control[0]
    told = (service.validity_time, service.quota_holding_time, service.volume_quota_threshold)
    assert told == (1800, 900, 10 * MB // 10)


def test_python_diameter_reports_a_border_crossed_and_pays_each_part_at_its_place(listener, network, client):  # noqa: F811
    from diameter.message.avp.grouped import PsInformation, ServiceInformation, Trigger

    def roaming(kind, number, place, *, types=(), **more):
        request = credit_request("gw;roam", kind, number, **more)
        request.service_information = ServiceInformation(ps_information=PsInformation(**place))
        if types:
            service = request.multiple_services_credit_control[0]
            service.reporting_reason, service.trigger = [6], Trigger(trigger_type=list(types))
        return request

    at_home, abroad = {"tgpp_sgsn_mcc_mnc": "46000"}, {"tgpp_user_location_info": bytes.fromhex("8254f4210001")}
    armed = client.send_request(roaming(1, 0, at_home), timeout=60).multiple_services_credit_control[0].trigger
    assert armed.trigger_type == [30, 31, 33, 35]  # country, network, location area, tracking area
    moved = roaming(2, 1, abroad, types=[30], used={"cc_total_octets": 2 * MB})
    again = client.send_request(moved, timeout=60).multiple_services_credit_control[0]
    assert (again.result_code, again.granted_service_unit.cc_total_octets, again.trigger) == (2001, 10 * MB, None)
    client.send_request(roaming(2, 2, abroad, types=[33], used={"cc_total_octets": MB}), timeout=60)  # stays
    client.send_request(roaming(2, 3, {}, types=[4], used={"cc_total_octets": MB}), timeout=60)  # another radio
    client.send_request(roaming(3, 4, {}, used={"cc_total_octets": MB}, asking=False), timeout=60)
    network.owner.flush()
    rows = pl.read_parquet(network.owner.lake.usage_files(202610), hive_partitioning=True).sort("position")
    assert rows.select("kb_units", "visited_area", "partner", "partial_seq").rows() == [
        (2 * 1024, 571, 46000, 0), (2 * 1024, 1_000_852, 45412, 1), (1024, 1_000_852, 45412, 2)]  # fmt: skip


def test_a_users_location_says_network_and_area_in_every_form_of_radio():
    def read(text):
        data = np.frombuffer(bytes.fromhex(text), np.uint8)
        return values.network_of(data, 0, len(data)), values.tracking_area(data, 0, len(data))

    assert read("0064f0000388c0de") == (46000, 0x388)  # CGI
    assert read("8264f000271064f0000abcdef0") == (46000, 0x2710)  # TAI and ECGI
    assert read("81130014000abcde") == (310410, 0)  # ECGI alone has no area
    assert read("8a64f00001e240") == (46000, 123456)  # 5GS TAI
    assert read("") == read("82") == (0, 0)
