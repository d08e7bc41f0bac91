"""What a cycle gives: free resources granted, carried over, and forgotten when their time is past.

Kept apart from rating: nothing here runs per record. Rules: D6.3, D6.4, D7.4, docs/algorithms/free-resources.md.
"""

import numpy as np

from openboss.kernel.allowances import grant
from openboss.kernel.compiled import compiled
from openboss.kernel.conditions import DAY_S
from openboss.kernel.periods import month_of, month_start_s, months_later_s
from openboss.kernel.proration import FIRST_MONTH_AS_HELD, FirstMonth, first_month_grant
from openboss.kernel.records import Cycles
from openboss.kernel.state import LANES, STANDING, Directory, Lane, pool_at
from openboss.kernel.tariffs import (
    FOREVER_S,
    FREE_CARRIES,
    FREE_CYCLES,
    FREE_DAYS,
    FREE_INSTALMENTS,
    FREE_MONTHS,
    FREE_ONCE,
    FREE_PRORATES,
    FREE_SHARED,
    TariffTables,
    version_at,
)

_FULL = int(FirstMonth.FULL)


@compiled
def _find_grant(lane: Lane, local_row: int, chain: int, rule: int, from_s: int, by: int) -> int:
    """Find what a user's offer gave under a rule from a moment on; -1 = nothing."""
    node = lane.free_head[local_row, chain]
    while node >= 0:
        same = lane.free_rule[node] == rule and lane.free_from_s[node] == from_s and lane.free_by[node] == by
        if same and lane.free_carried[node] == 0:
            return node
        node = lane.free_next[node]
    return -1


@compiled
def grants_wanted(directory: Directory, tables: TariffTables, rows: np.ndarray, end_s: int, shared: bool) -> int:
    """Count the most free resources that granting a cycle could add, so that the pools are made large enough.

    shared  count only what goes to the pools of groups, which may lie in any lane
    """
    wanted = 0
    for row in rows:
        holding = directory.holding_head[row]
        while holding >= 0:
            offer = directory.holding_offer[holding]
            version = version_at(tables, offer, end_s)
            if version >= 0 and (not shared or tables.offer_shares[offer] == 1):
                first = tables.offer_first[offer]
                wanted += tables.version_grant_first[version + 1] - tables.version_grant_first[first]
            holding = directory.holding_next[holding]
    return wanted


@compiled
def grant_cycle(
    directory: Directory,
    tables: TariffTables,
    cycles: Cycles,
    lanes: tuple[Lane, ...],
    rows: np.ndarray,
    slot: int,
) -> None:
    """Give users the free resources that their offers grant in a cycle.

    A first month is prorated as the holding says (D7.4). What was given already is not given twice.
    """
    start_s, end_s = cycles.start_s[slot], cycles.end_s[slot]
    for row in rows:
        holding = directory.holding_head[row]
        while holding >= 0:
            since_s = directory.holding_from_s[holding]
            from_s = max(start_s, since_s)
            if from_s < min(end_s, directory.holding_to_s[holding]):
                offer = directory.holding_offer[holding]
                version = version_at(tables, offer, from_s)
                _grant_version(directory, tables, lanes, row, holding, version, from_s, start_s, end_s, slot, 0)
                version = version_at(tables, offer, since_s)
                _grant_version(directory, tables, lanes, row, holding, version, since_s, start_s, end_s, slot, 1)
            holding = directory.holding_next[holding]


@compiled
def _first_month(directory: Directory, tables: TariffTables, holding: int, version: int, start_s: int) -> int:
    """Say how the first month of a holding is prorated; a later month is whole."""
    if directory.holding_from_s[holding] <= start_s:
        return _FULL
    mode = tables.version_first_month[version]
    return directory.holding_first_month[holding] if mode == FIRST_MONTH_AS_HELD else mode


@compiled
def _end_s(tables: TariffTables, free: int, from_s: int, end_s: int) -> int:
    """Say until when a free resource given at a moment can be used."""
    if tables.free[free, FREE_DAYS] > 0:
        return from_s + tables.free[free, FREE_DAYS] * DAY_S
    if tables.free[free, FREE_MONTHS] > 0:
        return months_later_s(from_s, tables.free[free, FREE_MONTHS])
    if tables.free[free, FREE_CYCLES] > 0:
        return month_start_s(month_of(from_s) + tables.free[free, FREE_CYCLES])
    return FOREVER_S if tables.free[free, FREE_ONCE] == 1 else end_s


