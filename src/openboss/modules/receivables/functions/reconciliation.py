"""Reconciliation: the same money told twice must be the same money (issue 6, section 5). Differences only."""

import polars as pl

from openboss.modules.receivables.atomic import checks


def ledger_differences() -> list[checks.Difference]:
    """Open items, bills as debts and buckets against the ledger, account by account; nothing if all agree."""
    return [
        *checks.receivable_against_ledger(),
        *checks.items_against_bills(),
        *checks.buckets_against_ledger(),
        *checks.unbalanced_entries(),
    ]


def trial_balance(*, to_on: object = None) -> pl.DataFrame:
    """The sum of every account of the chart up to a day: chart_no, role, names, debit_fen, credit_fen, balance_fen."""
    return checks.trial_balance(to_on)
