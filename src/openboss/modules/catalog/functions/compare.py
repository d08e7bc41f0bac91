"""What changed between two tariff documents, rule by rule and field by field."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

HEAD = ("offer", "offer_id", "names", "kind", "brand", "source")


@dataclass(frozen=True)
class Change:
    """One field that differs; what is None is not there. `rule` is empty for what stands beside the rules."""

    version: str  # the day, or empty for the head of the document
    section: str
    rule: str
    field: str
    before: Any
    after: Any


def differences(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Change]:
    """List what differs between two documents of an offer; None stands for one that is not there."""
    older, newer = before or {}, after or {}
    found = [
        Change("", "", "", name, older.get(name), newer.get(name))
        for name in HEAD
        if (older.get(name) or None) != (newer.get(name) or None)
    ]
    versions = [{str(one["from"]): one for one in document.get("versions") or []} for document in (older, newer)]
    for day in sorted(versions[0].keys() | versions[1].keys()):
        found += _of_version(day, versions[0].get(day), versions[1].get(day))
    return found


def between_versions(before: dict[str, Any], after: dict[str, Any], *, day: str = "") -> list[Change]:
    """List what differs between two versions of an offer, whatever their days."""
    return list(_of_version(day, before, after))


def _of_version(day: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Iterator[Change]:
    if before is None or after is None:
        yield Change(day, "", "", "version", before and "there", after and "there")
        return
    for section in sorted((before.keys() | after.keys()) - {"from"}):
        old, new = before.get(section), after.get(section)
        if _is_rules(old) or _is_rules(new):
            yield from _of_rules(day, section, old or [], new or [])
        elif (old or None) != (new or None):
            yield Change(day, section, "", section, old, new)


def _is_rules(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "rule" in value[0]


def _of_rules(day: str, section: str, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[Change]:
    old, new = ({rule["rule"]: rule for rule in rules} for rules in (before, after))
    for code in dict.fromkeys([*old, *new]):
        if code not in old or code not in new:
            yield Change(day, section, code, "rule", old.get(code), new.get(code))
            continue
        for name in dict.fromkeys([*old[code], *new[code]]):
            if old[code].get(name) != new[code].get(name):
                yield Change(day, section, code, name, old[code].get(name), new[code].get(name))
    kept = [[code for code in rules if code in old and code in new] for rules in (old, new)]
    if kept[0] != kept[1]:
        yield Change(day, section, "", "order", kept[0], kept[1])
