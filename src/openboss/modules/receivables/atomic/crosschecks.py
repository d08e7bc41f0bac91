"""Questions of the daily assurance: each compares two tables of money, whole, and answers with differences only."""

from dataclasses import dataclass
from datetime import date

from django.db import connection

FEN, LI = "FEN", "LI"


@dataclass(frozen=True)
class Found:
    """Two books that differ about an object: what was expected, what was found, why it may be, what would repair it."""

    kind: str
    object_kind: str
    object_id: str
    expected: int
    found: int
    cause: str
    repair: str = "LOOK"
    unit: str = FEN


@dataclass(frozen=True)
class Compared:
    """What one question compared: how many objects, how much money, and what differed."""

    objects: int
    fen: int
    found: tuple[Found, ...]


def _compare(kind: str, object_kind: str, cause: str, query: str, values: tuple[object, ...] = ()) -> Compared:
    """Ask a query of key, expected, found."""
    with connection.cursor() as cursor:
        both = f"WITH b(k, x, y) AS ({query})"
        cursor.execute(f"{both} SELECT count(*), coalesce(sum(abs(x)), 0)::bigint FROM b", values)
        objects, fen = cursor.fetchone()
        cursor.execute(f"{both} SELECT k::text, x, y FROM b WHERE x <> y ORDER BY k LIMIT 10000", values)
        found = tuple(Found(kind, object_kind, key, int(x), int(y), cause) for key, x, y in cursor.fetchall())
    return Compared(objects, fen, found)


def payments_and_entries(*, since: date) -> Compared:
    """Payments against what their entries say of their means."""
    query = """
        SELECT p.payment_id, p.paid_fen, coalesce(sum(l.amount_fen), 0) FROM receivables_payment p
        JOIN receivables_chartaccount c ON p.means = ANY(c.means)
        LEFT JOIN receivables_posting l ON l.entry_id = p.entry_id AND l.chart_no = c.chart_no
        WHERE p.business_on >= %s GROUP BY 1, 2"""
    return _compare("PAYMENT_ENTRY", "payment", "PAYMENT_NOT_ITS_ENTRY", query, (since,))


def means_and_payments(*, since: date) -> Compared:
    """Each day and account of means: what moved in the ledger against the payments; counts of tills are apart."""
    query = """
        SELECT coalesce(p.k, l.k), coalesce(p.fen, 0), coalesce(l.fen, 0) FROM
        (SELECT p.business_on || ' ' || c.chart_no AS k, sum(p.paid_fen) AS fen FROM receivables_payment p
         JOIN receivables_chartaccount c ON p.means = ANY(c.means) WHERE p.business_on >= %s GROUP BY 1) p
        FULL JOIN
        (SELECT l.business_on || ' ' || l.chart_no AS k, sum(l.amount_fen) AS fen FROM receivables_posting l
         JOIN receivables_chartaccount c ON c.chart_no = l.chart_no JOIN receivables_entry e USING (entry_id)
         WHERE c.kind = 'ASSET' AND c.means <> '{}' AND l.business_on >= %s AND e.cause <> 'TILL' GROUP BY 1) l
        ON l.k = p.k JOIN receivables_chartaccount a ON a.chart_no = split_part(coalesce(p.k, l.k), ' ', 2)::int
        WHERE a.kind = 'ASSET'"""
    return _compare("CHANNEL_TAKINGS", "day", "LEDGER_NOT_THE_PAYMENTS", query, (since, since))


def unanswered_elsewhere(*, before: date) -> Compared:
    """Money set aside for numbers of other provinces: the day after it is paid there or the payer's again."""
    query = """
        SELECT entry_id, 0, due_fen FROM receivables_elsewheremonth JOIN receivables_entry USING (entry_id)
        WHERE state IN ('PAYING', 'MANUAL') AND business_on < %s"""
    return _compare("ELSEWHERE", "entry", "ELSEWHERE_UNANSWERED", query, (before,))


