"""A session function at work: sessions of create + 3 updates + release over several HTTP/2 connections, in a process
of its own, with frames written and read by hand so that it leaves the cores to what is measured.

Open loop: a request is due at its moment whether or not the answers before it have come, and its latency counts from
that moment. A session's next request waits for the answer to its last one, and goes to the address the first answer
named. Only what succeeded (:status 2xx) counts as answered; the rest is counted by its status. Bodies are what a
session function sends; headers are literals of HPACK without its tables, so every request stands for itself.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import struct
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from benchmarks._online_load import numbers_of

PATH = "/nchf-convergedcharging/v3/chargingdata"
STEPS = ("", "/update", "/update", "/update", "/release")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING = 0, 1, 4, 6
END_STREAM, END_HEADERS, ACK = 1, 4, 1
LARGE = 2**31 - 1 - 65_535
KNOWN_STATUS = {0x88: 200, 0x89: 204, 0x8C: 400, 0x8D: 404, 0x8E: 500}  # what HPACK says in one byte
KEY_LENGTH = 32
MB = 1024 * 1024
SOMEBODY, SOMETIME = 8613900000000, "2026-01-01T00:00:00.000000Z"  # stand for whose it is and when in a body


def frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    """One HTTP/2 frame."""
    return struct.pack(">I", len(content))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + content


def _literal(index: bytes, value: bytes) -> bytes:
    assert len(value) < 127
    return index + bytes((len(value),)) + value


def status_of(block: bytes) -> int:
    """Read the status at the beginning of an answer's headers, as our server writes it."""
    if block[0] & 0x80:
        return KNOWN_STATUS[block[0]]
    assert block[0] & 0x0F == 8 and block[1] == 3, block  # :status, three signs
    return int(block[2:5])


def body_of(number: int, step: int, at: str) -> bytes:
    """What a session function says at a step of a user's session."""
    return BODIES[step].replace(str(SOMEBODY).encode(), str(number).encode()).replace(SOMETIME.encode(), at.encode())


