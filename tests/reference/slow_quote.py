# ruff: noqa: DTZ001, DTZ901 -- tariffs are applied to the wall clock, which has no zone
"""A second, slow calculator of quotes, written from docs/formats/tariffs.md alone.

Fractions, dictionaries, one unit of a call after another; no code shared with the product. Where the two disagree, one
of them is wrong, or the page is.
"""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import product as combinations
from math import ceil, floor
from pathlib import Path
from typing import Any

import yaml

MEASURES = {
    "s": ("s", 1), "MIN": ("s", 60), "HOUR": ("s", 3600), "MSG": ("MSG", 1), "KB": ("KB", 1), "MB": ("KB", 1024),
    "GB": ("KB", 1024**2), "EVENT": ("EVENT", 1), "DAY": ("DAY", 1), "CYCLE": ("CYCLE", 1), "YUAN": ("li", 1000),
    "B": ("B", 1),
}  # fmt: skip
RANKS = {"FAMILY": 0, "GROUP": 0, "ADDON": 1, "MAIN": 2}
AXES = {"record": 16, "roam": 6, "ld": 8, "net": 6, "group": 3}
DEFAULTS = {"roam": "HOME", "ld": "LOCAL", "net": "OWN_MOBILE"}
VOICE = ("MOC", "MTC", "CALL_FORWARD", "VIDEO_CALL")
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
LONG_AGO = datetime(2000, 1, 1)


@dataclass
class Bucket:
    """A free resource of a user, or of the pool its owner is in."""

    owner: str
    offer: str
    rule: dict[str, Any]
    left: int | None  # None = unlimited
    from_at: datetime
    to_at: datetime
    carried: bool = False

    @property
    def key(self) -> str:
        return f"{self.offer}/{self.rule['rule']}"

    def order(self) -> tuple[Any, ...]:
        """Carried over first, then earlier end, narrower, lower priority, earlier start (D6.3)."""
        return (not self.carried, self.to_at, _width(self.rule["scope"]), self.rule.get("priority", 50), self.from_at)


@dataclass
class World:
    """Everything known while a case is worked out."""

    documents: dict[str, dict[str, Any]]
    users: dict[str, dict[str, Any]]
    holidays: set[date]
    first: date
    buckets: list[Bucket] = field(default_factory=list)
    counted: dict[Any, int] = field(default_factory=dict)
    spent_li: dict[Any, int] = field(default_factory=dict)
    drawn: dict[Any, int] = field(default_factory=dict)
    closed: set[date] = field(default_factory=set)
    granted_until: date | None = None


def slow_answer(case: dict[str, Any], beside: Path, holidays: set[date]) -> list[dict[str, Any]]:
    """Work out a case's events: actual_li and the free resources used, as (owner, rule, units), in their order."""
    world = open_world(case, beside, holidays)
    return [_event(world, event) for event in case["events"]]


def open_world(case: dict[str, Any], beside: Path, holidays: set[date]) -> World:
    """Know a case's users and tariffs, with the free resources of all months of its events granted."""
    documents = _documents(case["tariffs"], beside)
    listed = [*(case.get("users") or []), *([case["user"]] if case.get("user") is not None else [])] or [{}]
    users = {user.get("user") or f"user {number}": _with_account(user) for number, user in enumerate(listed, 1)}
    moments = [_moment(event["at"]) for event in case["events"]]
    first = min(_cycle_day(event.get("close")) or _month(at) for event, at in zip(case["events"], moments, strict=True))
    if case.get("cycle"):
        first = _cycle_day(case["cycle"])
    world = World(documents, users, holidays, first)
    last = max(_month(at) for at in moments)
    month = first
    while month <= last:
        _grant_month(world, month)
        month = _next(month)
    _open(world)
    return world


def _with_account(user: dict[str, Any]) -> dict[str, Any]:
    """A user whose account is one more group, which shares but is not called inside of."""
    shared = [{"group": ("account", user["account"]), "kind": "ACCOUNT"}] if user.get("account") else []
    return {**user, "groups": [*(user.get("groups") or []), *shared]}


