"""What we answer has the attributes and the kinds of values that the TM Forum's own examples have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from django.test import Client
from tests.access.console.small_operator import NOW

from openboss.modules.customers.functions import Proof
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import direct_debit
from openboss.modules.system import functions as system
from openboss.processes import hall

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]
STANDARDS = Path(__file__).parents[4] / "shared" / "standards" / "tmf"
ACCOUNT = 2
OPEN = ("paymentMethod", "@type", "serviceCharacteristic")  # a characteristic's value may be of any kind
NOT_THERE = "the TM Forum's examples are not part of the project"
# answers that the example of one resource shows another way: our type of method is a value, theirs a reference
BY_PATH = [
    ("prepayBalanceManagement/v4/bucket?partyAccount.id=2", "TMF654_PrepayBalance/Bucket"),
    ("prepayBalanceManagement/v4/accumulatedBalance?partyAccount.id=2", "TMF654_PrepayBalance/AccumulatedBalance"),
    ("accountManagement/v4/billingAccount?limit=1", "TMF666_Account/BillingAccount"),
    ("paymentManagement/v4/payment?account.id=2", "TMF676_Payment/Payment"),
    ("customerBillManagement/v4/customerBill?limit=1", "TMF678_Customer_Bill/CustomerBill"),
    ("communicationManagement/v4/communicationMessage?limit=1", "TMF681_Communication/CommunicationMessage"),
    ("productOrderingManagement/v4/productOrder?limit=1", "TMF622_Product_Ordering/ProductOrder"),
    ("serviceOrdering/v4/serviceOrder?limit=1", "TMF641_Service_Ordering/ServiceOrder"),
    ("customerManagement/v4/customer?limit=1", "TMF629_Customer/Customer"),
    ("party/v4/individual?limit=1", "TMF632_Party/Individual"),
    ("party/v4/organization?limit=1", "TMF632_Party/Organization"),
    ("productInventory/v4/product?limit=1", "TMF637_Product_Inventory/Product"),
]


@pytest.fixture
def something_of_each(operator: Path) -> None:
    """A payment with an advance, a message, and an order."""
    receivables.post_payment(
        account_id=ACCOUNT, paid_fen=900_000, means="CARD", channel="HALL", serial_no="EXAMPLE-1", at=NOW
    )
    system.send_out(topic="sms", payload={"number": 8613811112222, "template": "T", "text": "Hello"}, at=NOW)
    hall.place(
        kind="CHANGE_PLAN", serial_no="EXAMPLE-1", channel="HALL", request={"offer_id": 105, "change_brand": True},
        proofs=[Proof.SERVICE], at=NOW, staff_id=None, org_code="17", subscriber_id=12,
    )  # fmt: skip
    hall.place(
        kind="REPORT_LOST", serial_no="EXAMPLE-2", channel="HALL", request={}, proofs=[Proof.SERVICE], at=NOW,
        staff_id=None, org_code="17", subscriber_id=12,
    )  # fmt: skip


def _differing(ours: Any, theirs: Any, place: str = "") -> list[str]:
    """Where a value of ours is of another kind than the example's; what only one of them has is left open."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        shared = [name for name in ours if name in theirs and name not in OPEN]
        return [found for name in shared for found in _differing(ours[name], theirs[name], f"{place}.{name}")]
    if isinstance(ours, list) and isinstance(theirs, list):
        return _differing(ours[0], theirs[0], f"{place}[]") if ours and theirs else []
    kinds = [(int, float) if isinstance(one, int | float) and not isinstance(one, bool) else type(one)
             for one in (ours, theirs)]  # fmt: skip
    return [] if kinds[0] == kinds[1] else [f"{place}: {ours!r} is not like {theirs!r}"]


@pytest.mark.usefixtures("something_of_each")
@pytest.mark.parametrize(("path", "example"), BY_PATH, ids=[one[1].partition("/")[2] for one in BY_PATH])
def test_answers_are_like_the_official_examples(get: Ask, path: str, example: str) -> None:
    file = STANDARDS / "examples" / f"{example}.example.json"
    if not file.exists():
        pytest.skip(NOT_THERE)
    address, _, query = path.partition("?")
    rows = get(address, **dict(part.split("=") for part in query.split("&"))).json()
    assert rows
    official = json.loads(file.read_text(encoding="utf-8"))
    official = official[0] if isinstance(official, list) else official
    assert len(set(rows[0]) & set(official)) >= 4
    assert _differing(rows[0], official) == []


def test_payment_methods_fit_the_published_schema_of_version_5(get: Ask) -> None:
    file = STANDARDS / "paymentMethodManagement.yaml"
    if not file.exists():
        pytest.skip(NOT_THERE)
    direct_debit.open_mandate(
        account_id=ACCOUNT, contract_no="EX-1", bank="ICBC", bank_account="62220000", holder="张三", at=NOW,
        staff_id=None,
    )  # fmt: skip
    (row,) = get("paymentMethodManagement/v5/paymentMethod").json()
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    schema = {"$ref": "#/components/schemas/BankAccountDebit", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(row)


def test_messages_fit_the_published_schema(get: Ask, something_of_each: None) -> None:
    file = STANDARDS / "TMF681-Communication-v4.0.0.swagger.json"
    if not file.exists():
        pytest.skip(NOT_THERE)
    document = json.loads(file.read_text(encoding="utf-8"))
    schema = {**document["definitions"]["CommunicationMessage"], "definitions": document["definitions"]}
    for row in get("communicationManagement/v4/communicationMessage").json():
        jsonschema.Draft4Validator(schema).validate(row)


def test_the_description_names_the_six_interfaces_of_money(operator: Path) -> None:
    paths = set(Client().get("/tmf-api/openapi.json").json()["paths"])
    wanted = ["prepayBalanceManagement/v4", "accountManagement/v4", "paymentManagement/v4", "customerBillManagement/v4",
              "communicationManagement/v4", "paymentMethodManagement/v5"]  # fmt: skip
    assert [name for name in wanted if not any(f"/{name}/" in path for path in paths)] == []
