"""Networks nobody here wrote, at the doors of a demo that runs: python-diameter, and httpx over HTTP/2.

What goes through is recorded on the way, so that Wireshark's dissectors can say what they think of it.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from diameter.message.avp.grouped import (
    MultipleServicesCreditControl,
    RequestedServiceUnit,
    SubscriptionId,
    UsedServiceUnit,
)
from diameter.message.commands.credit_control import CreditControlRequest
from diameter.node import Node
from diameter.node.application import SimpleThreadingApplication

from openboss.modules.charging.engine.query import ask

_NUMBER = (
    'cursor.execute("SELECT number FROM customers_numberperiod WHERE subscriber_id = {} ORDER BY 1"); '
    "print(cursor.fetchone()[0])"
)
CHARGING_DATA = "/nchf-convergedcharging/v3/chargingdata"


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningDemo:
    """A demo as a newcomer starts it, with doors of its own."""

    def __init__(self, installation: Any) -> None:
        self.installation = installation
        self.ports = {name: free_port() for name in ("WEB", "DIAMETER", "NCHF")}
        environment = {f"OPENBOSS_{name}_PORT": str(port) for name, port in self.ports.items()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "openboss.access.jobs.cli", "demo"],
            env={**installation.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if "OpenBOSS is ready:" in line:
                self.address = line.split()[-1].rstrip("/")
                break
        else:
            pytest.fail("".join(said[-30:]))

    def user(self, subscriber_id: int) -> dict[str, Any]:
        """What charging knows of a user now."""
        return dict(ask(f"users/{subscriber_id}", self.installation.data_dir))

    def number_of(self, subscriber_id: int) -> int:
        """The number a user has."""
        return int(self.installation.python(_NUMBER.format(subscriber_id)))

    def balance_li(self, subscriber_id: int) -> int:
        """What is left of the user's money."""
        return int(self.user(subscriber_id)["money"]["balance_li"])

    def stop(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0


class Recorder:
    """A line to a port, by another: what goes through is kept in its order, (whether it is ours, bytes)."""

    def __init__(self, port: int) -> None:
        self.sent: list[tuple[bool, bytes]] = []
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            line, _ = self._listener.accept()
            ours = socket.create_connection(("127.0.0.1", self._to))
            for source, target, is_ours in ((line, ours, False), (ours, line, True)):
                threading.Thread(target=self._carry, args=(source, target, is_ours), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, is_ours: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.sent.append((is_ours, data))
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Take no line any more."""
        self._listener.close()


class Gateway:
    """A packet gateway that speaks Gy by python-diameter."""

    def __init__(self, port: int, number: int) -> None:
        self.number = number
        self._node = Node("gw.newcomer", "newcomer", ip_addresses=["127.0.0.1"])
        peer = self._node.add_peer(f"aaa://charge.openboss.invalid:{port}", "openboss.invalid",
                                   ip_addresses=["127.0.0.1"], is_persistent=True)  # fmt: skip
        self._application = SimpleThreadingApplication(4, is_auth_application=True)
        self._node.add_application(self._application, [peer])
        self._node.start()
        self._application.wait_for_ready(timeout=60)

    def ask(self, session: str, kind: int, number: int, used_octets: int = 0) -> tuple[int, int | None]:
        """Begin (1), go on (2) or end (3) a data session: the result, and the octets granted."""
        request = CreditControlRequest()
        request.header.application_id = request.auth_application_id = 4
        request.session_id, request.origin_host, request.origin_realm = session, b"gw.newcomer", b"newcomer"
        request.destination_realm, request.service_context_id = b"openboss.invalid", "32251@3gpp.org"
        request.cc_request_type, request.cc_request_number = kind, number
        request.subscription_id = [SubscriptionId(subscription_id_type=0, subscription_id_data=str(self.number))]
        service = MultipleServicesCreditControl(rating_group=1)
        if kind != 3:
            service.requested_service_unit = RequestedServiceUnit()
        if used_octets:
            service.used_service_unit = [UsedServiceUnit(cc_total_octets=used_octets)]
        request.multiple_services_credit_control = [service]
        answer = self._application.send_request(request, timeout=60)
        services = answer.multiple_services_credit_control
        granted = services[0].granted_service_unit if services else None
        return answer.result_code, granted.cc_total_octets if granted else None

    def stop(self) -> None:
        """Disconnect."""
        self._node.stop(wait_timeout=2)


class SessionFunction:
    """A 5G session function that speaks Nchf by httpx, over HTTP/2."""

    def __init__(self, port: int, number: int) -> None:
        self.number, self._session = number, f"http://127.0.0.1:{port}{CHARGING_DATA}"
        self._client = httpx.Client(http1=False, http2=True, timeout=60, trust_env=False)

    def ask(self, operation: str, number: int, used_octets: int = 0) -> tuple[int, int | None]:
        """Create (""), update or release charging data: the status, and the octets granted."""
        usage: dict[str, Any] = {"ratingGroup": 1}
        if operation != "release":
            usage["requestedUnit"] = {}
        if used_octets:
            usage["usedUnitContainer"] = [{"localSequenceNumber": number, "totalVolume": used_octets}]
        answer = self._client.post(f"{self._session}/{operation}".rstrip("/"), json=self._said(number, usage))
        assert answer.http_version == "HTTP/2"
        self._session = answer.headers.get("location", self._session)
        if operation == "release":
            return answer.status_code, None
        return answer.status_code, answer.json()["multipleUnitInformation"][0]["grantedUnit"]["totalVolume"]

    def _said(self, number: int, usage: dict[str, Any]) -> dict[str, Any]:
        return {
            "subscriberIdentifier": f"msisdn-{self.number}",
            "nfConsumerIdentification": {"nodeFunctionality": "SMF", "nFName": "newcomer"},
            "invocationTimeStamp": "2026-11-12T01:00:00Z",
            "invocationSequenceNumber": number,
            "multipleUnitUsage": [usage],
            "pDUSessionChargingInformation": {
                "chargingId": 77,
                "pduSessionInformation": {"pduSessionID": 5, "dnnId": "cmnet"},
            },
        }

    def stop(self) -> None:
        """Hang up."""
        self._client.close()


@contextlib.contextmanager
def recorded(port: int) -> Iterator[Recorder]:
    """A recorder before a port."""
    one = Recorder(port)
    try:
        yield one
    finally:
        one.close()
