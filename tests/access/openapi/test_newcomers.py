"""TMF629, 632, 666, 669: somebody new is entered once, as at the counter, and reached where they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from tests.access.console.small_operator import NOW
from tests.access.openapi.test_shapes import STANDARDS, _one_connection

from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import Account, Customer
from openboss.modules.system.functions import list_audit

pytestmark = pytest.mark.django_db
CUSTOMERS = "/tmf-api/customerManagement/v4/customer"
PARTIES = "/tmf-api/party/v4"
ACCOUNTS = "/tmf-api/accountManagement/v4/billingAccount"
ROLES = "/tmf-api/partyRoleManagement/v4/partyRole"
PHONE = {
    "mediumType": "TelephoneNumber",
    "characteristic": {"contactType": "HOME", "phoneNumber": "027-8765 4321"},
}
PERSON = {
    "familyName": "欧阳",
    "givenName": "明月",
    "individualIdentification": [{"identificationType": "ID_CARD", "identificationId": "110105199001010010"}],
    "contactMedium": [PHONE],
}
UNIT = {
    "tradingName": "楚江船舶厂",
    "organizationIdentification": [{"identificationType": "CREDIT_CODE", "identificationId": "91110000600037341L"}],
}


@pytest.fixture
def shop(clerk_with: Callable[..., Client]) -> Client:
    """A system that may see and enter customers."""
    return clerk_with("customers.view", "customers.edit")


def _send(call: Callable[..., Any], path: str, body: Any) -> Any:
    return call(path, json.dumps(body), content_type="application/json")


def _fits(told: Any, standard: str, name: str) -> None:
    """An answer fits the published schema, where the TM Forum's definitions are at hand."""
    file = STANDARDS / f"{standard}.swagger.json"
    if file.exists():
        document = json.loads(file.read_text(encoding="utf-8"))
        schema = {**document["definitions"][name], "definitions": document["definitions"]}
        jsonschema.Draft4Validator(schema).validate(told)


def _counts() -> tuple[int, int]:
    return Customer.objects.count(), Account.objects.count()


def _contacts(customer_id: int) -> dict[tuple[str, str], str]:
    seen = customers.contacts_of(customer_id=customer_id, reason="a test", at=clock.now(), staff_id=1)
    return {(one.kind, one.label): one.value for one in seen}


def test_a_person_and_an_organisation_are_entered_once_a_document_with_an_account(shop: Client) -> None:
    before = _counts()
    first, again = _send(shop.post, f"{PARTIES}/individual", PERSON), _send(shop.post, f"{PARTIES}/individual", PERSON)
    assert (first.status_code, again.status_code) == (201, 200), first.content
    assert first.json() == again.json() == shop.get(first.json()["href"]).json()
    assert first.json()["fullName"] == "欧**月"
    _fits(first.json(), "TMF632-Party-v4.0.0", "Individual")
    unit = _send(shop.post, f"{PARTIES}/organization", UNIT)
    assert (unit.status_code, unit.json()["@type"]) == (201, "Organization")
    assert _counts() == (before[0] + 2, before[1] + 2)
    customer_id = int(first.json()["id"])
    assert _contacts(customer_id) == {("PHONE", "HOME"): "027-8765 4321"}
    assert customers.customer_360(customer_id=customer_id, at=NOW).customer.cert_no_masked == "110105********0010"
    rows, _ = list_audit(action="customers.create_customer")
    assert [row.staff_id is not None for row in rows[:2]] == [True, True]


def test_a_party_becomes_a_customer_and_says_how_it_is_reached_and_nobody_reads_it_there(shop: Client) -> None:
    party = _send(shop.post, f"{PARTIES}/individual", PERSON).json()
    mail = {"mediumType": "EmailAddress", "characteristic": {"contactType": "WORK", "emailAddress": "m@example.cn"}}
    wanted = {"name": "Ouyang", "engagedParty": {"id": party["id"]}, "contactMedium": [mail]}
    made = _send(shop.post, CUSTOMERS, wanted)
    assert made.status_code == 201, made.content
    _fits(made.json(), "TMF629-Customer-v4.0.0", "Customer")
    place = {"mediumType": "MailingAddress", "characteristic": {"city": "武汉市", "street1": "中山路 1 号"}}
    moved = {"mediumType": "TelephoneNumber", "characteristic": {"phoneNumber": "13811112222"}}
    changed = _send(shop.patch, made.json()["href"], {"contactMedium": [place, moved]})
    assert changed.status_code == 200, changed.content
    assert changed.json()["contactMedium"] == [
        {"mediumType": "MailingAddress", "characteristic": {"contactType": "HOME"}},
        {"mediumType": "EmailAddress", "characteristic": {"contactType": "WORK"}},
        {"mediumType": "TelephoneNumber", "characteristic": {"contactType": "HOME"}},
    ]
    assert b"13811112222" not in changed.content
    assert _contacts(int(party["id"])) == {
        ("ADDRESS", "HOME"): "武汉市 中山路 1 号",
        ("EMAIL", "WORK"): "m@example.cn",
        ("PHONE", "HOME"): "13811112222",
    }


