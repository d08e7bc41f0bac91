"""TMF629 customer management and TMF632 party management: who our customers are, masked; new ones as at the counter."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import Field

from openboss.access.jobs import clock
from openboss.access.openapi import newcomers
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
    TimePeriod,
    answers,
    chosen,
    listed,
    midnight,
    router,
    whole_number,
)
from openboss.access.openapi.newcomers import (
    ContactKnown,
    ContactUpdate,
    IndividualCreate,
    Media,
    OrganizationCreate,
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
    contact_medium: list[ContactKnown] | None = None
    characteristic: list[Characteristic]
    valid_for: TimePeriod
    at_type: str = "Customer"


class PartyGiven(Shape):
    """The person or organisation that is meant."""

    id: Annotated[str, Field(max_length=20)]


class CustomerCreate(Shape):
    """A party that becomes a customer, by the name the caller has for it, and how it is reached."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=WORDS)]
    engaged_party: PartyGiven
    contact_medium: Media = []


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
    return chosen(_whole(customer_of(customer_id)), fields)


def _whole(row: CustomerRow) -> Customer:
    """A customer with their accounts, and which contacts there are."""
    shape = _customer(row)
    shape.account = [
        Ref(id=str(one), href=f"{ACCOUNT}/{one}", name=row.name_masked, at_referred_type="BillingAccount")
        for one in customers.account_ids_of(customer_id=row.customer_id)
    ]
    labels = customers.contact_labels_of(customer_id=row.customer_id, at=clock.now())
    shape.contact_medium = newcomers.contacts_known(labels)
    return shape


@customer_router.post(
    "/customer",
    response={201: Customer, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="createCustomer",
)
def create_customer(request: HttpRequest, given: CustomerCreate) -> Any:
    """Make a party (TMF632) a customer: here each is one from the moment they are entered; the contacts are noted."""
    row = customer_of(given.engaged_party.id)
    newcomers.note_contacts(request.auth, row.customer_id, given.contact_medium)
    return 201, _whole(row)


@customer_router.patch(
    "/customer/{customer_id}",
    response={200: Customer, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="patchCustomer",
)
def patch_customer(request: HttpRequest, customer_id: str, given: ContactUpdate) -> Any:
    """Change how a customer is reached. Name, document and class change by an order at the counter (HAL-13)."""
    row = customer_of(customer_id)
    newcomers.note_contacts(request.auth, row.customer_id, given.contact_medium)
    return _whole(row)


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


@party_router.post(
    "/individual",
    response={200: Party, 201: Party, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="createIndividual",
)
def create_individual(request: HttpRequest, given: IndividualCreate) -> Any:
    """Enter a person with an account, as the counter does; 200: the document is known, nothing was changed."""
    return _entered(request.auth, "INDIVIDUAL", given.name, given.individual_identification[0], given.contact_medium)


@party_router.post(
    "/organization",
    response={200: Party, 201: Party, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="createOrganization",
)
def create_organization(request: HttpRequest, given: OrganizationCreate) -> Any:
    """Enter an organisation with an account, as the counter does; 200: it is known, nothing was changed."""
    return _entered(
        request.auth, "UNIT", given.trading_name, given.organization_identification[0], given.contact_medium
    )


def _entered(caller: Caller, kind: str, name: str, document: Any, media: Media) -> tuple[int, Party]:
    status, customer_id = newcomers.enter(caller, kind=kind, name=name, document=document, media=media)
    row = customers.customer_row(customer_id=customer_id)
    return status, _party(row.customer_id, row.kind, row.name_masked)


def _party(customer_id: int, kind: str, name: str) -> Party:
    ref = party_ref(customer_id, kind, name)
    named = {"full_name": name} if kind == "INDIVIDUAL" else {"name": name}
    return Party(id=ref.id, href=ref.href or "", status="validated", at_type=KINDS[kind], **named)
