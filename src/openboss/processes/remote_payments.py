"""Serve a counter of another province: what a user of ours owes, a payment, and its compensation. Read from the top.

    ask          what would settle everything now, and what the account has with us
    take         posted like any payment, once under the other province's number; service that was stopped goes on
    compensate   the other province waited in vain for our answer: the payment is as if it had never been, and if it
                 was still on its way it is refused when it comes
    report       what each province collected for the other, for the comparison at the end of the day

Access has checked who speaks. Source: D8.8, D18.4, ACM-07, issue 6 section 2.
"""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db import transaction

from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions import remote
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.receivables.functions.payments import AmountWrong
from openboss.modules.receivables.functions.remote import COMPENSATED, EMPTY, HubPaymentView
from openboss.modules.system.functions import SerialNumberUsed
from openboss.processes import take_payment


class CompensatedBefore(Exception):
    """This payment was taken back under the same number before; pay again under another one. Nothing was posted."""


@dataclass(frozen=True)
class Standing:
    """What a user's account owes with late fees, and what it has with us, in fen."""

    owed_fen: int
    advance_fen: int


def ask(*, number: int, at: datetime) -> Standing:
    """What the account that pays for a number owes. Raises SubscriberUnknown."""
    found = owed(account_id=_payer(number, at), at=at)
    return Standing(found.owed_fen, found.advance_fen)


@transaction.atomic
def take(*, province: str, trans_id: str, number: int, paid_fen: int, at: datetime) -> HubPaymentView:
    """Post what was paid in another province for a number of ours; the same again gives the same answer.

    Raises SubscriberUnknown, AmountWrong, OwnProvince, CompensatedBefore, SerialNumberUsed (another payment under
    this number).
    """
    marks = remote.collected_elsewhere(collected_by=province, trans_id=trans_id, at=at)
    known = remote.hold_hub_payment(province=province, trans_id=trans_id)
    if known is not None:
        if known.state in (COMPENSATED, EMPTY):
            raise CompensatedBefore(trans_id)
        if (known.number, known.paid_fen) != (number, paid_fen):
            raise SerialNumberUsed(trans_id)
        return known
    if paid_fen <= 0:
        raise AmountWrong(paid_fen)
    taken = take_payment.take(account_id=_payer(number, at), paid_fen=paid_fen, at=at, **marks)
    return remote.put_hub_payment(
        province=province,
        trans_id=trans_id,
        number=number,
        paid_fen=paid_fen,
        payment_id=taken.posted.payment_id,
        at=at,
    )


@transaction.atomic
def compensate(*, province: str, trans_id: str, at: datetime) -> HubPaymentView:
    """Take a payment back that the other province does not count; the same again gives the same answer.

    Raises OwnProvince, MoneyGone, LaterActs, InvoiceNotReturned, SecondPersonNeeded (the day is over: a person looks).
    """
    marks = remote.collected_elsewhere(collected_by=province, trans_id=trans_id, at=at)
    known = remote.hold_hub_payment(province=province, trans_id=trans_id)
    if known is None:
        return remote.put_hub_payment(
            province=province, trans_id=trans_id, number=None, paid_fen=None, payment_id=None, at=at
        )
    if known.payment_id is not None and known.state != COMPENSATED:
        take_payment.reverse(
            payment_id=known.payment_id, reason="compensated by the hub", serial_no=f"{marks['serial_no']}.BACK",
            at=at, staff_id=None,
        )  # fmt: skip
        remote.note_compensated(hub_payment_id=known.hub_payment_id)
    return known


def report(*, province: str, day: date, at: datetime) -> pl.DataFrame:
    """What two provinces collected for each other on a day (ACM-07, ACM-08).

    Columns: collected_by, home, payments, collected_fen.
    """
    found = remote.remote_collections(from_on=day, to_on=date.fromordinal(day.toordinal() + 1), at=at)
    return found.filter(pl.any_horizontal(pl.col("collected_by", "home") == province))


def _payer(number: int, at: datetime) -> int:
    subscriber_id = customers.subscriber_of_number(number=number, at=at)
    return customers.paying_account(subscriber_id=subscriber_id, cycle=customers.cycle_of(at))