def tills_and_payments() -> Compared:
    """Closed tills: what should have been there against the cash payments of the till."""
    query = """
        SELECT t.till_id, t.opening_fen + coalesce(sum(p.paid_fen), 0), t.expected_fen FROM receivables_till t
        LEFT JOIN receivables_payment p ON p.till_id = t.till_id AND p.means IN ('CASH', 'KIOSK')
        WHERE t.closed_at IS NOT NULL GROUP BY t.till_id"""
    return _compare("TILL", "till", "TILL_NOT_ITS_PAYMENTS", query)


def tills_and_ledger() -> Compared:
    """Closed tills: what was over or short against the entry that says so."""
    query = """
        SELECT t.till_id, t.counted_fen - t.expected_fen, coalesce(sum(l.amount_fen), 0) FROM receivables_till t
        LEFT JOIN receivables_entry e ON e.serial_no = 'TILL ' || t.till_id
        LEFT JOIN receivables_posting l ON l.entry_id = e.entry_id
         AND l.chart_no = (SELECT chart_no FROM receivables_chartaccount WHERE role = 'CASH')
        WHERE t.closed_at IS NOT NULL GROUP BY t.till_id"""
    return _compare("TILL_COUNT", "till", "TILL_COUNT_NOT_BOOKED", query)


def documents_and_payments() -> Compared:
    """Receipts and invoices against the payment or bill they are for."""
    query = """
        SELECT d.number, coalesce(p.paid_fen, r.total_fen), d.total_fen FROM receivables_document d
        LEFT JOIN receivables_payment p USING (payment_id) LEFT JOIN receivables_receivable r ON r.bill_id = d.bill_id
        WHERE coalesce(p.paid_fen, r.total_fen) IS NOT NULL"""
    return _compare("DOCUMENT", "document", "DOCUMENT_NOT_ITS_PAYMENT", query)


def debits_and_payments() -> Compared:
    """Items of direct debit that the bank says are paid against the payments that were posted for them."""
    query = """
        SELECT i.item_id, CASE WHEN i.code = '00' THEN i.asked_fen ELSE 0 END, coalesce(p.paid_fen, 0)
        FROM receivables_debititem i JOIN receivables_debitrun r USING (run_id) LEFT JOIN receivables_payment p
        ON p.serial_no = 'DEBIT ' || r.bank || ' ' || r.sequence || ' ' || i.item_id WHERE r.answered_at IS NOT NULL"""
    return _compare("DIRECT_DEBIT", "debit", "BANK_FILE_NOT_THE_PAYMENT", query)


def collectors_and_payments() -> Compared:
    """Collectors' files of a day against our payments of their channel on that day, item by item.

    A payment that a file names is found whatever business day it was posted on.
    """
    query = """
        SELECT coalesce(i.channel, p.channel) || ' ' || coalesce(i.serial_no, p.serial_no),
        coalesce(i.paid_fen, 0), coalesce(p.paid_fen, 0) FROM receivables_collectoritem i FULL JOIN
        (SELECT channel, serial_no, paid_fen FROM receivables_payment
         WHERE purpose <> 'REVERSAL' AND state <> 'REVERSED'
         AND ((channel, business_on) IN (SELECT DISTINCT channel, business_on FROM receivables_collectoritem)
         OR (channel, serial_no) IN (SELECT channel, serial_no FROM receivables_collectoritem))) p
        ON p.channel = i.channel AND p.serial_no = i.serial_no"""
    return _compare("COLLECTOR", "payment", "COLLECTOR_FILE_NOT_THE_PAYMENT", query)


def bills_and_ledger() -> Compared:
    """What is open on each bill against the ledger's receivables of that bill."""
    query = """
        SELECT bill_id, coalesce(l.fen, 0), coalesce(r.fen, 0) FROM
        (SELECT bill_id, open_fen AS fen FROM receivables_receivable) r FULL JOIN
        (SELECT bill_id, sum(amount_fen) AS fen FROM receivables_posting JOIN receivables_chartaccount USING (chart_no)
         WHERE role IN ('RECEIVABLE', 'DOUBTFUL') GROUP BY bill_id) l USING (bill_id)"""
    return _compare("BILL_LEDGER", "bill", "OPEN_NOT_THE_LEDGER", query)


