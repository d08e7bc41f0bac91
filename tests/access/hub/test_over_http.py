"""The eight kinds of HUB-02 between two installations: 17 is served by its own web server, 09 asks over HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.access.hub.test_two_provinces import CERT_NO, Provinces, provinces, tenants
from tests.modules.receivables.conftest import check_books
from tests.processes.hall_office import AT

from openboss.access.hub import asking
from openboss.access.hub.asking import Peer
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.receivables.functions.points import points_of
from openboss.modules.receivables.models import Payment
from openboss.modules.system import functions as system

__all__ = ["provinces", "tenants"]
LATER = AT + timedelta(minutes=10)
PATIENCE_S = 90
SHOWN = {"CertNo": CERT_NO}
SERVICE = "OFFER_305"


@pytest.fixture
def over_http(provinces: Provinces, database_fields: dict[str, Any]) -> Iterator[Provinces]:  # noqa: F811
    """Province 17 behind a web server of its own, and its address at 09."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, kept = f"http://127.0.0.1:{port}/hub/", provinces.peers["17"]
    with provinces.home():
        server = _serve(database_fields, port)
        _wait_for(address, server)
    provinces.peers["17"] = Peer(address, kept.key)
    try:
        yield provinces
    finally:
        provinces.peers["17"] = kept
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _serve(fields: dict[str, Any], port: int) -> subprocess.Popen[bytes]:
    """The web server of the installation at work."""
    from django.conf import settings
    from django.db import connection

    user, password, host = (quote(str(fields[name]), safe="") for name in ("USER", "PASSWORD", "HOST"))
    database = connection.settings_dict["NAME"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OPENBOSS_")},
        "DATABASE_URL": f"postgresql://{user}:{password}@/{database}?host={host}&port={fields['PORT']}",
        "OPENBOSS_DATA_DIR": str(settings.DATA_DIR),
        "OPENBOSS_TIMEZONE": "Asia/Shanghai",
        "OPENBOSS_WEB_PORT": str(port),
        "OPENBOSS_WEB_WORKERS": "1",
    }
    shift = {"shift_s": round(clock.shift().total_seconds())}
    (settings.DATA_DIR / clock.CLOCK_FILE).write_text(json.dumps(shift), encoding="ascii")
    command = [sys.executable, "-m", "openboss.access.jobs.cli", "web"]
    with (settings.DATA_DIR / "said.txt").open("ab") as said:
        return subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s and server.poll() is None:
        try:
            if httpx.post(address, content=b"{}").status_code == 400:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError("the web server does not answer")


def _asked(provinces: Provinces, activity: str, **more: Any) -> Any:  # noqa: F811
    order = provinces.ask(activity, send=asking.post, **more)
    assert order.state == "DONE", (activity, order.code, order.words, _troubles(provinces))
    return order.answer


@pytest.mark.requirement("HUB-02")
def test_all_kinds_of_a_remote_service_go_over_http_to_another_installation_and_back(
    over_http: Provinces,
) -> None:
    there, user = over_http, over_http.user
    account = there.office.account_id
    with there.home():
        there.office.desk.bill(account, 202610, RENT=18_000, user=user)
        owed_fen, mine = owed(account_id=account, at=AT).owed_fen, points_of(subscriber_id=user)
    assert _asked(there, "STATUS", shown=SHOWN)["State"] == "ACTIVE"
    assert _asked(there, "QUERY")["OwedFen"] == owed_fen
    assert _asked(there, "POINTS", shown=SHOWN) == {"Points": mine}
    assert _asked(there, "PAY", paid_fen=3000, means="CASH") == {"PaidFen": 3000}
    assert _asked(there, "QUERY")["OwedFen"] == owed_fen - 3000
    assert _asked(there, "SUSPEND", reason="LOST", shown=SHOWN) == {"State": "COMPLETED"}
    assert _asked(there, "STATUS", shown=SHOWN)["Stops"] == ["LOST"]
    assert _asked(there, "RESUME", reason="LOST", shown=SHOWN) == {"State": "COMPLETED"}
    card = _asked(there, "REPLACE_SIM", shown=SHOWN)
    _asked(there, "ADD_SERVICE", offer=SERVICE, shown=SHOWN)
    assert SERVICE in _held(there)
    _asked(there, "END_SERVICE", offer=SERVICE, shown=SHOWN)
    assert SERVICE not in _held(there)
    with there.home():
        line = customers.line_of(subscriber_id=user, at=LATER)
        assert (line.iccid, customers.effective_state(subscriber_id=user, at=LATER)) == (card["Iccid"], "ACTIVE")
        check_books()
    refused = there.ask("ADD_SERVICE", send=asking.post, offer=SERVICE)
    assert (refused.state, refused.code) == ("REFUSED", "2006")
    unknown = there.ask("ADD_SERVICE", send=asking.post, offer="NO_SUCH_OFFER", shown=SHOWN)
    assert (unknown.state, unknown.code, "OfferRefused" in unknown.words) == ("REFUSED", "2008", True)
    with there.asks():
        assert [(one.paid_fen, one.purpose) for one in Payment.objects.all()] == [(3000, "REMOTE")]
        check_books()


def _held(there: Provinces) -> set[str]:
    """Codes of what the user holds at home."""
    from openboss.modules.catalog.functions import offers

    with there.home():
        codes = {one.offer_id: one.code for one in offers()}
        return {codes[one] for one in customers.offers_held(subscriber_id=there.user, at=LATER).values()}


def _troubles(there: Provinces) -> list[str]:
    """What the hub of 09 wrote down of messages that did not arrive."""
    with there.asks():
        return [one.last_error for one in system.list_messages(topic="hub")[0] if one.last_error]
