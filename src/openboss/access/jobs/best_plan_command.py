"""`openboss best-plan`: the cheapest plan of every user by their real months, as a file for campaigns and care."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation
from openboss.access.jobs.refusals import Refused

if TYPE_CHECKING:
    from openboss.processes.best_plan import Advice

COLUMNS = ("user", "cycles", "now_fen", "best_plan", "best_fen", "saving_fen")


class NoClosedMonth(Refused):
    """No month is closed yet, or nobody was there in these months: best plans are found from closed months."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("best-plan")(best_plan)


def best_plan(
    months: Annotated[int, typer.Option(help="How many closed months are looked at.", min=1, max=3)] = 1,
    user: Annotated[list[int] | None, typer.Option(help="Only these users; else all.")] = None,
    saving: Annotated[int, typer.Option(help="Only users who would save at least so many fen.")] = 0,
) -> None:
    """Write who would pay less under another plan on sale (CSV, the largest saving first); nothing is stored."""
    with open_installation():
        from openboss.modules.billing import functions as billing
        from openboss.processes.best_plan import advise_all
        from openboss.processes.replay_months import NothingToReplay

        closed = [one.cycle for one in billing.list_cycles() if one.state in ("RELEASED", "CLOSED")]
        try:
            found = advise_all(subscriber_ids=user or None, cycles=sorted(closed)[-months:], on=clock.today())
        except (NothingToReplay, IndexError) as nothing:
            raise NoClosedMonth(str(nothing)) from nothing
    csv.writer(sys.stdout).writerows(campaign_rows(found, saving))


def campaign_rows(found: list[Advice], saving: int) -> Iterator[tuple[object, ...]]:
    """The lines of the file: who would save at least so many fen, the largest saving first."""
    yield COLUMNS
    for one in sorted(found, key=lambda one: (-one.saving_fen, one.subscriber_id)):
        if one.saving_fen >= saving:
            cycles = "+".join(map(str, one.cycles))
            yield (one.subscriber_id, cycles, one.now.due_fen, one.best.code, one.best.due_fen, one.saving_fen)
