"""Pay by web: an order, the provider's signed notices, and the payment they become. Read from top to bottom.

    order     the customer says whose bill and how much; the order ends by itself after half an hour
    notice    the provider says PAID or FAILED, as often and in whatever order it likes; each is taken once
    post      what was paid in time, in full and for the first time is posted and cleared like any payment
    suspend   money that came otherwise (late, twice, another amount) waits for a person; no fen is lost

Access has checked the signature before anything comes here. Source: issue 6 section 2, ACM-02, D0.4.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from openboss.modules.customers import functions as customers
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions.rules import rules_at
from openboss.modules.receivables.functions.web_payments import (
    WebOrderUnknown,
    WebOrderView,
    lock_web_order,
    make_web_order,
    open_orders,
    payment_of_serial,
    settle_web_order,
)
from openboss.modules.system.functions import SerialNumberUsed
from openboss.processes import take_payment

ORDER_LIFE = timedelta(minutes=30)
MOST_FEN = 500_000  # an order; more is paid at a counter
MOST_OPEN = 5  # orders of an account at a time: strangers make orders too, since nobody signs in to pay
PAID, FAILED = "PAID", "FAILED"


class AmountOutOfRange(ValueError):
    """An order on the web is for more than nothing and at most 5,000 yuan."""


class TooManyOrders(Exception):
    """This account has several orders open; pay one of them, or wait until they end by themselves."""


class CurrencyWrong(ValueError):
    """The notice is about another currency than the operator's; nothing was posted."""


class NoticeMalformed(ValueError):
    """The signature is right but the notice cannot be read; the provider has to be asked."""


class ProviderWrong(Exception):
    """The notice comes from another provider than the order was given to; nothing was changed."""


@dataclass(frozen=True)
class Notice:
    """What a provider says of an order: its own number of the transaction, PAID or FAILED, how much, and when."""

    provider: str
    order_no: str
    transaction_no: str
    outcome: str
    paid_fen: int
    currency: str
    paid_at: datetime


@dataclass(frozen=True)
class NoticeTaken:
    """What became of a notice: POSTED, SUSPENDED, REPEATED (taken before) or NOTED (nothing to post)."""

    became: str
    payment_id: int | None


def order(*, number: int, asked_fen: int, provider: str, at: datetime) -> WebOrderView:
    """Make an order for the account that pays for a number.

    Raises AmountOutOfRange, SubscriberUnknown, TooManyOrders.
    """
    if not 0 < asked_fen <= MOST_FEN:
        raise AmountOutOfRange(asked_fen)
    subscriber_id = customers.subscriber_of_number(number=number, at=at)
    account_id = customers.paying_account(subscriber_id=subscriber_id, cycle=customers.cycle_of(at))
    if open_orders(account_id=account_id, at=at) >= MOST_OPEN:
        raise TooManyOrders(account_id)
    return make_web_order(
        order_no=f"W{secrets.token_hex(10)}",
        account_id=account_id,
        asked_fen=asked_fen,
        currency=rules_at(at).value("currency"),
        provider=provider,
        at=at,
        expires_at=at + ORDER_LIFE,
    )


@transaction.atomic
def take_notice(notice: Notice, *, at: datetime) -> NoticeTaken:
    """Take a notice whose signature was right; the same again changes nothing.

    Raises CurrencyWrong, ProviderWrong, SerialNumberUsed (the same transaction with another amount).
    """
    known = _order_of(notice)
    if notice.outcome == FAILED:
        if known is not None and known.state == "OPEN":
            settle_web_order(order_no=known.order_no, state="FAILED", note=notice.transaction_no)
        return NoticeTaken("NOTED", None)
    if notice.currency != rules_at(at).value("currency"):
        raise CurrencyWrong(notice.currency)
    before = payment_of_serial(serial_no=_serial_no(notice))
    if before is not None:
        if before.paid_fen != notice.paid_fen:
            raise SerialNumberUsed(before.serial_no)
        return NoticeTaken("REPEATED", before.payment_id)
    wrong = _why_it_waits(known, notice)
    return _suspend(notice, wrong, at) if known is None or wrong else _post(known, notice, at)


def _order_of(notice: Notice) -> WebOrderView | None:
    try:
        known = lock_web_order(order_no=notice.order_no)
    except WebOrderUnknown:
        return None
    if known.provider != notice.provider:
        raise ProviderWrong(notice.provider)
    return known


def _serial_no(notice: Notice) -> str:
    return f"WEB {notice.provider} {notice.transaction_no}"


def _why_it_waits(known: WebOrderView | None, notice: Notice) -> str:
    """Why money is not simply posted; nothing if all is as ordered."""
    if known is None:
        return "UNKNOWN ORDER"
    if known.state == "PAID":
        return "ORDER PAID TWICE"
    if notice.paid_fen != known.asked_fen:
        return "AMOUNT DIFFERS FROM ORDER"
    return "PAID AFTER THE ORDER HAD EXPIRED" if notice.paid_at > known.expires_at else ""


def _suspend(notice: Notice, why: str, at: datetime) -> NoticeTaken:
    waiting = receivables.suspend_payment(
        paid_fen=notice.paid_fen,
        means="WEB",
        channel="WEB",
        serial_no=_serial_no(notice),
        note=f"{why} {notice.order_no}",
        at=at,
    )
    return NoticeTaken("SUSPENDED", waiting.payment_id)


def _post(known: WebOrderView, notice: Notice, at: datetime) -> NoticeTaken:
    taken = take_payment.take(
        account_id=known.account_id,
        paid_fen=notice.paid_fen,
        means="WEB",
        channel="WEB",
        serial_no=_serial_no(notice),
        at=at,
        reference=notice.transaction_no,
    )
    settle_web_order(order_no=known.order_no, state="PAID", payment_id=taken.posted.payment_id)
    return NoticeTaken("POSTED", taken.posted.payment_id)
