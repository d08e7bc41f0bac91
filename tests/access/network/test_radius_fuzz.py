"""Whatever access servers send: an answer or silence, counted; the engine and the other servers go on."""

# ruff: noqa: F811 - fixtures

import contextlib
import hashlib
import random
import socket
import struct
import time
from collections import Counter

import pytest
from pyrad.packet import Packet as PyradPacket
from pyrad.packet import PacketError
from tests.access.network.dissection import complaints, needs_tshark
from tests.access.network.online_door import waited_for
from tests.access.network.test_radius import (  # noqa: F401 - fixtures
    LOGIN,
    PASSWORD,
    SECRET,
    aaa,
    account,
    login,
    nas,
    network,
    pytestmark,
    radclient,
    servers,
    service,
)
from tests.modules.customers.conftest import loaded, offers  # noqa: F401

from openboss.access.network.radius import accounting, logins
from openboss.access.network.radius.packets import (
    HEADER,
    Attribute,
    Code,
    Malformed,
    Packet,
    _bytes,
    _digest,
    _signed,
    address,
    change_bytes,
    is_genuine,
    is_right_chap,
    named,
    of_vendor,
    read_packet,
    unhidden,
)
from openboss.access.network.radius.sessions import number_of, used_of

SECRET_BYTES = SECRET.encode()
EDGES = (0, 1, 255, 2**30 - 1, 2**30, 2**31 - 1, 2**31, 2**32 - 1)


def signed(code: int, identifier: int, attributes: list[tuple[int, bytes]], token: bytes = bytes(16)) -> bytes:
    """A genuine request of an access server with these attributes."""
    if code == Code.ACCESS_REQUEST:
        return _bytes(code, identifier, token, _signed(code, identifier, token, attributes, SECRET_BYTES))
    return _bytes(code, identifier, _digest(code, identifier, bytes(16), attributes, SECRET_BYTES), attributes)


def number(value: int) -> bytes:
    return struct.pack("!I", value)


def report(status: int, session: str, seconds: int, octets: int) -> list[tuple[int, bytes]]:
    return [
        (Attribute.ACCT_STATUS_TYPE, number(status)), (Attribute.USER_NAME, LOGIN.encode()),
        (Attribute.ACCT_SESSION_ID, session.encode()), (Attribute.ACCT_SESSION_TIME, number(seconds)),
        (Attribute.ACCT_OUTPUT_OCTETS, number(octets)), (Attribute.FRAMED_IP_ADDRESS, bytes((10, 0, 0, 1))),
    ]  # fmt: skip


