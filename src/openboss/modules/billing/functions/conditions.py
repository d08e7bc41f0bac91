"""Which users fulfil what a discount or a fee of a tariff document asks, decided at the bill cut (D6.8, D6.9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openboss.kernel import periods
from openboss.modules.billing.functions.run_files import RunFiles
from openboss.modules.billing.functions.tariff_of_run import DiscountRefused, RunTariff

CONDITIONS = {
    "age_min",
    "age_max",
    "tenure_months_min",
    "customer_class",
    "vip_level",
    "brand",
    "star_min",
    "items_sum",
    "past_sum",
    "birthday_month",
    "holds",
    "certificates",
    "groups",
}
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Month:
    """The users of a part in a month: attributes with a column `user` that counts the rows, and their fees so far.

    act_li  i64[users, items]: actual fees before any rule that asks, so that rules do not wait for one another
    """

    files: RunFiles
    part: int
    users: pl.DataFrame
    act_li: NDArray[np.int64]
    tariff: RunTariff

    @property
    def cut_on(self) -> date:
        """The first day after the month."""
        cut_day = periods.first_day(periods.next_cycle(self.files.cycle))
        return date.fromordinal(date(1970, 1, 1).toordinal() + int(cut_day))

    @cached_property
    def holders(self) -> dict[int, Flags]:
        """Who held each offer on the last day with us in the month, by offer id."""
        mine = self.users.select("subscriber_id", "user", "closed_on")
        held = (
            self.files.get(self.part, "holdings")
            .join(mine, on="subscriber_id")
            .filter(
                (pl.col("from_on") < self.cut_on)
                & (
                    pl.col("to_on").is_null()
                    | (pl.col("to_on") >= self.cut_on)
                    | (pl.col("to_on") >= pl.col("closed_on")).fill_null(False)
                )
            )
        )
        return {int(offer_id): self._marked(rows) for (offer_id,), rows in held.group_by("offer_id")}

    @cached_property
    def members(self) -> pl.DataFrame:
        """Closed groups on the last day: subscriber_id, user, group_id, kind."""
        return self.files.get(self.part, "members").join(self.users.select("subscriber_id", "user"), on="subscriber_id")

    @property
    def nobody(self) -> Flags:
        """No user at all."""
        return np.zeros(self.users.height, np.bool_)

    def keys_of(self, scope: str) -> NDArray[np.int64]:
        """What users of a scope have in common, one number a user; those without have numbers of their own.

        scope   USER, ACCOUNT (who pays the rest), CUSTOMER, FAMILY, VPMN (the closed group on the last day)
        """
        alone = -1 - self.users["user"].cast(pl.Int64).to_numpy()
        if scope == "USER":
            return alone
        if scope == "CUSTOMER":
            return self.users["customer_id"].to_numpy()
        if scope == "ACCOUNT":
            relations = self.files.get(self.part, "relations").filter(pl.col("mode") == "REST")
            of_user = relations.group_by("subscriber_id").agg(key=pl.col("account_id").min())
        elif scope in ("FAMILY", "VPMN"):
            groups = self.members.filter(pl.col("kind") == scope)
            of_user = groups.group_by("subscriber_id").agg(key=pl.col("group_id").min())
        else:
            raise DiscountRefused(f"scope {scope} is unknown; USER, ACCOUNT, CUSTOMER, FAMILY or VPMN")
        keys = self.users.join(of_user, on="subscriber_id", how="left", maintain_order="left")["key"]
        return np.where(keys.is_null().to_numpy(), alone, keys.fill_null(0).to_numpy())

    def fulfil(self, when: Mapping[str, Any], rule_id: int) -> Flags:
        """Say who fulfils every condition of a rule. Raises DiscountRefused for one that is not known."""
        unknown = set(when) - CONDITIONS
        if unknown:
            raise DiscountRefused(f"rule {rule_id}: condition {sorted(unknown)[0]} is unknown")
        result = np.ones(self.users.height, np.bool_)
        for name, wanted in when.items():
            result &= self._fulfils(name, wanted)
        return result

    def _fulfils(self, name: str, wanted: Any) -> Flags:
        if name == "holds":
            return np.any([self.holders.get(offer_id, self.nobody) for offer_id in wanted], axis=0)
        if name == "groups":
            return self._marked(self.members.filter(pl.col("kind").is_in(_list(wanted))))
        if name == "items_sum":
            return self._spends(wanted)
        if name == "past_sum":
            return self._spent_before(wanted)
        users, cut_on = self.users, self.cut_on
        tests: dict[str, Any] = {
            "age_min": lambda: _months(users["born_on"], cut_on) >= 12 * int(wanted),
            "age_max": lambda: _months(users["born_on"], cut_on) < 12 * (int(wanted) + 1),
            "tenure_months_min": lambda: _months(users["opened_on"], cut_on) >= int(wanted),
            "customer_class": lambda: users["customer_class"].is_in(_list(wanted)),
            "vip_level": lambda: users["vip_level"].is_in(_list(wanted)),
            "brand": lambda: users["brand"].is_in(_list(wanted)),
            "star_min": lambda: users["star"] >= int(wanted),
            "certificates": lambda: (
                users["certificates"].str.split(",").list.set_intersection(_list(wanted)).list.len() > 0
            ),
            "birthday_month": lambda: (
                (users["born_on"].dt.month() == (cut_on - timedelta(days=1)).month) | (not wanted)
            ),
        }
        found: Flags = tests[name]().fill_null(False).to_numpy()
        return found

    def _spends(self, wanted: Mapping[str, Any]) -> Flags:
        """Whether the items of the user, or of all users of the same account or customer, reach an amount (D6.9)."""
        columns = [self.tariff.columns[code] for code in _list(wanted["items"])]
        own_li = self.act_li[:, columns].sum(axis=1)
        _, group = np.unique(self.keys_of(wanted.get("scope", "USER")), return_inverse=True)
        sums = np.zeros(group.max(initial=0) + 1, np.int64)
        np.add.at(sums, group, own_li)
        return _within(sums[group], wanted)

    def _spent_before(self, wanted: Mapping[str, Any]) -> Flags:
        """Whether what the user's items came to on the bills of past months together reaches an amount."""
        item_ids = [self.tariff.items[self.tariff.columns[code]].item_id for code in _list(wanted["items"])]
        oldest = periods_back(self.files.cycle, int(wanted["cycles"]))
        past = self.files.get(self.part, "past").filter(
            pl.col("item_id").is_in(item_ids) & (pl.col("cycle") >= oldest) & (pl.col("cycle") < self.files.cycle)
        )
        sums = past.group_by("subscriber_id").agg(fen=pl.col("due_fen").sum())
        mine = self.users.join(sums, on="subscriber_id", how="left", maintain_order="left")
        return _within(mine["fen"].fill_null(0).to_numpy() * 10, wanted)

    def _marked(self, rows: pl.DataFrame) -> Flags:
        mask = self.nobody
        mask[rows["user"].to_numpy()] = True
        return mask


def periods_back(cycle: int, count: int) -> int:
    """The cycle so many cycles before one: 202602, 3 gives 202511."""
    months = cycle // 100 * 12 + cycle % 100 - 1 - count
    return months // 12 * 100 + months % 12 + 1


def _within(sums_li: NDArray[np.int64], wanted: Mapping[str, Any]) -> Flags:
    result = np.ones(len(sums_li), np.bool_)
    if "min" in wanted:
        result &= sums_li >= int(Decimal(str(wanted["min"])) * 1000)
    if "below" in wanted:
        result &= sums_li < int(Decimal(str(wanted["below"])) * 1000)
    return result


def _months(since: pl.Series, until: date) -> pl.Series:
    """Whole months from each day to a day; unknown days stay unknown."""
    months = (until.year - since.dt.year()) * 12 + until.month - since.dt.month()
    return months - (since.dt.day() > until.day).cast(pl.Int32)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