def items_and_bills() -> Compared:
    """The open items of each bill against what is open on it or given up."""
    query = """
        SELECT bill_id, open_fen + written_off_fen, fen FROM receivables_receivable JOIN
        (SELECT bill_id, sum(due_fen - paid_fen) AS fen FROM receivables_openitem GROUP BY bill_id) i USING (bill_id)"""
    return _compare("ITEMS_BILL", "bill", "ITEMS_NOT_THE_BILL", query)


def items_and_allocations() -> Compared:
    """What is paid of each bill's items against the acts of clearing, credits of the bill and recoveries."""
    query = """
        SELECT r.bill_id, coalesce(a.fen, 0) + least(r.total_fen, 0) + coalesce(v.fen, 0), coalesce(i.fen, 0)
        FROM receivables_receivable r
        LEFT JOIN (SELECT bill_id, sum(paid_fen) AS fen FROM receivables_openitem GROUP BY 1) i USING (bill_id)
        LEFT JOIN (SELECT a.bill_id, sum(a.paid_fen) AS fen FROM receivables_allocation a
         JOIN receivables_clearing c USING (clearing_id) WHERE NOT c.is_undone GROUP BY 1) a USING (bill_id)
        LEFT JOIN (SELECT bill_id, -sum(amount_fen) AS fen FROM receivables_posting
         JOIN receivables_chartaccount USING (chart_no) WHERE role = 'RECOVERED' GROUP BY 1) v USING (bill_id)"""
    return _compare("ITEMS_CLEARING", "bill", "PAID_NOT_THE_CLEARING", query)


def clearings_and_ledger() -> Compared:
    """What each act of clearing paid against its entry."""
    query = """
        SELECT c.clearing_id, coalesce(l.fen, 0), coalesce(a.fen, 0) FROM receivables_clearing c
        LEFT JOIN (SELECT clearing_id, sum(paid_fen) AS fen FROM receivables_allocation GROUP BY 1) a
         USING (clearing_id)
        LEFT JOIN (SELECT entry_id, -sum(amount_fen) AS fen FROM receivables_posting
         JOIN receivables_chartaccount USING (chart_no) WHERE role IN ('RECEIVABLE', 'DOUBTFUL') GROUP BY 1) l
        ON l.entry_id = c.entry_id WHERE c.entry_id IS NOT NULL"""
    return _compare("CLEARING_LEDGER", "clearing", "CLEARING_NOT_ITS_ENTRY", query)


def late_fees_and_ledger() -> Compared:
    """The late fees booked on each bill against the income in the ledger, and act by act."""
    bills = """
        SELECT r.bill_id, coalesce(l.fen, 0), r.late_fen FROM receivables_receivable r
        LEFT JOIN (SELECT bill_id, -sum(amount_fen) AS fen FROM receivables_posting
         JOIN receivables_chartaccount USING (chart_no) WHERE role = 'LATE_FEE' GROUP BY 1) l USING (bill_id)"""
    acts = """
        SELECT c.clearing_id, coalesce(l.fen, 0), coalesce(f.fen, 0) FROM receivables_clearing c
        LEFT JOIN (SELECT clearing_id, sum(fee_fen) AS fen FROM receivables_latefee GROUP BY 1) f
         USING (clearing_id)
        LEFT JOIN (SELECT entry_id, -sum(amount_fen) AS fen FROM receivables_posting
         JOIN receivables_chartaccount USING (chart_no) WHERE role = 'LATE_FEE' GROUP BY 1) l
        ON l.entry_id = c.late_entry_id WHERE c.late_entry_id IS NOT NULL OR f.fen IS NOT NULL"""
    by_bill = _compare("LATE_FEE_BILL", "bill", "LATE_FEE_NOT_THE_LEDGER", bills)
    by_act = _compare("LATE_FEE_ACT", "clearing", "LATE_FEE_NOT_THE_LEDGER", acts)
    return Compared(by_bill.objects + by_act.objects, by_bill.fen + by_act.fen, by_bill.found + by_act.found)


