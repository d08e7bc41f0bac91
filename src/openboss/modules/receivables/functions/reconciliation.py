"""Reconciliation: the same money told twice must be the same money (issue 6, section 5). Only differences are told."""

from datetime import date

import polars as pl

from openboss.modules.billing.atomic import released_totals
from openboss.modules.receivables.atomic import checks, crosschecks, debts
from openboss.modules.receivables.atomic.checks import Difference

__all__ = ["Difference", "bill_differences", "ledger_differences", "takings_differences", "trial_balance"]


def ledger_differences() -> list[Difference]:
    """Open items, bills as debts and buckets against the ledger, account by account; nothing if all agree."""
    return [
        *_told(crosschecks.bills_and_ledger()),
        *_told(crosschecks.items_and_bills()),
        *_told(crosschecks.buckets_and_ledger()),
        *_told(crosschecks.entries_balance()),
    ]


def takings_differences(*, business_on: date) -> list[Difference]:
    """Payments since a day by means against what the ledger has of them; nothing if all agree."""
    return _told(crosschecks.payments_and_entries(since=business_on))


def _told(compared: crosschecks.Compared) -> list[Difference]:
    return [
        Difference(one.kind, one.object_kind, one.object_id, one.expected, one.found, one.cause)
        for one in compared.found
    ]


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
