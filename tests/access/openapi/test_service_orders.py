"""TMF641 and TMF669: a line is changed by its service order, the order of every channel; roles of our parties."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.test import Client

from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders

pytestmark = pytest.mark.django_db
STANDARDS = Path(__file__).parents[4] / "shared" / "standards" / "tmf"
USER, CUSTOMER = 12, 12
ORDERS, CANCELS = (f"/tmf-api/serviceOrdering/v4/{name}" for name in ("serviceOrder", "cancelServiceOrder"))
ROLES = "/tmf-api/partyRoleManagement/v4/partyRole"
PRODUCT_ORDERS = "/tmf-api/productOrderingManagement/v4/productOrder"
Ask = Callable[..., Any]


@pytest.fixture
def shop(clerk_with: Callable[..., Client]) -> Client:
    """A system that may change lines."""
    return clerk_with("customers.view", "customers.edit", "receivables.collect")


def _send(call: Callable[..., Any], path: str, body: Any) -> Any:
    return call(path, json.dumps(body), content_type="application/json")


def _order(action: str = "modify", serial: str = "SO-1", **changes: Any) -> dict[str, Any]:
    service = {"id": str(USER), **changes.pop("service", {})}
    item = {"id": "1", "action": action, "service": service}
    return {"externalId": serial, "proof": ["SERVICE"], "serviceOrderItem": [item], **changes}


def _state() -> str:
    return customers.effective_state(subscriber_id=USER, at=clock.now())


def test_a_line_is_stopped_for_its_loss_and_let_go_on_once_however_often_it_is_sent(shop: Client) -> None:
    lost = _order(category="REPORT_LOST", service={"state": "inactive"})
    first, again = _send(shop.post, ORDERS, lost), _send(shop.post, ORDERS, lost)
    assert (first.status_code, first.json()) == (201, again.json())
    told = first.json()
    assert (told["category"], told["state"], _state()) == ("REPORT_LOST", "completed", "TWO_WAY_STOP")
    service = told["serviceOrderItem"][0]["service"]
    assert (service["id"], service["state"], service["serviceType"]) == (str(USER), "inactive", "CFS")
    _send(shop.post, ORDERS, _order(serial="SO-2", category="RELEASE_LOST"))
    assert _state() == "ACTIVE"
    rows = shop.get(ORDERS, {"serviceOrderItem.service.id": USER, "category": "REPORT_LOST"}).json()
    assert rows == [told] == shop.get(ORDERS, {"externalId": "SO-1"}).json()
    assert shop.get(ORDERS, {"state": "held"}).json() == []


def test_the_state_wanted_says_which_order_it_is_and_the_other_interface_shows_the_same(shop: Client) -> None:
    free = _send(shop.post, ORDERS, _order(service={"state": "active"}))
    assert (free.status_code, free.json()["code"]) == (409, "reasonNotActive")  # nothing to resume
    kept = _send(shop.post, ORDERS, _order(service={"state": "inactive"}))
    assert (kept.status_code, kept.json()["code"]) == (409, "holdWithArrears")
    lost = _send(shop.post, ORDERS, _order(category="REPORT_LOST")).json()
    same = shop.get(f"{PRODUCT_ORDERS}/{lost['id']}").json()
    assert (same["category"], same["externalId"], same["state"]) == ("REPORT_LOST", "SO-1", "completed")


def test_an_order_that_needs_more_is_gone_through_or_given_up_and_another_kind_is_not_found(shop: Client) -> None:
    card = {"name": "iccid", "value": "0"}
    refused = _send(shop.post, ORDERS, _order(service={"serviceCharacteristic": [card]}))
    assert (refused.status_code, refused.json()["code"]) == (403, "notEntitled")  # another card: at the counter
    loss = _send(shop.post, ORDERS, _order(category="REPORT_LOST", requestedStartDate="2036-01-01T00:00:00+08:00"))
    told = loss.json()
    assert (told["state"], _state()) == ("pending", "ACTIVE")
    body = {"serviceOrder": {"id": told["id"]}, "cancellationReason": "found it"}
    given_up = _send(shop.post, CANCELS, body)
    assert (given_up.status_code, given_up.json()["state"]) == (201, "done")
    assert shop.get(given_up.json()["href"]).json() == given_up.json()
    assert shop.get(told["href"]).json()["cancellationReason"] == "found it"
    plan = {
        "externalId": "PO-9", "proof": ["SERVICE"], "relatedParty": [{"id": str(USER), "role": "user"}],
        "productOrderItem": [{"id": "1", "action": "modify", "productOffering": {"id": "105"}, "product": {
            "productCharacteristic": [{"name": "changeBrand", "value": "true"}]}}],
    }  # fmt: skip
    other = _send(shop.post, PRODUCT_ORDERS, plan).json()
    assert other["category"] == "CHANGE_PLAN", other
    assert shop.get(f"{ORDERS}/{other['id']}").status_code == 404
    assert _send(shop.patch, f"{ORDERS}/{other['id']}", {"state": "held"}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"proof": [], "category": "REPORT_LOST"}, 403, "notEntitled"),
        ({"proof": ["HOLDER_AT_HALL"]}, 403, "notEntitled"),
        ({}, 400, "malformed"),
        ({"action": "delete", "category": "HOLD"}, 400, "malformed"),
        ({"category": "HOLD", "service": {"state": "active"}}, 400, "malformed"),
        ({"service": {"id": "999999999", "state": "inactive"}}, 404, "customerUnknown"),
        ({"service": {"serviceCharacteristic": [{"name": "colour", "value": "red"}]}}, 400, "unknownCharacteristic"),
        ({"action": "add"}, 400, "malformed"),
    ],
)
def test_what_cannot_be_ordered_is_refused_and_leaves_nothing(
    shop: Client, changes: dict[str, Any], status: int, code: str
) -> None:
    before = orders.list_orders()[1]
    refused = _send(shop.post, ORDERS, _order(**changes))
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.content
    assert orders.list_orders()[1] == before


def test_a_token_that_may_only_look_changes_no_line(clerk_with: Callable[..., Client]) -> None:
    assert _send(clerk_with("customers.view").post, ORDERS, _order(category="REPORT_LOST")).status_code == 401
    assert _state() == "ACTIVE"


def test_service_orders_fit_the_published_schema(shop: Client) -> None:
    file = STANDARDS / "TMF641-ServiceOrdering-v4.1.0.swagger.json"
    if not file.exists():
        pytest.skip("the TM Forum's definitions are not part of the project")
    definitions = json.loads(file.read_text(encoding="utf-8"))["definitions"]
    later = {"category": "REPORT_LOST", "requestedStartDate": "2036-01-01T00:00:00+08:00"}
    told = _send(shop.post, ORDERS, _order(**later)).json()
    body = {"serviceOrder": {"id": told["id"]}, "cancellationReason": "no"}
    given_up = _send(shop.post, CANCELS, body).json()
    for row, name in ((told, "ServiceOrder"), (given_up, "CancelServiceOrder")):
        jsonschema.Draft4Validator({**definitions[name], "definitions": definitions}).validate(row)


def test_a_customer_stands_in_two_roles_each_found_by_its_party(get: Ask) -> None:
    path = ROLES.removeprefix("/tmf-api/")
    (owner,) = get(path, **{"engagedParty.id": CUSTOMER}).json()
    assert (owner["id"], owner["roleType"]["name"]) == (f"customer-{CUSTOMER}", "customer")
    assert owner["engagedParty"]["id"] == str(CUSTOMER) and "*" in owner["engagedParty"]["name"]
    payers = get(path, name="payer", **{"engagedParty.id": CUSTOMER}).json()
    assert [one["id"] for one in payers] == [f"payer-{one['account'][0]['id']}" for one in payers] != []
    for one in (owner, *payers):
        assert get(one["href"].removeprefix("/tmf-api/")).json() == one
    part = get(path, limit=2, fields="roleType").json()
    assert [set(one) for one in part] == [{"id", "href", "@type", "roleType"}] * 2
    for wrong in ("king-1", "customer-999999999", "payer-0", "customer-x"):
        assert get(f"{path}/{wrong}").status_code == 404


@pytest.mark.parametrize(
    ("path", "filters", "attribute"),
    [
        ("productCatalogManagement/v4/productOffering", {"lifecycleStatus": "Launched"}, "lifecycleStatus"),
        ("productCatalogManagement/v4/productOffering", {"name": "GoTone 98"}, "name"),
        ("productCatalogManagement/v4/productOfferingPrice", {"priceType": "usage"}, "priceType"),
        ("customerManagement/v4/customer", {"engagedParty.id": "12"}, "id"),
        ("productInventory/v4/product", {"status": "active"}, "status"),
        ("accountManagement/v4/billingAccount", {"accountType": "CASH"}, "accountType"),
    ],
)
def test_a_filter_keeps_only_what_it_names(get: Ask, path: str, filters: dict[str, str], attribute: str) -> None:
    (wanted,) = filters.values()
    answer = get(path, **filters, limit=100)
    assert {row[attribute] for row in answer.json()} == {wanted}
    assert int(answer["X-Total-Count"]) > 0


@pytest.mark.parametrize(
    "path",
    ["customerManagement/v4/customer", "productInventory/v4/product", "resourceInventoryManagement/v4/resource",
     "accountManagement/v4/billingAccount", "party/v4/individual", "serviceOrdering/v4/serviceOrder",
     "partyRoleManagement/v4/partyRole", "productCatalogManagement/v4/productOffering"],
)  # fmt: skip
def test_a_filter_that_is_not_known_is_refused_and_not_passed_over(get: Ask, path: str) -> None:
    refused = get(path, colour="red")
    assert (refused.status_code, refused.json()["code"]) == (400, "unknownParameter")
