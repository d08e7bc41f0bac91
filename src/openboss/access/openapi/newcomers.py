"""What other systems say of somebody new: a person or organisation by their document, and how they are reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from openboss.access.jobs import clock
from openboss.access.openapi.door import WORDS, Caller, Refusal, Shape
from openboss.modules.customers.functions import DocumentWrong
from openboss.processes import enter_customer
from openboss.processes.enter_customer import ContactSaid

MEDIA = {"PHONE": "TelephoneNumber", "EMAIL": "EmailAddress", "ADDRESS": "MailingAddress"}
ADDRESS = ("country", "post_code", "state_or_province", "city", "street1", "street2")

Line = Annotated[str | None, Field(max_length=80, pattern=WORDS)]


class MediumCharacteristic(Shape):
    """What a contact is: a number, an address by mail, or a place."""

    contact_type: Literal["HOME", "WORK"] = "HOME"
    phone_number: Annotated[str | None, Field(max_length=24, pattern=r"^\+?[0-9 -]{3,24}$")] = None
    email_address: Annotated[str | None, Field(max_length=120, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")] = None
    country: Line = None
    post_code: Line = None
    state_or_province: Line = None
    city: Line = None
    street1: Line = None
    street2: Line = None


class ContactMedium(Shape):
    """One way to reach a customer, which takes the place of the one of the same kind and `contactType`."""

    medium_type: Literal["TelephoneNumber", "EmailAddress", "MailingAddress"]
    characteristic: MediumCharacteristic

    @model_validator(mode="after")
    def _says_what_it_is(self) -> ContactMedium:
        if not self.said().value:
            raise ValueError(f"a {self.medium_type} needs its characteristic")
        return self

    def said(self) -> ContactSaid:
        """The contact in the words of the counter; places from the largest to the smallest."""
        told = self.characteristic
        values = {"PHONE": told.phone_number, "EMAIL": told.email_address}
        values["ADDRESS"] = " ".join(line for line in (getattr(told, name) for name in ADDRESS) if line)
        kind = next(kind for kind, word in MEDIA.items() if word == self.medium_type)
        return ContactSaid(kind, told.contact_type, (values[kind] or "").strip()[:200])


class ContactKnown(Shape):
    """That there is a contact of a kind; what it is, is shown at the counter alone, for a reason (D23.2)."""

    medium_type: str
    characteristic: dict[str, str]


Media = Annotated[list[ContactMedium], Field(max_length=10)]


class ContactUpdate(Shape):
    """What may change of a customer without an order: how they are reached."""

    model_config = ConfigDict(extra="forbid")

    contact_medium: Annotated[list[ContactMedium], Field(min_length=1, max_length=10)]


class PersonIdentification(Shape):
    """A person's document."""

    identification_type: Literal["ID_CARD", "PASSPORT"]
    identification_id: Annotated[str, Field(min_length=1, max_length=24, pattern=r"^[0-9A-Za-z]+$")]


class UnitIdentification(Shape):
    """An organisation's document."""

    identification_type: Literal["CREDIT_CODE", "LICENCE"]
    identification_id: Annotated[str, Field(min_length=1, max_length=24, pattern=r"^[0-9A-Za-z]+$")]


class IndividualCreate(Shape):
    """A person who is new; the document makes it safe to send again."""

    family_name: Annotated[str, Field(min_length=1, max_length=40, pattern=WORDS)]
    given_name: Annotated[str, Field(min_length=1, max_length=40, pattern=WORDS)]
    individual_identification: Annotated[list[PersonIdentification], Field(min_length=1, max_length=1)]
    contact_medium: Media = []

    @property
    def name(self) -> str:
        """The name as it is written: Chinese without a space, family name first."""
        if self.family_name.isascii():
            return f"{self.given_name} {self.family_name}"
        return f"{self.family_name}{self.given_name}"


class OrganizationCreate(Shape):
    """An organisation that is new; the document makes it safe to send again."""

    trading_name: Annotated[str, Field(min_length=1, max_length=80, pattern=WORDS)]
    organization_identification: Annotated[list[UnitIdentification], Field(min_length=1, max_length=1)]
    contact_medium: Media = []


def enter(
    caller: Caller,
    *,
    kind: str,
    name: str,
    document: PersonIdentification | UnitIdentification,
    media: Sequence[ContactMedium],
) -> tuple[int, int]:
    """Enter somebody as the counter does; the status of the answer and who it is. Raises Refusal."""
    try:
        entered = enter_customer.enter(
            kind=kind,
            name=name,
            cert_type=document.identification_type,
            cert_no=document.identification_id,
            pay_method="CASH",
            language="zh",
            contacts=[one.said() for one in media],
            org_code=caller.staff.org_code,
            at=clock.now(),
            staff_id=caller.staff_id,
        )
    except DocumentWrong as wrong:
        raise Refusal(400, "documentWrong", "this cannot be the number of such a document") from wrong
    return 201 if entered.is_new else 200, entered.customer_id


def note_contacts(caller: Caller, customer_id: int, media: Sequence[ContactMedium]) -> None:
    """Write down how a customer is reached, all of it or nothing."""
    said = [one.said() for one in media]
    enter_customer.note_contacts(customer_id=customer_id, contacts=said, at=clock.now(), staff_id=caller.staff_id)


def contacts_known(labels: Sequence[tuple[str, str, Any]]) -> list[ContactKnown] | None:
    """Which contacts there are, without what they say."""
    known = [
        ContactKnown(medium_type=MEDIA[kind], characteristic={"contactType": label})
        for kind, label, _since in labels
        if kind in MEDIA
    ]
    return known or None
