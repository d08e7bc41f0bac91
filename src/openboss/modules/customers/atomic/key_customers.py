"""Key customers: who looks after each, and whose birthday it is (BMV-04)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Q

from openboss.modules.customers.atomic.questions import CustomerUnknown
from openboss.modules.customers.masking import mask_name
from openboss.modules.customers.models import Customer, CustomerManager
from openboss.modules.system.atomic import record_audits


@dataclass(frozen=True)
class BirthdayRow:
    """A key customer whose birthday it is; `manager_id` None: nobody looks after them yet."""

    customer_id: int
    name_masked: str
    vip_level: str
    org_code: str
    age: int
    manager_id: int | None


@transaction.atomic
def give_to_manager(*, customer_ids: Collection[int], manager_id: int, at: datetime, staff_id: int | None) -> int:
    """Let a member of staff look after key customers from now on; return how many went from somebody else or nobody.

    Raises CustomerUnknown if one of them is no key customer; nobody changes hands then.
    """
    rows = Customer.objects.select_for_update().filter(customer_id__in=customer_ids, merged_into=None)
    known = set(rows.exclude(vip_level="NONE").values_list("customer_id", flat=True))
    if unknown := sorted(set(customer_ids) - known):
        raise CustomerUnknown(unknown[0])
    before = managers_of(customer_ids=known, at=at)
    moved = sorted(one for one in known if before.get(one) != manager_id)
    for row in CustomerManager.objects.filter(customer_id__in=moved, period__contains=at):
        CustomerManager.objects.filter(pk=row.pk).update(period=DateTimeTZRange(row.period.lower, at))
    period = DateTimeTZRange(at, None)
    CustomerManager.objects.bulk_create(
        CustomerManager(customer_id=one, manager_id=manager_id, period=period) for one in moved
    )
    after = [(one, {"manager_id": manager_id, "before": before.get(one)}) for one in moved]
    record_audits(staff_id=staff_id, action="customers.give_to_manager", object_kind="customer", at=at, after=after)
    return len(moved)


def managers_of(*, customer_ids: Collection[int], at: datetime) -> dict[int, int]:
    """Say who looks after customers at a moment; those nobody looks after are missing."""
    rows = CustomerManager.objects.filter(customer_id__in=customer_ids, period__contains=at)
    return dict(rows.values_list("customer_id", "manager_id"))


def birthday_list(*, day: date, at: datetime) -> list[BirthdayRow]:
    """List the key customers whose birthday is on a day with who looks after them; 29 February is kept on the 28th."""
    born = Q(born_on__month=day.month, born_on__day=day.day)
    if (day.month, day.day) == (2, 28) and not _is_leap(day.year):
        born |= Q(born_on__month=2, born_on__day=29)
    people = list(
        Customer.objects.filter(born, kind="INDIVIDUAL", merged_into=None)
        .exclude(vip_level="NONE")
        .order_by("customer_id")
    )
    managers = managers_of(customer_ids=[one.pk for one in people], at=at)
    return [
        BirthdayRow(
            one.customer_id,
            mask_name(one.name, kind=one.kind),
            one.vip_level,
            one.org_code,
            day.year - one.born_on.year,
            managers.get(one.customer_id),
        )
        for one in people
    ]


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
