"""Discounts at billing time: phases in order, and the best of those that exclude one another (D6).

A user's fees of a month are one row of item amounts in li. Rules change it phase by phase (ACP-22). Inside an
exclusion group only one rule may act: each is tried through all phases and the one that leaves the lowest payable is
kept (D6.10); what was tried is kept too.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openboss.kernel.compiled import allocating
from openboss.kernel.pointed import pointed
from openboss.kernel.rounding import LI_PER_FEN, PPM, floor_share, half_up_share, whole_fen_share_li

MAX_COMBINATIONS = 256
_UNTRIED = -(1 << 62)


class Phase(IntEnum):
    """The steps from usage to the payable amount (D6.1); rules of this file act from ITEM on."""

    FREE_NUMBER = 0
    FREE_RESOURCE = 1
    UNIT_PRICE = 2
    ITEM = 3
    CROSS = 4
    BILL = 5
    CAP = 6
    MINIMUM = 7
    ROUNDING = 8


class Effect(IntEnum):
    """What a rule does to its target items."""

    PERCENT = 1  # value = parts per million off each item
    AMOUNT = 2  # value = li off the sum, in settlement order
    FIXED = 3  # value = li each item costs at most
    CAP = 4  # value = li the items cost together at most
    TIERS = 5  # value unused; the steps say
    MINIMUM = 6  # value = li the counted items must reach


class TierMode(IntEnum):
    """Which part of the volume a reached step prices (D6.7)."""

    MARGINAL = 1
    RETROACTIVE = 2


class Measure(IntEnum):
    """What a tier counts."""

    UNITS = 1
    AMOUNT = 2  # li


@pointed
class DiscountTables(NamedTuple):
    """Rules as arrays, sorted by phase, priority, first day in force, rule id; R rules, I items, G exclusion groups.

    target bool[R, I]; group -1 or 0..G-1; steps of rule r are tier_first[r] to tier_first[r + 1] with tier_above
    rising; group_rules lists the rules of group g from group_first[g] on, by priority, then start;
    cluster_groups lists the groups whose targets overlap, from cluster_first[c] on.
    """

    rule_id: NDArray[np.int64]
    phase: NDArray[np.int64]
    effect: NDArray[np.int64]
    value: NDArray[np.int64]
    target: NDArray[np.bool_]
    group: NDArray[np.int64]
    tier_mode: NDArray[np.int64]
    tier_measure: NDArray[np.int64]
    tier_first: NDArray[np.int64]
    tier_above: NDArray[np.int64]
    tier_off_ppm: NDArray[np.int64]
    group_first: NDArray[np.int64]
    group_rules: NDArray[np.int64]
    cluster_first: NDArray[np.int64]
    cluster_groups: NDArray[np.int64]


class Choices(NamedTuple):
    """What each rule did to each user: user row, rule row, item column (-1 for a rejected alternative), whether it
    was applied, its effect in li (money off is negative), and what the user pays with it."""

    user: NDArray[np.int64]
    rule: NDArray[np.int64]
    item: NDArray[np.int64]
    chosen: NDArray[np.int64]
    effect_li: NDArray[np.int64]
    payable_li: NDArray[np.int64]


# Plain loops: numpy's sum and slice assignment take seconds each to compile.
@allocating
def _sum(values: NDArray[np.int64]) -> int:
    total = 0
    for value in values:
        total += value
    return total


@allocating
def _copy(values: NDArray[np.int64], into: NDArray[np.int64]) -> None:
    for place in range(len(values)):
        into[place] = values[place]


@allocating
def _tier_off_li(tables: DiscountTables, rule: int, amount_li: int, volume_units: int) -> int:
    """Money off one item whose rule counted a volume, rounded half up to fen."""
    first, end = tables.tier_first[rule], tables.tier_first[rule + 1]
    off_li = 0
    for step in range(first, end):
        above = tables.tier_above[step]
        if volume_units <= above:
            break
        if tables.tier_mode[rule] == TierMode.RETROACTIVE:
            off_li = whole_fen_share_li(amount_li, tables.tier_off_ppm[step], PPM)
            continue
        upper = volume_units if step + 1 == end else min(volume_units, tables.tier_above[step + 1])
        in_step_li = half_up_share(amount_li, upper - above, volume_units)
        off_li += whole_fen_share_li(in_step_li, tables.tier_off_ppm[step], PPM)
    return off_li


@allocating
def _apply_cap(target: NDArray[np.bool_], cap_li: int, due_li: NDArray[np.int64]) -> None:
    """Bring the target items down to the cap together, each in proportion, in whole fen that add to the cap."""
    total_li = 0
    for item in range(len(due_li)):
        if target[item] and due_li[item] > 0:
            total_li += due_li[item]
    if total_li <= cap_li:
        return
    before_li = due_li.copy()
    left_li = cap_li
    for item in range(len(due_li)):
        if target[item] and due_li[item] > 0:
            due_li[item] = floor_share(due_li[item], cap_li, total_li * LI_PER_FEN) * LI_PER_FEN
            left_li -= due_li[item]
    # What the fractions leave over goes to the last items of the bill, as far as each was cut.
    for item in range(len(due_li) - 1, -1, -1):
        if target[item] and before_li[item] > 0:
            back_li = min(left_li, before_li[item] - due_li[item])
            due_li[item] += back_li
            left_li -= back_li


@allocating
def _apply(tables: DiscountTables, rule: int, due_li: NDArray[np.int64], units: NDArray[np.int64]) -> None:
    """Let one rule of phases ITEM to CAP act on a user's item amounts; never below zero (D6.2)."""
    effect, value, target = tables.effect[rule], tables.value[rule], tables.target[rule]
    if effect == Effect.CAP:
        _apply_cap(target, value, due_li)
        return
    volume, left_li = 0, value
    if effect == Effect.TIERS:
        for item in range(len(due_li)):
            if target[item]:
                volume += units[item] if tables.tier_measure[rule] == Measure.UNITS else max(due_li[item], 0)
    for item in range(len(due_li)):
        if not target[item] or due_li[item] <= 0:
            continue
        off_li = 0
        if effect == Effect.PERCENT:
            off_li = whole_fen_share_li(due_li[item], value, PPM)
        elif effect == Effect.AMOUNT:
            off_li = min(left_li, due_li[item])
            left_li -= off_li
        elif effect == Effect.FIXED:
            off_li = max(due_li[item] - value, 0)
        elif effect == Effect.TIERS and volume > 0:
            off_li = _tier_off_li(tables, rule, due_li[item], volume)
        due_li[item] -= min(off_li, due_li[item])


