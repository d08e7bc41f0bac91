"""Open items and the money of accounts: read for clearing, changed by clearing (D8.1, D8.2). Many accounts at once."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import polars as pl
from django.db.models import F, Max, Sum

from openboss.modules.billing.atomic import BILL_ID_STEP
from openboss.modules.receivables.models import (
    Bucket,
    Entry,
    OpenItem,
    Posting,
    Receivable,
)
from openboss.modules.system.copying import copy_in, copy_out
from openboss.modules.system.statements import ask, run

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
    "position": pl.Int64,
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


def lock_accounts(account_ids: Sequence[int]) -> None:
    """Let nobody else move money of these accounts until this transaction ends; in one order, so that none waits
    for another in a circle."""
    wanted = sorted(set(account_ids))
    run(
        "INSERT INTO receivables_standing (account_id, extra_fen, is_exempt, exposure_fen)"
        " SELECT a, 0, false, 0 FROM unnest(%s::bigint[]) a"
        " WHERE NOT EXISTS (SELECT 1 FROM receivables_standing s WHERE s.account_id = a) ORDER BY a"
        " ON CONFLICT DO NOTHING",
        [wanted],
    )
    run(
        "SELECT 1 FROM receivables_standing WHERE account_id = ANY(%s::bigint[]) ORDER BY account_id FOR UPDATE",
        [wanted],
    )


def open_bills(account_ids: Sequence[int]) -> pl.DataFrame:
    """The bills of accounts on which something is open, columns of BILLS."""
    return _bills("account_id = ANY(%s) AND open_fen > 0", list(account_ids))


PRINCIPALS = {
    "bill_id": pl.Int64,
    "account_id": pl.Int64,
    "open_fen": pl.Int64,
    "due_on": pl.Date,
    "late_from_on": pl.Date,
    "late_cap_fen": pl.Int64,
    "late_fen": pl.Int64,
    "principal_fen": pl.Int64,
}


def open_principals(account_ids: Sequence[int], *, on: date) -> pl.DataFrame:
    """Open bills of many accounts, columns of PRINCIPALS; the principal only where days bear a late fee before `on`,
    else 0."""
    return copy_out(
        "SELECT bill_id, account_id, open_fen, due_on, late_from_on, late_cap_fen, late_fen,"
        " CASE WHEN late_from_on < %s THEN open_fen - coalesce((SELECT sum(i.due_fen - i.paid_fen)"
        "  FROM receivables_openitem i WHERE i.bill_id = r.bill_id AND i.is_late_exempt), 0) ELSE 0 END::bigint"
        " FROM receivables_receivable r WHERE account_id = ANY(%s) AND open_fen > 0",
        PRINCIPALS,
        (on, list(account_ids)),
    )


NO_ADVANCES = ("DEPOSIT", "AGENT", "CHARGED")  # buckets whose money is held for something else than bills


def money_of_accounts(account_ids: Sequence[int]) -> pl.DataFrame:
    """The advances of accounts, all money but that of NO_ADVANCES: account_id, advance_fen; none: missing."""
    return copy_out(
        "SELECT account_id, sum(balance_fen)::bigint FROM receivables_bucket WHERE account_id = ANY(%s)"
        " AND kind <> ALL(%s) AND balance_fen > 0 GROUP BY 1",
        {"account_id": pl.Int64, "advance_fen": pl.Int64},
        (list(account_ids), list(NO_ADVANCES)),
    )


def bills_by_id(bill_ids: Sequence[int]) -> pl.DataFrame:
    """Bills as debts, paid or not, columns of BILLS."""
    return _bills("bill_id = ANY(%s)", list(bill_ids))


def bills_of_account(account_id: int) -> pl.DataFrame:
    """Every bill of an account as a debt, the newest first, columns of BILLS."""
    return _bills("account_id = %s ORDER BY bill_id DESC", account_id)


def bills_of_cycle(cycle: int) -> pl.DataFrame:
    """Every bill of a cycle as a debt, columns of BILLS."""
    return _bills("cycle = %s", cycle)


def _bills(condition: str, value: object) -> pl.DataFrame:
    return copy_out(f"SELECT {', '.join(BILLS)} FROM receivables_receivable WHERE {condition}", BILLS, (value,))


def items_of(bill_ids: Sequence[int]) -> pl.DataFrame:
    """The items of bills, paid ones too, columns of ITEMS."""
    frame = copy_out(
        f"SELECT {', '.join(ITEMS).replace('is_late_exempt', 'is_late_exempt::int')} FROM receivables_openitem"
        " WHERE bill_id = ANY(%s)",
        ITEMS | {"is_late_exempt": pl.Int8},
        (list(bill_ids),),
    )
    return frame.with_columns(pl.col("is_late_exempt").cast(pl.Boolean))


def items_of_cycle(cycle: int) -> pl.DataFrame:
    """The open items of users on the bills of a cycle, without late fees, columns of ITEMS but is_late_exempt."""
    schema = {name: kind for name, kind in ITEMS.items() if name != "is_late_exempt"}
    return copy_out(
        f"SELECT {', '.join(f'i.{name}' for name in schema)} FROM receivables_openitem i"
        " JOIN receivables_receivable r USING (bill_id) WHERE r.cycle = %s AND i.subscriber_id <> 0",
        schema,
        (cycle,),
    )


def put_receivables(*, bills: pl.DataFrame, items: pl.DataFrame, booked_at: datetime) -> None:
    """Store released bills as debts, in the caller's transaction.

    bills  bill_id, cycle, account_id, customer_id, total_fen, open_fen, due_on, late_from_on, position
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
    """Put money into the CASH, DEPOSIT, AGENT or CHARGED bucket of accounts (each named once); return bucket ids."""
    return dict(
        ask(
            "INSERT INTO receivables_bucket (account_id, kind, item_ids, valid_from_on, balance_fen)"
            " SELECT a, %s::text, '{}', %s::date, f FROM unnest(%s::bigint[], %s::bigint[]) AS added(a, f) ORDER BY a"
            " ON CONFLICT (account_id, kind) WHERE kind IN ('CASH', 'DEPOSIT', 'AGENT', 'CHARGED')"
            " DO UPDATE SET balance_fen = receivables_bucket.balance_fen + excluded.balance_fen"
            " RETURNING account_id, bucket_id",
            [kind, on, list(account_ids), list(amounts_fen)],
        )
    )


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
    run(
        "UPDATE receivables_bucket b SET balance_fen = balance_fen + c.f"
        " FROM (SELECT id, sum(f)::bigint AS f FROM unnest(%s::bigint[], %s::bigint[]) AS c(id, f) GROUP BY id) c"
        " WHERE b.bucket_id = c.id",
        [list(bucket_ids), list(amounts_fen)],
    )


