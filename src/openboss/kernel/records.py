"""Rating of usage records against users' state: D4.7, one record after another, in journal order.

No I/O, no clock, no Python objects: columns in, columns out, state changed in place.
"""

from typing import NamedTuple

import numpy as np

from openboss.kernel.allowances import take_free, take_from_all
from openboss.kernel.caps import cap_charge, lowest_cap_li
from openboss.kernel.compiled import apart, compiled, compiled_releasing, inlined
from openboss.kernel.conditions import Asked, holds
from openboss.kernel.counters import count, counted, counter_key, period_of
from openboss.kernel.rating import begun_units, charge_li, prices_of, quantity_of
from openboss.kernel.state import (
    CYCLE_SLOTS,
    LANES,
    SHORT_NUMBERS,
    STANDING,
    Directory,
    Lane,
    draws_on_pool,
    find_totals,
    is_friend,
    item_quantity,
    pool_at,
    row_at,
    short_number_key,
    totals_node,
)
from openboss.kernel.tariffs import (
    BASIS_CONTRACT,
    BASIS_CYCLE,
    CHOICE_CONDITION,
    CHOICE_NEXT,
    CHOICE_PRICE,
    PRICE_AT_LEAST,
    PRICE_BASIS,
    PRICE_BOUND_LI,
    PRICE_BOUND_NUM,
    PRICE_BY_PLACE,
    PRICE_COUNTER,
    PRICE_DEN,
    PRICE_ITEM,
    PRICE_OFFER,
    PRICE_POOLED,
    PRICE_RULE,
    PRICE_SIZE,
    PRICE_UNIT,
    STANDARD,
    TariffTables,
    usage_class,
    version_at,
)
from openboss.kernel.trace import (
    STANDARD_PART,
    TRACE_MONEY,
    TRACE_PRICE,
    TRACE_REFUSED,
    TRACE_STANDARD,
    Trace,
    note,
    trace_at,
)
from openboss.kernel.usage import CLOSED_GROUPS, ClosedGroup, RecordType, Status, Unit

_SECOND = int(Unit.SECOND)
_MONEY = int(Unit.MONEY)
_RATED = int(Status.RATED)
_FREE = int(Status.FREE)
_ERROR = int(Status.ERROR)
_DUPLICATE = int(Status.DUPLICATE)
_NO_GROUP = int(ClosedGroup.NONE)

E_UNKNOWN_USER = 301
E_TERMINATED = 305
E_IMSI_MISMATCH = 306
E_NO_PRICE = 501
E_SANITY = 504
E_CYCLE_NOT_OPEN = 505

LD_FREE_BELOW_S = 3  # CHG-17


class Usage(NamedTuple):
    """Columns of a chunk that rating reads (charging/schema.py NORMALISED)."""

    record_type: np.ndarray
    served_number: np.ndarray
    served_imsi: np.ndarray
    other_number: np.ndarray
    start_local_s: np.ndarray
    duration_s: np.ndarray
    up_bytes: np.ndarray
    down_bytes: np.ndarray
    message_count: np.ndarray
    roam_type: np.ndarray
    ld_type: np.ndarray
    other_net: np.ndarray
    free_number: np.ndarray
    band_shift_s: np.ndarray
    info_fee_li: np.ndarray
    home_area: np.ndarray
    visited_area: np.ndarray
    other_area: np.ndarray
    sp_code: np.ndarray
    service: np.ndarray
    apn: np.ndarray
    rating_group: np.ndarray
    partner: np.ndarray


class Rated(NamedTuple):
    """Columns that rating writes (charging/schema.py RATED), one place a record."""

    row: np.ndarray  # i32: user's row in the directory, negative = not found
    status: np.ndarray
    error: np.ndarray  # i16: D4.2 code, 0 = none
    slot: np.ndarray  # i8: cycle slot it was posted to
    item: np.ndarray  # i16[n, 3]: basic, long distance, information
    units: np.ndarray  # i64[n, 2]: in units of the standard price
    std_li: np.ndarray  # i64[n, 3]
    act_li: np.ndarray  # i64[n, 3]
    rule: np.ndarray  # i32[n, 2]
    free_rule: np.ndarray  # i32[n, 2]
    free_units: np.ndarray  # i64[n, 2]
    cap_saved_li: np.ndarray
    money_li: np.ndarray  # i64: paid by free money, part of what act_li would have been
    rest: np.ndarray  # i64[n, 2]: quantity that no free resource covered
    blocked: np.ndarray  # i8: 1 = a resource or a cap allows no more: refuse online


