"""The people of a generated base: who they are, what they hold, when they come, change, stop and go.

`draw_population` decides everything by lot as flat arrays, one entry a subscriber (subscriber_id = index + 1).
`generate_frames` turns it into the frames that `customers` loads in bulk; `generate_usage` makes its use.
"""

import csv
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openboss.access.jobs.generate_demo import PEOPLE
from openboss.access.jobs.refusals import Refused

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]

EXAMPLE = Path(__file__).resolve().parents[4] / "example"
PACKET_NETWORK = "46000"  # our network code: under it the table of cells has tracking areas
NEVER = 1_000_000  # a day beyond every day
UTC_OFFSET_S = 8 * 3600  # the example operator's wall clock (D0.1)
DAY_S = 86_400
SMALLEST = 100  # subscribers: the people of the tour, a unit and some families

AREA_SHARES = {
    27: 300, 710: 85, 711: 25, 712: 70, 713: 85, 714: 50, 715: 45, 716: 80, 717: 75, 718: 50, 719: 60, 722: 35,
    724: 40, 728: 55,
}  # fmt: skip
MAIN_SHARES = {
    "GOTONE_LOCAL_58": 110, "GOTONE_LOCAL_88": 80, "GOTONE_LOCAL_128": 36, "GOTONE_BUSINESS_58": 20,
    "GOTONE_BUSINESS_88": 20, "GOTONE_BUSINESS_128": 14, "GOTONE_BUSINESS_188": 8, "GOTONE_WEB_58": 28,
    "GOTONE_WEB_88": 14, "GOTONE_98": 12, "GOTONE_168": 8, "GOTONE_268": 3, "GOTONE_PREMIUM_288": 9,
    "GOTONE_PREMIUM_388": 4, "GOTONE_PREMIUM_588": 2, "EASYOWN_HOME": 300, "EASYOWN_STANDARD": 60,
    "EASYOWN_ELDER": 62, "MZONE_20": 210,
}  # fmt: skip
UNIT_MAINS = ("UNIT_LINE_50", "GOTONE_LOCAL_88")
BRANDS = ("GOTONE", "EASYOWN", "MZONE")
VIP_LEVELS = ("NONE", "SILVER", "GOLD", "DIAMOND")
DATA_MB = {"GOTONE_PREMIUM_288": 26_000, "GOTONE_PREMIUM_388": 40_000, "GOTONE_PREMIUM_588": 70_000}


class TooFew(Refused):
    """Fewer users were asked for than the tour and one unit need; ask for at least 100."""


@dataclass(frozen=True)
class Catalogue:
    """What the generator reads of the example operator's reference tables and tariffs."""

    segments: dict[int, Ints]  # home area -> 7-digit segments of the own network
    outlets: dict[int, list[str]]  # home area -> organisation codes of outlets
    offers: dict[str, int]  # code -> offer_id
    full_first_month: frozenset[int]  # offers whose fee and resources are whole from the day of order
    away_areas: Ints  # other provinces' areas
    mscs: dict[int, list[tuple[int, int]]]  # area -> (msc_id, lac)
    other_segments: dict[str, Ints]  # CUCC, CTCC, and OWN_FAR of other provinces -> segments
    holidays: frozenset[date]
    providers: list[tuple[int, int]]  # (sp_code, service_code)


@dataclass
class Population:
    """Everything about every subscriber, index by index. Days count from the first day generated."""

    users: int
    days: int
    seed: int
    start: date
    catalogue: Catalogue
    area: Small
    number: Ints  # national, 11 digits
    earlier_number: Ints  # the number held until change_day
    change_day: Small
    imsi: Ints
    is_male: npt.NDArray[np.bool_]
    born_day: Small  # days since 1970
    unit: Small  # -1 = none
    unit_pays_part: npt.NDArray[np.bool_]  # by unit: members are customers themselves (D1.2)
    family: Small  # -1 = none
    family_size: Small
    main: Small  # offer_id
    next_main: Small  # offer_id after plan_day
    plan_day: Small
    brand: npt.NDArray[np.int8]
    vip: npt.NDArray[np.int8]
    open_day: Small  # negative: before the first day
    close_day: Small
    stop_from_day: Small
    stop_to_day: Small
    stop_reason: npt.NDArray[np.int8]
    activity: npt.NDArray[np.float32]  # records a day against the average
    data_mb: npt.NDArray[np.float32]  # a month
    neighbours: Ints  # everybody but the people of the tour, sorted by area
    area_first: Ints  # by area code: where its people begin in `neighbours`
    area_count: Ints

    @property
    def scripted(self) -> int:
        """How many people of the tour lead the base."""
        return len(PEOPLE)

    def present(self, day: int, first: int, last: int) -> npt.NDArray[np.bool_]:
        """Say which subscribers first..last may use the network all that day."""
        part = slice(first, last)
        alive = (self.open_day[part] < day) & (self.close_day[part] > day)
        return alive & ~((self.stop_from_day[part] <= day) & (day < self.stop_to_day[part]))