def _documents(named: list[Any], beside: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for one in named:
        if isinstance(one, str):
            path = beside / one
            texts = [file.read_text(encoding="utf-8") for file in (path.glob("*.yaml") if path.is_dir() else [path])]
            for document in map(yaml.safe_load, texts):
                found[document["offer"]] = document
        else:
            found[one["offer"]] = one
    return {code: {**one, "versions": [_with_tax(v) for v in one["versions"]]} for code, one in found.items()}


def _with_tax(version: dict[str, Any]) -> dict[str, Any]:
    """A version whose prices contain the tax: unit prices exactly, least and most charges to the li."""
    tax = version.get("tax") or {}
    if tax.get("prices") != "EXCLUSIVE":
        return version
    factor = 1 + Fraction(tax["percent"]) / 100

    def taxed(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: taxed(one, name) if name not in ("when", "names") else one for name, one in value.items()}
        if isinstance(value, list):
            return [taxed(one) for one in value]
        if key in ("price", "connect", "flat", "block_cap", "block_price"):
            return Fraction(value) * factor
        if key in ("min_charge", "max_charge"):
            return Fraction(_rounded(Fraction(value) * 1000 * factor, None), 1000)
        return value

    return {**version, "prices": taxed(version.get("prices") or [])}


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value) if isinstance(value, str) else datetime(value.year, value.month, value.day)


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _month(at: datetime) -> date:
    return date(at.year, at.month, 1)


