"""Watching online charging: the board of the last two minutes, and the steps of a user who is followed.

Both live in the running engine's memory. Whoever follows a user sees what a customer does: it is written down.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from openboss.modules.charging.engine.query import NoAnswer, ask
from openboss.modules.system.functions import record_audit

__all__ = ["NoAnswer", "charging_board", "find_sessions", "follow_user", "stop_following", "steps_of_user"]


def charging_board(*, now_s: int) -> dict[str, Any]:
    """What networks asked in the two minutes before a UTC second, and how it went; see `engine.online.watch`.

    Raises NoAnswer.
    """
    return dict(ask(f"board/{now_s}", Path(settings.DATA_DIR)))


def find_sessions(*, subscriber_id: int | None = None, name: str = "", life: str = "") -> dict[str, Any]:
    """Sessions the running engine knows, of a user, by the network's or the engine's name of it, or in a state.

    Returns {"total", "sessions": the newest of them}; see `engine.online.finding`. Raises NoAnswer.
    """
    body = {"subscriber_id": subscriber_id, "name": name, "life": life}
    return dict(ask("sessions", Path(settings.DATA_DIR), method="POST", body=body))


def follow_user(*, subscriber_id: int, number: str, reason: str, staff_id: int, at: datetime) -> None:
    """Begin to keep the steps of a user, for a reason. Raises NoAnswer: then nothing is followed or written down."""
    with transaction.atomic():
        record_audit(
            action="charging.follow_user",
            object_kind="subscriber",
            object_id=subscriber_id,
            staff_id=staff_id,
            reason=reason,
            at=at,
        )
        ask(f"steps/{subscriber_id}", Path(settings.DATA_DIR), method="POST", body={"number": number})


def stop_following(subscriber_id: int) -> None:
    """Keep the steps of a user no more. Raises NoAnswer."""
    ask(f"steps/{subscriber_id}", Path(settings.DATA_DIR), method="DELETE")


def steps_of_user(subscriber_id: int) -> dict[str, Any]:
    """What networks asked for a user, oldest first: `earlier` in short, before somebody followed; `steps` since.

    Nothing of it unless the user `is_followed`. Raises NoAnswer.
    """
    return dict(ask(f"steps/{subscriber_id}", Path(settings.DATA_DIR)))
