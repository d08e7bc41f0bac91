"""Users: opening, stop reasons and the state they make, products held (D2, D13)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange

from openboss.modules.catalog.atomic import offer_ids, offers_at
from openboss.modules.customers.models import (
    Holding,
    NumberPeriod,
    PaymentRelation,
    SimPeriod,
    StateChange,
    StopPeriod,
    Subscriber,
)
from openboss.modules.customers.stop_reasons import BY_CODE, BY_ID
from openboss.modules.system.atomic import record_audit

ARREARS = ("ARREARS_1", "ARREARS_2")
PRE_TERMINATION_TAGS = (1, 3)  # voluntary, for arrears (D2.1)
TERMINATION_TAGS = (2, 4, 5, 6)
PRETERM = "PRETERM"
RE_INSTATE = "RE_INSTATE"


class SubscriberUnknown(LookupError):
    """There is no such user."""


class OfferUnknown(LookupError):
    """There is no such offer in the catalog, or it is not of the kind that is needed here."""


class NumberTaken(Exception):
    """The number has another user at that time."""


class SimTaken(Exception):
    """The SIM card has another user at that time."""


class MainOfferHeld(Exception):
    """The user would hold two main offers at once; change the main offer instead (D13.1)."""


class OffersDoNotFit(Exception):
    """The offer needs another one that the user does not hold, or excludes one that they hold (D13.1)."""


class StateForbids(Exception):
    """The user's state does not allow this; the message says which state (D2.3)."""


class ReasonActive(Exception):
    """The user is stopped for this reason already."""


class ReasonNotActive(Exception):
    """The user is not stopped for this reason, or it is an unknown one."""


class HoldWithArrears(Exception):
    """A number is not kept on request while something is owed; the arrears have to be paid first (D2.3)."""


class StopsForbid(Exception):
    """A plan is not changed while the service is stopped; clear every stop reason first (D2.3)."""


def next_month_start(at: datetime) -> datetime:
    """The moment at which the next cycle begins on the operator's calendar."""
    local = at.astimezone(ZoneInfo(settings.TIME_ZONE))
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    return datetime(year, month, 1, tzinfo=local.tzinfo)


def cycle_of(at: datetime) -> int:
    """The cycle (202610) in which a moment lies."""
    local = at.astimezone(ZoneInfo(settings.TIME_ZONE))
    return local.year * 100 + local.month


def effective_state(*, subscriber_id: int, at: datetime) -> str:
    """Derive a user's state at a moment: the life state, or the highest level of all active stop reasons (D2.2).

    Raises SubscriberUnknown.
    """
    life = Subscriber.objects.filter(subscriber_id=subscriber_id).values_list("life", flat=True).first()
    if life is None:
        raise SubscriberUnknown(subscriber_id)
    if life != Subscriber.Life.ACTIVE:
        return life
    levels = {BY_CODE[reason].level for reason in _active_reasons(subscriber_id, at)}
    return next((f"{level}_STOP" for level in ("TWO_WAY", "ONE_WAY") if level in levels), life)


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
) -> int:
    """Open a user with number, SIM card, main offer and the account that pays the rest; return the id.

    Raises OfferUnknown, NumberTaken, SimTaken. Source: D2.3, ARC-11.
    """
    if offer_ids().get(main_offer_id) != "MAIN":
        raise OfferUnknown(main_offer_id)
    subscriber = Subscriber.objects.create(
        customer_id=customer_id,
        service_type=service_type,
        brand=brand,
        home_area=home_area,
        pay_type=pay_type,
        opened_at=at,
    )
    period = DateTimeTZRange(at, None)
    _guarded(NumberTaken, NumberPeriod(subscriber=subscriber, number=number, period=period))
    _guarded(SimTaken, SimPeriod(subscriber=subscriber, iccid=iccid, imsi=imsi, period=period))
    Holding.objects.create(
        subscriber=subscriber, offer_id=main_offer_id, kind="MAIN", first_month=first_month, period=period
    )
    PaymentRelation.objects.create(
        subscriber=subscriber,
        account_id=account_id,
        item_scope="ALL",
        mode="REST",
        cycles=NumericRange(cycle_of(at), None),
    )
    StateChange.objects.create(subscriber=subscriber, state="ACTIVE", event="OPEN", at=at)
    _audit(
        "customers.open_subscriber",
        subscriber.subscriber_id,
        at,
        staff_id,
        after={"customer_id": customer_id, "number": number, "offer_id": main_offer_id, "account_id": account_id},
    )
    return subscriber.subscriber_id


