"""The counter: a user is opened, changes plan and card, is stopped and resumed; what is refused says what to do."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from django.test import Client
from tests.processes.test_cart_and_form import picture

from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.resources import functions as resources
from openboss.modules.system import functions as system
from openboss.processes import counter_offer, take_payment

from .conftest import signed_in
from .small_operator import NOW

pytestmark = [pytest.mark.usefixtures("operator", "stock")]
HALL, CUSTOMER, USER = "17.027.05.01", 12, 12
TO_MOVE, NEW_OWNER, TO_LEAVE = 31, 33, 37
SHOWN = {"proof": "HOLDER_AT_HALL"}


def _place(client: Client, kind: str, **fields: Any) -> Any:
    about = {"customer": str(CUSTOMER), "user": str(USER), **SHOWN}
    return client.post(f"/orders/new/{kind}/place/", {**about, **fields}, follow=True)


def _confirm(client: Client, order_id: int, **fields: str) -> str:
    client.post(f"/orders/{order_id}/confirm/", fields, follow=True)
    return orders.order_view(order_id=order_id).state


def _pack() -> int:
    """An add-on somebody may take on top of what they hold."""
    found = counter_offer.offer_for(subscriber_id=USER, at=clock.now())
    assert found is not None
    return found.offer.offer_id


def _line() -> Any:
    return customers.line_of(subscriber_id=USER, at=clock.now())


def _user_of(customer_id: int) -> tuple[int, int]:
    """The first user of a customer who owes nothing any more, and its number."""
    picture = customers.customer_360(customer_id=customer_id, at=clock.now())
    for account in picture.accounts:
        if fen := owed(account_id=account.account_id, at=clock.now()).owed_fen:
            paid = {"account_id": account.account_id, "paid_fen": fen, "means": "CARD", "channel": "HALL"}
            take_payment.take(**paid, serial_no=f"T-{account.account_id}", at=clock.now())
    user = picture.subscribers[0]
    number = customers.line_of(subscriber_id=user.subscriber_id, at=clock.now()).number
    assert number is not None
    return user.subscriber_id, number


def _state() -> str:
    return customers.effective_state(subscriber_id=USER, at=clock.now())


def test_a_plan_is_changed_from_next_month_and_the_change_is_cancelled(clerk: Client) -> None:
    page = clerk.post(
        "/orders/new/CHANGE_PLAN/preview/", {"customer": str(CUSTOMER), "user": str(USER), "offer_id": "105"}
    )
    assert "next month" in page.content.decode()
    order = _place(clerk, "CHANGE_PLAN", offer_id="105", change_brand="1").context["order"]
    assert _confirm(clerk, order.order_id) == "PENDING"
    clerk.post(f"/orders/{order.order_id}/give-up/", {"reason": "changed his mind"})
    assert orders.order_view(order_id=order.order_id).state == "CANCELLED"


def test_what_was_not_shown_is_asked_for_and_nothing_is_taken_down(clerk: Client) -> None:
    before = orders.list_orders(customer_id=CUSTOMER)[1]
    answer = _place(clerk, "CHANGE_PLAN", offer_id="105", proof="")
    assert "What the customer showed is not enough" in answer.content.decode()
    assert orders.list_orders(customer_id=CUSTOMER)[1] == before


def test_loss_is_reported_and_ended_and_an_order_is_taken_back(clerk: Client) -> None:
    order = _place(clerk, "REPORT_LOST").context["order"]
    assert _confirm(clerk, order.order_id) == "COMPLETED"
    assert _state() == "TWO_WAY_STOP"
    assert "stopped for this reason already" in _place(clerk, "REPORT_LOST").content.decode()
    found = _place(clerk, "RELEASE_LOST").context["order"]
    assert _confirm(clerk, found.order_id) == "COMPLETED"
    assert _state() == "ACTIVE"


def test_a_card_is_replaced_for_its_price(clerk: Client) -> None:
    card = resources.free_sims(org_codes=[HALL])[0]
    order = _place(clerk, "REPLACE_SIM", iccid=card.iccid).context["order"]
    assert order.unpaid_fen > 0
    assert _confirm(clerk, order.order_id, means="CASH", tendered="1") == "ACKNOWLEDGED"
    assert _confirm(clerk, order.order_id, means="CASH", tendered="500") == "COMPLETED"
    assert resources.sim_view(iccid=card.iccid).subscriber_id == USER


def test_a_number_is_changed_to_a_free_one_and_back(clerk: Client) -> None:
    before = _line().number
    free = next(one for one in resources.find_numbers(at=NOW, org_codes=[HALL]) if not one.deposit_fen)
    order = _place(clerk, "CHANGE_NUMBER", number=str(free.number)[2:]).context["order"]
    assert _confirm(clerk, order.order_id, means="CASH", tendered="500") == "COMPLETED"
    assert _line().number == free.number
    clerk.post(f"/orders/{order.order_id}/give-up/", {"reason": "wanted the old one"})
    assert _line().number == before


def test_who_pays_half_is_shown_on_last_months_bill_before_it_is_written(clerk: Client) -> None:
    picture = clerk.get(f"/orders/new/CHANGE_PAYER/?customer={CUSTOMER}&user={USER}").context["asks"]
    account = picture[0][1][0][0]
    about = {"customer": str(CUSTOMER), "user": str(USER), "account_id": str(account), "item_scope": "ALL"}
    text = clerk.post("/orders/new/CHANGE_PAYER/preview/", {**about, "mode": "RATIO", "value": "50"}).content.decode()
    assert "would have been shared" in text
    wrong = clerk.post("/orders/new/CHANGE_PAYER/preview/", {**about, "mode": "RATIO", "value": "101"})
    assert "at most 100 per cent" in wrong.content.decode()
    order = _place(clerk, "CHANGE_PAYER", **about, mode="LIMIT", value="100.00").context["order"]
    assert order.items[0].values["value"] == 10_000
    assert _confirm(clerk, order.order_id) == "PENDING"
    clerk.post(f"/orders/{order.order_id}/give-up/", {"reason": "changed their mind"})
    assert orders.order_view(order_id=order.order_id).state == "CANCELLED"


def test_data_of_a_customer_are_changed_and_the_order_holds_none_of_them_in_clear(clerk: Client) -> None:
    order = _place(clerk, "CHANGE_CUSTOMER", name="Li Ming", reason="misspelt").context["order"]
    assert "Li Ming" not in str(order)
    clerk.post(f"/orders/{order.order_id}/check/", {"document_kind": "HOLDER_ID", "document-HOLDER_ID": "ID 99"})
    assert _confirm(clerk, order.order_id) == "COMPLETED"
    assert customers.names_of_customers(customer_ids=[CUSTOMER])[CUSTOMER] == "L******"


def test_a_user_goes_to_another_owner_who_is_found_by_a_number_of_theirs(clerk: Client) -> None:
    user, number = _user_of(TO_MOVE)
    _owner, known = _user_of(NEW_OWNER)
    about = {"customer": str(TO_MOVE), "user": str(user), "main_offer_id": "102"}
    refused = clerk.post("/orders/new/TRANSFER/preview/", {**about, "to_customer_id": "999999999"}).content.decode()
    assert "New owner" in refused
    order = _place(clerk, "TRANSFER", **about, to_customer_id=str(known)[2:], change_brand="1").context["order"]
    for kind in ("HOLDER_ID", "NEW_HOLDER_ID"):
        clerk.post(f"/orders/{order.order_id}/check/", {"document_kind": kind, f"document-{kind}": f"{kind} 7"})
    assert _confirm(clerk, order.order_id, service_password="258147") == "COMPLETED"
    assert customers.search(str(number)[2:])[0].customer_id == NEW_OWNER


def test_who_leaves_waits_three_months_and_may_come_back(clerk: Client) -> None:
    user, _number = _user_of(TO_LEAVE)
    about = {"customer": str(TO_LEAVE), "user": str(user)}
    order = _place(clerk, "PRE_CANCEL", **about, reason="moves away", retention="M-Zone").context["order"]
    steps = {"step": [one.step for one in order.steps]}
    papers = {"document_kind": "HOLDER_ID", "document-HOLDER_ID": "ID 7"}
    clerk.post(f"/orders/{order.order_id}/check/", {**steps, **papers})
    assert _confirm(clerk, order.order_id, means="CASH", tendered="5000") == "COMPLETED"
    assert "Not before this day" in _place(clerk, "CANCEL", **about).content.decode()
    back = _place(clerk, "RE_INSTATE", **about).context["order"]
    clerk.post(f"/orders/{back.order_id}/check/", {"step": "IDENTITY"})
    assert _confirm(clerk, back.order_id) == "COMPLETED"
    assert customers.effective_state(subscriber_id=user, at=clock.now()) == "ACTIVE"


@pytest.mark.requirement("HAL-17")
def test_the_form_is_signed_on_the_screen_and_shown_again_for_a_reason_that_is_logged(clerk: Client) -> None:
    order = _place(clerk, "ADD_PRODUCT", offer_id=str(_pack()), first_month="FULL").context["order"]
    form = f"/orders/{order.order_id}/form/"
    assert "Add a product (now)" in clerk.get(form).content.decode()
    unsigned = clerk.post(f"{form}sign/", {"signature": "data:image/png;base64,xx"}, follow=True)
    assert "The signature did not arrive" in unsigned.content.decode()
    png = base64.b64encode(picture()).decode()
    clerk.post(f"{form}sign/", {"signature": f"data:image/png;base64,{png}"})
    (paper,) = orders.order_view(order_id=order.order_id).documents
    address = f"/orders/{order.order_id}/papers/{paper.sha256}/"
    assert clerk.post(address, {"reason": ""}).status_code == 302
    shown = clerk.post(address, {"reason": "for the customer"})
    assert hashlib.sha256(shown.content).hexdigest() == paper.sha256
    assert (shown["Content-Type"], shown["Cache-Control"]) == ("application/pdf", "no-store")
    assert system.list_audit(action="orders.read_document")[0][0].reason == "for the customer"
    assert clerk.post(address.replace(paper.sha256, "0" * 64), {"reason": "guess"}).status_code == 404
    history = clerk.get(f"/customers/{CUSTOMER}/history/").context
    assert (order.order_id, "ADD_PRODUCT", paper) in history["papers"]
    clerk.post(f"/orders/{order.order_id}/give-up/", {"reason": "changed his mind"})


def test_a_document_that_was_read_as_text_is_not_called_a_pdf(clerk: Client) -> None:
    order = _place(clerk, "ADD_PRODUCT", offer_id=str(_pack()), first_month="FULL").context["order"]
    clerk.post(f"/orders/{order.order_id}/check/", {"document_kind": "HOLDER_ID", "document-HOLDER_ID": "ID 7"})
    (paper,) = orders.order_view(order_id=order.order_id).documents
    shown = clerk.post(f"/orders/{order.order_id}/papers/{paper.sha256}/", {"reason": "for the auditor"})
    assert (shown.content, shown["Content-Type"]) == (b"ID 7", "text/plain; charset=utf-8")
    assert shown["Content-Disposition"] == f'inline; filename="order-{order.order_id}-holder_id.txt"'
    clerk.post(f"/orders/{order.order_id}/give-up/", {"reason": "changed his mind"})


def test_what_is_asked_for_stands_on_the_form_and_a_wrong_document_or_password_is_refused(clerk: Client) -> None:
    page = clerk.get(f"/orders/new/REPLACE_SIM/?customer={CUSTOMER}&user={USER}").content.decode()
    assert "The holder is here with the original document; or An original document" in page
    before = orders.list_orders(customer_id=CUSTOMER)[1]
    wrong = _place(clerk, "REPORT_LOST", proof="", holder_document="11010519491231002X").content.decode()
    assert "This is not the document the customer is registered with" in wrong
    missing = _place(clerk, "REPORT_LOST", proof="", shown_password="482913").content.decode()
    assert "has no service password yet" in missing
    assert orders.list_orders(customer_id=CUSTOMER)[1] == before
    own = customers.reveal(customer_id=CUSTOMER, staff_id=1, reason="test", at=clock.now())
    order = _place(clerk, "REPORT_LOST", proof="", holder_document=own.cert_no).context["order"]
    assert order.proofs == ("HOLDER_AT_HALL",)
    assert clerk.get(f"/counter/?customer={CUSTOMER}").context["shown"].proofs == ("HOLDER_AT_HALL",)
    clerk.post(f"/orders/{order.order_id}/give-up/", {"reason": "found it"})


def test_a_clerk_without_the_right_cannot_use_the_counter() -> None:
    client = signed_in("analyst")
    assert client.get(f"/counter/?customer={CUSTOMER}").status_code == 403
    assert _place(client, "REPORT_LOST").status_code == 403
    assert client.get("/orders/").status_code == 200
