"""TMF629 customer management and TMF632 party management: who our customers are, masked."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query

from openboss.access.openapi.door import (
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
    router,
    whole_number,
)
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import CustomerRow, CustomerUnknown

CUSTOMER = "/tmf-api/customerManagement/v4/customer"
PARTY = "/tmf-api/party/v4"
ACCOUNT = "/tmf-api/accountManagement/v4/billingAccount"
KINDS = {"INDIVIDUAL": "Individual", "UNIT": "Organization"}

customer_router = router("customers.view", "TMF629 customer management")
party_router = router("customers.view", "TMF632 party management")


class Characteristic(Shape):
    """A name and its value."""

    name: str
    value: str


class Customer(Shape):
    """A customer (TMF629); the name is masked (D23.2)."""

    id: str
    href: str
    name: str
    status: str
    engaged_party: Ref
    account: list[Ref] | None = None
    characteristic: list[Characteristic]
    valid_for: TimePeriod
    at_type: str = "Customer"


class Party(Shape):
    """A person or an organisation (TMF632); the name is masked (D23.2)."""

    id: str
    href: str
    full_name: str | None = None
    name: str | None = None
    status: str
    at_type: str


def party_ref(customer_id: int, kind: str, name: str) -> Ref:
    """A customer's person or organisation."""
    word = KINDS[kind]
    return Ref(
        id=str(customer_id),
        href=f"{PARTY}/{word.lower()}/{customer_id}",
        name=name,
        at_referred_type=word,
        role="customer",
    )


def _customer(row: CustomerRow) -> Customer:
    return Customer(
        id=str(row.customer_id),
        href=f"{CUSTOMER}/{row.customer_id}",
        name=row.name_masked,
        status="Approved",
        engaged_party=party_ref(row.customer_id, row.kind, row.name_masked),
        characteristic=[
            Characteristic(name="customerClass", value=row.customer_class),
            Characteristic(name="vipLevel", value=row.vip_level),
            Characteristic(name="organisation", value=row.org_code),
        ],
        valid_for=TimePeriod(start_date_time=midnight(row.created_on)),
    )


def customer_of(customer_id: str) -> CustomerRow:
    """One customer, masked. Raises Refusal (404)."""
    try:
        return customers.customer_row(customer_id=whole_number(customer_id, "customer"))
    except CustomerUnknown as unknown:
        raise Refusal(404, "notFound", "no such customer") from unknown


@customer_router.get("/customer", response=answers(list[Customer]), operation_id="listCustomer")
def list_customer(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    name: str | None = None,
    party_id: str | None = Query(None, alias="engagedParty.id"),
) -> Any:
    """Customers in the order of their names; `name` begins with Chinese signs, pinyin or initials."""
    del request
    if party_id is not None:
        whole_number(party_id, "party")
    filters = {"name": name or "", "customer_id": party_id or ""}
    rows, total, _sums = customers.list_customers(filters=filters, page=paging.page(), page_size=paging.limit)
    return listed(response, paging, [_customer(row) for row in rows], total)


@customer_router.get("/customer/{customer_id}", response=answers(Customer), operation_id="retrieveCustomer")
def retrieve_customer(request: HttpRequest, customer_id: str, fields: str | None = None) -> Any:
    """One customer with their accounts; a merged id shows the customer it became."""
    del request
    row = customer_of(customer_id)
    shape = _customer(row)
    shape.account = [
        Ref(id=str(account_id), href=f"{ACCOUNT}/{account_id}", at_referred_type="BillingAccount")
        for account_id in customers.account_ids_of(customer_id=row.customer_id)
    ]
    return chosen(shape, fields)


def _open_parties(code: str, name: str) -> None:
    """Give one kind of party its list and its single view."""
    word = name.lower()

    @party_router.get(f"/{word}", response=answers(list[Party]), operation_id=f"list{name}")
    def list_party(
        request: HttpRequest, response: HttpResponse, paging: Paging = PagingQuery, name: str | None = None
    ) -> Any:
        """Persons or organisations in the order of their names; `name` begins with Chinese signs, pinyin, initials."""
        del request
        rows, total, _sums = customers.list_customers(
            filters={"kind": code, "name": name or ""}, page=paging.page(), page_size=paging.limit
        )
        return listed(response, paging, [_party(row.customer_id, row.kind, row.name_masked) for row in rows], total)

    @party_router.get(f"/{word}/{{party_id}}", response=answers(Party), operation_id=f"retrieve{name}")
    def retrieve_party(request: HttpRequest, party_id: str, fields: str | None = None) -> Any:
        """One person or organisation."""
        del request
        who = customer_of(party_id)
        if who.kind != code:
            raise Refusal(404, "notFound", f"no such {word}")
        return chosen(_party(who.customer_id, who.kind, who.name_masked), fields)


for _code, _name in KINDS.items():
    _open_parties(_code, _name)


def _party(customer_id: int, kind: str, name: str) -> Party:
    ref = party_ref(customer_id, kind, name)
    named = {"full_name": name} if kind == "INDIVIDUAL" else {"name": name}
    return Party(id=ref.id, href=ref.href or "", status="validated", at_type=KINDS[kind], **named)
