"""Reversal (反销): bills, late fees and advances as if the payment had never been (ACM-03, D8.3).

What the account cleared after the payment is undone, newest first; the payment is taken back; then each later act is
done again in its turn, on its own day, with the money that was there then.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from openboss.modules.receivables.atomic import clearings, debts, documents, payments
from openboss.modules.receivables.atomic.clearings import ClearingView
from openboss.modules.receivables.atomic.credit_watch import tell_paid
from openboss.modules.receivables.atomic.ledger import (
    Act,
    Line,
    entry_by_serial,
    hold_day,
    new_ids,
    post_entry,
    reverse_entry,
)
from openboss.modules.receivables.atomic.payments import PaymentView
from openboss.modules.receivables.functions.authority import require_second
from openboss.modules.receivables.functions.clearing import Turn, clear_accounts, settle_states
from openboss.modules.receivables.functions.payments import PaymentPosted, answer_of
from openboss.modules.receivables.functions.rules import Rules, act_of, rules_at
from openboss.modules.receivables.functions.wallets import overdraw
from openboss.modules.system.atomic import SerialNumberUsed, record_audit


class ReversedBefore(Exception):
    """This payment was reversed before; nothing was changed."""


class VoucherUsed(Exception):
    """Money from a voucher cannot be taken back: the voucher is used (D8.3)."""


class InvoiceNotReturned(Exception):
    """An invoice was issued for this payment; it has to be returned first (D8.3)."""


class MoneyGone(Exception):
    """The money of this payment was refunded or moved meanwhile; take that back first (D8.3)."""


class LaterActs(Exception):
    """A late fee was waived or a debt written off after this payment; take that back first."""


@transaction.atomic
def reverse_payment(
    *,
    payment_id: int,
    reason: str,
    serial_no: str,
    at: datetime,
    staff_id: int | None,
    approved_by: int | None = None,
) -> PaymentPosted:
    """Take a payment back; the same again gives the same answer.

    The same clerk on the same business day may; otherwise a second person approves.
    Raises PaymentUnknown, ReversedBefore, VoucherUsed, InvoiceNotReturned, MoneyGone, LaterActs, SecondPersonNeeded,
    NotEntitled, SerialNumberUsed. Source: ACM-03, D8.3.
    """
    payment = payments.lock_payment(payment_id=payment_id)
    before = payments.payments_by_serial(serial_nos=[serial_no]).get(serial_no)
    if before is not None and before.reverses_id == payment_id:
        return answer_of(before, is_repeat=True)
    if before is not None:
        raise SerialNumberUsed(serial_no)
    rules = rules_at(at)
    act = act_of(rules, at=at, staff_id=staff_id, channel=payment.channel)
    _check(payment, act, approved_by)
    hold_day(act.business_on)
    if payment.account_id is not None:
        debts.lock_accounts([payment.account_id])
        given = entry_by_serial(serial_no=f"ATTRIBUTE {payment_id}")  # it waited in suspense first
        came_in_id = given.entry_id if given else payment.entry_id
        _as_if_never_paid(payment, payment.account_id, came_in_id, rules, act)
        if given:
            reverse_entry(entry_id=given.entry_id, act=act)
    entry_id = reverse_entry(entry_id=payment.entry_id, act=act, note=reason[:200])
    _write_down(payment, serial_no, reason, entry_id, act, approved_by)
    return answer_of(payments.payment_by_serial(serial_no=serial_no))


@transaction.atomic
def reverse_fee(
    *, serial_no: str, reason: str, at: datetime, staff_id: int | None, approved_by: int | None = None
) -> PaymentPosted:
    """Give back a fee or a deposit of an order that is undone; the same again gives the same answer.

    serial_no  the one under which it was taken; the way back gets `<serial_no>.BACK`
    Raises PaymentUnknown, ReversedBefore, MoneyGone, SecondPersonNeeded, NotEntitled. Source: D13.3, D8.3.
    """
    payment = payments.lock_payment(payment_id=payments.payment_by_serial(serial_no=serial_no).payment_id)
    back = f"{serial_no}.BACK"
    before = payments.payments_by_serial(serial_nos=[back]).get(back)
    if before is not None:
        return answer_of(before, is_repeat=True)
    if payment.state == "REVERSED" or payment.purpose not in ("FEE", "DEPOSIT"):
        raise ReversedBefore(serial_no)
    act = act_of(rules_at(at), at=at, staff_id=staff_id, channel=payment.channel)
    if staff_id is not None and (payment.staff_id, payment.business_on) != (staff_id, act.business_on):
        require_second(staff_id=staff_id, approved_by=approved_by)
    hold_day(act.business_on)
    if payment.purpose == "DEPOSIT" and payment.account_id is not None:
        debts.lock_accounts([payment.account_id])
        _take_from(payment, payment.account_id, "DEPOSIT", act)
    entry_id = reverse_entry(entry_id=payment.entry_id, act=act, note=reason[:200])
    _write_down(payment, back, reason, entry_id, act, approved_by)
    return answer_of(payments.payment_by_serial(serial_no=back))


def _take_from(payment: PaymentView, account_id: int, kind: str, act: Act) -> None:
    """Take a payment's money out of the bucket into which it went. Raises MoneyGone."""
    bucket_id = debts.add_to_bucket(account_ids=[account_id], kind=kind, amounts_fen=[0], on=act.business_on)
    try:
        with transaction.atomic():
            debts.change_buckets(bucket_ids=[bucket_id[account_id]], amounts_fen=[-payment.paid_fen])
    except IntegrityError as gone:
        raise MoneyGone(payment.serial_no) from gone


