"""Atomic services on the error pool: add, list, correct, recycle, write off with a second person's approval.

Source: CHG-08, D4.2, D4.4.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet

from openboss.modules.charging.codes import ERROR_CODES
from openboss.modules.charging.models import ErrorBatch, ErrorRecord
from openboss.modules.charging.written import written_records
from openboss.modules.system.atomic import record_audit

OPEN_STATES = ("OPEN", "CORRECTED")
KEPT = timedelta(days=90)
PROPOSED_BECAUSE = "在错单池中已满90天 / in the pool for 90 days"
# the engine has no clock: the database's time since the arrival, on the clock by which the file arrived
_SINCE_ARRIVAL = "f.arrived_at + (now() - f.entered_at)"
_COLUMNS = ("file_id", "seq_in_file", "stage", "code", "cause", "served_number", "record", "state", "recycles",
            "created_at", "changed_at")  # fmt: skip


class OwnRequest(Exception):
    """A write-off must be approved by somebody other than whoever asked for it; nothing was changed."""


class NotRequested(Exception):
    """There is no such request, or it was decided before; nothing was changed."""


@dataclass(frozen=True)
class NewError:
    """A record for the error pool: its place in the file, where it failed, why, and what the source wrote."""

    seq_in_file: int
    stage: str
    code: str
    served_number: str
    record: Mapping[str, Any]


@dataclass(frozen=True)
class PoolRecord:
    """One record of the error pool, for recycling."""

    error_id: int
    file_id: int
    seq_in_file: int
    stage: str
    record: dict[str, Any]


def add_errors(*, file_id: int, errors: Iterable[NewError], at: datetime) -> None:
    """Append records of one file to the pool, by COPY."""
    rows = (
        (file_id, e.seq_in_file, e.stage, e.code, ERROR_CODES[e.code].name_en, e.served_number[:40],
         json.dumps(e.record, ensure_ascii=False).replace("\\u0000", " "), "OPEN", 0, at, at)
        for e in errors
    )  # fmt: skip
    into = f"COPY charging_errorrecord ({', '.join(_COLUMNS)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(into) as copy:
        for row in rows:
            copy.write_row(row)


def add_rating_errors(*, file_id: int, errors: pl.DataFrame) -> None:
    """Append what the engine could not rate: NORMALISED columns and `code` (301 is E301)."""
    if errors.is_empty():
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_SINCE_ARRIVAL} FROM charging_usagefile f WHERE file_id = %s", [file_id])
        at = cursor.fetchone()[0]
    records = written_records(errors)
    codes, seqs = [f"E{code}" for code in errors["code"]], errors["seq_in_file"].to_list()
    news = (
        NewError(seq, "RATE", code, record["served_number"], record)
        for seq, code, record in zip(seqs, codes, records, strict=True)
    )
    add_errors(file_id=file_id, errors=news, at=at)


def reopen_errors(*, file_id: int, stage: str, errors: pl.DataFrame) -> None:
    """Put recycled records that failed again back into the pool, with what stopped them this time."""
    codes = {seq: f"E{code}" for seq, code in errors.select("seq_in_file", "code").iter_rows()}
    seqs = list(codes)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE charging_errorrecord e SET state = 'OPEN', stage = %s, code = n.code, cause = n.cause, "
            f"changed_at = {_SINCE_ARRIVAL} FROM charging_usagefile f, "
            "unnest(%s::int[], %s::text[], %s::text[]) AS n(seq, code, cause) "
            "WHERE e.file_id = %s AND f.file_id = e.file_id AND e.seq_in_file = n.seq AND e.state = 'RECYCLED'",
            [stage, seqs, [codes[s] for s in seqs], [ERROR_CODES[codes[s]].name_en for s in seqs], file_id],
        )


def pool_query(filters: Mapping[str, Any]) -> QuerySet[ErrorRecord]:
    """Narrow the pool: keys code, state, stage, source (code), file_id, served_number, error_ids."""
    names = {"source": "file__source__code", "error_ids": "error_id__in", "file_id": "file_id"}
    given = {names.get(key, key): value for key, value in filters.items() if value not in (None, "")}
    return ErrorRecord.objects.filter(**given)


def list_errors(
    *, filters: Mapping[str, Any], sort: str = "-error_id", page: int = 1, page_size: int = 50
) -> tuple[list[dict[str, Any]], int]:
    """List one page of the pool, and how many match in all."""
    found = pool_query(filters)
    start = (page - 1) * page_size
    rows = found.order_by(sort, "error_id").values(
        "error_id", "file_id", "seq_in_file", "stage", "code", "cause", "served_number", "record", "state", "recycles",
        "created_at", "changed_at", "handled_by", "batch_id", source=F("file__inbox"), file_name=F("file__name"),
    )  # fmt: skip
    return list(rows[start : start + page_size]), found.count()


def error_summary() -> list[dict[str, Any]]:
    """Count the pool by source, code and state."""
    rows = ErrorRecord.objects.values("code", "state", source=F("file__inbox")).annotate(records=Count("error_id"))
    return list(rows.order_by("source", "code", "state"))


@transaction.atomic
def correct_errors(
    *, filters: Mapping[str, Any], field: str, value: str, reason: str, staff_id: int, at: datetime
) -> int:
    """Set one field of many open records, as a batch; an empty `field` says that reference data was put right.

    Returns how many records it touched. Source: CHG-08.
    """
    found = pool_query(filters).filter(state__in=OPEN_STATES).select_for_update()
    ids = list(found.values_list("error_id", flat=True))
    batch = _batch("CORRECT", "DONE", len(ids), staff_id, at, reason=reason, field=field, value=value)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE charging_errorrecord SET state = 'CORRECTED', batch_id = %s, handled_by = %s, changed_at = %s, "
            "record = CASE WHEN %s = '' THEN record ELSE record || jsonb_build_object(%s::text, %s::text) END "
            "WHERE error_id = ANY(%s)",
            [batch.batch_id, staff_id, at, field, field, value, ids],
        )
    return len(ids)


def _batch(kind: str, state: str, records: int, staff_id: int | None, at: datetime, **more: str) -> ErrorBatch:
    batch = ErrorBatch.objects.create(
        kind=kind, state=state, records=records, requested_by=staff_id, requested_at=at, **more
    )
    _audit(batch, staff_id, at)
    return batch


def _audit(batch: ErrorBatch, staff_id: int | None, at: datetime) -> None:
    record_audit(
        staff_id=staff_id,
        action=f"charging.{batch.kind.lower()}_errors",
        object_kind="error_batch",
        object_id=batch.batch_id,
        at=at,
        reason=batch.reason,
        after={"state": batch.state, "records": batch.records, "field": batch.field, "value": batch.value},
    )


def lock_open_errors(*, filters: Mapping[str, Any], limit: int) -> list[PoolRecord]:
    """Take open records for recycling, locked until the transaction ends, in the order of their files."""
    found = pool_query(filters).filter(state__in=OPEN_STATES).order_by("file_id", "seq_in_file")
    rows = found.select_for_update(skip_locked=True)[:limit]
    return [PoolRecord(r.error_id, r.file_id, r.seq_in_file, r.stage, r.record) for r in rows]


def mark_recycled(*, error_ids: Sequence[int], staff_id: int | None, at: datetime) -> None:
    """Note that records left the pool for a new chunk."""
    ErrorRecord.objects.filter(error_id__in=error_ids).update(
        state="RECYCLED", recycles=F("recycles") + 1, handled_by=staff_id, changed_at=at
    )


@transaction.atomic
def request_write_off(*, filters: Mapping[str, Any], reason: str, staff_id: int, at: datetime) -> int:
    """Ask to give up open records for good; return the request's id. Source: CHG-08, D4.4."""
    ids = list(pool_query(filters).filter(state__in=OPEN_STATES).select_for_update().values_list("error_id", flat=True))
    batch = _batch("WRITE_OFF", "REQUESTED", len(ids), staff_id, at, reason=reason)
    ErrorRecord.objects.filter(error_id__in=ids).update(state="WRITE_OFF_REQUESTED", batch=batch, changed_at=at)
    return batch.batch_id


