"""Somebody new at the counter: one golden record a document, an account, ways to reach them (HAL-01, D1.5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from openboss.modules.customers import functions as customers
from openboss.modules.system import functions as system


class ContactSaid(NamedTuple):
    """A way to reach a customer: PHONE, EMAIL or ADDRESS, at HOME or at WORK, and what it is."""

    kind: str
    label: str
    value: str


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
    contacts: Iterable[ContactSaid],
    org_code: str,
    at: datetime,
    staff_id: int | None,
) -> CustomerEntered:
    """Give the one customer with this document; a new one gets an account and the contacts that were said.

    Raises DocumentWrong.
    """
    own = {"at": at, "staff_id": staff_id}
    customer_id = customers.find_or_create_customer(
        kind=kind, name=name, cert_type=cert_type, cert_no=cert_no, org_code=org_code, **own
    )
    if customers.accounts_of_customer(customer_id=customer_id):
        return CustomerEntered(customer_id, is_new=False)
    customers.open_account(customer_id=customer_id, pay_method=pay_method, language=language, layout="STANDARD", **own)
    note_contacts(customer_id=customer_id, contacts=contacts, **own)
    return CustomerEntered(customer_id, is_new=True)


@transaction.atomic
def note_contacts(*, customer_id: int, contacts: Iterable[ContactSaid], at: datetime, staff_id: int | None) -> None:
    """Write down ways to reach a customer; one of the same kind and label ends, an empty one is left out."""
    for kind, label, value in contacts:
        if value:
            customers.put_contact(
                customer_id=customer_id, kind=kind, label=label, value=value, at=at, staff_id=staff_id
            )


def open_one_more(
    *, serial_no: str, customer_id: int, pay_method: str, language: str, at: datetime, staff_id: int | None
) -> int:
    """Open one more account of a customer, once under a serial number; return its id (D0.4, D1.1).

    Raises SerialNumberUsed for another account under this number.
    """
    wanted = {"customer_id": customer_id, "pay_method": pay_method}
    try:
        with transaction.atomic():
            account_id = customers.open_account(
                **wanted, language=language, layout="STANDARD", at=at, staff_id=staff_id
            )
            answer = {**wanted, "account_id": account_id}
            system.take_serial_no(serial_no=serial_no, purpose="account", at=at, answer=answer)
    except system.SerialNumberUsed:
        answer = system.answer_under(serial_no=serial_no)
        if {name: answer[name] for name in wanted} != wanted:
            raise
    return int(answer["account_id"])
