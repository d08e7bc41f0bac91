"""`openboss bill`: close a month, look at how far it is, and release its bills."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation
from openboss.access.jobs.refusals import Refused
from openboss.access.jobs.signing_in import sign_in

if TYPE_CHECKING:
    from openboss.modules.billing.functions import RunStatus


class MonthRefused(Refused):
    """The month could not be closed; what was done before stays done, and the same command goes on from there."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(bill)


def bill(
    cycle: Annotated[int, typer.Argument(help="The month, such as 202610.")],
    until: Annotated[str, typer.Option(help="Stop after FREEZE, COLLECT, CALCULATE or AUDIT.")] = "AUDIT",
    start_as: Annotated[str, typer.Option("--as", help="Your login: the run is started in your name.")] = "",
    release_as: Annotated[str, typer.Option(help="Your login: release the audited bills, and do nothing else.")] = "",
    status_only: Annotated[bool, typer.Option("--status", help="Only say how far the month is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Close a month step by step up to the audit; started again, it goes on where it stopped.

    Release is a command of its own, by another person than started the run or signed (four eyes). The password of a
    login is asked for; a script writes it to standard input.
    """
    with open_installation():
        from openboss.modules.billing import functions as billing
        from openboss.modules.charging.functions.engine import EngineRefused, EngineSilent
        from openboss.processes import close_month

        try:
            if release_as:
                staff = sign_in(release_as, right="billing.release")
                close_month.release(cycle, at=clock.now(), staff_id=staff.staff_id)
            elif not status_only:
                staff_id = sign_in(start_as, right="billing.run").staff_id if start_as else None
                close_month.run(cycle, at=clock.now(), staff_id=staff_id, until=until, progress=_progress)
            status = billing.run_status(cycle)
        except (
            close_month.MonthNotOver,
            billing.UnbalancedFiles,
            billing.UsersNotBillable,
            billing.InputsUnbalanced,
            billing.NotEntitled,
            billing.NotSigned,
            billing.OwnRun,
            billing.CycleStateRefused,
            billing.CycleUnknown,
            EngineRefused,
            EngineSilent,
        ) as refused:
            raise MonthRefused(f"{(type(refused).__doc__ or '').strip()} ({refused})") from refused
    _tell(status, as_json=as_json)


def _progress(step: str, part: int) -> None:
    print(f"{step}{f' part {part}' if part >= 0 else ''} done", file=sys.stderr, flush=True)


def _tell(status: RunStatus, *, as_json: bool) -> None:
    if as_json:
        steps = [{"step": step.step, "state": step.state, "rows": step.row_count} for step in status.steps]
        facts = {"cycle": status.cycle.cycle, "state": status.cycle.state, "unsigned": status.unsigned, "steps": steps}
        print(json.dumps(facts))
        return
    print(f"cycle {status.cycle.cycle}: {status.cycle.state}")
    for step in status.steps:
        print(f"  {step.step:<12} {step.state:<8} {step.parts_done}/{step.parts} parts  {step.row_count} rows")
    if status.unsigned:
        print(f"  {status.unsigned} findings wait for a signature: sign them in the console, then release.")
