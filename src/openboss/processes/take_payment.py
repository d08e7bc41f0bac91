"""Take a payment: post it, clear what it pays, and let service that was stopped for arrears go on. One transaction.

    post      once under its serial number, into the account's cash
    clear     late fees and open items in the configured order; what is left is an advance
    resume    credit control looks at the account again: stop reasons of arrears end, messages wait in the outbox

A reversal goes the same way back. Source: ACM-02, ACM-03, ACM-20, D8, D9.8.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction

from openboss.modules.receivables.functions import return_papers
from openboss.modules.receivables.functions.collection_cases import withdraw_paid
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.receivables.functions.payments import PaymentPosted, post_payment
from openboss.modules.receivables.functions.points import credit_again
from openboss.modules.receivables.functions.reversal import reverse_payment
from openboss.processes import collect_debt, keep_validity
from openboss.processes.unbilled import now


class TenderedTooLittle(ValueError):
    """The money handed over is less than what is to be paid; nothing was posted."""


@dataclass(frozen=True)
class PaymentTaken:
    """What a payment did, what is owed after it, the change to give back, and the users whose service went on."""

    posted: PaymentPosted
    owed_fen: int
    tendered_fen: int
    change_fen: int
    resumed: tuple[int, ...]


def take(
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
    tendered_fen: int | None = None,
    agent_account_id: int | None = None,
    unbilled: collect_debt.Unbilled | None = None,
) -> PaymentTaken:
    """Take one payment; the same again gives the same answer.

    tendered_fen  what was handed over; the change is worked out (ACM-20)
    unbilled      see collect_debt.run: what is used and not billed yet counts for credit control; by default the
                  running engine is asked
    Raises TenderedTooLittle, SerialNumberUsed, MeansUnknown, AmountWrong, AgentShort.
    """
    tendered_fen = paid_fen if tendered_fen is None else tendered_fen
    if tendered_fen < paid_fen:
        raise TenderedTooLittle(f"{tendered_fen} < {paid_fen}")
    with transaction.atomic():
        posted = post_payment(
            account_id=account_id,
            paid_fen=paid_fen,
            means=means,
            channel=channel,
            serial_no=serial_no,
            at=at,
            staff_id=staff_id,
            reference=reference,
            till_id=till_id,
            agent_account_id=agent_account_id,
        )
        resumed: tuple[int, ...] = ()
        if posted.account_id is not None and not posted.is_repeat:
            withdraw_paid(account_ids=[posted.account_id], at=at)
            resumed = tuple(keep_validity.extend(account_id=posted.account_id, paid_fen=paid_fen, at=at))
        resumed += _look_again(posted, at, unbilled or partial(now, at=at), may_begin=False)
    left_fen = owed(account_id=account_id, at=at).owed_fen
    return PaymentTaken(posted, left_fen, tendered_fen, tendered_fen - paid_fen, resumed)


def reverse(
    *,
    payment_id: int,
    reason: str,
    serial_no: str,
    at: datetime,
    staff_id: int | None,
    approved_by: int | None = None,
    is_paper_back: bool = False,
) -> PaymentPosted:
    """Take a payment back: bills, late fees, advances, points and credit control as if it had never been.

    is_paper_back  its receipt or invoice lies on the desk and is taken back with it; an invoice must be (D8.3)

    Raises PaymentUnknown, ReversedBefore, VoucherUsed, InvoiceNotReturned, MoneyGone, LaterActs, SecondPersonNeeded,
    NotEntitled, SerialNumberUsed.
    """
    with transaction.atomic():
        if is_paper_back:
            return_papers(payment_id=payment_id, at=at, staff_id=staff_id)
        posted = reverse_payment(
            payment_id=payment_id,
            reason=reason,
            serial_no=serial_no,
            at=at,
            staff_id=staff_id,
            approved_by=approved_by,
        )
        if posted.account_id is not None:
            credit_again(account_id=posted.account_id, at=at)
        _look_again(posted, at, partial(now, at=at), may_begin=True)
    return posted


def _look_again(
    posted: PaymentPosted, at: datetime, unbilled: collect_debt.Unbilled, *, may_begin: bool
) -> tuple[int, ...]:
    """Let credit control look again; with a payment only where it has begun something that may be over now."""
    if posted.account_id is None or posted.is_repeat:
        return ()
    if not may_begin and not collect_debt.begun([posted.account_id], at=at):
        return ()
    accounts = [posted.account_id]
    return tuple(collect_debt.look_at(accounts, at=at, unbilled_fen=unbilled(accounts), may_begin=may_begin).resumed)
