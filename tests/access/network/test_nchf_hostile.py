"""Peers that stall, flood, go on for ever or never finish, over real connections: they end, their neighbours do not."""

import socket
import time

import hpack
import pytest
from tests.access.network.raw_http2 import Line, heads, request
from tests.access.network.test_nchf import chf, data_request, network, smf, used, wanted, world  # noqa: F401
from tests.modules.charging.engine.test_online import MB

from openboss.access.network import gathering
from openboss.access.network.http2 import calm, connection, connections
from openboss.access.network.http2.frames import END_HEADERS, END_STREAM, PREFACE, Code, Kind, Setting, frame, number
from openboss.access.network.nchf.node import PATH

pytestmark = pytest.mark.django_db(transaction=True)
OPEN = connection.MOST_STREAMS


@pytest.fixture
def neighbour(network, chf, smf):  # noqa: F811
    """A session function that was there before, and is served as if it were alone, however often it is looked at."""
    said = [0]

    def is_served() -> None:
        said[0] += 10
        created = smf.post(chf.url, json=data_request(said[0], multipleUnitUsage=[wanted()]))
        assert created.status_code == 201
        told = created.json()
        assert told["invocationSequenceNumber"] == said[0]
        [granted] = told["multipleUnitInformation"]
        assert (granted["resultCode"], granted["grantedUnit"]) == ("SUCCESS", {"totalVolume": 10 * MB})
        update = data_request(said[0] + 1, multipleUnitUsage=[used({"totalVolume": 0})])
        updated = smf.post(f"{created.headers['location']}/update", json=update)
        assert updated.json()["multipleUnitInformation"] == [granted]
        ended = smf.post(f"{created.headers['location']}/release", json=data_request(said[0] + 2))
        assert (ended.status_code, ended.content) == (204, b"")
        assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (10_000, 0)

    is_served()
    return is_served


@pytest.fixture
def hasty(monkeypatch):
    """What may be waited for is waited for half a second."""
    for name in ("GREETING_S", "REQUEST_S", "UNREAD_S"):
        monkeypatch.setattr(connection, name, 0.4)
    monkeypatch.setattr(connections, "_REVIEW_S", 0.1)


@pytest.fixture
def one_second(monkeypatch):
    """All that comes comes within one second, however slow this machine is and wherever its seconds begin."""
    count = calm.Calm.count
    monkeypatch.setattr(calm.Calm, "count", lambda self, cost, _at_s: count(self, cost, 1.0))


NOBODY = f"{PATH}/{'0' * 32}/release"  # a session that is not there: answered by the engine, and nothing changes


@pytest.mark.usefixtures("hasty")
def test_who_takes_no_answers_loses_them_and_who_takes_them_late_gets_them_whole(chf, neighbour):  # noqa: F811
    with Line(chf.port, {Setting.INITIAL_WINDOW_SIZE: 0}) as line:
        line.send(b"".join(request(stream, data_request(stream), NOBODY) for stream in (1, 3)))
        opened = line.until(lambda one: one[0] == Kind.HEADERS)
        assert opened is not None
        assert opened[2] == 1
        line.send(frame(Kind.WINDOW_UPDATE, 0, 3, number(1000)))
        got = line.until(lambda one: one[0] == Kind.DATA)
        assert got is not None
        assert (got[1], got[2], b"CONTEXT_NOT_FOUND" in got[3]) == (END_STREAM, 3, True)
        neighbour()
        assert line.reset_of(1) == Code.CANCEL
        neighbour()


@pytest.mark.usefixtures("hasty")
def test_half_a_body_is_given_up_alone_and_its_connection_goes_on(chf, neighbour):  # noqa: F811
    with Line(chf.port) as line:
        line.send(request(1, b'{"half": ', ends=False))
        neighbour()
        assert line.reset_of(1) == Code.CANCEL
        line.send(request(3, data_request(3), NOBODY))
        assert line.answers(1)[3][0][":status"] == "404"


