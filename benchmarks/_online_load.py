"""A network at work: sessions of I + 3 U + T over several connections at an offered rate, in a process of its own.

Open loop: a request is due at its moment whether or not the answers before it have come, and its latency counts from
that moment. A session's next request waits for the answer to its last one, as a gateway's does; the wait counts.
Requests are copies of templates with numbers written into them, answers are looked through for their place, session
and result; both compiled, so that the generator leaves the cores to what is measured.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numba import njit

import openboss  # noqa: F401 -- points numba at its cache first
from openboss.access.network.diameter import avps
from openboss.access.network.diameter.avps import avp, message

PREFIXES = Path(__file__).parents[1] / "example" / "reference" / "number_prefixes.csv"
NUMBERS_A_PREFIX = 10_000
STEPS = 5  # I + 3 U + T
KINDS = ("data", "two services", "call", "long distance")
MIX = (1, 0, 2, 0, 0, 2, 0, 0, 3, 0)  # what ten sessions after one another are, places in KINDS
SECOND = 7  # of ten: belongs to the user of the session some places before, which is still open
APART = 101  # so many places before
MB = 1024 * 1024
BUCKET_US, BUCKETS = 5, 400_000
ROOM = 1 << 20
RESTS_S = 0.0002  # between two looks at the sockets
ENDS_WITHIN_S = 5
RESULTS = 6000
SECONDS = 120  # looked at one by one
MOST_SESSIONS = 200_000_000  # of one connection
THREE_GPP = struct.pack(">I", 10415)


class Templates(NamedTuple):
    """Requests with places to write numbers into: by kind of session and step."""

    data: np.ndarray  # u8[kinds * STEPS, longest]
    length: np.ndarray  # i64[kinds * STEPS]
    session_at: np.ndarray  # i64: ten digits
    number_at: np.ndarray  # i64: thirteen digits
    numbers: np.ndarray  # i64[users]
    mix: np.ndarray  # i64[10]
    apart: int  # sessions between the first and the second of one user


class Line(NamedTuple):
    """One connection's sessions: slots, each with a session at some step."""

    session: np.ndarray  # i64[slots]
    step: np.ndarray  # i64[slots]
    due_ns: np.ndarray  # i64[slots]: when its last request was due; 0 = nothing is on its way
    turn: np.ndarray  # i64[4]: slot whose turn it is, requests sent, rounds, next session
    latencies: np.ndarray  # i64[2, BUCKETS]: of requests that open sessions, and of others
    results: np.ndarray  # i64[2, RESULTS]: likewise
    counts: np.ndarray  # i64[4]: answers, for somebody else, services granted, answers after their round
    by_second: np.ndarray  # i64[seconds]: the longest a running session waited for what was due in it, in us


