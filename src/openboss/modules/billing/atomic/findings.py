"""Audit findings and their signatures (ACP-23, D7.7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from openboss.modules.billing.models import AuditFinding
from openboss.modules.system.atomic import record_audit


class FindingUnknown(LookupError):
    """There is no such finding in a live bill run."""


class FindingSigned(Exception):
    """Somebody signed this finding off before."""


class OwnRun(Exception):
    """You alone stand behind this bill run: somebody else has to sign a finding of it, or to release it."""


@dataclass(frozen=True)
class FindingView:
    """Something to look at before release; needs_sign_off and no signed_by = blocks the release."""

    finding_id: int
    kind: str
    severity: str
    item_id: int
    bill_id: int
    subscriber_id: int
    before: int
    now: int
    deviation_ppm: int
    needs_sign_off: bool
    signed_by: str
    signed_at: datetime | None
    sign_reason: str


@dataclass(frozen=True)
class Finding:
    """A finding before it is stored; ids that do not apply are 0."""

    kind: str
    severity: str
    item_id: int = 0
    bill_id: int = 0
    subscriber_id: int = 0
    before: int = 0
    now: int = 0
    deviation_ppm: int = 0
    needs_sign_off: bool = False


@transaction.atomic
def replace_findings(*, run_id: int, findings: Iterable[Finding]) -> int:
    """Store the findings of an audit in place of those of an earlier attempt; return how many."""
    AuditFinding.objects.filter(run_id=run_id).delete()
    return len(AuditFinding.objects.bulk_create(AuditFinding(run_id=run_id, **vars(one)) for one in findings))


def list_findings(*, run_id: int) -> list[FindingView]:
    """List the findings of a run, those that need a signature first."""
    rows = AuditFinding.objects.filter(run_id=run_id).order_by("-needs_sign_off", "kind", "finding_id")
    return [
        FindingView(
            row.finding_id,
            row.kind,
            row.severity,
            row.item_id,
            row.bill_id,
            row.subscriber_id,
            row.before,
            row.now,
            row.deviation_ppm,
            row.needs_sign_off,
            row.signed_by,
            row.signed_at,
            row.sign_reason,
        )
        for row in rows
    ]


@transaction.atomic
def sign_finding(*, finding_id: int, staff_id: int, login: str, reason: str, at: datetime) -> None:
    """Accept a finding under one's name. Raises FindingUnknown, FindingSigned, OwnRun. Source: ACP-23, D21.7."""
    live = AuditFinding.objects.select_related("run").filter(run__cancelled=False)
    row = live.select_for_update(of=("self",)).filter(finding_id=finding_id).first()
    if row is None:
        raise FindingUnknown(finding_id)
    if row.signed_by:
        raise FindingSigned(finding_id)
    if row.run.started_by == staff_id:
        raise OwnRun(finding_id)
    row.signed_by, row.signed_at, row.sign_reason = login, at, reason
    row.save()
    record_audit(
        staff_id=staff_id,
        action="billing.sign_finding",
        object_kind="auditfinding",
        object_id=finding_id,
        at=at,
        reason=reason,
        after={"kind": row.kind, "deviation_ppm": row.deviation_ppm},
    )
