"""Where Diameter sessions live: whose they are, and over which line they speak, for what we tell networks ourselves.

By the session's place at the engine, with the key beside it: a place may have become another session's. A session that
has lasted some seconds is also written down, in bulk and beside the loop, so that an engine that begins again reaches
one that says nothing; of the others the next request tells. Requests are looked at a group at a time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple, Protocol

import numpy as np

from openboss.modules.charging.engine.online.requests import Kind
from openboss.modules.charging.session_homes import GatewayAddress

LASTS_S = 5.0  # so old a session is written down: most of the short ones have ended by then
MOST_HOSTS = 1 << 16  # gateways whose names and states are remembered
_KNOWN, _WRITTEN = 1, 2


class Origin(NamedTuple):
    """A gateway."""

    host: bytes
    realm: bytes


class Home(NamedTuple):
    """Where one session lives."""

    key: str  # the engine's name of it, 32 hexadecimal digits
    session_id: bytes
    host: str
    realm: str
    line: int  # number of the connection its last request came over; 0 = not known
    via: str  # the peer at its other end


class Register(Protocol):
    """What outlives this process (charging.functions.addresses)."""

    def keep_gateways(self, *, said: Mapping[str, GatewayAddress], gone: Collection[str], at: datetime) -> None:
        """Write down where sessions live, and let others go."""

    def gateways_of(self, session_keys: Collection[str]) -> dict[str, GatewayAddress]:
        """Where some sessions live."""

    def gateways_before(self, *, host: str, state_id: int) -> list[str]:
        """The sessions that a gateway opened in an earlier life."""

    def close(self) -> None:
        """Let the connection of the thread go that writes."""


class Homes:
    """The sessions of one node."""

    def __init__(self, register: Register | None) -> None:
        self.register = register
        self.via: dict[int, str] = {0: ""}  # by number of a connection: the name of the peer
        self._named: dict[int, tuple[bytes, Origin]] = {}  # by place: Session-Id and gateway
        self._origins: dict[int, Origin] = {}  # by hash of Origin-Host
        self._states: dict[bytes, int] = {}  # the newest Origin-State-Id of a host
        self._births = {0}  # hosts with the states that were looked at
        self._young: deque[tuple[float, list[int]]] = deque()  # places not written down yet, by when they were taken
        self._gone: set[str] = set()  # written down, and ended since
        self._high, self._low = np.zeros(0, np.uint64), np.zeros(0, np.uint64)  # by place: the key of the session
        self._origin, self._line = np.zeros(0, np.int64), np.zeros(0, np.int32)  # its gateway, its last connection
        self._state = np.zeros(0, np.uint8)  # 0 = none, else _KNOWN or _WRITTEN down
        self._make_room(1 << 10)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="homes")
        self._writing: Future[None] | None = None

    def meets(self, line: int, peer: str) -> None:
        """A connection is welcome: requests will come over it."""
        if len(self.via) > MOST_HOSTS:
            self.via = {0: "", **dict(list(self.via.items())[MOST_HOSTS // 2 :])}
        self.via[line] = _text(peer.encode())

    def _make_room(self, places: int) -> None:
        for name in ("_high", "_low", "_origin", "_line", "_state"):
            column = getattr(self, name)
            setattr(self, name, np.concatenate([column, np.zeros(places - len(column), column.dtype)]))

    # --- a group of requests -------------------------------------------------------------------------------------

    def note(
        self, data: bytes, lines: list[int], credit: np.ndarray, requests: np.ndarray, places: np.ndarray, now_s: float
    ) -> None:
        """Keep where the sessions of a group live.

        lines   numbers of the group's connections;  credit  MARK: of each request;  places  of sessions, -1 = none
        """
        kinds = requests["kind"]
        going = np.flatnonzero((places >= 0) & (kinds <= Kind.UPDATE))
        if len(going):
            at = places[going]
            if (highest := int(at.max())) >= len(self._low):
                self._make_room(max(highest + 1, 2 * len(self._low)))
            self._line[at] = np.array(lines, np.int32)[credit["connection"][going]]
            fresh = going[self._low[at] != requests["key_lo"][going]]
            if len(fresh):
                self._learn(data, credit[fresh], requests[fresh], places[fresh], now_s)
        ended = np.flatnonzero((places >= 0) & (kinds == Kind.TERMINATION))
        if len(ended):
            self._end(requests[ended], places[ended])

    def _learn(self, data: bytes, credit: np.ndarray, requests: np.ndarray, places: np.ndarray, now_s: float) -> None:
        taken = places.tolist()
        self._let_go(places[self._state[places] == _WRITTEN])
        self._high[places], self._low[places] = requests["key_hi"], requests["key_lo"]
        self._origin[places] = credit["origin"]
        self._state[places] = _KNOWN
        columns = [credit[name].tolist() for name in ("origin", "session_at", "session_length")]
        for number, (place, origin, at, length) in enumerate(zip(taken, *columns, strict=True)):
            known = self._origins.get(origin) or self._meet(data, credit[number])
            self._named[place] = data[at : at + length], known
        if self.register is not None:
            if not self._young or now_s - self._young[-1][0] > 1:
                self._young.append((now_s, []))
            self._young[-1][1].extend(taken)

    def _meet(self, data: bytes, mark: np.ndarray) -> Origin:
        """Take down the names of a gateway."""
        if len(self._origins) >= MOST_HOSTS:
            self._origins.clear()
        host, realm = (
            data[int(mark[f"{name}_at"]) : int(mark[f"{name}_at"]) + int(mark[f"{name}_length"])]
            for name in ("host", "realm")
        )
        found = self._origins[int(mark["origin"])] = Origin(host, realm)
        return found

    def _end(self, requests: np.ndarray, places: np.ndarray) -> None:
        """Forget sessions; of one that is not known here a former process may have written."""
        if (highest := int(places.max())) >= len(self._low):
            self._make_room(highest + 1)
        self._let_go(places[self._state[places] == _WRITTEN])
        strange = self._low[places] != requests["key_lo"]
        if self.register is not None and strange.any():
            self._gone |= {_key(*pair) for pair in requests[["key_hi", "key_lo"]][strange].tolist()}
        self._low[places] = self._state[places] = 0
        for place in places.tolist():
            self._named.pop(place, None)

    def _let_go(self, places: np.ndarray) -> None:
        self._gone.update(self._keys(places))

    def _keys(self, places: np.ndarray) -> list[str]:
        return [_key(*pair) for pair in zip(self._high[places].tolist(), self._low[places].tolist(), strict=True)]

    # --- restarts of gateways ------------------------------------------------------------------------------------

    def restarted(self, data: bytes, credit: np.ndarray, speaks_for: Callable[[int, bytes], bool]) -> list[str]:
        """Name the sessions of gateways that say in their requests that they have begun anew (RFC 6733 8.16).

        speaks_for  whether a connection of the group may say so of a host
        """
        said = credit["birth"]
        births = set(said.tolist()) - self._births if said.any() else None
        if not births:
            return []
        found = []
        for birth in births:
            mark = credit[np.flatnonzero(credit["birth"] == birth)[0]]
            host = self._meet(data, mark).host
            if speaks_for(int(mark["connection"]), host):
                found += self.says_state(host, int(mark["state_id"]))
                self._births.add(birth)
        if len(self._births) > MOST_HOSTS:
            self._births = {0}
        return found

    def says_state(self, host: bytes, state_id: int) -> list[str]:
        """A gateway says its Origin-State-Id: name the sessions it opened in an earlier life, and forget them."""
        known = self._states.get(host, 0)
        if state_id <= known:
            return []
        if len(self._states) >= MOST_HOSTS:
            self._states.clear()
        self._states[host] = state_id
        stale = set[str]()
        if self.register is not None:
            stale.update(self.register.gateways_before(host=_text(host), state_id=state_id))
        if known:
            stale.update(self._forget_of(host))
        self._gone |= stale
        return list(stale)

    def _forget_of(self, host: bytes) -> list[str]:
        origins = [number for number, origin in self._origins.items() if origin.host == host]
        places = np.flatnonzero(np.isin(self._origin, origins) & (self._state > 0))
        keys = self._keys(places)
        self._low[places] = self._state[places] = 0
        for place in places.tolist():
            self._named.pop(place, None)
        return keys

    # --- for whoever tells networks something --------------------------------------------------------------------

    def of(self, places: np.ndarray, sessions: np.ndarray) -> list[Home | None]:
        """Where some sessions live; None of one that is not a Diameter session, or of which nothing is known.

        sessions  SESSION: the engine's rows at the places
        """
        known, found, missing = len(self._low), list[Home | None](), dict[str, int]()
        for place, high, low in zip(*(column.tolist() for column in (places, sessions["key_hi"], sessions["key_lo"])),
                                    strict=True):  # fmt: skip
            is_known = place < known and (self._high[place], self._low[place]) == (high, low) and place in self._named
            if is_known:
                session_id, origin = self._named[place]
                line = int(self._line[place])
                found.append(Home(_key(high, low), session_id, _text(origin.host), _text(origin.realm), line,
                                  self.via.get(line, "")))  # fmt: skip
            else:
                missing[_key(high, low)] = len(found)
                found.append(None)
        if missing and self.register is not None:
            for key, one in self.register.gateways_of(list(missing)).items():
                found[missing[key]] = Home(key, one.session_id, one.host, one.realm, 0, one.via)
        return found

    # --- what outlives the process -------------------------------------------------------------------------------

    def keep(self, now_s: float, at: datetime) -> None:
        """Write down sessions that have lasted a while, and let ended ones go: beside the loop, one batch at a time."""
        if self._writing is not None and not self._writing.done():
            return
        self.wait()
        self._write_older(now_s - LASTS_S, at)

    def _write_older(self, than_s: float, at: datetime) -> None:
        if self.register is None:
            return
        said = dict[str, GatewayAddress]()
        while self._young and self._young[0][0] <= than_s:
            for place in self._young.popleft()[1]:
                self._say(place, said)
        if said or self._gone:
            gone, self._gone = self._gone, set()
            self._writing = self._writer.submit(self._write, self.register, said, gone, at)

    def _say(self, place: int, said: dict[str, GatewayAddress]) -> None:
        if self._state[place] != _KNOWN:  # it has ended, or stood here twice
            return
        session_id, origin = self._named[place]
        key = _key(int(self._high[place]), int(self._low[place]))
        via, state_id = self.via.get(int(self._line[place]), ""), self._states.get(origin.host, 0)
        said[key] = GatewayAddress(session_id, _text(origin.host), _text(origin.realm), via, state_id)
        self._state[place] = _WRITTEN

    @staticmethod
    def _write(register: Register, said: Mapping[str, GatewayAddress], gone: Collection[str], at: datetime) -> None:
        register.keep_gateways(said=said, gone=gone, at=at)

    def keep_all(self, at: datetime) -> None:
        """Write down all there are, however young, before the process ends in good order."""
        self.wait()
        self._write_older(math.inf, at)

    def close(self) -> None:
        """End, when what was to be written is."""
        self.wait()
        if self.register is not None:
            self._writer.submit(self.register.close).result()
        self._writer.shutdown()

    def wait(self) -> None:
        """Return when what was to be written is. Raises what went wrong."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()


def _key(high: int, low: int) -> str:
    return f"{high:016x}{low:016x}"


def _text(name: bytes) -> str:
    return name[:255].decode("ascii", "replace").replace("\0", "\ufffd")
