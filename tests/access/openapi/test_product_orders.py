"""TMF622: orders of the hall are placed once, gone through, paid, carried out and given up by other systems."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.test import Client
from tests.access.console.small_operator import NOW

from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.orders import functions as orders
from openboss.modules.resources import functions as resources
from openboss.processes import cart

pytestmark = pytest.mark.django_db
STANDARDS = Path(__file__).parents[4] / "shared" / "standards" / "tmf"
HALL, CUSTOMER, USER = "17.027.05.01", 12, 12
ORDERS, CANCELS = (f"/tmf-api/productOrderingManagement/v4/{name}" for name in ("productOrder", "cancelProductOrder"))
RIGHTS = ("customers.view", "customers.edit", "receivables.collect")
PARTIES = [{"id": str(CUSTOMER), "role": "customer"}, {"id": str(USER), "role": "user"}]


@pytest.fixture
def shop(clerk_with: Callable[..., Client]) -> Client:
    """A system with every right an order needs."""
    return clerk_with(*RIGHTS)


def _send(call: Callable[..., Any], path: str, body: Any) -> Any:
    return call(path, json.dumps(body), content_type="application/json")


def _order(action: str = "modify", offer_id: int | None = 105, **changes: Any) -> dict[str, Any]:
    item: dict[str, Any] = {"id": "1", "action": action}
    if offer_id is not None:
        item["productOffering"] = {"id": str(offer_id)}
    item["product"] = {"productCharacteristic": changes.pop("characteristics", [])}
    known = {"externalId": "PO-1", "proof": ["SERVICE"], "relatedParty": PARTIES, "productOrderItem": [item]}
    return {**known, **changes}


AGREED = [{"name": "changeBrand", "value": "true"}]


def _count() -> int:
    return orders.list_orders()[1]


def test_a_plan_is_changed_from_next_month_once_and_the_change_is_given_up(shop: Client) -> None:
    body = _order(characteristics=AGREED)
    first, again = _send(shop.post, ORDERS, body), _send(shop.post, ORDERS, body)
    assert first.status_code == again.status_code == 201, first.content
    told = first.json()
    assert told == again.json()
    assert (told["category"], told["state"], told["externalId"]) == ("CHANGE_PLAN", "pending", "PO-1")
    assert told["requestedStartDate"].startswith("2026-11-30T16:00:00")
    assert told["productOrderItem"][0]["productOffering"]["id"] == "105"
    (listed,) = shop.get(ORDERS, {"externalId": "PO-1"}).json()
    assert listed == shop.get(told["href"]).json() == told
    for more in ({"state": "completed"}, {"relatedParty.id": "11"}):
        assert shop.get(ORDERS, {"externalId": "PO-1", **more}).json() == [], "each filter counts"
    assert shop.get(ORDERS, {"externalId": "PO-1", "state": "pending", "relatedParty.id": "12"}).json() == [told]
    given_up = _send(shop.post, CANCELS, {"productOrder": {"id": told["id"]}, "cancellationReason": "Duplicate order"})
    assert given_up.status_code == 201
    assert given_up.json()["state"] == "done"
    assert shop.get(given_up.json()["href"]).json() == given_up.json()
    after = shop.get(told["href"]).json()
    assert (after["state"], after["cancellationReason"]) == ("cancelled", "Duplicate order")
    twice = _send(shop.post, CANCELS, {"productOrder": {"id": told["id"]}, "cancellationReason": "again"})
    assert (twice.status_code, twice.json()["code"]) == (409, "orderStateForbids")


def test_a_cart_of_the_counter_is_given_up_whole_and_carried_out_only_there(shop: Client) -> None:
    part = cart.put(
        serial_no="C-1", customer_id=CUSTOMER, subscriber_id=USER, kind="REPORT_LOST", request={}, channel="HALL",
        proofs=[Proof.SERVICE], at=NOW, staff_id=1, org_code=HALL,
    )  # fmt: skip
    refused = _send(shop.patch, f"{ORDERS}/{part.part_of_id}", {"state": "inProgress"})
    assert (refused.status_code, refused.json()["code"]) == (400, "requestIncomplete")
    given_up = _send(shop.post, CANCELS, {"productOrder": {"id": str(part.part_of_id)}, "cancellationReason": "gone"})
    assert given_up.status_code == 201, given_up.content
    assert orders.order_view(order_id=part.order_id).state == "CANCELLED"


def test_an_external_id_of_another_order_is_a_conflict_and_belongs_to_its_caller(
    shop: Client, clerk_with: Callable[..., Client]
) -> None:
    _send(shop.post, ORDERS, _order(characteristics=AGREED))
    before = _count()
    other = _send(shop.post, ORDERS, _order(offer_id=103))
    assert (other.status_code, other.json()["code"]) == (409, "orderDifferent")
    assert _count() == before
    neighbour = clerk_with("customers.view")
    assert neighbour.get(ORDERS, {"externalId": "PO-1"}).json() == []


def test_a_product_is_added_at_once_and_ended_by_its_id_in_the_inventory(shop: Client) -> None:
    held = set(customers.offers_held(subscriber_id=USER, at=clock.now()).values())
    offers = shop_offers(held)
    for offer_id in offers:
        added = _send(shop.post, ORDERS, _order("add", offer_id, externalId=f"ADD-{offer_id}"))
        if added.status_code == 201:
            break
    assert (added.json()["category"], added.json()["state"]) == ("ADD_PRODUCT", "completed"), added.content
    now_held = customers.offers_held(subscriber_id=USER, at=clock.now())
    (holding_id,) = [one for one, held_offer in now_held.items() if held_offer == offer_id]
    ending = _order("delete", None, externalId="END-1")
    ending["productOrderItem"][0]["product"] = {"id": str(holding_id)}
    ended = _send(shop.post, ORDERS, ending)
    assert (ended.json()["category"], ended.json()["state"]) == ("END_PRODUCT", "completed")
    assert offer_id not in customers.offers_held(subscriber_id=USER, at=clock.now()).values()


def shop_offers(held: set[int]) -> list[int]:
    """Add-ons on sale that the user does not hold."""
    from openboss.modules.catalog import functions as catalog

    return [one.offer_id for one in catalog.offers() if one.kind == "ADDON" and one.offer_id not in held]


def test_a_loss_is_reported_and_ended(shop: Client) -> None:
    lost = _send(shop.post, ORDERS, _order(offer_id=None, category="REPORT_LOST"))
    assert lost.json()["state"] == "completed", lost.content
    assert customers.effective_state(subscriber_id=USER, at=clock.now()) == "TWO_WAY_STOP"
    again = _send(shop.post, ORDERS, _order(offer_id=None, category="REPORT_LOST", externalId="PO-2"))
    assert (again.status_code, again.json()["code"]) == (409, "reasonActive")
    _send(shop.post, ORDERS, _order(offer_id=None, category="RELEASE_LOST", externalId="PO-3"))
    assert customers.effective_state(subscriber_id=USER, at=clock.now()) == "ACTIVE"


def _opening() -> dict[str, Any]:
    free = next(one for one in resources.find_numbers(at=NOW, org_codes=[HALL]) if not one.deposit_fen)
    card = next(one for one in resources.free_sims(org_codes=[HALL]) if one.hlr_code == free.hlr_code)
    wanted = {"number": str(free.number), "iccid": card.iccid, "payType": "POSTPAID"}
    told = [{"name": name, "value": value} for name, value in wanted.items()]
    account = customers.customer_360(customer_id=CUSTOMER, at=NOW).accounts[0].account_id
    body = _order("add", 102, characteristics=told, proof=["ID_AT_HALL"], channel=[{"id": "AGENT"}])
    return {**body, "relatedParty": PARTIES[:1], "billingAccount": {"id": str(account)}}


def test_a_user_is_opened_through_the_checklist_by_another_system(shop: Client, stock: None) -> None:
    body = _opening()
    number = int(body["productOrderItem"][0]["product"]["productCharacteristic"][0]["value"])
    placed = _send(shop.post, ORDERS, body)
    assert placed.status_code == 201, placed.content
    told = placed.json()
    assert (told["category"], told["state"]) == ("OPEN", "acknowledged")
    assert str(number) not in placed.content.decode()
    assert resources.number_view(number=number, at=NOW).state == "RESERVED"
    early = _send(shop.patch, told["href"], {"state": "inProgress"})
    assert (early.status_code, early.json()["code"]) == (409, "orderIncomplete")
    paper = base64.b64encode(b"the holder's identity card").decode()
    rest = {
        "checklist": [{"name": one["name"], "isDone": True} for one in told["checklist"]],
        "attachment": [{"attachmentType": "HOLDER_ID", "content": paper}],
        "payment": [{"id": "P-1", "@referredType": "bankCard"}],
        "servicePassword": "258014",
        "state": "inProgress",
    }
    done = _send(shop.patch, told["href"], rest)
    assert done.status_code == 200, done.content
    assert done.json()["state"] == "completed"
    assert {one["description"] for one in done.json()["orderTotalPrice"]} == {"PAID"}
    user = int(next(one["id"] for one in done.json()["relatedParty"] if one["role"] == "user"))
    assert customers.line_of(subscriber_id=user, at=clock.now()).number == number
    assert paper not in done.content.decode()


def test_an_opening_that_is_given_up_gives_number_and_card_back(shop: Client, stock: None) -> None:
    body = _opening()
    told = _send(shop.post, ORDERS, body).json()
    _send(shop.post, CANCELS, {"productOrder": {"id": told["id"]}, "cancellationReason": "went away"})
    number, card = (one["value"] for one in body["productOrderItem"][0]["product"]["productCharacteristic"][:2])
    assert resources.number_view(number=int(number), at=NOW).state == "IDLE"
    assert resources.sim_view(iccid=card).number is None


def test_money_is_taken_only_with_a_token_that_may(stock: None, clerk_with: Callable[..., Client]) -> None:
    poor = clerk_with("customers.view", "customers.edit")
    told = _send(poor.post, ORDERS, _opening()).json()
    rest = {"payment": [{"id": "P-1", "@referredType": "cash"}], "state": "inProgress"}
    refused = _send(poor.patch, told["href"], rest)
    assert (refused.status_code, refused.json()["code"]) == (403, "rightMissing")
    assert poor.get(told["href"]).json() == told


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"proof": []}, 403, "notEntitled"),
        ({"proof": ["HOLDER_AT_HALL"]}, 403, "notEntitled"),
        ({"offer_id": None, "category": "RELEASE_LOST"}, 409, "reasonNotActive"),
        ({"offer_id": 99999}, 409, "offerRefused"),
        ({"relatedParty": [{"id": "999999999", "role": "user"}]}, 404, "customerUnknown"),
        ({"relatedParty": [{"id": "13", "role": "customer"}, PARTIES[1]]}, 400, "otherCustomer"),
        ({"characteristics": [{"name": "colour", "value": "red"}]}, 400, "unknownCharacteristic"),
        ({"offer_id": None}, 400, "malformed"),
        ({"requestedStartDate": "2020-01-01T00:00:00+08:00"}, 400, "requestIncomplete"),
        ({"relatedParty": PARTIES[:1]}, 400, "userMissing"),
        ({"externalId": ""}, 400, "malformed"),
    ],
)
def test_what_cannot_be_ordered_is_refused_and_leaves_nothing(
    shop: Client, changes: dict[str, Any], status: int, code: str
) -> None:
    before = _count()
    refused = _send(shop.post, ORDERS, _order(**changes))
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.content
    assert _count() == before


def test_a_token_that_may_only_look_orders_nothing(clerk_with: Callable[..., Client]) -> None:
    reader = clerk_with("customers.view")
    before = _count()
    assert _send(reader.post, ORDERS, _order()).status_code == 401
    assert _send(reader.post, CANCELS, {"productOrder": {"id": "1"}, "cancellationReason": "no"}).status_code == 401
    assert _count() == before


def test_orders_fit_the_published_schema(shop: Client) -> None:
    file = STANDARDS / "TMF622-ProductOrdering-v4.0.0.swagger.json"
    if not file.exists():
        pytest.skip("the TM Forum's definitions are not part of the project")
    told = _send(shop.post, ORDERS, _order(characteristics=AGREED)).json()
    given_up = _send(shop.post, CANCELS, {"productOrder": {"id": told["id"]}, "cancellationReason": "no"}).json()
    definitions = json.loads(file.read_text(encoding="utf-8"))["definitions"]
    for row, name in ((told, "ProductOrder"), (given_up, "CancelProductOrder")):
        jsonschema.Draft4Validator({**definitions[name], "definitions": definitions}).validate(row)