def has_waivers(*, account_id: int, position: int) -> bool:
    """Whether a late fee of an account was waived or a debt written off after a position, and still is."""
    reversed_ids = Entry.objects.filter(reverses_id__isnull=False).values("reverses_id")
    lines = Posting.objects.filter(account_id=account_id, entry_id__gt=position).values("entry_id")
    found = Entry.objects.filter(entry_id__in=lines, cause__in=["WAIVER", "WRITE_OFF"])
    return found.exclude(entry_id__in=reversed_ids).exists()


def misplaced(*, bill_id: int, receivable_no: int) -> int:
    """What of a doubtful bill still stands among the receivables, in fen."""
    found = Posting.objects.filter(bill_id=bill_id, chart_no=receivable_no)
    return found.aggregate(fen=Sum("amount_fen", default=0))["fen"]


class MoneyIn(NamedTuple):
    """A bucket of an account with money in it."""

    bucket_id: int
    kind: str
    balance_fen: int
    item_ids: list[int]
    valid_to_on: date | None


def money_of(account_id: int) -> list[MoneyIn]:
    """Every bucket of an account with money in it."""
    found = ask(
        "SELECT bucket_id, kind, balance_fen, item_ids, valid_to_on FROM receivables_bucket"
        " WHERE account_id = %s::bigint AND balance_fen > 0 ORDER BY kind, bucket_id",
        [account_id],
    )
    return [MoneyIn(*row) for row in found]


