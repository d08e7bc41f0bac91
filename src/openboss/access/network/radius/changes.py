"""Changes towards access servers: end a session, let it last otherwise, or run at another speed (RFC 5176).

`tell` waits for the answer: the worker calls it as a connector of provisioning, the engine's process in a thread of
its own. Nothing is lost with a server that does not answer: the outbox tries again, and the engine refuses what comes.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from openboss.access.network.radius.clients import AccessServers
from openboss.access.network.radius.logins import ASK_AGAIN, WISPR, WISPR_DOWN, WISPR_UP
from openboss.access.network.radius.packets import (
    LONGEST,
    Attribute,
    Code,
    Malformed,
    Packet,
    address,
    change_bytes,
    is_answer_to,
    named,
    of_vendor,
    read_packet,
    whole,
)
from openboss.access.network.radius.ports import Attributes
from openboss.modules.charging.functions.access_sessions import AccessSessionView, end_access_session
from openboss.processes.access_lines import bring
from openboss.processes.provision import NotDelivered

_TRIES, _TIMEOUT_S = 3, 1.0
_NO_SUCH_SESSION = 503
_WORDS = {402: "missing attribute", 404: "invalid request", 405: "unsupported service", 501: "prohibited"}

log = structlog.get_logger("radius")


def tell(servers: AccessServers, session: AccessSessionView, code: Code, more: Attributes, now_s: int) -> bool:
    """Tell the access server of a session a change; False = it has no such session any more. Raises NotDelivered."""
    server = servers.by_name.get(session.nas)
    if server is None or server.change_port == 0:
        raise NotDelivered(f"access server {session.nas} takes no changes")
    about = [named(Attribute.USER_NAME, session.login), named(Attribute.ACCT_SESSION_ID, session.acct_session_id)]
    if session.framed_ip:
        about.append(address(Attribute.FRAMED_IP_ADDRESS, session.framed_ip))
    about.append(whole(Attribute.EVENT_TIMESTAMP, now_s))
    data = change_bytes(code, secrets.randbelow(256), [*about, *more], server.secret)
    answer = _exchange((server.address, server.change_port), data, server.secret)
    if answer.code in (Code.DISCONNECT_ACK, Code.COA_ACK):
        return True
    cause = answer.number(Attribute.ERROR_CAUSE)
    if cause == _NO_SUCH_SESSION:
        return False
    raise NotDelivered(f"{session.nas} refuses: {_WORDS.get(cause, cause)}")


def _exchange(place: tuple[str, int], data: bytes, secret: bytes) -> Packet:
    """Send a request until it is answered. Raises NotDelivered."""
    request = read_packet(data)
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as line:
        line.connect(place)
        for _try in range(_TRIES):
            try:
                line.send(data)
                answer = _answer(line, request, secret)
            except OSError as fault:
                raise NotDelivered(f"{place[0]}: {fault}") from fault
            if answer is not None:
                return answer
    raise NotDelivered(f"{place[0]} does not answer")


def _answer(line: socket.socket, request: Packet, secret: bytes) -> Packet | None:
    """Wait for a genuine answer; what else arrives is passed over."""
    until_s = time.monotonic() + _TIMEOUT_S
    while (left_s := until_s - time.monotonic()) > 0:
        line.settimeout(left_s)
        try:
            packet = read_packet(line.recv(LONGEST))
        except (TimeoutError, Malformed):
            continue
        if is_answer_to(packet, request, secret):
            return packet
    return None


class Connector:
    """Brings what waits in the outbox for access servers to them."""

    def __init__(self, servers: Callable[[], AccessServers], now_s: Callable[[], int]) -> None:
        self.servers, self.now_s = servers, now_s

    def __call__(self, payload: Mapping[str, Any]) -> None:
        """Let running sessions of a user follow what is wanted. Raises NotDelivered."""
        bring(payload, disconnect=self._disconnect, change=self._change)

    def _disconnect(self, session: AccessSessionView, payload: Mapping[str, Any]) -> None:  # noqa: ARG002
        self._tell(session, Code.DISCONNECT_REQUEST, [])

    def _change(self, session: AccessSessionView, payload: Mapping[str, Any]) -> None:
        try:
            speeds = ((WISPR_UP, int(payload["up_kbps"])), (WISPR_DOWN, int(payload["down_kbps"])))
        except (KeyError, TypeError, ValueError) as wrong:  # a message that a person wrote
            raise NotDelivered(f"the message lacks or spoils {wrong}") from wrong
        self._tell(session, Code.COA_REQUEST, [of_vendor(WISPR, kind, kbps * 1000) for kind, kbps in speeds if kbps])

    def _tell(self, session: AccessSessionView, code: Code, more: Attributes) -> None:
        if not session.acct_session_id:
            return  # let in, but not begun
        if not tell(self.servers(), session, code, more, self.now_s()):
            end_access_session(session_key=session.session_key, at=session.reported_at)


class FromEngine:
    """Changes the engine's process wants itself, sent beside its loop."""

    def __init__(self, servers: AccessServers, now_s: Callable[[], int], loop: asyncio.AbstractEventLoop) -> None:
        self.servers, self.now_s, self.loop = servers, now_s, loop

    def end(self, session: AccessSessionView) -> None:
        """Have a session ended."""
        self._send(session, Code.DISCONNECT_REQUEST, [])

    def limit(self, session: AccessSessionView, *, is_last: bool) -> None:
        """Tell how long a session may last in all, and whether it ends then or asks again."""
        said = [whole(Attribute.SESSION_TIMEOUT, session.authorised_s)]
        if not is_last:
            said.append(named(Attribute.STATE, session.session_key))
        self._send(session, Code.COA_REQUEST, [*said, whole(Attribute.TERMINATION_ACTION, 0 if is_last else ASK_AGAIN)])

    def _send(self, session: AccessSessionView, code: Code, more: Attributes) -> None:
        def send() -> None:
            try:
                tell(self.servers, session, code, more, self.now_s())
            except NotDelivered as fault:
                log.warning("access server not reached", why=str(fault))

        if session.acct_session_id:
            self.loop.run_in_executor(None, send)
