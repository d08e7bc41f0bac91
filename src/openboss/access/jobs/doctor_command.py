"""`openboss doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from openboss.access.jobs.doctor import NOTE, OK, WRONG, examine

_MARKS = {OK: "  ok   ", NOTE: "  note ", WRONG: "  WRONG"}


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(doctor)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Say what is wrong with this installation and what to do; exit code 1 if anything is."""
    findings = examine()
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            print(f"{_MARKS[finding.state]} {finding.subject:<13} {finding.said}")
            if finding.advice:
                print(f"{'':22}-> {finding.advice}")
    if any(finding.state == WRONG for finding in findings):
        raise typer.Exit(1)
