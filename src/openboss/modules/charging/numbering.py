"""Whose number is this, where does it live, on which network: dense tables built from the reference frames.

A number is handed over as the element wrote it, coded in one int64: `leading zeros * 10**18 + digits`, a leading
`+` counting as two zeros; 0 = no number. So "01062345678" stays apart from "1062345678" and no text is needed.
Source: CHG-06, CHG-18, D3.9, D5.1 (countries with a night price), docs/formats/delimited.md.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit, uint64

from openboss.kernel.usage import LdType, OtherNet

ZEROS = 10**18  # one leading zero in a coded number
FOREIGN_AREA = 1_000_000  # + country code
IP_PREFIX = 17951
CHINA = 86
NAME_BIT = 1 << 61  # set in a hashed name, so that it never equals a plain number

MOBILE, FIXED, SPECIAL, SHORT, ABROAD, PORT = 1, 2, 3, 4, 5, 6  # kinds of a number
BAD_NUMBER, UNKNOWN_PREFIX = 202, 302

_SEGMENTS = 1_000_000  # 7-digit mobile segments 1_000_000 .. 1_999_999, less 1_000_000
_AREAS = 1_000
_COUNTRY_PREFIXES = 10_000

Ints = npt.NDArray[np.int64]


class ReferenceFault(ValueError):
    """The numbering plan contradicts itself (two rows say different things); nothing was loaded."""


class NumberingTables(NamedTuple):
    """The numbering plan as arrays that compiled code indexes. Areas are ints, provinces ranks from 1, 0 = unknown."""

    segment_area: npt.NDArray[np.int32]
    segment_net: npt.NDArray[np.int8]
    area_province: npt.NDArray[np.int32]
    area_is_fixed: npt.NDArray[np.int8]
    area_is_ours: npt.NDArray[np.int8]
    area_band_shift_s: npt.NDArray[np.int32]
    country_of: npt.NDArray[np.int32]  # by the first four digits
    country_ld: npt.NDArray[np.int8]  # by country code; 0 = unknown
    special: Ints
    special_free: npt.NDArray[np.int8]
    cell_key: npt.NDArray[np.uint64]
    cell_area: npt.NDArray[np.int32]
    provider_key: npt.NDArray[np.uint64]
    imsi: Ints
    imsi_number: Ints


class Number(NamedTuple):
    """What the plan says about a number; `fault` 0, 202 or 302."""

    e164: int
    kind: int
    area: int
    net: int
    free: int
    ip_prefix: int
    fault: int


@dataclass(frozen=True)
class OperatorClock:
    """Offset of the operator's wall clock from UTC, by UTC hour, around the moment of collection."""

    first_hour: int
    offset_s: Ints


