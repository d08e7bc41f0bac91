"""TMF681 and TMF670: messages are sent and told of without their numbers; mandates wait for the bank."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.access.console.small_operator import NOW

from openboss.modules.receivables.functions import direct_debit
from openboss.modules.system import functions as system

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]
EXAMPLES = Path(__file__).parents[4] / "shared" / "standards" / "tmf" / "examples"
MESSAGES = "/tmf-api/communicationManagement/v4/communicationMessage"
METHODS = "/tmf-api/paymentMethodManagement/v5/paymentMethod"


@pytest.fixture
def clerk(operator: Path) -> Client:
    """A system that acts as the example's shop clerk."""
    scopes = ("customers.view", "customers.edit", "receivables.view", "receivables.adjust")
    client, secret = system.add_client(name="a partner", staff_login="clerk", scopes=scopes, at=NOW)
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
    bearer = Client().post("/oauth/token", form).json()["access_token"]
    return Client(headers={"authorization": f"Bearer {bearer}"})


def _post(client: Client, path: str, body: Any) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def _message(**changes: Any) -> dict[str, Any]:
    known = {"content": "Hello $who", "messageType": "SMS", "sender": {"name": "shop"}}
    known["receiver"] = [{"phoneNumber": "13811112222"}]
    return {**known, "characteristic": [{"name": "$who", "value": "Li"}], **changes}


def test_a_message_waits_in_the_outbox_with_its_values_in_their_places_and_its_number_masked(clerk: Client) -> None:
    sent = _post(clerk, MESSAGES, _message())
    assert sent.status_code == 201, sent.content
    told = sent.json()
    assert (told["content"], told["state"], told["tryTimes"]) == ("Hello Li", "initial", 0)
    assert told["receiver"] == [{"phoneNumber": "138****2222"}]
    row = system.message(outbox_id=int(told["id"]))
    assert row is not None and row.payload["number"] == 8613811112222
    system.message_sent(outbox_id=row.outbox_id, at=NOW)
    assert clerk.get(told["href"]).json()["state"] == "completed"
    assert told["id"] in {one["id"] for one in clerk.get(MESSAGES, {"state": "completed"}).json()}


def test_a_message_with_a_secret_is_listed_without_it(clerk: Client) -> None:
    payload = {"number": 8613811112222, "template": "DYNAMIC_CODE", "secret": {"digits": "123456", "text": "123456"}}
    outbox_id = system.send_out(topic="sms", payload=payload, at=NOW)
    shown = clerk.get(f"{MESSAGES}/{outbox_id}")
    assert shown.json()["content"] == "DYNAMIC_CODE"
    assert "123456" not in shown.content.decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"messageType": "Email"},
        {"receiver": []},
        {"receiver": [{"phoneNumber": "13811112222"}] * 2},
        {"receiver": [{"phoneNumber": "12 or 1=1"}]},
        {"content": ""},
        {"scheduledSendTime": "2030-01-01T00:00:00+08:00"},
    ],
    ids=["type", "nobody", "two", "no number", "empty", "later"],
)
def test_a_message_that_cannot_be_sent_is_refused_and_leaves_nothing(clerk: Client, changes: dict[str, Any]) -> None:
    before = system.count_messages(topic="sms")
    assert _post(clerk, MESSAGES, _message(**changes)).status_code == 400
    assert system.count_messages(topic="sms") == before


def test_other_messages_of_the_outbox_are_not_shown(clerk: Client) -> None:
    outbox_id = system.send_out(topic="network.hlr", payload={"imsi": 1}, at=NOW)
    assert clerk.get(f"{MESSAGES}/{outbox_id}").status_code == 404


def _mandate(account_id: int = 50, contract: str = "C-50") -> dict[str, Any]:
    return {
        "@type": "bankAccountDebit",
        "account": [{"id": str(account_id)}],
        "authorizationCode": contract,
        "accountNumber": "6222000012345678",
        "owner": "张三",
        "bank": "ICBC",
    }


def test_a_payment_method_is_pending_until_the_bank_confirms_and_inactive_when_it_ends(clerk: Client) -> None:
    made = _post(clerk, METHODS, _mandate())
    assert made.status_code == 201, made.content
    told = made.json()
    assert (told["status"], told["accountNumber"], told["bank"]) == ("pending", "************5678", "ICBC")
    assert "张三" not in made.content.decode()
    direct_debit.verify_mandate(mandate_id=int(told["id"]), reason="the bank called back", at=NOW, staff_id=1)
    assert clerk.get(told["href"]).json()["status"] == "active"
    (listed,) = clerk.get(METHODS, {"account.id": "50"}).json()
    assert listed["id"] == told["id"]
    assert clerk.delete(told["href"]).status_code == 204
    assert clerk.get(told["href"]).json()["status"] == "inactive"
    assert clerk.delete(told["href"]).status_code == 404


def test_a_second_method_of_an_account_and_a_contract_used_before_are_conflicts(clerk: Client) -> None:
    _post(clerk, METHODS, _mandate())
    assert _post(clerk, METHODS, _mandate(contract="C-51")).status_code == 409
    assert _post(clerk, METHODS, _mandate(account_id=51)).status_code == 409
    assert len(clerk.get(METHODS, {"account.id": "50"}).json()) == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"@type": "bankCard"}, 400),
        ({"account": [{"id": "999999999"}]}, 404),
        ({"accountNumber": "12 34"}, 400),
        ({"account": []}, 400),
    ],
)
def test_a_method_that_cannot_be_kept_is_refused(clerk: Client, changes: dict[str, Any], status: int) -> None:
    assert _post(clerk, METHODS, {**_mandate(), **changes}).status_code == status
    assert clerk.get(METHODS).json() == []


def test_without_the_right_nothing_is_sent_and_no_mandate_is_taken(get: Ask, token: Callable[..., str]) -> None:
    reader = Client(headers={"authorization": f"Bearer {token('customers.view', 'receivables.view')}"})
    assert _post(reader, MESSAGES, _message()).status_code == 401
    assert _post(reader, METHODS, _mandate()).status_code == 401


def test_the_official_message_is_taken_as_it_is(clerk: Client) -> None:
    file = EXAMPLES / "TMF681_Communication" / "CommunicationMessage.example.json"
    if not file.exists():
        pytest.skip("the TM Forum's examples are not part of the project")
    sent = _post(clerk, MESSAGES, json.loads(file.read_text(encoding="utf-8")))
    assert sent.status_code == 201, sent.content
    assert "Mr. Jones" in sent.json()["content"] and "$Parameter1" not in sent.json()["content"]