def cash_of(account_ids: Sequence[int]) -> list[tuple[int, int]]:
    """The cash accounts have: account, fen."""
    rows = Bucket.objects.filter(account_id__in=list(account_ids), kind="CASH")
    return list(rows.values_list("account_id", "balance_fen"))


def overdue_since(due_before: date, *, standing: str) -> pl.DataFrame:
    """Bills with something open that were due before a day, of a standing, columns of BILLS."""
    frame = _bills("open_fen > 0 AND due_on < %s", due_before)
    return frame.filter(pl.col("standing") == standing)


def set_standing(*, bill_ids: Sequence[int], standing: str) -> None:
    """Note what kind of debt bills are: NORMAL or DOUBTFUL."""
    Receivable.objects.filter(bill_id__in=list(bill_ids)).update(standing=standing)


def waive_item(*, bill_id: int, item_id: int, waived_fen: int) -> None:
    """Let less be due of the late fee of a bill."""
    item = OpenItem.objects.filter(bill_id=bill_id, subscriber_id=0, item_id=item_id)
    item.update(due_fen=F("due_fen") - waived_fen)


def write_off(*, bill_id: int) -> None:
    """Note that what is open on a bill is given up; it stays on record."""
    Receivable.objects.filter(bill_id=bill_id).update(standing="BAD", written_off_fen=F("open_fen"), open_fen=0)


def recover(*, bill_id: int, paid_fen: int) -> bool:
    """Take off a debt that was written off what came back of it; False if that is more than there is."""
    bill = Receivable.objects.filter(bill_id=bill_id, written_off_fen__gte=paid_fen)
    if not bill.update(written_off_fen=F("written_off_fen") - paid_fen):
        return False
    for item in OpenItem.objects.filter(bill_id=bill_id, due_fen__gt=F("paid_fen")).order_by("rank", "subscriber_id"):
        part_fen = min(paid_fen, item.due_fen - item.paid_fen)
        mine = OpenItem.objects.filter(bill_id=bill_id, subscriber_id=item.subscriber_id, item_id=item.item_id)
        mine.update(paid_fen=F("paid_fen") + part_fen)
        paid_fen -= part_fen
    return True


def open_by_bill() -> pl.DataFrame:
    """Every bill with something open: bill_id, account_id, due_on, open_fen."""
    return copy_out(
        "SELECT bill_id, account_id, due_on, open_fen FROM receivables_receivable WHERE open_fen > 0",
        {name: BILLS[name] for name in ("bill_id", "account_id", "due_on", "open_fen")},
    )


def arrears_frame(*, level: str, key: int, due_before: date | None) -> pl.DataFrame:
    """What is open, item sums by bill and user: bill_id, cycle, account_id, subscriber_id, due_on, open_fen."""
    column = {"USER": "i.subscriber_id", "ACCOUNT": "r.account_id", "CUSTOMER": "r.customer_id"}[level]
    return copy_out(
        "SELECT bill_id, r.cycle, r.account_id, i.subscriber_id, r.due_on, sum(i.due_fen - i.paid_fen)::bigint"
        " FROM receivables_receivable r JOIN receivables_openitem i USING (bill_id)"
        f" WHERE {column} = %s AND r.open_fen > 0 AND i.paid_fen <> i.due_fen AND r.due_on < %s"
        " GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 4",
        {
            "bill_id": pl.Int64,
            "cycle": pl.Int32,
            "account_id": pl.Int64,
            "subscriber_id": pl.Int64,
            "due_on": pl.Date,
            "open_fen": pl.Int64,
        },
        (key, due_before or date.max),
    )


RATES = {"billed_fen": pl.Int64, "open_fen": pl.Int64, "overdue_fen": pl.Int64}
_RATES = (
    "sum(greatest(total_fen, 0))::bigint, sum(open_fen)::bigint,"
    " coalesce(sum(open_fen) FILTER (WHERE due_on < %s), 0)::bigint FROM receivables_receivable"
)


def rates_by_cycle(*, on: date) -> pl.DataFrame:
    """What was billed, is open and is overdue, by cycle."""
    return copy_out(f"SELECT cycle, {_RATES} GROUP BY 1 ORDER BY 1", {"cycle": pl.Int32} | RATES, (on,))


