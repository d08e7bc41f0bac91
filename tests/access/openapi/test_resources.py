"""TMF639: what can be ordered is shown whole, what is in use masked, and only at the caller's places."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from django.test import Client
from tests.access.console.small_operator import NOW

from openboss.modules.customers import functions as customers
from openboss.modules.resources import functions as resources

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stock")]
RESOURCE = "/tmf-api/resourceInventoryManagement/v4/resource"
PUBLISHED = Path(__file__).parents[4] / "shared" / "standards" / "tmf" / "TMF639-ResourceInventory-v4.0.0.swagger.json"
HALL = "17.027.05.01"


@pytest.fixture
def shop(clerk_with: Callable[..., Client]) -> Client:
    """A system that may look."""
    return clerk_with("customers.view")


def test_free_numbers_and_cards_are_listed_with_how_many_there_are(shop: Client) -> None:
    for category, total in (
        ("MSISDN", resources.count_numbers(org_codes=[HALL])["IDLE"]),
        ("SIM", len(resources.free_sims(org_codes=[HALL], limit=100_000))),
    ):
        answer = shop.get(RESOURCE, {"category": category, "limit": 3, "offset": 3})
        rows = answer.json()
        assert int(answer["X-Total-Count"]) == total
        assert len(rows) == 3
        assert {(row["resourceStatus"], row["usageState"]) for row in rows} == {("available", "idle")}
        assert all(row["id"] == f"{category}-{row['value']}" for row in rows)
        assert shop.get(rows[0]["href"]).json() == rows[0]


def test_what_is_in_use_is_masked_and_what_lies_elsewhere_is_not_shown(
    shop: Client, clerk_with: Callable[..., Client]
) -> None:
    line = customers.line_of(subscriber_id=12, at=NOW)
    place = resources.number_view(number=line.number or 0, at=NOW).org_code
    shown = shop.get(f"{RESOURCE}/MSISDN-{line.number}")
    if place.startswith(HALL):
        assert shown.json()["resourceStatus"] == "reserved"
    else:
        assert (shown.status_code, shown.json()["code"]) == (404, "notFound")
    free = resources.find_numbers(at=NOW, org_codes=[HALL], limit=1)[0].number
    resources.reserve_number(number=free, by="ORDER-1", at=NOW, staff_id=None)
    taken = shop.get(f"{RESOURCE}/MSISDN-{free}").json()
    assert (taken["value"], taken["resourceStatus"]) == (customers.mask_number(free), "reserved")
    card = resources.free_sims(org_codes=[HALL], limit=1)[0]
    resources.retire_sim(iccid=card.iccid, state="SCRAPPED", reason="bent", at=NOW, staff_id=None)
    gone = shop.get(f"{RESOURCE}/SIM-{card.iccid}").json()
    assert card.iccid not in gone["value"]
    assert (gone["resourceStatus"], gone["administrativeState"]) == ("unknown", "locked")
    assert str(card.imsi) not in json.dumps(gone)


def test_an_idle_number_is_locked_with_a_reason_and_unlocked_and_nothing_else_is(
    shop: Client, clerk_with: Callable[..., Client]
) -> None:
    keeper = clerk_with("customers.view", "resources.manage")

    def put(resource_id: str, state: str = "locked", client: Client = keeper, **more: object) -> tuple[int, str]:
        body = {"administrativeState": state, "note": [{"text": "kept for a fair"}], **more}
        answer = client.patch(f"{RESOURCE}/{resource_id}", json.dumps(body), content_type="application/json")
        return answer.status_code, answer.json().get("resourceStatus") or answer.json()["code"]

    free, reserved = (one.number for one in resources.find_numbers(at=NOW, org_codes=[HALL], limit=2))
    resources.reserve_number(number=reserved, by="ORDER-1", at=NOW, staff_id=None)
    assert put(f"MSISDN-{free}") == put(f"MSISDN-{free}") == (200, "suspended")
    assert resources.number_view(number=free, at=NOW).state == "FROZEN"
    assert put(f"MSISDN-{free}", "unlocked") == (200, "available")
    assert put(f"MSISDN-{reserved}") == (409, "stateForbids")
    assert put(f"MSISDN-{free}", note=[])[0] == put(f"MSISDN-{free}", resourceStatus="available")[0] == 400
    card = resources.free_sims(org_codes=[HALL], limit=1)[0].iccid
    assert put(f"SIM-{card}") == (400, "unknownCategory")
    assert put("MSISDN-1")[0] == 404
    assert put(f"MSISDN-{free}", client=shop)[0] == 401
    assert resources.number_view(number=free, at=NOW).state == "IDLE"


@pytest.mark.parametrize("resource_id", ["MSISDN-1", "MSISDN-x", "SIM-1", "SIM", "PHONE-1", "SIM-%00"])
def test_what_is_no_resource_is_not_found(shop: Client, resource_id: str) -> None:
    assert shop.get(f"{RESOURCE}/{resource_id}").status_code == 404


def test_resources_fit_the_published_schema(shop: Client) -> None:
    if not PUBLISHED.exists():
        pytest.skip("the TM Forum's definitions are not part of the project")
    definitions = json.loads(PUBLISHED.read_text(encoding="utf-8"))["definitions"]
    validator = jsonschema.Draft4Validator({**definitions["LogicalResource"], "definitions": definitions})
    for category in ("MSISDN", "SIM"):
        for row in shop.get(RESOURCE, {"category": category, "limit": 50}).json():
            validator.validate(row)
