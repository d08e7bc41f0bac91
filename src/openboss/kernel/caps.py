"""Caps: the most some items cost one user over a day, a cycle, a quarter or a year (D6.6)."""

from openboss.kernel.compiled import apart, compiled
from openboss.kernel.counters import count, counted, counter_key, period_of
from openboss.kernel.state import LANES, Directory, Lane, charged_under_cap_li
from openboss.kernel.tariffs import (
    BASIS_CYCLE,
    CAP_BASIS,
    CAP_BY_PLACE,
    CAP_CLOSES_AT,
    CAP_COUNTER,
    CAP_LI,
    CAP_RULE,
    STANDARD,
    TariffTables,
    version_at,
)
from openboss.kernel.trace import TRACE_CAP, Trace, note

_VOLUME = 1 << 31  # beside a cap's counter of money: its counter of what was charged for


@compiled
def _left_li(
    tables: TariffTables, lane: Lane, local_row: int, slot: int, cycle: int, cap: int, at_s: int, visited: int
) -> int:
    """Say how much may still be charged under a cap; nothing if it has closed the service."""
    place = visited if tables.cap[cap, CAP_BY_PLACE] == 1 else 0
    period, _ = period_of(tables.cap[cap, CAP_BASIS], cycle, at_s, 0)
    key = counter_key(tables.cap[cap, CAP_COUNTER], place)
    if _is_closed(tables, lane, local_row, cap, place, period):
        return 0
    if tables.cap[cap, CAP_LI] < 0:
        return -1
    if tables.cap[cap, CAP_BASIS] == BASIS_CYCLE and place == 0:
        charged_li = charged_under_cap_li(lane, local_row, slot, tables.cap_has[cap])
    else:
        charged_li = counted(lane, local_row, key, period)
    return max(0, tables.cap[cap, CAP_LI] - charged_li)


@compiled
def _is_closed(tables: TariffTables, lane: Lane, local_row: int, cap: int, place: int, period: int) -> bool:
    if tables.cap[cap, CAP_CLOSES_AT] < 0:
        return False
    key = counter_key(tables.cap[cap, CAP_COUNTER] + _VOLUME, place)
    return counted(lane, local_row, key, period) >= tables.cap[cap, CAP_CLOSES_AT]


@apart
def _under_caps_of(
    tables: TariffTables,
    lane: Lane,
    trace: Trace,
    version: int,
    local_row: int,
    slot: int,
    cycle: int,
    item: int,
    at_s: int,
    visited: int,
    act_li: int,
) -> tuple[int, bool]:
    """Bring a charge under every cap of a version; say whether one of them has closed the service."""
    closed = False
    for cap in range(tables.version_cap_first[version], tables.version_cap_first[version + 1]):
        if tables.cap_has[cap, item] == 0:
            continue
        left_li = _left_li(tables, lane, local_row, slot, cycle, cap, at_s, visited)
        place = visited if tables.cap[cap, CAP_BY_PLACE] == 1 else 0
        period, _ = period_of(tables.cap[cap, CAP_BASIS], cycle, at_s, 0)
        closed = closed or _is_closed(tables, lane, local_row, cap, place, period)
        if 0 <= left_li < act_li:
            note(trace, TRACE_CAP, tables.cap[cap, CAP_RULE], act_li, left_li, left_li)
            act_li = left_li
    return act_li, closed


@apart
def _count_caps_of(
    tables: TariffTables,
    lane: Lane,
    version: int,
    local_row: int,
    cycle: int,
    item: int,
    at_s: int,
    visited: int,
    rest: int,
    act_li: int,
) -> None:
    """Add a charge to the counters of a version's caps."""
    for cap in range(tables.version_cap_first[version], tables.version_cap_first[version + 1]):
        if tables.cap_has[cap, item] == 0 or tables.cap[cap, CAP_COUNTER] == 0:
            continue
        place = visited if tables.cap[cap, CAP_BY_PLACE] == 1 else 0
        period, to_s = period_of(tables.cap[cap, CAP_BASIS], cycle, at_s, 0)
        if tables.cap[cap, CAP_BASIS] != BASIS_CYCLE or place != 0:
            count(lane, local_row, counter_key(tables.cap[cap, CAP_COUNTER], place), period, to_s, act_li)
        if tables.cap[cap, CAP_CLOSES_AT] >= 0:
            count(lane, local_row, counter_key(tables.cap[cap, CAP_COUNTER] + _VOLUME, place), period, to_s, rest)


