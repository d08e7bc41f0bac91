"""TMF676 payment management and TMF654 balances: money that other systems bring, and what an account has."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import Field

from openboss.access.jobs import clock
from openboss.access.openapi.customers import ACCOUNT
from openboss.access.openapi.door import (
    FAILURES,
    Caller,
    Holder,
    Money,
    Paging,
    PagingQuery,
    Ref,
    Refusal,
    Shape,
    TimePeriod,
    answers,
    chosen,
    listed,
    midnight,
    money,
    router,
    whole_number,
    yuan_of_li,
)
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import AccountUnknown
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import AmountWrong, MeansUnknown, MoneyHeld, PaymentUnknown, PaymentView
from openboss.modules.system.functions import SerialNumberUsed
from openboss.processes import take_payment, tell_balance

PAYMENT = "/tmf-api/paymentManagement/v4/payment"
BUCKET = "/tmf-api/prepayBalanceManagement/v4/bucket"
MEANS: Mapping[str, str] = {
    "cash": "CASH",
    "check": "CHEQUE",
    "bankcard": "CARD",
    "bankaccounttransfer": "BANK",
    "bankaccountdebit": "DIRECT_DEBIT",
    "voucher": "VOUCHER",
    "digitalwallet": "WEB",
}

payment_router = router("receivables.view", "TMF676 payment management")
balance_router = router("receivables.view", "TMF654 prepay balance management")


class PaymentMethod(Shape):
    """How it was paid; `@type` as in TMF676: cash, check, bankCard, bankAccountTransfer, bankAccountDebit, ..."""

    at_type: Annotated[str, Field(max_length=40)]
    name: Annotated[str | None, Field(max_length=100)] = None


class MoneyIn(Shape):
    """An amount handed in; more than two decimals are refused, not rounded."""

    unit: Annotated[str, Field(max_length=3)] = "CNY"
    value: Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)]


class AccountId(Shape):
    """The account that is paid for."""

    id: str


class PaymentCreate(Shape):
    """A payment to post; the correlator makes it safe to send again."""

    correlator_id: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[\x21-\x7e]+$")]
    account: AccountId
    payment_method: PaymentMethod
    total_amount: MoneyIn
    authorization_code: Annotated[str, Field(max_length=60)] = ""


class Payment(Shape):
    """A payment that was posted (TMF676)."""

    id: str
    href: str
    correlator_id: str
    authorization_code: str | None = None
    payment_date: str
    status: str
    account: Ref | None = None
    payment_method: PaymentMethod
    total_amount: Money
    at_type: str = "Payment"


class Quantity(Shape):
    """An amount of a balance."""

    amount: float
    units: str


class Bucket(Shape):
    """Money an account holds for one purpose (TMF654)."""

    id: str
    href: str
    name: str
    usage_type: str = "monetary"
    status: str = "active"
    remaining_value: Quantity
    party_account: Ref
    valid_for: TimePeriod | None = None
    at_type: str = "Bucket"


class AccumulatedBalance(Shape):
    """What an account has right now (TMF654): cash and gifts, less what is owed and what was used."""

    id: str
    href: str
    name: str = "balance right now"
    total_balance: Quantity
    bucket: list[Ref]
    party_account: Ref
    at_type: str = "AccumulatedBalance"


def _account_ref(account_id: int) -> Ref:
    return Ref(id=str(account_id), href=f"{ACCOUNT}/{account_id}", at_referred_type="BillingAccount")


def _payment(row: PaymentView) -> Payment:
    known = {means: word for word, means in MEANS.items()}
    return Payment(
        id=str(row.payment_id),
        href=f"{PAYMENT}/{row.payment_id}",
        correlator_id=row.serial_no.partition(":")[2] or row.serial_no,
        authorization_code=row.reference or None,
        payment_date=row.at.isoformat(),
        status={"POSTED": "done", "SUSPENDED": "pendingAuthorization", "REVERSED": "cancelled"}[row.state],
        account=None if row.account_id is None else _account_ref(row.account_id),
        payment_method=PaymentMethod(at_type=known.get(row.means, row.means), name=row.means),
        total_amount=money(row.paid_fen),
    )


def _known_account(account_id: str) -> int:
    wanted = whole_number(account_id, "account")
    try:
        return customers.account_row(account_id=wanted).account_id
    except AccountUnknown as unknown:
        raise Refusal(404, "notFound", "no such account") from unknown


@payment_router.get("/payment", response=answers(list[Payment]), operation_id="listPayment")
def list_payment(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    account_id: str = Query(alias="account.id"),
) -> Any:
    """The payments of one account, the newest first, refunds below zero."""
    del request
    rows = receivables.payments_of_account(account_id=_known_account(account_id))
    return listed(response, paging, [_payment(row) for row in paging.part(rows)], len(rows))


@payment_router.get("/payment/{payment_id}", response=answers(Payment), operation_id="retrievePayment")
def retrieve_payment(request: HttpRequest, payment_id: str, fields: str | None = None) -> Any:
    """One payment."""
    del request
    try:
        return chosen(_payment(receivables.payment_view(payment_id=whole_number(payment_id, "payment"))), fields)
    except PaymentUnknown as unknown:
        raise Refusal(404, "notFound", "no such payment") from unknown


@payment_router.post(
    "/payment",
    response={201: Payment, **FAILURES},
    auth=Holder("receivables.collect"),
    operation_id="createPayment",
)
def create_payment(request: HttpRequest, given: PaymentCreate) -> Any:
    """Post a payment and clear what it pays; sent again with the same correlator it is posted once."""
    caller: Caller = request.auth
    account_id = _known_account(given.account.id)
    means = MEANS.get(given.payment_method.at_type.lower())
    if means is None:
        raise Refusal(400, "unknownMethod", f"paymentMethod.@type is one of {', '.join(MEANS)}")
    if given.total_amount.unit != "CNY":
        raise Refusal(400, "unknownCurrency", "amounts are in CNY")
    try:
        taken = take_payment.take(
            account_id=account_id,
            paid_fen=int(given.total_amount.value * 100),
            means=means,
            channel="WEB",
            serial_no=f"{caller.client_id}:{given.correlator_id}",
            at=clock.now(),
            staff_id=caller.staff_id,
            reference=given.authorization_code,
        )
    except SerialNumberUsed as used:
        raise Refusal(409, "correlatorUsed", "this correlatorId belongs to another payment") from used
    except (MeansUnknown, AmountWrong) as wrong:
        raise Refusal(400, "malformed", str(wrong)) from wrong
    return 201, _payment(receivables.payment_view(payment_id=taken.posted.payment_id))


def _bucket(row: MoneyHeld, account_id: int) -> Bucket:
    return Bucket(
        id=str(row.bucket_id),
        href=f"{BUCKET}?partyAccount.id={account_id}",
        name=row.kind,
        remaining_value=_yuan(row.balance_fen),
        party_account=_account_ref(account_id),
        valid_for=None if row.valid_to_on is None else TimePeriod(end_date_time=midnight(row.valid_to_on)),
    )


def _yuan(amount_fen: int) -> Quantity:
    return Quantity(amount=money(amount_fen).value, units="CNY")


@balance_router.get("/bucket", response=answers(list[Bucket]), operation_id="listBucket")
def list_bucket(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    account_id: str = Query(alias="partyAccount.id"),
) -> Any:
    """The money an account holds, bucket by bucket, deposits too."""
    del request
    known = _known_account(account_id)
    rows = [_bucket(row, known) for row in receivables.owed(account_id=known, at=clock.now()).money]
    return listed(response, paging, paging.part(rows), len(rows))


@balance_router.get(
    "/accumulatedBalance", response=answers(list[AccumulatedBalance]), operation_id="listAccumulatedBalance"
)
def list_accumulated_balance(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    account_id: str = Query(alias="partyAccount.id"),
) -> Any:
    """What an account has right now, to the li, as every channel tells it; below zero = it owes."""
    del request
    known = _known_account(account_id)
    state = tell_balance.of_account(known, at=clock.now())
    whole = AccumulatedBalance(
        id=str(known),
        href=f"{BUCKET.rpartition('/')[0]}/accumulatedBalance?partyAccount.id={known}",
        total_balance=Quantity(amount=yuan_of_li(state.balance_li), units="CNY"),
        bucket=[Ref(id=str(one.bucket_id), name=one.kind) for one in state.owed.money if one.kind != "DEPOSIT"],
        party_account=_account_ref(known),
    )
    return listed(response, paging, paging.part([whole]), 1)
