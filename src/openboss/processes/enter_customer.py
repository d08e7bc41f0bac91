"""Somebody new at the counter: one golden record a document, an account, ways to reach them (HAL-01, D1.5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from openboss.modules.customers import functions as customers


@dataclass(frozen=True)
class CustomerEntered:
    """The customer of a document, and whether they are new."""

    customer_id: int
    is_new: bool


@transaction.atomic
def enter(
    *,
    kind: str,
    name: str,
    cert_type: str,
    cert_no: str,
    pay_method: str,
    language: str,
    contacts: Mapping[str, str],
    org_code: str,
    at: datetime,
    staff_id: int | None,
) -> CustomerEntered:
    """Give the one customer with this document; a new one gets an account and the contacts that were said.

    contacts  kind (PHONE, EMAIL, ADDRESS) -> what it is; empty ones are left out
    Raises DocumentWrong.
    """
    own = {"at": at, "staff_id": staff_id}
    customer_id = customers.find_or_create_customer(
        kind=kind, name=name, cert_type=cert_type, cert_no=cert_no, org_code=org_code, **own
    )
    if customers.accounts_of_customer(customer_id=customer_id):
        return CustomerEntered(customer_id, is_new=False)
    customers.open_account(customer_id=customer_id, pay_method=pay_method, language=language, layout="STANDARD", **own)
    for contact, value in contacts.items():
        if value:
            customers.put_contact(customer_id=customer_id, kind=contact, label="HOME", value=value, **own)
    return CustomerEntered(customer_id, is_new=True)