@compiled
def _has_caps(tables: TariffTables, version: int) -> bool:
    return version >= 0 and tables.version_cap_first[version] < tables.version_cap_first[version + 1]


@compiled
def cap_charge(
    tables: TariffTables,
    directory: Directory,
    lane: Lane,
    trace: Trace,
    row: int,
    slot: int,
    cycle: int,
    item: int,
    at_s: int,
    visited: int,
    rest: int,
    act_li: int,
    keep: int,
) -> tuple[int, int, bool]:
    """Bring a charge under the caps of the national tariff and of every offer held, and count it there.

    rest  quantity charged for, which closes a service at `closes_at`
    Returns the charge, what the caps saved, and whether a cap has closed the service.
    """
    if tables.item_capped[item] == 0 or (act_li == 0 and tables.counted_caps == 0):
        return act_li, 0, False
    local_row, before_li, closed = row // LANES, act_li, False
    standard = version_at(tables, STANDARD, at_s)
    if _has_caps(tables, standard):
        act_li, closed = _under_caps_of(
            tables, lane, trace, standard, local_row, slot, cycle, item, at_s, visited, act_li
        )
    holding = directory.holding_head[row]
    while holding >= 0:
        if directory.holding_from_s[holding] <= at_s < directory.holding_to_s[holding]:
            version = version_at(tables, directory.holding_offer[holding], at_s)
            if _has_caps(tables, version):
                act_li, shut = _under_caps_of(
                    tables, lane, trace, version, local_row, slot, cycle, item, at_s, visited, act_li
                )
                closed = closed or shut
        holding = directory.holding_next[holding]
    if tables.counted_caps == 1 and keep == 1:
        _count(tables, directory, lane, standard, row, cycle, item, at_s, visited, rest, act_li)
    return act_li, before_li - act_li, closed


@apart
def _count(
    tables: TariffTables,
    directory: Directory,
    lane: Lane,
    standard: int,
    row: int,
    cycle: int,
    item: int,
    at_s: int,
    visited: int,
    rest: int,
    act_li: int,
) -> None:
    if _has_caps(tables, standard):
        _count_caps_of(tables, lane, standard, row // LANES, cycle, item, at_s, visited, rest, act_li)
    holding = directory.holding_head[row]
    while holding >= 0:
        if directory.holding_from_s[holding] <= at_s < directory.holding_to_s[holding]:
            version = version_at(tables, directory.holding_offer[holding], at_s)
            if _has_caps(tables, version):
                _count_caps_of(tables, lane, version, row // LANES, cycle, item, at_s, visited, rest, act_li)
        holding = directory.holding_next[holding]


@apart
def lowest_cap_li(tables: TariffTables, directory: Directory, row: int, item: int, at_s: int) -> int:
    """Find the lowest cap on an item among the national tariff and the offers held; -1 = none."""
    lowest = _lowest_of(tables, version_at(tables, STANDARD, at_s), item, -1)
    holding = directory.holding_head[row]
    while holding >= 0:
        if directory.holding_from_s[holding] <= at_s < directory.holding_to_s[holding]:
            lowest = _lowest_of(tables, version_at(tables, directory.holding_offer[holding], at_s), item, lowest)
        holding = directory.holding_next[holding]
    return lowest


@compiled
def _lowest_of(tables: TariffTables, version: int, item: int, lowest: int) -> int:
    if version < 0:
        return lowest
    for cap in range(tables.version_cap_first[version], tables.version_cap_first[version + 1]):
        cap_li = tables.cap[cap, CAP_LI]
        if tables.cap_has[cap, item] == 1 and cap_li >= 0 and (lowest < 0 or cap_li < lowest):
            lowest = cap_li
    return lowest
