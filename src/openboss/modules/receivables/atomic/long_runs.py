"""Long runs with their progress: begun once, noted as they go, taken up again where they stopped."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from openboss.modules.receivables.models import LongRun


class RunGoesOn(Exception):
    """The same run is under way already: follow it, or take it up again if its job died."""


class LongRunUnknown(LookupError):
    """There is no such run."""


@dataclass(frozen=True)
class LongRunView:
    """A long run: how far it is, where it would go on, and what came of it."""

    long_run_id: int
    kind: str
    subject: str
    started_by: int | None
    started_at: datetime
    ended_at: datetime | None
    state: str
    done: int
    whole: int
    goes_on_after: int
    result: Mapping[str, Any]
    error: str

    @property
    def given(self) -> Mapping[str, Any]:
        """What its job was given."""
        return self.result.get("given", {})

    @property
    def done_pct(self) -> int:
        """How much of it is done, in percent."""
        return min(100, self.done * 100 // self.whole) if self.whole else 100 * (self.state == "DONE")


def begin_long_run(
    *, kind: str, subject: str, given: Mapping[str, Any], at: datetime, staff_id: int | None
) -> LongRunView:
    """Begin a run of a kind on a subject, with what its job needs to know. Raises RunGoesOn."""
    try:
        with transaction.atomic():
            row = LongRun.objects.create(
                kind=kind, subject=subject, result={"given": dict(given)}, started_by=staff_id, started_at=at
            )
    except IntegrityError as goes_on:
        raise RunGoesOn(f"{kind} {subject}") from goes_on
    return _view(row)


def note_progress(*, long_run_id: int, done: int, whole: int, goes_on_after: int = 0) -> None:
    """Say how far a run is, in the transaction of what it has just done."""
    LongRun.objects.filter(long_run_id=long_run_id, state="RUNNING").update(
        done=done, whole=whole, goes_on_after=goes_on_after
    )


@transaction.atomic
def end_long_run(*, long_run_id: int, at: datetime, result: Mapping[str, Any] | None = None, error: str = "") -> None:
    """End a run: done with a result, or failed with an error."""
    row = LongRun.objects.select_for_update().get(long_run_id=long_run_id)
    if row.state == LongRun.State.RUNNING:
        row.state, row.ended_at = LongRun.State.FAILED if error else LongRun.State.DONE, at
        row.result, row.error = {**row.result, **(result or {})}, error[:200]
        row.save()


def take_up_long_run(*, long_run_id: int) -> LongRunView:
    """Let a run go on where it stopped, whether it failed or its worker died. Raises LongRunUnknown, RunGoesOn."""
    try:
        with transaction.atomic():
            LongRun.objects.filter(long_run_id=long_run_id, state="FAILED").update(
                state="RUNNING", ended_at=None, error=""
            )
    except IntegrityError as goes_on:
        raise RunGoesOn(long_run_id) from goes_on
    return long_run(long_run_id=long_run_id)


def long_run(*, long_run_id: int) -> LongRunView:
    """Read a run. Raises LongRunUnknown."""
    row = LongRun.objects.filter(long_run_id=long_run_id).first()
    if row is None:
        raise LongRunUnknown(long_run_id)
    return _view(row)


def list_long_runs(*, kinds: list[str] | None = None, limit: int = 50) -> list[LongRunView]:
    """Runs of some kinds or of all, the newest first."""
    found = LongRun.objects.order_by("-long_run_id")
    return [_view(row) for row in (found.filter(kind__in=kinds) if kinds else found)[:limit]]


def _view(row: LongRun) -> LongRunView:
    return LongRunView(**{name: getattr(row, name) for name in LongRunView.__dataclass_fields__})
