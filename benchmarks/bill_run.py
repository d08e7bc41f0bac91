"""How fast frozen usage becomes released bills, next to a bare COPY of the same rows into the same indexed tables.

    python -m benchmarks.bill_run [ACCOUNTS]

One user an account, two products each, six kinds of usage, three in ten with discounts (one in three of them an
exclusion group). Measured from the totals in memory to released bills; the COPY writes the finished rows, in the same
binary form, into empty tables with the same indexes and checks.
"""

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

CYCLE = 202611
AT = datetime(2026, 12, 1, tzinfo=UTC)
PLAN, PACK, CLUB = 101, 301, 421
ITEMS = ("LOCAL", "LD_DOM", "ROAM_CALL", "DATA_DOM", "SMS", "SP_INFO")


def inputs(accounts: int) -> dict[str, Any]:
    """Make the frames and offers of a month for collect_inputs."""
    from openboss.modules.catalog.atomic import OfferVersionView
    from openboss.modules.catalog.functions import bill_item_types
    from openboss.modules.charging.schema import FREE_USE, TOTALS
    from openboss.modules.customers.functions import BillingImage

    rng = np.random.default_rng(1)
    ids = np.arange(1, accounts + 1)
    item_ids = {one.code: one.item_id for one in bill_item_types()}
    act_li = rng.integers(0, 60_000, (accounts, len(ITEMS)))
    usage = {
        "subscriber_id": np.repeat(ids, len(ITEMS)),
        "item_id": np.tile([item_ids[code] for code in ITEMS], accounts),
        "rule_id": np.tile(np.arange(1, len(ITEMS) + 1), accounts),
        "act_li": act_li.reshape(-1),
        "std_li": act_li.reshape(-1) * 5 // 4,
    }
    counts = {name: np.ones(accounts * len(ITEMS), np.int64) for name in ("calls", "seconds", "units", "free_units")}
    totals = pl.DataFrame({**usage, **counts}).select(pl.col(name).cast(kind) for name, kind in TOTALS.items())
    free = {"subscriber_id": ids, "rule_id": 9, "granted": 170, "used": 120, "carried": 0, "unit": 1}
    fee = {"rule": "RENT", "first_month": "PRORATE"}
    percent = [("A", "10", 10), ("B", "5", 20)]
    discounts = [
        {"rule": rule, "phase": "P3", "items": ["LOCAL", "LD_DOM"], "effect": {"percent": off}, "priority": priority,
         "exclusion_group": "CLUB"}
        for rule, off, priority in percent
    ]  # fmt: skip
    documents = {
        PLAN: ("MAIN", {"recurring": [{**fee, "item": "RENT", "fee": "58.00"}]}),
        PACK: ("ADDON", {"recurring": [{**fee, "item": "PACK_FEE", "fee": "10.00"}]}),
        CLUB: ("ADDON", {"discounts": discounts}),
    }
    versions = [
        OfferVersionView(
            offer_id, str(offer_id), kind, "", {}, date(2010, 1, 1), document, _rule_ids(offer_id, document)
        )
        for offer_id, (kind, document) in documents.items()
    ]
    held = np.concatenate([ids, ids, ids[:: 10 // 3]])
    offers = np.concatenate([np.full(accounts, PLAN), np.full(accounts, PACK), np.full(len(ids[:: 10 // 3]), CLUB)])
    return {
        "cycle": CYCLE,
        "versions": versions,
        "item_types": bill_item_types(),
        "totals": totals,
        "free_use": pl.DataFrame(free).select(pl.col(name).cast(kind) for name, kind in FREE_USE.items()),
        "image": BillingImage(
            attributes=pl.DataFrame({"subscriber_id": ids, "customer_id": ids}).with_columns(
                born_on=date(1980, 1, 1),
                opened_on=date(2020, 1, 1),
                closed_on=pl.lit(None, pl.Date),
                customer_class=pl.lit("ORDINARY"),
                vip_level=pl.lit("NONE"),
                brand=pl.lit("GOTONE"),
                star=pl.lit(0, pl.Int8),
                home_area=pl.lit(571, pl.Int32),
            ),
            holdings=pl.DataFrame(
                {"holding_id": np.arange(1, len(held) + 1), "subscriber_id": held, "offer_id": offers}
            ).with_columns(first_month=pl.lit("PRORATE"), from_on=date(2020, 1, 1), to_on=pl.lit(None, pl.Date)),
            stops=pl.DataFrame(
                schema={"subscriber_id": pl.Int64, "reason": pl.String, "from_on": pl.Date, "to_on": pl.Date}
            ),
            relations=pl.DataFrame({"relation_id": ids, "subscriber_id": ids, "account_id": ids}).with_columns(
                item_scope=pl.lit("ALL"), mode=pl.lit("REST"), value=pl.lit(0), priority=pl.lit(100, pl.Int32)
            ),
            accounts=pl.DataFrame({"account_id": ids, "customer_id": ids}).with_columns(
                language=pl.lit("zh"), layout=pl.lit("STANDARD"), pay_method=pl.lit("CASH")
            ),
        ),
    }


def _rule_ids(offer_id: int, document: dict[str, Any]) -> dict[str, int]:
    rules = [rule["rule"] for section in document.values() for rule in section]
    return {rule: offer_id * 10 + place for place, rule in enumerate(rules)}


def timed(work: Callable[[], object]) -> float:
    """Seconds a piece of work takes."""
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


def bill_run(accounts: int) -> dict[str, float]:
    """Bill a month from frozen totals to released bills; seconds by step."""
    from openboss.modules.billing import functions as billing
    from openboss.modules.billing.atomic import begin_release, live_run, validate_part

    frames = inputs(accounts)
    billing.open_cycle(cycle=CYCLE)
    billing.cut_cycle(cycle=CYCLE, position=1, at=AT, staff_id=None)
    step_s = {"collect": timed(lambda: billing.collect_inputs(**frames))}
    step_s["calculate"] = timed(lambda: billing.calculate(cycle=CYCLE, at=AT, staff_id=None, progress=lambda *_: None))
    step_s["audit"] = timed(lambda: billing.audit_run(cycle=CYCLE, at=AT, staff_id=None))
    begin_release(cycle=CYCLE, at=AT, staff_id=1, login="bench")
    parts = range(live_run(cycle=CYCLE).part_count)
    step_s["release"] = timed(lambda: [validate_part(cycle=CYCLE, part=part) for part in parts])
    return step_s


def bare_copy() -> tuple[float, int]:
    """COPY the rows of the month into empty copies of the tables: seconds and rows."""
    from django.db import connection, transaction

    from openboss.modules.billing.atomic.tables import PARTITIONED, copy_binary
    from openboss.modules.system.copying import copy_out

    tables = [("billing_bill", "billing_bill"), *((f"{table}_{CYCLE}", table) for table in PARTITIONED)]
    taken_s, rows = 0.0, 0
    for full, table in tables:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
                " ORDER BY ordinal_position", [table]
            )  # fmt: skip
            kinds = {"bigint": pl.Int64, "integer": pl.Int32, "smallint": pl.Int16, "boolean": pl.Boolean,
                     "character varying": pl.String, "date": pl.Int32}  # fmt: skip
            columns = [(name, kind) for name, kind in cursor.fetchall()]
            cursor.execute(f"CREATE TABLE bare_{table} (LIKE {full} INCLUDING ALL)")
        days = {name: f"({name} - DATE '2000-01-01')" for name, kind in columns if kind == "date"}
        flags = {name: f"{name}::int" for name, kind in columns if kind == "boolean"}
        chosen = ", ".join({**days, **flags}.get(name, name) for name, _ in columns)
        schema = {name: pl.Int8 if name in flags else kinds[kind] for name, kind in columns}
        frame = copy_out(f"SELECT {chosen} FROM {full}", schema).with_columns(
            pl.col(*flags).cast(pl.Boolean) if flags else []
        )

        def write(table: str = table, frame: pl.DataFrame = frame) -> None:
            with transaction.atomic():
                for start in range(0, frame.height, 500_000):
                    copy_binary(f"bare_{table}", frame[start : start + 500_000])

        taken_s += timed(write)
        rows += frame.height
    return taken_s, rows


def main() -> None:
    """Measure in a database of its own and print one line of JSON."""
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="openboss-bench-") as folder:
        os.environ["OPENBOSS_DATA_DIR"] = folder
        from openboss.access.jobs.installation import embedded_cluster, migrate, open_installation

        with open_installation():
            from openboss.modules.catalog.functions import import_reference

            migrate(verbosity=0)
            import_reference(Path(__file__).parents[1] / "example" / "reference", at=AT)
            warm_up()
            step_s = bill_run(accounts)
            copy_s, rows = bare_copy()
        if cluster := embedded_cluster():
            cluster.destroy()
    run_s = sum(step_s.values())
    print(
        json.dumps(
            {
                "accounts": accounts,
                "rows": rows,
                "accounts_per_s": round(accounts / run_s),
                "bill_run_s": round(run_s, 2),
                "bare_copy_s": round(copy_s, 2),
                "ratio": round(run_s / copy_s, 2),
                "steps_s": {name: round(taken, 2) for name, taken in step_s.items()},
                "machine": f"{os.cpu_count()} cores, {platform.machine()}",
            }
        )
    )


def warm_up() -> None:
    """Compile the kernel on a tiny month of another cycle, so that the measure is of work."""
    global CYCLE
    real, CYCLE = CYCLE, 202610
    bill_run(10)
    CYCLE = real


if __name__ == "__main__":
    main()
