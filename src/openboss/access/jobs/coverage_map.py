"""Which test proves which requirement: read from the marks of the tests, written to docs/map.md and docs/map.json.

A row counts as proved only by a test marked `@pytest.mark.requirement("CHG-07")`; a source file that names a row in
its text is listed beside it as the place to read.
"""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

ROW = re.compile(r"\b[A-Z]{3}-\d{2}\b")
CATALOGUE = "requirements.csv"


class UnknownRow(ValueError):
    """A test claims a requirement that is not in the catalogue; correct the id in the mark."""


@dataclass(frozen=True)
class Row:
    """A requirement with the tests that prove it and the files that say they follow it."""

    row_id: str
    title: str
    tests: tuple[str, ...]
    files: tuple[str, ...]


def requirement_rows() -> dict[str, str]:
    """Read the catalogue's ids and short titles."""
    text = files("openboss.modules.system").joinpath(CATALOGUE).read_text(encoding="utf-8")
    return {row["id"]: row["title"] for row in csv.DictReader(text.splitlines())}


def coverage_map(root: Path) -> list[Row]:
    """Collect every row of the catalogue with its tests and files. Raises UnknownRow.

    root  the project's folder, with `tests` and `src` in it
    """
    titles = requirement_rows()
    tests: dict[str, list[str]] = {row_id: [] for row_id in titles}
    for file in sorted((root / "tests").rglob("test_*.py")):
        for test, row_id in _marks(ast.parse(file.read_text(encoding="utf-8"))):
            name = f"{file.relative_to(root).as_posix()}::{test}"
            if row_id not in tests:
                raise UnknownRow(f"{name} claims {row_id}")
            tests[row_id].append(name)
    named = _files_naming(root, set(titles))
    return [
        Row(row_id, title, tuple(sorted(set(tests[row_id]))), tuple(named.get(row_id, ())))
        for row_id, title in titles.items()
    ]


def _marks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Pairs of a test's name and a row it claims; a mark on a class counts for each of its tests."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            of_class = list(_claimed(node))
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name.startswith("test_"):
                    for row_id in [*of_class, *_claimed(method)]:
                        yield f"{node.name}::{method.name}", row_id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for row_id in _claimed(node):
                yield node.name, row_id


def _claimed(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        is_mark = isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.requirement"
        if is_mark and isinstance(decorator, ast.Call):
            for argument in decorator.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def _files_naming(root: Path, known: set[str]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for file in sorted((root / "src").rglob("*.py")):
        for row_id in sorted(set(ROW.findall(file.read_text(encoding="utf-8"))) & known):
            named.setdefault(row_id, []).append(file.relative_to(root).as_posix())
    return named


def as_json(rows: list[Row]) -> str:
    """Write the map as one JSON object by row id."""
    found = {row.row_id: {"title": row.title, "tests": list(row.tests), "files": list(row.files)} for row in rows}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def as_markdown(rows: list[Row]) -> str:
    """Write the map as a page: what is proved, by section, and at its end what is not proved yet."""
    proved = [row for row in rows if row.tests]
    lines = [
        "# Requirements and the tests that prove them",
        "",
        f"{len(proved)} of {len(rows)} rows are proved. Made by `openboss coverage-map`; do not edit.",
        "",
        "| Row | Title | Tests | Files |",
        "|---|---|---|---|",
    ]
    for row in proved:
        tests = "<br>".join(f"`{test}`" for test in row.tests)
        places = "<br>".join(f"`{file}`" for file in row.files)
        lines.append(f"| {row.row_id} | {row.title} | {tests} | {places} |")
    lines += ["", "## Not proved yet", ""]
    sections: dict[str, list[str]] = {}
    for row in rows:
        if not row.tests:
            sections.setdefault(row.row_id[:3], []).append(f"{row.row_id} {row.title}")
    lines += [f"- **{section}** {'; '.join(missing)}" for section, missing in sections.items()]
    return "\n".join(lines) + "\n"


def write_map(root: Path) -> tuple[int, int]:
    """Write docs/map.md and docs/map.json; return how many rows are proved, and how many there are."""
    rows = coverage_map(root)
    (root / "docs" / "map.json").write_text(as_json(rows), encoding="utf-8")
    (root / "docs" / "map.md").write_text(as_markdown(rows), encoding="utf-8")
    return sum(1 for row in rows if row.tests), len(rows)