def read_catalogue(example: Path = EXAMPLE) -> Catalogue:
    """Read the reference tables and the offers of the example operator."""
    reference = example / "reference"
    areas = _rows(reference / "areas.csv")
    home = {int(row["area"]) for row in areas if row["is_home"] == "1"}
    segments: dict[int, list[int]] = {}
    others: dict[str, list[int]] = {"CUCC": [], "CTCC": [], "OWN_FAR": []}
    for row in _rows(reference / "number_prefixes.csv"):
        if row["kind"] != "MOBILE_SEGMENT" or len(row["prefix"]) != 7:
            continue
        area = int(row["area"])
        if row["net"] == "OWN_MOBILE" and area in home:
            segments.setdefault(area, []).append(int(row["prefix"]))
        elif row["net"] == "OWN_MOBILE":
            others["OWN_FAR"].append(int(row["prefix"]))
        else:
            others[row["net"]].append(int(row["prefix"]))
    mscs: dict[int, list[tuple[int, int]]] = {}
    for row in _rows(reference / "cells.csv"):
        if row["msc_id"] == PACKET_NETWORK:
            continue  # tracking areas, not switches
        mscs.setdefault(int(row["area"]), []).append((int(row["msc_id"]), int(row["lac"])))
    tree = (reference / "organisation.yaml").read_text(encoding="utf-8")
    outlets: dict[int, list[str]] = {}
    for code in re.findall(r'code: "(17\.\d{3}\.\d{2}\.\d{2})"', tree):
        outlets.setdefault(int(code[3:6]), []).append(code)
    return Catalogue(
        segments={area: np.array(prefixes, np.int64) for area, prefixes in segments.items()},
        outlets=outlets,
        offers=_offers(example / "tariffs"),
        full_first_month=_full_first_month(example / "tariffs"),
        away_areas=np.array([int(row["area"]) for row in areas if row["is_home"] == "0"], np.int64),
        mscs=mscs,
        other_segments={net: np.array(prefixes, np.int64) for net, prefixes in others.items()},
        holidays=frozenset(date.fromisoformat(row["date"]) for row in _rows(reference / "holidays.csv")),
        providers=[(int(row["sp_code"]), int(row["service_code"])) for row in _rows(reference / "providers.csv")],
    )


def draw_population(*, users: int, days: int, seed: int, start: date, catalogue: Catalogue) -> Population:
    """Draw a base of `users` mobile subscribers for `days` days from `start`. Raises TooFew.

    The same arguments give the same base, bit for bit.
    """
    if users < SMALLEST:
        raise TooFew(f"{users} users: ask for at least {SMALLEST}")
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 0])))
    unit, unit_pays_part = _draw_units(rng, users)
    family, family_size = _draw_families(rng, users, unit)
    area = _draw_areas(rng, users, unit, family)
    number, earlier_number = _assign_numbers(area, catalogue)
    main = _draw_mains(rng, users, unit, catalogue)
    life = _draw_lives(rng, users, days)
    population = Population(
        users=users, days=days, seed=seed, start=start, catalogue=catalogue, area=area, number=number,
        earlier_number=earlier_number, imsi=_imsis(users), unit=unit, unit_pays_part=unit_pays_part, family=family,
        family_size=family_size, main=main, next_main=main.copy(), brand=_brands(main, catalogue),
        is_male=rng.random(users) < 0.52, born_day=rng.integers(-8_000, 14_000, users).astype(np.int32),
        vip=np.zeros(users, np.int8),
        activity=np.minimum(rng.lognormal(-0.32, 0.8, users), 12.0).astype(np.float32),
        data_mb=_draw_data(rng, main, catalogue), **_neighbours(area), **life,
    )  # fmt: skip
    _draw_plan_changes(rng, population)
    _draw_vip(rng, population)
    _place_tour(population)
    return population


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _offers(folder: Path) -> dict[str, int]:
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        head = path.read_text(encoding="utf-8")
        code, offer_id = re.search(r"^offer: (\w+)\noffer_id: (\d+)", head, re.MULTILINE).groups()  # type: ignore[union-attr]
        found[code] = int(offer_id)
    return found


