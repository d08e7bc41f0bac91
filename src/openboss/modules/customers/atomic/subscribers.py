"""Users come to be and change hands: opening, pre-opening, first use, number, SIM card, owner (D1, D2.3)."""

from collections.abc import Collection
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange

from openboss.modules.catalog.atomic import offer_ids
from openboss.modules.customers.atomic.effective import SubscriberUnknown
from openboss.modules.customers.atomic.network import tell_network
from openboss.modules.customers.life import ACTIVE, PREOPENED
from openboss.modules.customers.models import (
    Holding,
    NumberPeriod,
    PaymentRelation,
    PlannedOpening,
    SimPeriod,
    StateChange,
    Subscriber,
)
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.rows import add_row, row_of
from openboss.modules.system.statements import ask


class OfferUnknown(LookupError):
    """There is no such offer in the catalog, or it is not of the kind that is needed here."""


class NumberTaken(Exception):
    """The number has another user at that time."""


class SimTaken(Exception):
    """The SIM card has another user at that time."""


class StateForbids(Exception):
    """The user's state does not allow this; the message says which state (D2.3)."""


class StopsForbid(Exception):
    """This is not done while the service is stopped; clear every stop reason first (D2.3)."""


def operator_day(at: datetime) -> date:
    """The day of a moment on the operator's calendar."""
    return at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()


def next_month_start(at: datetime) -> datetime:
    """The moment at which the next cycle begins on the operator's calendar."""
    local = at.astimezone(ZoneInfo(settings.TIME_ZONE))
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    return datetime(year, month, 1, tzinfo=local.tzinfo)


def cycle_of(at: datetime) -> int:
    """The cycle (202610) in which a moment lies."""
    local = at.astimezone(ZoneInfo(settings.TIME_ZONE))
    return local.year * 100 + local.month


@transaction.atomic
def open_subscriber(
    *,
    customer_id: int,
    service_type: str,
    brand: str,
    home_area: int,
    pay_type: str,
    number: int,
    iccid: str,
    imsi: int,
    main_offer_id: int,
    first_month: str,
    account_id: int,
    at: datetime,
    staff_id: int | None,
    predecessor_id: int | None = None,
) -> int:
    """Open a user with number, SIM card, main offer and the account that pays the rest; return the id.

    Raises OfferUnknown, NumberTaken, SimTaken. Source: D2.3, ARC-11.
    """
    subscriber = Subscriber(
        customer_id=customer_id,
        service_type=service_type,
        brand=brand,
        home_area=home_area,
        pay_type=pay_type,
        opened_at=at,
        life=ACTIVE,
        predecessor_id=predecessor_id,
    )
    _join(subscriber, number, iccid, imsi, main_offer_id, account_id, at)
    _begin_main_offer(subscriber, main_offer_id, first_month, at)
    add_row(StateChange(subscriber=subscriber, state=ACTIVE, event="OPEN", at=at))
    tell_network(subscriber_id=subscriber.subscriber_id, at=at)
    audit_subscriber(
        "customers.open_subscriber",
        subscriber.subscriber_id,
        at,
        staff_id,
        after={"customer_id": customer_id, "number": number, "offer_id": main_offer_id, "account_id": account_id},
    )
    return subscriber.subscriber_id


@transaction.atomic
def pre_open_subscriber(
    *,
    customer_id: int,
    service_type: str,
    brand: str,
    home_area: int,
    pay_type: str,
    number: int,
    iccid: str,
    imsi: int,
    main_offer_id: int,
    first_month: str,
    account_id: int,
    at: datetime,
    staff_id: int | None,
) -> int:
    """Pair number and card of a user who is not in service yet: nothing is charged until the first use.

    Raises OfferUnknown, NumberTaken, SimTaken. Source: D2.1, D2.3.
    """
    subscriber = Subscriber(
        customer_id=customer_id,
        service_type=service_type,
        brand=brand,
        home_area=home_area,
        pay_type=pay_type,
        opened_at=at,
        life=PREOPENED,
    )
    _join(subscriber, number, iccid, imsi, main_offer_id, account_id, at)
    PlannedOpening.objects.create(subscriber=subscriber, offer_id=main_offer_id, first_month=first_month)
    StateChange.objects.create(subscriber=subscriber, state=PREOPENED, event="PRE_OPEN", at=at)
    after = {"customer_id": customer_id, "number": number, "offer_id": main_offer_id, "account_id": account_id}
    audit_subscriber("customers.pre_open_subscriber", subscriber.subscriber_id, at, staff_id, after=after)
    return subscriber.subscriber_id


