"""Compiled loops that change the engine's arrays by command: base data, pools, chains.

Kept apart from rating: nothing here runs per record.
"""

from typing import NamedTuple

import numpy as np

from openboss.kernel.compiled import allocating, compiled
from openboss.kernel.pointed import pointed_rows
from openboss.kernel.state import LANES, Directory, draws_on_pool, pool_key, slot_of_key
from openboss.kernel.tariffs import TariffTables


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
def add_friends(
    directory: Directory, rows: np.ndarray, numbers: np.ndarray, from_s: np.ndarray, to_s: np.ndarray, count: int
) -> int:
    """Enter the numbers on users' own lists; return pool places taken."""
    for i in range(len(rows)):
        directory.friend_number[count] = numbers[i]
        directory.friend_from_s[count] = from_s[i]
        directory.friend_to_s[count] = to_s[i]
        directory.friend_next[count] = directory.friend_head[rows[i]]
        directory.friend_head[rows[i]] = count
        count += 1
    return count


@allocating
def sharing_groups(directory: Directory, tables: TariffTables, rows: np.ndarray, places: int) -> np.ndarray:
    """List the groups (kernel.state.pool_key) of users who hold an offer that shares something, some of them twice.

    places  how many group entries the users have at most
    """
    found = np.empty(places, np.int64)
    count = 0
    for row in rows:
        if directory.group_head[row] < 0 or not _holds_sharing_offer(directory, tables, row):
            continue
        entry = directory.group_head[row]
        while entry >= 0:
            found[count] = pool_key(directory.group_id[entry], directory.group_kind[entry])
            count += 1
            entry = directory.group_next[entry]
    return found[:count]


@compiled
def _holds_sharing_offer(directory: Directory, tables: TariffTables, row: int) -> bool:
    holding = directory.holding_head[row]
    while holding >= 0:
        offer = directory.holding_offer[holding]
        if 0 <= offer < len(tables.offer_shares) and tables.offer_shares[offer] == 1:
            return True
        holding = directory.holding_next[holding]
    return False


@allocating
def point_to_pools(directory: Directory, keys: np.ndarray, pool_rows: np.ndarray, first: int, end: int) -> None:
    """Let the group entries from `first` to `end` know the row of their group's pool; keys rise."""
    for entry in range(first, end):
        key = pool_key(directory.group_id[entry], directory.group_kind[entry])
        place = np.searchsorted(keys, key)
        known = place < len(keys) and keys[place] == key
        directory.group_pool[entry] = pool_rows[place] if known else -1


@compiled
def mark_who_draws(directory: Directory, rows: np.ndarray, marked: np.ndarray) -> None:
    """Mark those of some users who are or were in a group that has a pool: u8 by row."""
    for row in rows:
        marked[row] = 1 if draws_on_pool(directory, row) else 0


@pointed_rows
class Chains(NamedTuple):
    """Where the chains of all rows begin, and how they go on."""

    heads: np.ndarray  # i32[rows, chains]
    nexts: np.ndarray  # i32


@compiled
def count_nodes(chains: Chains, slot: int) -> int:
    """Count the chain members of all rows in a cycle slot."""
    counted = 0
    for local_row in range(len(chains.heads)):
        node = chains.heads[local_row, slot]
        while node >= 0:
            counted += 1
            node = chains.nexts[node]
    return counted


@compiled
def list_nodes(chains: Chains, slot: int, lane_number: int, rows: np.ndarray, nodes: np.ndarray) -> None:
    """List the chain members of a cycle slot with the directory row each belongs to."""
    place = 0
    for local_row in range(len(chains.heads)):
        node = chains.heads[local_row, slot]
        while node >= 0:
            rows[place] = local_row * LANES + lane_number
            nodes[place] = node
            place += 1
            node = chains.nexts[node]


@compiled
def chain_order(chains: Chains, kept: np.ndarray) -> int:
    """List every pool place still in a chain, row by row; return how many (what compaction keeps)."""
    count = 0
    for local_row in range(len(chains.heads)):
        for slot in range(chains.heads.shape[1]):
            node = chains.heads[local_row, slot]
            if node >= 0:
                chains.heads[local_row, slot] = count
            while node >= 0:
                kept[count] = node
                count += 1
                after = chains.nexts[node]
                node = after
    return count
