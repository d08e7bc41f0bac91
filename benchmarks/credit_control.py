"""How long late fees, ageing and credit control of everybody take.

    python -m benchmarks.credit_control [ACCOUNTS]

Every account has two bills of six items, a user and a limit far away; one in twenty still owes the older bill. On the
morning on which it is a day late these are reminded. A week later seven in ten of them have paid, and the others, one
and a half per cent of all accounts, are stopped. Reported for each: seconds, CPU, how many had something done.
"""

import sys
from datetime import UTC, datetime

import polars as pl
from benchmarks._books import in_a_database_of_its_own, open_books, sql, watched

DAY_1, DAY_7 = datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 7, 4, tzinfo=UTC)
PAID = """
UPDATE receivables_openitem SET paid_fen = due_fen
    WHERE bill_id IN (SELECT bill_id FROM receivables_receivable WHERE cycle = 202609 AND account_id % 20 <> 0);
UPDATE receivables_receivable SET open_fen = 0 WHERE cycle = 202609 AND account_id % 20 <> 0;
INSERT INTO receivables_standing (account_id, limit_fen, extra_fen, is_exempt, exposure_fen)
    SELECT account_id, 1000000, 0, false, 0 FROM customers_account
    ON CONFLICT (account_id) DO UPDATE SET limit_fen = 1000000
"""
PAID_LATER = """
UPDATE receivables_openitem SET paid_fen = due_fen
    WHERE bill_id IN (SELECT bill_id FROM receivables_receivable WHERE cycle = 202609 AND account_id / 20 % 10 < 7);
UPDATE receivables_receivable SET open_fen = 0 WHERE cycle = 202609 AND account_id / 20 % 10 < 7
"""


def measured(accounts: int) -> dict[str, object]:
    """Look at everybody on two mornings."""
    from openboss.modules.receivables.functions import ageing
    from openboss.modules.receivables.functions.owed import owed_by_accounts
    from openboss.processes import collect_debt

    open_books(accounts, at=DAY_1)
    sql(PAID)
    sql("ANALYZE")
    everybody = list(range(1, accounts + 1))

    def late_fees() -> int:
        pieces = [everybody[start : start + 50_000] for start in range(0, accounts, 50_000)]
        return sum(owed_by_accounts(piece, at=DAY_7).height for piece in pieces)

    late, owing = watched(late_fees)
    aged, ages = watched(lambda: ageing(at=DAY_7))
    assert int(ages.select(pl.col("bills").sum()).item()) == accounts + accounts // 20
    first, done_1 = watched(lambda: collect_debt.run(at=DAY_1))
    sql(PAID_LATER)
    second, done_7 = watched(lambda: collect_debt.run(at=DAY_7))
    again, nothing = watched(lambda: collect_debt.run(at=DAY_7))
    assert (nothing.reminded, nothing.stopped) == (0, 0)
    return {
        "accounts": accounts,
        "late_fees_of_everybody": late.told(accounts) | {"s": round(late.wall_s, 1), "owing": owing},
        "ageing": aged.told(accounts) | {"s": round(aged.wall_s, 1)},
        "day_1": first.told(accounts) | {"s": round(first.wall_s, 1), "reminded": done_1.reminded},
        "day_7": second.told(accounts)
        | {"s": round(second.wall_s, 1), "reminded": done_7.reminded, "stopped": done_7.stopped},
        "a_look_that_finds_nothing": again.told(accounts) | {"s": round(again.wall_s, 1)},
        "late_fees_ageing_and_day_7_s": round(late.wall_s + aged.wall_s + second.wall_s, 1),
    }


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    in_a_database_of_its_own(lambda: measured(wanted))
