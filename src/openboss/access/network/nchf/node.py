"""The resource of charging data and its operations: create, update, release (TS 32.291 clause 6.1).

A request is read and checked at once, then waits with all the others for the engine's next group. The name of a
session in an address is its key in the engine, so that nothing has to be remembered to find it again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

import msgspec
import structlog

from openboss.access.network.gathering import Answer, Gathering, Request, TooBusy
from openboss.access.network.http2.headers import field
from openboss.access.network.http2.stream import Stream
from openboss.access.network.nchf import answers
from openboss.access.network.nchf.answers import Refused, encode, malformed, refusal_of
from openboss.access.network.nchf.reading import is_timed, key_of_new, no_octets, request_of
from openboss.access.network.nchf.schema import ChargingDataRequest, FinalUnitIndication
from openboss.modules.charging.engine.online.meter import Meter
from openboss.modules.charging.engine.online.requests import Kind, Result

PATH = "/nchf-convergedcharging/v3/chargingdata"
LONGEST_MESSAGE = 1 << 18
TERMINATE = answers.final_unit()
_DIGITS = len(str(LONGEST_MESSAGE))
_JSON, _PROBLEM = (field("content-type", f"application/{kind}") for kind in ("json", "problem+json"))
_MORE = {401: field("www-authenticate", "Bearer"), 405: field("allow", "POST"), 503: field("retry-after", "1")}
_OPERATIONS = {None: Kind.INITIAL, "update": Kind.UPDATE, "release": Kind.TERMINATION}
_ADDRESS = re.compile(re.escape(PATH) + r"(?:/([0-9a-f]{32})/(update|release))?")
_decode = msgspec.json.Decoder(ChargingDataRequest).decode

log = structlog.get_logger("nchf")


class Notices(Protocol):
    """Whoever tells the network that something has changed."""

    def remember(self, key: str, uri: str) -> None:
        """A session can be reached at an address."""

    def forget(self, key: str) -> None:
        """A session has ended."""


class Node:
    """Everything that asks over Nchf."""

    longest = LONGEST_MESSAGE

    def __init__(
        self,
        *,
        gathering: Gathering,
        notices: Notices,
        now_s: Callable[[], int],
        client_of: Callable[[str, str], str],
        final: FinalUnitIndication = TERMINATE,
    ) -> None:
        self.gathering, self.notices, self.now_s, self.final = gathering, notices, now_s, final
        self.client_of = client_of  # who asks, by address and Authorization; empty: nobody who may
        self.meter = Meter()
        self.asking: dict[str, str] = {}  # who asks, by the name of a session whose request is being decided
        self._said_at = (0, "")

    def begin(self, stream: Stream) -> None:
        """The headers of a request are there: what needs no more is refused at once."""
        try:
            client = self.client_of(stream.client, stream.headers.get("authorization", ""))
            if not client:
                raise Refused(401, "UNAUTHORIZED", "Nobody wrote this client down, or it shows another key.")
            stream.about = (client, *_operation(stream.headers[":method"], stream.headers[":path"]))
            if not stream.headers.get("content-type", "").startswith("application/json"):
                raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", "Charging data are JSON.")
            length = stream.headers.get("content-length", "")
            if length.isdecimal() and (len(length) > _DIGITS or int(length) > self.longest):
                raise _too_long()
        except Refused as refusal:
            self._refuse(stream, refusal)

    def refuse_long(self, stream: Stream) -> None:
        """A request is longer than it may be."""
        self._refuse(stream, _too_long())

    def take(self, stream: Stream) -> None:
        """Have a message charged; it is answered when that is committed."""
        try:
            self._charge(stream, *stream.about)
        except Refused as refusal:
            self._refuse(stream, refusal)

    def _charge(self, stream: Stream, client: str, kind: Kind, key: str) -> None:
        """Read a message and let it wait for the engine. Raises Refused."""
        try:
            message = _decode(stream.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise malformed(fault) from fault
        key = key or key_of_new(message)
        request = request_of(message, kind, key, self.now_s())
        if message.pdu is None and is_timed(message) and self.gathering.server.serves_data(key):
            raise no_octets()  # a message of a running session need not say again that it is one of data

        def answered(found: list[Answer]) -> None:
            self.asking.pop(key, None)
            try:
                self._answer(stream, message, key, request, found[0])
            except Refused as refusal:
                self._refuse(stream, refusal)

        try:
            self.gathering.ask([request], answered)
        except TooBusy as busy:
            raise refusal_of(Result.TOO_BUSY) from busy
        self.asking[key] = client

    def _answer(self, stream: Stream, message: ChargingDataRequest, key: str, request: Request, answer: Answer) -> None:
        """Say what became of a message. Raises Refused."""
        if answer.result != Result.SUCCESS:
            if answer.result == Result.UNKNOWN_SESSION:
                self.notices.forget(key)
            refusal = refusal_of(answer.result)
            refusal.is_decided = True
            raise refusal
        if request.kind == Kind.TERMINATION:
            self.notices.forget(key)
            stream.answer(204)
            return
        if message.notify_uri is not None and not message.one_time_event:
            self.notices.remember(key, message.notify_uri)
        said = answers.response(request, answer, self._now(), self.final)
        if request.kind == Kind.UPDATE:
            stream.answer(200, _JSON, said)
            return
        about = stream.headers
        place = f"{about[':scheme']}://{about.get(':authority') or about.get('host', '')}{PATH}/{key}"
        stream.answer(201, _JSON + field("location", place), said)

    def _refuse(self, stream: Stream, refusal: Refused) -> None:
        problem = refusal.problem
        if not refusal.is_decided:
            self.meter.turn_down(problem.cause)
        stream.answer(problem.status, _PROBLEM + _MORE.get(problem.status, b""), encode(problem))

    def _now(self) -> str:
        second = self.now_s()
        if self._said_at[0] != second:
            self._said_at = (second, answers.moment(second))
        return self._said_at[1]


def _too_long() -> Refused:
    return Refused(413, "INCORRECT_LENGTH", "The message is too long.")


def _operation(method: str, path: str) -> tuple[Kind, str]:
    """Say what an address wants, and of which session. Raises Refused."""
    found = _ADDRESS.fullmatch(path)
    if found is not None and method == "POST":
        return _OPERATIONS[found[2]], found[1] or ""
    if not path.startswith(PATH):
        raise Refused(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", "Only charging data is here.")
    if method != "POST":
        raise Refused(405, "METHOD_NOT_ALLOWED", "Charging data are only ever posted.")
    if path.rpartition("/")[2] not in _OPERATIONS:
        raise Refused(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", "Charging data can be updated and released.")
    raise refusal_of(Result.UNKNOWN_SESSION)
