"""Two months of a small operator from usage files to bills: September released, October audited.

It takes a quarter of a minute to make, so one process of a run makes it and the others copy its database and folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from psycopg.sql import SQL, Identifier
from tests.database_template import migrated_template, session_of

EXAMPLE = Path(__file__).parents[3] / "example"
NOW = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
USERS, DAYS = 100, 62


@dataclass(frozen=True)
class SmallOperator:
    """The original: a database nobody works in, and its folder with the keys it was written with."""

    fields: dict[str, Any]
    database: str
    folder: Path

    def copy_to(self, folder: Path, database: str) -> None:
        """Make one that a test may change."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        _create(self.fields, database, self.database)

    def drop(self, database: str) -> None:
        """Forget a copy's database."""
        with session_of(self.fields, "postgres") as session:
            session.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(database)))


def original(
    fields: dict[str, Any], folder: Path, *, unblocked: Callable[[], AbstractContextManager[None]]
) -> SmallOperator:
    """The original of this run, made by whichever process comes first.

    It stays: another process may want its first copy when this one has ended. The folder goes with pytest's others, the
    database with those of dead runs when the next run begins.
    """
    run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    one = SmallOperator(fields, f"test_openboss_{run}_operator", folder)
    with _alone(folder.with_suffix(".lock")):
        if not folder.exists():
            with unblocked():
                _make(one)
    return one


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _make(one: SmallOperator) -> None:
    draft = one.folder.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    one.drop(one.database)
    _create(one.fields, one.database, migrated_template(one.fields))
    with at_work(draft, one.database):
        _fill(draft)
    draft.rename(one.folder)


def _create(fields: dict[str, Any], database: str, template: str) -> None:
    with session_of(fields, "postgres") as session:
        session.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(database)))
        session.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(database), Identifier(template)))


@contextmanager
def at_work(folder: Path, database: str) -> Iterator[None]:
    """Have this process work in a folder and database of the operator, at its moment."""
    from django.conf import settings
    from django.db import connection

    from openboss.modules.system.keys import current_keyring

    before = settings.DATA_DIR, settings.LAKE_DIR, settings.KEYS_FILE
    database_before = connection.settings_dict["NAME"]
    settings.DATA_DIR, settings.LAKE_DIR, settings.KEYS_FILE = folder, folder / "lake", folder / "keys.json"
    folder.mkdir(parents=True, exist_ok=True)
    _go_to(database)
    current_keyring.cache_clear()
    try:
        with clock_at(NOW):
            yield
    finally:
        _go_to(database_before)
        settings.DATA_DIR, settings.LAKE_DIR, settings.KEYS_FILE = before
        current_keyring.cache_clear()


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """Let the clock go on from a moment for a while; afterwards it goes on as it went before."""
    from openboss.access.jobs import clock

    pinned = clock._clock_file()
    before = pinned.read_bytes() if pinned.exists() else None
    clock.pin(moment)
    try:
        yield
    finally:
        pinned.unlink(missing_ok=True) if before is None else pinned.write_bytes(before)
        clock.shift.cache_clear()


def _go_to(database: str) -> None:
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = database


def _fill(folder: Path) -> None:
    from django.conf import settings

    from openboss.access.jobs.generate import generate_operator
    from openboss.access.network.collector import Place, collect_once
    from openboss.modules.billing import functions as billing
    from openboss.modules.charging.functions.engine import rate_waiting
    from openboss.processes import close_month
    from openboss.processes.open_operator import open_operator, take_customers_over

    generate_operator(
        users=USERS, days=DAYS, seed=1, start=date(2026, 9, 1), out=folder / "generated", records_per_day=2.0
    )
    open_operator(EXAMPLE, at=NOW)
    take_customers_over(folder / "generated" / "base", first_cycle=202609, at=NOW)
    place = Place(data_dir=folder, lake_dir=settings.LAKE_DIR, timezone=settings.TIME_ZONE)
    shutil.copytree(folder / "generated" / "usage", place.inbox_dir, dirs_exist_ok=True)
    collect_once(place=place, now=lambda: NOW)
    rate_waiting()
    close_month.run(202609, at=NOW, staff_id=staff_id_of("billing2"))
    for finding in billing.list_findings(run_id=billing.live_run(cycle=202609).run_id):
        if finding.needs_sign_off:
            billing.sign_finding(finding_id=finding.finding_id, staff_id=staff_id_of("billing"), reason="ok", at=NOW)
    close_month.release(202609, at=NOW, staff_id=staff_id_of("billing"))
    close_month.run(202610, at=NOW)


def staff_id_of(login: str) -> int:
    """The id of a member of the example's staff."""
    from openboss.modules.system import functions as system

    return system.authenticate_staff(login=login, password="openboss-demo", at=NOW).staff_id
