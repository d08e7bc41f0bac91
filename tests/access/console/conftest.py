"""A small operator with two closed months, and a browser at its console."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from .small_operator import EXAMPLE, NOW, SmallOperator, at_work, original

CHROMIUM = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
]


@pytest.fixture(scope="session")
def small_operator(
    database_fields: dict[str, Any],
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> SmallOperator:
    """The operator that tests work in copies of."""
    del django_db_setup  # first: it sets the connection's database, from which the operator's tests go to a copy
    mine = tmp_path_factory.getbasetemp()
    of_run = mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine
    return original(database_fields, of_run / "small-operator", unblocked=django_db_blocker.unblock)


@pytest.fixture(scope="package")
def operator(
    small_operator: SmallOperator, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A copy of the small operator with two closed months, for the tests of a package to work in one after another."""
    folder, database = tmp_path_factory.mktemp("operator"), f"test_openboss_{os.getpid()}_copy"
    small_operator.copy_to(folder, database)
    with django_db_blocker.unblock():
        try:
            with at_work(folder, database):
                yield folder
        finally:
            small_operator.drop(database)  # with the sessions of server threads whose browser went away a moment ago


def signed_in(login: str) -> Client:
    """A client whose session belongs to a member of staff of the example."""
    client = Client(headers={"accept-language": "en"})
    answer = client.post("/login/", {"login": login, "password": "openboss-demo"})
    assert answer.status_code == 302, answer.context["refusal"]
    client.cookies["django_language"] = "en"
    return client


def posted(client: Client, address: str, **fields: Any) -> str:
    """What the page says after a form was sent, its spaces and lines as single spaces."""
    return re.sub(r"\s+", " ", client.post(address, fields, follow=True).content.decode())


@pytest.fixture(scope="package")
def stock(operator: Any) -> None:  # noqa: ARG001 (the operator comes first)
    """Numbers and cards in the clerk's hall."""
    from openboss.access.jobs.generate_stock import generate_stock
    from openboss.processes.stock_halls import fill_halls, import_items, take_resources_over

    register, _items = import_items(EXAMPLE / "reference" / "stock.yaml", at=NOW)
    take_resources_over(register=register, at=NOW)
    mine = next(hall for hall in generate_stock(EXAMPLE) if hall.home_area == 27)
    fill_halls([mine], register=register, at=NOW)


@pytest.fixture
def clerk() -> Iterator[Client]:
    """A clerk with an open till of 500 yuan, which is closed again."""
    client = signed_in("clerk")
    client.post("/till/open/", {"float": "500"})
    yield client
    till = client.get("/till/").context["till"]
    client.post("/till/close/", {"counted": f"{till.expected_fen // 100}.{till.expected_fen % 100:02d}"})


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
    from django.db import connections
    from playwright.sync_api import sync_playwright

    del address  # the server starts first: Playwright keeps an event loop in this thread, which Django mistrusts
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        connections.close_all()  # one of an earlier loop may still be at the database of an earlier package
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield chromium
        connections.close_all()  # under Playwright's loop Django has connections of its own; their database may go next
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

    def press(self, *keys: str) -> None:
        """Press keys on a page that is whole: a script at its end reads them."""
        for key in keys:
            self.page.wait_for_load_state()
            self.page.keyboard.press(key)

    def log_in(self, login: str = "billing") -> None:
        self.open("/login/")
        self.page.fill("[name=login]", login)
        self.page.fill("[name=password]", "openboss-demo")
        self.press("Enter")
        self.page.wait_for_url(f"{self.address}/")
