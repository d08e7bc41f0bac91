"""One real PostgreSQL for the whole run: an embedded one, kept between runs, or the one DATABASE_URL names.

The server starts when the first test asks for the database. Runs at the same time share it, each with a
database of its own; it stops when the last one ends, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import hypothesis
import psycopg
import pytest

from tests.database_template import migrated_template
from tests.soak_report import pytest_runtest_logreport, pytest_sessionfinish  # noqa: F401 - hooks of the session

_REFERENCE = Path(__file__).parents[1] / "example" / "reference"
_RUN_DATA_DIR = Path(tempfile.mkdtemp(prefix="openboss-run-"))
_SERVER_DIR = Path(
    os.environ.get("OPENBOSS_TEST_SERVER_DIR", Path(tempfile.gettempdir(), f"openboss-test-server-{os.getuid()}"))
)
_LONGEST = (  # files that take most of a minute
    "scenarios/test_kills.py",
    "access/jobs/test_demo.py",
    "scenarios/test_money_kills.py",  # with two processes it comes to that of test_kills.py: they share a world
    "access/console/test_browser.py",
)
_LONG = {"new_installation", "opened"}  # fixtures of tests with processes and a database server of their own
_TEST_DATABASE = f"test_openboss_{os.getpid()}"

# Set here and not in pyproject.toml: the settings must not be read before the folder of this run is known.
os.environ["DJANGO_SETTINGS_MODULE"] = "openboss.config.settings"
os.environ["OPENBOSS_DATA_DIR"] = str(_RUN_DATA_DIR)
django.setup()
_SLOW = [hypothesis.HealthCheck.too_slow]  # examples are drawn slowly where others are at work
hypothesis.settings.register_profile("openboss", deadline=None, suppress_health_check=_SLOW)  # a first call compiles
hypothesis.settings.load_profile("openboss")


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(_RUN_DATA_DIR, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, so that no process is left alone with them at the end of a parallel run."""

    def rank(item: pytest.Item) -> tuple[int, bool]:
        longest = [place for place, file in enumerate(_LONGEST) if item.path.as_posix().endswith(f"tests/{file}")]
        return (*longest, len(_LONGEST))[0], _LONG.isdisjoint(getattr(item, "fixturenames", ()))

    items.sort(key=rank)


@pytest.fixture(scope="session")
def no_limits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's tables without the regulator's limits, which few prices drawn at random keep."""
    folder = tmp_path_factory.mktemp("reference")
    for name in ("bill_items.csv", "holidays.csv"):
        shutil.copy(_REFERENCE / name, folder)
    (folder / "tariff_limits.yaml").write_text("[]")
    return folder


@pytest.fixture(scope="session")
def database_fields() -> Iterator[dict[str, Any]]:
    """How to reach the server of this run, as Django's connection fields."""
    from openboss.access.jobs.postgres import Cluster
    from openboss.config.database import connection_of

    if database_url := os.environ.get("DATABASE_URL"):
        yield connection_of(database_url=database_url, cluster_dir=_SERVER_DIR)
        return
    durable = os.environ.get("OPENBOSS_TEST_FSYNC") == "1"
    with Cluster(_SERVER_DIR, fsync=durable).leased():
        fields = connection_of(database_url=None, cluster_dir=_SERVER_DIR)
        _drop_databases_of_dead_runs(fields)
        yield fields


@pytest.fixture(scope="session")
def django_db_modify_db_settings(database_fields: dict[str, Any]) -> None:
    """Point Django at the server of this run (pytest-django calls this before it makes the test database)."""
    from django.conf import settings
    from django.db import connections

    for found in (settings.DATABASES["default"], connections["default"].settings_dict):
        found.update({name: value for name, value in database_fields.items() if name != "OPTIONS"})
        found["OPTIONS"] = {**found["OPTIONS"], **database_fields.get("OPTIONS", {})}
        found["OPTIONS"].pop("pool", None)  # tests open and close databases under the connections
        found["TEST"]["NAME"] = _TEST_DATABASE
        found["TEST"]["TEMPLATE"] = migrated_template(database_fields)


@pytest.fixture(autouse=True, scope="session")
def _cheap_passwords() -> None:
    """Hash passwords fast: the strength of the real hash is not under test."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def _drop_databases_of_dead_runs(fields: dict[str, Any]) -> None:
    with psycopg.connect(
        host=fields["HOST"],
        port=fields["PORT"],
        user=fields["USER"],
        password=fields["PASSWORD"],
        dbname="postgres",
        autocommit=True,
    ) as session:
        names = session.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test\\_openboss\\_%'").fetchall()
        for (name,) in names:
            owner = name.removeprefix("test_openboss_").split("_")[0]
            if owner.isdigit() and not Path("/proc", owner).exists():
                with contextlib.suppress(psycopg.Error):  # another run may be dropping it too
                    session.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(autouse=True)
def _append_only_tables_are_emptied_between_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the emptying after a test with real commits pass the triggers that refuse it everywhere else.

    The emptying comes after every fixture has ended, so the triggers return at the start of the next test.
    """
    mark = request.node.get_closest_marker("django_db")
    if not mark and "db" not in request.fixturenames:  # a fixture may ask for the database without the mark
        yield
        return
    request.getfixturevalue("db")
    _guards("ENABLE")
    yield
    if mark and mark.kwargs.get("transaction"):
        _guards("DISABLE")


def _guards(change: str) -> None:
    """Enable or disable the triggers of every table that refuses to be emptied."""
    from django.db import connection

    refuses_truncate = 32  # bit of pg_trigger.tgtype
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgtype & %s <> 0",
            [refuses_truncate],
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} {change} TRIGGER USER")