@allocating
def _payable_li(
    tables: DiscountTables,
    active: NDArray[np.bool_],
    act_li: NDArray[np.int64],
    units: NDArray[np.int64],
    due_li: NDArray[np.int64],
) -> int:
    """What the user pays after phases ITEM to CAP with these rules; due_li is scratch and holds the result."""
    _copy(act_li, due_li)
    for rule in range(len(active)):
        if active[rule] and tables.phase[rule] <= Phase.CAP:
            _apply(tables, rule, due_li, units)
    return _sum(due_li)


@allocating
def _solve_cluster(
    tables: DiscountTables,
    cluster: int,
    eligible: NDArray[np.bool_],
    active: NDArray[np.bool_],
    act_li: NDArray[np.int64],
    units: NDArray[np.int64],
    due_li: NDArray[np.int64],
    payable_with_li: NDArray[np.int64],
) -> bool:
    """Choose one rule in each group of a cluster: all combinations, or group after group if there are too many.

    Sets active for the chosen rules and payable_with_li for all that were tried. True if every combination was tried.
    Groups list their rules by priority and start, and only a lower payable wins: that decides ties (D6.10).
    """
    rules, first_of = np.empty(len(active), np.int64), np.zeros(len(tables.group_first) + 1, np.int64)
    groups, count, combinations = 0, 0, 1
    for entry in range(tables.cluster_first[cluster], tables.cluster_first[cluster + 1]):
        group = tables.cluster_groups[entry]
        for place in range(tables.group_first[group], tables.group_first[group + 1]):
            if eligible[tables.group_rules[place]]:
                rules[count] = tables.group_rules[place]
                count += 1
        if count > first_of[groups]:
            combinations = min(combinations * (count - first_of[groups]), MAX_COMBINATIONS + 1)
            groups += 1
            first_of[groups] = count
    if groups == 0:
        return True
    if combinations > MAX_COMBINATIONS:
        for group in range(groups):
            _best_of(tables, rules, first_of[group : group + 2], active, act_li, units, due_li, payable_with_li)
        return False
    _best_of(tables, rules, first_of[: groups + 1], active, act_li, units, due_li, payable_with_li)
    return True


@allocating
def _best_of(
    tables: DiscountTables,
    rules: NDArray[np.int64],
    first_of: NDArray[np.int64],
    active: NDArray[np.bool_],
    act_li: NDArray[np.int64],
    units: NDArray[np.int64],
    due_li: NDArray[np.int64],
    payable_with_li: NDArray[np.int64],
) -> None:
    """Try every combination of one rule a group, the first group slowest, and leave the best active."""
    groups = len(first_of) - 1
    pick, best = first_of[:-1].copy(), first_of[:-1].copy()
    best_li = _UNTRIED
    while True:
        for group in range(groups):
            active[rules[pick[group]]] = True
        payable_li = _payable_li(tables, active, act_li, units, due_li)
        for group in range(groups):
            rule = rules[pick[group]]
            active[rule] = False
            if payable_with_li[rule] == _UNTRIED or payable_li < payable_with_li[rule]:
                payable_with_li[rule] = payable_li
        if best_li == _UNTRIED or payable_li < best_li:
            best_li = payable_li
            _copy(pick, best)
        place = groups - 1
        while place >= 0 and pick[place] + 1 == first_of[place + 1]:
            pick[place] = first_of[place]
            place -= 1
        if place < 0:
            break
        pick[place] += 1
    for group in range(groups):
        active[rules[best[group]]] = True


