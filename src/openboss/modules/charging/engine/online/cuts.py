"""Where a growing record must be cut because other prices begin."""

from openboss.kernel.state import CYCLE_SLOTS
from openboss.kernel.tariffs import FOREVER_S
from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.state import EngineState

VOICE = (RecordType.MOC, RecordType.MTC, RecordType.CALL_FORWARD, RecordType.VIDEO_CALL)
MESSAGES = (RecordType.SMS_MO, RecordType.SMS_MT, RecordType.MMS)
ACCESS = (RecordType.WLAN, RecordType.BROADBAND)  # granted by time


def next_change_s(state: EngineState, place: int) -> int:
    """Local second at which a record of a volume must be cut: the month ends, a tariff or an offer begins or ends.

    Calls and messages are never cut: they are priced by when they began.
    """
    use, row = state.desk.uses[place], int(state.desk.services["row"][place])
    if use["record_type"] in VOICE or use["record_type"] in MESSAGES:
        return FOREVER_S
    from_s, directory, tables = int(use["start_local_s"]), state.directory, state.tables
    assert tables is not None
    moments = [int(end) for end in state.cycles.end_s[:CYCLE_SLOTS] if end > from_s]
    offers = [0]
    holding = int(directory.holding_head[row])
    while holding >= 0:
        begins, ends = int(directory.holding_from_s[holding]), int(directory.holding_to_s[holding])
        moments += [moment for moment in (begins, ends) if moment > from_s]
        offers.append(int(directory.holding_offer[holding]))
        holding = int(directory.holding_next[holding])
    for offer in offers:
        if offer + 1 < len(tables.offer_first):
            versions = tables.version_from_s[tables.offer_first[offer] : tables.offer_first[offer + 1]]
            moments += [int(moment) for moment in versions[versions > from_s]]
    return min(moments, default=FOREVER_S)
