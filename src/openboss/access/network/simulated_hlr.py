"""A simulated home location register: it is none, it writes down what one would hold, and says so.

For demos and tests on machines where no osmo-hlr runs. What it holds is what its readable log comes to.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from openboss.modules.customers.functions import NetworkProfile
from openboss.processes.provision import profile_of

_SAYS = "simulated register: nothing here reaches a network"


class SimulatedHlr:
    """What a register would hold, in a folder."""

    def __init__(self, folder: Path) -> None:
        """Read what it was told before."""
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "simulated_hlr.log"
        self._cards: dict[int, NetworkProfile] = {}
        self._card_of: dict[int, int] = {}  # by number
        if not self._log.exists():
            self._log.write_text(json.dumps({"verb": "NOTE", "note": _SAYS}) + "\n", encoding="ascii")
        told = self._log.read_text(encoding="ascii")
        whole = told[: told.rfind("\n") + 1]
        if whole != told:  # killed amid a line, which is told again
            self._log.write_text(whole, encoding="ascii")
        for line in whole.splitlines():
            self._take(json.loads(line))

    def put(self, profile: NetworkProfile) -> None:
        """Hold this for a card; a number that another card had is taken from it."""
        self._tell({"verb": "SET", **asdict(profile)})

    def delete(self, imsi: int) -> None:
        """Hold nothing for a card."""
        self._tell({"verb": "DELETE", "imsi": imsi})

    def read(self, imsi: int) -> NetworkProfile | None:
        """What is held for a card."""
        return self._cards.get(imsi)

    def _tell(self, told: dict[str, Any]) -> None:
        with self._log.open("a", encoding="ascii") as log:
            log.write(json.dumps(told) + "\n")
        self._take(told)

    def _take(self, told: dict[str, Any]) -> None:
        if told["verb"] == "DELETE":
            self._cards.pop(told["imsi"], None)
        elif told["verb"] == "SET":
            profile = profile_of(told)
            other = self._cards.get(self._card_of.get(profile.msisdn, profile.imsi))
            if other is not None and other.imsi != profile.imsi and other.msisdn == profile.msisdn:
                self._cards[other.imsi] = replace(other, msisdn=0)
            self._cards[profile.imsi], self._card_of[profile.msisdn] = profile, profile.imsi


def held(profile: NetworkProfile) -> NetworkProfile:
    """It can hold a profile whole."""
    return profile
