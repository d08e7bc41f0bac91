"""The partitioned tables of bills: opened for a cycle, filled by COPY, emptied when a trial is cancelled."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import LiteralString, cast

import numpy as np
import polars as pl
from django.db import connection, transaction
from django.db.models import Count, Q, Sum

from openboss.kernel.periods import previous_cycle
from openboss.modules.billing.models import Bill, BillCycle, Source
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.atomic.listeners import announce
from openboss.modules.system.copying import copy_out
from openboss.modules.system.statements import run

PARTITIONED = ("billing_billitem", "billing_billline", "billing_freeuse", "billing_discountchoice")
BILL_ID_STEP = 10_000_000_000
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_WIDTHS = {pl.Int64: ">i8", pl.Int32: ">i4", pl.Int16: ">i2", pl.Boolean: "u1"}


class ReleasedBills(Exception):
    """The bills of this cycle are released and final; correct them by an adjustment in the open cycle."""


def open_tables(*, cycle: int) -> None:
    """Make the partitions of a cycle; making them again changes nothing."""
    with connection.cursor() as cursor:
        for table in PARTITIONED:
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {table}_{int(cycle)} PARTITION OF {table} FOR VALUES IN ({int(cycle)})"
            )


@transaction.atomic
def put_part(*, cycle: int, frames: dict[str, pl.DataFrame]) -> int:
    """Store the trial bills of one part, all or nothing; return the rows stored. Raises ReleasedBills.

    frames  by table name; integers and booleans, texts of one length a column, days as days since 2000-01-01
    """
    _refuse_released(cycle)
    return sum(
        copy_binary(table if table == "billing_bill" else f"{table}_{cycle}", frame) for table, frame in frames.items()
    )


@transaction.atomic
def empty_tables(*, cycle: int) -> None:
    """Remove every trial bill of a cycle. Raises ReleasedBills."""
    _refuse_released(cycle)
    with connection.cursor() as cursor:
        for table in PARTITIONED:
            cursor.execute(f"TRUNCATE {table}_{int(cycle)}")
    _bills(cycle).delete()


@transaction.atomic
def begin_release(*, cycle: int, at: datetime, staff_id: int, login: str) -> None:
    """Make the bills of an audited cycle final: from here on none of them changes. Raises ReleasedBills."""
    row = BillCycle.objects.select_for_update().get(cycle=cycle)
    _refuse_released(cycle)
    assert row.state == "AUDITED", "release_cycle checks the state and the signatures"
    row.state, row.released_at, row.released_by = "RELEASED", at, login
    row.save()
    record_audit(
        staff_id=staff_id,
        action="billing.release",
        object_kind="billcycle",
        object_id=cycle,
        at=at,
        after=asdict(bill_totals(cycle=cycle)),
    )


def validate_part(*, cycle: int, part: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make the bills of one part payable in the caller's transaction; return them and their items.

    bills  bill_id, cycle, account_id, customer_id, total_fen, due_on;  items  bill_id, subscriber_id, item_id, due_fen
    """
    bounds = [cycle * BILL_ID_STEP, (cycle + 1) * BILL_ID_STEP, part]
    of_part = "bill_id >= %s AND bill_id < %s AND part = %s"
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE billing_bill SET state = 'validated' WHERE {of_part} AND state = 'new'", bounds)
    bills = copy_out(
        f"SELECT bill_id, cycle, account_id, customer_id, total_fen, due_on FROM billing_bill WHERE {of_part}",
        {
            "bill_id": pl.Int64,
            "cycle": pl.Int32,
            "account_id": pl.Int64,
            "customer_id": pl.Int64,
            "total_fen": pl.Int64,
            "due_on": pl.Date,
        },
        bounds,
    )
    items = copy_out(
        "SELECT i.bill_id, i.subscriber_id, i.item_id, i.due_fen FROM billing_billitem i JOIN billing_bill b"
        f" USING (bill_id) WHERE i.cycle = {int(cycle)} AND {of_part}",
        {"bill_id": pl.Int64, "subscriber_id": pl.Int64, "item_id": pl.Int16, "due_fen": pl.Int64},
        bounds,
    )
    _announce(cycle, bills["bill_id"].to_list())
    return bills, items


