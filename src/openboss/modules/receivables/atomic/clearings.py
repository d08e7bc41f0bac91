"""What clearing reads and writes (D8.1, D8.2): what is open and what pays it, as rows, in few statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.db.models import Case, F, When

from openboss.modules.receivables.atomic.debts import change_buckets
from openboss.modules.receivables.models import Allocation, Clearing, LateFee, Receivable
from openboss.modules.receivables.models import OpenItem as OpenItemRow
from openboss.modules.system.statements import ask, put_rows, run


class OpenItem(NamedTuple):
    """An item of a bill that is not paid, or not whole."""

    bill_id: int
    subscriber_id: int
    item_id: int
    rank: int
    is_late_exempt: bool
    open_fen: int


class OpenBill(NamedTuple):
    """A bill on which something is open, with its open items."""

    bill_id: int
    account_id: int
    cycle: int
    total_fen: int
    open_fen: int
    due_on: date
    late_from_on: date
    late_cap_fen: int | None
    late_fen: int
    standing: str
    position: int
    items: list[OpenItem]


class Money(NamedTuple):
    """A bucket with money in it, and the items it may pay (none: all)."""

    bucket_id: int
    account_id: int
    kind: str
    balance_fen: int
    item_ids: list[int]


class Allocated(NamedTuple):
    """What one bucket paid of one item."""

    account_id: int
    bill_id: int
    subscriber_id: int
    item_id: int
    bucket_id: int
    kind: str
    standing: str
    paid_fen: int


class LateFeeDue(NamedTuple):
    """The late fee of a bill that falls due: for the days from from_on up to the day before to_on."""

    account_id: int
    bill_id: int
    standing: str
    from_on: date
    to_on: date
    principal_fen: int
    fee_fen: int
    cap_fen: int


class BillNow(NamedTuple):
    """What is open on a bill after a change."""

    bill_id: int
    open_fen: int
    total_fen: int
    late_fen: int
    standing: str


@dataclass(frozen=True)
class ClearingView:
    """One act of clearing of an account; entry_id None: there was nothing to pay."""

    clearing_id: int
    account_id: int
    payment_id: int | None
    cleared_on: date
    at: datetime
    position: int
    entry_id: int | None
    late_entry_id: int | None


def open_debts(account_ids: Sequence[int]) -> list[OpenBill]:
    """The bills of accounts on which something is open, with their open items, in the order of their numbers."""
    return _bills("r.account_id = ANY(%s::bigint[]) AND r.open_fen > 0", account_ids)


def debts_by_bill(bill_ids: Sequence[int]) -> list[OpenBill]:
    """Bills by their numbers, paid or not, with what items are open."""
    return _bills("r.bill_id = ANY(%s::bigint[])", bill_ids)


def _bills(condition: str, ids: Sequence[int]) -> list[OpenBill]:
    names = ", ".join(f"r.{name}" for name in OpenBill._fields[:-1])
    bills: list[OpenBill] = []
    for row in ask(
        f"SELECT {names}, i.subscriber_id, i.item_id, i.rank, i.is_late_exempt, i.due_fen - i.paid_fen"
        " FROM receivables_receivable r LEFT JOIN receivables_openitem i"
        " ON i.bill_id = r.bill_id AND i.due_fen <> i.paid_fen"
        f" WHERE {condition} ORDER BY r.account_id, r.bill_id",
        [list(ids)],
    ):
        if not bills or bills[-1].bill_id != row[0]:
            bills.append(OpenBill._make((*row[:11], [])))
        if row[11] is not None:
            bills[-1].items.append(OpenItem(row[0], *row[11:]))
    return bills


def money_for(account_ids: Sequence[int], *, kinds: Sequence[str], on: date) -> list[Money]:
    """The money accounts have in buckets of some kinds that are valid on a day: by account, the kinds in the order
    given, inside a kind those that end first."""
    return [
        Money(*row)
        for row in ask(
            "SELECT bucket_id, account_id, kind, balance_fen, item_ids FROM receivables_bucket"
            " WHERE account_id = ANY(%s::bigint[]) AND kind = ANY(%s::text[]) AND balance_fen > 0"
            " AND valid_from_on <= %s::date AND (valid_to_on IS NULL OR valid_to_on > %s::date)"
            " ORDER BY account_id, array_position(%s::text[], kind::text), valid_to_on NULLS LAST, bucket_id",
            [list(account_ids), list(kinds), on, on, list(kinds)],
        )
    ]


def pay_items(paid: Sequence[tuple[int, int, int, int]]) -> None:
    """Add to what is paid of items (below zero: take back): bill, user, item, fen."""
    run(
        "UPDATE receivables_openitem i SET paid_fen = i.paid_fen + c.f"
        " FROM (SELECT b, s, k, sum(f)::bigint AS f FROM"
        " unnest(%s::bigint[], %s::bigint[], %s::smallint[], %s::bigint[]) AS c(b, s, k, f) GROUP BY b, s, k) c"
        " WHERE i.bill_id = c.b AND i.subscriber_id = c.s AND i.item_id = c.k",
        [list(column) for column in zip(*paid, strict=True)] or [[], [], [], []],
    )


def book_late_fees(fees: Sequence[LateFeeDue], *, item_id: int, rank: int) -> None:
    """Add late fees to bills and move their clocks."""
    bill_ids, fees_fen = [one.bill_id for one in fees], [one.fee_fen for one in fees]
    run(
        "INSERT INTO receivables_openitem (bill_id, subscriber_id, item_id, rank, is_late_exempt, due_fen, paid_fen)"
        " SELECT b, 0, %s::smallint, %s::smallint, true, f, 0 FROM unnest(%s::bigint[], %s::bigint[]) AS c(b, f)"
        " ON CONFLICT (bill_id, subscriber_id, item_id)"
        " DO UPDATE SET due_fen = receivables_openitem.due_fen + excluded.due_fen",
        [item_id, rank, bill_ids, fees_fen],
    )
    run(
        "UPDATE receivables_receivable r SET open_fen = open_fen + f, late_fen = late_fen + f,"
        " late_from_on = d, late_cap_fen = cap"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::date[], %s::bigint[]) AS c(b, f, d, cap) WHERE bill_id = b",
        [bill_ids, fees_fen, [one.to_on for one in fees], [one.cap_fen for one in fees]],
    )


def close_bills(paid_fen: dict[int, int]) -> list[BillNow]:
    """Take what was paid of bills (below zero: give back) off what is open; say what is open now and in all."""
    return [
        BillNow(*row)
        for row in ask(
            "UPDATE receivables_receivable r SET open_fen = open_fen - f"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS c(b, f) WHERE bill_id = b"
            " RETURNING bill_id, open_fen, total_fen, late_fen, standing",
            [list(paid_fen), list(paid_fen.values())],
        )
    ]


def put_clearings(
    clearings: Sequence[ClearingView],
    allocated: Sequence[tuple[int, Allocated]],
    late: Sequence[tuple[int, LateFeeDue]],
) -> None:
    """Write down acts of clearing: what paid what, and the late fees booked by them, each with its act's id."""
    put_rows(
        "receivables_clearing",
        {
            "clearing_id": "bigint",
            "account_id": "bigint",
            "payment_id": "bigint",
            "cleared_on": "date",
            "at": "timestamptz",
            "position": "bigint",
            "entry_id": "bigint",
            "late_entry_id": "bigint",
            "is_undone": "boolean",
        },
        [
            (
                one.clearing_id, one.account_id, one.payment_id, one.cleared_on, one.at, one.position, one.entry_id,
                one.late_entry_id, False,
            )
            for one in clearings
        ],
    )  # fmt: skip
    put_rows(
        "receivables_allocation",
        {
            "clearing_id": "bigint",
            "bill_id": "bigint",
            "subscriber_id": "bigint",
            "item_id": "smallint",
            "bucket_id": "bigint",
            "paid_fen": "bigint",
        },
        [
            (clearing_id, one.bill_id, one.subscriber_id, one.item_id, one.bucket_id, one.paid_fen)
            for clearing_id, one in allocated
        ],
    )
    put_rows(
        "receivables_latefee",
        {
            "clearing_id": "bigint",
            "bill_id": "bigint",
            "from_on": "date",
            "to_on": "date",
            "principal_fen": "bigint",
            "fee_fen": "bigint",
        },
        [
            (clearing_id, one.bill_id, one.from_on, one.to_on, one.principal_fen, one.fee_fen)
            for clearing_id, one in late
        ],
    )


