"""A small operator with two closed months, and a browser at its console."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

EXAMPLE = Path(__file__).parents[3] / "example"
NOW = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
USERS, DAYS = 100, 62
CHROMIUM = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
]


@pytest.fixture(scope="package")
def operator(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two months of a small operator from usage files to bills: September released, October audited."""
    from django.conf import settings
    from django.db import connection
    from django.test.utils import setup_databases, teardown_databases

    from openboss.access.jobs import clock

    folder = tmp_path_factory.mktemp("operator")
    # pytest-django makes the database only for tests that are marked, and these commit for real and share it.
    own = not connection.settings_dict["NAME"].startswith("test_")
    before = settings.DATA_DIR, settings.LAKE_DIR
    settings.DATA_DIR, settings.LAKE_DIR = folder, folder / "lake"
    clock.pin(NOW)
    pinned = clock._clock_file()
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases={"default"}) if own else []
        try:
            _empty()  # numbers given by the database, such as file 1, begin anew
            _fill(folder)
            yield folder
        finally:
            if own:
                _end_other_sessions()
                teardown_databases(made, verbosity=0)
            else:
                _empty()
            settings.DATA_DIR, settings.LAKE_DIR = before
            pinned.unlink(missing_ok=True)
            clock.shift.cache_clear()


def _end_other_sessions() -> None:
    """End sessions of server threads whose browser went away a moment ago."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _empty() -> None:
    from django.core.management import call_command
    from tests.conftest import _guards

    _guards("DISABLE")
    call_command("flush", interactive=False, verbosity=0, allow_cascade=True)
    _guards("ENABLE")


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
    close_month.run(202609, at=NOW)
    for finding in billing.list_findings(run_id=billing.live_run(cycle=202609).run_id):
        if finding.needs_sign_off:
            billing.sign_finding(finding_id=finding.finding_id, staff_id=_staff_id("billing2"), reason="ok", at=NOW)
    close_month.release(202609, at=NOW, staff_id=_staff_id("billing"))
    close_month.run(202610, at=NOW)


def _staff_id(login: str) -> int:
    from openboss.modules.system import functions as system

    return system.authenticate_staff(login=login, password="openboss-demo", at=NOW).staff_id


def signed_in(login: str) -> Client:
    """A client whose session belongs to a member of staff of the example."""
    client = Client(headers={"accept-language": "en"})
    answer = client.post("/login/", {"login": login, "password": "openboss-demo"})
    assert answer.status_code == 302
    client.cookies["django_language"] = "en"
    return client


def chromium_path() -> str | None:
    """Where a browser is, if there is one."""
    return os.environ.get("OPENBOSS_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="package")
def address(operator: Path) -> Iterator[str]:
    """The address of a running console."""
    from django.core.handlers.wsgi import WSGIHandler
    from django.test.testcases import LiveServerThread

    class Server(LiveServerThread):
        """A server with the console's own static files: WhiteNoise, as in production."""

    class Plain:
        """LiveServerThread wraps the handler for Django's static files; ours need no wrapping."""

        def __new__(cls, handler: Any) -> Any:
            return handler if isinstance(handler, WSGIHandler) else WSGIHandler()

    server = Server("127.0.0.1", Plain)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    yield f"http://127.0.0.1:{server.port}"
    server.terminate()


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Any]:
    """A Chromium; the tests that need one are skipped where there is none, but never in CI."""
    path = chromium_path()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have a Chromium")
        pytest.skip("no Chromium here: browser tests not run")
    from playwright.sync_api import sync_playwright

    del address  # the server starts first: Playwright keeps an event loop in this thread, which Django mistrusts
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Tab:
    """One page of the browser that remembers what the console of the browser complained about."""

    def __init__(self, context: Any, address: str) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.address = address
        self.complaints: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda fault: self.complaints.append(str(fault)))

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)
        self.page.wait_for_selector(".htmx-request", state="detached")

    def log_in(self, login: str = "billing") -> None:
        self.open("/login/")
        self.page.fill("[name=login]", login)
        self.page.fill("[name=password]", "openboss-demo")
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.address}/")
