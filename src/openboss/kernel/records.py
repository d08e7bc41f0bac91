"""Rating of usage records against users' state: D4.7, one record after another, in journal order.

No I/O, no clock, no Python objects: columns in, columns out, state changed in place.
"""

import numpy as np

from openboss.kernel.choosing import dearest_li, is_safe, national_price, price_of
from openboss.kernel.columns import Cycles, Rated, Usage
from openboss.kernel.compiled import apart, compiled, compiled_releasing, inlined
from openboss.kernel.components import Part, rate_component
from openboss.kernel.conditions import Asked
from openboss.kernel.prefetch import prefetch
from openboss.kernel.state import (
    CYCLE_SLOTS,
    LANES,
    SHORT_NUMBERS,
    Directory,
    Lane,
    draws_on_pool,
    is_friend,
    pool_at,
    row_at,
    short_number_key,
    totals_node,
)
from openboss.kernel.tariffs import PRICE_ITEM, STANDARD, TariffTables, usage_class, version_at
from openboss.kernel.trace import TRACE_REFUSED, Trace, note, trace_at
from openboss.kernel.usage import CLOSED_GROUPS, ClosedGroup, RecordType, Status

__all__ = ["Cycles", "Rated", "Usage", "find_users", "rate_records"]

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

SOON, NEXT = 16, 8  # how many records ahead memory is asked for: a user's heads, then what the heads lead to


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
def _refuse(rated: Rated, trace: Trace, i: int, error: int) -> None:
    rated.status[i] = _ERROR
    rated.error[i] = error
    note(trace, TRACE_REFUSED, error, 0, 0, 0)


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
        usage.other_number[i],
        usage.other_area[i],
        usage.home_area[i],
        usage.visited_area[i],
        usage.partner[i],
        usage.apn[i],
        usage.rating_group[i],
        usage.sp_code[i],
        usage.service[i],
        friend,
        at_s - usage.band_shift_s[i],
    )


@compiled
def _is_valid_call(usage: Usage, i: int) -> bool:
    """Say whether a record counts as use: a call that lasted no time does not (D3.6)."""
    return usage.duration_s[i] > 0 or not _is_voice(usage, i)


@compiled
def _is_voice(usage: Usage, i: int) -> bool:
    return usage.record_type[i] in (_MOC, _MTC, _FORWARD, _VIDEO)


@compiled
def _rate_free(tables: TariffTables, lane: Lane, usage: Usage, rated: Rated, i: int, national: int, keep: int) -> None:
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
    if usage.info_fee_li[i] != 0 or not (is_safe(tables, usage, i, basic) and is_safe(tables, usage, i, ld)):
        most_li = usage.info_fee_li[i] + dearest_li(tables, directory, asked, trace, usage, row, i, basic)
        if most_li + dearest_li(tables, directory, asked, trace, usage, row, i, ld) > tables.sanity_li:
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
        counts = 0 if counted_call else 1
        part = Part(i, row, slot, component, cls, price, national, pool, keep, counts)
        rate_component(tables, directory, lanes, lane, cycles, usage, rated, asked, trace, part)
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


@inlined
def _ask_for_user(directory: Directory, lanes: tuple[Lane, ...], row: int) -> None:
    """Ask memory for what is first looked at of a user who comes soon."""
    prefetch(directory.holding_head, row)
    prefetch(lanes[row % LANES].free_head, row // LANES)


@inlined
def _ask_for_chains(directory: Directory, lanes: tuple[Lane, ...], row: int, slot: int) -> None:
    """Ask memory for the offers, free resources and totals of a user who comes next, in the cycle of the last one."""
    lane, local_row = lanes[row % LANES], row // LANES
    if directory.holding_head[row] >= 0:
        prefetch(directory.holding_from_s, directory.holding_head[row])
    if lane.free_head[local_row, slot] >= 0:
        prefetch(lane.free_rule, lane.free_head[local_row, slot])
    if lane.totals_head[local_row, slot] >= 0:
        prefetch(lane.totals_rule, lane.totals_head[local_row, slot])


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
    lane_number, slot = 0, 0
    lane = lanes[0]
    for place in range(len(order)):
        i = order[place]
        if place + SOON < len(order) and rated.row[order[place + SOON]] >= 0:
            _ask_for_user(directory, lanes, rated.row[order[place + SOON]])
        if place + NEXT < len(order) and rated.row[order[place + NEXT]] >= 0:
            _ask_for_chains(directory, lanes, rated.row[order[place + NEXT]], slot)
        if rated.status[i] == _ERROR or rated.status[i] == _DUPLICATE:
            continue
        if rated.row[i] % LANES != lane_number:
            lane_number = rated.row[i] % LANES
            lane = lanes[lane_number]
        if tables.counter_room > 0 and not _has_counter_room(tables, directory, lanes, lane, rated.row[i]):
            return place
        _rate_one(tables, directory, lanes, lane, cycles, usage, rated, i, trace, keep)
        slot = rated.slot[i]
    return len(order)
