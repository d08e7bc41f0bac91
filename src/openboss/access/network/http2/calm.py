"""Frames that ask nothing: some go with every request, a flood of them asks for work and brings none."""

from __future__ import annotations

from openboss.access.network.http2.frames import Code, ConnectionFault

MOST_RESTLESS = 1000  # a second, beside those that go with requests
A_FRAME, A_RESET, A_REQUEST = 1, 10, -8  # what each counts
SMALL = 64  # bytes of a request: in smaller pieces it is a flood too


class Calm:
    """Counts them, second by second."""

    def __init__(self) -> None:
        self._second, self._restless = 0, 0

    def count(self, cost: int, at_s: float) -> None:
        """Count one. Raises ConnectionFault if there were too many (CVE-2019-9512 to 9518, CVE-2023-44487)."""
        if int(at_s) != self._second:
            self._second, self._restless = int(at_s), 0
        self._restless = max(self._restless + cost, 0)
        if self._restless > MOST_RESTLESS:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "too many frames that ask nothing")
