"""One component of one record: free resources first, then the price, then caps, then the totals (D4.7 steps 5-9)."""

from typing import NamedTuple

from openboss.kernel.allowances import take_free, take_from_all
from openboss.kernel.caps import cap_charge
from openboss.kernel.choosing import contract_start_s
from openboss.kernel.columns import Cycles, Rated, Usage
from openboss.kernel.compiled import apart, compiled, inlined
from openboss.kernel.conditions import Asked
from openboss.kernel.counters import count, counted, counter_key, period_of
from openboss.kernel.rating import begun_units, charge_li, quantity_of
from openboss.kernel.state import LANES, STANDING, Directory, Lane, find_totals, item_quantity, totals_node
from openboss.kernel.tariffs import (
    BASIS_CONTRACT,
    BASIS_CYCLE,
    PRICE_BASIS,
    PRICE_BY_PLACE,
    PRICE_COUNTER,
    PRICE_ITEM,
    PRICE_OFFER,
    PRICE_POOLED,
    PRICE_RULE,
    PRICE_SIZE,
    PRICE_UNIT,
    TariffTables,
)
from openboss.kernel.trace import STANDARD_PART, TRACE_MONEY, TRACE_PRICE, TRACE_STANDARD, Trace, note, trace_at
from openboss.kernel.usage import Unit

_SECOND = int(Unit.SECOND)
_MONEY = int(Unit.MONEY)


class Part(NamedTuple):
    """What is rated: a record's component, the user's price and the national one."""

    record: int
    row: int
    slot: int
    component: int
    cls: int  # class of use
    price: int
    national: int
    pool: int  # row the user draws on with others, -1 = none
    keep: int  # 0 = change nothing, only see
    counts: int  # 1 = the record is counted here as one call


class Counted(NamedTuple):
    """How much of a price's period is used already, and where that is kept."""

    before: int
    key: int  # 0 = the units of the totals of the cycle
    period: int
    to_s: int
    is_pools: bool


@compiled
def _quantity(tables: TariffTables, usage: Usage, i: int, price_row: int) -> int:
    """Say how much of a record there is in the measure of a price."""
    volume = usage.up_bytes[i] + usage.down_bytes[i]
    return quantity_of(tables.price[price_row, PRICE_UNIT], usage.duration_s[i], volume, usage.message_count[i])


