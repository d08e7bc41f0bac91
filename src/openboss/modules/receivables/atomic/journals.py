"""Questions to the ledger: movements of an account, journals of days, revenue by item, what was received."""

from datetime import date

import polars as pl
from django.db import connection
from django.db.models import Sum

from openboss.modules.receivables.models import Bucket, Entry, Posting
from openboss.modules.system.copying import copy_out
from openboss.modules.system.statements import ask

OWED_ROLES = "('RECEIVABLE', 'DOUBTFUL', 'PREPAYMENT', 'GIFT', 'DEPOSIT')"


def movements(*, account_id: int) -> pl.DataFrame:
    """What changed what an account owes less its money: entry_id, at, business_on, cause, serial_no, bill_id,
    amount_fen, in order."""
    frame = copy_out(
        "SELECT entry_id, (extract(epoch FROM e.at) * 1000000)::bigint, e.business_on, e.cause, e.serial_no,"
        " max(p.bill_id), sum(p.amount_fen)::bigint FROM receivables_posting p"
        " JOIN receivables_chartaccount USING (chart_no) JOIN receivables_entry e USING (entry_id)"
        f" WHERE p.account_id = %s AND role IN {OWED_ROLES}"
        " GROUP BY entry_id, e.at, e.business_on, e.cause, e.serial_no HAVING sum(p.amount_fen) <> 0"
        " ORDER BY entry_id",
        {
            "entry_id": pl.Int64,
            "at": pl.Int64,
            "business_on": pl.Date,
            "cause": pl.String,
            "serial_no": pl.String,
            "bill_id": pl.Int64,
            "amount_fen": pl.Int64,
        },
        (account_id,),
    )
    return frame.with_columns(pl.from_epoch("at", time_unit="us").dt.replace_time_zone("UTC"))


def allocations_of(*, payment_id: int) -> pl.DataFrame:
    """What a payment cleared, item by item: bill_id, subscriber_id, item_id, paid_fen."""
    return copy_out(
        "SELECT bill_id, subscriber_id, item_id, sum(paid_fen)::bigint FROM receivables_allocation"
        " JOIN receivables_clearing USING (clearing_id) WHERE payment_id = %s AND NOT is_undone"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        {"bill_id": pl.Int64, "subscriber_id": pl.Int64, "item_id": pl.Int16, "paid_fen": pl.Int64},
        (payment_id,),
    )


def day_journal(*, from_on: date, to_on: date) -> pl.DataFrame:
    """The postings of some days, summed by account of the chart, cause and channel."""
    return copy_out(
        "SELECT p.business_on, chart_no, c.role, c.name_zh, c.name_en, e.cause, e.channel,"
        " count(DISTINCT entry_id), coalesce(sum(amount_fen) FILTER (WHERE amount_fen > 0), 0)::bigint,"
        " coalesce(-sum(amount_fen) FILTER (WHERE amount_fen < 0), 0)::bigint"
        " FROM receivables_posting p JOIN receivables_entry e USING (entry_id)"
        " JOIN receivables_chartaccount c USING (chart_no) WHERE p.business_on BETWEEN %s AND %s"
        " GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 6, 7",
        {
            "business_on": pl.Date,
            "chart_no": pl.Int32,
            "role": pl.String,
            "name_zh": pl.String,
            "name_en": pl.String,
            "cause": pl.String,
            "channel": pl.String,
            "entries": pl.Int64,
            "debit_fen": pl.Int64,
            "credit_fen": pl.Int64,
        },
        (from_on, to_on),
    )


def entry_ids(*, business_on: date, chart_no: int, cause: str, channel: str, limit: int) -> list[int]:
    """The entries under a line of a day's journal, the newest first."""
    found = Entry.objects.filter(business_on=business_on, cause=cause, channel=channel)
    lines = Posting.objects.filter(business_on=business_on, chart_no=chart_no).values("entry_id")
    return list(found.filter(entry_id__in=lines).order_by("-entry_id").values_list("entry_id", flat=True)[:limit])


def revenue_by_item(*, from_on: date, to_on: date) -> pl.DataFrame:
    """Income and what was collected for others by bill item: item_id, chart_no, role, revenue_fen."""
    return copy_out(
        "SELECT item_id, chart_no, role, (-sum(amount_fen))::bigint FROM receivables_posting"
        " JOIN receivables_chartaccount USING (chart_no) WHERE item_id IS NOT NULL"
        " AND (kind = 'INCOME' OR role = 'THIRD_PARTY') AND business_on BETWEEN %s AND %s"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2",
        {"item_id": pl.Int16, "chart_no": pl.Int32, "role": pl.String, "revenue_fen": pl.Int64},
        (from_on, to_on),
    )


def received(*, period: int) -> dict[str, int]:
    """What was cleared in a month of bills payable before it and in it, in fen."""
    year, month = divmod(period, 100)
    payable_cycle = period - 1 if month > 1 else (year - 1) * 100 + 12
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(-p.amount_fen) FILTER (WHERE r.cycle < %s), 0)::bigint,"
            " coalesce(sum(-p.amount_fen) FILTER (WHERE r.cycle >= %s), 0)::bigint"
            " FROM receivables_posting p JOIN receivables_entry e USING (entry_id)"
            " JOIN receivables_receivable r USING (bill_id) JOIN receivables_chartaccount c USING (chart_no)"
            " WHERE e.period = %s AND e.cause LIKE 'CLEARING%%' AND c.role IN ('RECEIVABLE', 'DOUBTFUL')",
            [payable_cycle, payable_cycle, period],
        )
        old_fen, current_fen = cursor.fetchone()
    return {"old_fen": old_fen, "current_fen": current_fen, "received_fen": old_fen + current_fen}


def paid_before_billing(*, period: int) -> int:
    """What use of a month was paid out of prepaid money when it was made, before any bill, in fen."""
    ((fen,),) = ask(
        "SELECT coalesce(sum(p.amount_fen), 0)::bigint FROM receivables_posting p"
        " JOIN receivables_entry e USING (entry_id) JOIN receivables_chartaccount c USING (chart_no)"
        " WHERE e.period = %s::int AND c.role IN ('PREPAYMENT', 'GIFT')"
        " AND (e.cause LIKE 'WALLET_USE%%' OR e.cause LIKE 'OVERDRAFT%%')",
        [period],
    )
    return int(fen)


def money_by_kind() -> dict[str, int]:
    """Money of all accounts by kind of bucket, in fen."""
    return dict(Bucket.objects.values_list("kind").annotate(fen=Sum("balance_fen")).order_by("kind"))
