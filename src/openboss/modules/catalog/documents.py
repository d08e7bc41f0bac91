"""Reads a tariff document (YAML, docs/architecture.md section 4) and says exactly what is wrong with it.

Every complaint names the file, the line, the field, what stands there and what would be right; all are told at once.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from openboss.modules.catalog.compiler import AXES, COMPONENTS, TariffRefused, class_mask, parse_measure
from openboss.modules.catalog.compiler import yuan as read_yuan

KINDS = ("STANDARD", "MAIN", "ADDON", "GROUP", "FAMILY")
FIRST_MONTHS = ("PRORATE", "FULL", "HALF", "PAY_AS_YOU_GO")
OFFER_FIELDS = {"offer", "offer_id", "names", "kind", "brand", "source", "versions"}
VERSION_FIELDS = {"from", "recurring", "free", "prices", "caps", "discounts", "relations"}
SECTIONS = {"recurring": "RECURRING", "free": "FREE", "prices": "PRICE", "caps": "CAP", "discounts": "DISCOUNT"}
RULE_FIELDS = {
    "recurring": ({"rule", "item", "fee", "first_month", "names"}, set[str]()),
    "free": ({"rule", "unit", "granted", "scope", "names"}, {"carry_over", "priority"}),
    "prices": ({"rule", "component", "when", "item", "unit", "price", "names"}, {"basis", "per", "bands", "tiers"}),
    "caps": ({"rule", "items", "cap", "names"}, set[str]()),
    "discounts": (
        {"rule", "phase", "items", "effect", "priority", "names"},
        {"when", "exclusion_group", "scope", "target_scope"},
    ),
}


class DocumentRefused(ValueError):
    """Tariff documents cannot be used; `problems` says where and what would be right. Nothing was changed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Limit:
    """A regulated cap or an approved floor of a price (CHG-23)."""

    name: str
    component: str
    when: dict[str, list[str]]
    per: str  # "60 s"
    max_yuan: str | None
    min_yuan: str | None
    from_on: date
    to_on: date | None


@dataclass(frozen=True)
class VersionDocument:
    """One checked version, ready to be stored."""

    from_on: date
    document: dict[str, Any]
    sha256: str
    rules: tuple[tuple[str, str, str, str], ...]  # code, kind, zh, en


@dataclass(frozen=True)
class OfferDocument:
    """One checked offer with its versions."""

    offer_id: int
    code: str
    kind: str
    brand: str
    name_zh: str
    name_en: str
    source: str
    versions: tuple[VersionDocument, ...]


class _Lined(dict[str, Any]):
    """A mapping that remembers the line it begins in."""

    line = 0


class _Loader(yaml.SafeLoader):
    """Plain YAML that remembers lines and refuses a key given twice."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> _Lined:
    found = _Lined()
    found.line = node.start_mark.line + 1
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in found:
            raise yaml.MarkedYAMLError(problem=f"'{key}' is given twice", problem_mark=key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


class _Reader:
    """Checks one file and collects what is wrong with it."""

    def __init__(self, path: Path, item_codes: set[str], limits: list[Limit]) -> None:
        self.path = path
        self.item_codes = item_codes
        self.limits = limits
        self.problems: list[str] = []

    def wrong(self, place: Any, what: str) -> None:
        line = f", line {place.line}" if isinstance(place, _Lined) else ""
        self.problems.append(f"{self.path.name}{line}: {what}")

    def fields(self, place: _Lined, needed: set[str], allowed: set[str], what: str) -> bool:
        """Check that a mapping has the fields it needs and no others."""
        missing, foreign = needed - set(place), set(place) - needed - allowed
        if missing:
            self.wrong(place, f"{what} lacks {', '.join(sorted(missing))}")
        if foreign:
            known = ", ".join(sorted(needed | allowed))
            self.wrong(place, f"{what} has the unknown field {sorted(foreign)[0]}; known are {known}")
        return not missing and not foreign

    def names(self, place: _Lined, what: str) -> tuple[str, str]:
        names = place.get("names")
        if not isinstance(names, dict) or not names.get("zh") or not names.get("en"):
            self.wrong(place, f"{what}: names must be given in both languages, {{zh: ..., en: ...}}")
            return "", ""
        return str(names["zh"]), str(names["en"])

    def yuan(self, place: _Lined, field: str, what: str) -> None:
        """Check that an amount is text in quotes: YAML's own numbers are floats and would lose money."""
        if not isinstance(place.get(field), str):
            self.wrong(place, f'{what}: {field} is {place.get(field)!r}; write it in quotes, such as "0.40"')
            return
        try:
            read_yuan(place[field], what)
        except (TariffRefused, ArithmeticError):
            self.wrong(place, f"{what}: {field} '{place[field]}' is no amount; write yuan with at most 6 decimals")

    def items(self, place: _Lined, codes: Any, what: str) -> None:
        for code in codes if isinstance(codes, list) else [codes]:
            if code not in self.item_codes and code != "ALL":
                self.wrong(place, f"{what}: there is no bill item {code!r}; see bill_items.csv")

    def compiles(self, place: _Lined, check: Any) -> None:
        """Run a check of the compiler and add file and line to its complaint."""
        try:
            check()
        except TariffRefused as refused:
            self.wrong(place, str(refused))