class Spoiler:
    """Spoils packets: the attributes before they are signed, or the bytes after."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def attributes(self, good: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        chance, found = self.chance, list(good)
        for _ in range(chance.randint(1, 3)):
            place, way = chance.randrange(len(found) + 1), chance.randrange(6)
            if way == 0 or place == len(found):
                found.insert(place, (chance.randrange(256), chance.randbytes(chance.choice((0, 1, 4, 16, 253)))))
            elif way == 1:
                found[place] = (found[place][0], number(chance.choice(EDGES)))
            elif way == 2:
                found[place] = (found[place][0], chance.randbytes(chance.choice((0, 1, 3, 5, 253))))
            elif way == 3:
                found[place : place + 1] = [found[place]] * chance.choice((0, 2, 9))
            elif way == 4:
                chance.shuffle(found)
            else:
                found.append((chance.choice((52, 53, 41)), number(chance.choice(EDGES))))
            while sum(len(value) + 2 for _kind, value in found) > 4000:
                found.pop()
        return found

    def bytes(self, data: bytes) -> bytes:
        chance, spoilt = self.chance, bytearray(data)
        for _ in range(chance.randint(1, 3)):
            spoilt[chance.randrange(len(spoilt))] = chance.choice((0, 1, 2, 0xFF, chance.randrange(256)))
        return bytes(spoilt[: chance.randint(1, len(spoilt))] if chance.random() < 0.2 else spoilt)


def goods() -> list[tuple[int, list[tuple[int, bytes]]]]:
    reports = [
        (Code.ACCOUNTING_REQUEST, report(status, f"s-{n}", 60 * n, 900)) for n in range(3) for status in (1, 3, 2)
    ]
    said = [(Attribute.USER_NAME, LOGIN.encode()), (Attribute.CHAP_PASSWORD, bytes(17)), (Attribute.STATE, b"0" * 32)]
    return [*reports, (Code.ACCESS_REQUEST, said), (Code.ACCOUNTING_REQUEST, [(40, number(7))])]


@pytest.mark.parametrize("packets", [5_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_spoilt_packets_are_read_as_pyrad_reads_them_or_are_malformed(packets, record_property):
    spoiler, counts, kinds = Spoiler(20261122), Counter(), goods()
    for turn in range(packets):
        code, attributes = spoiler.chance.choice(kinds)
        if turn % 2:
            data = spoiler.bytes(signed(code, turn % 256, attributes))
        else:
            data = signed(code, turn % 256, spoiler.attributes(attributes))
        try:
            packet = read_packet(data)
            counts["genuine" if is_genuine(packet, SECRET_BYTES) else "not genuine"] += 1
            assert sum(len(value) + 2 for _kind, value in packet.attributes) + HEADER <= len(data)
            number_of(packet.text(Attribute.USER_NAME))
            is_right_chap(packet, b"x")
            if turn % 50 == 0:
                counts["pyrad"] += _agrees_with_pyrad(packet, data)
            used = used_of(packet)
            assert max(used.up, used.down) <= 2**50
            unhidden(packet.first(Attribute.USER_PASSWORD) or b"", packet.authenticator, SECRET_BYTES)
        except Malformed:
            counts["malformed"] += 1
    assert min(counts["genuine"], counts["not genuine"], counts["malformed"]) > packets // 20
    assert counts["pyrad"] > packets // 500
    record_property("packets", packets)


def _agrees_with_pyrad(packet: Packet, data: bytes) -> bool:
    try:
        read = PyradPacket(packet=data, secret=SECRET_BYTES, dict=None)
    except (PacketError, TypeError, AttributeError, struct.error):
        return False  # it looks vendors up in a dictionary
    assert (read.code, read.id, read.authenticator) == (packet.code, packet.identifier, packet.authenticator)
    theirs = sorted(
        (kind, value) for kind in dict.keys(read) if isinstance(kind, int) for value in dict.get(read, kind)
    )
    return theirs == sorted(one for one in packet.attributes if one[0] != Attribute.VENDOR)


@pytest.mark.parametrize("packets", [100, pytest.param(5_000, marks=pytest.mark.soak)])
def test_signed_nonsense_of_a_known_access_server_ends_no_engine_and_good_ones_are_answered(
    network,
    aaa,
    packets,
    record_property,
):
    spoiler, kinds = Spoiler(7), goods()
    ports = {Code.ACCESS_REQUEST: aaa.login_port, Code.ACCOUNTING_REQUEST: aaa.accounting_port}
    with socket.socket(type=socket.SOCK_DGRAM) as line:
        for turn in range(packets):
            code, attributes = spoiler.chance.choice(kinds)
            data = signed(code, turn % 256, spoiler.attributes(attributes), spoiler.chance.randbytes(16))
            line.sendto(data, ("127.0.0.1", ports[code]))
            if turn % 30 == 29:
                time.sleep(0.02)
    heard, now = -1, 0
    while heard != now:  # radclient asks once: its packet must not be lost behind those that wait in the socket
        time.sleep(0.5)
        heard, now = now, sum(port.counts.total() for port in aaa.ports)
    assert aaa.faults == []
    assert account(aaa, "Start", Acct_Session_Id="calm")["code"] == "Accounting-Response"
    assert account(aaa, "Stop", 60, Acct_Session_Id="calm")["code"] == "Accounting-Response"
    assert login(aaa)["code"] in ("Access-Accept", "Access-Reject")
    assert aaa.faults == []
    assert sum(aaa.ports[1].counts.values()) > 0
    before = network.wallet()
    aaa.stop()
    network.crash()
    assert network.wallet() == before
    record_property("packets", packets)


def test_more_than_a_session_can_use_is_dropped_and_ends_no_engine(network, aaa):
    account(aaa, "Start")
    for more in ({"Acct_Output_Gigawords": 2**32 - 1}, {"Acct_Session_Time": 2**31}, {"Acct_Delay_Time": 2**31}):
        reported = {"User_Name": LOGIN, "Acct_Status_Type": "Interim-Update", "Acct_Session_Id": "s-1", **more}
        assert radclient(aaa.accounting_port, "acct", patience_s="0.3", **reported) == {}
    assert waited_for(lambda: aaa.ports[1].counts["malformed"] >= 3)
    assert account(aaa, "Interim-Update", 60)["code"] == "Accounting-Response"
    assert (network.wallet()["balance_li"], aaa.faults) == (70, [])


def test_in_a_flood_of_logins_reports_of_running_sessions_are_answered_and_the_rest_is_dropped(
    network,
    aaa,
    monkeypatch,
):
    monkeypatch.setattr(logins, "MOST_WAITING", 8)
    account(aaa, "Start")
    said = [(Attribute.USER_NAME, LOGIN.encode()), (Attribute.CHAP_PASSWORD, bytes(17))]
    flood = [signed(Code.ACCESS_REQUEST, n, said, n.to_bytes(16, "big")) for n in range(100)]
    aaa.call(lambda: [aaa.ports[0].datagram_received(data, ("127.0.0.1", 9)) for data in flood])
    assert account(aaa, "Interim-Update", 60)["code"] == "Accounting-Response"
    assert network.wallet()["balance_li"] == 70
    assert waited_for(lambda: not aaa.logins._waiting)
    assert aaa.ports[0].counts["dropped"] == 100 - 8
    assert login(aaa, User_Password=PASSWORD)["code"] == "Access-Accept"


def test_of_too_many_reports_the_last_are_not_acknowledged_and_count_when_they_are_sent_again(
    network,
    aaa,
    monkeypatch,
):
    network.order("TOP_UP", "P-1", account_id=5, amount_li=4880)
    monkeypatch.setattr(accounting, "MOST_WAITING", 4)
    monkeypatch.setattr(accounting, "MOST_A_TURN", 2)
    packets = [signed(Code.ACCOUNTING_REQUEST, n, report(3, f"s-{n}", 60, 1)) for n in range(40)]
    answered: set[int] = set()
    with socket.socket(type=socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(0.3)
        for _again in range(40):
            missing = [packets[n] for n in set(range(40)) - answered]
            aaa.call(lambda these=missing: [aaa.ports[1].datagram_received(one, line.getsockname()) for one in these])
            with contextlib.suppress(TimeoutError):
                while len(answered) < 40:
                    answered.add(line.recv(4096)[1])
                break
    assert answered == set(range(40))
    assert aaa.ports[1].counts["dropped"] >= 40 - 4
    assert (network.wallet()["balance_li"], aaa.accounting.counts["not charged"]) == (5000 - 40 * 50, 0)


@needs_tshark
def test_tshark_finds_nothing_wrong_with_what_we_send_access_servers(network, aaa, tmp_path):
    sent = []

    def exchange(port: int, request: bytes) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as line:
            line.settimeout(20)
            line.sendto(request, ("127.0.0.1", port))
            sent.extend([(False, request), (True, line.recv(4096))])

    proxied = (Attribute.PROXY_STATE, b"relay")
    chap = b"\1" + hashlib.md5(b"\1" + PASSWORD.encode() + bytes(16), usedforsecurity=False).digest()
    for identifier, password in enumerate((chap, bytes(17))):
        said = [(Attribute.USER_NAME, LOGIN.encode()), (Attribute.CHAP_PASSWORD, password), proxied]
        exchange(aaa.login_port, signed(Code.ACCESS_REQUEST, identifier, said))
    exchange(aaa.accounting_port, signed(Code.ACCOUNTING_REQUEST, 5, [*report(1, "s-1", 0, 0), proxied]))
    about = [named(Attribute.USER_NAME, LOGIN), address(Attribute.FRAMED_IP_ADDRESS, "10.0.0.1")]
    changes = [*about, of_vendor(14122, 8, 1000)]
    sent += [
        (True, change_bytes(code, 9, changes, SECRET_BYTES)) for code in (Code.COA_REQUEST, Code.DISCONNECT_REQUEST)
    ]
    wrong, seen = complaints(sent, tmp_path, transport="-u", port=1812, protocol="radius")
    assert wrong == ""
    assert [line.split(" id=")[0] for line in seen] == [
        "Access-Accept", "Access-Reject", "Accounting-Response", "CoA-Request", "Disconnect-Request"]  # fmt: skip
