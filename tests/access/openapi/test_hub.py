"""Hubs: who registered is told of what changed, signed, in order and until it is taken; never inside a network."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.test import Client
from tests.access.console.small_operator import NOW

from openboss.access.jobs import clock
from openboss.access.openapi import callbacks, hub
from openboss.modules.billing.atomic import validate_part
from openboss.modules.catalog.atomic import move_offer
from openboss.modules.customers import functions as customers
from openboss.modules.resources import functions as resources
from openboss.modules.system import functions as system

pytestmark = pytest.mark.django_db
BASE = "/tmf-api/productOrderingManagement/v4"
CUSTOMER_HUB, BILL_HUB = "/tmf-api/customerManagement/v4/hub", "/tmf-api/customerBillManagement/v4/hub"
PARTIES = [{"id": "12", "role": "user"}]
ORDER = {"relatedParty": PARTIES, "proof": ["SERVICE"], "category": "REPORT_LOST", "externalId": "L-1"}
RIGHTS = ("customers.view", "customers.edit", "billing.view")
Arrived = list[tuple[dict[str, str], bytes]]


class Ear:
    """Another system's server: what arrived, and what it answers."""

    def __init__(self) -> None:
        self.arrived: Arrived = []
        self.answer = 204
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ear.arrived.append((dict(self.headers), body))
                self.send_response(ear.answer)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events?of=openboss"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def ear() -> Iterator[Ear]:
    """A listener on this machine."""
    one = Ear()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def shop(clerk_with: Callable[..., Client]) -> Client:
    """A system that orders and listens."""
    return clerk_with(*RIGHTS)


def _send(client: Client, path: str, body: Any) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def _report_lost(client: Client) -> Any:
    return _send(client, f"{BASE}/productOrder", {**ORDER, "productOrderItem": [{"id": "1", "action": "modify"}]})


def _later() -> Any:
    return clock.now() + timedelta(hours=2)


def _waiting() -> list[dict[str, Any]]:
    rows, _ = system.list_messages(topic="event", state="WAITING", page_size=1000)
    return [row.payload for row in reversed(rows)]


def test_an_order_is_told_to_who_registered_signed_and_in_order(shop: Client, ear: Ear) -> None:
    made = _send(shop, f"{BASE}/hub", {"callback": ear.url})
    assert made.status_code == 201, made.content
    order = _report_lost(shop).json()
    assert [hub.tell_all(now=_later) for _ in range(3)] == [(1, 0), (1, 0), (0, 0)]
    first, last = (json.loads(body) for _, body in ear.arrived)
    assert first["eventType"] == first["@type"] == "ProductOrderCreateEvent"
    told = {"id": order["id"], "href": order["href"], "@type": "ProductOrder"}
    assert first["event"] == {"productOrder": {**told, "state": "acknowledged"}}
    assert last["eventType"] == "ProductOrderStateChangeEvent"
    assert last["event"] == {"productOrder": {**told, "state": "completed"}}
    assert first["eventId"] != last["eventId"]
    key = bytes.fromhex(made.json()["secret"])
    for headers, body in ear.arrived:
        stamp, digest = headers[callbacks.SIGNATURE].removeprefix("t=").split(",v1=")
        assert digest == hmac.new(key, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("answer", [500, 302])
def test_what_is_not_taken_waits_and_is_sent_again_before_what_came_after_it(
    shop: Client, ear: Ear, answer: int
) -> None:
    _send(shop, f"{BASE}/hub", {"callback": ear.url})
    _report_lost(shop)
    ear.answer = answer
    assert hub.tell_all(now=clock.now) == (0, 1)
    assert hub.tell_all(now=clock.now) == (0, 0)
    ear.answer = 200
    assert hub.tell_all(now=_later) == (1, 0)
    (_, refused), (_, taken) = ear.arrived
    assert refused == taken


def test_who_answers_byte_by_byte_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "TIMEOUT_S", 0.3)
    door = socket.create_server(("127.0.0.1", 0))

    def dribble() -> None:
        line, _ = door.accept()
        with contextlib.suppress(OSError):
            while True:
                line.sendall(b"H")
                time.sleep(0.02)

    threading.Thread(target=dribble, daemon=True).start()
    begun_s = time.monotonic()
    with door, pytest.raises(callbacks.NotTaken, match="TimeoutError|timed out"):
        callbacks.post(f"http://127.0.0.1:{door.getsockname()[1]}/", b"{}", key=b"k", at=NOW)
    assert 0.25 < time.monotonic() - begun_s < 3


