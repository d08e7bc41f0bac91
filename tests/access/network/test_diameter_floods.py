"""Peers that do not take their answers, say nothing, or send more than anybody can answer: the others are served."""

import contextlib
import socket
import threading
import time

import pytest
from tests.access.network.online_door import waited_for
from tests.access.network.test_diameter import Wire, credit_request, listener  # noqa: F401
from tests.access.network.test_diameter_fuzz import with_more
from tests.access.network.test_diameter_sessions import confirm
from tests.modules.charging.engine.test_online import network  # noqa: F401
from tests.modules.charging.engine.test_owner import world  # noqa: F401

from openboss.access.network.diameter import peers
from openboss.access.network.diameter.avps import avp

pytestmark = pytest.mark.django_db(transaction=True)
PIECE = 30_000


def test_a_peer_that_never_takes_its_answers_is_read_from_no_more_and_let_go(listener, monkeypatch):  # noqa: F811
    monkeypatch.setattr(peers, "MOST_UNREAD", 1 << 18)
    monkeypatch.setattr(peers, "STALLED_S", 0.8)
    deaf = Wire(listener.port, introduced=False)
    deaf.line.close()
    deaf.line = socket.socket()
    deaf.line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.line.connect(("127.0.0.1", listener.port))
    deaf.line.settimeout(20)
    deaf.introduce()
    deaf.send(credit_request("deaf;1", 1, 0).as_bytes())
    assert deaf.answer().result_code == 2001
    [peer] = [one for one in listener.node.peers if one.is_welcome]
    long = with_more(credit_request("nobody;1", 2, 1).as_bytes(), avp(284, avp(280, "x") + avp(33, bytes(PIECE))))
    seen = [0, 0]

    def flood() -> None:
        with contextlib.suppress(OSError):
            for _ in range(1000):
                deaf.send(long)
                if peer.transport:
                    seen[:] = max(seen[0], peer.transport.get_write_buffer_size()), max(seen[1], len(peer.inbox))

    thread = threading.Thread(target=flood)
    thread.start()
    assert waited_for(lambda: peer.is_stalled)
    calm = Wire(listener.port)
    calm.send(credit_request("calm;1", 1, 0).as_bytes())
    assert calm.answer().result_code == 2001
    listener.tell(0)
    heard = calm.answer()
    assert heard.session_id == "deaf;1"  # of the same realm, and it listens
    confirm(calm, heard, 2001)  # or it is told again after a while
    assert waited_for(lambda: peer.transport is None)
    thread.join(20)
    assert seen[0] < (1 << 18) + peers.MOST_WAITING
    assert seen[1] < 2 * peers.MOST_WAITING
    calm.send(credit_request("calm;1", 2, 1, used={"cc_total_octets": 10}).as_bytes())
    assert calm.answer().result_code == 2001


def test_answers_that_lay_for_a_while_all_arrive_and_what_came_meanwhile_is_answered(listener, monkeypatch):  # noqa: F811
    monkeypatch.setattr(peers, "MOST_UNREAD", 1 << 16)
    slow = Wire(listener.port)
    [peer] = [one for one in listener.node.peers if one.is_welcome]
    long = with_more(credit_request("nobody;1", 2, 1).as_bytes(), avp(284, avp(280, "x") + avp(33, bytes(PIECE))))
    thread = threading.Thread(target=slow.send, args=(long * 400,))
    thread.start()
    assert waited_for(lambda: peer.is_stalled)
    assert [slow.answer().result_code for _ in range(400)] == [5002] * 400
    thread.join(10)
    assert waited_for(lambda: not peer.is_stalled)


def test_a_connection_that_says_nothing_or_half_a_greeting_is_let_go(listener, monkeypatch):  # noqa: F811
    monkeypatch.setattr(peers, "GREETING_S", 1.0)
    silent, half = Wire(listener.port, introduced=False), Wire(listener.port, introduced=False)
    half.send(b"\x01\x00\x01\x00\x80")
    known = Wire(listener.port)
    assert silent.is_closed() and half.is_closed()
    time.sleep(1.1)
    known.send(credit_request("s;1", 1, 0).as_bytes())
    assert known.answer().result_code == 2001


def test_a_peer_that_is_gone_before_it_was_greeted_disturbs_nobody(listener):  # noqa: F811
    for _ in range(30):
        hasty = Wire(listener.port, introduced=False)
        hasty.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, no farewell
        hasty.say_hello()
        hasty.line.close()
    calm = Wire(listener.port)
    calm.send(credit_request("s;1", 1, 0).as_bytes())
    assert calm.answer().result_code == 2001
    assert listener.faults == []


def test_two_lines_of_one_peer_serve_one_session_and_a_session_opened_twice_is_one(listener, network):  # noqa: F811
    first, second = Wire(listener.port), Wire(listener.port)
    opening = credit_request("s;1", 1, 0).as_bytes()
    for wire in (first, second):
        wire.send(opening)
    granted = [wire.answer().multiple_services_credit_control[0].granted_service_unit for wire in (first, second)]
    assert granted[0].cc_total_octets == granted[1].cc_total_octets
    assert network.wallet()["reserved_li"] == 2900  # once
    second.send(credit_request("s;1", 3, 1, used={"cc_total_octets": 1024 * 1024}, asking=False).as_bytes())
    assert second.answer().result_code == 2001
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (9710, 0)
