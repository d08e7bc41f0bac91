"""The ledger as people read it: an account's statement, the journal of a day, revenue by item (ACM-23, D22.5)."""

import json
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from openboss.modules.receivables.atomic import debts, journals, payments
from openboss.modules.receivables.atomic.ledger import EntryView, entries_of, entry_view

JOURNAL_FORMAT = "openboss-journal-1"


@dataclass(frozen=True)
class StatementLine:
    """A line of an account's statement: what was owed more (above zero) or less, and what is owed after it."""

    entry_id: int
    at: datetime
    business_on: date
    cause: str
    serial_no: str
    bill_id: int | None
    amount_fen: int
    balance_fen: int


def statement(*, account_id: int, from_on: date | None = None, to_on: date | None = None) -> list[StatementLine]:
    """Every movement of what an account owes us less the money it has with us, with the running balance, oldest first.

    A clearing moves money from one pocket to the other and is not a line; it is seen in the entry. Source: ACM-02.
    """
    balance_fen, lines = 0, []
    for row in journals.movements(account_id=account_id).iter_rows(named=True):
        balance_fen += row["amount_fen"]
        if (from_on is None or row["business_on"] >= from_on) and (to_on is None or row["business_on"] < to_on):
            lines.append(StatementLine(**row, balance_fen=balance_fen))
    return lines


def clearings_of_payment(*, payment_id: int) -> pl.DataFrame:
    """What a payment cleared: bill_id, subscriber_id, item_id, paid_fen, and late fees it booked as item LATE_FEE."""
    return journals.allocations_of(payment_id=payment_id)


def entry(*, entry_id: int) -> EntryView:
    """One entry with its lines. Raises EntryUnknown."""
    return entry_view(entry_id=entry_id)


def day_journal(*, from_on: date, to_on: date | None = None) -> pl.DataFrame:
    """The journal of a day or of days up to and including to_on, summed for finance.

    Columns: business_on, chart_no, role, name_zh, name_en, cause, channel, entries, debit_fen, credit_fen.
    """
    return journals.day_journal(from_on=from_on, to_on=to_on or from_on)


def entries_under(*, business_on: date, chart_no: int, cause: str, channel: str, limit: int = 200) -> list[EntryView]:
    """The entries under a line of the journal, each of which names its bills, accounts and payments (drill down)."""
    ids = journals.entry_ids(business_on=business_on, chart_no=chart_no, cause=cause, channel=channel, limit=limit)
    return entries_of(entry_ids=ids)


def revenue_by_item(*, from_on: date, to_on: date) -> pl.DataFrame:
    """Revenue booked from a day up to and including another: item_id, chart_no, role, revenue_fen."""
    return journals.revenue_by_item(from_on=from_on, to_on=to_on)


def received(*, period: int) -> dict[str, int]:
    """Service fees really collected in a month, of bills of earlier months and of its own (ACM-10), in fen.

    Returns old_fen, current_fen, received_fen. Current = the cycle whose bills are payable in this month, or later.
    """
    return journals.received(period=period)


def paid_before_billing(*, period: int) -> int:
    """Fees of a month that are paid already while it runs (已交当月费用), before its bills, in fen. Source: ACP-21."""
    return journals.paid_before_billing(period=period)


def member_sums(*, account_id: int, cycle: int) -> pl.DataFrame:
    """Of a month of an account (ACP-18) by user: subscriber_id (0: late fees), due_fen, paid_fen."""
    return debts.member_sums(account_id=account_id, cycle=cycle)


def collected(*, by: str, from_on: date, to_on: date) -> dict[str, int]:
    """Money paid by users in a period by channel or means, half-open; what was reversed is out again (ACM-11)."""
    return payments.paid_by(column=by, from_on=from_on, to_on=to_on)


def prepayments() -> dict[str, int]:
    """Money users have with us by kind of bucket (ACM-12), in fen."""
    return journals.money_by_kind()


def journal_csv(*, from_on: date, to_on: date | None = None) -> str:
    """The journal for the finance system as CSV, amounts in yuan with two decimals."""
    frame = day_journal(from_on=from_on, to_on=to_on)
    yuan = [
        pl.format("{}.{}", pl.col(name) // 100, (pl.col(name) % 100).cast(pl.String).str.zfill(2)).alias(
            name.replace("_fen", "")
        )
        for name in ("debit_fen", "credit_fen")
    ]
    return frame.with_columns(yuan).drop("debit_fen", "credit_fen").write_csv()


def journal_json(*, from_on: date, to_on: date | None = None) -> str:
    """The journal for the finance system as JSON, see docs/formats/journal.md; amounts are whole fen."""
    frame = day_journal(from_on=from_on, to_on=to_on)
    lines = [row | {"business_on": row["business_on"].isoformat()} for row in frame.iter_rows(named=True)]
    totals = {"debit_fen": int(frame["debit_fen"].sum()), "credit_fen": int(frame["credit_fen"].sum())}
    period = {"from": from_on.isoformat(), "to": (to_on or from_on).isoformat()}
    return json.dumps(
        {"format": JOURNAL_FORMAT, "period": period, "lines": lines, "totals": totals}, ensure_ascii=False
    )
