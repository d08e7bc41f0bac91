"""Where events may be sent, and sending one: never to an address of somebody's inner network.

A callback is https to a public address, or an address of this machine itself. A name is looked up when an event is
sent and the connection goes to the very address that was checked, so a name that changes meanwhile gains nothing;
redirects are not followed and of an answer only its status is read. All of it has one deadline: who answers byte by
byte holds nobody up.
"""

from __future__ import annotations

import functools
import http.client
import ipaddress
import re
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from openboss.modules.system.signing import sign

LONGEST = 500
TIMEOUT_S = 5.0  # for connecting, sending and the answer together
HEAD_BYTES = 4096
FIRST_OPEN_PORT = 1024
TLS_PORT = 443
SIGNATURE = "X-OpenBOSS-Signature"
HERE = "localhost"
_STATUS = re.compile(rb"^HTTP/1\.\d (?!100)(\d{3})\b", re.MULTILINE)  # 100: the answer is still to come
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class CallbackRefused(ValueError):
    """Events are sent to https addresses on public networks, or to this machine itself; the message says why not."""


class NotTaken(Exception):
    """The listener did not answer, or not with success; the event is sent again."""


@dataclass(frozen=True)
class Callback:
    """An address that was read."""

    host: str
    port: int
    path: str
    is_secure: bool


def read_callback(text: str) -> Callback:
    """Read an address, without asking any network. Raises CallbackRefused."""
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > LONGEST:
        raise CallbackRefused("an address is up to 500 printable signs without blanks")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as wrong:
        raise CallbackRefused(str(wrong)) from wrong
    host, is_secure = parts.hostname or "", parts.scheme == "https"
    if not host or parts.scheme not in ("https", "http") or "@" in parts.netloc or parts.fragment or "\\" in text:
        raise CallbackRefused("an address is https://host/path, without user, password or fragment")
    literal = _literal(host)
    is_here = host == HERE or (literal is not None and literal.is_loopback)
    if not is_secure and not is_here:
        raise CallbackRefused("plain http is for this machine only")
    if literal is not None and not is_here and not _is_public(literal):
        raise CallbackRefused("the address is on no public network")
    port = port if port is not None else TLS_PORT if is_secure else 80
    if port != TLS_PORT and port < FIRST_OPEN_PORT:
        raise CallbackRefused("the port is 443, or 1024 and above")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Callback(host, port, path, is_secure)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_public(address: Address) -> bool:
    """Whether an address is on the public network; one that hides another address inside is not."""
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.sixtofour or address.teredo):
        return False
    return address.is_global and not address.is_multicast


def resolve(callback: Callback) -> str:
    """Look a host up and give an address that may be connected to. Raises CallbackRefused, NotTaken."""
    try:
        found = socket.getaddrinfo(callback.host, callback.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as unknown:
        raise NotTaken(f"{callback.host} is not known") from unknown
    addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    literal = _literal(callback.host)
    if callback.host == HERE or (literal is not None and literal.is_loopback):
        allowed = all(one.is_loopback for one in addresses)
    else:
        allowed = all(_is_public(one) for one in addresses)
    if not allowed:
        raise CallbackRefused(f"{callback.host} is on no public network")
    return str(addresses[0])


@functools.cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Checked(http.client.HTTPConnection):
    """A connection to the address that was checked, under the name that was asked for, until its deadline."""

    def __init__(self, callback: Callback, address: str) -> None:
        super().__init__(callback.host, callback.port)
        self._address, self._is_secure = address, callback.is_secure
        self._until_s = time.monotonic() + TIMEOUT_S

    def _left_s(self) -> float:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"not done in {TIMEOUT_S} s")
        return left_s

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self._left_s())
        if self._is_secure:
            self.sock.settimeout(self._left_s())
            self.sock = _trusted().wrap_socket(self.sock, server_hostname=self.host)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(self._left_s())
        self.sock.sendall(data)

    def status(self) -> int:
        """The status of the answer; nothing else of it is read."""
        head = b""
        while len(head) < HEAD_BYTES:
            self.sock.settimeout(self._left_s())
            piece = self.sock.recv(HEAD_BYTES)
            if not piece:
                break
            head += piece
            found = _STATUS.search(head)
            if found:
                return int(found[1])
        raise http.client.BadStatusLine(ascii(head[:80]))


def post(url: str, body: bytes, *, key: bytes, at: datetime) -> None:
    """Send an event to a callback. Raises CallbackRefused, NotTaken."""
    callback = read_callback(url)
    connection = _Checked(callback, resolve(callback))
    headers = {"Content-Type": "application/json", SIGNATURE: sign(body, key=key, at=at)}
    try:
        connection.request("POST", callback.path, body, headers)
        status = connection.status()
    except (OSError, http.client.HTTPException) as away:
        raise NotTaken(f"{type(away).__name__}: {away}") from away
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise NotTaken(f"answered {status}")
