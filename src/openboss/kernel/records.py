"""Rating of usage records against users' state: D4.7, one record after another, in journal order.

No I/O, no clock, no Python objects: columns in, columns out, state changed in place.
"""

from typing import NamedTuple

import numpy as np

from openboss.kernel.allowances import take_free
from openboss.kernel.compiled import compiled, compiled_releasing, inlined
from openboss.kernel.rating import begun_units, charge_li, quantity_of
from openboss.kernel.state import (
    CYCLE_SLOTS,
    LANES,
    SHORT_NUMBERS,
    Directory,
    Lane,
    item_charged_li,
    item_quantity,
    row_at,
    short_number_key,
    totals_node,
)
from openboss.kernel.tariffs import BASIS_CYCLE, TariffTables, usage_class, version_at
from openboss.kernel.usage import ClosedGroup, RecordType, Status, Unit

_SECOND = int(Unit.SECOND)
_MIN = int(Unit.MIN)
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
STANDARD = 0  # offer id of the national tariff


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
                    if best == _NO_GROUP or kind < best:
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
            if row_at(directory, directory.number_key, directory.number_head, key, at_s) >= 0:
                if best == _NO_GROUP or kind < best:
                    best = kind
        mine = directory.group_next[mine]
    return best


@compiled
def national_price(tables: TariffTables, cls: int, component: int, at_s: int) -> int:
    """Find the national price of a component; -1 = the component does not exist for this use (D4.7 step 5)."""
    standard = version_at(tables, STANDARD, at_s)
    return tables.price_map[tables.version_map[standard], cls, component] if standard >= 0 else -1


@compiled
def price_of(
    tables: TariffTables, directory: Directory, row: int, cls: int, component: int, at_s: int, national: int
) -> int:
    """Find the price a user pays: of the offers held in order of rank, else the national one."""
    if national < 0:
        return -1
    holding = directory.holding_head[row]
    while holding >= 0:
        if directory.holding_from_s[holding] <= at_s < directory.holding_to_s[holding]:
            version = version_at(tables, directory.holding_offer[holding], at_s)
            if version >= 0 and tables.version_map[version] >= 0:
                price = tables.price_map[tables.version_map[version], cls, component]
                if price >= 0:
                    return price
        holding = directory.holding_next[holding]
    return national


@compiled
def cap_of(tables: TariffTables, directory: Directory, row: int, item: int, at_s: int) -> int:
    """Find the lowest cap on an item among the national tariff and the offers held; -1 = none (D6.6)."""
    standard = version_at(tables, STANDARD, at_s)
    lowest = tables.version_cap_li[standard, item] if standard >= 0 else -1
    holding = directory.holding_head[row]
    while holding >= 0:
        if directory.holding_from_s[holding] <= at_s < directory.holding_to_s[holding]:
            version = version_at(tables, directory.holding_offer[holding], at_s)
            cap = tables.version_cap_li[version, item] if version >= 0 else -1
            if cap >= 0 and (lowest < 0 or cap < lowest):
                lowest = cap
        holding = directory.holding_next[holding]
    return lowest


@compiled
def _refuse(rated: Rated, i: int, error: int) -> None:
    rated.status[i] = _ERROR
    rated.error[i] = error


@inlined
def _standard_li(
    tables: TariffTables, lane: Lane, local_row: int, slot: int, price_row: int, start_s: int, units: int
) -> int:
    """Charge units at the national price; over a cycle it counts everything used so far, free or not."""
    before = 0
    if tables.price_basis[price_row] == BASIS_CYCLE:
        before = item_quantity(lane, local_row, slot, tables.price_item[price_row])
    return charge_li(tables, price_row, start_s, units, before)


