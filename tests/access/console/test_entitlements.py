"""Numbers of a user's own choice, certificates and gifts at the counter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from openboss.modules.catalog import functions as catalog
from openboss.modules.charging.functions.live import live_usage
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.system.functions import list_audit, staff_by_login
from openboss.processes import publish_tariffs

from .conftest import posted, signed_in
from .small_operator import NOW

pytestmark = pytest.mark.usefixtures("operator")
FRIEND = "13907119999"


@pytest.fixture(scope="module")
def user(operator: Any) -> customers.LineView:  # noqa: ARG001
    """A user in service with free units this month."""
    for row in customers.list_customers(filters={}, sort="customer_id", page=1, page_size=90)[0]:
        for one in customers.customer_360(customer_id=row.customer_id, at=NOW).subscribers:
            live = live_usage(one.subscriber_id)
            if one.state == "ACTIVE" and live and any(free.granted - free.used > 30 for free in live.free):
                return customers.line_of(subscriber_id=one.subscriber_id, at=NOW)
    raise AssertionError


def test_a_friend_is_put_on_the_list_by_an_order_shown_with_its_time_and_taken_back(user: customers.LineView) -> None:
    clerk = signed_in("clerk")
    about = {"customer": str(user.customer_id), "user": str(user.subscriber_id)}
    form = {**about, "proof": "HOLDER_AT_HALL", "effective": "NOW", "serial_no": "LIST-1"}
    assert b"Numbers to take off" in clerk.get("/orders/new/CHANGE_LIST/", about).content
    refused = posted(clerk, "/orders/new/CHANGE_LIST/preview/", **form, add="13900")
    assert "139****9999" in posted(clerk, "/orders/new/CHANGE_LIST/preview/", **form, add=FRIEND)
    assert "cannot stand" in refused or "13900" in refused
    placed = clerk.post("/orders/new/CHANGE_LIST/place/", {**form, "add": f"{FRIEND}, 13907118888"})
    order_id = int(placed["Location"].split("/")[-2])
    assert "Done. The network and charging know it." in posted(clerk, f"/orders/{order_id}/confirm/")
    page = clerk.get(f"/users/{user.subscriber_id}/listed/")
    assert (page.context["standing"], page.context["most"]) == (2, 10)
    assert {row["cells"][1]["text"] for row in page.context["list"]["rows"]} == {"counts now"}
    assert b"9999" in b"".join(clerk.get(f"/users/{user.subscriber_id}/listed/?q=9999&export=csv"))
    assert orders.order_view(order_id=order_id).state == "COMPLETED"
    assert customers.listed_numbers(subscriber_id=user.subscriber_id, at=NOW) in ([], [8613907118888, 8613907119999])


def test_a_certificate_is_written_down_once_masked_and_counts_while_it_is_valid(user: customers.LineView) -> None:
    clerk, place = signed_in("clerk"), f"/customers/{user.customer_id}/certificates/"
    shown = {"kind": "STUDENT", "number": "S20260012345678", "from_on": "2026-09-01", "to_on": "2027-07-01"}
    assert "Written down" in posted(clerk, f"{place}add/", **shown)
    for wrong in (shown, {**shown, "to_on": "2026-01-01"}, {**shown, "kind": "KING"}, {**shown, "from_on": ""}):
        assert "written once" in posted(clerk, f"{place}add/", **wrong)
    (row,) = clerk.get(place).context["list"]["rows"]
    assert [cell["text"] for cell in row["cells"][:3]] == ["Student card", "S20260*****5678", "counts now"]
    assert customers.certificates_of(customer_id=user.customer_id, on=NOW.date()) == {"STUDENT"}
    assert signed_in("analyst").post(f"{place}add/", shown).status_code == 403
    assert clerk.get("/customers/999999/certificates/").status_code == 404


@pytest.fixture
def _lets_go(user: customers.LineView) -> Iterator[int]:
    """The user's tariff lets a free resource go, and does not any more afterwards."""
    live = live_usage(user.subscriber_id)
    assert live is not None
    rule_id = next(one.rule_id for one in live.free if one.granted - one.used > 30)
    offer_id, code = next(
        (version.offer_id, code) for version in catalog.all_versions()
        for code, number in version.rule_ids.items() if number == rule_id
    )  # fmt: skip
    before = catalog.document_of(offer_id)
    _write(before, code, gift=True)
    yield rule_id
    _write(before, code, gift=False)


def _write(document: dict[str, Any], code: str, *, gift: bool) -> None:
    for version in document["versions"]:
        for rule in version.get("free") or []:
            if rule["rule"] == code:
                rule["gift"] = gift
    maker, second = (staff_by_login(login=login).staff_id for login in ("product", "product2"))
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    publish_tariffs.correct(text, reason="gifts", staff_id=maker, approved_by=second, at=NOW)


def test_what_may_be_given_away_is_offered_and_what_stands_in_the_way_is_said(
    user: customers.LineView, _lets_go: int
) -> None:
    clerk, place = signed_in("clerk"), f"/users/{user.subscriber_id}/gifts/"
    assert [one["rule_id"] for one in clerk.get(place).context["resources"]] == [_lets_go]
    gift = {"rule": str(_lets_go), "units": "2", "to": str(user.number), "serial_no": "GIFT-1"}
    assert "not enough" in posted(clerk, place, **gift)
    gift["proof"] = "HOLDER_AT_HALL"
    assert "Choose what is given" in posted(clerk, place, **{**gift, "units": "2.5"})
    assert "Choose what is given" in posted(clerk, place, **{**gift, "rule": "0"})
    assert "No user has this number" in posted(clerk, place, **{**gift, "to": "1"})
    assert "not so much left" in posted(clerk, place, **{**gift, "units": "99999999"})
    assert list_audit(action="charging.give_free")[1] == 0
    assert signed_in("analyst").get(place).status_code == 403


def test_a_user_whose_tariff_lets_nothing_go_has_nothing_to_give(user: customers.LineView) -> None:
    page = signed_in("clerk").get(f"/users/{user.subscriber_id}/gifts/").content.decode()
    assert "nothing that may be given away" in page
