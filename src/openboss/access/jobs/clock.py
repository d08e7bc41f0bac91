"""The only clock of OpenBOSS: real time, plus the shift a demo or an acceptance test sets.

Everything below the access layer is handed the moment. The shift is kept in the data folder, so that all
processes of an installation live on the same day; a real installation has none.
"""

from __future__ import annotations

import json
import math
import os
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from openboss.config.options import options

CLOCK_FILE = "clock.json"


def now() -> datetime:
    """The present moment of this installation, in UTC."""
    return datetime.now(UTC) + shift()


def world_now() -> datetime:
    """The real present moment: what other people's clocks show, such as the app that makes codes for a login."""
    return datetime.now(UTC)


def today() -> date:
    """The business date: today on the operator's wall."""
    return now().astimezone(operator_timezone()).date()


def begin_of(day: date) -> datetime:
    """The first moment of a day on the operator's wall."""
    return datetime.combine(day, time(), operator_timezone())


def operator_timezone() -> ZoneInfo:
    """The time zone of the operator."""
    return ZoneInfo(options().timezone)


def local_s(moment: datetime) -> int:
    """Seconds since 1970-01-01 00:00 of the operator's wall clock (what the kernel and the engine count in)."""
    wall = moment.astimezone(operator_timezone()).replace(tzinfo=UTC)
    return int(wall.timestamp())


@cache
def shift() -> timedelta:
    """How far this installation's clock is ahead of real time (read once a process)."""
    try:
        found = json.loads(_clock_file().read_text(encoding="ascii"))
    except FileNotFoundError:
        return timedelta(0)
    return timedelta(seconds=found["shift_s"])


def pin(moment: datetime) -> None:
    """Let it be `moment` now, running on from there, in every process started from now on."""
    assert moment.tzinfo is not None
    shift_s = math.ceil((moment - datetime.now(UTC)).total_seconds())  # whole seconds, and never a moment before
    path = _clock_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"shift_s": shift_s}), encoding="ascii")
    os.replace(draft, path)
    shift.cache_clear()


def is_pinned() -> bool:
    """Whether somebody shifted the clock of this installation."""
    return _clock_file().exists()


def _clock_file() -> Path:
    return options().data_dir / CLOCK_FILE