@inlined
def _rate_component(
    tables: TariffTables,
    directory: Directory,
    lane: Lane,
    usage: Usage,
    rated: Rated,
    i: int,
    component: int,
    cls: int,
    national: int,
    price_row: int,
    slot_start_s: int,
) -> None:
    """Rate one component of one record: free resources first, then the price, then the cap (D4.7 steps 5-9)."""
    row, slot = rated.row[i], rated.slot[i]
    local_row = row // LANES
    at_s = usage.start_local_s[i]
    start_s = at_s - usage.band_shift_s[i]
    volume = usage.up_bytes[i] + usage.down_bytes[i]
    unit = tables.price_unit[price_row]
    quantity = quantity_of(unit, usage.duration_s[i], volume, usage.message_count[i])
    wanted = begun_units(quantity, 60) if unit == _SECOND else quantity
    covered = take_free(
        tables,
        lane,
        lane.free_head[local_row, slot],
        wanted,
        cls,
        component,
        _MIN if unit == _SECOND else unit,
        max(at_s, slot_start_s),
        rated.free_rule[i],
        rated.free_units[i],
    )
    covered_quantity = min(quantity, covered * 60) if unit == _SECOND else covered
    rest = begun_units(quantity - covered_quantity, tables.price_unit_size[price_row])
    rest_start_s = start_s + covered_quantity if unit == _SECOND else start_s
    std_units = begun_units(quantity, tables.price_unit_size[national])
    std_li = _standard_li(tables, lane, local_row, slot, national, start_s, std_units)
    item = tables.price_item[price_row]
    node = totals_node(lane, local_row, slot, item, tables.price_rule[price_row])
    act_li = charge_li(tables, price_row, rest_start_s, rest, lane.totals_units[node])
    if act_li > 0:
        cap_li = cap_of(tables, directory, row, item, at_s)
        if cap_li >= 0:
            allowed_li = max(0, cap_li - item_charged_li(lane, local_row, slot, item))
            rated.cap_saved_li[i] += max(0, act_li - allowed_li)
            act_li = min(act_li, allowed_li)
    lane.totals_units[node] += rest
    lane.totals_free_units[node] += covered
    lane.totals_std_li[node] += std_li
    lane.totals_act_li[node] += act_li
    rated.item[i, component] = item
    rated.rule[i, component] = tables.price_rule[price_row]
    rated.units[i, component] = std_units
    rated.std_li[i, component] = std_li
    rated.act_li[i, component] = act_li


