"""Where a growing record must be cut because other prices begin, and which records say nothing."""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.records import Cycles
from openboss.kernel.state import CYCLE_SLOTS, Directory
from openboss.kernel.tariffs import FOREVER_S, TariffTables
from openboss.modules.charging.engine.online.kinds import ACCESS, VOICE, is_message, is_voice
from openboss.modules.charging.engine.online.requests import Kind
from openboss.modules.charging.engine.state import EngineState


@compiled
def _sooner(moment: int, from_s: int, soonest: int) -> int:
    return moment if from_s < moment < soonest else soonest


@compiled
def _version_after(tables: TariffTables, offer: int, from_s: int, soonest: int) -> int:
    if offer + 1 < len(tables.offer_first):
        for version in range(tables.offer_first[offer], tables.offer_first[offer + 1]):
            soonest = _sooner(tables.version_from_s[version], from_s, soonest)
    return soonest


@compiled
def next_change(use: np.ndarray, row: int, directory: Directory, cycles: Cycles, tables: TariffTables) -> int:
    """Local second at which a record of a volume must be cut: the month ends, a tariff or an offer begins or ends.

    Calls and messages are never cut: they are priced by when they began.
    """
    soonest, from_s = FOREVER_S, use.start_local_s
    if is_voice(use.record_type) or is_message(use.record_type):
        return soonest
    for slot in range(CYCLE_SLOTS):
        soonest = _sooner(cycles.end_s[slot], from_s, soonest)
    soonest = _version_after(tables, 0, from_s, soonest)
    holding = directory.holding_head[row]
    while holding >= 0:
        soonest = _sooner(directory.holding_from_s[holding], from_s, soonest)
        soonest = _sooner(directory.holding_to_s[holding], from_s, soonest)
        soonest = _version_after(tables, directory.holding_offer[holding], from_s, soonest)
        holding = directory.holding_next[holding]
    return soonest


@compiled
def _next_change_at(
    uses: np.ndarray, place: int, row: int, directory: Directory, cycles: Cycles, tables: TariffTables
) -> int:
    return next_change(uses[place], row, directory, cycles, tables)


def next_change_s(state: EngineState, place: int) -> int:
    """Local second at which the record at a place must be cut (next_change)."""
    row = int(state.desk.services["row"][place])
    assert state.tables is not None
    return int(_next_change_at(state.desk.uses, place, row, state.directory, state.cycles, state.tables))


def has_use(state: EngineState, places: np.ndarray) -> np.ndarray:
    """Say under which services anything was used, or a fee is due."""
    uses = state.desk.uses[places]
    used = uses["up_bytes"] + uses["down_bytes"] + uses["message_count"] + uses["info_fee_li"]
    return used + np.where(np.isin(uses["record_type"], (*VOICE, *ACCESS)), uses["duration_s"], 0) != 0


def is_unused(state: EngineState, places: np.ndarray) -> np.ndarray:
    """Say which services were reserved for but not used: they leave no record, and while they are open they are none.

    A price by the day would charge a record of nothing for its day, and the kernel counts a message that was not sent
    as one. Calls always leave a record (D3.6), but events.
    """
    uses = state.desk.uses[places]
    is_event = state.desk.sessions["kind"][state.desk.services["session"][places]] == Kind.EVENT
    is_begun = np.isin(uses["record_type"], VOICE) & (uses["partial_seq"] == 0) & ~is_event
    return ~has_use(state, places) & ~is_begun
