"""Who may ask online charging: written by people, read by the doors of networks."""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from django.db import IntegrityError, transaction

from openboss.modules.charging.models import Peer
from openboss.modules.system.functions import record_audit
from openboss.modules.system.keys import decrypt, encrypt

CHANGE_PORT = 3799  # RFC 5176
SHORTEST_SECRET = 16
SERVICES = ("BROADBAND", "WLAN")
MOST_ADDRESSES = 32
_KEY_BYTES = 32
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?")
_SECRET = re.compile(rf"[!-~]{{{SHORTEST_SECRET},128}}")


class PeerWrong(ValueError):
    """What was written about a network element cannot be used; `args[0]` names the field that is to blame."""


class PeerKnown(Exception):
    """Another element of this interface has the same name, or for access servers the same address."""


class PeerUnknown(LookupError):
    """There is no such network element any more."""


@dataclass(frozen=True, kw_only=True)
class PeerWish:
    """What somebody writes about an element. `secret` empty: the one that is known stays."""

    interface: str
    name: str
    realm: str = ""
    addresses: tuple[str, ...] = ()
    needs_tls: bool = False
    service: str = ""
    change_port: int = 0
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class PeerView:
    """An element as the pages show it: without what it proves itself by."""

    peer_id: int
    interface: str
    name: str
    realm: str
    addresses: tuple[str, ...]
    needs_tls: bool
    service: str
    change_port: int
    is_admitted: bool
    has_key: bool
    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class PeerProof:
    """An element as the doors know it: also with what it proves itself by."""

    view: PeerView
    secret: bytes = field(repr=False)
    key_sha256: bytes = field(repr=False)


def checked(wish: PeerWish) -> PeerWish:
    """Bring what was written into the form in which it is kept. Raises PeerWrong."""
    if wish.interface not in Peer.Interface.values:
        raise PeerWrong("interface")
    is_diameter, is_radius = wish.interface == Peer.Interface.DIAMETER, wish.interface == Peer.Interface.RADIUS
    name, realm = wish.name.strip().lower(), wish.realm.strip().lower() if is_diameter else ""
    if not _NAME.fullmatch(name):
        raise PeerWrong("name")
    if realm and not _NAME.fullmatch(realm):
        raise PeerWrong("realm")
    if wish.secret and not _SECRET.fullmatch(wish.secret):
        raise PeerWrong("secret")
    if is_radius and wish.service not in SERVICES:
        raise PeerWrong("service")
    if not 0 <= wish.change_port < 1 << 16:
        raise PeerWrong("change_port")
    return PeerWish(
        interface=wish.interface,
        name=name,
        realm=realm,
        addresses=_addresses(wish.addresses, is_one=is_radius),
        needs_tls=wish.needs_tls and is_diameter,
        service=wish.service if is_radius else "",
        change_port=wish.change_port if is_radius else 0,
        secret=wish.secret if is_radius else "",
    )


def _addresses(written: tuple[str, ...], *, is_one: bool) -> tuple[str, ...]:
    try:
        if is_one:
            (only,) = written
            return (str(ip_address(only)),)
        found = sorted({_short(ip_network(one, strict=False)) for one in written})
    except ValueError as wrong:
        raise PeerWrong("addresses") from wrong
    if len(found) > MOST_ADDRESSES:
        raise PeerWrong("addresses")
    return tuple(found)


def _short(network: IPv4Network | IPv6Network) -> str:
    """A network as people write it: one address without how long it is."""
    return str(network.network_address if network.num_addresses == 1 else network)


@transaction.atomic
def put_peer(*, peer_id: int | None, wish: PeerWish, staff_id: int | None, at: datetime) -> int:
    """Write an element down (None = a new one), or change one; return its id.

    Its interface never changes. Raises PeerWrong, PeerKnown, PeerUnknown.
    """
    wish = checked(wish)
    row = Peer(interface=wish.interface) if peer_id is None else _locked(peer_id)
    before = None if peer_id is None else _audited(row)
    if wish.interface != row.interface:
        raise PeerWrong("interface")
    if wish.interface == Peer.Interface.RADIUS and not wish.secret and peer_id is None:
        raise PeerWrong("secret")
    for name in ("name", "realm", "needs_tls", "service", "change_port"):
        setattr(row, name, getattr(wish, name))
    row.addresses, row.changed_at = list(wish.addresses), at
    if wish.secret:
        row.secret_sealed = encrypt(wish.secret)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as known:
        raise PeerKnown(wish.name) from known
    _audit("charging.put_peer", row, staff_id, at, before, {"secret_is_new": bool(wish.secret)})
    return row.peer_id


