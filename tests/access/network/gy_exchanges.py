"""All that may be said over Gy, played once: for whoever looks at the bytes."""

import asyncio
import socket
import struct
from functools import partial
from typing import Any

import numpy as np
import pytest
from diameter.message import Message
from diameter.message.avp.grouped import (
    CcMoney,
    ImsInformation,
    RecipientAddress,
    RecipientInfo,
    RequestedServiceUnit,
    ServiceInformation,
    SmsInformation,
    UnitValue,
)
from tests.access.network.gy_world import (
    EVENT,
    INITIAL,
    MB,
    MORNING,
    NOBODY,
    SMS,
    TERMINATION,
    UPDATE,
    VOICE,
    Gateway,
    World,
    last,
    service,
)
from tests.access.network.online_door import free_port

from openboss.access.network.diameter import node as node_module
from openboss.access.network.diameter import peers
from openboss.access.network.diameter.avps import avp, message

LOCAL, FAR = "+8613900719998", "+861062345678"


def text_to(*_numbers: int) -> ServiceInformation:
    to = [RecipientAddress(address_type=1, address_data=f"+{number}") for number in _numbers]
    return ServiceInformation(sms_information=SmsInformation(recipient_info=[RecipientInfo(recipient_address=to)]))


def call_to(number: str, role: int = 0) -> ServiceInformation:
    return ServiceInformation(ims_information=ImsInformation(role_of_node=role, called_party_address=f"tel:{number}"))


def yuan(text: str) -> dict[str, CcMoney]:
    """An amount of money as units of a service, with as many digits as it is written with."""
    whole, _, part = text.partition(".")
    value = UnitValue(value_digits=int(whole + part), exponent=-len(part))
    return {"cc_money": CcMoney(unit_value=value, currency_code=156)}


def play_to_the_last_quota(world: World, wire: Any, ending: str) -> None:
    """Data until the money ends; then a session nobody has money for."""
    user = world.new_user(435)
    session = world.session(user, wire=wire)
    session.ask(INITIAL, service(100))
    session.ask(UPDATE, service(100, {"cc_total_octets": MB}))
    session.ask(UPDATE, service(100, {"cc_total_octets": 513 * 1024}))
    session.ask(TERMINATION, last(100))
    world.session(user, wire=wire, name=f"gw.test;poor;{ending}").ask(INITIAL, service(100))


def play_services(world: World, wire: Any) -> None:
    """A call; several services with a result each; a change of prices ahead."""
    user = world.new_user(10_388)
    call = world.session(user, VOICE, wire=wire, service_information=call_to(FAR))
    call.ask(INITIAL, service(1))
    call.ask(UPDATE, service(1, {"cc_time": 60}))
    call.ask(TERMINATION, last(1, {"cc_time": 1}))
    user = world.new_user(388)
    many = world.session(user, wire=wire)
    many.ask(INITIAL, service(100, wants={"cc_total_octets": MB}), service(200), service(200, service_identifier=[5]),
             service(9), service(5000))  # fmt: skip
    many.ask(TERMINATION, last(100, {"cc_total_octets": MB}))
    user = world.new_user(100_000)
    world.at("2026-10-05 23:50:00")
    night = world.session(user, wire=wire)
    night.ask(INITIAL, service(100))
    night.ask(TERMINATION, last(100, {"cc_total_octets": 2 * MB, "tariff_change_usage": 2}))
    world.at(MORNING)


def play_events(world: World, wire: Any) -> None:
    """Debits, a refund, a price and a check of the balance: of messages, money and units of the request itself."""
    user, told = world.new_user(10_000), text_to(8613900719998)
    one = {"cc_service_specific_units": 1}
    for action in (0, 2, 3):
        text = world.session(user, SMS, wire=wire, service_information=told, name=f"gw.test;text;{action}")
        text.ask(EVENT, service(None, wants=one), requested_action=action)
    back = world.session(user, SMS, wire=wire, service_information=told)
    back.ask(EVENT, requested_action=1, cc_correlation_id=b"gw.test;text;0")
    plain = world.session(user, SMS, wire=wire, service_information=told)
    plain.ask(EVENT, requested_action=0, requested_service_unit=RequestedServiceUnit(**one))
    world.session(user, wire=wire).ask(EVENT, service(100, wants=yuan("1.50")), requested_action=0)