def billed_by_customer(*, on: date) -> pl.DataFrame:
    """What was billed, is open and is overdue, by cycle and customer."""
    schema = {"cycle": pl.Int32, "customer_id": pl.Int64} | RATES
    return copy_out(f"SELECT cycle, customer_id, {_RATES} GROUP BY 1, 2", schema, (on,))


def member_sums(*, account_id: int, cycle: int) -> pl.DataFrame:
    """What is due and paid of a month by user of an account's bills (0: late fees): user, due, paid."""
    return copy_out(
        "SELECT i.subscriber_id, sum(i.due_fen)::bigint, sum(i.paid_fen)::bigint FROM receivables_receivable r"
        " JOIN receivables_openitem i USING (bill_id) WHERE r.account_id = %s AND r.cycle = %s GROUP BY 1 ORDER BY 1",
        {"subscriber_id": pl.Int64, "due_fen": pl.Int64, "paid_fen": pl.Int64},
        (account_id, cycle),
    )


def cash_valid_to(*, account_id: int) -> date | None:
    """The last day of validity of an account's cash; None: it has no end, or there is no cash yet."""
    cash = ask(
        "SELECT valid_to_on FROM receivables_bucket WHERE account_id = %s::bigint AND kind = 'CASH'", [account_id]
    )
    return cash[0][0] if cash else None


def accounts_with_validity(*, account_ids: Sequence[int]) -> set[int]:
    """Of some accounts those whose cash has a last day of validity."""
    found = ask(
        "SELECT account_id FROM receivables_bucket"
        " WHERE account_id = ANY(%s::bigint[]) AND kind = 'CASH' AND valid_to_on IS NOT NULL",
        [list(account_ids)],
    )
    return {row[0] for row in found}


def set_cash_validity(*, account_id: int, valid_to_on: date) -> None:
    """Let an account's cash be valid up to a day."""
    Bucket.objects.filter(account_id=account_id, kind="CASH").update(valid_to_on=valid_to_on)


def validity_ends(*, from_on: date | None, to_on: date) -> list[tuple[int, date]]:
    """Accounts whose cash is valid up to a day after one (none: any) and not after another: account, day."""
    ended = Bucket.objects.filter(kind="CASH", valid_to_on__lte=to_on)
    if from_on is not None:
        ended = ended.filter(valid_to_on__gt=from_on)
    return list(ended.order_by("account_id").values_list("account_id", "valid_to_on"))


def written_off(*, bill_id: int) -> int:
    """What of a bill was given up and did not come back, in fen."""
    found = Receivable.objects.filter(bill_id=bill_id).values_list("written_off_fen", flat=True).first()
    return found or 0


def averages_of_months(*, subscriber_ids: Sequence[int], cycles: Sequence[int]) -> dict[int, int]:
    """What users were billed a month on the average of some months, in fen; a month without a bill counts as 0."""
    bills = Receivable.objects.filter(cycle__in=cycles).values("bill_id")
    items = OpenItem.objects.filter(subscriber_id__in=list(subscriber_ids), bill_id__in=bills)
    sums = items.values_list("subscriber_id").annotate(fen=Sum("due_fen")).order_by("subscriber_id")
    return {user: fen // len(cycles) for user, fen in sums}


def cycles_billed(*, before: int, most: int) -> list[int]:
    """The last cycles before one of which bills are released, the newest first."""
    cycles: list[int] = []
    while len(cycles) < most:
        earlier = Receivable.objects.filter(bill_id__lt=(cycles or [before])[-1] * BILL_ID_STEP)
        newest = earlier.aggregate(newest=Max("bill_id"))["newest"]
        if newest is None:
            break
        cycles.append(newest // BILL_ID_STEP)
    return cycles


def billed_of_users(*, subscriber_ids: Sequence[int]) -> dict[int, int]:
    """What users were billed in all, in fen; users without a bill are missing."""
    items = OpenItem.objects.filter(subscriber_id__in=list(subscriber_ids)).values_list("subscriber_id")
    return dict(items.annotate(fen=Sum("due_fen")).order_by("subscriber_id"))