@allocating
def _note(
    rows: NDArray[np.int64], place: int, user: int, rule: int, item: int, chosen: int, effect_li: int, payable_li: int
) -> None:
    rows[place, 0] = user
    rows[place, 1] = rule
    rows[place, 2] = item
    rows[place, 3] = chosen
    rows[place, 4] = effect_li
    rows[place, 5] = payable_li


@allocating
def _grown(rows: NDArray[np.int64], used: int, more: int) -> NDArray[np.int64]:
    if used + more <= len(rows):
        return rows
    wider = np.empty((2 * len(rows) + more, rows.shape[1]), np.int64)
    for row in range(used):
        for column in range(rows.shape[1]):
            wider[row, column] = rows[row, column]
    return wider


@allocating
def _supplement(tables: DiscountTables, active: NDArray[np.bool_], due_li: NDArray[np.int64]) -> tuple[int, int]:
    """The rule with the highest shortfall to its minimum, and the shortfall in li: the higher counts, not the sum."""
    chosen, supplement_li = -1, 0
    for rule in range(len(active)):
        if active[rule] and tables.phase[rule] == Phase.MINIMUM:
            counted_li = 0
            for item in range(len(due_li)):
                if tables.target[rule, item]:
                    counted_li += due_li[item]
            if tables.value[rule] - counted_li > supplement_li:
                chosen, supplement_li = rule, tables.value[rule] - counted_li
    return chosen, supplement_li


@allocating
def discount_users(
    act_li: NDArray[np.int64],
    units: NDArray[np.int64],
    eligible: NDArray[np.bool_],
    tables: DiscountTables,
    supplement_item: int,
) -> tuple[NDArray[np.int64], Choices, int]:
    """Apply the discounts of a month to many users; returns item amounts due, the choices made, and a warning count.

    act_li [U, I]    actual fees after free resources and unit prices, columns in settlement order
    units [U, I]     charged units, for tiers
    eligible [U, R]  which rules a user fulfils, decided at the bill cut (D6.8)
    supplement_item  the column of MIN_SUPPLEMENT (D6.11)
    The warnings count the users whose alternatives were too many to try all (D6.10).
    """
    users, items = act_li.shape
    rules = len(tables.rule_id)
    result_li = act_li.copy()
    out, used, warnings = np.empty((1024, 6), np.int64), 0, 0
    scratch_li, active = np.empty(items, np.int64), np.zeros(rules, np.bool_)
    payable_with_li = np.empty(rules, np.int64)
    for user in range(users):
        any_rule = False
        for rule in range(rules):
            active[rule] = eligible[user, rule] and tables.group[rule] < 0
            any_rule |= eligible[user, rule]
            payable_with_li[rule] = _UNTRIED
        if not any_rule:
            continue
        all_tried = True
        for cluster in range(len(tables.cluster_first) - 1):
            all_tried &= _solve_cluster(
                tables, cluster, eligible[user], active, act_li[user], units[user], scratch_li, payable_with_li
            )
        warnings += not all_tried
        payable_li = _payable_li(tables, active, act_li[user], units[user], scratch_li)
        out = _grown(out, used, rules * (items + 1))
        used = _record(
            tables,
            user,
            eligible[user],
            active,
            act_li[user],
            units[user],
            result_li[user],
            payable_with_li,
            payable_li,
            out,
            used,
        )
        chosen, supplement_li = _supplement(tables, active, result_li[user])
        if chosen >= 0:
            result_li[user, supplement_item] += supplement_li
            _note(out, used, user, chosen, supplement_item, 1, supplement_li, payable_li + supplement_li)
            used += 1
    return (
        result_li,
        Choices(out[:used, 0], out[:used, 1], out[:used, 2], out[:used, 3], out[:used, 4], out[:used, 5]),
        warnings,
    )


@allocating
def _record(
    tables: DiscountTables,
    user: int,
    eligible: NDArray[np.bool_],
    active: NDArray[np.bool_],
    act_li: NDArray[np.int64],
    units: NDArray[np.int64],
    due_li: NDArray[np.int64],
    payable_with_li: NDArray[np.int64],
    payable_li: int,
    out: NDArray[np.int64],
    used: int,
) -> int:
    """Apply the active rules once more and note what each did, item by item, and which alternatives lost."""
    _copy(act_li, due_li)
    for rule in range(len(active)):
        if tables.phase[rule] > Phase.CAP:
            continue
        if active[rule]:
            before_li = due_li.copy()
            _apply(tables, rule, due_li, units)
            for item in range(len(due_li)):
                if due_li[item] != before_li[item]:
                    _note(out, used, user, rule, item, 1, due_li[item] - before_li[item], payable_li)
                    used += 1
        elif eligible[rule] and payable_with_li[rule] != _UNTRIED:
            _note(out, used, user, rule, -1, 0, payable_with_li[rule] - _sum(act_li), payable_with_li[rule])
            used += 1
    return used
