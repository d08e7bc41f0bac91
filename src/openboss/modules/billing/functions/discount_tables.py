"""Discount rules as the arrays of the kernel."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openboss.kernel.discounts import DiscountTables, Effect, Measure
from openboss.modules.billing.functions.tariff_of_run import DiscountRule


def tables_of(rules: Sequence[DiscountRule], width: int) -> DiscountTables:
    """Turn discount rules, sorted already, into the kernel's tables for rows of so many item columns."""
    names = sorted({rule.group for rule in rules if rule.group})
    group = [names.index(rule.group) if rule.group else -1 for rule in rules]
    members = [[row for row in range(len(rules)) if group[row] == one] for one in range(len(names))]
    for rows in members:
        rows.sort(key=lambda row: (rules[row].priority, rules[row].from_day, rules[row].rule_id))
    ties = [set(rule.columns) for rule in rules if not rule.group and _looks_at_all(rule)]
    clusters = _overlapping([{column for row in rows for column in rules[row].columns} for rows in members], ties)
    target = np.zeros((len(rules), width), np.bool_)
    for row, rule in enumerate(rules):
        target[row, rule.columns] = True
    return DiscountTables(
        rule_id=_ints([rule.rule_id for rule in rules]),
        phase=_ints([rule.phase for rule in rules]),
        effect=_ints([rule.effect for rule in rules]),
        value=_ints([rule.value for rule in rules]),
        target=target,
        group=_ints(group),
        tier_mode=_ints([rule.tier_mode for rule in rules]),
        tier_measure=_ints([rule.tier_measure for rule in rules]),
        tier_first=_starts([rule.tiers for rule in rules]),
        tier_above=_ints([above for rule in rules for above, _ in rule.tiers]),
        tier_off_ppm=_ints([off for rule in rules for _, off in rule.tiers]),
        group_first=_starts(members),
        group_rules=_ints([row for rows in members for row in rows]),
        cluster_first=_starts(clusters),
        cluster_groups=_ints([one for cluster in clusters for one in cluster]),
    )


def _looks_at_all(rule: DiscountRule) -> bool:
    """Whether what a rule takes off one item depends on what is left of its others."""
    by_amount = rule.effect == Effect.TIERS and rule.tier_measure == Measure.AMOUNT
    return rule.effect in (Effect.CAP, Effect.AMOUNT) or by_amount


def _overlapping(targets: list[set[int]], ties: list[set[int]]) -> list[list[int]]:
    """Gather groups whose target items overlap, or are tied by a rule that looks at both: chosen together (D6.10)."""
    clusters: list[tuple[set[int], list[int]]] = []
    parts = [(columns, [group]) for group, columns in enumerate(targets)] + [(columns, []) for columns in ties]
    for columns, group in parts:
        touched = [cluster for cluster in clusters if cluster[0] & columns]
        merged = (set().union(columns, *(one[0] for one in touched)), [g for one in touched for g in one[1]] + group)
        clusters = [cluster for cluster in clusters if cluster not in touched] + [merged]
    return [sorted(groups) for _, groups in clusters if groups]


def _ints(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _starts(lists: list[Any]) -> NDArray[np.int64]:
    return np.cumsum([0, *map(len, lists)]).astype(np.int64)