def clearings_after(*, account_id: int, position: int) -> list[ClearingView]:
    """The acts of clearing of an account after a position that were not undone, the newest first."""
    rows = Clearing.objects.filter(account_id=account_id, position__gt=position, is_undone=False)
    names = list(ClearingView.__dataclass_fields__)
    return [ClearingView(**row) for row in rows.order_by("-position", "-clearing_id").values(*names)]


def undo_clearing(*, clearing_id: int) -> list[BillNow]:
    """Give back what an act of clearing paid and take back the late fees it booked, in the caller's transaction.

    Returns what is open on its bills now, see close_bills.
    """
    Clearing.objects.filter(clearing_id=clearing_id).update(is_undone=True)
    names = ("bill_id", "subscriber_id", "item_id", "paid_fen", "bucket_id")
    paid = list(Allocation.objects.filter(clearing_id=clearing_id).values_list(*names))
    back: dict[int, int] = {}
    for bill_id, _, _, paid_fen, _ in paid:
        back[bill_id] = back.get(bill_id, 0) - paid_fen
    pay_items([(bill_id, user, item, -paid_fen) for bill_id, user, item, paid_fen, _ in paid])
    close_bills(back)
    change_buckets(bucket_ids=[row[4] for row in paid], amounts_fen=[row[3] for row in paid])
    for row in LateFee.objects.filter(clearing_id=clearing_id):
        _unbook(row)
    return close_bills(dict.fromkeys(back, 0))


