"""Molecular functions for the collection monitor and the gate of the bill run.

Source: CHG-01, CHG-34, CHG-37, D4.5.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from openboss.modules.charging.atomic import monitor
from openboss.modules.charging.atomic.monitor import FileBalance

list_files = monitor.list_files
file_balance = monitor.file_balance
stage_counts = monitor.stage_counts
list_alarms = monitor.list_alarms
source_status = monitor.source_status

__all__ = [
    "FileBalance", "file_balance", "list_alarms", "list_files", "source_status", "stage_counts", "unbalanced_files",
]  # fmt: skip


def unbalanced_files(*, cycle: int, timezone: str) -> list[FileBalance]:
    """Find the files that block the bill run of a cycle: records lost, still waiting for the engine, or file held.

    cycle      as 202610
    timezone   the operator's

    Empty means that every record of the cycle has an outcome. Source: CHG-37.
    """
    year, month = divmod(cycle, 100)
    zone = ZoneInfo(timezone)
    since = datetime(year, month, 1, tzinfo=zone)
    until = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    return monitor.files_to_settle(since=since.astimezone(UTC), until=until.astimezone(UTC))
