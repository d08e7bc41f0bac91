"""DISCOUNT: which rules a user fulfils, and what is due after them (D6)."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openboss.modules.billing.functions.conditions import Month
from openboss.modules.billing.functions.discount_rows import discount_month
from openboss.modules.billing.functions.lines import matrices
from openboss.modules.billing.functions.run_files import RunFiles
from openboss.modules.billing.functions.tariff_of_run import RunTariff


def discount_part(*, files: RunFiles, part: int, tariff: RunTariff) -> tuple[int, int, int]:
    """Write what is due and the choices made for a part; return item rows, li due, and users not solved exactly.

    due      subscriber_id, item_id, column, std_li, due_li
    choices  subscriber_id, rule_id, item_id (0 = rejected), phase, chosen, effect_li, payable_li
    """
    users = files.get(part, "attributes").sort("subscriber_id").with_row_index("user")
    std_li, act_li, units = matrices(files.get(part, "lines"), users, tariff)
    month = Month(files, part, users, act_li, tariff)
    due_li, choices, warnings = discount_month(month, units, eligible_rules(month))
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
    files.put(part, "choices", choices.sort("subscriber_id", "rule_id", "item_id"))
    return due.height, int(due["due_li"].sum()), int(warnings)


def eligible_rules(month: Month) -> NDArray[np.bool_]:
    """Decide which rules each user fulfils at the bill cut: bool[users, rules]; rows as in users (D6.8, D6.9)."""
    rules = month.tariff.discounts
    eligible = np.zeros((month.users.height, len(rules)), np.bool_)
    for place, rule in enumerate(rules):
        held = None if rule.for_all else month.holders.get(rule.offer_id, month.nobody)
        if held is None or held.any():
            eligible[:, place] = month.fulfil(rule.when, rule.rule_id) & (True if held is None else held)
    return eligible
