"""A world with debts, and work with money that may be killed at any moment and begun again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field

from tests.scenarios.worlds import World, kill

BILLS_EACH, PAID_FEN = 2, 3_000
FIRST_SIGNS_S, LONGEST_S = 60.0, 120.0
WORKS = ("counter", "file", "debit")
SERVER = "server"

_BEGIN = """
import sys
from datetime import UTC, date, datetime
from openboss.access.jobs.installation import open_installation
AT = datetime(2026, 11, 6, 2, tzinfo=UTC)
"""

PREPARE = (
    _BEGIN
    + f"""
with open_installation():
    import polars as pl
    from django.db import connection, transaction
    from openboss.modules.receivables.functions import direct_debit as debit
    from openboss.modules.receivables.functions.bills import book_bills
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id FROM customers_account ORDER BY 1")
        accounts = [row[0] for row in cursor.fetchall()]
    for cycle, due_on in ((202609, date(2026, 10, 31)), (202610, date(2026, 11, 30)))[:{BILLS_EACH}]:
        bills = pl.DataFrame({{"bill_id": [cycle * 10**10 + one for one in accounts], "account_id": accounts}})
        bills = bills.with_columns(
            customer_id="account_id", total_fen=pl.lit(2_000), cycle=pl.lit(cycle, pl.Int32), due_on=pl.lit(due_on)
        )
        items = bills.select("bill_id", subscriber_id="account_id", item_id=pl.lit(1, pl.Int16), due_fen="total_fen")
        with transaction.atomic():
            book_bills(bills, items, at=AT, staff_id=None)
    for account in accounts:
        mandate = debit.open_mandate(
            account_id=account, contract_no=f"C{{account}}", bank="ICBC", bank_account=f"6222{{account}}",
            holder="张三", at=AT, staff_id=None,
        )
        debit.verify_mandate(mandate_id=mandate, reason="bank called", at=AT, staff_id=1)
    debit.make_run(bank="ICBC", at=AT)
"""
)

# Each is begun again after a kill with the same input, as a cashier, a bank's file or an operator would.
WORK = (
    _BEGIN
    + f"""
with open_installation():
    import polars as pl
    from django.db import connection
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id FROM customers_account ORDER BY 1")
        accounts = [row[0] for row in cursor.fetchall()]
    kind, number = sys.argv[1:]
    print(f"ready {{kind}} {{number}}", flush=True)
    if kind == "counter":
        from openboss.processes.take_payment import take
        for account in accounts:
            take(
                account_id=account, paid_fen={PAID_FEN}, means="CASH", channel="HALL", at=AT,
                serial_no=f"{{kind}}-{{number}}-{{account}}",
            )
    elif kind == "file":
        from openboss.modules.receivables.functions.payments import INCOMING, post_payments
        rows = [(f"{{kind}}-{{number}}-{{one}}", one, {PAID_FEN}, "BANK", "", AT, None) for one in accounts]
        frame = pl.DataFrame(rows, schema=INCOMING, orient="row")
        for batch in frame.iter_slices(7):
            post_payments(batch, channel="BANK", at=AT)
    elif kind == "debit":
        from openboss.modules.receivables.functions import direct_debit as debit
        (run, *_) = debit.list_runs()
        if run.answered_at is None:
            told = [(one.contract_no, one.asked_fen, "00") for one in debit.requests_of(run_id=run.run_id)]
            answer = pl.DataFrame(told, schema=debit.ANSWER, orient="row")
            debit.take_answer(run_id=run.run_id, answer=answer, at=AT, part=7)
"""
)

ALL_ZERO = {
    "the trial balance": "SELECT coalesce(sum(amount_fen), 0) FROM receivables_posting",
    "entries that do not balance": (
        "SELECT count(*) FROM (SELECT 1 FROM receivables_posting GROUP BY entry_id HAVING sum(amount_fen) <> 0) x"
    ),
    "payments without their entry, entries without their payment": (
        "SELECT count(*) FROM receivables_payment FULL JOIN"
        " (SELECT entry_id FROM receivables_entry WHERE cause = 'PAYMENT') e USING (entry_id)"
        " WHERE payment_id IS NULL OR e.entry_id IS NULL"
    ),
    "buckets that are not what the ledger says": (
        "SELECT count(*) FROM receivables_bucket b FULL JOIN (SELECT bucket_id, -sum(amount_fen) AS fen"
        " FROM receivables_posting WHERE bucket_id IS NOT NULL GROUP BY 1) p USING (bucket_id)"
        " WHERE b.balance_fen IS DISTINCT FROM p.fen"
    ),
    "bills that are not what their items and the ledger say": (
        "SELECT count(*) FROM receivables_receivable r"
        " LEFT JOIN (SELECT bill_id, sum(due_fen - paid_fen) AS fen FROM receivables_openitem GROUP BY 1) i"
        " USING (bill_id) LEFT JOIN (SELECT bill_id, sum(amount_fen) AS fen FROM receivables_posting"
        " JOIN receivables_chartaccount USING (chart_no) WHERE role IN ('RECEIVABLE', 'DOUBTFUL') GROUP BY 1) p"
        " USING (bill_id) WHERE r.open_fen <> i.fen OR r.open_fen <> p.fen"
    ),
}


@dataclass
class MoneyUnderFire:
    """Work with money in a world, killed and begun again; what was killed when."""

    world: World
    kills: list[tuple[str, str]] = field(default_factory=list)
    accounts: int = 0

    def prepare(self) -> None:
        """Bill everybody, take mandates, ask the bank."""
        assert self.world.run(program=PREPARE) == 0, self.world.heard()
        self.accounts = self.world.ask("SELECT count(*) FROM customers_account")[0][0]

    def strike(self, work: str, number: int, victim: str, chance: random.Random) -> bool:
        """Begin a work, kill it or the server after it has written something, and look at the books; False: it was
        done before."""
        killed = len(self.kills)
        process = self.world.start(work, str(number), program=WORK)
        if self._has_written(work, number, process, share=chance.random()):
            if victim == SERVER:
                os.kill(self.world.server_pid(), signal.SIGKILL)
                process.wait(timeout=LONGEST_S)
                self.world.cluster.revive()
                self.kills.append((victim, work))
            elif kill(process):
                self.kills.append((work, work))
        kill(process)
        self.check()
        return len(self.kills) > killed

    def finish(self, work: str, number: int) -> None:
        """Do a work to its end."""
        assert self.world.run(work, str(number), program=WORK) == 0, self.world.heard()
        self.check()

    def check(self) -> None:
        """What must be zero after every kill is zero."""
        for what, question in ALL_ZERO.items():
            assert self.world.ask(question) == [(0,)], (what, self.kills)

    def paid(self) -> dict[str, tuple[int, int]]:
        """By means: how many payments there are and their sum."""
        rows = self.world.ask("SELECT means, count(*), sum(paid_fen)::bigint FROM receivables_payment GROUP BY 1")
        return {means: (count, fen) for means, count, fen in rows}

    def _has_written(self, work: str, number: int, process: subprocess.Popen[bytes], *, share: float) -> bool:
        """Wait until a part of the work is done; False if it ended before."""
        prefix = "DEBIT" if work == "debit" else f"{work}-{number}-"
        question = f"SELECT count(*) FROM receivables_payment WHERE serial_no LIKE '{prefix}%'"
        until_s, wanted = time.monotonic() + FIRST_SIGNS_S, None
        while process.poll() is None and time.monotonic() < until_s:
            (done,) = self.world.ask(question)[0]
            wanted = done + max(int((self.accounts - done) * share / 2), 1) if wanted is None else wanted
            if done >= wanted:
                return True
        return False
