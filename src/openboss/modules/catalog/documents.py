"""Reads a tariff document (YAML, docs/architecture.md section 4) and says exactly what is wrong with it.

Every complaint names the file, the line, the field, what stands there and what would be right; all are told at once.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from openboss.modules.catalog import grammar
from openboss.modules.catalog.compiler import AXES, TariffRefused, check_rule, parse_measure
from openboss.modules.catalog.compiler.measures import listed
from openboss.modules.catalog.compiler.prices import PERIOD_UNITS
from openboss.modules.catalog.grammar import Shape
from openboss.modules.catalog.problems import Problem


class DocumentRefused(ValueError):
    """Tariff documents cannot be used; `problems` say where and what would be right. Nothing was changed."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems

    def of(self, language: str) -> str:
        """Say everything that is wrong, for zh or en."""
        return "\n".join(problem.of(language) for problem in self.problems)


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

    def __init__(self, name: str, item_codes: set[str], limits: list[Limit]) -> None:
        self.name = name
        self.item_codes = item_codes
        self.limits = limits
        self.section, self.rule = "", ""  # where the reader is
        self.problems: list[Problem] = []

    def wrong(self, place: Any, code: str, **values: Any) -> None:
        line = place.line if isinstance(place, _Lined) else 0
        self.problems.append(Problem(code, values, self.name, line, self.section, self.rule))

    def shape(self, shape: Shape, value: Any, what: str, place: Any) -> bool:
        """Complain about what does not have a shape; say whether it has it."""
        before = len(self.problems)
        shape.check(value, what, place, self.wrong)
        return len(self.problems) == before

    def items(self, place: _Lined, codes: Any, what: str) -> None:
        for code in codes if isinstance(codes, list) else [codes]:
            if code not in self.item_codes and code != "ALL":
                self.wrong(place, "no_such_item", what=what, value=code)

    def compiles(self, place: _Lined, check: Callable[[], None]) -> bool:
        """Run a check of the compiler and add file and line to its complaint; say whether there was none."""
        try:
            check()
        except TariffRefused as refused:
            self.wrong(place, refused.problem.code, **refused.problem.values)
            return False
        return True


