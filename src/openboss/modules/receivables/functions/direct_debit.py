"""Direct debit (托收): ask banks for what is owed, post what they paid, try again what failed (D8.7, ACM-04)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db import transaction

from openboss.modules.receivables.atomic import direct_debit
from openboss.modules.receivables.atomic.direct_debit import (
    DebitRequest,
    MandateExists,
    MandateUnknown,
    RunAnswered,
    RunUnknown,
    RunView,
    end_mandate,
    list_runs,
    open_mandate,
    run_view,
    verify_mandate,
)
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.receivables.functions.payments import INCOMING, post_payments
from openboss.modules.receivables.functions.rules import rules_at

__all__ = [
    "AnswerIncomplete",
    "Answered",
    "DebitRequest",
    "MandateExists",
    "MandateUnknown",
    "NothingToAsk",
    "RunAnswered",
    "RunUnknown",
    "RunView",
    "end_mandate",
    "list_runs",
    "make_run",
    "next_run_on",
    "open_mandate",
    "run_view",
    "take_answer",
    "verify_mandate",
]

PAID, INSUFFICIENT, NO_MANDATE = "00", "01", ("02", "03", "04")
CODES = (PAID, INSUFFICIENT, *NO_MANDATE, "09")


class NothingToAsk(Exception):
    """Nobody with a confirmed mandate at this bank owes anything that is not asked for already."""


class AnswerIncomplete(ValueError):
    """The bank's answer does not say something about every request with a known code; nothing was posted."""


@dataclass(frozen=True)
class Answered:
    """What became of a run: paid, to be tried again on a day, and back to arrears with a notice to the customer."""

    paid: int
    paid_fen: int
    tried_again_on: date
    again: tuple[int, ...]  # accounts
    back_to_arrears: tuple[int, ...]  # accounts


def next_run_on(*, after: date, at: datetime) -> date:
    """The next day of direct debit after a day (5th, 15th, 25th by parameter)."""
    days = sorted(rules_at(at).value("debit_days"))
    this_month = [after.replace(day=day) for day in days if day > after.day]
    if this_month:
        return this_month[0]
    return date(after.year + after.month // 12, after.month % 12 + 1, days[0])


@transaction.atomic
def make_run(*, bank: str, at: datetime) -> RunView:
    """Ask a bank for everything that is owed by accounts with a confirmed mandate. Raises NothingToAsk.

    An account is asked once at a time: while a request is out, no other follows (D8.7).
    """
    mandates = direct_debit.debitable(bank=bank)
    asked = {account_id: owed(account_id=account_id, at=at).owed_fen for account_id in mandates}
    asked = {account_id: fen for account_id, fen in asked.items() if fen > 0}
    if not asked:
        raise NothingToAsk(bank)
    run_id = direct_debit.make_run(bank=bank, run_on=rules_at(at).on, asked_fen=asked, mandates=mandates, at=at)
    return direct_debit.run_view(run_id=run_id)


@transaction.atomic
def take_answer(*, run_id: int, codes: Mapping[str, str], at: datetime) -> Answered:
    """Take a bank's answer to a run, code by contract number: post what was paid, sort out the rest.

    01 is tried again with the next run; 02 to 04 end the mandate. Raises RunUnknown, RunAnswered, AnswerIncomplete.
    """
    run = direct_debit.run_view(run_id=run_id)
    if set(codes) != {one.contract_no for one in run.requests} or set(codes.values()) - set(CODES):
        raise AnswerIncomplete(f"run {run.sequence} of {run.bank}")
    direct_debit.answer_run(run_id=run_id, codes={one.item_id: codes[one.contract_no] for one in run.requests}, at=at)
    paid = [one for one in run.requests if codes[one.contract_no] == PAID]
    if paid:
        post_payments(_payments(run, paid, at), channel="BANK", at=at)
    back = [one.account_id for one in run.requests if codes[one.contract_no] in NO_MANDATE]
    live = direct_debit.mandates_of(account_ids=back)
    for account_id in back:
        end_mandate(mandate_id=live[account_id], reason="refused by the bank", at=at, staff_id=None)
    return Answered(
        len(paid),
        sum(one.asked_fen for one in paid),
        next_run_on(after=rules_at(at).on, at=at),
        tuple(one.account_id for one in run.requests if codes[one.contract_no] in (INSUFFICIENT, "09")),
        tuple(back),
    )


def _payments(run: RunView, paid: list[DebitRequest], at: datetime) -> pl.DataFrame:
    rows = [
        {
            "serial_no": f"DEBIT {run.bank} {run.sequence} {one.item_id}",
            "account_id": one.account_id,
            "paid_fen": one.asked_fen,
            "means": "DIRECT_DEBIT",
            "reference": one.contract_no + f"/{run.sequence}",
            "paid_at": at,
            "agent_account_id": None,
        }
        for one in paid
    ]
    return pl.DataFrame(rows, schema=INCOMING)