@pytest.mark.usefixtures("hasty")
def test_connections_that_say_nothing_or_half_a_thing_are_ended(chf, neighbour, monkeypatch):  # noqa: F811
    silent, half, whole = Line(chf.port, greets=False), Line(chf.port), Line(chf.port)
    half.send(frame(Kind.PING, 0, 0, bytes(8))[:11])
    endless = Line(chf.port)
    endless.send(frame(Kind.HEADERS, 0, 1, heads()[:20]))
    neighbour()
    assert silent.until(lambda _one: False) is None
    assert half.goodbye() == Code.PROTOCOL_ERROR
    assert endless.goodbye() == Code.PROTOCOL_ERROR
    monkeypatch.setattr(connection, "IDLE_S", 0.3)
    assert whole.goodbye() == Code.NO_ERROR


def test_a_flood_of_connections_keeps_nobody_out(chf, neighbour):  # noqa: F811
    chf.door.connections.most = 8
    flood = [socket.create_connection(("127.0.0.1", chf.port)) for _ in range(100)]
    neighbour()
    with Line(chf.port) as late:
        late.send(request(1, data_request(1), NOBODY))
        assert late.answers(1)[1][0][":status"] == "404"
        neighbour()
        assert len(chf.door.connections.lines) <= 8
    for line in flood:
        line.close()


@pytest.mark.usefixtures("one_second")
def test_a_rapid_reset_ends_the_connection_before_it_costs_much(chf, neighbour, network):  # noqa: F811
    """CVE-2023-44487: requests that are given up as they are made."""
    asked = chf.gathering.meter.times.sum()
    begun = heads()
    with Line(chf.port) as line:
        given_up = (
            frame(Kind.HEADERS, END_HEADERS, stream, begun) + frame(Kind.RST_STREAM, 0, stream, number(Code.CANCEL))
            for stream in range(1, 20_000, 2)
        )
        line.send_until_closed(b"".join(given_up))
        neighbour()
        assert line.goodbye() in (Code.ENHANCE_YOUR_CALM, None)
    with Line(chf.port) as line:
        whole = (
            request(stream, data_request(stream), NOBODY) + frame(Kind.RST_STREAM, 0, stream, number(Code.CANCEL))
            for stream in range(1, 4_000, 2)
        )
        line.send_until_closed(b"".join(whole))
        neighbour()
        assert line.goodbye() in (Code.ENHANCE_YOUR_CALM, None)
    assert chf.gathering.meter.times.sum() - asked <= connection.MOST_STREAMS + 6


def test_more_requests_at_once_than_agreed_are_refused_one_by_one(chf, neighbour):  # noqa: F811
    with Line(chf.port) as line:
        line.send(b"".join(frame(Kind.HEADERS, END_HEADERS, 2 * place + 1, heads()) for place in range(OPEN + 1)))
        assert line.reset_of(2 * OPEN + 1) == Code.REFUSED_STREAM
        neighbour()


ONE_BYTE = frame(Kind.DATA, 0, 1, b" ")
FLOODS = {
    "endless headers (CVE-2024-27316)": frame(Kind.HEADERS, 0, 1, heads())
    + b"".join(frame(Kind.CONTINUATION, 0, 1, bytes(1000)) for _ in range(40)),
    "empty parts of headers": frame(Kind.HEADERS, 0, 1, heads()) + 3000 * frame(Kind.CONTINUATION, 0, 1, b""),
    "pings (CVE-2019-9512)": 3000 * frame(Kind.PING, 0, 0, bytes(8)),
    "settings (CVE-2019-9515)": 3000 * frame(Kind.SETTINGS, 0, 0, b""),
    "empty data (CVE-2019-9518)": frame(Kind.HEADERS, END_HEADERS, 1, heads()) + 3000 * frame(Kind.DATA, 0, 1, b""),
    "a body of single bytes": frame(Kind.HEADERS, END_HEADERS, 1, heads()) + 3000 * ONE_BYTE,
    "windows": 3000 * frame(Kind.WINDOW_UPDATE, 0, 0, number(1)),
    "priorities (CVE-2019-9513)": 3000 * frame(Kind.PRIORITY, 0, 1, bytes(5)),
    "huge headers": frame(Kind.HEADERS, 0, 1, heads(PATH, ("x", "y" * 20_000))[:16_000])
    + frame(Kind.CONTINUATION, END_HEADERS, 1, heads(PATH, ("x", "y" * 20_000))[16_000:]),
    "headers that unpack to megabytes": frame(
        Kind.HEADERS, END_HEADERS, 1, heads() + b"\x40\x01x\x7f\x91\x1e" + b"y" * 4000 + b"\xbe" * 10_000
    ),
}


