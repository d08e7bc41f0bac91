"""The access servers we know: a TOML file of their names, addresses and secrets, apart from all other settings.

[bras1]
address = "10.0.0.1"
secret = "..."
service = "BROADBAND"     # or "WLAN": how its sessions are charged
change_port = 3799        # where it takes changes; 0 = it takes none
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from openboss.kernel.usage import RecordType

CHANGE_PORT = 3799
_SHORTEST_SECRET = 8
_SERVICES = {"BROADBAND": RecordType.BROADBAND, "WLAN": RecordType.WLAN}
_FIELDS = {"address", "secret", "service", "change_port"}


class ClientsWrong(ValueError):
    """The file of access servers cannot be used as it is; the words say which entry and why."""


@dataclass(frozen=True)
class AccessServer:
    """A BRAS or a WLAN controller."""

    name: str
    address: str
    secret: bytes
    record_type: RecordType
    change_port: int


@dataclass(frozen=True)
class AccessServers:
    """All of them."""

    by_address: dict[str, AccessServer]
    by_name: dict[str, AccessServer]


def read_clients(path: Path) -> AccessServers:
    """Read the file. Raises ClientsWrong, OSError."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as fault:
        raise ClientsWrong(str(fault)) from fault
    if path.stat().st_mode & 0o077:
        raise ClientsWrong(f"{path} holds secrets and others may read it: chmod 600")
    servers = [_server(name, entry) for name, entry in entries.items()]
    by_address = {server.address: server for server in servers}
    if len(by_address) != len(servers):
        raise ClientsWrong("two entries have one address")
    return AccessServers(by_address, {server.name: server for server in servers})


def _server(name: str, entry: object) -> AccessServer:
    if not isinstance(entry, dict) or set(entry) - _FIELDS:
        raise ClientsWrong(f"{name}: an entry has {', '.join(sorted(_FIELDS))} and nothing else")
    secret, service, port = (
        entry.get("secret", ""),
        entry.get("service", "BROADBAND"),
        entry.get("change_port", CHANGE_PORT),
    )
    try:
        host = str(ip_address(entry.get("address", "")))
    except ValueError as fault:
        raise ClientsWrong(f"{name}: {fault}") from fault
    if not isinstance(secret, str) or len(secret) < _SHORTEST_SECRET:
        raise ClientsWrong(f"{name}: a secret has at least {_SHORTEST_SECRET} characters")
    if service not in _SERVICES or not isinstance(port, int) or not 0 <= port < 1 << 16:
        raise ClientsWrong(f"{name}: service is {' or '.join(_SERVICES)}, change_port a port")
    return AccessServer(name, host, secret.encode(), _SERVICES[service], port)
