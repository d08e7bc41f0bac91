"""What networks asked and how it went: counts of the last two minutes, and every step of users who are followed.

Kept in the engine's memory only: a picture for whoever watches, no record of anything. A group costs a few
microseconds. Read by other threads without a lock: a figure may be of a moment ago, never of nobody.
"""

import re
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.modules.charging.engine.online.desk import Life
from openboss.modules.charging.engine.online.requests import USED_FIELDS, Action, Kind, Measure, Result
from openboss.modules.charging.engine.online.shown import known_row, money_of
from openboss.modules.charging.engine.online.turns import Decided
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.numbering import ZEROS

SECONDS = 120  # how far back counts go
MOST_FOLLOWED = 20  # users at a time: whoever was followed first is given up
STEPS_KEPT = 300  # of one user
_SHORTEST_NUMBER = 7

_CODES = np.array(sorted(Result), np.int32)
_KINDS = max(Kind) + 1
_BUCKETS = 96  # a quarter of a doubling each, from one microsecond to seconds
_A_DOUBLING = 4
_RESULTS_AT, _TIMES_AT = _KINDS, _KINDS + 2 * len(_CODES)
_WIDTH = _TIMES_AT + _BUCKETS


def _nobody() -> dict[str, Any]:
    return {"peers": [], "heard": [], "turned_away": []}


class Watch:
    """Counts and steps. One thread notes, others read."""

    def __init__(
        self, peers: Callable[[], dict[str, Any]] = _nobody, key_of: Callable[[str], str] | None = None
    ) -> None:
        self._key_of = key_of  # the engine's name of a session by the network's
        self._peers = peers  # who is connected, was heard of, was turned away
        self.counts = np.zeros((SECONDS, _WIDTH), np.int64)
        self.second = np.zeros(SECONDS, np.int64)
        self.since_start = np.zeros(_WIDTH, np.int64)
        self._followed: dict[int, deque[dict[str, Any]]] = {}  # by subscriber
        self._numbers: dict[str, int] = {}  # subscriber by number, for requests that open no session

    # --- noting ------------------------------------------------------------------------------------------------------

    def note(self, requests: np.ndarray, decided: Decided, *, at_s: int, took_s: float) -> None:
        """Note a group that was decided and committed within `took_s`."""
        place = at_s % SECONDS
        if self.second[place] != at_s:
            self.counts[place] = 0
            self.second[place] = at_s
        bucket = min(int(np.log2(max(1.0, took_s * 1e6)) * _A_DOUBLING), _BUCKETS - 1)
        for counts in (self.counts[place], self.since_start):
            _count(requests, decided.taken, decided.answers, decided.quotas, _CODES, bucket, counts)

    def note_steps(
        self, state: EngineState, requests: np.ndarray, asks: np.ndarray, decided: Decided, *, at_s: int
    ) -> None:
        """Note the steps of users who are followed, as a group that was just decided has left them."""
        if self._followed:
            self._follow(state, requests, asks, decided, at_s)

    def _follow(self, state: EngineState, requests: np.ndarray, asks: np.ndarray, decided: Decided, at_s: int) -> None:
        """Note the steps of users who are followed; another thread may give one up meanwhile."""
        wanted = {known_row(state, one): one for one in list(self._followed)}
        sessions = decided.answers["place"]
        rows = np.where(sessions >= 0, state.desk.sessions["row"][sessions], -1)
        for number in np.flatnonzero(decided.taken):
            followed = wanted.get(int(rows[number])) if rows[number] >= 0 else self._by_number(requests[number])
            kept = self._followed.get(followed) if followed is not None else None
            if followed is not None and kept is not None:
                row = known_row(state, followed)
                step = _step(requests[number], asks, decided, int(number))
                at = datetime.fromtimestamp(at_s, UTC).isoformat()
                kept.append({"at": at, **step, "money": money_of(state, row) if row >= 0 else None})

    def _by_number(self, request: np.ndarray) -> int | None:
        digits = str(int(request["served"]) % ZEROS)  # with or without country code
        if len(digits) < _SHORTEST_NUMBER:
            return None
        return next((one for number, one in self._numbers.items() if number.endswith(digits)), None)

    # --- reading -----------------------------------------------------------------------------------------------------

    def follow(self, subscriber_id: int, number: str) -> None:
        """Begin to keep the steps of a user; `number` in E.164 knows them where no session does."""
        if len(self._followed) >= MOST_FOLLOWED and subscriber_id not in self._followed:
            self.give_up(next(iter(self._followed)))
        self._followed.setdefault(subscriber_id, deque(maxlen=STEPS_KEPT))
        self._numbers = {**self._numbers, number: subscriber_id}  # whoever goes through the others goes on with them

    def give_up(self, subscriber_id: int) -> None:
        """Forget the steps of a user."""
        self._followed.pop(subscriber_id, None)
        self._numbers = {number: one for number, one in self._numbers.items() if one != subscriber_id}

    def steps(self, subscriber_id: int) -> dict[str, Any]:
        """The steps of a user since it is followed."""
        kept = self._followed.get(subscriber_id)
        return {"is_followed": kept is not None, "steps": list(kept or [])}

    def keys_of(self, name: str) -> list[str]:
        """What a session may be called in the engine that somebody names: as a network does, or as the engine."""
        found = [self._key_of(name)] if self._key_of else []
        return [*found, name.lower()] if re.fullmatch(r"[0-9a-fA-F]{32}", name) else found

    def board(self, state: EngineState, *, now_s: int) -> dict[str, Any]:
        """Rates by kind and result of every second, time taken, and sessions."""
        seconds = np.arange(now_s - SECONDS + 1, now_s)  # the running second is not whole yet
        places = seconds % SECONDS
        rows = np.where((self.second[places] == seconds)[:, None], self.counts[places], 0)
        minute = rows[-60:].sum(axis=0)
        sessions = state.desk.sessions["life"]
        return {
            "now_s": now_s,
            "a_second": rows[:, :_KINDS].sum(axis=1).tolist(),
            "refused_a_second": _refusals(rows).sum(axis=1).tolist(),
            "of_last_minute": _named(minute),
            "since_start": _named(self.since_start),
            "sessions": {life.name: int((sessions == life).sum()) for life in (Life.OPEN, Life.EXPIRED, Life.CLOSED)},
            **self._peers(),
            "wallets": len(state.wallet_of),
            "users": int(state.used["rows"]),
        }


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
    times = counts[_TIMES_AT:]
    return {
        "kinds": {kind.name: int(counts[kind]) for kind in Kind},
        "requests": {str(code): int(count) for code, count in zip(_CODES, of_requests, strict=True) if count},
        "services": {str(code): int(count) for code, count in zip(_CODES, of_services, strict=True) if count},
        "p50_us": _quantile_us(times, 0.5),
        "p99_us": _quantile_us(times, 0.99),
        "p999_us": _quantile_us(times, 0.999),
    }


