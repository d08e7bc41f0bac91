"""TMF670 v5 payment method: the bank accounts that customers let us debit, over mandates of direct debit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import Field

from openboss.access.jobs import clock
from openboss.access.openapi.customers import ACCOUNT
from openboss.access.openapi.door import (
    FAILURES,
    Caller,
    Error,
    Holder,
    Paging,
    PagingQuery,
    Refusal,
    Shape,
    TimePeriod,
    answers,
    chosen,
    listed,
    router,
    whole_number,
)
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import AccountUnknown
from openboss.modules.receivables.functions import debit_lists, direct_debit
from openboss.modules.receivables.functions.debit_lists import MandateRow

METHOD = "/tmf-api/paymentMethodManagement/v5/paymentMethod"
STATES: Mapping[str, str] = {"PENDING": "pending", "VERIFIED": "active", "ENDED": "inactive"}
DEBIT = "bankAccountDebit"

method_router = router("receivables.view", "TMF670 payment method")


class AccountRef(Shape):
    """The account that is paid for."""

    id: str
    href: str | None = None
    at_type: str = "AccountRef"
    at_referred_type: str = "BillingAccount"


class PaymentMethod(Shape):
    """A bank account we may debit (TMF670); the number is masked, and pending means the bank has not confirmed it."""

    id: str
    href: str
    name: str
    status: str
    authorization_code: str
    account_number: str
    bank: str
    account: list[AccountRef]
    valid_for: TimePeriod
    at_type: str = DEBIT
    at_base_type: str = "PaymentMethod"


class AccountId(Shape):
    """The account that is to be paid for."""

    id: str


class MethodCreate(Shape):
    """A mandate to take: contract, bank account and its holder, for one account."""

    at_type: Annotated[str, Field(max_length=40)]
    account: Annotated[list[AccountId], Field(min_length=1, max_length=1)]
    authorization_code: Annotated[str, Field(min_length=1, max_length=35, pattern=r"^[0-9A-Za-z-]+$")]
    account_number: Annotated[str, Field(min_length=4, max_length=34, pattern=r"^[0-9A-Z]+$")]
    owner: Annotated[str, Field(min_length=1, max_length=60)]
    bank: Annotated[str, Field(min_length=2, max_length=16, pattern=r"^[0-9A-Z]+$")]


def _method(row: MandateRow) -> PaymentMethod:
    return PaymentMethod(
        id=str(row.mandate_id),
        href=f"{METHOD}/{row.mandate_id}",
        name=f"{row.bank} {row.bank_account_masked[-4:]}",
        status=STATES[row.state],
        authorization_code=row.contract_no,
        account_number=row.bank_account_masked,
        bank=row.bank,
        account=[AccountRef(id=str(row.account_id), href=f"{ACCOUNT}/{row.account_id}")],
        valid_for=TimePeriod(start_date_time=row.since_at.isoformat()),
    )


def _known(method_id: str) -> MandateRow:
    row = debit_lists.mandate_row(mandate_id=whole_number(method_id, "payment method"))
    if row is None:
        raise Refusal(404, "notFound", "no such payment method")
    return row


@method_router.get("/paymentMethod", response=answers(list[PaymentMethod]), operation_id="listPaymentMethod")
def list_methods(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    account_id: str | None = Query(None, alias="account.id"),
) -> Any:
    """Payment methods, the newest first, of one account or of all; those that ended too."""
    del request
    wanted = None if account_id is None else whole_number(account_id, "account")
    rows, total = debit_lists.list_mandates(account_id=wanted, page=paging.page(), page_size=paging.limit)
    return listed(response, paging, [_method(row) for row in rows], total)


@method_router.get("/paymentMethod/{method_id}", response=answers(PaymentMethod), operation_id="retrievePaymentMethod")
def retrieve_method(request: HttpRequest, method_id: str, fields: str | None = None) -> Any:
    """One payment method."""
    del request
    return chosen(_method(_known(method_id)), fields)


@method_router.post(
    "/paymentMethod",
    response={201: PaymentMethod, **FAILURES},
    auth=Holder("receivables.adjust"),
    operation_id="createPaymentMethod",
)
def create_method(request: HttpRequest, given: MethodCreate) -> Any:
    """Take a mandate; it is pending, and not used, until the bank has confirmed it (ACM-29)."""
    caller: Caller = request.auth
    if given.at_type != DEBIT:
        raise Refusal(400, "unknownType", f"@type is {DEBIT}: other methods are not kept for later")
    account_id = whole_number(given.account[0].id, "account")
    try:
        customers.account_row(account_id=account_id)
        mandate_id = direct_debit.open_mandate(
            account_id=account_id,
            contract_no=given.authorization_code,
            bank=given.bank,
            bank_account=given.account_number,
            holder=given.owner,
            at=clock.now(),
            staff_id=caller.staff_id,
        )
    except AccountUnknown as unknown:
        raise Refusal(404, "notFound", "no such account") from unknown
    except direct_debit.MandateExists as exists:
        raise Refusal(409, "mandateExists", "the account has a mandate, or the contract number is used") from exists
    return 201, _method(_known(str(mandate_id)))


@method_router.delete(
    "/paymentMethod/{method_id}",
    response={204: None, 401: Error, 403: Error, 404: Error},
    auth=Holder("receivables.adjust"),
    operation_id="deletePaymentMethod",
)
def delete_method(request: HttpRequest, method_id: str) -> Any:
    """End a mandate; it stays on record as inactive."""
    caller: Caller = request.auth
    row = _known(method_id)
    try:
        direct_debit.end_mandate(
            mandate_id=row.mandate_id, reason="open interface", at=clock.now(), staff_id=caller.staff_id
        )
    except direct_debit.MandateUnknown as ended:
        raise Refusal(404, "notFound", "the payment method has ended already") from ended
    return 204, None
