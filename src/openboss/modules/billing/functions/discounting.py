"""DISCOUNT: which rules a user fulfils, and what is due after them (D6)."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openboss.kernel import periods
from openboss.kernel.discounts import DiscountTables, discount_users
from openboss.modules.billing.atomic import Source
from openboss.modules.billing.functions.run_files import RunFiles
from openboss.modules.billing.functions.tariff_of_run import SUPPLEMENT, DiscountRefused, DiscountRule, RunTariff

CONDITIONS = {
    "age_min",
    "age_max",
    "tenure_months_min",
    "customer_class",
    "vip_level",
    "brand",
    "star_min",
    "items_sum",
    "birthday_month",
    "holds",
}


def discount_part(*, files: RunFiles, part: int, tariff: RunTariff) -> tuple[int, int, int]:
    """Write what is due and the choices made for a part; return item rows, li due, and users not solved exactly.

    due      subscriber_id, item_id, column, std_li, due_li
    choices  subscriber_id, rule_id, item_id (0 = rejected), phase, chosen, effect_li, payable_li
    """
    users = files.get(part, "attributes").sort("subscriber_id").with_row_index("user")
    relations, holdings = files.get(part, "relations"), files.get(part, "holdings")
    std_li, act_li, units = _matrices(files.get(part, "lines"), users, tariff)
    eligible = eligible_rules(
        users=users, holdings=holdings, relations=relations, act_li=act_li, tariff=tariff, cycle=files.cycle
    )
    tables = tables_of(tariff)
    due_li, choices, warnings = discount_users(act_li, units, eligible, tables, tariff.columns[SUPPLEMENT])
    row, column = np.nonzero((std_li != 0) | (due_li != 0))
    item_ids = np.array([item.item_id for item in tariff.items], np.int16)
    due = pl.DataFrame(
        {
            "subscriber_id": users["subscriber_id"].to_numpy()[row],
            "item_id": item_ids[column],
            "column": column,
            "std_li": std_li[row, column],
            "due_li": due_li[row, column],
        }
    )
    files.put(part, "due", due)
    files.put(
        part,
        "choices",
        pl.DataFrame(
            {
                "subscriber_id": users["subscriber_id"].to_numpy()[choices.user],
                "rule_id": tables.rule_id[choices.rule].astype(np.int32),
                "item_id": np.where(choices.item < 0, 0, item_ids[choices.item]).astype(np.int16),
                "phase": tables.phase[choices.rule].astype(np.int16),
                "chosen": choices.chosen.astype(np.bool_),
                "effect_li": choices.effect_li,
                "payable_li": choices.payable_li,
            }
        ).sort("subscriber_id", "rule_id", "item_id"),
    )
    return due.height, int(due["due_li"].sum()), int(warnings)


def _matrices(
    lines: pl.DataFrame, users: pl.DataFrame, tariff: RunTariff
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Lines summed to users x items: standard fees, actual fees, charged units of usage."""
    columns = pl.DataFrame({"item_id": [item.item_id for item in tariff.items]}, schema={"item_id": pl.Int16})
    columns = columns.with_row_index("column")
    cells = (
        lines.join(users.select("subscriber_id", "user"), on="subscriber_id")
        .join(columns, on="item_id")
        .group_by("user", "column")
        .agg(
            pl.col("std_li", "act_li").sum(), units=pl.col("units").filter(pl.col("source") == int(Source.USAGE)).sum()
        )
    )
    place = cells["user"].to_numpy(), cells["column"].to_numpy()
    matrices = []
    for name in ("std_li", "act_li", "units"):
        matrix = np.zeros((users.height, len(tariff.items)), np.int64)
        matrix[place] = cells[name].to_numpy()
        matrices.append(matrix)
    return matrices[0], matrices[1], matrices[2]


def eligible_rules(
    *,
    users: pl.DataFrame,
    holdings: pl.DataFrame,
    relations: pl.DataFrame,
    act_li: NDArray[np.int64],
    tariff: RunTariff,
    cycle: int,
) -> NDArray[np.bool_]:
    """Decide which rules each user fulfils at the bill cut: bool[users, rules]; rows as in users (D6.8, D6.9)."""
    cut_day = periods.first_day(periods.next_cycle(cycle))
    holders = _holders(users, holdings, cut_day)
    eligible = np.zeros((users.height, len(tariff.discounts)), np.bool_)
    for place, rule in enumerate(tariff.discounts):
        unknown = set(rule.when) - CONDITIONS
        if unknown:
            raise DiscountRefused(f"rule {rule.rule_id}: condition {sorted(unknown)[0]} is unknown")
        fulfils = np.ones(users.height, np.bool_) if rule.for_all else holders.get(rule.offer_id)
        if fulfils is not None and fulfils.any():
            eligible[:, place] = fulfils & _fulfilled(rule, users, relations, act_li, tariff, cut_day, holders)
    return eligible


