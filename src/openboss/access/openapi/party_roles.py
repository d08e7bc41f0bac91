"""TMF669 party role: in which roles our people and organisations stand to us: who is a customer, who pays."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import Field

from openboss.access.openapi.accounts import open_one_more
from openboss.access.openapi.customers import ACCOUNT, Characteristic, PartyGiven, customer_of, party_ref
from openboss.access.openapi.door import (
    FAILURES,
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
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import AccountRow, AccountUnknown, CustomerRow

ROLE = "/tmf-api/partyRoleManagement/v4/partyRole"
CUSTOMER_ROLE, PAYER_ROLE = "customer", "payer"

role_router = router("customers.view", "TMF669 party role")


class RoleType(Shape):
    """Which role."""

    name: str
    id: str
    at_type: str = "RoleType"


class PartyRole(Shape):
    """A role of a person or an organisation (TMF669); the name is masked (D23.2).

    `customer` is the owner of users, `payer` whoever an account's bills go to.
    """

    id: str
    href: str
    name: str
    status: str = "active"
    role_type: RoleType
    engaged_party: Ref
    account: list[Ref] | None = None
    characteristic: list[Characteristic] | None = None
    valid_for: TimePeriod | None = None
    at_type: str = "PartyRole"


class RoleTypeGiven(Shape):
    """Which role is wanted."""

    name: Annotated[str, Field(max_length=40)]


class PartyRoleCreate(Shape):
    """A role a party shall have: `customer`, or `payer`, which is an account of their own."""

    name: Literal["customer", "payer"]
    role_type: RoleTypeGiven
    engaged_party: PartyGiven


def _role(name: str, number: int, engaged: Ref, **more: Any) -> PartyRole:
    role_id = f"{name}-{number}"
    kind = RoleType(name=name, id=name)
    return PartyRole(id=role_id, href=f"{ROLE}/{role_id}", name=name, role_type=kind, engaged_party=engaged, **more)


def _customer_role(row: CustomerRow) -> PartyRole:
    told = [Characteristic(name="customerClass", value=row.customer_class)]
    engaged = party_ref(row.customer_id, row.kind, row.name_masked)
    valid_for = TimePeriod(start_date_time=midnight(row.created_on))
    return _role(CUSTOMER_ROLE, row.customer_id, engaged, characteristic=told, valid_for=valid_for)


def _payer_role(row: AccountRow) -> PartyRole:
    href = f"{ACCOUNT}/{row.account_id}"
    account = Ref(id=str(row.account_id), href=href, name=row.name_masked, at_referred_type="BillingAccount")
    engaged = party_ref(row.customer_id, row.customer_kind, row.name_masked)
    return _role(PAYER_ROLE, row.account_id, engaged, account=[account])


@role_router.get("/partyRole", response=answers(list[PartyRole]), operation_id="listPartyRole")
def list_party_role(
    request: HttpRequest,
    response: HttpResponse,
    paging: Paging = PagingQuery,
    name: Literal["customer", "payer"] = "customer",
    party_id: str | None = Query(None, alias="engagedParty.id"),
) -> Any:
    """Those who stand in a role, `customer` unless another is named; of one party or of all."""
    del request
    wanted = None if party_id is None else whole_number(party_id, "party")
    if name == PAYER_ROLE:
        payers, total = customers.list_accounts(customer_id=wanted, page=paging.page(), page_size=paging.limit)
        return listed(response, paging, [_payer_role(row) for row in payers], total)
    filters = {"customer_id": party_id or ""}
    rows, total, _sums = customers.list_customers(filters=filters, page=paging.page(), page_size=paging.limit)
    return listed(response, paging, [_customer_role(row) for row in rows], total)


@role_router.get("/partyRole/{role_id}", response=answers(PartyRole), operation_id="retrievePartyRole")
def retrieve_party_role(request: HttpRequest, role_id: str, fields: str | None = None) -> Any:
    """One role: `customer-` with the customer's id, `payer-` with the account's."""
    del request
    name, _, number = role_id.partition("-")
    if name == CUSTOMER_ROLE:
        return chosen(_customer_role(customer_of(number)), fields)
    if name == PAYER_ROLE:
        try:
            row = customers.account_row(account_id=whole_number(number, "account"))
        except AccountUnknown as unknown:
            raise Refusal(404, "notFound", "no such role") from unknown
        return chosen(_payer_role(row), fields)
    raise Refusal(404, "notFound", "no such role")


@role_router.post(
    "/partyRole",
    response={201: PartyRole, **FAILURES},
    auth=Holder("customers.edit"),
    operation_id="createPartyRole",
)
def create_party_role(request: HttpRequest, given: PartyRoleCreate) -> Any:
    """Give a party a role, once: each is a customer already; a payer gets an account (more of them by TMF666)."""
    if given.role_type.name != given.name:
        raise Refusal(400, "roleDifferent", "name and roleType.name say the same")
    row = customer_of(given.engaged_party.id)
    if given.name == CUSTOMER_ROLE:
        return 201, _customer_role(row)
    return 201, _payer_role(open_one_more(request.auth, row.customer_id, PAYER_ROLE, "CASH"))
