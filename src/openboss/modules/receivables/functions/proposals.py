"""Four eyes on paper: one person proposes, another approves or refuses on the work list (D8.10, D8.11, ACM-14).

Who stands at the same screen may sign at once instead (functions of the counter); both ways lead to the same acts.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import polars as pl
from django.db import transaction

from openboss.modules.receivables.atomic import debts, proposals
from openboss.modules.receivables.atomic.proposals import (
    ProposalDecided,
    ProposalExists,
    ProposalUnknown,
    ProposalView,
    list_proposals,
)
from openboss.modules.receivables.atomic.standing import reminders_by_account
from openboss.modules.receivables.functions import bad_debt, counter
from openboss.modules.receivables.functions.authority import require, require_second
from openboss.modules.receivables.functions.payments import AmountWrong
from openboss.modules.receivables.functions.rules import rules_at

__all__ = [
    "ADJUSTMENTS",
    "WRITE_OFF",
    "ProposalDecided",
    "ProposalExists",
    "ProposalUnknown",
    "ProposalView",
    "approve",
    "bad_debts",
    "list_proposals",
    "propose",
    "refuse",
]

REFUND, TRANSFER, WAIVER, WRITE_OFF = "REFUND", "TRANSFER", "WAIVER", "WRITE_OFF"
ADJUSTMENTS = (REFUND, TRANSFER, WAIVER)


def propose(
    *,
    kind: str,
    account_id: int,
    amount_fen: int,
    reason: str,
    serial_no: str,
    at: datetime,
    staff_id: int,
    bill_id: int | None = None,
    to_account_id: int | None = None,
    means: str = "",
) -> ProposalView:
    """Propose a refund, a transfer, a waiver or a write-off; nothing moves until a second person approves.

    Raises NotEntitled, AmountWrong, ProposalExists (also for the same serial number).
    """
    require(staff_id=staff_id, right="receivables.adjust")
    if amount_fen <= 0:
        raise AmountWrong(amount_fen)
    return proposals.put_proposal(
        kind=kind, account_id=account_id, bill_id=bill_id, to_account_id=to_account_id, amount_fen=amount_fen,
        means=means, reason=reason, serial_no=serial_no, at=at, staff_id=staff_id,
    )  # fmt: skip


def approve(*, proposal_id: int, at: datetime, staff_id: int) -> ProposalView:
    """Agree to a proposal and do what it says, in one transaction, in the name of both.

    Money of a wallet is held by the engine meanwhile.
    Raises ProposalUnknown, ProposalDecided, SecondPersonNeeded (nobody agrees with themselves), NotEntitled, and
    whatever the act itself refuses: then the proposal waits on.
    """
    known = proposals.proposal_view(proposal_id=proposal_id)
    if known.kind not in ("REFUND", "TRANSFER") or known.state != "WAITING":
        return _approve(proposal_id, at, staff_id)
    with counter.held(known.account_id, known.amount_fen, f"PROPOSAL {proposal_id} {at:%Y%m%d%H%M%S%f}"):
        return _approve(proposal_id, at, staff_id)


@transaction.atomic
def _approve(proposal_id: int, at: datetime, staff_id: int) -> ProposalView:
    known = proposals.lock_proposal(proposal_id=proposal_id)
    require_second(staff_id=known.proposed_by, approved_by=staff_id)
    _ACTS[known.kind](known, at, staff_id)
    return proposals.settle_proposal(proposal_id=proposal_id, state="APPROVED", answer="", at=at, staff_id=staff_id)


@transaction.atomic
def refuse(*, proposal_id: int, answer: str, at: datetime, staff_id: int) -> ProposalView:
    """Refuse a proposal with a reason. Raises ProposalUnknown, ProposalDecided, SecondPersonNeeded, NotEntitled."""
    known = proposals.lock_proposal(proposal_id=proposal_id)
    require_second(staff_id=known.proposed_by, approved_by=staff_id)
    return proposals.settle_proposal(proposal_id=proposal_id, state="REFUSED", answer=answer, at=at, staff_id=staff_id)


def _refund(known: ProposalView, at: datetime, approved_by: int) -> None:
    counter.pay_out(
        account_id=known.account_id, paid_fen=known.amount_fen, means=known.means, serial_no=known.serial_no, at=at,
        staff_id=known.proposed_by, approved_by=approved_by, reason=known.reason,
    )  # fmt: skip


def _transfer(known: ProposalView, at: datetime, approved_by: int) -> None:
    assert known.to_account_id is not None
    counter.transfer_balance(
        from_account_id=known.account_id, to_account_id=known.to_account_id, moved_fen=known.amount_fen,
        serial_no=known.serial_no, reason=known.reason, at=at, staff_id=known.proposed_by, approved_by=approved_by,
    )  # fmt: skip


def _waive(known: ProposalView, at: datetime, approved_by: int) -> None:
    """A waiver is done within the limit of who approves it (ACM-09)."""
    assert known.bill_id is not None
    bad_debt.waive_late_fee(
        bill_id=known.bill_id, waived_fen=known.amount_fen, reason=known.reason, serial_no=known.serial_no, at=at,
        staff_id=approved_by,
    )  # fmt: skip


def _write_off(known: ProposalView, at: datetime, approved_by: int) -> None:
    assert known.bill_id is not None
    bad_debt.write_off(
        bill_id=known.bill_id, reason=known.reason, at=at, staff_id=known.proposed_by, approved_by=approved_by
    )


_ACTS: dict[str, Callable[[ProposalView, datetime, int], None]] = {
    REFUND: _refund,
    TRANSFER: _transfer,
    WAIVER: _waive,
    WRITE_OFF: _write_off,
}


def bad_debts(*, at: datetime) -> pl.DataFrame:
    """Doubtful bills, the oldest first: bill_id, account_id, cycle, due_on, open_fen, reminders, may_be_bad.

    may_be_bad  old enough and reminded often enough to be written off (D8.11)
    """
    rules = rules_at(at)
    wanted = rules.value("bad_debt")
    doubtful = debts.overdue_since(rules.on, standing="DOUBTFUL")
    bills = debts.bills_by_id(doubtful["bill_id"].to_list()).sort("bill_id")
    reminders = reminders_by_account(account_ids=bills["account_id"].unique().to_list())
    told = pl.Series("reminders", [reminders.get(one, 0) for one in bills["account_id"]], dtype=pl.Int64)
    oldest_on = rules.on - timedelta(days=wanted["older_than_days"])
    return bills.select("bill_id", "account_id", "cycle", "due_on", "open_fen", told).with_columns(
        may_be_bad=(pl.col("due_on") <= oldest_on) & (pl.col("reminders") >= wanted["dunning_proofs"])
    )
