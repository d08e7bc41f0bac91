"""Small discount tables for tests, written as rules."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openboss.kernel.discounts import Choices, DiscountTables, Effect, Measure, Phase, TierMode, discount_users


@dataclass(frozen=True)
class Rule:
    """One rule of a test."""

    rule_id: int
    phase: Phase
    effect: Effect
    items: tuple[int, ...]
    value: int = 0
    group: int = -1
    priority: int = 50
    mode: TierMode = TierMode.MARGINAL
    measure: Measure = Measure.UNITS
    steps: tuple[tuple[int, int], ...] = field(default=())


def tables_of(rules: list[Rule], items: int, clusters: list[list[int]] | None = None) -> DiscountTables:
    """Compile test rules; groups are independent unless clusters are given."""
    rules = sorted(rules, key=lambda rule: (rule.phase, rule.priority, rule.rule_id))
    groups = max([rule.group for rule in rules], default=-1) + 1
    members = [
        sorted((i for i, rule in enumerate(rules) if rule.group == g), key=lambda i: (rules[i].priority, i))
        for g in range(groups)
    ]
    clusters = [[g] for g in range(groups)] if clusters is None else [[g for g in c if g < groups] for c in clusters]
    target = np.zeros((len(rules), items), np.bool_)
    for row, rule in enumerate(rules):
        target[row, list(rule.items)] = True

    def ints(values: list[int]) -> NDArray[np.int64]:
        return np.array(values, np.int64)

    def starts(lists: list[list[int]]) -> NDArray[np.int64]:
        return np.cumsum([0, *map(len, lists)]).astype(np.int64)

    steps = [list(rule.steps) for rule in rules]
    return DiscountTables(
        rule_id=ints([r.rule_id for r in rules]),
        phase=ints([r.phase for r in rules]),
        effect=ints([r.effect for r in rules]),
        value=ints([r.value for r in rules]),
        target=target,
        group=ints([r.group for r in rules]),
        tier_mode=ints([r.mode for r in rules]),
        tier_measure=ints([r.measure for r in rules]),
        tier_first=starts(steps),
        tier_above=ints([above for step in steps for above, _ in step]),
        tier_off_ppm=ints([off for step in steps for _, off in step]),
        group_first=starts(members),
        group_rules=ints([i for member in members for i in member]),
        cluster_first=starts(clusters),
        cluster_groups=ints([g for cluster in clusters for g in cluster]),
    )


def discount_one(
    act_li: list[int], rules: list[Rule], units: list[int] | None = None, clusters: list[list[int]] | None = None
) -> tuple[list[int], Choices, DiscountTables]:
    """Discount one user who fulfils every rule; the last item is the supplement."""
    tables = tables_of(rules, len(act_li), clusters)
    due_li, choices, _ = discount_users(
        np.array([act_li], np.int64),
        np.array([units or [0] * len(act_li)], np.int64),
        np.ones((1, len(rules)), np.bool_),
        tables,
        len(act_li) - 1,
    )
    return due_li[0].tolist(), choices, tables
