"""The console's small operator with two closed months, and a system that may call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.access.console.conftest import operator, small_operator  # noqa: F401 - fixtures of the tests below

RIGHTS = ("customers.view", "catalog.view", "billing.view", "receivables.view", "receivables.collect")


@pytest.fixture
def token(operator: Path) -> Callable[..., str]:  # noqa: F811 - the fixture above
    """Register a system that acts as the example's billing clerk and give it a token of some scopes."""
    from openboss.modules.system.functions import add_client

    def get(*scopes: str) -> str:
        at = datetime(2026, 11, 2, tzinfo=UTC)
        client, secret = add_client(name="a partner", staff_login="billing", scopes=scopes or RIGHTS, at=at)
        form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
        answer = Client().post("/oauth/token", form)
        assert answer.status_code == 200, answer.content
        return str(answer.json()["access_token"])

    return get


@pytest.fixture
def stock(operator: Path) -> None:  # noqa: F811 - the fixture above
    """Numbers and cards in the clerk's hall."""
    from tests.access.console.small_operator import EXAMPLE, NOW

    from openboss.access.jobs.generate_stock import generate_stock
    from openboss.processes.stock_halls import fill_halls, import_items, take_resources_over

    register, _items = import_items(EXAMPLE / "reference" / "stock.yaml", at=NOW)
    take_resources_over(register=register, at=NOW)
    mine = next(hall for hall in generate_stock(EXAMPLE) if hall.home_area == 27)
    fill_halls([mine], register=register, at=NOW)


@pytest.fixture
def clerk_with(operator: Path) -> Callable[..., Client]:  # noqa: F811 - the fixture above
    """Let in a system that acts as the example's shop clerk, with some scopes."""
    from tests.access.console.small_operator import NOW

    from openboss.modules.system.functions import add_client

    def let_in(*scopes: str) -> Client:
        client, secret = add_client(name="a shop", staff_login="clerk", scopes=scopes, at=NOW)
        form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
        bearer = Client().post("/oauth/token", form).json()["access_token"]
        return Client(headers={"authorization": f"Bearer {bearer}"})

    return let_in


@pytest.fixture
def get(token: Callable[..., str]) -> Callable[..., Any]:
    """Ask an API with every right; returns the response."""
    bearer = token()

    def ask(path: str, **query: Any) -> Any:
        headers = {"authorization": f"Bearer {bearer}", "accept-language": "en"}
        return Client(headers=headers).get(f"/tmf-api/{path}", query)

    return ask
