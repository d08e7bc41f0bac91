"""How often one address may try: whoever asks for number after number learns which exist, and is stopped.

Counted by each worker of the web server for itself, so that an address has at most that many tries times the workers.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from threading import Lock

from django.http import HttpRequest

MOST, WITHIN = 20, timedelta(minutes=10)
ADDRESSES_KEPT = 10_000

_tries: dict[str, deque[datetime]] = {}
_counting = Lock()


def may_try(request: HttpRequest, at: datetime) -> bool:
    """Count a try of the address a request comes from; False if it has tried too often lately."""
    address = request.META.get("REMOTE_ADDR", "")
    with _counting:
        mine = _tries.setdefault(address, deque())
        while mine and mine[0] <= at - WITHIN:
            mine.popleft()
        if len(mine) >= MOST:
            return False
        mine.append(at)
        if len(_tries) > ADDRESSES_KEPT:  # those that have not tried for the longest time are forgotten
            del _tries[min(_tries, key=lambda known: _tries[known][-1])]
        return True


def forget_tries() -> None:
    """Forget all tries."""
    with _counting:
        _tries.clear()
