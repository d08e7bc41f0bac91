"""Prices: from the document's yuan to rows of numerators over one denominator, proved to fit in 64 bits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import Any
from zlib import crc32

from openboss.kernel import tariffs
from openboss.kernel.usage import Unit
from openboss.modules.catalog.compiler.conditions import day_kinds
from openboss.modules.catalog.compiler.measures import (
    DAY_S,
    LI_PER_YUAN,
    TariffRefused,
    li,
    parse_measure,
    stretch,
    units_of,
    yuan,
)

BASES = {
    "RECORD": tariffs.BASIS_RECORD,
    "CYCLE": tariffs.BASIS_CYCLE,
    "DAY": tariffs.BASIS_DAY,
    "QUARTER": tariffs.BASIS_QUARTER,
    "YEAR": tariffs.BASIS_YEAR,
    "CONTRACT": tariffs.BASIS_CONTRACT,
}
TIER_MODES = {"GRADUATED": tariffs.TIERS_GRADUATED, "VOLUME": tariffs.TIERS_VOLUME}
ROUNDINGS = {
    "HALF_UP": tariffs.ROUND_HALF_UP,
    "HALF_EVEN": tariffs.ROUND_HALF_EVEN,
    "UP": tariffs.ROUND_UP,
    "DOWN": tariffs.ROUND_DOWN,
}
PERIOD_UNITS = {"1 DAY": "DAY", "1 CYCLE": "CYCLE"}  # units that are due once a period
LARGEST = {Unit.SECOND: 2**33, Unit.MSG: 2**33, Unit.EVENT: 2**33, Unit.KB: 2**40}  # no period exceeds: 272 years, 1 PB
FITS = 2**62
OFF = -1
Band = tuple[int, int, int, Fraction]  # mask of days, from, to, li a unit


@dataclass
class Step:
    """A part of an event with its own unit and price."""

    from_: int
    to: int
    size: int
    price: Fraction  # li a unit
    bands: list[Band]
    place_li: int = 0
    rounding: int = tariffs.ROUND_HALF_UP


@dataclass
class Tier:
    """A part of a period's units with its own price; amounts in li."""

    from_: int
    price: Fraction
    flat: Fraction
    block: int
    block_cap: Fraction | None
    block_price: Fraction | None


@dataclass
class Price:
    """A price as read, before it becomes rows."""

    unit: Unit
    steps: list[Step]
    basis: str
    tiers: list[Tier]
    connect: Fraction = Fraction(0)
    counter: int = 0
    fields: dict[int, int] = field(default_factory=dict)  # columns of the price that need no denominator


def counter_id(offer: str, name: str) -> int:
    """Number a counter of an offer: the same in every version, so that a new price goes on counting."""
    return (crc32(f"{offer}/{name}".encode()) & 0x3FFFFFFF) | 1


def read_price(rule: Mapping[str, Any], offer: str, counters: Mapping[str, Any], where: str) -> Price:
    """Read one price rule. Raises TariffRefused. Source: docs/formats/tariffs.md, D3, D5."""
    once = PERIOD_UNITS.get(rule.get("unit", ""))
    basis, counter, pooled = _counted({"basis": once, **rule} if once else rule, offer, counters, where)
    if once:
        price = _once_a_period(rule, once, offer, where)
    else:
        unit, size = parse_measure(_first_unit(rule, where), where)
        steps = _read_steps(rule, where)
        price = Price(unit, steps, basis, [_read_tier(tier, unit, size, where) for tier in rule.get("tiers") or []])
        price.counter = counter
    _check_together(rule, price, where)
    price.connect = yuan(rule.get("connect", "0"), where) * LI_PER_YUAN
    place_li, rounding = _read_rounding(rule.get("rounding"), where)
    is_volume = bool(price.tiers) and rule.get("tier_mode") == "VOLUME"
    price.fields = {
        tariffs.PRICE_AT_LEAST: parse_measure(rule["at_least"], where)[1] if "at_least" in rule else 0,
        tariffs.PRICE_LEAST_LI: OFF * tariffs.FOREVER if is_volume else li(rule.get("min_charge", "0"), where),
        tariffs.PRICE_MOST_LI: li(rule["max_charge"], where) if "max_charge" in rule else OFF,
        tariffs.PRICE_PLACE_LI: place_li,
        tariffs.PRICE_ROUNDING: rounding,
        tariffs.PRICE_BASIS: BASES[price.basis],
        tariffs.PRICE_COUNTER: price.counter,
        tariffs.PRICE_POOLED: int(pooled),
        tariffs.PRICE_BY_PLACE: int("by" in rule),
        tariffs.PRICE_TIER_MODE: _known(rule.get("tier_mode", "GRADUATED"), TIER_MODES, "tier_mode", where),
    }
    return price


def _known(word: Any, words: Mapping[str, int], name: str, where: str) -> int:
    if word not in words:
        raise TariffRefused("not_one_of", f"{where}: {name}", value=word, known=", ".join(words))
    return words[word]


