"""Direct debit (托收): ask banks for what is owed, post what they paid, try again what failed (D8.7, ACM-04)."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db import connection, transaction

from openboss.modules.receivables.atomic import direct_debit
from openboss.modules.receivables.atomic.direct_debit import (
    DebitRequest,
    MandateExists,
    MandateUnknown,
    RunAnswered,
    RunUnknown,
    RunView,
    end_mandate,
    has_mandate,
    list_runs,
    open_mandate,
    requests_of,
    run_view,
    verify_mandate,
)
from openboss.modules.receivables.functions.owed import owed_by_accounts
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
    "has_mandate",
    "list_runs",
    "make_run",
    "next_run_on",
    "open_mandate",
    "requests_of",
    "run_view",
    "take_answer",
    "verify_mandate",
]

PAID, AGAIN, NO_MANDATE = "00", ("01", "09"), ("02", "03", "04")
CODES = (PAID, *AGAIN, *NO_MANDATE)
PART = 5_000
TAKERS = 3  # parts taken at a time: while one computes, the database server works on the others
ACCOUNTS_A_LOOK = 50_000
ANSWER = pl.Schema({"contract_no": pl.String, "asked_fen": pl.Int64, "code": pl.String})


Follow = Callable[[Sequence[tuple[int, int]], datetime], None]


def nothing_follows(_paid: Sequence[tuple[int, int]], _at: datetime) -> None:
    """Where payments have no consequences."""


class NothingToAsk(Exception):
    """Nobody with a confirmed mandate at this bank owes anything that is not asked for already."""


class AnswerIncomplete(ValueError):
    """The bank's answer must name every request of the run once, with the amount that was asked and a known code;
    nothing was posted."""


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
    accounts = list(mandates)
    run_id = direct_debit.begin_run(bank=bank, run_on=rules_at(at).on, at=at)
    asked = 0
    for start in range(0, len(accounts), ACCOUNTS_A_LOOK):
        owing = owed_by_accounts(accounts[start : start + ACCOUNTS_A_LOOK], at=at).rename({"owed_fen": "asked_fen"})
        mandate_ids = [mandates[account_id] for account_id in owing["account_id"]]
        direct_debit.put_requests(owing.with_columns(mandate_id=pl.Series(mandate_ids, dtype=pl.Int64)), run_id=run_id)
        asked += owing.height
    if not asked:
        raise NothingToAsk(bank)
    return direct_debit.run_view(run_id=run_id)


def take_answer(
    *, run_id: int, answer: pl.DataFrame, at: datetime, part: int = PART, follow: Follow = nothing_follows
) -> Answered:
    """Take a bank's answer to a run (columns of ANSWER): post what was paid, sort out the rest.

    Checked whole, then done part by part, each once and some at a time, which share no account: after a kill the same
    answer goes on where it stopped. 01 and 09 are tried again with the next run; 02 to 04 end the mandate.

    part    requests of a part
    follow  does what follows the payments (account, fen) of a part, in its transaction
    Raises RunUnknown, RunAnswered, AnswerIncomplete.
    """
    run = direct_debit.run_view(run_id=run_id)
    if run.answered_at is not None:
        raise RunAnswered(run_id)
    told = _checked_answer(run, answer)
    left = told.filter(pl.col("code") == "").sort("account_id")
    if left.height <= part:
        _take_part(run, left, at, follow)
    else:
        with ThreadPoolExecutor(TAKERS) as takers:
            list(takers.map(lambda one: _take_apart(run, one, at, follow), left.iter_slices(part)))
    direct_debit.end_run(run_id=run_id, at=at)
    paid = told.filter(pl.col("told") == PAID)
    return Answered(
        paid.height,
        int(paid["asked_fen"].sum()),
        next_run_on(after=rules_at(at).on, at=at),
        tuple(told.filter(pl.col("told").is_in(AGAIN))["account_id"]),
        tuple(told.filter(pl.col("told").is_in(NO_MANDATE))["account_id"]),
    )


def _checked_answer(run: RunView, answer: pl.DataFrame) -> pl.DataFrame:
    """Put what the bank says (told) beside what was asked. Raises AnswerIncomplete."""
    asked = direct_debit.asked_of(run_id=run.run_id)
    told = answer.select("contract_no", told="code", told_fen="asked_fen")
    both = asked.join(told, on="contract_no", how="left")
    is_right = (
        pl.col("told").is_in(CODES)
        & (pl.col("told_fen") == pl.col("asked_fen"))
        & ((pl.col("code") == "") | (pl.col("code") == pl.col("told")))
    )
    is_whole = answer.height == asked.height == both.height
    if not (is_whole and both.select(is_right.fill_null(value=False).all()).item()):
        raise AnswerIncomplete(f"run {run.sequence} of {run.bank}")
    return both


def _take_apart(run: RunView, part: pl.DataFrame, at: datetime, follow: Follow) -> None:
    """Take a part in a thread, over a connection of its own."""
    try:
        _take_part(run, part, at, follow)
    finally:
        connection.close()


@transaction.atomic
def _take_part(run: RunView, part: pl.DataFrame, at: datetime, follow: Follow) -> None:
    """Take the answers to some requests, if nobody else has just done it: one transaction."""
    taken = direct_debit.answer_requests(dict(part.select("item_id", "told").iter_rows()))
    part = part.filter(pl.col("item_id").is_in(taken))
    paid = part.filter(pl.col("told") == PAID).select(
        serial_no=pl.format(f"DEBIT {run.bank} {run.sequence} {{}}", "item_id"),
        account_id="account_id",
        paid_fen="asked_fen",
        means=pl.lit("DIRECT_DEBIT"),
        reference=pl.format(f"{{}}/{run.sequence}", "contract_no"),
        paid_at=pl.lit(at).cast(INCOMING["paid_at"]),
        agent_account_id=pl.lit(None, pl.Int64),
    )
    if paid.height:
        post_payments(paid, channel="BANK", at=at)
        follow(paid.select("account_id", "paid_fen").rows(), at)
    refused = part.filter(pl.col("told").is_in(NO_MANDATE))["mandate_id"].to_list()
    direct_debit.end_mandates(mandate_ids=refused, reason="refused by the bank", at=at)
