"""What networks are told of running sessions reaches them: after a restart of ours or of theirs, by another line, again
if it was not answered; and lines that are down are noticed. In a real node on a real engine, over sockets."""

import contextlib
import time
from collections.abc import Iterator

import numpy as np
import pytest
from diameter.message import Message
from tests.access.network.online_door import waited_for
from tests.access.network.test_diameter import Listener, Wire, credit_request, listener  # noqa: F401
from tests.access.network.test_diameter_fuzz import with_more
from tests.modules.charging.engine.test_online import MB, Network, moment, network, open_wallet  # noqa: F401
from tests.modules.charging.engine.test_owner import world  # noqa: F401

from openboss.access.jobs.gateway_register import GatewayRegister
from openboss.access.network.diameter import avps, homes, peers, telling
from openboss.access.network.diameter.avps import avp, message
from openboss.access.network.diameter.node import Places
from openboss.modules.charging.engine.online.desk import Life
from openboss.modules.charging.engine.online.requests import Kind
from openboss.modules.charging.models import GatewaySession

pytestmark = pytest.mark.django_db(transaction=True)
COME_AGAIN, END, WATCHDOG, FAREWELL = 258, 274, 280, 282
AT = moment().at


@contextlib.contextmanager
def listening(engine: Network, **chosen) -> Iterator[Listener]:
    """An engine's process with its node, from start to end."""
    found = Listener(engine, **chosen)
    try:
        yield found
    finally:
        found.stop()
    assert found.faults == []


def ask(wire: Wire, session: str, kind: int, number: int, *, state_id: int = 0, **more) -> int:
    request = credit_request(session, kind, number, **more).as_bytes()
    wire.send(with_more(request, avp(avps.STATE_ID, state_id)) if state_id else request)
    return Message.from_bytes(wire.hear()).result_code


def told(wire: Wire) -> tuple[int, str]:
    heard = wire.answer()
    assert heard.header.is_request
    return heard.header.command_code, heard.session_id


def confirm(wire: Wire, heard, result: int) -> None:
    """Answer what we were told."""
    header = heard.header
    content = avp(avps.SESSION_ID, heard.session_id) + avp(avps.RESULT_CODE, result)
    content += avp(avps.ORIGIN_HOST, "odd.test") + avp(avps.ORIGIN_REALM, "test")
    wire.send(message(flags=0x40, command=header.command_code, application=4, hop=header.hop_by_hop_identifier,
                      end=header.end_to_end_identifier, avps=content))  # fmt: skip


def reserved_li(engine: Network) -> int:
    return engine.wallet()["reserved_li"]


# --- restarts of ours -------------------------------------------------------------------------------------------------


def test_a_session_that_goes_on_is_told_after_the_engine_restarted(network):  # noqa: F811
    open_wallet(network, 10_000)
    with listening(network) as before:
        assert ask(Wire(before.port), "s;1", 1, 0) == 2001
    network.crash()
    with listening(network) as after:
        wire = Wire(after.port)
        assert ask(wire, "s;1", 2, 1, used={"cc_total_octets": MB}) == 2001
        after.tell(0, ends=True)
        assert told(wire) == (END, "s;1")


def test_a_silent_session_is_told_after_the_engine_restarted_as_soon_as_its_gateway_is_back(network, monkeypatch):  # noqa: F811
    monkeypatch.setattr(homes, "LASTS_S", 0.0)
    open_wallet(network, 10_000)
    with listening(network, new_register=GatewayRegister) as before:
        wire = Wire(before.port, application=avps.RELAY_APPLICATION)
        assert [ask(wire, f"s;{n}", 1, 0, state_id=7) for n in range(3)] == [2001] * 3
        assert ask(wire, "s;2", 3, 1, asking=False) == 2001
        before.call(lambda: before.node.keep(AT))
        before.call(before.node.homes.wait)
        kept = GatewaySession.objects.order_by("session_id").values_list(
            "session_id", "host", "realm", "via", "state_id"
        )
        assert [(bytes(name), *rest) for name, *rest in kept] == [
            (name, "gw.test", "test", "odd.test", 7) for name in (b"s;0", b"s;1")]  # fmt: skip
        assert ask(wire, "s;0", 3, 1, asking=False) == 2001
        before.call(lambda: before.node.keep(AT))
    assert [bytes(one.session_id) for one in GatewaySession.objects.all()] == [b"s;1"]
    network.crash()
    [place] = np.flatnonzero(network.owner.state.desk.sessions["life"] == Life.OPEN)
    with listening(network, new_register=GatewayRegister) as after:
        stranger = Wire(after.port, host="other.test", realm="elsewhere")
        after.tell(place, ends=True)  # nobody is there who could be told
        after.call(lambda: None)
        wire = Wire(after.port, host="gw.test")
        heard = wire.answer()
        assert (heard.header.command_code, heard.session_id, heard.destination_host) == (END, "s;1", b"gw.test")
        confirm(wire, heard, 2001)
        stranger.line.settimeout(0.2)
        with pytest.raises(TimeoutError):
            stranger.read()
        assert ask(wire, "s;1", 1, 0) == 2001  # sent again: it is written down again
        after.call(lambda: after.node.keep(AT))
        after.call(after.node.homes.wait)
        assert GatewaySession.objects.get().via == "gw.test"
        assert ask(wire, "s;1", 3, 1, asking=False) == 2001
        after.call(lambda: after.node.keep(AT))
    assert not GatewaySession.objects.exists()


