"""Classes of customers as a tree: a condition of what may be bought, what it costs and how one is served (BMC-07)."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from openboss.modules.catalog.atomic import offer_ids
from openboss.modules.customers.atomic.subscribers import OfferUnknown
from openboss.modules.customers.models import Customer, CustomerClass
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.statements import kept_until_written


class ClassUnknown(LookupError):
    """There is no such class of customers."""


class ClassWrong(ValueError):
    """A class stands below another one, never below itself or what is below it."""


@dataclass(frozen=True)
class ClassView:
    """One class: its names, what it stands below, and the offer its users hold by being of it."""

    code: str
    name_zh: str
    name_en: str
    parent: str | None
    offer_id: int | None


@transaction.atomic
def put_class(
    *,
    code: str,
    name_zh: str,
    name_en: str,
    at: datetime,
    parent: str | None = None,
    offer_id: int | None = None,
    staff_id: int | None = None,
) -> bool:
    """Write a class of customers; say whether anything changed.

    offer_id  what every user of the class holds, with its prices and free resources; `processes/class_offers.py`
    Raises ClassUnknown for a parent that is not there, ClassWrong, OfferUnknown.
    """
    if parent is not None and not CustomerClass.objects.filter(code=parent).exists():
        raise ClassUnknown(parent)
    if parent is not None and code in class_path(parent):
        raise ClassWrong(code)
    if offer_id is not None and offer_id not in offer_ids():
        raise OfferUnknown(offer_id)
    values = {"name_zh": name_zh, "name_en": name_en, "parent_id": parent, "offer_id": offer_id}
    if CustomerClass.objects.filter(code=code, **values).exists():
        return False
    CustomerClass.objects.update_or_create(code=code, defaults=values)
    record_audit(
        staff_id=staff_id, action="customers.put_class", object_kind="class", object_id=code, at=at, after=values
    )
    return True


@kept_until_written("customers_customerclass")
def classes() -> dict[str, ClassView]:
    """Every class of customers, by code."""
    return {
        row.code: ClassView(row.code, row.name_zh, row.name_en, row.parent_id, row.offer_id)
        for row in CustomerClass.objects.order_by("code")
    }


def class_path(code: str) -> tuple[str, ...]:
    """A class and those above it, the nearest first; a class nobody wrote down stands alone."""
    known, path = classes(), [code]
    while (found := known.get(path[-1])) is not None and found.parent is not None:
        path.append(found.parent)
    return tuple(path)


def refuse_unknown_class(code: str) -> None:
    """Refuse a class that is not in the tree, where the operator has one. Raises ClassUnknown."""
    known = classes()
    if known and code not in known:
        raise ClassUnknown(code)


def users_of_class_members(*, customer_id: int) -> list[int]:
    """The users of a customer that are not closed: who is concerned when the customer's class changes."""
    customer = Customer.objects.get(pk=customer_id)
    return list(customer.subscribers.filter(life="ACTIVE").order_by("subscriber_id").values_list("pk", flat=True))
