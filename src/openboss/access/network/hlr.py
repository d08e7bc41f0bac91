"""osmo-hlr over its control interface: IPA frames on TCP 4259, one question and one answer at a time.

A frame is a length of two bytes, the stream 0xee, the protocol 0x00 (control), and text: `SET <id> <variable> <value>`
is answered by `SET_REPLY <id> <variable> <value>`, anything that fails by `ERROR <id> <words>`.

What this register can hold: a number, whether circuit-switched service (calls, SMS) and packet service (data) pass. A
bar of outgoing calls alone is not in it: that is the charging system's work, and `held` says so.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from itertools import count
from types import TracebackType

from openboss.modules.customers.functions import NetworkProfile
from openboss.processes.provision import NotDelivered

PORT = 4259
_STREAM = b"\xee\x00"
_TIMEOUT_S = 5.0
_LONGEST = 4096


class Hlr:
    """A connection to one home location register; opened when it is first needed, and again after it broke."""

    def __init__(self, host: str = "127.0.0.1", port: int = PORT) -> None:
        """Remember where the register listens."""
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._ids = count(1)

    def __enter__(self) -> Hlr:
        """Use the connection in a block."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Let the connection go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def put(self, profile: NetworkProfile) -> None:
        """Make the subscriber if it is not there, then bind its number and its services. Raises NotDelivered."""
        if self.read(profile.imsi) is None:
            self._ask("SET", "subscriber.create", str(profile.imsi))
        about = f"subscriber.by-imsi-{profile.imsi}"
        self._free_number(profile)
        self._ask("SET", f"{about}.msisdn", str(profile.msisdn))
        self._ask("SET", f"{about}.cs-enabled", _flag(profile.voice_in))
        self._ask("SET", f"{about}.ps-enabled", _flag(profile.data))

    def _free_number(self, profile: NetworkProfile) -> None:
        """Take a number from a card that had it before: the register binds a number once."""
        found = self._ask("GET", f"subscriber.by-msisdn-{profile.msisdn}.info", missing_is_none=True)
        holder = _fields(found).get("imsi") if found else None
        if holder not in (None, str(profile.imsi)):
            self._ask("SET", f"subscriber.by-imsi-{holder}.msisdn", "none")

    def delete(self, imsi: int) -> None:
        """Forget a card; one that is not there is forgotten already. Raises NotDelivered."""
        if self.read(imsi) is not None:
            self._ask("SET", "subscriber.delete", str(imsi))

    def read(self, imsi: int) -> NetworkProfile | None:
        """What the register holds for a card. Raises NotDelivered."""
        found = self._ask("GET", f"subscriber.by-imsi-{imsi}.info", missing_is_none=True)
        if found is None:
            return None
        fields = _fields(found)
        number, voice, data = (fields.get(name, "") for name in ("msisdn", "nam_cs", "nam_ps"))
        return NetworkProfile(imsi, int(number) if number.isdecimal() else 0, voice == "1", voice == "1", data == "1")

    def _ask(self, verb: str, variable: str, value: str = "", *, missing_is_none: bool = False) -> str | None:
        """Put one question and return the value of the answer. Raises NotDelivered."""
        number = str(next(self._ids))
        try:
            answer = self._exchange(" ".join(part for part in (verb, number, variable, value) if part))
        except OSError as broken:
            self.close()
            raise NotDelivered(f"{self._address[0]}:{self._address[1]}: {broken}") from broken
        kind, _, rest = answer.partition(" ")
        echoed, _, words = rest.partition(" ")
        if kind == "ERROR":
            if missing_is_none and "No such subscriber" in words:
                return None
            raise NotDelivered(f"{verb} {variable}: {words}")
        if echoed != number or kind != f"{verb}_REPLY":
            self.close()
            raise NotDelivered(f"{verb} {variable}: an answer to another question")
        return words.partition(variable)[2].strip()

    def _exchange(self, text: str) -> str:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=_TIMEOUT_S)
        body = _STREAM + text.encode("ascii")
        self._socket.sendall((len(body) - 1).to_bytes(2, "big") + body)
        while True:
            length = int.from_bytes(self._receive(2), "big")
            frame = self._receive(length + 1)
            if length >= _LONGEST:
                raise OSError("a frame too long to be an answer")
            if frame.startswith(_STREAM) and not frame[2:].startswith(b"TRAP"):
                return frame[2:].decode("ascii", "replace").strip("\0\n ")

    def _receive(self, length: int) -> bytes:
        assert self._socket is not None
        got = b""
        while len(got) < length:
            piece = self._socket.recv(length - len(got))
            if not piece:
                raise OSError("the register closed the connection")
            got += piece
        return got


def _fields(text: str) -> dict[str, str]:
    """Read `name value` lines of an answer."""
    pairs = (line.partition("\t" if "\t" in line else " ") for line in text.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _flag(is_on: bool) -> str:
    return "1" if is_on else "0"


def held(profile: NetworkProfile) -> NetworkProfile:
    """What this register can hold of a profile: calls pass both ways or not at all."""
    return replace(profile, voice_out=profile.voice_in)