def test_an_event_that_somebody_dropped_while_it_was_sent_stops_nobody(shop: Client, ear: Ear) -> None:
    _send(shop, f"{BASE}/hub", {"callback": ear.url})
    _report_lost(shop)
    first = system.list_messages(topic="event", state="WAITING", page_size=10)[0][-1].outbox_id

    def now() -> datetime:
        if ear.arrived:
            with contextlib.suppress(system.MessageUnknown):
                system.drop_message(outbox_id=first, reason="x", at=clock.now(), staff_id=None)
        return _later()

    assert hub.tell_all(now=now) == (0, 0)
    assert (hub.tell_all(now=_later), len(ear.arrived)) == ((1, 0), 2)


def test_only_the_events_that_a_query_names_are_told(shop: Client, ear: Ear) -> None:
    query = "eventType=ProductOrderStateChangeEvent"
    assert _send(shop, f"{BASE}/hub", {"callback": ear.url, "query": query}).json()["query"] == query
    _report_lost(shop)
    assert [one["event"] for one in _waiting()] == ["ProductOrderStateChangeEvent"]
    for wrong in ("eventType=CustomerCreateEvent", "state=completed", "eventType="):
        refused = _send(shop, f"{BASE}/hub", {"callback": f"{ear.url}2", "query": wrong})
        assert (refused.status_code, refused.json()["code"]) == (400, "unknownQuery")


def test_customers_and_bills_are_told_of_without_anything_personal(shop: Client, ear: Ear) -> None:
    for path in (CUSTOMER_HUB, BILL_HUB):
        assert _send(shop, path, {"callback": ear.url}).status_code == 201
    clerk = system.staff_by_login(login="clerk").staff_id
    changes = {"name": "欧阳锋"}
    customers.change_customer(customer_id=12, changes=changes, reason="married", at=NOW, staff_id=clerk)
    bills, _items = validate_part(cycle=202609, part=0)
    waiting = _waiting()
    assert (waiting[0]["kind"], waiting[0]["event"]) == ("customer", "CustomerAttributeValueChangeEvent")
    told = {one["object_id"] for one in waiting if one["kind"] == "customerBill"}
    assert told == set(bills["bill_id"]) and told
    while hub.tell_all(now=_later) != (0, 0):
        pass
    everything = b"".join(body for _, body in ear.arrived).decode()
    assert '"id": "12", "href": "/tmf-api/customerManagement/v4/customer/12"' in everything
    assert '"state": "validated"' in everything
    assert not any(name in everything for name in ("欧阳锋", json.dumps("欧阳锋").strip('"')))


def test_every_interface_tells_of_what_changes_in_it(clerk_with: Callable[..., Client], ear: Ear, stock: None) -> None:
    client = clerk_with(*RIGHTS, "catalog.view")
    apis = ("serviceOrdering", "party", "partyRoleManagement", "accountManagement", "productInventory",
            "resourceInventoryManagement", "productCatalogManagement")  # fmt: skip
    for api in apis:
        made = _send(client, f"/tmf-api/{api}/v4/hub", {"callback": ear.url})
        assert made.status_code == 201, made.content
    clerk = system.staff_by_login(login="clerk").staff_id
    change_offer = {"life": "OFF_SALE", "at": NOW, "staff_id": clerk}
    move_offer(offer_id=105, **change_offer)
    customers.change_customer(customer_id=12, changes={"name": "欧阳锋"}, reason="x", at=NOW, staff_id=clerk)
    account_id = customers.open_account(
        customer_id=12, pay_method="CASH", language="zh", layout="STANDARD", at=NOW, staff_id=clerk
    )
    customers.change_main_offer(subscriber_id=12, offer_id=103, at=NOW, staff_id=clerk)
    number = resources.find_numbers(at=NOW, org_codes=["17.027.05.01"])[0].number
    resources.lock_number(number=number, by="clerk", at=NOW, staff_id=clerk)
    _report_lost(client)
    while hub.tell_all(now=_later) != (0, 0):
        pass
    told = [json.loads(body) for _, body in ear.arrived]
    assert Counter(one["eventType"] for one in told) == {
        "ProductOfferingStateChangeEvent": 1, "IndividualAttributeValueChangeEvent": 1,
        "PartyRoleAttributeValueChangeEvent": 1, "PartyRoleCreateEvent": 1, "BillingAccountCreateEvent": 1,
        "ProductAttributeValueChangeEvent": 1, "ProductCreateEvent": 1, "ResourceStateChangeEvent": 1,
        "ServiceOrderCreateEvent": 1, "ServiceOrderStateChangeEvent": 1,
    }  # fmt: skip
    for one in told:
        ((name, what),) = one["event"].items()
        assert what["@type"] == f"{name[0].upper()}{name[1:]}" and one["eventType"].startswith(what["@type"])
        assert client.get(what["href"]).json()["id"] == what["id"]
    roles = {one["event"]["partyRole"]["id"] for one in told if "partyRole" in one["event"]}
    assert roles == {"customer-12", f"payer-{account_id}"}