def _join(
    subscriber: Subscriber, number: int, iccid: str, imsi: int, main_offer_id: int, account_id: int, at: datetime
) -> None:
    """Make a user with the number, the card and the payer that every user has."""
    if offer_ids().get(main_offer_id) != "MAIN":
        raise OfferUnknown(main_offer_id)
    add_row(subscriber)
    period = DateTimeTZRange(at, None)
    guarded(NumberTaken, NumberPeriod(subscriber=subscriber, number=number, period=period))
    guarded(SimTaken, SimPeriod(subscriber=subscriber, iccid=iccid, imsi=imsi, period=period))
    cycles = NumericRange(cycle_of(at), None)
    add_row(PaymentRelation(subscriber=subscriber, account_id=account_id, item_scope="ALL", mode="REST", cycles=cycles))


def _begin_main_offer(subscriber: Subscriber, offer_id: int, first_month: str, at: datetime) -> None:
    period = DateTimeTZRange(at, None)
    add_row(Holding(subscriber=subscriber, offer_id=offer_id, kind="MAIN", first_month=first_month, period=period))


@transaction.atomic
def activate_subscriber(*, subscriber_id: int, customer_id: int | None, at: datetime, staff_id: int | None) -> None:
    """Put a pre-opened user into service at the first use: the plan and its rent begin now.

    customer_id  the customer whose document was checked at the first use; None = the one of the pre-opening
    Raises SubscriberUnknown, StateForbids. Source: D2.3, D14.1.
    """
    subscriber = locked(subscriber_id)
    if subscriber.life != PREOPENED:
        raise StateForbids(subscriber.life)
    planned = PlannedOpening.objects.get(subscriber=subscriber)
    _begin_main_offer(subscriber, planned.offer_id, planned.first_month, at)
    owner = customer_id or subscriber.customer_id
    Subscriber.objects.filter(pk=subscriber_id).update(life=ACTIVE, opened_at=at, customer_id=owner)
    StateChange.objects.create(subscriber=subscriber, state=ACTIVE, event="ACTIVATE", remove_tag=0, at=at)
    tell_network(subscriber_id=subscriber_id, at=at)
    after = {"offer_id": planned.offer_id, "customer_id": owner}
    audit_subscriber("customers.activate_subscriber", subscriber_id, at, staff_id, after=after)


@transaction.atomic
def succeed_subscriber(
    *,
    subscriber_id: int,
    customer_id: int,
    account_id: int,
    main_offer_id: int,
    first_month: str,
    at: datetime,
    staff_id: int | None,
) -> int:
    """Open the user of a new owner with number and card of one who was just terminated by transfer; return the id.

    Points, passwords, agreements and detail stay with the old user. Raises OfferUnknown, StateForbids, NumberTaken,
    SimTaken. Source: D1.4.
    """
    old = locked(subscriber_id)
    if old.remove_tag != 6 or old.closed_at != at:
        raise StateForbids(old.life)
    number = NumberPeriod.objects.filter(subscriber=old).order_by("-period").first()
    card = SimPeriod.objects.filter(subscriber=old).order_by("-period").first()
    assert number and card
    return open_subscriber(
        customer_id=customer_id,
        service_type=old.service_type,
        brand=old.brand,
        home_area=old.home_area,
        pay_type=old.pay_type,
        number=number.number,
        iccid=card.iccid,
        imsi=card.imsi,
        main_offer_id=main_offer_id,
        first_month=first_month,
        account_id=account_id,
        at=at,
        staff_id=staff_id,
        predecessor_id=subscriber_id,
    )