def test_a_session_that_ends_is_forgotten_though_only_the_table_knows_of_it(network, monkeypatch):  # noqa: F811
    monkeypatch.setattr(homes, "LASTS_S", 0.0)
    open_wallet(network, 10_000)
    with listening(network, new_register=GatewayRegister) as before:
        assert ask(Wire(before.port), "s;1", 1, 0) == 2001
        before.call(lambda: before.node.keep(AT))
    assert GatewaySession.objects.count() == 1
    network.crash()
    with listening(network, new_register=GatewayRegister) as after:
        assert ask(Wire(after.port), "s;1", 3, 1, asking=False) == 2001
        after.call(lambda: after.node.keep(AT))
    assert not GatewaySession.objects.exists()


def test_who_inherits_the_place_of_a_forgotten_session_is_not_told_what_was_meant_for_others(listener, network):  # noqa: F811
    wire = Wire(listener.port)
    assert ask(wire, "s;1", 1, 0) == 2001
    for at in ("2026-10-05 12:00:00", "2026-10-06 12:00:01"):  # settled, then forgotten
        listener.call(lambda at=at: network.owner.sweep(moment(at)))
    assert not network.owner.state.desk.sessions["life"].any()
    listener.call(lambda: network.ask(9, 0, Kind.INITIAL, moment("2026-10-06 12:00:02")))  # by another door
    assert network.owner.state.desk.sessions["life"][0] == Life.OPEN
    listener.tell(0, ends=True)
    assert ask(wire, "s;2", 2, 1) == 5002  # the next thing heard is this answer


# --- what networks answer ---------------------------------------------------------------------------------------------


def test_a_network_that_knows_a_session_no_more_has_it_settled_at_once(listener, network):  # noqa: F811
    wire = Wire(listener.port)
    assert ask(wire, "s;1", 1, 0) == 2001
    assert ask(wire, "s;1", 2, 1, used={"cc_total_octets": MB}) == 2001
    assert reserved_li(network) > 0
    listener.tell(0)
    confirm(wire, wire.answer(), 5002)
    assert waited_for(lambda: network.owner.state.desk.sessions["life"][0] == Life.EXPIRED)
    assert (network.wallet()["balance_li"], reserved_li(network)) == (9710, 0)


def test_who_cannot_deliver_is_followed_by_another_line_with_the_same_notice_sent_again(listener, network):  # noqa: F811
    first, second = Wire(listener.port), Wire(listener.port)
    assert ask(first, "s;1", 1, 0) == 2001
    listener.tell(0)
    one = first.answer()
    confirm(first, one, 3002)  # DIAMETER_UNABLE_TO_DELIVER
    again = second.answer()
    assert (again.session_id, again.header.end_to_end_identifier) == ("s;1", one.header.end_to_end_identifier)
    assert (one.header.is_retransmit, again.header.is_retransmit) == (False, True)
    confirm(second, again, 2001)
    assert ask(second, "s;1", 2, 1, used={"cc_total_octets": MB}) == 2001
    listener.tell(0)  # by the line of its last request
    last = second.answer()
    assert last.header.end_to_end_identifier != one.header.end_to_end_identifier
    second.line.close()  # before it has answered
    heard = first.answer()
    assert (heard.header.end_to_end_identifier, heard.header.is_retransmit) == (last.header.end_to_end_identifier, True)


def test_a_notice_nobody_answers_is_sent_three_times_and_then_said_in_the_log(listener, monkeypatch, caplog):  # noqa: F811
    monkeypatch.setattr(telling, "ANSWER_S", 0.05)
    monkeypatch.setattr(telling, "_LOOK_S", 0.02)
    wire = Wire(listener.port)
    assert ask(wire, "s;1", 1, 0) == 2001
    listener.tell(0)
    assert [told(wire) for _ in range(3)] == [(COME_AGAIN, "s;1")] * 3
    assert waited_for(lambda: "sessions not reached" in caplog.text)
    assert ask(wire, "s;1", 2, 1, used={"cc_total_octets": MB}) == 2001