def test_a_further_account_and_a_payer_are_opened_once_under_their_name(shop: Client) -> None:
    wanted = {"name": "car", "relatedParty": [{"id": "12"}], "accountType": "DIRECT_DEBIT"}
    first, again = _send(shop.post, ACCOUNTS, wanted), _send(shop.post, ACCOUNTS, wanted)
    assert (first.status_code, first.json()) == (201, again.json())
    assert first.json()["accountType"] == "DIRECT_DEBIT"
    _fits(first.json(), "TMF666-Account-v4.1.0", "BillingAccount")
    assert int(first.json()["id"]) in customers.account_ids_of(customer_id=12)
    other = _send(shop.post, ACCOUNTS, wanted | {"accountType": "CASH"})
    assert (other.status_code, other.json()["code"]) == (409, "accountDifferent")
    role = {"name": "payer", "roleType": {"name": "payer"}, "engagedParty": {"id": "12"}}
    before = _counts()
    payer, twice = _send(shop.post, ROLES, role), _send(shop.post, ROLES, role)
    assert (payer.status_code, payer.json()) == (201, twice.json())
    _fits(payer.json(), "TMF669-PartyRole-v4.0", "PartyRole")
    assert shop.get(payer.json()["href"]).json() == payer.json()
    assert _counts() == (before[0], before[1] + 1)
    owner = _send(shop.post, ROLES, {**role, "name": "customer", "roleType": {"name": "customer"}})
    assert owner.json()["id"] == "customer-12"


HOSTILE = [
    (f"{PARTIES}/individual", {"individualIdentification": [{"identificationType": "ID_CARD",
     "identificationId": "990000199001010017"}]}, 400),
    (f"{PARTIES}/individual", {"individualIdentification": []}, 400),
    (f"{PARTIES}/individual", {"familyName": "\u0000"}, 400),
    (f"{PARTIES}/individual", {"givenName": " "}, 400),
    (f"{PARTIES}/individual", {"contactMedium": [{**PHONE, "characteristic": {"phoneNumber": "1; DROP"}}]}, 400),
    (f"{PARTIES}/individual", {"contactMedium": [{**PHONE, "characteristic": {"emailAddress": "a@b"}}]}, 400),
    (f"{PARTIES}/individual", {"contactMedium": [PHONE] * 11}, 400),
]  # fmt: skip


@pytest.mark.parametrize(("path", "changes", "status"), HOSTILE)
def test_what_cannot_be_a_person_is_refused_and_nothing_is_written(
    shop: Client, path: str, changes: dict[str, Any], status: int
) -> None:
    before = _counts()
    answer = _send(shop.post, path, {**PERSON, **changes})
    assert (answer.status_code, _counts()) == (status, before), answer.content


def test_nothing_is_changed_past_the_counter_or_without_the_right(
    shop: Client, clerk_with: Callable[..., Client]
) -> None:
    before, looker = _counts(), clerk_with("customers.view")
    for path, body in ((f"{PARTIES}/individual", PERSON), (f"{PARTIES}/organization", UNIT)):
        assert _send(looker.post, path, body).status_code == 401
    named = _send(shop.patch, f"{CUSTOMERS}/12", {"name": "another", "contactMedium": [PHONE]})
    assert named.status_code == 400, "a name changes by an order with the document (HAL-13)"
    assert _send(shop.patch, f"{CUSTOMERS}/999999", {"contactMedium": [PHONE]}).status_code == 404
    unknown = {"name": "x", "relatedParty": [{"id": "999999"}]}
    assert _send(shop.post, ACCOUNTS, unknown).status_code == 404
    different = {"name": "payer", "roleType": {"name": "customer"}, "engagedParty": {"id": "12"}}
    assert _send(shop.post, ROLES, different).status_code == 400
    assert (_counts(), _contacts(12)) == (before, {})


def test_whatever_is_said_is_answered_as_described(shop: Client) -> None:
    checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
    headers = {"Authorization": shop.defaults["HTTP_AUTHORIZATION"]}
    wanted = {"createCustomer", "patchCustomer", "createIndividual", "createOrganization", "createBillingAccount",
              "createPartyRole"}  # fmt: skip
    with _one_connection():
        described = schemathesis.openapi.from_wsgi("/tmf-api/openapi.json", get_wsgi_application())
        found = described.include(operation_id=sorted(wanted))
        operations = [one.ok() for one in found.get_all_operations()]
        assert len(operations) == len(wanted)
        for operation in operations:

            @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy())
            def answer(case: Any) -> None:
                case.call_and_validate(headers=headers, checks=checks)

            answer()
