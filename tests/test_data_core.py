"""The data core has one owner for everything, and one registry of the ways into it."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from pathlib import Path

import pytest
from django.apps import apps
from typer.testing import CliRunner

from openboss.access.jobs.cli import app
from openboss.access.jobs.services_command import atomic_services
from tests.test_house import MODULES, SOURCE, complaints


@pytest.mark.requirement("ARC-10")
def test_the_registry_lists_atomic_services_and_a_direct_write_outside_one_fails() -> None:
    found = {one.service: one for one in atomic_services()}
    assert found["customers.questions.customer_360"].kind == "QUESTION"
    assert found["customers.subscribers.open_subscriber"].kind == "CHANGE"
    assert all(one.says for one in found.values())
    assert {one.module for one in found.values()} == set(MODULES)
    printed = CliRunner().invoke(app, ["services", "customers", "--json"])
    listed = {one["service"] for one in json.loads(printed.stdout)}
    assert listed == {name for name, one in found.items() if one.module == "customers"}
    write = 'cursor.execute("UPDATE receivables_bucket SET balance_fen = 0")'
    for path in ("processes/a.py", "modules/receivables/functions/a.py", "access/openapi/a.py"):
        assert "only an atomic service does" in " ".join(complaints(write, path))
    assert list(complaints(f'"""Money."""\n{write}', "modules/receivables/atomic/a.py")) == []


@pytest.mark.requirement("ARC-32")
def test_every_entity_has_exactly_one_owning_module_and_its_events_come_from_there() -> None:
    owners = defaultdict(set)
    for model in apps.get_models():
        if model._meta.app_label in MODULES:
            owners[model._meta.db_table].add(model._meta.app_label)
            assert model._meta.db_table.startswith(f"{model._meta.app_label}_"), model._meta.db_table
    assert {table for table, modules in owners.items() if len(modules) > 1} == set()
    announcing = defaultdict(set)
    for path in SOURCE.rglob("*.py"):
        for kind in _announced(path):
            announcing[kind].add(path.relative_to(SOURCE).as_posix().rpartition("/atomic")[0])
    assert {"productOrder", "customer", "product", "billingAccount"} <= set(announcing)
    assert {kind: places for kind, places in announcing.items() if len(places) > 1} == {}
    assert all(place.removeprefix("modules/") in MODULES for places in announcing.values() for place in places)


def _announced(path: Path) -> set[str]:
    """The kinds of objects whose events a file sends to whoever listens."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "announce":
            found |= {
                one.value.value for one in node.keywords if one.arg == "kind" and isinstance(one.value, ast.Constant)
            }
    return found
