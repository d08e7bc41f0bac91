"""A month closed from written inputs."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from openboss.modules.billing import functions as billing
from openboss.modules.billing.models import Bill, BillItem
from tests.modules.billing.operator import CYCLE, ITEM_ID, Operator

AT = datetime(2026, 12, 1, tzinfo=UTC)
CODE = {item_id: code for code, item_id in ITEM_ID.items()}


@pytest.fixture(autouse=True)
def lake(tmp_path: Path, settings: Any) -> Path:
    """A lake of its own for every test."""
    settings.LAKE_DIR = tmp_path / "lake"
    return tmp_path / "lake"


class Books:
    """The bills of a month, read the way a test wants to say them, in yuan."""

    def total(self, account_id: int) -> str:
        """What an account owes."""
        return f"{Bill.objects.get(cycle=CYCLE, account_id=account_id).total_fen / 100:.2f}"

    def items(self, subscriber_id: int) -> dict[str, str]:
        """What is due for a user, by item."""
        due: dict[str, int] = {}
        for row in BillItem.objects.filter(cycle=CYCLE, subscriber_id=subscriber_id):
            due[CODE[row.item_id]] = due.get(CODE[row.item_id], 0) + row.due_fen
        return {code: f"{fen / 100:.2f}" for code, fen in sorted(due.items())}


@pytest.fixture
def bill(db: None) -> Callable[..., Books]:
    """Close the month for an operator up to trial bills."""

    def close(operator: Operator, **changes: Any) -> Books:
        billing.open_cycle(cycle=CYCLE)
        billing.cut_cycle(cycle=CYCLE, position=7, at=AT, staff_id=None)
        billing.collect_inputs(**operator.inputs(**changes))
        billing.calculate(cycle=CYCLE, at=AT, staff_id=None, progress=lambda step, part: None)
        return Books()

    return close
