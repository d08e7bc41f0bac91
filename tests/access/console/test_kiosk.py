"""A kiosk in a hall: started by its own login, it takes money into its box, prints, and forgets who stood there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from openboss.access.jobs import clock
from openboss.access.kiosk import device
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.system import functions as system

from .small_operator import NOW

pytestmark = pytest.mark.usefixtures("operator")
USER, OTHER, PASSWORD = 24, 27, "482913"


def _machine() -> Client:
    client = Client(headers={"accept-language": "en"})
    assert client.get("/kiosk/").url == "/kiosk/device/"
    client.post("/kiosk/device/", {"login": "clerk", "password": "openboss-demo"})  # no machine
    assert client.get("/kiosk/").status_code == 302
    client.post("/kiosk/device/", {"login": "kiosk1", "password": "openboss-demo"})
    assert client.get("/kiosk/").status_code == 200
    return client


def _number() -> str:
    return str(customers.numbers_of_subscribers(subscriber_ids=[USER], at=NOW)[USER])[2:]


def test_a_kiosk_takes_notes_into_its_box_and_prints_a_slip_once_for_one_form() -> None:
    kiosk, number = _machine(), _number()
    account_id = customers.paying_account(subscriber_id=USER, cycle=202611)
    before = owed(account_id=account_id, at=clock.now())
    unknown = kiosk.post("/kiosk/pay/", {"number": "13900000000"})
    assert "There is no such number" in unknown.content.decode()
    page = kiosk.post("/kiosk/pay/", {"number": number}).content.decode()
    assert "A simulator stands in for the taker of banknotes" in page
    notes = {"number": number, "pay": "1", "serial_no": "K-1", "note": ["50", "20", "50", "7"]}  # there is no note of 7
    slip = kiosk.post("/kiosk/pay/", notes, follow=True)
    assert "¥120.00" in slip.content.decode()
    kiosk.post("/kiosk/pay/", notes)
    after = owed(account_id=account_id, at=clock.now())
    assert (before.owed_fen - before.advance_fen) - (after.owed_fen - after.advance_fen) == 12_000
    staff = system.staff_by_login(login="kiosk1")
    (box,) = receivables.tills_of(staff_id=staff.staff_id)
    assert (box.place, box.expected_fen, box.closed_at) == ("KIOSK kiosk1", 12_000, None)
    assert slip.context["slip"].number.startswith("R")
    empty = kiosk.post("/kiosk/pay/", {"number": number, "pay": "1", "serial_no": "K-2"})
    assert "Put banknotes in first." in empty.content.decode()


def test_balance_and_own_bills_ask_the_service_password_and_end_when_nobody_touches_the_machine() -> None:
    kiosk = _machine()
    own = {"subscriber_id": USER, "kind": "SERVICE", "channel": "HALL", "is_initial": False, "staff_id": 1}
    customers.set_password(digits=PASSWORD, at=clock.now(), **own)
    wrong = kiosk.post("/kiosk/login/", {"number": _number(), "password": "000111"})
    assert "Number or service password is wrong." in wrong.content.decode()
    assert kiosk.get("/kiosk/mine/").url == "/kiosk/login/"
    mine = kiosk.post("/kiosk/login/", {"number": _number(), "password": PASSWORD}, follow=True)
    (newest, *_others) = mine.context["bills"]
    assert kiosk.get(f"/kiosk/mine/bills/{newest.bill_id}.pdf").content.startswith(b"%PDF")
    assert kiosk.get("/kiosk/mine/bills/2026100000000001.pdf").status_code == 404  # somebody else's
    kept = kiosk.session
    kept[device.CUSTOMER] = {"subscriber_id": USER, "until_at": (clock.now() - timedelta(seconds=1)).isoformat()}
    kept.save()
    assert kiosk.get("/kiosk/mine/").url == "/kiosk/login/"
    kiosk.post("/kiosk/login/", {"number": _number(), "password": PASSWORD})
    kiosk.get("/kiosk/leave/")
    assert kiosk.get("/kiosk/mine/").url == "/kiosk/login/"


@pytest.mark.requirement("HAL-16")
@pytest.mark.requirement("CHN-08")
def test_the_kiosk_sells_a_data_pack_and_prints_a_slip() -> None:
    kiosk, own = _machine(), {"subscriber_id": OTHER, "kind": "SERVICE", "channel": "HALL", "staff_id": 1}
    customers.set_password(digits=PASSWORD, at=clock.now(), is_initial=False, **own)
    number = str(customers.numbers_of_subscribers(subscriber_ids=[OTHER], at=NOW)[OTHER])[2:]
    mine = kiosk.post("/kiosk/login/", {"number": number, "password": PASSWORD}, follow=True)
    offer = mine.context["offer"].offer
    assert "MB" in offer.names["en"]
    form = {"offer_id": str(offer.offer_id), "serial_no": "K-PACK"}
    slip = kiosk.post("/kiosk/mine/order/", form)
    assert (offer.names["en"] in slip.content.decode(), "data-print" in slip.content.decode()) == (True, True)
    assert offer.offer_id in customers.offers_held(subscriber_id=OTHER, at=clock.now()).values()
    again = kiosk.post("/kiosk/mine/order/", form).context["order"]
    assert (again.order_id, again.channel) == (slip.context["order"].order_id, "KIOSK")
    refused = kiosk.post("/kiosk/mine/order/", {"offer_id": "1"}, follow=True)
    assert "come to the counter" in refused.content.decode()
    assert _machine().post("/kiosk/mine/order/", form).url == "/kiosk/login/"


def test_a_ticket_of_the_kiosk_waits_in_the_queue_of_its_hall() -> None:
    taken = _machine().post("/kiosk/ticket/", {"kind": "UNIT"}).context["taken"]
    waiting = orders.tickets_of_day(org_code="17.027.05.01", at=clock.now())
    assert taken.label in {one.label for one in waiting}
    orders.close_ticket(queue_ticket_id=taken.queue_ticket_id, outcome="LEFT", at=clock.now(), staff_id=1)  # nobody's
