"""What prices and offers may ask of a user beyond products: numbers of the user's own choice, certificates."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from openboss.modules.customers.atomic.questions import CustomerUnknown
from openboss.modules.customers.atomic.subscribers import StateForbids, audit_subscriber, locked
from openboss.modules.customers.life import ACTIVE
from openboss.modules.customers.masking import mask_document
from openboss.modules.customers.models import Certificate, Customer, ListedNumber, NumberPeriod
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.statements import ask


@dataclass(frozen=True)
class ListedView:
    """A number of a user's own choice: from when, and until when if it ends."""

    number: int
    from_at: datetime
    to_at: datetime | None


@dataclass(frozen=True)
class CertificateView:
    """A certificate a customer has shown; `to_on` is the first day it is no longer valid."""

    certificate_id: int
    kind: str
    number_masked: str
    from_on: date
    to_on: date | None


class NumberNotListable(ValueError):
    """This number cannot stand on a user's list: it is their own, or not a number in E.164 digits."""


class TooManyListed(Exception):
    """The user's list of numbers is full; take one off first."""


class CertificateWrong(ValueError):
    """A certificate needs a kind, a number and a last day after its first."""


@transaction.atomic
def change_listed_numbers(
    *,
    subscriber_id: int,
    add: list[int],
    remove: list[int],
    at_most: int,
    from_at: datetime,
    at: datetime,
    staff_id: int | None,
) -> list[int]:
    """Change the numbers a user has chosen (friends) from a moment on; return those that stand then.

    What stands there already stays, what does not stand there need not be removed, and what other changes wrote ahead
    for later days comes all the same. Raises SubscriberUnknown, StateForbids, NumberNotListable, TooManyListed; then
    nothing was changed. Source: issue 3 section 1 (friends).
    """
    subscriber = locked(subscriber_id)
    if subscriber.life != ACTIVE:
        raise StateForbids(subscriber.life)
    before = listed_numbers(subscriber_id=subscriber_id, at=from_at)
    after = refuse_listing(subscriber_id=subscriber_id, add=add, remove=remove, at_most=at_most, at=from_at)
    _take_off(subscriber_id, set(remove) - set(add), from_at)
    standing = _put_back(subscriber_id, add, from_at)
    period = DateTimeTZRange(from_at, None)
    ListedNumber.objects.bulk_create(
        ListedNumber(subscriber=subscriber, number=number, period=period) for number in sorted(set(add) - standing)
    )
    audit_subscriber(
        "customers.change_listed_numbers",
        subscriber_id,
        at,
        staff_id,
        before={"numbers": before},
        after={"numbers": after, "from_at": from_at.isoformat()},
    )
    return after


def _take_off(subscriber_id: int, numbers: set[int], from_at: datetime) -> None:
    """End numbers at a moment; those that were to begin later never begin."""
    rows = ListedNumber.objects.filter(subscriber_id=subscriber_id, number__in=numbers)
    rows.filter(period__startswith__gte=from_at).delete()
    for row in rows.filter(period__contains=from_at):
        rows.filter(pk=row.pk).update(period=DateTimeTZRange(row.period.lower, from_at))


def _put_back(subscriber_id: int, numbers: list[int], from_at: datetime) -> set[int]:
    """Let numbers that stand at a moment stand without end, and name them."""
    rows = ListedNumber.objects.filter(subscriber_id=subscriber_id, number__in=numbers)
    rows.filter(period__startswith__gt=from_at).delete()
    standing = list(rows.filter(period__contains=from_at))
    for row in standing:
        rows.filter(pk=row.pk).update(period=DateTimeTZRange(row.period.lower, None))
    return {row.number for row in standing}


def refuse_listing(*, subscriber_id: int, add: list[int], remove: list[int], at_most: int, at: datetime) -> list[int]:
    """Say which numbers would stand on a user's list at a moment.

    Raises NumberNotListable, and TooManyListed for what is too much then or together with what begins later.
    """
    own = set(
        NumberPeriod.objects.filter(subscriber_id=subscriber_id, period__contains=at).values_list("number", flat=True)
    )
    wrong = [number for number in add if number in own or not 100 <= number < 10**15]
    if wrong:
        raise NumberNotListable(wrong[0])
    later = ListedNumber.objects.filter(subscriber_id=subscriber_id, period__startswith__gt=at)
    afterwards = [
        sorted((set(listed_numbers(subscriber_id=subscriber_id, at=moment)) - set(remove)) | set(add))
        for moment in (at, *{row.period.lower for row in later})
    ]
    if max(map(len, afterwards)) > at_most:
        raise TooManyListed(at_most)
    return afterwards[0]


def listed_numbers(*, subscriber_id: int, at: datetime) -> list[int]:
    """Name the numbers a user has chosen at a moment, in rising order."""
    rows = ListedNumber.objects.filter(subscriber_id=subscriber_id, period__contains=at)
    return sorted(rows.values_list("number", flat=True))


def listed_history(*, subscriber_id: int) -> list[ListedView]:
    """Show every number a user ever chose, the newest first."""
    rows = ListedNumber.objects.filter(subscriber_id=subscriber_id).order_by("-period", "number")
    return [ListedView(row.number, row.period.lower, row.period.upper) for row in rows]


@transaction.atomic
def add_certificate(
    *,
    customer_id: int,
    kind: str,
    number: str,
    from_on: date,
    to_on: date | None,
    at: datetime,
    staff_id: int | None,
) -> int:
    """Write down that a customer has shown a certificate, valid from a day up to another; return its id.

    kind    as documents ask for it: DISABILITY, STUDENT ...; the number is kept masked
    Raises CustomerUnknown, CertificateWrong for a missing kind or number, days that are none, one shown before.
    Source: BMT-07, ACP-09.
    """
    if not Customer.objects.filter(pk=customer_id).exists():
        raise CustomerUnknown(customer_id)
    if not kind or not number or (to_on is not None and to_on <= from_on):
        raise CertificateWrong(kind)
    row = Certificate(
        customer_id=customer_id, kind=kind, number_masked=mask_document(number), from_on=from_on, to_on=to_on
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as shown:
        raise CertificateWrong(kind) from shown
    record_audit(
        staff_id=staff_id,
        action="customers.add_certificate",
        object_kind="customer",
        object_id=customer_id,
        at=at,
        after={"kind": kind, "from_on": from_on.isoformat()},
    )
    return row.certificate_id


def certificates_of(*, customer_id: int, on: date) -> frozenset[str]:
    """Name the kinds of certificate a customer has on a day."""
    found = ask(
        "SELECT kind FROM customers_certificate WHERE customer_id = %s::bigint AND from_on <= %s::date"
        " AND (to_on IS NULL OR to_on > %s::date)",
        [customer_id, on, on],
    )
    return frozenset(kind for (kind,) in found)


def list_certificates(*, customer_id: int) -> list[CertificateView]:
    """Show every certificate a customer has shown, the newest first."""
    rows = Certificate.objects.filter(customer_id=customer_id).order_by("-from_on", "-certificate_id")
    return [CertificateView(row.pk, row.kind, row.number_masked, row.from_on, row.to_on) for row in rows]