def _first_unit(rule: Mapping[str, Any], where: str) -> Any:
    if "steps" not in rule:
        return rule.get("unit")
    if not rule["steps"] or {"unit", "price", "per", "bands"} & set(rule):
        raise TariffRefused("steps_stand_alone", where)
    return rule["steps"][0].get("unit")


def _counted(rule: Mapping[str, Any], offer: str, counters: Mapping[str, Any], where: str) -> tuple[str, int, bool]:
    """Say over which period, by which counter and for whom units are counted."""
    basis, counts, name = rule.get("basis", "RECORD"), rule.get("counts", "USER"), rule.get("counter")
    if name is not None:
        if name not in counters or {"basis", "counts"} & set(rule):
            known = ", ".join(counters) or "none is defined"
            raise TariffRefused("counter_says_it", where, value=name, known=known)
        basis, counts = counters[name]["over"], counters[name].get("counts", "USER")
    _known(basis, BASES, "basis", where)
    _known(counts, {"USER": 0, "POOL": 1}, "counts", where)
    if rule.get("by", "VISITED") != "VISITED":
        raise TariffRefused("by_visited_only", where, value=rule["by"])
    own = basis not in ("RECORD", "CYCLE") or counts == "POOL" or "by" in rule or name is not None
    if basis == "RECORD" and own:
        raise TariffRefused("basis_needed", where)
    return basis, counter_id(offer, name or rule["rule"]) if own else 0, counts == "POOL"


def _once_a_period(rule: Mapping[str, Any], basis: str, offer: str, where: str) -> Price:
    """Read a price for a day or a cycle: due at its first event."""
    if {"tiers", "bands", "steps", "per", "basis", "counter", "at_least"} & set(rule):
        raise TariffRefused("due_once", where, value=rule["unit"])
    amount = yuan(rule["price"], where) * LI_PER_YUAN
    tiers = [Tier(0, amount, Fraction(0), 0, None, None), Tier(1, Fraction(0), Fraction(0), 0, None, None)]
    price = Price(Unit.EVENT, [Step(0, tariffs.FOREVER, 1, amount, [])], basis, tiers)
    price.counter = counter_id(offer, rule["rule"])
    return price


def _check_together(rule: Mapping[str, Any], read: Price, where: str) -> None:
    """Refuse what cannot stand together."""
    over_period = read.basis != "RECORD"
    if over_period and (len(read.steps) > 1 or read.steps[0].bands or read.steps[0].place_li):
        raise TariffRefused("no_bands_over_period", where, value=read.basis)
    if read.tiers and not over_period:
        raise TariffRefused("tiers_need_period", where)
    starts = [tier.from_ for tier in read.tiers]
    if starts and (starts[0] != 0 or starts != sorted(set(starts))):
        raise TariffRefused("tiers_rise", where, value=starts)
    if rule.get("tier_mode") == "VOLUME" and (any(tier.block for tier in read.tiers) or "min_charge" in rule):
        raise TariffRefused("volume_is_plain", where)
    if "at_least" in rule and parse_measure(rule["at_least"], where)[0] != read.unit:
        raise TariffRefused("at_least_of_other_kind", where, value=rule["at_least"])
    units = {parse_measure(step.get("unit"), where)[0] for step in rule.get("steps") or []}
    if len(units) > 1:
        raise TariffRefused("steps_of_one_kind", where)


def _read_rounding(rounding: Mapping[str, Any] | None, where: str) -> tuple[int, int]:
    if rounding is None:
        return 1, tariffs.ROUND_HALF_UP
    place_li = li(rounding.get("place", "0.001"), f"{where} rounding")
    if place_li < 1:
        raise TariffRefused("place_is_zero", where)
    return place_li, _known(rounding.get("mode", "HALF_UP"), ROUNDINGS, "rounding mode", where)


def _unit_price(part: Mapping[str, Any], text: Any, unit: Unit, size: int, where: str) -> Fraction:
    """Work out li for one unit of `size` from yuan for `per`."""
    own, per = parse_measure(part["per"], where) if "per" in part else (unit, size)
    if own != unit or per % size:
        raise TariffRefused("per_not_whole", where, value=part["per"])
    return yuan(text, where) * LI_PER_YUAN * size / per


def _read_steps(rule: Mapping[str, Any], where: str) -> list[Step]:
    found: list[Step] = []
    parts = rule.get("steps") or [rule]
    for place, part in enumerate(parts):
        unit, size = parse_measure(part.get("unit"), where)
        from_, to = (found[-1].to if found else 0), tariffs.FOREVER
        if place + 1 < len(parts):
            own, to = parse_measure(part.get("to"), f"{where} step {place + 1} to")
            if own != unit or to <= from_:
                raise TariffRefused("step_ends_wrong", where, number=place + 1, value=part["to"])
        elif "steps" in rule and "to" in part:
            raise TariffRefused("last_step_ends", where)
        price = _unit_price(part, part.get("price"), unit, size, where)
        bands = _read_bands(part, unit, size, where)
        place_li, rounding = 0, tariffs.ROUND_HALF_UP
        if "steps" in rule and part.get("rounding"):
            place_li, rounding = _read_rounding(part["rounding"], where)
        found.append(Step(from_, to, size, price, bands, place_li, rounding))
    return found


