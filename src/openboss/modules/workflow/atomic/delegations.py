"""Authority lent for a time: from whom, to whom, how far; it ends at its moment without anybody doing anything."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from openboss.modules.system.atomic import record_audit
from openboss.modules.workflow.models import Delegation


class DelegationUnknown(LookupError):
    """There is no such lent authority, or it has ended."""


@dataclass(frozen=True)
class DelegationView:
    """What one person lent another."""

    delegation_id: int
    from_staff_id: int
    to_staff_id: int
    team: str
    limit_fen: int | None
    from_at: datetime
    to_at: datetime
    reason: str
    withdrawn_at: datetime | None


@transaction.atomic
def lend(
    *,
    from_staff_id: int,
    to_staff_id: int,
    team: str,
    limit_fen: int | None,
    from_at: datetime,
    to_at: datetime,
    reason: str,
    at: datetime,
) -> DelegationView:
    """Write down that authority is lent."""
    row = Delegation.objects.create(
        from_staff_id=from_staff_id, to_staff_id=to_staff_id, team=team, limit_fen=limit_fen, from_at=from_at,
        to_at=to_at, reason=reason[:200],
    )  # fmt: skip
    _audit("workflow.lend", row, at, reason)
    return _view(row)


@transaction.atomic
def withdraw(*, delegation_id: int, from_staff_id: int, at: datetime) -> None:
    """Take lent authority back before its end. Raises DelegationUnknown, also for somebody else's."""
    found = Delegation.objects.select_for_update().filter(
        pk=delegation_id, from_staff_id=from_staff_id, withdrawn_at=None, to_at__gt=at
    )
    row = found.first()
    if row is None:
        raise DelegationUnknown(delegation_id)
    row.withdrawn_at = at
    row.save()
    _audit("workflow.withdraw", row, at, "")


def lent_to(*, staff_id: int, at: datetime) -> list[DelegationView]:
    """What others have lent this person and is in force at a moment."""
    found = Delegation.objects.filter(to_staff_id=staff_id, from_at__lte=at, to_at__gt=at, withdrawn_at=None)
    return [_view(row) for row in found.order_by("delegation_id")]


def lent_by_or_to(*, staff_id: int, limit: int = 100) -> list[DelegationView]:
    """What this person lent or was lent, the newest first."""
    found = Delegation.objects.filter(Q(from_staff_id=staff_id) | Q(to_staff_id=staff_id))
    return [_view(row) for row in found.order_by("-delegation_id")[:limit]]


def _view(row: Delegation) -> DelegationView:
    return DelegationView(**{name: getattr(row, name) for name in DelegationView.__dataclass_fields__})


def _audit(action: str, row: Delegation, at: datetime, reason: str) -> None:
    record_audit(
        staff_id=row.from_staff_id,
        action=action,
        object_kind="staff",
        object_id=row.to_staff_id,
        at=at,
        reason=reason,
        after={
            "delegation_id": row.delegation_id,
            "team": row.team,
            "limit_fen": row.limit_fen,
            "from_at": row.from_at.isoformat(),
            "to_at": row.to_at.isoformat(),
        },
    )
