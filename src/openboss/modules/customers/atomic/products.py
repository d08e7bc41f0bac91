"""Products of a user over time, and what was agreed about them (D13)."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from openboss.modules.catalog.atomic import offer_ids, offers_at
from openboss.modules.customers.atomic.effective import active_reasons
from openboss.modules.customers.atomic.states import months_later
from openboss.modules.customers.atomic.subscribers import (
    OfferUnknown,
    StateForbids,
    StopsForbid,
    audit_subscriber,
    guarded,
    locked,
    next_month_start,
    operator_day,
)
from openboss.modules.customers.life import ACTIVE
from openboss.modules.customers.models import Agreement, Holding, Subscriber
from openboss.modules.system.atomic.listeners import announce
from openboss.modules.system.rows import add_row
from openboss.modules.system.statements import ask, run

_HELD = "SELECT kind, offer_id FROM customers_holding WHERE subscriber_id = %s::bigint AND period @> %s::timestamptz"
_NEVER_BEGIN = (
    "DELETE FROM customers_holding"
    " WHERE subscriber_id = %s::bigint AND kind = 'MAIN' AND lower(period) >= %s::timestamptz"
)
_END_MAIN = (
    "UPDATE customers_holding SET period = tstzrange(lower(period), %s::timestamptz)"
    " WHERE subscriber_id = %s::bigint AND kind = 'MAIN' AND period @> %s::timestamptz RETURNING holding_id, offer_id"
)


class MainOfferHeld(Exception):
    """The user would hold two main offers at once; change the main offer instead (D13.1)."""


class OffersDoNotFit(Exception):
    """The offer needs another one that the user does not hold, or excludes one that they hold (D13.1)."""


class AgreementHeld(Exception):
    """The user has an agreement of this kind already."""


@transaction.atomic
def hold_product(
    *, subscriber_id: int, offer_id: int, first_month: str, from_at: datetime, at: datetime, staff_id: int | None
) -> int:
    """Give a user an offer from a moment on; return the holding's id.

    Raises SubscriberUnknown, OfferUnknown, OffersDoNotFit, MainOfferHeld, StateForbids. Source: D13.1, D13.4.
    """
    subscriber = locked(subscriber_id)
    kind = offer_ids().get(offer_id)
    if kind is None:
        raise OfferUnknown(offer_id)
    if subscriber.life != ACTIVE:
        raise StateForbids(subscriber.life)
    _check_relations(subscriber_id, offer_id, from_at)
    holding = Holding(
        subscriber=subscriber,
        offer_id=offer_id,
        kind=kind,
        first_month=first_month,
        period=DateTimeTZRange(from_at, None),
    )
    guarded(MainOfferHeld, holding)
    _announce("ProductCreateEvent", holding.holding_id, at)
    audit_subscriber(
        "customers.hold_product",
        subscriber_id,
        at,
        staff_id,
        after={"offer_id": offer_id, "from_at": from_at.isoformat()},
    )
    return holding.holding_id


def _check_relations(subscriber_id: int, offer_id: int, from_at: datetime, *, instead_of_main: bool = False) -> None:
    """Ask the documents in force on that day whether an offer goes with those held."""
    held = [one for kind, one in ask(_HELD, [subscriber_id, from_at]) if not (instead_of_main and kind == "MAIN")]
    in_force = {version.offer_id: version for version in offers_at(operator_day(from_at))}
    if offer_id not in in_force:
        return
    wanted = in_force[offer_id]
    others = [in_force[one] for one in held if one in in_force]
    there = {other.code for other in others} | ({wanted.code} if instead_of_main else set())
    relations = wanted.document.get("relations") or {}
    missing = set(relations.get("requires", [])) - there
    if missing:
        raise OffersDoNotFit(f"{wanted.code} needs {sorted(missing)[0]}")
    for other in others:
        of_other = other.document.get("relations") or {}
        if other.code in relations.get("excludes", []) or wanted.code in of_other.get("excludes", []):
            raise OffersDoNotFit(f"{wanted.code} does not go with {other.code}")
        if instead_of_main and set(of_other.get("requires", [])) - there:
            raise OffersDoNotFit(f"{other.code} needs the plan that would end")


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
    OffersDoNotFit, StopsForbid, StateForbids. Source: D7.4, D13.4, D2.3.
    """
    subscriber = locked(subscriber_id)
    if offer_ids().get(offer_id) != "MAIN":
        raise OfferUnknown(offer_id)
    if subscriber.life != ACTIVE:
        raise StateForbids(subscriber.life)
    if active_reasons(subscriber_id=subscriber_id, at=at):
        raise StopsForbid(subscriber_id)
    begins_at = from_at or next_month_start(at)
    _check_relations(subscriber_id, offer_id, begins_at, instead_of_main=True)
    run(_NEVER_BEGIN, [subscriber_id, begins_at])
    ended = ask(_END_MAIN, [begins_at, subscriber_id, begins_at])
    for holding_id, _ in ended:
        _announce("ProductAttributeValueChangeEvent", holding_id, at)
    before = ended[-1][1] if ended else None
    period = DateTimeTZRange(begins_at, None)
    begun = Holding(subscriber=subscriber, offer_id=offer_id, kind="MAIN", first_month=first_month, period=period)
    add_row(begun)
    _announce("ProductCreateEvent", begun.holding_id, at)
    after = {"offer_id": offer_id, "from_at": begins_at.isoformat()}
    audit_subscriber(
        "customers.change_main_offer", subscriber_id, at, staff_id, before=before and {"offer_id": before}, after=after
    )
    return begins_at


