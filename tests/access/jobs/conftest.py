"""Whole installations of their own, driven through the command line as an operator would."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openboss.access.jobs.postgres import Cluster


class Installation:
    """A data folder with its own embedded database."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPENBOSS_")}
        inherited.pop("DATABASE_URL", None)
        self.environment = {
            **inherited,
            "OPENBOSS_DATA_DIR": str(data_dir),
            "OPENBOSS_DATABASE_FSYNC": "false",
            "DJANGO_SETTINGS_MODULE": "openboss.config.settings",
            **environment,
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `openboss ARGUMENTS` here."""
        return subprocess.run(
            [sys.executable, "-m", "openboss.access.jobs.cli", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def python(self, program: str) -> str:
        """Run a Python program inside the open installation and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", _INSIDE.format(program=program)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


_INSIDE = """
from openboss.access.jobs.installation import open_installation
with open_installation():
    from django.db import connection
    cursor = connection.cursor()
    {program}
"""


@contextlib.contextmanager
def installations() -> Iterator[Callable[..., Installation]]:
    """Make installations in folders the database's account can reach; all are destroyed afterwards."""
    made: list[Path] = []

    def make(**environment: str) -> Installation:
        folder = Path(tempfile.mkdtemp(prefix="openboss-inst-"))
        folder.chmod(0o755)
        made.append(folder)
        return Installation(folder / "var", **environment)

    try:
        yield make
    finally:
        for folder in made:
            Cluster(folder / "var" / "postgres").destroy()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_installation() -> Iterator[Callable[..., Installation]]:
    """Make installations for one test."""
    with installations() as new:
        yield new
