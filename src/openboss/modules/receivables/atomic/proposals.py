"""Proposals that move money and wait for a second person (D8.10, D8.11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from openboss.modules.receivables.models import Proposal
from openboss.modules.system.atomic import record_audit


class ProposalUnknown(LookupError):
    """There is no such proposal."""


class ProposalDecided(Exception):
    """Somebody has decided on this proposal already; nothing was changed."""


class ProposalExists(Exception):
    """The same is proposed for this bill already, or this form was sent before."""


@dataclass(frozen=True)
class ProposalView:
    """A proposal, waiting or decided."""

    proposal_id: int
    kind: str
    account_id: int
    bill_id: int | None
    to_account_id: int | None
    amount_fen: int
    means: str
    reason: str
    serial_no: str
    proposed_by: int
    proposed_at: datetime
    state: str
    decided_by: int | None
    decided_at: datetime | None
    answer: str


@transaction.atomic
def put_proposal(
    *,
    kind: str,
    account_id: int,
    amount_fen: int,
    reason: str,
    serial_no: str,
    at: datetime,
    staff_id: int,
    bill_id: int | None = None,
    to_account_id: int | None = None,
    means: str = "",
) -> ProposalView:
    """Write a proposal down; nothing moves. Raises ProposalExists."""
    try:
        with transaction.atomic():
            row = Proposal.objects.create(
                kind=kind,
                account_id=account_id,
                bill_id=bill_id,
                to_account_id=to_account_id,
                amount_fen=amount_fen,
                means=means,
                reason=reason[:200],
                serial_no=serial_no,
                proposed_by=staff_id,
                proposed_at=at,
            )
    except IntegrityError as exists:
        raise ProposalExists(f"{kind} {bill_id or account_id}") from exists
    _audit("receivables.propose", row, at, staff_id, reason)
    return _view(row)


def proposal_view(*, proposal_id: int) -> ProposalView:
    """A proposal as it is now. Raises ProposalUnknown."""
    row = Proposal.objects.filter(proposal_id=proposal_id).first()
    if row is None:
        raise ProposalUnknown(proposal_id)
    return _view(row)


@transaction.atomic
def lock_proposal(*, proposal_id: int) -> ProposalView:
    """Read a waiting proposal and keep it from others. Raises ProposalUnknown, ProposalDecided."""
    row = Proposal.objects.select_for_update().filter(proposal_id=proposal_id).first()
    if row is None:
        raise ProposalUnknown(proposal_id)
    if row.state != "WAITING":
        raise ProposalDecided(proposal_id)
    return _view(row)


@transaction.atomic
def settle_proposal(*, proposal_id: int, state: str, answer: str, at: datetime, staff_id: int) -> ProposalView:
    """Note the decision on a proposal that the caller has locked."""
    row = Proposal.objects.get(proposal_id=proposal_id)
    row.state, row.decided_by, row.decided_at, row.answer = state, staff_id, at, answer[:200]
    row.save()
    _audit(f"receivables.{state.lower()}", row, at, staff_id, answer)
    return _view(row)


def list_proposals(*, kinds: Sequence[str], state: str, limit: int = 1000) -> list[ProposalView]:
    """Proposals of some kinds, the newest first, of one state or of all."""
    found = Proposal.objects.filter(kind__in=list(kinds)).order_by("-proposal_id")
    return [_view(row) for row in (found.filter(state=state) if state else found)[:limit]]


def _view(row: Proposal) -> ProposalView:
    return ProposalView(**{name: getattr(row, name) for name in ProposalView.__dataclass_fields__})


def _audit(action: str, row: Proposal, at: datetime, staff_id: int, reason: str) -> None:
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="account",
        object_id=row.account_id,
        at=at,
        reason=reason,
        after={"proposal_id": row.proposal_id, "kind": row.kind, "amount_fen": row.amount_fen, "state": row.state},
    )