def _announce(cycle: int, bill_ids: Sequence[int]) -> None:
    released_at = BillCycle.objects.get(cycle=cycle).released_at
    assert released_at is not None, "begin_release came first"
    announce(
        kind="customerBill",
        event="CustomerBillStateChangeEvent",
        object_ids=bill_ids,
        state="validated",
        at=released_at,
    )


def released_totals(*, cycle: int) -> pl.DataFrame:
    """What each released bill of a cycle comes to: bill_id, total_fen."""
    return copy_out(
        "SELECT bill_id, total_fen FROM billing_bill WHERE bill_id >= %s AND bill_id < %s"
        " AND state NOT IN ('new', 'onHold')",
        {"bill_id": pl.Int64, "total_fen": pl.Int64},
        [cycle * BILL_ID_STEP, (cycle + 1) * BILL_ID_STEP],
    )


def item_dues(*, cycle: int) -> pl.DataFrame:
    """What each item of the released bills of a cycle comes to: bill_id, subscriber_id, item_id, due_fen."""
    return copy_out(
        "SELECT i.bill_id, i.subscriber_id, i.item_id, i.due_fen FROM billing_billitem i JOIN billing_bill b"
        " USING (bill_id) WHERE i.cycle = %s AND b.state NOT IN ('new', 'onHold')",
        {"bill_id": pl.Int64, "subscriber_id": pl.Int64, "item_id": pl.Int16, "due_fen": pl.Int64},
        [cycle],
    )


def fees_of_use(*, cycle: int) -> pl.DataFrame:
    """What users are billed for use before discounts at billing: subscriber_id, item_id, act_li."""
    return copy_out(
        "SELECT subscriber_id, item_id, sum(act_li)::bigint FROM billing_billline"
        " WHERE cycle = %s AND source = ANY(%s) AND reference_id = 0 GROUP BY 1, 2 HAVING sum(act_li) <> 0",
        {"subscriber_id": pl.Int64, "item_id": pl.Int16, "act_li": pl.Int64},
        [cycle, [int(Source.USAGE), int(Source.THIRD_PARTY)]],
    )


def note_settlement(*, bill_ids: Sequence[int], states: Sequence[str]) -> None:
    """Note how far released bills are paid: validated, partiallySettled, settled or writtenOff."""
    run(
        "UPDATE billing_bill b SET state = c.s FROM unnest(%s::bigint[], %s::text[]) AS c(b, s)"
        " WHERE bill_id = c.b AND b.state <> c.s AND b.state NOT IN ('new', 'onHold')",
        [list(bill_ids), list(states)],
    )


def _refuse_released(cycle: int) -> None:
    if BillCycle.objects.filter(cycle=cycle, state__in=["RELEASED", "CLOSED"]).exists():
        raise ReleasedBills(cycle)


def _bills(cycle: int):  # type: ignore[no-untyped-def]
    """The bills of a cycle as a range of their key, which needs no index of its own."""
    return Bill.objects.filter(bill_id__gte=cycle * BILL_ID_STEP, bill_id__lt=(cycle + 1) * BILL_ID_STEP)


def copy_binary(table: str, frame: pl.DataFrame) -> int:
    """Append a frame by PostgreSQL's binary COPY: fixed-width rows are one array, made without a loop."""
    if frame.is_empty():
        return 0
    fields: list[tuple[str, str]] = [("count", ">i2")]
    for place, kind in enumerate(frame.dtypes):
        width = f"S{frame[:, place].str.len_bytes()[0]}" if kind == pl.String else _width(kind)
        fields += [(f"length{place}", ">i4"), (f"value{place}", width)]
    rows = np.empty(frame.height, np.dtype(fields))
    rows["count"] = frame.width
    for place, column in enumerate(frame.get_columns()):
        rows[f"length{place}"] = rows.dtype[f"value{place}"].itemsize
        values = column.to_numpy() if column.dtype != pl.String else column.to_numpy().astype("S")
        rows[f"value{place}"] = values
    columns = ", ".join(frame.columns)
    with connection.cursor() as cursor:
        statement = cast(LiteralString, f"COPY {table} ({columns}) FROM STDIN WITH (FORMAT binary)")
        with cursor.copy(statement) as copy:
            copy.write(_HEADER)
            for start in range(0, len(rows), 16_384):
                copy.write(rows[start : start + 16_384].tobytes())
            copy.write(b"\xff\xff")
    return frame.height


