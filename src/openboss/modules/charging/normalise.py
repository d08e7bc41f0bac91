"""From columns as written to normalised usage: validate, classify, and give every record its key.

One compiled pass over a block: numbers to E.164, times to UTC and the operator's wall clock, areas, roaming,
long distance, networks, free numbers, the 128-bit key of D4.3. What cannot be used gets its code of D4.2.
Source: CHG-03 to CHG-06, CHG-17, CHG-18, CHG-20, CHG-24, D3.9, D4.2, D4.3.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from openboss.kernel.compiled import compiled, compiled_releasing
from openboss.modules.charging import canonical as c
from openboss.modules.charging.numbering import (
    ABROAD,
    AREA_BAND_SHIFT_S,
    AREA_IS_OURS,
    AREA_PROVINCE,
    AREAS,
    COUNTRY_LD,
    FIXED,
    FOREIGN_AREA,
    MOBILE,
    Ints,
    Keys,
    Number,
    NumberingTables,
    OperatorClock,
    Plan,
    find_first,
    find_key,
    number_of_imsi,
    pair_key,
    resolve,
)
from openboss.modules.charging.record_key import keyed_hash
from openboss.modules.charging.schema import NORMALISED

DAY_S = 86_400
KEEP_DAYS = 90  # E207
AHEAD_S = 600  # E205
DRIFT_S = 2  # E204

MOC, MTC, FORWARD, SMS_MO, SMS_MT, MMS, DATA, WLAN, SP_FEE, BROADBAND, TAP_IN, GATEWAY, VIDEO = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    9,
    10,
    11,
    12,
    13,
)
# Kinds of record as sets of bits.
_VOICE = 1 << MOC | 1 << MTC | 1 << FORWARD | 1 << VIDEO
_OUTGOING = 1 << MOC | 1 << FORWARD | 1 << VIDEO | 1 << SMS_MO | 1 << MMS
_MESSAGE = 1 << SMS_MO | 1 << SMS_MT | 1 << MMS
# Rows of the compiled pass's output: the columns of NORMALISED in their order.
NAMES = NORMALISED.names()
_WIDTHS = [pl.Series(dtype=kind).to_numpy().dtype for kind in NORMALISED.dtypes()]
(FILE_ID, SEQ, RECORD, SERVED, IMSI, OTHER, THIRD, START_AT, START_LOCAL, DURATION, UP, DOWN, MESSAGES, ROAM, LD,
 OTHER_NET, HOME_AREA, VISITED, OTHER_AREA, FREE, IP, BAND_SHIFT, INFO_FEE, SP, SERVICE, APN, RATING_GROUP, PARTNER,
 CALL_REF, PARTIAL, CAUSE, MSC, KEY_HI, KEY_LO) = range(len(NAMES))  # fmt: skip
HOME, INTRA_PROV, OUT, IN, INTL_OUT, INTL_IN = range(6)
LOCAL, INTRA_LD, INTER_LD, HMT, INTL, INTL_LISTED, IP_LD = range(7)


@dataclass(frozen=True)
class NormalisedBlock:
    """What became of one block.

    usage     frame of schema NORMALISED, in the order of the file
    rows      for each usage row its line in the block
    faults    (line, code) of the others; codes 2xx belong to the checks, 3xx to the classification
    """

    usage: pl.DataFrame
    faulty_rows: Ints
    faulty_codes: npt.NDArray[np.int16]


def operator_clock(zone: str, now_s: int) -> OperatorClock:
    """Tabulate the operator's time zone by UTC hour, from before the oldest acceptable record to tomorrow.

    zone   an IANA name such as Asia/Shanghai (D0.1)
    now_s  the moment of collection, UTC seconds
    """
    first_hour = now_s // 3600 - (KEEP_DAYS + 5) * 24
    return OperatorClock(first_hour, _offsets(ZoneInfo(zone), first_hour, (KEEP_DAYS + 8) * 24))


def _offsets(zone: ZoneInfo, first_hour: int, hours: int) -> Ints:
    moments = (datetime.fromtimestamp((first_hour + i) * 3600, UTC).astimezone(zone) for i in range(hours))
    return np.array([moment.utcoffset().total_seconds() for moment in moments], np.int64)  # type: ignore[union-attr]


def normalise(
    block: c.UsageBlock, tables: NumberingTables, clock: OperatorClock, *, now_s: int, file_id: int
) -> NormalisedBlock:
    """Check and classify the records of a block, for the engine.

    now_s    UTC seconds at which the file is taken (E205, E207)

    Source: CHG-03, CHG-06, D4.2.
    """
    out = np.empty((len(NAMES), len(block)), np.int64)
    faults = block.fault.copy()
    kept = _normalise(block.columns, faults, tables, clock.offset_s, clock.first_hour, now_s, out)
    out[FILE_ID] = file_id
    out[SEQ] += block.first_seq
    arrays = [pa.array(out[row, :kept].astype(kind, copy=False)) for row, kind in enumerate(_WIDTHS[:KEY_HI])]
    arrays += [pa.array(out[row, :kept].view(np.uint64)) for row in (KEY_HI, KEY_LO)]
    usage = pl.from_arrow(pa.Table.from_arrays(arrays, names=NAMES))
    assert isinstance(usage, pl.DataFrame)
    line = np.flatnonzero(faults)
    return NormalisedBlock(usage, line, faults[line])


@compiled_releasing
def _normalise(
    raw: Ints,
    faults: npt.NDArray[np.int16],
    tables: NumberingTables,
    offset_s: Ints,
    first_hour: int,
    now_s: int,
    out: Ints,
) -> int:
    kept = 0
    for i in range(raw.shape[0]):
        if faults[i] != 0:
            continue
        fault = _check(raw, i)
        if fault == 0:
            fault = _times(raw, i, offset_s, first_hour, now_s, out, kept)
        if fault == 0:
            fault = _classify(raw, i, tables, out, kept)
        if fault != 0:
            faults[i] = fault
            continue
        _copy(raw, i, out, kept)
        _key(out, kept, tables.secret)
        kept += 1
    return kept


@compiled
def is_voice(record: int) -> bool:
    """Records with a duration of talk."""
    return (_VOICE >> record) & 1 == 1


@compiled
def _zero(value: int) -> int:
    return 0 if value == c.ABSENT else value


@compiled
def _check(raw: Ints, i: int) -> int:
    """E201 what must be there, E202 impossible values, E204 duration, E206 volume."""
    record, duration_s = raw[i, c.RECORD], raw[i, c.DURATION]
    if (raw[i, c.SERVED] == 0 and raw[i, c.IMSI] == c.ABSENT) or raw[i, c.START] == c.ABSENT:
        return 201
    if is_voice(record) and (duration_s == c.ABSENT or raw[i, c.OTHER] == 0):
        return 201
    if (record == SMS_MO and raw[i, c.OTHER] == 0) or (record == SP_FEE and raw[i, c.SP] == c.ABSENT):
        return 201
    imsi = raw[i, c.IMSI]
    if imsi != c.ABSENT and (imsi < 10**13 or imsi >= 10**15):
        return 202
    for field in (c.LAC, c.MESSAGES, c.PARTIAL, c.CAUSE, c.SP, c.VISITED, c.RATING_GROUP, c.NETWORK):
        value = _zero(raw[i, field])
        if value < 0 or value >= 2**31 or (field == c.CAUSE and value >= 2**15):
            return 202
    if raw[i, c.INFO_FEE] != c.ABSENT and raw[i, c.INFO_FEE] < 0:
        return 202
    if duration_s != c.ABSENT and (duration_s < 0 or duration_s >= 2**31 or (is_voice(record) and duration_s > DAY_S)):
        return 204
    if _zero(raw[i, c.UP]) < 0 or _zero(raw[i, c.DOWN]) < 0:
        return 206
    return 0


@compiled
def offset_at(offset_s: Ints, first_hour: int, utc_s: int) -> int:
    """The operator's wall clock less UTC at a moment (OperatorClock)."""
    hour = utc_s // 3600 - first_hour
    return offset_s[min(max(hour, 0), offset_s.shape[0] - 1)]


