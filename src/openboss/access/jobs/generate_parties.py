"""Where a generated subscriber is, and whom they call: vectorised, and the same whoever asks.

Whatever two records must agree on (where somebody is that day, who their friends are) comes from a hash of the seed
and the subscriber, not from the running lots, so that blocks of subscribers can be made one by one.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from openboss.access.jobs.generate_base import Catalogue, Ints, Population

ABROAD = 1_000_000  # + country code
COUNTRIES = np.array([852, 853, 886, 1, 81, 82, 65, 66, 44, 33, 49, 61], np.int64)
TRIP_DAYS = 3
FRIENDS = 14
NEAR_PERCENT = 88  # of friends who live in the same area

# How the other party is written before its digits.
FORMS = ("", "+86", "0086", "86", "0", "179510", "00", "17951")
PLAIN, PLUS_86, ZERO_86, BARE_86, TRUNK, IP_FIXED, ABROAD_FORM, IP_MOBILE = range(len(FORMS))
SPECIAL = np.array([10086, 10086, 10086, 12580, 114, 95588, 12306, 12345, 10010, 110, 120, 95555], np.int64)
KINDS = ("FRIEND", "CUCC", "CTCC", "FIXED", "FAR_OWN", "FAR_OTHER", "FAR_FIXED", "IP", "HMT", "INTL", "SPECIAL")
CALL_SHARES = (0.56, 0.13, 0.1, 0.08, 0.035, 0.025, 0.015, 0.012, 0.002, 0.003, 0.038)
MESSAGE_SHARES = (0.56, 0.13, 0.11, 0.0, 0.1, 0.06, 0.0, 0.0, 0.003, 0.003, 0.034)


@dataclass(frozen=True)
class Parties:
    """Other parties of a batch of records. `own` is the index of our own subscriber, -1 = somebody else."""

    form: Ints
    digits: Ints
    own: Ints

    def written(self) -> pl.Series:
        """The numbers as dialled or shown."""
        frame = pl.DataFrame({"form": self.form, "digits": self.digits})
        forms = pl.Series(list(FORMS)).gather(frame["form"])
        return frame.select(pl.concat_str(forms, pl.col("digits").cast(pl.String))).to_series()


def spread(values: npt.ArrayLike, salt: int) -> npt.NDArray[np.uint64]:
    """Hash integers to 64 even bits (the finaliser of splitmix64)."""
    with np.errstate(over="ignore"):
        mixed = np.asarray(values).astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15) & (2**64 - 1))
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def visited_areas(population: Population, day: int, index: Ints) -> Ints:
    """Area in which subscribers are on a day: home, another city, another province, or abroad.

    A trip lasts three days; over a public holiday three times as many travel.
    """
    trip = day // TRIP_DAYS
    today = date.fromordinal(population.start.toordinal() + trip * TRIP_DAYS + 1)
    weight = 3 if today in population.catalogue.holidays else 1
    draw = (spread(index, population.seed * 8191 + trip + 1) >> np.uint64(8)).astype(np.int64)
    share, choice = draw % 10_000, draw // 10_000
    home = population.area[index].astype(np.int64)
    cities = np.array(sorted(population.catalogue.segments), np.int64)
    away = population.catalogue.away_areas
    visited = np.where(share < 350, cities[choice % len(cities)], home)
    visited = np.where((share >= 350) & (share < 350 + 260 * weight), away[choice % len(away)], visited)
    abroad = (share >= 1_200) & (share < 1_200 + 15 * weight)
    visited = np.where(abroad, ABROAD + COUNTRIES[choice % len(COUNTRIES)], visited)
    return np.where(index < population.scripted, home, visited)


def switches(catalogue: Catalogue, visited: Ints, salt: Ints) -> tuple[Ints, Ints]:
    """Give the (msc_id, lac) of one of the switches of each visited area."""
    areas = np.array(sorted(catalogue.mscs), np.int64)
    counts = np.array([len(catalogue.mscs[int(area)]) for area in areas], np.int64)
    first = np.cumsum(counts) - counts
    flat = np.array([pair for area in areas for pair in catalogue.mscs[int(area)]], np.int64)
    row = np.searchsorted(areas, visited)
    chosen = first[row] + salt % counts[row]
    return flat[chosen, 0], flat[chosen, 1]


def number_on(population: Population, day: int, index: Ints) -> Ints:
    """The 11 digits subscribers have on a day."""
    earlier = population.change_day[index] > day
    return np.where(earlier, population.earlier_number[index], population.number[index])


def draw_parties(
    rng: np.random.Generator, population: Population, day: int, caller: Ints, shares: tuple[float, ...]
) -> Parties:
    """Draw whom each caller calls or writes to, and how the number is dialled."""
    many = len(caller)
    kind = np.searchsorted(np.cumsum(shares) / sum(shares), rng.random(many), side="right")
    lot = rng.integers(0, 2**40, many)
    friend = _friends(rng, population, caller)
    own = np.where(kind == 0, friend, -1)
    form, digits = np.zeros(many, np.int64), np.zeros(many, np.int64)
    mine = kind == 0
    form[mine] = np.array([PLAIN] * 16 + [PLUS_86, PLUS_86, ZERO_86, BARE_86], np.int64)[lot[mine] % 20]
    digits[mine] = number_on(population, day, own[mine])
    home = population.area[caller].astype(np.int64)
    away = population.catalogue.away_areas[lot // 97 % len(population.catalogue.away_areas)]
    _fill_domestic(kind, lot, home, away, form, digits, population.catalogue)
    _fill_others(kind, lot, form, digits)
    _use_short_numbers(rng, population, caller, own, form, digits)
    return Parties(form, digits, own)


def _friends(rng: np.random.Generator, population: Population, caller: Ints) -> Ints:
    """Pick among each caller's own circle, the first of it most often; family and colleagues come before friends."""
    many = len(caller)
    rank = np.minimum(rng.geometric(0.25, many) - 1, FRIENDS - 1)
    drawn = (spread(caller * 16 + rank, population.seed + 5) >> np.uint64(2)).astype(np.int64)
    area = population.area[caller]
    near = population.neighbours[population.area_first[area] + drawn % population.area_count[area]]
    friend = np.where(drawn % 100 < NEAR_PERCENT, near, population.scripted + drawn % len(population.neighbours))
    draw, step = rng.random(many), rng.integers(1, 2**20, many)
    for group, share in ((population.family, 0.25), (population.unit, 0.45)):
        head, size = group_blocks(group)
        mine = group[caller]
        inside = (mine > 0) & (draw < share)
        length = np.maximum(size[mine], 2)
        place = (caller - head[mine] + 1 + step % (length - 1)) % length
        friend = np.where(inside & (size[mine] > 1), head[mine] + place, friend)
    return friend


