# ruff: noqa: DTZ001, DTZ901 -- tariffs are applied to the wall clock, which has no zone
"""A second, slow and plain calculator of one user's month, straight from the tariff documents.

It shares no code with the product: fractions instead of integers, one record after another, one unit of a call after
another. Where it and the kernel disagree, one of them is wrong. Source: D3, D4.6, D4.7, D5, D6.

Why two: `slow_quote` reads whatever a document can say and is compared on quotes; this one reads records as sources
write them and is compared on a generated operator's months, through decoders, engine and lake
(test_two_calculators_agree).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil
from typing import Any

VOICE = ("MOC", "MTC", "CALL_FORWARD", "VIDEO_CALL")
RANKS = {"FAMILY": 0, "GROUP": 0, "ADDON": 1, "MAIN": 2}
AXES = {"record": 16, "roam": 6, "ld": 8, "net": 6, "group": 3}  # how many values each axis has room for


@dataclass(frozen=True)
class Held:
    """An offer a user holds: its document, and for how long."""

    document: dict[str, Any]
    from_at: datetime
    to_at: datetime = datetime.max
    first_month: str = "PRORATE"


@dataclass(frozen=True)
class Use:
    """One record after classification, on the operator's wall clock."""

    record: str
    at: datetime
    duration_s: int = 0
    volume_bytes: int = 0
    messages: int = 1
    roam: str = "HOME"
    ld: str = "LOCAL"
    net: str = "OWN_MOBILE"
    group: str = "NONE"
    is_free_number: bool = False
    band_shift_s: int = 0

    def matches(self, when: dict[str, Any]) -> bool:
        """Say whether a condition of a document covers this record."""
        return all(getattr(self, axis) in _listed(when[axis]) for axis in AXES if axis in when)

    def quantity(self, unit: str) -> int:
        """How much was used, in seconds, KB or messages."""
        if unit == "s":
            return self.duration_s
        return -(-self.volume_bytes // 1024) if unit == "KB" else max(self.messages, 1)


@dataclass
class Total:
    """What a month came to under one item and one rule."""

    calls: int = 0
    seconds: int = 0
    units: int = 0
    free_units: int = 0
    std_li: int = 0
    act_li: int = 0


@dataclass
class Bucket:
    """A free resource as it stands in the month."""

    rule: dict[str, Any]
    left: int
    from_at: datetime
    to_at: datetime
    carried: bool = False

    def order(self) -> tuple[Any, ...]:
        """The order of use: carried over, earlier end, narrower, lower priority, earlier start (D6.3)."""
        return (not self.carried, self.to_at, _width(self.rule["scope"]), self.rule.get("priority", 50), self.from_at)

    def covers(self, use: Use, component: str, unit: str, at: datetime) -> bool:
        """Say whether it may be used for a component of a record."""
        wanted = "MIN" if unit == "s" else unit
        inside = self.left > 0 and self.from_at <= at < self.to_at and self.rule["unit"] == wanted
        return inside and any(
            component in _listed(part.get("component", "basic")) and use.matches(part)
            for part in _listed(self.rule["scope"])
        )


@dataclass
class Month:
    """The running state of one user's month."""

    start: date
    standard: dict[str, Any]
    held: list[Held]
    buckets: list[Bucket]
    totals: dict[tuple[str, str], Total] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)  # by item: everything, free or not
    priced: dict[tuple[str, str], int] = field(default_factory=dict)  # by item and rule: what was charged for

    @property
    def end(self) -> date:
        """The first day of the next month."""
        return (self.start + timedelta(days=32)).replace(day=1)


def rate_month(
    standard: dict[str, Any],
    held: Iterable[Held],
    records: Iterable[Use],
    *,
    month: date,
    carried: dict[str, int] | None = None,
) -> dict[tuple[str, str], Total]:
    """Rate one user's records of a month; return totals by (item, 'OFFER/RULE'), '' where nothing is charged.

    standard  the document of the national tariff
    carried   units left of free resources of last month, by 'OFFER/RULE'
    """
    held = list(held)
    state = Month(month.replace(day=1), standard, held, [])
    state.buckets = _buckets(state, carried or {})
    for use in records:
        _rate(state, use)
    return state.totals