@compiled
def _standard_li(tables: TariffTables, trace: Trace, lane: Lane, part: Part, start_s: int, quantity: int) -> int:
    """Charge a quantity at the national price; over a cycle it counts everything used so far, free or not."""
    before = 0
    if tables.price[part.national, PRICE_BASIS] == BASIS_CYCLE:
        before = item_quantity(lane, part.row // LANES, part.slot, tables.price[part.national, PRICE_ITEM])
    trace_at(trace, part.record, part.component + STANDARD_PART)
    li, _ = charge_li(tables, trace, part.national, start_s, 0, quantity, before)
    trace_at(trace, part.record, part.component)
    return li


@compiled
def _take(
    tables: TariffTables,
    lanes: tuple[Lane, ...],
    lane: Lane,
    cycles: Cycles,
    usage: Usage,
    rated: Rated,
    asked: Asked,
    trace: Trace,
    part: Part,
    measure: int,
    quantity: int,
) -> tuple[int, int, bool]:
    """Let free resources cover what they can of a quantity, or of money: a user's own, and those of its pool."""
    slot, local_row = part.slot, part.row // LANES
    at_s = max(usage.start_local_s[part.record], cycles.start_s[slot])
    rules, units = rated.free_rule[part.record], rated.free_units[part.record]
    if part.pool < 0 and lane.free_head[local_row, STANDING] < 0:
        head = lane.free_head[local_row, slot]
        return take_free(
            tables, trace, lane, asked, head, quantity, part.cls, part.component, measure, at_s, part.keep, rules,
            units,
        )  # fmt: skip
    pool_row = part.pool // LANES if part.pool >= 0 else -1
    return take_from_all(
        tables, trace, lane, lanes[part.pool % LANES], asked, local_row, pool_row, slot, cycles.cycle[slot],
        cycles.end_s[slot], quantity, part.cls, part.component, measure, at_s, part.keep, rules, units,
    )  # fmt: skip


@apart
def _own_counter(
    tables: TariffTables, directory: Directory, lanes: tuple[Lane, ...], usage: Usage, part: Part, cycle: int
) -> Counted:
    """Find the counter of a price that has one of its own."""
    place = usage.visited_area[part.record] if tables.price[part.price, PRICE_BY_PLACE] == 1 else 0
    basis, at_s, contract_s = tables.price[part.price, PRICE_BASIS], usage.start_local_s[part.record], 0
    if basis == BASIS_CONTRACT:
        contract_s = contract_start_s(directory, part.row, tables.price[part.price, PRICE_OFFER], at_s)
    period, to_s = period_of(basis, cycle, at_s, contract_s)
    key = counter_key(tables.price[part.price, PRICE_COUNTER], place)
    is_pools = tables.price[part.price, PRICE_POOLED] == 1 and part.pool >= 0
    home = part.pool if is_pools else part.row
    return Counted(counted(lanes[home % LANES], home // LANES, key, period), key, period, to_s, is_pools)


@compiled
def _charge(
    tables: TariffTables,
    directory: Directory,
    lanes: tuple[Lane, ...],
    lane: Lane,
    cycles: Cycles,
    usage: Usage,
    rated: Rated,
    asked: Asked,
    trace: Trace,
    part: Part,
    covered: int,
    quantity: int,
    before: int,
) -> tuple[int, int, bool]:
    """Charge what no free resource covered: price, caps, free money. Returns li, units and whether a cap has closed."""
    i, slot = part.record, part.slot
    act_li, units = charge_li(tables, trace, part.price, asked.clock_s, covered, quantity, before)
    act_li, saved_li, closed = cap_charge(
        tables, directory, lane, trace, part.row, slot, cycles.cycle[slot], tables.price[part.price, PRICE_ITEM],
        usage.start_local_s[i], usage.visited_area[i], quantity - covered, act_li, part.keep,
    )  # fmt: skip
    rated.cap_saved_li[i] += saved_li
    if act_li > 0 and tables.free_money == 1:
        money_li, _, _ = _take(tables, lanes, lane, cycles, usage, rated, asked, trace, part, _MONEY, act_li)
        note(trace, TRACE_MONEY, 0, money_li, act_li, act_li - money_li)
        act_li -= money_li
        rated.money_li[i] += money_li
    return act_li, units, closed


@apart
def _count_units(lanes: tuple[Lane, ...], part: Part, so_far: Counted, units: int) -> None:
    """Add units to a price's own counter."""
    home = part.pool if so_far.is_pools else part.row
    count(lanes[home % LANES], home // LANES, so_far.key, so_far.period, so_far.to_s, units)


@inlined
def rate_component(
    tables: TariffTables,
    directory: Directory,
    lanes: tuple[Lane, ...],
    lane: Lane,
    cycles: Cycles,
    usage: Usage,
    rated: Rated,
    asked: Asked,
    trace: Trace,
    part: Part,
) -> None:
    """Rate one component of one record."""
    i, component = part.record, part.component
    unit, item, rule = (
        tables.price[part.price, PRICE_UNIT],
        tables.price[part.price, PRICE_ITEM],
        tables.price[part.price, PRICE_RULE],
    )
    quantity = _quantity(tables, usage, i, part.price)
    trace_at(trace, i, component)
    note(trace, TRACE_PRICE, rule, part.price, part.national, quantity)
    covered, minutes, blocked = _take(tables, lanes, lane, cycles, usage, rated, asked, trace, part, unit, quantity)
    std_quantity = _quantity(tables, usage, i, part.national)
    std_li = _standard_li(tables, trace, lane, part, asked.clock_s, std_quantity)
    so_far = Counted(0, 0, 0, 0, False)
    if tables.price[part.price, PRICE_COUNTER] != 0:
        so_far = _own_counter(tables, directory, lanes, usage, part, cycles.cycle[part.slot])
    node = find_totals(lane, part.row // LANES, part.slot, item, rule)
    before = so_far.before if so_far.key != 0 or node < 0 else lane.totals_units[node]
    act_li, units = 0, 0
    if quantity > covered and not blocked:
        act_li, units, blocked = _charge(
            tables, directory, lanes, lane, cycles, usage, rated, asked, trace, part, covered, quantity, before
        )
    if part.keep == 1:
        free_units = minutes if unit == _SECOND else covered
        if node < 0:
            node = totals_node(lane, part.row // LANES, part.slot, item, rule)
        lane.totals_units[node] += units
        lane.totals_free_units[node] += free_units
        lane.totals_std_li[node] += std_li
        lane.totals_act_li[node] += act_li
        lane.totals_calls[node] += part.counts
        lane.totals_seconds[node] += usage.duration_s[i] * part.counts
        if so_far.key != 0:
            _count_units(lanes, part, so_far, units)
    rated.item[i, component] = item
    rated.rule[i, component] = rule
    rated.units[i, component] = begun_units(std_quantity, tables.price[part.national, PRICE_SIZE])
    rated.std_li[i, component] = std_li
    rated.act_li[i, component] = act_li
    rated.rest[i, component] = quantity - covered
    if blocked and quantity > covered:
        rated.blocked[i] = 1
    note(trace, TRACE_STANDARD, rated.units[i, component], std_li, act_li, 0)