class Cycles(NamedTuple):
    """The cycles that rows have room for. An empty slot has start = end = 0."""

    cycle: np.ndarray  # i32[CYCLE_SLOTS]: 202610
    start_s: np.ndarray  # i64
    end_s: np.ndarray
    is_open: np.ndarray  # u8: takes records; frozen ones do not


@compiled_releasing
def find_users(directory: Directory, usage: Usage, rated: Rated, first: int, last: int) -> None:
    """Find the user of every record by number, or by IMSI where the record has no number (D4.7 step 1)."""
    for i in range(first, last):
        at_s = usage.start_local_s[i]
        by_number = row_at(directory, directory.number_key, directory.number_head, usage.served_number[i], at_s)
        by_imsi = row_at(directory, directory.imsi_key, directory.imsi_head, usage.served_imsi[i], at_s)
        row = by_number if usage.served_number[i] != 0 else by_imsi
        rated.row[i] = row
        if row < 0:
            rated.status[i] = _ERROR
            rated.error[i] = E_TERMINATED if row == -2 else E_UNKNOWN_USER
        elif by_imsi >= 0 and by_imsi != row:
            rated.status[i] = _ERROR
            rated.error[i] = E_IMSI_MISMATCH


@inlined
def posting_slot(cycles: Cycles, at_s: int) -> int:
    """Choose the cycle a record is posted to: its own month, or the oldest open one if that is closed (D4.6)."""
    oldest = -1
    for slot in range(CYCLE_SLOTS):
        if cycles.is_open[slot] == 0:
            continue
        if cycles.start_s[slot] <= at_s < cycles.end_s[slot]:
            return slot
        if cycles.start_s[slot] > at_s and (oldest < 0 or cycles.start_s[slot] < cycles.start_s[oldest]):
            oldest = slot
    return oldest


@compiled
def shared_group(directory: Directory, row: int, other: int, at_s: int) -> int:
    """Say which kind of closed group two users share at a moment; family before VPMN."""
    best = _NO_GROUP
    mine = directory.group_head[row]
    while mine >= 0:
        if directory.group_from_s[mine] <= at_s < directory.group_to_s[mine]:
            theirs = directory.group_head[other]
            while theirs >= 0:
                same = directory.group_id[theirs] == directory.group_id[mine]
                if same and directory.group_from_s[theirs] <= at_s < directory.group_to_s[theirs]:
                    kind = directory.group_kind[mine]
                    if kind < CLOSED_GROUPS and (best == _NO_GROUP or kind < best):
                        best = kind
                theirs = directory.group_next[theirs]
        mine = directory.group_next[mine]
    return best


@compiled
def group_of_short_number(directory: Directory, row: int, dialled: int, at_s: int) -> int:
    """Say which kind of closed group of a user has a member under a short number at a moment (D5.7)."""
    best = _NO_GROUP
    mine = directory.group_head[row]
    while mine >= 0:
        if directory.group_from_s[mine] <= at_s < directory.group_to_s[mine]:
            key = short_number_key(directory.group_id[mine], dialled)
            kind = directory.group_kind[mine]
            if row_at(directory, directory.number_key, directory.number_head, key, at_s) >= 0 and kind < CLOSED_GROUPS:
                if best == _NO_GROUP or kind < best:
                    best = kind
        mine = directory.group_next[mine]
    return best


@compiled
def chosen_price(tables: TariffTables, asked: Asked, price_map: int, cls: int, component: int) -> int:
    """Find the first price of a version that an event fulfils; -1 = none."""
    cell = tables.price_map[price_map, cls, component]
    while cell < -1:
        choice = -2 - cell
        if holds(tables, asked, tables.choice[choice, CHOICE_CONDITION]):
            return tables.choice[choice, CHOICE_PRICE]
        cell = tables.choice[choice, CHOICE_NEXT]
    return cell


@compiled
def national_price(tables: TariffTables, asked: Asked, standard: int, cls: int, component: int) -> int:
    """Find the national price of a component; -1 = the component does not exist for this use (D4.7 step 5)."""
    if standard < 0 or tables.version_map[standard] < 0:
        return -1
    return chosen_price(tables, asked, tables.version_map[standard], cls, component)