@transaction.atomic
def end_product(*, holding_id: int, to_at: datetime | None, at: datetime, staff_id: int | None) -> None:
    """End a product; a main offer is changed and never just ended. Raises OfferUnknown, MainOfferHeld.

    to_at  None = an end that has not come is taken back
    """
    held = Holding.objects.select_for_update().filter(holding_id=holding_id).first()
    if held is None:
        raise OfferUnknown(holding_id)
    if held.kind == "MAIN":
        raise MainOfferHeld(held.subscriber_id)
    Holding.objects.filter(pk=holding_id).update(period=DateTimeTZRange(held.period.lower, to_at))
    _announce("ProductAttributeValueChangeEvent", holding_id, at)
    audit_subscriber(
        "customers.end_product",
        held.subscriber_id,
        at,
        staff_id,
        after={"offer_id": held.offer_id, "to_at": to_at.isoformat() if to_at else None},
    )


@transaction.atomic
def drop_pending_main_offer(*, subscriber_id: int, at: datetime, staff_id: int | None) -> int | None:
    """Take back a change of the main offer that has not begun; return the offer that was to come, None if none was.

    Raises SubscriberUnknown. Source: D13.4.
    """
    locked(subscriber_id)
    mains = Holding.objects.filter(subscriber_id=subscriber_id, kind="MAIN")
    pending = mains.filter(period__startswith__gt=at).first()
    if pending is None:
        return None
    pending.delete()  # was never in force
    for held in mains.filter(period__endswith=pending.period.lower):
        Holding.objects.filter(pk=held.pk).update(period=DateTimeTZRange(held.period.lower, None))
    before = {"offer_id": pending.offer_id, "from_at": pending.period.lower.isoformat()}
    audit_subscriber("customers.drop_pending_main_offer", subscriber_id, at, staff_id, before=before)
    return pending.offer_id


@transaction.atomic
def set_brand(*, subscriber_id: int, brand: str, at: datetime, staff_id: int | None) -> str:
    """Move a user to another brand; return the one before. Raises SubscriberUnknown, StateForbids."""
    subscriber = locked(subscriber_id)
    if subscriber.life != ACTIVE:
        raise StateForbids(subscriber.life)
    Subscriber.objects.filter(pk=subscriber_id).update(brand=brand)
    audit_subscriber(
        "customers.set_brand", subscriber_id, at, staff_id, before={"brand": subscriber.brand}, after={"brand": brand}
    )
    return subscriber.brand


def _announce(event: str, holding_id: int, at: datetime) -> None:
    announce(kind="product", event=event, object_ids=[holding_id], state="", at=at)


@dataclass(frozen=True)
class AgreementView:
    """What a user agreed to spend at least, from a day until (not including) another."""

    agreement_id: int
    kind: str
    grade: str
    minimum_fen: int
    from_on: date
    to_on: date

    def breach_fen(self, on: date, *, percent: int) -> int:
        """What leaving on a day costs: the months that remain, a begun one whole, x minimum x percent (D12.2)."""
        if on >= self.to_on:
            return 0
        months = (self.to_on.year - on.year) * 12 + self.to_on.month - on.month
        months += 1 if months_later(on, months) < self.to_on else 0
        return months * self.minimum_fen * percent // 100


@transaction.atomic
def begin_agreement(
    *,
    subscriber_id: int,
    kind: str,
    grade: str,
    minimum_fen: int,
    months: int,
    at: datetime,
    staff_id: int | None,
) -> int:
    """Bind a user to a minimum spend for some months; return the agreement's id.

    Raises SubscriberUnknown, AgreementHeld. Source: D12.2.
    """
    locked(subscriber_id)
    if agreements_of(subscriber_id=subscriber_id, kind=kind):
        raise AgreementHeld(kind)
    from_on = operator_day(at)
    row = Agreement.objects.create(
        subscriber_id=subscriber_id,
        kind=kind,
        grade=grade,
        minimum_fen=minimum_fen,
        from_on=from_on,
        to_on=months_later(from_on, months),
    )
    after = {"kind": kind, "grade": grade, "minimum_fen": minimum_fen, "to_on": row.to_on.isoformat()}
    audit_subscriber("customers.begin_agreement", subscriber_id, at, staff_id, after=after)
    return row.agreement_id


@transaction.atomic
def end_agreements(*, subscriber_id: int, at: datetime, staff_id: int | None) -> int:
    """End what a user agreed to; return how many agreements that were."""
    ended = Agreement.objects.filter(subscriber_id=subscriber_id, ended_on__isnull=True)
    count = ended.update(ended_on=operator_day(at))
    if count:
        audit_subscriber("customers.end_agreements", subscriber_id, at, staff_id, after={"agreements": count})
    return count


def agreements_of(*, subscriber_id: int, kind: str | None = None) -> list[AgreementView]:
    """List the agreements of a user that were not ended."""
    found = ask(
        "SELECT agreement_id, kind, grade, minimum_fen, from_on, to_on FROM customers_agreement"
        " WHERE subscriber_id = %s::bigint AND ended_on IS NULL ORDER BY agreement_id",
        [subscriber_id],
    )
    return [view for view in (AgreementView(*row) for row in found) if kind in (None, view.kind)]
