"""Compiled loops that change the engine's arrays by command: base data, cycles, carry-over.

Kept apart from rating: nothing here runs per record.
"""

import numpy as np

from openboss.kernel.allowances import grant
from openboss.kernel.compiled import compiled
from openboss.kernel.proration import FIRST_MONTH_AS_HELD, FirstMonth, first_month_grant
from openboss.kernel.records import Cycles
from openboss.kernel.state import LANES, Directory, Lane, slot_of_key
from openboss.kernel.tariffs import TariffTables, version_at

DAY_S = 86_400
_FULL = int(FirstMonth.FULL)


@compiled
def add_spans(
    directory: Directory,
    keys: np.ndarray,
    heads: np.ndarray,
    numbers: np.ndarray,
    rows: np.ndarray,
    from_s: np.ndarray,
    to_s: np.ndarray,
    count: int,
) -> tuple[int, int]:
    """Enter who has which number when, from place `count` of the pool on.

    A span that the same row had under the number is replaced. Returns pool places taken and new keys.
    """
    new_keys = 0
    for i in range(len(numbers)):
        place = slot_of_key(keys, numbers[i])
        if keys[place] == 0:
            keys[place] = numbers[i]
            heads[place] = -1
            new_keys += 1
        directory.span_row[count] = rows[i]
        directory.span_from_s[count] = from_s[i]
        directory.span_to_s[count] = to_s[i]
        directory.span_next[count] = heads[place]
        heads[place] = count
        count += 1
    return count, new_keys


@compiled
def drop_spans(
    directory: Directory, keys: np.ndarray, heads: np.ndarray, numbers: np.ndarray, changed: np.ndarray
) -> None:
    """Take the spans of changed rows out of the chains of their numbers, before they are entered anew."""
    for i in range(len(numbers)):
        place = slot_of_key(keys, numbers[i])
        if keys[place] == 0:
            continue
        before, span = -1, heads[place]
        while span >= 0:
            after = directory.span_next[span]
            if changed[directory.span_row[span]] == 1:
                if before < 0:
                    heads[place] = after
                else:
                    directory.span_next[before] = after
            else:
                before = span
            span = after


@compiled
def rehash(keys: np.ndarray, heads: np.ndarray, into_keys: np.ndarray, into_heads: np.ndarray) -> None:
    """Move every key of an open-addressing table into a larger one."""
    for place in range(len(keys)):
        if keys[place] != 0:
            new_place = slot_of_key(into_keys, keys[place])
            into_keys[new_place] = keys[place]
            into_heads[new_place] = heads[place]


@compiled
def add_holdings(
    directory: Directory,
    tables: TariffTables,
    rows: np.ndarray,
    offers: np.ndarray,
    first_month: np.ndarray,
    from_s: np.ndarray,
    to_s: np.ndarray,
    count: int,
) -> int:
    """Enter the offers users hold, best rank first and newest first within a rank; return pool places taken."""
    for i in range(len(rows)):
        known = 0 <= offers[i] < len(tables.offer_rank)
        rank = tables.offer_rank[offers[i]] if known else 127
        directory.holding_offer[count] = offers[i]
        directory.holding_rank[count] = rank
        directory.holding_first_month[count] = first_month[i]
        directory.holding_from_s[count] = from_s[i]
        directory.holding_to_s[count] = to_s[i]
        before, after = -1, directory.holding_head[rows[i]]
        while after >= 0 and (
            directory.holding_rank[after] < rank
            or (directory.holding_rank[after] == rank and directory.holding_from_s[after] > from_s[i])
        ):
            before, after = after, directory.holding_next[after]
        directory.holding_next[count] = after
        if before < 0:
            directory.holding_head[rows[i]] = count
        else:
            directory.holding_next[before] = count
        count += 1
    return count


@compiled
def add_groups(
    directory: Directory,
    rows: np.ndarray,
    groups: np.ndarray,
    kinds: np.ndarray,
    from_s: np.ndarray,
    to_s: np.ndarray,
    count: int,
) -> int:
    """Enter the closed groups users belong to; return pool places taken."""
    for i in range(len(rows)):
        directory.group_id[count] = groups[i]
        directory.group_kind[count] = kinds[i]
        directory.group_from_s[count] = from_s[i]
        directory.group_to_s[count] = to_s[i]
        directory.group_next[count] = directory.group_head[rows[i]]
        directory.group_head[rows[i]] = count
        count += 1
    return count


@compiled
def _find_grant(lane: Lane, local_row: int, slot: int, rule: int, from_s: int) -> int:
    """Find what a row was granted under a rule from a moment on; -1 = nothing."""
    node = lane.free_head[local_row, slot]
    while node >= 0:
        if lane.free_rule[node] == rule and lane.free_from_s[node] == from_s and lane.free_carried[node] == 0:
            return node
        node = lane.free_next[node]
    return -1