@compiled
def _grant_version(
    directory: Directory,
    tables: TariffTables,
    lanes: tuple[Lane, ...],
    row: int,
    holding: int,
    version: int,
    from_s: int,
    start_s: int,
    end_s: int,
    slot: int,
    once: int,
) -> None:
    """Give what a version of an offer grants: every cycle, or (once = 1) when the offer was taken."""
    if version < 0:
        return
    days_left, days = (end_s - from_s // DAY_S * DAY_S) // DAY_S, (end_s - start_s) // DAY_S
    since_month, month = month_of(directory.holding_from_s[holding]), month_of(start_s)
    for place in range(tables.version_grant_first[version], tables.version_grant_first[version + 1]):
        free = tables.grant_free[place]
        instalments = tables.free[free, FREE_INSTALMENTS]
        if tables.free[free, FREE_ONCE] != once or (instalments > 0 and month - since_month >= instalments):
            continue
        mode = _FULL
        if once == 0 and tables.free[free, FREE_PRORATES] == 1:
            mode = _first_month(directory, tables, holding, version, start_s)
        units = first_month_grant(tables.grant_units[place], mode, days_left, days)
        to_s = min(_end_s(tables, free, from_s, end_s), directory.holding_to_s[holding])
        pool = pool_at(directory, row, from_s) if tables.free[free, FREE_SHARED] == 1 else -1
        _give(tables, lanes, pool if pool >= 0 else row, slot, tables.free_rule[free], units, from_s, to_s, end_s, row)


@compiled
def _give(
    tables: TariffTables,
    lanes: tuple[Lane, ...],
    to_row: int,
    slot: int,
    rule: int,
    units: int,
    from_s: int,
    to_s: int,
    end_s: int,
    by: int,
) -> None:
    """Put a grant into the chain of its cycle, or of what outlives cycles, unless it is there."""
    lane, local_row = lanes[to_row % LANES], to_row // LANES
    known = _find_grant(lane, local_row, slot, rule, from_s, by)
    if known < 0:
        known = _find_grant(lane, local_row, STANDING, rule, from_s, by)
    if known >= 0:
        lane.free_to_s[known] = to_s  # an offer that ends early takes its resources with it
    elif units > 0 and to_s > from_s:
        grant(tables, lane, local_row, STANDING if to_s > end_s else slot, rule, units, 0, from_s, to_s, by)


@compiled
def carry_over(tables: TariffTables, cycles: Cycles, lane: Lane, slot: int, next_slot: int) -> None:
    """Move what is left of carried free resources of a frozen cycle into those that follow (D6.4): once, never twice.

    What ended before the cycle did, with its offer, is lost.
    """
    start_s = cycles.start_s[next_slot]
    for local_row in range(len(lane.free_head)):
        node = lane.free_head[local_row, slot]
        while node >= 0:
            left = lane.free_granted[node] - lane.free_used[node]
            lasted = lane.free_carried[node] == 0 and lane.free_to_s[node] == cycles.end_s[slot]
            carries = tables.free[tables.free_of_rule[lane.free_rule[node]], FREE_CARRIES]
            if left > 0 and lasted and carries > 0:
                chain = next_slot if carries == 1 else STANDING
                to_s = month_start_s(month_of(start_s) + carries)
                rule, by = lane.free_rule[node], lane.free_by[node]
                grant(tables, lane, local_row, chain, rule, left, left, start_s, to_s, by)
            node = lane.free_next[node]


@compiled
def forget_past(lane: Lane, oldest_s: int) -> None:
    """Take free resources and counters whose time ended before any open cycle out of their chains."""
    for local_row in range(len(lane.free_head)):
        before, node = -1, lane.free_head[local_row, STANDING]
        while node >= 0:
            after = lane.free_next[node]
            if lane.free_to_s[node] > oldest_s:
                before = node
            elif before < 0:
                lane.free_head[local_row, STANDING] = after
            else:
                lane.free_next[before] = after
            node = after
    for local_row in range(len(lane.counter_head)):
        before, node = -1, lane.counter_head[local_row, 0]
        while node >= 0:
            after = lane.counter_next[node]
            if lane.counter_to_s[node] > oldest_s:
                before = node
            elif before < 0:
                lane.counter_head[local_row, 0] = after
            else:
                lane.counter_next[before] = after
            node = after
