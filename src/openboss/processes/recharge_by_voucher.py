"""Recharge by voucher (续费卡充值): at the counter, over IVR and on the web. Read from top to bottom.

    find      the user of the number, and the account that pays the rest of what they owe
    spend     the voucher, once; a wrong PIN counts against the number, five lock it for a day
    post      its face value into the account's cash, where it clears what is open
    resume    as with every payment: credit control looks again, validity is extended

Voucher and money move in one transaction: a voucher is used if and only if its money has arrived. Source: ACM-28,
D12.4.
"""

from datetime import datetime

from django.db import transaction

from openboss.modules.customers import functions as customers
from openboss.modules.resources import functions as resources
from openboss.processes.take_payment import PaymentTaken, take


def recharge(
    *,
    number: int,
    pin: str,
    channel: str,
    at: datetime,
    staff_id: int | None = None,
) -> PaymentTaken:
    """Put the face value of a voucher into the account that pays for a number.

    The serial number of the voucher is the payment's: it cannot count twice. Raises SubscriberUnknown, RechargeLocked,
    VoucherUnknown, VoucherUsed, VoucherNotActive.
    """
    subscriber_id = customers.subscriber_of_number(number=number, at=at)
    account_id = customers.paying_account(subscriber_id=subscriber_id, cycle=customers.cycle_of(at))
    with transaction.atomic():
        try:
            spent = resources.use_voucher(pin=pin, number=number, at=at, staff_id=staff_id)
        except (resources.VoucherUnknown, resources.RechargeLocked) as refused:
            refusal = refused  # that it was tried is kept
        else:
            return take(
                account_id=account_id,
                paid_fen=spent.face_fen,
                means="VOUCHER",
                channel=channel,
                serial_no=f"VOUCHER {spent.serial_no}",
                at=at,
                staff_id=staff_id,
                reference=spent.serial_no,
            )
    raise refusal
