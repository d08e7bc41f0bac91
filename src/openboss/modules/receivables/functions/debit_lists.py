"""Runs of direct debit and mandates as screens and other systems list them."""

from openboss.modules.receivables.atomic.debit_lists import (
    MandateRow,
    RequestRow,
    RunSums,
    banks_with_mandates,
    list_mandates,
    list_requests,
    mandate_row,
    run_sums,
)

__all__ = [
    "MandateRow",
    "RequestRow",
    "RunSums",
    "banks_with_mandates",
    "list_mandates",
    "list_requests",
    "mandate_row",
    "run_sums",
]