def _guarded(refusal: type[Exception], row: NumberPeriod | SimPeriod | Holding) -> None:
    """Insert a row whose exclusion constraint, if broken, means a refusal that a clerk understands."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as taken:
        raise refusal(str(row.subscriber_id)) from taken


def _locked(subscriber_id: int) -> Subscriber:
    found = Subscriber.objects.select_for_update().filter(subscriber_id=subscriber_id).first()
    if found is None:
        raise SubscriberUnknown(subscriber_id)
    return found


def _note_state(subscriber: Subscriber, *, event: str, at: datetime, remove_tag: int | None = None) -> str:
    """Add to the history if the effective state is another than before; return the state."""
    state = effective_state(subscriber_id=subscriber.subscriber_id, at=at)
    last = StateChange.objects.filter(subscriber=subscriber).order_by("-at", "-state_change_id").first()
    if last is None or last.state != state:
        StateChange.objects.create(subscriber=subscriber, state=state, event=event, remove_tag=remove_tag, at=at)
    return state


def _audit(
    action: str,
    subscriber_id: int,
    at: datetime,
    staff_id: int | None,
    *,
    reason: str = "",
    before: object = None,
    after: object = None,
) -> None:
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


@transaction.atomic
def add_stop_reason(*, subscriber_id: int, reason: str, at: datetime, staff_id: int | None) -> str:
    """Stop a user for one more reason; return the state that follows.

    Raises SubscriberUnknown, ReasonNotActive for an unknown reason, ReasonActive, HoldWithArrears, StateForbids when
    the user is waiting for cancellation or cancelled. Source: D2.2, D2.3.
    """
    subscriber = _locked(subscriber_id)
    if subscriber.life != Subscriber.Life.ACTIVE:
        raise StateForbids(subscriber.life)
    if reason not in BY_CODE or reason == PRETERM:
        raise ReasonNotActive(reason)
    active = _active_reasons(subscriber_id, at)
    if reason in active:
        raise ReasonActive(reason)
    if reason == "REQ_HOLD" and set(ARREARS) & active:
        raise HoldWithArrears(subscriber_id)
    _begin_reason(subscriber, reason, at)
    state = _note_state(subscriber, event=reason, at=at)
    _audit("customers.add_stop_reason", subscriber_id, at, staff_id, after={"reason": reason, "state": state})
    return state


@transaction.atomic
def clear_stop_reason(*, subscriber_id: int, reason: str, at: datetime, staff_id: int | None) -> str:
    """End one stop reason; the others stay. Return the state that follows.

    Raises SubscriberUnknown, ReasonNotActive, StateForbids. Source: D2.2.
    """
    subscriber = _locked(subscriber_id)
    if subscriber.life != Subscriber.Life.ACTIVE:
        raise StateForbids(subscriber.life)
    if not _end_reason(subscriber_id, reason, at):
        raise ReasonNotActive(reason)
    state = _note_state(subscriber, event=f"CLEAR_{reason}", at=at)
    _audit("customers.clear_stop_reason", subscriber_id, at, staff_id, after={"reason": reason, "state": state})
    return state


def _active_reasons(subscriber_id: int, at: datetime) -> set[str]:
    active = StopPeriod.objects.filter(subscriber_id=subscriber_id, period__contains=at)
    return {BY_ID[key].code for key in active.values_list("stop_reason_id", flat=True)}


def _begin_reason(subscriber: Subscriber, reason: str, at: datetime) -> None:
    StopPeriod.objects.create(
        subscriber=subscriber, stop_reason_id=BY_CODE[reason].stop_reason_id, period=DateTimeTZRange(at, None)
    )


def _end_reason(subscriber_id: int, reason: str, at: datetime) -> bool:
    if reason not in BY_CODE:
        return False
    known = {"subscriber_id": subscriber_id, "stop_reason_id": BY_CODE[reason].stop_reason_id}
    row = StopPeriod.objects.filter(**known, period__contains=at).first()
    if row is None:
        return False
    StopPeriod.objects.filter(pk=row.pk).update(period=DateTimeTZRange(row.period.lower, at))
    return True


@transaction.atomic
def pre_terminate(*, subscriber_id: int, remove_tag: int, at: datetime, staff_id: int | None) -> None:
    """Put a user into the waiting time before final cancellation (tag 1 voluntary, 3 for arrears).

    Raises SubscriberUnknown, StateForbids: only an active or stopped user, for tag 1 without arrears, for tag 3 one
    who is stopped for arrears both ways. Source: D2.3.
    """
    subscriber = _locked(subscriber_id)
    reasons = _active_reasons(subscriber_id, at)
    allowed = "ARREARS_2" in reasons if remove_tag == 3 else not set(ARREARS) & reasons
    if subscriber.life != Subscriber.Life.ACTIVE or remove_tag not in PRE_TERMINATION_TAGS or not allowed:
        raise StateForbids(f"{subscriber.life}, stopped for {sorted(reasons)}")
    Subscriber.objects.filter(pk=subscriber_id).update(life=Subscriber.Life.PRE_TERMINATED)
    _begin_reason(subscriber, PRETERM, at)
    _note_state(subscriber, event=PRETERM, at=at, remove_tag=remove_tag)
    _audit("customers.pre_terminate", subscriber_id, at, staff_id, after={"remove_tag": remove_tag})


@transaction.atomic
def re_instate(*, subscriber_id: int, at: datetime, staff_id: int | None) -> str:
    """Take a user back from the waiting time; every stop reason ends. Raises SubscriberUnknown, StateForbids."""
    subscriber = _locked(subscriber_id)
    if subscriber.life != Subscriber.Life.PRE_TERMINATED:
        raise StateForbids(subscriber.life)
    for reason in _active_reasons(subscriber_id, at):
        _end_reason(subscriber_id, reason, at)
    Subscriber.objects.filter(pk=subscriber_id).update(life=Subscriber.Life.ACTIVE)
    state = _note_state(subscriber, event=RE_INSTATE, at=at, remove_tag=0)
    _audit("customers.re_instate", subscriber_id, at, staff_id, after={"state": state})
    return state


@transaction.atomic
def terminate(*, subscriber_id: int, remove_tag: int, at: datetime, staff_id: int | None) -> None:
    """End a user for good: number, SIM card, products and stops end with it; nothing brings it back.

    Tag 6 (transferred) and 5 (opening reversed) end a user at once, 2 and 4 only after the waiting time.
    Raises SubscriberUnknown, StateForbids. Source: D2.3, D1.4.
    """
    subscriber = _locked(subscriber_id)
    waited = subscriber.life == Subscriber.Life.PRE_TERMINATED
    at_once = {5: Subscriber.Life.PREOPENED, 6: Subscriber.Life.ACTIVE}.get(remove_tag)
    if remove_tag not in TERMINATION_TAGS or not (subscriber.life == at_once if at_once else waited):
        raise StateForbids(subscriber.life)
    if remove_tag == 6 and _active_reasons(subscriber_id, at):
        raise StopsForbid(subscriber_id)
    for model in (NumberPeriod, SimPeriod, Holding, StopPeriod):
        for row in model.objects.filter(subscriber_id=subscriber_id, period__contains=at):
            model.objects.filter(pk=row.pk).update(period=DateTimeTZRange(row.period.lower, at))
    Subscriber.objects.filter(pk=subscriber_id).update(life=Subscriber.Life.TERMINATED, closed_at=at)
    _note_state(subscriber, event="TERMINATE", at=at, remove_tag=remove_tag)
    _audit("customers.terminate", subscriber_id, at, staff_id, after={"remove_tag": remove_tag})


@transaction.atomic
def hold_product(
    *, subscriber_id: int, offer_id: int, first_month: str, from_at: datetime, at: datetime, staff_id: int | None
) -> int:
    """Give a user an offer from a moment on; return the holding's id.

    Raises SubscriberUnknown, OfferUnknown, OffersDoNotFit, MainOfferHeld, StateForbids. Source: D13.1, D13.4.
    """
    subscriber = _locked(subscriber_id)
    kind = offer_ids().get(offer_id)
    if kind is None:
        raise OfferUnknown(offer_id)
    if subscriber.life != Subscriber.Life.ACTIVE:
        raise StateForbids(subscriber.life)
    _check_relations(subscriber_id, offer_id, from_at)
    holding = Holding(
        subscriber=subscriber,
        offer_id=offer_id,
        kind=kind,
        first_month=first_month,
        period=DateTimeTZRange(from_at, None),
    )
    _guarded(MainOfferHeld, holding)
    _audit(
        "customers.hold_product",
        subscriber_id,
        at,
        staff_id,
        after={"offer_id": offer_id, "from_at": from_at.isoformat()},
    )
    return holding.holding_id


def _check_relations(subscriber_id: int, offer_id: int, from_at: datetime) -> None:
    """Ask the documents in force on that day whether an offer goes with those held."""
    held = set(
        Holding.objects.filter(subscriber_id=subscriber_id, period__contains=from_at).values_list("offer_id", flat=True)
    )
    day = from_at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    in_force = {version.offer_id: version for version in offers_at(day)}
    if offer_id not in in_force:
        return
    wanted, others = in_force[offer_id], [in_force[held_id] for held_id in held if held_id in in_force]
    relations = wanted.document.get("relations") or {}
    missing = set(relations.get("requires", [])) - {other.code for other in others}
    if missing:
        raise OffersDoNotFit(f"{wanted.code} needs {sorted(missing)[0]}")
    for other in others:
        excluded_by_other = (other.document.get("relations") or {}).get("excludes", [])
        if other.code in relations.get("excludes", []) or wanted.code in excluded_by_other:
            raise OffersDoNotFit(f"{wanted.code} does not go with {other.code}")


@transaction.atomic
def change_main_offer(
    *,
    subscriber_id: int,
    offer_id: int,
    at: datetime,
    staff_id: int | None,
    from_at: datetime | None = None,
    first_month: str = "PRORATE",
) -> datetime:
    """Replace a user's main offer, from the next cycle unless a moment is given; return that moment.

    A change that was waiting is replaced (one pending change a product). Raises SubscriberUnknown, OfferUnknown,
    StopsForbid, StateForbids. Source: D7.4, D13.4, D2.3.
    """
    subscriber = _locked(subscriber_id)
    if offer_ids().get(offer_id) != "MAIN":
        raise OfferUnknown(offer_id)
    if subscriber.life != Subscriber.Life.ACTIVE:
        raise StateForbids(subscriber.life)
    if _active_reasons(subscriber_id, at):
        raise StopsForbid(subscriber_id)
    begins_at = from_at or next_month_start(at)
    mains = Holding.objects.filter(subscriber_id=subscriber_id, kind="MAIN")
    mains.filter(period__startswith__gte=begins_at).delete()  # was never in force
    before = None
    for held in mains.filter(period__contains=begins_at):
        before = held.offer_id
        Holding.objects.filter(pk=held.pk).update(period=DateTimeTZRange(held.period.lower, begins_at))
    Holding.objects.create(
        subscriber=subscriber,
        offer_id=offer_id,
        kind="MAIN",
        first_month=first_month,
        period=DateTimeTZRange(begins_at, None),
    )
    after = {"offer_id": offer_id, "from_at": begins_at.isoformat()}
    _audit(
        "customers.change_main_offer", subscriber_id, at, staff_id, before=before and {"offer_id": before}, after=after
    )
    return begins_at


@transaction.atomic
def end_product(*, holding_id: int, to_at: datetime, at: datetime, staff_id: int | None) -> None:
    """End a product; a main offer is changed and never just ended. Raises OfferUnknown, MainOfferHeld."""
    held = Holding.objects.select_for_update().filter(holding_id=holding_id).first()
    if held is None:
        raise OfferUnknown(holding_id)
    if held.kind == "MAIN":
        raise MainOfferHeld(held.subscriber_id)
    Holding.objects.filter(pk=holding_id).update(period=DateTimeTZRange(held.period.lower, to_at))
    _audit(
        "customers.end_product",
        held.subscriber_id,
        at,
        staff_id,
        after={"offer_id": held.offer_id, "to_at": to_at.isoformat()},
    )
