"""Which records are to be rated again, and everybody they concern."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from openboss.kernel.families import families
from openboss.modules.catalog.functions import rule_names
from openboss.modules.charging.functions import rerating as charging
from openboss.processes.replay_months import People

DAY_S = 86_400


class NothingChosen(Exception):
    """No rated record fits what was chosen: choose another period, tariff, source or other users."""


@dataclass(frozen=True)
class Chosen:
    """Which records; what is not said does not narrow it. Days of use, the last one included."""

    from_on: date
    to_on: date
    offer: str | None = None  # charged or covered by a rule of this offer
    from_version_on: date | None = None  # by this version of the offer only
    source: str | None = None
    file_id: int | None = None
    brand: str | None = None
    customer_class: str | None = None
    home_area: int | None = None
    holders_of: int | None = None  # users who hold this offer (id)
    subscriber_ids: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As it is kept with the re-rating."""
        known = {name: value for name, value in asdict(self).items() if value not in (None, ())}
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in known.items()}

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> "Chosen":
        """What was kept."""
        days = {name: date.fromisoformat(text) for name, text in kept.items() if name.endswith("_on")}
        return cls(**{**kept, **days, "subscriber_ids": tuple(kept.get("subscriber_ids", ()))})


def records_chosen(chosen: Chosen, people: People) -> pl.DataFrame:
    """Count the records that fit: subscriber_id, cycle, records. Raises NothingChosen."""
    rule_ids = None
    if chosen.offer is not None:
        rules = [rule for rule in rule_names().values() if rule.offer_code == chosen.offer]
        wanted = chosen.from_version_on
        rule_ids = [rule.rule_id for rule in rules if wanted in (None, rule.from_on)]
    file_ids = None
    if chosen.file_id is not None:
        file_ids = [chosen.file_id]
    elif chosen.source is not None:
        file_ids = charging.files_of_source(chosen.source)
    found = charging.selected_users(
        from_local_s=_local_s(chosen.from_on),
        to_local_s=_local_s(chosen.to_on) + DAY_S,
        rule_ids=rule_ids,
        file_ids=file_ids,
        subscriber_ids=chosen.subscriber_ids or None,
    )
    found = found.join(_segment(chosen, people), on="subscriber_id", how="semi")
    if found.is_empty():
        raise NothingChosen(str(chosen.as_json()))
    return found


def _local_s(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_S


def _segment(chosen: Chosen, people: People) -> pl.DataFrame:
    users = pl.concat(image.attributes for image in people.bills.values()).unique("subscriber_id")
    for name in ("brand", "customer_class", "home_area"):
        wanted = getattr(chosen, name)
        users = users if wanted is None else users.filter(pl.col(name) == wanted)
    if chosen.holders_of is not None:
        held = people.image.holdings.filter(pl.col("offer_id") == chosen.holders_of)
        users = users.join(held, on="subscriber_id", how="semi")
    return users.select("subscriber_id")


def with_families(subscriber_ids: pl.Series, people: People) -> pl.DataFrame:
    """Add everybody who shares something: a group, a customer, an account that pays (column subscriber_id, rising).

    Free resources of a pool, and discounts across services, depend on all of them.
    """
    bills = people.bills.values()
    ties = pl.concat(
        [
            people.image.groups.select("subscriber_id", tie=pl.format("g{}/{}", "kind", "group_id")),
            *(image.attributes.select("subscriber_id", tie=pl.format("c{}", "customer_id")) for image in bills),
            *(image.relations.select("subscriber_id", tie=pl.format("a{}", "account_id")) for image in bills),
        ]
    ).unique()
    users = pl.concat([ties["subscriber_id"], subscriber_ids]).unique().sort()
    names = ties["tie"].unique().sort()
    one = users.search_sorted(ties["subscriber_id"]).to_numpy().astype(np.int64)
    other = len(users) + names.search_sorted(ties["tie"]).to_numpy().astype(np.int64)
    label = families(len(users) + len(names), one, other)[: len(users)]
    chosen = label[users.search_sorted(subscriber_ids).to_numpy()]
    return pl.DataFrame({"subscriber_id": users.filter(pl.Series(np.isin(label, chosen)))})
