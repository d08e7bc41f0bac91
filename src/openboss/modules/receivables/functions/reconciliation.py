"""Reconciliation: the same money told twice must be the same money (issue 6, section 5). Only differences are told."""

from datetime import date

import polars as pl

from openboss.modules.billing.atomic import released_totals
from openboss.modules.receivables.atomic import checks, debts
from openboss.modules.receivables.atomic.checks import Difference

__all__ = ["Difference", "bill_differences", "ledger_differences", "takings_differences", "trial_balance"]


def ledger_differences() -> list[Difference]:
    """Open items, bills as debts and buckets against the ledger, account by account; nothing if all agree."""
    return [
        *checks.receivable_against_ledger(),
        *checks.items_against_bills(),
        *checks.buckets_against_ledger(),
        *checks.unbalanced_entries(),
    ]


def takings_differences(*, business_on: date) -> list[Difference]:
    """A day's payments by means against what the ledger has of them; nothing if all agree."""
    return checks.takings_against_ledger(business_on=business_on)


def bill_differences(*, cycle: int) -> list[Difference]:
    """Released bills of a cycle against the debts they became; nothing if all agree."""
    billed = released_totals(cycle=cycle)
    debts_ = debts.bills_of_cycle(cycle).select("bill_id", "total_fen")
    both = billed.join(debts_, on="bill_id", how="full", coalesce=True, suffix="_booked").fill_null(0)
    return [
        Difference("BILLS_RECEIVABLES", "bill", str(bill_id), billed_fen, booked_fen, "the bill and the debt differ")
        for bill_id, billed_fen, booked_fen in both.sort("bill_id").iter_rows()
        if billed_fen != booked_fen
    ]


def trial_balance(*, to_on: date | None = None) -> pl.DataFrame:
    """Every account of the chart up to a day: chart_no, role, kind, names, debit_fen, credit_fen, balance_fen."""
    return checks.trial_balance(to_on)
