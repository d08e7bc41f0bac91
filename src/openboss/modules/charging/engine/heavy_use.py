"""Who uses much, seen as it is charged: users whose use of the open months has gone past a line, or a step further.

Kept in memory only, a few bytes a user: whoever charges notes whom it charged, many times a second somebody looks at
some of them. An engine that begins again tells of them once more; business acts on a crossing once. Source: CHG-32,
CHG-33, D9.9.
"""

from dataclasses import dataclass, field

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.state import CYCLE_SLOTS, LANES, Lane
from openboss.modules.charging.engine.state import EngineState

USERS_A_LOOK = 5_000  # half a millisecond, for which networks wait


@dataclass
class HeavyUse:
    """The operator's lines, whom was charged since the last look, and how far users were when they were told of.

    lines_li  more than one of them is worth a look, in ascending order; step_li  above the first, each such step is
    """

    lines_li: tuple[int, ...] = ()
    step_li: int = 10_000
    charged: np.ndarray = field(default_factory=lambda: np.zeros(0, np.bool_))
    level: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))

    def note(self, state: EngineState, rows: np.ndarray) -> None:
        """Users were charged for something."""
        if len(self.charged) < state.used["rows"]:
            more = state.used["rows"] - len(self.charged)
            self.charged = np.concatenate([self.charged, np.zeros(more, np.bool_)])
            self.level = np.concatenate([self.level, np.zeros(more, np.int32)])
        self.charged[rows] = True

    def note_sessions(self, state: EngineState, places: np.ndarray) -> None:
        """Sessions reported use."""
        self.note(state, state.desk.sessions["row"][places[places >= 0]])

    def look(self, state: EngineState) -> list[int]:
        """Name the users who went past a line or a step since they were last looked at; some users at a time."""
        rows = np.flatnonzero(self.charged)[:USERS_A_LOOK]
        if not len(rows) or not self.lines_li:
            return []
        self.charged[rows] = False
        count = _find_past(
            tuple(state.lanes), state.cycles.is_open, np.array(self.lines_li), self.step_li, rows, self.level
        )
        return [int(one) for one in state.directory.subscriber_id[rows[:count]]]


@compiled
def _find_past(
    lanes: tuple[Lane, ...], is_open: np.ndarray, lines_li: np.ndarray, step_li: int, rows: np.ndarray,
    level: np.ndarray,
) -> int:  # fmt: skip
    """Move the users who went further to the front of `rows`; return how many. Who fell back begins anew."""
    count = 0
    for i in range(len(rows)):
        row, used_li = rows[i], 0
        lane, local_row = lanes[row % LANES], row // LANES
        for slot in range(CYCLE_SLOTS):
            node = lane.totals_head[local_row, slot] if is_open[slot] else -1
            while node >= 0:
                used_li += lane.totals_act_li[node]
                node = lane.totals_next[node]
        reached = 0
        for k in range(len(lines_li)):
            reached += 1 if used_li > lines_li[k] else 0
        if reached > 0:
            reached += (used_li - lines_li[0]) // step_li
        if reached > level[row]:
            rows[count] = row
            count += 1
        level[row] = reached
    return count
