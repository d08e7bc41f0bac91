"""Money that other systems bring is posted once, exactly, and shows in the account's balance."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]


@pytest.fixture
def post(token: Callable[..., str]) -> Callable[[dict[str, Any]], Any]:
    """Send a payment."""
    client = Client(headers={"authorization": f"Bearer {token()}"})

    def send(body: dict[str, Any]) -> Any:
        return client.post("/tmf-api/paymentManagement/v4/payment", json.dumps(body), content_type="application/json")

    return send


def _payment(account_id: str, yuan: str, correlator: str = "web-1") -> dict[str, Any]:
    return {
        "correlatorId": correlator,
        "account": {"id": account_id},
        "paymentMethod": {"@type": "bankCard"},
        "totalAmount": {"unit": "CNY", "value": json.loads(yuan)},
    }


def _account(get: Ask) -> str:
    (row,) = get("accountManagement/v4/billingAccount", limit=1).json()
    return str(row["id"])


def test_a_payment_is_posted_once_and_shows_at_once(get: Ask, post: Callable[..., Any]) -> None:
    account_id = _account(get)
    first, again = post(_payment(account_id, "100.10")), post(_payment(account_id, "100.10"))
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert first.json()["totalAmount"] == {"unit": "CNY", "value": 100.1}
    rows = get("paymentManagement/v4/payment", **{"account.id": account_id}).json()
    assert [row["id"] for row in rows] == [first.json()["id"]]
    assert get(f"paymentManagement/v4/payment/{first.json()['id']}").json() == first.json()


def test_a_correlator_of_another_payment_is_a_conflict_and_changes_nothing(get: Ask, post: Callable[..., Any]) -> None:
    account_id = _account(get)
    post(_payment(account_id, "100.00"))
    assert post(_payment(account_id, "50.00")).status_code == 409
    rows = get("paymentManagement/v4/payment", **{"account.id": account_id}).json()
    assert [row["totalAmount"]["value"] for row in rows] == [100.0]


@pytest.mark.parametrize("yuan", ["0", "-5", "0.001", "10000000000000", '"NaN"', "true"])
def test_an_amount_that_is_no_money_is_refused(get: Ask, post: Callable[..., Any], yuan: str) -> None:
    account_id = _account(get)
    refused = post(_payment(account_id, yuan))
    assert refused.status_code == 400, refused.content
    assert "totalAmount" in refused.json()["message"]
    assert get("paymentManagement/v4/payment", **{"account.id": account_id}).json() == []


def test_an_unknown_account_or_means_is_refused_before_money_moves(get: Ask, post: Callable[..., Any]) -> None:
    assert post(_payment("999999999", "5")).status_code == 404
    shells = _payment(_account(get), "5") | {"paymentMethod": {"@type": "cowries"}}
    assert post(shells).json()["code"] == "unknownMethod"


def test_what_is_paid_beyond_the_bills_is_in_the_balance(get: Ask, post: Callable[..., Any]) -> None:
    account_id = _account(get)
    asked = {"partyAccount.id": account_id}

    def total() -> float:
        (row,) = get("prepayBalanceManagement/v4/accumulatedBalance", **asked).json()
        return float(row["totalBalance"]["amount"])

    post(_payment(account_id, "90000.00"))
    cash = [row for row in get("prepayBalanceManagement/v4/bucket", **asked).json() if row["name"] == "CASH"]
    assert [row["remainingValue"]["amount"] for row in cash] == [total()]
    before = total()
    post(_payment(account_id, "12.34", "web-2"))
    assert round(total() - before, 2) == 12.34


def test_a_token_that_may_only_look_cannot_pay(get: Ask, token: Callable[..., str]) -> None:
    client = Client(headers={"authorization": f"Bearer {token('receivables.view')}"})
    body = json.dumps(_payment(_account(get), "5"))
    answer = client.post("/tmf-api/paymentManagement/v4/payment", body, content_type="application/json")
    assert answer.status_code == 401
