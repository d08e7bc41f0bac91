"""COLLECT: bring the five sources of a cycle together and cut them into parts that can be billed apart (ACP-02).

A part holds whole families: users tied by a customer or a paying account, since they share bills and discounts, and by
closed groups where a discount is for a group together.
"""

from typing import Any

import numpy as np
import polars as pl

from openboss.kernel.families import families
from openboss.modules.billing import atomic
from openboss.modules.billing.atomic import InputView, Source
from openboss.modules.billing.functions.conditions import periods_back
from openboss.modules.billing.functions.run_files import RunFiles
from openboss.modules.billing.functions.tariff_of_run import RunTariff, as_json

PART_SIZE = 50_000  # users
GROUPS = ("FAMILY", "VPMN")


class UsersNotBillable(Exception):
    """Some usage or fees belong to users that are unknown or have no default account; the message lists the first.

    Give them a REST payment relation, or move the records to the error pool, and start the run again.
    """


class UnbalancedFiles(Exception):
    """Some usage files do not balance: records in are not rated + free + duplicate + error + filtered (CHG-37)."""


def collect(
    *,
    run: atomic.RunView,
    tariff: RunTariff,
    totals: pl.DataFrame,
    free_use: pl.DataFrame,
    image: Any,
    part_size: int = PART_SIZE,
) -> int:
    """Write the inputs of a run, part by part, and its input balance; return the number of parts.

    totals, free_use  as in charging.schema TOTALS and FREE_USE
    image             customers.atomic.BillingImage
    Raises UsersNotBillable.
    """
    files = RunFiles(run.cycle, run.run_id)
    files.put_catalog(as_json(tariff))
    charges = atomic.charges_of(cycle=run.cycle)
    part_of = _part_of(image, part_size, with_groups=any(rule.to in GROUPS for rule in tariff.discounts))
    _refuse_unbillable(part_of, image, charged_users(cycle=run.cycle, totals=totals))
    usage = totals.group_by("subscriber_id", "item_id", "rule_id").sum().sort("subscriber_id", "item_id", "rule_id")
    frames = {
        "usage": usage,
        "free": free_use,
        "charges": charges,
        "attributes": image.attributes,
        "holdings": image.holdings,
        "stops": image.stops,
        "relations": image.relations,
        "members": image.members,
        "past": atomic.items_due(since=periods_back(run.cycle, tariff.past_cycles), before=run.cycle),
    }
    part_count = int(part_of["part"].max()) + 1 if part_of.height else 0  # type: ignore[arg-type]
    for name, frame in frames.items():
        if name == "relations":
            frame = frame.join(image.accounts.select("account_id", payer_id="customer_id"), on="account_id")
        split = frame.join(part_of, on="subscriber_id").partition_by("part", as_dict=True, include_key=False)
        for part in range(part_count):
            files.put(part, name, split.get((part,), frame.clear()))
    atomic.note_inputs(run_id=run.run_id, part_count=part_count, inputs=_balance(usage, charges, tariff))
    return part_count


def _part_of(image: Any, part_size: int, *, with_groups: bool) -> pl.DataFrame:
    """Number the parts: subscriber_id, part. Families in the order of their first account, so bills come sorted."""
    users, relations = image.attributes, image.relations
    if users.is_empty():
        return pl.DataFrame(schema={"subscriber_id": pl.Int64, "part": pl.Int32})
    user_ids, customer_ids = users["subscriber_id"].to_numpy(), users["customer_id"].to_numpy()
    ties = relations.filter(pl.col("subscriber_id").is_in(users["subscriber_id"].implode()))
    customers, customer_of = np.unique(customer_ids, return_inverse=True)
    accounts, account_of = np.unique(ties["account_id"].to_numpy(), return_inverse=True)
    order = np.argsort(user_ids)
    tied_user = order[np.searchsorted(user_ids[order], ties["subscriber_id"].to_numpy())]
    members = image.members.filter(pl.col("subscriber_id").is_in(users["subscriber_id"].implode()) & with_groups)
    groups, group_of = np.unique(members["group_id"].to_numpy(), return_inverse=True)
    member = order[np.searchsorted(user_ids[order], members["subscriber_id"].to_numpy())]
    first_account_node = len(user_ids) + len(customers)
    one = np.concatenate([np.arange(len(user_ids)), tied_user, member])
    other = np.concatenate(
        [len(user_ids) + customer_of, first_account_node + account_of, first_account_node + len(accounts) + group_of]
    )
    label = families(first_account_node + len(accounts) + len(groups), one, other)
    first_account = np.full(len(label), np.iinfo(np.int64).max)
    np.minimum.at(first_account, label[tied_user], ties["account_id"].to_numpy())
    return (
        pl.DataFrame({"subscriber_id": user_ids, "family": label[: len(user_ids)]})
        .with_columns(place=pl.Series(first_account[label[: len(user_ids)]]))
        .sort("place", "family", "subscriber_id")
        .with_columns(before=pl.int_range(pl.len()))
        .with_columns(part=(pl.col("before").min().over("family") // part_size).cast(pl.Int32))
        .with_columns(part=pl.col("part").rank("dense").cast(pl.Int32) - 1)
        .select("subscriber_id", "part")
    )


def charged_users(*, cycle: int, totals: pl.DataFrame) -> pl.DataFrame:
    """Name everybody who has usage or a one-time charge on the bills of a cycle: subscriber_id."""
    charges = atomic.charges_of(cycle=cycle)
    return pl.concat([totals.select("subscriber_id"), charges.select("subscriber_id")]).unique()


def _refuse_unbillable(part_of: pl.DataFrame, image: Any, charged: pl.DataFrame) -> None:
    unknown = charged.join(part_of, on="subscriber_id", how="anti")["subscriber_id"].sort()
    with_rest = image.relations.filter(pl.col("mode") == "REST")
    unpaid = part_of.join(with_rest, on="subscriber_id", how="anti")["subscriber_id"].sort()
    problems = [
        f"{words}: {', '.join(map(str, found[:10]))} ({len(found)} in all)"
        for words, found in (("charged users that are unknown", unknown), ("users without default account", unpaid))
        if len(found)
    ]
    if problems:
        raise UsersNotBillable("; ".join(problems))


def _balance(usage: pl.DataFrame, charges: pl.DataFrame, tariff: RunTariff) -> list[InputView]:
    """What each source hands over; recurring fees are worked out by the next step and balance in themselves."""
    third = [item.item_id for item in tariff.items if item.third]
    own, collected = usage.filter(~pl.col("item_id").is_in(third)), usage.filter(pl.col("item_id").is_in(third))
    sources = {source.name: (0, 0) for source in Source}
    sources["USAGE"] = (own.height, int(own["act_li"].sum()))
    sources["THIRD_PARTY"] = (collected.height, int(collected["act_li"].sum()))
    for (source,), found in charges.group_by("source"):
        rows, charged = sources[Source(source).name]
        sources[Source(source).name] = (rows + found.height, charged + int(found["charge_li"].sum()))
    return [InputView(source, rows, charged, 0, 0) for source, (rows, charged) in sources.items()]
