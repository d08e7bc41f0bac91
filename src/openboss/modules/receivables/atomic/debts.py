"""Open items and the money of accounts: read for clearing, changed by clearing (D8.1, D8.2). Many accounts at once."""

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl
from django.db import connection

from openboss.modules.receivables.models import Bucket
from openboss.modules.system.copying import copy_in, copy_out

BILLS = {
    "bill_id": pl.Int64,
    "cycle": pl.Int32,
    "account_id": pl.Int64,
    "customer_id": pl.Int64,
    "total_fen": pl.Int64,
    "open_fen": pl.Int64,
    "due_on": pl.Date,
    "late_from_on": pl.Date,
    "late_cap_fen": pl.Int64,
    "late_fen": pl.Int64,
    "standing": pl.String,
}
ITEMS = {
    "bill_id": pl.Int64,
    "subscriber_id": pl.Int64,
    "item_id": pl.Int16,
    "rank": pl.Int16,
    "is_late_exempt": pl.Boolean,
    "due_fen": pl.Int64,
    "paid_fen": pl.Int64,
}
BUCKETS = {
    "bucket_id": pl.Int64,
    "account_id": pl.Int64,
    "kind": pl.String,
    "balance_fen": pl.Int64,
    "item_ids": pl.String,  # {31,32}
}


def lock_accounts(account_ids: Sequence[int]) -> None:
    """Let nobody else move money of these accounts until this transaction ends; in one order, so that none waits
    for another in a circle."""
    wanted = sorted(set(account_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO receivables_standing (account_id, extra_fen, is_exempt, exposure_fen)"
            " SELECT a, 0, false, 0 FROM unnest(%s::bigint[]) a ORDER BY a ON CONFLICT DO NOTHING",
            [wanted],
        )
        cursor.execute(
            "SELECT 1 FROM receivables_standing WHERE account_id = ANY(%s) ORDER BY account_id FOR UPDATE", [wanted]
        )


def open_bills(account_ids: Sequence[int]) -> pl.DataFrame:
    """The bills of accounts on which something is open, columns of BILLS."""
    return copy_out(
        f"SELECT {', '.join(BILLS)} FROM receivables_receivable WHERE account_id = ANY(%s) AND open_fen > 0",
        BILLS,
        (list(account_ids),),
    )


def items_of(bill_ids: Sequence[int]) -> pl.DataFrame:
    """The items of bills, paid ones too, columns of ITEMS."""
    frame = copy_out(
        f"SELECT {', '.join(ITEMS).replace('is_late_exempt', 'is_late_exempt::int')} FROM receivables_openitem"
        " WHERE bill_id = ANY(%s)",
        ITEMS | {"is_late_exempt": pl.Int8},
        (list(bill_ids),),
    )
    return frame.with_columns(pl.col("is_late_exempt").cast(pl.Boolean))


def buckets_of(account_ids: Sequence[int], *, kinds: Sequence[str], on: date) -> pl.DataFrame:
    """The money accounts have in buckets of some kinds that are valid on a day, columns of BUCKETS, the kinds in the
    order given, inside a kind those that end first."""
    return copy_out(
        "SELECT bucket_id, account_id, kind, balance_fen, item_ids::text FROM receivables_bucket"
        " WHERE account_id = ANY(%s) AND kind = ANY(%s) AND balance_fen > 0"
        " AND valid_from_on <= %s AND (valid_to_on IS NULL OR valid_to_on > %s)"
        " ORDER BY account_id, array_position(%s, kind::text), valid_to_on NULLS LAST, bucket_id",
        BUCKETS,
        (list(account_ids), list(kinds), on, on, list(kinds)),
    )


def put_receivables(*, bills: pl.DataFrame, items: pl.DataFrame, booked_at: datetime) -> None:
    """Store released bills as debts, in the caller's transaction.

    bills  bill_id, cycle, account_id, customer_id, total_fen, open_fen, due_on, late_from_on
    items  columns of ITEMS
    """
    copy_in(
        "receivables_receivable",
        bills.with_columns(
            late_fen=pl.lit(0),
            written_off_fen=pl.lit(0),
            standing=pl.lit("NORMAL"),
            booked_at=pl.lit(booked_at),
        ),
    )
    copy_in("receivables_openitem", items)


def add_to_bucket(*, account_ids: Sequence[int], kind: str, amounts_fen: Sequence[int], on: date) -> dict[int, int]:
    """Put money into the CASH or DEPOSIT bucket of accounts (each named once); return their bucket ids by account."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO receivables_bucket (account_id, kind, item_ids, valid_from_on, balance_fen)"
            " SELECT a, %s, '{}', %s, f FROM unnest(%s::bigint[], %s::bigint[]) AS added(a, f) ORDER BY a"
            " ON CONFLICT (account_id, kind) WHERE kind IN ('CASH', 'DEPOSIT')"
            " DO UPDATE SET balance_fen = receivables_bucket.balance_fen + excluded.balance_fen"
            " RETURNING account_id, bucket_id",
            [kind, on, list(account_ids), list(amounts_fen)],
        )
        return dict(cursor.fetchall())


def open_bucket(
    *, account_id: int, kind: str, balance_fen: int, item_ids: Sequence[int], from_on: date, to_on: date | None
) -> int:
    """Give an account a bucket of its own for a gift; return its id."""
    row = Bucket.objects.create(
        account_id=account_id,
        kind=kind,
        item_ids=list(item_ids),
        valid_from_on=from_on,
        valid_to_on=to_on,
        balance_fen=balance_fen,
    )
    return row.bucket_id


def change_buckets(*, bucket_ids: Sequence[int], amounts_fen: Sequence[int]) -> None:
    """Add to buckets, or take from them (below zero); a balance below zero is refused by the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE receivables_bucket b SET balance_fen = balance_fen + c.f"
            " FROM (SELECT id, sum(f)::bigint AS f FROM unnest(%s::bigint[], %s::bigint[]) AS c(id, f) GROUP BY id) c"
            " WHERE b.bucket_id = c.id",
            [list(bucket_ids), list(amounts_fen)],
        )


