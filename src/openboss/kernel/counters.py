"""Counters of users and pools over a day, a cycle, a quarter, a year or a contract: units for tiers, money for caps.

A counter is found by its key and its period in the chain of its row; a new period is a new counter, and the old one is
dropped when a later cycle is opened.
"""

from openboss.kernel.compiled import compiled
from openboss.kernel.conditions import DAY_S
from openboss.kernel.periods import first_day
from openboss.kernel.state import Lane
from openboss.kernel.tariffs import BASIS_CONTRACT, BASIS_CYCLE, BASIS_DAY, BASIS_QUARTER, FOREVER_S

PLACES = 1 << 24  # visited areas and countries are below (charging/normalise: a million + country code)
OF_RULE = 1 << 32  # counters of one rule lie above those named by a tariff


@compiled
def counter_key(counter: int, place: int) -> int:
    """Number a counter of one place; place 0 = everywhere."""
    return counter * PLACES + place


@compiled
def period_of(basis: int, cycle: int, at_s: int, contract_from_s: int) -> tuple[int, int]:
    """Name the period an event counts in, and the local second at which it ends.

    cycle  the cycle it is posted to (202610): quarter and year are those of the cycle, the day is that of the event
    """
    if basis == BASIS_DAY:
        return at_s // DAY_S, (at_s // DAY_S + 1) * DAY_S
    if basis == BASIS_CONTRACT:
        return contract_from_s, FOREVER_S
    year, month = cycle // 100, cycle % 100
    if basis == BASIS_CYCLE:
        return cycle, first_day(cycle + 1 if month < 12 else cycle + 89) * DAY_S
    if basis == BASIS_QUARTER:
        quarter = (month - 1) // 3
        after = year * 100 + quarter * 3 + 4 if quarter < 3 else (year + 1) * 100 + 1
        return year * 10 + quarter, first_day(after) * DAY_S
    return year, first_day((year + 1) * 100 + 1) * DAY_S


@compiled
def find_counter(lane: Lane, local_row: int, key: int, period: int) -> int:
    """Find a counter; -1 = nothing was counted yet."""
    node = lane.counter_head[local_row, 0]
    while node >= 0 and (lane.counter_key[node] != key or lane.counter_period[node] != period):
        node = lane.counter_next[node]
    return node


@compiled
def counted(lane: Lane, local_row: int, key: int, period: int) -> int:
    """Read a counter; what was never counted is 0."""
    node = find_counter(lane, local_row, key, period)
    return lane.counter_value[node] if node >= 0 else 0


@compiled
def count(lane: Lane, local_row: int, key: int, period: int, to_s: int, more: int) -> None:
    """Add to a counter; the caller has made room for a new one."""
    node = find_counter(lane, local_row, key, period)
    if node < 0:
        node = lane.counter_count[0]
        lane.counter_count[0] = node + 1
        lane.counter_key[node] = key
        lane.counter_period[node] = period
        lane.counter_to_s[node] = to_s
        lane.counter_value[node] = 0
        lane.counter_next[node] = lane.counter_head[local_row, 0]
        lane.counter_head[local_row, 0] = node
    lane.counter_value[node] += more
