"""Questions of the ledger explorer: entries by anything they name, what belongs to one, and the days of the books."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from openboss.modules.receivables.models import Clearing, Entry, Payment

ACCOUNTS_IN_BILL_NO = 10_000_000_000  # bill_id = cycle * 10^10 + account_id


@dataclass(frozen=True)
class EntryRow:
    """An entry as a line of a list; debit_fen = what it moved in all, account_id the first it names."""

    entry_id: int
    at: datetime
    business_on: date
    cause: str
    channel: str
    serial_no: str
    note: str
    staff_id: int | None
    reverses_id: int | None
    account_id: int | None
    debit_fen: int


@dataclass(frozen=True)
class Relative:
    """An entry or payment that belongs to another entry: why (the code of the kinship), and how much."""

    kinship: str
    entry_id: int
    payment_id: int | None
    bill_id: int | None
    amount_fen: int


@dataclass(frozen=True)
class BookDay:
    """A day of the books: what is in it, whether it is closed, by whom, and whether its entries are sealed."""

    business_on: date
    entries: int
    debit_fen: int
    state: str
    changed_at: datetime | None
    changed_by: int | None
    sealed_entries: int


@dataclass(frozen=True)
class BookPeriod:
    """A month of the books."""

    period: int
    days: int
    open_days: int
    state: str
    changed_at: datetime | None
    changed_by: int | None


def find_entries(*, filters: Mapping[str, Any], page: int, page_size: int) -> tuple[list[EntryRow], int]:
    """Entries that fit every filter, the newest first, and how many there are.

    filters  from_on, to_on (both days included), cause, channel, serial_no (begins with), account_id, bill_id,
             bucket_id, subscriber_id, chart_no, staff_id
    """
    where, values = _conditions(filters)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.entry_id, e.at, e.business_on, e.cause, e.channel, e.serial_no, e.note, e.staff_id,"
            " e.reverses_id,"
            " (SELECT account_id FROM receivables_posting p WHERE p.entry_id = e.entry_id AND account_id IS NOT NULL"
            "  ORDER BY line_no LIMIT 1),"
            " (SELECT coalesce(sum(amount_fen), 0)::bigint FROM receivables_posting p"
            "  WHERE p.entry_id = e.entry_id AND amount_fen > 0)"
            f" FROM receivables_entry e WHERE {where} ORDER BY e.entry_id DESC LIMIT %s OFFSET %s",
            [*values, page_size, (page - 1) * page_size],
        )
        rows = [EntryRow(*row) for row in cursor.fetchall()]
        cursor.execute(f"SELECT count(*) FROM receivables_entry e WHERE {where}", values)
        return rows, cursor.fetchone()[0]


_ENTRY = {
    "from_on": "e.business_on >= %s",
    "to_on": "e.business_on <= %s",
    "cause": "e.cause = %s",
    "channel": "e.channel = %s",
    "staff_id": "e.staff_id = %s",
    "serial_no": "starts_with(e.serial_no, %s)",
}
_LINE = ("account_id", "bill_id", "bucket_id", "subscriber_id", "chart_no")


def _conditions(filters: Mapping[str, Any]) -> tuple[str, list[Any]]:
    wanted = dict(filters)
    if "bill_id" in wanted:  # a bill names its account, and only accounts have an index
        wanted.setdefault("account_id", wanted["bill_id"] % ACCOUNTS_IN_BILL_NO)
    conditions = [text for name, text in _ENTRY.items() if name in wanted]
    values = [wanted[name] for name in _ENTRY if name in wanted]
    lines = [name for name in _LINE if name in wanted]
    if lines:
        named = " AND ".join(f"p.{name} = %s" for name in lines)
        conditions.append(f"EXISTS (SELECT 1 FROM receivables_posting p WHERE p.entry_id = e.entry_id AND {named})")
        values += [wanted[name] for name in lines]
    return " AND ".join(conditions) or "true", values


def relatives_of(*, entry_id: int) -> list[Relative]:
    """What an entry belongs to: what it reverses, what reversed it, its payment, what that paid, and whose money paid.

    PAYMENT the payment it enters; REVERSES, REVERSED_BY; CLEARED what a payment cleared; LATE_FEE booked with it;
    CAUSED_BY the payment that caused a clearing.
    """
    return [*_reversals(entry_id), *_of_payment(entry_id), *_of_clearing(entry_id)]


def _reversals(entry_id: int) -> list[Relative]:
    row = Entry.objects.filter(entry_id=entry_id).values_list("reverses_id", flat=True).first()
    back = Entry.objects.filter(reverses_id=entry_id).values_list("entry_id", flat=True).first()
    pairs = (("REVERSES", row), ("REVERSED_BY", back))
    return [Relative(kinship, other, None, None, _debit(other)) for kinship, other in pairs if other]


def _of_payment(entry_id: int) -> list[Relative]:
    """The payment an entry is of, and the acts of clearing it caused."""
    found: list[Relative] = []
    for payment in Payment.objects.filter(entry_id=entry_id):
        found.append(Relative("PAYMENT", entry_id, payment.payment_id, None, payment.paid_fen))
        for clearing in Clearing.objects.filter(payment_id=payment.payment_id).order_by("clearing_id"):
            found += _parts(clearing)
    return found


def _of_clearing(entry_id: int) -> list[Relative]:
    """The payment that caused a clearing, and the late fee that fell due with it."""
    found: list[Relative] = []
    acts = Clearing.objects.filter(entry_id=entry_id) | Clearing.objects.filter(late_entry_id=entry_id)
    for clearing in acts.order_by("clearing_id"):
        payments = Payment.objects.filter(payment_id=clearing.payment_id)
        found += [Relative("CAUSED_BY", one.entry_id, one.payment_id, None, one.paid_fen) for one in payments]
        found += [part for part in _parts(clearing) if part.entry_id != entry_id]
    return found


def _parts(clearing: Clearing) -> list[Relative]:
    parts = (("CLEARED", clearing.entry_id), ("LATE_FEE", clearing.late_entry_id))
    return [Relative(kinship, other, None, None, _debit(other)) for kinship, other in parts if other]


def _debit(entry_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(amount_fen), 0)::bigint FROM receivables_posting"
            " WHERE entry_id = %s AND amount_fen > 0",
            [entry_id],
        )
        return int(cursor.fetchone()[0])


def origin_of_bucket(*, bucket_id: int, account_id: int) -> list[Relative]:
    """Every entry that put money into a bucket or took it out, the oldest first: where each fen in it came from."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.cause, e.entry_id, pay.payment_id, max(p.bill_id), (-sum(p.amount_fen))::bigint"
            " FROM receivables_posting p JOIN receivables_entry e USING (entry_id)"
            " LEFT JOIN receivables_payment pay ON pay.entry_id = e.entry_id AND pay.account_id = p.account_id"
            " WHERE p.account_id = %s AND p.bucket_id = %s GROUP BY 1, 2, 3 HAVING sum(p.amount_fen) <> 0 ORDER BY 2",
            [account_id, bucket_id],
        )
        return [Relative(*row) for row in cursor.fetchall()]


