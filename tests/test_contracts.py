"""The import contracts of pyproject.toml hold, and they bite: a planted breach is found and named."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def _lint(source: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT, "--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(source), "COLUMNS": "200"}
    return subprocess.run(
        command, cwd=source, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A copy of the sources to plant a breach in."""
    shutil.copytree(
        ROOT / "src" / "openboss",
        tmp_path / "openboss",
        ignore=shutil.ignore_patterns("static", "locale", "__pycache__"),
    )
    return tmp_path


@pytest.mark.requirement("ARC-08")
def test_access_never_imports_the_data_core() -> None:
    found = _lint(ROOT / "src")
    assert found.returncode == 0, found.stdout
    assert "0 broken" in found.stdout


@pytest.mark.requirement("ARC-08")
def test_planted_breaches_are_found_and_named(planted: Path) -> None:
    breaches = {
        "openboss/access/console/breach.py": "import openboss.modules.customers.models",
        "openboss/access/network/breach.py": "import openboss.modules.customers.atomic",
        "openboss/modules/system/breach.py": "import openboss.modules.catalog.functions",
        "openboss/modules/billing/breach.py": "import openboss.modules.customers.models",
        "openboss/kernel/breach.py": "import decimal",
        "openboss/kernel/breach_up.py": "import openboss.modules.system.functions",
        "openboss/processes/breach.py": "import openboss.access.console",
    }
    for path, text in breaches.items():
        (planted / path).write_text(text, encoding="utf-8")
    found = _lint(planted)
    assert found.returncode == 1
    for path, text in breaches.items():
        module = path.removesuffix(".py").replace("/", ".")
        assert f"{module} -> {text.removeprefix('import ')}" in found.stdout, path