@compiled
def _utc(wall_s: int, written_offset_s: int, offset_s: Ints, first_hour: int) -> int:
    """UTC of a moment as written; without an offset it is the operator's wall clock (of two, the earlier)."""
    if written_offset_s != c.ABSENT:
        return wall_s - written_offset_s
    guess = wall_s - offset_at(offset_s, first_hour, wall_s)
    return wall_s - offset_at(offset_s, first_hour, guess)


@compiled
def _times(raw: Ints, i: int, offset_s: Ints, first_hour: int, now_s: int, out: Ints, k: int) -> int:
    """UTC and local start; E203 end before start, E204 drift, E205 future, E207 too old."""
    start_s = _utc(raw[i, c.START], raw[i, c.START_OFFSET], offset_s, first_hour)
    duration_s = raw[i, c.DURATION]
    if raw[i, c.END] != c.ABSENT:
        end_s = _utc(raw[i, c.END], raw[i, c.END_OFFSET], offset_s, first_hour)
        if end_s < start_s:
            return 203
        if is_voice(raw[i, c.RECORD]) and end_s - start_s > DAY_S:
            return 204
        if duration_s == c.ABSENT:
            duration_s = end_s - start_s
        elif abs(end_s - start_s - duration_s) > DRIFT_S:
            return 204
    if start_s > now_s + AHEAD_S:
        return 205
    if start_s < now_s - KEEP_DAYS * DAY_S:
        return 207
    out[START_AT, k] = start_s
    out[START_LOCAL, k] = start_s + offset_at(offset_s, first_hour, start_s)
    out[DURATION, k] = _zero(duration_s)
    return 0


