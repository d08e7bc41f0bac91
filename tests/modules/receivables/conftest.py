"""A desk at which accounts are billed and pay, on a real ledger with the example operator's chart and rules."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db import connection, transaction

from openboss.modules.billing.atomic.cycles import calendar_of, open_cycle
from openboss.modules.billing.models import Bill
from openboss.modules.catalog.functions import import_reference
from openboss.modules.customers.models import Account, Customer
from openboss.modules.receivables.functions.bills import book_bills
from openboss.modules.receivables.functions.payments import PaymentPosted, post_payment
from openboss.modules.receivables.functions.set_up import import_money
from openboss.modules.receivables.models import Bucket, Entry, OpenItem, Posting, Receivable
from openboss.modules.system.atomic import OrgNodeView, put_org_nodes, put_role, put_staff

EXAMPLE = Path(__file__).parents[3] / "example" / "reference"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NUMBERS = {
    "RENT": 1,
    "PACK_FEE": 2,
    "PACK_HALF": 8,
    "LOCAL": 11,
    "DATA_DOM": 31,
    "SP_INFO": 61,
    "LATE_FEE": 73,
    "ADJUST": 76,
}


def on(month: int, day: int, hour: int = 10, year: int = 2026) -> datetime:
    """A moment of 2026 on the operator's clock."""
    return datetime(year, month, day, hour, tzinfo=UTC) - timedelta(hours=8)


@dataclass
class Desk:
    """One customer after another, their bills and what they pay."""

    staff: dict[str, int]
    serial: int = 0
    accounts: list[int] = field(default_factory=list)

    def account(self) -> int:
        """A new customer with one account."""
        customer = Customer.objects.create(
            kind="INDIVIDUAL", name="张三", pinyin="zhang san", initials="zs", customer_class="ORDINARY",
            vip_level="NONE", org_code="P", created_on=date(2020, 1, 1),
        )  # fmt: skip
        account = Account.objects.create(customer=customer, pay_method="CASH", language="zh", layout="STANDARD")
        self.accounts.append(account.account_id)
        return account.account_id

    def bill(self, account_id: int, cycle: int, *, at: datetime | None = None, user: int = 1, **items: int) -> int:
        """Release a bill of an account with items in fen; return its id."""
        return self.bills(cycle, [(account_id, user, items)], at=at)[0]

    def bills(
        self, cycle: int, wanted: list[tuple[int, int, dict[str, int]]], *, at: datetime | None = None
    ) -> list[int]:
        """Release bills: account, user, items in fen."""
        open_cycle(cycle=cycle)
        calendar = calendar_of(cycle)
        step = 10_000_000_000
        owners = dict(Account.objects.values_list("account_id", "customer_id"))
        for account_id, _, items in wanted:
            total_fen = sum(items.values())
            Bill.objects.create(
                bill_id=cycle * step + account_id, part=0, cycle=cycle, account_id=account_id,
                customer_id=owners[account_id],
                state="validated", std_fen=total_fen, discount_fen=0, total_fen=total_fen, due_on=calendar.due_on,
            )  # fmt: skip
        rows = Bill.objects.filter(bill_id__in=[cycle * step + one[0] for one in wanted]).order_by("bill_id")
        names = ["bill_id", "cycle", "account_id", "customer_id", "total_fen", "due_on"]
        bills = pl.DataFrame(list(rows.values(*names)), schema_overrides={"cycle": pl.Int32})
        lines = [
            {"bill_id": cycle * step + account_id, "subscriber_id": user, "item_id": NUMBERS[code], "due_fen": fen}
            for account_id, user, items in wanted
            for code, fen in items.items()
        ]
        schema = {"bill_id": pl.Int64, "subscriber_id": pl.Int64, "item_id": pl.Int16, "due_fen": pl.Int64}
        with transaction.atomic():
            book_bills(bills, pl.DataFrame(lines, schema=schema), at=at or calendar.payable_at, staff_id=None)
        return bills["bill_id"].to_list()

    def pay(self, account_id: int, paid_fen: int, at: datetime, **changes: Any) -> PaymentPosted:
        """Pay at the counter."""
        self.serial += 1
        known = {"means": "CASH", "channel": "HALL", "serial_no": f"T{self.serial}", "staff_id": self.staff["clerk"]}
        return post_payment(account_id=account_id, paid_fen=paid_fen, at=at, **(known | changes))

    def no(self) -> str:
        """A serial number never used before."""
        self.serial += 1
        return f"T{self.serial}"

    def open(self, bill_id: int) -> int:
        """What is open on a bill, in fen."""
        return Receivable.objects.get(bill_id=bill_id).open_fen

    def state(self, bill_id: int) -> str:
        """The state of a bill."""
        return Bill.objects.get(bill_id=bill_id).state

    def paid(self, bill_id: int) -> dict[str, int]:
        """What is paid of a bill, by item."""
        codes = {number: code for code, number in NUMBERS.items()}
        return {codes[row.item_id]: row.paid_fen for row in OpenItem.objects.filter(bill_id=bill_id).order_by("rank")}

    def cash(self, account_id: int) -> int:
        """Cash an account has with us, in fen."""
        return sum(Bucket.objects.filter(account_id=account_id, kind="CASH").values_list("balance_fen", flat=True))


