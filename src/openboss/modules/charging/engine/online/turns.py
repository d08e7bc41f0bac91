"""One turn of the online clock: a group of requests in, what changed and what to answer out.

The state is changed first and journalled after it, in one commit; nobody hears an answer before that. If the commit
fails the process must end, and its successor rebuilds the state without the turn. A user, and a wallet, has one
request a group: others wait for the next turn.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.state import Directory, row_at
from openboss.modules.charging import canonical as c
from openboss.modules.charging.engine.online import arriving
from openboss.modules.charging.engine.online import desk as places
from openboss.modules.charging.engine.online.closed import CLOSED
from openboss.modules.charging.engine.online.desk import USE, Desk, Life
from openboss.modules.charging.engine.online.group import Group, News, Rules
from openboss.modules.charging.engine.online.images import Changed, Imager
from openboss.modules.charging.engine.online.moving import find_moved
from openboss.modules.charging.engine.online.requests import REQUEST, Kind
from openboss.modules.charging.engine.online.serving import Server
from openboss.modules.charging.engine.online.usual import Usual
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.networks import area_abroad, place_at_home
from openboss.modules.charging.normalise import NAMES, OperatorClock, _normalise
from openboss.modules.charging.numbering import ZEROS, Keys, NumberingTables

_PLUS = 2 * ZEROS  # how an international number is coded
_UNKNOWN_USER_FAULT = 306
_NOBODY = np.zeros(0, np.int64)
_NOTHING_CLOSED = np.zeros(0, CLOSED)
CUTS_A_GROUP = 4096  # records cut at the end of a month
MOVES = 4  # what became of a request whose user is elsewhere now: not usual (arriving, swift: 0 to 3)
SWEPT_A_GROUP = 1024  # sessions settled, and as many forgotten
PLACES_A_SWEEP = 1 << 15  # looked at between two groups of requests: a fraction of a millisecond


@dataclass(frozen=True)
class Moment:
    """When a group is decided: UTC, and the operator's wall clock around it."""

    at: datetime
    clock: OperatorClock

    @property
    def now_s(self) -> int:
        """UTC second."""
        return int(self.at.timestamp())

    @property
    def offset_s(self) -> int:
        """The operator's wall clock less UTC."""
        return int(self.clock.offset_s[self.now_s // 3600 - self.clock.first_hour])

    @property
    def local_s(self) -> int:
        """Second of the operator's wall clock."""
        return self.now_s + self.offset_s


@dataclass(frozen=True)
class Decided:
    """What a turn came to. Requests not `taken` wait for the next one."""

    taken: np.ndarray  # bool[n]
    answers: np.ndarray
    quotas: np.ndarray
    images: bytes  # empty = nothing was changed: repeats and refusals only
    closed: np.ndarray  # CLOSED: records that sessions have ended
    news: list[News]


@compiled
def _fill_raw(
    directory: Directory, desk: Desk, requests: np.ndarray, places_of: np.ndarray, cells: Keys, raw: np.ndarray,
    now_s: int,
) -> None:  # fmt: skip
    """Write requests that may open a session, or have moved, as a reader of files would have.

    places_of  i64[requests]: a service of the session that has moved, -1 of one that may open
    """
    for m in range(len(requests)):
        request = requests[m]
        for field in range(raw.shape[1]):
            raw[m, field] = c.ABSENT
        for field in (c.OTHER, c.THIRD, c.MSC, c.CALL_REF, c.SERVICE, c.APN):
            raw[m, field] = 0
        at_s = request.at_s if request.at_s != 0 else now_s
        served = request.served
        if served == 0 and request.imsi != 0:
            row = row_at(directory, directory.imsi_key, directory.imsi_head, request.imsi, at_s)
            if row >= 0 and desk.user_number[row] != 0:
                served = _PLUS + desk.user_number[row]
        record_type = request.record_type
        if places_of[m] >= 0:
            use = desk.uses[places_of[m]]
            served, record_type = _PLUS + use.served_number, use.record_type
        raw[m, c.RECORD], raw[m, c.SERVED], raw[m, c.OTHER] = record_type, served, request.other
        raw[m, c.IMSI] = request.imsi if request.imsi != 0 else c.ABSENT
        raw[m, c.START], raw[m, c.START_OFFSET], raw[m, c.DURATION] = at_s, 0, 0
        raw[m, c.CALL_REF], raw[m, c.MESSAGES] = request.call_ref, 0
        raw[m, c.APN] = request.apn
        raw[m, c.NETWORK] = request.network if request.network != 0 else c.ABSENT
        if area_abroad(request.network) != 0:
            raw[m, c.VISITED] = area_abroad(request.network)
        elif place_at_home(cells, request.network, request.tracking_area) >= 0:  # else at home, or not known where
            raw[m, c.MSC], raw[m, c.LAC] = request.network, request.tracking_area


class Turns:
    """Decides groups of requests on an engine's state. Holds no state of its own but room to work in."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._server = Server(rules)
        self._usual = Usual(rules, self._server)
        self._imager = Imager()
        self._busy = np.zeros(0, np.uint8)
        self._busy_wallets = np.zeros(0, np.uint8)
        self._freed = np.zeros(1 << 16, np.int64)
        self._swept = 0  # places of sessions that the sweep under way has looked at

    def decide(
        self,
        state: EngineState,
        requests: np.ndarray,
        asks: np.ndarray,
        *,
        numbering: NumberingTables,
        moment: Moment,
        position: int,
    ) -> Decided:
        """Change the state by a group of requests; what comes back must be journalled at `position` before all else."""
        self._make_room(state, len(requests), len(asks))
        group = Group.of(requests, asks, moment.now_s, moment.local_s, position)
        fresh, fresh_at, group.moved = _classified(state, requests, numbering, moment)
        if group.moved:
            cut = len(group.moved) * arriving.SERVICES_A_SESSION
            state.desk = places.with_places(state.desk, len(requests) + 1, len(requests) + 3 * len(asks) + cut + 1)
        group.answers["place"] = -1
        self._freed[0] = 0
        arriving.arrive(
            state.directory, state.desk, requests, asks, fresh, fresh_at, group.answers, group.quotas, group.became,
            group.ask_place, self._busy, self._busy_wallets, self._freed, moment.now_s, moment.local_s,
        )  # fmt: skip
        moves = _moves(group)
        group.became[moves] = MOVES
        self._usual.serve(state, group)
        group.became[moves] = arriving.GOES_ON
        if (group.became == arriving.GOES_ON).any():
            self._server.serve(state, group)
        taken = group.became != arriving.LATER
        return self._written(state, group, taken)

    def sweep(self, state: EngineState, *, moment: Moment, position: int) -> tuple[Decided | None, bool]:
        """Settle sessions whose network fell silent, forget ended ones; None if nothing is to be done.

        It looks at some places at a time, and settles at most SWEPT_A_GROUP: it says whether others are left.
        """
        silent, old = np.zeros(SWEPT_A_GROUP, np.int64), np.zeros(SWEPT_A_GROUP, np.int64)
        last = min(self._swept + PLACES_A_SWEEP, len(state.desk.sessions))
        some, many, reached = arriving.sweep(
            state.desk, self._swept, last, moment.now_s, self.rules.remembered_s, silent, old
        )
        self._swept = reached if reached < len(state.desk.sessions) else 0
        if some + many == 0:
            return None, self._swept > 0
        self._make_room(state, 0, 1)
        group = Group.of(np.zeros(0, REQUEST), _NOBODY, moment.now_s, moment.local_s, position)
        self._freed[0] = 0
        self._server.expire(state, group, silent[:some])
        self._server.forget(state, group, old[:many])
        return self._written(state, group, np.zeros(0, np.bool_)), self._swept > 0

    def cut(self, state: EngineState, at_local_s: int, *, position: int) -> Decided | None:
        """End open records that began before a local second, and go on with new ones from there (FREEZE).

        At most CUTS_A_GROUP at a time; None if there is none left.
        """
        services, started_s = state.desk.services, state.desk.uses["start_local_s"]
        found = np.flatnonzero((services["life"] == Life.OPEN) & (started_s < at_local_s))[:CUTS_A_GROUP]
        if not len(found):
            return None
        self._make_room(state, 0, len(found))
        group = Group.of(np.zeros(0, REQUEST), _NOBODY, 0, at_local_s, position)
        self._freed[0] = 0
        self._server.cut(state, group, found, at_local_s)
        return self._written(state, group, np.zeros(0, np.bool_))

    def warm(self, state: EngineState, moment: Moment, numbering: NumberingTables) -> None:
        """Have the compiled code ready: decide nothing, once."""
        self._make_room(state, 1, 1)
        self._server.warm(state)
        raw, faults = np.empty((0, c.ROWS), np.int64), np.zeros(0, np.int16)
        nobody = np.zeros(0, REQUEST)
        find_moved(state.desk, numbering.cells, numbering.cell_area, nobody, _NOBODY, _NOBODY)
        _fill_raw(state.directory, state.desk, nobody, _NOBODY, numbering.cells, raw, 0)
        clock = moment.clock
        _normalise(raw, faults, numbering, clock.offset_s, clock.first_hour, 0, np.empty((len(NAMES), 0), np.int64))

    def _written(self, state: EngineState, group: Group, taken: np.ndarray) -> Decided:
        closed = np.concatenate(group.closed) if group.closed else _NOTHING_CLOSED
        if not group.is_changed:
            return Decided(taken, group.answers, group.quotas, b"", closed, [])
        growing = self._server.growing
        served = group.answers["place"][group.became == arriving.GOES_ON].astype(np.int64)
        changed = Changed(
            sessions=np.concatenate([served, *group.sessions]),
            services=np.concatenate([*group.services, self._freed[1 : self._freed[0] + 1]]),
            wallets=np.concatenate([_NOBODY, *group.wallets]),
            touched=growing.touched[: growing.touched_count[0]],
            closed=closed,
        )
        images = self._imager.write(state.desk, state.lanes, changed)
        return Decided(taken, group.answers, group.quotas, images, closed, group.news)

    def _make_room(self, state: EngineState, requests: int, asks: int) -> None:
        state.desk = places.with_users(state.desk, state.used["rows"])
        state.desk = places.with_places(state.desk, requests + 1, requests + 3 * asks + 1)
        self._busy = places.longer(self._busy, len(state.desk.user_wallet))
        self._busy_wallets = places.longer(self._busy_wallets, max(1, len(state.desk.wallets)))
        self._server.make_room(state)


def _moves(group: Group) -> np.ndarray:
    """Which of a group's requests report use up to a change: another place, or other circumstances."""
    if not group.moved and not group.asks["is_changed"].any():
        return _NOBODY
    going = np.flatnonzero(group.became == arriving.GOES_ON)
    asks = [group.asks[one["first_ask"] : one["first_ask"] + one["asks"]] for one in group.requests[going]]
    moves = [m in group.moved or bool(own["is_changed"].any()) for m, own in zip(going, asks, strict=True)]
    return going[np.array(moves, np.bool_)]


def _classified(
    state: EngineState, requests: np.ndarray, numbering: NumberingTables, moment: Moment
) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray | None]]:
    """Classify the requests that may open a session, and those that have moved, by the same pass as usage files.

    Gives USE[k], the place in it of each request that may open, and the records of those that have moved: None of one
    whose place nobody knows.
    """
    opening = np.flatnonzero((requests["kind"] == Kind.INITIAL) | (requests["kind"] == Kind.EVENT))
    fresh_at, moved, old = (np.full(len(requests), -1, np.int64) for _ in range(3))
    count = find_moved(state.desk, numbering.cells, numbering.cell_area, requests, moved, old)
    some = np.concatenate([opening, moved[:count]])
    if not len(some):
        return np.zeros(0, USE), fresh_at, {}
    raw = np.empty((len(some), c.ROWS), np.int64)
    faults = np.zeros(len(some), np.int16)
    out = np.zeros((len(NAMES), len(some)), np.int64)  # no file and no place in it
    running = np.concatenate([np.full(len(opening), -1), old[:count]])
    _fill_raw(state.directory, state.desk, requests[some], running, numbering.cells, raw, moment.now_s)
    clock = moment.clock
    kept = _normalise(raw, faults, numbering, clock.offset_s, clock.first_hour, moment.now_s, out)
    fresh = np.zeros(kept, USE)
    for row, name in enumerate(NAMES):
        fresh[name] = out[row, :kept].astype(USE[name], copy=False)
    fresh_at[some] = np.where(faults == 0, np.cumsum(faults == 0) - 1, -1)
    there = {int(m): fresh[fresh_at[m]] if fresh_at[m] >= 0 else None for m in moved[:count]}
    fresh_at[moved[:count]] = -1
    fresh_at[some[faults == _UNKNOWN_USER_FAULT]] = -2
    return fresh, fresh_at, there
