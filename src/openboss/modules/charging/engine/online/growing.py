"""Open records rated as they grow, by the same function and the same tables that rate files.

At every step what an open record did to its user is undone, and the record is rated whole again. A user's charge is
therefore at any moment what the user's closed records, and then the open ones, would come to in a file. Others' use in
between is neither lost nor counted twice. Source: D4.7, D4.8; docs/algorithms/online.md.
"""

import numpy as np

from openboss.kernel.direct import direct
from openboss.kernel.records import Rated, rate_records
from openboss.kernel.state import LANES, pool_at
from openboss.kernel.trace import NO_TRACE
from openboss.kernel.usage import Status
from openboss.modules.charging.engine.online.desk import EFFECTS_A_RECORD, USE, Desk, empty_desk, longer
from openboss.modules.charging.engine.online.effects import (
    SEEN,
    SEEN_A_RECORD,
    TOUCHED_COLUMNS,
    look_before,
    note_after,
    undo,
)
from openboss.modules.charging.engine.online.outstanding import link_members, note_members, note_others, room_beside
from openboss.modules.charging.engine.online.requests import MOST_COUNTED, MOST_OCTETS, Measure
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
OUTSTANDING = 64  # services whose quotas there is room for from the beginning
NO_PRICE_LI = 2**61  # the cost of use that cannot be rated
BLOCKED_LI = 3 * 2**59  # the cost of use that a resource or a cap does not allow: more than anybody has


