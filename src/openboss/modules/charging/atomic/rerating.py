"""Atomic services of re-rating: asked for, worked out, decided by a second person, carried out (CHG-36)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from openboss.modules.charging.models import EngineCommand, Rerating, UsageFile
from openboss.modules.system.atomic import record_audit


class ReratingUnknown(Exception):
    """There is no such re-rating."""


class NotWaiting(Exception):
    """This re-rating was decided already, or is not worked out yet; nothing was changed."""


class OwnProposal(Exception):
    """You asked for this re-rating yourself; another person must decide (four eyes)."""


@dataclass(frozen=True)
class ReratingView:
    """One re-rating as it stands. `found` says where its frames lie: see processes/re_rate.py."""

    rerating_id: int
    state: str
    cause: str
    chosen: dict[str, Any]
    found: dict[str, Any]
    done_records: int
    all_records: int
    users: int
    changed_records: int
    before_fen: int
    after_fen: int
    posted_fen: int
    asked_by: int
    asked_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    reason: str
    position: int | None
    applied_at: datetime | None
    problem: str

    @property
    def folder(self) -> str:
        """Where its frames lie, below the lake."""
        return f"rerate/{self.rerating_id}"


_FIELDS = tuple(ReratingView.__dataclass_fields__)


def list_reratings(*, states: tuple[str, ...] = ()) -> list[ReratingView]:
    """List re-ratings, the newest first; of some states, or all."""
    found = Rerating.objects.filter(state__in=states) if states else Rerating.objects.all()
    return [ReratingView(**row) for row in found.order_by("-rerating_id").values(*_FIELDS)]


def rerating_view(*, rerating_id: int) -> ReratingView:
    """Read one re-rating. Raises ReratingUnknown."""
    row = Rerating.objects.filter(rerating_id=rerating_id).values(*_FIELDS).first()
    if row is None:
        raise ReratingUnknown(rerating_id)
    return ReratingView(**row)


@transaction.atomic
def ask(*, cause: str, chosen: dict[str, Any], staff_id: int, at: datetime) -> int:
    """Ask for a re-rating; it waits to be worked out. Returns its id."""
    row = Rerating.objects.create(cause=cause, chosen=chosen, asked_by=staff_id, asked_at=at)
    _audit(row, "ask_rerating", staff_id, at, reason=cause, after=chosen)
    return row.rerating_id


def note_progress(*, rerating_id: int, done_records: int, all_records: int) -> None:
    """Say how many records have been rated again so far."""
    Rerating.objects.filter(rerating_id=rerating_id).update(done_records=done_records, all_records=all_records)


@transaction.atomic
def propose(*, rerating_id: int, found: dict[str, Any], at: datetime, **figures: int) -> None:
    """Put what was worked out before a second person. Raises NotWaiting.

    figures  users, changed_records, before_fen, after_fen, posted_fen
    """
    row = _locked(rerating_id, Rerating.State.ASKED)
    for name, value in figures.items():
        setattr(row, name, value)
    row.state, row.found = Rerating.State.PROPOSED, found
    row.save()
    _audit(row, "propose_rerating", None, at, after=figures)


@transaction.atomic
def approve(*, rerating_id: int, reason: str, staff_id: int, at: datetime) -> None:
    """Decide that a re-rating is carried out. Raises NotWaiting, OwnProposal."""
    _decide(rerating_id, Rerating.State.APPROVED, reason, staff_id, at)


@transaction.atomic
def refuse(*, rerating_id: int, reason: str, staff_id: int, at: datetime) -> None:
    """Decide that a re-rating is not carried out. Raises NotWaiting, OwnProposal."""
    _decide(rerating_id, Rerating.State.REFUSED, reason, staff_id, at)


def _decide(rerating_id: int, state: str, reason: str, staff_id: int, at: datetime) -> None:
    row = _locked(rerating_id, Rerating.State.PROPOSED)
    if row.asked_by == staff_id:
        raise OwnProposal(rerating_id)
    row.state, row.reason, row.decided_by, row.decided_at = state, reason, staff_id, at
    row.save()
    _audit(row, "decide_rerating", staff_id, at, reason=reason, after={"state": state})


@transaction.atomic
def mark_applied(*, rerating_id: int, position: int, at: datetime) -> None:
    """Note that a re-rating is carried out, with the adjustments, in the caller's transaction. Raises NotWaiting."""
    row = _locked(rerating_id, Rerating.State.APPROVED)
    row.state, row.position, row.applied_at = Rerating.State.APPLIED, position, at
    row.save()
    _audit(row, "apply_rerating", None, at, after={"position": position, "posted_fen": row.posted_fen})


@transaction.atomic
def fail(*, rerating_id: int, problem: str, at: datetime) -> None:
    """Note why a re-rating could not be worked out or carried out; nothing was changed. Raises NotWaiting."""
    row = _locked(rerating_id, Rerating.State.ASKED, Rerating.State.APPROVED)
    row.state, row.problem = Rerating.State.FAILED, problem[:300]
    row.save()
    _audit(row, "fail_rerating", None, at, after={"problem": row.problem})


def engine_answer(*, rerating_id: int) -> dict[str, Any] | None:
    """What the engine answered when it carried a re-rating out, with its position; None if it has not."""
    done = EngineCommand.objects.filter(kind="RERATE", state="DONE", payload__rerating_id=rerating_id).first()
    return done and {**(done.answer or {}), "position": done.position}


def carried_out_after(position: int) -> list[dict[str, Any]]:
    """The commands of re-ratings that were carried out behind a position of the journal, the newest first."""
    done = EngineCommand.objects.filter(kind="RERATE", state="DONE", position__gt=position)
    return list(done.order_by("-position").values_list("payload", flat=True))


def files_of_source(source: str) -> list[int]:
    """The usage files that came from a source, by its code."""
    return list(UsageFile.objects.filter(source__code=source).values_list("file_id", flat=True))


def _locked(rerating_id: int, *states: str) -> Rerating:
    row = Rerating.objects.select_for_update().filter(rerating_id=rerating_id).first()
    if row is None:
        raise ReratingUnknown(rerating_id)
    if row.state not in states:
        raise NotWaiting(f"{rerating_id} is {row.state}")
    return row


def _audit(
    row: Rerating, action: str, staff_id: int | None, at: datetime, *, reason: str = "", after: Any = None
) -> None:
    record_audit(
        staff_id=staff_id,
        action=f"charging.{action}",
        object_kind="rerating",
        object_id=row.rerating_id,
        at=at,
        reason=reason,
        after=after,
    )