def _holders(users: pl.DataFrame, holdings: pl.DataFrame, cut_day: int) -> dict[int, NDArray[np.bool_]]:
    """Who held each offer on the last day with us in the cycle, by offer id."""
    held = holdings.join(users.select("subscriber_id", "user", "closed_on"), on="subscriber_id").filter(
        (pl.col("from_on").cast(pl.Int32) < cut_day)
        & (
            pl.col("to_on").is_null()
            | (pl.col("to_on").cast(pl.Int32) >= cut_day)
            | (pl.col("to_on") >= pl.col("closed_on")).fill_null(False)
        )
    )
    found: dict[int, NDArray[np.bool_]] = {}
    for (offer_id,), rows in held.group_by("offer_id"):
        mask = np.zeros(users.height, np.bool_)
        mask[rows["user"].to_numpy()] = True
        found[int(offer_id)] = mask
    return found


def _fulfilled(
    rule: DiscountRule,
    users: pl.DataFrame,
    relations: pl.DataFrame,
    act_li: NDArray[np.int64],
    tariff: RunTariff,
    cut_day: int,
    holders: dict[int, NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    cut_on = date.fromordinal(date(1970, 1, 1).toordinal() + cut_day)
    last_on = cut_on - timedelta(days=1)
    tests: dict[str, Any] = {
        "age_min": lambda least: _months(users["born_on"], cut_on) >= 12 * int(least),
        "age_max": lambda most: _months(users["born_on"], cut_on) < 12 * (int(most) + 1),
        "tenure_months_min": lambda least: _months(users["opened_on"], cut_on) >= int(least),
        "customer_class": lambda wanted: users["customer_class"].is_in(_list(wanted)),
        "vip_level": lambda wanted: users["vip_level"].is_in(_list(wanted)),
        "brand": lambda wanted: users["brand"].is_in(_list(wanted)),
        "star_min": lambda least: users["star"] >= int(least),
        "birthday_month": lambda wanted: (users["born_on"].dt.month() == last_on.month) | (not wanted),
    }
    result = np.ones(users.height, np.bool_)
    for name, wanted in rule.when.items():
        if name == "holds":
            nobody = np.zeros(users.height, np.bool_)
            result &= np.any([holders.get(offer_id, nobody) for offer_id in wanted], axis=0)
        elif name == "items_sum":
            result &= _reaches(wanted, users, relations, act_li, tariff)
        else:
            result &= tests[name](wanted).fill_null(False).to_numpy()
    return result


def _months(since: pl.Series, until: date) -> pl.Series:
    """Whole months from each day to a day; unknown days stay unknown."""
    months = (until.year - since.dt.year()) * 12 + until.month - since.dt.month()
    return months - (since.dt.day() > until.day).cast(pl.Int32)


def _reaches(
    wanted: dict[str, Any],
    users: pl.DataFrame,
    relations: pl.DataFrame,
    act_li: NDArray[np.int64],
    tariff: RunTariff,
) -> NDArray[np.bool_]:
    """Whether the items of the user, or of all users of the same account or customer, add up to the minimum (D6.9).

    Counted are actual fees before discounts at billing, so that rules do not depend on one another.
    """
    columns = [tariff.columns[code] for code in _list(wanted["items"])]
    own_li = act_li[:, columns].sum(axis=1)
    scope = wanted.get("scope", "USER")
    if scope == "ACCOUNT":
        rest = relations.filter(pl.col("mode") == "REST").select("subscriber_id", key="account_id")
        keys = users.join(rest, on="subscriber_id", how="left", maintain_order="left")["key"].to_numpy()
    elif scope == "CUSTOMER":
        keys = users["customer_id"].to_numpy()
    elif scope == "USER":
        keys = users["user"].to_numpy()
    else:
        raise DiscountRefused(f"scope {scope} is unknown; USER, ACCOUNT or CUSTOMER")
    _, group = np.unique(keys, return_inverse=True)
    sums = np.zeros(group.max(initial=0) + 1, np.int64)
    np.add.at(sums, group, own_li)
    return sums[group] >= int(Decimal(str(wanted["min"])) * 1000)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def tables_of(tariff: RunTariff) -> DiscountTables:
    """Turn the run's discount rules, sorted already, into the kernel's tables."""
    rules = tariff.discounts
    names = sorted({rule.group for rule in rules if rule.group})
    group = [names.index(rule.group) if rule.group else -1 for rule in rules]
    members = [[row for row in range(len(rules)) if group[row] == one] for one in range(len(names))]
    for rows in members:
        rows.sort(key=lambda row: (rules[row].priority, rules[row].from_day, rules[row].rule_id))
    clusters = _overlapping([{column for row in rows for column in rules[row].columns} for rows in members])
    target = np.zeros((len(rules), len(tariff.items)), np.bool_)
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


def _overlapping(targets: list[set[int]]) -> list[list[int]]:
    """Gather groups whose target items overlap: they must be chosen together (D6.10)."""
    clusters: list[tuple[set[int], list[int]]] = []
    for group, columns in enumerate(targets):
        touched = [cluster for cluster in clusters if cluster[0] & columns]
        merged = (set().union(columns, *(one[0] for one in touched)), [g for one in touched for g in one[1]] + [group])
        clusters = [cluster for cluster in clusters if cluster not in touched] + [merged]
    return [groups for _, groups in clusters]


def _ints(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _starts(lists: list[Any]) -> NDArray[np.int64]:
    return np.cumsum([0, *map(len, lists)]).astype(np.int64)
