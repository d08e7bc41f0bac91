"""Questions of finance: takings by day, what is open by age and level, money of users, acts of clearing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db import connection

from openboss.modules.receivables.models import Bucket
from openboss.modules.system.copying import copy_out

AGES_DAYS = (0, 30, 60, 90, 180, 360)
AGE_COLUMNS = ("not_due_fen", "d30_fen", "d60_fen", "d90_fen", "d180_fen", "d360_fen", "older_fen")
_KEYS = {
    "ACCOUNT": ("r.account_id", "receivables_receivable r", "r.open_fen"),
    "CUSTOMER": ("r.customer_id", "receivables_receivable r", "r.open_fen"),
    "USER": (
        "i.subscriber_id",
        "receivables_receivable r JOIN receivables_openitem i USING (bill_id)",
        "(i.due_fen - i.paid_fen)",
    ),
    "GROUP": (
        "g.group_id",
        "receivables_receivable r JOIN receivables_openitem i USING (bill_id)"
        " JOIN unnest(%(groups)s::bigint[], %(members)s::bigint[]) AS g(group_id, subscriber_id) USING (subscriber_id)",
        "(i.due_fen - i.paid_fen)",
    ),
}


@dataclass(frozen=True)
class AgedRow:
    """What one user, account, customer or group has open, by days after the due day."""

    key: int
    bills: int
    oldest_due_on: date
    open_fen: int
    not_due_fen: int
    d30_fen: int
    d60_fen: int
    d90_fen: int
    d180_fen: int
    d360_fen: int
    older_fen: int


@dataclass(frozen=True)
class MoneyRow:
    """A bucket of an account with money in it."""

    bucket_id: int
    account_id: int
    kind: str
    balance_fen: int
    valid_to_on: date | None


@dataclass(frozen=True)
class ClearingRow:
    """One act of clearing: what caused it, how much it paid of how many bills, and its late fee."""

    clearing_id: int
    at: datetime
    account_id: int
    payment_id: int | None
    entry_id: int
    bills: int
    paid_fen: int
    late_fee_fen: int
    is_undone: bool


def aged_by(
    *,
    level: str,
    on: date,
    key: int | None = None,
    members: pl.DataFrame | None = None,
    sort: str = "-open_fen",
    page: int = 1,
    page_size: int = 50,
) -> tuple[list[AgedRow], int, dict[str, int]]:
    """What is open at a level (USER, ACCOUNT, CUSTOMER, GROUP), the rows of a page, how many there are, and the sums.

    key      one user, account, customer or group only
    members  for GROUP: group_id, subscriber_id
    """
    column, tables, amount = _KEYS[level]
    assert sort.removeprefix("-") in AgedRow.__dataclass_fields__
    query = (
        f"SELECT {column} AS key, count(DISTINCT r.bill_id) AS bills, min(r.due_on) AS oldest_due_on,"
        f" sum({amount})::bigint AS open_fen, {_age_sums(amount)} FROM {tables}"
        f" WHERE r.open_fen > 0 AND {amount} <> 0 AND (%(key)s::bigint IS NULL OR {column} = %(key)s)"
        f" GROUP BY 1 HAVING sum({amount}) <> 0"
    )
    values: dict[str, object] = {"on": on, "key": key, "size": page_size, "skip": (page - 1) * page_size}
    if members is not None:
        values |= {"groups": members["group_id"].to_list(), "members": members["subscriber_id"].to_list()}
    order = f"{sort.removeprefix('-')} {'DESC' if sort.startswith('-') else 'ASC'}, key"
    sums = ", ".join(f"coalesce(sum({name}), 0)::bigint" for name in ("open_fen", *AGE_COLUMNS))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*), {sums} FROM ({query}) aged", values)
        total, *whole = cursor.fetchone()
        cursor.execute(f"{query} ORDER BY {order} LIMIT %(size)s OFFSET %(skip)s", values)
        rows = [AgedRow(*row) for row in cursor.fetchall()]
    return rows, total, dict(zip(("open_fen", *AGE_COLUMNS), whole, strict=True))


def _age_sums(open_sql: str) -> str:
    """One sum for each span of days after the due day, as functions.owed has them."""
    days = "(%(on)s::date - r.due_on)"
    spans = [f"{days} <= 0"]
    spans += [f"{days} > {a} AND {days} <= {b}" for a, b in zip(AGES_DAYS, AGES_DAYS[1:], strict=False)]
    spans += [f"{days} > {AGES_DAYS[-1]}"]
    sums = zip(AGE_COLUMNS, spans, strict=True)
    return ", ".join(f"coalesce(sum({open_sql}) FILTER (WHERE {span}), 0)::bigint AS {name}" for name, span in sums)


def takings_by_day(*, from_on: date, to_on: date) -> pl.DataFrame:
    """Money of users day by day (both included): business_on, channel, means, payments, fen; refunds are left out."""
    return copy_out(
        "SELECT business_on, channel, means, count(*), sum(paid_fen)::bigint FROM receivables_payment"
        " WHERE business_on BETWEEN %s AND %s AND purpose NOT IN ('REFUND', 'AGENT') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        {"business_on": pl.Date, "channel": pl.String, "means": pl.String, "payments": pl.Int64, "fen": pl.Int64},
        (from_on, to_on),
    )


def list_money(
    *, kinds: Sequence[str], account_id: int | None, page: int, page_size: int
) -> tuple[list[MoneyRow], int]:
    """Buckets with money in them, the fullest first, of some kinds; and how many there are."""
    found = Bucket.objects.filter(kind__in=list(kinds), balance_fen__gt=0).order_by("-balance_fen", "bucket_id")
    found = found if account_id is None else found.filter(account_id=account_id)
    first = (page - 1) * page_size
    names = list(MoneyRow.__dataclass_fields__)
    return [MoneyRow(*row) for row in found.values_list(*names)[first : first + page_size]], found.count()


def list_clearings(*, account_id: int | None, page: int, page_size: int) -> tuple[list[ClearingRow], int]:
    """Acts of clearing that paid something, the newest first, of one account or of all; and how many there are."""
    condition = "c.entry_id IS NOT NULL AND (%s::bigint IS NULL OR c.account_id = %s)"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.clearing_id, c.at, c.account_id, c.payment_id, c.entry_id,"
            " (SELECT count(DISTINCT bill_id) FROM receivables_allocation a WHERE a.clearing_id = c.clearing_id),"
            " (SELECT coalesce(sum(paid_fen), 0)::bigint FROM receivables_allocation a"
            "  WHERE a.clearing_id = c.clearing_id),"
            " (SELECT coalesce(sum(fee_fen), 0)::bigint FROM receivables_latefee f"
            "  WHERE f.clearing_id = c.clearing_id), c.is_undone"
            f" FROM receivables_clearing c WHERE {condition} ORDER BY c.clearing_id DESC LIMIT %s OFFSET %s",
            [account_id, account_id, page_size, (page - 1) * page_size],
        )
        rows = [ClearingRow(*row) for row in cursor.fetchall()]
        cursor.execute(f"SELECT count(*) FROM receivables_clearing c WHERE {condition}", [account_id, account_id])
        return rows, cursor.fetchone()[0]