def pay_items(paid: pl.DataFrame) -> None:
    """Add to what is paid of items (below zero: take back): bill_id, subscriber_id, item_id, paid_fen."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE receivables_openitem i SET paid_fen = i.paid_fen + c.f"
            " FROM (SELECT b, s, k, sum(f)::bigint AS f FROM"
            " unnest(%s::bigint[], %s::bigint[], %s::smallint[], %s::bigint[]) AS c(b, s, k, f) GROUP BY b, s, k) c"
            " WHERE i.bill_id = c.b AND i.subscriber_id = c.s AND i.item_id = c.k",
            [paid[name].to_list() for name in ("bill_id", "subscriber_id", "item_id", "paid_fen")],
        )


def book_late_fees(*, fees: pl.DataFrame, item_id: int, rank: int) -> None:
    """Add late fees to bills and move their clocks: bill_id, fee_fen, late_from_on (the next day to count),
    late_cap_fen. A fee below zero takes a booking back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO receivables_openitem"
            " (bill_id, subscriber_id, item_id, rank, is_late_exempt, due_fen, paid_fen)"
            " SELECT b, 0, %s, %s, true, f, 0 FROM unnest(%s::bigint[], %s::bigint[]) AS c(b, f) WHERE f <> 0"
            " ON CONFLICT (bill_id, subscriber_id, item_id)"
            " DO UPDATE SET due_fen = receivables_openitem.due_fen + excluded.due_fen",
            [item_id, rank, fees["bill_id"].to_list(), fees["fee_fen"].to_list()],
        )
        cursor.execute(
            "UPDATE receivables_receivable r SET open_fen = open_fen + f, late_fen = late_fen + f,"
            " late_from_on = d, late_cap_fen = cap"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::date[], %s::bigint[]) AS c(b, f, d, cap) WHERE bill_id = b",
            [fees[name].to_list() for name in ("bill_id", "fee_fen", "late_from_on", "late_cap_fen")],
        )


def close_bills(*, bill_ids: Sequence[int], paid_fen: Sequence[int]) -> pl.DataFrame:
    """Take what was paid (each bill once; below zero: give back) off what is open; say what is open now and in all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE receivables_receivable r SET open_fen = open_fen - f"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS c(b, f) WHERE bill_id = b"
            " RETURNING bill_id, open_fen, total_fen, late_fen",
            [list(bill_ids), list(paid_fen)],
        )
        schema = {"bill_id": pl.Int64, "open_fen": pl.Int64, "total_fen": pl.Int64, "late_fen": pl.Int64}
        return pl.DataFrame(cursor.fetchall(), schema=schema, orient="row")


def put_clearings(*, clearings: pl.DataFrame, allocations: pl.DataFrame, late_fees: pl.DataFrame) -> None:
    """Write down acts of clearing: what paid what, and the late fees booked by them."""
    copy_in("receivables_clearing", clearings)
    copy_in("receivables_allocation", allocations)
    copy_in("receivables_latefee", late_fees)
