"""Who may ask online charging, as people wrote it down (`charging.functions.peers`), for all doors of the process.

Nobody written down for an interface: then only this machine may ask over it. What was turned away is kept for a
while, so that somebody can see it and let it in.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from openboss.access.network.radius.clients import AccessServer, AccessServers
from openboss.kernel.usage import RecordType
from openboss.modules.charging.functions.peers import PeerProof

MOST_TURNED_AWAY = 30
MOST_HEARD = 200
_MOST_KNOWN = 4096  # addresses with keys whose answer is remembered
_NOT_LISTED, _SHUT_OUT, _ADDRESS, _REALM = "NOT_LISTED", "SHUT_OUT", "ADDRESS", "REALM"
_TLS, _CERTIFICATE, _KEY = "TLS", "CERTIFICATE", "KEY"


@dataclass
class _Heard:
    """What came from somebody over an interface without connections."""

    requests: int = 0
    last_at_s: int = 0


class Admission:
    """The list as it stands, and what became of those who asked. One thread writes, others may read a picture."""

    def __init__(self, *, now_s: Callable[[], int], trial_key: str = "") -> None:
        self.now_s = now_s
        self.servers = AccessServers({}, {}, self._came)
        self._trial_sha256 = hashlib.sha256(trial_key.encode()).digest() if trial_key else b""
        self._diameter: dict[str, PeerProof] = {}
        self._nchf: list[PeerProof] = []
        self._known: dict[tuple[str, str], tuple[str, str]] = {}  # of Nchf: name or why not, by what was shown
        self._heard: dict[tuple[str, str], _Heard] = {}
        self._turned_away: OrderedDict[tuple[str, str, str, str], list[int]] = OrderedDict()

    def replace(self, peers: Iterable[PeerProof]) -> None:
        """Go by another list from now on."""
        listed = list(peers)
        self._diameter = {one.view.name: one for one in listed if one.view.interface == "DIAMETER"}
        self._nchf = [one for one in listed if one.view.interface == "NCHF"]
        self._known = {}
        servers = access_servers(listed)
        self.servers.by_address, self.servers.by_name = servers.by_address, servers.by_name

    # --- the doors -----------------------------------------------------------------------------------------------

    def admits_diameter(
        self, host: str, realm: str, address: str, certificate: Mapping[str, Any] | None = None
    ) -> bool:
        """Whether a Diameter node may connect. `certificate` as ssl tells it, None in the clear."""
        why = self._why_not(host.lower(), realm.lower(), address, certificate)
        if why:
            self._turn_away("DIAMETER", host[:253], address, why)
        return not why

    def _why_not(self, host: str, realm: str, address: str, certificate: Mapping[str, Any] | None) -> str:
        if not self._diameter:
            return "" if _is_here(address) else _NOT_LISTED
        known = self._diameter.get(host)
        if known is None:
            return _NOT_LISTED
        if not known.view.is_admitted:
            return _SHUT_OUT
        if known.view.realm and known.view.realm != realm:
            return _REALM
        if not _comes_from(known, address):
            return _ADDRESS
        if known.view.needs_tls and certificate is None:
            return _TLS
        return _CERTIFICATE if known.view.needs_tls and host not in _names(certificate or {}) else ""

    def nchf_client(self, client: str, authorization: str) -> str:
        """Say who sends a request, by where it comes from and what it shows; empty = nobody who may.

        client  address and port, as the server tells it
        """
        address = client.rpartition(":")[0].strip("[]")
        known = self._known.get((address, authorization))
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[address, authorization] = self._nchf_name(address, authorization)
        name, why = known
        if why:
            self._turn_away("NCHF", "", address, why)
        else:
            self._note("NCHF", name)
        return name

    def _nchf_name(self, address: str, authorization: str) -> tuple[str, str]:
        scheme, _, key = authorization.partition(" ")
        shown = hashlib.sha256(key.strip().encode()).digest() if scheme.lower() == "bearer" else b""
        if shown and shown == self._trial_sha256:
            return "console", ""
        if not self._nchf:
            return (address, "") if _is_here(address) else ("", _NOT_LISTED)
        why = _NOT_LISTED
        for one in self._nchf:
            is_proven = one.key_sha256 == shown if one.key_sha256 else bool(one.view.addresses)
            if not is_proven:
                why = _KEY if why == _NOT_LISTED else why
            elif not _comes_from(one, address):
                why = _ADDRESS if one.key_sha256 else why
            elif not one.view.is_admitted:
                why = _SHUT_OUT
            else:
                return one.view.name, ""
        return "", why

    def _came(self, name: str, address: str, why: str) -> None:
        """A packet of RADIUS came: of a server that is known, or with why it was dropped."""
        if why:
            self._turn_away("RADIUS", name, address, why)
        else:
            self._note("RADIUS", name)

    def _note(self, interface: str, name: str) -> None:
        found = self._heard.get((interface, name))
        if found is None:
            if len(self._heard) >= MOST_HEARD:
                return
            found = self._heard[interface, name] = _Heard()
        found.requests += 1
        found.last_at_s = self.now_s()

    # --- for whoever looks ---------------------------------------------------------------------------------------

    def picture(self) -> dict[str, Any]:
        """Who was heard of over interfaces without connections, and who was turned away, newest first."""
        return {
            "heard": [
                {"interface": interface, "name": name, "requests": found.requests, "last_at_s": found.last_at_s}
                for (interface, name), found in list(self._heard.items())
            ],
            "turned_away": [
                {"interface": interface, "name": name, "address": address, "why": why, "times": times,
                 "last_at_s": last_at_s}
                for (interface, name, address, why), (times, last_at_s) in list(self._turned_away.items())[::-1]
            ],
        }  # fmt: skip

    def _turn_away(self, interface: str, name: str, address: str, why: str) -> None:
        key = (interface, name, address, why)
        times = self._turned_away.pop(key, [0, 0])[0]
        if len(self._turned_away) >= MOST_TURNED_AWAY:
            self._turned_away.popitem(last=False)
        self._turned_away[key] = [times + 1, self.now_s()]


def access_servers(peers: Iterable[PeerProof]) -> AccessServers:
    """The access servers of a list, for whoever only sends them changes."""
    found = [_server(one) for one in peers if one.view.interface == "RADIUS" and one.view.is_admitted]
    return AccessServers({one.address: one for one in found}, {one.name: one for one in found})


def _server(peer: PeerProof) -> AccessServer:
    view = peer.view
    return AccessServer(view.name, view.addresses[0], peer.secret, RecordType[view.service], view.change_port)


def _place(address: str) -> IPv4Address | IPv6Address:
    """An address without its zone, and as IPv4 if it is one in the clothes of the other."""
    found = ip_address(address.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


def _is_here(address: str) -> bool:
    return _place(address).is_loopback


def _comes_from(peer: PeerProof, address: str) -> bool:
    return not peer.view.addresses or any(_place(address) in ip_network(one) for one in peer.view.addresses)


def _names(certificate: Mapping[str, Any]) -> set[str]:
    """The names of hosts a certificate was made out to, in small letters."""
    alternative = {value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"}
    common = {value for group in certificate.get("subject", ()) for kind, value in group if kind == "commonName"}
    return {name.lower() for name in alternative or common}