def _check(payment: PaymentView, act: Act, approved_by: int | None) -> None:
    if payment.state == "REVERSED" or payment.purpose not in ("BILL", "RECOVERY"):
        raise ReversedBefore(payment.serial_no)
    if payment.means == "VOUCHER":
        raise VoucherUsed(payment.serial_no)
    if documents.has_invoice(payment_id=payment.payment_id):
        raise InvoiceNotReturned(payment.serial_no)
    if payment.account_id is not None and debts.has_waivers(account_id=payment.account_id, position=payment.entry_id):
        raise LaterActs(payment.serial_no)
    if (payment.staff_id, payment.business_on) != (act.staff_id, act.business_on):
        require_second(staff_id=act.staff_id, approved_by=approved_by)


def _as_if_never_paid(payment: PaymentView, account_id: int, came_in_id: int, rules: Rules, act: Act) -> None:
    """Undo what was cleared since, take the money out of the bucket, and clear again what would have been cleared."""
    later = clearings.clearings_after(account_id=account_id, position=came_in_id)
    for one in later:
        _undo(one, rules, act)
    overdraw(account_id, payment.paid_fen, rules=rules, act=act)
    tell_paid({account_id: -payment.paid_fen}, serial_no=f"PAID BACK {payment.payment_id}")
    _take_from(payment, account_id, "CASH", act)
    again = [one for one in reversed(later) if one.payment_id != payment.payment_id]
    for one in again:
        turn = Turn(account_id, one.cleared_on, one.payment_id, one.at, one.position)
        not_yet = clearings.moved_after(account_id=account_id, position=one.position, without_entry_id=came_in_id)
        clear_accounts([turn], rules=rules, act=act, not_yet=not_yet)


def _undo(one: ClearingView, rules: Rules, act: Act) -> None:
    """Give back what one act of clearing paid, with the entries that say so."""
    for known_id in (one.entry_id, one.late_entry_id):
        if known_id is not None:
            reverse_entry(entry_id=known_id, act=act)
    now = clearings.undo_clearing(clearing_id=one.clearing_id)
    settle_states(now)
    doubtful = [bill.bill_id for bill in now if bill.standing == "DOUBTFUL"]
    for bill_id in doubtful:  # paid before it became doubtful: what comes back is doubtful too
        moved_fen = debts.misplaced(bill_id=bill_id, receivable_no=rules.chart.no_of("RECEIVABLE"))
        lines = [
            Line(rules.chart.no_of("DOUBTFUL"), moved_fen, account_id=one.account_id, bill_id=bill_id),
            Line(rules.chart.no_of("RECEIVABLE"), -moved_fen, account_id=one.account_id, bill_id=bill_id),
        ]
        if moved_fen:
            post_entry(serial_no=f"DOUBTFUL {bill_id} {one.clearing_id}", cause="DOUBTFUL", lines=lines, act=act)


def _write_down(
    payment: PaymentView, serial_no: str, reason: str, entry_id: int, act: Act, approved_by: int | None
) -> None:
    back = {
        "payment_id": new_ids("receivables_payment", "payment_id", 1)[0],
        "serial_no": serial_no,
        "account_id": payment.account_id,
        "purpose": "REVERSAL",
        "paid_fen": -payment.paid_fen,
        "means": payment.means,
        "channel": payment.channel,
        "reference": payment.reference,
        "note": reason[:200],
        "staff_id": act.staff_id,
        "till_id": payment.till_id,
        "business_on": act.business_on,
        "at": act.at,
        "state": "POSTED",
        "entry_id": entry_id,
        "reverses_id": payment.payment_id,
    }
    payments.claim_payments([back])
    payments.set_state(payment_id=payment.payment_id, state="REVERSED")
    record_audit(
        staff_id=act.staff_id,
        action="receivables.reverse_payment",
        object_kind="payment",
        object_id=payment.payment_id,
        at=act.at,
        reason=reason,
        after={"serial_no": serial_no, "approved_by": approved_by},
    )