def play_faults(world: World, wire: Any) -> None:
    """Nearly everything that can be wrong with a request that is still answered."""
    user = world.new_user(10_000)
    world.session(wire=wire, known_as=[NOBODY]).ask(INITIAL, service(100))
    world.session(user, wire=wire).ask(UPDATE, service(100))
    world.session(user, wire=wire).ask(INITIAL, service(5000))
    world.session(user, SMS, wire=wire).ask(EVENT, requested_action=1)
    world.session(user, wire=wire).ask(INITIAL, service(100))
    good = next(data for is_ours, data in reversed(wire.said) if not is_ours)
    unlike = with_avps(good, avp(263, "another"))
    astray = avp(284, avp(280, "relay.test") + avp(33, b"1")) + avp(443, avp(446, avp(420, 1)))
    ngn = struct.pack(">III", 302, 0xC0 << 24 | 16, 13019) + b"line"
    cases = {
        3005: with_avps(good, avp(282, "charge.test")),
        3007: unlike[:8] + (16_777_238).to_bytes(4, "big") + unlike[12:],
        3008: unlike[:4] + bytes([0xE0]) + unlike[5:],
        5001: with_avps(good, ngn),
        5004: with_avps(good, avp(416, 9)),
        5005: message(flags=0xC0, command=272, application=4, hop=1, end=1, avps=avp(263, "s;2")),
        5008: with_avps(good, astray),
        5009: with_avps(good, b"".join(avp(456, avp(432, group)) for group in range(65))),
        5014: with_avps(good, avp(416, bytes(3))),
        3001: message(flags=0xC0, command=275, application=4, hop=3, end=3, avps=avp(263, "s;2")),
    }
    for code, data in cases.items():
        wire.send(data)
        assert Message.from_bytes(wire.read()).result_code == code
    wire.send(message(flags=0x80, command=280, application=0, hop=2, end=2, avps=b""))
    wire.read()


def with_avps(data: bytes, more: bytes) -> bytes:
    return data[:1] + (len(data) + len(more)).to_bytes(3, "big") + data[4:] + more


def play_a_flood(world: World) -> Any:
    """More new sessions at once than a node has room for: some are told to come later."""
    node, port = world.doors.node("TERMINATE"), free_port()
    node._marks, node._requests = node._marks[:4], node._requests[:4]
    opening = world.doors.loop.create_server(node.new_peer, "127.0.0.1", port)
    server = asyncio.run_coroutine_threadsafe(opening, world.doors.loop).result(10)
    wire = Gateway(socket.create_connection(("127.0.0.1", port), 30))
    user = world.new_user(10_000)
    flood = [world.session(user, wire=wire).request(INITIAL, service(100)) for _ in range(12)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(node_module, "MOST_REQUESTS", 4)
        wire.send(b"".join(flood))
        wire.said[-1:] = [(False, one) for one in flood]
        for _ in flood:
            wire.read()
    world.doors.call(server.close)
    node.homes.close()
    return wire


def play_ours(world: World, wire: Any) -> list[tuple[bool, bytes]]:
    """What we say first: come again, end it, goodbye, are you there; and the answer to the other's goodbye."""
    session = world.session(world.new_user(10_000), wire=wire)
    session.ask(INITIAL, service(100))
    node = world.doors.nodes["TERMINATE"]
    place = np.array([world.place_of(session)])
    for is_stopped in (False, True):
        rows = world.engine.owner.state.desk.sessions[place]
        world.doors.call(partial(node.tell, place, rows, np.array([is_stopped])))
        wire.read()
    said = wire.said
    wire = world.meet("TERMINATE")
    wire.send(message(flags=0x80, command=282, application=0, hop=4, end=4, avps=avp(273, 0)))
    wire.read()
    said, wire = said + wire.said, world.meet("TERMINATE")
    world.doors.call(lambda: node.peers[-1].say_goodbye(9))
    wire.read()
    said += wire.said
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peers, "WATCH_S", 0.1)
        patch.setattr(peers, "JITTER_S", 0.01)
        wire = world.meet("TERMINATE")
        wire.read()  # are you there?
    wire.line.close()
    return said + wire.said
