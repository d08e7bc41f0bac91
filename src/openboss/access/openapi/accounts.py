"""TMF666 account management: who pays, and how; a further account of a customer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import Field

from openboss.access.jobs import clock
from openboss.access.openapi.customers import ACCOUNT, PartyGiven, customer_of, party_ref
from openboss.access.openapi.door import (
    FAILURES,
    WORDS,
    Caller,
    Holder,
    Paging,
    PagingQuery,
    Ref,
    Refusal,
    Shape,
    answers,
    chosen,
    listed,
    serial_no_of,
    whole_number,
)
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import AccountRow, AccountUnknown
from openboss.modules.system.functions import SerialNumberUsed
from openboss.processes import enter_customer

account_router = Router(
    by_alias=True, exclude_none=True, auth=Holder("customers.view"), tags=["TMF666 account management"]
)


class BillingAccount(Shape):
    """An account that pays bills (TMF666)."""

    id: str
    href: str
    name: str
    account_type: str
    related_party: list[Ref]
    at_type: str = "BillingAccount"


class BillingAccountCreate(Shape):
    """A further account of a customer; the caller's own name for it makes it safe to send again."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=WORDS)]
    related_party: Annotated[list[PartyGiven], Field(min_length=1, max_length=1)]
    account_type: Literal["CASH", "DIRECT_DEBIT"] = "CASH"


def _account(row: AccountRow) -> BillingAccount:
    return BillingAccount(
        id=str(row.account_id),
        href=f"{ACCOUNT}/{row.account_id}",
        name=row.name_masked,
        account_type=row.pay_method,
        related_party=[party_ref(row.customer_id, row.customer_kind, row.name_masked)],
    )


@account_router.get("/billingAccount", response=answers(list[BillingAccount]), operation_id="listBillingAccount")
def list_billing_account(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    party_id: str | None = Query(None, alias="relatedParty.id"),
    account_type: str | None = Query(None, alias="accountType"),
) -> Any:
    """Accounts, of one customer or of all; `accountType` is the means of payment (CASH, DIRECT_DEBIT ...)."""
    del request
    rows, total = customers.list_accounts(
        customer_id=None if party_id is None else whole_number(party_id, "customer"),
        pay_method=account_type,
        page=paging.page(),
        page_size=paging.limit,
    )
    return listed(response, paging, [_account(row) for row in rows], total)


@account_router.get(
    "/billingAccount/{account_id}", response=answers(BillingAccount), operation_id="retrieveBillingAccount"
)
def retrieve_billing_account(request: HttpRequest, account_id: str, fields: str | None = None) -> Any:
    """One account."""
    del request
    try:
        row = customers.account_row(account_id=whole_number(account_id, "account"))
    except AccountUnknown as unknown:
        raise Refusal(404, "notFound", "no such account") from unknown
    return chosen(_account(row), fields)


@account_router.post(
    "/billingAccount",
    response={201: BillingAccount, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="createBillingAccount",
)
def create_billing_account(request: HttpRequest, given: BillingAccountCreate) -> Any:
    """Open an account of a customer; the same name for the same customer again is the same account."""
    row = customer_of(given.related_party[0].id)
    return 201, _account(open_one_more(request.auth, row.customer_id, given.name, given.account_type))


def open_one_more(caller: Caller, customer_id: int, name: str, pay_method: str) -> AccountRow:
    """Open an account once under the name a caller has for it. Raises Refusal (409) where it pays another way."""
    try:
        account_id = enter_customer.open_one_more(
            serial_no=serial_no_of(caller, "ACCOUNT", f"{customer_id} {name}"),
            customer_id=customer_id,
            pay_method=pay_method,
            language="zh",
            at=clock.now(),
            staff_id=caller.staff_id,
        )
    except SerialNumberUsed as used:
        raise Refusal(409, "accountDifferent", "an account of this name pays in another way") from used
    return customers.account_row(account_id=account_id)
