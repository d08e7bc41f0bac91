"""Releasing a month on the command line: two people, each with a password."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.database_template import url_of

from openboss.config import settings as installed
from openboss.modules.billing import functions as billing
from openboss.modules.system import functions as system

from .small_operator import NOW, SmallOperator, at_work

PASSWORD = "Openboss-demo-2"
OpenBoss = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def openboss(
    small_operator: SmallOperator, django_db_blocker: Any, tmp_path: Path, settings: Any
) -> Iterator[OpenBoss]:
    """The command line in an operator of its own, whose October is audited and was started by nobody in particular."""
    database = f"test_openboss_{os.getpid()}_release"
    small_operator.copy_to(tmp_path, database)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBOSS_")}
    environment |= {"OPENBOSS_DATA_DIR": str(tmp_path), "DATABASE_URL": url_of(small_operator.fields, database)}

    def run(*arguments: str, typed: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "openboss.access.jobs.cli", "bill", "202610", *arguments]
        return subprocess.run(
            command, env=environment, input=typed + "\n", capture_output=True, text=True, check=False, timeout=120
        )

    settings.PASSWORD_HASHERS = installed.PASSWORD_HASHERS  # the other process knows no cheap ones
    with django_db_blocker.unblock(), at_work(tmp_path, database):
        system.set_password(login="billing", password=PASSWORD, at=NOW)
        yield run
    small_operator.drop(database)


def test_one_person_at_the_command_line_cannot_release_and_two_can(openboss: OpenBoss) -> None:
    guessed = openboss("--release-as", "billing", typed="not my password")
    assert (guessed.returncode, "The login or the password is wrong" in guessed.stderr) == (1, True), guessed.stderr
    findings = billing.findings_of(cycle=202610)
    for one in findings:
        if one.needs_sign_off:
            _sign("billing", one)
    alone = openboss("--release-as", "billing", typed=PASSWORD)  # who would have signed and released
    assert (alone.returncode, "You alone stand behind this bill run" in alone.stderr) == (1, True), alone.stderr
    assert billing.cycle_view(cycle=202610).state == "AUDITED"

    _sign("billing2", next(one for one in findings if not one.needs_sign_off))
    released = openboss("--release-as", "billing", "--json", typed=PASSWORD)
    assert released.returncode == 0, released.stderr
    assert billing.cycle_view(cycle=202610).state == "RELEASED"


def _sign(login: str, finding: billing.FindingView) -> None:
    staff_id = system.staff_by_login(login=login).staff_id
    billing.sign_finding(finding_id=finding.finding_id, staff_id=staff_id, reason="looked at", at=NOW)
