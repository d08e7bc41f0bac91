"""Writes docs/soak.md after `make soak`: what the long tests did, how often, for how long.

A soak test says its figures by `record_property`; those of its runs are added up. Rows of tests that did not run this
time stay, with the day they are of, and so does what somebody wrote below the table.
"""

from __future__ import annotations

import os
import platform
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "soak.md"


@dataclass
class Line:
    """One soak test over all its runs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    duration_s: float = 0.0
    figures: Counter[str] = field(default_factory=Counter)


_lines: defaultdict[str, Line] = defaultdict(Line)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the end of a soak test."""
    if "soak" not in report.keywords or (report.when != "call" and report.outcome == "passed"):
        return
    line = _lines[report.nodeid.split("[")[0]]
    line.outcomes[report.outcome] += 1
    line.duration_s += report.duration
    line.figures.update({name: value for name, value in report.user_properties if isinstance(value, int)})


def pytest_sessionfinish() -> None:
    """Write the page, if this was a soak."""
    if _lines and "OPENBOSS_SOAK" in os.environ:
        before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        PAGE.write_text(page(_lines, datetime.now(UTC), before), encoding="utf-8")


def page(lines: dict[str, Line], at: datetime, before: str = "") -> str:
    """Lay out what the soak tests did, in the page as it was before: its other rows and notes are kept."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    text = [
        "# The last soak",
        "",
        "Written by `make soak`; OPENBOSS_SOAK=4 kills four times as often. Every run ends like an undisturbed one.",
        "",
        f"{at:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {memory_gib:.0f} GiB, Linux {platform.release()},"
        f" Python {platform.python_version()}",
        "",
        "| Test | Runs | Outcome | Seconds | Figures |",
        "|---|---|---|---|---|",
    ]
    kept, notes = _kept(before)
    for name, line in sorted(lines.items()):
        place, test = name.split("::")
        outcome = ", ".join(f"{count} {outcome}" for outcome, count in sorted(line.outcomes.items()))
        figures = "; ".join(f"{figure} {count:,}" for figure, count in sorted(line.figures.items()))
        what = f"{test.removeprefix('test_').replace('_', ' ')} (`{place}`)"
        runs = sum(line.outcomes.values())
        kept[what] = f"| {what}, {at:%Y-%m-%d} | {runs} | {outcome} | {line.duration_s:,.0f} | {figures} |"
    return "\n".join([*text, *kept.values(), *notes]) + "\n"


def _kept(before: str) -> tuple[dict[str, str], list[str]]:
    """Give the rows of a page by what they are about, each with its day, and the lines below the table."""
    lines = before.splitlines()
    rows = [n for n, line in enumerate(lines) if line.startswith("| ") and not line.startswith("| Test ")]
    found = re.search(r"^\d{4}-\d\d-\d\d", before, re.MULTILINE)
    kept = {}
    for n in rows:
        cell, rest = lines[n].removeprefix("| ").split(" | ", 1)
        what, mark, said = cell.partition("`)")
        what += mark
        if found and not re.search(r"\d{4}-\d\d-\d\d", said):
            said = f", {found[0]}{said}"
        kept[what if what not in kept else what + said] = f"| {what}{said} | {rest}"
    return kept, lines[rows[-1] + 1 :] if rows else []