@pytest.mark.usefixtures("one_second")
def test_floods_and_endless_things_end_their_own_connection(chf, neighbour):  # noqa: F811
    for flood, said in FLOODS.items():
        with Line(chf.port) as line:
            line.send_until_closed(said)
            neighbour()
            assert line.goodbye() in (Code.ENHANCE_YOUR_CALM, None), flood


BROKEN = {
    "no HTTP/2": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Code.PROTOCOL_ERROR),
    "no settings first": (PREFACE + frame(Kind.PING, 0, 0, bytes(8)), Code.PROTOCOL_ERROR),
    "a frame of megabytes": (PREFACE + b"\xff\xff\xff" + bytes(6), Code.FRAME_SIZE_ERROR),
    "data of no request": (frame(Kind.DATA, 0, 1, b"x"), Code.PROTOCOL_ERROR),
    "an even stream": (frame(Kind.HEADERS, END_HEADERS, 2, heads()), Code.PROTOCOL_ERROR),
    "a push": (frame(Kind.PUSH_PROMISE, 0, 1, bytes(4)), Code.PROTOCOL_ERROR),
    "a window past the largest": (2 * frame(Kind.WINDOW_UPDATE, 0, 0, number(2**31 - 1)), Code.FLOW_CONTROL_ERROR),
    "more data than there is room for": (
        b"".join(request(stream, bytes(200_000), ends=False) for stream in range(1, 13, 2)), Code.FLOW_CONTROL_ERROR),
    "headers that cannot be read": (frame(Kind.HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"),
                                    Code.COMPRESSION_ERROR),
    "headers within headers": (2 * frame(Kind.HEADERS, 0, 1, heads()), Code.PROTOCOL_ERROR),
    "more padding than frame": (frame(Kind.HEADERS, END_HEADERS | 8, 1, b"\xff"), Code.PROTOCOL_ERROR),
}  # fmt: skip


def test_who_breaks_the_rules_is_told_which_and_let_go(chf, neighbour):  # noqa: F811
    for fault, (said, code) in BROKEN.items():
        with Line(chf.port, greets=fault not in ("no HTTP/2", "no settings first", "a frame of megabytes")) as line:
            line.send_until_closed(said)
            assert line.goodbye() == code, fault
    neighbour()


def test_a_request_that_breaks_the_rules_ends_alone(chf, neighbour):  # noqa: F811
    encoder = hpack.Encoder()
    wrong = [
        [(":method", "POST"), (":path", PATH)],
        [(":method", "POST"), (":scheme", "http"), (":path", PATH), (":path", "/")],
        [(":method", "POST"), (":scheme", "http"), (":path", PATH), ("X-Upper", "1")],
        [(":method", "POST"), (":scheme", "http"), (":path", PATH), ("connection", "close")],
    ]
    with Line(chf.port) as line:
        for place, fields in enumerate(wrong):
            line.send(frame(Kind.HEADERS, END_HEADERS | END_STREAM, 2 * place + 1, encoder.encode(fields)))
            assert line.reset_of(2 * place + 1) == Code.PROTOCOL_ERROR
        line.send(request(9, b"{}", PATH, ("content-length", "3")))
        assert line.reset_of(9) == Code.PROTOCOL_ERROR
        neighbour()


