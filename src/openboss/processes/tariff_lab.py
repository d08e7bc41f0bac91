"""The tariff lab: what the last months would have brought under a draft. Read from top to bottom.

    segment   whose months
    now       what they were billed for their usage, from the frozen totals of those months
    then      the same months lived again under the draft (replay_months)
    compare   revenue by item, winners and losers, who is affected most

Nothing is persisted in billing. Source: BMT-04, issue 3 section 3.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from openboss.modules.catalog.functions import BillItemTypeView, offers
from openboss.modules.charging.functions.freezes import frozen_totals
from openboss.modules.charging.functions.what_if import rated_usage
from openboss.processes.replay_months import (
    NothingToReplay,
    People,
    Tariffs,
    due_of_month,
    everybody,
    only,
    replay,
    tariffs_with,
    with_offers,
)

EDGES_FEN = (-10_000, -5_000, -2_000, -1_000, -500, -100, 0, 100, 500, 1_000, 2_000, 5_000, 10_000)
MOST_AFFECTED = 20


@dataclass(frozen=True)
class Segment:
    """Whose months are replayed; what is not said does not narrow it."""

    brand: str | None = None
    offer: str | None = None  # holders of this offer
    customer_class: str | None = None
    home_area: int | None = None
    subscriber_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class ItemChange:
    """What an item brought and would bring."""

    item_id: int
    code: str
    names: dict[str, str]
    now_fen: int
    then_fen: int


@dataclass(frozen=True)
class ChangeBand:
    """How many users would pay so much more (positive) or less a month: from_fen < change <= to_fen; None = open."""

    from_fen: int | None
    to_fen: int | None
    users: int


@dataclass(frozen=True)
class UserChange:
    """One user's months together, as billed for usage and fees and as they would be."""

    subscriber_id: int
    now_fen: int
    then_fen: int


@dataclass(frozen=True)
class Lived:
    """Months as they were: tariffs, users, and totals of use by cycle (the schema of frozen totals)."""

    tariffs: Tariffs
    people: People
    totals: Mapping[int, pl.DataFrame]


@dataclass(frozen=True)
class LabResult:
    """What a draft would have changed; `by_user` (subscriber_id, now_fen, then_fen) is for export."""

    cycles: tuple[int, ...]
    users: int
    records: int
    failed: int
    now_fen: int
    then_fen: int
    items: tuple[ItemChange, ...]
    winners: int
    losers: int
    unchanged: int
    histogram: tuple[ChangeBand, ...]
    most_saved: tuple[UserChange, ...]
    most_charged: tuple[UserChange, ...]
    by_user: pl.DataFrame


def run(
    *,
    drafts: Sequence[str],
    cycles: Sequence[int],
    on: date,
    segment: Segment = Segment(),  # noqa: B008 -- a frozen value
    swaps: Mapping[str, str] | None = None,
    threads: int = 2,
) -> LabResult:
    """Replay closed months in a row under drafts, and compare with what they brought.

    drafts   texts of tariff documents (YAML); each replaces the version in force, as if since the first month
    cycles   202609, 202610 ...: closed ones
    swaps    users who hold this offer would hold that one, such as {"GOTONE_98": "GOTONE_NEW"}
    Raises NothingToReplay, DocumentRefused, TariffRefused.
    """
    months = tuple(sorted(cycles))
    if not months:
        raise NothingToReplay("no month is chosen")
    now_tariffs = tariffs_with([], first_cycle=months[0], on=on)
    then_tariffs = tariffs_with(drafts, first_cycle=months[0], on=on)
    people = _people(segment, months)
    then_people = _moved(people, swaps or {}, then_tariffs)
    frozen = {cycle: frozen_totals(cycle) for cycle in months}
    return lived_again(
        Lived(now_tariffs, people, {cycle: frozen[cycle][0] for cycle in months}),
        then_tariffs,
        then_people,
        lambda cycle, first, last: rated_usage(cycle, first_id=first, last_id=last),
        carried=_carried(frozen[months[0]][1], now_tariffs, then_tariffs),
        threads=threads,
    )


def lived_again(
    now: Lived,
    then_tariffs: Tariffs,
    then_people: People,
    usage_of: Callable[[int, int, int], pl.DataFrame],
    *,
    carried: pl.DataFrame | None = None,
    threads: int = 2,
) -> LabResult:
    """Rate and bill the same months under other tariffs, and compare; everything is at hand, no database is asked.

    usage_of  gives the records of a cycle for users from an id to an id
    carried   subscriber_id, rule_id, carried: what the month before the first left over
    """
    months = tuple(sorted(now.totals))
    totals, records, failed = replay(then_tariffs, then_people, months, usage_of, carried=carried, threads=threads)
    due_now = _due(now.tariffs, now.totals, now.people)
    due_then = _due(then_tariffs, totals, then_people)
    return _compared(months, now.people, due_now, due_then, now.tariffs.items, records, failed)