# --- restarts of theirs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said_in", ["CER", "DWR", "CCR"])
def test_what_a_gateway_opened_before_it_restarted_is_settled_when_its_state_grows(listener, network, said_in):  # noqa: F811
    wire = Wire(listener.port, host="gw.test", state_id=7)
    assert ask(wire, "s;1", 1, 0, state_id=7) == 2001
    assert ask(wire, "s;1", 2, 1, used={"cc_total_octets": MB}) == 2001
    held = reserved_li(network)
    assert held > 0
    again = Wire(listener.port, host="gw.test", state_id=8 if said_in == "CER" else 7)
    if said_in == "DWR":
        content = avp(avps.ORIGIN_HOST, "gw.test") + avp(avps.ORIGIN_REALM, "test") + avp(avps.STATE_ID, 8)
        again.send(message(flags=0x80, command=WATCHDOG, application=0, hop=9, end=9, avps=content))
        assert again.answer().result_code == 2001
    if said_in == "CCR":
        assert ask(again, "s;2", 1, 0, state_id=8) == 2001
    assert waited_for(lambda: network.owner.state.desk.sessions["life"][0] == Life.EXPIRED)
    assert network.wallet()["balance_li"] == 9710  # what it had reported
    assert reserved_li(network) == (2900 if said_in == "CCR" else 0)  # what the new session holds
    assert ask(again, "s;3", 1, 0, state_id=8) == 2001
    assert ask(again, "s;3", 2, 1, state_id=8, used={"cc_total_octets": 0}) == 2001  # of this life: it goes on
    assert network.owner.state.desk.sessions["life"].tolist().count(Life.OPEN) == 1 + (said_in == "CCR")


def test_nobody_but_a_relay_says_that_another_has_restarted(listener, network):  # noqa: F811
    gateway, other = Wire(listener.port, host="gw.test", state_id=7), Wire(listener.port)
    assert ask(gateway, "s;1", 1, 0, state_id=7) == 2001
    assert ask(other, "nobody", 2, 1, state_id=8) == 5002
    assert reserved_li(network) == 2900
    assert ask(Wire(listener.port, application=avps.RELAY_APPLICATION), "nobody", 2, 1, state_id=8) == 5002
    assert waited_for(lambda: reserved_li(network) == 0)


def test_a_gateway_that_restarted_while_the_engine_was_down_has_its_sessions_settled(network, monkeypatch):  # noqa: F811
    monkeypatch.setattr(homes, "LASTS_S", 0.0)
    open_wallet(network, 10_000)
    with listening(network, new_register=GatewayRegister) as before:
        wires = [Wire(before.port, host=f"{name}.test", state_id=7) for name in ("gw", "calm")]
        assert ask(wires[0], "s;1", 1, 0) == 2001
        before.call(lambda: before.node.keep(AT))
        before.call(before.node.homes.wait)
    network.crash()
    assert reserved_li(network) == 2900
    with listening(network, new_register=GatewayRegister) as after:
        Wire(after.port, host="calm.test", state_id=9)
        Wire(after.port, host="gw.test", state_id=7)  # the same life: nothing is lost
        after.call(lambda: None)
        assert reserved_li(network) == 2900
        Wire(after.port, host="gw.test", state_id=8)
        assert waited_for(lambda: reserved_li(network) == 0)


# --- lines ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch):
    """Silence is noticed after half a second."""
    monkeypatch.setattr(peers, "WATCH_S", 0.5)
    monkeypatch.setattr(peers, "JITTER_S", 0.01)


def test_a_silent_peer_is_asked_whether_it_is_there_and_stays_while_it_answers(listener, hasty):  # noqa: F811
    wire = Wire(listener.port, state_id=5)
    for _ in range(3):
        heard = wire.answer()
        assert (heard.header.command_code, heard.header.is_request, heard.origin_host) == (
            WATCHDOG,
            True,
            b"charge.test",
        )
        header = heard.header
        content = avp(avps.RESULT_CODE, 2001) + avp(avps.ORIGIN_HOST, "odd.test") + avp(avps.ORIGIN_REALM, "test")
        wire.send(message(flags=0, command=WATCHDOG, application=0, hop=header.hop_by_hop_identifier,
                          end=header.end_to_end_identifier, avps=content))  # fmt: skip
    assert ask(wire, "s;1", 1, 0) == 2001


