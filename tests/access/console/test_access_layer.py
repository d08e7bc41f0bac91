"""The access layer on its page: every adapter is registered, and what passes is logged with its direction (ARC-14)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import openboss.access
from openboss.access.console.adapters import ADAPTERS
from openboss.access.console.views.access_layer import name_of
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.system.functions import claim_messages, message_sent, send_out
from openboss.processes import serve_handset, take_payment
from openboss.processes.messages_of_channels import passed

from .conftest import signed_in

pytestmark = [pytest.mark.usefixtures("operator")]
USER, LONG_AGO = 41, datetime(2020, 1, 1, tzinfo=UTC)


def test_counter_web_sms_voice_kiosk_bank_and_switches_are_registered_and_each_message_has_its_direction() -> None:
    since_at = now = clock.now()
    number = customers.numbers_of_subscribers(subscriber_ids=[USER], at=now)[USER]
    serve_handset.short_message(message_no="AL1", number=number, text="BALANCE", at=now)
    serve_handset.menu_choice(channel="IVR", turn_no="AL1", number=number, what="BALANCE", at=now)
    for channel in ("HALL", "WEB", "KIOSK", "BANK"):
        paid = {"means": "CASH", "channel": channel, "serial_no": f"AL{channel}"}
        take_payment.take(account_id=USER, paid_fen=100, at=now, **paid)
    send_out(topic="network.hlr", payload={"verb": "SET"}, at=now, order_key="AL")
    for message in claim_messages(topics=["network.hlr"], at=now, limit=99):
        message_sent(outbox_id=message.outbox_id, at=now)
    logged = {(one.adapter, one.direction) for one in passed(since_at=since_at)}
    talks = {(channel, direction) for channel in ("SMS", "IVR") for direction in ("IN", "OUT")}
    assert logged >= talks | {(channel, "IN") for channel in ("HALL", "WEB", "KIOSK", "BANK")} | {("HLR", "OUT")}
    assert ("USAGE_FILES", "IN") in {(one.adapter, one.direction) for one in passed(since_at=LONG_AGO)}
    assert [one for one in passed(since_at=now + timedelta(seconds=1)) if one.reference.startswith("AL")] == []
    shown = signed_in("admin").get("/access-layer/", {"adapter": "SMS", "direction": "OUT"}).content.decode()
    for adapter in ADAPTERS:
        assert f'<td class="mono">{adapter.code}</td>' in shown and str(name_of(adapter.code)) in shown
    assert {"HALL", "WEB", "SMS", "IVR", "KIOSK", "BANK", "USAGE_FILES", "DIAMETER"} <= {one.code for one in ADAPTERS}
    assert signed_in("clerk").get("/access-layer/").status_code == 403


def test_every_door_of_the_access_layer_has_a_line_and_every_line_a_door() -> None:
    folder = Path(openboss.access.__file__).parent
    doors = {one.door for one in ADAPTERS}
    assert [door for door in doors if not (folder / door).exists()] == []
    names = {one.name for one in folder.iterdir() if (one / "__init__.py").is_file()}
    assert names <= {door.split("/")[0] for door in doors}