def test_huge_bodies_and_deep_ones_are_refused_and_their_connection_goes_on(chf, neighbour):  # noqa: F811
    deep = b"[" * 100_000 + b"]" * 100_000
    good = b'{"nfConsumerIdentification": {"nodeFunctionality": "SMF"}, "invocationTimeStamp": "2026-10-05T02:00:00Z",'
    good += b' "invocationSequenceNumber": 1, "%s": {"x": %s}}'
    cases = [
        (b"x" * 300_000, (), "413"),
        (b"x" * 300_000, (("content-length", "300000"),), "413"),
        (b" ", (("content-length", "9" * 5000),), "413"),
        (good % (b"unknown", deep), (), "400"),
        (good % (b"mMTelChargingInformation", deep), (), "400"),
    ]
    with Line(chf.port) as line:
        for place, (body, more, status) in enumerate(cases):
            stream = 2 * place + 1
            line.send(request(stream, body, PATH, *more))
            assert line.answers(1)[stream][0][":status"] == status
            neighbour()


def test_a_hundred_megabytes_of_a_refused_request_are_not_read_to_their_end(chf, neighbour):  # noqa: F811
    with Line(chf.port) as line:
        line.send(frame(Kind.HEADERS, END_HEADERS, 1, heads(PATH, ("content-length", "100000000"))))
        assert line.until(lambda one: one[0] == Kind.HEADERS) is not None
        for _ in range(connection.MOST_DISCARDED // 16_384 + 1):
            line.send(frame(Kind.DATA, 0, 1, bytes(16_384)))
        assert line.reset_of(1) == Code.CANCEL
        neighbour()


# --- too busy --------------------------------------------------------------------------------------------------------


def test_too_busy_is_said_with_when_to_come_again_and_running_sessions_come_first(chf, smf, monkeypatch):  # noqa: F811
    """Over HTTP, while a commit does not end: 503 NF_CONGESTION first to new sessions, then to running ones."""
    session = smf.post(chf.url, json=data_request(1, multipleUnitUsage=[wanted()])).headers["location"]
    path = session[session.index(PATH) :]
    monkeypatch.setattr(gathering, "MOST_WAITING", 4)
    chf.ahead = 1  # a group is on its way to the journal
    update = data_request(2, multipleUnitUsage=[used({"totalVolume": MB})])
    new = [request(stream, data_request(10 + stream, multipleUnitUsage=[wanted(200)])) for stream in (1, 3, 5)]
    again = [request(stream, update, f"{path}/update") for stream in (7, 9, 11)]
    with Line(chf.port) as line:
        line.send(b"".join(new + again))
        shed = line.answers(2)
        assert sorted(shed) == [5, 11]  # the third new one; the third of the running session
        for headers, body in shed.values():
            assert (headers[":status"], headers["retry-after"]) == ("503", "1")
            assert headers["content-type"] == "application/problem+json"
            assert b'"NF_CONGESTION"' in body
        assert chf.node.meter.turned_down["NF_CONGESTION"] == 2
        chf.ahead = 0
        chf.call(chf.gathering.go_on)
        served = line.answers(4)
    assert {stream: headers[":status"] for stream, (headers, _body) in served.items()} == {
        1: "201", 3: "201", 7: "200", 9: "200"}  # fmt: skip
    assert served[7][1] == served[9][1]  # the same sent again
    again_later = smf.post(f"{session}/release", json=data_request(3))
    assert again_later.status_code == 204


def test_answers_nobody_waits_for_any_more_are_dropped_and_what_was_asked_is_done(network, chf):  # noqa: F811
    chf.ahead = 1
    with Line(chf.port) as line:
        line.send(request(1, data_request(1, multipleUnitUsage=[wanted()])))
        deadline = time.monotonic() + 10
        while not chf.gathering._waiting and time.monotonic() < deadline:
            time.sleep(0.01)
    chf.ahead = 0
    chf.call(chf.gathering.go_on)
    assert network.wallet()["reserved_li"] == 2900