def test_a_listener_that_was_taken_off_or_may_not_see_any_more_is_told_nothing(
    shop: Client, ear: Ear, clerk_with: Callable[..., Client]
) -> None:
    made = _send(shop, f"{BASE}/hub", {"callback": ear.url}).json()
    _report_lost(shop)
    assert clerk_with(*RIGHTS).delete(f"{BASE}/hub/{made['id']}").status_code == 404
    assert shop.delete(f"{BASE}/hub/{made['id']}").status_code == 204
    assert shop.delete(f"{BASE}/hub/{made['id']}").status_code == 404
    hub.tell_all(now=_later)
    _send(shop, f"{BASE}/hub", {"callback": ear.url})
    customers_order = {**ORDER, "category": "RELEASE_LOST", "externalId": "L-2"}
    _send(shop, f"{BASE}/productOrder", {**customers_order, "productOrderItem": [{"id": "1", "action": "modify"}]})
    assert _waiting()
    for one in system.list_clients():
        system.remove_client(client_id=one.client_id, at=NOW)
    for _ in range(4):
        hub.tell_all(now=_later)
    assert (ear.arrived, _waiting()) == ([], [])


def test_an_address_is_registered_once_and_a_system_has_at_most_ten(shop: Client, ear: Ear) -> None:
    codes = [_send(shop, f"{BASE}/hub", {"callback": f"{ear.url}{n}"}).status_code for n in (0, 0, *range(1, 11))]
    assert codes == [201, 409, *[201] * 9, 409]


def test_who_may_only_see_customers_hears_of_no_bills(clerk_with: Callable[..., Client], ear: Ear) -> None:
    client = clerk_with("customers.view")
    assert _send(client, BILL_HUB, {"callback": ear.url}).status_code == 401


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/events",
        "https://10.0.0.1/events",
        "https://192.168.1.1:8443/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fe80::1]/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://user:pass@example.com/",
        "https://127.0.0.1@example.com/",
        "http://127.0.0.1:22/",
        "https://example.com:25/",
        "https://example.com:99999/",
        "https://example.com/#part",
        "https:\\\\example.com\\",
        "file:///etc/passwd",
        "ftp://example.com/",
        "https://",
        "example.com",
    ],
)
def test_an_address_that_is_not_for_events_is_refused(address: str) -> None:
    with pytest.raises(callbacks.CallbackRefused):
        callbacks.read_callback(address)


@pytest.mark.parametrize("address", ["https://example.com/e?x=1", "https://8.8.8.8:8443/", "http://[::1]:9000/"])
def test_a_public_address_and_this_machine_are_taken(address: str) -> None:
    assert callbacks.read_callback(address).host


@pytest.mark.parametrize("found", ["10.1.2.3", "127.0.0.1", "::1", "169.254.169.254"])
def test_a_name_that_leads_into_a_network_is_refused_when_an_event_is_sent(
    monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, 443))]
    public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [public, *answer])
    with pytest.raises(callbacks.CallbackRefused):
        callbacks.post("https://events.example.com/", b"{}", key=b"k", at=NOW)


def test_an_address_of_an_inner_network_is_refused_by_the_hub(shop: Client) -> None:
    before = system.count_messages(topic="event")
    refused = _send(shop, f"{BASE}/hub", {"callback": "https://192.168.0.1/"})
    assert (refused.status_code, refused.json()["code"]) == (400, "callbackRefused")
    _report_lost(shop)
    assert system.count_messages(topic="event") == before