def check_books() -> None:
    """The ledger balances entry by entry, and says what the open items and buckets say."""
    from openboss.modules.receivables.functions.reconciliation import ledger_differences

    assert sum(Posting.objects.values_list("amount_fen", flat=True)) == 0
    assert not ledger_differences()


@pytest.fixture
def desk(db: None) -> Desk:
    """The desk, with a clerk, a second one, and a chief who may approve; filled once a process, then copied in."""
    before = _tables_with_rows()
    if before not in _filled:
        counts = _counts(before)
        staff = _fill()
        if _counts(before) == counts:  # all that came lies in tables that were empty
            _filled[before] = staff, {table: _copied_out(table) for table in _tables_with_rows() - before}
        return Desk(staff)
    staff, rows_of = _filled[before]
    with transaction.atomic(), connection.cursor() as cursor:  # keys may point to rows that come later
        for table, rows in rows_of.items():
            with cursor.copy(f"COPY {table} FROM STDIN") as into:
                into.write(rows)
    return Desk(dict(staff))


_filled: dict[frozenset[str], tuple[dict[str, int], dict[str, bytes]]] = {}  # by the tables that had rows before


def _tables_with_rows() -> frozenset[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        names = [name for (name,) in cursor.fetchall()]
        cursor.execute(f"SELECT {', '.join(f'EXISTS (SELECT 1 FROM {name})' for name in names)}")
        return frozenset(name for name, found in zip(names, cursor.fetchone(), strict=True) if found)


def _counts(tables: frozenset[str]) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(f'(SELECT count(*) FROM {name})' for name in sorted(tables))}")
        return tuple(cursor.fetchone())


def _copied_out(table: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT") as out:
        return b"".join(bytes(part) for part in out)


def _fill() -> dict[str, int]:
    import_reference(EXAMPLE, at=LONG_AGO)
    import_money(EXAMPLE, at=LONG_AGO)
    put_org_nodes(nodes=[OrgNodeView("P", "PROVINCE", None, "省", "Province")], at=LONG_AGO)
    clerk, chief = ["receivables.collect", "receivables.adjust"], ["receivables.approve", "receivables.close"]
    put_role(code="SHOP_CLERK", name_zh="营业员", name_en="Clerk", rights=clerk, at=LONG_AGO)
    put_role(code="BILLING", name_zh="账务", name_en="Billing", rights=clerk + chief, at=LONG_AGO)
    names = {"name_zh": "李", "name_en": "Li", "org_code": "P", "password": "not-a-secret", "language": "en"}
    return {
        login: put_staff(login=login, roles=[role], at=LONG_AGO, **names)
        for login, role in {"clerk": "SHOP_CLERK", "clerk2": "SHOP_CLERK", "chief": "BILLING"}.items()
    }


def causes() -> list[str]:
    """The causes of all entries, in order."""
    return list(Entry.objects.order_by("entry_id").values_list("cause", flat=True))
