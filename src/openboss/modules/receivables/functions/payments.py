"""Money in: each payment once, put into the account's cash, and used for what is open (ACM-02, ACM-03, D0.4).

One payment at a counter and a hundred thousand from a bank's file go the same way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from django.db import IntegrityError, transaction

from openboss.modules.customers.atomic.owners import customers_of_accounts
from openboss.modules.receivables.atomic import debts, payments
from openboss.modules.receivables.atomic.ledger import Act, hold_day, new_ids, put_entries
from openboss.modules.receivables.atomic.payments import PaymentView
from openboss.modules.receivables.functions.clearing import clear_accounts
from openboss.modules.receivables.functions.rules import Rules, act_of, day_of, rules_at
from openboss.modules.system.atomic import SerialNumberUsed

INCOMING: dict[str, Any] = {
    "serial_no": pl.String,
    "account_id": pl.Int64,
    "paid_fen": pl.Int64,
    "means": pl.String,
    "reference": pl.String,
    "paid_at": pl.Datetime("us", "UTC"),
    "agent_account_id": pl.Int64,  # whose money it is, when an agent pays; else null
}


class AgentShort(Exception):
    """The agent's own money does not cover this recharge; the agent tops up first (ACM-25)."""


class MeansUnknown(ValueError):
    """There is no such means of payment; see the chart of accounts."""


class AmountWrong(ValueError):
    """An amount of money to pay, move or give back is more than nothing."""


@dataclass(frozen=True)
class PaymentPosted:
    """What a payment did: what it cleared, late fees that fell due with it, and what stays as an advance."""

    payment_id: int
    account_id: int | None
    state: str  # POSTED, SUSPENDED, REVERSED
    paid_fen: int
    cleared_fen: int
    late_fee_fen: int
    advance_fen: int
    is_repeat: bool


def post_payment(
    *,
    account_id: int,
    paid_fen: int,
    means: str,
    channel: str,
    serial_no: str,
    at: datetime,
    staff_id: int | None = None,
    reference: str = "",
    till_id: int | None = None,
    paid_at: datetime | None = None,
    agent_account_id: int | None = None,
) -> PaymentPosted:
    """Post one payment and clear what it pays; the same again gives the same answer and posts nothing.

    paid_at           when the payer paid, if that was earlier: late fees count up to the day before
    agent_account_id  the agent whose own money pays
    An account that does not exist, or a payment that repeats another one's reference, waits in suspense.
    Raises SerialNumberUsed for another payment under this number, MeansUnknown, AmountWrong, AgentShort.
    Source: ACM-02, ACM-25, D0.4.
    """
    row = {
        "serial_no": serial_no,
        "account_id": account_id,
        "paid_fen": paid_fen,
        "means": means,
        "reference": reference,
        "paid_at": paid_at or at,
        "agent_account_id": agent_account_id,
    }
    frame = pl.DataFrame([row], schema=INCOMING)
    posted = post_payments(frame, channel=channel, at=at, staff_id=staff_id, till_id=till_id)
    kept = payments.payment_by_serial(serial_no=serial_no)
    if (kept.paid_fen, kept.means) != (paid_fen, means) or kept.account_id not in (account_id, None):
        raise SerialNumberUsed(serial_no)
    return answer_of(kept, is_repeat=not posted)


def answer_of(payment: PaymentView, *, is_repeat: bool = False) -> PaymentPosted:
    """Say what a payment did, from what was written down."""
    cleared_fen, late_fee_fen = debts.cleared_by(payment_id=payment.payment_id)
    cash = [one for one in debts.money_of(payment.account_id or 0) if one.kind == "CASH"]
    return PaymentPosted(
        payment.payment_id,
        payment.account_id,
        payment.state,
        payment.paid_fen,
        cleared_fen,
        late_fee_fen,
        sum(one.balance_fen for one in cash),
        is_repeat,
    )


@transaction.atomic
def post_payments(
    frame: pl.DataFrame, *, channel: str, at: datetime, staff_id: int | None = None, till_id: int | None = None
) -> list[str]:
    """Post many payments (columns of INCOMING) and clear what they pay; return the serial numbers that were new.

    Several payments of one account count in the order of the frame. Raises MeansUnknown, AmountWrong, AgentShort.
    """
    rules = rules_at(at)
    act = act_of(rules, at=at, staff_id=staff_id, channel=channel)
    _check(frame, rules)
    hold_day(act.business_on)
    frame = _attributed(frame.unique("serial_no", keep="first", maintain_order=True))
    frame = frame.with_columns(
        payment_id=pl.Series(new_ids("receivables_payment", "payment_id", frame.height), dtype=pl.Int64),
        entry_id=pl.Series(new_ids("receivables_entry", "entry_id", frame.height), dtype=pl.Int64),
    )
    claimed = payments.claim_payments(_claims(frame, act, till_id))
    frame = frame.filter(pl.col("serial_no").is_in(claimed))
    turn = pl.when(pl.col("account_id").is_null()).then(0).otherwise(pl.int_range(pl.len()).over("account_id"))
    for _, round_ in frame.with_columns(turn=turn).sort("turn", "payment_id").group_by("turn", maintain_order=True):
        _take_in(round_, rules, act)
    return claimed