@compiled
def _classify(raw: Ints, i: int, tables: NumberingTables, out: Ints, k: int) -> int:
    """Numbers, areas, roaming, long distance; E202, E302, E303, E304, E306, E307."""
    record = raw[i, c.RECORD]
    imsi = max(raw[i, c.IMSI], 0)
    known = number_of_imsi(tables.imsi, imsi, out[START_AT, k]) if imsi > 0 and tables.imsi.shape[1] > 0 else 0
    coded = raw[i, c.SERVED]
    if coded == 0:  # only the IMSI is known
        if known == 0:
            return 306
        coded = 2 * 10**18 + known
    served = resolve(tables.plan, tables.special, coded, 0)
    if served.fault != 0:
        return served.fault
    if served.kind != MOBILE and served.kind != FIXED and served.kind != ABROAD:
        return 202
    if served.area == 0:
        return 302
    if known != 0 and known != served.e164:
        return 306
    if record == GATEWAY:
        visited = served.area  # its place is the network's border, not the user's
        if not _trunks_are_known(raw, i, tables.cells):
            return 307
    else:
        visited = _visited(raw, i, tables.plan, tables.cells, tables.cell_area, served.area)
    if visited < 0:
        return 303
    if record == SP_FEE and find_key(tables.providers, pair_key(raw[i, c.SP], raw[i, c.SERVICE])) < 0:
        return 304
    out[SERVED, k] = served.e164
    out[IMSI, k] = imsi
    out[HOME_AREA, k] = served.area
    out[VISITED, k] = visited
    out[ROAM, k] = _roam(tables.plan, served.area, visited)
    out[BAND_SHIFT, k] = tables.plan[AREA_BAND_SHIFT_S + visited] if visited < AREAS else 0
    return _classify_other(raw, i, tables.plan, tables.special, served.area, visited, out, k)


@compiled
def _classify_other(raw: Ints, i: int, plan: Plan, special: Ints, home: int, visited: int, out: Ints, k: int) -> int:
    """The other party (for a forwarded call the number forwarded to) and how far away it is."""
    record = raw[i, c.RECORD]
    third = Number(0, 0, 0, 0, 0, 0, 0)
    if raw[i, c.THIRD] != 0:
        third = resolve(plan, special, raw[i, c.THIRD], home)
    other = Number(0, 0, 0, 0, 0, 0, 0)
    if raw[i, c.OTHER] != 0:
        other = resolve(plan, special, raw[i, c.OTHER], home)
    far = third if record == FORWARD and third.e164 != 0 else other
    if far.fault != 0 and (_goes_out(record) or is_voice(record)):
        return far.fault
    out[OTHER, k] = other.e164
    out[THIRD, k] = third.e164
    out[OTHER_AREA, k] = far.area
    out[OTHER_NET, k] = far.net
    out[IP, k] = far.ip_prefix
    out[FREE, k] = _free(special, far) if _goes_out(record) else 0
    origin = home if record == FORWARD else visited
    out[LD, k] = _distance(plan, record, origin, far)
    return 0


@compiled
def _free(special: Ints, far: Number) -> int:
    """1 for free special numbers, also those that look like a mobile number (CHG-18)."""
    if far.kind != MOBILE:
        return far.free
    place = find_first(special, far.e164 - 86 * 10**11)
    return special[1, place] if place >= 0 else 0


@compiled
def _goes_out(record: int) -> bool:
    """True if the served user reaches for the other party."""
    return (_OUTGOING >> record) & 1 == 1


