"""Nchf on the wire: dissected by tshark both ways, over IPv6, and calls with a picture."""

import json
import socket
import ssl
import threading

import httpx
import polars as pl
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded
from tests.access.network.dissection import complaints, needs_tshark
from tests.access.network.test_nchf import (
    chf,  # noqa: F401
    data_request,
    make_certificate,
    network,  # noqa: F401
    start_chf,
    used,
    wanted,
    world,  # noqa: F401
)
from tests.modules.charging.engine.test_online import MB, PREPAID, moment, open_wallet
from tests.modules.charging.engine.test_online_boundaries import publish

from openboss.access.network import gathering
from openboss.access.network.nchf.node import PATH
from openboss.kernel.usage import RecordType

pytestmark = pytest.mark.django_db(transaction=True)


@needs_tshark
def test_tshark_finds_nothing_wrong_with_our_frames_and_answers(chf, tmp_path, monkeypatch):  # noqa: F811
    session = conversation(chf.port)
    created = session(PATH, data_request(1, multipleUnitUsage=[wanted(), wanted(200)]))
    path = created["location"].partition("chf.test")[2]
    update = data_request(2, multipleUnitUsage=[used({"totalVolume": 34 * MB}), used(rating_group=200)])
    cases = [
        (created, "201"),
        (session(PATH, {"nonsense": True}), "400"),
        (session(f"{PATH}/{'0' * 32}/update", data_request(2)), "404"),
        (session(f"{path}/update", update), "200"),
        (session(f"{path}/release", data_request(3)), "204"),
    ]
    monkeypatch.setattr(gathering, "MOST_WAITING", 0)
    cases.append((session(PATH, data_request(4)), "503"))
    assert [(case[":status"], status) for case, status in cases] == [(status, status) for _case, status in cases]
    sent = session(None, {})
    wrong, seen = complaints(sent, tmp_path, transport="-T", port=8080, protocol="http2")
    assert wrong == ""
    assert sum("HEADERS" in line for line in seen) == 6


def conversation(port: int):
    """A client that keeps the bytes of both sides: HTTP/2 by hyper-h2, which nobody here wrote."""
    client, sent = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8")), []
    client.initiate_connection()
    line = socket.create_connection(("127.0.0.1", port), timeout=30)

    def ask(path, body):
        """Ask, return the headers of the answer; without a path end, and return what was said."""
        if path is None:
            line.close()
            return sent
        stream, told = client.get_next_available_stream_id(), {}
        heads = {":method": "POST", ":path": path, ":scheme": "http", ":authority": "chf.test"}
        client.send_headers(stream, [*heads.items(), ("content-type", "application/json")])
        client.send_data(stream, json.dumps(body).encode(), end_stream=True)
        while True:
            if data := client.data_to_send():
                line.sendall(data)
                sent.append((False, data))
            got = line.recv(1 << 16)
            sent.append((True, got))
            for event in client.receive_data(got):
                if isinstance(event, ResponseReceived):
                    told = dict(event.headers)
                if isinstance(event, StreamEnded):
                    return told

    return ask


@needs_tshark
def test_tshark_finds_nothing_wrong_with_what_we_tell_network_functions(chf, tmp_path):  # noqa: F811
    """A network function that keeps the bytes of both sides, by hyper-h2."""
    door, sent, heard, ended = socket.create_server(("127.0.0.1", 0)), [], [], []

    def serve() -> None:
        line, _address = door.accept()
        server = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        server.initiate_connection()
        while len(ended) < 2:
            if data := server.data_to_send():
                line.sendall(data)
                sent.append((False, data))
            got = line.recv(1 << 16)
            sent.append((True, got))
            for event in server.receive_data(got):
                if isinstance(event, DataReceived) and event.data:
                    heard.append(json.loads(event.data))
                if isinstance(event, StreamEnded):
                    ended.append(event.stream_id)
                    server.send_headers(event.stream_id, [(":status", "204")], end_stream=True)
        line.sendall(data := server.data_to_send())
        sent.append((False, data))
        line.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    key, uri = "1" * 32, f"http://127.0.0.1:{door.getsockname()[1]}/notices/77"
    chf.call(lambda: chf.notifier.remember(key, uri))
    chf.call(lambda: chf.notifier.tell([key], is_stop=False))
    chf.call(lambda: chf.notifier.tell([key], is_stop=True))
    thread.join(20)
    door.close()
    kinds = sorted(one["notificationType"] for one in heard)
    assert kinds == ["ABORT_CHARGING", "REAUTHORIZATION"]
    wrong, seen = complaints(sent, tmp_path, transport="-T", port=8080, protocol="http2")
    assert wrong == ""
    assert " ".join(seen).count("HEADERS") == 2


