"""What the command line asks of an operator's catalog and detail: export, import, why a record cost what it did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from tests.database_template import url_of
from typer.testing import CliRunner

from openboss.access.jobs.cli import app
from openboss.modules.charging.functions.detail import detail_list
from openboss.processes.explain_record import explain_record

from .small_operator import EXAMPLE, SmallOperator

OpenBoss = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def openboss(small_operator: SmallOperator, operator: Path) -> OpenBoss:
    """The command line beside the operator in which the tests of this package work."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBOSS_")}
    database = url_of(small_operator.fields, connection.settings_dict["NAME"])
    environment |= {"OPENBOSS_DATA_DIR": str(operator), "DATABASE_URL": database}

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "openboss.access.jobs.cli", *map(str, arguments)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

    return run


def test_why_a_record_cost_what_it_did_is_said_in_a_sentence_a_step_and_as_json(openboss: OpenBoss) -> None:
    row = next(row for row in detail_list(5, 202610, {}, "start_at_s", 1, 500)[0] if row["act_li"])
    place = {name: row[name] for name in ("subscriber_id", "cycle", "position", "row")}
    why = explain_record(**place)
    said = openboss("explain-record", *place.values(), "--language", "zh")
    assert said.returncode == 0, said.stderr
    assert [line.strip() for line in said.stdout.splitlines()][-1] == why["zh"]
    assert all(step["zh"] in said.stdout for step in why["steps"])
    as_json = openboss("explain-record", *place.values(), "--json")
    assert json.loads(as_json.stdout) == json.loads(json.dumps(why))


def test_what_is_exported_says_what_was_imported_and_imported_again_changes_nothing(
    openboss: OpenBoss, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    exported = openboss("tariff", "export", "GOTONE_98", "--to", out)
    assert exported.returncode == 0, exported.stderr
    same = CliRunner().invoke(app, ["tariff", "diff", str(EXAMPLE / "tariffs" / "gotone_98.yaml"), str(out)])
    assert (same.exit_code, same.stdout) == (0, "")
    again = openboss("tariff", "import", out, "--json")
    assert json.loads(again.stdout) == {"documents": 1, "versions_written": {}}, again.stderr
    document = out / "gotone_98.yaml"
    changed = document.read_text(encoding="utf-8").replace("0.40", "0.38")
    document.write_text(changed, encoding="utf-8")
    refused = openboss("tariff", "import", out)
    assert (refused.returncode, "GOTONE_98" in refused.stderr) == (1, True), refused.stderr
