"""Payments nobody could attribute: a work list, and who settles it (issue 6 section 2)."""

from datetime import datetime

from django.db import transaction

from openboss.modules.customers.atomic.owners import customers_of_accounts
from openboss.modules.receivables.atomic import debts, payments
from openboss.modules.receivables.atomic.ledger import Act, Line, hold_day, post_entry
from openboss.modules.receivables.atomic.payments import PaymentView
from openboss.modules.receivables.functions.authority import require
from openboss.modules.receivables.functions.clearing import Turn, clear_accounts
from openboss.modules.receivables.functions.counter import money_in
from openboss.modules.receivables.functions.payments import PaymentPosted, answer_of
from openboss.modules.receivables.functions.rules import Rules, act_of, day_of, rules_at
from openboss.modules.system.atomic import record_audit


class NotSuspended(Exception):
    """This payment does not wait in suspense (any more)."""


class AccountMissing(LookupError):
    """There is no such account."""


def suspense_list() -> list[PaymentView]:
    """Payments that wait to be attributed, the oldest first; their note says why."""
    return payments.suspended()


@transaction.atomic
def suspend_payment(*, paid_fen: int, means: str, channel: str, serial_no: str, note: str, at: datetime) -> PaymentView:
    """Take in money that has come but belongs to no account yet; note says why. Once under its serial number.

    Raises SerialNumberUsed, MeansUnknown, AmountWrong.
    """

    def owed_to_somebody(rules: Rules, act: Act) -> list[Line]:  # noqa: ARG001 (the same on every day)
        return [Line(rules.chart.no_of("SUSPENSE"), -paid_fen)]

    taken = money_in(
        purpose="BILL", account_id=None, paid_fen=paid_fen, means=means, lines=owed_to_somebody, channel=channel,
        serial_no=serial_no, at=at, staff_id=None, note=note,
    )  # fmt: skip
    payments.set_state(payment_id=taken.payment_id, state="SUSPENDED")
    return payments.payment_view(payment_id=taken.payment_id)


@transaction.atomic
def attribute(*, payment_id: int, account_id: int, reason: str, at: datetime, staff_id: int) -> PaymentPosted:
    """Give a suspended payment to an account, where it clears what is open as of the day it was paid.

    Raises PaymentUnknown, NotSuspended, AccountMissing, NotEntitled.
    """
    require(staff_id=staff_id, right="receivables.adjust")
    payment = payments.lock_payment(payment_id=payment_id)
    if payment.state != "SUSPENDED":
        raise NotSuspended(payment.serial_no)
    if account_id not in customers_of_accounts(account_ids=[account_id]):
        raise AccountMissing(account_id)
    rules = rules_at(at)
    act = act_of(rules, at=at, staff_id=staff_id, channel=payment.channel)
    hold_day(act.business_on)
    debts.lock_accounts([account_id])
    bucket = debts.add_to_bucket(
        account_ids=[account_id], kind="CASH", amounts_fen=[payment.paid_fen], on=act.business_on
    )
    lines = [
        Line(rules.chart.no_of("SUSPENSE"), payment.paid_fen),
        Line(rules.chart.no_of("PREPAYMENT"), -payment.paid_fen, account_id=account_id, bucket_id=bucket[account_id]),
    ]
    post_entry(serial_no=f"ATTRIBUTE {payment_id}", cause="ATTRIBUTE", lines=lines, act=act, note=reason[:200])
    payments.set_state(payment_id=payment_id, state="POSTED", account_id=account_id)
    clear_accounts([Turn(account_id, day_of(payment.at), payment_id)], rules=rules, act=act)
    record_audit(
        staff_id=staff_id,
        action="receivables.attribute",
        object_kind="payment",
        object_id=payment_id,
        at=at,
        reason=reason,
        after={"account_id": account_id},
    )
    return answer_of(payments.payment_view(payment_id=payment_id))
