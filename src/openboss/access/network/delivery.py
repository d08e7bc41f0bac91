"""Brings what waits in the outbox for the network to it, for ever, and what the engine says of wallets to credit
control: part of the worker process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections, connection

from openboss.access.network import hlr, simulated_hlr
from openboss.modules.customers.functions import NetworkProfile
from openboss.processes import watch_wallets
from openboss.processes.provision import HLR, Connector, Delivered, Difference, compare, deliver

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


def differences(address: str, data_dir: Path, *, at: datetime) -> list[Difference]:
    """Compare a register with the database."""
    held: Callable[[NetworkProfile], NetworkProfile] = simulated_hlr.held if address == SIMULATED else hlr.held
    return compare(connector(address, data_dir), at=at, held=held)


def run(*, stopping: threading.Event, hlr: str, data_dir: Path, now: Callable[[], datetime]) -> None:
    """Deliver twice a second until told to stop; a database that is away for a while is waited for."""
    element = connector(hlr, data_dir)
    log.info("network", register=hlr)
    while not stopping.is_set():
        try:
            watch_wallets.run(now=now)
            done = deliver_all(element, now=now)
        except (OperationalError, InterfaceError) as away:
            log.warning("network", trouble=str(away).splitlines()[0])
            close_old_connections()
            stopping.wait(_AFTER_TROUBLE_S)
            continue
        if done.sent or done.failed:
            log.info("network", sent=done.sent, failed=done.failed)
        stopping.wait(_REST_S)
    connection.close()
