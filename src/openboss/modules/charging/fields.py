"""How one field of usage text is read by compiled code: plainly, eight bytes at a time, or with care.

Nearly all fields are digits, plain moments, well-known words or nothing: `plain_*` read these without a loop over
their bytes, and say -1 to anything else. `careful` reads whatever may stand in a field and says what is wrong with it.
Both agree on everything that `plain_*` takes (test). Forms: docs/formats/delimited.md.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types, uint64
from numba.extending import intrinsic

from openboss.kernel.compiled import compiled
from openboss.kernel.usage import RecordType

# How a field is read.
WORD, KIND, NUMBER, WHOLE, NAME, MOMENT = 0, 1, 2, 3, 4, 5

ABSENT = -(2**62)  # an empty whole number, moment or offset; an empty number or name is 0
UNREADABLE, BAD_FORM = 201, 202
PADDING = 32  # bytes that must follow the text: plain reading looks ahead

Bytes = npt.NDArray[np.uint8]


def _text_hash(text: str) -> int:
    hashed = 0xCBF29CE484222325
    for byte in text.encode():
        hashed = ((hashed ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return hashed


_KINDS = ("MOC", "MTC", "DATA", "SMS_MO", "SMS_MT", "MMS", "WLAN", "SP_FEE", "TAP_IN", "GATEWAY", "CALL_FORWARD",
          "BROADBAND", "VIDEO_CALL", "IN_PRERATED")  # fmt: skip
_KIND_HASH = np.array([_text_hash(name) for name in _KINDS], np.uint64)
_KIND_CODE = np.array([RecordType[name] for name in _KINDS], np.int64)
_SHORT_KINDS = [name for name in _KINDS if len(name) < 8]
_KIND_WORD = np.array([int.from_bytes(name.encode(), "little") for name in _SHORT_KINDS], np.uint64)

_ONES = np.uint64(0x0101010101010101)
_HIGHS = np.uint64(0x8080808080808080)
_BARS = np.uint64(0x7C7C7C7C7C7C7C7C)
_ZEROS = np.uint64(0x3030303030303030)
_SIXES = np.uint64(0x0606060606060606)
_UPPER = np.uint64(0xF0F0F0F0F0F0F0F0)
_LOWER = np.uint64(0x0F0F0F0F0F0F0F0F)
_THREES = np.uint64(0x3333333333333333)
# "YYYY-MM-", "DDThh:mm", ":ss|": which bytes are no digits, and what they must be
_YEAR_SIGNS, _YEAR_MASK = np.uint64(0x2D00002D00000000), np.uint64(0xFF0000FF00000000)
_HOUR_SIGNS, _HOUR_MASK = np.uint64(0x00003A0000540000), np.uint64(0x0000FF0000FF0000)
_SECOND_SIGNS, _SECOND_MASK = np.uint64(0x000000007C00003A), np.uint64(0x00000000FF0000FF)


# --- eight bytes at a time -------------------------------------------------------------------------------------------


@intrinsic
def _load(_typing: Any, data: Any, _at: Any) -> Any:
    """Eight bytes at any place as one number, the first byte the lowest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        word = builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return types.uint64(data, types.int64), generate


