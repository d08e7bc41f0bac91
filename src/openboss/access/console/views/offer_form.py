"""The form of an offer: what stands in a tariff document as fields, and back again.

Every field of the grammar has an input (`offer_sections`). What a document says beyond them, or in a way that a field
would not say back, stays as text with its rule, so that nothing of a document is lost by opening it in the form. A form
is always drawn from what inputs hold: those of a stored document, or those that were sent and cannot be stored yet.
"""

from __future__ import annotations

import secrets
from datetime import date
from typing import Any

import yaml
from django.utils.translation import gettext as _

from openboss.access.console import formats, words
from openboss.access.console.views.offer_fields import Field, Given, Misfit, Post, post_of, read, rows_in, shown
from openboss.access.console.views.offer_sections import SECTIONS, VERSION, Section
from openboss.modules.catalog import functions as catalog

Items = list[tuple[str, str]]  # the kinds of bill items that can be chosen, each with its name
HEAD = ("offer", "offer_id", "zh", "en", "kind", "brand", "from", "source")


class FormRefused(ValueError):
    """A field of the form cannot be read; each line says which and what would be right."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def sent(document: dict[str, Any]) -> Post:
    """What a browser sends of a form that shows a document with one version."""
    version = dict(document["versions"][-1])
    from_on, names = version.pop("from", ""), document["names"]
    given: Given = {
        "offer": [document["offer"]],
        "offer_id": [str(document["offer_id"])],
        "zh": [names["zh"]],
        "en": [names["en"]],
        "kind": [document["kind"]],
        "brand": [document["brand"] or ""],
        "from": [from_on.isoformat() if isinstance(from_on, date) else from_on],
        "source": [document["source"] or ""],
    }
    for section in SECTIONS:
        for number, rule in enumerate(version.pop(section.key, None) or []):
            given |= _sent_rule(section, rule, f"{section.key}-{number}")
    return post_of(given | _sent_fields(VERSION, version, "version"))


def _sent_rule(section: Section, rule: dict[str, Any], place: str) -> Given:
    rest = dict(rule)
    names = rest.pop("names", None) or {}
    named = {f"{place}-{language}": [names.get(language, "")] for language in ("zh", "en")}
    return {f"{place}-rule": [rest.pop("rule", "")], **named, **_sent_fields(section.fields, rest, place)}


def _sent_fields(fields: tuple[Field, ...], values: dict[str, Any], place: str) -> Given:
    """Inputs of some fields; what fits into none stands as text in the field `more`."""
    rest, given = dict(values), Given()
    for field in fields:
        if rest.get(field.key) is None:
            rest.pop(field.key, None)
            continue
        try:
            given |= shown(field, rest[field.key], f"{place}-{field.key}")
        except (Misfit, TypeError, KeyError, AttributeError):
            continue
        del rest[field.key]
    more = yaml.safe_dump(rest, allow_unicode=True, sort_keys=False, width=100) if rest else ""
    return given | {f"{place}-more": [more]}


def document_of(post: Post) -> dict[str, Any]:
    """The document that a filled form means. Raises FormRefused with everything that cannot be read."""
    problems: list[str] = []
    version: dict[str, Any] = {"from": post.get("from", "").strip()}
    for section in SECTIONS:
        places = [f"{section.key}-{number}" for number in rows_in(section.key, post)]
        rules = [_rule(section, place, post, problems) for place in places if f"{place}-rule" in post]
        if rules:
            version[section.key] = rules
    version |= _read_fields(VERSION, "version", post, _("This version"), problems)
    if problems:
        raise FormRefused(problems)
    offer_id = post.get("offer_id", "").strip()
    return {
        "offer": post.get("offer", "").strip().upper(),
        "offer_id": int(offer_id) if offer_id.isdecimal() else 0,
        "names": {"zh": post.get("zh", "").strip(), "en": post.get("en", "").strip()},
        "kind": post.get("kind", ""),
        "brand": post.get("brand", "") or None,
        "source": post.get("source", "").strip() or None,
        "versions": [version],
    }


def _rule(section: Section, place: str, post: Post, problems: list[str]) -> dict[str, Any]:
    code = post[f"{place}-rule"].strip().upper()
    found = _read_fields(section.fields, place, post, f"{section.title} {code}", problems)
    if found.get("unit") == "YUAN" and isinstance(found.get("granted"), int):
        found["granted"] = str(found["granted"])  # free money is money
    names = {language: post.get(f"{place}-{language}", "").strip() for language in ("zh", "en")}
    return {"rule": code, **found, "names": names}


def _read_fields(fields: tuple[Field, ...], place: str, post: Post, title: str, problems: list[str]) -> dict[str, Any]:
    found = {field.key: read(field, f"{place}-{field.key}", post) for field in fields}
    more = _more(post.get(f"{place}-more", ""), title, problems)
    return {key: value for key, value in found.items() if value is not None and key not in more} | more


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


def form_of(post: Post) -> dict[str, Any]:
    """The form as it is drawn from what its inputs hold."""
    items = _items()
    sections = [
        (section, [_row(section, f"{section.key}-{number}", post, items) for number in rows_in(section.key, post)])
        for section in SECTIONS
    ]
    return {
        **{name: post.get(name, "") for name in HEAD},
        "sections": sections,
        "blocks": _blocks(VERSION, "version", post, items),
        "more": post.get("version-more", ""),
    }


def fresh_row(section: Section) -> dict[str, Any]:
    """One more rule, with what a fresh one begins with."""
    place = f"{section.key}-{secrets.randbelow(10**9)}"
    given: Given = {}
    for field in section.fields:
        if field.otherwise:
            given |= shown(
                field, int(field.otherwise) if field.kind == "count" else field.otherwise, f"{place}-{field.key}"
            )
    return {**_row(section, place, post_of(given), _items()), "is_fresh": True}


def _items() -> Items:
    return [(item.code, formats.named(item)) for item in catalog.bill_item_types()]


def _row(section: Section, place: str, post: Post, items: Items) -> dict[str, Any]:
    return {
        "section": section,
        "place": place,
        **{name: post.get(f"{place}-{name}", "") for name in ("rule", "zh", "en", "more")},
        "cells": [cell(field, f"{place}-{field.key}", post, items) for field in section.fields if not field.group],
        "blocks": _blocks(section.fields, place, post, items),
    }


def _blocks(
    fields: tuple[Field, ...], place: str, post: Post, items: Items
) -> list[tuple[str, list[dict[str, Any]], bool]]:
    """Fields that are out of sight until they are needed: title, cells, and whether one says something."""
    blocks: dict[str, list[dict[str, Any]]] = {}
    for field in fields:
        if field.group:
            blocks.setdefault(str(field.group), []).append(cell(field, f"{place}-{field.key}", post, items))
    return [(title, cells, any(_says(one["name"], post) for one in cells)) for title, cells in blocks.items()]


def _says(name: str, post: Post) -> bool:
    return any(any(post.getlist(one)) for one in post if one == name or one.startswith(f"{name}-"))


def cell(field: Field, name: str, post: Post, items: Items, depth: int = 1) -> dict[str, Any]:
    """One field as the template draws it; what it has inside is drawn in the same way."""
    drawn: dict[str, Any] = {"field": field, "name": name, "kind": field.kind, "value": post.get(name, "")}
    if field.kind in ("ticks", "items"):
        drawn["options"] = _options(field, post.getlist(name), items)
    elif field.kind == "choice":
        drawn["options"] = _choices(field, drawn["value"], items)
    elif field.kind in ("measure", "units", "valid"):
        drawn |= {"value": post.get(f"{name}-n", ""), "unit": post.get(f"{name}-u", "")}
        drawn["options"] = _choices(field, drawn["unit"], items)
    elif field.kind == "granted":
        drawn["all"] = post.get(f"{name}-all", "")
    elif field.kind == "share":
        drawn["each"] = post.get(f"{name}-each", "")
    elif field.kind == "effect":
        drawn |= {"value": post.get(f"{name}-value", ""), "of": post.get(f"{name}-kind", "")}
        drawn["options"] = _choices(field, drawn["of"], items)
        drawn["steps"] = [cell(part, f"{name}-{part.key}", post, items, depth) for part in field.fields]
    elif field.kind in ("parts", "condition"):
        drawn["cells"] = [cell(part, f"{name}-{part.key}", post, items, depth) for part in field.fields]
    elif field.kind in ("table", "scopes", "named"):
        numbers = rows_in(name, post) or (["0"] if field.kind == "scopes" else [])
        drawn["rows"] = [_table_row(field, f"{name}-{number}", post, items, depth) for number in numbers]
        drawn["token"] = f"@{depth}@"
        drawn["blank"] = _table_row(field, f"{name}-@{depth}@", post_of({}), items, depth)
    return drawn


def _table_row(field: Field, place: str, post: Post, items: Items, depth: int) -> list[dict[str, Any]]:
    own = [Field("name", _("Name"))] if field.kind == "named" else []
    return [cell(part, f"{place}-{part.key}", post, items, depth + 1) for part in (*own, *field.fields)]


def _vocabulary(field: Field, items: Items) -> list[tuple[str, str]]:
    if field.kind == "items" or field.choices == "items":
        return items
    return [(code, str(text)) for code, text in words.choices(field.choices)]


def _choices(field: Field, value: str, items: Items) -> list[tuple[str, str, bool]]:
    """What can be chosen: nothing unless it must be something, the words, and what is there already."""
    known = _vocabulary(field, items)
    if field.kind in ("choice", "effect", "units") and not field.otherwise and field.choices != "items":
        known = [("", "–" if field.kind != "units" else _("units")), *known]
    if value and value not in [code for code, _text in known]:
        known = [*known, (value, value)]
    return [(code, text, code == value) for code, text in known]


def _options(field: Field, chosen: list[str], items: Items) -> list[tuple[str, str, bool]]:
    """What can be ticked; bill items stand in the document's order, which is that of settlement."""
    known = [("ALL", _("All items"))] if field.kind == "items" else []
    known += _vocabulary(field, items)
    known += [(code, code) for code in chosen if code not in [one for one, _text in known]]
    known.sort(key=lambda pair: chosen.index(pair[0]) if field.kind == "items" and pair[0] in chosen else len(chosen))
    return [(code, text, code in chosen) for code, text in known]
