"""Where a growing record must be cut because other prices begin, and which records say nothing."""

from typing import TYPE_CHECKING

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.records import Cycles
from openboss.kernel.state import CYCLE_SLOTS, Directory
from openboss.kernel.tariffs import FOREVER_S, TariffTables
from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online.requests import Kind

if TYPE_CHECKING:  # the state has a desk of sessions, whose compiled functions ask for kinds of use
    from openboss.modules.charging.engine.state import EngineState

VOICE = (RecordType.MOC, RecordType.MTC, RecordType.CALL_FORWARD, RecordType.VIDEO_CALL)
MESSAGES = (RecordType.SMS_MO, RecordType.SMS_MT, RecordType.MMS)
ACCESS = (RecordType.WLAN, RecordType.BROADBAND)  # granted by time

_VOICE, _MESSAGES, _ACCESS = (tuple(int(kind) for kind in kinds) for kinds in (VOICE, MESSAGES, ACCESS))


@compiled
def is_voice(record_type: int) -> bool:
    """Say whether a kind of use is a call."""
    return record_type in _VOICE


@compiled
def is_message(record_type: int) -> bool:
    """Say whether a kind of use is a message."""
    return record_type in _MESSAGES


@compiled
def is_access(record_type: int) -> bool:
    """Say whether a kind of use is being connected, which is granted by time."""
    return record_type in _ACCESS


@compiled
def is_only_begun(use: np.ndarray) -> bool:
    """Say whether a record is of a call or message that has used nothing: it began then, whenever that is reported."""
    is_timed = is_voice(use.record_type) or is_message(use.record_type)
    return is_timed and use.duration_s == 0 and use.message_count == 0 and use.info_fee_li == 0


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


def next_change_s(state: "EngineState", place: int) -> int:
    """Local second at which the record at a place must be cut (next_change)."""
    row = int(state.desk.services["row"][place])
    assert state.tables is not None
    return int(_next_change_at(state.desk.uses, place, row, state.directory, state.cycles, state.tables))


def has_use(state: "EngineState", places: np.ndarray) -> np.ndarray:
    """Say under which services anything was used, or a fee is due."""
    uses = state.desk.uses[places]
    used = uses["up_bytes"] + uses["down_bytes"] + uses["message_count"] + uses["info_fee_li"]
    return used + np.where(np.isin(uses["record_type"], (*VOICE, *ACCESS)), uses["duration_s"], 0) != 0


def is_unused(state: "EngineState", places: np.ndarray) -> np.ndarray:
    """Say which services were reserved for but not used: they leave no record, and while they are open they are none.

    A price by the day would charge a record of nothing for its day, and the kernel counts a message that was not sent
    as one. Calls always leave a record (D3.6), but events.
    """
    uses = state.desk.uses[places]
    is_event = state.desk.sessions["kind"][state.desk.services["session"][places]] == Kind.EVENT
    is_begun = np.isin(uses["record_type"], VOICE) & (uses["partial_seq"] == 0) & ~is_event
    return ~has_use(state, places) & ~is_begun