@compiled
def grants_wanted(directory: Directory, tables: TariffTables, rows: np.ndarray, end_s: int) -> int:
    """Count the most free resources that granting a cycle could add, so that the pools are made large enough."""
    wanted = 0
    for row in rows:
        holding = directory.holding_head[row]
        while holding >= 0:
            version = version_at(tables, directory.holding_offer[holding], end_s)
            first = 0 if version < 0 else tables.offer_first[directory.holding_offer[holding]]
            for other in range(first, version + 1):
                wanted += tables.version_grant_first[other + 1] - tables.version_grant_first[other]
            holding = directory.holding_next[holding]
    return wanted


@compiled
def grant_cycle(
    directory: Directory,
    tables: TariffTables,
    cycles: Cycles,
    lane: Lane,
    lane_number: int,
    rows: np.ndarray,
    slot: int,
) -> None:
    """Give the rows of one lane the free resources that their offers grant in a cycle.

    A first month is prorated as the holding says (D7.4). What a row has already been given is not given twice.
    """
    start_s, end_s = cycles.start_s[slot], cycles.end_s[slot]
    for row in rows:
        if row % LANES != lane_number:
            continue
        holding = directory.holding_head[row]
        while holding >= 0:
            from_s = max(start_s, directory.holding_from_s[holding])
            if from_s < min(end_s, directory.holding_to_s[holding]):
                version = version_at(tables, directory.holding_offer[holding], from_s)
                mode = tables.version_first_month[version] if version >= 0 else _FULL
                if directory.holding_from_s[holding] <= start_s:
                    mode = _FULL
                elif mode == FIRST_MONTH_AS_HELD:
                    mode = directory.holding_first_month[holding]
                days_left = (end_s - from_s // DAY_S * DAY_S) // DAY_S
                _grant_version(
                    tables,
                    lane,
                    row // LANES,
                    slot,
                    version,
                    mode,
                    days_left,
                    (end_s - start_s) // DAY_S,
                    from_s,
                    min(end_s, directory.holding_to_s[holding]),
                )
            holding = directory.holding_next[holding]


@compiled
def _grant_version(
    tables: TariffTables,
    lane: Lane,
    local_row: int,
    slot: int,
    version: int,
    mode: int,
    days_left: int,
    days_in_month: int,
    from_s: int,
    to_s: int,
) -> None:
    if version < 0:
        return
    for place in range(tables.version_grant_first[version], tables.version_grant_first[version + 1]):
        rule = tables.free_rule[tables.grant_free[place]]
        units = first_month_grant(tables.grant_units[place], mode, days_left, days_in_month)
        known = _find_grant(lane, local_row, slot, rule, from_s)
        if known >= 0:
            lane.free_to_s[known] = to_s  # an offer that ends early takes its resources with it
        elif units > 0:
            grant(tables, lane, local_row, slot, rule, units, 0, from_s, to_s)


@compiled
def carry_over(tables: TariffTables, cycles: Cycles, lane: Lane, slot: int, next_slot: int) -> None:
    """Move what is left of carried free resources of a frozen cycle into the next one (D6.4): once, never twice.

    What ended before the cycle did, with its offer, is lost.
    """
    for local_row in range(len(lane.free_head)):
        node = lane.free_head[local_row, slot]
        while node >= 0:
            left = lane.free_granted[node] - lane.free_used[node]
            free = tables.free_of_rule[lane.free_rule[node]]
            lasted = lane.free_carried[node] == 0 and lane.free_to_s[node] == cycles.end_s[slot]
            if left > 0 and lasted and tables.free_carries[free] == 1:
                start_s, end_s = cycles.start_s[next_slot], cycles.end_s[next_slot]
                grant(tables, lane, local_row, next_slot, lane.free_rule[node], left, left, start_s, end_s)
            node = lane.free_next[node]


@compiled
def count_nodes(heads: np.ndarray, nexts: np.ndarray, slot: int) -> int:
    """Count the chain members of all rows in a cycle slot."""
    counted = 0
    for local_row in range(len(heads)):
        node = heads[local_row, slot]
        while node >= 0:
            counted += 1
            node = nexts[node]
    return counted


@compiled
def list_nodes(
    heads: np.ndarray, nexts: np.ndarray, slot: int, lane_number: int, rows: np.ndarray, nodes: np.ndarray
) -> None:
    """List the chain members of a cycle slot with the directory row each belongs to."""
    place = 0
    for local_row in range(len(heads)):
        node = heads[local_row, slot]
        while node >= 0:
            rows[place] = local_row * LANES + lane_number
            nodes[place] = node
            place += 1
            node = nexts[node]


@compiled
def chain_order(heads: np.ndarray, nexts: np.ndarray, kept: np.ndarray) -> int:
    """List every pool place still in a chain, row by row; return how many (what compaction keeps)."""
    count = 0
    for local_row in range(len(heads)):
        for slot in range(heads.shape[1]):
            node = heads[local_row, slot]
            if node >= 0:
                heads[local_row, slot] = count
            while node >= 0:
                kept[count] = node
                count += 1
                after = nexts[node]
                node = after
    return count
