"""One request over HTTP/2 and its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from openboss.access.network.http2.frames import Code, StreamFault

_OF_CONNECTIONS = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"))
_PSEUDO = frozenset((":method", ":scheme", ":path", ":authority"))

Answer = Callable[["Stream", int, bytes, bytes], None]


@dataclass(slots=True, eq=False)
class Stream:
    """A request on its way. Who takes it answers once, with `answer`, whenever it likes."""

    number: int
    client: str  # address and port
    headers: dict[str, str]  # with the standard's own: :method, :path, :scheme, :authority
    window: int  # bytes the client still takes
    until_s: float  # by when what is awaited of the client must have come
    reply: Answer
    about: Any = None  # what whoever takes it wants to remember
    pieces: list[bytes] = field(default_factory=list)
    received: int = 0
    unsent: bytes = b""
    is_whole: bool = False
    is_taken: bool = False  # whoever answers it has it
    is_answered: bool = False
    is_gone: bool = False

    @property
    def body(self) -> bytes:
        """What was sent, once it is whole."""
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)

    def answer(self, status: int, headers: bytes = b"", body: bytes = b"") -> None:
        """Answer; nothing happens if the client has gone away. `headers` as http2.headers.field writes them."""
        self.reply(self, status, headers, body)

    def check_length(self) -> None:
        """Whether there came what was announced. Raises StreamFault."""
        announced = self.headers.get("content-length")
        if announced is not None and announced != str(len(self.body)):
            raise StreamFault(Code.PROTOCOL_ERROR, "another length than announced")


class Desk(Protocol):
    """Whoever answers requests."""

    longest: int  # bytes of a request

    def begin(self, stream: Stream) -> None:
        """The headers are there; what needs no more may be answered."""

    def refuse_long(self, stream: Stream) -> None:
        """The request is longer than it may be: answer it."""

    def take(self, stream: Stream) -> None:
        """The request is whole: answer it."""


def checked(fields: list[tuple[str, str]]) -> dict[str, str]:
    """Read the headers of a request. Raises StreamFault (RFC 9113 section 8)."""
    found: dict[str, str] = {}
    is_begun = False
    for name, value in fields:
        if name[:1] == ":":
            if name not in _PSEUDO or name in found or is_begun:
                raise StreamFault(Code.PROTOCOL_ERROR, f"{name} in the wrong place")
        else:
            is_begun = True
            if not _is_fit(name) or (name == "te" and value != "trailers"):
                raise StreamFault(Code.PROTOCOL_ERROR, f"no header {name}")
        found[name] = value
    if not (found.get(":method") and found.get(":scheme") and found.get(":path")):
        raise StreamFault(Code.PROTOCOL_ERROR, "no method, scheme or path")
    return found


@lru_cache(maxsize=1024)
def _is_fit(name: str) -> bool:
    return bool(name) and name == name.lower() and name not in _OF_CONNECTIONS
