"""Questions that compare what is told twice. Each answers with differences only."""

from dataclasses import dataclass
from datetime import date

import polars as pl

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