def read_document(path: Path, *, item_codes: set[str], limits: list[Limit]) -> OfferDocument:
    """Read and check one tariff file. Raises DocumentRefused with everything that is wrong in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as broken:
        raise DocumentRefused([Problem("unreadable", {"error": broken}, path.name)]) from broken
    return read_text(text, name=path.name, item_codes=item_codes, limits=limits)


def read_text(text: str, *, name: str, item_codes: set[str], limits: list[Limit]) -> OfferDocument:
    """Read and check one tariff document (YAML or JSON) that is called `name` in complaints. Raises DocumentRefused."""
    reader = _Reader(name, item_codes, limits)
    try:
        found = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as broken:
        raise DocumentRefused([Problem("unreadable", {"error": broken}, name)]) from broken
    if not isinstance(found, _Lined):
        raise DocumentRefused([Problem("no_offer", {}, name)])
    offer = _read_offer(reader, found)
    if reader.problems or offer is None:
        raise DocumentRefused(reader.problems)
    return offer


def _read_offer(reader: _Reader, found: _Lined) -> OfferDocument | None:
    reader.shape(grammar.OFFER, found, "", found)
    parts = found.get("versions")
    if not set(grammar.OFFER.needed) <= set(found) or not isinstance(parts, list):
        return None
    versions = [_read_version(reader, version, found) for version in parts]
    days = [version.from_on for version in versions]
    if not versions or days != sorted(set(days)):
        reader.wrong(found, "versions_out_of_order")
    if reader.problems:
        return None
    return OfferDocument(
        found["offer_id"],
        str(found["offer"]),
        found["kind"],
        found.get("brand") or "",
        found["names"]["zh"],
        found["names"]["en"],
        str(found.get("source") or ""),
        tuple(versions),
    )


def _read_version(reader: _Reader, version: Any, offer: _Lined) -> VersionDocument:
    nothing = VersionDocument(date.min, {}, "", ())
    sections = set(grammar.SECTIONS)
    if not isinstance(version, _Lined):
        reader.wrong(offer, "not_a_version", value=version)
        return nothing
    plain = _Lined({key: value for key, value in version.items() if key not in sections})
    plain.line = version.line
    if not reader.shape(grammar.VERSION, plain, "", version):
        return nothing
    from_on = grammar.day_of(version["from"])
    assert from_on
    rules: dict[str, tuple[str, str, str, str]] = {}
    for section, (kind, _) in grammar.SECTIONS.items():
        for rule in version.get(section) or []:
            checked = _read_rule(reader, section, rule, version, offer, from_on)
            if checked is None:
                continue
            code, name_zh, name_en = checked
            if code in rules:
                reader.wrong(rule, "rule_twice", rule=code, day=from_on)
            rules[code] = (code, kind, name_zh, name_en)
    reader.section, reader.rule = "", ""
    document = json.loads(json.dumps({key: value for key, value in version.items() if key != "from"}, default=str))
    content = json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
    return VersionDocument(from_on, document, hashlib.sha256(content).hexdigest(), tuple(rules.values()))


def _read_rule(
    reader: _Reader, section: str, rule: Any, version: _Lined, offer: _Lined, on: date
) -> tuple[str, str, str] | None:
    if not isinstance(rule, _Lined):
        reader.wrong(version, "not_a_rule", what=section, value=rule)
        return None
    reader.section, reader.rule = section, str(rule.get("rule") or "")
    what = f"{section} {rule.get('rule', '?')}"
    _, shape = grammar.SECTIONS[section]
    fits = reader.shape(shape, rule, what, rule)
    for name in ("item", "items"):
        if rule.get(name) is not None:
            reader.items(rule, rule[name], what)
    if section == "prices" and "steps" not in rule and not {"unit", "price"} <= set(rule):
        reader.wrong(rule, "lacks", what=what, missing=", ".join(sorted({"unit", "price"} - set(rule))))
        fits = False
    if not fits:
        return None
    known = dict.fromkeys(reader.item_codes, 0)
    fits = reader.compiles(rule, lambda: check_rule(section, rule, version, str(offer["offer"]), known, what))
    if fits and section == "prices":
        for limit in reader.limits:
            _check_limit(reader, rule, what, on, limit)
    return str(rule["rule"]), str(rule["names"]["zh"]), str(rule["names"]["en"])


def _check_limit(reader: _Reader, rule: _Lined, what: str, on: date, limit: Limit) -> None:
    """Refuse a price above the regulated cap or below the approved floor, whatever way it is written (CHG-23)."""
    in_force = limit.from_on <= on and (limit.to_on is None or on < limit.to_on)
    if not in_force or rule["component"] != limit.component or not _overlap(rule["when"], limit.when):
        return
    limit_unit, limit_count = parse_measure(limit.per, limit.name)
    connect = Fraction(str(rule.get("connect", "0")))
    for place, text, measure in _prices_of(rule):
        own_unit, own_count = parse_measure(measure, what)
        if own_unit != limit_unit:
            continue
        each = Fraction(text) * limit_count / own_count
        dearest = each + connect
        if limit.max_yuan is not None and dearest > Fraction(limit.max_yuan):
            values = {"limit": limit.max_yuan, "per": limit.per, "name": limit.name, "connect": rule.get("connect")}
            code = "above_cap_with_connect" if connect else "above_cap"
            reader.wrong(place, code, what=what, price=text, **values)
        if limit.min_yuan is not None and each < Fraction(limit.min_yuan):
            values = {"limit": limit.min_yuan, "per": limit.per, "name": limit.name}
            reader.wrong(place, "below_floor", what=what, price=text, **values)


def _prices_of(rule: _Lined) -> Iterator[tuple[Any, str, str]]:
    """Every unit price of a rule: where it stands, yuan, and for how much."""
    for step in rule.get("steps") or [rule]:
        if step["unit"] in PERIOD_UNITS:
            return
        measure = step.get("per", step["unit"])
        yield step, step["price"], measure
        for band in step.get("bands") or []:
            yield band if isinstance(band, _Lined) else step, band["price"], band.get("per", measure)
    for tier in rule.get("tiers") or []:
        if "price" in tier:
            yield tier, tier["price"], tier.get("per", rule["unit"])


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Say whether two conditions have a class of usage in common; an axis not named matches everything."""
    return all(set(listed(one[axis])) & set(listed(other[axis])) for axis in AXES if one.get(axis) and other.get(axis))
