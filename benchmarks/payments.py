"""How fast payments are posted and cleared: from files in batches, and one by one at counters.

    python -m benchmarks.payments [ACCOUNTS]

Every account has two bills of six items; the older one is overdue, so that every payment books a late fee. Files are
posted in batches as a bank's file is, next to a bare COPY of the rows they left into empty tables with the same
indexes and checks. Counters are processes, as the web server's workers are: once at 200 payments a second, evenly
spread, where what counts is the time from a payment's turn to its answer (waiting included), and once as fast as they
can. Reported: payments/s by the clock and by CPU of client and server, milliseconds at the median and at p95.
"""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime

import polars as pl
from benchmarks._books import bare_copy_s, in_a_database_of_its_own, open_books, watched

BATCH = 5_000
COUNTERS, A_SECOND, FOR_S = 4, 200, 15
PAID_AT = datetime(2026, 11, 10, 2, tzinfo=UTC)
WRITTEN = ["payment", "entry", "posting", "clearing", "allocation", "latefee"]
COUNTER = """
import sys, json
from openboss.access.jobs.installation import open_installation
with open_installation():
    from benchmarks.payments import at_a_counter
    print(json.dumps(at_a_counter(*map(int, sys.argv[1:]))), flush=True)
"""


def from_files(first: int, payments: int) -> None:
    """Post payments of some accounts in batches."""
    from openboss.modules.receivables.functions.payments import INCOMING, post_payments

    frame = pl.DataFrame({"account_id": range(first, first + payments)}).with_columns(
        serial_no=pl.format("BANK-{}", "account_id"),
        paid_fen=pl.lit(20_000, pl.Int64),
        means=pl.lit("BANK"),
        reference=pl.format("R{}", "account_id"),
        paid_at=pl.lit(PAID_AT),
        agent_account_id=pl.lit(None, pl.Int64),
    )
    frame = frame.select(pl.col(name).cast(kind) for name, kind in INCOMING.items())
    for batch in frame.iter_slices(BATCH):
        post_payments(batch, channel="BANK", at=PAID_AT)


def at_a_counter(first: int, payments: int, a_second: int) -> tuple[list[float], float, float, float]:
    """Take payments of some accounts, evenly spread (0: one after the other); return what each took, in ms, the
    seconds of CPU they took here, and when the first was begun and the last answered on the machine's clock."""
    from openboss.processes.take_payment import take

    def one(account_id: int) -> None:
        known = {"means": "CASH", "channel": "HALL", "at": PAID_AT}
        take(account_id=account_id, paid_fen=5_000, serial_no=f"HALL-{account_id}", **known)

    one(first)  # connects, prepares, reads the rules
    print("ready", flush=True)
    sys.stdin.readline()
    begun_s, begun_cpu_s, taken_ms = time.perf_counter(), time.process_time(), []
    for turn in range(1, payments):
        due_s = begun_s + turn / a_second if a_second else time.perf_counter()
        time.sleep(max(due_s - time.perf_counter(), 0))
        one(first + turn)
        taken_ms.append((time.perf_counter() - due_s) * 1000)
    return taken_ms, time.process_time() - begun_cpu_s, begun_s, time.perf_counter()


def at_counters(first: int, payments: int, a_second: int) -> dict[str, float]:
    """Let several counters, open already, begin at once; return the figures of their payments."""
    each = payments // COUNTERS
    command = [sys.executable, "-c", COUNTER]
    counters = [
        subprocess.Popen(
            [*command, str(first + number * each), str(each), str(a_second // COUNTERS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(COUNTERS)
    ]  # fmt: skip
    for one in counters:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    outputs = [one.communicate for one in counters]

    def work() -> list[tuple[list[float], float, float, float]]:
        for one in counters:
            assert one.stdin
            one.stdin.write("\n")
            one.stdin.flush()
        return [json.loads(output()[0]) for output in outputs]

    watch, done = watched(work)
    taken_ms = sorted(taken for each_ms, *_ in done for taken in each_ms)
    watch.client_s = sum(cpu_s for _, cpu_s, *_ in done)  # without opening the counters
    watch.wall_s = max(one[3] for one in done) - min(one[2] for one in done)  # nor closing them
    return watch.told(len(taken_ms)) | {
        "median_ms": round(taken_ms[len(taken_ms) // 2], 1),
        "p95_ms": round(taken_ms[len(taken_ms) * 95 // 100], 1),
    }


def measured(accounts: int) -> dict[str, object]:
    """Bill everybody twice, let most of them pay from files and some at counters, and check the books."""
    from openboss.modules.receivables.functions import ledger_differences

    booked_s = open_books(accounts, at=PAID_AT)
    from_files(1, 10)  # compiles, prepares
    at_counter = A_SECOND * FOR_S
    payments = accounts - 2 * at_counter - 10
    files, _ = watched(lambda: from_files(11, payments))
    copied_s, rows = bare_copy_s([f"receivables_{name}" for name in WRITTEN])
    evenly = at_counters(accounts - 2 * at_counter + 1, at_counter, A_SECOND)
    flat_out = at_counters(accounts - at_counter + 1, at_counter, 0)
    assert ledger_differences() == []
    return {
        "accounts": accounts,
        "bills_booked_per_s": round(2 * accounts / booked_s),
        "from_files": files.told(payments) | {"times_a_bare_copy_of_its_rows": round(files.wall_s / copied_s, 1)},
        "rows_written_a_payment": round(rows / payments, 1),
        f"counters_at_{A_SECOND}_per_s": evenly,
        "counters_flat_out": flat_out,
    }


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    in_a_database_of_its_own(lambda: measured(wanted))