def left_over(standard: dict[str, Any], held: Iterable[Held], records: Iterable[Use], *, month: date) -> dict[str, int]:
    """What of the month's own free resources goes over to the next (D6.4), by 'OFFER/RULE'."""
    state = Month(month.replace(day=1), standard, list(held), [])
    state.buckets = _buckets(state, {})
    for use in records:
        _rate(state, use)
    return {
        f"{item.rule['offer']}/{item.rule['rule']}": item.left
        for item in state.buckets
        if item.left > 0 and not item.carried and item.rule.get("carry_over")
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _width(scope: Any) -> int:
    """How many combinations of use and component a scope covers; scopes of one rule do not overlap."""
    total = 0
    for part in _listed(scope):
        many = len(_listed(part.get("component", "basic")))
        for axis, room in AXES.items():
            many *= len(_listed(part[axis])) if axis in part else room
        total += many
    return total


def _version(document: dict[str, Any], at: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for version in document["versions"]:
        if version["from"] <= at.date():
            found = version
    return found


def _buckets(state: Month, carried: dict[str, int]) -> list[Bucket]:
    start, end = (datetime(day.year, day.month, day.day) for day in (state.start, state.end))
    days = (state.end - state.start).days
    found = []
    for held in state.held:
        from_at = max(start, held.from_at)
        if from_at >= min(end, held.to_at):
            continue
        for rule in _version(held.document, from_at).get("free") or []:
            rule = rule | {"offer": held.document["offer"]}
            granted = rule["granted"] if isinstance(rule["granted"], int) else 2**60
            fees = _version(held.document, from_at).get("recurring") or [{}]
            word = fees[0].get("first_month", "PRORATE")
            word = held.first_month if word == "PRORATE" else word
            if held.from_at > start and word != "FULL":
                share = {
                    "PRORATE": Fraction((state.end - from_at.date()).days, days),
                    "HALF": Fraction(1, 2),
                    "PAY_AS_YOU_GO": Fraction(0),
                }[word]
                granted = ceil(granted * share)
            found.append(Bucket(rule, granted, from_at, end))
            rest = carried.get(f"{rule['offer']}/{rule['rule']}", 0)
            if rest:
                found.append(Bucket(rule, rest, start, end, carried=True))
    return sorted(found, key=Bucket.order)


def _rate(state: Month, use: Use) -> None:
    national = {component: _price([state.standard], use, component) for component in ("basic", "ld")}
    if not any(national.values()):
        raise ValueError(f"no price for {use}")
    first = national["basic"] or national["ld"]
    is_voice = use.record in VOICE
    short = is_voice and use.ld != "LOCAL" and use.duration_s < 3
    counts = not (is_voice and use.duration_s == 0)
    if use.is_free_number or short:
        if counts:
            _count(state, first["item"], "", use)  # type: ignore[index]
        return
    for component, standard_price in national.items():
        if standard_price is None:
            continue
        price = _price([*_documents(state.held, use.at), state.standard], use, component)
        assert price is not None
        _rate_component(state, use, component, standard_price, price)
        if counts:
            _count(state, price["item"], price["key"], use)
            counts = False


def _documents(held: list[Held], at: datetime) -> list[dict[str, Any]]:
    """The offers held at a moment, in the order in which they are asked: rank, then the newest (D4.7 step 7)."""
    valid = [one for one in held if one.from_at <= at < one.to_at]
    valid.sort(key=lambda one: one.from_at, reverse=True)
    valid.sort(key=lambda one: RANKS[one.document["kind"]])
    return [one.document for one in valid]


def _price(documents: list[dict[str, Any]], use: Use, component: str) -> dict[str, Any] | None:
    for document in documents:
        for rule in _version(document, use.at).get("prices") or []:
            if rule["component"] == component and use.matches(rule.get("when") or {}):
                return rule | {"key": f"{document['offer']}/{rule['rule']}"}
    return None


def _count(state: Month, item: str, key: str, use: Use) -> None:
    total = state.totals.setdefault((item, key), Total())
    total.calls += 1
    total.seconds += use.duration_s


def _rate_component(state: Month, use: Use, component: str, national: dict[str, Any], price: dict[str, Any]) -> None:
    count, unit = price["unit"].split()
    quantity = use.quantity(unit)
    measure = -(-quantity // 60) if unit == "s" else quantity
    covered = _take(state, use, component, unit, measure)
    rest = quantity - min(quantity, covered * 60 if unit == "s" else covered)
    units = -(-rest // int(count))
    begin = use.at - timedelta(seconds=use.band_shift_s)
    std_li = _standard_li(state, use, national, begin)
    rest_begin = begin + timedelta(seconds=quantity - rest) if unit == "s" else begin
    act_li = _charge_li(price, units, state.priced.get((price["item"], price["key"]), 0), rest_begin)
    act_li = _capped(state, use.at, price["item"], act_li)
    total = state.totals.setdefault((price["item"], price["key"]), Total())
    total.units += units
    total.free_units += covered
    total.std_li += std_li
    total.act_li += act_li
    state.priced[price["item"], price["key"]] = state.priced.get((price["item"], price["key"]), 0) + units
    state.used[price["item"]] = state.used.get(price["item"], 0) + units + (covered if unit != "s" else 0)


def _take(state: Month, use: Use, component: str, unit: str, wanted: int) -> int:
    """Use up free resources in order; a late record uses those of the month it is posted to (D4.6)."""
    at = max(use.at, datetime(state.start.year, state.start.month, state.start.day))
    covered = 0
    for bucket in state.buckets:
        if covered < wanted and bucket.covers(use, component, unit, at):
            taken = min(bucket.left, wanted - covered)
            bucket.left -= taken
            covered += taken
    return covered


def _standard_li(state: Month, use: Use, national: dict[str, Any], begin: datetime) -> int:
    count, unit = national["unit"].split()
    units = -(-use.quantity(unit) // int(count))
    return _charge_li(national, units, state.used.get(national["item"], 0), begin)


def _capped(state: Month, at: datetime, item: str, act_li: int) -> int:
    caps = [
        Fraction(rule["cap"]) * 1000
        for document in [state.standard, *_documents(state.held, at)]
        for rule in _version(document, at).get("caps") or []
        if item in rule["items"]
    ]
    if not caps or act_li == 0:
        return act_li
    charged = sum(total.act_li for (code, _), total in state.totals.items() if code == item)
    return min(act_li, max(0, int(min(caps)) - charged))


def _charge_li(price: dict[str, Any], units: int, before: int, begin: datetime) -> int:
    if units <= 0:
        return 0
    if price.get("basis", "RECORD") == "CYCLE":
        return _half_up(_cycle_li(price, before + units)) - _half_up(_cycle_li(price, before))
    size, unit = price["unit"].split()
    total = Fraction(0)
    for number in range(units if price.get("bands") and unit == "s" else 1):
        moment = begin + timedelta(seconds=number * int(size))
        many = 1 if price.get("bands") and unit == "s" else units
        total += many * _unit_li(price, _band_price(price, moment))
    return _half_up(total)


def _unit_li(rule: dict[str, Any], yuan: str, size: int | None = None) -> Fraction:
    """Price of one unit in li, exact."""
    own = size or int(rule["unit"].split()[0])
    per = int(rule["per"].split()[0]) if "per" in rule else own
    return Fraction(yuan) * 1000 * own / per


def _band_price(price: dict[str, Any], moment: datetime) -> str:
    clock = f"{moment:%H:%M:%S}"
    for band in price.get("bands") or []:
        first, last = band["from"], band["to"]
        if (first <= clock < last) if first < last else (clock >= first or clock < last):
            return str(band["price"])
    return str(price["price"])


def _cycle_li(price: dict[str, Any], units: int) -> Fraction:
    """What so many units of a month cost by tiers and blocks, exact."""
    size = int(price["unit"].split()[0])
    tiers = price.get("tiers") or [{"from": 0, "price": price["price"], "per": price.get("per", price["unit"])}]
    total = Fraction(0)
    for place, tier in enumerate(tiers):
        last = tiers[place + 1]["from"] if place + 1 < len(tiers) else units
        inside = max(0, min(units, last) - tier["from"])
        each = _unit_li(tier, tier["price"], size)
        if "block" not in tier:
            total += inside * each
            continue
        most = Fraction(tier["block_cap"]) * 1000
        total += (inside // tier["block"]) * most + min(inside % tier["block"] * each, most)
    return total


def _half_up(value: Fraction) -> int:
    return int((2 * value + 1) // 2)
