"""One connection to a Diameter peer: who it is, whether it may ask, and what the rarer messages are answered.

Source: RFC 6733 sections 5 (peers), 7 (faults); result codes per TS 32.299.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import structlog

from openboss.access.network.diameter import avps
from openboss.access.network.diameter.avps import Malformed, Message, address, avp, message, read_message
from openboss.access.network.diameter.homes import Home
from openboss.access.network.diameter.known_avps import wanted_length
from openboss.modules.charging.engine.online.meter import Meter

MOST_WAITING = 4 << 20  # bytes of one peer that wait; then it must wait too
MOST_UNREAD = 1 << 20  # bytes of answers that a peer has not taken; then nothing of it is read any more
STALLED_S = 30.0  # for so long a peer may leave its answers lying
GREETING_S = 10.0  # for so long a connection may say nothing
WATCH_S, JITTER_S = 30.0, 2.0  # of silence: then a peer is asked whether it is there (RFC 3539 3.4.1: Tw)
LATE_S = 0.5  # so late this process itself was busy, and has not read what came meanwhile
PRODUCT = "OpenBOSS"
NONSENSE = "NONSENSE"  # how what is no Diameter is counted: it has no answer
TOO_MANY = "TOO MANY"  # how a connection is counted that there is no place for

log = structlog.get_logger("diameter")


@dataclass(frozen=True)
class Identity:
    """Who we are to our peers, and who may connect: `admits(host, realm, address, certificate)`."""

    host: str
    realm: str
    state_id: int
    admits: Callable[[str, str, str, Mapping[str, Any] | None], bool]
    final_unit: bytes = avps.final_unit("TERMINATE", "")  # what becomes of services whose last quota is used up

    def named(self) -> bytes:
        """Origin-Host and Origin-Realm."""
        return avp(avps.ORIGIN_HOST, self.host) + avp(avps.ORIGIN_REALM, self.realm)


class Desk(Protocol):
    """Where a connection takes what has arrived."""

    loop: asyncio.AbstractEventLoop
    meter: Meter

    def joined(self, peer: Peer) -> bool:
        """A connection is there; say whether it may stay."""

    def welcomed(self, peer: Peer) -> None:
        """A peer has introduced itself and may ask."""

    def left(self, peer: Peer) -> None:
        """A connection is gone."""

    def answered(self, answer: Message) -> None:
        """A peer answers something we said ourselves."""

    def says_state(self, host: str, state_id: int) -> None:
        """A peer tells in which of its lives it is (Origin-State-Id)."""

    def next_sequence(self) -> int:
        """A number for a message of our own."""

    def wake(self, peer: Peer) -> None:
        """Bytes have arrived."""

    def prepare(self) -> None:
        """A peer introduces itself: be ready to serve before it is welcomed."""


class Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, identity: Identity, desk: Desk) -> None:
        self.identity, self.desk = identity, desk
        self.inbox = bytearray()
        self.transport: asyncio.Transport | None = None
        self.host, self.realm = "", ""
        self.number, self.relays = 0, False  # among the connections of this process; whether it hands on to others
        self.address, self.is_tls = "", False  # where the connection comes from
        self.is_welcome = False
        self.is_stalled = False  # it does not take its answers
        self.messages, self.heard_at_s = 0, 0  # of it that were read, and the second of the last one
        self._is_paused = False
        self._leaves: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._alive_at_s = self._look_due_s = 0.0
        self._unanswered = 0  # watchdogs in a row: 1 = it is suspect when the next one is due

    # --- asyncio -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen, if the peer is still there."""
        line = cast(asyncio.Transport, transport)  # uvloop's own is one, but not of asyncio's class
        place = line.get_extra_info("peername")
        if place is None:  # it reset the connection before we took it
            line.abort()
            return
        self.address, self.is_tls = place[0], line.get_extra_info("sslcontext") is not None
        self.transport = line
        if not self.desk.joined(self):
            self.transport = None
            line.abort()
            return
        line.set_write_buffer_limits(MOST_UNREAD)
        self._leaves = self.desk.loop.call_later(GREETING_S, self.let_go)

    def data_received(self, data: bytes) -> None:
        """Keep what has arrived; a peer that floods is not read from until its messages are answered."""
        self.inbox += data
        self._alive_at_s, self._unanswered = self.desk.loop.time(), 0
        if len(self.inbox) > MOST_WAITING and self.transport:
            self.transport.pause_reading()
            self._is_paused = True
        self.desk.wake(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; sessions stay, their peer may come back or ask by another way."""
        if self.is_welcome:
            log.info("peer gone", peer=self.host, why=str(exc or "closed"))
        was_there, self.transport = self.transport is not None, None
        self._stays()
        if self._watch is not None:
            self._watch.cancel()
        if was_there:
            self.desk.left(self)

    def pause_writing(self) -> None:
        """A peer does not take its answers: read nothing more of it, and let it go if that lasts."""
        self.is_stalled = True
        if self.transport:
            self.transport.pause_reading()
        self._leaves = self.desk.loop.call_later(STALLED_S, self.let_go)

    def resume_writing(self) -> None:
        """The answers have gone out: what has arrived meanwhile is next."""
        self.is_stalled = False
        self._stays()
        if self.transport and not self._is_paused:
            self.transport.resume_reading()
        self.desk.wake(self)

    def _stays(self) -> None:
        if self._leaves is not None:
            self._leaves.cancel()

    # --- for the desk --------------------------------------------------------------------------------------------

    def taken(self, count: int) -> None:
        """Forget bytes that were read."""
        del self.inbox[:count]
        if self._is_paused and len(self.inbox) < MOST_WAITING // 2:
            self._is_paused = False
            if self.transport and not self.is_stalled:
                self.transport.resume_reading()

    def send(self, data: bytes) -> None:
        """Send, if the peer is still there."""
        if self.transport:
            self.transport.write(data)

    def close(self) -> None:
        """End the connection after what was sent has gone out."""
        self.is_welcome = False
        if self.transport:
            self.transport.close()

    def let_go(self, *, why: str = "") -> None:
        """End the connection at once: nobody takes what was sent."""
        if self.transport:
            log.warning("peer let go", peer=self.host, why=why or ("takes no answers" if self.host else "silent"))
            self.transport.abort()

    @property
    def hears(self) -> bool:
        """Whether something can be said to it: it takes its answers, and answers watchdogs (RFC 3539: not SUSPECT)."""
        return self.is_welcome and self.transport is not None and not self.is_stalled and self._unanswered < 2

    def speaks_for(self, host: bytes) -> bool:
        """Whether it may say how another fares: a relay, of those behind it."""
        return self.relays or host == self.host.encode()

    def introduce(self) -> None:
        """Read a new peer's first message: it must say what it can. Anything else ends the connection."""
        if self.transport is None or len(self.inbox) < 4:
            return
        length = int.from_bytes(self.inbox[1:4], "big")
        if self.inbox[0] != 1 or not 20 <= length <= 1 << 14:
            self._hang_up()
            return
        if len(self.inbox) < length:
            return
        data = bytes(self.inbox[:length])
        self.taken(length)
        try:
            request = read_message(data)
        except Malformed:
            self._hang_up()
            return
        if request.command != avps.CAPABILITIES or not request.is_request:
            self._hang_up()
            return
        self._welcome(request)

    def _hang_up(self) -> None:
        """End a connection that speaks something else."""
        self.desk.meter.turn_down(NONSENSE)
        self.close()

    def is_admitted(self) -> bool:
        """Whether the peer may ask, as things stand now."""
        if self.transport is None:
            return False
        return self.identity.admits(self.host, self.realm, self.address, self.transport.get_extra_info("peercert"))

    def _welcome(self, request: Message) -> None:
        self.host = (request.first(avps.ORIGIN_HOST) or b"").decode("utf-8", "replace")
        self.realm = (request.first(avps.ORIGIN_REALM) or b"").decode("utf-8", "replace")
        if not self.host or not self.realm:
            missing = avps.ORIGIN_REALM if self.host else avps.ORIGIN_HOST
            self._answer(request, avps.MISSING_AVP, self._capabilities() + avp(avps.FAILED_AVP, avp(missing, b"")))
            self.close()
        elif not self.is_admitted():
            log.warning("unknown peer refused", peer=self.host)
            self.close()
        elif not _applications(request) & {avps.CREDIT_APPLICATION, avps.RELAY_APPLICATION}:
            self._answer(request, avps.NO_COMMON_APPLICATION, self._capabilities())
            self.close()
        else:
            self.desk.prepare()
            self._stays()
            self.is_welcome, self.relays = True, avps.RELAY_APPLICATION in _applications(request)
            self._answer(request, avps.SUCCESS, self._capabilities())
            log.info("peer welcome", peer=self.host)
            self._look_in(_watch_s())
            self._hear_state(request)
            self.desk.welcomed(self)

    def _hear_state(self, said: Message) -> None:
        state_id = said.number(avps.STATE_ID)
        if state_id:
            self.desk.says_state(self.host, state_id)

    def _look_in(self, seconds: float) -> None:
        self._look_due_s = self.desk.loop.time() + seconds
        self._watch = self.desk.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Ask a silent peer whether it is there; who does not answer twice has no line to us (RFC 3539 3.4.1)."""
        now_s = self.desk.loop.time()
        silent_s = now_s - self._alive_at_s
        is_unread = self._is_paused or self.is_stalled or now_s - self._look_due_s > LATE_S
        if silent_s < WATCH_S - JITTER_S or is_unread:  # what we do not read is no silence
            self._look_in(max(_watch_s() - silent_s, JITTER_S))
            return
        if self._unanswered == 2:
            self.let_go(why="answers no watchdog")
            return
        self._unanswered += 1
        if self._unanswered == 2:
            log.warning("peer suspect", peer=self.host)
            self.desk.left(self)
        sequence = self.desk.next_sequence()
        content = self.identity.named() + avp(avps.STATE_ID, self.identity.state_id)
        self.send(message(flags=avps.REQUEST, command=avps.WATCHDOG, application=0, hop=sequence, end=sequence,
                          avps=content))  # fmt: skip
        self._look_in(_watch_s())

    def _capabilities(self) -> bytes:
        assert self.transport is not None
        own = self.transport.get_extra_info("sockname")[0]
        return (
            avp(avps.HOST_IP, address(own.partition("%")[0]))
            + avp(avps.VENDOR_ID, 0)
            + avp(avps.PRODUCT_NAME, PRODUCT, flags=0)
            + avp(avps.STATE_ID, self.identity.state_id)
            + avp(avps.AUTH_APPLICATION, avps.CREDIT_APPLICATION)
        )

    def _answer(self, request: Message, result: int, more: bytes = b"") -> None:
        if result != avps.SUCCESS:
            self.desk.meter.turn_down(str(result))
        flags = request.flags & avps.PROXIABLE | (avps.ERROR if 3000 <= result < 4000 else 0)
        session = request.first(avps.SESSION_ID)
        content = avp(avps.SESSION_ID, session) if session else b""
        content += avp(avps.RESULT_CODE, result) + self.identity.named() + more
        content += b"".join(avp(avps.PROXY_INFO, value) for value in request.all(avps.PROXY_INFO))
        self.send(message(flags=flags, command=request.command, application=request.application, hop=request.hop,
                          end=request.end, avps=content))  # fmt: skip

    def handle(self, data: bytes) -> None:
        """Answer a message that is not of credit control."""
        try:
            request = read_message(data)
        except Malformed:
            head = Message(data[4], int.from_bytes(data[5:8], "big"), int.from_bytes(data[8:12], "big"),
                           int.from_bytes(data[12:16], "big"), int.from_bytes(data[16:20], "big"), [])  # fmt: skip
            if head.is_request:
                self._answer(head, avps.INVALID_LENGTH)
            return
        if not request.is_request:
            self.desk.answered(request)
            return
        if request.flags & avps.ERROR:
            self._answer(request, avps.INVALID_BITS)
        elif request.command == avps.WATCHDOG:
            self._hear_state(request)
            self._answer(request, avps.SUCCESS, avp(avps.STATE_ID, self.identity.state_id))
        elif request.command == avps.DISCONNECT:
            self._answer(request, avps.SUCCESS)
            self.close()
        elif request.command == avps.CAPABILITIES:
            self._answer(request, avps.SUCCESS, self._capabilities())
        else:
            self._answer(request, avps.COMMAND_UNSUPPORTED)

    def refuse(self, data: bytes, result: int, fault_at: int, fault: bytes) -> None:
        """Answer a credit-control request that cannot be carried out, with the AVP that is to blame.

        fault_at  below zero: minus the code of an AVP that is missing or wrong as a whole
        """
        try:
            request = read_message(data)
        except Malformed:
            request = Message(data[4], avps.CREDIT_CONTROL, avps.CREDIT_APPLICATION,
                              int.from_bytes(data[12:16], "big"), int.from_bytes(data[16:20], "big"), [])  # fmt: skip
        more = avp(avps.AUTH_APPLICATION, avps.CREDIT_APPLICATION)
        for code in (avps.CC_TYPE, avps.CC_NUMBER):
            found = request.number(code)
            more += avp(code, found) if found is not None else b""
        if fault_at < 0:
            fault = avp(-fault_at, bytes(4))
        elif result == avps.INVALID_LENGTH:
            fault = _with_zeros(fault)
        if fault:
            more += avp(avps.FAILED_AVP, fault + bytes(-len(fault) % 4))
        self._answer(request, result, more)

    def tell(self, home: Home, *, ends: bool, hop: int, end: int, is_repeated: bool) -> None:
        """Ask the network to come again with a session, something has changed (RAR), or to end it (ASR)."""
        content = (
            avp(avps.SESSION_ID, home.session_id)
            + self.identity.named()
            + avp(avps.DESTINATION_REALM, home.realm)
            + avp(avps.DESTINATION_HOST, home.host)
            + avp(avps.AUTH_APPLICATION, avps.CREDIT_APPLICATION)
            + (b"" if ends else avp(avps.RE_AUTH_TYPE, 0))
        )
        flags = avps.REQUEST | avps.PROXIABLE | (avps.REPEATED if is_repeated else 0)
        self.send(message(flags=flags, command=avps.ABORT_SESSION if ends else avps.RE_AUTH,
                          application=avps.CREDIT_APPLICATION, hop=hop, end=end, avps=content))  # fmt: skip

    def say_goodbye(self, sequence: int, cause: int = avps.REBOOTING) -> None:
        """Tell the peer that this node stops, or why else it ends the connection (Disconnect-Peer-Request)."""
        if self.is_welcome:
            content = self.identity.named() + avp(avps.CAUSE, cause)
            self.send(message(flags=avps.REQUEST, command=avps.DISCONNECT, application=0, hop=sequence, end=sequence,
                              avps=content))  # fmt: skip
        self.close()


def _watch_s() -> float:
    """Until when a peer may be silent: not all are asked at the same moment."""
    return WATCH_S + random.uniform(-JITTER_S, JITTER_S)


def _with_zeros(avp_of_wrong_length: bytes) -> bytes:
    """The AVP to blame as an answer names it: its head, and as many zeros as its value must have (RFC 6733 7.1.5)."""
    size = 12 if avp_of_wrong_length[4:5] >= b"\x80" else 8
    head = avp_of_wrong_length[:size].ljust(size, b"\0")
    code, vendor = int.from_bytes(head[:4], "big"), int.from_bytes(head[8:], "big")
    value = bytes(wanted_length.py_func(code, vendor))
    return head[:5] + (size + len(value)).to_bytes(3, "big") + head[8:] + value


def _applications(request: Message) -> set[int]:
    """The applications a peer says it can do, also those it names with a vendor."""
    found = set()
    for value in request.all(avps.AUTH_APPLICATION) + request.all(avps.ACCT_APPLICATION):
        found.add(int.from_bytes(value, "big"))
    for group in request.all(avps.VENDOR_APPLICATION):
        try:
            inner = list(avps.read_avps(group))
        except Malformed:
            continue
        found |= {int.from_bytes(value, "big") for code, _vendor, value in inner if code == avps.AUTH_APPLICATION}
    return found
