"""What rating a record did to its user's state: found by looking before and after, undone by taking it away again.

Compiled. A growing record is rated whole at every step by the kernel's one way of rating, after what the step before
did was undone. So in the end it stands there as if it had been rated once. Nothing here knows how rating works: it
looks at the three kinds of places rating writes to, free resources, running totals and counters, of the user and of
the pool the user draws on.
"""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.records import Cycles, posting_slot
from openboss.kernel.state import LANES, STANDING, Directory, Lane, pool_at
from openboss.modules.charging.engine.online.desk import (
    COUNTER_NODE,
    EFFECTS_A_RECORD,
    FREE_NODE,
    TOTALS_NODE,
    Desk,
)

SEEN_A_RECORD = 256  # places of one user and pool that are looked at
SEEN = np.dtype([("kind", np.int64), ("lane", np.int64), ("node", np.int64), ("a", np.int64), ("b", np.int64),
                 ("c", np.int64), ("d", np.int64), ("e", np.int64), ("f", np.int64)])  # fmt: skip
TOUCHED_COLUMNS = 5  # kind, lane, slot, node, local row


@compiled
def _look(lane: Lane, lane_number: int, kind: int, node: int, seen: np.ndarray) -> None:
    seen.kind, seen.lane, seen.node = kind, lane_number, node
    seen.b, seen.c, seen.d, seen.e, seen.f = 0, 0, 0, 0, 0
    if kind == FREE_NODE:
        seen.a = lane.free_used[node]
    elif kind == COUNTER_NODE:
        seen.a = lane.counter_value[node]
    else:
        seen.a, seen.b = lane.totals_calls[node], lane.totals_seconds[node]
        seen.c, seen.d = lane.totals_units[node], lane.totals_free_units[node]
        seen.e, seen.f = lane.totals_std_li[node], lane.totals_act_li[node]


@compiled
def _look_at_row(lane: Lane, lane_number: int, local_row: int, slot: int, seen: np.ndarray, count: int) -> int:
    """Look at everything of one row in a cycle slot; return how many places were looked at so far."""
    for chain in (slot, STANDING):
        node = lane.free_head[local_row, chain]
        while node >= 0 and count < len(seen):
            _look(lane, lane_number, FREE_NODE, node, seen[count])
            count, node = count + 1, lane.free_next[node]
    node = lane.totals_head[local_row, slot]
    while node >= 0 and count < len(seen):
        _look(lane, lane_number, TOTALS_NODE, node, seen[count])
        count, node = count + 1, lane.totals_next[node]
    node = lane.counter_head[local_row, 0]
    while node >= 0 and count < len(seen):
        _look(lane, lane_number, COUNTER_NODE, node, seen[count])
        count, node = count + 1, lane.counter_next[node]
    return count


