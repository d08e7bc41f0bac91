"""Questions on collection: files, balances, alarms, delays. Nothing here changes a table.

Source: CHG-01, CHG-02, CHG-34, CHG-37, D4.5.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from openboss.modules.charging.models import Alarm, StageCounter, UsageChunk, UsageFile
from openboss.modules.charging.models.files import STAGES

OUTCOMES = ("rated", "free", "duplicate", "error", "filtered")


@dataclass(frozen=True)
class FileBalance:
    """Where the records of one file are: `records_in` = outcomes + waiting for the engine, or something was lost."""

    file_id: int
    inbox: str
    name: str
    state: str
    records_in: int
    rated: int
    free: int
    duplicate: int
    error: int
    filtered: int
    waiting: int
    is_balanced: bool


_OUTER = OuterRef("file_id")
_LOST = ~Q(records_in=sum((F(f"sum_{name}") for name in OUTCOMES), start=F("waiting")))
_CHAIN = ~Q(passed_last=F("rate_in") + F("waiting"))


def _summed(rows: Any, column: str) -> Any:
    summed = rows.filter(file_id=_OUTER).order_by().values("file_id").annotate(n=Sum(column)).values("n")
    return Coalesce(Subquery(summed), 0)


def _balances(files: Any) -> Any:
    counters = StageCounter.objects
    return files.annotate(
        records_in=_summed(counters.filter(stage="DECODE"), "records_in"),
        **{f"sum_{name}": _summed(counters, name) for name in OUTCOMES},
        waiting=_summed(UsageChunk.objects.filter(state="READY"), "rows"),
        passed_last=_summed(counters.filter(stage="NORMALISE"), "passed"),
        rate_in=_summed(counters.filter(stage="RATE"), "records_in"),
    )


def _balance(row: Any) -> FileBalance:
    outcomes = {name: getattr(row, f"sum_{name}") for name in OUTCOMES}
    counted = row.records_in == sum(outcomes.values()) + row.waiting
    handed_on = row.passed_last == row.rate_in + row.waiting
    return FileBalance(
        file_id=row.file_id,
        inbox=row.inbox,
        name=row.name,
        state=row.state,
        records_in=row.records_in,
        waiting=row.waiting,
        is_balanced=counted and handed_on,
        **outcomes,
    )


def file_balance(*, file_id: int) -> FileBalance:
    """Say where every record of a file is. Source: CHG-37."""
    return _balance(_balances(UsageFile.objects.filter(file_id=file_id)).get())


def stage_counts(*, file_id: int) -> list[dict[str, Any]]:
    """Counters of one file, in the order of the stages."""
    rows = list(StageCounter.objects.filter(file_id=file_id).values())
    return sorted(rows, key=lambda row: STAGES.index(row["stage"]))


def broken_balances(*, since: datetime, also: Collection[int]) -> list[FileBalance]:
    """Find files that lost or doubled records, among those that arrived or were rated since a moment and some others.

    also   ids of files to look at however old they are
    """
    files = UsageFile.objects.filter(Q(arrived_at__gte=since) | Q(rated_at__gte=since) | Q(file_id__in=also))
    return [_balance(row) for row in _balances(files.order_by("file_id")).filter(_LOST | _CHAIN)]


def files_to_settle(*, since: datetime, until: datetime) -> list[FileBalance]:
    """Find files with events in [since, until) that lost records, wait for the engine, or were never finished.

    A held file has no events yet: it counts if it arrived since then.
    """
    within = Q(first_event_at__lt=until, last_event_at__gte=since)
    held = Q(state__in=("HELD", "RECEIVED"), arrived_at__gte=since)
    files = _balances(UsageFile.objects.filter(within | held)).order_by("file_id")
    broken = Q(state__in=("HELD", "RECEIVED")) | Q(waiting__gt=0)
    return [_balance(row) for row in files.filter(broken | _LOST | _CHAIN)]


def list_files(
    *, filters: Mapping[str, Any], sort: str = "-file_id", page: int = 1, page_size: int = 50
) -> tuple[list[dict[str, Any]], int]:
    """List one page of usage files with their balance, and how many match in all.

    Filter keys: source, state, code, name (part of it), since, until (of arrival).
    """
    names = {"source": "inbox", "code": "error_code", "name": "name__icontains", "since": "arrived_at__gte",
             "until": "arrived_at__lt"}  # fmt: skip
    given = {names.get(key, key): value for key, value in filters.items() if value not in (None, "")}
    found = UsageFile.objects.filter(**given)
    start = (page - 1) * page_size
    rows = _balances(found.order_by(sort, "-file_id")[start : start + page_size])
    columns = ("sequence", "size_bytes", "error_code", "cause", "arrived_at", "chunked_at", "rated_at",
               "first_event_at", "last_event_at")  # fmt: skip
    listed = [{**vars(_balance(row)), **{name: getattr(row, name) for name in columns}} for row in rows]
    return listed, found.count()


def list_alarms(*, open_only: bool = True, limit: int = 200) -> list[dict[str, Any]]:
    """List alarms of collection, newest first."""
    found = Alarm.objects.filter(cleared_at=None) if open_only else Alarm.objects.all()
    rows = found.order_by("-alarm_id").values(
        "alarm_id", "kind", "code", "cause", "sequence", "file_id", "opened_at", "cleared_at",
        source_code=F("source__code"), file_name=F("file__name"),
    )  # fmt: skip
    return list(rows[:limit])


def source_status(*, since: datetime) -> list[dict[str, Any]]:
    """Say for each source what came since a moment, how far it is, and how late it is (CHG-34).

    Columns: code, name_zh, name_en, decoder, is_active, files, records, last_sequence, last_arrived_at, gaps (open),
    held, waiting (records), arrival_p50_s / p95_s (arrival to rated), event_p50_s / p95_s (event to rated).
    """
    with connection.cursor() as cursor:
        cursor.execute(_STATUS, {"since": since})
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


_STATUS = """
SELECT s.code, s.name_zh, s.name_en, s.decoder, s.is_active,
       count(f.file_id) FILTER (WHERE f.state IN ('CHUNKED', 'RATED')) AS files,
       coalesce(sum(f.records) FILTER (WHERE f.state IN ('CHUNKED', 'RATED')), 0)::bigint AS records,
       (SELECT sequence FROM charging_usagefile l
         WHERE l.source_id = s.source_id AND l.state IN ('RECEIVED', 'CHUNKED', 'RATED') AND sequence IS NOT NULL
         ORDER BY round DESC, sequence DESC LIMIT 1) AS last_sequence,
       max(f.arrived_at) AS last_arrived_at,
       (SELECT count(*) FROM charging_alarm a
         WHERE a.source_id = s.source_id AND a.kind = 'GAP' AND a.sequence IS NOT NULL
           AND a.cleared_at IS NULL) AS gaps,
       (SELECT count(*) FROM charging_usagefile h WHERE h.source_id = s.source_id AND h.state = 'HELD') AS held,
       (SELECT coalesce(sum(c.rows), 0)::bigint FROM charging_usagechunk c JOIN charging_usagefile w USING (file_id)
         WHERE w.source_id = s.source_id AND c.state = 'READY') AS waiting,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM f.rated_at - f.arrived_at)) AS arrival_p50_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM f.rated_at - f.arrived_at)) AS arrival_p95_s,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM f.rated_at - f.last_event_at)) AS event_p50_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM f.rated_at - f.last_event_at)) AS event_p95_s
  FROM charging_source s
  LEFT JOIN charging_usagefile f ON f.source_id = s.source_id AND f.arrived_at >= %(since)s
 GROUP BY s.source_id
 ORDER BY s.code
"""
