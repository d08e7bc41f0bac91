"""What the charging engine knows of its users, as arrays that compiled code changes in place.

`Directory` is read while usage is rated and changed by commands only: who has which number, offer and group, and when.
`Lane` is what every record changes: free resources left and totals charged. Users are spread over lanes by row, and
lanes share nothing, so that they can be rated side by side and still give the same bytes.

Columns of one pool lie side by side (engine/side_by_side.py): what is known of one user is one line of the cache.
Lists are chains through a `next` array (-1 ends a chain); a chain's head lies with its owner.
"""

from typing import NamedTuple

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.pointed import pointed_rows
from openboss.kernel.tariffs import FOREVER_S

SHORT_NUMBERS = 10**6  # short numbers of closed groups have up to 6 digits (D5.7)
SHORT_NUMBER_BASE = 10**17  # beyond every E.164 number: where short numbers of groups stand among the numbers
CYCLE_SLOTS = 4  # cycles a user's row can hold at once; two are open, the others wait to be read
STANDING = CYCLE_SLOTS  # the chain of free resources that outlive a cycle, behind those of the cycles
LANES = 4


@pointed_rows
class Directory(NamedTuple):
    """Numbers, offers and groups of every user, each with the time in which it holds."""

    number_key: np.ndarray  # i64[2^k], open addressing, 0 = empty
    number_head: np.ndarray  # i32[2^k] into span_*
    imsi_key: np.ndarray
    imsi_head: np.ndarray
    span_row: np.ndarray  # i32: user's row
    span_from_s: np.ndarray  # u32, as all moments here but those of counters: local seconds until the year 2106
    span_to_s: np.ndarray
    span_next: np.ndarray  # i32
    subscriber_id: np.ndarray  # i64[rows]
    holding_head: np.ndarray  # i32[rows] into holding_*, best rank first
    group_head: np.ndarray  # i32[rows] into group_*
    holding_offer: np.ndarray  # i32
    holding_rank: np.ndarray  # i8
    holding_first_month: np.ndarray  # i8
    holding_from_s: np.ndarray
    holding_to_s: np.ndarray
    holding_next: np.ndarray
    group_id: np.ndarray  # i64
    group_kind: np.ndarray  # i8: kernel.usage.ClosedGroup
    group_from_s: np.ndarray
    group_to_s: np.ndarray
    group_pool: np.ndarray  # i32: row that holds what the group shares, -1 = shares nothing
    group_next: np.ndarray
    friend_head: np.ndarray  # i32[rows] into friend_*
    friend_number: np.ndarray  # i64: a number of the user's own choice (friends)
    friend_from_s: np.ndarray
    friend_to_s: np.ndarray
    friend_next: np.ndarray


@pointed_rows
class Lane(NamedTuple):
    """Free resources and totals of the users of one lane. `*_used[0]` is the number of pool places taken."""

    free_head: np.ndarray  # i32[rows of lane, CYCLE_SLOTS + 1]: a chain a cycle, and one of what outlives cycles
    totals_head: np.ndarray  # i32[rows of lane, CYCLE_SLOTS]
    free_rule: np.ndarray  # i32
    free_granted: np.ndarray  # i64
    free_used: np.ndarray  # i64
    free_carried: np.ndarray  # i64: part of granted that came from last month
    free_from_s: np.ndarray
    free_to_s: np.ndarray
    free_by: np.ndarray  # i32: row of the user whose offer gave it: another's than the chain's in a pool
    free_next: np.ndarray  # i32
    free_count: np.ndarray  # i64[1]
    totals_item: np.ndarray  # i16
    totals_rule: np.ndarray  # i32
    totals_calls: np.ndarray  # i64
    totals_seconds: np.ndarray
    totals_units: np.ndarray
    totals_free_units: np.ndarray
    totals_std_li: np.ndarray
    totals_act_li: np.ndarray
    totals_next: np.ndarray  # i32
    totals_count: np.ndarray  # i64[1]
    counter_head: np.ndarray  # i32[rows of lane, 1]
    counter_key: np.ndarray  # i64: kernel.counters.counter_key
    counter_period: np.ndarray  # i64: day, cycle, quarter, year or start of the contract
    counter_to_s: np.ndarray  # i64: end of that period
    counter_value: np.ndarray  # i64: units, or li
    counter_next: np.ndarray  # i32
    counter_count: np.ndarray  # i64[1]


