"""TMF683: what was said on one channel is seen on every other, at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from django.test import Client
from tests.access.console.conftest import signed_in
from tests.access.console.small_operator import NOW
from tests.access.openapi.test_shapes import STANDARDS

from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers

pytestmark = pytest.mark.django_db
SAID = "/tmf-api/partyInteractionManagement/v4/partyInteraction"
CUSTOMER = 12
COMPLAINT = {
    "externalId": "W-1", "reason": "COMPLAINT", "direction": "inbound", "channel": [{"id": "WEB"}],
    "relatedParty": [{"id": str(CUSTOMER)}], "description": "账单多收了 5 元",
}  # fmt: skip


@pytest.fixture
def web(clerk_with: Callable[..., Client]) -> Client:
    """The web hall as a system of its own."""
    return clerk_with("customers.view", "customers.edit")


def _send(client: Client, **changes: Any) -> Any:
    return client.post(SAID, json.dumps({**COMPLAINT, **changes}), content_type="application/json")


@pytest.mark.requirement("CRM-05")
def test_a_complaint_on_the_web_at_nine_is_before_the_agent_a_minute_later(
    web: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    nine = NOW.replace(hour=1, minute=0, second=0, microsecond=0)  # 09:00 on the operator's wall
    monkeypatch.setattr(clock, "now", lambda: nine)
    told = _send(web)
    assert told.status_code == 201, told.content
    monkeypatch.setattr(clock, "now", lambda: nine + timedelta(minutes=1))
    agent = signed_in("clerk")
    page = agent.get(f"/customers/{CUSTOMER}/history/").content.decode()
    assert ("账单多收了 5 元" in page, "Complaint" in page, "Web" in page) == (True, True, True)
    note = {"channel": "HOTLINE", "reason": "COMPLAINT", "result": "ANSWERED", "note": "已退 5 元", "serial_no": "S1"}
    for _ in range(2):
        agent.post(f"/customers/{CUSTOMER}/said/", note)
    seen = web.get(SAID, {"relatedParty.id": str(CUSTOMER)}).json()
    assert [(one["channel"][0]["id"], one["status"], one["description"]) for one in seen] == [
        ("HOTLINE", "completed", "已退 5 元"), ("WEB", "opened", "账单多收了 5 元")
    ]  # fmt: skip


def test_what_is_told_twice_is_written_once_and_fits_the_published_schema(web: Client) -> None:
    first, again = _send(web), _send(web)
    assert first.json() == again.json() == web.get(first.json()["href"]).json()
    other = _send(web, description="something else")
    assert (other.status_code, other.json()["code"]) == (409, "interactionDifferent")
    assert customers.interactions_of(customer_id=CUSTOMER)[1] == 1
    file = STANDARDS / "TMF683-PartyInteraction-v4.0.0.swagger.json"
    if file.exists():
        document = json.loads(file.read_text(encoding="utf-8"))
        schema = {**document["definitions"]["PartyInteraction"], "definitions": document["definitions"]}
        jsonschema.Draft4Validator(schema).validate(first.json())


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"relatedParty": [{"id": "999999"}]}, 404),
        ({"relatedParty": []}, 400),
        ({"channel": [{"id": "FAX"}]}, 400),
        ({"reason": "WHATEVER"}, 400),
        ({"description": "a\u0000b"}, 400),
        ({"description": "x" * 501}, 400),
    ],
)
def test_what_says_nothing_of_a_customer_is_refused(web: Client, changes: dict[str, Any], status: int) -> None:
    assert _send(web, **changes).status_code == status
    assert customers.interactions_of(customer_id=CUSTOMER)[1] == 0


def test_a_form_without_words_and_a_person_without_the_right_write_nothing() -> None:
    empty = {"channel": "HALL", "reason": "QUERY", "result": "OPEN", "note": " "}
    page = signed_in("clerk").post(f"/customers/{CUSTOMER}/said/", empty, follow=True).content.decode()
    assert "what was said" in page
    assert signed_in("analyst").post(f"/customers/{CUSTOMER}/said/", {**empty, "note": "x"}).status_code == 403
    assert customers.interactions_of(customer_id=CUSTOMER)[1] == 0
