"""The access servers we know, by address and by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from openboss.kernel.usage import RecordType

NOT_LISTED, WRONG_SECRET = "NOT_LISTED", "SECRET"


@dataclass(frozen=True)
class AccessServer:
    """A BRAS or a WLAN controller."""

    name: str
    address: str
    secret: bytes = field(repr=False)
    record_type: RecordType
    change_port: int


def _nobody_notes(name: str, address: str, why: str) -> None:
    """Nobody wants to know what came."""


@dataclass
class AccessServers:
    """All of them; `note` hears of every packet: the server's name, its address, and why it was dropped."""

    by_address: dict[str, AccessServer]
    by_name: dict[str, AccessServer]
    note: Callable[[str, str, str], None] = _nobody_notes