@compiled
def _trunks_are_known(raw: Ints, i: int, cells: Keys) -> bool:
    """A call at the border came in by one trunk group and left by another: both must stand in the table of cells."""
    msc = raw[i, c.MSC]
    for field in (c.LAC, c.CELL):
        trunk = raw[i, field]
        if trunk == c.ABSENT or find_key(cells, pair_key(msc, trunk)) < 0:
            return False
    return True


@compiled
def _visited(raw: Ints, i: int, plan: Plan, cells: Keys, cell_area: Plan, home: int) -> int:
    """Area the user was in: as written, else by switch and location, else home; -1 = unknown."""
    written = raw[i, c.VISITED]
    if written != c.ABSENT and written != 0:
        if written >= FOREIGN_AREA:
            country = written - FOREIGN_AREA
            return written if country < 10_000 and plan[COUNTRY_LD + country] != 0 else -1
        return written if written < AREAS and plan[AREA_PROVINCE + written] != 0 else -1
    msc = raw[i, c.MSC]
    if msc == 0:
        return home
    cell = find_key(cells, pair_key(msc, _zero(raw[i, c.LAC])))
    if cell < 0:
        cell = find_key(cells, pair_key(msc, 0))
    return np.int64(cell_area[cell]) if cell >= 0 else -1


@compiled
def _roam(plan: Plan, home: int, visited: int) -> int:
    """Outbound or visiting, as this operator sees it (CHG-24)."""
    if home == visited:
        return HOME
    if home >= FOREIGN_AREA:
        return INTL_IN if visited < FOREIGN_AREA else INTL_OUT
    if visited >= FOREIGN_AREA:
        return INTL_OUT
    if plan[AREA_PROVINCE + home] == plan[AREA_PROVINCE + visited]:
        return INTRA_PROV
    if plan[AREA_IS_OURS + home] == 0 and plan[AREA_IS_OURS + visited] == 1:
        return IN
    return OUT


@compiled
def _distance(plan: Plan, record: int, origin: int, far: Number) -> int:
    """How far the use went: only what the served user sends out travels at his expense."""
    if not _goes_out(record) or far.area == 0 or far.area == origin:
        return LOCAL
    if far.area >= FOREIGN_AREA:
        return np.int64(plan[COUNTRY_LD + far.area - FOREIGN_AREA])
    if origin >= FOREIGN_AREA:
        return np.int64(plan[COUNTRY_LD + origin - FOREIGN_AREA])
    if record in (SMS_MO, MMS):
        return LOCAL
    if far.ip_prefix == 1:
        return IP_LD
    return INTRA_LD if plan[AREA_PROVINCE + origin] == plan[AREA_PROVINCE + far.area] else INTER_LD


@compiled
def _copy(raw: Ints, i: int, out: Ints, k: int) -> None:
    """Fields that go on as they were written."""
    record = raw[i, c.RECORD]
    out[SEQ, k] = i
    out[RECORD, k] = record
    out[UP, k] = _zero(raw[i, c.UP])
    out[DOWN, k] = _zero(raw[i, c.DOWN])
    counted = (_MESSAGE >> record) & 1 == 1
    messages = raw[i, c.MESSAGES]
    out[MESSAGES, k] = (1 if counted else 0) if messages == c.ABSENT else messages
    out[INFO_FEE, k] = _zero(raw[i, c.INFO_FEE])
    out[SP, k] = _zero(raw[i, c.SP])
    out[SERVICE, k] = raw[i, c.SERVICE]
    out[APN, k] = raw[i, c.APN]
    out[RATING_GROUP, k] = _zero(raw[i, c.RATING_GROUP])
    out[PARTNER, k] = _zero(raw[i, c.NETWORK])
    out[CALL_REF, k] = raw[i, c.CALL_REF]
    out[PARTIAL, k] = _zero(raw[i, c.PARTIAL])
    out[CAUSE, k] = _zero(raw[i, c.CAUSE])
    out[MSC, k] = raw[i, c.MSC]


@compiled
def _key(out: Ints, k: int, secret: Keys) -> None:
    """The 128-bit key of the fields of D4.3, each in bits of its own; a session of data has one for each service."""
    words = (
        out[SERVED, k],
        out[OTHER, k] ^ out[RATING_GROUP, k] << 32,
        out[START_AT, k] << 8 | out[RECORD, k],
        out[DURATION, k] << 32 | out[PARTIAL, k],
        out[MSC, k],
        out[CALL_REF, k],
    )
    high, low = keyed_hash(secret, words)
    out[KEY_HI, k] = np.int64(high)
    out[KEY_LO, k] = np.int64(low)
