"""`openboss coverage-map`: write which test proves which requirement."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openboss.access.jobs.coverage_map import write_map


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command(name="coverage-map")(coverage_map)


def coverage_map(
    root: Annotated[Path, typer.Argument(help="The project's folder, with tests, src and docs in it.")] = Path(),
) -> None:
    """Write docs/map.md and docs/map.json: every requirement with the tests that prove it."""
    proved, total = write_map(root)
    typer.echo(f"{proved} of {total} requirements are proved: docs/map.md")
