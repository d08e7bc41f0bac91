"""Questions that compare what is told twice. Each answers with differences only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
from django.db import connection

from openboss.modules.system.copying import copy_out


@dataclass(frozen=True)
class Difference:
    """One thing that two books tell differently: what, of which object, what was expected and what was found."""

    check: str
    object_kind: str
    object_id: str
    expected_fen: int
    found_fen: int
    cause: str


def receivable_against_ledger() -> list[Difference]:
    """What is open on each bill against the ledger's receivables of that bill."""
    return _ask(
        "BILLS_LEDGER",
        "bill",
        "SELECT bill_id, coalesce(l.fen, 0), coalesce(r.fen, 0) FROM"
        " (SELECT bill_id, open_fen AS fen FROM receivables_receivable) r FULL JOIN"
        " (SELECT bill_id, sum(amount_fen) AS fen FROM receivables_posting"
        "  JOIN receivables_chartaccount USING (chart_no) WHERE role IN ('RECEIVABLE', 'DOUBTFUL')"
        "  GROUP BY bill_id) l USING (bill_id)"
        " WHERE coalesce(l.fen, 0) <> coalesce(r.fen, 0) ORDER BY 1",
        "what is open is not what the ledger says",
    )


def items_against_bills() -> list[Difference]:
    """The open items of each bill against what is open on it or written off."""
    return _ask(
        "ITEMS_BILLS",
        "bill",
        "SELECT bill_id, open_fen + written_off_fen, fen FROM receivables_receivable JOIN"
        " (SELECT bill_id, sum(due_fen - paid_fen) AS fen FROM receivables_openitem GROUP BY bill_id) i"
        " USING (bill_id) WHERE open_fen + written_off_fen <> fen ORDER BY 1",
        "the items do not add up to the bill",
    )


def buckets_against_ledger() -> list[Difference]:
    """The money in each bucket against the ledger."""
    return _ask(
        "BUCKETS_LEDGER",
        "bucket",
        "SELECT bucket_id, coalesce(l.fen, 0), coalesce(b.balance_fen, 0) FROM receivables_bucket b FULL JOIN"
        " (SELECT bucket_id, -sum(amount_fen) AS fen FROM receivables_posting WHERE bucket_id IS NOT NULL"
        "  GROUP BY bucket_id) l USING (bucket_id)"
        " WHERE coalesce(l.fen, 0) <> coalesce(b.balance_fen, 0) ORDER BY 1",
        "the money in the bucket is not what the ledger says",
    )


def unbalanced_entries() -> list[Difference]:
    """Entries whose debit is not their credit."""
    return _ask(
        "ENTRY_BALANCE",
        "entry",
        "SELECT entry_id, 0, sum(amount_fen) FROM receivables_posting GROUP BY entry_id HAVING sum(amount_fen) <> 0",
        "debit does not equal credit",
    )


def _ask(check: str, object_kind: str, query: str, cause: str, parameters: Sequence[object] = ()) -> list[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(query, list(parameters))
        return [
            Difference(check, object_kind, str(key), int(expected), int(found), cause)
            for key, expected, found in cursor.fetchall()
        ]


def trial_balance(to_on: date | None = None) -> pl.DataFrame:
    """The sums of every account of the chart up to and including a day."""
    return copy_out(
        "SELECT c.chart_no, role, kind, name_zh, name_en,"
        " coalesce(sum(amount_fen) FILTER (WHERE amount_fen > 0), 0)::bigint,"
        " coalesce(-sum(amount_fen) FILTER (WHERE amount_fen < 0), 0)::bigint,"
        " coalesce(sum(amount_fen), 0)::bigint"
        " FROM receivables_chartaccount c LEFT JOIN receivables_posting p ON p.chart_no = c.chart_no"
        " AND business_on <= %s GROUP BY c.chart_no, role ORDER BY c.chart_no",
        {
            "chart_no": pl.Int32,
            "role": pl.String,
            "kind": pl.String,
            "name_zh": pl.String,
            "name_en": pl.String,
            "debit_fen": pl.Int64,
            "credit_fen": pl.Int64,
            "balance_fen": pl.Int64,
        },
        (to_on or date.max,),
    )


def payments_of_day(*, channel: str, business_on: date) -> pl.DataFrame:
    """Payments of a channel in a day's books, those taken back the same day left out: serial_no, paid_fen."""
    return copy_out(
        "SELECT serial_no, paid_fen FROM receivables_payment WHERE channel = %s AND business_on = %s"
        " AND state <> 'REVERSED' AND purpose <> 'REVERSAL'",
        {"serial_no": pl.String, "paid_fen": pl.Int64},
        (channel, business_on),
    )


def takings_against_ledger(*, business_on: date) -> list[Difference]:
    """Payments of a day against what their entries say came in or went out by their means."""
    return _ask(
        "TAKINGS_LEDGER",
        "payment",
        "SELECT p.payment_id, p.paid_fen, coalesce(sum(l.amount_fen), 0) FROM receivables_payment p"
        " JOIN receivables_chartaccount c ON p.means = ANY(c.means)"
        " LEFT JOIN receivables_posting l ON l.entry_id = p.entry_id AND l.chart_no = c.chart_no"
        " WHERE p.business_on = %s GROUP BY 1, 2 HAVING p.paid_fen <> coalesce(sum(l.amount_fen), 0) ORDER BY 1",
        "the payment is not what its entry says",
        [business_on],
    )


def remote_payments(*, from_on: date, to_on: date) -> pl.DataFrame:
    """Payments between provinces in a period, half-open: province (the other one), means (REMOTE: ours that were
    collected there), payments, collected_fen; what was reversed is taken off."""
    return copy_out(
        "SELECT split_part(CASE WHEN means = 'REMOTE' THEN reference ELSE note END, ' ', 1), means,"
        " count(*) FILTER (WHERE paid_fen > 0), sum(paid_fen)::bigint FROM receivables_payment"
        " WHERE (means = 'REMOTE' OR purpose = 'REMOTE') AND business_on >= %s AND business_on < %s"
        " GROUP BY 1, 2 ORDER BY 1, 2",
        {"province": pl.String, "means": pl.String, "payments": pl.Int64, "collected_fen": pl.Int64},
        (from_on, to_on),
    )
