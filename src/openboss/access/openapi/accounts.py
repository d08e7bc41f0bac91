"""TMF666 account management: who pays, and how."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from openboss.access.openapi.customers import ACCOUNT, party_ref
from openboss.access.openapi.door import (
    Holder,
    Paging,
    PagingQuery,
    Ref,
    Refusal,
    Shape,
    answers,
    chosen,
    listed,
    whole_number,
)
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import AccountRow, AccountUnknown

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