def _cycle_day(cycle: int | None) -> date | None:
    return date(cycle // 100, cycle % 100, 1) if cycle else None


def _next(month: date, count: int = 1) -> date:
    place = month.year * 12 + month.month - 1 + count
    return date(place // 12, place % 12 + 1, 1)


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _version(document: dict[str, Any], at: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for version in document["versions"]:
        if _day(version["from"]) <= at.date():
            found = version
    return found


def _measure(text: str) -> tuple[str, int]:
    """'1024 KB' or '1 MB' as a kind and a count of it."""
    count, name = str(text).split()
    kind, size = MEASURES[name]
    return kind, int(count) * size


def _width(scope: Any) -> int:
    """How many classes of use a scope covers, counted twice; one that always asks for more is a little narrower."""
    known = json.dumps(scope, sort_keys=True)
    if known not in _WIDTHS:
        cells = set()
        for part in _listed(scope):
            axes = [[_code(axis, name) for name in _listed(part[axis])] if axis in part else range(room)
                    for axis, room in AXES.items()]  # fmt: skip
            cells |= set(combinations(*axes, _listed(part.get("component", "basic"))))
        conditional = all(set(part) - set(AXES) - {"component", "factor"} for part in _listed(scope))
        _WIDTHS[known] = 2 * len(cells) - conditional
    return _WIDTHS[known]


_WIDTHS: dict[str, int] = {}
_CODES: dict[str, list[str]] = {}


def _code(axis: str, name: str) -> int:
    """Number the values of an axis as they come: widths only count them."""
    known = _CODES.setdefault(axis, [])
    if name not in known:
        known.append(name)
    return known.index(name)


# --- granting --------------------------------------------------------------------------------------------------------


def _holdings(user: dict[str, Any]) -> list[tuple[dict[str, Any], datetime, datetime]]:
    return [
        (product, _moment(product["from"]) if product.get("from") else LONG_AGO,
         _moment(product["to"]) if product.get("to") else datetime.max)
        for product in user.get("products") or []
    ]  # fmt: skip


def _grant_month(world: World, month: date) -> None:
    start, end = _at(month), _at(_next(month))
    for name, user in world.users.items():
        for held, held_from, held_to in _holdings(user):
            from_at = max(start, held_from)
            if from_at >= min(end, held_to):
                continue
            document = world.documents[held["offer"]]
            for rule in _version(document, from_at).get("free") or []:
                bucket = _granted(world, name, held, document, rule, month, held_from, held_to)
                if bucket is not None:
                    world.buckets.append(bucket)


def _granted(
    world: World, name: str, product: dict[str, Any], document: dict[str, Any], rule: dict[str, Any], month: date,
    held_from: datetime, held_to: datetime,
) -> Bucket | None:  # fmt: skip
    start, end = _at(month), _at(_next(month))
    from_at = max(start, held_from)
    months_held = (month.year - held_from.year) * 12 + month.month - held_from.month
    if rule.get("instalments") and months_held >= rule["instalments"]:
        return None
    valid = rule.get("valid") or {}
    if rule.get("grant") == "ONCE":
        if months_held > 0 and month != world.first:
            return None
        from_at, to_at = held_from, held_to
        if "days" in valid:
            to_at = from_at + timedelta(days=valid["days"])
        elif "cycles" in valid:
            to_at = _at(_next(_month(from_at), valid["cycles"]))
    else:
        to_at = _at(_next(month, valid.get("cycles", 1)))
    kind = MEASURES[rule["unit"]][0]
    granted = int(Fraction(rule["granted"]) * 1000) if kind == "li" else rule["granted"]
    if held_from > start and rule.get("prorate", True) and rule.get("grant") != "ONCE":
        fees = _version(document, from_at).get("recurring") or [{}]
        word = fees[0].get("first_month", "PRORATE")
        word = product.get("first_month") or "PRORATE" if word == "PRORATE" else word
        days = (end - start).days
        share = {
            "PRORATE": Fraction((_next(month) - from_at.date()).days, days), "FULL": Fraction(1),
            "HALF": Fraction(1, 2), "PAY_AS_YOU_GO": Fraction(0),
        }[word]  # fmt: skip
        granted = (granted if share else 0) if granted == "UNLIMITED" else ceil(granted * share)
    left = None if granted == "UNLIMITED" else granted
    return Bucket(name, document["offer"], rule, left, from_at, min(to_at, held_to))


def _open(world: World) -> None:
    """Put free resources where the openings say they are."""
    for name, user in world.users.items():
        for free in (user.get("opening") or {}).get("free") or []:
            own = [one for one in world.buckets if one.owner == name and one.key == free["rule"] and not one.carried]
            if free.get("carried"):
                start = _at(world.first)
                rule, offer = own[0].rule, own[0].offer
                world.buckets.append(Bucket(name, offer, rule, free["left"], start, _at(_next(world.first)), True))
            else:
                own[0].left = free["left"]


def _close(world: World, month: date) -> None:
    """What is left of the month's own resources that carry over lives on (D6.4)."""
    end = _at(_next(month))
    for bucket in list(world.buckets):
        carry = bucket.rule.get("carry_over")
        if carry and not bucket.carried and bucket.left and bucket.to_at == end:
            cycles = carry["cycles"] if isinstance(carry, dict) else 1
            to_at = _at(_next(month, 1 + cycles))
            world.buckets.append(Bucket(bucket.owner, bucket.offer, bucket.rule, bucket.left, end, to_at, carried=True))
    world.closed.add(month)


# --- one event -------------------------------------------------------------------------------------------------------


def _event(world: World, event: dict[str, Any]) -> dict[str, Any]:
    if event.get("close"):
        _close(world, _cycle_day(event["close"]))  # type: ignore[arg-type]
        return {"closed": event["close"]}
    if event.get("give"):
        return _give(world, event)
    name = event.get("user") or next(iter(world.users))
    known = {**DEFAULTS, **{key: value for key, value in event.items() if value is not None}}
    known |= {"user": name, "at": _moment(event["at"]), "group": _group(world, name, event)}
    known["clock"] = known["at"] - timedelta(seconds=event.get("band_shift_s") or 0)
    posted = _month(known["at"])
    while posted in world.closed:
        posted = _next(posted)
    known["posted"] = posted
    fee_li = int(Fraction(event.get("info_fee") or 0) * 1000)
    short = known["record"] in VOICE and known["ld"] != "LOCAL" and known.get("duration_s", 0) < 3
    if event.get("free_number") or short:
        return {"actual_li": 0, "free": []}
    total_li, used = fee_li, []
    for component in ("basic", "ld"):
        standard = _price([(_standard(world), LONG_AGO)], known, component, world)
        if standard is None:
            continue
        price = _price([*_asked(world, known), (_standard(world), LONG_AGO)], known, component, world)
        assert price is not None
        li, taken = _component(world, known, component, *price)
        total_li += li
        used += taken
    merged: dict[tuple[str, str, bool], int] = {}
    for owner, key, carried, units in used:
        merged[owner, key, carried] = merged.get((owner, key, carried), 0) + units
    return {"actual_li": total_li, "free": [(*place, units) for place, units in merged.items()]}


def _give(world: World, event: dict[str, Any]) -> dict[str, Any]:
    """Move what is left of somebody's own resource, oldest use first, or nothing at all."""
    gift, at = event["give"], _moment(event["at"])
    giver = event.get("user") or next(iter(world.users))
    own = [
        one
        for one in sorted(world.buckets, key=Bucket.order)
        if one.owner == giver and one.key == gift["rule"] and one.left and one.from_at <= at < one.to_at
    ]
    wanted = gift["units"]
    if sum(one.left or 0 for one in own) < wanted:
        return {"left": None}
    for one in own:
        assert one.left is not None
        part = min(one.left, wanted)
        if part:
            one.left, wanted = one.left - part, wanted - part
            world.buckets.append(Bucket(gift["to"], one.offer, one.rule, part, at, one.to_at))
    return {"left": sum(one.left or 0 for one in own)}


def _standard(world: World) -> dict[str, Any]:
    return next(one for one in world.documents.values() if one["kind"] == "STANDARD")


def _group(world: World, name: str, event: dict[str, Any]) -> str:
    """The kind of group that both parties share; the family before the unit."""
    kinds = set()
    at = _moment(event["at"])
    for mine in world.users[name].get("groups") or []:
        if mine["kind"] == "ACCOUNT" or not _member(mine, at):
            continue
        for other, user in world.users.items():
            for theirs in user.get("groups") or []:
                same = theirs["group"] == mine["group"] and _member(theirs, at)
                called = event.get("to") == other or (
                    event.get("number") is not None and event["number"] == theirs.get("short_number")
                )
                if same and called:
                    kinds.add(mine["kind"])
    return "FAMILY" if "FAMILY" in kinds else "VPMN" if kinds else "NONE"


def _member(entry: dict[str, Any], at: datetime) -> bool:
    from_at = _moment(entry["from"]) if entry.get("from") else LONG_AGO
    return from_at <= at < (_moment(entry["to"]) if entry.get("to") else datetime.max)


def _asked(world: World, known: dict[str, Any]) -> list[tuple[dict[str, Any], datetime]]:
    held = [
        (world.documents[product["offer"]], from_at)
        for product, from_at, to_at in _holdings(world.users[known["user"]])
        if from_at <= known["at"] < to_at
    ]
    held.sort(key=lambda one: one[1], reverse=True)
    held.sort(key=lambda one: RANKS[one[0]["kind"]])
    return held


def _price(
    asked: list[tuple[dict[str, Any], datetime]], known: dict[str, Any], component: str, world: World
) -> tuple[dict[str, Any], dict[str, Any], datetime] | None:
    for document, held_from in asked:
        version = _version(document, known["at"])
        for rule in version.get("prices") or []:
            if rule["component"] == component and _holds(rule.get("when") or {}, known, version, world):
                key = f"{document['offer']}/{rule['rule']}"
                return {**rule, "key": key, "counters": version.get("counters") or {}}, version, held_from
    return None


def _holds(when: dict[str, Any], known: dict[str, Any], version: dict[str, Any], world: World) -> bool:
    number = str(known.get("number") or "")
    own = {"home": "home", "visited": "visited", "area": "area", "country": "country", "rating_group": "rating_group",
           "visited_country": "visited_country", "partner": "partner", "sp": "sp", "service": "service"}  # fmt: skip
    for key, wanted in when.items():
        values = _listed(wanted)
        if key in ("component", "factor"):
            continue
        if key in AXES:
            fits = known[key] in values
        elif key == "number":
            fits = any(number.startswith(prefix) for prefix in values)
        elif key == "numbers":
            fits = known.get("number") in values
        elif key == "zone":
            fits = _zone(number, version.get("zones") or {}) in values
        elif key == "apn":
            fits = str(known.get("apn", "")).lower() in [value.lower() for value in values]
        elif key == "friends":
            fits = known.get("number") in (world.users[known["user"]].get("friends") or [])
        elif key == "days":
            fits = bool(_kinds(known["clock"].date(), world.holidays) & set(values))
        elif key == "hours":
            fits = any(_within(known["clock"], *span.split("-")) for span in values)
        else:
            fits = known.get(own[key]) in values
        if not fits:
            return False
    return True


def _zone(number: str, zones: dict[str, list[str]]) -> str:
    best = ("", "")
    for name, prefixes in zones.items():
        for prefix in prefixes:
            if number.startswith(prefix) and len(prefix) > len(best[0]):
                best = (prefix, name)
    return best[1]


def _kinds(day: date, holidays: set[date]) -> set[str]:
    if day in holidays:
        return {"HOLIDAY"}
    return {WEEKDAYS[day.weekday()], "WEEKEND" if day.weekday() > 4 else "WORKDAY"}


def _within(moment: datetime, first: str, last: str) -> bool:
    clock = f"{moment:%H:%M}"
    return first <= clock < last if first < last else clock >= first or clock < last


# --- what a component costs ------------------------------------------------------------------------------------------


def _component(
    world: World, known: dict[str, Any], component: str, price: dict[str, Any], version: dict[str, Any],
    held_from: datetime,
) -> tuple[int, list[tuple[str, str, bool, int]]]:  # fmt: skip
    kind = _measure((price.get("steps") or [price])[0]["unit"])[0]
    amount = _quantity(known, kind)
    covered, used, blocked = _take(world, known, component, kind, amount)
    if amount <= covered or blocked:
        return 0, used
    li = _charge_li(world, known, price, held_from, kind, covered, amount)
    li = _capped(world, known, price["item"], li)
    money, taken, _ = _take(world, known, component, "li", li) if li > 0 else (0, [], False)
    if money:  # what free money pays is not spent towards a month's cap
        world.spent_li[known["user"], price["item"], known["posted"]] -= money
    return li - money, used + [one for one in taken if one[3]]


def _quantity(known: dict[str, Any], kind: str) -> int:
    if kind == "s":
        return int(known.get("duration_s") or 0)
    if kind == "KB":
        count, name = (known.get("volume") or "0 B").split()
        volume = int(count) * {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}[name]
        return ceil(Fraction(volume + (known.get("up_bytes") or 0) + (known.get("down_bytes") or 0), 1024))
    return max(known.get("messages") or 1, 1) if kind == "MSG" else 1


def _pool(world: World, name: str, at: datetime) -> set[str]:
    mine = {one["group"] for one in world.users[name].get("groups") or [] if _member(one, at)}
    return {
        other for other, user in world.users.items()
        for one in user.get("groups") or [] if one["group"] in mine and _member(one, at)
    }  # fmt: skip


def _take(
    world: World, known: dict[str, Any], component: str, kind: str, wanted: int
) -> tuple[int, list[tuple[str, str, bool, int]], bool]:
    """Cover what free resources can of a quantity; late records use those of the month they are posted to."""
    at = max(known["at"], _at(known["posted"]))
    family = _pool(world, known["user"], known["at"])
    covered, used, blocked = 0, [], False
    for bucket in sorted(world.buckets, key=Bucket.order):
        rule, shared = bucket.rule, "share" in bucket.rule
        if covered >= wanted or not (bucket.owner == known["user"] or (shared and bucket.owner in family)):
            continue
        factor = _factor(world, known, component, bucket)
        if MEASURES[rule["unit"]][0] != kind or factor is None or not bucket.from_at <= at < bucket.to_at:
            continue
        blocked = blocked or rule.get("overflow") == "BLOCK"
        size = 1 if kind == "li" else MEASURES[rule["unit"]][1]
        units = ceil(Fraction(wanted - covered) * factor / size)
        if bucket.left is not None:
            units = min(units, bucket.left)
        place = (known["user"], id(bucket.rule), known["posted"])  # a version's rule of one name is another rule
        if shared and rule["share"].get("per_user") is not None:
            units = min(units, rule["share"]["per_user"] - world.drawn.get(place, 0))
        part = min(wanted - covered, floor(units * size / factor))
        if units <= 0 or part <= 0:
            continue
        world.drawn[place] = world.drawn.get(place, 0) + units
        if bucket.left is not None:
            bucket.left -= units
        covered += part
        used.append((bucket.owner, bucket.key, bucket.carried, units))
    return covered, used, blocked


def _factor(world: World, known: dict[str, Any], component: str, bucket: Bucket) -> Fraction | None:
    version = _version(world.documents[bucket.offer], max(known["at"], bucket.from_at))
    for part in _listed(bucket.rule["scope"]):
        if component in _listed(part.get("component", "basic")) and _holds(part, known, version, world):
            return Fraction(part.get("factor", "1"))
    return None


def _charge_li(
    world: World,
    known: dict[str, Any],
    price: dict[str, Any],
    held_from: datetime,
    kind: str,
    covered: int,
    amount: int,
) -> int:
    if kind in ("DAY", "CYCLE"):
        place = (known["user"], price["key"], known["at"].date() if kind == "DAY" else known["posted"])
        if world.counted.get(place):
            return 0
        world.counted[place] = 1
        return _rounded(Fraction(price["price"]) * 1000, price.get("rounding"))
    if price.get("counter") or price.get("basis", "RECORD") != "RECORD":
        return _period_li(world, known, price, held_from, amount - covered)
    if "at_least" in price:
        amount = max(amount, _measure(price["at_least"])[1])
    total, begin = Fraction(0), 0
    for step in price.get("steps") or [price]:
        end = _measure(step["to"])[1] if "to" in step else amount
        part = max(0, min(end, amount) - max(begin, covered))
        own = _units_li(world, known, step, kind, max(begin, covered), part)
        if "steps" in price and step.get("rounding"):
            own = Fraction(_rounded(own, step["rounding"]))
        total += own
        begin = end
    li = _rounded(total + Fraction(price.get("connect", "0")) * 1000, price.get("rounding"))
    return _limited(li, price)


def _units_li(world: World, known: dict[str, Any], step: dict[str, Any], kind: str, begin: int, part: int) -> Fraction:
    size = _measure(step["unit"])[1]
    per = _measure(step["per"])[1] if "per" in step else size
    total = Fraction(0)
    units = ceil(Fraction(part, size))
    if not step.get("bands"):
        return units * Fraction(step["price"]) * 1000 * size / per
    for number in range(units):
        moment = known["clock"] + timedelta(seconds=begin + number * size if kind == "s" else 0)
        total += Fraction(_band_price(step, moment, world.holidays)) * 1000 * size / per
    return total


def _band_price(step: dict[str, Any], moment: datetime, holidays: set[date]) -> str:
    for band in step["bands"]:
        days_fit = "days" not in band or bool(_kinds(moment.date(), holidays) & set(band["days"]))
        if days_fit and ("from" not in band or _within(moment, band["from"], band["to"])):
            return str(band["price"])
    return str(step["price"])


def _rounded(value: Fraction, rounding: dict[str, str] | None) -> int:
    rounding = rounding or {"mode": "HALF_UP", "place": "0.001"}
    place = Fraction(rounding["place"]) * 1000
    scaled = value / place
    whole = {
        "HALF_UP": lambda v: floor(v + Fraction(1, 2)) if v >= 0 else -floor(-v + Fraction(1, 2)),
        "HALF_EVEN": round,
        "UP": lambda v: ceil(v) if v >= 0 else floor(v),
        "DOWN": lambda v: floor(v) if v >= 0 else ceil(v),
    }[rounding["mode"]](scaled)
    return int(whole * place)


def _period_li(world: World, known: dict[str, Any], price: dict[str, Any], held_from: datetime, rest: int) -> int:
    shared = price["counters"].get(price.get("counter"), {})
    own = f"{price['key'].split('/')[0]}/counter {price['counter']}" if price.get("counter") else price["key"]
    basis = shared.get("over") or price["basis"]
    size = _measure(price["unit"])[1]
    month = known["posted"]
    period = {
        "DAY": known["at"].date(), "CYCLE": month, "QUARTER": (month.year, (month.month - 1) // 3), "YEAR": month.year,
        "CONTRACT": held_from,
    }[basis]  # fmt: skip
    whose: Any = known["user"]
    if (shared.get("counts") or price.get("counts")) == "POOL":
        whose = tuple(sorted(_pool(world, known["user"], known["at"]) | {known["user"]}))
    by = known.get("visited_country") or known.get("visited") if price.get("by") == "VISITED" else None
    place = (whose, own, period, by)
    before = world.counted.get(place, 0)
    after = before + ceil(Fraction(rest, size))
    world.counted[place] = after
    rounding = price.get("rounding")
    li = _rounded(_period_sum(price, size, after), rounding) - _rounded(_period_sum(price, size, before), rounding)
    li += _rounded(Fraction(price.get("connect", "0")) * 1000, rounding)
    return _limited(li, price)


def _limited(li: int, price: dict[str, Any]) -> int:
    if "min_charge" in price:
        li = max(li, int(Fraction(price["min_charge"]) * 1000))
    return min(li, int(Fraction(price["max_charge"]) * 1000)) if "max_charge" in price else li


def _period_sum(price: dict[str, Any], size: int, units: int) -> Fraction:
    """F: what so many units of a period cost."""

    def count(value: Any) -> int:
        return int(value) if isinstance(value, int) else _measure(value)[1] // size

    def each(tier: dict[str, Any]) -> Fraction:
        per = _measure(tier["per"])[1] if "per" in tier else size
        return Fraction(tier.get("price", "0")) * 1000 * size / per

    tiers = price.get("tiers") or [{"from": 0, "price": price["price"], "per": price.get("per", price["unit"])}]
    if price.get("tier_mode") == "VOLUME":
        reached = [tier for tier in tiers if units > count(tier["from"]) or tier is tiers[0]]
        tier = reached[-1]
        return (units * each(tier) + Fraction(tier.get("flat", "0")) * 1000) if units else Fraction(0)
    total = Fraction(0)
    for place, tier in enumerate(tiers):
        last = count(tiers[place + 1]["from"]) if place + 1 < len(tiers) else units
        inside = max(0, min(units, last) - count(tier["from"]))
        if not inside:
            continue
        total += Fraction(tier.get("flat", "0")) * 1000
        if "block_price" in tier:
            total += ceil(Fraction(inside, count(tier["block"]))) * Fraction(tier["block_price"]) * 1000
        elif "block_cap" in tier:
            most, block = Fraction(tier["block_cap"]) * 1000, count(tier["block"])
            total += (inside // block) * min(block * each(tier), most) + min(inside % block * each(tier), most)
        else:
            total += inside * each(tier)
    return total


def _capped(world: World, known: dict[str, Any], item: str, li: int) -> int:
    """Bound what the items of a cap cost one user in its period, whatever offer they were charged by."""
    user, day, month = known["user"], known["at"].date(), known["posted"]
    documents = [_standard(world), *(document for document, _ in _asked(world, known))]
    counting = []
    for document in documents:
        for rule in _version(document, known["at"]).get("caps") or []:
            if item not in _listed(rule["items"]):
                continue
            if rule.get("over", "CYCLE") == "CYCLE":  # the whole month, whenever the offer was taken
                spent_li = sum(
                    part
                    for (who, what, posted), part in world.spent_li.items()
                    if who == user and what in _listed(rule["items"]) and posted == month
                )
            else:  # from when the offer is held
                period = {"DAY": day, "QUARTER": (month.year, (month.month - 1) // 3), "YEAR": month.year}[rule["over"]]
                place = (user, document["offer"], rule["rule"], period)
                counting.append(place)
                spent_li = world.counted.get(place, 0)
            if li > 0:
                li = min(li, max(0, int(Fraction(rule["cap"]) * 1000) - spent_li))
    for place in counting:
        world.counted[place] = world.counted.get(place, 0) + li
    whole = (user, item, month)
    world.spent_li[whole] = world.spent_li.get(whole, 0) + li
    return li
