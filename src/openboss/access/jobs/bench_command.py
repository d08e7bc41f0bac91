"""`openboss bench`: run the benchmarks of the project and print what they measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from openboss.access.jobs.refusals import Refused


class NoBenchmarks(Refused):
    """The benchmarks are part of the project's source, not of the installed package; run this in its folder."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(bench)


def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Which ones; all without.")] = None,
    project: Annotated[Path, typer.Option(help="The project's folder.")] = Path(),
) -> None:
    """Measure what is claimed about speed: each benchmark in a process of its own, printing ratios and the machine."""
    known = sorted(path.stem for path in (project / "benchmarks").glob("*.py") if not path.stem.startswith("_"))
    if not known or set(names or ()) - set(known):
        raise NoBenchmarks(f"known here: {', '.join(known) or 'none'}")
    failed = []
    for name in names or known:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=project, check=False).returncode != 0:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        raise typer.Exit(1)