def given_up_and_ledger() -> Compared:
    """What of each bill is given up against bad debt less recoveries in the ledger."""
    query = """
        SELECT r.bill_id, coalesce(l.fen, 0), r.written_off_fen FROM receivables_receivable r
        LEFT JOIN (SELECT bill_id, sum(amount_fen) AS fen FROM receivables_posting
         JOIN receivables_chartaccount USING (chart_no) WHERE role IN ('BAD_DEBT', 'RECOVERED') GROUP BY 1) l
        USING (bill_id) WHERE r.written_off_fen <> 0 OR l.fen IS NOT NULL"""
    return _compare("GIVEN_UP", "bill", "GIVEN_UP_NOT_THE_LEDGER", query)


def booked_bills() -> Compared:
    """What each bill was booked at against the ledger's entry of it."""
    query = """
        SELECT r.bill_id, coalesce(sum(p.amount_fen), 0), r.total_fen FROM receivables_receivable r
        LEFT JOIN receivables_entry e ON e.serial_no = 'BILL ' || r.bill_id
        LEFT JOIN receivables_posting p ON p.entry_id = e.entry_id
         AND p.chart_no = (SELECT chart_no FROM receivables_chartaccount WHERE role = 'RECEIVABLE')
        GROUP BY r.bill_id, r.total_fen"""
    return _compare("BILL_ENTRY", "bill", "BILL_NOT_ITS_ENTRY", query)


def buckets_and_ledger() -> Compared:
    """The money in each bucket against the ledger."""
    query = """
        SELECT bucket_id, coalesce(l.fen, 0), coalesce(b.balance_fen, 0) FROM receivables_bucket b FULL JOIN
        (SELECT bucket_id, -sum(amount_fen) AS fen FROM receivables_posting WHERE bucket_id IS NOT NULL
         GROUP BY bucket_id) l USING (bucket_id)"""
    return _compare("BUCKET", "bucket", "BUCKET_NOT_THE_LEDGER", query)


def wallets_and_ledger() -> Compared:
    """Overdrafts, and what is charged and not billed, against the ledger, account by account."""
    overdrawn = """
        SELECT account_id, coalesce(l.fen, 0), coalesce(w.overdrawn_fen, 0) FROM receivables_wallet w FULL JOIN
        (SELECT account_id, sum(amount_fen) AS fen FROM receivables_posting
         JOIN receivables_chartaccount USING (chart_no) WHERE role = 'OVERDRAWN' GROUP BY 1) l USING (account_id)"""
    charged = """
        SELECT account_id, coalesce(l.fen, 0), coalesce(u.fen, 0) FROM
        (SELECT account_id, sum(posted_fen) AS fen FROM receivables_walletuse WHERE NOT is_settled
         GROUP BY 1) u FULL JOIN
        (SELECT account_id, -sum(amount_fen) AS fen FROM receivables_posting
         JOIN receivables_chartaccount USING (chart_no) WHERE role = 'CHARGED' GROUP BY 1) l USING (account_id)"""
    over = _compare("OVERDRAWN", "account", "WALLET_NOT_THE_LEDGER", overdrawn)
    used = _compare("CHARGED", "account", "WALLET_NOT_THE_LEDGER", charged)
    return Compared(over.objects + used.objects, over.fen + used.fen, over.found + used.found)


def entries_balance() -> Compared:
    """Entries whose debit is not their credit."""
    query = "SELECT entry_id, 0, sum(amount_fen) FROM receivables_posting GROUP BY entry_id"
    return _compare("ENTRY", "entry", "ENTRY_DOES_NOT_BALANCE", query)