@compiled
def slot_of_key(keys: np.ndarray, key: int) -> int:
    """Find a key's place in an open-addressing table, or the empty place where it belongs."""
    mask = len(keys) - 1
    place = (key * 0x9E3779B97F4A7C15 >> 17) & mask
    while keys[place] != 0 and keys[place] != key:
        place = (place + 1) & mask
    return place


@compiled
def row_at(directory: Directory, keys: np.ndarray, heads: np.ndarray, key: int, at_s: int) -> int:
    """Find the user who has a number (or IMSI) at a local moment.

    Returns the row, -1 if the number is unknown, -2 if it had users but none at that moment or later.
    """
    if key == 0:
        return -1
    span = heads[slot_of_key(keys, key)] if keys[slot_of_key(keys, key)] == key else -1
    answer = -1
    while span >= 0:
        if directory.span_from_s[span] <= at_s < directory.span_to_s[span]:
            return directory.span_row[span]
        if directory.span_to_s[span] <= at_s:
            answer = -2
        span = directory.span_next[span]
    return answer


@compiled
def short_number_key(group_id: int, short_number: int) -> int:
    """Number a short number of a closed group, so that it is looked up like any other number."""
    return SHORT_NUMBER_BASE + group_id * SHORT_NUMBERS + short_number


@compiled
def find_totals(lane: Lane, local_row: int, slot: int, item: int, rule: int) -> int:
    """Find the running total of an item at a price for one user and cycle; -1 = there is none yet."""
    node = lane.totals_head[local_row, slot]
    while node >= 0 and (lane.totals_rule[node] != rule or lane.totals_item[node] != item):
        node = lane.totals_next[node]
    return node


@compiled
def totals_node(lane: Lane, local_row: int, slot: int, item: int, rule: int) -> int:
    """Find the running total of an item at a price for one user and cycle; make it if it is new."""
    node = find_totals(lane, local_row, slot, item, rule)
    if node >= 0:
        return node
    node = lane.totals_count[0]
    lane.totals_count[0] = node + 1
    lane.totals_item[node] = item
    lane.totals_rule[node] = rule
    lane.totals_next[node] = lane.totals_head[local_row, slot]
    lane.totals_head[local_row, slot] = node
    return node


@compiled
def charged_under_cap_li(lane: Lane, local_row: int, slot: int, capped: np.ndarray) -> int:
    """Sum what the items of a cap have cost one user in a cycle so far; capped is u8[items]."""
    total = 0
    node = lane.totals_head[local_row, slot]
    while node >= 0:
        if capped[lane.totals_item[node]] == 1:
            total += lane.totals_act_li[node]
        node = lane.totals_next[node]
    return total


@compiled
def pool_key(group_id: int, kind: int) -> int:
    """Number what a group shares: groups of different kinds have numbers of their own."""
    return group_id * 8 + kind


@compiled
def draws_on_pool(directory: Directory, row: int) -> bool:
    """Say whether a user is, was or will be in a group that shares something."""
    entry = directory.group_head[row]
    while entry >= 0:
        if directory.group_pool[entry] >= 0:
            return True
        entry = directory.group_next[entry]
    return False


@compiled
def is_friend(directory: Directory, row: int, number: int, at_s: int) -> bool:
    """Say whether a number is on a user's own list at a moment."""
    entry = directory.friend_head[row]
    while entry >= 0:
        in_time = directory.friend_from_s[entry] <= at_s < directory.friend_to_s[entry]
        if in_time and directory.friend_number[entry] == number:
            return True
        entry = directory.friend_next[entry]
    return False


@compiled
def pool_at(directory: Directory, row: int, at_s: int) -> int:
    """Find the row of the pool a user draws on at a moment: that of the group joined last; -1 = none."""
    pool, since = -1, -FOREVER_S
    entry = directory.group_head[row]
    while entry >= 0:
        if directory.group_pool[entry] >= 0 and directory.group_from_s[entry] <= at_s < directory.group_to_s[entry]:
            if directory.group_from_s[entry] > since:
                pool, since = directory.group_pool[entry], directory.group_from_s[entry]
        entry = directory.group_next[entry]
    return pool


@compiled
def item_quantity(lane: Lane, local_row: int, slot: int, item: int) -> int:
    """Sum the units of an item one user has had in a cycle, charged and free."""
    total = 0
    node = lane.totals_head[local_row, slot]
    while node >= 0:
        if lane.totals_item[node] == item:
            total += lane.totals_units[node] + lane.totals_free_units[node]
        node = lane.totals_next[node]
    return total
