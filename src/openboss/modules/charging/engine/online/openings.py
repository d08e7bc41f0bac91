"""Requests that may open a session, or have moved, are classified by the pass that reads usage files."""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.direct import direct
from openboss.kernel.state import Directory, row_at
from openboss.modules.charging import canonical as c
from openboss.modules.charging import normalise as n
from openboss.modules.charging.engine.online.desk import USE, Desk
from openboss.modules.charging.engine.online.moving import find_moved
from openboss.modules.charging.engine.online.requests import REQUEST, Kind
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.networks import area_abroad, place_at_home
from openboss.modules.charging.normalise import _normalise, offset_at
from openboss.modules.charging.numbering import ZEROS, Ints, Keys, NumberingTables, OperatorClock

_PLUS = 2 * ZEROS  # how an international number is coded
_UNKNOWN_USER_FAULT = 306
_NOBODY = np.zeros(0, np.int64)


@compiled
def _fill_raw(
    directory: Directory, desk: Desk, requests: np.ndarray, places_of: np.ndarray, cells: Keys, raw: np.ndarray,
    offset_s: Ints, first_hour: int, now_s: int,
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
            local_s = at_s + offset_at(offset_s, first_hour, at_s)
            row = row_at(directory, directory.imsi_key, directory.imsi_head, request.imsi, local_s)
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


@compiled
def _take_over(out: np.ndarray, kept: int, fresh: np.ndarray) -> None:
    """Make records of use of what the pass has found."""
    for k in range(kept):
        use = fresh[k]
        use.file_id, use.seq_in_file, use.record_type = out[n.FILE_ID, k], out[n.SEQ, k], out[n.RECORD, k]
        use.served_number, use.served_imsi, use.other_number = out[n.SERVED, k], out[n.IMSI, k], out[n.OTHER, k]
        use.third_number, use.start_at_s, use.start_local_s = (
            out[n.THIRD, k],
            out[n.START_AT, k],
            out[n.START_LOCAL, k],
        )
        use.duration_s, use.up_bytes, use.down_bytes = out[n.DURATION, k], out[n.UP, k], out[n.DOWN, k]
        use.message_count, use.roam_type, use.ld_type = out[n.MESSAGES, k], out[n.ROAM, k], out[n.LD, k]
        use.other_net, use.home_area, use.visited_area = out[n.OTHER_NET, k], out[n.HOME_AREA, k], out[n.VISITED, k]
        use.other_area, use.free_number, use.ip_prefix = out[n.OTHER_AREA, k], out[n.FREE, k], out[n.IP, k]
        use.band_shift_s, use.info_fee_li, use.sp_code = out[n.BAND_SHIFT, k], out[n.INFO_FEE, k], out[n.SP, k]
        use.service, use.apn, use.rating_group = out[n.SERVICE, k], out[n.APN, k], out[n.RATING_GROUP, k]
        use.partner, use.call_ref, use.partial_seq = out[n.PARTNER, k], out[n.CALL_REF, k], out[n.PARTIAL, k]
        use.cause_close, use.msc_id = out[n.CAUSE, k], out[n.MSC, k]
        use.key_hi, use.key_lo = np.uint64(out[n.KEY_HI, k]), np.uint64(out[n.KEY_LO, k])


_find_moved, _fill, _normalise_directly, _take_over_directly = (
    direct(step) for step in (find_moved, _fill_raw, _normalise, _take_over)
)


def classified(
    state: EngineState, requests: np.ndarray, numbering: NumberingTables, now_s: int, clock: OperatorClock
) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray | None]]:
    """Classify the requests that may open a session, and those that have moved, by the same pass as usage files.

    Gives USE[k], the place in it of each request that may open, and the records of those that have moved: None of one
    whose place nobody knows.
    """
    opening = np.flatnonzero((requests["kind"] == Kind.INITIAL) | (requests["kind"] == Kind.EVENT))
    fresh_at, moved, old = (np.full(len(requests), -1, np.int64) for _ in range(3))
    count = _find_moved(state.desk, numbering.cells, numbering.cell_area, requests, moved, old)
    some = np.concatenate([opening, moved[:count]])
    if not len(some):
        return np.zeros(0, USE), fresh_at, {}
    raw = np.empty((len(some), c.ROWS), np.int64)
    faults = np.zeros(len(some), np.int16)
    out = np.zeros((len(n.NAMES), len(some)), np.int64)  # no file and no place in it
    running = np.concatenate([np.full(len(opening), -1), old[:count]])
    _fill(state.directory, state.desk, requests[some], running, numbering.cells, raw, clock.offset_s, clock.first_hour,
          now_s)  # fmt: skip
    kept = _normalise_directly(raw, faults, numbering, clock.offset_s, clock.first_hour, now_s, out)
    out[n.SEQ] = 0  # where a request stands in its group says nothing of it
    fresh = np.zeros(kept, USE)
    _take_over_directly(out, kept, fresh)
    fresh_at[some] = np.where(faults == 0, np.cumsum(faults == 0) - 1, -1)
    there = {int(m): fresh[fresh_at[m]] if fresh_at[m] >= 0 else None for m in moved[:count]}
    fresh_at[moved[:count]] = -1
    is_nobody = (requests["served"][opening] == 0) & (requests["imsi"][opening] == 0)
    fresh_at[some[faults == _UNKNOWN_USER_FAULT]] = fresh_at[opening[is_nobody]] = -2
    return fresh, fresh_at, there


def warm(state: EngineState, numbering: NumberingTables, clock: OperatorClock) -> None:
    """Have the compiled code ready: classify nothing, once."""
    nobody, raw, faults = np.zeros(0, REQUEST), np.empty((0, c.ROWS), np.int64), np.zeros(0, np.int16)
    out = np.empty((len(n.NAMES), 0), np.int64)
    _find_moved(state.desk, numbering.cells, numbering.cell_area, nobody, _NOBODY, _NOBODY.copy())
    _fill(state.directory, state.desk, nobody, _NOBODY, numbering.cells, raw, clock.offset_s, clock.first_hour, 0)
    _normalise_directly(raw, faults, numbering, clock.offset_s, clock.first_hour, 0, out)
    _take_over_directly(out, 0, np.zeros(0, USE))
