"""The steps of a bill run: each part of each step is one transaction, done once, and done again after a failure."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from django.db import transaction

from openboss.modules.billing import atomic
from openboss.modules.billing.atomic import WHOLE, InputView, Source, StepView
from openboss.modules.billing.functions.collect import PART_SIZE, collect
from openboss.modules.billing.functions.discounting import discount_part
from openboss.modules.billing.functions.lines import make_lines
from openboss.modules.billing.functions.posting import post_part
from openboss.modules.billing.functions.run_files import RunFiles
from openboss.modules.billing.functions.tariff_of_run import from_json, tariff_of

STEPS = ("COLLECT", "RECURRING", "DISCOUNT", "BILL", "AUDIT", "RELEASE")


class InputsUnbalanced(Exception):
    """What became bill lines is not what the sources handed over; the message names the source (ACP-02)."""


@dataclass(frozen=True)
class StepProgress:
    """How far one step of a run is; parts is 1 for steps that are done in one go."""

    step: str
    state: str  # WAITING, RUNNING, DONE, FAILED
    parts: int
    parts_done: int
    row_count: int
    total_li: int
    error: str
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class RunStatus:
    """A bill run as its page shows it."""

    cycle: atomic.CycleView
    run_id: int | None
    steps: list[StepProgress]
    inputs: list[InputView]
    unsigned: int  # findings that still need a signature


@contextmanager
def working(run_id: int, step: str, part: int = WHOLE) -> Iterator[dict[str, int]]:
    """Do one part of a step in a transaction; the caller fills in row_count and total_li."""
    atomic.begin_step(run_id=run_id, step=step, part=part)
    figures: dict[str, int] = {}
    done = False
    try:
        with transaction.atomic():
            yield figures
            atomic.finish_step(run_id=run_id, step=step, part=part, **figures)
        done = True
    finally:
        if not done:
            reason = sys.exception()
            atomic.fail_step(run_id=run_id, step=step, part=part, error=f"{type(reason).__name__}: {reason}"[:2000])


def collect_inputs(
    *,
    cycle: int,
    versions: list[Any],
    item_types: list[Any],
    totals: pl.DataFrame,
    free_use: pl.DataFrame,
    image: Any,
    part_size: int = PART_SIZE,
    staff_id: int | None = None,
) -> None:
    """COLLECT: begin the run of a cut cycle and gather its inputs, unless that is done. See collect.collect."""
    run = atomic.begin_run(cycle=cycle, staff_id=staff_id)
    if WHOLE in atomic.done_parts(run_id=run.run_id, step="COLLECT"):
        return
    atomic.open_tables(cycle=cycle)
    with working(run.run_id, "COLLECT") as figures:
        collect(
            run=run,
            tariff=tariff_of(versions, item_types),
            totals=totals,
            free_use=free_use,
            image=image,
            part_size=part_size,
        )
        figures |= {"row_count": totals.height, "total_li": int(totals["act_li"].sum())}


def calculate(*, cycle: int, at: datetime, staff_id: int | None, progress: Callable[[str, int], None]) -> None:
    """RECURRING, DISCOUNT and BILL for every part that is not done yet; then the cycle is CALCULATED.

    progress  told each step and part as it is finished
    Raises InputsUnbalanced.
    """
    run = atomic.live_run(cycle=cycle)
    files = RunFiles(cycle, run.run_id)
    tariff = from_json(files.get_catalog())
    due_on = atomic.cycle_view(cycle=cycle).due_on
    done = {step: atomic.done_parts(run_id=run.run_id, step=step) for step in STEPS}
    for part in range(run.part_count):
        for step in ("RECURRING", "DISCOUNT", "BILL"):
            if part in done[step]:
                continue
            with working(run.run_id, step, part) as figures:
                if step == "RECURRING":
                    rows, total_li = make_lines(files=files, part=part, tariff=tariff)
                elif step == "DISCOUNT":
                    rows, total_li, _ = discount_part(files=files, part=part, tariff=tariff)
                else:
                    rows, total_li = post_part(files=files, part=part, tariff=tariff, due_on=due_on)
                figures |= {"row_count": rows, "total_li": total_li}
            progress(step, part)
    _check_balance(cycle, run.run_id)
    if atomic.cycle_view(cycle=cycle).state == "CUT":
        atomic.move_cycle(cycle=cycle, state_before="CUT", state_after="CALCULATED", at=at, staff_id=staff_id)


def _check_balance(cycle: int, run_id: int) -> None:
    """Compare the lines with what the sources handed over (ACP-02)."""
    names = {source.value: source.name for source in Source}
    lines = {names[source]: (rows, act_li) for source, rows, act_li in atomic.line_totals(cycle=cycle).iter_rows()}
    atomic.note_lines(run_id=run_id, lines={name: lines.get(name, (0, 0)) for name in names.values()})
    for one in atomic.list_inputs(run_id=run_id):
        if one.source != Source.RECURRING.name and (one.row_count, one.act_li) != (one.line_count, one.line_li):
            handed_over = f"{one.row_count} rows of {one.act_li} li in"
            raise InputsUnbalanced(f"{one.source}: {handed_over}, {one.line_count} of {one.line_li} li on bills")


def step_back(*, cycle: int, at: datetime, staff_id: int | None) -> str:
    """Take a cycle one state back, before release only, and return its state (D7.3).

    From AUDITED the findings go; from CALCULATED the trial bills and the run. Raises CycleStateRefused.
    """
    view = atomic.cycle_view(cycle=cycle)
    if view.state == "AUDITED":
        with transaction.atomic():
            atomic.move_cycle(cycle=cycle, state_before="AUDITED", state_after="CALCULATED", at=at, staff_id=staff_id)
            run = atomic.live_run(cycle=cycle)
            atomic.replace_findings(run_id=run.run_id, findings=[])
            atomic.forget_steps(run_id=run.run_id, steps=["AUDIT"])
        return "CALCULATED"
    with transaction.atomic():
        atomic.move_cycle(cycle=cycle, state_before="CALCULATED", state_after="CUT", at=at, staff_id=staff_id)
        run = atomic.live_run(cycle=cycle)
        atomic.empty_tables(cycle=cycle)
        atomic.cancel_run(run_id=run.run_id)
    RunFiles(cycle, run.run_id).remove()
    return "CUT"


def run_status(cycle: int) -> RunStatus:
    """Say how far the bills of a cycle are: state, steps with progress, input balance. Raises CycleUnknown."""
    view = atomic.cycle_view(cycle=cycle)
    try:
        run = atomic.live_run(cycle=cycle)
    except atomic.NoRun:
        return RunStatus(view, None, [_progress(step, 1, []) for step in STEPS], [], 0)
    rows = atomic.list_steps(run_id=run.run_id)
    steps = []
    for step in STEPS:
        parts = run.part_count if step in ("RECURRING", "DISCOUNT", "BILL", "RELEASE") else 1
        steps.append(_progress(step, parts, [row for row in rows if row.step == step]))
    findings = atomic.list_findings(run_id=run.run_id)
    unsigned = sum(1 for one in findings if one.needs_sign_off and not one.signed_by)
    return RunStatus(view, run.run_id, steps, atomic.list_inputs(run_id=run.run_id), unsigned)


def _progress(step: str, parts: int, rows: list[StepView]) -> StepProgress:
    done = [row for row in rows if row.state == "DONE"]
    if any(row.state == "FAILED" for row in rows):
        state = "FAILED"
    elif len(done) == parts and rows:
        state = "DONE"
    else:
        state = "RUNNING" if rows else "WAITING"
    return StepProgress(
        step=step,
        state=state,
        parts=parts,
        parts_done=len(done),
        row_count=sum(row.row_count for row in done),
        total_li=sum(row.total_li for row in done),
        error=next((row.error for row in rows if row.state == "FAILED"), ""),
        started_at=min((row.started_at for row in rows), default=None),
        finished_at=max((row.finished_at for row in done if row.finished_at), default=None)
        if state == "DONE"
        else None,
    )
