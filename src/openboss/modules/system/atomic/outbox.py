"""The outbox: messages written in the transaction that caused them, delivered by `access` until they arrive."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q

from openboss.modules.system.atomic.audit import record_audit
from openboss.modules.system.atomic.parameters import parameters_under
from openboss.modules.system.models import Outbox
from openboss.modules.system.rows import add_row
from openboss.modules.system.statements import put_rows, run

TRIES_MAX = 10
TRIES = "outbox.tries"  # parameter: tries by topic, where an operator wants others than ten
LONGEST_WAIT = timedelta(hours=1)
LEASE = timedelta(minutes=1)
WAITING, SENT, FAILED, DROPPED = "WAITING", "SENT", "FAILED", "DROPPED"
_COLUMNS = {
    "topic": "text",
    "order_key": "text",
    "payload": "jsonb",
    "state": "text",
    "attempts": "int",
    "created_at": "timestamptz",
    "next_try_at": "timestamptz",
    "last_error": "text",
}
SECRET = "secret"  # the part of a payload that is taken out when the message has been sent  # noqa: S105

_SENT = (
    f"UPDATE system_outbox SET state = '{SENT}', payload = payload - %s::text, sent_at = %s::timestamptz,"
    f" attempts = attempts + 1 WHERE outbox_id = %s::bigint AND state IN ('{WAITING}', '{FAILED}')"
)


class MessageUnknown(LookupError):
    """There is no such message, or it was sent or dropped already."""


@dataclass(frozen=True)
class Message:
    """One message of the outbox."""

    outbox_id: int
    topic: str
    order_key: str
    payload: dict[str, Any]
    state: str
    attempts: int
    created_at: datetime
    next_try_at: datetime
    last_error: str
    sent_at: datetime | None


def send_out(*, topic: str, payload: dict[str, Any], at: datetime, order_key: str = "") -> int:
    """Leave a message for the world outside in the caller's transaction; `access` delivers it. Returns its id.

    order_key  messages of one topic and key arrive in the order in which they were left; empty = in any order
    """
    row = Outbox(topic=topic, order_key=order_key, payload=payload, created_at=at, next_try_at=at)
    add_row(row)
    return row.outbox_id


def send_out_many(
    *, topic: str, payloads: Sequence[Mapping[str, Any]], at: datetime, order_keys: Sequence[str] | None = None
) -> None:
    """Leave many messages of one topic in the caller's transaction. order_keys: of each message; None = in any order"""
    keys = order_keys or [""] * len(payloads)
    put_rows(
        "system_outbox",
        _COLUMNS,
        [(topic, key, json.dumps(one), WAITING, 0, at, at, "") for key, one in zip(keys, payloads, strict=True)],
    )


@transaction.atomic
def claim_messages(*, topics: Collection[str], at: datetime, limit: int = 100) -> list[Message]:
    """Take messages that are due, the oldest first, for one minute: then another deliverer may take them.

    Of an order key only the oldest is given out; one that waits or is dead holds back those behind it.
    """
    before = Outbox.objects.filter(
        topic=OuterRef("topic"),
        order_key=OuterRef("order_key"),
        outbox_id__lt=OuterRef("outbox_id"),
        state__in=(WAITING, FAILED),
    )
    due = Outbox.objects.filter(Q(order_key="") | ~Exists(before), topic__in=topics, state=WAITING, next_try_at__lte=at)
    rows = list(due.order_by("outbox_id").select_for_update(skip_locked=True)[:limit])
    Outbox.objects.filter(pk__in=[row.pk for row in rows]).update(next_try_at=at + LEASE)
    return [_message(row) for row in rows]


def _message(row: Outbox) -> Message:
    return Message(
        row.outbox_id,
        row.topic,
        row.order_key,
        row.payload,
        row.state,
        row.attempts,
        row.created_at,
        row.next_try_at,
        row.last_error,
        row.sent_at,
    )


@transaction.atomic
def message_sent(*, outbox_id: int, at: datetime) -> None:
    """Note that a message has arrived; the secret part of its payload is forgotten. Raises MessageUnknown."""
    if not run(_SENT, [SECRET, at, outbox_id]):
        raise MessageUnknown(outbox_id)


@transaction.atomic
def message_failed(*, outbox_id: int, error: str, at: datetime) -> str:
    """Note that a message did not arrive: again after 1, 2, 4 ... s, at most an hour; after ten tries it is dead.

    The parameter `outbox.tries` may name another number of tries for a topic (OSS-05). Returns the state.
    Raises MessageUnknown.
    """
    row = _open_row(outbox_id)
    attempts = row.attempts + 1
    wait = min(timedelta(seconds=2**row.attempts), LONGEST_WAIT)
    tries = parameters_under(prefix=TRIES, on=at.date()).get(TRIES, {}).get(row.topic, TRIES_MAX)
    state = FAILED if attempts >= tries else WAITING
    Outbox.objects.filter(pk=outbox_id).update(
        state=state, attempts=attempts, next_try_at=at + wait, last_error=error[:1000]
    )
    return state


@transaction.atomic
def send_again(
    *, outbox_id: int, at: datetime, staff_id: int | None, payload: dict[str, Any] | None = None, reason: str = ""
) -> None:
    """Let a dead letter try again, with another content if one is given. Raises MessageUnknown."""
    row = _open_row(outbox_id)
    changed = {"payload": payload} if payload is not None else {}
    Outbox.objects.filter(pk=outbox_id).update(state=WAITING, attempts=0, next_try_at=at, **changed)
    _audit("system.message_again", row, at, staff_id, reason, after={"changed": payload is not None})


@transaction.atomic
def drop_message(*, outbox_id: int, reason: str, at: datetime, staff_id: int | None) -> None:
    """Decide that a message is not sent; those behind it may go. Raises MessageUnknown."""
    row = _open_row(outbox_id)
    Outbox.objects.filter(pk=outbox_id).update(state=DROPPED)
    _audit("system.message_dropped", row, at, staff_id, reason, after=None)


def _open_row(outbox_id: int) -> Outbox:
    row = Outbox.objects.select_for_update().filter(outbox_id=outbox_id, state__in=(WAITING, FAILED)).first()
    if row is None:
        raise MessageUnknown(outbox_id)
    return row


def _audit(action: str, row: Outbox, at: datetime, staff_id: int | None, reason: str, after: object) -> None:
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="message",
        object_id=row.outbox_id,
        at=at,
        reason=reason,
        before={"topic": row.topic, "error": row.last_error},
        after=after,
    )


def list_messages(
    *, topic: str = "", state: str = "", order_key: str = "", page: int = 1, page_size: int = 50
) -> tuple[list[Message], int]:
    """Show messages, the newest first, with the number of all that match; `topic` may be a beginning (network.)."""
    wanted = {"topic__startswith": topic, "state": state, "order_key": order_key}
    found = Outbox.objects.filter(**{name: value for name, value in wanted.items() if value})
    rows = found.order_by("-outbox_id")[(page - 1) * page_size : page * page_size]
    return [_message(row) for row in rows], found.count()


def message(*, outbox_id: int) -> Message | None:
    """One message, if there is one of this number."""
    row = Outbox.objects.filter(outbox_id=outbox_id).first()
    return _message(row) if row else None


def count_messages(*, topic: str = "") -> dict[str, int]:
    """Count messages by state."""
    found = Outbox.objects.filter(topic__startswith=topic)
    return dict(found.values_list("state").annotate(messages=Count("outbox_id")).order_by("state"))
