"""Where each module stands in the maps of the trade: eight modules, four parts, TBSS boxes, domain, area of eTOM.

`docs/system-map.md` is the same table for who has no console; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass

from openboss.access.console.menu import SECTIONS, Screen


@dataclass(frozen=True)
class Place:
    """Where one module stands.

    module  of the eight (ARC-05); part  of the four (ARC-22); domain  BSS, OSS or MSS (ARC-25)
    tbss    box of the TBSS view (ARC-30); area  of eTOM (ARC-34)
    """

    module: str
    part: str
    domain: str
    tbss: str
    area: str


PLACES = {
    "system": Place("SYSTEM", "SUPPORT", "MSS", "SUPPORT", "ENTERPRISE"),
    "workflow": Place("SYSTEM", "SUPPORT", "MSS", "SUPPORT", "ENTERPRISE"),
    "catalog": Place("BUSINESS", "HALL_AND_ACCOUNTS", "BSS", "HALL", "MARKET"),
    "customers": Place("SERVICE", "SERVICE", "BSS", "SERVICE", "MARKET"),
    "resources": Place("BUSINESS", "HALL_AND_ACCOUNTS", "BSS", "HALL", "RESOURCE"),
    "orders": Place("SERVICE", "HALL_AND_ACCOUNTS", "BSS", "HALL", "SERVICE"),
    "charging": Place("CHARGING", "CHARGING", "BSS", "BILLING", "SERVICE"),
    "billing": Place("ACCOUNT_PROCESSING", "HALL_AND_ACCOUNTS", "BSS", "BILLING", "SERVICE"),
    "receivables": Place("ACCOUNT_MANAGEMENT", "HALL_AND_ACCOUNTS", "BSS", "ACCOUNT", "MARKET"),
}
"""The modules of `openboss.modules`. Settlement is the ninth and not written yet."""

OF_RIGHT = {"jobs": "system", "audit": "system", "work": "workflow"}
ANALYSIS = ("console:finance", "console:ageing", "console:key_customers", "console:value", "console:data_quality")
VIEWS = ("module", "part")


def module_of(screen: Screen) -> str:
    """The module whose work a screen of the rail is; what needs no right belongs to the system."""
    name = (screen.right or "system").partition(".")[0]
    found = OF_RIGHT.get(name, name)
    return found if found in PLACES else "system"


def screens_by(view: str) -> dict[str, list[Screen]]:
    """Every screen of the rail under the module, or the part, it belongs to; figures stand under analysis."""
    found: dict[str, list[Screen]] = {}
    for section in SECTIONS:
        for screen in section.everything:
            place = PLACES[module_of(screen)]
            analysis = {"module": "ANALYSIS", "part": "DECISIONS"}[view]
            key = analysis if screen.route in ANALYSIS else getattr(place, view)
            found.setdefault(key, []).append(screen)
    return found
