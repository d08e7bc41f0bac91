"""Real months lived again under other tariffs or other plans, in memory: what the tariff lab and the best plan share.

    tariffs     the catalog as it stands, drafts laid over it as if they had been in force from the first month
    usage       the records of the lake, rated once more in journal order by the engine's kernel
    bills       monthly fees, discounts and what is due, by the bill run's own steps

One-time fees, adjustments and fees collected for others without usage are the same either way and left out.
Nothing is stored. Source: BMT-04, issue 3 section 3.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl
import yaml

from openboss.kernel.periods import next_cycle
from openboss.kernel.rounding import LI_PER_FEN
from openboss.modules.billing.functions import RunTariff, bill_in_memory, tariff_of
from openboss.modules.catalog.functions import (
    BillItemTypeView,
    OfferVersionView,
    bill_item_types,
    check_text,
    compile_tariffs,
    reference_frames,
    versions_in_use,
)
from openboss.modules.charging.functions import what_if
from openboss.modules.customers.functions import BillingImage, billing_image, engine_image

CHARGES = {"charge_id": pl.Int64, "subscriber_id": pl.Int64, "item_id": pl.Int16, "source": pl.Int16}
USERS_A_BATCH = 20_000


class NothingToReplay(Exception):
    """No user of the segment has a closed month to replay: choose another segment or other months."""


@dataclass(frozen=True)
class Tariffs:
    """Compiled tariffs with the versions and bill items they were compiled from."""

    tables: what_if.TariffTables
    versions: tuple[OfferVersionView, ...]
    items: tuple[BillItemTypeView, ...]

    def for_bills(self, cycle: int) -> RunTariff:
        """What a bill run of a cycle would read of these versions."""
        following = next_cycle(cycle)
        next_on = date(following // 100, following % 100, 1)
        return tariff_of([one for one in self.versions if one.from_on < next_on], list(self.items))


@dataclass(frozen=True)
class People:
    """The users of a replay as the engine and the bill run know them.

    image     also has whoever they share a group with
    user_ids  whose records are replayed, rising
    """

    user_ids: pl.Series
    image: what_if.Image
    bills: dict[int, BillingImage]


def tariffs_with(drafts: Sequence[str], *, first_cycle: int, on: date) -> Tariffs:
    """Compile what is in use on a day with drafts (document texts) over it, as if in force from the first cycle.

    Of a draft the last version counts. Raises DocumentRefused, TariffRefused.
    """
    versions = list(versions_in_use(on))
    first_on = date(first_cycle // 100, first_cycle % 100, 1)
    largest = max((rule_id for one in versions for rule_id in one.rule_ids.values()), default=0)
    for text in drafts:
        document = check_text(text, name="draft")
        newest = document.versions[-1]
        rule_ids = {code: largest + place for place, (code, *_) in enumerate(newest.rules, 1)}
        largest += len(rule_ids)
        names = {"zh": document.name_zh, "en": document.name_en}
        versions = [one for one in versions if one.offer_id != document.offer_id or one.from_on < first_on]
        versions.append(
            OfferVersionView(
                document.offer_id,
                document.code,
                document.kind,
                document.brand,
                names,
                first_on,
                newest.document,
                rule_ids,
            )
        )
    items = bill_item_types()
    tables = compile_tariffs(versions, items, holidays=reference_frames()["holidays"]["date"])
    return Tariffs(tables, tuple(versions), tuple(items))


def text_of(document: dict[str, object]) -> str:
    """Write a document as text that a draft is read from."""
    return yaml.safe_dump(json.loads(json.dumps(document, default=str)), allow_unicode=True, sort_keys=False)


def with_offers(people: People, swap: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> People:
    """Let users hold other offers: `swap` gives the offer held instead, from user and offer."""
    changed = swap(pl.col("subscriber_id"), pl.col("offer_id")).cast(pl.Int64).alias("offer_id")
    image = people.image._replace(holdings=people.image.holdings.with_columns(changed))
    bills = {cycle: bill._replace(holdings=bill.holdings.with_columns(changed)) for cycle, bill in people.bills.items()}
    return replace(people, image=image, bills=bills)


def replay(
    tariffs: Tariffs,
    people: People,
    cycles: Sequence[int],
    usage_of: Callable[[int, int, int], pl.DataFrame],
    *,
    carried: pl.DataFrame | None = None,
    threads: int = 2,
) -> tuple[dict[int, pl.DataFrame], int, int]:
    """Rate months in a row again; return totals by cycle, and how many records were rated and how many failed.

    usage_of  gives the records of a cycle for users from an id to an id
    carried   subscriber_id, rule_id, carried: what the month before the first left over
    """
    state = what_if.opened(tariffs.tables, people.image, [cycles[0]])
    if carried is not None:
        what_if.carry_in(state, cycles[0], carried)
    ids = people.user_ids
    totals, records, failed = {}, 0, 0
    for cycle in cycles:
        for first in range(0, len(ids), USERS_A_BATCH):
            last = min(first + USERS_A_BATCH, len(ids)) - 1
            usage = usage_of(cycle, int(ids[first]), int(ids[last]))
            usage = usage.filter(pl.col("subscriber_id").is_in(ids[first : last + 1].implode()))
            records += usage.height
            failed += what_if.replay(state, usage, threads)
        state.freeze_cycle(cycle)
        totals[cycle] = what_if.totals_of(state, cycle)
    return totals, records, failed


def everybody(cycles: Iterable[int]) -> People:
    """Read all users of some cycles as the engine and the bill run know them."""
    bills = {cycle: billing_image(cycle=cycle) for cycle in cycles}
    image = what_if.Image(*engine_image())
    known = image.subscribers.select("subscriber_id")
    user_ids = pl.concat([bill.attributes.select("subscriber_id") for bill in bills.values()]).unique()
    return People(user_ids.join(known, on="subscriber_id", how="semi")["subscriber_id"].sort(), image, bills)


def only(people: People, users: pl.DataFrame) -> People:
    """Narrow a replay to some users (column subscriber_id); the others keep numbers and groups, but no offers."""

    def narrowed(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.join(users, on="subscriber_id", how="semi", maintain_order="left")

    bills = {
        cycle: bill._replace(
            attributes=narrowed(bill.attributes),
            holdings=narrowed(bill.holdings),
            stops=narrowed(bill.stops),
            relations=narrowed(bill.relations),
        )
        for cycle, bill in people.bills.items()
    }
    chosen = narrowed(people.user_ids.to_frame())["subscriber_id"]
    return People(chosen, people.image._replace(holdings=narrowed(people.image.holdings)), bills)


def due_of_month(tariffs: Tariffs | RunTariff, cycle: int, totals: pl.DataFrame, image: BillingImage) -> pl.DataFrame:
    """Bill a month of usage totals: subscriber_id, item_id, due_fen; half up to fen per user and item (D3.3).

    tariffs  those in force, or what a bill run of the month has read of them
    """
    users = image.attributes.select("subscriber_id")
    charges = pl.DataFrame(schema={**CHARGES, "charge_li": pl.Int64})
    inputs = {
        "usage": totals.join(users, on="subscriber_id", how="semi"),
        "charges": charges,
        "attributes": image.attributes,
        "holdings": image.holdings.join(users, on="subscriber_id", how="semi"),
        "stops": image.stops.join(users, on="subscriber_id", how="semi"),
        "relations": image.relations.with_columns(payer_id=pl.col("account_id")),
        "members": image.members,
    }
    tariff = tariffs.for_bills(cycle) if isinstance(tariffs, Tariffs) else tariffs
    files = bill_in_memory(cycle=cycle, tariff=tariff, inputs=inputs)
    due_li = pl.col("due_li")
    half_up = due_li.sign() * ((due_li.abs() + LI_PER_FEN // 2) // LI_PER_FEN)
    return files.get(0, "due").select("subscriber_id", "item_id", half_up.cast(pl.Int64).alias("due_fen"))
