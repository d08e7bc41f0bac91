"""Networks beside Diameter that are answered or ask again: a session function of 5G, and an access server.

Each user has one session after the other, of a start, three reports and an end, and every request is sent until it is
answered. Now and then the last answered one is sent again: it must be answered alike, and count for nothing.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from abc import abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from benchmarks._nchf_load import body_of

from openboss.access.network.nchf.node import PATH
from openboss.access.network.radius.packets import Attribute, Code, change_bytes, is_answer_to, read_packet
from tests.scenarios.players import Player
from tests.scenarios.visits import Told

STEPS, MB = 5, 1024 * 1024
SECRET = "fire-of-an-access-server"
REPEAT_EVERY = 3
PAUSE_S = 0.005
_WAITS_S = 0.5
_VERBS = ("", "/update", "/update", "/update", "/release")


@dataclass
class _Session:
    number: int
    count: int = 0
    step: int = 0
    at: str = ""
    key: str = ""


class Network(Player):
    """Sessions of some users."""

    def __init__(self, port: int, users: list[int]) -> None:
        self.port, self.users = port, users
        self.told = {number: Told() for number in users}
        self.answered = self.repeats = self.sent_again = 0
        self.wrong: list[str] = []
        super().__init__()

    def _run(self) -> None:
        sessions = [_Session(number) for number in self.users]
        while not self._ended.is_set() and not (self._finishing.is_set() and all(one.step == 0 for one in sessions)):
            for one in sessions:
                if one.step or not self._finishing.is_set():
                    self._go_on(one)
            time.sleep(PAUSE_S)

    def _go_on(self, session: _Session) -> None:
        if session.step == 0:
            session.count += 1
            session.at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        first = self._ask_until_answered(session)
        self.answered += 1
        if self.answered % REPEAT_EVERY == 0 and not self._ended.is_set():
            self.repeats += 1
            if (again := self._ask_until_answered(session)) != first:
                self.wrong.append(f"{type(self).__name__} {session.number}: {first!r}, when repeated {again!r}")
        session.step += 1
        if session.step == STEPS:
            told = self.told[session.number]
            told.records += 1
            told.seconds, told.octets = told.seconds + self._seconds(), told.octets + (STEPS - 1) * MB
            session.step = 0

    def _ask_until_answered(self, session: _Session) -> Any:
        while not self._ended.is_set():
            if (answer := self._ask(session)) is not None:
                return answer
            self.sent_again += 1
            time.sleep(0.02)
        return None

    @abstractmethod
    def _ask(self, session: _Session) -> Any:
        """Send the request of the present step; what must be the same when it is repeated, None if nothing came."""

    @abstractmethod
    def _seconds(self) -> int:
        """How long a session's record says it was."""


class SessionFunction(Network):
    """A session function: create, three updates and release over HTTP/2."""

    _line: httpx.Client | None = None

    def _ask(self, session: _Session) -> Any:
        self._line = self._line or httpx.Client(http1=False, http2=True, timeout=_WAITS_S)
        path = f"{PATH}/{session.key}{_VERBS[session.step]}" if session.step else PATH
        said = body_of(session.number, session.step, session.at)
        try:
            answer = self._line.post(f"http://127.0.0.1:{self.port}{path}", content=said,
                                     headers={"content-type": "application/json"})  # fmt: skip
        except httpx.HTTPError:
            self._line.close()
            self._line = None
            return None
        if answer.status_code == 503:
            return None
        if answer.status_code not in (200, 201, 204):
            self.wrong.append(f"{session}: {answer.status_code} {answer.text}")
        if session.step == 0:
            session.key = answer.headers.get("location", "").rpartition("/")[2]
        content = json.loads(answer.content) if answer.content else {}
        content.pop("invocationTimeStamp", None)
        return answer.status_code, content

    def _seconds(self) -> int:
        return 0


class AccessServer(Network):
    """An access server: start, three interim reports and stop, each with what was used in all."""

    _identifier = 0

    def _ask(self, session: _Session) -> Any:
        kind = 1 if session.step == 0 else 2 if session.step == STEPS - 1 else 3
        numbers = {
            Attribute.ACCT_STATUS_TYPE: kind,
            Attribute.ACCT_SESSION_TIME: 60 * session.step,
            Attribute.ACCT_OUTPUT_OCTETS: session.step * MB,
        }
        said = [(int(Attribute.USER_NAME), f"{session.number}@wlan".encode())]
        said.append((int(Attribute.ACCT_SESSION_ID), f"{session.number}-{session.count}".encode()))
        said += [(int(name), struct.pack("!I", value)) for name, value in numbers.items()]
        self._identifier = (self._identifier + 1) % 256
        request = change_bytes(Code.ACCOUNTING_REQUEST, self._identifier, said, SECRET.encode())
        with socket.socket(type=socket.SOCK_DGRAM) as line:
            line.settimeout(_WAITS_S)
            try:
                line.connect(("127.0.0.1", self.port))
                line.send(request)
                answer = read_packet(line.recv(4096))
            except OSError:
                return None
        if not is_answer_to(answer, read_packet(request), SECRET.encode()):
            self.wrong.append(f"{session}: not signed")
        return answer.code

    def _seconds(self) -> int:
        return 60 * (STEPS - 1)