def test_a_data_session_is_charged_over_ipv6(network):  # noqa: F811
    open_wallet(network, 10_000)
    door = start_chf(network, "::1")
    url = f"http://[::1]:{door.port}{PATH}"
    with httpx.Client(http1=False, http2=True, timeout=60, trust_env=False) as smf:
        created = smf.post(url, json=data_request(1, multipleUnitUsage=[wanted()]))
        assert (created.status_code, created.http_version) == (201, "HTTP/2")
        assert created.headers["location"].startswith(url)
        last = data_request(2, multipleUnitUsage=[used({"totalVolume": MB}, asking=False)])
        assert smf.post(f"{created.headers['location']}/release", json=last).status_code == 204
    door.stop()
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (10_000 - 290, 0)


def test_where_authorities_are_named_only_a_client_they_vouch_for_is_answered(network, tmp_path):  # noqa: F811
    open_wallet(network, 10_000)
    certificate, key = make_certificate(tmp_path)
    door = start_chf(network, certificate=certificate, key=key, clients=certificate)
    url = door.url.replace("http:", "https:")

    def asked(context: ssl.SSLContext) -> int:
        with httpx.Client(http1=False, http2=True, timeout=60, trust_env=False, verify=context) as smf:
            return smf.post(url, json=data_request(1, multipleUnitUsage=[wanted()])).status_code

    with pytest.raises(httpx.TransportError):
        asked(ssl.create_default_context(cafile=certificate))
    assert network.wallet()["reserved_li"] == 0
    known = ssl.create_default_context(cafile=certificate)
    known.load_cert_chain(certificate, key)
    assert asked(known) == 201
    door.stop()
    assert network.wallet()["reserved_li"] == 2900


def test_a_call_with_a_picture_over_the_ims_is_a_video_call_and_priced_as_one(network):  # noqa: F811
    """0.60 a minute, by a tariff alone (CHG-35): 61 seconds are 1.20, and the record says what it was."""
    publish(
        network, lambda rule: rule.update(when={"record": ["VIDEO_CALL"]}, unit="60 s", price="0.60"), "SMS"
    )  # in force from 2026-10-06 on
    open_wallet(network, 10_000)
    door = start_chf(network)
    door.at = moment("2026-10-06 10:00:00")
    sdp = ["m=audio 49170 RTP/AVP 0", "m=video 51372 RTP/AVP 31"]
    call = {
        "roleOfNode": "ORIGINATING",
        "userInformation": {"servedGPSI": f"msisdn-{PREPAID}"},
        "calledPartyAddress": "tel:+8613900000001",
        "sdpMediaComponent": [{"sDPMediaName": one} for one in sdp],
    }

    def message(number: int, at: str, usage: dict) -> dict:
        said = data_request(number, invocationTimeStamp=at, multipleUnitUsage=[usage], iMSChargingInformation=call)
        del said["pDUSessionChargingInformation"]
        return said

    with httpx.Client(http1=False, http2=True, timeout=60, trust_env=False) as ims:
        created = ims.post(door.url, json=message(1, "2026-10-06T02:00:00Z", wanted(1, time=60)))
        granted = created.json()["multipleUnitInformation"][0]
        assert (granted["resultCode"], granted["grantedUnit"]) == ("SUCCESS", {"time": 60})
        assert network.wallet()["reserved_li"] == 600
        last = message(2, "2026-10-06T02:01:01Z", used({"time": 61}, rating_group=1, asking=False))
        assert ims.post(f"{created.headers['location']}/release", json=last).status_code == 204
    door.stop()
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (10_000 - 1200, 0)
    network.owner.flush()
    rows = pl.read_parquet(network.owner.lake.usage_files(202610), hive_partitioning=True)
    assert rows.select("record_type", "basic_units", "act_basic_li").rows() == [(int(RecordType.VIDEO_CALL), 2, 1200)]
