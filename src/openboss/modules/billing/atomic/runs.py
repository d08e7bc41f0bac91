"""Bill runs and the progress of their steps."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from openboss.modules.billing.models import BillRun, BillRunInput, BillRunStep

WHOLE = -1


class NoRun(LookupError):
    """This cycle has no bill run that was not cancelled."""


@dataclass(frozen=True)
class RunView:
    """A bill run; part_count is 0 until its inputs are collected."""

    run_id: int
    cycle: int
    part_count: int
    started_at: datetime
    started_by: int | None


@dataclass(frozen=True)
class StepView:
    """One step of one part; part -1 is the whole run."""

    step: str
    part: int
    state: str
    row_count: int
    total_li: int
    error: str
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class InputView:
    """One source of the input balance: handed over, and turned into bill lines (ACP-02)."""

    source: str
    row_count: int
    act_li: int
    line_count: int
    line_li: int


def live_run(*, cycle: int) -> RunView:
    """Read the run of a cycle. Raises NoRun."""
    row = BillRun.objects.filter(cycle_id=cycle, cancelled=False).first()
    if row is None:
        raise NoRun(cycle)
    return _view(row)


def begin_run(*, cycle: int, staff_id: int | None) -> RunView:
    """Begin the run of a cycle in somebody's name, or give the one that was begun."""
    row, _ = BillRun.objects.get_or_create(cycle_id=cycle, cancelled=False, defaults={"started_by": staff_id})
    return _view(row)


def _view(row: BillRun) -> RunView:
    return RunView(row.run_id, row.cycle_id, row.part_count, row.started_at, row.started_by)


@transaction.atomic
def cancel_run(*, run_id: int) -> None:
    """Set a run aside; its steps stay as a record."""
    BillRun.objects.filter(run_id=run_id).update(cancelled=True)


@transaction.atomic
def note_inputs(*, run_id: int, part_count: int, inputs: Iterable[InputView]) -> None:
    """Store how many parts a run has and what each source handed over; repeating it replaces the figures."""
    BillRun.objects.filter(run_id=run_id).update(part_count=part_count)
    BillRunInput.objects.filter(run_id=run_id).delete()
    BillRunInput.objects.bulk_create(
        BillRunInput(run_id=run_id, source=one.source, row_count=one.row_count, act_li=one.act_li) for one in inputs
    )


@transaction.atomic
def note_lines(*, run_id: int, lines: dict[str, tuple[int, int]]) -> None:
    """Store what became of each source: lines and li by source name."""
    for source, (line_count, line_li) in lines.items():
        BillRunInput.objects.filter(run_id=run_id, source=source).update(line_count=line_count, line_li=line_li)


def list_inputs(*, run_id: int) -> list[InputView]:
    """Read the input balance of a run."""
    rows = BillRunInput.objects.filter(run_id=run_id).order_by("input_id")
    return [InputView(row.source, row.row_count, row.act_li, row.line_count, row.line_li) for row in rows]


def begin_step(*, run_id: int, step: str, part: int = WHOLE) -> None:
    """Note that a step of a part is being worked on; it may have failed or been interrupted before."""
    BillRunStep.objects.update_or_create(
        run_id=run_id,
        step=step,
        part=part,
        defaults={"state": "RUNNING", "error": "", "started_at": Now(), "finished_at": None},
    )


def finish_step(*, run_id: int, step: str, part: int = WHOLE, row_count: int = 0, total_li: int = 0) -> None:
    """Note that a step of a part is done, in the transaction that holds its work."""
    BillRunStep.objects.filter(run_id=run_id, step=step, part=part).update(
        state="DONE", row_count=row_count, total_li=total_li, finished_at=Now()
    )


def fail_step(*, run_id: int, step: str, part: int, error: str) -> None:
    """Note why a step of a part stopped; starting the run again does it again."""
    BillRunStep.objects.filter(run_id=run_id, step=step, part=part).update(
        state="FAILED", error=error, finished_at=Now()
    )


def forget_steps(*, run_id: int, steps: Iterable[str]) -> None:
    """Forget steps that were taken back."""
    BillRunStep.objects.filter(run_id=run_id, step__in=list(steps)).delete()


def list_steps(*, run_id: int) -> list[StepView]:
    """List the steps of a run in the order in which they began."""
    return [
        StepView(
            row.step,
            row.part,
            row.state,
            row.row_count,
            row.total_li,
            row.error,
            row.started_at,
            row.finished_at,
        )
        for row in BillRunStep.objects.filter(run_id=run_id).order_by("step_id")
    ]


def done_parts(*, run_id: int, step: str) -> set[int]:
    """Tell which parts of a step are done."""
    rows = BillRunStep.objects.filter(run_id=run_id, step=step, state="DONE")
    return set(rows.values_list("part", flat=True))
