"""The best plan: for a user's real months the cheapest plan on sale, with the bill of each plan as proof.

    candidates  main plans on sale for which the user is eligible, and what they hold now
    copies      the user once for each plan, everything else the same
    replay      the months of all copies at once, by the engine's kernel and the bill run's steps

The customer gains nothing from a plan that only this calculation knows: the bills of all plans are in the answer.
Nothing is stored. Source: BMT-04, CHN-08, issue 3 section 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from openboss.kernel.usage import ClosedGroup
from openboss.modules.catalog.functions import Buyer, OfferVersionView, bill_item_types, offers_on_sale, unfit
from openboss.modules.charging.functions.what_if import rated_usage
from openboss.modules.customers.functions import class_path
from openboss.processes.replay_months import (
    NothingToReplay,
    People,
    Tariffs,
    due_of_month,
    everybody,
    only,
    replay,
    tariffs_with,
)

AS_HELD = 0  # offer id that stands for "as it is"
MOST_COPIES = 10_000  # of users at a time


@dataclass(frozen=True)
class PlanBill:
    """What some months would have cost under a plan; items are (code, names, fen) over all months."""

    offer_id: int  # AS_HELD = what the user has now
    code: str
    names: dict[str, str]
    due_fen: int
    items: tuple[tuple[str, dict[str, str], int], ...]


@dataclass(frozen=True)
class Advice:
    """The plans of one user, the cheapest first, each with its simulated bill; `saving_fen` is over all months."""

    subscriber_id: int
    cycles: tuple[int, ...]
    now: PlanBill
    plans: tuple[PlanBill, ...]
    saving_fen: int

    @property
    def best(self) -> PlanBill:
        """The cheapest plan, or what is held now if nothing is cheaper."""
        return self.plans[0] if self.saving_fen > 0 else self.now


def advise(*, subscriber_id: int, cycles: Sequence[int], on: date, threads: int = 2) -> Advice:
    """Find the cheapest plan of one user for closed months in a row. Raises NothingToReplay."""
    return advise_all(subscriber_ids=[subscriber_id], cycles=cycles, on=on, threads=threads)[0]


def advise_all(
    *, subscriber_ids: Sequence[int] | None, cycles: Sequence[int], on: date, threads: int = 2
) -> list[Advice]:
    """Find the cheapest plan of some users (None = all), by their real months. Raises NothingToReplay."""
    months = tuple(sorted(cycles))
    people = everybody(months)
    if subscriber_ids is not None:
        wanted = pl.DataFrame({"subscriber_id": subscriber_ids}, schema={"subscriber_id": pl.Int64})
        people = only(people, wanted)
    if people.user_ids.is_empty():
        raise NothingToReplay(str(subscriber_ids))
    tariffs = tariffs_with([], first_cycle=months[0], on=on)
    on_sale = offers_on_sale(on)
    plans = [one for one in on_sale if one.kind == "MAIN"]
    step = max(1, MOST_COPIES // (len(plans) + 1))
    found: list[Advice] = []
    for first in range(0, len(people.user_ids), step):
        some = only(people, people.user_ids[first : first + step].to_frame())
        due = _due_of_copies(some, [AS_HELD, *(plan.offer_id for plan in plans)], tariffs, months, threads)
        found += _advices(some, plans, on_sale, due, months, on)
    return found


def _due_of_copies(
    people: People, plan_ids: Sequence[int], tariffs: Tariffs, cycles: tuple[int, ...], threads: int
) -> pl.DataFrame:
    """Replay every user once a plan: subscriber_id, plan_id, item_id, due_fen."""
    base = int(max(people.image.subscribers["subscriber_id"].max(), 1)) + 1  # type: ignore[arg-type, type-var]
    pairs = people.user_ids.to_frame().join(pl.DataFrame({"plan_id": plan_ids}), how="cross").with_row_index("place")
    pairs = pairs.with_columns(copy_id=pl.col("place").cast(pl.Int64) + base).drop("place")
    mains = [one.offer_id for one in tariffs.versions if one.kind == "MAIN"]
    copies = _copied(people, pairs, mains)

    def usage_of(cycle: int, first: int, last: int) -> pl.DataFrame:
        own = pairs.filter(pl.col("copy_id").is_between(first, last))
        low, high = own["subscriber_id"].min(), own["subscriber_id"].max()
        found = rated_usage(cycle, first_id=int(low), last_id=int(high))  # type: ignore[arg-type]
        shared = found.join(own, on="subscriber_id", maintain_order="left_right")
        return shared.with_columns(subscriber_id=pl.col("copy_id")).drop("copy_id", "plan_id")

    totals, _, _ = replay(tariffs, copies, cycles, usage_of, threads=threads)
    due = pl.concat([due_of_month(tariffs, cycle, totals[cycle], copies.bills[cycle]) for cycle in cycles])
    summed = due.group_by("subscriber_id", "item_id").agg(pl.col("due_fen").sum())
    return summed.rename({"subscriber_id": "copy_id"}).join(pairs, on="copy_id").drop("copy_id")


def _copied(people: People, pairs: pl.DataFrame, mains: list[int]) -> People:
    """Make a user of each pair: the same in everything but the main offer."""

    def copied(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.join(pairs, on="subscriber_id").with_columns(subscriber_id=pl.col("copy_id")).drop("copy_id")

    def moved(frame: pl.DataFrame) -> pl.DataFrame:
        is_main = pl.col("offer_id").is_in(mains) & (pl.col("plan_id") != AS_HELD)
        offer = pl.when(is_main).then(pl.col("plan_id")).otherwise(pl.col("offer_id")).cast(pl.Int64)
        return copied(frame).with_columns(offer_id=offer).drop("plan_id")

    image = people.image
    own = image.subscribers.select("subscriber_id").join(people.user_ids.to_frame(), on="subscriber_id", how="semi")
    closed = image.groups.filter(pl.col("kind") != int(ClosedGroup.ACCOUNT))
    image = image._replace(
        subscribers=pl.concat([image.subscribers.select("subscriber_id"), copied(own).select("subscriber_id")]),
        holdings=moved(image.holdings),
        groups=pl.concat([image.groups, copied(closed).select(image.groups.columns)]),
    )
    # each copy is a customer and an account of its own: copies must not share discounts
    lone = pl.col("subscriber_id").alias("customer_id")
    bills = {
        cycle: bill._replace(
            attributes=copied(bill.attributes).with_columns(lone).drop("plan_id"),
            holdings=moved(bill.holdings),
            stops=copied(bill.stops).drop("plan_id"),
            relations=copied(bill.relations).with_columns(account_id=pl.col("subscriber_id")).drop("plan_id"),
        )
        for cycle, bill in people.bills.items()
    }
    return People(pairs["copy_id"], image, bills)


def _advices(
    people: People,
    plans: Sequence[OfferVersionView],
    on_sale: Sequence[OfferVersionView],
    due: pl.DataFrame,
    cycles: tuple[int, ...],
    on: date,
) -> list[Advice]:
    items = {item.item_id: (item.code, {"zh": item.name_zh, "en": item.name_en}) for item in bill_item_types()}
    cells: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row in due.sort("item_id").iter_rows(named=True):
        cells.setdefault((row["subscriber_id"], row["plan_id"]), []).append((row["item_id"], row["due_fen"]))
    buyers = _buyers(people, on_sale, cycles)

    def plan_bill(subscriber_id: int, plan_id: int, code: str, names: dict[str, str]) -> PlanBill:
        own = cells.get((subscriber_id, plan_id), [])
        lines = tuple((*items[item_id], fen) for item_id, fen in own if fen)
        return PlanBill(plan_id, code, names, sum(fen for _, fen in own), lines)

    found = []
    for subscriber_id in people.user_ids:
        buyer, others = buyers[subscriber_id]
        fitting = [plan for plan in plans if not unfit(plan, others, buyer, on)]
        bills = [plan_bill(subscriber_id, plan.offer_id, plan.code, plan.names) for plan in fitting]
        now = plan_bill(subscriber_id, AS_HELD, "", {"zh": "现用套餐", "en": "the plan held now"})
        bills.sort(key=lambda bill: (bill.due_fen, bill.offer_id))
        saving_fen = max(0, now.due_fen - bills[0].due_fen) if bills else 0
        found.append(Advice(subscriber_id, cycles, now, tuple(bills), saving_fen))
    return found


def _buyers(
    people: People, on_sale: Sequence[OfferVersionView], cycles: tuple[int, ...]
) -> dict[int, tuple[Buyer, list[OfferVersionView]]]:
    """What is known of each user who might take a plan, and the versions of what they hold beside their main plan."""
    versions = {version.offer_id: version for version in on_sale}
    last = people.bills[cycles[-1]]
    held: dict[int, list[OfferVersionView]] = {}
    for subscriber_id, offer_id in last.holdings.select("subscriber_id", "offer_id").iter_rows():
        if offer_id in versions and versions[offer_id].kind != "MAIN":
            held.setdefault(subscriber_id, []).append(versions[offer_id])
    found = {subscriber_id: (Buyer(), list[OfferVersionView]()) for subscriber_id in people.user_ids}
    above = {code: class_path(code) for code in last.attributes["customer_class"].unique()}
    for row in last.attributes.iter_rows(named=True):
        others = held.get(row["subscriber_id"], [])
        buyer = Buyer(
            held=tuple(one.code for one in others),
            born_on=row["born_on"],
            customer_class=row["customer_class"],
            classes_above=above[row["customer_class"]],
            area=row["home_area"],
        )
        found[row["subscriber_id"]] = (buyer, others)
    return found