@intrinsic
def _zeros_below(_typing: Any, _word: Any) -> Any:
    """How many of the lowest bits are 0; 64 if all are."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


@compiled
def word_at(data: Bytes, at: int) -> int:
    """Eight bytes of the text; behind it there must be PADDING bytes."""
    return _load(data, at)  # type: ignore[call-arg]


@compiled
def _before_bar(word: int) -> int:
    """How many bytes stand before the first bar; 8 = there is none."""
    turned = word ^ _BARS
    return np.int64(_zeros_below((turned - _ONES) & ~turned & _HIGHS) >> uint64(3))  # type: ignore[call-arg]


@compiled
def _are_digits(word: int) -> bool:
    return ((word & _UPPER) | (((word + _SIXES) & _UPPER) >> uint64(4))) == _THREES


@compiled
def _value(word: int) -> int:
    """Eight digits as a number: pairs, then fours, then all."""
    word = ((word & _LOWER) * uint64(2561)) >> uint64(8)
    word = ((word & uint64(0x00FF00FF00FF00FF)) * uint64(6553601)) >> uint64(16)
    return np.int64(((word & uint64(0x0000FFFF0000FFFF)) * uint64(42949672960001)) >> uint64(32))


@compiled
def _first_of(word: int, length: int) -> int:
    """The first `length` (1 to 8) bytes as if zeros stood before them."""
    return (word << uint64(64 - 8 * length)) | ((_ZEROS >> uint64(8)) >> uint64(8 * (length - 1)))


@compiled
def plain_digits(data: Bytes, at: int, word: int) -> tuple[int, int]:
    """Read 1 to 15 digits before a bar; return the bar's place (-1 = not plain) and the number."""
    length = _before_bar(word)
    if length < 8:
        if length == 0:
            return -1, 0
        digits = _first_of(word, length)
        return (at + length if _are_digits(digits) else -1), _value(digits)
    behind = word_at(data, at + 8)
    more = _before_bar(behind)
    if more == 0:
        return (at + 8 if _are_digits(word) else -1), _value(word)
    if more == 8:
        return -1, 0
    upper, lower = _first_of(word, more), word_at(data, at + more)
    return (at + 8 + more if _are_digits(upper) and _are_digits(lower) else -1), _value(upper) * 10**8 + _value(lower)


@compiled
def plain_kind(at: int, word: int) -> tuple[int, int]:
    """Read a kind of record with a short name."""
    length = _before_bar(word)
    if length < 8:
        name = word & ((uint64(1) << uint64(8 * length)) - uint64(1))
        for i in range(_KIND_WORD.shape[0]):
            if _KIND_WORD[i] == name:
                return at + length, _KIND_CODE[i]
    return -1, 0


@compiled
def plain_moment(data: Bytes, at: int, word: int) -> tuple[int, int]:
    """Read YYYY-MM-DDThh:mm:ss, without an offset, before a bar."""
    hours, seconds = word_at(data, at + 8), word_at(data, at + 16)
    signs = ((word & _YEAR_MASK) ^ _YEAR_SIGNS) | ((hours & _HOUR_MASK) ^ _HOUR_SIGNS)
    if (signs | ((seconds & _SECOND_MASK) ^ _SECOND_SIGNS)) != 0:
        return -1, 0
    word = (word & ~_YEAR_MASK) | (_ZEROS & _YEAR_MASK)
    hours = (hours & ~_HOUR_MASK) | (_ZEROS & _HOUR_MASK)
    seconds = (seconds & uint64(0xFFFF00)) | (_ZEROS & ~uint64(0xFFFF00))
    if not (_are_digits(word) and _are_digits(hours) and _are_digits(seconds)):
        return -1, 0
    day_of, time_of, second = _value(word), _value(hours), _value(seconds) // 100_000
    year, month, day = day_of // 10_000, day_of // 10 % 100, time_of // 1_000_000
    hour, minute = time_of // 1000 % 100, time_of % 100
    if year < 1970 or month < 1 or month > 12 or day < 1 or day > _days_in(year, month):
        return -1, 0
    if hour > 23 or minute > 59 or second > 59:
        return -1, 0
    return at + 19, _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second


# --- with care -------------------------------------------------------------------------------------------------------


@compiled
def careful(data: Bytes, at: int, how: int) -> tuple[int, int, int, int]:
    """Read any field; return where it ends, its value, the offset of a moment, and 0, 201 or 202."""
    if how == WHOLE:
        end, value, code = _whole(data, at)
    elif how == NUMBER:
        end, value, code = _number(data, at)
    elif how == MOMENT:
        return _moment(data, at)
    elif how == KIND:
        end, value, code = _kind(data, at)
    elif how == NAME:
        end, value = _name(data, at)
        code = 0
    elif how == WORD:
        end, value = _word(data, at)
        code = 0
    else:
        end, value, code = skip(data, at), 0, 0
    return end, value, ABSENT, code


