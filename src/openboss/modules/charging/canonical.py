"""The one compiled reader of usage text: lines of the delimited form -> columns of integers.

Every decoder either reads that form or writes it (`line_of`), so all usage passes the same checks.
Fields, forms and codes: docs/formats/delimited.md. Source: CHG-03, CHG-04 (no fee but the partner's own), D4.1, D4.2.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit, uint64

from openboss.kernel.usage import RecordType

FIELDS = (
    "record_type", "served_number", "served_imsi", "other_party", "third_party", "start_time", "end_time",
    "duration_s", "msc_id", "lac", "cell_id", "up_bytes", "down_bytes", "message_count", "apn", "call_ref",
    "partial_seq", "cause_close", "sp_code", "service_code", "info_fee", "visited_area", "rating_group",
)  # fmt: skip

# What becomes of each field: the row of the column matrix it fills, and how it is read.
TEXT, KIND, NUMBER, WHOLE, NAME, MOMENT = 0, 1, 2, 3, 4, 5
_READ_AS = np.array(
    [KIND, NUMBER, WHOLE, NUMBER, NUMBER, MOMENT, MOMENT, WHOLE, NAME, WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, TEXT, NAME,
     WHOLE, WHOLE, WHOLE, NAME, WHOLE, WHOLE, WHOLE],
    np.int64,
)  # fmt: skip
FIELD_COUNT = len(FIELDS)
RECORD, SERVED, IMSI, OTHER, THIRD, START, END, DURATION, MSC, LAC, CELL = range(11)
UP, DOWN, MESSAGES, CALL_REF, PARTIAL, CAUSE, SP, SERVICE, INFO_FEE, VISITED = 11, 12, 13, 15, 16, 17, 18, 19, 20, 21
START_OFFSET, END_OFFSET, LINE_START, LINE_END = 23, 24, 25, 26
ROWS = 27

ABSENT = -(2**62)  # an empty whole number, moment or offset; an empty number or name is 0
UNREADABLE, BAD_FORM = 201, 202
LINE_LIMIT = 4096

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]


def _text_hash(text: str) -> int:
    hashed = 0xCBF29CE484222325
    for byte in text.encode():
        hashed = ((hashed ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return hashed


_KINDS = ("MOC", "MTC", "SMS_MO", "SMS_MT", "DATA", "MMS", "CALL_FORWARD", "WLAN", "SP_FEE", "BROADBAND",
          "VIDEO_CALL", "GATEWAY", "IN_PRERATED", "TAP_IN")  # fmt: skip
_KIND_HASH = np.array([_text_hash(name) for name in _KINDS], np.uint64)
_KIND_CODE = np.array([RecordType[name] for name in _KINDS], np.int64)


@dataclass(frozen=True)
class UsageBlock:
    """Records read from one piece of text.

    text        the piece itself; line i is text[columns[i, LINE_START] : columns[i, LINE_END]]
    columns     int64 [n, ROWS]: a record's fields lie side by side, as they are written and read
    fault       0, or 201 / 202 if the line could not be read
    first_seq   place of line 0 among the records of its file, from 1
    """

    text: bytes
    columns: Ints
    fault: npt.NDArray[np.int16]
    first_seq: int

    def __len__(self) -> int:
        return self.columns.shape[0]

    def line(self, row: int) -> str:
        """One record as the source wrote it."""
        start, end = int(self.columns[row, LINE_START]), int(self.columns[row, LINE_END])
        return self.text[start : min(end, start + LINE_LIMIT)].decode("utf-8", "replace")


class Undecodable(Exception):
    """The file is not what its source delivers: no record of it can be trusted (E104)."""


class TrailerMismatch(Exception):
    """The file has no trailer, or its trailer does not agree with its records (E103)."""


@dataclass(frozen=True)
class UsageText:
    """A piece of a file as a decoder hands it on: whole lines of the delimited form, and how many it filtered out."""

    text: bytes
    filtered: int = 0


@dataclass(frozen=True)
class Trailer:
    """What the file itself says it holds; the sum of durations only if the format has one."""

    records: int
    duration_s: int | None = None


def read_block(text: bytes, first_seq: int) -> UsageBlock:
    """Read whole lines of records (no header, no trailer; every line ends with a newline) into columns."""
    assert not text or text.endswith(b"\n")
    data = np.frombuffer(text, np.uint8)
    columns = np.empty((int(np.count_nonzero(data == 10)), ROWS), np.int64)
    fault = np.zeros(columns.shape[0], np.int16)
    _read_lines(data, _READ_AS, _KIND_HASH, _KIND_CODE, columns, fault)
    return UsageBlock(text, columns, fault, first_seq)


def line_of(record: Mapping[str, object]) -> bytes:
    """Write one record in the delimited form; fields not given stay empty."""
    return "|".join(_clean(str(record.get(name, ""))) for name in FIELDS).encode("utf-8", "replace") + b"\n"


def fields_of(line: str) -> dict[str, str]:
    """Split a line into named fields, as the error pool keeps it; what does not fit goes under `rest`."""
    parts = line.rstrip("\r\n").split("|")
    if len(parts) == 1:
        return {"line": line}
    record = dict(zip(FIELDS, parts, strict=False))
    if len(parts) > FIELD_COUNT:
        record["rest"] = "|".join(parts[FIELD_COUNT:])
    return record


def block_of(records: Iterable[Mapping[str, object]], first_seq: int = 1) -> UsageBlock:
    """Read records given by name, for decoders of other formats and for recycling."""
    return read_block(b"".join(line_of(record) for record in records), first_seq)


def _clean(text: str) -> str:
    return text.replace("|", " ").replace("\n", " ").replace("\r", " ") if ("|" in text or "\n" in text) else text


@njit(cache=True, nogil=True)
def _byte(data: Bytes, at: int) -> int:
    """One byte; the unsigned index spares the test for places counted from the end."""
    return data[np.uint64(at)]


@njit(cache=True, nogil=True)
def _read_lines(
    data: Bytes, read_as: Ints, kind_hash: Hashes, kind_code: Ints, columns: Ints, fault: npt.NDArray[np.int16]
) -> None:
    at = 0
    for row in range(columns.shape[0]):
        columns[row, LINE_START] = at
        at, code = _read_line(data, at, read_as, kind_hash, kind_code, columns, row)
        fault[row] = code
        end = at - 1
        if end > columns[row, LINE_START] and _byte(data, end - 1) == 13:
            end -= 1
        columns[row, LINE_END] = end
        if end - columns[row, LINE_START] > LINE_LIMIT:
            fault[row] = UNREADABLE


@njit(cache=True, nogil=True)
def _read_line(
    data: Bytes, at: int, read_as: Ints, kind_hash: Hashes, kind_code: Ints, columns: Ints, row: int
) -> tuple[int, int]:
    """Read the fields of one line; return the start of the next line and the fault."""
    fault = 0
    for field in range(FIELD_COUNT):
        how = read_as[field]
        end, code = at, 0
        if how == WHOLE and _byte(data, at) == 124:  # most fields are empty
            columns[row, field] = ABSENT
        elif how == WHOLE:
            end, columns[row, field], code = _whole(data, at)
        elif how == NUMBER:
            end, columns[row, field], code = _number(data, at)
        elif how == MOMENT:
            end, columns[row, field], columns[row, START_OFFSET + field - START], code = _moment(data, at)
        elif how == NAME:
            end, columns[row, field] = _name(data, at)
        else:
            end, hashed = _hash(data, at)
            if how == KIND:
                columns[row, field], code = _kind(hashed, kind_hash, kind_code)
            else:
                columns[row, field] = 0
        if code != 0 and (fault == 0 or code < fault):
            fault = code
        if (field < FIELD_COUNT - 1) != (_byte(data, end) == 124):  # a bar between fields, the newline after the last
            while _byte(data, end) != 10:
                end += 1
            return end + 1, UNREADABLE
        at = end + 1
    return at, fault


@njit(cache=True, nogil=True)
def _skip(data: Bytes, at: int) -> int:
    while _byte(data, at) != 124 and _byte(data, at) != 10:
        at += 1
    return at


@njit(cache=True, nogil=True)
def _ends(byte: int) -> bool:
    """True at the end of a field: a bar, a newline, or the carriage return before it."""
    return byte == 124 or byte == 10 or byte == 13


@njit(cache=True, nogil=True)
def _past_return(data: Bytes, at: int) -> int:
    return at + 1 if _byte(data, at) == 13 and _byte(data, at + 1) == 10 else at


@njit(cache=True, nogil=True)
def _whole(data: Bytes, at: int) -> tuple[int, int, int]:
    """A whole number with an optional minus sign."""
    if _ends(_byte(data, at)):
        end = _past_return(data, at)
        return (end, ABSENT, 0) if _is_end(_byte(data, end)) else (_skip(data, end), ABSENT, BAD_FORM)
    negative = _byte(data, at) == 45
    start = at + 1 if negative else at
    value, i = 0, start
    while _byte(data, i) >= 48 and _byte(data, i) <= 57:
        value = value * 10 + (_byte(data, i) - 48)  # too many digits wrap around and are refused below
        i += 1
    length = i - start
    i = _past_return(data, i)
    if length == 0 or length > 18 or not _is_end(_byte(data, i)):
        return _skip(data, i), ABSENT, BAD_FORM
    return i, -value if negative else value, 0


@njit(cache=True, nogil=True)
def _is_end(byte: int) -> bool:
    return byte == 124 or byte == 10


@njit(cache=True, nogil=True)
def _number(data: Bytes, at: int) -> tuple[int, int, int]:
    """A number of a party, coded as numbering.py says: leading zeros * 10**18 + digits, a plus as two zeros."""
    zeros, i = 0, at
    if _byte(data, i) == 43:
        zeros, i = 2, i + 1
        if _byte(data, i) == 48:  # "+0" is no country
            return _skip(data, i), 0, BAD_FORM
    while _byte(data, i) == 48:
        zeros += 1
        i += 1
    value, start = 0, i
    while _byte(data, i) >= 48 and _byte(data, i) <= 57:
        value = value * 10 + (_byte(data, i) - 48)  # too many digits wrap around and are refused below
        i += 1
    length = i - start
    i = _past_return(data, i)
    if length > 18 or zeros > 8 or not _is_end(_byte(data, i)) or (length == 0 and zeros > 0):
        return _skip(data, i), 0, BAD_FORM
    return i, zeros * 10**18 + value, 0


@njit(cache=True, nogil=True)
def _hash(data: Bytes, at: int) -> tuple[int, int]:
    hashed = uint64(0xCBF29CE484222325)
    while not _is_end(_byte(data, at)):
        hashed = (hashed ^ uint64(_byte(data, at))) * uint64(0x100000001B3)
        at += 1
    return at, hashed


@njit(cache=True, nogil=True)
def _name(data: Bytes, at: int) -> tuple[int, int]:
    """An identity: up to 18 digits as they are, other text as a hash with NAME_BIT set (numbering.name_code).

    A hash written out as its 19 digits stays itself: so records come back from the error pool with the same key.
    """
    value, i = 0, at
    while _byte(data, i) >= 48 and _byte(data, i) <= 57:
        value = value * 10 + (_byte(data, i) - 48)
        i += 1
    if _is_end(_byte(data, i)) and (i - at <= 18 or (i - at == 19 and value >> 61 == 1)):
        return i, value
    end, hashed = _hash(data, at)
    return end, np.int64((hashed & uint64((1 << 61) - 1)) | uint64(1 << 61))


@njit(cache=True, nogil=True)
def _kind(hashed: int, kind_hash: Hashes, kind_code: Ints) -> tuple[int, int]:
    for i in range(kind_hash.shape[0]):
        if kind_hash[i] == hashed:
            return kind_code[i], 0
    return 0, UNREADABLE


@njit(cache=True, nogil=True)
def _pair(data: Bytes, at: int) -> int:
    """Two digits, or -1000 if they are none."""
    high, low = np.int64(_byte(data, at)) - 48, np.int64(_byte(data, at + 1)) - 48
    return high * 10 + low if 0 <= high <= 9 and 0 <= low <= 9 else -1000


@njit(cache=True, nogil=True)
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date of the Gregorian calendar."""
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@njit(cache=True, nogil=True)
def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


