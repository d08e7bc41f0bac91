"""What networks asked, step by step: the last steps of everybody, and all there is to know of users who are followed.

The last steps of all users go round in a ring, a fixed row each: so whoever begins to follow a user sees what came
before. Both are in memory only. Written by one thread, read by others without a lock: a step may be missed, never
somebody else's shown.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.direct import direct
from openboss.modules.charging.engine.online.prices import charged_of, closed_of_user
from openboss.modules.charging.engine.online.requests import USED_FIELDS, Action, Kind, Measure
from openboss.modules.charging.engine.online.shown import known_row, money_of
from openboss.modules.charging.engine.online.turns import Decided
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.numbering import ZEROS

MOST_FOLLOWED = 20  # users at a time: whoever was followed first is given up
STEPS_KEPT = 300  # of one user
RING_STEPS = 1 << 18  # of everybody: 42 MB; two minutes at 2,000 requests a second
_SHORTEST_NUMBER = 7
_NOTHING = -(1 << 62)  # of money: nothing limits the user

STEP = np.dtype(
    [
        *((name, np.int64) for name in ("row", "at_s", "served", "number", "balance_li", "reserved_li", "cost_li",
                                        "rating_group", "service_id", "used_s", "used_octets", "used_units", "granted",
                                        "validity_s", "change_at_s")),
        ("key_hi", np.uint64),
        ("key_lo", np.uint64),
        ("result", np.int32),
        ("quota_result", np.int32),
        ("asks", np.int32),
        *((name, np.uint8) for name in ("kind", "action", "record_type", "measure", "is_repeat", "is_last",
                                        "is_asking", "is_final")),
    ],
    align=True,
)  # fmt: skip
"""A request and its answer in short: of several services the first."""

Whence = Callable[[int, int], dict[str, str] | None]
"""Who asks in the group under decision by the engine's name of a session: interface, peer, the network's name of it."""


def _unknown(_high: int, _low: int) -> dict[str, str] | None:
    return None


@dataclass
class _Followed:
    """A user who is followed: from which step of the ring on, and what was seen since."""

    since: int
    steps: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=STEPS_KEPT))


class Steps:
    """The ring of everybody, and whoever is followed."""

    def __init__(self, whence: Whence = _unknown) -> None:
        self._whence = whence
        self._ring = np.zeros(RING_STEPS, STEP)
        self._count = 0  # of steps since the start
        self._followed: dict[int, _Followed] = {}  # by subscriber
        self._before: dict[int, dict[str, int] | None] = {}  # what they had before the group under decision
        self._numbers: dict[str, int] = {}  # subscriber by number, for requests that open no session

    # --- noting ------------------------------------------------------------------------------------------------------

    def look(self, state: EngineState) -> None:
        """Remember what users who are followed have before a group is decided."""
        rows = {one: known_row(state, one) for one in list(self._followed)}
        self._before = {one: money_of(state, row) for one, row in rows.items() if row >= 0}

    def note(
        self,
        state: EngineState,
        requests: np.ndarray,
        asks: np.ndarray,
        decided: Decided,
        *,
        at_s: int,
        position: int,
    ) -> None:
        """Keep the steps of a group that was just decided, at its position in the journal."""
        desk = state.desk
        self._count = _keep(
            self._ring, self._count, requests, asks, decided.taken, decided.answers, decided.quotas, desk.sessions,
            desk.user_wallet, desk.wallets, at_s,
        )  # fmt: skip
        if self._followed:
            self._follow(state, requests, asks, decided, at_s, position)

    def _follow(
        self, state: EngineState, requests: np.ndarray, asks: np.ndarray, decided: Decided, at_s: int, position: int
    ) -> None:
        """Keep all there is of users who are followed; another thread may give one up meanwhile."""
        wanted = {known_row(state, one): one for one in list(self._followed)}
        sessions = decided.answers["place"]
        rows = np.where(sessions >= 0, state.desk.sessions["row"][sessions], -1)
        for number in np.flatnonzero(decided.taken):
            followed = wanted.get(int(rows[number])) if rows[number] >= 0 else self._by_number(requests[number])
            kept = self._followed.get(followed) if followed is not None else None
            if followed is None or kept is None:
                continue
            row, request = known_row(state, followed), requests[number]
            step = _step(request, asks, decided, int(number))
            kept.steps.append(
                {
                    "at": _moment(at_s),
                    **step,
                    "from": self._whence(int(request["key_hi"]), int(request["key_lo"])),
                    "before": self._before.get(followed),
                    "money": money_of(state, row) if row >= 0 else None,
                    "charged": charged_of(state, int(sessions[number])),
                    "records": closed_of_user(state, decided.closed, followed, position),
                }
            )

    def _by_number(self, request: np.ndarray) -> int | None:
        digits = str(int(request["served"]) % ZEROS)  # with or without country code
        if len(digits) < _SHORTEST_NUMBER:
            return None
        return next((one for number, one in self._numbers.items() if number.endswith(digits)), None)

    # --- reading -----------------------------------------------------------------------------------------------------

    def follow(self, subscriber_id: int, number: str) -> None:
        """Begin to keep all there is of a user; `number` in E.164 knows them where no session does."""
        if len(self._followed) >= MOST_FOLLOWED and subscriber_id not in self._followed:
            self.give_up(next(iter(self._followed)))
        self._followed.setdefault(subscriber_id, _Followed(self._count))
        self._numbers = {**self._numbers, number: subscriber_id}  # whoever goes through the others goes on with them

    def give_up(self, subscriber_id: int) -> None:
        """Forget the steps of a user, but for those in everybody's ring."""
        self._followed.pop(subscriber_id, None)
        self._numbers = {number: one for number, one in self._numbers.items() if one != subscriber_id}

    def of(self, state: EngineState, subscriber_id: int) -> dict[str, Any]:
        """The steps of a user who is followed: in short before that (`earlier`), with all there is since."""
        followed = self._followed.get(subscriber_id)
        if followed is None:
            return {"is_followed": False, "earlier": [], "steps": []}
        numbers = [int(number) for number, one in self._numbers.items() if one == subscriber_id]
        earlier = self._earlier(known_row(state, subscriber_id), numbers, followed.since)
        return {"is_followed": True, "earlier": earlier, "steps": list(followed.steps)}

    def _earlier(self, row: int, numbers: list[int], since: int) -> list[dict[str, Any]]:
        """The last steps of a user that are still in the ring, of those before one, oldest first."""
        first, ring = max(0, self._count - RING_STEPS), self._ring
        mine = (row >= 0) & (ring["row"] == row)
        for number in numbers:
            mine |= (ring["row"] < 0) & (ring["served"] % ZEROS == number)
        counted = np.arange(len(ring)) + (self._count // RING_STEPS) * RING_STEPS
        counted[counted >= self._count] -= RING_STEPS
        places = np.flatnonzero(mine & (counted >= first) & (counted < since))
        return [_short(ring[place]) for place in places[np.argsort(counted[places])][-STEPS_KEPT:]]


@compiled
def _kept(
    ring: np.ndarray, count: int, requests: np.ndarray, asks: np.ndarray, taken: np.ndarray, answers: np.ndarray,
    quotas: np.ndarray, sessions: np.ndarray, user_wallet: np.ndarray, wallets: np.ndarray, at_s: int,
) -> int:  # fmt: skip
    """Write the steps of a group into the ring; return how many were written since the start."""
    for m in range(len(requests)):
        if not taken[m]:
            continue
        request, answer, step = requests[m], answers[m], ring[count % len(ring)]
        count += 1
        row = sessions[answer.place].row if answer.place >= 0 else -1
        wallet = user_wallet[row] if 0 <= row < len(user_wallet) else -1
        step.row, step.at_s, step.served, step.number = row, at_s, request.served, request.number
        step.balance_li = wallets[wallet].balance_li if wallet >= 0 else _NOTHING
        step.reserved_li = wallets[wallet].reserved_li if wallet >= 0 else 0
        step.key_hi, step.key_lo = request.key_hi, request.key_lo
        step.kind, step.action, step.record_type = request.kind, request.action, request.record_type
        step.result, step.cost_li, step.is_repeat = answer.result, answer.cost_li, answer.is_repeat
        step.asks = request.asks
        if request.asks > 0:
            ask, quota = asks[request.first_ask], quotas[request.first_ask]
            step.rating_group, step.service_id = ask.rating_group, ask.service_id
            step.used_s = ask.used_s + ask.after_s
            step.used_octets = ask.used_up + ask.used_down + ask.after_up + ask.after_down
            step.used_units = ask.used_units + ask.after_units
            step.is_asking, step.is_final = ask.is_asking, ask.is_final
            step.quota_result, step.measure, step.granted = quota.result, quota.measure, quota.granted
            step.validity_s, step.change_at_s, step.is_last = quota.validity_s, quota.change_at_s, quota.is_last
    return count


_keep = direct(_kept)


def _moment(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat()


def _named(high: int, low: int) -> str:
    return f"{high:016x}{low:016x}"


def _short(step: np.ndarray) -> dict[str, Any]:
    """A step of the ring, as those of users who are followed are."""
    one = {name: step[name].item() for name in STEP.names or ()}
    service = {
        "rating_group": one["rating_group"],
        "service_id": one["service_id"],
        "used": {name: one[name] for name in ("used_s", "used_octets", "used_units") if one[name]},
        "is_asking": bool(one["is_asking"]),
        "is_final": bool(one["is_final"]),
        "result": one["quota_result"],
        "measure": Measure(one["measure"]).name,
        "granted": one["granted"],
        "validity_s": one["validity_s"],
        "change_at_s": one["change_at_s"],
        "is_last": bool(one["is_last"]),
    }
    has_money = one["balance_li"] != _NOTHING
    return {
        "at": _moment(one["at_s"]),
        "session": _named(one["key_hi"], one["key_lo"]),
        "kind": Kind(one["kind"]).name,
        "action": Action(one["action"]).name if one["kind"] == Kind.EVENT else None,
        "number": one["number"],
        "record_type": one["record_type"],
        "result": one["result"],
        "is_repeat": bool(one["is_repeat"]),
        "cost_li": one["cost_li"],
        "services": [service] if one["asks"] else [],
        "more_services": max(0, one["asks"] - 1),
        "money": {"balance_li": one["balance_li"], "reserved_li": one["reserved_li"]} if has_money else None,
    }


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
        "session": _named(int(request["key_hi"]), int(request["key_lo"])),
        "kind": kind.name,
        "action": Action(int(request["action"])).name if kind == Kind.EVENT else None,
        "number": int(request["number"]),
        "record_type": int(request["record_type"]),
        "result": int(answer["result"]),
        "is_repeat": bool(answer["is_repeat"]),
        "cost_li": int(answer["cost_li"]),
        "services": services,
        "more_services": 0,
    }
