"""Our HTTP/2 against packages others wrote, and against spoiled bytes."""

import asyncio
import random

import hpack
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as some

from openboss.access.network.http2 import connection, frames, headers
from openboss.access.network.http2.connections import Connections
from openboss.access.network.http2.frames import HEAD, PREFACE, Kind
from openboss.access.network.http2.headers import HeaderReader, Unreadable

TEXT = some.text(some.characters(min_codepoint=32, max_codepoint=126), max_size=300)
FIELDS = some.lists(
    some.tuples(some.sampled_from([":path", "content-type", "x", "a-long-name", ""]), TEXT), max_size=12
)


@given(blocks=some.lists(some.tuples(FIELDS, some.booleans(), some.integers(0, 4096)), max_size=6))
def test_header_blocks_are_read_as_another_package_reads_them(blocks):
    encoder, theirs, ours = hpack.Encoder(), hpack.Decoder(), HeaderReader()
    for fields, is_packed, size in blocks:
        encoder.header_table_size = size
        block = encoder.encode(fields, huffman=is_packed)
        assert ours.read(block) == theirs.decode(block) == fields


@given(blocks=some.lists(some.binary(max_size=60), max_size=4))
def test_no_bytes_are_read_as_other_headers_than_another_package_reads(blocks):
    theirs, ours = hpack.Decoder(), HeaderReader()
    theirs.max_allowed_table_size = headers.MOST_TABLE
    for block in blocks:
        try:
            found = ours.read(block)
        except Unreadable:
            return
        assert [(name.encode("latin-1"), value.encode("latin-1")) for name, value in found] == [
            tuple(field) for field in theirs.decode(block, raw=True)
        ]


@given(fields=some.lists(some.tuples(some.sampled_from(["location", "allow", "x-own"]), TEXT), max_size=5),
       code=some.sampled_from([200, 201, 204, 400, 404, 503]))  # fmt: skip
def test_what_we_say_is_read_by_another_package(fields, code):
    block = headers.status(code) + b"".join(headers.field(*field) for field in fields)
    assert hpack.Decoder().decode(block) == [(":status", str(code)), *fields]


# --- spoiled bytes ---------------------------------------------------------------------------------------------------


class Wire:
    """The other end of a connection, in memory."""

    def __init__(self) -> None:
        self.got, self.is_closed = bytearray(), False

    def get_extra_info(self, _name):
        return ("127.0.0.1", 1)

    def set_write_buffer_limits(self, _high):
        pass

    def pause_reading(self):
        pass

    def write(self, data):
        self.got += data

    def close(self):
        self.is_closed = True

    abort = close


class Echo:
    """Answers every request at once with what it said."""

    longest = 1 << 18

    def begin(self, stream):
        if "x-refused" in stream.headers:
            stream.answer(404, b"", b"no")

    def refuse_long(self, stream):
        stream.answer(413)

    def take(self, stream):
        stream.answer(200, headers.field("x-path", stream.headers[":path"]), stream.body)


@pytest.fixture
def port():
    loop = asyncio.new_event_loop()
    found = Connections(Echo(), loop)
    yield found
    found.close()
    loop.close()


def connected(port):
    line, wire = port.new(), Wire()
    line.connection_made(wire)
    return line, wire


def conversation(chance: random.Random) -> bytes:
    """What a client that others wrote says."""
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    for stream in range(1, 2 * chance.randint(2, 5), 2):
        told = [(":method", "POST"), (":scheme", "http"), (":path", f"/{stream}"), (":authority", "x")]
        client.send_headers(stream, told + [("x-refused", "1")] * chance.randint(0, 1))
        client.send_data(stream, chance.randbytes(chance.randint(0, 60)), end_stream=chance.random() < 0.8)
        if chance.random() < 0.2:
            client.reset_stream(stream)
    client.ping(bytes(8))
    client.increment_flow_control_window(1000)
    client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: chance.choice([0, 10, 100_000])})
    return client.data_to_send()


def spoiled(chance: random.Random, said: bytes) -> bytes:
    """Change bytes, lose some, say some twice; leave the greeting, or nothing else would be tried."""
    data = bytearray(said)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(PREFACE), len(data))
        way = chance.randrange(4)
        if way == 0:
            data[at] = chance.randrange(256)
        elif way == 1:
            data[at] ^= 1 << chance.randrange(8)
        elif way == 2:
            del data[at : at + chance.randint(1, 12)]
        else:
            data[at:at] = data[at : at + chance.randint(1, 40)]
        if len(data) <= len(PREFACE):
            break
    return bytes(data)


def frames_of(got: bytes) -> list[int]:
    """The kinds of the frames we said; fails if what we said is none."""
    at, kinds = 0, []
    while at < len(got):
        high, low, kind, _flags, _stream = HEAD.unpack_from(got, at)
        kinds.append(Kind(kind))
        at += HEAD.size + (high << 8 | low)
    assert at == len(got)
    return kinds


@pytest.mark.parametrize("messages", [3_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_spoiled_frames_are_answered_or_end_their_connection_and_no_other(port, messages):
    chance = random.Random(20261122)
    said = [conversation(chance) for _ in range(50)]
    good = said[0]
    line, wire = connected(port)
    line.data_received(good)
    alone, kinds, ended = bytes(wire.got), set(), 0
    assert not wire.is_closed
    for number in range(messages):
        line, wire = connected(port)
        data = spoiled(chance, chance.choice(said))
        cut = chance.randrange(len(data) + 1)
        line.data_received(data[:cut])
        line.data_received(data[cut:])
        line.review(port.loop.time() + connection.REQUEST_S + 1)
        line._flush()
        kinds.update(frames_of(bytes(wire.got)))
        ended += wire.is_closed
        assert not any(stream.pieces for stream in line.streams.values())
        line.connection_lost(None)
        if number % 100 == 0:
            line, wire = connected(port)
            line.data_received(good)
            assert bytes(wire.got) == alone
            line.connection_lost(None)
    assert {Kind.HEADERS, Kind.DATA, Kind.SETTINGS, Kind.PING, Kind.RST_STREAM, Kind.GOAWAY} <= kinds
    assert messages // 10 < ended < messages
    assert len(port.lines) == 1


def test_a_client_that_does_not_read_is_not_read_from_and_let_go(port):
    line, wire = connected(port)
    line.data_received(PREFACE + frames.settings({}))
    line.pause_writing()
    line.review(port.loop.time() + connection.UNREAD_S - 1)
    assert not wire.is_closed
    line.review(port.loop.time() + connection.UNREAD_S + 1)
    assert wire.is_closed


def test_who_asks_is_not_put_out_for_a_new_connection(port):
    port.most = 2
    asking = [connected(port) for _ in range(2)]
    for line, _wire in asking:
        line.data_received(PREFACE + frames.settings({}))
        line.asked_at_s = port.loop.time()
    _line, late = connected(port)
    assert late.is_closed
    assert not any(wire.is_closed for _line, wire in asking)
    asking[0][0].asked_at_s -= 100
    _line, late = connected(port)
    assert (asking[0][1].is_closed, asking[1][1].is_closed, late.is_closed) == (True, False, False)