def _people(segment: Segment, cycles: Sequence[int]) -> People:
    people = everybody(cycles)
    users = pl.concat([bill.attributes for bill in people.bills.values()]).unique("subscriber_id")
    for name in ("brand", "customer_class", "home_area"):
        wanted = getattr(segment, name)
        users = users if wanted is None else users.filter(pl.col(name) == wanted)
    if segment.subscriber_ids:
        users = users.filter(pl.col("subscriber_id").is_in(list(segment.subscriber_ids)))
    if segment.offer is not None:
        held = people.image.holdings.filter(pl.col("offer_id").is_in(_ids(segment.offer)))
        users = users.join(held, on="subscriber_id", how="semi")
    if users.is_empty():
        raise NothingToReplay(repr(segment))
    return people if users.height == len(people.user_ids) else only(people, users.select("subscriber_id"))


def _ids(code: str) -> list[int]:
    return [offer.offer_id for offer in offers() if offer.code == code]


def _moved(people: People, swaps: Mapping[str, str], tariffs: Tariffs) -> People:
    """Let holders of some offers hold others."""
    ids = {version.code: version.offer_id for version in tariffs.versions}
    unknown = [code for pair in swaps.items() for code in pair if code not in ids]
    if unknown:
        raise NothingToReplay(f"there is no offer {unknown[0]} among the tariffs and drafts")
    mapping = {ids[before]: ids[after] for before, after in swaps.items()}
    return with_offers(people, lambda _, offer: offer.replace(mapping)) if mapping else people


def _carried(free_use: pl.DataFrame, now: Tariffs, then: Tariffs) -> pl.DataFrame:
    """What the month before left over, under the rules' ids of the draft; resources the draft drops are lost."""
    names = {rule_id: (one.offer_id, code) for one in now.versions for code, rule_id in one.rule_ids.items()}
    ids = {(one.offer_id, code): rule_id for one in then.versions for code, rule_id in one.rule_ids.items()}
    left = free_use.filter(pl.col("carried") > 0)
    mapping = {rule_id: ids.get(names.get(rule_id, (0, ""))) for rule_id in left["rule_id"].unique().to_list()}
    moved = left.with_columns(pl.col("rule_id").replace_strict(mapping, default=None, return_dtype=pl.Int32))
    return moved.drop_nulls("rule_id").select("subscriber_id", "rule_id", "carried")


def _due(tariffs: Tariffs, totals: Mapping[int, pl.DataFrame], people: People) -> pl.DataFrame:
    return pl.concat([due_of_month(tariffs, cycle, totals[cycle], people.bills[cycle]) for cycle in totals])


def _compared(
    cycles: tuple[int, ...],
    people: People,
    now: pl.DataFrame,
    then: pl.DataFrame,
    items: tuple[BillItemTypeView, ...],
    records: int,
    failed: int,
) -> LabResult:
    by_user = (
        people.user_ids.to_frame()
        .join(now.group_by("subscriber_id").agg(now_fen=pl.col("due_fen").sum()), on="subscriber_id", how="left")
        .join(then.group_by("subscriber_id").agg(then_fen=pl.col("due_fen").sum()), on="subscriber_id", how="left")
        .with_columns(pl.col("now_fen", "then_fen").fill_null(0))
        .sort("subscriber_id")
    )
    change = by_user["then_fen"] - by_user["now_fen"]
    return LabResult(
        cycles=cycles,
        users=by_user.height,
        records=records,
        failed=failed,
        now_fen=int(by_user["now_fen"].sum()),
        then_fen=int(by_user["then_fen"].sum()),
        items=_items(now, then, items),
        winners=int((change < 0).sum()),
        losers=int((change > 0).sum()),
        unchanged=int((change == 0).sum()),
        histogram=_histogram(change, len(cycles)),
        most_saved=_most(by_user, descending=False),
        most_charged=_most(by_user, descending=True),
        by_user=by_user,
    )


def _items(now: pl.DataFrame, then: pl.DataFrame, items: tuple[BillItemTypeView, ...]) -> tuple[ItemChange, ...]:
    sums = [dict(frame.group_by("item_id").agg(pl.col("due_fen").sum()).iter_rows()) for frame in (now, then)]
    return tuple(
        ItemChange(
            item.item_id,
            item.code,
            {"zh": item.name_zh, "en": item.name_en},
            sums[0].get(item.item_id, 0),
            sums[1].get(item.item_id, 0),
        )
        for item in items
        if item.item_id in sums[0] or item.item_id in sums[1]
    )


def _histogram(change: pl.Series, months: int) -> tuple[ChangeBand, ...]:
    """Count users by what changes a month; nothing changed is a band of its own (from 0 to 0)."""
    monthly = change / months
    edges: list[int | None] = [None, *EDGES_FEN, None]
    bands = []
    for low, high in zip(edges, edges[1:], strict=False):
        inside = monthly != 0
        if low is not None:
            inside &= monthly > low
        if high is not None:
            inside &= monthly <= high
        bands.append(ChangeBand(low, high, int(inside.sum())))
    place = EDGES_FEN.index(0) + 1
    return (*bands[:place], ChangeBand(0, 0, int((monthly == 0).sum())), *bands[place:])


def _most(by_user: pl.DataFrame, *, descending: bool) -> tuple[UserChange, ...]:
    change = pl.col("then_fen") - pl.col("now_fen")
    affected = by_user.filter(change > 0 if descending else change < 0)
    rows = affected.sort(change, "subscriber_id", descending=[descending, False]).head(MOST_AFFECTED)
    return tuple(UserChange(*row) for row in rows.iter_rows())
