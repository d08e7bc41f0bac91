"""The kinds of fields of the form of an offer: how a value of a document stands in inputs, and how it is read back.

Both ways are one table, so that a value is shown in its field only if the form would send the very same value back;
whatever does not is kept as text with its rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict as Post
from django.utils.functional import Promise

Given = dict[str, list[str]]  # what inputs hold, by the name of each


class Misfit(Exception):
    """A value cannot stand in its field."""


@dataclass(frozen=True)
class Field:
    """One field of a form.

    kind     a key of KINDS
    choices  a vocabulary of words.py, or `items`: what can be chosen or ticked
    fields   the parts of a field that has parts: a table's columns
    group    the block it stands in; "" = always in sight
    """

    key: str
    title: str | Promise
    kind: str = "text"
    choices: str = ""
    otherwise: str = ""  # what a fresh rule begins with
    fields: tuple[Field, ...] = ()
    group: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Kind:
    """How values of a kind are shown and read; both with the name of the input. None = nothing is said."""

    show: Callable[[Field, Any, str], Given]
    read: Callable[[Field, str, Post], Any]


def shown(field: Field, value: Any, name: str) -> Given:
    """Put a value into inputs. Raises Misfit if they would not send it back."""
    given = KINDS[field.kind].show(field, value, name)
    if _same(KINDS[field.kind].read(field, name, post_of(given))) != _same(value):
        raise Misfit(field.key)
    return given


def post_of(given: Given) -> Post:
    """What a browser sends of some inputs."""
    post = Post(mutable=True)
    for name, values in given.items():
        post.setlist(name, values)
    return post


def read(field: Field, name: str, post: Post) -> Any:
    """Read what the inputs of a field say; None if nothing."""
    return KINDS[field.kind].read(field, name, post)


def rows_in(name: str, names: Iterable[str]) -> list[str]:
    """The rows of a table that were filled in, in the order in which they stand on the page."""
    begin = f"{name}-"
    numbers = (one[len(begin) :].split("-", 1)[0] for one in names if one.startswith(begin))
    return list(dict.fromkeys(number for number in numbers if number.isdecimal()))


def _same(value: Any) -> Any:
    """Make alike what means the same: one thing for a list of it, a number for its digits, what is not said."""
    if isinstance(value, dict):
        pairs = ((key, _same(part)) for key, part in value.items())
        return {key: part for key, part in pairs if part is not None} or None
    if isinstance(value, list):
        return [_same(part) for part in value] if len(value) > 1 else _same(value[0]) if value else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text(_field: Field, value: Any, name: str) -> Given:
    if not isinstance(value, str):
        raise Misfit(name)
    return {name: [value]}


def _read_text(_field: Field, name: str, post: Post) -> str | None:
    return post.get(name, "").strip() or None


def _count(_field: Field, value: Any, name: str) -> Given:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Misfit(name)
    return {name: [str(value)]}


def _number(text: str | None) -> int | str | None:
    """A whole number, or the text as it is for the check to complain about."""
    return int(text) if text and text.isdecimal() else text or None


def _read_count(field: Field, name: str, post: Post) -> int | str | None:
    return _number(_read_text(field, name, post))


def _flag(_field: Field, value: Any, name: str) -> Given:
    return {name: ["1"]} if value is True else {}


def _read_flag(_field: Field, name: str, post: Post) -> bool | None:
    return True if post.get(name) else None


def _off(_field: Field, value: Any, name: str) -> Given:
    return {name: ["1"]} if value is False else {}


def _read_off(_field: Field, name: str, post: Post) -> bool | None:
    return False if post.get(name) else None


def _listed(value: Any) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list) else [value])]


def _ticks(_field: Field, value: Any, name: str) -> Given:
    return {name: _listed(value)}


def _read_ticks(_field: Field, name: str, post: Post) -> list[str] | None:
    return post.getlist(name) or None


def _read_items(_field: Field, name: str, post: Post) -> list[str] | str | None:
    codes = post.getlist(name)
    return "ALL" if "ALL" in codes else codes or None


def _many(_field: Field, value: Any, name: str) -> Given:
    return {name: [", ".join(_listed(value))]}


def _read_many(_field: Field, name: str, post: Post) -> list[str] | None:
    return [one.strip() for one in post.get(name, "").replace("，", ",").split(",") if one.strip()] or None


def _read_numbers(field: Field, name: str, post: Post) -> list[Any] | None:
    found = _read_many(field, name, post)
    return [_number(one) for one in found] if found else None


def _read_codes(field: Field, name: str, post: Post) -> list[str] | None:
    found = _read_many(field, name, post)
    return [one.upper() for one in found] if found else None


def _measure(_field: Field, value: Any, name: str) -> Given:
    count, _, unit = str(value).partition(" ")
    return {f"{name}-n": [count], f"{name}-u": [unit]}


def _read_measure(_field: Field, name: str, post: Post) -> str | None:
    count, unit = post.get(f"{name}-n", "").strip(), post.get(f"{name}-u", "")
    return f"{count} {unit}".strip() if count else None


def _read_units(field: Field, name: str, post: Post) -> int | str | None:
    return _number(_read_measure(field, name, post))


def _granted(_field: Field, value: Any, name: str) -> Given:
    return {f"{name}-all": ["1"]} if value == "UNLIMITED" else {name: [str(value)]}


def _read_granted(field: Field, name: str, post: Post) -> Any:
    return "UNLIMITED" if post.get(f"{name}-all") else _read_count(field, name, post)


def _carry(_field: Field, value: Any, name: str) -> Given:
    if isinstance(value, bool):
        return {name: [str(int(value))]}
    return {name: [str(value["cycles"])]}


def _read_carry(field: Field, name: str, post: Post) -> Any:
    months = _read_count(field, name, post)
    if months is None:
        return None
    return bool(months) if months in (0, 1) else {"cycles": months}


def _valid(_field: Field, value: Any, name: str) -> Given:
    if not isinstance(value, dict) or len(value) != 1:
        raise Misfit(name)
    ((unit, count),) = value.items()
    return {f"{name}-n": [str(count)], f"{name}-u": [unit]}


def _read_valid(_field: Field, name: str, post: Post) -> Any:
    count = _number(post.get(f"{name}-n", "").strip())
    return {post.get(f"{name}-u") or "cycles": count} if count is not None else None


def _share(_field: Field, value: Any, name: str) -> Given:
    each = {f"{name}-each": [str(value["per_user"])]} if "per_user" in value else {}
    return {name: ["1"], **each}


def _read_share(_field: Field, name: str, post: Post) -> Any:
    each = _number(post.get(f"{name}-each", "").strip())
    if not post.get(name) and each is None:
        return None
    return {"by": "POOL"} if each is None else {"by": "POOL", "per_user": each}


def _parts(field: Field, value: Any, name: str) -> Given:
    if not isinstance(value, dict) or set(value) - {part.key for part in field.fields}:
        raise Misfit(name)
    given: Given = {}
    for part in field.fields:
        if value.get(part.key) is not None:
            given |= shown(part, value[part.key], f"{name}-{part.key}")
    return given


def _read_parts(field: Field, name: str, post: Post) -> dict[str, Any] | None:
    found = {part.key: read(part, f"{name}-{part.key}", post) for part in field.fields}
    return {key: value for key, value in found.items() if value is not None} or None


def _read_condition(field: Field, name: str, post: Post) -> dict[str, Any]:
    found = _read_parts(field, name, post) or {}
    if len(found.get("component", "")) == 1:
        found["component"] = found["component"][0]
    return found


def _table(field: Field, value: Any, name: str) -> Given:
    given: Given = {}
    for number, row in enumerate(value if isinstance(value, list) else [value]):
        given |= _parts(field, row, f"{name}-{number}")
    return given


def _read_table(field: Field, name: str, post: Post) -> list[dict[str, Any]] | None:
    rows = [_read_parts(field, f"{name}-{number}", post) for number in rows_in(name, post)]
    return [row for row in rows if row] or None


def _scopes(field: Field, value: Any, name: str) -> Given:
    """Conditions with a factor each; the row of a condition has `of` for it."""
    given: Given = {}
    for number, scope in enumerate(value if isinstance(value, list) else [value]):
        factor = {"factor": scope["factor"]} if "factor" in scope else {}
        condition = {key: part for key, part in scope.items() if key != "factor"}
        given |= _parts(field, {"of": condition, **factor}, f"{name}-{number}")
    return given


def _read_scopes(field: Field, name: str, post: Post) -> Any:
    rows = [_read_parts(field, f"{name}-{number}", post) or {} for number in rows_in(name, post)]
    scopes = [{**row.pop("of", {}), **row} for row in rows] or [{}]
    return scopes if len(scopes) > 1 else scopes[0]


def _named(field: Field, value: Any, name: str) -> Given:
    """A mapping of names to mappings, or to what the one field without key says."""
    if not isinstance(value, dict):
        raise Misfit(name)
    given: Given = {}
    for number, (own, part) in enumerate(value.items()):
        place = f"{name}-{number}"
        single = field.fields[0] if not field.fields[0].key else None
        inside = shown(single, part, f"{place}-") if single else _parts(field, part, place)
        given |= {f"{place}-name": [own], **inside}
    return given


def _read_named(field: Field, name: str, post: Post) -> dict[str, Any] | None:
    found = {}
    for number in rows_in(name, post):
        place = f"{name}-{number}"
        single = field.fields[0] if not field.fields[0].key else None
        part = read(single, f"{place}-", post) if single else _read_parts(field, place, post)
        own = post.get(f"{place}-name", "").strip()
        if own or part:
            found[own] = part if part is not None else ([] if single else {})
    return found or None


def _effect(field: Field, value: Any, name: str) -> Given:
    if not isinstance(value, dict) or len(value) != 1:
        raise Misfit(name)
    ((kind, part),) = value.items()
    given = {f"{name}-kind": [kind]}
    if kind == "tiers":
        return given | _parts(Field("tiers", "", fields=field.fields), part, name)
    return given if kind == "waiver" else given | {f"{name}-value": [str(part)]}


def _read_effect(field: Field, name: str, post: Post) -> dict[str, Any] | None:
    kind, value = post.get(f"{name}-kind", ""), post.get(f"{name}-value", "").strip()
    if kind == "tiers":
        return {kind: _read_parts(Field("tiers", "", fields=field.fields), name, post) or {}}
    return {kind: True if kind == "waiver" else value} if kind else None


KINDS: dict[str, Kind] = {
    "text": Kind(_text, _read_text),
    "yuan": Kind(_text, _read_text),
    "time": Kind(_text, _read_text),
    "choice": Kind(_text, _read_text),
    "count": Kind(_count, _read_count),
    "flag": Kind(_flag, _read_flag),
    "off": Kind(_off, _read_off),
    "ticks": Kind(_ticks, _read_ticks),
    "items": Kind(_ticks, _read_items),
    "many": Kind(_many, _read_many),
    "numbers": Kind(_many, _read_numbers),
    "codes": Kind(_many, _read_codes),
    "measure": Kind(_measure, _read_measure),
    "units": Kind(_measure, _read_units),
    "granted": Kind(_granted, _read_granted),
    "carry": Kind(_carry, _read_carry),
    "valid": Kind(_valid, _read_valid),
    "share": Kind(_share, _read_share),
    "parts": Kind(_parts, _read_parts),
    "condition": Kind(_parts, _read_condition),
    "table": Kind(_table, _read_table),
    "scopes": Kind(_scopes, _read_scopes),
    "named": Kind(_named, _read_named),
    "effect": Kind(_effect, _read_effect),
}
