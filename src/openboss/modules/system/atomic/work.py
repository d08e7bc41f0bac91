"""Outbox messages and serial numbers."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from openboss.modules.system.models import Outbox, SerialNumber


class SerialNumberUsed(Exception):
    """This business serial number was used before; the write was done then and is not repeated (D0.4)."""


def send_out(*, topic: str, payload: dict[str, Any], at: datetime) -> int:
    """Leave a message for the world outside in the caller's transaction; `access` delivers it. Returns its id."""
    return Outbox.objects.create(topic=topic, payload=payload, created_at=at, next_try_at=at).outbox_id


def take_serial_no(*, serial_no: str, purpose: str, at: datetime, answer: Any = None) -> None:
    """Mark a business serial number as used, in the caller's transaction. Raises SerialNumberUsed."""
    try:
        with transaction.atomic():
            SerialNumber.objects.create(serial_no=serial_no, purpose=purpose, used_at=at, answer=answer)
    except IntegrityError as used:
        raise SerialNumberUsed(serial_no) from used