@transaction.atomic
def change_number(*, subscriber_id: int, number: int, at: datetime, staff_id: int | None) -> int:
    """Give a user another number from a moment on; return the one held until then.

    Raises SubscriberUnknown, StateForbids, NumberTaken. Source: HAL-13.
    """
    subscriber = _in_service(subscriber_id)
    (before,) = end_now(NumberPeriod, subscriber_id, at)
    guarded(NumberTaken, NumberPeriod(subscriber=subscriber, number=number, period=DateTimeTZRange(at, None)))
    tell_network(subscriber_id=subscriber_id, at=at)
    old = {"number": before.number}
    audit_subscriber("customers.change_number", subscriber_id, at, staff_id, before=old, after={"number": number})
    return before.number


@transaction.atomic
def replace_sim(*, subscriber_id: int, iccid: str, imsi: int, at: datetime, staff_id: int | None) -> tuple[str, int]:
    """Give a user another SIM card from a moment on; return ICCID and IMSI of the one used until then.

    Raises SubscriberUnknown, StateForbids, SimTaken. Source: HAL-11, D12.3.
    """
    subscriber = _in_service(subscriber_id)
    (before,) = end_now(SimPeriod, subscriber_id, at)
    fresh = SimPeriod(subscriber=subscriber, iccid=iccid, imsi=imsi, period=DateTimeTZRange(at, None))
    guarded(SimTaken, fresh)
    tell_network(subscriber_id=subscriber_id, at=at, gone_imsi=before.imsi)
    old = {"iccid": before.iccid, "imsi": before.imsi}
    after = {"iccid": iccid, "imsi": imsi}
    audit_subscriber("customers.replace_sim", subscriber_id, at, staff_id, before=old, after=after)
    return before.iccid, before.imsi


def _in_service(subscriber_id: int) -> Subscriber:
    subscriber = locked(subscriber_id)
    if subscriber.life != ACTIVE:
        raise StateForbids(subscriber.life)
    return subscriber


# --- what the other files of users share ---


def locked(subscriber_id: int) -> Subscriber:
    """Read a user and keep others from changing it until the transaction ends. Raises SubscriberUnknown."""
    found = row_of(Subscriber, "subscriber_id = %s::bigint FOR UPDATE", [subscriber_id])
    if found is None:
        raise SubscriberUnknown(subscriber_id)
    return found


def lives_locked(subscriber_ids: Collection[int]) -> dict[int, str]:
    """Read the lives of some users and keep others from changing them until the transaction ends."""
    return dict(
        ask(
            "SELECT subscriber_id, life FROM customers_subscriber WHERE subscriber_id = ANY(%s::bigint[])"
            " ORDER BY subscriber_id FOR UPDATE",
            [list(subscriber_ids)],
        )
    )


def guarded(refusal: type[Exception], row: NumberPeriod | SimPeriod | Holding) -> None:
    """Insert a row whose constraint, if broken, means a refusal that a clerk understands."""
    try:
        with transaction.atomic():
            add_row(row)
    except IntegrityError as taken:
        raise refusal(str(row.subscriber_id)) from taken


def end_now(model: type[models.Model], subscriber_id: int, at: datetime) -> list:
    """End the rows of a user that are in force; what was to begin later never begins. Return those ended."""
    own = model._default_manager.filter(subscriber_id=subscriber_id)
    ended = list(own.filter(period__contains=at))
    for row in ended:
        model._default_manager.filter(pk=row.pk).update(period=DateTimeTZRange(row.period.lower, at))
    own.filter(period__startswith__gte=at).exclude(period__isempty=True).delete()
    return ended


def audit_subscriber(
    action: str,
    subscriber_id: int,
    at: datetime,
    staff_id: int | None,
    *,
    reason: str = "",
    before: object = None,
    after: object = None,
) -> None:
    """Write the audit row of a change to a user."""
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="subscriber",
        object_id=subscriber_id,
        at=at,
        reason=reason,
        before=before,
        after=after,
    )
