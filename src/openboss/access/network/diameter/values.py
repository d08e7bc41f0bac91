"""Values of Diameter AVPs: numbers, addresses, names and money, out of the bytes of a socket. Compiled."""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.usage import NAME_BIT
from openboss.modules.charging.engine.online.requests import MOST_OCTETS
from openboss.modules.charging.fields import word_hash


@compiled
def be32(data: np.ndarray, at: int) -> int:
    """Read four bytes."""
    return (
        np.int64(data[at]) << 24 | np.int64(data[at + 1]) << 16 | np.int64(data[at + 2]) << 8 | np.int64(data[at + 3])
    )


@compiled
def be24(data: np.ndarray, at: int) -> int:
    """Read three bytes."""
    return np.int64(data[at]) << 16 | np.int64(data[at + 1]) << 8 | np.int64(data[at + 2])


@compiled
def whole(data: np.ndarray, at: int, length: int) -> int:
    """Read an unsigned number of four or eight bytes; more than an int64 holds counts as its largest."""
    if length == 4:
        return be32(data, at)
    high = be32(data, at)
    return (high << 32 | be32(data, at + 4)) if high < 1 << 31 else 2**62


@compiled
def coded_number(data: np.ndarray, at: int, length: int, is_international: bool) -> int:
    """Read a telephone number, a tel: or a sip: address; 0 = none. Coded as charging.numbering says."""
    stop = at + length
    for i in range(at, min(at + 5, stop)):
        if data[i] == 58:  # the colon of tel: and sip:
            at = i + 1
            break
    zeros, digits, count = 0, 0, 0
    if is_international:
        zeros = 2
    while at < stop and (data[at] == 43 or data[at] == 48) and count == 0:
        if not is_international:
            zeros += 2 if data[at] == 43 else 1
        at += 1
    while at < stop and count < 16:
        if 48 <= data[at] <= 57:
            digits, count = digits * 10 + (data[at] - 48), count + 1
        elif data[at] not in (45, 46, 40, 41):  # - . ( ) are there for people who read it (RFC 3966 5.1.1)
            break
        at += 1
    if count == 0 or (at < stop and data[at] != 64 and data[at] != 59):
        return 0
    return min(zeros, 8) * 10**18 + digits


@compiled
def word(data: np.ndarray, at: int, length: int) -> int:
    """Number a name in any case of letters as kernel.usage.text_id does."""
    hashed = np.uint64(0x811C9DC5)
    for i in range(at, at + length):
        hashed = word_hash(hashed, np.int64(data[i]))
    return np.int64(hashed & np.uint64(0x7FFFFFFF)) if length > 0 else 0


@compiled
def digits(data: np.ndarray, at: int, length: int) -> int:
    """Read a number written in digits; 0 = it is none."""
    number = 0
    for i in range(at, at + min(length, 18)):
        if not 48 <= data[i] <= 57:
            return 0
        number = number * 10 + (data[i] - 48)
    return number


@compiled
def imei(data: np.ndarray, at: int, length: int) -> int:
    """Read the 14 digits that name a handset, out of an IMEI or IMEISV as text or two digits a byte; 0 = it is none."""
    if 14 <= length <= 16:
        return digits(data, at, 14)
    number = 0
    for place in range(14 if length == 8 else 0):
        digit = np.int64(data[at + place // 2]) >> 4 * (place & 1) & 15
        if digit > 9:
            return 0
        number = number * 10 + digit
    return number


@compiled
def network_of(data: np.ndarray, at: int, length: int) -> int:
    """Country and network code of a user location (TS 29.061, TS 24.008); 0 = it has none."""
    if length < 4:
        return 0
    a, b, c = np.int64(data[at + 1]), np.int64(data[at + 2]), np.int64(data[at + 3])
    number = (a & 15) * 10_000 + (a >> 4) * 1000 + (b & 15) * 100 + (c & 15) * 10 + (c >> 4)
    return number if b >> 4 == 15 else number * 10 + (b >> 4)


@compiled
def tracking_area(data: np.ndarray, at: int, length: int) -> int:
    """Location, routing or tracking area of a user location (TS 29.061, TS 29.274); 0 = it has none."""
    kind = data[at] if length > 0 else 0
    if length >= 6 and (kind <= 2 or kind == 128 or kind == 130):
        return np.int64(data[at + 4]) << 8 | np.int64(data[at + 5])
    if length >= 7 and (kind == 136 or kind == 138):
        return be24(data, at + 4)
    return 0


@compiled
def name(data: np.ndarray, at: int, length: int) -> int:
    """Number an identity as kernel.usage.name_code does, so that the same one in a file is known again."""
    hashed, number, is_plain = np.uint64(0xCBF29CE484222325), 0, length <= 18
    for i in range(at, at + length):
        byte = np.int64(data[i])
        hashed = (hashed ^ np.uint64(byte)) * np.uint64(0x100000001B3)
        is_plain = is_plain and 48 <= byte <= 57
        number = number * 10 + (byte - 48) if is_plain else 0
    if is_plain:
        return number
    return np.int64((hashed & np.uint64(NAME_BIT - 1)) | np.uint64(NAME_BIT))


@compiled
def context(data: np.ndarray, at: int, length: int) -> int:
    """Read the five digits before the @ of a service context: the 3GPP specification."""
    for i in range(at, at + length):
        if data[i] == 64:
            return digits(data, i - 5, 5) if i - at >= 5 else 0
    return 0


@compiled
def is_video(data: np.ndarray, at: int, length: int) -> bool:
    """Say whether a media line of SDP (with its m= or without) names a picture that is carried: its port is not 0."""
    stop = at + length
    if length > 2 and data[at + 1] == 61:  # =
        at += 2
    if stop - at < 5:
        return False
    for i, letter in enumerate((118, 105, 100, 101, 111)):
        if data[at + i] | 32 != letter:
            return False
    at += 5
    while at < stop and data[at] == 32:
        at += 1
    return not (at < stop and data[at] == 48 and (at + 1 == stop or data[at + 1] == 32))


@compiled
def hashed(data: np.ndarray, at: int, length: int) -> tuple[int, int]:
    """Number a session's name by 128 bits."""
    high, low = np.uint64(0xCBF29CE484222325), np.uint64(0x9E3779B97F4A7C15)
    for i in range(at, at + length):
        byte = np.uint64(data[i])
        high = (high ^ byte) * np.uint64(0x100000001B3)
        low = (low + byte + np.uint64(1)) * np.uint64(0xD6E8FEB86659FD93)
        low ^= low >> np.uint64(32)
    return high, low


@compiled
def money_li(digits: int, exponent: int) -> int:
    """Read an amount of money, to the li (half up); what is too much stays too much."""
    li, places = min(digits, MOST_OCTETS + 1), exponent + 3
    for _ in range(min(places, 18)):
        li = min(li * 10, MOST_OCTETS + 1)
    if places < 0:
        part = 10 ** min(-places, 18)
        li = (li + part // 2) // part
    return li
