"""The audit trail: written in the writer's transaction, chained afterwards by a sealing job (D21.7)."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from openboss.modules.system.models import AuditEntry, AuditSeal
from openboss.modules.system.statements import ask, put_rows

FIRST_LINK = bytes(32)
SEAL_LOCK = 0x5EA1
_COLUMNS = {
    "at": "timestamptz",
    "staff_id": "bigint",
    "action": "text",
    "object_kind": "text",
    "object_id": "text",
    "reason": "text",
    "after": "jsonb",
}
_WRITE = """
INSERT INTO system_auditentry (at, staff_id, action, object_kind, object_id, reason, before, after)
VALUES (%s::timestamptz, %s::bigint, %s::text, %s::text, %s::text, %s::text, %s::jsonb, %s::jsonb) RETURNING audit_id
"""
SORTS = ("audit_id", "at", "staff_id", "action", "object_kind")


@dataclass(frozen=True)
class AuditRow:
    """One entry as it is shown."""

    audit_id: int
    at: datetime
    staff_id: int | None
    action: str
    object_kind: str
    object_id: str
    reason: str
    before: Any
    after: Any
    is_sealed: bool


@dataclass(frozen=True)
class AuditCheck:
    """What a verification of the chain found; `broken_at` names the first seal that does not fit."""

    sealed: int
    unsealed: int
    broken_at: int | None


def record_audit(
    *,
    staff_id: int | None,
    action: str,
    object_kind: str,
    object_id: object,
    at: datetime,
    reason: str = "",
    before: Any = None,
    after: Any = None,
) -> int:
    """Write one audit entry in the caller's transaction; staff_id None = the system itself. Returns its id."""
    what = [None if one is None else json.dumps(one) for one in (before, after)]
    ((audit_id,),) = ask(_WRITE, [at, staff_id, action, object_kind, str(object_id), reason, *what])
    return int(audit_id)


def record_audits(
    *, staff_id: int | None, action: str, object_kind: str, at: datetime, after: Iterable[tuple[int, Mapping[str, Any]]]
) -> None:
    """Write many audit entries in the caller's transaction; after: objects, each with what it is from now on."""
    put_rows(
        "system_auditentry",
        _COLUMNS,
        [(at, staff_id, action, object_kind, str(key), "", json.dumps(what)) for key, what in after],
    )


def list_audit(
    *,
    staff_id: int | None = None,
    action: str = "",
    object_kind: str = "",
    object_id: str = "",
    sort: str = "-audit_id",
    page: int = 1,
    page_size: int = 50,
) -> tuple[list[AuditRow], int]:
    """Show entries, newest first or by a column of SORTS, with the number of all that match."""
    wanted = {"staff_id": staff_id, "action": action, "object_kind": object_kind, "object_id": object_id}
    found = AuditEntry.objects.filter(**{name: value for name, value in wanted.items() if value})
    order = sort if sort.removeprefix("-") in SORTS else "-audit_id"
    shown = found.select_related("seal").order_by(order, "-audit_id")
    shown = shown[(page - 1) * page_size : page * page_size]
    return [_row(entry) for entry in shown], found.count()


def _row(entry: AuditEntry) -> AuditRow:
    return AuditRow(
        entry.audit_id,
        entry.at,
        entry.staff_id,
        entry.action,
        entry.object_kind,
        entry.object_id,
        entry.reason,
        entry.before,
        entry.after,
        hasattr(entry, "seal"),
    )


def _link(previous: bytes, entry: AuditEntry) -> bytes:
    """Chain one entry to the one before: any later change of either gives another hash."""
    content = [
        entry.audit_id,
        entry.at.timestamp(),
        entry.staff_id,
        entry.action,
        entry.object_kind,
        entry.object_id,
        entry.reason,
        entry.before,
        entry.after,
    ]
    return hashlib.sha256(previous + json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).digest()


@transaction.atomic
def seal_audit(*, limit: int = 10_000) -> int:
    """Chain the entries that are committed and not yet sealed; return how many.

    The chain follows the order of sealing, not of ids: an entry with a lower id that commits later is sealed later.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEAL_LOCK])
    last = AuditSeal.objects.order_by("-position").first()
    position, previous = (last.position, bytes(last.sha256)) if last else (0, FIRST_LINK)
    seals = []
    for entry in AuditEntry.objects.filter(seal__isnull=True).order_by("audit_id")[:limit]:
        position, previous = position + 1, _link(previous, entry)
        seals.append(AuditSeal(position=position, entry=entry, sha256=previous))
    AuditSeal.objects.bulk_create(seals, batch_size=1000)
    return len(seals)


def verify_audit() -> AuditCheck:
    """Walk the whole chain and say where it breaks, if it does."""
    previous, position = FIRST_LINK, 0
    for seal in AuditSeal.objects.select_related("entry").order_by("position").iterator(chunk_size=2000):
        position += 1
        previous = _link(previous, seal.entry)
        if seal.position != position or bytes(seal.sha256) != previous:
            return AuditCheck(position - 1, 0, broken_at=position)
    return AuditCheck(position, AuditEntry.objects.filter(seal__isnull=True).count(), broken_at=None)
