"""Books for benchmarks of money: a database of its own, customers, two months of bills; who used how much CPU."""

import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

REFERENCE = Path(__file__).parents[1] / "example" / "reference"
OLD, NEW = 202609, 202610
ITEMS = [1, 2, 11, 12, 31, 61]
TICKS_A_S = os.sysconf("SC_CLK_TCK")


@dataclass
class Watch:
    """What a piece of work took: seconds by the clock, CPU of this process and its children, CPU of the server."""

    wall_s: float
    client_s: float
    server_s: float

    def told(self, count: int) -> dict[str, float]:
        """Per second by the clock, per second of CPU of both together, CPU microseconds a piece on either side."""
        return {
            "per_s": round(count / self.wall_s),
            "per_cpu_s": round(count / (self.client_s + self.server_s)),
            "client_us": round(self.client_s / count * 1e6),
            "server_us": round(self.server_s / count * 1e6),
        }


def watched(work: Callable[[], Any]) -> tuple[Watch, Any]:
    """Do some work and say what it took."""
    server_s, own = _server_cpu_s(), os.times()
    started_s = time.perf_counter()
    result = work()
    wall_s, now = time.perf_counter() - started_s, os.times()
    client_s = sum(now[:4]) - sum(own[:4])
    return Watch(wall_s, client_s, _server_cpu_s() - server_s), result


def _server_cpu_s() -> float:
    """CPU of the database server with all its children, those that have ended too."""
    from openboss.access.jobs.installation import connect

    with connect() as session:
        row = session.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        postmaster = _stat(row[0])[1]
    known = {int(one.name): _stat(int(one.name)) for one in Path("/proc").iterdir() if one.name.isdigit()}
    ticks = sum(known[postmaster][11:15]) if postmaster in known else 0
    return (ticks + sum(sum(stat[11:13]) for stat in known.values() if stat[1] == postmaster)) / TICKS_A_S


def _stat(pid: int) -> list[int]:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return [0] * 15
    return [0, *map(int, fields[1:])]


def in_a_database_of_its_own(measure: Callable[[], dict[str, object]]) -> None:
    """Measure in a fresh database and print one line of JSON."""
    with tempfile.TemporaryDirectory(prefix="openboss-bench-") as folder:
        os.environ["OPENBOSS_DATA_DIR"] = folder
        from openboss.access.jobs.installation import embedded_cluster, migrate, open_installation

        with open_installation():
            migrate(verbosity=0)
            load_1m = round(os.getloadavg()[0], 1)
            machine = f"{os.cpu_count()} cores, {platform.machine()}, load {load_1m} at the start"
            print(json.dumps(measure() | {"machine": machine}, indent=1))
        if cluster := embedded_cluster():
            cluster.destroy()


def open_books(accounts: int, *, at: datetime) -> float:
    """Import rules and chart, make accounts with a user each, bill them twice; return the seconds booking took."""
    from openboss.modules.catalog.functions import import_reference
    from openboss.modules.receivables.functions import import_money

    import_reference(REFERENCE, at=at)
    import_money(REFERENCE, at=at)
    _make_accounts(accounts)
    booked_s = bill(accounts, OLD) + bill(accounts, NEW)
    sql("ANALYZE")
    return booked_s


def sql(statement: str) -> None:
    """Run a statement on the database of the benchmark."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)


def _make_accounts(accounts: int) -> None:
    from openboss.modules.system.copying import copy_in

    ids = pl.DataFrame({"customer_id": np.arange(1, accounts + 1)})
    facts = {"kind": "INDIVIDUAL", "name": "王", "pinyin": "wang", "initials": "w", "customer_class": "ORDINARY"}
    facts |= {"vip_level": "NONE", "org_code": "P"}
    people = ids.with_columns(pl.lit(value).alias(name) for name, value in facts.items())
    copy_in("customers_customer", people.with_columns(created_on=pl.lit(date(2020, 1, 1))))
    held = ids.with_columns(pay_method=pl.lit("CASH"), language=pl.lit("zh"), layout=pl.lit("STANDARD"))
    copy_in("customers_account", held.with_columns(account_id="customer_id"))
    sql(
        "INSERT INTO customers_subscriber (subscriber_id, customer_id, service_type, brand, home_area, pay_type,"
        " opened_at, star, life) SELECT customer_id, customer_id, 'MOBILE', 'GOTONE', 27, 'POSTPAID', '2020-01-01', 5,"
        " 'ACTIVE' FROM customers_customer;"
        "INSERT INTO customers_paymentrelation (subscriber_id, account_id, item_scope, mode, value, priority, cycles)"
        " SELECT customer_id, customer_id, 'ALL', 'REST', 0, 100, '[202001,)' FROM customers_customer;"
        "INSERT INTO customers_numberperiod (subscriber_id, number, period)"
        " SELECT customer_id, 8613900000000 + customer_id, '[2020-01-01,)' FROM customers_customer;"
        "INSERT INTO customers_statechange (subscriber_id, state, event, at)"
        " SELECT customer_id, 'ACTIVE', 'OPEN', '2020-01-01' FROM customers_customer"
    )


def bill(accounts: int, cycle: int) -> float:
    """Release a month of bills into the books, a part at a time; return the seconds taken."""
    from django.db import transaction

    from openboss.modules.receivables.functions.bills import book_bills

    started_s = time.perf_counter()
    for first in range(1, accounts + 1, 100_000):
        ids = np.arange(first, min(first + 100_000, accounts + 1))
        with transaction.atomic():
            book_bills(*_bills(ids, cycle), at=datetime(2026, 11, 1, tzinfo=UTC), staff_id=None)
    return time.perf_counter() - started_s


def _bills(ids: np.ndarray, cycle: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    amounts = np.random.default_rng(cycle + int(ids[0])).integers(100, 9_000, (len(ids), len(ITEMS)))
    due_on = date(2026, 10, 31) if cycle == OLD else date(2026, 11, 30)
    bill_ids = cycle * 10_000_000_000 + ids
    bills = pl.DataFrame(
        {"bill_id": bill_ids, "account_id": ids, "customer_id": ids, "total_fen": amounts.sum(axis=1)}
    ).with_columns(cycle=pl.lit(cycle, pl.Int32), due_on=pl.lit(due_on))
    items = pl.DataFrame(
        {
            "bill_id": np.repeat(bill_ids, len(ITEMS)),
            "subscriber_id": np.repeat(ids, len(ITEMS)),
            "item_id": np.tile(ITEMS, len(ids)).astype(np.int16),
            "due_fen": amounts.reshape(-1),
        }
    )
    return bills, items


def bare_copy_s(tables: list[str]) -> tuple[float, int]:
    """Copy the rows of tables into empty tables like them (indexes and checks, no triggers): seconds of COPY, rows."""
    from django.db import connection

    copying_s, rows = 0.0, 0
    with connection.cursor() as cursor:
        for table in tables:
            sql(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")
            with cursor.copy(f"COPY {table} TO STDOUT") as out:
                text = b"".join(bytes(block) for block in out)
            started_s = time.perf_counter()
            with cursor.copy(f"COPY bare_{table} FROM STDIN") as copy:
                copy.write(text)
            copying_s += time.perf_counter() - started_s
            rows += text.count(b"\n")
            sql(f"DROP TABLE bare_{table}")
    return copying_s, rows
