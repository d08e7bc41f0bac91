"""Users as rows of the kernel: one a row, or together with those a rule gives one discount for all of them.

A rule for an account, a family or a unit acts on the items of all its users as if they were one user's. Then the row is
as wide as its users together, each user's own rules stand in it once for each, and the kernel decides as ever: phases
in order, the best of what excludes one another (D6).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openboss.kernel.discounts import Choices, Phase, discount_users
from openboss.kernel.families import families
from openboss.modules.billing.functions.conditions import Month
from openboss.modules.billing.functions.discount_tables import tables_of
from openboss.modules.billing.functions.tariff_of_run import SUPPLEMENT, DiscountRule

CHOICES = pl.Schema(
    {
        "subscriber_id": pl.Int64,
        "rule_id": pl.Int32,
        "item_id": pl.Int16,
        "phase": pl.Int16,
        "chosen": pl.Boolean,
        "effect_li": pl.Int64,
        "payable_li": pl.Int64,
    }
)
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def discount_month(month: Month, units: Ints, eligible: Flags) -> tuple[Ints, pl.DataFrame, int]:
    """Apply the discounts of a month: what is due [users, items], the choices (schema CHOICES), users not exact.

    units  i64[users, items]: units charged for;  eligible  bool[users, rules]
    """
    rules, tariff = month.tariff.discounts, month.tariff
    together = np.array([rule.to != "USER" for rule in rules], np.bool_)
    own = eligible & ~together
    shared = eligible & together
    due_li, first, warnings = _one_by_one(month, month.act_li, units, own)
    if not shared.any():
        return due_li, first, warnings
    pools = list(_pools(month, shared))
    pooled = sorted({user for users, _ in pools for user in users})
    ids = month.users["subscriber_id"].to_numpy()
    found = [first.filter(~pl.col("subscriber_id").is_in(ids[pooled].tolist()))]
    minimum = np.array([rule.phase == Phase.MINIMUM for rule in rules], np.bool_)
    for users, keys in pools:
        due_li[users], choices, inexact = _Row(month, users, keys, own, shared, units).discounted()
        found.append(choices)
        warnings += inexact
    if (own & minimum)[pooled].any():
        only = np.zeros_like(own)
        only[pooled] = (own & minimum)[pooled]
        filled_li, choices, _ = _one_by_one(month, due_li, units, only)
        due_li[pooled] = filled_li[pooled]
        found.append(choices)
    for users, keys in pools:
        found.append(_fill_up(month, users, keys, shared & minimum, due_li, tariff.columns[SUPPLEMENT]))
    return due_li, pl.concat(found), warnings


def _one_by_one(month: Month, act_li: Ints, units: Ints, eligible: Flags) -> tuple[Ints, pl.DataFrame, int]:
    tariff, ids = month.tariff, month.users["subscriber_id"].to_numpy()
    tables = tables_of(tariff.discounts, len(tariff.items))
    due_li, choices, warnings = discount_users(act_li, units, eligible, tables, tariff.columns[SUPPLEMENT])
    item_ids = np.array([item.item_id for item in tariff.items], np.int16)
    items = np.where(choices.item < 0, 0, item_ids[choices.item])
    return due_li, _framed(ids[choices.user], items, tariff.discounts, choices.rule, choices), int(warnings)


def _framed(users: Ints, items: Ints, rules: Sequence[DiscountRule], places: Ints, choices: Choices) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "subscriber_id": users,
            "rule_id": [rules[place].rule_id for place in places],
            "item_id": items,
            "phase": [int(rules[place].phase) for place in places],
            "chosen": choices.chosen.astype(np.bool_),
            "effect_li": choices.effect_li,
            "payable_li": choices.payable_li,
        },
        schema=CHOICES,
    )


def _pools(month: Month, shared: Flags) -> Iterator[tuple[list[int], dict[str, Ints]]]:
    """Name the users of each row: those tied by the scopes of rules that somebody of them fulfils."""
    scopes = {rule.to for place, rule in enumerate(month.tariff.discounts) if shared[:, place].any()}
    keys = {scope: month.keys_of(scope) for scope in sorted(scopes)}
    count = month.users.height
    one, other = [], []
    concerned = np.zeros(count, np.bool_)
    for scope, key in keys.items():
        _, group = np.unique(key, return_inverse=True)
        leader = np.full(group.max(initial=0) + 1, count, np.int64)
        np.minimum.at(leader, group, np.arange(count))
        one.append(np.arange(count))
        other.append(leader[group])
        asked = [place for place, rule in enumerate(month.tariff.discounts) if rule.to == scope]
        brings = shared[:, asked].any(axis=1)
        concerned |= np.isin(group, group[brings])
    label = families(count, np.concatenate(one), np.concatenate(other))
    users_of: dict[int, list[int]] = defaultdict(list)
    for user in range(count):
        users_of[int(label[user])].append(user)
    for users in users_of.values():
        if concerned[users].any():
            yield users, keys


class _Row:
    """Some users as one row: their used items side by side in settlement order, their rules once for each."""

    def __init__(
        self, month: Month, users: list[int], keys: dict[str, Ints], own: Flags, shared: Flags, units: Ints
    ) -> None:
        self.month, self.users, self.units = month, users, units[users]
        used = (month.act_li[users] != 0) | (self.units != 0)
        self.cells = [(item, at) for item in range(used.shape[1]) for at in range(len(users)) if used[at, item]]
        self.rules: list[DiscountRule] = []
        self.origin: list[tuple[int, int]] = []  # rule, and the user it is for: of a shared one the first
        for place, rule in enumerate(month.tariff.discounts):
            if rule.phase == Phase.MINIMUM:
                continue
            if rule.to == "USER":
                for at, user in enumerate(users):
                    if own[user, place]:
                        self._add(rule, place, [at], f"/{at}")
                continue
            for key in _brought(users, keys, rule, shared[:, place]):
                self._add(rule, place, [at for at, user in enumerate(users) if keys[rule.to][user] == key], f"/{key}")

    def _add(self, rule: DiscountRule, place: int, ats: list[int], suffix: str) -> None:
        targets, mine = set(rule.columns), set(ats)
        columns = [column for column, (item, at) in enumerate(self.cells) if item in targets and at in mine]
        group = rule.group + suffix if rule.group else ""
        self.rules.append(replace(rule, columns=columns, group=group))
        self.origin.append((place, self.users[ats[0]]))

    def discounted(self) -> tuple[Ints, pl.DataFrame, int]:
        """What is due of each user [users, items] before minimums, the choices, and 1 if not all were tried."""
        due_li = self.month.act_li[self.users].copy()
        if not self.rules:
            return due_li, pl.DataFrame(schema=CHOICES), 0
        items, ats = (np.array([cell[i] for cell in self.cells] or [0], np.int64) for i in (0, 1))
        act_li = due_li[ats, items][None, :]
        counted = self.units[ats, items][None, :]
        tables = tables_of(self.rules, act_li.shape[1])
        wanted = np.ones((1, len(self.rules)), np.bool_)
        row_li, choices, inexact = discount_users(act_li, counted, wanted, tables, 0)
        due_li[ats, items] = row_li[0]
        ids = self.month.users["subscriber_id"].to_numpy()
        tariff = self.month.tariff
        rule_places = np.array([self.origin[rule][0] for rule in choices.rule], np.int64)
        users, item_ids = [], []
        for rule, column in zip(choices.rule.tolist(), choices.item.tolist(), strict=True):
            users.append(self.origin[rule][1] if column < 0 else self.users[ats[column]])
            item_ids.append(0 if column < 0 else tariff.items[items[column]].item_id)
        named = _framed(ids[np.array(users, np.int64)], np.array(item_ids, np.int64), tariff.discounts, rule_places,
                        choices)  # fmt: skip
        return due_li, named, int(inexact)


def _brought(users: list[int], keys: dict[str, Ints], rule: DiscountRule, fulfil: Flags) -> list[int]:
    """Name the accounts or groups of a row for which somebody of them brings a rule."""
    return sorted({int(keys[rule.to][user]) for user in users if fulfil[user]})


def _fill_up(
    month: Month, users: list[int], keys: dict[str, Ints], shared: Flags, due_li: Ints, supplement: int
) -> pl.DataFrame:
    """Fill accounts and groups up to the highest minimum somebody of them brings; on the first user's bill."""
    rows = []
    for scope in keys:
        missing: dict[int, tuple[int, int]] = {}
        for place, rule in enumerate(month.tariff.discounts):
            if rule.to != scope or not shared[users, place].any():
                continue
            for key in _brought(users, keys, rule, shared[:, place]):
                mine = [user for user in users if keys[scope][user] == key]
                counted = due_li[np.ix_(mine, [*rule.columns, supplement])].sum()
                missing[key] = max(missing.get(key, (0, 0)), (rule.value - int(counted), place))
        for key, (lacking_li, place) in missing.items():
            if lacking_li > 0:
                mine = [user for user in users if keys[scope][user] == key]
                due_li[mine[0], supplement] += lacking_li
                rows.append((mine[0], place, lacking_li, int(due_li[mine].sum())))
    ids, rules = month.users["subscriber_id"], month.tariff.discounts
    item_id = month.tariff.items[supplement].item_id
    return pl.DataFrame(
        [
            (ids[user], rules[place].rule_id, item_id, int(Phase.MINIMUM), True, lacking_li, payable_li)
            for user, place, lacking_li, payable_li in rows
        ],
        schema=CHOICES,
        orient="row",
    )