@compiled
def look_before_one(
    lanes: tuple[Lane, ...], directory: Directory, cycles: Cycles, desk: Desk, place: int, seen: np.ndarray,
    counts: np.ndarray,
) -> None:  # fmt: skip
    """Look at the state of the user of a service; seen  SEEN[SEEN_A_RECORD];  counts  i64[3] as below."""
    row, at_s = desk.services[place].row, desk.uses[place].start_local_s
    slot = posting_slot(cycles, at_s)
    pool = np.int64(pool_at(directory, row, at_s)) if directory.group_head[row] >= 0 else -1
    count = 0
    if slot >= 0:
        count = _look_at_row(lanes[row % LANES], row % LANES, row // LANES, slot, seen, count)
        if pool >= 0:
            count = _look_at_row(lanes[pool % LANES], pool % LANES, pool // LANES, slot, seen, count)
    counts[0], counts[1], counts[2] = count, slot, pool


@compiled
def look_before(
    lanes: tuple[Lane, ...], directory: Directory, cycles: Cycles, desk: Desk, places: np.ndarray, seen: np.ndarray,
    counts: np.ndarray,
) -> None:  # fmt: skip
    """Look at the state of the users of some services, each of another user.

    seen    SEEN[services, SEEN_A_RECORD];  counts  i64[services, 3]: places looked at, slot, row of the pool
    """
    for i in range(len(places)):
        look_before_one(lanes, directory, cycles, desk, places[i], seen[i], counts[i])


@compiled
def _note_row(
    lane: Lane, lane_number: int, local_row: int, slot: int, seen: np.ndarray, count: int, effects: np.ndarray,
    marks: int, now: np.ndarray,
) -> int:  # fmt: skip
    """Write down what differs from before in one row; return how many places are written so far, -1 = no room."""
    total = _look_at_row(lane, lane_number, local_row, slot, now, 0)
    for i in range(total):
        found = now[i]
        before = -1
        for k in range(count):
            if seen[k].node == found.node and seen[k].kind == found.kind and seen[k].lane == found.lane:
                before = k
                break
        a, b, c, d, e, f = found.a, found.b, found.c, found.d, found.e, found.f
        if before >= 0:
            old = seen[before]
            a, b, c, d, e, f = a - old.a, b - old.b, c - old.c, d - old.d, e - old.e, f - old.f
            if a == 0 and b == 0 and c == 0 and d == 0 and e == 0 and f == 0:
                continue
        if marks >= EFFECTS_A_RECORD:
            return -1
        effect = effects[marks]
        effect.kind, effect.lane, effect.slot, effect.node, effect.local_row = (
            found.kind, lane_number, slot, found.node, local_row,
        )  # fmt: skip
        effect.a, effect.b, effect.c, effect.d, effect.e, effect.f = a, b, c, d, e, f
        marks += 1
    return marks


@compiled
def note_after_one(
    lanes: tuple[Lane, ...], desk: Desk, place: int, seen: np.ndarray, counts: np.ndarray, now: np.ndarray,
    touched: np.ndarray, touched_count: np.ndarray,
) -> bool:  # fmt: skip
    """Write down what rating has done to the user of one service; False if there was no room for it."""
    service, effects = desk.services[place], desk.effects[desk.effects_at[place]]
    row, slot, pool = service.row, counts[1], counts[2]
    if slot < 0:
        return True
    lane = row % LANES
    marks = _note_row(lanes[lane], lane, row // LANES, slot, seen, counts[0], effects, 0, now)
    if pool >= 0 and marks >= 0:
        lane = pool % LANES
        marks = _note_row(lanes[lane], lane, pool // LANES, slot, seen, counts[0], effects, marks, now)
    if marks < 0:
        return False
    service.marks = marks
    _touch(effects, marks, touched, touched_count)
    return True


@compiled
def note_after(
    lanes: tuple[Lane, ...], desk: Desk, places: np.ndarray, seen: np.ndarray, counts: np.ndarray, now: np.ndarray,
    touched: np.ndarray, touched_count: np.ndarray,
) -> bool:  # fmt: skip
    """Write down what rating has done to the users that were looked at; False if there was no room for it.

    now  SEEN[SEEN_A_RECORD] of room;  touched  i64[k, TOUCHED_COLUMNS]: places changed, counted on
    """
    for i in range(len(places)):
        if not note_after_one(lanes, desk, places[i], seen[i], counts[i], now, touched, touched_count):
            return False
    return True


@compiled
def _touch(effects: np.ndarray, marks: int, touched: np.ndarray, touched_count: np.ndarray) -> None:
    for k in range(marks):
        count = touched_count[0]
        effect = effects[k]
        touched[count, 0], touched[count, 1], touched[count, 2] = effect.kind, effect.lane, effect.slot
        touched[count, 3], touched[count, 4] = effect.node, effect.local_row
        touched_count[0] = count + 1


@compiled
def undo_one(lanes: tuple[Lane, ...], desk: Desk, place: int, touched: np.ndarray, touched_count: np.ndarray) -> None:
    """Take away what the open record of a service has done."""
    service, effects = desk.services[place], desk.effects[desk.effects_at[place]]
    for k in range(service.marks):
        effect = effects[k]
        lane, node = lanes[effect.lane], effect.node
        if effect.kind == FREE_NODE:
            lane.free_used[node] -= effect.a
        elif effect.kind == COUNTER_NODE:
            lane.counter_value[node] -= effect.a
        else:
            lane.totals_calls[node] -= effect.a
            lane.totals_seconds[node] -= effect.b
            lane.totals_units[node] -= effect.c
            lane.totals_free_units[node] -= effect.d
            lane.totals_std_li[node] -= effect.e
            lane.totals_act_li[node] -= effect.f
    _touch(effects, service.marks, touched, touched_count)
    service.marks = 0


@compiled
def undo(
    lanes: tuple[Lane, ...], desk: Desk, places: np.ndarray, touched: np.ndarray, touched_count: np.ndarray
) -> None:
    """Take away what the open records of some services have done."""
    for i in range(len(places)):
        undo_one(lanes, desk, places[i], touched, touched_count)
