"""Questions to bills, their items, and the lines and choices behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from django.db import connection
from django.db.models import Count, Sum

from openboss.kernel.periods import previous_cycle
from openboss.modules.billing.atomic.tables import BILL_ID_STEP
from openboss.modules.billing.models import Bill, BillItem, BillLine, DiscountChoice, FreeUse
from openboss.modules.system.copying import copy_out

FILTERS = {
    "cycle": "cycle",
    "state": "state",
    "account_id": "account_id",
    "customer_id": "customer_id",
    "bill_id": "bill_id",
    "min_fen": "total_fen__gte",
    "max_fen": "total_fen__lte",
}
SORTS = ("bill_id", "account_id", "customer_id", "std_fen", "discount_fen", "total_fen", "due_on", "state", "cycle")


class BillNotFound(LookupError):
    """There is no such bill; bill numbers are the cycle and the account, 16 digits."""


@dataclass(frozen=True)
class BillRow:
    """A bill without its items; bill_no is what is printed on it."""

    bill_id: int
    bill_no: str
    cycle: int
    account_id: int
    customer_id: int
    state: str
    std_fen: int
    discount_fen: int
    total_fen: int
    due_on: date


@dataclass(frozen=True)
class ItemRow:
    """A share of a fee on a bill."""

    subscriber_id: int
    item_id: int
    std_fen: int
    discount_fen: int
    due_fen: int


@dataclass(frozen=True)
class LineRow:
    """A fee of a user before discounts at billing; source as in Source."""

    subscriber_id: int
    item_id: int
    rule_id: int
    source: int
    reference_id: int
    calls: int
    seconds: int
    units: int
    free_units: int
    std_li: int
    act_li: int


@dataclass(frozen=True)
class FreeRow:
    """A free resource of a user in a cycle; unit as in kernel.usage.Unit."""

    subscriber_id: int
    rule_id: int
    unit: int
    granted: int
    used: int
    carried: int


@dataclass(frozen=True)
class ChoiceRow:
    """What a rule did to an item of a user; item_id 0 is an alternative that lost (D6.10)."""

    subscriber_id: int
    rule_id: int
    item_id: int
    phase: int
    chosen: bool
    effect_li: int
    payable_li: int


def bill_no_of(bill_id: int) -> str:
    """The number printed on a bill: cycle and account, 16 digits."""
    return f"{bill_id:016d}"


def bill_row(*, bill_id: int) -> BillRow:
    """Read one bill. Raises BillNotFound."""
    found = Bill.objects.filter(bill_id=bill_id).first()
    if found is None:
        raise BillNotFound(bill_id)
    return _row(found)


def bill_rows(
    *, filters: Mapping[str, Any], sort: str, page: int, page_size: int
) -> tuple[list[BillRow], int, dict[str, int]]:
    """One page of bills, how many match, and the sums over all that match.

    filters  keys of FILTERS; with a cycle the key of the table is used as its index
    """
    given = {FILTERS[name]: value for name, value in filters.items() if value not in (None, "") and name in FILTERS}
    if "cycle" in given:
        cycle = int(given["cycle"])
        given |= {"bill_id__gte": cycle * BILL_ID_STEP, "bill_id__lt": (cycle + 1) * BILL_ID_STEP}
    found = Bill.objects.filter(**given)
    sums = found.aggregate(
        total=Count("bill_id"),
        std_fen=Sum("std_fen", default=0),
        discount_fen=Sum("discount_fen", default=0),
        total_fen=Sum("total_fen", default=0),
    )
    column = sort.removeprefix("-")
    order = sort if column in SORTS else "-bill_id"
    rows = found.order_by(order, "-bill_id")[(page - 1) * page_size : page * page_size]
    return [_row(row) for row in rows], sums.pop("total"), sums


def newest_cycle() -> int | None:
    """The newest cycle that has bills."""
    return Bill.objects.order_by("-bill_id").values_list("cycle", flat=True).first()


def bills_of_accounts(*, account_ids: list[int], months: int) -> list[BillRow]:
    """The bills of some accounts in the newest months, newest first; found by their ids, without a search."""
    cycle = newest_cycle()
    if cycle is None:
        return []
    bill_ids = []
    for _ in range(months):
        bill_ids += [cycle * BILL_ID_STEP + account_id for account_id in account_ids]
        cycle = previous_cycle(cycle)
    return [_row(row) for row in Bill.objects.filter(bill_id__in=bill_ids).order_by("-bill_id")]


def average_bills(*, cycles: Sequence[int]) -> pl.DataFrame:
    """What the released bills of some cycles came to on average of a month with a bill: customer_id, average_fen."""
    return copy_out(
        "SELECT customer_id, (sum(total_fen) / count(DISTINCT cycle))::bigint AS average_fen FROM billing_bill"
        " WHERE cycle = ANY(%s) AND state NOT IN (%s, %s) GROUP BY customer_id ORDER BY customer_id",
        {"customer_id": pl.Int64, "average_fen": pl.Int64},
        (list(cycles), str(Bill.State.NEW), str(Bill.State.ON_HOLD)),
    )


def items_of_bill(*, bill_id: int) -> list[ItemRow]:
    """The items of a bill, by user and kind."""
    rows = BillItem.objects.filter(cycle=bill_id // BILL_ID_STEP, bill_id=bill_id).order_by("subscriber_id", "item_id")
    return [ItemRow(row.subscriber_id, row.item_id, row.std_fen, row.discount_fen, row.due_fen) for row in rows]


def lines_of(*, cycle: int, subscriber_ids: list[int]) -> list[LineRow]:
    """The lines behind the items of some users."""
    names = list(LineRow.__dataclass_fields__)
    rows = BillLine.objects.filter(cycle=cycle, subscriber_id__in=subscriber_ids).order_by(
        "subscriber_id", "item_id", "rule_id", "source", "reference_id"
    )
    return [LineRow(**row) for row in rows.values(*names)]


def free_use_of(*, cycle: int, subscriber_ids: list[int]) -> list[FreeRow]:
    """The free resources of some users in a cycle."""
    names = list(FreeRow.__dataclass_fields__)
    rows = FreeUse.objects.filter(cycle=cycle, subscriber_id__in=subscriber_ids)
    return [FreeRow(**row) for row in rows.order_by("subscriber_id", "rule_id").values(*names)]


def choices_of(*, cycle: int, subscriber_ids: list[int]) -> list[ChoiceRow]:
    """The discounts of some users in the order in which they acted, with the alternatives that lost."""
    names = list(ChoiceRow.__dataclass_fields__)
    rows = DiscountChoice.objects.filter(cycle=cycle, subscriber_id__in=subscriber_ids)
    return [ChoiceRow(**row) for row in rows.order_by("subscriber_id", "phase", "rule_id", "item_id").values(*names)]


def due_by_item(*, cycle: int, subscriber_ids: list[int]) -> dict[tuple[int, int], int]:
    """What users owe by item over all paying accounts, in li: lines plus discounts (for shares of an explanation)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT subscriber_id, item_id, sum(li)::bigint FROM (
                SELECT subscriber_id, item_id, act_li AS li FROM billing_billline
                WHERE cycle = %s AND subscriber_id = ANY(%s)
                UNION ALL
                SELECT subscriber_id, item_id, effect_li FROM billing_discountchoice
                WHERE cycle = %s AND subscriber_id = ANY(%s) AND chosen
            ) parts GROUP BY subscriber_id, item_id
            """,
            [cycle, subscriber_ids, cycle, subscriber_ids],
        )
        return {(subscriber_id, item_id): li for subscriber_id, item_id, li in cursor.fetchall()}


def _row(row: Bill) -> BillRow:
    return BillRow(
        row.bill_id,
        bill_no_of(row.bill_id),
        row.cycle,
        row.account_id,
        row.customer_id,
        row.state,
        row.std_fen,
        row.discount_fen,
        row.total_fen,
        row.due_on,
    )


def items_due(*, since: int, before: int) -> pl.DataFrame:
    """Read what users' items came to on the bills of some cycles, released ones only: for rules on past spending.

    Returns subscriber_id, cycle, item_id, due_fen; nothing where since = before. Source: ACP-08 (accumulated spend).
    """
    kinds = {"subscriber_id": pl.Int64, "cycle": pl.Int32, "item_id": pl.Int16, "due_fen": pl.Int64}
    return copy_out(
        "SELECT i.subscriber_id, i.cycle, i.item_id, sum(i.due_fen)::bigint FROM billing_billitem i"
        " JOIN billing_billcycle c USING (cycle)"
        f" WHERE i.cycle >= {int(since)} AND i.cycle < {int(before)} AND c.state IN ('RELEASED', 'CLOSED')"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        kinds,
    )
