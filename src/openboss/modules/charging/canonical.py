"""The one compiled reader of usage text: lines of the delimited form -> columns of integers.

Every decoder either reads that form or writes it (`line_of`), so all usage passes the same checks.
Fields, forms and codes: docs/formats/delimited.md. Source: CHG-03, CHG-04 (no fee but the partner's own), D4.1, D4.2.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import uint64

from openboss.kernel.compiled import compiled, compiled_releasing
from openboss.modules.charging.fields import (
    ABSENT,
    KIND,
    MOMENT,
    NAME,
    NUMBER,
    PADDING,
    UNREADABLE,
    WHOLE,
    WORD,
    Bytes,
    byte_at,
    careful,
    plain_digits,
    plain_kind,
    plain_moment,
    word_at,
)

FIELDS = (
    "record_type", "served_number", "served_imsi", "other_party", "third_party", "start_time", "end_time",
    "duration_s", "msc_id", "lac", "cell_id", "up_bytes", "down_bytes", "message_count", "apn", "call_ref",
    "partial_seq", "cause_close", "sp_code", "service_code", "info_fee", "visited_area", "rating_group",
    "visited_network",
)  # fmt: skip

# What becomes of each field: the row of the column matrix it fills, and how it is read.
_READ_AS = np.array(
    [KIND, NUMBER, WHOLE, NUMBER, NUMBER, MOMENT, MOMENT, WHOLE, NAME, WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, WORD, NAME,
     WHOLE, WHOLE, WHOLE, NAME, WHOLE, WHOLE, WHOLE, WHOLE],
    np.int64,
)  # fmt: skip
_EMPTY = np.array([ABSENT if how in (WHOLE, MOMENT) else 0 for how in _READ_AS], np.int64)
FIELD_COUNT = len(FIELDS)
LEAST_FIELDS = 23  # a line may end before the visited network, as all lines once did
RECORD, SERVED, IMSI, OTHER, THIRD, START, END, DURATION, MSC, LAC, CELL = range(11)
UP, DOWN, MESSAGES, APN, CALL_REF, PARTIAL, CAUSE, SP, SERVICE, INFO_FEE = range(11, 21)
VISITED, RATING_GROUP, NETWORK, START_OFFSET, END_OFFSET, LINE_START, LINE_END = range(21, 28)
ROWS = 28

LINE_LIMIT = 4096

Ints = npt.NDArray[np.int64]


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
    data = np.frombuffer(text + bytes(PADDING), np.uint8)
    columns = np.empty((text.count(b"\n"), ROWS), np.int64)
    fault = np.zeros(columns.shape[0], np.int16)
    _read_lines(data, columns, fault)
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


@compiled_releasing
def _read_lines(data: Bytes, columns: Ints, fault: npt.NDArray[np.int16]) -> None:
    at = 0
    for row in range(columns.shape[0]):
        start = at
        at, code = _read_line(data, at, columns, row)
        end = at - 1
        if end > start and byte_at(data, end - 1) == 13:
            end -= 1
        columns[row, LINE_START] = start
        columns[row, LINE_END] = end
        fault[row] = code if end - start <= LINE_LIMIT else UNREADABLE


@compiled
def _read_line(data: Bytes, at: int, columns: Ints, row: int) -> tuple[int, int]:
    """Read the fields of one line; return the start of the next line and the fault."""
    fault = 0
    columns[row, START_OFFSET] = ABSENT
    columns[row, END_OFFSET] = ABSENT
    columns[row, NETWORK] = ABSENT
    for field in range(FIELD_COUNT):
        how, word = _READ_AS[field], word_at(data, at)
        last, may_end = field == FIELD_COUNT - 1, field >= LEAST_FIELDS - 1
        first = word & uint64(0xFF)
        if ((first == 124 and not last) or (first == 10 and may_end)) and how != KIND:  # most fields are empty
            columns[row, field] = _EMPTY[field]
            at += 1
            if first == 10:
                return at, fault
            continue
        end, value = _plain(data, at, how, word)
        if end < 0 or last:
            end, value, offset_s, code = careful(data, at, how)
            if how == MOMENT:
                columns[row, START_OFFSET + field - START] = offset_s
            if code != 0 and (fault == 0 or code < fault):
                fault = code
            ends = byte_at(data, end) == 10  # a bar between fields, the newline after the last
            if (ends and not may_end) or (last and not ends):
                while byte_at(data, end) != 10:
                    end += 1
                return end + 1, UNREADABLE
        columns[row, field] = value
        at = end + 1
        if byte_at(data, end) == 10:
            return at, fault
    return at, fault


@compiled
def _plain(data: Bytes, at: int, how: int, word: int) -> tuple[int, int]:
    """Read a field of the usual kind; -1 = it is not."""
    if how == MOMENT:
        return plain_moment(data, at, word)
    if how == KIND:
        return plain_kind(at, word)
    if how == WORD or (how == NUMBER and (word & uint64(0xFF)) == 48):  # leading zeros of a number count
        return -1, 0
    return plain_digits(data, at, word)
