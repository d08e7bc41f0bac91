"""Money in: each payment once, put into the account's cash, and used for what is open (ACM-02, ACM-03, D0.4).

One payment at a counter and a hundred thousand from a bank's file go the same way.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl
from django.db import IntegrityError, transaction

from openboss.modules.customers.atomic.owners import customers_of_accounts
from openboss.modules.receivables.atomic import clearings, debts, payments
from openboss.modules.receivables.atomic.credit_watch import tell_paid
from openboss.modules.receivables.atomic.ledger import Act, Draft, Line, hold_day, new_ids
from openboss.modules.receivables.atomic.payments import PaymentView
from openboss.modules.receivables.functions.clearing import Turn, clear_accounts
from openboss.modules.receivables.functions.rules import Rules, act_of, day_of, rules_at
from openboss.modules.system.atomic import SerialNumberUsed
from openboss.modules.system.copying import checked
from openboss.modules.system.garbage import collector_paused

INCOMING: dict[str, Any] = {
    "serial_no": pl.String,
    "account_id": pl.Int64,
    "paid_fen": pl.Int64,
    "means": pl.String,
    "reference": pl.String,
    "paid_at": pl.Datetime("us", "UTC"),
    "agent_account_id": pl.Int64,  # whose money it is, when an agent pays; else null
}


class Incoming(NamedTuple):
    """A row of INCOMING."""

    serial_no: str
    account_id: int
    paid_fen: int
    means: str
    reference: str
    paid_at: datetime
    agent_account_id: int | None


class _Arrived(NamedTuple):
    """A payment that is being posted: whose it is (none: it waits, the note says why), and the ids it gets."""

    row: Incoming
    account_id: int | None
    note: str
    payment_id: int
    entry_id: int


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
    one = Incoming(serial_no, account_id, paid_fen, means, reference, paid_at or at, agent_account_id)
    posted = _post([one], channel=channel, at=at, staff_id=staff_id, till_id=till_id)
    kept = payments.payment_by_serial(serial_no=serial_no)
    if (kept.paid_fen, kept.means) != (paid_fen, means) or kept.account_id not in (account_id, None):
        raise SerialNumberUsed(serial_no)
    return answer_of(kept, is_repeat=not posted)


def answer_of(payment: PaymentView, *, is_repeat: bool = False) -> PaymentPosted:
    """Say what a payment did, from what was written down."""
    cleared_fen, late_fee_fen, cash_fen = clearings.cleared_by(
        payment_id=payment.payment_id, account_id=payment.account_id
    )
    return PaymentPosted(
        payment.payment_id,
        payment.account_id,
        payment.state,
        payment.paid_fen,
        cleared_fen,
        late_fee_fen,
        cash_fen,
        is_repeat,
    )


@collector_paused()
def post_payments(
    frame: pl.DataFrame, *, channel: str, at: datetime, staff_id: int | None = None, till_id: int | None = None
) -> list[str]:
    """Post many payments (columns of INCOMING) and clear what they pay; return the serial numbers that were new.

    Several payments of one account count in the order of the frame. Raises MeansUnknown, AmountWrong, AgentShort.
    """
    rows = [Incoming(*row) for row in checked(frame, pl.Schema(INCOMING), name="payments").iter_rows()]
    return _post(rows, channel=channel, at=at, staff_id=staff_id, till_id=till_id)


@transaction.atomic
def _post(
    wanted: Sequence[Incoming], *, channel: str, at: datetime, staff_id: int | None, till_id: int | None
) -> list[str]:
    rules = rules_at(at)
    act = act_of(rules, at=at, staff_id=staff_id, channel=channel)
    _check(wanted, rules)
    hold_day(act.business_on)
    once = {one.serial_no: one for one in reversed(wanted)}
    arrived = _attributed([one for one in wanted if once[one.serial_no] is one])
    claimed = set(payments.claim_payments([_claim(one, act, till_id) for one in arrived]))
    rounds: dict[int, list[_Arrived]] = {}
    turns: Counter[int] = Counter()
    for one in arrived:
        if one.row.serial_no in claimed:
            rounds.setdefault(turns[one.account_id] if one.account_id is not None else 0, []).append(one)
            if one.account_id is not None:
                turns[one.account_id] += 1
    for number in sorted(rounds):
        _take_in(rounds[number], rules, act)
    return list(claimed)


def _check(wanted: Sequence[Incoming], rules: Rules) -> None:
    for means in {one.means for one in wanted}:
        if rules.chart.of_means(means) is None:
            raise MeansUnknown(means)
    if any(one.paid_fen <= 0 for one in wanted):
        raise AmountWrong()


def _attributed(wanted: Sequence[Incoming]) -> list[_Arrived]:
    """Keep the account of payments we can attribute; say of the others why they wait. Ids are given here."""
    known = customers_of_accounts(account_ids=list({one.account_id for one in wanted}))
    repeated = payments.seen_before(
        [(one.serial_no, one.account_id, one.paid_fen, one.means, one.reference) for one in wanted]
    )
    payment_ids = new_ids("receivables_payment", "payment_id", len(wanted))
    entry_ids = new_ids("receivables_entry", "entry_id", len(wanted))
    arrived = []
    for one, payment_id, entry_id in zip(wanted, payment_ids, entry_ids, strict=True):
        note = f"UNKNOWN ACCOUNT {one.account_id}" if one.account_id not in known else ""
        if not note and one.serial_no in repeated:
            note = f"DUPLICATE {one.account_id}"
        arrived.append(_Arrived(one, None if note else one.account_id, note, payment_id, entry_id))
    return arrived


def _claim(one: _Arrived, act: Act, till_id: int | None) -> dict[str, Any]:
    return {
        "payment_id": one.payment_id,
        "serial_no": one.row.serial_no,
        "account_id": one.account_id,
        "purpose": "BILL",
        "paid_fen": one.row.paid_fen,
        "means": one.row.means,
        "channel": act.channel,
        "reference": one.row.reference,
        "note": one.note,
        "staff_id": act.staff_id,
        "till_id": till_id,
        "business_on": act.business_on,
        "at": act.at,
        "state": "SUSPENDED" if one.note else "POSTED",
        "entry_id": one.entry_id,
        "reverses_id": None,
    }


def _take_in(arrived: Sequence[_Arrived], rules: Rules, act: Act) -> None:
    """Put payments into cash, at most one an account, or into suspense; then clear."""
    accounts = {one.account_id: one.row.paid_fen for one in arrived if one.account_id is not None}
    agents = [one.row.agent_account_id for one in arrived if one.row.agent_account_id is not None]
    debts.lock_accounts([*accounts, *agents])
    agent_buckets = _from_agents(arrived, act) if agents else {}
    buckets = debts.add_to_bucket(
        account_ids=list(accounts), kind="CASH", amounts_fen=list(accounts.values()), on=act.business_on
    )
    draft = Draft(act)
    for one in arrived:
        _enter(draft, one, buckets, agent_buckets, rules)
    turns = [
        Turn(one.account_id, day_of(one.row.paid_at), one.payment_id) for one in arrived if one.account_id is not None
    ]
    if turns:
        clear_accounts(turns, rules=rules, act=act, draft=draft)
        tell_paid(accounts, serial_no=f"PAID {arrived[0].payment_id}")
    else:
        draft.write()


def _from_agents(arrived: Sequence[_Arrived], act: Act) -> dict[int, int]:
    """Take what agents pay out of their own money; return their buckets. Raises AgentShort."""
    paying = [(one.row.agent_account_id, one.row.paid_fen) for one in arrived if one.row.agent_account_id is not None]
    agents = list({agent for agent, _ in paying})
    bucket = debts.add_to_bucket(account_ids=agents, kind="AGENT", amounts_fen=[0] * len(agents), on=act.business_on)
    try:
        with transaction.atomic():
            debts.change_buckets(
                bucket_ids=[bucket[agent] for agent, _ in paying], amounts_fen=[-paid_fen for _, paid_fen in paying]
            )
    except IntegrityError as short:
        raise AgentShort(", ".join(map(str, agents))) from short
    return bucket


def _enter(
    draft: Draft, one: _Arrived, buckets: Mapping[int, int], agent_buckets: Mapping[int, int], rules: Rules
) -> None:
    """The entry of a payment: what came in against the account's money, or against what nobody has claimed."""
    means_no = rules.chart.of_means(one.row.means)
    assert means_no is not None
    agent = one.row.agent_account_id
    if agent is None:
        came_in = Line(means_no, one.row.paid_fen, account_id=one.account_id)
    else:
        came_in = Line(means_no, one.row.paid_fen, account_id=agent, bucket_id=agent_buckets[agent])
    if one.account_id is None:
        to_whom = Line(rules.chart.no_of("SUSPENSE"), -one.row.paid_fen)
    else:
        to_whom = Line(
            rules.chart.no_of("PREPAYMENT"), -one.row.paid_fen, one.account_id, bucket_id=buckets[one.account_id]
        )
    serial_no = f"PAYMENT {one.row.serial_no}"
    draft.add(one.entry_id, serial_no=serial_no, cause="PAYMENT", lines=[came_in, to_whom])
