"""How long a file of direct debit takes out, and the bank's answer in.

    python -m benchmarks.direct_debit [ITEMS]

Every account has a confirmed mandate and two bills. Out: what everybody owes is worked out, the run is stored, bank
accounts are opened with their key, and the signed file is on disk; next to it the same rows by COPY to a file. In: the
file is checked whole, nineteen in twenty are paid and cleared, the others sorted out.
"""

import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from benchmarks._books import in_a_database_of_its_own, open_books, sql, watched

ASKED_AT, ANSWERED_AT = datetime(2026, 11, 5, 2, tzinfo=UTC), datetime(2026, 11, 6, 2, tzinfo=UTC)
KEY = b"shared with the bank"


def make_mandates(accounts: int) -> None:
    """A confirmed mandate for every account, its bank account and holder sealed."""
    from openboss.modules.system.copying import copy_in
    from openboss.modules.system.keys import encrypt

    ids = range(1, accounts + 1)
    copy_in(
        "receivables_mandate",
        pl.DataFrame(
            {
                "account_id": ids,
                "contract_no": [f"C{number:09}" for number in ids],
                "bank_account_sealed": ["\\x" + encrypt(f"6222{number:014}").hex() for number in ids],
                "holder_sealed": ["\\x" + encrypt("王").hex() for _ in ids],
            }
        ).with_columns(
            bank=pl.lit("ICBC"), state=pl.lit("VERIFIED"), since_at=pl.lit(ASKED_AT), verified_by=pl.lit(1, pl.Int64)
        ),
    )
    sql("ANALYZE receivables_mandate")


def to_file(path: Path, pieces: Iterable[str]) -> None:
    """Write a file piece by piece."""
    with path.open("w", encoding="utf-8") as file:
        for piece in pieces:
            file.write(piece)


def measured(items: int, folder: Path) -> dict[str, object]:
    """Ask for everything and take the answer."""
    from django.db import connection

    from openboss.access.bank import delimited
    from openboss.access.bank.iso20022 import write_pain008
    from openboss.modules.receivables.functions import direct_debit as debit
    from openboss.modules.receivables.functions import ledger_differences
    from openboss.modules.receivables.functions.payments import INCOMING, post_payments

    open_books(items + 10, at=ASKED_AT)
    warm = pl.DataFrame([("WARM", items + 1, 100, "BANK", "", ASKED_AT, None)], schema=INCOMING, orient="row")
    post_payments(warm, channel="BANK", at=ASKED_AT)
    make_mandates(items)
    asked, run = watched(lambda: debit.make_run(bank="ICBC", at=ASKED_AT))
    requests = lambda: debit.requests_of(run_id=run.run_id)  # noqa: E731 (read anew for every file)
    written, _ = watched(lambda: to_file(folder / "out", delimited.write_requests(run, requests(), key=KEY)))
    head = {"creditor": "移动", "creditor_account": "1", "currency": "CNY", "made_at": "2026-11-05T10:00:00"}
    pain, _ = watched(lambda: to_file(folder / "pain", write_pain008(run, requests(), **head)))
    started_s = time.perf_counter()
    with (
        connection.cursor() as cursor,
        (folder / "bare").open("wb") as file,
        cursor.copy("COPY receivables_debititem TO STDOUT") as copy,
    ):
        for block in copy:
            file.write(block)
    bare_s = time.perf_counter() - started_s
    codes = {one.contract_no: "01" if one.account_id % 20 == 0 else "00" for one in requests()}
    to_file(folder / "in", delimited.write_answer(run, requests(), codes, key=KEY))

    def take() -> debit.Answered:
        answer = delimited.read_answer((folder / "in").read_bytes(), run, key=KEY)
        return debit.take_answer(run_id=run.run_id, answer=answer, at=ANSWERED_AT)

    taken, answered = watched(take)
    assert answered.paid == items - items // 20
    assert ledger_differences() == []
    return {
        "items": run.requests,
        "out_s": round(asked.wall_s + written.wall_s, 1),
        "worked_out_and_stored": asked.told(items) | {"s": round(asked.wall_s, 1)},
        "file_written": written.told(items) | {"s": round(written.wall_s, 1)},
        "as_pain_008": pain.told(items) | {"s": round(pain.wall_s, 1)},
        "times_a_bare_copy_to_a_file": round((asked.wall_s + written.wall_s) / bare_s, 1),
        "in_s": round(taken.wall_s, 1),
        "answer_taken": taken.told(items),
    }


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory(prefix="openboss-bench-") as scratch:
        in_a_database_of_its_own(lambda: measured(wanted, Path(scratch)))
