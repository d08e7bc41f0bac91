"""What waits for the charging engine, for whoever watches over it. Nothing here changes a table."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Sum
from django.db.models.functions import Coalesce

from openboss.modules.charging.models import EngineCommand, UsageChunk


@dataclass(frozen=True)
class Backlog:
    """Chunks that wait with their records, commands that wait, and since when the oldest chunk does."""

    chunks: int
    records: int
    commands: int
    oldest_at: datetime | None


def engine_backlog() -> Backlog:
    """Say what waits for the charging engine now."""
    ready = UsageChunk.objects.filter(state="READY")
    found = ready.aggregate(chunks=Count("chunk_id"), records=Coalesce(Sum("rows"), 0), oldest_at=Min("created_at"))
    return Backlog(**found, commands=EngineCommand.objects.filter(state="WAITING").count())