@transaction.atomic
def admit_peer(*, peer_id: int, is_admitted: bool, staff_id: int | None, at: datetime) -> None:
    """Let an element in again, or shut it out though it stays known. Raises PeerUnknown."""
    row = _locked(peer_id)
    before = _audited(row)
    row.is_admitted, row.changed_at = is_admitted, at
    row.save(update_fields=["is_admitted", "changed_at"])
    _audit("charging.admit_peer", row, staff_id, at, before)


@transaction.atomic
def give_key(*, peer_id: int, staff_id: int | None, at: datetime) -> str:
    """Make a key for a 5G session function and return it; it is never shown again, for only its hash is kept.

    A key it had before is good no more. Raises PeerUnknown.
    """
    row = _locked(peer_id)
    if row.interface != Peer.Interface.NCHF:
        raise PeerUnknown(peer_id)
    before, key = _audited(row), secrets.token_urlsafe(_KEY_BYTES)
    row.key_sha256, row.changed_at = hashlib.sha256(key.encode()).digest(), at
    row.save(update_fields=["key_sha256", "changed_at"])
    _audit("charging.give_peer_key", row, staff_id, at, before)
    return key


@transaction.atomic
def remove_peer(*, peer_id: int, staff_id: int | None, at: datetime) -> None:
    """Strike an element off the list. Raises PeerUnknown."""
    row = _locked(peer_id)
    record_audit(
        staff_id=staff_id, action="charging.remove_peer", object_kind="peer", object_id=peer_id, at=at,
        before=_audited(row),
    )  # fmt: skip
    row.delete()


def list_peers() -> list[PeerView]:
    """Show all elements, by interface and name."""
    return [_view(row) for row in Peer.objects.order_by("interface", "name").defer("secret_sealed")]


def peer_by_id(*, peer_id: int) -> PeerView:
    """Show one element. Raises PeerUnknown."""
    row = Peer.objects.filter(peer_id=peer_id).defer("secret_sealed").first()
    if row is None:
        raise PeerUnknown(peer_id)
    return _view(row)


def peers_with_proofs() -> list[PeerProof]:
    """All elements with what proves them, for the doors. Raises UnknownKeyVersion, NotDecryptable."""
    return [
        PeerProof(
            view=_view(row),
            secret=decrypt(row.secret_sealed).encode() if row.secret_sealed else b"",
            key_sha256=bytes(row.key_sha256),
        )
        for row in Peer.objects.order_by("interface", "name")
    ]


def re_encrypt_peers(re_encrypt: Callable[[bytes], bytes]) -> int:
    """Bring every secret to the newest key; return how many were rewritten."""
    rewritten = 0
    for row in Peer.objects.exclude(secret_sealed=b"").order_by("peer_id").only("secret_sealed"):
        sealed = bytes(row.secret_sealed)
        fresh = re_encrypt(sealed)
        if fresh != sealed:
            rewritten += Peer.objects.filter(pk=row.pk).update(secret_sealed=fresh)
    return rewritten


def _locked(peer_id: int) -> Peer:
    row = Peer.objects.select_for_update().filter(peer_id=peer_id).first()
    if row is None:
        raise PeerUnknown(peer_id)
    return row


def _view(row: Peer) -> PeerView:
    return PeerView(
        peer_id=row.peer_id,
        interface=row.interface,
        name=row.name,
        realm=row.realm,
        addresses=tuple(row.addresses),
        needs_tls=row.needs_tls,
        service=row.service,
        change_port=row.change_port,
        is_admitted=row.is_admitted,
        has_key=bool(row.key_sha256),
        changed_at=row.changed_at,
    )


def _audited(row: Peer) -> dict[str, Any]:
    names = ("interface", "name", "realm", "addresses", "needs_tls", "service", "change_port", "is_admitted")
    return {**{name: getattr(row, name) for name in names}, "has_key": bool(row.key_sha256)}


def _audit(
    action: str, row: Peer, staff_id: int | None, at: datetime, before: dict[str, Any] | None,
    more: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    record_audit(
        staff_id=staff_id, action=action, object_kind="peer", object_id=row.peer_id, at=at, before=before,
        after={**_audited(row), **(more or {})},
    )  # fmt: skip
