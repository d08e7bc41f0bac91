"""People who wait in a hall: a ticket each, key customers first, and how long they waited by hour (HAL-15)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from openboss.modules.customers.atomic import operator_day
from openboss.modules.orders.models import QueueTicket
from openboss.modules.system.atomic import record_audit

KINDS = {"PAY": "A", "BUSINESS": "B", "ADVICE": "C", "UNIT": "U"}  # the letter on the ticket
KEY_CUSTOMER, EVERYBODY = 0, 1
SERVED, LEFT = "SERVED", "LEFT"


class TicketKindUnknown(ValueError):
    """There are no tickets of this kind."""


class TicketClosed(Exception):
    """This ticket was called, served or given back already; load the page again."""


@dataclass(frozen=True)
class TicketView:
    """One ticket: what is on it, and how far it got."""

    queue_ticket_id: int
    org_code: str
    kind: str
    number: int
    rank: int
    customer_id: int | None
    preparation: str
    taken_at: datetime
    called_at: datetime | None
    window: str
    closed_at: datetime | None
    outcome: str

    @property
    def label(self) -> str:
        """What stands on the paper, such as A007."""
        return f"{KINDS[self.kind]}{self.number:03d}"

    def waited_s(self, at: datetime) -> int:
        """How long they waited until they were called, or wait by now."""
        return int(((self.called_at or self.closed_at or at) - self.taken_at).total_seconds())


@dataclass(frozen=True)
class HourWait:
    """The waits of one hall in one hour of its day: of those who came in that hour and were called."""

    org_code: str
    hour_at: datetime
    tickets: int
    average_s: int
    longest_s: int


@transaction.atomic
def take_ticket(
    *, org_code: str, kind: str, rank: int, at: datetime, customer_id: int | None = None, preparation: str = ""
) -> TicketView:
    """Give somebody the next number of a kind in a hall's day. Raises TicketKindUnknown. Source: HAL-15."""
    if kind not in KINDS:
        raise TicketKindUnknown(kind)
    on = operator_day(at)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"ticket {org_code} {on} {kind}"])
    last = QueueTicket.objects.filter(org_code=org_code, on=on, kind=kind).order_by("-number").first()
    row = QueueTicket.objects.create(
        org_code=org_code,
        on=on,
        kind=kind,
        number=last.number + 1 if last else 1,
        rank=rank,
        customer_id=customer_id,
        preparation=preparation[:200],
        taken_at=at,
    )
    return _view(row)


@transaction.atomic
def prepare(*, queue_ticket_id: int, preparation: str, at: datetime, staff_id: int) -> None:
    """Note what was done while somebody waits: advice given, documents copied (HAL-15). Raises TicketClosed."""
    waits = QueueTicket.objects.filter(pk=queue_ticket_id, called_at__isnull=True, closed_at__isnull=True)
    if not waits.update(preparation=preparation[:200]):
        raise TicketClosed(queue_ticket_id)
    _audit("orders.prepare_ticket", queue_ticket_id, at, staff_id, preparation[:200])


@transaction.atomic
def call_next(*, org_code: str, kinds: Collection[str], window: str, at: datetime, staff_id: int) -> TicketView | None:
    """Call who is next at a window: key customers first, then who came first; None if nobody waits.

    Two windows never call the same ticket; what a window had called before is served.
    """
    today = QueueTicket.objects.filter(org_code=org_code, on=operator_day(at))
    today.filter(window=window, called_at__isnull=False, closed_at__isnull=True).update(closed_at=at, outcome=SERVED)
    waits = today.filter(kind__in=kinds, called_at__isnull=True, closed_at__isnull=True)
    row = waits.select_for_update(skip_locked=True).order_by("rank", "taken_at", "queue_ticket_id").first()
    if row is None:
        return None
    row.called_at, row.called_by, row.window = at, staff_id, window
    row.save()
    _audit("orders.call_ticket", row.pk, at, staff_id, window)
    return _view(row)


@transaction.atomic
def close_ticket(*, queue_ticket_id: int, outcome: str, at: datetime, staff_id: int) -> None:
    """Note that somebody was served, or went away. Raises TicketClosed."""
    assert outcome in (SERVED, LEFT), outcome
    if not QueueTicket.objects.filter(pk=queue_ticket_id, closed_at__isnull=True).update(closed_at=at, outcome=outcome):
        raise TicketClosed(queue_ticket_id)
    _audit("orders.close_ticket", queue_ticket_id, at, staff_id, outcome)


def tickets_of_day(*, org_code: str, at: datetime) -> list[TicketView]:
    """Tickets of a hall's day that are not closed, in the order in which they will be called."""
    rows = QueueTicket.objects.filter(org_code=org_code, on=operator_day(at), closed_at__isnull=True)
    return [_view(row) for row in rows.order_by("rank", "taken_at", "queue_ticket_id")]


def waits_by_hour(*, org_codes: Collection[str], from_at: datetime, to_at: datetime) -> list[HourWait]:
    """Average and longest wait by hall and hour of the operator's clock, of who was called (HAL-15)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT org_code, date_trunc('hour', taken_at, %s) AS hour_at, count(*),"
            " avg(extract(epoch FROM called_at - taken_at))::bigint,"
            " max(extract(epoch FROM called_at - taken_at))::bigint"
            " FROM orders_queueticket WHERE org_code = ANY(%s) AND taken_at >= %s AND taken_at < %s"
            " AND called_at IS NOT NULL GROUP BY 1, 2 ORDER BY 2, 1",
            [settings.TIME_ZONE, list(org_codes), from_at, to_at],
        )
        return [HourWait(*row) for row in cursor.fetchall()]


@transaction.atomic
def alarm_long_waits(*, longer_s: int, at: datetime) -> list[TicketView]:
    """Give the tickets that wait longer than allowed, each once, and note that somebody was told."""
    late = QueueTicket.objects.select_for_update().filter(
        on=operator_day(at),
        called_at__isnull=True,
        closed_at__isnull=True,
        alarmed_at__isnull=True,
        taken_at__lt=at - timedelta(seconds=longer_s),
    )
    found = [_view(row) for row in late.order_by("taken_at")]
    QueueTicket.objects.filter(pk__in=[one.queue_ticket_id for one in found]).update(alarmed_at=at)
    return found


def _view(row: QueueTicket) -> TicketView:
    return TicketView(**{name: getattr(row, name) for name in TicketView.__dataclass_fields__})


def _audit(action: str, queue_ticket_id: int, at: datetime, staff_id: int, after: str) -> None:
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="ticket",
        object_id=queue_ticket_id,
        at=at,
        after={"note": after},
    )