def _quantile_us(times: np.ndarray, part: float) -> int | None:
    """The upper edge of the bucket in which a quantile lies, in microseconds; None without requests."""
    upto = np.cumsum(times)
    if not upto[-1]:
        return None
    return round(2 ** ((int(np.searchsorted(upto, part * upto[-1])) + 1) / _A_DOUBLING))


def _step(request: np.ndarray, asks: np.ndarray, decided: Decided, number: int) -> dict[str, Any]:
    """One request, what it reported and wanted, and what it was answered."""
    first = int(request["first_ask"])
    services = []
    for place in range(first, first + int(request["asks"])):
        ask, quota = asks[place], decided.quotas[place]
        services.append(
            {
                "rating_group": int(ask["rating_group"]),
                "service_id": int(ask["service_id"]),
                "used": {name: int(ask[name]) for name in USED_FIELDS if ask[name]},
                "wants": {name: int(ask[name]) for name in ("want_s", "want_octets", "want_units") if ask[name] > 0},
                "is_asking": bool(ask["is_asking"]),
                "is_final": bool(ask["is_final"]),
                "result": int(quota["result"]),
                "measure": Measure(quota["measure"]).name,
                "granted": int(quota["granted"]),
                "validity_s": int(quota["validity_s"]),
                "change_at_s": int(quota["change_at_s"]),
                "is_last": bool(quota["is_last"]),
            }
        )
    answer = decided.answers[number]
    kind = Kind(int(request["kind"]))
    return {
        "session": f"{int(request['key_hi']):016x}{int(request['key_lo']):016x}",
        "kind": kind.name,
        "action": Action(int(request["action"])).name if kind == Kind.EVENT else None,
        "number": int(request["number"]),
        "record_type": int(request["record_type"]),
        "result": int(answer["result"]),
        "is_repeat": bool(answer["is_repeat"]),
        "cost_li": int(answer["cost_li"]),
        "services": services,
    }