def test_a_line_whose_other_end_is_gone_is_avoided_and_then_closed(listener, hasty):  # noqa: F811
    dead, alive = Wire(listener.port), Wire(listener.port)
    begun_s = time.monotonic()
    assert ask(dead, "s;1", 1, 0) == 2001
    [peer] = [one for one in listener.node.peers if one.number == 1]
    while peer.hears:  # nothing comes of the one, the other goes on asking
        assert ask(alive, "nobody", 2, 1) == 5002
        time.sleep(0.02)
    assert time.monotonic() - begun_s > 0.6  # not after the first question
    listener.tell(0)
    heard = Message.from_bytes(alive.hear())
    assert (heard.header.command_code, heard.session_id) == (COME_AGAIN, "s;1")
    assert [dead.answer().header.command_code for _ in range(2)] == [WATCHDOG, WATCHDOG]
    assert dead.is_closed()


def test_a_peer_that_says_farewell_is_answered_and_its_line_ends(listener):  # noqa: F811
    wire = Wire(listener.port)
    content = avp(avps.ORIGIN_HOST, "odd.test") + avp(avps.ORIGIN_REALM, "test") + avp(avps.CAUSE, 0)
    wire.send(message(flags=0x80, command=FAREWELL, application=0, hop=3, end=4, avps=content))
    bye = wire.answer()
    assert (bye.header.command_code, bye.header.is_request, bye.result_code) == (FAREWELL, False, 2001)
    assert wire.is_closed()


def test_who_can_do_nothing_we_can_or_does_not_say_who_it_is_is_told_so_and_sent_away(listener):  # noqa: F811
    other = Wire(listener.port, introduced=False, application=16777251)  # S6a
    other.say_hello()
    assert other.answer().result_code == 5010
    assert other.is_closed()
    nobody = Wire(listener.port, introduced=False)
    nobody.send(message(flags=0x80, command=257, application=0, hop=1, end=1,
                        avps=avp(avps.ORIGIN_REALM, "test") + avp(avps.AUTH_APPLICATION, 4)))  # fmt: skip
    refused = avps.read_message(nobody.read())
    [(code, _vendor, _value)] = avps.read_avps(refused.first(avps.FAILED_AVP))
    assert (refused.number(avps.RESULT_CODE), code) == (5005, avps.ORIGIN_HOST)
    assert nobody.is_closed()


def test_more_connections_than_there_are_places_for_are_closed_and_the_others_served(network, caplog):  # noqa: F811
    open_wallet(network, 10_000)
    with listening(network, places=Places(from_one_address=3, in_all=4)) as found:
        known = [Wire(found.port) for _ in range(3)]
        for _ in range(5):
            with contextlib.suppress(OSError):
                assert Wire(found.port, introduced=False).is_closed()
        assert (found.node.meter.turned_down[peers.TOO_MANY], caplog.text.count("too many connections")) == (5, 1)
        known.pop().line.close()
        assert waited_for(lambda: sum(one.transport is not None for one in found.node.peers) == 2)
        assert ask(Wire(found.port), "s;1", 1, 0) == 2001
        assert ask(known[0], "s;2", 1, 0) == 2001


# --- relays -----------------------------------------------------------------------------------------------------------


def test_a_request_that_went_through_us_before_is_a_loop_and_one_through_others_is_not(listener, network):  # noqa: F811
    wire = Wire(listener.port)
    request = credit_request("s;1", 1, 0).as_bytes()
    wire.send(with_more(request, avp(282, "relay.test") + avp(282, "charge.test")))
    looped = wire.answer()
    assert (looped.result_code, looped.header.is_error, reserved_li(network)) == (3005, True, 0)
    wire.send(with_more(request, avp(282, "relay.test") + avp(282, "charge.tes") + avp(282, "other.relay.test")))
    assert wire.answer().result_code == 2001


@pytest.mark.parametrize(("more", "result"), [(b"", 2001), (avp(416, bytes(3)), 5014), (avp(282, "charge.test"), 3005)])
def test_what_relays_left_in_a_request_comes_back_to_the_byte_and_in_order(listener, more, result):  # noqa: F811
    proxies = [avp(284, avp(280, f"relay{n}.test") + avp(33, bytes(range(n, n + 5)))) for n in (3, 1, 2)]
    wire = Wire(listener.port)
    wire.send(with_more(credit_request("s;1", 1, 0).as_bytes(), proxies[0] + proxies[1] + more + proxies[2]))
    answer = wire.read()
    assert avps.read_message(answer).number(avps.RESULT_CODE) == result
    assert b"".join(proxies) in answer
