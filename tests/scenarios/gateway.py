"""A network that is answered or asks again: sessions of I + 3 U + T over two lines, every request until its answer.

What it was told it remembers, byte by byte: a request sent again with the T flag must be answered as it was before.
When a line is cut it calls again, resends what was not answered, and repeats the last answered request of sessions
that wait. A user has one session at a time, and what it uses is a function of the user and the session.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from openboss.access.network.diameter import avps
from openboss.access.network.diameter.avps import avp, message, read_message

STEPS, LINES, MB = 5, 2, 1024 * 1024
SILENCE_S = 30.0
T_FLAG = 0x10
THREE_GPP = struct.pack(">I", 10415)


@dataclass
class Session:
    """One session of a user and how far it has got."""

    number: int  # of the user
    count: int  # which one of the user's
    step: int = 0
    request: bytes = b""
    is_waiting: bool = False
    answer: bytes = b""  # to the last answered request
    next_at_s: float = 0.0

    @property
    def hop(self) -> int:
        """What ties a request to its answer."""
        return (self.number % 100_000) * 8 + self.step

    def write(self) -> bytes:
        """Write the request of the present step."""
        is_call, last = _is_call(self.count), self.step == STEPS - 1
        content = avp(avps.SESSION_ID, f"gw.fire;{self.number};{self.count}") + avp(avps.ORIGIN_HOST, "gw.fire")
        content += avp(avps.ORIGIN_REALM, "fire") + avp(avps.DESTINATION_REALM, "openboss.invalid")
        content += avp(avps.AUTH_APPLICATION, avps.CREDIT_APPLICATION)
        content += avp(461, "32260@3gpp.org" if is_call else "32251@3gpp.org")
        content += avp(avps.CC_TYPE, 1 if self.step == 0 else 3 if last else 2) + avp(avps.CC_NUMBER, self.step)
        content += avp(443, avp(450, 0) + avp(444, str(self.number)))
        seconds, octets = used_in(self.number, self.count, self.step)
        used = avp(446, avp(420, seconds) if is_call else avp(421, octets.to_bytes(8, "big"))) if self.step else b""
        service = used + (b"" if last else avp(437, b""))
        if is_call:
            content += service + _vendor(
                873, _vendor(876, _vendor(829, bytes(4)) + _vendor(832, b"tel:+8613001000001"))
            )
        else:
            content += avp(456, service + avp(432, 100))
        return message(flags=0xC0, command=272, application=4, hop=self.hop, end=self.hop, avps=content)


def _is_call(count: int) -> bool:
    return count % 3 == 2


def used_in(number: int, count: int, step: int) -> tuple[int, int]:
    """Seconds and octets that a step of a user's session reports."""
    if step == 0:
        return 0, 0
    if _is_call(count):
        return (60 if step < STEPS - 1 else 7), 0
    return 0, 3 * MB + number * 37 % 900_001 + count * 101 + step


def used_by(number: int, count: int) -> tuple[int, int]:
    """Seconds and octets of a whole session."""
    steps = [used_in(number, count, step) for step in range(STEPS)]
    return sum(seconds for seconds, _ in steps), sum(octets for _, octets in steps)


def _vendor(code: int, value: bytes) -> bytes:
    return struct.pack(">II", code, 0xC0 << 24 | 12 + len(value)) + THREE_GPP + value + bytes(-len(value) % 4)


