"""One connection over HTTP/2: what has arrived is read frame by frame, whole requests are handed on, answers go out
when whoever took the request has them.

What one connection may do to others is bounded here: streams, bytes held, frames that ask nothing, and how long a half
request, a half frame or an answer nobody takes may wait. Source: RFC 9113, and what servers fell for since
(CVE-2023-44487 rapid reset, CVE-2024-27316 and others endless headers, CVE-2019-9511 to 9518 floods and stalls).
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from openboss.access.network.http2 import calm, frames, headers
from openboss.access.network.http2.calm import Calm
from openboss.access.network.http2.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    FIRST_WINDOW,
    HEAD,
    LARGEST_WINDOW,
    LONGEST_FRAME,
    PREFACE,
    PRIORITISED,
    Code,
    ConnectionFault,
    Kind,
    Setting,
    StreamFault,
    frame,
    number,
    number_of,
)
from openboss.access.network.http2.headers import HeaderReader, TooLong, Unreadable
from openboss.access.network.http2.stream import Desk, Stream, checked

MOST_STREAMS = 512  # requests of one connection on their way, those it has given up included
STREAM_WINDOW = 320 << 10  # bytes of one request that may be on their way: more than any may have
HELD_BYTES = 1 << 20  # bytes of requests one connection may have us hold
MOST_DISCARDED = 4 << 20  # bytes of a request that are read though it is answered
MOST_UNREAD = 1 << 20  # bytes of answers the socket may hold; then nothing more is read
GREETING_S, REQUEST_S, UNREAD_S, IDLE_S = 10.0, 10.0, 30.0, 600.0
_SETTINGS = frames.settings(
    {
        Setting.MAX_CONCURRENT_STREAMS: MOST_STREAMS,
        Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
        Setting.MAX_HEADER_LIST_SIZE: headers.MOST_HEADERS,
    }
)


class Lines(Protocol):
    """All connections of a port."""

    loop: asyncio.AbstractEventLoop

    def joined(self, line: Connection) -> None:
        """A connection is there."""

    def left(self, line: Connection) -> None:
        """A connection has ended."""

    def note(self, line: Connection, why: str) -> None:
        """We end a connection: somebody may want to know why."""


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, desk: Desk, lines: Lines) -> None:
        self.desk, self.lines, self.loop = desk, lines, lines.loop
        self.transport: asyncio.Transport | None = None
        self.client = ""
        self.streams: dict[int, Stream] = {}
        self.asked_at_s = 0.0  # when it last asked something that was taken; 0 = never
        self.heard_at_s = self.loop.time()
        self._reader = HeaderReader()
        self._rest = b""  # the beginning of a frame
        self._rest_since_s = 0.0
        self._is_greeted = self._is_settled = self._is_over = False
        self._turned_at_s = self.heard_at_s  # when it began, or was over
        self._last = 0  # the highest stream that was opened
        self._block: tuple[int, int, list[bytes]] | None = None  # a request whose headers go on: stream, flags, pieces
        self._block_bytes, self._block_since_s = 0, 0.0
        self._their_window, self._their_first, self._their_frame = FIRST_WINDOW, FIRST_WINDOW, LONGEST_FRAME
        self._our_window, self._let_go = FIRST_WINDOW, HELD_BYTES - FIRST_WINDOW  # still open; to be opened again
        self._taken = 0  # requests that whoever answers has
        self._calm = Calm()
        self._out: list[bytes] = []
        self._is_due = False
        self._unread_since_s = 0.0

    # --- asyncio -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who we are, if the client is still there."""
        line = cast(asyncio.Transport, transport)  # uvloop's own is one, but not of asyncio's class
        place = line.get_extra_info("peername")
        if place is None:  # it reset the connection before we took it
            line.abort()
            return
        self.transport = line
        self.client = f"[{place[0]}]:{place[1]}" if ":" in place[0] else f"{place[0]}:{place[1]}"
        line.set_write_buffer_limits(MOST_UNREAD)
        self._send(_SETTINGS)
        self._open_window()
        self.lines.joined(self)

    def data_received(self, data: bytes) -> None:
        """Read what has arrived."""
        if self._is_over:
            return
        self.heard_at_s = self.loop.time()
        if self._rest:
            data, self._rest = self._rest + data, b""
        try:
            self._read(data)
        except ConnectionFault as fault:
            self._end(fault.code, str(fault))
        self._flush()

    def connection_lost(self, _why: Exception | None) -> None:
        """Forget what was on its way: what was taken is done, its answer goes nowhere."""
        self.transport = None
        self._is_over = True
        self._forget_all()
        self._out.clear()
        self.lines.left(self)

    def pause_writing(self) -> None:
        """The client does not take its answers: read nothing more of it."""
        self._unread_since_s = self.loop.time()
        if self.transport:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The answers have gone out."""
        self._unread_since_s = 0.0
        if self.transport:
            self.transport.resume_reading()

    # --- for whoever keeps the port ------------------------------------------------------------------------------

    def review(self, now_s: float) -> None:
        """End what has waited too long for the client."""
        is_silent = not self.streams and not self._taken and now_s - self.heard_at_s > IDLE_S
        if self._is_over:
            is_stuck = now_s - self._turned_at_s > REQUEST_S
        elif not self._is_settled:
            is_stuck = now_s - self._turned_at_s > GREETING_S
        else:
            is_stuck = 0 < self._unread_since_s < now_s - UNREAD_S
        if is_stuck:
            self.abort("silent or takes no answers")
        elif self._is_half(now_s - REQUEST_S):
            self._end(Code.PROTOCOL_ERROR, "half a frame, or half the headers")
        elif is_silent:
            self._end(Code.NO_ERROR, "idle")
        else:
            late = [one for one in self.streams.values() if one.until_s < now_s and (one.unsent or not one.is_whole)]
            for stream in late:
                self._reset(stream.number, Code.CANCEL)
        self._flush()

    def _is_half(self, since_s: float) -> bool:
        is_frame, is_block = 0 < self._rest_since_s < since_s, self._block is not None
        return is_frame or (is_block and self._block_since_s < since_s)

    def abort(self, why: str) -> None:
        """End the connection at once."""
        if self.transport:
            self.lines.note(self, why)
            self.transport.abort()

    def close(self) -> None:
        """Say goodbye; what is on its way is answered by nobody."""
        self._end(Code.NO_ERROR, "closing")
        self._flush()

    # --- reading -------------------------------------------------------------------------------------------------

    def _read(self, data: bytes) -> None:
        at, size = 0, len(data)
        if not self._is_greeted:
            if data[: len(PREFACE)] != PREFACE[:size]:
                raise ConnectionFault(Code.PROTOCOL_ERROR, "no HTTP/2")
            if size < len(PREFACE):
                self._rest = data
                return
            self._is_greeted, at = True, len(PREFACE)
        begun = at
        while size - at >= HEAD.size and not self._is_over:
            high, low, kind, flags, stream = HEAD.unpack_from(data, at)
            start, length = at + HEAD.size, high << 8 | low
            if length > LONGEST_FRAME:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a frame that is too long")
            if start + length > size:
                break
            at = start + length
            self._frame(kind, flags, stream & LARGEST_WINDOW, data[start:at])
        self._rest = data[at:]
        if not self._rest:
            self._rest_since_s = 0.0
        elif at > begun or not self._rest_since_s:
            self._rest_since_s = self.heard_at_s

    def _frame(self, kind: int, flags: int, stream: int, content: bytes) -> None:
        """Take one frame. Raises ConnectionFault."""
        if self._block is not None and kind != Kind.CONTINUATION:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "headers are not finished")
        if not self._is_settled and kind != Kind.SETTINGS:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "the first frame says nothing of who asks")
        try:
            if kind == Kind.DATA:
                self._data(stream, flags, content)
            elif kind == Kind.HEADERS:
                self._headers(stream, flags, content)
            else:
                self._calm.count(calm.A_FRAME, self.heard_at_s)
                self._rarely(kind, flags, stream, content)
        except StreamFault as fault:
            self._reset(stream, fault.code)

    def _headers(self, stream: int, flags: int, content: bytes) -> None:
        if stream % 2 == 0 or (stream <= self._last and stream not in self.streams):
            raise ConnectionFault(Code.STREAM_CLOSED if stream % 2 else Code.PROTOCOL_ERROR, "no new stream")
        content = frames.without_padding(flags, content)
        if flags & PRIORITISED:
            if len(content) < 5:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, "headers too short for their priority")
            content = content[5:]
        if flags & END_HEADERS:
            self._request(stream, flags, content)
        else:
            self._block, self._block_bytes = (stream, flags, [content]), len(content)
            self._block_since_s = self.heard_at_s

    def _continuation(self, stream: int, flags: int, content: bytes) -> None:
        if self._block is None or self._block[0] != stream:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "nothing to go on with")
        self._block_bytes += len(content)
        if self._block_bytes > headers.MOST_HEADERS:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "endless headers")
        self._block[2].append(content)
        if flags & END_HEADERS:
            (_, first_flags, pieces), self._block = self._block, None
            self._request(stream, first_flags, b"".join(pieces))

    def _request(self, number_: int, flags: int, block: bytes) -> None:
        """Begin a request, or take what follows its body (which nobody reads)."""
        try:
            fields = self._reader.read(block)
        except TooLong as fault:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, str(fault)) from fault
        except Unreadable as fault:
            raise ConnectionFault(Code.COMPRESSION_ERROR, str(fault)) from fault
        known = self.streams.get(number_)
        if known is not None:
            if known.is_whole or not flags & END_STREAM:
                raise StreamFault(Code.PROTOCOL_ERROR, "headers in the middle of a request")
            self._whole(known)
            return
        self._last = number_
        if max(len(self.streams), self._taken) >= MOST_STREAMS:
            raise StreamFault(Code.REFUSED_STREAM, "too many requests at once")
        stream = Stream(
            number_, self.client, checked(fields), self._their_first, self.heard_at_s + REQUEST_S, self._answer
        )
        self.streams[number_] = stream
        self.desk.begin(stream)
        if flags & END_STREAM:
            self._whole(stream)

    def _data(self, number_: int, flags: int, content: bytes) -> None:
        length = len(content)
        self._our_window -= length
        if self._our_window < 0:
            raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "more than we have room for")
        if number_ == 0 or number_ > self._last:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "data of no request")
        if length < calm.SMALL and not flags & END_STREAM:
            self._calm.count(calm.A_FRAME, self.heard_at_s)
        stream = self.streams.get(number_)
        if stream is None or stream.is_whole:
            self._release(length)
            self._calm.count(calm.A_FRAME, self.heard_at_s)
            if stream is not None:
                raise StreamFault(Code.STREAM_CLOSED, "data after the end")
            return
        stream.received += length
        if stream.is_answered:
            self._discard(stream, length)
        elif stream.received > self.desk.longest:
            self._release(stream.received)
            stream.pieces.clear()
            self.desk.refuse_long(stream)
        else:
            stream.pieces.append(frames.without_padding(flags, content))
        if flags & END_STREAM:
            self._whole(stream)

    def _discard(self, stream: Stream, length: int) -> None:
        """Read what is left of a request that is answered, to some extent."""
        self._release(length)
        if stream.received > MOST_DISCARDED:
            raise StreamFault(Code.CANCEL, "it is answered")
        if length:
            self._send(frame(Kind.WINDOW_UPDATE, 0, stream.number, number(length)))

    def _whole(self, stream: Stream) -> None:
        self._calm.count(calm.A_REQUEST, self.heard_at_s)
        if stream.is_answered:
            stream.is_whole = True
            self._forget_if_done(stream)
            return
        stream.check_length()
        stream.is_whole = True
        self._taken += 1
        stream.is_taken = True
        self.asked_at_s = self.heard_at_s
        self.desk.take(stream)
        self._release(stream.received)
        stream.pieces.clear()

    def _rarely(self, kind: int, flags: int, stream: int, content: bytes) -> None:
        if kind == Kind.CONTINUATION:
            self._continuation(stream, flags, content)
        elif kind == Kind.WINDOW_UPDATE:
            self._window(stream, number_of(content))
        elif kind == Kind.SETTINGS:
            self._settings(stream, flags, content)
        elif kind == Kind.RST_STREAM:
            self._given_up(stream, content)
        elif kind == Kind.PING:
            if stream or len(content) != 8:
                raise ConnectionFault(Code.PROTOCOL_ERROR if stream else Code.FRAME_SIZE_ERROR, "no ping")
            if not flags & ACK:
                self._send(frame(Kind.PING, ACK, 0, content))
        elif kind == Kind.PUSH_PROMISE or (kind == Kind.GOAWAY and stream):
            raise ConnectionFault(Code.PROTOCOL_ERROR, "not for a client to say")
        elif kind == Kind.PRIORITY and not stream:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "priority of nothing")
        elif kind == Kind.PRIORITY and len(content) != 5:
            raise StreamFault(Code.FRAME_SIZE_ERROR, "no priority")

    def _settings(self, stream: int, flags: int, content: bytes) -> None:
        if stream or (flags & ACK and content):
            raise ConnectionFault(Code.FRAME_SIZE_ERROR if not stream else Code.PROTOCOL_ERROR, "no settings")
        if flags & ACK:
            return
        for name, value in frames.settings_of(content):
            if name == Setting.INITIAL_WINDOW_SIZE:
                self._first_window(value)
            elif name == Setting.MAX_FRAME_SIZE:
                if not LONGEST_FRAME <= value < 1 << 24:
                    raise ConnectionFault(Code.PROTOCOL_ERROR, "no length of a frame")
                self._their_frame = value
            elif name == Setting.ENABLE_PUSH and value > 1:
                raise ConnectionFault(Code.PROTOCOL_ERROR, "neither yes nor no")
        self._is_settled = True
        self._send(frame(Kind.SETTINGS, ACK, 0, b""))

    def _first_window(self, value: int) -> None:
        if value > LARGEST_WINDOW:
            raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "a window larger than any")
        more, self._their_first = value - self._their_first, value
        for stream in list(self.streams.values()):
            stream.window += more
            if stream.window > LARGEST_WINDOW:
                raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "a window larger than any")
        self._go_on()

    def _window(self, number_: int, more: int) -> None:
        if number_ > self._last:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "a window of no request")
        if number_ == 0:
            self._their_window += more
            if more == 0 or self._their_window > LARGEST_WINDOW:
                raise ConnectionFault(Code.FLOW_CONTROL_ERROR if more else Code.PROTOCOL_ERROR, "no window")
            self._go_on()
            return
        stream = self.streams.get(number_)
        if stream is None:
            return
        stream.window += more
        if more == 0 or stream.window > LARGEST_WINDOW:
            raise StreamFault(Code.FLOW_CONTROL_ERROR if more else Code.PROTOCOL_ERROR, "no window")
        if stream.unsent:
            self._send_body(stream)

    def _given_up(self, number_: int, content: bytes) -> None:
        if number_ == 0 or number_ > self._last:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "nothing to give up")
        number_of(content)
        self._calm.count(calm.A_RESET, self.heard_at_s)
        self._drop(number_)

    # --- answering -----------------------------------------------------------------------------------------------

    def _answer(self, stream: Stream, status: int, fields: bytes, body: bytes) -> None:
        if stream.is_taken:
            stream.is_taken = False
            self._taken -= 1
        if stream.is_gone or stream.is_answered:
            return
        stream.is_answered = True
        flags = END_HEADERS if body else END_HEADERS | END_STREAM
        self._send(frame(Kind.HEADERS, flags, stream.number, headers.status(status) + fields))
        if body:
            stream.unsent = body
            self._send_body(stream)
        else:
            self._forget_if_done(stream)

    def _send_body(self, stream: Stream) -> None:
        """Send of an answer what the client's windows let through."""
        room = min(stream.window, self._their_window)
        while stream.unsent and room > 0:
            piece = stream.unsent[: min(room, self._their_frame)]
            stream.unsent = stream.unsent[len(piece) :]
            self._send(frame(Kind.DATA, 0 if stream.unsent else END_STREAM, stream.number, piece))
            stream.window -= len(piece)
            self._their_window -= len(piece)
            room -= len(piece)
        if stream.unsent:
            stream.until_s = self.loop.time() + UNREAD_S
        else:
            self._forget_if_done(stream)

    def _go_on(self) -> None:
        for stream in [one for one in self.streams.values() if one.unsent]:
            self._send_body(stream)

    def _forget_if_done(self, stream: Stream) -> None:
        if stream.is_whole and not stream.unsent:
            self.streams.pop(stream.number, None)

    def _reset(self, number_: int, code: Code) -> None:
        """End a request of which nothing more can come."""
        self._drop(number_)
        self._send(frame(Kind.RST_STREAM, 0, number_, number(code)))

    def _drop(self, number_: int) -> None:
        stream = self.streams.pop(number_, None)
        if stream is not None:
            stream.is_gone = True
            if not stream.is_whole and not stream.is_answered:
                self._release(stream.received)
            stream.pieces.clear()

    def _forget_all(self) -> None:
        for stream in self.streams.values():
            stream.is_gone = True
        self.streams.clear()

    def _release(self, length: int) -> None:
        """Bytes that we do not hold any more may be sent anew."""
        self._let_go += length
        if self._let_go >= HELD_BYTES // 2:
            self._open_window()

    def _open_window(self) -> None:
        self._our_window += self._let_go
        self._send(frame(Kind.WINDOW_UPDATE, 0, 0, number(self._let_go)))
        self._let_go = 0

    def _end(self, code: Code, why: str) -> None:
        """Say why the connection ends, and end it."""
        if self._is_over or self.transport is None:
            return
        if code != Code.NO_ERROR:
            self.lines.note(self, why)
        self._is_over, self._turned_at_s = True, self.loop.time()
        self._send(frame(Kind.GOAWAY, 0, 0, number(self._last) + number(code)))
        self._forget_all()
        self._flush()
        self.transport.close()

    def _send(self, data: bytes) -> None:
        self._out.append(data)
        if not self._is_due:
            self._is_due = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_due = False
        if self._out and self.transport:
            self.transport.write(b"".join(self._out))
        self._out.clear()