@njit(cache=True, nogil=True)
def _moment(data: Bytes, at: int) -> tuple[int, int, int, int]:
    """Wall-clock seconds and, if written, the offset: YYYY-MM-DDThh:mm:ss[Z|+hh:mm|-hh:mm]."""
    end = _skip(data, at)
    stop = end - 1 if end > at and _byte(data, end) == 10 and _byte(data, end - 1) == 13 else end
    length = stop - at
    if length == 0:
        return end, ABSENT, ABSENT, 0
    if length != 19 and length != 20 and length != 25:
        return end, ABSENT, ABSENT, UNREADABLE
    year, month, day = _pair(data, at) * 100 + _pair(data, at + 2), _pair(data, at + 5), _pair(data, at + 8)
    hour, minute, second = _pair(data, at + 11), _pair(data, at + 14), _pair(data, at + 17)
    shaped = (
        _byte(data, at + 4) == 45
        and _byte(data, at + 7) == 45
        and _byte(data, at + 13) == 58
        and _byte(data, at + 16) == 58
    )
    shaped = shaped and (_byte(data, at + 10) == 84 or _byte(data, at + 10) == 32)
    if not shaped or year < 1970 or month < 1 or month > 12 or day < 1 or day > _days_in(year, month):
        return end, ABSENT, ABSENT, UNREADABLE
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return end, ABSENT, ABSENT, UNREADABLE
    wall_s = _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
    if length == 19:
        return end, wall_s, ABSENT, 0
    offset_s = _offset(data, at + 19, length - 19)
    return end, wall_s, offset_s, 0 if offset_s != ABSENT else UNREADABLE


@njit(cache=True, nogil=True)
def _offset(data: Bytes, at: int, length: int) -> int:
    if length == 1:
        return 0 if _byte(data, at) == 90 else ABSENT
    hours, minutes = _pair(data, at + 1), _pair(data, at + 4)
    if _byte(data, at + 3) != 58 or hours < 0 or hours > 14 or minutes < 0 or minutes > 59:
        return ABSENT
    size_s = hours * 3600 + minutes * 60
    if _byte(data, at) == 43:
        return size_s
    return -size_s if _byte(data, at) == 45 else ABSENT
