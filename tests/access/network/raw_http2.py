"""A client of HTTP/2 that says whatever a test wants: frames by hand, headers by the package hpack."""

import json
import socket
from collections.abc import Callable

import hpack

from openboss.access.network.http2.frames import END_HEADERS, END_STREAM, HEAD, PREFACE, Code, Kind, frame, settings
from openboss.access.network.nchf.node import PATH

Frame = tuple[int, int, int, bytes]  # kind, flags, stream, content


def heads(path: str = PATH, *more: tuple[str, str], encoder: hpack.Encoder | None = None) -> bytes:
    """The headers of a request."""
    told = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "chf.test")]
    return (encoder or hpack.Encoder()).encode([*told, ("content-type", "application/json"), *more])


def request(stream: int, said: dict | bytes, path: str = PATH, *more: tuple[str, str], ends: bool = True) -> bytes:
    """A request, or with ends=False one that is never finished."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    pieces = [body[at : at + 16384] for at in range(0, len(body), 16384)] or [b""]
    sent = frame(Kind.HEADERS, END_HEADERS, stream, heads(path, *more))
    for place, piece in enumerate(pieces, 1):
        sent += frame(Kind.DATA, END_STREAM if ends and place == len(pieces) else 0, stream, piece)
    return sent


class Line:
    """A connection to a port of ours."""

    def __init__(self, port: int, told: dict[int, int] | None = None, *, greets: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._inbox, self.decoder = b"", hpack.Decoder()
        if greets:
            self.send(PREFACE + settings(told or {}))

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_fault: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_until_closed(self, data: bytes) -> None:
        """Send, though the other side may have had enough of it."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def next(self) -> Frame | None:
        """The next frame; None if the connection was ended."""
        while len(self._inbox) < HEAD.size or len(self._inbox) < HEAD.size + self._length():
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._inbox += data
        stop = HEAD.size + self._length()
        _, _, kind, flags, stream = HEAD.unpack_from(self._inbox)
        content, self._inbox = self._inbox[HEAD.size : stop], self._inbox[stop:]
        return kind, flags, stream, content

    def _length(self) -> int:
        return int.from_bytes(self._inbox[:3], "big")

    def until(self, wanted: Callable[[Frame], bool]) -> Frame | None:
        """Read until a frame of some kind comes; None if the connection ends before."""
        while (found := self.next()) is not None and not wanted(found):
            pass
        return found

    def goodbye(self) -> Code | None:
        """Read to the end; say why the other side ended it."""
        found = self.until(lambda one: one[0] == Kind.GOAWAY)
        return Code(int.from_bytes(found[3][4:8], "big")) if found else None

    def answers(self, count: int) -> dict[int, tuple[dict[str, str], bytes]]:
        """Read so many whole answers: headers and body by stream."""
        found: dict[int, tuple[dict[str, str], bytes]] = {}
        done = 0
        while done < count:
            one = self.next()
            assert one is not None, "the connection was ended"
            kind, flags, stream, content = one
            if kind == Kind.HEADERS:
                found[stream] = (dict(self.decoder.decode(content)), b"")
            elif kind == Kind.DATA:
                found[stream] = (found[stream][0], found[stream][1] + content)
            done += kind <= Kind.HEADERS and flags & END_STREAM
        return found

    def reset_of(self, stream: int) -> Code | None:
        """Read until a request is ended alone; say why."""
        found = self.until(lambda one: one[0] == Kind.RST_STREAM and one[2] == stream)
        return Code(int.from_bytes(found[3], "big")) if found else None
