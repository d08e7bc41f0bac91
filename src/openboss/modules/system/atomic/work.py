"""Business serial numbers."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from openboss.modules.system.models import SerialNumber


class SerialNumberUsed(Exception):
    """This business serial number was used before; the write was done then and is not repeated (D0.4)."""


def take_serial_no(*, serial_no: str, purpose: str, at: datetime, answer: Any = None) -> None:
    """Mark a business serial number as used, in the caller's transaction. Raises SerialNumberUsed."""
    try:
        with transaction.atomic():
            SerialNumber.objects.create(serial_no=serial_no, purpose=purpose, used_at=at, answer=answer)
    except IntegrityError as used:
        raise SerialNumberUsed(serial_no) from used


def answer_under(*, serial_no: str) -> Any:
    """What was answered when a business serial number was used; None = it was not used yet."""
    found = SerialNumber.objects.filter(serial_no=serial_no).first()
    return found.answer if found else None
