"""What networks asked and how it went in the last two minutes: counts and times, for whoever watches.

Kept in the engine's memory only: a picture, no record of anything. A group costs a few microseconds. Read by other
threads without a lock: a figure may be of a moment ago, never of nobody.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.modules.charging.engine.online.desk import Life
from openboss.modules.charging.engine.online.meter import BUCKETS, bucket_of, quantile_us
from openboss.modules.charging.engine.online.requests import ASK, REQUEST, Kind, Result
from openboss.modules.charging.engine.online.steps import Steps
from openboss.modules.charging.engine.online.turns import Decided
from openboss.modules.charging.engine.state import EngineState

SECONDS = 120  # how far back counts go
MINUTE_S = 60

_CODES = np.array(sorted(Result), np.int32)
_KINDS = max(Kind) + 1
_RESULTS_AT, _TIMES_AT = _KINDS, _KINDS + 2 * len(_CODES)
_USES = ("s", "up", "down", "units")
_WIDTH = _TIMES_AT + BUCKETS


class Lost(NamedTuple):
    """Use of a session that nobody knows, as reported: it was not charged."""

    key_hi: int
    key_lo: int
    seconds: int
    octets: int
    units: int


def lost_use(requests: np.ndarray, asks: np.ndarray, decided: Decided) -> list[Lost]:
    """The use that requests of a group report of sessions nobody knows (5002): only their files can tell of it now."""
    found = []
    for m in np.flatnonzero(decided.taken & (decided.answers["result"] == Result.UNKNOWN_SESSION)):
        mine = asks[requests["first_ask"][m] :][: requests["asks"][m]]
        used = {name: sum(int(mine[f"{when}_{name}"].sum()) for when in ("used", "after")) for name in _USES}
        lost = Lost(int(requests["key_hi"][m]), int(requests["key_lo"][m]), used["s"], used["up"] + used["down"],
                    used["units"])  # fmt: skip
        if lost.seconds or lost.octets or lost.units:
            found.append(lost)
    return found


TurnedDown = Mapping[tuple[str, str], int]
"""What doors turned down since the start, by interface and cause."""


def _nobody() -> dict[str, Any]:
    return {"peers": [], "heard": [], "turned_away": [], "ahead": {"groups": 0, "requests": 0, "oldest_us": 0}}


class Watch:
    """Counts, and the steps of users. One thread notes, others read."""

    def __init__(
        self,
        picture: Callable[[], dict[str, Any]] = _nobody,
        key_of: Callable[[str], str] | None = None,
        steps: Steps | None = None,
    ) -> None:
        self._key_of = key_of  # the engine's name of a session by the network's
        self._picture = picture  # who is connected, was heard of, was turned away; what is decided and not yet safe
        self.steps = steps or Steps()
        self.counts = np.zeros((SECONDS, _WIDTH), np.int64)
        self.second = np.zeros(SECONDS, np.int64)
        self.since_start = np.zeros(_WIDTH, np.int64)
        self._answered = np.zeros((SECONDS, BUCKETS), np.int64)  # by the time since the socket
        self._answered_before = np.zeros(BUCKETS, np.int64)
        self._turned_down: dict[tuple[str, str], np.ndarray] = {}  # of each second, and since the start

    # --- noting ------------------------------------------------------------------------------------------------------

    def warm(self, state: EngineState, nobody: Decided, *, at_s: int) -> None:
        """Have the compiled code ready: note a group of no requests."""
        requests = np.zeros(0, REQUEST)
        self.steps.note(state, requests, np.zeros(0, ASK), nobody, at_s=at_s, position=0)
        self.note(requests, nobody, at_s=at_s, took_s=0)

    def _begin(self, at_s: int) -> int:
        """The place of a second; what was there two minutes ago is forgotten."""
        place = at_s % SECONDS
        if self.second[place] != at_s:
            self.counts[place] = self._answered[place] = 0
            for counted in self._turned_down.values():
                counted[place] = 0
            self.second[place] = at_s
        return place

    def note(self, requests: np.ndarray, decided: Decided, *, at_s: int, took_s: float) -> None:
        """Note a group that was decided and committed within `took_s`."""
        place, bucket = self._begin(at_s), bucket_of(took_s)
        for counts in (self.counts[place], self.since_start):
            _count(requests, decided.taken, decided.answers, decided.quotas, _CODES, bucket, counts)

    def note_doors(self, answered: np.ndarray, turned_down: TurnedDown, *, at_s: int) -> None:
        """Note, once a second, what doors have counted since the start: times of answers, and what they turned down."""
        place = self._begin(at_s)
        self._answered[place] += answered - self._answered_before
        self._answered_before = answered.copy()
        for cause, count in turned_down.items():
            counted = self._turned_down.get(cause)
            if counted is None:
                counted = np.zeros(SECONDS + 1, np.int64)
                self._turned_down = {**self._turned_down, cause: counted}  # whoever reads goes on with the others
            counted[place] += count - counted[SECONDS]
            counted[SECONDS] = count

    # --- reading -----------------------------------------------------------------------------------------------------

    def keys_of(self, name: str) -> list[str]:
        """What a session may be called in the engine that somebody names: as a network does, or as the engine."""
        found = [self._key_of(name)] if self._key_of else []
        return [*found, name.lower()] if re.fullmatch(r"[0-9a-fA-F]{32}", name) else found

    def board(self, state: EngineState, *, now_s: int) -> dict[str, Any]:
        """Rates by kind and result of every second, time taken, what doors turned down, and sessions."""
        seconds = np.arange(now_s - SECONDS + 1, now_s)  # the running second is not whole yet
        places = seconds % SECONDS
        is_known = self.second[places] == seconds
        rows = np.where(is_known[:, None], self.counts[places], 0)
        last = places[-MINUTE_S:][is_known[-MINUTE_S:]]
        turned_down = {cause: (counted[:SECONDS][places] * is_known, counted[SECONDS]) for cause, counted in
                       self._turned_down.items()}  # fmt: skip
        sessions = state.desk.sessions["life"]
        return {
            "now_s": now_s,
            "a_second": rows[:, :_KINDS].sum(axis=1).tolist(),
            "refused_a_second": _refusals(rows).sum(axis=1).tolist(),
            "turned_down_a_second": sum((counted for counted, _ever in turned_down.values()),
                                        np.zeros(len(places), np.int64)).tolist(),
            "turned_down": [
                {"interface": interface, "cause": cause, "minute": int(counted[-MINUTE_S:].sum()), "ever": int(ever)}
                for (interface, cause), (counted, ever) in sorted(turned_down.items())
            ],
            "of_last_minute": _named(rows[-MINUTE_S:].sum(axis=0)),
            "since_start": _named(self.since_start),
            "answered": _times(self._answered[last].sum(axis=0)),
            "sessions": {life.name: int((sessions == life).sum()) for life in (Life.OPEN, Life.EXPIRED, Life.CLOSED)},
            **self._picture(),
            "wallets": len(state.accounts),
            "users": int(state.used["rows"]),
        }  # fmt: skip


@compiled
def _count(
    requests: np.ndarray, taken: np.ndarray, answers: np.ndarray, quotas: np.ndarray, codes: np.ndarray, bucket: int,
    counts: np.ndarray,
) -> None:  # fmt: skip
    """Count kinds and results of the requests of a group that were taken, and the results of all its quotas.

    A code that has no name is not counted, nor a kind that has none.
    """
    for m in range(len(requests)):
        if taken[m]:
            counts[_TIMES_AT + bucket] += 1
            if requests[m].kind < _KINDS:
                counts[requests[m].kind] += 1
            for k in range(len(codes)):
                if codes[k] == answers[m].result:
                    counts[_RESULTS_AT + k] += 1
    for a in range(len(quotas)):
        for k in range(len(codes)):
            if codes[k] == quotas[a].result:
                counts[_RESULTS_AT + len(codes) + k] += 1


def _refusals(rows: np.ndarray) -> np.ndarray:
    """The columns of counted results that are refusals, of requests and of services."""
    columns = np.concatenate([_RESULTS_AT + np.flatnonzero(_CODES != Result.SUCCESS),
                              _RESULTS_AT + len(_CODES) + np.flatnonzero(_CODES != Result.SUCCESS)])  # fmt: skip
    return rows[:, columns]


def _named(counts: np.ndarray) -> dict[str, Any]:
    of_requests = counts[_RESULTS_AT : _RESULTS_AT + len(_CODES)]
    of_services = counts[_RESULTS_AT + len(_CODES) : _TIMES_AT]
    return {
        "kinds": {kind.name: int(counts[kind]) for kind in Kind},
        "requests": {str(code): int(count) for code, count in zip(_CODES, of_requests, strict=True) if count},
        "services": {str(code): int(count) for code, count in zip(_CODES, of_services, strict=True) if count},
        **_times(counts[_TIMES_AT:]),
    }


def _times(times: np.ndarray) -> dict[str, int | None]:
    return {name: quantile_us(times, part) for name, part in (("p50_us", 0.5), ("p99_us", 0.99), ("p999_us", 0.999))}
