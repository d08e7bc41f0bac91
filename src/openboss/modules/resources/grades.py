"""How beautiful a number is: the vanity grades by a table of patterns (D12.2, BMR-04)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from openboss.modules.system.atomic import ParameterMissing, parameter_at

PARAMETER = "resources.vanity_grades"
ORDINARY = "G0"
NETWORK_DIGITS = 3
UNLUCKY = "4"


@dataclass(frozen=True)
class Grade:
    """A grade: its patterns, what is deposited for it, and what it spends a month at least."""

    code: str
    patterns: tuple[str, ...]
    deposit_fen: int
    minimum_fen: int


DEMO_GRADES = (
    Grade("G1", ("EQUAL 5",), 1_000_000, 79_800),
    Grade("G2", ("EQUAL 4",), 500_000, 59_800),
    Grade("G3", ("EQUAL 3", "ABAB", "AABB", "STRAIGHT 5", "AABBCC", "ABCABC"), 300_000, 39_800),
    Grade("G4", ("STRAIGHT 3",), 100_000, 19_800),
    Grade("G5", ("EQUAL 2", "518", "168", "BIRTHDAY"), 20_000, 6_800),
    Grade(ORDINARY, (), 0, 0),
)
"""A pattern is `EQUAL n` or `STRAIGHT n` (n or more at the tail, up or down), letters of which equal ones are equal
and others differ, digits as they are, or BIRTHDAY (YYYYMMDD). A match with a 4 in it drops one grade, once."""


def grades_on(day: date) -> tuple[Grade, ...]:
    """Read the table of grades in force on a day, the best first: the operator's parameter or the demo's."""
    try:
        rows: Sequence[Mapping[str, Any]] = parameter_at(key=PARAMETER, on=day)
    except ParameterMissing:
        return DEMO_GRADES
    return tuple(Grade(row["grade"], tuple(row["patterns"]), row["deposit_fen"], row["minimum_fen"]) for row in rows)


def grade_of(number: int, grades: Sequence[Grade] = DEMO_GRADES) -> str:
    """Grade a number (E.164 or national) by its digits after the network code; the first pattern that fits decides."""
    tail = str(number).removeprefix("86")[NETWORK_DIGITS:]
    for place, grade in enumerate(grades):
        for pattern in grade.patterns:
            part = _matched(tail, pattern)
            if part:
                return grades[place + 1].code if UNLUCKY in part else grade.code
    return ORDINARY


def _matched(tail: str, pattern: str) -> str:
    """The part at the end of a number that a pattern describes; nothing if it does not fit."""
    if " " in pattern:
        name, least = pattern.split()
        length = _run(tail, (0,) if name == "EQUAL" else (1, -1))
        return tail[-length:] if length >= int(least) else ""
    if pattern == "BIRTHDAY":
        return tail[-8:] if _is_birthday(tail[-8:]) else ""
    part = tail[-len(pattern) :]
    if pattern.isdecimal():
        return part if part == pattern else ""
    pairs = set(zip(pattern, part, strict=False))
    one_to_one = len(pairs) == len({letter for letter, _ in pairs}) == len({digit for _, digit in pairs})
    return part if len(part) == len(pattern) and one_to_one else ""


def _run(tail: str, steps: tuple[int, ...]) -> int:
    """How many digits at the end follow each other by one and the same of these steps."""
    longest = 1
    for step in steps:
        length = 1
        while length < len(tail) and int(tail[-length]) - int(tail[-length - 1]) == step:
            length += 1
        longest = max(longest, length)
    return longest


def _is_birthday(digits: str) -> bool:
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return False
    return 1900 <= day.year <= 2099
