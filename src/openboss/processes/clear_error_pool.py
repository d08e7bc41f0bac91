"""The error pool is worked off by the clock: tried again every day and after each change of the tables; what is too
old is proposed for writing off, and a person decides.

Source: CHG-08, D4.4.
"""

from datetime import datetime
from pathlib import Path

from openboss.modules.charging.functions import errors
from openboss.modules.charging.functions.errors import Recycled
from openboss.modules.system.functions import list_audit
from openboss.processes.rate_usage import recycle_errors

OF_THE_TABLES = ("E302", "E303", "E304", "E307")  # what another numbering plan can put right
REPLACED = "catalog.replace_reference"


def try_all_again(*, timezone: str, lake_dir: Path, now: datetime) -> Recycled:
    """Send every open record through the checks again, each once."""
    return _try_again({}, timezone, lake_dir, now, before=now)


def try_again_after_new_tables(*, timezone: str, lake_dir: Path, now: datetime) -> Recycled:
    """Try the records again that failed for the numbering tables before these were last replaced."""
    entries, _total = list_audit(action=REPLACED, page_size=1)
    if not entries:
        return Recycled(0, 0)
    return _try_again({"code__in": OF_THE_TABLES}, timezone, lake_dir, now, before=entries[0].at)


def _try_again(
    filters: dict[str, object], timezone: str, lake_dir: Path, now: datetime, *, before: datetime
) -> Recycled:
    """Recycle batch by batch; a record that fails again was changed now and does not come a second time."""
    recycled = failing = 0
    asked = {**filters, "changed_at__lt": min(before, now)}
    while True:
        done = recycle_errors(filters=asked, timezone=timezone, lake_dir=lake_dir, now=now)
        recycled, failing = recycled + done.recycled, failing + done.still_failing
        if not done.recycled and not done.still_failing:
            return Recycled(recycled, failing)


def propose_write_offs(*, now: datetime) -> int:
    """Propose to write off what has been in the pool for 90 days; return how many records a person must decide on."""
    return errors.propose_write_off(at=now)
