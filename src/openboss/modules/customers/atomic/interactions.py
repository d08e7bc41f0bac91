"""Times at which a customer and we spoke: written down by every channel, seen by whoever serves them next (CRM-05)."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from openboss.modules.customers.models import Interaction
from openboss.modules.system.atomic import SerialNumberUsed, record_audit
from openboss.modules.system.atomic.listeners import announce
from openboss.modules.system.statements import ask

DIRECTIONS = ("IN", "OUT")
INTERACTION_REASONS = ("COMPLAINT", "FAULT", "QUERY", "BUSINESS", "OTHER")
RESULTS = ("OPEN", "ANSWERED", "PASSED_ON")


class InteractionUnknown(LookupError):
    """There is no such contact with a customer."""


@dataclass(frozen=True)
class InteractionView:
    """One time a customer and we spoke."""

    interaction_id: int
    customer_id: int
    subscriber_id: int | None
    channel: str
    direction: str
    reason: str
    note: str
    result: str
    at: datetime
    staff_id: int | None


@transaction.atomic
def note_interaction(
    *,
    customer_id: int,
    channel: str,
    direction: str,
    reason: str,
    note: str,
    result: str,
    serial_no: str,
    at: datetime,
    staff_id: int | None,
    subscriber_id: int | None = None,
) -> InteractionView:
    """Write down that a customer and we spoke; the same number again is the same row (D0.4).

    Raises SerialNumberUsed where the number stands for something else that was said.
    """
    assert direction in DIRECTIONS and reason in INTERACTION_REASONS and result in RESULTS
    told = {"channel": channel, "direction": direction, "reason": reason, "note": note, "result": result}
    row = Interaction(
        customer_id=customer_id, subscriber_id=subscriber_id, at=at, staff_id=staff_id, serial_no=serial_no, **told
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        known = Interaction.objects.get(serial_no=serial_no)
        if known.customer_id != customer_id or any(getattr(known, name) != said for name, said in told.items()):
            raise SerialNumberUsed(serial_no) from None
        return _view(known)
    after = {"channel": channel, "reason": reason}
    record_audit(
        staff_id=staff_id, action="customers.note_interaction", object_kind="customer", object_id=customer_id, at=at,
        after=after,
    )  # fmt: skip
    announce(
        kind="partyInteraction", event="PartyInteractionCreateEvent", object_ids=[row.interaction_id], state=result,
        at=at,
    )  # fmt: skip
    return _view(row)


def interaction_view(*, interaction_id: int) -> InteractionView:
    """One time a customer and we spoke. Raises InteractionUnknown."""
    row = Interaction.objects.filter(interaction_id=interaction_id).first()
    if row is None:
        raise InteractionUnknown(interaction_id)
    return _view(row)


def interactions_of(*, customer_id: int, page: int = 1, page_size: int = 20) -> tuple[list[InteractionView], int]:
    """When a customer and we spoke over all channels, the newest first, and how often in all."""
    rows = Interaction.objects.filter(customer_id=customer_id).order_by("-at", "-interaction_id")
    return [_view(row) for row in rows[(page - 1) * page_size : page * page_size]], rows.count()


def newest_interactions(*, since_at: datetime, limit: int) -> list[InteractionView]:
    """What customers and we said over all channels since a moment, the newest first."""
    rows = Interaction.objects.filter(at__gte=since_at).order_by("-interaction_id")
    return [_view(row) for row in rows[:limit]]


def interaction_of_serial(*, serial_no: str) -> InteractionView | None:
    """What was written down under a serial number, if anything was."""
    row = Interaction.objects.filter(serial_no=serial_no).first()
    return _view(row) if row else None


def said_by_user(*, customer_id: int, subscriber_id: int, channel: str, since_at: datetime) -> list[InteractionView]:
    """What one user and we said over a channel since a moment, the newest first."""
    rows = Interaction.objects.filter(
        customer_id=customer_id, subscriber_id=subscriber_id, channel=channel, at__gte=since_at
    )
    return [_view(row) for row in rows.order_by("-at", "-interaction_id")]


def said_last_month(*, channel: str, at: datetime) -> dict[str, int]:
    """How often users asked for each service of a channel in the month before this, by the first word written down."""
    return dict(ask(_SAID_LAST_MONTH, [at, settings.TIME_ZONE, channel, settings.TIME_ZONE]))


_SAID_LAST_MONTH = """
WITH this AS (SELECT date_trunc('month', %s::timestamptz, %s::text) AS month)
SELECT split_part(note, ' ', 1), count(*) FROM customers_interaction, this
 WHERE channel = %s AND direction = 'IN'
   AND at >= date_trunc('month', this.month - interval '1 day', %s::text) AND at < this.month
 GROUP BY 1
"""


def _view(row: Interaction) -> InteractionView:
    return InteractionView(**{name: getattr(row, name) for name in InteractionView.__dataclass_fields__})