def _body(step: int, number: int = SOMEBODY, at: str = SOMETIME) -> bytes:
    usage: dict[str, Any] = {"ratingGroup": 100}
    if step < len(STEPS) - 1:
        usage["requestedUnit"] = {"totalVolume": 10 * MB}
    if step:
        trigger = {"triggerType": "QUOTA_THRESHOLD", "triggerCategory": "IMMEDIATE_REPORT"}
        usage["usedUnitContainer"] = [
            {"localSequenceNumber": step, "quotaManagementIndicator": "ONLINE_CHARGING", "triggers": [trigger],
             "triggerTimestamp": at, "totalVolume": MB, "uplinkVolume": MB // 4, "downlinkVolume": MB * 3 // 4}
        ]  # fmt: skip
    said = {
        "subscriberIdentifier": "imsi-460001234567890",
        "nfConsumerIdentification": {
            "nFName": "0b6a2c55-54f1-4a3e-9c0c-1d8f0f6a7b21", "nFIPv4Address": "10.0.0.7", "nodeFunctionality": "SMF"
        },
        "invocationTimeStamp": at,
        "invocationSequenceNumber": step + 1,
        "notifyUri": "http://127.0.0.1:9/notices",
        "multipleUnitUsage": [usage],
        "pDUSessionChargingInformation": {
            "chargingId": 123456789,
            "userInformation": {"servedGPSI": f"msisdn-{number}"},
            "pduSessionInformation": {
                "pduSessionID": 5, "pduType": "IPV4", "ratType": "NR", "dnnId": "cmnet",
                "networkSlicingInfo": {"sNSSAI": {"sst": 1, "sd": "000001"}},
                "pduAddress": {"pduIPv4Address": "10.45.0.2"},
            },
        },
    }  # fmt: skip
    return json.dumps(said, separators=(",", ":")).encode()


BODIES = [_body(step) for step in range(len(STEPS))]


@dataclass
class Session:
    """One data session on its way."""

    number: int
    at: str
    key: str = ""
    step: int = 0
    status: int = 0  # of its last answer


@dataclass
class Line:
    """One connection."""

    socket: socket.socket
    authority: bytes
    stream: int = 1
    inbox: bytearray = field(default_factory=bytearray)
    outbox: bytearray = field(default_factory=bytearray)
    waiting: dict[int, tuple[Session, float]] = field(default_factory=dict)

    def introduce(self) -> None:
        """Begin HTTP/2, with windows no answer fills."""
        self.outbox += PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HIHI", 1, 0, 4, 2**31 - 1))
        self.outbox += frame(8, 0, 0, struct.pack(">I", LARGE))

    def ask(self, session: Session, due_s: float) -> None:
        """Send a session's next request."""
        body = body_of(session.number, session.step, session.at)
        path = f"{PATH}/{session.key}{STEPS[session.step]}" if session.step else PATH
        head = b"\x83\x86" + _literal(b"\x04", path.encode()) + _literal(b"\x01", self.authority)
        head += _literal(b"\x0f\x10", b"application/json") + _literal(b"\x0f\x0d", str(len(body)).encode())
        self.outbox += frame(HEADERS, END_HEADERS, self.stream, head) + frame(DATA, END_STREAM, self.stream, body)
        self.waiting[self.stream] = (session, due_s)
        self.stream += 2

    def send(self) -> None:
        """Send what the socket takes."""
        if self.outbox:
            try:
                sent = self.socket.send(self.outbox)
            except BlockingIOError:
                return
            del self.outbox[:sent]


class Load:
    """Everything that is on its way."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.rate, self.numbers = given.rate, numbers_of(given.users)
        self.picked = np.random.default_rng(given.first_session).integers(0, given.users, 1 << 20)
        self.begun = given.first_session
        self.selector = selectors.DefaultSelector()
        self.lines = [self._line(given.port) for _ in range(given.lines)]
        self.ready: deque[Session] = deque()
        self.most = given.lines * given.slots
        self.open = 0
        self.results: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.answered_in_all = 0

    def _line(self, port: int) -> Line:
        line = Line(socket.create_connection(("127.0.0.1", port)), f"127.0.0.1:{port}".encode())
        line.socket.setblocking(False)
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.introduce()
        line.send()
        self.selector.register(line.socket, selectors.EVENT_READ, line)
        time.sleep(0.2)  # the server says how much may be on its way: more than this load ever has
        return line

    def run(self, seconds: float) -> float:
        """Offer the rate for so long; return when the last answer that is counted came, in seconds."""
        began = time.perf_counter()
        sent = 0
        while (now := time.perf_counter() - began) < seconds:
            due = min(int(now * self.rate), sent + 256)
            while sent < due and (session := self._next()) is not None:
                self.lines[sent % len(self.lines)].ask(session, began + sent / self.rate)
                sent += 1
            for line in self.lines:
                line.send()
            for key, _events in self.selector.select(0.0005):
                self._read(key.data)
        return time.perf_counter() - began

    def _next(self) -> Session | None:
        if self.ready:
            return self.ready.popleft()
        if self.open >= self.most:
            return None
        self.open += 1
        self.begun += 1
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return Session(int(self.numbers[self.picked[self.begun % len(self.picked)]]), at)

    def _read(self, line: Line) -> None:
        data = line.socket.recv(1 << 18)
        assert data, "the connection was closed"
        now = time.perf_counter()
        inbox = line.inbox
        inbox += data
        at, size = 0, len(inbox)
        while size - at >= 9:
            length = inbox[at] << 16 | inbox[at + 1] << 8 | inbox[at + 2]
            stop = at + 9 + length
            if stop > size:
                break
            kind, flags = inbox[at + 3], inbox[at + 4]
            if kind <= HEADERS:
                stream = struct.unpack_from(">I", inbox, at + 5)[0]
                self._part(kind, line.waiting[stream][0], bytes(inbox[at + 9 : stop]))
                if flags & END_STREAM:
                    self._answered(line, stream, now)
            elif kind in (SETTINGS, PING) and not flags & ACK:
                line.outbox += frame(kind, ACK, 0, bytes(inbox[at + 9 : stop]) if kind == PING else b"")
            else:
                assert kind in (4, 6, 8), f"frame {kind}: {bytes(inbox[at:stop])!r}"
            at = stop
        del inbox[:at]

    def _part(self, kind: int, session: Session, content: bytes) -> None:
        if kind == DATA:
            self.results["granted"] += b'"grantedUnit"' in content
            return
        session.status = status_of(content)
        if session.status == 201:
            place = content.index(PATH.encode()) + len(PATH) + 1
            session.key = content[place : place + KEY_LENGTH].decode()

    def _answered(self, line: Line, stream: int, now: float) -> None:
        session, due_s = line.waiting.pop(stream)
        self.answered_in_all += 1
        session.step += 1
        if session.status >= 300:
            self.results[str(session.status)] += 1
            self.open -= 1
            return
        self.latencies.append(now - due_s)
        if session.step == len(STEPS):
            self.results["released"] += 1
            self.open -= 1
        else:
            self.results["could_be_granted"] += 1
            self.ready.append(session)


def main() -> None:
    """Offer the load; print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("port", 0), ("users", 1000), ("first-session", 0), ("lines", 4), ("slots", 256)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    load, began_s = Load(given), time.process_time()
    load.run(1.0)
    load.latencies.clear()
    load.results.clear()
    lasted_s = load.run(given.seconds)
    could_be_granted, granted = load.results.pop("could_be_granted", 0), load.results.pop("granted", 0)
    ranks = np.percentile(np.array(load.latencies or [0.0]) * 1000, [50, 99, 99.9]).round(2)
    print(
        json.dumps(
            {"answered_per_s": round(len(load.latencies) / lasted_s), "p50_ms": ranks[0], "p99_ms": ranks[1],
             "p999_ms": ranks[2], "granted_share": round(granted / max(could_be_granted, 1), 4), **load.results,
             "answered_in_all": load.answered_in_all,
             "generator_cpu": round((time.process_time() - began_s) / (lasted_s + 1), 2)}
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
