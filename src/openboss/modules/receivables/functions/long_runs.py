"""Long runs of money, as jobs write them and screens follow them."""

from openboss.modules.receivables.atomic.long_runs import (
    LongRunUnknown,
    LongRunView,
    RunGoesOn,
    begin_long_run,
    end_long_run,
    list_long_runs,
    long_run,
    note_progress,
    take_up_long_run,
)

__all__ = [
    "LongRunUnknown",
    "LongRunView",
    "RunGoesOn",
    "begin_long_run",
    "end_long_run",
    "list_long_runs",
    "long_run",
    "note_progress",
    "take_up_long_run",
]
