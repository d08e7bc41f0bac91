"""Offers made at the end of something else, and what customers said: nobody is asked the same twice soon (HAL-05)."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from openboss.modules.orders.models import OfferMade
from openboss.modules.system.atomic import record_audit

TAKEN, DECLINED = "TAKEN", "DECLINED"


@dataclass(frozen=True)
class OfferMadeView:
    """One offer that was made: to whom, what they said, after which payment, by whom."""

    offer_made_id: int
    subscriber_id: int
    offer_id: int
    answer: str
    channel: str
    payment_id: int | None
    org_code: str
    staff_id: int | None
    at: datetime


@transaction.atomic
def log_offer(
    *,
    subscriber_id: int,
    offer_id: int,
    answer: str,
    channel: str,
    org_code: str,
    at: datetime,
    staff_id: int | None,
    payment_id: int | None = None,
) -> bool:
    """Write down that an offer was made and what was said; False if one was made after this payment already."""
    try:
        with transaction.atomic():
            OfferMade.objects.create(
                subscriber_id=subscriber_id,
                offer_id=offer_id,
                answer=answer,
                channel=channel,
                org_code=org_code,
                at=at,
                staff_id=staff_id,
                payment_id=payment_id,
            )
    except IntegrityError:
        return False
    after = {"offer_id": offer_id, "answer": answer}
    record_audit(
        staff_id=staff_id,
        action="orders.log_offer",
        object_kind="subscriber",
        object_id=subscriber_id,
        at=at,
        after=after,
    )
    return True


def offers_made(
    *, subscriber_id: int | None = None, since_at: datetime | None = None, limit: int = 100
) -> list[OfferMadeView]:
    """Offers that were made, the newest first: to a user, or to anybody since a moment."""
    rows = OfferMade.objects.all()
    rows = rows.filter(subscriber_id=subscriber_id) if subscriber_id is not None else rows
    rows = rows.filter(at__gte=since_at) if since_at is not None else rows
    return [_view(row) for row in rows.order_by("-at", "-offer_made_id")[:limit]]


def offer_after_payment(*, payment_id: int) -> OfferMadeView | None:
    """The offer that was made after a payment, if one was."""
    row = OfferMade.objects.filter(payment_id=payment_id).first()
    return _view(row) if row else None


def _view(row: OfferMade) -> OfferMadeView:
    return OfferMadeView(**{name: getattr(row, name) for name in OfferMadeView.__dataclass_fields__})
