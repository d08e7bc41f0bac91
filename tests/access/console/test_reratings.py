"""Re-rating at the screen: chosen, worked out, before and after looked at, decided by a second person (CHG-36)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from openboss.access.console.views import offer_form
from openboss.access.jobs import clock
from openboss.modules.catalog import functions as catalog
from openboss.modules.catalog.functions.corrections import correct
from openboss.modules.system.functions import staff_by_login
from openboss.processes import publish_tariffs, re_rate
from openboss.processes.replay_months import text_of

from .conftest import signed_in

pytestmark = [pytest.mark.usefixtures("operator")]
FORM = {"cause": "Easyown calls at 0.25", "from_on": "2026-09-01", "to_on": "2026-10-31", "brand": "EASYOWN"}
OFFER = 202


def _correct(price: str) -> str:
    """Give the first price of Easyown another value for all its days; return what it was."""
    document = catalog.document_of(OFFER)
    rule = document["versions"][-1]["prices"][0]
    was, rule["price"] = rule["price"], price
    people = {
        "staff_id": staff_by_login(login="product").staff_id,
        "approved_by": staff_by_login(login="product2").staff_id,
    }
    correct(text_of(document), reason="test", at=clock.now(), **people)
    publish_tariffs.publish(at=clock.now())
    return str(was)


@pytest.fixture
def _corrected() -> Iterator[None]:
    """A price is corrected, and put back for the other tests."""
    was = _correct("0.21")
    yield
    _correct(was)


def _asked(login: str) -> int:
    answer = signed_in(login).post("/reratings/ask/", FORM)
    assert answer.status_code == 302
    return int(answer["Location"].split("/")[-2])


@pytest.mark.usefixtures("_corrected")
def test_a_re_rating_is_asked_for_worked_out_looked_at_and_decided_by_somebody_else() -> None:
    assert signed_in("clerk").get("/reratings/").status_code == 403
    wrong = signed_in("billing").post("/reratings/ask/", {**FORM, "home_area": "north"})
    assert (wrong.status_code, "write numbers as digits" in wrong.content.decode()) == (400, True)
    number = _asked("billing")
    assert "of 0 records" in signed_in("billing").get(f"/reratings/{number}/").content.decode()
    re_rate.run_waiting(at=clock.now())
    view = re_rate.rerating(rerating_id=number)
    assert (view.state, view.problem) == ("PROPOSED", "")
    changed = re_rate.by_user(view).sort("change_fen")
    user, change_fen = changed.row(0)[0], changed["change_fen"][0]
    assert view.changed_records > 0 and change_fen < 0
    client = signed_in("billing2")
    found = client.get(f"/reratings/{number}/?change=LESS").content.decode()
    assert f"/reratings/{number}/users/{user}/" in found and "Approve" in found
    assert "Another person with the right decides" in signed_in("billing").get(f"/reratings/{number}/").content.decode()
    sheet = client.get(f"/reratings/{number}/?export=csv").getvalue().decode()
    assert sheet.count("\n") == 1 + changed.height
    assert "adjustment" in client.get(f"/reratings/{number}/users/{user}/").content.decode()
    decide = f"/reratings/{number}/decide/"
    signed_in("billing").post(decide, {"decision": "approve"})
    client.post(decide, {"decision": "refuse", "reason": ""})
    assert re_rate.rerating(rerating_id=number).state == "PROPOSED"
    assert signed_in("product").post(decide, {"decision": "approve"}).status_code == 403
    client.post(decide, {"decision": "refuse", "reason": "wait for the regulator"})
    assert re_rate.rerating(rerating_id=number).state == "REFUSED"
    assert "wait for the regulator" in client.get(f"/reratings/{number}/").content.decode()
    assert client.get("/reratings/?state=REFUSED").content.decode().count(FORM["cause"]) >= 1


def test_a_wrong_published_price_is_put_right_in_its_form_by_two_people_and_the_re_rating_comes_next() -> None:
    maker = signed_in("product")
    on = catalog.document_of(OFFER)["versions"][-1]["from"]
    place = f"/offers/{OFFER}/{on}/correct/"
    assert b"What was wrong" in maker.get(place).content
    document = catalog.document_of(OFFER)
    form = dict(offer_form.sent({**document, "versions": document["versions"][-1:]}).lists())
    price = next(name for name in form if name.startswith("prices-0-") and name.endswith("-price"))
    (was,) = form[price]
    wrong = {**form, price: "0.19", "reason": "0.19 was filed"}
    second = {"second_login": "product2", "second_password": "openboss-demo"}
    checked = maker.post(f"{place}check/", wrong).content.decode()
    assert "0.19" in checked and "What is different" in checked
    for refused, said in (
        (wrong, "a second person who may approve"),
        ({**wrong, **second, "second_password": "no"}, "login or password is wrong"),
        ({**wrong, **second, "second_login": "product"}, "Another person has to agree"),
        ({**wrong, **second, "second_login": "clerk"}, "may not approve tariffs"),
        ({**form, **second, "reason": "nothing"}, "what is published already"),
        ({**wrong, **second, "offer": "OTHER"}, "form of another version"),
    ):
        answer = maker.post(place, refused)
        assert (answer.status_code, said in answer.content.decode()) == (422, True), said
    assert str(catalog.document_of(OFFER)["versions"][-1]["prices"][0]["price"]) == was
    done = maker.post(place, {**wrong, **second})
    assert done["Location"].startswith("/reratings/new/?offer=")
    assert "0.19 was filed" in maker.get(done["Location"]).content.decode()
    assert str(catalog.document_of(OFFER)["versions"][-1]["prices"][0]["price"]) == "0.19"
    page = maker.get(f"/offers/{OFFER}/?from={on}").content.decode()
    assert "0.19 was filed" in page and "Shen Jing" in page
    assert maker.post(place, {**wrong, **second, price: was, "reason": "back"}).status_code == 302
    assert signed_in("analyst").get(place).status_code == 403