@compiled
def _count_call(lane: Lane, usage: Usage, rated: Rated, i: int, item: int, rule: int) -> None:
    """Count one valid record at an item; free ones stand at rule 0 (CHG-17..19)."""
    node = totals_node(lane, rated.row[i] // LANES, rated.slot[i], item, rule)
    lane.totals_calls[node] += 1
    lane.totals_seconds[node] += usage.duration_s[i]


@inlined
def _post_information(tables: TariffTables, lane: Lane, usage: Usage, rated: Rated, i: int) -> None:
    """Take over a fee that the network or a provider has already worked out (ARC-21)."""
    item = tables.info_item[usage.record_type[i]]
    fee_li = usage.info_fee_li[i]
    node = totals_node(lane, rated.row[i] // LANES, rated.slot[i], item, 0)
    lane.totals_units[node] += 1
    lane.totals_std_li[node] += fee_li
    lane.totals_act_li[node] += fee_li
    rated.item[i, 2] = item
    rated.std_li[i, 2] = fee_li
    rated.act_li[i, 2] = fee_li


@inlined
def _dearest_li(tables: TariffTables, directory: Directory, usage: Usage, row: int, i: int, basic: int, ld: int) -> int:
    """Add up the most one record can cost its user, as if no free resource were left (for E504)."""
    total = usage.info_fee_li[i]
    volume = usage.up_bytes[i] + usage.down_bytes[i]
    for price in (basic, ld):
        if price >= 0:
            quantity = quantity_of(tables.price_unit[price], usage.duration_s[i], volume, usage.message_count[i])
            units = begun_units(quantity, tables.price_unit_size[price])
            li = charge_li(tables, price, usage.start_local_s[i], units, 0)
            if li > tables.sanity_li:
                cap_li = cap_of(tables, directory, row, tables.price_item[price], usage.start_local_s[i])
                li = min(li, cap_li) if cap_li >= 0 else li
            total += li
    return total


@inlined
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
def _is_valid_call(usage: Usage, i: int) -> bool:
    """Say whether a record counts as use: a call that lasted no time does not (D3.6)."""
    return usage.duration_s[i] > 0 or not _is_voice(usage, i)


@compiled
def _is_voice(usage: Usage, i: int) -> bool:
    return usage.record_type[i] in (_MOC, _MTC, _FORWARD, _VIDEO)


@inlined
def _rate_free(tables: TariffTables, lane: Lane, usage: Usage, rated: Rated, i: int, national: int) -> None:
    """Post a record that costs nothing but counts (CHG-17, CHG-18)."""
    item = tables.price_item[national] if national >= 0 else tables.info_item[usage.record_type[i]]
    rated.status[i] = _FREE
    rated.item[i, 0] = item
    if _is_valid_call(usage, i):
        _count_call(lane, usage, rated, i, item, 0)


@inlined
def _rate_one(
    tables: TariffTables, directory: Directory, lane: Lane, cycles: Cycles, usage: Usage, rated: Rated, i: int
) -> None:
    row, at_s = rated.row[i], usage.start_local_s[i]
    slot = posting_slot(cycles, at_s)
    if slot < 0:
        _refuse(rated, i, E_CYCLE_NOT_OPEN)
        return
    rated.slot[i] = slot
    cls = _class_of(directory, usage, row, i)
    national = (national_price(tables, cls, 0, at_s), national_price(tables, cls, 1, at_s))
    short_ld = _is_voice(usage, i) and usage.ld_type[i] != 0 and usage.duration_s[i] < LD_FREE_BELOW_S
    if usage.free_number[i] != 0 or short_ld:
        _rate_free(tables, lane, usage, rated, i, national[0] if national[0] >= 0 else national[1])
        return
    if national[0] < 0 and national[1] < 0 and usage.info_fee_li[i] == 0:
        _refuse(rated, i, E_NO_PRICE)
        return
    basic = price_of(tables, directory, row, cls, 0, at_s, national[0])
    ld = price_of(tables, directory, row, cls, 1, at_s, national[1])
    if _dearest_li(tables, directory, usage, row, i, basic, ld) > tables.sanity_li:
        _refuse(rated, i, E_SANITY)
        return
    rated.status[i] = _RATED
    counted = not _is_valid_call(usage, i)
    for component in range(2):
        price = basic if component == 0 else ld
        if price < 0:
            continue
        _rate_component(
            tables, directory, lane, usage, rated, i, component, cls, national[component], price, cycles.start_s[slot]
        )
        if not counted:
            _count_call(lane, usage, rated, i, tables.price_item[price], tables.price_rule[price])
            counted = True
    if usage.info_fee_li[i] != 0:
        _post_information(tables, lane, usage, rated, i)
        if not counted:
            _count_call(lane, usage, rated, i, rated.item[i, 2], 0)


_MOC = int(RecordType.MOC)
_MTC = int(RecordType.MTC)
_FORWARD = int(RecordType.CALL_FORWARD)
_VIDEO = int(RecordType.VIDEO_CALL)


@compiled_releasing
def rate_records(
    tables: TariffTables,
    directory: Directory,
    lane: Lane,
    cycles: Cycles,
    usage: Usage,
    rated: Rated,
    order: np.ndarray,
) -> None:
    """Rate the records of one lane.

    order  i64[k]: places of the lane's records in the chunk, in journal order
    A record that already has the status ERROR or DUPLICATE is passed over. The caller has made room in the lane's
    pools for 4 new totals a record.
    """
    for place in range(len(order)):
        i = order[place]
        if rated.status[i] == _ERROR or rated.status[i] == _DUPLICATE:
            continue
        _rate_one(tables, directory, lane, cycles, usage, rated, i)
