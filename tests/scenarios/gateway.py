"""A network that is answered or asks again: visits of many users over two lines, every request until its answer.

What it was told it remembers, byte by byte: a request sent again with the T flag must be answered as it was before,
and so must a copy that it sends while the first is still under way. When a line is cut it calls again, resends what was
not answered, and repeats the last answered request of some seats; the others go on from it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field

from openboss.access.network.diameter import avps
from openboss.access.network.diameter.avps import avp, message, read_message
from tests.scenarios.players import Player
from tests.scenarios.visits import BUSY_SEATS, CALM_SEATS, Told, Visit

LINES = 2
SILENCE_S = 30.0
COPY_EVERY = 2  # requests: that one is sent a second time if the first is under way for so long
COPY_AFTER_S = 0.002
T_FLAG = 0x10


@dataclass
class Seat:
    """Where one visit of a user follows the other."""

    place: int
    visit: Visit
    request: bytes = b""
    answer: bytes = b""  # to `request`
    is_waiting: bool = False
    copies: int = 0  # of `request` that are not answered yet
    asked: int = 0
    next_at_s: float = 0.0
    sent_at_s: float = 0.0

    @property
    def hop(self) -> int:
        """What ties the next request to its answer."""
        return self.place << 20 | self.asked % 2**20


@dataclass
class Gateway(Player):
    """All visits of some users."""

    port: int
    users: list[int]
    busy_users: list[int] = field(default_factory=list)  # who may be refused, and have several visits at once
    pause_s: float = 0.002
    wanted: dict[int, int] | None = None  # visits of each user; without it, until `finish`
    answered: int = 0
    repeats: int = 0
    copied: int = 0
    resent: int = 0
    wrong: list[str] = field(default_factory=list)
    _lines: list[socket.socket | None] = field(default_factory=lambda: [None] * LINES)
    _inbox: list[bytearray] = field(default_factory=lambda: [bytearray() for _ in range(LINES)])

    def __post_init__(self) -> None:
        visits = [Visit(number, 0, CALM_SEATS) for number in self.users]
        visits += [Visit(number, seat, BUSY_SEATS) for number in self.busy_users for seat in range(BUSY_SEATS)]
        self.seats = [Seat(place, visit) for place, visit in enumerate(visits)]
        self.done = dict.fromkeys(self.users, 0)
        self.told = {number: Told() for number in (*self.users, *self.busy_users)}
        self.is_calm = threading.Event()  # nothing is sent: the engine falls idle
        super().__init__()

    def finish(self) -> None:
        """End all visits orderly."""
        self.is_calm.clear()
        super().finish()

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
        if self.wanted is None and not self._finishing.is_set():
            return False
        return all(not one.is_waiting and not one.copies and self._may_end(one) for one in self.seats)

    def _may_end(self, seat: Seat) -> bool:
        if seat.visit.step:
            return False
        return self.wanted is None or self.done[seat.visit.number] >= self.wanted[seat.visit.number]

    def _mine(self, line: int) -> list[Seat]:
        return self.seats[line::LINES]

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
            for seat in self._mine(line):
                seat.copies = 0  # went down with the line
                if seat.is_waiting:
                    self.resent += 1
                    found.sendall(_repeated(seat.request))
                elif seat.request and seat.asked % 2:  # the others go on: the engine must know what it answered
                    self.repeats += 1
                    seat.copies = 1
                    found.sendall(_repeated(seat.request))
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
        for seat in self._mine(line):
            is_late = seat.is_waiting and now_s - seat.sent_at_s >= COPY_AFTER_S
            if is_late and not seat.copies and seat.asked % COPY_EVERY == 0:
                seat.copies = 1
                self.copied += 1
                found.sendall(_repeated(seat.request))
            if seat.is_waiting or seat.copies or seat.next_at_s > now_s:
                continue
            if seat.visit.step == 0 and self._has_enough(seat.visit.number):
                continue
            seat.asked, seat.sent_at_s = seat.asked + 1, now_s
            seat.request, seat.answer, seat.is_waiting = seat.visit.write(seat.hop), b"", True
            found.sendall(seat.request)

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
        if answer.command != avps.CREDIT_CONTROL or answer.is_request:
            return
        seat = self.seats[answer.hop >> 20]
        if answer.hop != seat.hop:
            self.wrong.append(f"{seat.visit.name}: an answer to request {answer.hop % 2**20}, not {seat.asked}")
        elif not seat.is_waiting:  # to a copy
            seat.copies -= 1
            if data != seat.answer:
                self.wrong.append(f"{seat.visit.name}: a repeat was answered {answer.number(avps.RESULT_CODE)}")
        else:
            self._go_on(seat, data)

    def _go_on(self, seat: Seat, data: bytes) -> None:
        visit = seat.visit
        if wrong := visit.take(data, self.told[visit.number]):
            self.wrong.append(wrong)
            visit.step += 1
        self.answered += 1
        seat.answer, seat.is_waiting = data, False
        seat.next_at_s = time.monotonic() + self.pause_s * (1 + seat.place % 7)  # not all at once
        if visit.is_over:
            if visit.seats == CALM_SEATS:
                self.done[visit.number] += 1
            seat.visit = visit.next()


def _repeated(request: bytes) -> bytes:
    return request[:4] + bytes([request[4] | T_FLAG]) + request[5:]
