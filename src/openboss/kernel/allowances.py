"""Free resources: what a plan gives away, in the order in which it is used up.

Source: ACP-10, CHG-30, D6.3 (order), D6.4 (carry-over), D6.5 (measure).
"""

import numpy as np

from openboss.kernel.compiled import compiled, inlined
from openboss.kernel.state import Lane
from openboss.kernel.tariffs import TariffTables

SEVERAL = -1  # stands for the rule when a record used more than two free resources


@compiled
def _used_before(tables: TariffTables, lane: Lane, node: int, other: int) -> bool:
    """Say whether one free resource is used up before another (D6.3)."""
    carried, other_carried = lane.free_carried[node] > 0, lane.free_carried[other] > 0
    if carried != other_carried:
        return carried
    if lane.free_to_s[node] != lane.free_to_s[other]:
        return lane.free_to_s[node] < lane.free_to_s[other]
    free = tables.free_of_rule[lane.free_rule[node]]
    other_free = tables.free_of_rule[lane.free_rule[other]]
    if tables.free_width[free] != tables.free_width[other_free]:
        return tables.free_width[free] < tables.free_width[other_free]
    if tables.free_priority[free] != tables.free_priority[other_free]:
        return tables.free_priority[free] < tables.free_priority[other_free]
    return lane.free_from_s[node] < lane.free_from_s[other]


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
) -> None:
    """Give a user a free resource in a cycle and put it in its place in the order of use."""
    node = lane.free_count[0]
    lane.free_count[0] = node + 1
    lane.free_rule[node] = rule
    lane.free_granted[node] = units
    lane.free_used[node] = 0
    lane.free_carried[node] = carried
    lane.free_from_s[node] = from_s
    lane.free_to_s[node] = to_s
    before = -1
    after = lane.free_head[local_row, slot]
    while after >= 0 and not _used_before(tables, lane, node, after):
        before = after
        after = lane.free_next[after]
    lane.free_next[node] = after
    if before < 0:
        lane.free_head[local_row, slot] = node
    else:
        lane.free_next[before] = node


@inlined
def take_free(
    tables: TariffTables,
    lane: Lane,
    node: int,
    wanted: int,
    cls: int,
    component: int,
    unit: int,
    at_s: int,
    taken_rules: np.ndarray,
    taken_units: np.ndarray,
) -> int:
    """Use up free resources from `node` onwards, in order; return how many units they covered.

    wanted       units of the free resource's measure: charged minutes, messages, KB
    at_s         moment of use, or the start of the cycle for a late record (D4.6)
    taken_*      two places that tell which resources were used: filled on
    """
    covered = 0
    while node >= 0 and covered < wanted:
        free = tables.free_of_rule[lane.free_rule[node]]
        left = lane.free_granted[node] - lane.free_used[node]
        in_time = lane.free_from_s[node] <= at_s < lane.free_to_s[node]
        if left > 0 and in_time and tables.free_unit[free] == unit and tables.free_scope[free, cls, component]:
            units = min(left, wanted - covered)
            lane.free_used[node] += units
            covered += units
            _note(lane.free_rule[node], units, taken_rules, taken_units)
        node = lane.free_next[node]
    return covered


@compiled
def _note(rule: int, units: int, taken_rules: np.ndarray, taken_units: np.ndarray) -> None:
    if taken_rules[0] == 0 or taken_rules[0] == rule:
        taken_rules[0] = rule
        taken_units[0] += units
    else:
        taken_rules[1] = rule if taken_rules[1] == 0 or taken_rules[1] == rule else SEVERAL
        taken_units[1] += units