def book_days(*, from_on: date, to_on: date) -> list[BookDay]:
    """The days of the books that have entries or were closed, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d, coalesce(n, 0), coalesce(fen, 0)::bigint, coalesce(b.state, 'OPEN'), b.changed_at, b.changed_by,"
            " coalesce(s.sealed, 0)::bigint"
            " FROM (SELECT business_on AS d FROM receivables_entry WHERE business_on BETWEEN %s AND %s"
            "  UNION SELECT business_on FROM receivables_businessday WHERE business_on BETWEEN %s AND %s) days"
            " LEFT JOIN (SELECT business_on, count(*) AS n FROM receivables_entry WHERE business_on BETWEEN %s AND %s"
            "  GROUP BY 1) e ON e.business_on = d"
            " LEFT JOIN (SELECT business_on, sum(amount_fen) AS fen FROM receivables_posting"
            "  WHERE business_on BETWEEN %s AND %s AND amount_fen > 0 GROUP BY 1) p ON p.business_on = d"
            " LEFT JOIN receivables_businessday b ON b.business_on = d"
            " LEFT JOIN (SELECT business_on, sum(entry_count) AS sealed FROM receivables_dayseal GROUP BY 1) s"
            "  ON s.business_on = d ORDER BY d DESC",
            [from_on, to_on] * 4,
        )
        return [BookDay(*row) for row in cursor.fetchall()]


def book_periods() -> list[BookPeriod]:
    """The months of the books, the newest first, with how many of their days are still open."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.period, count(*), count(*) FILTER (WHERE b.state IS DISTINCT FROM 'CLOSED'),"
            " coalesce(p.state, 'OPEN'), p.changed_at, p.changed_by"
            " FROM (SELECT DISTINCT period, business_on FROM receivables_entry) e"
            " LEFT JOIN receivables_businessday b ON b.business_on = e.business_on"
            " LEFT JOIN receivables_period p ON p.period = e.period"
            " GROUP BY 1, 4, 5, 6 ORDER BY 1 DESC"
        )
        return [BookPeriod(*row) for row in cursor.fetchall()]


def open_tills_since(*, before: date) -> int:
    """How many tills were opened before a day and are open still."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM receivables_till WHERE closed_at IS NULL AND opened_at < %s", [before])
        return int(cursor.fetchone()[0])
