"""The style of the house is a test: what every file of OpenBOSS keeps to, read from its syntax tree alone.

Exceptions stand in EXCEPTIONS and may only become fewer. Which layer may import which is checked by import-linter
(pyproject.toml); here only what it cannot see: foreign keys point to lower modules, and nothing lives in a drawer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "openboss"
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500
DRAWERS = {"utils", "util", "helpers", "helper", "common", "lib", "base", "manager", "managers", "misc"}
BARE_NAMES = {"amount", "price", "duration", "volume", "fee", "charge"}
CLOCK_CALLS = {"now", "utcnow", "today", "time", "time_ns", "localtime", "gmtime"}
CLOCK_MODULES = {"datetime", "date", "time", "timezone", "dt"}
MODULES = ("system", "workflow", "catalog", "customers", "resources", "orders", "charging", "billing", "receivables")

SQL_WRITE = re.compile(r"\s*(INSERT INTO|UPDATE \S+ SET|DELETE FROM|TRUNCATE|COPY \S+ (\(.*\) )?FROM)\b")
WRITERS = re.compile(r"modules/(\w+/(atomic\b|migrations/)|system/(copying|rows|statements)\.py)|access/jobs/postgres/")

EXCEPTIONS: set[str] = set()
"""`path: complaint` of what is not right yet. Take lines out; never put one in."""


def complaints(text: str, path: str) -> Iterator[str]:
    """Say what in a file's text breaks the house's rules; `path` is relative to src/openboss."""
    tree = ast.parse(text)
    generated = "/migrations/" in path
    if len(text.splitlines()) > FILE_LINES_MAX:
        yield f"file of more than {FILE_LINES_MAX} lines"
    if any(part.removesuffix(".py") in DRAWERS for part in path.split("/")):
        yield "a drawer by name: say what is inside"
    for node in ast.walk(tree):
        yield from _function_complaints(node, path)
        if not generated:
            yield from _value_complaints(node, path)
    if re.match(r"modules/\w+/(atomic|functions)\b", path):
        yield from _undocumented(tree)


def _function_complaints(node: ast.AST, path: str) -> Iterator[str]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if lines > FUNCTION_LINES_MAX:
        yield f"{node.name} has {lines} lines"
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    for argument in arguments:
        if argument.arg in BARE_NAMES:
            yield f"{node.name}({argument.arg}): a quantity is named with its unit"


def _value_complaints(node: ast.AST, path: str) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = node.func.value
        name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
        if node.func.attr in CLOCK_CALLS and name in CLOCK_MODULES and not path.startswith("access/"):
            yield f"line {node.lineno} reads the clock: only access/ does, everything below is handed the moment"
        if node.func.attr == "FloatField":
            yield f"line {node.lineno}: no FloatField"
    said = node.value if isinstance(node, ast.Constant) else None
    if isinstance(said, str) and SQL_WRITE.match(said) and not WRITERS.match(path):
        yield f"line {node.lineno} writes to a table: only an atomic service does"
    if isinstance(node, ast.Constant) and isinstance(node.value, float) and path.startswith("kernel/"):
        yield f"line {node.lineno}: a float in the kernel"
    if isinstance(node, ast.ExceptHandler) and not path.startswith("access/"):
        caught = node.type
        if caught is None or (isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException")):
            yield f"line {node.lineno} catches everything: only the edge does"


def _undocumented(tree: ast.Module) -> Iterator[str]:
    if ast.get_docstring(tree) is None:
        yield "no docstring at the top"
    for node in tree.body:
        is_service = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if is_service and ast.get_docstring(node) is None:
            yield f"{node.name} has no docstring"


def _all_complaints() -> set[str]:
    found = set()
    for file in sorted(SOURCE.rglob("*.py")):
        path = file.relative_to(SOURCE).as_posix()
        found |= {f"{path}: {complaint}" for complaint in complaints(file.read_text(encoding="utf-8"), path)}
    return found


def test_every_file_keeps_the_rules_of_the_house() -> None:
    assert sorted(_all_complaints() - EXCEPTIONS) == []


def test_an_exception_that_is_no_longer_needed_is_taken_out() -> None:
    assert sorted(EXCEPTIONS - _all_complaints()) == []


@pytest.mark.parametrize(
    ("text", "path", "complaint"),
    [
        ("x = 1\n" * 501, "modules/billing/atomic.py", "more than 500 lines"),
        ("def f():\n" + "    x = 1\n" * 60, "processes/a.py", "f has 61 lines"),
        ("def pay(amount): ...", "processes/a.py", "named with its unit"),
        ("def pay(*, price): ...", "kernel/a.py", "named with its unit"),
        ("import datetime\nx = datetime.datetime.now()", "processes/a.py", "reads the clock"),
        ("import time\nx = time.time()", "modules/billing/functions.py", "reads the clock"),
        ("from django.utils import timezone\nx = timezone.now()", "modules/billing/functions.py", "reads the clock"),
        ("x = models.FloatField()", "modules/billing/models.py", "no FloatField"),
        ("RATE = 0.5", "kernel/a.py", "a float in the kernel"),
        ("try:\n    x = 1\nexcept Exception:\n    pass", "processes/a.py", "catches everything"),
        ('"""Doc."""\ndef pay(): ...', "modules/billing/atomic/payment.py", "pay has no docstring"),
        ("x = 1", "modules/billing/helpers.py", "a drawer by name"),
        ('run("UPDATE billing_bill SET state = %s")', "processes/a.py", "only an atomic service does"),
        (
            'cursor.execute(f"INSERT INTO {table} VALUES (1)")',
            "access/console/views/a.py",
            "only an atomic service does",
        ),
        ('run("DELETE FROM billing_bill")', "modules/billing/functions/a.py", "only an atomic service does"),
    ],
)
def test_the_house_test_bites(text: str, path: str, complaint: str) -> None:
    assert any(complaint in found for found in complaints(text, path))


def test_the_edge_may_read_the_clock_and_catch_everything() -> None:
    text = "import time\ntry:\n    x = time.time()\nexcept Exception:\n    raise"
    assert list(complaints(text, "access/jobs/clock.py")) == []


def test_foreign_keys_point_to_the_same_or_a_lower_module() -> None:
    from django.apps import apps

    upward = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in MODULES
        for field in model._meta.concrete_fields
        if field.is_relation
        and MODULES.index(field.related_model._meta.app_label) > MODULES.index(model._meta.app_label)
    ]
    assert upward == []


def test_every_primary_key_is_named_after_its_thing() -> None:
    from django.apps import apps

    unnamed = [model._meta.label for model in apps.get_models() if model._meta.app_label in MODULES]
    unnamed = [label for label in unnamed if apps.get_model(label)._meta.pk.name == "id"]
    assert unnamed == []
