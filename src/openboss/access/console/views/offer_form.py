"""The form of an offer: what stands in a tariff document as fields, and back again.

Every rule has its usual fields; what a rule says beyond them (bands, tiers, steps ...) stays in its own small YAML
field, so that nothing of a document is lost by opening it in the form.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openboss.access.console import formats, words
from openboss.modules.catalog import functions as catalog

AXES = {
    "component": "component",
    "record": "record_type",
    "roam": "roam_type",
    "ld": "ld_type",
    "net": "other_net",
    "group": "closed_group",
}
UNITS = ("MIN", "MSG", "KB", "MB", "SECOND", "EVENT")


@dataclass(frozen=True)
class Field:
    """One field of a rule. `kind`: text, yuan, count, choice, items, flag or condition."""

    key: str
    title: str | Promise
    kind: str = "text"
    choices: str = ""  # a vocabulary of words.py, or `items`, `units`
    otherwise: str = ""  # what a fresh rule begins with


@dataclass(frozen=True)
class Section:
    """The rules of one kind."""

    key: str
    title: str | Promise
    fields: tuple[Field, ...]


ITEM = Field("item", gettext_lazy("Bill item"), "choice", "items")
SECTIONS = (
    Section(
        "recurring",
        gettext_lazy("Monthly fees"),
        (
            ITEM,
            Field("fee", gettext_lazy("Fee a month"), "yuan"),
            Field("first_month", gettext_lazy("First month"), "choice", "first_month", "PRORATE"),
        ),
    ),
    Section(
        "free",
        gettext_lazy("Included"),
        (
            Field("granted", gettext_lazy("How much"), "count"),
            Field("unit", gettext_lazy("Unit"), "choice", "units", "MIN"),
            Field("scope", gettext_lazy("For"), "condition"),
            Field("priority", gettext_lazy("Priority"), "count", otherwise="50"),
            Field("carry_over", gettext_lazy("Left over goes into next month"), "flag"),
        ),
    ),
    Section(
        "prices",
        gettext_lazy("Prices"),
        (
            Field("component", gettext_lazy("Part"), "choice", "component", "basic"),
            Field("when", gettext_lazy("For"), "condition"),
            ITEM,
            Field("price", gettext_lazy("Price"), "yuan"),
            Field("unit", gettext_lazy("Charged by"), otherwise="60 s"),
            Field("per", gettext_lazy("Price is for")),
        ),
    ),
    Section(
        "caps",
        gettext_lazy("Caps"),
        (Field("cap", gettext_lazy("At most a month"), "yuan"), Field("items", gettext_lazy("Bill items"), "items")),
    ),
    Section(
        "discounts",
        gettext_lazy("Discounts"),
        (
            Field("phase", gettext_lazy("Phase"), "choice", "discount_phase", "P3"),
            Field("items", gettext_lazy("Bill items"), "items"),
            Field("priority", gettext_lazy("Priority"), "count", otherwise="50"),
        ),
    ),
)
BY_KEY = {section.key: section for section in SECTIONS}


class FormRefused(ValueError):
    """A field of the form cannot be read; each line says which and what would be right."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def choices_of(field: Field) -> list[tuple[str, str]]:
    """What a choice offers, in the language of the request."""
    if field.choices == "items":
        return [(item.code, formats.named(item)) for item in catalog.bill_item_types()]
    if field.choices == "units":
        return [(unit, unit) for unit in UNITS]
    return [(code, str(text)) for code, text in words.choices(field.choices)]


def _is_plain(condition: Any) -> bool:
    """Whether a condition can be shown as ticks: one set of known codes over the known axes."""
    if not isinstance(condition, dict) or not set(condition) <= set(AXES):
        return False
    known = {axis: {code for code, _text in words.choices(vocabulary)} for axis, vocabulary in AXES.items()}
    return all(set(_listed(codes)) <= known[axis] for axis, codes in condition.items())


def _fits(field: Field, value: Any) -> bool:
    """Whether a value can be shown in its field; what cannot stays with the rule's further fields."""
    if field.kind == "condition":
        return _is_plain(value)
    if field.kind == "flag":
        return isinstance(value, bool)
    if field.kind == "items":
        return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))
    return isinstance(value, str | int)


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def row_of(section: Section, rule: dict[str, Any] | None = None) -> dict[str, Any]:
    """One rule as the row of a form; None = a fresh one."""
    place = f"{section.key}-{secrets.randbelow(10**9)}"
    rest = dict(rule or {})
    names = rest.pop("names", {})
    shown = {"place": place, "rule": rest.pop("rule", ""), "zh": names.get("zh", ""), "en": names.get("en", "")}
    cells = []
    for field in section.fields:
        value = rest.pop(field.key) if field.key in rest and _fits(field, rest[field.key]) else None
        cells.append(_cell(field, place, value, is_fresh=rule is None))
    more = yaml.safe_dump(rest, allow_unicode=True, sort_keys=False, width=100) if rest else ""
    return {**shown, "section": section, "cells": cells, "more": more, "is_fresh": rule is None}


