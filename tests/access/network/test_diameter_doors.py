"""Diameter's ports: IPv6, TLS with certificates on both sides, nobody without one; a taken port stops nobody."""

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Callable

import pytest
import uvloop
from diameter.message import Message
from diameter.message.commands import CapabilitiesExchangeRequest
from tests.access.network.diameter_siege import GREETING, Line, Prompt, Siege
from tests.access.network.online_door import free_port, waited_for
from tests.access.network.test_nchf import make_certificate

from openboss.access.network.diameter.door import open_doors
from openboss.access.network.diameter.node import Node
from openboss.access.network.diameter.peers import Identity
from openboss.config.options import options


class Nobody:
    """An engine that is never asked: peers only introduce themselves."""

    currency = 156

    def prepare(self) -> None:
        """There is nothing to prepare."""


class Doors:
    """A node's ports with their loop in a thread."""

    def __init__(
        self, admits: Callable[..., bool] = lambda *_asked: True, *,
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop, **chosen,
    ) -> None:  # fmt: skip
        self.admits, self.faults = admits, []
        self.chosen = options().model_copy(update=chosen)
        self.loop, self._ready = new_loop(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(60)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        identity = Identity("charge.test", "test", 1, self.admits)
        self.node = Node(identity=identity, server=Nobody(), now_s=lambda: 0, fail=self.faults.append, loop=self.loop)
        self.open = self.loop.run_until_complete(open_doors(self.node.new_peer, self.chosen, self.loop))
        self._ready.set()
        self.loop.run_forever()
        for one in self.open:
            one.close()
        self.loop.close()

    def __enter__(self) -> "Doors":
        return self

    def __exit__(self, *_why) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        assert self.faults == []


def introduce(line) -> Message:
    """Say who we are, as python-diameter writes it, and read what is answered."""
    request = CapabilitiesExchangeRequest()
    request.origin_host, request.origin_realm = b"gw.test", b"test"
    request.host_ip_address, request.vendor_id, request.product_name = "::1", 0, "gw"
    request.auth_application_id = 4
    line.sendall(request.as_bytes())
    data, length = b"", 4
    while len(data) < length:
        piece = line.recv(length - len(data))
        if not piece:
            raise ConnectionError("the peer has closed")
        data += piece
        length = int.from_bytes(data[1:4], "big") if len(data) == 4 else length
    return Message.from_bytes(data)


@pytest.mark.skipif(not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"), reason="this machine has no IPv6")
def test_a_peer_is_welcome_over_ipv6_and_told_our_address_there():
    port = free_port()
    with Doors(diameter_host="::1", diameter_port=port), socket.create_connection(("::1", port), 30) as line:
        answer = introduce(line)
    assert (answer.result_code, answer.host_ip_address) == (2001, [(2, "::1")])


def test_over_tls_a_peer_with_a_certificate_is_welcome_and_one_without_is_not(tmp_path):
    certificate, key = make_certificate(tmp_path)
    port = free_port()
    files = {"diameter_certificate": str(certificate), "diameter_key": str(key), "diameter_clients": str(certificate)}
    client = ssl.create_default_context(cafile=certificate)
    client.check_hostname = False
    with Doors(diameter_port=0, diameter_tls_port=port, **files):
        with (
            pytest.raises((ssl.SSLError, ConnectionError)),
            socket.create_connection(("127.0.0.1", port), 30) as line,
        ):
            introduce(client.wrap_socket(line))
        client.load_cert_chain(certificate, key)
        with client.wrap_socket(socket.create_connection(("127.0.0.1", port), 30)) as line:
            assert introduce(line).result_code == 2001
        with socket.create_connection(("127.0.0.1", port), 30) as line, pytest.raises(ConnectionError):
            introduce(line)  # not under TLS


def test_a_port_that_is_taken_is_said_and_stops_nobody():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with Doors(diameter_host="127.0.0.1", diameter_port=taken.getsockname()[1]) as doors:
            assert doors.open == []


def test_a_peer_that_is_shut_out_while_it_is_connected_is_told_so_and_its_line_ends():
    admitted, port = {"gw.test"}, free_port()

    def admits(host: str, realm: str, address: str, certificate: object) -> bool:
        return host in admitted and (realm, address, certificate) == ("test", "127.0.0.1", None)

    with (
        Doors(admits, diameter_host="127.0.0.1", diameter_port=port) as doors,
        socket.create_connection(("127.0.0.1", port), 30) as line,
    ):
        assert introduce(line).result_code == 2001
        assert doors.node.connected()[0] | {"waiting": 0} == {
            "name": "gw.test", "realm": "test", "address": "127.0.0.1", "is_tls": False, "waiting": 0,
            "requests": 0, "last_at_s": 0,
        }  # fmt: skip
        admitted.clear()
        doors.loop.call_soon_threadsafe(doors.node.review)
        told = Message.from_bytes(line.recv(4096))
        assert (told.header.command_code, told.disconnect_cause) == (282, 2)  # DO_NOT_WANT_TO_TALK_TO_YOU
        assert line.recv(1) == b""
        with socket.create_connection(("127.0.0.1", port), 30) as again, pytest.raises(ConnectionError):
            introduce(again)


def test_a_peer_that_reset_its_connection_before_it_was_taken_ends_nothing():
    port, is_held, goes_on = free_port(), threading.Event(), threading.Event()
    with Doors(new_loop=uvloop.new_event_loop, diameter_host="127.0.0.1", diameter_port=port) as doors:
        doors.loop.call_soon_threadsafe(lambda: is_held.set() or goes_on.wait(10))
        assert is_held.wait(10)
        with socket.create_connection(("127.0.0.1", port), 30) as hasty:
            hasty.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, no farewell
            hasty.sendall(GREETING)
        goes_on.set()
        with socket.create_connection(("127.0.0.1", port), 30) as calm:
            assert introduce(calm).result_code == 2001
            assert waited_for(lambda: sum(one.transport is not None for one in doors.node.peers) == 1)


def test_of_connections_that_come_at_the_same_moment_none_is_forgotten():
    siege = Siege(Prompt())
    peers = [siege.node.new_peer(), siege.node.new_peer()]
    for peer in peers:
        peer.connection_made(Line())
    assert siege.node.peers == peers
    assert [one["address"] for one in siege.node.connected()] == ["127.0.0.1"] * 2
    siege.loop.close()