@transaction.atomic
def propose_write_off(*, at: datetime) -> int:
    """Ask, in nobody's name, to give up records that are older than KEPT; a person must approve (D4.4).

    Records whose writing off was refused are left alone as long again. Returns how many are proposed.
    """
    refused = Q(batch__kind="WRITE_OFF", batch__state="REFUSED", batch__decided_at__gt=at - KEPT)
    old = ErrorRecord.objects.filter(state__in=OPEN_STATES, created_at__lte=at - KEPT).exclude(refused)
    ids = list(old.select_for_update(of=("self",)).values_list("error_id", flat=True))
    if ids:
        batch = _batch("WRITE_OFF", "REQUESTED", len(ids), None, at, reason=PROPOSED_BECAUSE)
        ErrorRecord.objects.filter(error_id__in=ids).update(state="WRITE_OFF_REQUESTED", batch=batch, changed_at=at)
    return len(ids)


@transaction.atomic
def decide_write_off(*, batch_id: int, approved: bool, staff_id: int, at: datetime) -> int:
    """Approve or refuse a write-off as a second person; return how many records it concerns.

    Raises NotRequested, OwnRequest. Source: CHG-08.
    """
    batch = (
        ErrorBatch.objects.select_for_update().filter(batch_id=batch_id, kind="WRITE_OFF", state="REQUESTED").first()
    )
    if batch is None:
        raise NotRequested(batch_id)
    if batch.requested_by == staff_id:
        raise OwnRequest(batch_id)
    batch.state, batch.decided_by, batch.decided_at = "APPROVED" if approved else "REFUSED", staff_id, at
    batch.save()
    _audit(batch, staff_id, at)
    concerned = ErrorRecord.objects.filter(batch=batch, state="WRITE_OFF_REQUESTED")
    return concerned.update(state="WRITTEN_OFF" if approved else "OPEN", handled_by=staff_id, changed_at=at)


def list_batches(*, state: str | None = None) -> list[dict[str, Any]]:
    """List corrections and write-off requests, newest first."""
    found = ErrorBatch.objects.filter(Q() if state is None else Q(state=state)).order_by("-batch_id")
    return list(found.values())


def reopen_stage(*, error_ids: Mapping[int, str], stage: str, at: datetime) -> None:
    """Keep records in the pool that still fail, with the code that stops them now (code by error_id)."""
    for code in set(error_ids.values()):
        ids = [error_id for error_id, its_code in error_ids.items() if its_code == code]
        ErrorRecord.objects.filter(error_id__in=ids).update(
            code=code, stage=stage, cause=ERROR_CODES[code].name_en, recycles=F("recycles") + 1, changed_at=at
        )