def name_code(text: str) -> int:
    """Code an identity as usage files do: plain digits are themselves, other text a hash with NAME_BIT set."""
    if not text:
        return 0
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    hashed = 0xCBF29CE484222325
    for byte in text.encode():
        hashed = ((hashed ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return (hashed & (NAME_BIT - 1)) | NAME_BIT


@njit(cache=True, nogil=True)
def mix(value: int) -> int:
    """Spread 64 bits (the finaliser of splitmix64)."""
    v = uint64(value) + uint64(0x9E3779B97F4A7C15)
    v = (v ^ (v >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    v = (v ^ (v >> uint64(27))) * uint64(0x94D049BB133111EB)
    return v ^ (v >> uint64(31))


@njit(cache=True, nogil=True)
def pair_key(first: int, second: int) -> int:
    """Put two identities into one 64-bit key."""
    return mix(mix(first) ^ uint64(second))


@njit(cache=True, nogil=True)
def find(keys: Ints, key: int) -> int:
    """Index of `key` in sorted `keys`, or -1."""
    low, high = 0, keys.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < keys.shape[0] and keys[low] == key else -1


@njit(cache=True, nogil=True)
def digit_count(value: int) -> int:
    """Decimal digits of a positive number; 0 has none."""
    count = 0
    while value > 0:
        value //= 10
        count += 1
    return count


@njit(cache=True, nogil=True)
def _special(tables: NumberingTables, digits: int) -> Number:
    found = find(tables.special, digits)
    if found >= 0:
        return Number(digits, SPECIAL, 0, 3, np.int64(tables.special_free[found]), 0, 0)
    return Number(digits, SPECIAL, 0, 3, 0, 0, UNKNOWN_PREFIX)


@njit(cache=True, nogil=True)
def _mobile(tables: NumberingTables, digits: int) -> Number:
    segment = digits // 10_000 - 1_000_000
    net = np.int64(tables.segment_net[segment])
    if net < 0:
        return Number(86 * 10**11 + digits, MOBILE, 0, 0, 0, 0, UNKNOWN_PREFIX)
    return Number(86 * 10**11 + digits, MOBILE, np.int64(tables.segment_area[segment]), net, 0, 0, 0)


@njit(cache=True, nogil=True)
def _fixed(tables: NumberingTables, digits: int, length: int) -> Number:
    """A national number without its trunk zero: area code and 7 or 8 digits."""
    if length < 9 or length > 11:
        return Number(0, FIXED, 0, 0, 0, 0, BAD_NUMBER)
    scale = 10**length
    first = digits // (scale // 10)
    area = digits // (scale // 100) if first <= 2 else digits // (scale // 1000)
    e164 = 86 * scale + digits
    if tables.area_is_fixed[area] == 0:
        return Number(e164, FIXED, 0, 3, 0, 0, UNKNOWN_PREFIX)
    return Number(e164, FIXED, area, 3, 0, 0, 0)


@njit(cache=True, nogil=True)
def _national(tables: NumberingTables, digits: int) -> Number:
    """A number inside China, without 86 and without 0."""
    length = digit_count(digits)
    if length == 11 and digits // 10**9 >= 13 and digits // 10**9 <= 19:
        return _mobile(tables, digits)
    if length <= 8:
        return _special(tables, digits)
    return _fixed(tables, digits, length)


@njit(cache=True, nogil=True)
def _abroad(tables: NumberingTables, digits: int) -> Number:
    length = digit_count(digits)
    if length < 6 or length > 15:
        return Number(0, ABROAD, 0, 5, 0, 0, BAD_NUMBER)
    country = np.int64(tables.country_of[digits // 10 ** (length - 4)])
    if country == 0:
        return Number(digits, ABROAD, 0, 5, 0, 0, UNKNOWN_PREFIX)
    return Number(digits, ABROAD, 1_000_000 + country, 5, 0, 0, 0)


@njit(cache=True, nogil=True)
def _bare(tables: NumberingTables, digits: int, home_area: int) -> Number:
    """Digits without any prefix: mobile, with 86, special, short, local fixed, 400/800, message port."""
    length = digit_count(digits)
    if length == 11 and digits // 10**9 >= 13 and digits // 10**9 <= 19:
        return _mobile(tables, digits)
    if length >= 11 and length <= 13 and digits // 10 ** (length - 2) == 86:
        return _national(tables, digits - 86 * 10 ** (length - 2))
    found = find(tables.special, digits)
    if found >= 0:
        return Number(digits, SPECIAL, 0, 3, np.int64(tables.special_free[found]), 0, 0)
    if length >= 3 and digits // 10 ** (length - 3) == 106:
        return Number(digits, PORT, 0, 0, 0, 0, 0)
    if length < 3:
        return Number(0, SHORT, 0, 0, 0, 0, BAD_NUMBER)
    first = digits // 10 ** (length - 1)
    if length <= 6:  # a member of a closed group dials 3 to 6 digits beginning with 5 or 6 (D5.7)
        return Number(digits, SHORT, 0, 0 if first == 5 or first == 6 else 3, 0, 0, 0)
    if length <= 8 and first >= 2 and home_area > 0 and home_area < 1_000_000:
        scale = 10**length
        area_scale = 100 if home_area < 100 else 1000
        return Number((86 * area_scale + home_area) * scale + digits, FIXED, home_area, 3, 0, 0, 0)
    if length == 10 and (digits // 10**7 == 400 or digits // 10**7 == 800):
        return Number(digits, SHORT, 0, 3, 0, 0, 0)
    return Number(0, FIXED, 0, 0, 0, 0, BAD_NUMBER)


@njit(cache=True, nogil=True)
def resolve(tables: NumberingTables, coded: int, home_area: int) -> Number:
    """Say what a number is, for the classification of usage.

    coded       number as written, coded as this module's head says; must not be 0
    home_area   area in which a local fixed number without area code lives; 0 = none
    """
    zeros, digits = coded // 10**18, coded % 10**18
    ip_prefix = 0
    if zeros == 0 and digits >= 17951 * 10**3:
        length = digit_count(digits)
        if digits // 10 ** (length - 5) == 17951:
            # the digits after the prefix keep their own leading zeros
            ip_prefix = 1
            rest = digits - 17951 * 10 ** (length - 5)
            zeros = length - 5 - digit_count(rest)
            digits = rest
    if digits == 0 or zeros > 2:
        return Number(0, 0, 0, 0, 0, ip_prefix, BAD_NUMBER)
    if zeros == 2:
        length = digit_count(digits)
        if length > 4 and digits // 10 ** (length - 2) == 86:
            found = _national(tables, digits - 86 * 10 ** (length - 2))
        else:
            found = _abroad(tables, digits)
    elif zeros == 1:
        found = _national(tables, digits)
    else:
        found = _bare(tables, digits, home_area)
    return Number(found.e164, found.kind, found.area, found.net, found.free, ip_prefix, found.fault)


def build_numbering(frames: dict[str, pl.DataFrame], imsi_numbers: pl.DataFrame | None = None) -> NumberingTables:
    """Compile the reference frames of the catalog for the collector.

    frames        areas, number_prefixes, countries, special_numbers, cells, providers (columns as in example/reference)
    imsi_numbers  optional (imsi i64, number i64): lets a record without number be found and E306 be checked

    Raises ReferenceFault. Source: CHG-06.
    """
    segment_area, segment_net = _segments(frames["number_prefixes"])
    known = pl.DataFrame({"imsi": [], "number": []}, schema={"imsi": pl.Int64, "number": pl.Int64})
    pairs = (known if imsi_numbers is None else imsi_numbers.select(known.columns)).sort("imsi")
    country_of, country_ld = _countries(frames["countries"])
    special = frames["special_numbers"].select(pl.col("number").cast(pl.Int64), _flag("free")).sort("number")
    return NumberingTables(
        segment_area,
        segment_net,
        *_areas(frames["areas"], frames["number_prefixes"]),
        country_of,
        country_ld,
        special["number"].to_numpy().copy(),
        special["free"].to_numpy().copy(),
        *_cells(frames["cells"]),
        _providers(frames["providers"]),
        pairs["imsi"].to_numpy().copy(),
        pairs["number"].to_numpy().copy(),
    )


def _flag(name: str) -> pl.Expr:
    """A yes/no column that CSV may have read as 0/1, true/false or text."""
    return pl.col(name).cast(pl.String).str.to_lowercase().is_in(["1", "true"]).cast(pl.Int8).alias(name)


def _prefix_rows(prefixes: pl.DataFrame, kind: str) -> list[tuple[str, int, str]]:
    rows = prefixes.filter(pl.col("kind") == kind).select(
        pl.col("prefix").cast(pl.String), pl.col("area").cast(pl.Int64).fill_null(0), pl.col("net").cast(pl.String)
    )
    if rows["prefix"].is_duplicated().any():
        raise ReferenceFault(
            f"a {kind} prefix occurs twice: {rows.filter(rows['prefix'].is_duplicated())['prefix'][0]}"
        )
    return sorted(rows.rows(), key=lambda row: len(row[0]))


def _segments(prefixes: pl.DataFrame) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    area = np.zeros(_SEGMENTS, np.int32)
    net = np.full(_SEGMENTS, -1, np.int8)
    for prefix, its_area, its_net in _prefix_rows(prefixes, "MOBILE_SEGMENT"):  # short ones first: longest wins
        if not (3 <= len(prefix) <= 7 and prefix.isdigit() and prefix.startswith("1")):
            raise ReferenceFault(f"not a mobile segment: {prefix}")
        scale = 10 ** (7 - len(prefix))
        span = slice(int(prefix) * scale - _SEGMENTS, (int(prefix) + 1) * scale - _SEGMENTS)
        area[span] = its_area
        net[span] = OtherNet[its_net]
    return area, net


def _areas(
    areas: pl.DataFrame, prefixes: pl.DataFrame
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8], npt.NDArray[np.int8], npt.NDArray[np.int32]]:
    code = areas["area"].cast(pl.Int64).to_numpy()
    province, is_fixed = np.zeros(_AREAS, np.int32), np.zeros(_AREAS, np.int8)
    ours, shift_s = np.zeros(_AREAS, np.int8), np.zeros(_AREAS, np.int32)
    if len(np.unique(code)) != len(code) or (code < 10).any() or (code >= _AREAS).any():
        raise ReferenceFault("an area code occurs twice or is not 10 to 999")
    province[code] = areas["province"].cast(pl.String).rank("dense").cast(pl.Int32).to_numpy()
    ours[code] = areas.select(_flag("is_home")).to_series().to_numpy()
    shift_s[code] = areas["band_shift_s"].cast(pl.Int32).to_numpy()
    for prefix, area, _net in _prefix_rows(prefixes, "FIXED_AREA"):
        is_fixed[int(prefix)] = 1
        if area not in (0, int(prefix)):
            raise ReferenceFault(f"fixed prefix {prefix} names another area: {area}")
    return province, is_fixed, ours, shift_s


def _countries(countries: pl.DataFrame) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    country_of = np.zeros(_COUNTRY_PREFIXES, np.int32)
    ld = np.zeros(_COUNTRY_PREFIXES, np.int8)
    rows = countries.select(pl.col("country_code").cast(pl.String), pl.col("ld_type").cast(pl.String)).rows()
    for code, ld_type in sorted(rows, key=lambda row: len(row[0])):
        if not (code.isdigit() and 1 <= len(code) <= 4):
            raise ReferenceFault(f"not a country code of 1 to 4 digits: {code}")
        scale = 10 ** (4 - len(code))
        country_of[int(code) * scale : (int(code) + 1) * scale] = int(code)
        ld[int(code)] = LdType[ld_type]
    return country_of, ld


def _cells(cells: pl.DataFrame) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    msc = np.array([name_code(text) for text in cells["msc_id"].cast(pl.String)], np.int64)
    lac = cells["lac"].cast(pl.Int64).fill_null(0).to_numpy()
    return _keyed(msc, lac, cells["area"].cast(pl.Int32).to_numpy(), "cell")


def _providers(providers: pl.DataFrame) -> npt.NDArray[np.uint64]:
    """Every (partner, service), and (partner, 0) for records that name no service."""
    rows = providers.select(
        pl.col("sp_code").cast(pl.Int64), pl.col("service_code").cast(pl.String).fill_null("")
    ).rows()
    pairs = sorted({(code, name_code(service)) for code, service in rows} | {(code, 0) for code, _ in rows})
    code, service = (np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))
    return _keyed(code, service, np.zeros(len(pairs), np.int32), "service")[0]


def _keyed(
    first: Ints, second: Ints, value: npt.NDArray[np.int32], what: str
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    key = np.array([pair_key(int(a), int(b)) for a, b in zip(first, second, strict=True)], np.uint64)
    order = np.argsort(key)
    if (np.diff(key[order]) == 0).any():
        raise ReferenceFault(f"a {what} occurs twice")
    return key[order], value[order]
