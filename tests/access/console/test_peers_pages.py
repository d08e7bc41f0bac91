"""The list of who may ask online charging, on pages: who may write it, what is refused, what is never shown."""

import pytest
from django.test import Client

from openboss.modules.charging.functions.peers import list_peers, peers_with_proofs
from openboss.modules.system.functions import list_audit

from .conftest import signed_in

pytestmark = [pytest.mark.usefixtures("operator")]
SECRET = "bras-secret-of-2026"
BRAS = {"name": "bras1", "addresses": "10.9.0.1", "secret": SECRET, "service": "WLAN", "change_port": "3799"}


def write(client: Client, interface: str, **typed: str):
    return client.post(f"/live/peers/new/{interface}/", typed)


def test_an_access_server_is_written_down_by_who_may_and_its_secret_shows_nowhere() -> None:
    admin, billing = signed_in("admin"), signed_in("billing")
    assert write(billing, "RADIUS", **BRAS).status_code == signed_in("clerk").get("/live/peers/").status_code == 403
    refused = write(admin, "RADIUS", **{**BRAS, "secret": "short"})
    assert refused.status_code == 422 and "16 to 128" in refused.content.decode()
    assert "short" not in refused.content.decode().split("<form")[-1]
    assert list_peers() == []
    assert write(admin, "RADIUS", **BRAS).status_code == 302
    (known,) = peers_with_proofs()
    assert (known.view.name, known.view.service, known.secret) == ("bras1", "WLAN", SECRET.encode())
    pages = [admin.get("/live/peers/"), admin.get(f"/live/peers/{known.view.peer_id}/"), billing.get("/live/peers/")]
    pages.append(admin.get("/audit/", {"action": "charging.put_peer"}))
    assert "bras1" in pages[0].content.decode() and "bras1" in pages[2].content.decode()
    assert all(SECRET not in one.content.decode() for one in pages)
    twice = write(admin, "RADIUS", **{**BRAS, "name": "bras2"})
    assert "has this name or this address" in twice.content.decode() and len(list_peers()) == 1
    assert twice.status_code == 422
    admin.post(f"/live/peers/{known.view.peer_id}/act/", {"action": "remove"})
    assert list_peers() == [] and list_audit(action="charging.remove_peer")[0]


def test_a_key_is_shown_once_and_a_peer_is_shut_out_and_let_in_again() -> None:
    admin = signed_in("admin")
    write(admin, "NCHF", name="smf1", addresses="10.9.0.0/24 ::1")
    (known,) = list_peers()
    act = f"/live/peers/{known.peer_id}/act/"
    shown = admin.post(act, {"action": "key"})
    key = shown.content.decode().split('mono" value="')[1].split('"')[0]
    assert len(key) == 43 and shown.headers["cache-control"] == "no-store"
    assert (
        key
        not in admin.get("/live/peers/").content.decode() + admin.get(f"/live/peers/{known.peer_id}/").content.decode()
    )
    admin.post(act, {"action": "shut_out"})
    assert list_peers()[0].is_admitted is False
    admin.post(act, {"action": "let_in"})
    assert (list_peers()[0].is_admitted, list_peers()[0].has_key) == (True, True)
    assert admin.post(act, {"action": "other"}).status_code == 404
    admin.post(act, {"action": "remove"})
    assert admin.post(act, {"action": "remove"}).status_code == 404


def test_a_session_function_with_neither_key_nor_address_is_said_not_to_be_let_in() -> None:
    admin = signed_in("admin")
    write(admin, "NCHF", name="smf2")
    (known,) = list_peers()
    page = f"/live/peers/{known.peer_id}/"
    assert "it may not ask" in admin.get("/live/peers/").content.decode()
    assert "Make a key, or enter where it comes from" in admin.get(page).content.decode()
    admin.post(f"{page}act/", {"action": "key"})
    assert "it may not ask" not in admin.get("/live/peers/").content.decode() + admin.get(page).content.decode()
    admin.post(f"{page}act/", {"action": "remove"})


def test_a_diameter_peer_is_written_down_with_its_realm_and_the_certificate_it_must_show() -> None:
    admin, billing = signed_in("admin"), signed_in("billing")
    pgw = {"name": "PGW1.example", "realm": "net.example", "addresses": "10.9.1.0/24 2001:db8::1", "needs_tls": "on"}
    refused = write(admin, "DIAMETER", **{**pgw, "realm": "no realm!"})
    assert refused.status_code == 422 and "A realm is written like a name" in refused.content.decode()
    assert 'value="no realm!"' in refused.content.decode()  # to be put right
    refused = write(admin, "DIAMETER", **{**pgw, "addresses": "10.9.1.300"})
    assert (refused.status_code, list_peers()) == (422, [])
    assert write(admin, "DIAMETER", **pgw).status_code == 302
    (known,) = list_peers()
    assert (known.interface, known.name, known.realm, known.needs_tls, known.is_admitted) == (
        "DIAMETER", "pgw1.example", "net.example", True, True)  # fmt: skip
    assert known.addresses == ("10.9.1.0/24", "2001:db8::1")
    listed = billing.get("/live/peers/").content.decode()
    assert "pgw1.example" in listed and "net.example" in listed and "certificate with its name (TLS)" in listed
    clear = {name: value for name, value in pgw.items() if name != "needs_tls"}
    admin.post(f"/live/peers/{known.peer_id}/", clear)
    assert "certificate with its name (TLS)" not in billing.get("/live/peers/").content.decode()
    admin.post(f"/live/peers/{known.peer_id}/act/", {"action": "remove"})