@compiled
def byte_at(data: Bytes, at: int) -> int:
    """One byte; the unsigned index spares the test for places counted from the end."""
    return data[np.uint64(at)]


@compiled
def skip(data: Bytes, at: int) -> int:
    while byte_at(data, at) != 124 and byte_at(data, at) != 10:
        at += 1
    return at


@compiled
def _ends(byte: int) -> bool:
    """True at the end of a field: a bar, a newline, or the carriage return before it."""
    return byte == 124 or byte == 10 or byte == 13


@compiled
def _past_return(data: Bytes, at: int) -> int:
    return at + 1 if byte_at(data, at) == 13 and byte_at(data, at + 1) == 10 else at


@compiled
def _whole(data: Bytes, at: int) -> tuple[int, int, int]:
    """A whole number with an optional minus sign."""
    if _ends(byte_at(data, at)):
        end = _past_return(data, at)
        return (end, ABSENT, 0) if _is_end(byte_at(data, end)) else (skip(data, end), ABSENT, BAD_FORM)
    negative = byte_at(data, at) == 45
    start = at + 1 if negative else at
    value, i = 0, start
    while byte_at(data, i) >= 48 and byte_at(data, i) <= 57:
        value = value * 10 + (byte_at(data, i) - 48)  # too many digits wrap around and are refused below
        i += 1
    length = i - start
    i = _past_return(data, i)
    if length == 0 or length > 18 or not _is_end(byte_at(data, i)):
        return skip(data, i), ABSENT, BAD_FORM
    return i, -value if negative else value, 0


@compiled
def _is_end(byte: int) -> bool:
    return byte == 124 or byte == 10


@compiled
def _number(data: Bytes, at: int) -> tuple[int, int, int]:
    """A number of a party, coded as numbering.py says: leading zeros * 10**18 + digits, a plus as two zeros."""
    zeros, i = 0, at
    if byte_at(data, i) == 43:
        zeros, i = 2, i + 1
        if byte_at(data, i) == 48:  # "+0" is no country
            return skip(data, i), 0, BAD_FORM
    while byte_at(data, i) == 48:
        zeros += 1
        i += 1
    value, start = 0, i
    while byte_at(data, i) >= 48 and byte_at(data, i) <= 57:
        value = value * 10 + (byte_at(data, i) - 48)  # too many digits wrap around and are refused below
        i += 1
    length = i - start
    i = _past_return(data, i)
    if length > 18 or zeros > 8 or not _is_end(byte_at(data, i)) or (length == 0 and zeros > 0):
        return skip(data, i), 0, BAD_FORM
    return i, zeros * 10**18 + value, 0


@compiled
def _hash(data: Bytes, at: int) -> tuple[int, int]:
    hashed = uint64(0xCBF29CE484222325)
    while not _is_end(byte_at(data, at)):
        hashed = (hashed ^ uint64(byte_at(data, at))) * uint64(0x100000001B3)
        at += 1
    return at, hashed


@compiled
def _name(data: Bytes, at: int) -> tuple[int, int]:
    """An identity: up to 18 digits as they are, other text as a hash with NAME_BIT set (kernel.usage.name_code).

    A hash written out as its 19 digits stays itself: so records come back from the error pool with the same key.
    """
    value, i = 0, at
    while byte_at(data, i) >= 48 and byte_at(data, i) <= 57:
        value = value * 10 + (byte_at(data, i) - 48)
        i += 1
    if _is_end(byte_at(data, i)) and (i - at <= 18 or (i - at == 19 and value >> 61 == 1)):
        return i, value
    end, hashed = _hash(data, at)
    return end, np.int64((hashed & uint64((1 << 61) - 1)) | uint64(1 << 61))