_look_before, _note_after, _undo, _rate_records, _note_others, _note_members = (
    direct(step) for step in (look_before, note_after, undo, rate_records, note_others, note_members)
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
        self.beside = room_beside(empty_desk(), OUTSTANDING)
        self._members: tuple[np.ndarray, ...] = ()  # of pools: outstanding.link_members
        self._linked: tuple[int, int] = (0, -1)  # entries of groups and pools known when members were linked

    def warm(self, state: EngineState) -> None:
        """Have the compiled code ready: nobody's records are looked at, rated and undone; what rates files too."""
        nobody, lanes, desk = np.zeros(0, np.int64), tuple(state.lanes), state.desk
        rated, columns = _laid_out(desk, nobody, desk.uses[nobody])
        assert state.tables is not None
        _look_before(lanes, state.directory, state.cycles, desk, nobody, self._seen, self._counts)
        _rate_records(state.tables, state.directory, lanes, state.cycles, usage_of(columns), rated, nobody, NO_TRACE, 0)
        _note_after(lanes, desk, nobody, self._seen, self._counts, self._now, self.touched, self.touched_count)
        self.undo(state, nobody)

    def undo(self, state: EngineState, places: np.ndarray) -> None:
        """Take away what open records have done."""
        self.make_room(len(places))
        _undo(tuple(state.lanes), state.desk, places, self.touched, self.touched_count)

    def rate(self, state: EngineState, places: np.ndarray, desk: Desk | None = None) -> Rated:
        """Rate records whole, each of another user, and remember what it did. Their effects must have been undone.

        desk  where the records are, if not on the engine's
        """
        desk = desk or state.desk
        self.make_room(len(places))
        uses = desk.uses[places]
        rated, columns = _laid_out(desk, places, uses)
        state.make_room(np.bincount(rated.row % LANES, minlength=LANES).tolist())
        usage, order = usage_of(columns), np.arange(len(places))
        for first in range(0, len(places), PLACES_A_LOOK):
            some = places[first : first + PLACES_A_LOOK]
            _look_before(tuple(state.lanes), state.directory, state.cycles, desk, some, self._seen, self._counts)
            rate_in_order(state, usage, rated, order[first : first + PLACES_A_LOOK], NO_TRACE)
            if not _note_after(tuple(state.lanes), desk, some, self._seen, self._counts, self._now, self.touched,
                              self.touched_count):  # fmt: skip
                raise TooMuchTouched(str(places))
        return rated

    def make_room(self, records: int) -> None:
        """Let all places that some records can have changed be remembered: compiled code does not ask for room."""
        needed = int(self.touched_count[0]) + EFFECTS_A_RECORD * records
        if needed > len(self.touched):
            self.touched = longer(self.touched, max(needed, 2 * len(self.touched)))

    def quote(
        self, state: EngineState, places: np.ndarray, measures: np.ndarray, sizes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Say what records would cost in all were more used, how much of them no free resource would cover, and what
        of the cost others lack.

        It is the dearer of two: as if others used nothing more, and as if they used all that they hold: their users'
        other services and those of the users they share a pool with. What others of the same wallet would then cost
        more than is reserved for them is part of it. Nothing changes. The records' effects must have been undone, and
        no two be of users who share.
        """
        alone_li, rest = self.quote_alone(state, places, measures, sizes)
        asking = self._note_outstanding(state, places)
        if not len(asking):
            return alone_li, rest, np.zeros(len(places), np.int64)
        short_li, noted = np.zeros(len(places), np.int64), np.arange(len(asking))
        for some in one_a_user(who_shares(state, noted, self.beside)):
            due_li = cost_li(self.rate(state, noted[some], self.beside))
            due_li = np.where(due_li < NO_PRICE_LI, due_li, 0) - self.beside.services["reserved_li"][some]
            wallet_of, rows = state.desk.user_wallet, self.beside.services["row"][some]
            is_theirs = wallet_of[rows] == wallet_of[state.desk.services["row"][places[asking[some]]]]
            np.add.at(short_li, asking[some], np.where(is_theirs, due_li, 0))
        beside_li, rest_beside = self.quote_alone(state, places, measures, sizes)
        self.make_room(len(noted))
        _undo(tuple(state.lanes), self.beside, noted, self.touched, self.touched_count)
        short_li = np.maximum(short_li, 0)
        return np.maximum(alone_li, beside_li + short_li), np.maximum(rest, rest_beside), short_li

    def quote_alone(
        self, state: EngineState, places: np.ndarray, measures: np.ndarray, sizes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Say the same as if nobody held anything: what more use would cost now.

        What a call's basic part takes of free units, caps and steps its long-distance part lacks: such calls are rated
        whole, as they will be.
        """
        uses = state.desk.uses[places]
        for measure, name in USED_AS.items():
            uses[name] += np.where(measures == measure, sizes, 0)
        rated, columns = _laid_out(state.desk, places, uses)
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
        quoted_li, rest = quoted(rated)
        both = np.flatnonzero((rated.rule[:, :2] != 0).all(axis=1))
        if len(both):
            quoted_li[both], rest[both] = self._quote_whole(state, places[both], uses[both])
        return quoted_li, rest

    def _quote_whole(self, state: EngineState, places: np.ndarray, uses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rate records as if they had grown to `uses`, and undo it."""
        now = state.desk.uses[places]
        state.desk.uses[places] = uses
        rated = self.rate(state, places)
        self.undo(state, places)
        state.desk.uses[places] = now
        return quoted(rated)

    def _note_outstanding(self, state: EngineState, places: np.ndarray) -> np.ndarray:
        """Note beside the desk what others hold while services ask; say for each which one asks (i64, in `places`)."""
        desk, count, asking = state.desk, 0, np.zeros(len(self.beside.services), np.int64)
        for i, place in enumerate(places.tolist()):
            before, count = count, _note_others(desk, place, self.beside, count)
            if state.draws_on_pool[desk.services["row"][place]]:
                count = _note_members(desk, state.directory, place, *self._linked_members(state), self.beside, count)
            asking[before:count] = i
        if count <= len(asking):
            return asking[:count]
        self.beside = room_beside(self.beside, 2 * count)
        return self._note_outstanding(state, places)

    def _linked_members(self, state: EngineState) -> tuple[np.ndarray, ...]:
        """Who draws on each pool (outstanding.link_members), after the groups as they are now."""
        entries, pools, rows = state.used["group"], len(state.pools), state.used["rows"]
        first, known = self._linked
        if (entries, pools) != self._linked:
            if pools != known or not self._members:  # earlier entries may draw on a new one
                first, self._members = 0, (np.full(rows, -1, np.int32), *(np.zeros(0, np.int32) for _ in range(2)))
            head, following, whose = self._members
            self._members = longer(head, rows, -1), longer(following, 2 * entries), longer(whose, 2 * entries)
            link_members(state.directory, rows, first, *self._members)
            self._linked = entries, pools
        return self._members


def add_reported(uses: np.ndarray, places: np.ndarray, wanted: np.ndarray, when: str) -> None:
    """Add what a network reports: never less than nothing, never more than a record can hold."""
    counted = (("duration_s", "s", MOST_COUNTED), ("up_bytes", "up", MOST_OCTETS), ("down_bytes", "down", MOST_OCTETS),
               ("message_count", "units", MOST_COUNTED), ("info_fee_li", "li", MOST_OCTETS))  # fmt: skip
    for name, reported, most in counted:
        more = np.clip(wanted[f"{when}_{reported}"], 0, most)
        uses[name][places] = np.minimum(uses[name][places] + more, most)


def cost_li(rated: Rated) -> np.ndarray:
    """What records cost their users; a record that cannot be rated costs more than anybody has."""
    return np.where(rated.status == Status.ERROR, NO_PRICE_LI, rated.act_li.sum(axis=1))


def quoted(rated: Rated) -> tuple[np.ndarray, np.ndarray]:
    """What records that were only priced would cost, and how much of them no free resource covers."""
    is_blocked = (rated.blocked == 1) & (rated.status != Status.ERROR)
    return np.where(is_blocked, BLOCKED_LI, cost_li(rated)), rated.rest.sum(axis=1)


def _laid_out(desk: Desk, places: np.ndarray, uses: np.ndarray) -> tuple[Rated, dict[str, np.ndarray]]:
    """Lay records out in columns, as a chunk has them."""
    rated = empty_rated(len(places))
    rated.row[:] = desk.services["row"][places]
    return rated, {name: np.ascontiguousarray(uses[name]) for name in USE.names or ()}


def who_shares(state: EngineState, places: np.ndarray, desk: Desk) -> np.ndarray:
    """The rows of services' users, of those who draw on a pool the pool's: one at a time takes from it."""
    rows, started_s = desk.services["row"][places], desk.uses["start_local_s"][places]
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
