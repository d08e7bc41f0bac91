"""Brings what waits in the outbox for the network, access servers and handsets to them, for ever, and what the engine
says of wallets and of heavy use to credit control: part of the worker process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections, connection

from openboss.access.network import handsets, hlr, simulated_hlr
from openboss.access.network.admission import access_servers
from openboss.access.network.radius.changes import Connector as AccessConnector
from openboss.modules.charging.functions.peers import peers_with_proofs
from openboss.modules.customers.functions import NetworkProfile
from openboss.processes import watch_use, watch_wallets
from openboss.processes.access_lines import ACCESS_TOPIC
from openboss.processes.provision import HLR, Connector, Delivered, Difference, compare, deliver, send_all_due

SIMULATED = "simulated"
_REST_S = 0.5
_AFTER_TROUBLE_S = 5.0

log = structlog.get_logger("network")


def connector(address: str, data_dir: Path) -> Connector:
    """The register at an address: `simulated`, host, or host:port."""
    if address == SIMULATED:
        return simulated_hlr.SimulatedHlr(data_dir / "network")
    host, _, port = address.partition(":")
    return hlr.Hlr(host, int(port or hlr.PORT))


def deliver_all(element: Connector, *, now: Callable[[], datetime]) -> Delivered:
    """Deliver until nothing is due."""
    sent = failed = 0
    while True:
        done = deliver({HLR: element}, now=now)
        sent, failed = sent + done.sent, failed + done.failed
        if not done.sent:
            return Delivered(sent, failed)


def deliver_changes(connector: AccessConnector, *, now: Callable[[], datetime]) -> Delivered:
    """Tell access servers what waits for them, a hundred at most."""
    return send_all_due({ACCESS_TOPIC: connector}, now=now)


def deliver_texts(centre: handsets.Sandbox, *, now: Callable[[], datetime]) -> Delivered:
    """Send a hundred of the texts and alerts that are due: no more, for the network waits for its turn."""
    at = now()
    return send_all_due({topic: partial(_send, centre, topic, at) for topic in handsets.TOPICS}, now=now)


def _send(centre: handsets.Sandbox, topic: str, at: datetime, payload: Mapping[str, Any]) -> None:
    centre.send(topic, payload, at)


def differences(address: str, data_dir: Path, *, at: datetime) -> list[Difference]:
    """Compare a register with the database."""
    held: Callable[[NetworkProfile], NetworkProfile] = simulated_hlr.held if address == SIMULATED else hlr.held
    return compare(connector(address, data_dir), at=at, held=held)


def run(*, stopping: threading.Event, hlr: str, data_dir: Path, now: Callable[[], datetime]) -> None:
    """Deliver twice a second until told to stop."""
    element, centre = connector(hlr, data_dir), handsets.Sandbox(data_dir / "messages")
    log.info("network", register=hlr)

    def once() -> None:
        watch_wallets.run(now=now)
        watch_use.hear(now=now)
        _log("network", deliver_all(element, now=now))
        _log("messages", deliver_texts(centre, now=now))

    _repeat(once, stopping)


def run_changes(*, stopping: threading.Event, now: Callable[[], datetime]) -> None:
    """Tell access servers twice a second until told to stop; apart, for one that does not answer takes its time."""
    element = AccessConnector(lambda: access_servers(peers_with_proofs()), lambda: int(now().timestamp()))
    _repeat(lambda: _log("access servers", deliver_changes(element, now=now)), stopping)


def _repeat(once: Callable[[], None], stopping: threading.Event) -> None:
    """Do something twice a second until told to stop; a database that is away for a while is waited for."""
    while not stopping.is_set():
        try:
            once()
        except (OperationalError, InterfaceError) as away:
            log.warning("network", trouble=str(away).splitlines()[0])
            close_old_connections()
            stopping.wait(_AFTER_TROUBLE_S)
            continue
        stopping.wait(_REST_S)
    connection.close()


def _log(what: str, done: Delivered) -> None:
    if done.sent or done.failed:
        log.info(what, sent=done.sent, failed=done.failed)
