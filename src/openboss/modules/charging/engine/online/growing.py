"""Open records rated as they grow, by the same function and the same tables that rate files.

At every step what an open record did to its user is undone, and the record is rated whole again. A user's charge is
therefore at any moment what the user's closed records, and then the open ones, would come to in a file. Others' use in
between is neither lost nor counted twice. Source: D4.7, D4.8; docs/algorithms/online.md.
"""

import numpy as np

from openboss.kernel.direct import direct
from openboss.kernel.records import Rated, Usage, rate_records
from openboss.kernel.state import LANES, pool_at
from openboss.kernel.trace import NO_TRACE
from openboss.kernel.usage import Status
from openboss.modules.charging.engine.online.desk import EFFECTS_A_RECORD, USE, longer
from openboss.modules.charging.engine.online.effects import (
    SEEN,
    SEEN_A_RECORD,
    TOUCHED_COLUMNS,
    look_before,
    note_after,
    undo,
)
from openboss.modules.charging.engine.online.requests import Measure
from openboss.modules.charging.engine.rating import empty_rated, rate_in_order, usage_of
from openboss.modules.charging.engine.state import EngineState

USED_AS = {
    Measure.SECONDS: "duration_s",
    Measure.OCTETS: "down_bytes",
    Measure.UNITS: "message_count",
    Measure.LI: "info_fee_li",
}
"""The column of a record in which what is counted so stands."""
PLACES_A_LOOK = 256  # records looked at in one go
NO_PRICE_LI = 2**61  # the cost of use that cannot be rated
BLOCKED_LI = 3 * 2**59  # the cost of use that a resource or a cap does not allow: more than anybody has


_look_before, _note_after, _undo, _rate_records = (
    direct(step) for step in (look_before, note_after, undo, rate_records)
)


class TooMuchTouched(AssertionError):
    """A record changed more places of its user than there is room to remember: a bug, nothing was answered."""


class Growing:
    """Rates open records of an engine's state. Remembers which places a group has touched."""

    def __init__(self) -> None:
        self._seen = np.zeros((PLACES_A_LOOK, SEEN_A_RECORD), SEEN)
        self._now = np.zeros(SEEN_A_RECORD, SEEN)
        self._counts = np.zeros((PLACES_A_LOOK, 3), np.int64)
        self.touched = np.zeros((1 << 16, TOUCHED_COLUMNS), np.int64)
        self.touched_count = np.zeros(1, np.int64)

    def warm(self, state: EngineState) -> None:
        """Have the compiled code ready: nobody's records are looked at, rated and undone; what rates files too."""
        nobody, lanes, desk = np.zeros(0, np.int64), tuple(state.lanes), state.desk
        rated, columns = _laid_out(state, nobody, desk.uses[nobody])
        assert state.tables is not None
        _look_before(lanes, state.directory, state.cycles, desk, nobody, self._seen, self._counts)
        _rate_records(state.tables, state.directory, lanes, state.cycles, usage_of(columns), rated, nobody, NO_TRACE, 0)
        _note_after(lanes, desk, nobody, self._seen, self._counts, self._now, self.touched, self.touched_count)
        self.undo(state, nobody)

    def undo(self, state: EngineState, places: np.ndarray) -> None:
        """Take away what open records have done."""
        self.make_room(len(places))
        _undo(tuple(state.lanes), state.desk, places, self.touched, self.touched_count)

    def rate(self, state: EngineState, places: np.ndarray) -> Rated:
        """Rate records whole, each of another user, and remember what it did. Their effects must have been undone."""
        self.make_room(len(places))
        uses = state.desk.uses[places]
        rated, columns = _laid_out(state, places, uses)
        state.make_room(np.bincount(rated.row % LANES, minlength=LANES).tolist())
        self.rate_laid_out(state, usage_of(columns), rated, np.arange(len(places)), places)
        return rated

    def rate_laid_out(
        self, state: EngineState, usage: Usage, rated: Rated, order: np.ndarray, places: np.ndarray
    ) -> None:
        """Rate records that stand in columns at `order`, of the services at `places`; there is room for them."""
        for first in range(0, len(places), PLACES_A_LOOK):
            some = places[first : first + PLACES_A_LOOK]
            _look_before(tuple(state.lanes), state.directory, state.cycles, state.desk, some, self._seen, self._counts)
            rate_in_order(state, usage, rated, order[first : first + PLACES_A_LOOK], NO_TRACE)
            if not _note_after(tuple(state.lanes), state.desk, some, self._seen, self._counts, self._now, self.touched,
                              self.touched_count):  # fmt: skip
                raise TooMuchTouched(str(places))

    def make_room(self, records: int) -> None:
        """Let all places that some records can have changed be remembered: compiled code does not ask for room."""
        needed = int(self.touched_count[0]) + EFFECTS_A_RECORD * records
        if needed > len(self.touched):
            self.touched = longer(self.touched, max(needed, 2 * len(self.touched)))

    def quote_li(self, state: EngineState, places: np.ndarray, measures: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Say what records would cost in all were more used; nothing changes. Their effects must have been undone."""
        return self.quote(state, places, measures, sizes)[0]

    def quote(
        self, state: EngineState, places: np.ndarray, measures: np.ndarray, sizes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Say as quote_li what records would cost, and how much of them no free resource would cover."""
        uses = state.desk.uses[places]
        for measure, name in USED_AS.items():
            uses[name] += np.where(measures == measure, sizes, 0)
        rated, columns = _laid_out(state, places, uses)
        assert state.tables is not None
        state.make_room(np.bincount(rated.row % LANES, minlength=LANES).tolist())  # without it nothing is priced
        usage, order, done = usage_of(columns), np.arange(len(places)), 0
        while done < len(order):
            lanes = tuple(state.lanes)
            done += _rate_records(
                state.tables, state.directory, lanes, state.cycles, usage, rated, order[done:], NO_TRACE, 0
            )
            if done < len(order):  # who draws on a pool counts in its lane too
                state.make_counter_room(int(rated.row[order[done]]))
        is_blocked = (rated.blocked == 1) & (rated.status != Status.ERROR)
        return np.where(is_blocked, BLOCKED_LI, cost_li(rated)), rated.rest.sum(axis=1)


def cost_li(rated: Rated) -> np.ndarray:
    """What records cost their users; a record that cannot be rated costs more than anybody has."""
    return np.where(rated.status == Status.ERROR, NO_PRICE_LI, rated.act_li.sum(axis=1))


def _laid_out(state: EngineState, places: np.ndarray, uses: np.ndarray) -> tuple[Rated, dict[str, np.ndarray]]:
    """Lay records out in columns, as a chunk has them."""
    rated = empty_rated(len(places))
    rated.row[:] = state.desk.services["row"][places]
    return rated, {name: np.ascontiguousarray(uses[name]) for name in USE.names or ()}


def who_shares(state: EngineState, places: np.ndarray) -> np.ndarray:
    """The rows of services' users, of those who draw on a pool the pool's: one at a time takes from it."""
    rows, started_s = state.desk.services["row"][places], state.desk.uses["start_local_s"][places]
    for i in np.flatnonzero(state.draws_on_pool[rows]):
        pool = pool_at(state.directory, int(rows[i]), int(started_s[i]))
        rows[i] = pool if pool >= 0 else rows[i]
    return rows


def one_a_user(rows: np.ndarray) -> list[np.ndarray]:
    """Split places so that each part has a user once, in order."""
    parts, left = [], np.arange(len(rows))
    while len(left):
        first = np.unique(rows[left], return_index=True)[1]
        parts.append(left[np.sort(first)])
        left = np.delete(left, first)
    return parts
