"""Reconciliation: the same money told twice must be the same money (issue 6, section 5). Only differences are told."""

from datetime import date

import polars as pl

from openboss.modules.receivables.atomic import checks
from openboss.modules.receivables.atomic.checks import Difference

__all__ = ["Difference", "ledger_differences", "trial_balance"]


def ledger_differences() -> list[Difference]:
    """Open items, bills as debts and buckets against the ledger, account by account; nothing if all agree."""
    return [
        *checks.receivable_against_ledger(),
        *checks.items_against_bills(),
        *checks.buckets_against_ledger(),
        *checks.unbalanced_entries(),
    ]


def trial_balance(*, to_on: date | None = None) -> pl.DataFrame:
    """Every account of the chart up to a day: chart_no, role, kind, names, debit_fen, credit_fen, balance_fen."""
    return checks.trial_balance(to_on)
