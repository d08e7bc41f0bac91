"""TMF678 customer bill management: bills, and the rates that make them up."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from openboss.access.openapi.catalog import named
from openboss.access.openapi.customers import ACCOUNT, CUSTOMER
from openboss.access.openapi.door import (
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
    whole_number,
)
from openboss.kernel.periods import next_cycle
from openboss.modules.billing import functions as billing
from openboss.modules.billing.functions import BillNotFound, BillRow

BILL = "/tmf-api/customerBillManagement/v4/customerBill"
RATE = "/tmf-api/customerBillManagement/v4/appliedCustomerBillingRate"

bill_router = Router(
    by_alias=True, exclude_none=True, auth=Holder("billing.view"), tags=["TMF678 customer bill management"]
)


class CustomerBill(Shape):
    """A bill of an account for a cycle (TMF678)."""

    id: str
    href: str
    bill_no: str
    state: str
    bill_date: str
    payment_due_date: str
    billing_period: TimePeriod
    amount_due: Money
    tax_included_amount: Money
    billing_account: Ref
    related_party: list[Ref]
    at_type: str = "CustomerBill"


class AppliedCustomerBillingRate(Shape):
    """What one user of a bill pays for one kind of fee (TMF678)."""

    id: str
    href: str
    name: str
    description: str
    is_billed: bool
    bill: Ref
    product: Ref
    tax_included_amount: Money
    at_type: str = "AppliedCustomerBillingRate"


def _first_day(cycle: int) -> str:
    return midnight(date(cycle // 100, cycle % 100, 1))


def _bill(row: BillRow) -> CustomerBill:
    account_id, customer_id = str(row.account_id), str(row.customer_id)
    end = _first_day(next_cycle(row.cycle))
    payer = Ref(id=customer_id, href=f"{CUSTOMER}/{customer_id}", role="payer", at_referred_type="Customer")
    return CustomerBill(
        id=str(row.bill_id),
        href=f"{BILL}/{row.bill_id}",
        bill_no=row.bill_no,
        state=row.state,
        bill_date=end,
        payment_due_date=midnight(row.due_on),
        billing_period=TimePeriod(start_date_time=_first_day(row.cycle), end_date_time=end),
        amount_due=money(row.total_fen),
        tax_included_amount=money(row.total_fen),
        billing_account=Ref(id=account_id, href=f"{ACCOUNT}/{account_id}", at_referred_type="BillingAccount"),
        related_party=[payer],
    )


@bill_router.get("/customerBill", response=answers(list[CustomerBill]), operation_id="listCustomerBill")
def list_customer_bill(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    account_id: str | None = Query(None, alias="billingAccount.id"),
    party_id: str | None = Query(None, alias="relatedParty.id"),
    state: str | None = None,
) -> Any:
    """Bills, the newest first."""
    del request
    filters = {
        "account_id": account_id and whole_number(account_id, "account"),
        "customer_id": party_id and whole_number(party_id, "customer"),
        "state": state,
    }
    rows, total, _sums = billing.list_bills(filters=filters, page=paging.page(), page_size=paging.limit)
    return listed(response, paging, [_bill(row) for row in rows], total)


@bill_router.get("/customerBill/{bill_id}", response=answers(CustomerBill), operation_id="retrieveCustomerBill")
def retrieve_customer_bill(request: HttpRequest, bill_id: str, fields: str | None = None) -> Any:
    """One bill by its id or the number printed on it."""
    del request
    return chosen(_bill(_found(bill_id).row), fields)


@bill_router.get(
    "/appliedCustomerBillingRate",
    response=answers(list[AppliedCustomerBillingRate]),
    operation_id="listAppliedCustomerBillingRate",
)
def list_applied_customer_billing_rate(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    bill_id: str = Query(alias="bill.id"),
) -> Any:
    """The rates of one bill, by user and kind of fee."""
    del request
    view = _found(bill_id)
    rates = [
        AppliedCustomerBillingRate(
            id=f"{view.row.bill_id}-{part.subscriber_id}-{item.item_id}",
            href=f"{RATE}?bill.id={view.row.bill_id}",
            name=named({"zh": item.names.zh, "en": item.names.en}),
            description=item.code,
            is_billed=view.released,
            bill=Ref(id=str(view.row.bill_id), href=f"{BILL}/{view.row.bill_id}", at_referred_type="CustomerBill"),
            product=Ref(id=str(part.subscriber_id), at_referred_type="Subscriber"),
            tax_included_amount=money(item.due_fen),
        )
        for part in view.users
        for group in part.groups
        for item in group.items
    ]
    return listed(response, paging, paging.part(rates), len(rates))


def _found(bill_id: str) -> billing.BillView:
    try:
        return billing.bill(whole_number(bill_id, "bill"))
    except BillNotFound as unknown:
        raise Refusal(404, "notFound", "no such bill") from unknown
