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
from numba import uint64

from openboss.kernel.compiled import compiled
from openboss.kernel.pointed import pointed
from openboss.kernel.usage import LdType, OtherNet, name_code

ZEROS = 10**18  # one leading zero in a coded number
FOREIGN_AREA = 1_000_000  # + country code
IP_PREFIX = 17951
CHINA = 86

MOBILE, FIXED, SPECIAL, SHORT, ABROAD, PORT = 1, 2, 3, 4, 5, 6  # kinds of a number
BAD_NUMBER, UNKNOWN_PREFIX = 202, 302
FOREVER_S = 2**62

SEGMENTS = 1_000_000  # 7-digit mobile segments 1_000_000 .. 1_999_999, less 1_000_000
AREAS = 1_000
COUNTRIES = 10_000

# Where the tables of the plan begin. Areas are ints, provinces ranks from 1; 0 = unknown.
SEGMENT_AREA = 0
SEGMENT_NET = SEGMENT_AREA + SEGMENTS  # -1 = unknown
AREA_PROVINCE = SEGMENT_NET + SEGMENTS
AREA_IS_FIXED = AREA_PROVINCE + AREAS
AREA_IS_OURS = AREA_IS_FIXED + AREAS
AREA_BAND_SHIFT_S = AREA_IS_OURS + AREAS
COUNTRY_OF = AREA_BAND_SHIFT_S + AREAS  # by the first four digits
COUNTRY_LD = COUNTRY_OF + COUNTRIES  # by country code; 0 = unknown

POWER = np.array([10**n for n in range(19)], np.int64)

Ints = npt.NDArray[np.int64]
Plan = npt.NDArray[np.int32]
Keys = npt.NDArray[np.uint64]


class ReferenceFault(ValueError):
    """The numbering plan contradicts itself (two rows say different things); nothing was loaded."""


@pointed
class NumberingTables(NamedTuple):
    """The numbering plan as few arrays that compiled code indexes (few, because each call hands them on).

    plan       int32, seven tables end to end; where each begins is said by the constants above
    special    int64 [2, n], special numbers sorted; whether each is free
    cells      hash table of (msc, lac), see find_key; cell_area the area of each place
    providers  hash table of (partner, service)
    imsi       int64 [4, n], known IMSIs sorted; the number of each, from when, to when (UTC seconds)
    secret     uint64 [2], what keys of records are made with (record_key.py)
    """

    plan: npt.NDArray[np.int32]
    special: Ints
    cells: Keys
    cell_area: npt.NDArray[np.int32]
    providers: Keys
    imsi: Ints
    secret: Keys


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