@compiled
def price_of(
    tables: TariffTables,
    directory: Directory,
    asked: Asked,
    row: int,
    cls: int,
    component: int,
    at_s: int,
    national: int,
) -> int:
    """Find the price a user pays: of the offers held in order of rank, else the national one."""
    if national < 0:
        return -1
    holding = directory.holding_head[row]
    while holding >= 0:
        if directory.holding_from_s[holding] <= at_s < directory.holding_to_s[holding]:
            version = version_at(tables, directory.holding_offer[holding], at_s)
            if version >= 0 and tables.version_map[version] >= 0:
                price = chosen_price(tables, asked, tables.version_map[version], cls, component)
                if price >= 0:
                    return price
        holding = directory.holding_next[holding]
    return national


@compiled
def _contract_start_s(directory: Directory, row: int, offer: int, at_s: int) -> int:
    """Say since when a user has held an offer at a moment."""
    holding = directory.holding_head[row]
    while holding >= 0:
        if directory.holding_offer[holding] == offer:
            if directory.holding_from_s[holding] <= at_s < directory.holding_to_s[holding]:
                return directory.holding_from_s[holding]
        holding = directory.holding_next[holding]
    return 0


@compiled
def _refuse(rated: Rated, trace: Trace, i: int, error: int) -> None:
    rated.status[i] = _ERROR
    rated.error[i] = error
    note(trace, TRACE_REFUSED, error, 0, 0, 0)


@compiled
def _standard_li(
    tables: TariffTables,
    trace: Trace,
    lane: Lane,
    local_row: int,
    slot: int,
    price_row: int,
    start_s: int,
    quantity: int,
) -> int:
    """Charge a quantity at the national price; over a cycle it counts everything used so far, free or not."""
    before = 0
    if tables.price[price_row, PRICE_BASIS] == BASIS_CYCLE:
        before = item_quantity(lane, local_row, slot, tables.price[price_row, PRICE_ITEM])
    li, _ = charge_li(prices_of(tables), trace, price_row, start_s, 0, quantity, before)
    return li


@apart
def _period_counter(
    tables: TariffTables, directory: Directory, usage: Usage, i: int, row: int, price_row: int, cycle: int
) -> tuple[int, int, int]:
    """Name the counter of a price over a period: key, period and where the period ends."""
    place = usage.visited_area[i] if tables.price[price_row, PRICE_BY_PLACE] == 1 else 0
    basis, at_s, contract_s = tables.price[price_row, PRICE_BASIS], usage.start_local_s[i], 0
    if basis == BASIS_CONTRACT:
        contract_s = _contract_start_s(directory, row, tables.price[price_row, PRICE_OFFER], at_s)
    period, to_s = period_of(basis, cycle, at_s, contract_s)
    return counter_key(tables.price[price_row, PRICE_COUNTER], place), period, to_s


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
    i: int,
    component: int,
    cls: int,
    measure: int,
    quantity: int,
    pool: int,
    keep: int,
) -> tuple[int, int, bool]:
    """Let free resources cover what they can of a quantity, or of money: a user's own, and those of its pool."""
    slot, local_row = rated.slot[i], rated.row[i] // LANES
    at_s = max(usage.start_local_s[i], cycles.start_s[slot])
    rules, units = rated.free_rule[i], rated.free_units[i]
    if pool < 0 and lane.free_head[local_row, STANDING] < 0:
        head = lane.free_head[local_row, slot]
        return take_free(
            tables, trace, lane, asked, head, quantity, cls, component, measure, at_s, keep, rules, units
        )
    pool_row = pool // LANES if pool >= 0 else -1
    return take_from_all(
        tables, trace, lane, lanes[pool % LANES], asked, local_row, pool_row, slot, cycles.cycle[slot],
        cycles.end_s[slot], quantity, cls, component, measure, at_s, keep, rules, units,
    )  # fmt: skip