def _full_first_month(folder: Path) -> frozenset[int]:
    documents = [path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")]
    return frozenset(
        int(re.search(r"^offer_id: (\d+)", text, re.MULTILINE).group(1))  # type: ignore[union-attr]
        for text in documents
        if "first_month: FULL" in text
    )


def _draw_units(rng: np.random.Generator, users: int) -> tuple[Small, npt.NDArray[np.bool_]]:
    """Give a tenth of the subscribers, at the end of the base, to units; unit 0 is the one of the tour."""
    unit = np.full(users, -1, np.int32)
    wanted = users // 10
    sizes = np.clip(rng.lognormal(3.0, 0.9, wanted // 5 + 1), 5, 400).astype(np.int64)
    count = int(np.searchsorted(np.cumsum(sizes), wanted)) + 1
    members = np.repeat(np.arange(1, count + 1, dtype=np.int32), sizes[:count])[:wanted]
    unit[users - len(members) :] = members
    unit[[index for index, person in enumerate(PEOPLE) if person.pays == "UNIT"]] = 0
    pays_part = rng.random(count + 1) < 0.4
    pays_part[0] = True
    return unit, pays_part


def _draw_families(rng: np.random.Generator, users: int, unit: Small) -> tuple[Small, Small]:
    """Make families of 2 to 5 neighbours out of a third of the individuals; family 0 is the tour's."""
    family = np.full(users, -1, np.int32)
    first, last = len(PEOPLE), int(np.argmax(unit > 0)) if (unit > 0).any() else users
    wanted = (last - first) // 3
    sizes = rng.integers(2, 6, wanted // 3 + 1)
    members = np.repeat(np.arange(1, len(sizes) + 1, dtype=np.int32), sizes)[:wanted]
    family[first : first + len(members)] = members
    tour = [index for index, person in enumerate(PEOPLE) if "FAMILY_HAPPY" in person.addons]
    family[tour] = 0
    return family, np.bincount(family[family >= 0]).astype(np.int32)


def _draw_areas(rng: np.random.Generator, users: int, unit: Small, family: Small) -> Small:
    """Give every subscriber a home area; a family and a unit live in one."""
    codes = np.array(list(AREA_SHARES), np.int32)
    shares = np.array(list(AREA_SHARES.values()), np.float64)
    drawn = codes[rng.choice(len(codes), users, p=shares / shares.sum())]
    for group in (family, unit):
        inside = np.flatnonzero(group > 0)
        if len(inside):
            head = inside[np.searchsorted(group[inside], group[inside])]
            drawn[inside] = drawn[head]
    drawn[: len(PEOPLE)] = 27
    return drawn.astype(np.int32)


def _neighbours(area: Small) -> dict[str, Any]:
    """Sort the subscribers by area, so that friends can be drawn near."""
    others = np.arange(len(PEOPLE), len(area), dtype=np.int64)
    counts = np.bincount(area[others], minlength=1_000)
    return {
        "neighbours": others[np.argsort(area[others], kind="stable")],
        "area_first": np.cumsum(counts) - counts,
        "area_count": np.maximum(counts, 1),
    }


def _assign_numbers(area: Small, catalogue: Catalogue) -> tuple[Ints, Ints]:
    """Give every subscriber two numbers of the own segments of the home area: today's and one held before."""
    number, earlier = np.zeros(len(area), np.int64), np.zeros(len(area), np.int64)
    for code, segments in catalogue.segments.items():
        inside = np.flatnonzero(area == code)
        capacity = len(segments) * 10_000
        if 2 * len(inside) > capacity:
            raise TooFew(f"area {code} has number segments for {capacity} numbers only")
        rank = np.arange(len(inside), dtype=np.int64)
        for target, first in ((number, 0), (earlier, capacity // 2)):
            place = ((rank + first) * 7919 + 13) % capacity
            target[inside] = segments[place // 10_000] * 10_000 + place % 10_000
    return number, earlier


def _imsis(users: int) -> Ints:
    return 460_007_000_000_000 + (np.arange(users, dtype=np.int64) * 100_003 + 17) % 1_000_000_000


def _draw_mains(rng: np.random.Generator, users: int, unit: Small, catalogue: Catalogue) -> Small:
    ids = np.array([catalogue.offers[code] for code in MAIN_SHARES], np.int32)
    shares = np.array(list(MAIN_SHARES.values()), np.float64)
    main = ids[rng.choice(len(ids), users, p=shares / shares.sum())]
    unit_ids = np.array([catalogue.offers[code] for code in UNIT_MAINS], np.int32)
    unit_main = unit_ids[(rng.random(users) < 0.3).astype(np.int64)]
    return np.where(unit >= 0, unit_main, main).astype(np.int32)


def _brands(main: Small, catalogue: Catalogue) -> npt.NDArray[np.int8]:
    brand = np.zeros(max(catalogue.offers.values()) + 1, np.int8)
    for code, offer_id in catalogue.offers.items():
        brand[offer_id] = 1 if code.startswith("EASYOWN") else 2 if code.startswith("MZONE") else 0
    return brand[main]


def _draw_data(rng: np.random.Generator, main: Small, catalogue: Catalogue) -> npt.NDArray[np.float32]:
    """Draw how many MB a month a subscriber uses: near what the plan holds, with a long tail."""
    typical = np.full(max(catalogue.offers.values()) + 1, 25.0)
    for code, offer_id in catalogue.offers.items():
        typical[offer_id] = DATA_MB.get(code, 260.0 if "_WEB_" in code else 10.0 if code.startswith("EASY") else 25.0)
    return (typical[main] * rng.lognormal(-0.2, 0.7, len(main))).astype(np.float32)


def _draw_lives(rng: np.random.Generator, users: int, days: int) -> dict[str, np.ndarray]:
    """Draw openings, closures, stops and changes of number: most stay, some move within the days generated."""
    fate = rng.random(users)
    inside = rng.integers(1, max(days, 2), users).astype(np.int32)
    open_day = np.where(fate < 0.02, inside, -rng.integers(30, 7_000, users)).astype(np.int32)
    close_day = np.where((fate >= 0.02) & (fate < 0.03), inside + 1, NEVER).astype(np.int32)
    stopped = (fate >= 0.03) & (fate < 0.053)
    stop_from = np.where(stopped, inside - 1, NEVER).astype(np.int32)
    length = rng.integers(2, 45, users)
    changed = (fate >= 0.06) & (fate < 0.066)
    return {
        "open_day": open_day,
        "close_day": close_day,
        "stop_from_day": stop_from,
        "stop_to_day": np.where(stopped, stop_from + length, NEVER).astype(np.int32),
        "stop_reason": rng.choice(3, users, p=[0.65, 0.22, 0.13]).astype(np.int8),
        "change_day": np.where(changed, inside, -NEVER).astype(np.int32),
        "plan_day": np.full(users, NEVER, np.int32),
    }


def _draw_plan_changes(rng: np.random.Generator, population: Population) -> None:
    """Let 2 % change plan at a month's start and 0.6 % in mid-month (D7.4)."""
    fate = rng.random(population.users)
    settled = (population.open_day < 0) & (population.unit < 0)
    months = np.array(first_days_of_months(population.start, population.days), np.int32)
    mid = rng.integers(1, max(population.days, 2), population.users)
    if len(months):
        at_month = settled & (fate < 0.02)
        population.plan_day[at_month] = months[rng.integers(0, len(months), population.users)][at_month]
    in_month = settled & (fate >= 0.02) & (fate < 0.026)
    population.plan_day[in_month] = mid[in_month]
    offers = population.catalogue.offers
    better = np.arange(max(offers.values()) + 1, dtype=np.int32)
    for code in MAIN_SHARES:
        better[offers[code]] = offers["GOTONE_LOCAL_88" if code != "GOTONE_LOCAL_88" else "GOTONE_LOCAL_128"]
    changes = population.plan_day < NEVER
    population.next_main = np.where(changes, better[population.main], population.main).astype(np.int32)


def _draw_vip(rng: np.random.Generator, population: Population) -> None:
    """Make VIPs of holders of dear plans (D17.1)."""
    offers = population.catalogue.offers
    dear = [offers[code] for code in offers if code.startswith("GOTONE") and int(re.sub(r"\D", "", code)) >= 128]
    draw = rng.random(population.users)
    level = np.where(draw < 0.08, 3, np.where(draw < 0.3, 2, np.where(draw < 0.7, 1, 0)))
    population.vip[:] = np.where(np.isin(population.main, dear), level, 0)


def _place_tour(population: Population) -> None:
    """Put the people of the tour at the head of the base, undisturbed by the lots."""
    for index, person in enumerate(PEOPLE):
        population.main[index] = population.next_main[index] = population.catalogue.offers[person.main]
        population.brand[index] = BRANDS.index(person.brand)
        population.vip[index] = VIP_LEVELS.index(person.vip_level)
        population.is_male[index] = person.is_male
        population.born_day[index] = (person.born_on - date(1970, 1, 1)).days
    tour = slice(0, len(PEOPLE))
    population.open_day[tour] = -900 - np.arange(len(PEOPLE)) * 37
    for never in (population.close_day, population.stop_from_day, population.stop_to_day, population.plan_day):
        never[tour] = NEVER
    population.change_day[tour] = -NEVER
    population.activity[tour] = 0


def first_days_of_months(start: date, days: int) -> list[int]:
    """Days (counted from start, 0 left out) on which a month begins within the days generated."""
    first = start.toordinal()
    return [day for day in range(1, days) if date.fromordinal(first + day).day == 1]