def _read_bands(part: Mapping[str, Any], unit: Unit, size: int, where: str) -> list[Band]:
    """Read bands as stretches that do not overlap: the first band of the document that holds counts."""
    given = []
    for band in part.get("bands") or []:
        days = day_kinds(band["days"], where) if "days" in band else range(8)
        whole = "from" not in band and "to" not in band
        hours = [(0, DAY_S)] if whole else stretch(band.get("from"), band.get("to"), where)
        price = _unit_price({**part, **band}, band.get("price"), unit, size, where)
        given.append((frozenset(days), hours, price))
    marks = sorted({0, DAY_S, *(edge for _, hours, _ in given for part in hours for edge in part)})
    stretches: dict[tuple[int, int, Fraction], int] = {}
    for kind in range(8):
        open_: tuple[int, int, Fraction] | None = None
        for from_s, to_s in zip(marks, marks[1:], strict=False):
            prices = [price for days, hours, price in given if kind in days and any(a <= from_s < b for a, b in hours)]
            if open_ and prices and open_[1] == from_s and open_[2] == prices[0]:
                open_ = (open_[0], to_s, open_[2])
                continue
            _keep(stretches, open_, kind)
            open_ = (from_s, to_s, prices[0]) if prices else None
        _keep(stretches, open_, kind)
    return [(mask, from_s, to_s, price) for (from_s, to_s, price), mask in sorted(stretches.items())]


def _keep(stretches: dict[tuple[int, int, Fraction], int], found: tuple[int, int, Fraction] | None, kind: int) -> None:
    if found:
        stretches[found] = stretches.get(found, 0) | 1 << kind


def _read_tier(tier: Mapping[str, Any], unit: Unit, size: int, where: str) -> Tier:
    block = units_of(tier.get("block", 0), unit, size, where)
    if ("block_price" in tier) == ("price" in tier) or (block > 0) != bool({"block_price", "block_cap"} & set(tier)):
        raise TariffRefused("tier_price_or_block", where)
    return Tier(
        units_of(tier.get("from"), unit, size, where),
        _unit_price(tier, tier["price"], unit, size, where) if "price" in tier else Fraction(0),
        yuan(tier.get("flat", "0"), where) * LI_PER_YUAN,
        block,
        yuan(tier["block_cap"], where) * LI_PER_YUAN if "block_cap" in tier else None,
        yuan(tier["block_price"], where) * LI_PER_YUAN if "block_price" in tier else None,
    )


def denominator(read: Price) -> int:
    """Find the denominator over which every amount of a price is a whole numerator."""
    return lcm(*[amount.denominator for amount in _amounts(read)])


def _amounts(read: Price) -> Iterable[Fraction]:
    yield read.connect
    for step in read.steps:
        yield step.price
        yield from (band[3] for band in step.bands)
    for tier in read.tiers:
        yield from (tier.price, tier.flat, tier.block_cap or Fraction(0), tier.block_price or Fraction(0))


def unit_bound(read: Price) -> tuple[Fraction, Fraction]:
    """Bound what one unit (of the first step) and what everything beside the units can cost, in li."""
    size = read.steps[0].size
    dearest, beside = Fraction(0), read.connect + read.fields[tariffs.PRICE_PLACE_LI]
    for step in read.steps:
        most = max([step.price, *(band[3] for band in step.bands)])
        dearest = max(dearest, most * size / step.size)
        beside += most + step.place_li
    for tier in read.tiers:
        dearest = max(dearest, tier.price, Fraction(tier.block_price or 0) / max(tier.block, 1))
        beside += tier.flat + (tier.block_price or 0)
    return dearest, beside + max(read.fields[tariffs.PRICE_LEAST_LI], 0)


def safe_quantity(read: Price, most_li: int) -> int:
    """Find a quantity up to which one event surely costs no more than `most_li`; -1 = none."""
    unit_li, beside_li = unit_bound(read)
    size, at_least = read.steps[0].size, read.fields[tariffs.PRICE_AT_LEAST]
    left_li = most_li - beside_li - 2 * unit_li
    if left_li < 0:
        return OFF
    safe = tariffs.FOREVER if unit_li == 0 else min(int(left_li / unit_li) * size, tariffs.FOREVER)
    return safe if at_least <= safe else OFF


def prove_it_fits(read: Price, den: int, where: str) -> None:
    """Refuse a price whose sums might not fit in 64 bits, whatever is used. Raises TariffRefused."""
    unit_li, beside_li = unit_bound(read)
    units = LARGEST[read.unit] // min(step.size for step in read.steps) + 1
    smallest = min(step.size for step in read.steps)
    worst = (unit_li * units * read.steps[0].size / smallest + beside_li) * den
    places = [read.fields[tariffs.PRICE_PLACE_LI], *(step.place_li for step in read.steps)]
    if 2 * worst + den * max(places) * 2 >= FITS:
        dearest = max(_amounts(read)) / LI_PER_YUAN
        raise TariffRefused("does_not_fit", where, value=float(dearest))
