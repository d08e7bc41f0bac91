"""A user of ours is paid for by a number of another province (异地代付), seen from home. Read from top to bottom.

    accept  the other province asks whether its user may pay for ours: not for a number on direct debit, paid for by a
            unit or another customer, of an account that pays for others too, cancelled, pre-cancelled or not activated,
            or whose customer pays for numbers elsewhere
    bill    what of a month's bill is still to be paid, once it is out; a number that would not be accepted any more, or
            that another account pays for now, is not paid for any more
    end     nothing more is paid from this month on

Payments come like any payment in another province (`remote_payments.take`): money of the paid-for user's own account,
from which alone refunds go out. Access has checked who speaks. Source: D8.13.
"""

from dataclasses import dataclass
from datetime import datetime

from openboss.modules.billing.atomic import BILL_ID_STEP
from openboss.modules.customers import functions as customers
from openboss.modules.customers.atomic.owners import users_paid_by
from openboss.modules.receivables.functions import direct_debit, elsewhere
from openboss.modules.receivables.functions.elsewhere import PAID, ElsewhereView, RelationUnknown
from openboss.modules.receivables.functions.owed import owed
from openboss.processes.unbilled import billed_cycles


class PaysByDirectDebit(Exception):
    """This number is on direct debit: its bank pays."""


class PaidByGroup(Exception):
    """A unit or another customer pays for this number."""


class CombinedAccount(Exception):
    """The account of this number pays for other numbers too."""


class NotInService(Exception):
    """This number is cancelled, waits for cancellation, or was not activated."""


@dataclass(frozen=True)
class MonthOwed:
    """What of a month's bill is to be paid with late fees of today; nothing while it is not out."""

    is_issued: bool
    owed_fen: int


def accept(*, province: str, payer: int, number: int, cycle: int, trans_id: str, at: datetime) -> ElsewhereView:
    """Let a number of another province pay for one of ours from a month on; the same again is the same answer.

    Raises SubscriberUnknown, NotInService, PaidByGroup, CombinedAccount, PaysByDirectDebit, IsPayer, RelationExists,
    SerialNumberUsed.
    """
    user = customers.subscriber_of_number(number=number, at=at)
    customer_id, account_id = _accepted(user, at)
    return elsewhere.accept_payer(
        province=province, payer=payer, subscriber_id=user, customer_id=customer_id, account_id=account_id, cycle=cycle,
        trans_id=trans_id, at=at,
    )  # fmt: skip


def bill(*, province: str, payer: int, number: int, cycle: int, at: datetime) -> MonthOwed:
    """What a month of ours costs its payer elsewhere.

    Payments go to whoever pays for the number now, so what is asked is this account's bill. Where it is not the
    account that was accepted, or would not be accepted now, it ends. Raises SubscriberUnknown, RelationUnknown.
    """
    relation = _relation(province, payer, number, at)
    if cycle < relation.from_cycle or (relation.to_cycle is not None and cycle >= relation.to_cycle):
        raise RelationUnknown(number)
    if not _still_accepted(relation, at):
        _end(relation, cycle, at)
        raise RelationUnknown(number)
    bills = owed(account_id=relation.account_id, at=at).bills
    bill_id = cycle * BILL_ID_STEP + relation.account_id
    owed_fen = sum(one.open_fen + one.late_fee_fen for one in bills if one.bill_id == bill_id)
    return MonthOwed(owed_fen > 0 or cycle in billed_cycles(), owed_fen)


def end(*, province: str, payer: int, number: int, cycle: int, at: datetime) -> None:
    """End it with the months before one; it may have ended before. Raises SubscriberUnknown, RelationUnknown."""
    _end(_relation(province, payer, number, at), cycle, at)


def _end(relation: ElsewhereView, cycle: int, at: datetime) -> None:
    if relation.state == "ACTIVE":
        elsewhere.end(relation_id=relation.relation_id, cycle=cycle, at=at, staff_id=None)


def _still_accepted(relation: ElsewhereView, at: datetime) -> bool:
    try:
        return _accepted(relation.subscriber_id, at)[1] == relation.account_id
    except (NotInService, PaidByGroup, CombinedAccount, PaysByDirectDebit):
        return False


def _accepted(user: int, at: datetime) -> tuple[int, int]:
    """Customer and account of a number that may be paid for elsewhere.

    Raises NotInService, PaidByGroup, CombinedAccount, PaysByDirectDebit.
    """
    now = customers.cycle_of(at)
    customer_id = customers.customer_of_subscriber(subscriber_id=user)
    if customers.line_of(subscriber_id=user, at=at).life != "ACTIVE":
        raise NotInService(user)
    account_id = customers.paying_account(subscriber_id=user, cycle=now)
    payers = set(customers.relations_of(subscriber_id=user, cycle=now)["account_id"])
    is_group = customers.person_of(customer_id=customer_id).kind == "UNIT"
    if is_group or payers != {account_id} or customers.customer_of_account(account_id=account_id) != customer_id:
        raise PaidByGroup(user)
    users = users_paid_by(account_ids=[account_id], cycle=now, at=at).filter(life="ACTIVE")
    if users.height > 1:
        raise CombinedAccount(user)
    if direct_debit.has_mandate(account_id=account_id):
        raise PaysByDirectDebit(user)
    return customer_id, account_id


def _relation(province: str, payer: int, number: int, at: datetime) -> ElsewhereView:
    """The newest relation of a payer and a number."""
    user = customers.subscriber_of_number(number=number, at=at)
    found = elsewhere.relations(side=PAID, province=province, number=payer, subscriber_id=user)
    if not found:
        raise RelationUnknown(number)
    return found[0]
