"""What finance looks at: takings, what is open by level and age, money of users, clearing and its order."""

from datetime import datetime
from typing import Any

from openboss.modules.receivables.atomic.finance import (
    AGE_COLUMNS,
    AgedRow,
    ClearingRow,
    MoneyRow,
    aged_by,
    list_clearings,
    list_money,
    takings_by_day,
)
from openboss.modules.receivables.functions.rules import rules_at

__all__ = [
    "AGE_COLUMNS",
    "AgedRow",
    "ClearingRow",
    "MoneyRow",
    "aged_by",
    "clearing_rules",
    "list_clearings",
    "list_money",
    "takings_by_day",
]


def clearing_rules(*, at: datetime) -> dict[str, Any]:
    """In which order bills are cleared and which money pays first, as configured for a moment (D8.1, D8.2)."""
    rules = rules_at(at)
    return {"bills": rules.value("clearing_order"), "money": rules.value("bucket_order")}
