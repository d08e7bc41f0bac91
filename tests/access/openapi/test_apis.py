"""TM Forum APIs answer from the same functions as the console, to those who may ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]


def test_without_a_token_nothing_is_answered(operator: Path) -> None:
    answer = Client().get("/tmf-api/customerManagement/v4/customer")
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"
    forged = Client(headers={"authorization": "Bearer forged"}).get("/tmf-api/customerManagement/v4/customer")
    assert forged.status_code == 401


def test_a_token_opens_only_what_its_scopes_name(token: Callable[..., str]) -> None:
    client = Client(headers={"authorization": f"Bearer {token('catalog.view')}"})
    assert client.get("/tmf-api/productCatalogManagement/v4/productOffering").status_code == 200
    assert client.get("/tmf-api/customerBillManagement/v4/customerBill").status_code == 401


def test_a_client_gets_no_right_that_its_member_of_staff_lacks(operator: Path) -> None:
    from allauth.idp.oidc.models import Client as Registered
    from tests.access.console.small_operator import NOW

    from openboss.modules.system.functions import ScopeBeyondRights, add_client

    before = Registered.objects.count()
    with pytest.raises(ScopeBeyondRights):
        add_client(name="greedy", staff_login="analyst", scopes=["billing.release"], at=NOW)
    assert Registered.objects.count() == before


def test_a_removed_clients_token_ends_at_once(token: Callable[..., str]) -> None:
    from tests.access.console.small_operator import NOW

    from openboss.modules.system.functions import list_clients, remove_client

    client = Client(headers={"authorization": f"Bearer {token('catalog.view')}"})
    for one in list_clients():
        remove_client(client_id=one.client_id, at=NOW)
    assert client.get("/tmf-api/productCatalogManagement/v4/productOffering").status_code == 401


def test_a_list_says_how_much_there_is_and_is_asked_for_in_pages(get: Ask) -> None:
    first = get("customerManagement/v4/customer", limit=3)
    assert first.status_code == 200
    assert len(first.json()) == 3 and first["X-Result-Count"] == "3"
    second = get("customerManagement/v4/customer", limit=3, offset=3)
    assert {row["id"] for row in first.json()}.isdisjoint(row["id"] for row in second.json())
    assert int(first["X-Total-Count"]) > 6
    crooked = get("customerManagement/v4/customer", limit=3, offset=2)
    assert crooked.status_code == 400 and crooked.json()["code"] == "invalidOffset"


def test_fields_choose_the_attributes(get: Ask) -> None:
    (row,) = get("customerManagement/v4/customer", limit=1, fields="status").json()
    assert set(row) == {"id", "href", "@type", "status"}
    whole = get(f"customerManagement/v4/customer/{row['id']}", fields="engagedParty").json()
    assert set(whole) == {"id", "href", "@type", "engagedParty"}


def test_names_are_masked_for_other_systems_too(get: Ask) -> None:
    rows = get("party/v4/individual", limit=50).json()
    assert rows and all("*" in row["fullName"] for row in rows)


def test_a_customers_products_accounts_and_bills_hang_together(get: Ask) -> None:
    (bill,) = get("customerBillManagement/v4/customerBill", limit=1, state="validated").json()
    account = get(bill["billingAccount"]["href"].removeprefix("/tmf-api/")).json()
    assert account["id"] == bill["billingAccount"]["id"]
    customer = get(f"customerManagement/v4/customer/{account['relatedParty'][0]['id']}").json()
    assert account["id"] in {one["id"] for one in customer["account"]}
    rates = get("customerBillManagement/v4/appliedCustomerBillingRate", **{"bill.id": bill["id"]}).json()
    assert round(sum(rate["taxIncludedAmount"]["value"] for rate in rates), 2) == bill["amountDue"]["value"]
    assert all(rate["isBilled"] for rate in rates)


def test_an_offering_in_force_shows_its_fee_with_the_rules_own_id(get: Ask) -> None:
    offering = get("productCatalogManagement/v4/productOffering/102").json()
    assert offering["name"] == "GoTone 98" and {ref["id"] for ref in offering["category"]} == {"MAIN", "GOTONE"}
    price = get(offering["productOfferingPrice"][0]["href"].removeprefix("/tmf-api/")).json()
    assert price["price"] == {"unit": "CNY", "value": 98.0}
    assert price["priceType"] == "recurring" and price["recurringChargePeriodType"] == "month"


def test_products_of_one_customer(get: Ask) -> None:
    (first,) = get("productInventory/v4/product", limit=1).json()
    customer_id = first["relatedParty"][0]["id"]
    rows = get("productInventory/v4/product", **{"relatedParty.id": customer_id}).json()
    assert first["id"] in {row["id"] for row in rows}
    assert {row["relatedParty"][0]["id"] for row in rows} == {customer_id}
    assert get(f"productInventory/v4/product/{first['id']}").json() == first


@pytest.mark.parametrize(
    "path",
    [
        "customerManagement/v4/customer/999999999",
        "customerManagement/v4/customer/x",
        "party/v4/robot",
        "party/v4/individual/999999999",
        "productInventory/v4/product/0",
        "accountManagement/v4/billingAccount/999999999999999999999",
        "customerBillManagement/v4/customerBill/7",
        "productCatalogManagement/v4/productOffering/999999",
        "productCatalogManagement/v4/productOfferingPrice/none",
    ],
)
def test_what_is_not_there_is_said_in_the_forums_form(get: Ask, path: str) -> None:
    answer = get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "notFound" and answer.json()["status"] == "404"


def test_the_description_can_be_read_and_needs_nothing_from_outside(operator: Path) -> None:
    described = Client().get("/tmf-api/openapi.json")
    assert described.status_code == 200
    assert "/tmf-api/customerBillManagement/v4/customerBill" in described.json()["paths"]
    page = Client().get("/tmf-api/docs")
    assert b"http://" not in page.content and b"https://" not in page.content


@given(st.integers(-(10**14), 10**14))
def test_a_json_number_of_yuan_keeps_every_fen(amount_fen: int) -> None:
    from openboss.access.openapi.door import money

    written = json.dumps(money(amount_fen).model_dump())
    assert round(json.loads(written)["value"] * 100) == amount_fen
