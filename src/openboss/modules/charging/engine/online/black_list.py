"""The black list as the engine knows it: numbers and handsets that nobody may use. Source: CHG-32.

Business sends each entry as an order (orders.py). Whoever opens a session or an event with a listed number on either
side, or in a listed handset, is refused; what runs with it is ended by its network. Refunds are given; what was used
already is charged, and nothing new is given with it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from openboss.modules.charging.engine.online.desk import Desk, Life, longer
from openboss.modules.charging.engine.online.requests import USED_FIELDS, Action, Kind, Result
from openboss.modules.charging.handsets import IMEI, NUMBER

ON_LIST = -3  # in place of where a request's record of use is: nobody may use this


class Listed(NamedTuple):
    """Somebody who was refused for what is on the list."""

    request: int  # its place in the group
    kind: str
    number: int
    served_number: int


class BlackList:
    """Numbers and handsets on the list, each until a UTC second."""

    def __init__(self, until_s: dict[str, int] | None = None) -> None:
        """until_s: by kind and number, as `put` writes them and a snapshot keeps them."""
        self.until_s = until_s or {}
        self.changes = 0
        self._sorted: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # by kind, made when somebody asks

    def put(self, kind: str, number: int, until_s: int) -> None:
        """Enter a number or a handset until a UTC second; 0 = it is on the list no more."""
        if until_s:
            self.until_s[f"{kind} {number}"] = until_s
        else:
            self.until_s.pop(f"{kind} {number}", None)
        self.changes += 1
        self._sorted.clear()

    def has(self, kind: str, numbers: np.ndarray, now_s: int) -> np.ndarray:
        """Say of some numbers (i64, 0 = not known) whether they are on the list: bool[n]."""
        listed, until_s = self._sorted.get(kind) or self._sort(kind)
        if not len(listed):
            return np.zeros(len(numbers), np.bool_)
        at = np.minimum(np.searchsorted(listed, numbers), len(listed) - 1)
        return (listed[at] == numbers) & (until_s[at] > now_s)

    def _sort(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        mine = sorted((int(key.split()[1]), until) for key, until in self.until_s.items() if key.startswith(kind))
        columns = np.array(mine, np.int64).reshape(-1, 2)
        self._sorted[kind] = columns[:, 0].copy(), columns[:, 1].copy()
        return self._sorted[kind]


def refuse_listed(
    black: BlackList, requests: np.ndarray, asks: np.ndarray, fresh: np.ndarray, fresh_at: np.ndarray, now_s: int
) -> list[Listed]:
    """Have requests that would open something with what is on the list refused: ON_LIST in `fresh_at`; name them.

    fresh  USE: what was classified;  fresh_at  which is whose
    A session that begins with what it has used is charged that, and is given nothing: its wish is struck out.
    """
    if not black.until_s:
        return []
    is_refund = (requests["kind"] == Kind.EVENT) & (requests["action"] == Action.REFUND)
    opening = np.flatnonzero((fresh_at >= 0) & ~is_refund & (requests["action"] != Action.OVER))
    uses = fresh[fresh_at[opening]]
    found = list[Listed]()
    for kind, numbers in ((IMEI, requests["imei"][opening]), (NUMBER, uses["other_number"]),
                          (NUMBER, uses["served_number"])):  # fmt: skip
        for k in np.flatnonzero(black.has(kind, numbers, now_s) & (fresh_at[opening] >= 0)):
            request = requests[opening[k]]
            own = asks[request["first_ask"] : request["first_ask"] + request["asks"]]
            if request["kind"] == Kind.INITIAL and any(own[name].any() for name in USED_FIELDS):
                own["is_asking"] = 0
                continue
            fresh_at[opening[k]] = ON_LIST
            found.append(Listed(int(opening[k]), kind, int(numbers[k]), int(uses["served_number"][k])))
    return found


def those_refused(listed: Sequence[Listed], taken: np.ndarray, answers: np.ndarray) -> list[Listed]:
    """Leave out who waits for another group, and whose session was open already: it was answered as before."""
    denied = taken & (answers["result"] == Result.END_USER_SERVICE_DENIED) & (answers["place"] < 0)
    return [one for one in listed if denied[one.request]]


class Handsets:
    """The handset of each session, by its place at the engine, as its network last said. In memory only."""

    def __init__(self) -> None:
        self._imei, self._key = np.zeros(0, np.int64), np.zeros(0, np.uint64)

    def note(self, requests: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Keep what the requests of a group say; return the places of those that say it, their handsets in `of`."""
        said = np.flatnonzero((requests["imei"] != 0) & (places >= 0) & (requests["kind"] <= Kind.UPDATE))
        if not len(said):
            return np.zeros(0, np.int64)
        at = places[said].astype(np.int64)
        if (room := int(at.max()) + 1) > len(self._imei):
            room = max(room, 2 * len(self._imei))
            self._imei, self._key = longer(self._imei, room), longer(self._key, room)
        self._imei[at], self._key[at] = requests["imei"][said], requests["key_lo"][said]
        return at

    def of(self, sessions: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The handsets of some sessions: i64[n], 0 = not said. sessions: all of the engine's."""
        known = places < len(self._imei)
        at = places[known]
        found = np.zeros(len(places), np.int64)
        found[known] = np.where(self._key[at] == sessions["key_lo"][at], self._imei[at], 0)
        return found


def running_with_listed(
    black: BlackList, desk: Desk, handsets: Handsets, now_s: int, among: np.ndarray | None = None
) -> np.ndarray:
    """The places of open sessions that go on with what is on the list; of those at some places if they are named."""
    if not black.until_s:
        return np.zeros(0, np.int64)
    sessions = desk.sessions
    if among is None:
        places, services = (np.flatnonzero(all_of["life"] == Life.OPEN) for all_of in (sessions, desk.services))
    else:
        places = among[sessions["life"][among] == Life.OPEN]
        services = sessions["first_service"][places]  # whose numbers are the session's
    in_handset = places[black.has(IMEI, handsets.of(sessions, places), now_s)]
    uses = desk.uses[services]
    is_listed = black.has(NUMBER, uses["served_number"], now_s) | black.has(NUMBER, uses["other_number"], now_s)
    return np.unique(np.concatenate([in_handset, desk.services["session"][services[is_listed]]]))
