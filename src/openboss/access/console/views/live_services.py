"""Services in use as people read them: what was used, what it cost, what may still be used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from openboss.access.console import formats
from openboss.modules.charging.functions.live import LiveUsage


def used_text(seconds: int, octets: int, units: int) -> str:
    """How much was used, in what it was used in."""
    if octets:
        return formats.amount_of_unit(octets // 1024, "KB")
    if seconds:
        return formats.duration(seconds)
    return formats.count(units)


def quota_text(measure: str, granted: int) -> str:
    """A quota in what it is counted in."""
    if measure == "SECONDS":
        return formats.duration(granted)
    if measure == "OCTETS":
        return formats.amount_of_unit(granted // 1024, "KB")
    return formats.count(granted) if measure == "UNITS" else ""


def services_shown(live: LiveUsage | None) -> list[dict[str, Any]]:
    """A user's services in use for a table: what each has used, cost and may still use."""
    return [
        {
            "service": one,
            "used": used_text(one.used_s, one.used_octets, one.used_units),
            "granted": quota_text(one.measure, one.granted),
            "began_at": datetime.fromtimestamp(one.began_at_s, UTC),
        }
        for one in (live.services if live else [])
    ]