def _unbook(row: LateFee) -> None:
    """Take one late fee back: the clock stands where it stood, and with the first fee the cap goes."""
    Receivable.objects.filter(bill_id=row.bill_id).update(
        open_fen=F("open_fen") - row.fee_fen,
        late_fen=F("late_fen") - row.fee_fen,
        late_from_on=row.from_on,
        late_cap_fen=Case(When(late_fen=row.fee_fen, then=None), default=F("late_cap_fen")),
    )
    late = OpenItemRow.objects.filter(bill_id=row.bill_id, subscriber_id=0)
    late.update(due_fen=F("due_fen") - row.fee_fen)


def moved_after(*, account_id: int, position: int, without_entry_id: int) -> dict[int, int]:
    """By bucket, what came into it less what left it after a position, other than by clearing, in fen.

    What was reversed counts as if it had never been, the entry that is being reversed too.
    """
    return dict(
        ask(
            "SELECT p.bucket_id, -sum(p.amount_fen)::bigint FROM receivables_posting p"
            " JOIN receivables_entry e USING (entry_id)"
            " WHERE p.account_id = %s::bigint AND p.bucket_id IS NOT NULL AND p.entry_id > %s::bigint"
            " AND p.entry_id <> %s::bigint AND e.cause NOT LIKE 'CLEARING%%' AND e.reverses_id IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM receivables_entry r WHERE r.reverses_id = e.entry_id)"
            " GROUP BY 1",
            [account_id, position, without_entry_id],
        )
    )


def cleared_by(*, payment_id: int, account_id: int | None) -> tuple[int, int, int]:
    """What a payment cleared, the late fees that fell due with it, and the cash its account has now, in fen."""
    acts = "(SELECT clearing_id FROM receivables_clearing WHERE payment_id = %s::bigint AND NOT is_undone)"
    (row,) = ask(
        f"SELECT (SELECT coalesce(sum(paid_fen), 0)::bigint FROM receivables_allocation WHERE clearing_id IN {acts}),"
        f" (SELECT coalesce(sum(fee_fen), 0)::bigint FROM receivables_latefee WHERE clearing_id IN {acts}),"
        " (SELECT coalesce(sum(balance_fen), 0)::bigint FROM receivables_bucket"
        "  WHERE account_id = %s::bigint AND kind = 'CASH')",
        [payment_id, payment_id, account_id],
    )
    return row
