"""Recharge by voucher in self-care: once, with few tries, and no word of which vouchers there are."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from tests.modules.receivables.conftest import Desk, check_books, desk, on
from tests.processes.test_collect_debt import user_of
from tests.processes.test_recharge_by_voucher import number_of, pins

from openboss.access.jobs import clock
from openboss.modules.receivables.models import Payment

__all__ = ["desk", "pins"]
ADDRESS = "/my/recharge/"


def test_a_voucher_is_put_into_a_number_on_the_web_and_five_wrong_tries_lock_it(
    desk: Desk, pins: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: on(10, 21))
    client = Client(headers={"accept-language": "en"})
    account = desk.account()
    number = str(number_of(user_of(account)))[2:]

    def put(pin: str, to: str = number) -> Any:
        return client.post(ADDRESS, {"number": to, "pin": pin})

    assert client.get(ADDRESS).status_code == 200
    assert "¥50.00" in put(pins[0]).content.decode()
    used, unknown = put(pins[0]), put("0" * 16)
    assert (used.status_code, used.context["refusal"]) == (422, unknown.context["refusal"])
    assert "no such number" in put(pins[1], to="x").content.decode()
    said = [put("0" * 16).context["refusal"] for _ in range(4)]
    assert "again in 24 hours" in said[3]
    assert "again in 24 hours" in put(pins[1]).context["refusal"]
    assert (desk.cash(account), Payment.objects.get().channel) == (5000, "WEB")
    check_books()
