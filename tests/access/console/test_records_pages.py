"""Lists of documents, the tree of classes, contacts, and two records of one person made one, on their pages."""

from __future__ import annotations

import pytest
from django.test import Client

from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.system import functions as system

from .conftest import signed_in

pytestmark = pytest.mark.usefixtures("operator")
KEPT, ALIAS = 41, 42


@pytest.fixture
def client() -> Client:
    return signed_in("clerk")


def test_a_document_is_put_on_the_black_list_masked_and_taken_off_for_a_reason(client: Client) -> None:
    form = {"list_kind": "BLACK", "cert_type": "ID_CARD", "cert_no": "11010519491231002X", "reason": "fraud"}
    wrong = client.post("/records/lists/", {**form, "cert_no": "110105194912310021"}, follow=True)
    assert "This cannot be the number of such a document" in wrong.content.decode()
    page = client.post("/records/lists/", form, follow=True)
    (entry,) = page.context["listed"]
    assert ("11010519491231002X" in page.content.decode(), entry.list_kind) == (False, "BLACK")
    assert customers.lists_of_document(cert_type="ID_CARD", cert_no="11010519491231002X", at=clock.now()) == {"BLACK"}
    client.post(f"/records/lists/{entry.list_entry_id}/off/", {})
    assert len(client.get("/records/").context["listed"]) == 1
    client.post(f"/records/lists/{entry.list_entry_id}/off/", {"reason": "cleared"})
    assert client.get("/records/").context["listed"] == []
    gone = client.post(f"/records/lists/{entry.list_entry_id}/off/", {"reason": "again"}, follow=True)
    assert "It stands on the list no more." in gone.content.decode()


def test_the_classes_of_the_operator_stand_as_a_tree_and_are_what_a_customer_can_become(client: Client) -> None:
    tree = [(row["one"].code, row["depth"]) for row in client.get("/records/").context["tree"]]
    assert [one for one in tree if one[0] in ("GROUP", "A", "B", "C")] == [("GROUP", 0), ("A", 1), ("B", 1), ("C", 1)]
    form = client.get("/orders/new/CHANGE_CUSTOMER/?customer=3").context["asks"]
    offered = next(choices for ask, choices in form if ask.key == "customer_class")
    assert {code for code, _name in offered} == {"", *(code for code, _depth in tree)}


def test_two_records_of_one_person_become_one_and_the_old_number_still_finds_them(client: Client) -> None:
    before = customers.customer_360(customer_id=ALIAS, at=clock.now())
    page = client.get(f"/customers/{KEPT}/merge/?other={ALIAS}")
    assert page.context["other"].customer.customer_id == ALIAS
    refused = client.post(f"/customers/{KEPT}/merge/make/", {"other": str(KEPT), "reason": "x"}, follow=True)
    assert "These two are not made one" in refused.content.decode()
    client.post(f"/customers/{KEPT}/merge/make/", {"other": str(ALIAS)})
    assert customers.customer_360(customer_id=ALIAS, at=clock.now()).customer.customer_id == ALIAS
    done = client.post(f"/customers/{KEPT}/merge/make/", {"other": str(ALIAS), "reason": "same document"}, follow=True)
    assert f"{len(before.subscribers)} users" in done.content.decode()
    assert client.get(f"/customers/{ALIAS}/").url == f"/customers/{KEPT}/"
    assert system.list_audit(action="customers.merge")[0][0].reason == "same document"


def test_contacts_are_written_down_and_shown_for_a_reason_that_is_logged(client: Client) -> None:
    put = {"kind": "CONSENT", "label": "MARKETING", "value": "yes, by SMS"}
    page = client.post("/customers/43/contacts/put/", put, follow=True).content.decode()
    assert ("yes, by SMS" in page, "Consent" in page) == (False, True)
    client.post("/customers/43/contacts/put/", {**put, "value": "no"})
    seen = client.post("/customers/43/contacts/show/", {"reason": "call back"}).content.decode()
    assert ("yes, by SMS" in seen, ">no<" in seen) == (False, True)
    history = client.get("/customers/43/history/")
    assert [look.reason for look, _name in history.context["looks"]] == ["call back"]
    assert "may be told of offers" in history.content.decode()
    assert signed_in("analyst").post("/customers/43/contacts/show/", {"reason": "curious"}).status_code == 403