@dataclass
class Gateway:
    """All sessions of some users, in a thread, until told to finish them."""

    port: int
    users: list[int]
    pause_s: float = 0.004
    wanted: dict[int, int] | None = None  # sessions of each user; without it, until `finish`
    answered: int = 0
    repeats: int = 0
    resent: int = 0
    wrong: list[str] = field(default_factory=list)
    _lines: list[socket.socket | None] = field(default_factory=lambda: [None] * LINES)
    _inbox: list[bytearray] = field(default_factory=lambda: [bytearray() for _ in range(LINES)])

    def __post_init__(self) -> None:
        self.sessions = {number: Session(number, 0) for number in self.users}
        self.done = dict.fromkeys(self.users, 0)
        self.is_calm = threading.Event()  # nothing is sent: the engine falls idle
        self._finishing, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Let sessions begin."""
        self._thread.start()

    def finish(self) -> None:
        """End all sessions orderly."""
        self.is_calm.clear()
        self._finishing.set()

    def has_ended(self) -> bool:
        """Whether all sessions have."""
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """Stop whatever is under way."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(30)

    # --- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended.is_set() and not self._is_done():
            for line in range(LINES):
                if self._lines[line] is None and not self._call(line):
                    time.sleep(0.02)
                    continue
                try:
                    self._send_due(line)
                    self._receive(line)
                except (OSError, ConnectionError):
                    self._cut(line)
            time.sleep(0.001)
        for line in self._lines:
            if line is not None:
                line.close()

    def _is_done(self) -> bool:
        if self.wanted is not None:
            return all(self.done[number] >= self.wanted[number] for number in self.users)
        return self._finishing.is_set() and all(one.step == 0 and not one.is_waiting for one in self.sessions.values())

    def _mine(self, line: int) -> list[Session]:
        return [self.sessions[number] for place, number in enumerate(self.users) if place % LINES == line]

    def _call(self, line: int) -> bool:
        """Call, introduce ourselves, send again what was not answered and repeat what was."""
        try:
            found = socket.create_connection(("127.0.0.1", self.port), timeout=SILENCE_S)
            content = avp(avps.ORIGIN_HOST, f"gw{line}.fire") + avp(avps.ORIGIN_REALM, "fire")
            content += avp(avps.HOST_IP, avps.address("127.0.0.1")) + avp(avps.VENDOR_ID, 0)
            content += avp(avps.PRODUCT_NAME, "fire", flags=0) + avp(avps.AUTH_APPLICATION, 4)
            found.sendall(message(flags=0x80, command=257, application=0, hop=1, end=1, avps=content))
            if not found.recv(1 << 16):
                return False
            for session in self._mine(line):
                if session.is_waiting:
                    self.resent += 1
                    found.sendall(_repeated(session.request))
                elif session.answer:
                    self.repeats += 1
                    session.is_waiting = True
                    found.sendall(_repeated(session.request))
        except OSError:
            return False
        found.setblocking(False)
        self._lines[line], self._inbox[line] = found, bytearray()
        return True

    def _cut(self, line: int) -> None:
        found, self._lines[line] = self._lines[line], None
        if found is not None:
            found.close()

    def _send_due(self, line: int) -> None:
        found, now_s = self._lines[line], time.monotonic()
        assert found is not None
        if self.is_calm.is_set():
            return
        for session in self._mine(line):
            if session.is_waiting or session.next_at_s > now_s:
                continue
            if session.step == 0 and self._has_enough(session.number):
                continue
            session.request, session.answer, session.is_waiting = session.write(), b"", True
            found.sendall(session.request)

    def _has_enough(self, number: int) -> bool:
        if self.wanted is None:
            return self._finishing.is_set()
        return self.done[number] >= self.wanted[number]

    def _receive(self, line: int) -> None:
        found, inbox = self._lines[line], self._inbox[line]
        assert found is not None
        with contextlib.suppress(BlockingIOError):
            data = found.recv(1 << 20)
            if not data:
                raise ConnectionResetError
            inbox += data
        while len(inbox) >= 4 and len(inbox) >= (length := int.from_bytes(inbox[1:4], "big")):
            self._take(bytes(inbox[:length]))
            del inbox[:length]

    def _take(self, data: bytes) -> None:
        answer = read_message(data)
        if answer.command != avps.CREDIT_CONTROL:
            return
        name = (answer.first(avps.SESSION_ID) or b"").decode()
        session = self.sessions[int(name.split(";")[1])]
        if session.answer:  # to a repeat
            if data != session.answer:
                self.wrong.append(f"{name}: a repeat was answered otherwise: {answer.number(avps.RESULT_CODE)}")
            session.is_waiting = False
            return
        if answer.hop != session.hop or answer.number(avps.RESULT_CODE) != avps.SUCCESS:
            self.wrong.append(f"{name} step {session.step}: {answer.number(avps.RESULT_CODE)}")
        self.answered += 1
        session.answer, session.is_waiting = data, False
        session.next_at_s = time.monotonic() + self.pause_s
        session.step += 1
        if session.step == STEPS:
            self.done[session.number] += 1
            self.sessions[session.number] = Session(session.number, session.count + 1, next_at_s=session.next_at_s)


def _repeated(request: bytes) -> bytes:
    return request[:4] + bytes([request[4] | T_FLAG]) + request[5:]
