"""Free resources: what a plan gives away, in the order in which it is used up.

Source: ACP-10, CHG-30, D6.3 (order), D6.4 (carry-over), D6.5 (measure). Worked: docs/algorithms/free-resources.md.
"""

import numpy as np

from openboss.kernel.compiled import apart, compiled
from openboss.kernel.conditions import Asked, holds
from openboss.kernel.counters import OF_RULE, count, counted, counter_key
from openboss.kernel.state import STANDING, Lane
from openboss.kernel.tariffs import (
    COVER_CONDITION,
    COVER_FACTOR_DEN,
    COVER_FACTOR_NUM,
    COVER_NEXT,
    FREE_BLOCKS,
    FREE_MEASURE,
    FREE_PER_USER,
    FREE_PRIORITY,
    FREE_SIZE,
    FREE_SPEED,
    FREE_SPEED_END,
    FREE_WIDTH,
    TariffTables,
)
from openboss.kernel.trace import TRACE_FREE, TRACE_SLOW, Trace, note

SEVERAL = -1  # stands for the rule when a record used more than two free resources


@compiled
def used_before(tables: TariffTables, lane: Lane, node: int, other_lane: Lane, other: int) -> bool:
    """Say whether one free resource is used up before another (D6.3)."""
    carried, other_carried = lane.free_carried[node] > 0, other_lane.free_carried[other] > 0
    if carried != other_carried:
        return carried
    if lane.free_to_s[node] != other_lane.free_to_s[other]:
        return lane.free_to_s[node] < other_lane.free_to_s[other]
    free = tables.free_of_rule[lane.free_rule[node]]
    other_free = tables.free_of_rule[other_lane.free_rule[other]]
    if tables.free[free, FREE_WIDTH] != tables.free[other_free, FREE_WIDTH]:
        return tables.free[free, FREE_WIDTH] < tables.free[other_free, FREE_WIDTH]
    if tables.free[free, FREE_PRIORITY] != tables.free[other_free, FREE_PRIORITY]:
        return tables.free[free, FREE_PRIORITY] < tables.free[other_free, FREE_PRIORITY]
    return lane.free_from_s[node] < other_lane.free_from_s[other]


@compiled
def grant(
    tables: TariffTables,
    lane: Lane,
    local_row: int,
    slot: int,
    rule: int,
    units: int,
    carried: int,
    from_s: int,
    to_s: int,
    by: int,
) -> None:
    """Give a row a free resource in a cycle and put it in its place in the order of use.

    by  row of the user whose offer gives it (another's than the chain's where it is shared)
    """
    node = lane.free_count[0]
    lane.free_count[0] = node + 1
    lane.free_rule[node] = rule
    lane.free_granted[node] = units
    lane.free_used[node] = 0
    lane.free_carried[node] = carried
    lane.free_from_s[node] = from_s
    lane.free_to_s[node] = to_s
    lane.free_by[node] = by
    before = -1
    after = lane.free_head[local_row, slot]
    while after >= 0 and not used_before(tables, lane, node, lane, after):
        before = after
        after = lane.free_next[after]
    lane.free_next[node] = after
    if before < 0:
        lane.free_head[local_row, slot] = node
    else:
        lane.free_next[before] = node


@compiled
def cover_of(tables: TariffTables, asked: Asked, free: int, cls: int, component: int) -> int:
    """Find the part of a free resource's scope that covers an event; -1 = none does."""
    cover = tables.free_scope[free, cls, component]
    while cover >= 0 and not holds(tables, asked, tables.cover[cover, COVER_CONDITION]):
        cover = tables.cover[cover, COVER_NEXT]
    return cover


@compiled
def speed_kbps(tables: TariffTables, free: int, used: int) -> int:
    """Say to how many kbit/s the network slows a user who has used so much of a resource; 0 = full speed."""
    kbps = 0
    for row in range(tables.free[free, FREE_SPEED], tables.free[free, FREE_SPEED_END]):
        if used >= tables.speed_from[row]:
            kbps = tables.speed_kbps[row]
    return kbps


@compiled
def covers_part(
    tables: TariffTables, asked: Asked, lane: Lane, node: int, measure: int, cls: int, component: int, at_s: int
) -> int:
    """Find the part of a granted resource's scope that an event falls into, be it used up or not; -1 = none."""
    free = tables.free_of_rule[lane.free_rule[node]]
    if tables.free[free, FREE_MEASURE] != measure or not lane.free_from_s[node] <= at_s < lane.free_to_s[node]:
        return -1
    return cover_of(tables, asked, free, cls, component)


@compiled
def units_for(tables: TariffTables, free: int, cover: int, quantity: int) -> int:
    """Count the units of a free resource that a quantity uses up; a begun unit is used whole."""
    size = tables.cover[cover, COVER_FACTOR_DEN] * tables.free[free, FREE_SIZE]
    return (quantity * tables.cover[cover, COVER_FACTOR_NUM] + size - 1) // size