@compiled
def _word(data: Bytes, at: int) -> tuple[int, int]:
    """A name in any case of letters, numbered as kernel.usage.text_id does; # and its number stay that number.

    So records come back from the error pool with the same number.
    """
    hashed, start = uint64(0x811C9DC5), at
    if byte_at(data, at) == 35:
        end, value, code = _whole(data, at + 1)
        return end, value if code == 0 and value != ABSENT else 0
    while not _ends(byte_at(data, at)):
        hashed = word_hash(hashed, byte_at(data, at))
        at += 1
    return skip(data, at), np.int64(hashed & uint64(0x7FFFFFFF)) if at > start else 0


@compiled
def word_hash(hashed: int, byte: int) -> int:
    """One byte more of a name in any case of letters."""
    small = byte + 32 if 65 <= byte <= 90 else byte
    return ((hashed ^ uint64(small)) * uint64(0x01000193)) & uint64(0xFFFFFFFF)


@compiled
def _kind(data: Bytes, at: int) -> tuple[int, int, int]:
    end, hashed = _hash(data, at)
    for i in range(_KIND_HASH.shape[0]):
        if _KIND_HASH[i] == hashed:
            return end, _KIND_CODE[i], 0
    return end, 0, UNREADABLE


@compiled
def _pair(data: Bytes, at: int) -> int:
    """Two digits, or -1000 if they are none."""
    high, low = np.int64(byte_at(data, at)) - 48, np.int64(byte_at(data, at + 1)) - 48
    return high * 10 + low if 0 <= high <= 9 and 0 <= low <= 9 else -1000


@compiled
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date of the Gregorian calendar."""
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@compiled
def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


@compiled
def _moment(data: Bytes, at: int) -> tuple[int, int, int, int]:
    """Wall-clock seconds and, if written, the offset: YYYY-MM-DDThh:mm:ss[Z|+hh:mm|-hh:mm]."""
    end = skip(data, at)
    stop = end - 1 if end > at and byte_at(data, end) == 10 and byte_at(data, end - 1) == 13 else end
    length = stop - at
    if length == 0:
        return end, ABSENT, ABSENT, 0
    if length != 19 and length != 20 and length != 25:
        return end, ABSENT, ABSENT, UNREADABLE
    year, month, day = _pair(data, at) * 100 + _pair(data, at + 2), _pair(data, at + 5), _pair(data, at + 8)
    hour, minute, second = _pair(data, at + 11), _pair(data, at + 14), _pair(data, at + 17)
    shaped = (
        byte_at(data, at + 4) == 45
        and byte_at(data, at + 7) == 45
        and byte_at(data, at + 13) == 58
        and byte_at(data, at + 16) == 58
    )
    shaped = shaped and (byte_at(data, at + 10) == 84 or byte_at(data, at + 10) == 32)
    if not shaped or year < 1970 or month < 1 or month > 12 or day < 1 or day > _days_in(year, month):
        return end, ABSENT, ABSENT, UNREADABLE
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return end, ABSENT, ABSENT, UNREADABLE
    wall_s = _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
    if length == 19:
        return end, wall_s, ABSENT, 0
    offset_s = _offset(data, at + 19, length - 19)
    return end, wall_s, offset_s, 0 if offset_s != ABSENT else UNREADABLE


@compiled
def _offset(data: Bytes, at: int, length: int) -> int:
    if length == 1:
        return 0 if byte_at(data, at) == 90 else ABSENT
    hours, minutes = _pair(data, at + 1), _pair(data, at + 4)
    if byte_at(data, at + 3) != 58 or hours < 0 or hours > 14 or minutes < 0 or minutes > 59:
        return ABSENT
    size_s = hours * 3600 + minutes * 60
    if byte_at(data, at) == 43:
        return size_s
    return -size_s if byte_at(data, at) == 45 else ABSENT
