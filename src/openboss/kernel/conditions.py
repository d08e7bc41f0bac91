"""What a price or a free resource may ask of an event beyond its class: numbers, places, services, days, hours.

Every list of a document - numbers, prefixes, areas, codes, days - is a set of ranges of one integer, kept as its edges
in rising order. A value is in the set if an odd number of edges lies at or below it: one binary search, however long
the list.
"""

from typing import NamedTuple

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.tariffs import TariffTables

DAY_S = 86_400
THURSDAY = 3  # 1970-01-01
HOLIDAY = 7
PREFIX_DIGITS = 18  # numbers are compared as if written with so many digits
_SMALLEST = 10 ** (PREFIX_DIGITS - 1)

FIELD_PREFIX = 0
FIELD_NUMBER = 1
FIELD_AREA = 2
FIELD_HOME = 3
FIELD_VISITED = 4
FIELD_PARTNER = 5
FIELD_APN = 6
FIELD_RATING_GROUP = 7
FIELD_SP = 8
FIELD_SERVICE = 9
FIELD_FRIENDS = 10
FIELD_DAY = 11
FIELD_SECOND = 12


class Asked(NamedTuple):
    """What conditions look at in one event."""

    other_number: int
    other_area: int
    home_area: int
    visited_area: int
    partner: int
    apn: int
    rating_group: int
    sp_code: int
    service: int
    friend: int  # 1 = the other party is on the user's list
    clock_s: int  # local second at which it began, shifted by the area (D3.9)


@compiled
def edges_below(edges: np.ndarray, first: int, end: int, value: int) -> int:
    """Count the edges from `first` to `end` that are at or below a value."""
    low, high = first, end
    while low < high:
        middle = (low + high) >> 1
        if edges[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low - first


@compiled
def day_kind(holiday: np.ndarray, day: int) -> int:
    """Say which kind of day it is: 0 Monday to 6 Sunday, 7 a public holiday."""
    before = edges_below(holiday, 0, len(holiday), day)
    if before > 0 and holiday[before - 1] == day:
        return HOLIDAY
    return (day + THURSDAY) % 7


@compiled
def as_prefix(number: int) -> int:
    """Write a number to the left of PREFIX_DIGITS digits, so that prefixes become ranges; 0 stays 0."""
    if number <= 0:
        return 0
    while number < _SMALLEST:
        number *= 10
    return number


@compiled
def asked_value(tables: TariffTables, asked: Asked, field: int) -> int:
    """Give the value of an event that a test looks at."""
    if field == FIELD_PREFIX:
        return as_prefix(asked.other_number)
    if field == FIELD_NUMBER:
        return asked.other_number
    if field == FIELD_AREA:
        return asked.other_area
    if field == FIELD_HOME:
        return asked.home_area
    if field == FIELD_VISITED:
        return asked.visited_area
    if field == FIELD_PARTNER:
        return asked.partner
    if field == FIELD_APN:
        return asked.apn
    if field == FIELD_RATING_GROUP:
        return asked.rating_group
    if field == FIELD_SP:
        return asked.sp_code
    if field == FIELD_SERVICE:
        return asked.service
    if field == FIELD_FRIENDS:
        return asked.friend
    if field == FIELD_DAY:
        return day_kind(tables.holiday, asked.clock_s // DAY_S)
    return asked.clock_s % DAY_S


@compiled
def holds(tables: TariffTables, asked: Asked, condition: int) -> bool:
    """Say whether every test of a condition holds; -1 = no condition."""
    if condition < 0:
        return True
    for test in range(tables.condition_first[condition], tables.condition_first[condition + 1]):
        value = asked_value(tables, asked, tables.test_field[test])
        first, end = tables.test_edge_first[test], tables.test_edge_first[test + 1]
        if edges_below(tables.test_edge, first, end, value) % 2 == 0:
            return False
    return True
