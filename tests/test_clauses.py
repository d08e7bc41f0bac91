"""The page of clauses has a line for each, and every test it names is there."""

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "algorithms" / "clauses.md").read_text(encoding="utf-8")


@cache
def defined_in(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_test_that_shows_a_clause_is_there() -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE)
    assert len(named) == PAGE.count("::test_") > 60
    assert [one for one in named if one[1] not in defined_in(one[0])] == []


def test_every_clause_has_a_line() -> None:
    clauses = [f"D{chapter}.{n}" for chapter, last in ((8, 14), (9, 10), (10, 3)) for n in range(1, last + 1)]
    lines = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| ")]
    assert [one for one in clauses if not any(re.search(rf"\b{re.escape(one)}\b", line) for line in lines)] == []
