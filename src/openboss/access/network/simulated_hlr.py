"""A simulated home location register: it is none, it writes down what one would hold, and says so.

For demos and tests on machines where no osmo-hlr runs. What it holds lies in one readable JSON file, beside a log of
everything it was told.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from openboss.modules.customers.functions import NetworkProfile
from openboss.processes.provision import profile_of

_SAYS = "simulated register: nothing here reaches a network"


class SimulatedHlr:
    """What a register would hold, in a folder."""

    def __init__(self, folder: Path) -> None:
        """Read what was held before."""
        folder.mkdir(parents=True, exist_ok=True)
        self._state, self._log = folder / "simulated_hlr.json", folder / "simulated_hlr.log"
        self._cards: dict[str, dict[str, object]] = {}
        if self._state.exists():
            self._cards = json.loads(self._state.read_text(encoding="ascii"))["cards"]

    def put(self, profile: NetworkProfile) -> None:
        """Hold this for a card; a number that another card had is taken from it."""
        for card in self._cards.values():
            if card["msisdn"] == profile.msisdn and card["imsi"] != profile.imsi:
                card["msisdn"] = 0
        self._cards[str(profile.imsi)] = asdict(profile)
        self._write("SET", asdict(profile))

    def delete(self, imsi: int) -> None:
        """Hold nothing for a card."""
        self._cards.pop(str(imsi), None)
        self._write("DELETE", {"imsi": imsi})

    def read(self, imsi: int) -> NetworkProfile | None:
        """What is held for a card."""
        card = self._cards.get(str(imsi))
        return profile_of(card) if card else None

    def _write(self, verb: str, told: dict[str, object]) -> None:
        with self._log.open("a", encoding="ascii") as log:
            log.write(json.dumps({"verb": verb, **told}) + "\n")
        draft = self._state.with_suffix(".draft")
        draft.write_text(json.dumps({"note": _SAYS, "cards": self._cards}, indent=1), encoding="ascii")
        draft.replace(self._state)


def held(profile: NetworkProfile) -> NetworkProfile:
    """It can hold a profile whole."""
    return profile
