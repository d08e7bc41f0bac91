"""What the engine's loop tells networks, and when: never before it is safe, and then at once and in order."""

import asyncio
import threading
import time
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from django.db import connections

from openboss.access.jobs.charge_loop import CALM_PIECE_ROWS, MOST_NAMED, USE_UNKNOWN, ChargeLoop
from openboss.access.jobs.gateway_register import GatewayRegister
from openboss.access.jobs.installation import one_connection
from openboss.access.jobs.online_doors import OnlineDoors
from openboss.access.network.admission import Admission
from openboss.access.network.radius.clients import AccessServer, AccessServers
from openboss.access.network.radius.packets import Code
from openboss.access.network.radius.ports import Port
from openboss.config.options import options
from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online.arriving import leave_effects, take_effects
from openboss.modules.charging.engine.online.desk import Life, empty_desk, with_places
from openboss.modules.charging.engine.online.requests import REQUEST
from openboss.modules.charging.engine.online.watch import Lost

pytestmark = pytest.mark.django_db


@pytest.fixture
def loop() -> ChargeLoop:
    """A loop whose groups up to position 5 are not safe yet."""
    desk = with_places(empty_desk(), 1, 1)
    desk.sessions["life"][0] = Life.OPEN
    state, commits = SimpleNamespace(desk=desk), SimpleNamespace(oldest=5)
    owner = SimpleNamespace(position=5, commits=commits, stirred=[], state=state)
    return ChargeLoop(owner, threading.Event())


def test_what_became_safe_is_answered_with_the_next_group_and_before_it(loop: ChargeLoop) -> None:
    answered: list[str] = []
    loop.when_safe(lambda: answered.append("first"))
    assert answered == []
    loop.owner.commits.oldest, loop.owner.position = None, 6  # told to business: committed here
    loop.when_safe(lambda: answered.append("second"))
    assert answered == ["first", "second"]


def test_the_board_is_told_what_was_decided_and_is_not_in_the_journal_yet(loop: ChargeLoop) -> None:
    noted: list[float] = []
    loop.node = SimpleNamespace(connected=list)
    loop.watch = SimpleNamespace(note=lambda *_group, at_s, took_s: noted.append(took_s))
    now_s = time.perf_counter()
    loop._ahead.extend([(64, now_s - 0.25), (10, now_s - 0.125)])
    ahead = loop._picture()["ahead"]
    assert (ahead["groups"], ahead["requests"]) == (2, 74)
    assert 250_000 <= ahead["oldest_us"] < 60_000_000
    for requests in (10, 0):
        loop._note_safe(np.zeros(0, REQUEST), None, 0)  # its group is in the journal, the oldest first
        assert loop._picture()["ahead"]["requests"] == requests
    assert loop._picture()["ahead"] == {"groups": 0, "requests": 0, "oldest_us": 0}
    assert noted[0] >= 0.25
    assert noted[0] > noted[1] >= 0.125


def test_a_network_has_its_answer_before_it_is_told_to_come_again(loop: ChargeLoop) -> None:
    told: list[str] = []
    for name in ("node", "doors"):
        setattr(loop, name, SimpleNamespace(tell=lambda *_told, name=name: told.append(name)))
    loop.when_safe(lambda: told.append("answer"))
    loop.owner.commits.oldest = None  # a command waits for everything before it
    loop.owner.stirred.append(0)
    loop._ask_again()
    assert told == ["answer", "node", "doors"]


def test_usage_is_rated_in_pieces_while_services_are_open_and_not_for_sessions_that_ended(loop: ChargeLoop) -> None:
    loop.loop = SimpleNamespace(time=lambda: 1_000.0)
    desk = loop.owner.state.desk
    desk.sessions["life"][0] = Life.EXPIRED
    desk.taken[0] -= 1  # its place is kept for a day
    assert loop._piece_rows() is None
    take_effects(desk, 0)
    assert loop._piece_rows() == CALM_PIECE_ROWS
    leave_effects(desk, 0)
    assert loop._piece_rows() is None


def test_all_use_of_unknown_sessions_is_counted_and_so_much_of_it_named_as_takes_no_time(loop: ChargeLoop) -> None:
    looked_for: list[int] = []
    at_doors = {1: {"interface": "RADIUS"}, 2: {"interface": "NCHF", "peer": "smf1", "session_id": "2"}}
    loop.doors = SimpleNamespace(whence=lambda key_hi, _key_lo: at_doors.get(key_hi))
    loop.node = SimpleNamespace(whence=lambda key_hi, _key_lo: looked_for.append(key_hi))
    for _group in range(2):
        loop._note_lost([Lost(key_hi, 0, *[0] * (len(Lost._fields) - 2)) for key_hi in range(1, 1_000)])
    assert loop._lost == {("NCHF", USE_UNKNOWN): 2, ("DIAMETER", USE_UNKNOWN): 2 * 997}
    assert looked_for == list(range(3, 2 + MOST_NAMED))


def test_what_ports_of_radius_drop_and_what_is_never_charged_is_counted_by_its_cause() -> None:
    aio = asyncio.new_event_loop()
    servers = AccessServers({"10.0.0.1": AccessServer("bras1", "10.0.0.1", b"secret", RecordType.WLAN, 0)}, {})
    port = Port(Code.ACCESS_REQUEST, servers, lambda *_given: None, aio)
    chosen = options().model_copy(update={"nchf_port": 0})
    doors = OnlineDoors(chosen, admission=Admission(now_s=lambda: 0), server=SimpleNamespace(), now_s=lambda: 0,
                        fail=print, loop=aio, use_connection=lambda: None)  # fmt: skip
    doors._radius.append(port)
    for data, address in ((b"", "10.0.0.2"), (b"x", "10.0.0.1"), (b"\1\1\0\24" + bytes(16), "10.0.0.1")):
        port.datagram_received(data, (address, 1812))
    doors._accounting = SimpleNamespace(counts=Counter({"not charged": 1, "again": 7}))
    _times, turned_down = doors.counted()
    aio.close()
    causes = ("unknown server", "malformed", "not genuine", "not charged")
    assert turned_down == {("RADIUS", cause): 1 for cause in causes}


def test_what_the_loop_asks_the_register_of_gateways_takes_no_connection_beside_the_engines(monkeypatch) -> None:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    register, asked_on = GatewayRegister(one_connection()), []

    def heard() -> None:
        assert register.gateways_before(host="gw.test", state_id=8) == []
        asked_on.append(connections["default"])

    aio = asyncio.new_event_loop()
    for _peer in range(2):
        aio.call_soon(heard)
    aio.run_until_complete(asyncio.sleep(0))
    aio.close()
    assert asked_on == [connections["default"]] * 2