def _check(frame: pl.DataFrame, rules: Rules) -> None:
    for means in frame["means"].unique():
        if rules.chart.of_means(means) is None:
            raise MeansUnknown(means)
    if frame.filter(pl.col("paid_fen") <= 0).height:
        raise AmountWrong()


def _attributed(frame: pl.DataFrame) -> pl.DataFrame:
    """Keep the account of payments we can attribute; say of the others why they wait."""
    known = list(customers_of_accounts(account_ids=frame["account_id"].unique().to_list()))
    repeated = list(payments.seen_before(frame))
    note = (
        pl.when(~pl.col("account_id").is_in(known))
        .then(pl.format("UNKNOWN ACCOUNT {}", "account_id"))
        .when(pl.col("serial_no").is_in(repeated))
        .then(pl.format("DUPLICATE {}", "account_id"))
        .otherwise(pl.lit(""))
    )
    frame = frame.with_columns(note=note)
    return frame.with_columns(account_id=pl.when(pl.col("note") == "").then("account_id"))


def _claims(frame: pl.DataFrame, act: Act, till_id: int | None) -> pl.DataFrame:
    return frame.with_columns(
        purpose=pl.lit("BILL"),
        channel=pl.lit(act.channel),
        staff_id=pl.lit(act.staff_id, pl.Int64),
        till_id=pl.lit(till_id, pl.Int64),
        business_on=pl.lit(act.business_on),
        at=pl.lit(act.at),
        state=pl.when(pl.col("note") == "").then(pl.lit("POSTED")).otherwise(pl.lit("SUSPENDED")),
        reverses_id=pl.lit(None, pl.Int64),
    )


def _take_in(frame: pl.DataFrame, rules: Rules, act: Act) -> None:
    """Put payments into cash, at most one an account, or into suspense; then clear."""
    ours = frame.filter(pl.col("account_id").is_not_null()).sort("account_id")
    accounts = ours["account_id"].to_list()
    debts.lock_accounts([*accounts, *frame["agent_account_id"].drop_nulls()])
    frame = _from_agents(frame, act)
    buckets = debts.add_to_bucket(
        account_ids=accounts, kind="CASH", amounts_fen=ours["paid_fen"].to_list(), on=act.business_on
    )
    _enter(frame, buckets, rules, act)
    turns = ours.select(
        "account_id", "payment_id", cleared_on=pl.Series([day_of(one) for one in ours["paid_at"]], dtype=pl.Date)
    )
    if turns.height:
        clear_accounts(turns, rules=rules, act=act)


def _from_agents(frame: pl.DataFrame, act: Act) -> pl.DataFrame:
    """Take what agents pay out of their own money; adds agent_bucket_id. Raises AgentShort."""
    paying = frame.filter(pl.col("agent_account_id").is_not_null())
    if paying.is_empty():
        return frame.with_columns(agent_bucket_id=pl.lit(None, pl.Int64))
    agents = paying["agent_account_id"].unique().to_list()
    bucket = debts.add_to_bucket(account_ids=agents, kind="AGENT", amounts_fen=[0] * len(agents), on=act.business_on)
    frame = frame.with_columns(
        agent_bucket_id=pl.col("agent_account_id").replace_strict(bucket, default=None, return_dtype=pl.Int64)
    )
    paying = frame.filter(pl.col("agent_account_id").is_not_null())
    try:
        with transaction.atomic():
            debts.change_buckets(
                bucket_ids=paying["agent_bucket_id"].to_list(), amounts_fen=(-paying["paid_fen"]).to_list()
            )
    except IntegrityError as short:
        raise AgentShort(", ".join(map(str, agents))) from short
    return frame


def _enter(frame: pl.DataFrame, buckets: Mapping[int, int], rules: Rules, act: Act) -> None:
    """One entry a payment: what came in against the account's money, or against what nobody has claimed."""
    no_of = rules.chart.no_of
    means: dict[str, Any] = {name: rules.chart.of_means(name) for name in frame["means"].unique()}
    came_in = frame.select(
        "entry_id",
        account_id=pl.coalesce("agent_account_id", "account_id"),
        bucket_id="agent_bucket_id",
        amount_fen="paid_fen",
        chart_no=pl.col("means").replace_strict(means, return_dtype=pl.Int32),
    )
    owed = pl.when(pl.col("account_id").is_null()).then(no_of("SUSPENSE")).otherwise(no_of("PREPAYMENT"))
    to_whom = frame.select(
        "entry_id",
        "account_id",
        amount_fen=-pl.col("paid_fen"),
        chart_no=owed,
        bucket_id=pl.col("account_id").replace_strict(buckets, default=None, return_dtype=pl.Int64),
    )
    entries = frame.select("entry_id", serial_no=pl.format("PAYMENT {}", "serial_no"), cause=pl.lit("PAYMENT"))
    postings = pl.concat([came_in, to_whom], how="diagonal_relaxed").sort("entry_id", maintain_order=True)
    put_entries(entries=entries, postings=postings, act=act)