def read_document(path: Path, *, item_codes: set[str], limits: list[Limit]) -> OfferDocument:
    """Read and check one tariff file. Raises DocumentRefused with everything that is wrong in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as broken:
        raise DocumentRefused([f"{path.name}: this is not readable as UTF-8 YAML: {broken}"]) from broken
    return read_text(text, name=path.name, item_codes=item_codes, limits=limits)


def read_text(text: str, *, name: str, item_codes: set[str], limits: list[Limit]) -> OfferDocument:
    """Read and check one tariff document (YAML or JSON) that is called `name` in complaints. Raises DocumentRefused."""
    reader = _Reader(Path(name), item_codes, limits)
    try:
        found = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as broken:
        raise DocumentRefused([f"{name}: this is not readable as UTF-8 YAML: {broken}"]) from broken
    if not isinstance(found, _Lined):
        raise DocumentRefused([f"{name}: a tariff file begins with 'offer: CODE'"])
    offer = _read_offer(reader, found)
    if reader.problems or offer is None:
        raise DocumentRefused(reader.problems)
    return offer


def _read_offer(reader: _Reader, found: _Lined) -> OfferDocument | None:
    name_zh, name_en = reader.names(found, "the offer")
    if not reader.fields(found, OFFER_FIELDS - {"brand", "source"}, {"brand", "source"}, "the offer"):
        return None
    if not isinstance(found["offer_id"], int) or not 0 < found["offer_id"] < 2**31:
        reader.wrong(found, f"offer_id is {found['offer_id']!r}; give a positive whole number that stays for ever")
    if found["kind"] not in KINDS:
        reader.wrong(found, f"kind is {found['kind']!r}; one of {', '.join(KINDS)}")
    versions = [_read_version(reader, version) for version in found["versions"] or []]
    days = [version.from_on for version in versions]
    if not versions or days != sorted(set(days)):
        reader.wrong(found, "versions must be given in the order of their days, at least one, no day twice")
    return OfferDocument(
        found["offer_id"],
        str(found["offer"]),
        found["kind"],
        found.get("brand") or "",
        name_zh,
        name_en,
        str(found.get("source") or ""),
        tuple(versions),
    )


def _read_version(reader: _Reader, version: Any) -> VersionDocument:
    nothing = VersionDocument(date.min, {}, "", ())
    if not isinstance(version, _Lined) or not reader.fields(version, {"from"}, VERSION_FIELDS, "a version"):
        return nothing
    from_on = _day(version["from"])
    if from_on is None:
        reader.wrong(version, f"from is {version['from']!r}; write a day such as 2026-10-01")
        return nothing
    relations = version.get("relations") or {}
    if set(relations) - {"requires", "excludes"} or not all(isinstance(codes, list) for codes in relations.values()):
        reader.wrong(version, "relations are {requires: [CODE, ...], excludes: [CODE, ...]}")
    rules: dict[str, tuple[str, str, str, str]] = {}
    for section, kind in SECTIONS.items():
        for rule in version.get(section) or []:
            checked = _read_rule(reader, section, rule, from_on)
            if checked is None:
                continue
            code, name_zh, name_en = checked
            if code in rules:
                reader.wrong(rule, f"rule {code} stands twice in the version of {from_on}")
            rules[code] = (code, kind, name_zh, name_en)
    document = json.loads(json.dumps({key: value for key, value in version.items() if key != "from"}, default=str))
    content = json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
    return VersionDocument(from_on, document, hashlib.sha256(content).hexdigest(), tuple(rules.values()))


def _day(value: Any) -> date | None:
    """Read a day as YAML and JSON write it."""
    try:
        return value if type(value) is date else date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _read_rule(reader: _Reader, section: str, rule: Any, on: date) -> tuple[str, str, str] | None:
    if not isinstance(rule, _Lined):
        reader.wrong(None, f"{section}: {rule!r} is not a rule; a rule is a mapping with rule, names ...")
        return None
    what = f"{section} {rule.get('rule', '?')}"
    needed, allowed = RULE_FIELDS[section]
    if not reader.fields(rule, needed, allowed, what):
        return None
    name_zh, name_en = reader.names(rule, what)
    if section == "recurring":
        reader.yuan(rule, "fee", what)
        reader.items(rule, rule["item"], what)
        if rule["first_month"] not in FIRST_MONTHS:
            reader.wrong(rule, f"{what}: first_month is {rule['first_month']!r}; one of {', '.join(FIRST_MONTHS)}")
    elif section == "prices":
        _check_price(reader, rule, what, on)
    elif section == "free":
        _check_free(reader, rule, what)
    elif section == "caps":
        reader.yuan(rule, "cap", what)
        reader.items(rule, rule["items"], what)
    else:
        reader.items(rule, rule["items"], what)
    return str(rule["rule"]), name_zh, name_en


def _check_free(reader: _Reader, rule: _Lined, what: str) -> None:
    granted = rule["granted"]
    if granted != "UNLIMITED" and (not isinstance(granted, int) or granted < 0):
        reader.wrong(rule, f"{what}: granted is {granted!r}; write a whole number of units, or UNLIMITED")
    scopes = rule["scope"] if isinstance(rule["scope"], list) else [rule["scope"]]
    for scope in scopes:
        reader.compiles(rule, lambda scope=scope: class_mask(scope, what))


def _check_price(reader: _Reader, rule: _Lined, what: str, on: date) -> None:
    reader.yuan(rule, "price", what)
    reader.items(rule, rule["item"], what)
    if rule["component"] not in COMPONENTS:
        reader.wrong(rule, f"{what}: component is {rule['component']!r}; basic or ld")
    for part in [*(rule.get("bands") or []), *(rule.get("tiers") or [])]:
        reader.yuan(part, "price", what)
    problems_before = len(reader.problems)
    reader.compiles(rule, lambda: class_mask(rule["when"] or {}, what))
    reader.compiles(rule, lambda: parse_measure(rule["unit"], what))
    reader.compiles(rule, lambda: parse_measure(rule.get("per", rule["unit"]), what))
    if len(reader.problems) == problems_before:
        for limit in reader.limits:
            _check_limit(reader, rule, what, on, limit)


def _check_limit(reader: _Reader, rule: _Lined, what: str, on: date, limit: Limit) -> None:
    """Refuse a price above the regulated cap or below the approved floor (CHG-23)."""
    in_force = limit.from_on <= on and (limit.to_on is None or on < limit.to_on)
    if not in_force or rule["component"] != limit.component or not _overlap(rule["when"] or {}, limit.when):
        return
    own_unit, own_count = parse_measure(rule.get("per", rule["unit"]), what)
    limit_unit, limit_count = parse_measure(limit.per, limit.name)
    if own_unit != limit_unit:
        return
    for yuan in _yuan_of(rule):
        per_limit = Fraction(yuan) * limit_count / own_count
        if limit.max_yuan is not None and per_limit > Fraction(limit.max_yuan):
            reader.wrong(rule, f"{what}: {yuan} is above the cap of {limit.max_yuan} per {limit.per} ({limit.name})")
        if limit.min_yuan is not None and per_limit < Fraction(limit.min_yuan):
            reader.wrong(rule, f"{what}: {yuan} is below the floor of {limit.min_yuan} per {limit.per} ({limit.name})")


def _yuan_of(rule: _Lined) -> Iterator[str]:
    for part in [rule, *(rule.get("bands") or [])]:
        if isinstance(part.get("price"), str):
            yield part["price"]


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Say whether two conditions have a class of usage in common; an axis not named matches everything."""
    return all(set(one[axis]) & set(other[axis]) for axis in AXES if one.get(axis) and other.get(axis))