def numbers_of(users: int) -> np.ndarray:
    """The numbers of users 1, 2, ...: of the operator's own segments, one after the other."""
    known = pl.read_csv(PREFIXES, schema_overrides={"prefix": pl.String}).filter(
        (pl.col("prefix").str.len_chars() == 7) & (pl.col("net") == "OWN_MOBILE")
    )
    firsts = known["prefix"].cast(pl.Int64).sort().to_numpy() * NUMBERS_A_PREFIX + 8_600_000_000_000
    ids = np.arange(users)
    return firsts[ids // NUMBERS_A_PREFIX] + ids % NUMBERS_A_PREFIX


def _vendor(code: int, value: bytes) -> bytes:
    return struct.pack(">II", code, 0xC0 << 24 | 12 + len(value)) + THREE_GPP + value + bytes(-len(value) % 4)


def _request(kind: str, step: int) -> bytes:
    """Lay out one request: a gateway's with one rating group or two, or a call's next door or far away."""
    is_data, last = kind in ("data", "two services"), step == STEPS - 1
    content = avp(avps.SESSION_ID, "gw.load;0000000000;online") + avp(avps.ORIGIN_HOST, "gw.load")
    content += avp(avps.ORIGIN_REALM, "load") + avp(avps.DESTINATION_REALM, "openboss.invalid")
    content += avp(avps.AUTH_APPLICATION, avps.CREDIT_APPLICATION)
    content += avp(461, "32251@3gpp.org" if is_data else "32260@3gpp.org")
    content += avp(avps.CC_TYPE, 1 if step == 0 else 3 if last else 2) + avp(avps.CC_NUMBER, step)
    content += avp(443, avp(450, 0) + avp(444, "8600000000000"))
    used = b""
    if step > 0:
        seconds = 1 if last else 60
        octets = (MB // 3 if last else 4 * MB + 321).to_bytes(8, "big")
        used = avp(446, avp(421, octets) if is_data else avp(420, seconds))
    service = used + (b"" if last else avp(437, b""))
    if is_data:
        content += avp(455, 1) + avp(456, service + avp(432, 100))
        content += avp(456, service + avp(432, 200)) if kind == "two services" else b""
        content += _vendor(873, _vendor(874, avp(30, "cmnet", flags=0)))
    else:
        content += service
        called = b"tel:+8613571000001" if kind == "call" else b"tel:+8613001000001"
        content += _vendor(873, _vendor(876, _vendor(829, bytes(4)) + _vendor(832, called)))
    return message(flags=0xC0, command=272, application=4, hop=0, end=0, avps=content)


def templates(users: int, apart: int = APART) -> Templates:
    """Every request a session makes, and whose they are."""
    found = [_request(kind, step) for kind in KINDS for step in range(STEPS)]
    data = np.zeros((len(found), max(map(len, found))), np.uint8)
    for row, request in enumerate(found):
        data[row, : len(request)] = np.frombuffer(request, np.uint8)
    return Templates(
        data,
        np.array([len(request) for request in found]),
        np.array([request.index(b"0000000000") for request in found]),
        np.array([request.index(b"8600000000000") for request in found]),
        numbers_of(users),
        np.array(MIX),
        apart,
    )


@njit
def _put_digits(out: np.ndarray, at: int, count: int, number: int) -> None:
    for place in range(at + count - 1, at - 1, -1):
        out[place] = 48 + number % 10
        number //= 10


@njit
def _put32(out: np.ndarray, at: int, value: int) -> None:
    out[at], out[at + 1] = value >> 24 & 255, value >> 16 & 255
    out[at + 2], out[at + 3] = value >> 8 & 255, value & 255


@njit
def number_of(made: Templates, session: int) -> int:
    """Walk through all users before one comes again, but for those who have two sessions open."""
    if session % 10 == SECOND and session >= made.apart:
        session -= made.apart
    return made.numbers[session * 7919 % len(made.numbers)]


@njit
def write_due(
    line: Line, made: Templates, until: int, began_ns: int, gap_ns: float, is_ending: bool, out: np.ndarray
) -> int:
    """Write the requests that are due; return the bytes. Stops where a session still waits for its answer.

    is_ending  no sessions begin any more
    """
    at, slots, seen = 0, len(line.session), 0
    while line.turn[1] < until and at + made.data.shape[1] <= len(out) and seen < slots:
        slot, seen = line.turn[0], seen + 1
        if line.due_ns[slot] != 0:
            break
        line.turn[0] = (slot + 1) % slots
        if line.turn[0] == 0:
            line.turn[2] += 1
        if line.turn[2] < STEPS and slot % STEPS > line.turn[2]:
            continue  # sessions begin in different rounds, so that all steps are under way at any moment
        session = line.session[slot]
        if session < 0:
            if is_ending:
                continue
            session = line.turn[3]
            line.turn[3] += 1
            line.session[slot], line.step[slot] = session, 0
        step = line.step[slot]
        row = made.mix[session % 10] * STEPS + step
        for i in range(made.length[row]):
            out[at + i] = made.data[row, i]
        _put32(out, at + 12, slot)
        _put32(out, at + 16, session & 0xFFFFFFFF)
        _put_digits(out, at + made.session_at[row], 10, session)
        _put_digits(out, at + made.number_at[row], 13, number_of(made, session))
        at += made.length[row]
        line.due_ns[slot] = began_ns + np.int64(line.turn[1] * gap_ns)
        line.turn[1] += 1
    return at


@njit
def _be32(data: np.ndarray, at: int) -> int:
    return (
        np.int64(data[at]) << 24 | np.int64(data[at + 1]) << 16 | np.int64(data[at + 2]) << 8 | np.int64(data[at + 3])
    )


@njit
def read_answers(line: Line, data: np.ndarray, stop: int, now_ns: int, began_ns: int, measured_ns: int) -> int:
    """Look through whole answers; return where the first half one begins. Latencies count if due after a moment."""
    at = 0
    while stop - at >= 20:
        length = _be32(data, at) & 0xFFFFFF
        if stop - at < length:
            break
        if _be32(data, at + 4) & 0xFFFFFF != 272:
            at += length
            continue
        slot, session = _be32(data, at + 12), _be32(data, at + 16)
        result, granted, place = 0, 0, at + 20
        while place < at + length:
            code, size = _be32(data, place), _be32(data, place + 4) & 0xFFFFFF
            if code == 268:
                result = _be32(data, place + 8)
            elif code == 456 or code == 431:
                granted = 1
            elif code == 263:
                named = 0
                for i in range(place + 16, place + 26):
                    named = named * 10 + data[i] - 48
                if named != session:
                    line.counts[1] += 1
            place += (size + 3) // 4 * 4
        at += length
        if slot >= len(line.session) or line.session[slot] != session or line.due_ns[slot] == 0:
            line.counts[1] += 1
            continue
        runs, waited_us = min(line.step[slot], 1), (now_ns - line.due_ns[slot]) // 1000
        second = (line.due_ns[slot] - began_ns) // 1_000_000_000
        if runs == 1 and second < len(line.by_second):
            line.by_second[second] = max(line.by_second[second], waited_us)
        if line.due_ns[slot] >= measured_ns:
            line.latencies[runs, min(waited_us // BUCKET_US, BUCKETS - 1)] += 1
            line.results[runs, min(result, RESULTS - 1)] += 1
            line.counts[2] += granted
            line.counts[0] += 1
        else:
            line.counts[3] += 1
        line.due_ns[slot] = 0
        line.step[slot] += 1
        if result != 2001 or line.step[slot] == STEPS:
            line.session[slot] = -1
    return at


class Connection:
    """A socket with its sessions."""

    def __init__(self, port: int, number: int, slots: int, first_session: int, made: Templates) -> None:
        self.made = made
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._introduce(number)
        self.socket.setblocking(False)
        self.line = Line(
            np.full(slots, -1, np.int64), np.zeros(slots, np.int64), np.zeros(slots, np.int64),
            np.array([0, 0, 0, first_session]), np.zeros((2, BUCKETS), np.int64), np.zeros((2, RESULTS), np.int64),
            np.zeros(4, np.int64), np.zeros(SECONDS, np.int64),
        )  # fmt: skip
        self._out, self._into = np.zeros(ROOM, np.uint8), np.zeros(4 * ROOM, np.uint8)
        self._unsent, self._have = b"", 0

    def _introduce(self, number: int) -> None:
        content = avp(avps.ORIGIN_HOST, f"gw{number}.load") + avp(avps.ORIGIN_REALM, "load")
        content += avp(avps.HOST_IP, avps.address("127.0.0.1")) + avp(avps.VENDOR_ID, 0)
        content += avp(avps.PRODUCT_NAME, "load", flags=0) + avp(avps.AUTH_APPLICATION, 4)
        self.socket.sendall(message(flags=0x80, command=257, application=0, hop=1, end=1, avps=content))
        self.socket.settimeout(120)
        head = self.socket.recv(4)
        left = int.from_bytes(head[1:], "big") - 4
        while left > 0:
            left -= len(self.socket.recv(left))

    def send(self, until: int, began_ns: int, gap_ns: float, *, is_ending: bool = False) -> None:
        """Send what is due."""
        if not self._unsent:
            size = write_due(self.line, self.made, until, began_ns, gap_ns, is_ending, self._out)
            self._unsent = self._out[:size].tobytes()
        if self._unsent:
            try:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
            except BlockingIOError:
                return

    def receive(self, began_ns: int, measured_ns: int) -> None:
        """Take what has come."""
        try:
            count = self.socket.recv_into(memoryview(self._into)[self._have :])
        except BlockingIOError:
            return
        if count == 0:
            raise SystemExit("the engine has closed the connection")
        self._have += count
        reached = read_answers(self.line, self._into, self._have, time.monotonic_ns(), began_ns, measured_ns)
        if reached:
            rest = self._have - reached
            self._into[:rest] = self._into[reached : self._have].copy()
            self._have = rest


def percentile_ms(latencies: np.ndarray, share: float) -> float:
    """The latency that so many of all stay below."""
    if not latencies.sum():
        return 0.0
    return float((np.searchsorted(np.cumsum(latencies), share * latencies.sum()) + 1) * BUCKET_US / 1000)


def _share(results: np.ndarray, code: int) -> float:
    return round(float(results[code]) / max(int(results.sum()), 1), 4)


def run(given: argparse.Namespace) -> dict[str, object]:
    """Offer a rate for some seconds after a warm-up; say what came back."""
    made = templates(given.users)
    slots = max(int(given.rate * given.think / given.connections), 50)
    apart = MOST_SESSIONS // given.users * given.users + given.users // given.connections  # of other users each
    lines = [Connection(given.port, n, slots, given.first_session + n * apart, made) for n in range(given.connections)]
    gap_ns = given.connections * 1e9 / given.rate
    for one in lines:  # compiled before the clock runs
        write_due(one.line, made, 0, 0, gap_ns, False, one._out)
        read_answers(one.line, one._into, 0, 0, 0, 0)
    began_ns = time.monotonic_ns()
    measured_ns = began_ns + int(given.warm * 1e9)
    stop_ns = measured_ns + int(given.seconds * 1e9)
    cpu = 0.0
    while (now_ns := time.monotonic_ns()) < stop_ns:
        if not cpu and now_ns >= measured_ns:
            cpu = time.process_time()
        until = int((now_ns - began_ns) / gap_ns)
        for one in lines:
            one.send(until, began_ns, gap_ns)
            one.receive(began_ns, measured_ns)
        time.sleep(RESTS_S)
    cpu = time.process_time() - cpu
    _end(lines, began_ns, gap_ns)
    by_kind = sum((one.line.latencies for one in lines), np.zeros((2, BUCKETS), np.int64))
    results_by_kind = sum((one.line.results for one in lines), np.zeros((2, RESULTS), np.int64))
    latencies, results = by_kind.sum(axis=0), results_by_kind.sum(axis=0)
    counts = sum((one.line.counts for one in lines), np.zeros(4, np.int64))
    longest_us = np.max([one.line.by_second for one in lines], axis=0)[: int(given.warm + given.seconds)]
    return {
        "offered_per_s": given.rate,
        "answered_per_s": round(int(counts[0]) / given.seconds),
        "answered_share": round(int(counts[0]) / given.seconds / given.rate, 3),
        "shed_share": _share(results, 3004),
        "shed_of_running": _share(results_by_kind[1], 3004),
        "refused_share": round(1 - _share(results, 2001) - _share(results, 3004), 4),
        "p50_ms": round(percentile_ms(latencies, 0.5), 2),
        "p99_ms": round(percentile_ms(latencies, 0.99), 2),
        "p999_ms": round(percentile_ms(latencies, 0.999), 2),
        "running_p99_ms": round(percentile_ms(by_kind[1], 0.99), 2),
        "results": {str(code): int(results[code]) for code in np.flatnonzero(results)},
        "misdelivered": int(counts[1]),
        "granted": int(counts[2]),
        "sessions": slots * given.connections,
        "generator_cpu": round(cpu / given.seconds, 2),
        "answered_in_all": int(counts[0] + counts[3]),
        "began_ns": began_ns,
        "longest_ms": [int(us) // 1000 for us in longest_us],
    }


def _end(lines: list[Connection], began_ns: int, gap_ns: float) -> None:
    """Bring the sessions under way to their end, so that whoever measures next finds users without any."""
    give_up_ns = time.monotonic_ns() + ENDS_WITHIN_S * 1_000_000_000
    while any((one.line.session >= 0).any() for one in lines) and (now_ns := time.monotonic_ns()) < give_up_ns:
        for one in lines:
            one.send(int((now_ns - began_ns) / gap_ns), began_ns, gap_ns, is_ending=True)
            one.receive(began_ns, give_up_ns)
        time.sleep(RESTS_S)


def main() -> None:
    """Read the arguments, be the network, print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warm", type=float, default=3)
    parser.add_argument("--think", type=float, default=0.5, help="seconds between two requests of a session")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--first-session", type=int, default=0)
    print(json.dumps(run(parser.parse_args())))


if __name__ == "__main__":
    main()