@inlined
def _rate_component(
    tables: TariffTables,
    directory: Directory,
    lanes: tuple[Lane, ...],
    lane: Lane,
    cycles: Cycles,
    usage: Usage,
    rated: Rated,
    asked: Asked,
    trace: Trace,
    i: int,
    component: int,
    cls: int,
    national: int,
    price_row: int,
    pool: int,
    keep: int,
) -> None:
    """Rate one component of one record: free resources first, then the price, then caps (D4.7 steps 5-9)."""
    row, slot = rated.row[i], rated.slot[i]
    local_row = row // LANES
    unit, item, rule = (
        tables.price[price_row, PRICE_UNIT],
        tables.price[price_row, PRICE_ITEM],
        tables.price[price_row, PRICE_RULE],
    )
    quantity = quantity_of(
        unit, usage.duration_s[i], usage.up_bytes[i] + usage.down_bytes[i], usage.message_count[i]
    )
    trace_at(trace, i, component)
    note(trace, TRACE_PRICE, rule, price_row, national, quantity)
    covered, minutes, blocked = _take(
        tables, lanes, lane, cycles, usage, rated, asked, trace, i, component, cls, unit, quantity, pool, keep
    )  # fmt: skip
    std_quantity = quantity_of(
        tables.price[national, PRICE_UNIT],
        usage.duration_s[i],
        usage.up_bytes[i] + usage.down_bytes[i],
        usage.message_count[i],
    )
    trace_at(trace, i, component + STANDARD_PART)
    std_li = _standard_li(tables, trace, lane, local_row, slot, national, asked.clock_s, std_quantity)
    trace_at(trace, i, component)
    node = find_totals(lane, local_row, slot, item, rule)
    counter = tables.price[price_row, PRICE_COUNTER]
    before, key, period, to_s = 0, 0, 0, 0
    counts_pool = counter != 0 and tables.price[price_row, PRICE_POOLED] == 1 and pool >= 0
    if counter != 0:
        key, period, to_s = _period_counter(tables, directory, usage, i, row, price_row, cycles.cycle[slot])
        if counts_pool:
            before = counted(lanes[pool % LANES], pool // LANES, key, period)
        else:
            before = counted(lane, local_row, key, period)
    elif node >= 0:
        before = lane.totals_units[node]
    act_li, rest = 0, quantity - covered
    units = 0
    if rest > 0 and not blocked:
        act_li, units = charge_li(prices_of(tables), trace, price_row, asked.clock_s, covered, quantity, before)
        act_li, saved_li, closed = cap_charge(
            tables, directory, lane, trace, row, slot, cycles.cycle[slot], item, usage.start_local_s[i],
            usage.visited_area[i], rest, act_li, keep,
        )  # fmt: skip
        rated.cap_saved_li[i] += saved_li
        blocked = closed
        if act_li > 0 and tables.free_money == 1:
            money_li, _, _ = _take(
                tables, lanes, lane, cycles, usage, rated, asked, trace, i, component, cls, _MONEY, act_li, pool, keep
            )  # fmt: skip
            note(trace, TRACE_MONEY, 0, money_li, act_li, act_li - money_li)
            act_li -= money_li
            rated.money_li[i] += money_li
    if keep == 1:
        if counts_pool:
            count(lanes[pool % LANES], pool // LANES, key, period, to_s, units)
        elif counter != 0:
            count(lane, local_row, key, period, to_s, units)
        node = totals_node(lane, local_row, slot, item, rule)
        lane.totals_units[node] += units
        lane.totals_free_units[node] += minutes if unit == _SECOND else covered
        lane.totals_std_li[node] += std_li
        lane.totals_act_li[node] += act_li
    rated.item[i, component] = item
    rated.rule[i, component] = rule
    rated.units[i, component] = begun_units(std_quantity, tables.price[national, PRICE_SIZE])
    rated.std_li[i, component] = std_li
    rated.act_li[i, component] = act_li
    rated.rest[i, component] = rest
    if blocked:
        rated.blocked[i] = 1
    note(trace, TRACE_STANDARD, rated.units[i, component], std_li, act_li, 0)


@compiled
def _count_call(lane: Lane, usage: Usage, rated: Rated, i: int, item: int, rule: int) -> None:
    """Count one valid record at an item; free ones stand at rule 0 (CHG-17..19)."""
    node = totals_node(lane, rated.row[i] // LANES, rated.slot[i], item, rule)
    lane.totals_calls[node] += 1
    lane.totals_seconds[node] += usage.duration_s[i]


@compiled
def _post_information(tables: TariffTables, lane: Lane, usage: Usage, rated: Rated, i: int, keep: int) -> None:
    """Take over a fee that the network or a provider has already worked out (ARC-21)."""
    item = tables.info_item[usage.record_type[i]]
    fee_li = usage.info_fee_li[i]
    if keep == 1:
        node = totals_node(lane, rated.row[i] // LANES, rated.slot[i], item, 0)
        lane.totals_units[node] += 1
        lane.totals_std_li[node] += fee_li
        lane.totals_act_li[node] += fee_li
    rated.item[i, 2] = item
    rated.std_li[i, 2] = fee_li
    rated.act_li[i, 2] = fee_li


@compiled
def _dearest_li(
    tables: TariffTables,
    directory: Directory,
    asked: Asked,
    trace: Trace,
    usage: Usage,
    row: int,
    i: int,
    price_row: int,
) -> int:
    """Say the most one component of a record can cost its user, as if no free resource were left (for E504).

    A bound by the dearest unit comes first; only a record that might be too dear is worked out.
    """
    if price_row < 0:
        return 0
    volume = usage.up_bytes[i] + usage.down_bytes[i]
    quantity = quantity_of(
        tables.price[price_row, PRICE_UNIT], usage.duration_s[i], volume, usage.message_count[i]
    )
    at_least = max(quantity, tables.price[price_row, PRICE_AT_LEAST])
    units = begun_units(at_least, tables.price[price_row, PRICE_SIZE])
    bound_li = units * tables.price[price_row, PRICE_BOUND_NUM] // tables.price[price_row, PRICE_DEN] + 1
    bound_li += tables.price[price_row, PRICE_BOUND_LI]
    if bound_li + usage.info_fee_li[i] <= tables.sanity_li // 2:
        return bound_li
    return _worked_out_li(tables, directory, asked, trace, usage, row, i, price_row, quantity)


@apart
def _worked_out_li(
    tables: TariffTables,
    directory: Directory,
    asked: Asked,
    trace: Trace,
    usage: Usage,
    row: int,
    i: int,
    price_row: int,
    quantity: int,
) -> int:
    mark = trace.count[0]
    li, _ = charge_li(prices_of(tables), trace, price_row, asked.clock_s, 0, quantity, 0)
    if len(trace.rows) > 0:
        trace.count[0] = mark
    if li > tables.sanity_li:
        cap_li = lowest_cap_li(tables, directory, row, tables.price[price_row, PRICE_ITEM], usage.start_local_s[i])
        li = min(li, cap_li) if cap_li >= 0 else li
    return li


@compiled
def _class_of(directory: Directory, usage: Usage, row: int, i: int) -> int:
    """Number a record's class of use, with the closed group both parties share."""
    group = _NO_GROUP
    if directory.group_head[row] >= 0:
        at_s, dialled = usage.start_local_s[i], usage.other_number[i]
        if 0 < dialled < SHORT_NUMBERS:
            group = group_of_short_number(directory, row, dialled, at_s)
        else:
            other = row_at(directory, directory.number_key, directory.number_head, dialled, at_s)
            if other >= 0:
                group = shared_group(directory, row, other, at_s)
    return usage_class(usage.record_type[i], usage.roam_type[i], usage.ld_type[i], usage.other_net[i], group)


@compiled
def _asked_of(directory: Directory, usage: Usage, row: int, i: int) -> Asked:
    """Gather what conditions look at."""
    at_s = usage.start_local_s[i]
    friend = 0
    if directory.friend_head[row] >= 0 and is_friend(directory, row, usage.other_number[i], at_s):
        friend = 1
    return Asked(
        np.int64(usage.other_number[i]),
        np.int64(usage.other_area[i]),
        np.int64(usage.home_area[i]),
        np.int64(usage.visited_area[i]),
        np.int64(usage.partner[i]),
        np.int64(usage.apn[i]),
        np.int64(usage.rating_group[i]),
        np.int64(usage.sp_code[i]),
        np.int64(usage.service[i]),
        np.int64(friend),
        np.int64(at_s - usage.band_shift_s[i]),
    )


@compiled
def _is_valid_call(usage: Usage, i: int) -> bool:
    """Say whether a record counts as use: a call that lasted no time does not (D3.6)."""
    return usage.duration_s[i] > 0 or not _is_voice(usage, i)


@compiled
def _is_voice(usage: Usage, i: int) -> bool:
    return usage.record_type[i] in (_MOC, _MTC, _FORWARD, _VIDEO)


@compiled
def _rate_free(
    tables: TariffTables, lane: Lane, usage: Usage, rated: Rated, i: int, national: int, keep: int
) -> None:
    """Post a record that costs nothing but counts (CHG-17, CHG-18)."""
    item = tables.price[national, PRICE_ITEM] if national >= 0 else tables.info_item[usage.record_type[i]]
    rated.status[i] = _FREE
    rated.item[i, 0] = item
    if keep == 1 and _is_valid_call(usage, i):
        _count_call(lane, usage, rated, i, item, 0)


@inlined
def _rate_one(
    tables: TariffTables,
    directory: Directory,
    lanes: tuple[Lane, ...],
    lane: Lane,
    cycles: Cycles,
    usage: Usage,
    rated: Rated,
    i: int,
    trace: Trace,
    keep: int,
) -> None:
    row, at_s = rated.row[i], usage.start_local_s[i]
    trace_at(trace, i, -1)
    slot = posting_slot(cycles, at_s)
    if slot < 0:
        _refuse(rated, trace, i, E_CYCLE_NOT_OPEN)
        return
    rated.slot[i] = slot
    cls = _class_of(directory, usage, row, i)
    asked = _asked_of(directory, usage, row, i)
    standard = version_at(tables, STANDARD, at_s)
    national_basic = national_price(tables, asked, standard, cls, 0)
    national_ld = national_price(tables, asked, standard, cls, 1)
    short_ld = _is_voice(usage, i) and usage.ld_type[i] != 0 and usage.duration_s[i] < LD_FREE_BELOW_S
    if usage.free_number[i] != 0 or short_ld:
        _rate_free(tables, lane, usage, rated, i, national_basic if national_basic >= 0 else national_ld, keep)
        return
    if national_basic < 0 and national_ld < 0 and usage.info_fee_li[i] == 0:
        _refuse(rated, trace, i, E_NO_PRICE)
        return
    basic = price_of(tables, directory, asked, row, cls, 0, at_s, national_basic)
    ld = price_of(tables, directory, asked, row, cls, 1, at_s, national_ld)
    dearest_li = usage.info_fee_li[i] + _dearest_li(tables, directory, asked, trace, usage, row, i, basic)
    if dearest_li + _dearest_li(tables, directory, asked, trace, usage, row, i, ld) > tables.sanity_li:
        _refuse(rated, trace, i, E_SANITY)
        return
    rated.status[i] = _RATED
    pool = pool_at(directory, row, at_s) if directory.group_head[row] >= 0 else -1
    counted_call = keep == 0 or not _is_valid_call(usage, i)
    for component in range(2):
        price = basic if component == 0 else ld
        if price < 0:
            continue
        national = national_basic if component == 0 else national_ld
        _rate_component(
            tables, directory, lanes, lane, cycles, usage, rated, asked, trace, i, component, cls, national, price,
            pool, keep,
        )  # fmt: skip
        if not counted_call:
            _count_call(lane, usage, rated, i, tables.price[price, PRICE_ITEM], tables.price[price, PRICE_RULE])
            counted_call = True
    if usage.info_fee_li[i] != 0:
        _post_information(tables, lane, usage, rated, i, keep)
        if not counted_call:
            _count_call(lane, usage, rated, i, rated.item[i, 2], 0)


_MOC = int(RecordType.MOC)
_MTC = int(RecordType.MTC)
_FORWARD = int(RecordType.CALL_FORWARD)
_VIDEO = int(RecordType.VIDEO_CALL)


@apart
def _has_counter_room(
    tables: TariffTables, directory: Directory, lanes: tuple[Lane, ...], lane: Lane, row: int
) -> bool:
    """Say whether the lanes a record may count in have room for all it can count."""
    if not draws_on_pool(directory, row):
        return lane.counter_count[0] + tables.counter_room <= len(lane.counter_key)
    for number in range(LANES):
        if lanes[number].counter_count[0] + tables.counter_room > len(lanes[number].counter_key):
            return False
    return True


@compiled_releasing
def rate_records(
    tables: TariffTables,
    directory: Directory,
    lanes: tuple[Lane, ...],
    cycles: Cycles,
    usage: Usage,
    rated: Rated,
    order: np.ndarray,
    trace: Trace,
    keep: int,
) -> int:
    """Rate records, one after another; return how many before room for new counters ran out.

    order  i64[k]: places of the records in the chunk, in journal order. Calls that run side by side must be about
           different lanes (row % LANES), and users of a pool must be in no call that runs beside another.
    trace  kernel.trace: where the reasons go; NO_TRACE for none
    keep   1, or 0 to leave the state as it is and only see what the records would cost, each by itself
    A record that already has the status ERROR or DUPLICATE is passed over. The caller has made room in the pools of
    every lane for 4 new totals a record.
    """
    lane_number = 0
    lane = lanes[0]
    for place in range(len(order)):
        i = order[place]
        if rated.status[i] == _ERROR or rated.status[i] == _DUPLICATE:
            continue
        if rated.row[i] % LANES != lane_number:
            lane_number = rated.row[i] % LANES
            lane = lanes[lane_number]
        if tables.counter_room > 0 and not _has_counter_room(tables, directory, lanes, lane, rated.row[i]):
            return place
        _rate_one(tables, directory, lanes, lane, cycles, usage, rated, i, trace, keep)
    return len(order)