def _cell(field: Field, place: str, value: Any, *, is_fresh: bool) -> dict[str, Any]:
    cell: dict[str, Any] = {"field": field, "name": f"{place}-{field.key}", "value": "" if value is None else value}
    if field.kind == "condition":
        chosen = {axis: _listed(codes) for axis, codes in (value or {}).items()}
        cell["axes"] = [
            (axis, [(code, text, code in chosen.get(axis, [])) for code, text in words.choices(vocabulary)])
            for axis, vocabulary in AXES.items()
        ]
    elif field.kind == "items":
        codes = _listed(value) if value else []
        pairs = [("ALL", _("All items")), *((item.code, formats.named(item)) for item in catalog.bill_item_types())]
        pairs.sort(key=lambda pair: codes.index(pair[0]) if pair[0] in codes else len(codes))  # in the document's order
        cell["axes"] = [("", [(code, text, code in codes) for code, text in pairs])]
    elif field.kind == "choice":
        known = choices_of(field)
        strange = [(str(value), str(value))] if value and value not in [code for code, _text in known] else []
        cell["choices"] = [*known, *strange]
    if is_fresh and field.otherwise:
        cell["value"] = field.otherwise
    return cell


def form_of(document: dict[str, Any]) -> dict[str, Any]:
    """A document with one version as the form shows it."""
    version = dict(document["versions"][-1])
    relations = dict(version.pop("relations", None) or {})
    requires, excludes = relations.pop("requires", None) or [], relations.pop("excludes", None) or []
    if relations:
        version["relations"] = relations
    from_on = version.pop("from", "")
    sections = [
        (section, [row_of(section, rule) for rule in version.pop(section.key, None) or []]) for section in SECTIONS
    ]
    return {
        "document": document,
        "from_on": from_on.isoformat() if isinstance(from_on, date) else from_on,
        "requires": ", ".join(requires),
        "excludes": ", ".join(excludes),
        "sections": sections,
        "more": yaml.safe_dump(version, allow_unicode=True, sort_keys=False, width=100) if version else "",
    }


def document_of(post: QueryDict) -> dict[str, Any]:
    """The document that a filled form means. Raises FormRefused with everything that cannot be read."""
    problems: list[str] = []
    version: dict[str, Any] = {"from": post.get("from", "").strip()}
    for section in SECTIONS:
        rules = [_rule(section, place, post, problems) for place in _places(section, post)]
        if rules:
            version[section.key] = rules
    further = _more(post.get("more", ""), _("More of this version"), problems)
    relations = {key: _codes(post.get(key, "")) for key in ("requires", "excludes")}
    relations = {**(further.pop("relations", None) or {}), **relations}
    if any(relations.values()):
        version["relations"] = relations
    version |= further
    offer_id = post.get("offer_id", "").strip()
    if problems:
        raise FormRefused(problems)
    return {
        "offer": post.get("offer", "").strip().upper(),
        "offer_id": int(offer_id) if offer_id.isdecimal() else 0,
        "names": {"zh": post.get("zh", "").strip(), "en": post.get("en", "").strip()},
        "kind": post.get("kind", ""),
        "brand": post.get("brand", "") or None,
        "source": post.get("source", "").strip() or None,
        "versions": [version],
    }


def _codes(text: str) -> list[str]:
    return [code.strip().upper() for code in text.split(",") if code.strip()]


def _places(section: Section, post: QueryDict) -> list[str]:
    """The rows of a section in the order in which they stand on the page."""
    found = dict.fromkeys(key.rsplit("-", 1)[0] for key in post if key.startswith(f"{section.key}-"))
    return [place for place in found if post.get(f"{place}-rule") is not None]


def _rule(section: Section, place: str, post: QueryDict, problems: list[str]) -> dict[str, Any]:
    rule: dict[str, Any] = {"rule": post[f"{place}-rule"].strip().upper()}
    for field in section.fields:
        value = _value(field, f"{place}-{field.key}", post)
        if value not in ("", None, [], {}):
            rule[field.key] = value
    more = _more(post.get(f"{place}-more", ""), f"{section.title} {rule['rule']}", problems)
    for field in section.fields:
        if field.kind == "condition" and field.key not in rule and field.key not in more:
            rule[field.key] = {}
    names = {language: post.get(f"{place}-{language}", "").strip() for language in ("zh", "en")}
    return {**rule, **more, "names": names}


def _value(field: Field, name: str, post: QueryDict) -> Any:
    if field.kind == "condition":
        ticked = {axis: codes for axis in AXES if (codes := post.getlist(f"{name}-{axis}"))}
        return {axis: codes[0] if axis == "component" and len(codes) == 1 else codes for axis, codes in ticked.items()}
    if field.kind == "items":
        codes = post.getlist(f"{name}-")
        return "ALL" if "ALL" in codes else codes
    text = post.get(name, "").strip()
    if field.kind == "flag":
        return True if text else None
    return int(text) if field.kind == "count" and text.isdecimal() else text


def _more(text: str, place: str, problems: list[str]) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text) if text.strip() else {}
    except yaml.YAMLError as broken:
        mark = getattr(broken, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problems.append(
            _("%(place)s: line %(line)d of the further fields is no YAML.") % {"place": place, "line": line}
        )
        return {}
    if not isinstance(found, dict):
        problems.append(_("%s: further fields are written as “name: value”, one a line.") % place)
        return {}
    return found


def empty_document() -> dict[str, Any]:
    """What a new offer begins with."""
    return {
        "offer": "",
        "offer_id": catalog.next_offer_id(),
        "names": {"zh": "", "en": ""},
        "kind": "MAIN",
        "brand": None,
        "source": None,
        "versions": [{"from": ""}],
    }
