"""FreeRADIUS accounting detail: each Stop is a broadband or WLAN session, Start, Interim-Update, On, Off are filtered.

An entry is a line with the time, indented `Name = value` lines, and a blank line (RFC 2866, gigawords RFC 2869).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from openboss.access.network.decoders.lines import log_lines, pieces
from openboss.access.network.radius.names import record_name
from openboss.modules.charging.canonical import Trailer, Undecodable, UsageText

GIGAWORD = 1 << 32
ENTRY_LINES = 500
_ATTRIBUTE = re.compile(r'\s+([\w.:-]+)\s*[:+]?=\s*"?(.*?)"?$')
_WIRELESS = {"Wireless-802.11", "Wireless-Other", "18", "19"}  # NAS-Port-Type
_FILTERED = {"Start", "Interim-Update", "Accounting-On", "Accounting-Off", "Alive"}
_CAUSES = {
    name: number
    for number, name in enumerate(
        ("User-Request", "Lost-Carrier", "Lost-Service", "Idle-Timeout", "Session-Timeout", "Admin-Reset",
         "Admin-Reboot", "Port-Error", "NAS-Error", "NAS-Request", "NAS-Reboot"), start=1,
    )
}  # fmt: skip


def decode(file: Path, _source_code: str, _sequence: int | None) -> Iterator[UsageText | Trailer]:
    """Yield the ended sessions of a detail file. Raises Undecodable."""
    yield from pieces(_sessions(file))


def _sessions(file: Path) -> Iterator[Mapping[str, object] | str | None]:
    for entry in _entries(file):
        status = entry.get("Acct-Status-Type", "")
        if status in _FILTERED:
            yield None
        elif status == "Stop":
            yield _session(entry)
        else:
            yield "; ".join(f"{name} = {value}" for name, value in entry.items()) or "an entry without attributes"


def _entries(file: Path) -> Iterator[dict[str, str]]:
    """Gather the attributes of each entry."""
    entry: dict[str, str] = {}
    open_entry = recognised = False
    lines = 0
    for line in log_lines(file):
        found = _ATTRIBUTE.match(line)
        lines = lines + 1 if found else 0
        if lines > ENTRY_LINES:
            raise Undecodable(f"an entry has more than {ENTRY_LINES} attributes")
        if found:
            recognised = open_entry = True
            entry.setdefault(found[1], found[2])
        elif open_entry:
            yield entry
            entry, open_entry = {}, False
    if open_entry:
        yield entry
    if not recognised:
        raise Undecodable("not an accounting detail of FreeRADIUS")


def _session(entry: Mapping[str, str]) -> Mapping[str, object]:
    """One ended session: what it lacks stays empty and is refused by the checks that all usage passes."""
    duration_s = entry.get("Acct-Session-Time", "")
    name = record_name(_class(entry.get("Class", "")), entry.get("Acct-Session-Id", ""))
    return {
        "record_type": "WLAN" if entry.get("NAS-Port-Type") in _WIRELESS else "BROADBAND",
        "served_number": entry.get("User-Name", "").split("@")[0],
        "start_time": _start(entry.get("Timestamp", ""), duration_s, entry.get("Acct-Delay-Time", "0")),
        "duration_s": duration_s,
        "up_bytes": _octets(entry, "Input"),
        "down_bytes": _octets(entry, "Output"),
        "call_ref": name or entry.get("Acct-Unique-Session-Id", ""),
        "cause_close": _CAUSES.get(entry.get("Acct-Terminate-Cause", ""), 0),
    }


def _octets(entry: Mapping[str, str], way: str) -> int | str:
    """Octets with their gigawords; text that is no number is handed on to be refused."""
    low = entry.get(f"Acct-{way}-Octets", "0")
    high = entry.get(f"Acct-{way}-Gigawords", "0")
    if not (low.isascii() and low.isdigit() and high.isascii() and high.isdigit()):
        return f"{high}:{low}"
    return int(high) * GIGAWORD + int(low) if len(low) < 18 and len(high) < 9 else f"{high}:{low}"


def _start(stopped: str, duration_s: str, delay_s: str) -> str:
    """Start of the session: the moment the Stop came, less how long it was on its way and the session's time."""
    if not re.fullmatch(r"\d{1,10}", stopped) or not all(
        re.fullmatch(r"\d{1,9}", one) for one in (duration_s, delay_s)
    ):
        return ""
    start_s = int(stopped) - int(duration_s) - int(delay_s)
    return f"{datetime.fromtimestamp(start_s, UTC):%Y-%m-%dT%H:%M:%S}Z" if start_s >= 0 else ""


def _class(octets: str) -> str:
    """What Class says as text: it is written as hexadecimal octets."""
    if not re.fullmatch(r"0x(?:[0-9a-fA-F]{2})+", octets):
        return octets
    return bytes.fromhex(octets[2:]).decode("utf-8", "replace")
