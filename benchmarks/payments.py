"""How fast bills become debts, payments are posted and cleared, and credit control looks at everybody.

    python -m benchmarks.payments [ACCOUNTS]

Every account has two bills of six items; the older one is overdue, so that every payment books a late fee. Files are
posted in batches as a bank's file is; interactive payments come from threads, each with its own connection. Reported:
payments/s of both, CPU seconds of the client and of the server together, the slowest of twenty (p95) interactively.
"""

import json
import os
import platform
import sys
import tempfile
import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl

BATCH = 5_000
THREADS, EACH = 4, 100
REFERENCE = Path(__file__).parents[1] / "example" / "reference"
OLD, NEW = 202609, 202610
PAID_AT = datetime(2026, 11, 10, 2, tzinfo=UTC)
ITEMS = [1, 2, 11, 12, 31, 61]


def make_accounts(accounts: int) -> None:
    """Customers and accounts, one each."""
    from openboss.modules.system.copying import copy_in

    ids = pl.DataFrame({"customer_id": np.arange(1, accounts + 1)})
    facts = {"kind": "INDIVIDUAL", "name": "王", "pinyin": "wang", "initials": "w", "customer_class": "ORDINARY"}
    facts |= {"vip_level": "NONE", "org_code": "P"}
    people = ids.with_columns(pl.lit(value).alias(name) for name, value in facts.items())
    copy_in("customers_customer", people.with_columns(created_on=pl.lit(date(2020, 1, 1))))
    held = {"pay_method": "CASH", "language": "zh", "layout": "STANDARD"}
    copy_in(
        "customers_account",
        ids.with_columns(pl.lit(value).alias(name) for name, value in held.items()).with_columns(
            account_id="customer_id"
        ),
    )


def bill(accounts: int, cycle: int) -> float:
    """Release a month of bills into the books; return the seconds taken."""
    from django.db import transaction

    from openboss.modules.receivables.functions.bills import book_bills

    ids = np.arange(1, accounts + 1)
    amounts = np.random.default_rng(cycle).integers(100, 9_000, (accounts, len(ITEMS)))
    due_on = date(2026, 10, 31) if cycle == OLD else date(2026, 11, 30)
    bill_ids = cycle * 10_000_000_000 + ids
    bills = pl.DataFrame(
        {"bill_id": bill_ids, "account_id": ids, "customer_id": ids, "total_fen": amounts.sum(axis=1)}
    ).with_columns(cycle=pl.lit(cycle, pl.Int32), due_on=pl.lit(due_on))
    items = pl.DataFrame(
        {
            "bill_id": np.repeat(bill_ids, len(ITEMS)),
            "subscriber_id": np.repeat(ids, len(ITEMS)),
            "item_id": np.tile(ITEMS, accounts).astype(np.int16),
            "due_fen": amounts.reshape(-1),
        }
    )
    started_s = time.perf_counter()
    with transaction.atomic():
        book_bills(bills, items, at=datetime(2026, 11, 1, tzinfo=UTC), staff_id=None)
    return time.perf_counter() - started_s


def from_files(payments: int) -> float:
    """Post payments of the first accounts in batches; return the seconds taken."""
    from openboss.modules.receivables.functions.payments import INCOMING, post_payments

    ids = np.arange(1, payments + 1)
    frame = pl.DataFrame({"account_id": ids}).with_columns(
        serial_no=pl.format("BANK-{}", "account_id"),
        paid_fen=pl.lit(20_000, pl.Int64),
        means=pl.lit("BANK"),
        reference=pl.format("R{}", "account_id"),
        paid_at=pl.lit(PAID_AT),
        agent_account_id=pl.lit(None, pl.Int64),
    )
    frame = frame.select(pl.col(name).cast(kind) for name, kind in INCOMING.items())
    started_s = time.perf_counter()
    for start in range(0, payments, BATCH):
        post_payments(frame[start : start + BATCH], channel="BANK", at=PAID_AT)
    return time.perf_counter() - started_s


def interactively(first: int) -> tuple[float, float]:
    """Take payments one by one from several threads; return the seconds taken and the slowest of twenty."""
    from django.db import connection

    from openboss.processes.take_payment import take

    taken_s: list[float] = []

    def cashier(number: int) -> None:
        for turn in range(EACH):
            account_id = first + number * EACH + turn
            started_s = time.perf_counter()
            take(
                account_id=account_id, paid_fen=5_000, means="CASH", channel="HALL", serial_no=f"HALL-{account_id}",
                at=PAID_AT,
            )  # fmt: skip
            taken_s.append(time.perf_counter() - started_s)
        connection.close()

    cashiers = [threading.Thread(target=cashier, args=(number,)) for number in range(THREADS)]
    started_s = time.perf_counter()
    for one in cashiers:
        one.start()
    for one in cashiers:
        one.join()
    return time.perf_counter() - started_s, sorted(taken_s)[len(taken_s) * 95 // 100]


def main() -> None:
    """Measure in a database of its own and print one line of JSON."""
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="openboss-bench-") as folder:
        os.environ["OPENBOSS_DATA_DIR"] = folder
        from openboss.access.jobs.installation import embedded_cluster, migrate, open_installation

        with open_installation():
            migrate(verbosity=0)
            print(json.dumps(measured(accounts)))
        if cluster := embedded_cluster():
            cluster.destroy()


def measured(accounts: int) -> dict[str, object]:
    """Bill everybody twice, let half of them pay from files, some at the counter, and look at all who owe."""
    from openboss.modules.catalog.functions import import_reference
    from openboss.modules.receivables.functions import import_money, ledger_differences
    from openboss.processes import collect_debt

    import_reference(REFERENCE, at=PAID_AT)
    import_money(REFERENCE, at=PAID_AT)
    make_accounts(accounts)
    booked_s = bill(accounts, OLD) + bill(accounts, NEW)
    from_files(10)  # compiles
    payments = accounts // 2
    files_s = from_files(payments)
    counter_s, p95_s = interactively(payments + 1)
    started_s = time.perf_counter()
    looked = collect_debt.run(at=PAID_AT)
    credit_s = time.perf_counter() - started_s
    assert ledger_differences() == []
    return {
        "accounts": accounts,
        "bills_booked_per_s": round(2 * accounts / booked_s),
        "payments_from_files_per_s": round(payments / files_s),
        "payments_interactive_per_s": round(THREADS * EACH / counter_s),
        "interactive_p95_ms": round(p95_s * 1000),
        "credit_control_accounts_per_s": round(looked.accounts / credit_s),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
    }


if __name__ == "__main__":
    main()
