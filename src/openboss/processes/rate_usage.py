"""Usage becomes rated detail: a file is taken (collect side), the engine rates its chunks (charge side).

Source: CHG-01 to CHG-08, D4.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from openboss.modules.catalog.atomic import reference_frames
from openboss.modules.charging.canonical import Trailer, UsageText
from openboss.modules.charging.functions import errors
from openboss.modules.charging.functions.collection import take_usage
from openboss.modules.charging.functions.errors import Recycled
from openboss.modules.charging.normalise import operator_clock
from openboss.modules.charging.numbering import NumberingTables, OperatorClock, build_numbering
from openboss.modules.charging.record_key import installation_secret

NUMBERING = ("areas", "number_prefixes", "countries", "special_numbers", "cells", "providers")
HOUR_S = 3600

_built: dict[str, NumberingTables] = {}


def current_numbering() -> NumberingTables:
    """Compile the numbering plan in force; the last one is kept while the reference tables do not change."""
    frames = reference_frames()
    content = "/".join(str(_content(frames[name])) for name in NUMBERING)
    if content not in _built:
        _built.clear()
        _built[content] = build_numbering(frames, installation_secret())
    return _built[content]


def _content(frame: pl.DataFrame) -> int:
    return int(frame.hash_rows(seed=1).sum() or 0) ^ frame.height


@lru_cache(maxsize=4)
def _clock(zone: str, hour: int) -> OperatorClock:
    return operator_clock(zone, hour * HOUR_S)


def take_file(
    *,
    file_id: int,
    pieces: Iterable[UsageText | Trailer],
    numbering: NumberingTables,
    timezone: str,
    lake_dir: Path,
    now: datetime,
) -> int:
    """Take one registered usage file: decode, check, classify, make it durable, count it; return its records.

    Raises Undecodable, TrailerMismatch (hold the file) and OSError (try again). Source: CHG-02, CHG-03, CHG-06.
    """
    clock = _clock(timezone, int(now.timestamp()) // HOUR_S)
    return take_usage(file_id=file_id, pieces=pieces, tables=numbering, clock=clock, lake_dir=lake_dir, now=now)


def recycle_errors(
    *, filters: Mapping[str, Any], timezone: str, lake_dir: Path, now: datetime, staff_id: int | None = None
) -> Recycled:
    """Send records of the error pool through the checks again, with the numbering plan as it is now.

    Those that pass go to the engine as new chunks; the others stay, with what stops them now.
    After a change of reference data, and every day (D4.4). Source: CHG-08.
    """
    return errors.recycle(
        filters=filters,
        tables=current_numbering(),
        clock=_clock(timezone, int(now.timestamp()) // HOUR_S),
        lake_dir=lake_dir,
        now=now,
        staff_id=staff_id,
    )
