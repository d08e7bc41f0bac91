"""The operator's rules of money on a day (parameters `money.*`), and the books an act is written into."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.utils import timezone

from openboss.modules.catalog.atomic import BillItemTypeView, bill_item_types, is_holiday
from openboss.modules.receivables.atomic.days import open_day_from
from openboss.modules.receivables.atomic.ledger import Act, Chart, chart
from openboss.modules.system.atomic import ParameterMissing, parameters_under

PREFIX = "money."
# What holds in an installation whose rules of money were loaded before there were these: the demo's (D0.2).
DEFAULTS: Mapping[str, Any] = {
    "stars": {
        "tenure": {"a_month": 1, "most": 120},
        "spend": {"a_yuan": 1, "most": 300, "months": 3},
        "contract": 30,
        "real_name": 20,
        "two_way_stop": -20,
        "stop_reasons": ["ARREARS_2", "HIGH_USE_2"],
        "stops_of_months": 12,
        "rated_after_months": 6,
        "valid_months": 12,
        "levels": [
            {"from_score": score, "star": star}
            for score, star in ((80, 1), (160, 2), (240, 3), (320, 4), (400, 5), (450, 6), (550, 7))
        ],
    },
    "emergency": {"from_star": 2, "hours": 24, "credit_fen": 2000},
    "objections": {"months": 5, "returned_times": 2},
    "elsewhere_numbers": 6,
}


@dataclass(frozen=True)
class Rules:
    """Parameters of money valid on a day, the chart of accounts and the kinds of bill items."""

    on: date
    values: dict[str, Any]

    def value(self, key: str) -> Any:
        """One parameter, named without its prefix, or else its default. Raises ParameterMissing."""
        if PREFIX + key in self.values:
            return self.values[PREFIX + key]
        if key in DEFAULTS:
            return DEFAULTS[key]
        raise ParameterMissing(f"{PREFIX}{key} on {self.on}")

    @cached_property
    def chart(self) -> Chart:
        """The chart of accounts."""
        return chart()

    @cached_property
    def is_holiday(self) -> bool:
        """Whether it is a public holiday: nobody who pays by bill is stopped then (D9.6)."""
        return is_holiday(self.on)

    @cached_property
    def item_types(self) -> list[BillItemTypeView]:
        """The kinds of bill items."""
        return bill_item_types()

    @cached_property
    def late_fee_item(self) -> BillItemTypeView:
        """The kind of item a late fee is."""
        return next(kind for kind in self.item_types if kind.code == "LATE_FEE")

    @cached_property
    def late_exempt_item_ids(self) -> list[int]:
        """Items that bear no late fee: those collected for others, and late fees themselves (D8.5)."""
        groups = self.value("late_fee_exempt_groups")
        return [kind.item_id for kind in self.item_types if kind.group_code in groups or kind.code == "LATE_FEE"]


def of_star(by_star: Mapping[str, int], star: int) -> int:
    """What a table by stars gives a star: of its highest level that is not above it; 0 below all of them."""
    levels = [int(level) for level in by_star if int(level) <= star]
    return by_star[str(max(levels))] if levels else 0


def day_of(at: datetime) -> date:
    """The day of a moment on the operator's calendar."""
    return at.astimezone(timezone.get_default_timezone()).date()


def rules_at(at: datetime) -> Rules:
    """The rules of money at a moment."""
    on = day_of(at)
    return Rules(on, parameters_under(prefix=PREFIX, on=on))


def act_of(rules: Rules, *, at: datetime, staff_id: int | None, channel: str) -> Act:
    """An act at a moment, in the books of its day, or of the next day that is open."""
    return Act(at, open_day_from(rules.on), staff_id, channel, rules.value("currency"))