def group_blocks(group: npt.NDArray[np.int32]) -> tuple[Ints, Ints]:
    """First member and size of each group; members lie side by side in the base (group 0, the tour's, aside)."""
    members = np.flatnonzero(group > 0)
    count = int(group.max()) + 1
    head = np.zeros(count, np.int64)
    numbers, first = np.unique(group[members], return_index=True)
    head[numbers] = members[first]
    return head, np.bincount(group[members], minlength=count).astype(np.int64)


def _fill_domestic(
    kind: Ints, lot: Ints, home: Ints, away: Ints, form: Ints, digits: Ints, catalogue: Catalogue
) -> None:
    """Write numbers inside the country that are not ours."""
    tail = lot % 10_000
    for name, network in (("CUCC", 1300), ("CTCC", 1330)):
        at = kind == KINDS.index(name)
        area = home[at]
        segment = network * 1_000 + np.where(area < 100, area * 10 + lot[at] % 10, area)
        digits[at] = segment * 10_000 + tail[at]
    at = kind == KINDS.index("FIXED")
    in_capital = home[at] < 100
    digits[at] = np.where(in_capital, 60_000_000 + lot[at] % 28_000_000, 2_000_000 + lot[at] % 6_000_000)
    for name, far in (("FAR_OWN", "OWN_FAR"), ("FAR_OTHER", "CTCC")):
        at = kind == KINDS.index(name)
        segments = catalogue.other_segments[far]
        digits[at] = segments[lot[at] // 31 % len(segments)] * 10_000 + tail[at]
        form[at] = np.where(lot[at] % 3 == 0, TRUNK, PLAIN)  # 0139...: the old way of dialling a far mobile
    for name, code in (("FAR_FIXED", TRUNK), ("IP", IP_FIXED)):
        at = kind == KINDS.index(name)
        two = away[at] < 100
        local = np.where(two, 50_000_000 + lot[at] % 38_000_000, 2_000_000 + lot[at] % 6_000_000)
        digits[at] = away[at] * np.where(two, 10**8, 10**7) + local
        form[at] = code


def _fill_others(kind: Ints, lot: Ints, form: Ints, digits: Ints) -> None:
    """Write numbers abroad and special numbers."""
    at = kind == KINDS.index("HMT")
    digits[at] = np.array([852, 853, 886], np.int64)[lot[at] % 3] * 10**8 + 60_000_000 + lot[at] % 30_000_000
    form[at] = ABROAD_FORM
    at = kind == KINDS.index("INTL")
    digits[at] = COUNTRIES[3 + lot[at] % (len(COUNTRIES) - 3)] * 10**9 + 200_000_000 + lot[at] % 700_000_000
    form[at] = ABROAD_FORM
    at = kind == KINDS.index("SPECIAL")
    digits[at] = SPECIAL[lot[at] % len(SPECIAL)]


def _use_short_numbers(
    rng: np.random.Generator, population: Population, caller: Ints, own: Ints, form: Ints, digits: Ints
) -> None:
    """Let a tenth of the calls between colleagues be dialled by the short number of their group."""
    head, _ = group_blocks(population.unit)
    unit = population.unit[caller]
    same = (own >= 0) & (unit > 0) & (unit == population.unit[np.maximum(own, 0)]) & (rng.random(len(caller)) < 0.1)
    digits[same] = 61_000 + own[same] - head[unit[same]]
    form[same] = PLAIN
