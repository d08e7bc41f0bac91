"""The resource of charging data and its operations: create, update, release (TS 32.291 clause 6.1).

A request is read and checked at once, then waits with all the others for the engine's next group. The name of a
session in an address is its key in the engine, so that nothing has to be remembered to find it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import structlog

from openboss.access.network.gathering import Answer, Gathering, Request, TooBusy
from openboss.access.network.nchf import answers
from openboss.access.network.nchf.answers import Refused, encode, malformed, refusal_of
from openboss.access.network.nchf.reading import key_of_new, requests_of
from openboss.access.network.nchf.schema import ChargingDataRequest, FinalUnitIndication
from openboss.modules.charging.engine.online.meter import Meter
from openboss.modules.charging.engine.online.requests import Kind, Result

PATH = "/nchf-convergedcharging/v3/chargingdata"
LONGEST_MESSAGE = 1 << 18
_JSON, _PROBLEM = ("content-type", "application/json"), ("content-type", "application/problem+json")
_KEY_LENGTH = 32
TERMINATE = answers.final_unit()
_OPERATIONS = {"update": Kind.UPDATE, "release": Kind.TERMINATION}
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

    async def __call__(self, scope: Any, protocol: Any) -> None:
        """Answer one HTTP request (RSGI)."""
        try:
            client = self.client_of(scope.client, scope.headers.get("authorization") or "")
            if not client:
                raise Refused(401, "UNAUTHORIZED", "Nobody wrote this client down, or it shows another key.")
            kind, key = self._operation(scope)
            status, headers, body = await self._charge(kind, key, client, scope, await _body(scope, protocol))
        except Refused as refusal:
            problem = refusal.problem
            if not refusal.is_decided:
                self.meter.turn_down(problem.cause)
            protocol.response_bytes(problem.status, [_PROBLEM, *_extra(problem.status)], encode(problem))
        else:
            protocol.response_bytes(status, headers, body)

    def _operation(self, scope: Any) -> tuple[Kind, str]:
        """Say what an address wants, and of which session. Raises Refused."""
        if not scope.path.startswith(PATH):
            raise Refused(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", "Only charging data is here.")
        if scope.method != "POST":
            raise Refused(405, "METHOD_NOT_ALLOWED", "Charging data are only ever posted.")
        if scope.path == PATH:
            return Kind.INITIAL, ""
        key, _, verb = scope.path[len(PATH) + 1 :].partition("/")
        if verb not in _OPERATIONS:
            raise Refused(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", "Charging data can be updated and released.")
        if len(key) != _KEY_LENGTH or not set(key) <= set("0123456789abcdef"):
            raise refusal_of(Result.UNKNOWN_SESSION)
        return _OPERATIONS[verb], key

    async def _charge(self, kind: Kind, key: str, client: str, scope: Any, body: bytes) -> tuple[int, list[Any], bytes]:
        """Have a message charged; return status, headers and body of the answer. Raises Refused."""
        try:
            message = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise malformed(fault) from fault
        key = key or key_of_new(message)
        requests = requests_of(message, kind, key, self.now_s())
        self.asking[key] = client
        try:
            request, answer = requests[0], _whole(await self._decided(requests))
        finally:
            self.asking.pop(key, None)
        if answer.result != Result.SUCCESS:
            if answer.result == Result.UNKNOWN_SESSION:
                self.notices.forget(key)
            refusal = refusal_of(answer.result)
            refusal.is_decided = True
            raise refusal
        if kind == Kind.TERMINATION:
            self.notices.forget(key)
            return 204, [], b""
        if message.notify_uri is not None and not message.one_time_event:
            self.notices.remember(key, message.notify_uri)
        said = answers.response(request, answer, self._now(), self.final)
        if kind == Kind.UPDATE:
            return 200, [_JSON], said
        return 201, [_JSON, ("location", f"{scope.scheme}://{scope.authority}{PATH}/{key}")], said

    async def _decided(self, requests: list[Request]) -> list[Answer]:
        decided: asyncio.Future[list[Answer]] = self.gathering.loop.create_future()

        def answered(found: list[Answer]) -> None:
            if not decided.done():  # else the client went away meanwhile; what it asked is done
                decided.set_result(found)

        try:
            self.gathering.ask(requests, answered)
        except TooBusy as busy:
            raise refusal_of(Result.TOO_BUSY) from busy
        return await decided

    def _now(self) -> str:
        second = self.now_s()
        if self._said_at[0] != second:
            self._said_at = (second, answers.moment(second))
        return self._said_at[1]


def _whole(found: list[Answer]) -> Answer:
    """The answer to a message of one request, or of an opening and an end that are one event.

    An event sent again finds its end answered before: then it was carried out.
    """
    return found[1] if len(found) > 1 and found[1].is_repeat else found[0]


async def _body(scope: Any, protocol: Any) -> bytes:
    """Read a message that is not too long. Raises Refused."""
    kind = scope.headers.get("content-type") or ""
    if not kind.startswith("application/json"):
        raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", "Charging data are JSON.")
    length = scope.headers.get("content-length") or ""
    if length.isdecimal() and int(length) <= LONGEST_MESSAGE:
        return await protocol()
    data = bytearray()
    async for piece in protocol:
        data += piece
        if len(data) > LONGEST_MESSAGE:
            raise Refused(413, "INCORRECT_LENGTH", "The message is too long.")
    return bytes(data)


def _extra(status: int) -> list[tuple[str, str]]:
    return {401: [("www-authenticate", "Bearer")], 405: [("allow", "POST")], 503: [("retry-after", "1")]}.get(
        status, []
    )
