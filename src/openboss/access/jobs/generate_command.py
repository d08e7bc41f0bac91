"""`openboss generate` and `openboss load`: make an example operator's base and usage, and take them over."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(generate)
    app.command()(load)


def generate(
    out: Annotated[Path, typer.Argument(help="Folder to write to.")],
    users: Annotated[int, typer.Option(min=1, help="How many subscribers.")] = 2000,
    days: Annotated[int, typer.Option(min=1, help="How many days of usage.")] = 30,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day of usage.")] = datetime(2026, 9, 1),
    records_per_day: Annotated[float, typer.Option(min=0.1, help="Usage records of an average subscriber.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Write a customer base and usage files of the example operator."""
    from openboss.access.jobs.generate import generate_operator

    with Progress(disable=as_json) as progress:
        task = progress.add_task("days", total=days)
        made = generate_operator(
            users=users,
            days=days,
            seed=seed,
            start=start.date(),
            out=out,
            records_per_day=records_per_day,
            on_day=lambda done, _of: progress.update(task, completed=done),
        )
    facts = {"users": made.users, "days": made.days, "files": made.files, "records": sum(made.records.values())}
    print(json.dumps({**facts, "out": str(out)}) if as_json else f"{facts} in {out}")


def load(
    operator: Annotated[Path, typer.Option(help="Folder with reference/ and tariffs/.")] = Path("example"),
    base: Annotated[Path | None, typer.Option(help="Folder with a customer base as parquet files.")] = None,
    first_cycle: Annotated[int, typer.Option(help="The month to open to usage, such as 202609.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Read an operator's organisation, tables, tariffs and sources, and its customers; tell the engine."""
    with open_installation():
        from openboss.processes.open_operator import open_operator, take_customers_over

        at = clock.now()
        opened = open_operator(operator, at=at)
        cycle = first_cycle or clock.today().year * 100 + clock.today().month
        rows = take_customers_over(base, first_cycle=cycle, at=at) if base else {}
    facts = {"offers": len(opened.offers), "sources": opened.sources, "tariff": opened.tariff_sha256, "rows": rows}
    print(json.dumps(facts) if as_json else "\n".join(f"{name}: {value}" for name, value in facts.items()))