def _width(kind: pl.DataType) -> str:
    for known, width in _WIDTHS.items():
        if kind == known:
            return width
    raise AssertionError(f"no fixed width for {kind}")


def item_totals(*, cycle: int) -> pl.DataFrame:
    """Sum the bill items of a cycle by kind: item_id, rows, users, std_fen, due_fen."""
    return copy_out(
        f"SELECT item_id, count(*), sum(std_fen)::bigint, sum(due_fen)::bigint FROM billing_billitem"
        f" WHERE cycle = {int(cycle)} GROUP BY item_id ORDER BY item_id",
        {"item_id": pl.Int16, "rows": pl.Int64, "std_fen": pl.Int64, "due_fen": pl.Int64},
    )


def line_totals(*, cycle: int) -> pl.DataFrame:
    """Sum the bill lines of a cycle by source: source, rows, act_li."""
    return copy_out(
        f"SELECT source, count(*), sum(act_li)::bigint FROM billing_billline WHERE cycle = {int(cycle)}"
        f" GROUP BY source ORDER BY source",
        {"source": pl.Int16, "rows": pl.Int64, "act_li": pl.Int64},
    )


@dataclass(frozen=True)
class BillTotals:
    """How many bills a cycle has and what they add up to."""

    bills: int
    zero: int
    total_fen: int


def bill_totals(*, cycle: int) -> BillTotals:
    """Sum the bills of a cycle."""
    found = _bills(cycle).aggregate(
        bills=Count("bill_id"), zero=Count("bill_id", filter=Q(total_fen=0)), total_fen=Sum("total_fen", default=0)
    )
    return BillTotals(**found)


def highest_bills(*, cycle: int, limit: int) -> list[tuple[int, int]]:
    """The highest bills of a cycle: bill_id, total_fen."""
    return list(_bills(cycle).order_by("-total_fen", "bill_id").values_list("bill_id", "total_fen")[:limit])


def negative_bills(*, cycle: int, limit: int) -> list[tuple[int, int]]:
    """Bills below zero, the lowest first: bill_id, total_fen."""
    found = _bills(cycle).filter(total_fen__lt=0).order_by("total_fen", "bill_id")
    return list(found.values_list("bill_id", "total_fen")[:limit])


def jumping_bills(*, cycle: int, limit: int) -> list[tuple[int, int, int]]:
    """Bills above five times the average of the three cycles before: bill_id, average, total_fen (D7.8)."""
    earlier = [previous_cycle(cycle)]
    earlier += [previous_cycle(earlier[-1])]
    earlier += [previous_cycle(earlier[-1])]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT now.bill_id, usual.total_fen, now.total_fen
            FROM billing_bill now
            JOIN (
                SELECT account_id, sum(total_fen)::bigint / 3 AS total_fen, count(*) AS months FROM billing_bill
                WHERE bill_id >= %s AND bill_id < %s GROUP BY account_id
            ) usual USING (account_id)
            WHERE now.bill_id >= %s AND now.bill_id < %s AND usual.months = 3 AND usual.total_fen > 0
                AND now.total_fen > 5 * usual.total_fen
            ORDER BY now.total_fen DESC LIMIT %s
            """,
            [
                earlier[2] * BILL_ID_STEP,
                cycle * BILL_ID_STEP,
                cycle * BILL_ID_STEP,
                (cycle + 1) * BILL_ID_STEP,
                limit,
            ],
        )
        return cursor.fetchall()


def due_of_subscriber(*, cycle: int, subscriber_id: int, account_ids: list[int]) -> dict[tuple[int, int], int]:
    """What is due for a user in a cycle, as stored on the bills of these accounts: fen by account and item.

    Items of nothing are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bill_id, item_id, due_fen FROM billing_billitem"
            " WHERE cycle = %s AND bill_id = ANY(%s) AND subscriber_id = %s AND due_fen <> 0",
            [cycle, [cycle * BILL_ID_STEP + account_id for account_id in account_ids], subscriber_id],
        )
        return {(bill_id - cycle * BILL_ID_STEP, item_id): due_fen for bill_id, item_id, due_fen in cursor.fetchall()}
