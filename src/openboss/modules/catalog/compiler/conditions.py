"""Conditions of prices, scopes and factors: the class of use as a mask, everything else as tests on ranges."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from openboss.kernel import conditions as kernel
from openboss.kernel import usage
from openboss.modules.catalog.compiler.measures import TariffRefused, listed, stretch

AXES = {
    "record": (usage.RecordType, usage.RECORD_TYPES),
    "roam": (usage.RoamType, usage.ROAM_TYPES),
    "ld": (usage.LdType, usage.LD_TYPES),
    "net": (usage.OtherNet, usage.OTHER_NETS),
    "group": (usage.ClosedGroup, usage.CLOSED_GROUPS),
}
WEEK = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN", "HOLIDAY")
DAYS: dict[str, tuple[int, ...]] = {name: (place,) for place, name in enumerate(WEEK)}
DAYS |= {"WORKDAY": (0, 1, 2, 3, 4), "WEEKEND": (5, 6)}
ABROAD = 1_000_000  # areas abroad are this and the country code
Edges = tuple[int, ...]


def class_mask(when: Mapping[str, Any], where: str) -> np.ndarray:
    """Mark the usage classes that a condition covers: u8[USAGE_CLASSES]. Raises TariffRefused."""
    chosen: list[Sequence[int]] = []
    for axis, (codes, width) in AXES.items():
        names = when.get(axis)
        if names is None:
            chosen.append(range(width))
            continue
        known = [code.name for code in codes if code < width]
        unknown = [name for name in listed(names) if name not in known]
        if unknown:
            raise TariffRefused("unknown_word", where, name=axis, value=unknown[0], known=", ".join(known))
        chosen.append([int(codes[name]) for name in listed(names)])
    mask = np.zeros([width for _, width in AXES.values()], np.uint8)
    mask[np.ix_(*[list(axis) for axis in chosen])] = 1
    return mask.reshape(-1)


@dataclass
class Conditions:
    """All conditions of all documents, each once: tests on ranges of one integer (kernel.conditions)."""

    tests: dict[tuple[int, Edges], int] = field(default_factory=dict)
    held: dict[tuple[tuple[int, Edges], ...], int] = field(default_factory=dict)

    def add(self, when: Mapping[str, Any], zones: Mapping[str, Sequence[str]], where: str) -> int:
        """Number a condition; -1 = it looks at nothing but the class. Raises TariffRefused."""
        tests = tests_of(when, zones, where)
        if not tests:
            return -1
        return self.held.setdefault(tests, len(self.held))

    def arrays(self) -> dict[str, np.ndarray]:
        """Lay the conditions out for the kernel."""
        first, edge_first = [0], [0]
        fields: list[int] = []
        edges: list[int] = []
        for tests in self.held:
            for number, values in tests:
                fields.append(number)
                edges += values
                edge_first.append(len(edges))
            first.append(len(fields))
        return {
            "condition_first": np.array(first, np.int32),
            "test_field": np.array(fields, np.int8),
            "test_edge_first": np.array(edge_first, np.int32),
            "test_edge": np.array(edges, np.int64),
        }


def tests_of(when: Mapping[str, Any], zones: Mapping[str, Sequence[str]], where: str) -> tuple[tuple[int, Edges], ...]:
    """Read what a condition asks beside the class, as (field, edges). Raises TariffRefused."""
    foreign = set(when) - set(AXES) - set(_READERS) - {"component", "factor", "zone", "friends"}
    if foreign:
        known = ", ".join([*AXES, *_READERS, "zone", "friends"])
        raise TariffRefused("not_a_condition", where, value=sorted(foreign)[0], known=known)
    found = []
    for name, (number, read) in _READERS.items():
        if name in when:
            found.append((number, merged(part for value in listed(when[name]) for part in read(value, name, where))))
    if "zone" in when:
        found.append((kernel.FIELD_PREFIX, zone_edges(listed(when["zone"]), zones, where)))
    if "friends" in when:
        if when["friends"] is not True:
            raise TariffRefused("friends_not_true", where, value=when["friends"])
        found.append((kernel.FIELD_FRIENDS, (1, 2)))
    return tuple(sorted(found))


def merged(ranges: Iterable[tuple[int, int]]) -> Edges:
    """Join ranges [from, to) into edges in rising order."""
    edges: list[int] = []
    for from_, to in sorted(ranges):
        if edges and from_ <= edges[-1]:
            edges[-1] = max(edges[-1], to)
        else:
            edges += [from_, to]
    return tuple(edges)


def zone_edges(names: Sequence[str], zones: Mapping[str, Sequence[str]], where: str) -> Edges:
    """Find the ranges of numbers whose longest prefix over all zones belongs to one of some zones."""
    for name in names:
        if name not in zones:
            raise TariffRefused("no_such_zone", where, value=name, known=", ".join(zones))
    owners = [(_prefix(prefix, "zone", where)[0], len(prefix), zone) for zone in zones for prefix in zones[zone]]
    taken: dict[tuple[int, int], str] = {}
    for range_, _, zone in owners:
        if taken.setdefault(range_, zone) != zone:
            raise TariffRefused("prefix_in_two_zones", where, one=taken[range_], other=zone)
    marks = sorted({edge for range_, _, _ in owners for edge in range_})
    found = []
    for from_, to in zip(marks, marks[1:], strict=False):
        inside = [(length, zone) for (low, high), length, zone in owners if low <= from_ < high]
        if inside and max(inside)[1] in names:
            found.append((from_, to))
    return merged(found)


def _prefix(value: Any, name: str, where: str) -> list[tuple[int, int]]:
    digits = str(value)
    if not digits.isdigit() or digits[0] == "0" or len(digits) >= kernel.PREFIX_DIGITS:
        raise TariffRefused("not_a_prefix", where, name=name, value=value)
    scale = 10 ** (kernel.PREFIX_DIGITS - len(digits))
    return [(int(digits) * scale, (int(digits) + 1) * scale)]


def _whole(value: Any, name: str, where: str) -> list[tuple[int, int]]:
    if not str(value).isdigit() or int(value) >= 2**62:
        raise TariffRefused("not_a_number", where, name=name, value=value)
    return [(int(value), int(value) + 1)]


def _abroad(value: Any, name: str, where: str) -> list[tuple[int, int]]:
    ((code, _),) = _whole(value, name, where)
    if not 0 < code < 1000:
        raise TariffRefused("not_a_country", where, name=name, value=value)
    return [(ABROAD + code, ABROAD + code + 1)]


def _access_point(value: Any, _name: str, _where: str) -> list[tuple[int, int]]:
    number = usage.text_id(str(value))
    return [(number, number + 1)]


def _service(value: Any, _name: str, _where: str) -> list[tuple[int, int]]:
    number = usage.name_code(str(value))
    return [(number, number + 1)]


def day_kinds(names: Any, where: str) -> list[int]:
    """Read names of days as kinds of day: 0 Monday to 6 Sunday, 7 holiday. Raises TariffRefused."""
    for name in listed(names):
        if name not in DAYS:
            raise TariffRefused("not_a_weekday", where, value=name, known=", ".join(DAYS))
    return sorted({kind for name in listed(names) for kind in DAYS[name]})


def _day(value: Any, _name: str, where: str) -> list[tuple[int, int]]:
    return [(kind, kind + 1) for kind in day_kinds(value, where)]


def _hours(value: Any, name: str, where: str) -> list[tuple[int, int]]:
    from_text, _, to_text = str(value).partition("-")
    return stretch(from_text, to_text, f"{where} {name}")


Reader = Callable[[Any, str, str], list[tuple[int, int]]]
_READERS: dict[str, tuple[int, Reader]] = {
    "number": (kernel.FIELD_PREFIX, _prefix),
    "numbers": (kernel.FIELD_NUMBER, _whole),
    "area": (kernel.FIELD_AREA, _whole),
    "country": (kernel.FIELD_AREA, _abroad),
    "home": (kernel.FIELD_HOME, _whole),
    "visited": (kernel.FIELD_VISITED, _whole),
    "visited_country": (kernel.FIELD_VISITED, _abroad),
    "partner": (kernel.FIELD_PARTNER, _whole),
    "apn": (kernel.FIELD_APN, _access_point),
    "rating_group": (kernel.FIELD_RATING_GROUP, _whole),
    "sp": (kernel.FIELD_SP, _whole),
    "service": (kernel.FIELD_SERVICE, _service),
    "days": (kernel.FIELD_DAY, _day),
    "hours": (kernel.FIELD_SECOND, _hours),
}
WHEN_KEYS = (*AXES, *_READERS, "zone", "friends")