@compiled
def _take_one(
    tables: TariffTables,
    trace: Trace,
    lane: Lane,
    node: int,
    cover: int,
    most_units: int,
    quantity: int,
    keep: int,
) -> tuple[int, int]:
    """Let one free resource cover what it can of a quantity; return units taken and quantity covered."""
    free = tables.free_of_rule[lane.free_rule[node]]
    left = max(min(lane.free_granted[node] - lane.free_used[node], most_units), 0)
    units = min(left, units_for(tables, free, cover, quantity))
    size = tables.free[free, FREE_SIZE] * tables.cover[cover, COVER_FACTOR_DEN]
    covered = min(quantity, units * size // tables.cover[cover, COVER_FACTOR_NUM])
    if covered <= 0:
        return 0, 0
    lane.free_used[node] += units * keep
    note(trace, TRACE_FREE, lane.free_rule[node], units, covered, left - units)
    if tables.free[free, FREE_SPEED] < tables.free[free, FREE_SPEED_END]:
        used = lane.free_used[node]
        note(trace, TRACE_SLOW, lane.free_rule[node], used, speed_kbps(tables, free, used), 0)
    return units, covered


@compiled
def take_free(
    tables: TariffTables,
    trace: Trace,
    lane: Lane,
    asked: Asked,
    node: int,
    quantity: int,
    cls: int,
    component: int,
    measure: int,
    at_s: int,
    keep: int,
    taken_rules: np.ndarray,
    taken_units: np.ndarray,
) -> tuple[int, int, bool]:
    """Use up a user's own free resources from `node` onwards, in order.

    quantity  seconds, messages, KB, events or li to cover
    at_s      moment of use, or the start of the cycle for a late record (D4.6)
    keep      1, or 0 to change nothing and only see
    taken_*   two places that tell which resources were used: filled on
    Returns the quantity covered, the same in begun minutes if it is seconds, and whether what is left is blocked.
    """
    covered, minutes, blocked = 0, 0, False
    while node >= 0 and covered < quantity:
        free = tables.free_of_rule[lane.free_rule[node]]
        has_left = lane.free_granted[node] > lane.free_used[node]
        if has_left or tables.free[free, FREE_BLOCKS] == 1:
            cover = covers_part(tables, asked, lane, node, measure, cls, component, at_s)
            if cover >= 0:
                blocked = blocked or tables.free[free, FREE_BLOCKS] == 1
                if has_left:
                    most, wanted = lane.free_granted[node], quantity - covered
                    units, part = _take_one(tables, trace, lane, node, cover, most, wanted, keep)
                    covered += part
                    minutes += (part + 59) // 60
                    name_taken(lane.free_rule[node], units, taken_rules, taken_units)
        node = lane.free_next[node]
    return covered, minutes, blocked


@compiled
def _sooner(tables: TariffTables, lane: Lane, node: int, other: int) -> bool:
    """Say whether the first of two chains of one row goes on with `node`; either may be at its end."""
    return other < 0 or (node >= 0 and used_before(tables, lane, node, lane, other))


@apart
def take_from_all(
    tables: TariffTables,
    trace: Trace,
    lane: Lane,
    pool_lane: Lane,
    asked: Asked,
    local_row: int,
    pool_row: int,
    slot: int,
    cycle: int,
    cycle_end_s: int,
    quantity: int,
    cls: int,
    component: int,
    measure: int,
    at_s: int,
    keep: int,
    taken_rules: np.ndarray,
    taken_units: np.ndarray,
) -> tuple[int, int, bool]:
    """The same for a user who has resources that outlive cycles, or draws on a pool: up to four chains in one order.

    pool_row  row in the pool's lane, -1 = no pool. A user's own part of a shared resource is counted by cycle.
    """
    covered, minutes, blocked = 0, 0, False
    own, standing = lane.free_head[local_row, slot], lane.free_head[local_row, STANDING]
    shared, shared_standing = -1, -1
    if pool_row >= 0:
        shared, shared_standing = pool_lane.free_head[pool_row, slot], pool_lane.free_head[pool_row, STANDING]
    while covered < quantity:
        mine = own if _sooner(tables, lane, own, standing) else standing
        theirs = shared if _sooner(tables, pool_lane, shared, shared_standing) else shared_standing
        if mine < 0 and theirs < 0:
            break
        of_pool = mine < 0 or (theirs >= 0 and used_before(tables, pool_lane, theirs, lane, mine))
        here, at = (pool_lane, theirs) if of_pool else (lane, mine)
        rule = here.free_rule[at]
        free = tables.free_of_rule[rule]
        cover = covers_part(tables, asked, here, at, measure, cls, component, at_s)
        if cover >= 0:
            blocked = blocked or tables.free[free, FREE_BLOCKS] == 1
            is_limited = of_pool and tables.free[free, FREE_PER_USER] >= 0
            key, most = counter_key(OF_RULE + np.int64(rule), 0), here.free_granted[at]
            if is_limited:
                most = tables.free[free, FREE_PER_USER] - counted(lane, local_row, key, cycle)
            units, part = _take_one(tables, trace, here, at, cover, most, quantity - covered, keep)
            covered += part
            minutes += (part + 59) // 60
            name_taken(rule, units, taken_rules, taken_units)
            if is_limited and keep == 1:
                count(lane, local_row, key, cycle, cycle_end_s, units)
        if at == own and not of_pool:
            own = lane.free_next[own]
        elif not of_pool:
            standing = lane.free_next[standing]
        elif at == shared:
            shared = pool_lane.free_next[shared]
        else:
            shared_standing = pool_lane.free_next[shared_standing]
    return covered, minutes, blocked


@compiled
def name_taken(rule: int, units: int, taken_rules: np.ndarray, taken_units: np.ndarray) -> None:
    """Note which free resource a record used, if any: two by name, the rest together."""
    if units == 0:
        return
    if taken_rules[0] == 0 or taken_rules[0] == rule:
        taken_rules[0] = rule
        taken_units[0] += units
    else:
        taken_rules[1] = rule if taken_rules[1] == 0 or taken_rules[1] == rule else SEVERAL
        taken_units[1] += units