@compiled
def mix(value: int) -> int:
    """Spread 64 bits (the finaliser of splitmix64)."""
    v = uint64(value) + uint64(0x9E3779B97F4A7C15)
    v = (v ^ (v >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    v = (v ^ (v >> uint64(27))) * uint64(0x94D049BB133111EB)
    return v ^ (v >> uint64(31))


@compiled
def pair_key(first: int, second: int) -> int:
    """Put two identities into one 64-bit key."""
    return mix(mix(first) ^ uint64(second))


@compiled
def find_key(keys: Keys, key: int) -> int:
    """Place of `key` in an open hash table (0 = free place; its size is a power of two), or -1."""
    mask = uint64(keys.shape[0] - 1)
    place = uint64(key) & mask
    while keys[place] != uint64(0):
        if keys[place] == key:
            return np.int64(place)
        place = (place + uint64(1)) & mask
    return -1


@compiled
def find_first(table: Ints, key: int) -> int:
    """Index of `key` in the sorted first row of a table, or -1 (no slice is made: it costs more than the search)."""
    low, high = 0, table.shape[1]
    while low < high:
        middle = (low + high) >> 1
        if table[0, middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < table.shape[1] and table[0, low] == key else -1


@compiled
def number_of_imsi(table: Ints, imsi: int, at_s: int) -> int:
    """Number that belonged to an IMSI at a moment, or 0 if none is known."""
    place = find_first(table, imsi)
    while place >= 0 and place < table.shape[1] and table[0, place] == imsi:
        if table[2, place] <= at_s < table[3, place]:
            return table[1, place]
        place += 1
    return 0


@compiled
def digit_count(value: int) -> int:
    """Decimal digits of a number of at most 18 digits; 0 has none."""
    low, high = 0, 18
    while low < high:
        middle = (low + high) >> 1
        if POWER[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _special(special: Ints, digits: int) -> Number:
    found = find_first(special, digits)
    if found >= 0:
        return Number(digits, SPECIAL, 0, 3, special[1, found], 0, 0)
    return Number(digits, SPECIAL, 0, 3, 0, 0, UNKNOWN_PREFIX)


@compiled
def is_mobile(digits: int) -> bool:
    """Eleven digits from 13 to 19."""
    return digits >= 13 * 10**9 and digits < 20 * 10**9


@compiled
def _mobile(plan: Plan, digits: int) -> Number:
    segment = digits // 10_000 - SEGMENTS
    net = np.int64(plan[SEGMENT_NET + segment])
    if net < 0:
        return Number(86 * 10**11 + digits, MOBILE, 0, 0, 0, 0, UNKNOWN_PREFIX)
    return Number(86 * 10**11 + digits, MOBILE, np.int64(plan[SEGMENT_AREA + segment]), net, 0, 0, 0)


@compiled
def _fixed(plan: Plan, digits: int, length: int) -> Number:
    """A national number without its trunk zero: area code and 7 or 8 digits."""
    if length < 9 or length > 11:
        return Number(0, FIXED, 0, 0, 0, 0, BAD_NUMBER)
    area = digits // POWER[length - 2]
    if area >= 30:
        area = digits // POWER[length - 3]
    e164 = 86 * POWER[length] + digits
    if plan[AREA_IS_FIXED + area] == 0:
        return Number(e164, FIXED, 0, 3, 0, 0, UNKNOWN_PREFIX)
    return Number(e164, FIXED, area, 3, 0, 0, 0)


@compiled
def _national(plan: Plan, special: Ints, digits: int) -> Number:
    """A number inside China, without 86 and without 0."""
    if is_mobile(digits):
        return _mobile(plan, digits)
    if digits < 10**8:
        return _special(special, digits)
    return _fixed(plan, digits, digit_count(digits))


@compiled
def _abroad(plan: Plan, digits: int) -> Number:
    length = digit_count(digits)
    if length < 6 or length > 15:
        return Number(0, ABROAD, 0, 5, 0, 0, BAD_NUMBER)
    country = np.int64(plan[COUNTRY_OF + digits // POWER[length - 4]])
    if country == 0:
        return Number(digits, ABROAD, 0, 5, 0, 0, UNKNOWN_PREFIX)
    return Number(digits, ABROAD, FOREIGN_AREA + country, 5, 0, 0, 0)


@compiled
def _bare(plan: Plan, special: Ints, digits: int, home_area: int) -> Number:
    """Digits without any prefix: mobile, with 86, special, short, local fixed, 400/800, message port."""
    if is_mobile(digits):
        return _mobile(plan, digits)
    length = digit_count(digits)
    if length >= 11 and length <= 13 and digits // POWER[length - 2] == CHINA:
        return _national(plan, special, digits - CHINA * POWER[length - 2])
    found = find_first(special, digits)
    if found >= 0:
        return Number(digits, SPECIAL, 0, 3, special[1, found], 0, 0)
    if length >= 3 and digits // POWER[length - 3] == 106:
        return Number(digits, PORT, 0, 0, 0, 0, 0)
    if length < 3:
        return Number(0, SHORT, 0, 0, 0, 0, BAD_NUMBER)
    first = digits // POWER[length - 1]
    if length <= 6:  # a member of a closed group dials 3 to 6 digits beginning with 5 or 6 (D5.7)
        return Number(digits, SHORT, 0, 0 if first == 5 or first == 6 else 3, 0, 0, 0)
    if length <= 8 and first >= 2 and home_area > 0 and home_area < AREAS:
        area_scale = 100 if home_area < 100 else 1000
        return Number((CHINA * area_scale + home_area) * POWER[length] + digits, FIXED, home_area, 3, 0, 0, 0)
    if length == 10 and (digits // 10**7 == 400 or digits // 10**7 == 800):
        return Number(digits, SHORT, 0, 3, 0, 0, 0)
    return Number(0, FIXED, 0, 0, 0, 0, BAD_NUMBER)


@compiled
def resolve(plan: Plan, special: Ints, coded: int, home_area: int) -> Number:
    """Say what a number is, for the classification of usage.

    coded       number as written, coded as this module's head says; must not be 0
    home_area   area in which a local fixed number without area code lives; 0 = none
    """
    if is_mobile(coded):  # the two ways in which nearly all numbers come
        return _mobile(plan, coded)
    if is_mobile(coded - CHINA * 10**11):
        return _mobile(plan, coded - CHINA * 10**11)
    zeros, digits = 0, coded
    if coded >= ZEROS:
        zeros = coded // ZEROS
        digits = coded - zeros * ZEROS
    ip_prefix = 0
    if zeros == 0 and digits >= IP_PREFIX * 10**3:
        length = digit_count(digits)
        if digits // POWER[length - 5] == IP_PREFIX:
            ip_prefix = 1
            digits -= IP_PREFIX * POWER[length - 5]
            zeros = length - 5 - digit_count(digits)  # what follows the prefix keeps its own leading zeros
    if digits == 0 or zeros > 2:
        return Number(0, 0, 0, 0, 0, ip_prefix, BAD_NUMBER)
    if zeros == 2:
        length = digit_count(digits)
        if length > 4 and digits // POWER[length - 2] == CHINA:
            found = _national(plan, special, digits - CHINA * POWER[length - 2])
        else:
            found = _abroad(plan, digits)
    elif zeros == 1:
        found = _national(plan, special, digits)
    else:
        found = _bare(plan, special, digits, home_area)
    return Number(found.e164, found.kind, found.area, found.net, found.free, ip_prefix, found.fault)


def build_numbering(frames: dict[str, pl.DataFrame], secret: Keys | None = None) -> NumberingTables:
    """Compile the reference frames of the catalog for the collector.

    frames   areas, number_prefixes, countries, special_numbers, cells, providers (columns as in example/reference)
    secret   of the installation (record_key.installation_secret); without it keys are those of nobody

    Raises ReferenceFault. Source: CHG-06.
    """
    special = frames["special_numbers"].select(pl.col("number").cast(pl.Int64), _flag("free")).sort("number")
    tables = (
        *_segments(frames["number_prefixes"]),
        *_areas(frames["areas"], frames["number_prefixes"]),
        *_countries(frames["countries"]),
    )
    return NumberingTables(
        np.concatenate(tables).astype(np.int32),
        np.ascontiguousarray(special.cast(pl.Int64).to_numpy().T),
        *_cells(frames["cells"]),
        _providers(frames["providers"]),
        np.empty((4, 0), np.int64),
        np.zeros(2, np.uint64) if secret is None else secret,
    )


def knowing_imsis(tables: NumberingTables, numbers: pl.DataFrame) -> NumberingTables:
    """Let records that name the IMSI alone be found, and E306 be seen at once.

    numbers   imsi, number, from_s (i64, UTC seconds), to_s (null = still), for each time an IMSI had a number
    """
    columns = numbers.select("imsi", "number", "from_s", pl.col("to_s").fill_null(FOREVER_S))
    sorted_ = columns.cast(pl.Int64).sort("imsi", "from_s")
    return tables._replace(imsi=np.ascontiguousarray(sorted_.to_numpy().T))


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


def _segments(prefixes: pl.DataFrame) -> tuple[npt.NDArray[np.int32], ...]:
    area = np.zeros(SEGMENTS, np.int32)
    net = np.full(SEGMENTS, -1, np.int32)
    for prefix, its_area, its_net in _prefix_rows(prefixes, "MOBILE_SEGMENT"):  # short ones first: longest wins
        if not (3 <= len(prefix) <= 7 and prefix.isdigit() and prefix.startswith("1")):
            raise ReferenceFault(f"not a mobile segment: {prefix}")
        scale = 10 ** (7 - len(prefix))
        span = slice(int(prefix) * scale - SEGMENTS, (int(prefix) + 1) * scale - SEGMENTS)
        area[span] = its_area
        net[span] = OtherNet[its_net]
    return area, net


def _areas(areas: pl.DataFrame, prefixes: pl.DataFrame) -> tuple[npt.NDArray[np.int32], ...]:
    code = areas["area"].cast(pl.Int64).to_numpy()
    province, is_fixed = np.zeros(AREAS, np.int32), np.zeros(AREAS, np.int32)
    ours, shift_s = np.zeros(AREAS, np.int32), np.zeros(AREAS, np.int32)
    if len(np.unique(code)) != len(code) or (code < 10).any() or (code >= AREAS).any():
        raise ReferenceFault("an area code occurs twice or is not 10 to 999")
    province[code] = areas["province"].cast(pl.String).rank("dense").cast(pl.Int32).to_numpy()
    ours[code] = areas.select(_flag("is_home")).to_series().to_numpy()
    shift_s[code] = areas["band_shift_s"].cast(pl.Int32).to_numpy()
    for prefix, area, _net in _prefix_rows(prefixes, "FIXED_AREA"):
        is_fixed[int(prefix)] = 1
        if area not in (0, int(prefix)):
            raise ReferenceFault(f"fixed prefix {prefix} names another area: {area}")
    return province, is_fixed, ours, shift_s


def _countries(countries: pl.DataFrame) -> tuple[npt.NDArray[np.int32], ...]:
    country_of = np.zeros(COUNTRIES, np.int32)
    ld = np.zeros(COUNTRIES, np.int32)
    rows = countries.select(pl.col("country_code").cast(pl.String), pl.col("ld_type").cast(pl.String)).rows()
    for code, ld_type in sorted(rows, key=lambda row: len(row[0])):
        if not (code.isdigit() and 1 <= len(code) <= 4):
            raise ReferenceFault(f"not a country code of 1 to 4 digits: {code}")
        scale = 10 ** (4 - len(code))
        country_of[int(code) * scale : (int(code) + 1) * scale] = int(code)
        ld[int(code)] = LdType[ld_type]
    return country_of, ld


def _cells(cells: pl.DataFrame) -> tuple[Keys, npt.NDArray[np.int32]]:
    msc = np.array([name_code(text) for text in cells["msc_id"].cast(pl.String)], np.int64)
    lac = cells["lac"].cast(pl.Int64).fill_null(0).to_numpy()
    return _keyed(msc, lac, cells["area"].cast(pl.Int32).to_numpy(), "cell")


def _providers(providers: pl.DataFrame) -> Keys:
    """Every (partner, service), and (partner, 0) for records that name no service."""
    rows = providers.select(
        pl.col("sp_code").cast(pl.Int64), pl.col("service_code").cast(pl.String).fill_null("")
    ).rows()
    pairs = sorted({(code, name_code(service)) for code, service in rows} | {(code, 0) for code, _ in rows})
    code, service = (np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))
    return _keyed(code, service, np.zeros(len(pairs), np.int32), "service")[0]


def _keyed(first: Ints, second: Ints, value: npt.NDArray[np.int32], what: str) -> tuple[Keys, npt.NDArray[np.int32]]:
    """Build the hash table of pairs, at most half full, and the value at each place."""
    size = 1 << max(4, (2 * len(first)).bit_length())
    keys, found = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for a, b, its_value in zip(first.tolist(), second.tolist(), value.tolist(), strict=True):
        key = int(pair_key(a, b))
        place = key & (size - 1)
        while keys[place]:
            if int(keys[place]) == key:
                raise ReferenceFault(f"a {what} occurs twice")
            place = (place + 1) & (size - 1)
        keys[place], found[place] = key, its_value
    return keys, found
