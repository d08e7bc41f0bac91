"""Nchf_ConvergedCharging with clients nobody here wrote, over HTTP/2, against an engine on PostgreSQL."""

import asyncio
import json
import queue
import shutil
import socket
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import httpx
import polars as pl
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server as GranianServer
from tests.access.console.small_operator import clock_at
from tests.access.network.network_operator import NOW, reference
from tests.access.network.online_door import OnlineDoor, free_port, play_beside
from tests.modules.charging.engine.test_online import MB, PREPAID, moment, network, open_wallet  # noqa: F401
from tests.modules.charging.engine.test_owner import world  # noqa: F401

from openboss.access.jobs.charge_loop import ChargeLoop
from openboss.access.network.nchf.door import Address, Door
from openboss.access.network.nchf.node import PATH, Node
from openboss.access.network.nchf.notices import Notifier
from openboss.config.options import options
from openboss.modules.catalog.atomic import replace_reference
from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.functions.addresses import addresses_of

pytestmark = pytest.mark.django_db(transaction=True)
CONSUMER = {"nodeFunctionality": "SMF", "nFName": "0b6a2c55-54f1-4a3e-9c0c-1d8f0f6a7b21"}
AT = "2026-10-05T02:00:00Z"


@pytest.fixture
def chf(network):  # noqa: F811
    open_wallet(network, 10_000)
    found = start_chf(network)
    yield found
    found.stop()


def anybody(client: str, _shown: str) -> str:
    return client


def start_chf(network, host: str = "127.0.0.1", **address) -> OnlineDoor:  # noqa: F811
    port = free_port()

    async def start(door):
        door.notifier = Notifier(door.loop)
        door.node = Node(gathering=door.gathering, notices=door.notifier, now_s=door.now_s, client_of=anybody)
        door.door = Door(door.node, Address(host, port, **address), door.loop)
        await door.door.opening

        async def end():
            await door.door.close()
            await door.notifier.close()

        return end

    found = OnlineDoor(network, start)
    found.port = port
    found.url = f"http://127.0.0.1:{port}{PATH}"
    return found


@pytest.fixture
def smf(chf):
    with httpx.Client(http1=False, http2=True, timeout=60, trust_env=False) as client:
        yield client


def data_request(number: int, **more) -> dict:
    return {
        "subscriberIdentifier": "imsi-460001234500002",
        "nfConsumerIdentification": CONSUMER,
        "invocationTimeStamp": AT,
        "invocationSequenceNumber": number,
        "pDUSessionChargingInformation": {
            "chargingId": 77,
            "userInformation": {"servedGPSI": f"msisdn-{PREPAID}"},
            "pduSessionInformation": {"pduSessionID": 5, "dnnId": "cmnet", "ratType": "NR"},
        },
        **more,
    }


def wanted(rating_group: int = 100, **units) -> dict:
    return {"ratingGroup": rating_group, "requestedUnit": units}


def used(*containers: dict, rating_group: int = 100, asking: bool = True) -> dict:
    listed = [{"localSequenceNumber": place, **one} for place, one in enumerate(containers, 1)]
    usage = {"ratingGroup": rating_group, "usedUnitContainer": listed}
    return usage | ({"requestedUnit": {}} if asking else {})


def test_an_http2_client_completes_a_data_session_with_the_exact_charge(network, chf, smf):  # noqa: F811
    created = smf.post(chf.url, json=data_request(1, multipleUnitUsage=[wanted()]))
    assert (created.status_code, created.http_version) == (201, "HTTP/2")
    session = created.headers["location"]
    assert session.startswith(chf.url + "/")
    information = created.json()["multipleUnitInformation"][0]
    assert (information["resultCode"], information["grantedUnit"]) == ("SUCCESS", {"totalVolume": 10 * MB})
    assert (information["validityTime"], information["quotaHoldingTime"]) == (1800, 900)
    assert information["volumeQuotaThreshold"] == MB
    both = {"uplinkVolume": MB, "downlinkVolume": 9 * MB, "totalVolume": 10 * MB}
    updated = smf.post(f"{session}/update", json=data_request(2, multipleUnitUsage=[used(both)]))
    assert updated.status_code == 200
    assert updated.json()["multipleUnitInformation"][0]["grantedUnit"] == {"totalVolume": 10 * MB}
    assert network.wallet()["balance_li"] == 7100  # 10 MB at 0.29
    last = data_request(3, multipleUnitUsage=[used({"totalVolume": MB}, asking=False)])
    released = smf.post(f"{session}/release", json=last)
    assert (released.status_code, released.content) == (204, b"")
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (6810, 0)
    network.crash()
    assert network.wallet()["balance_li"] == 6810


def test_data_in_seconds_alone_are_refused_when_nothing_says_again_that_they_are_data(network, chf, smf):  # noqa: F811
    def said(number: int, **units) -> dict:
        body = data_request(number, multipleUnitUsage=[used({"localSequenceNumber": 1, **units}, asking=False)])
        del body["pDUSessionChargingInformation"]
        return body

    place = smf.post(chf.url, json=data_request(0, multipleUnitUsage=[wanted()])).headers["location"]
    before = network.wallet()
    for operation in ("update", "release"):
        timed = smf.post(f"{place}/{operation}", json=said(1, time=600))
        assert (timed.status_code, timed.json()["cause"]) == (400, "RATING_FAILED")
        assert network.wallet() == before
    assert smf.post(f"{place}/release", json=said(1, totalVolume=MB)).status_code == 204
    assert network.wallet()["balance_li"] == before["balance_li"] - 290


def test_an_http2_client_reports_another_network_and_is_granted_anew(network, chf, smf):  # noqa: F811
    def at(network_code: str, number: int, **more) -> dict:
        said = data_request(number, **more)
        plmn = {"mcc": network_code[:3], "mnc": network_code[3:]}
        said["pDUSessionChargingInformation"]["pduSessionInformation"]["servingCNPlmnId"] = plmn
        return said

    created = smf.post(chf.url, json=at("46000", 1, multipleUnitUsage=[wanted()]))
    armed = created.json()["multipleUnitInformation"][0]["triggers"]
    assert {"PLMN_CHANGE", "TAI_CHANGE"} <= {one["triggerType"] for one in armed}
    session = created.headers["location"]
    crossed = {"totalVolume": 2 * MB, "triggers": [
        {"triggerType": "PLMN_CHANGE", "triggerCategory": "IMMEDIATE_REPORT"}]}  # fmt: skip
    update = at("45412", 2, multipleUnitUsage=[used(crossed, {"totalVolume": MB})])
    updated = smf.post(f"{session}/update", json=update).json()["multipleUnitInformation"][0]
    assert updated["grantedUnit"] == {"totalVolume": 10 * MB}
    smf.post(f"{session}/release", json=at("45412", 3, multipleUnitUsage=[used({"totalVolume": MB}, asking=False)]))
    network.owner.flush()
    rows = pl.read_parquet(network.owner.lake.usage_files(202610), hive_partitioning=True).sort("position")
    assert rows.select("kb_units", "visited_area", "partner").rows() == [
        (2 * 1024, 571, 46000), (2 * 1024, 1_000_852, 45412)]  # fmt: skip


def test_a_request_sent_again_gets_the_same_answer_and_changes_nothing(network, chf, smf):  # noqa: F811
    first, second = (
        smf.post(chf.url, json=data_request(1, multipleUnitUsage=[wanted()], **again))
        for again in ({}, {"retransmissionIndicator": True})
    )
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]
    session = first.headers["location"]
    update = data_request(2, multipleUnitUsage=[used({"totalVolume": 3 * MB})])
    answers = [smf.post(f"{session}/update", json=update).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert network.wallet()["balance_li"] == 10_000 - 870
    release = data_request(3, multipleUnitUsage=[used({"totalVolume": MB}, asking=False)])
    assert [smf.post(f"{session}/release", json=release).status_code for _ in range(2)] == [204, 204]
    assert network.wallet()["balance_li"] == 10_000 - 1160
    late = smf.post(f"{session}/update", json=update)
    assert (late.status_code, late.json()["cause"]) == (400, "CHARGING_FAILED")


def test_several_rating_groups_are_granted_and_refused_each_for_itself(network, chf, smf):  # noqa: F811
    created = smf.post(chf.url, json=data_request(1, multipleUnitUsage=[wanted(100), wanted(200, totalVolume=MB)]))
    granted = {one["ratingGroup"]: one["grantedUnit"] for one in created.json()["multipleUnitInformation"]}
    assert granted == {100: {"totalVolume": 10 * MB}, 200: {"totalVolume": MB}}
    update = data_request(2, multipleUnitUsage=[used({"totalVolume": 34 * MB}), used(rating_group=200)])
    updated = smf.post(f"{created.headers['location']}/update", json=update).json()["multipleUnitInformation"]
    assert network.wallet()["balance_li"] == 10_000 - 34 * 290
    assert [one["resultCode"] for one in updated] == ["SUCCESS", "QUOTA_LIMIT_REACHED"]  # all that is left goes to 100
    assert updated[0]["grantedUnit"] == {"totalVolume": 496 * 1024}  # 496 KB for the last 0.140
    assert updated[0]["finalUnitIndication"] == {"finalUnitAction": "TERMINATE"}
    assert "volumeQuotaThreshold" not in updated[0]
    assert "grantedUnit" not in updated[1]
    update = data_request(
        3, multipleUnitUsage=[used({"totalVolume": 496 * 1024}), used(rating_group=200, asking=False)]
    )
    updated = smf.post(f"{created.headers['location']}/update", json=update).json()["multipleUnitInformation"]
    assert [one["resultCode"] for one in updated] == ["QUOTA_LIMIT_REACHED", "SUCCESS"]
    assert network.wallet()["balance_li"] == 0


def test_what_cannot_be_charged_is_refused_with_its_cause_and_nothing_is_changed(network, chf, smf):  # noqa: F811
    unknown = data_request(1, multipleUnitUsage=[wanted()])
    unknown["pDUSessionChargingInformation"]["userInformation"]["servedGPSI"] = "msisdn-8613900009999"
    nobody = {**unknown, "subscriberIdentifier": "nai-x@example"}
    nobody["pDUSessionChargingInformation"] = {"pduSessionInformation": {"pduSessionID": 1, "dnnId": "cmnet"}}
    registration = data_request(1, registrationChargingInformation={"registrationMessagetype": "INITIAL"})
    del registration["pDUSessionChargingInformation"]
    url = f"{chf.url}/{'0' * 32}"
    cases = [
        (chf.url, unknown, 404, "USER_UNKNOWN"),
        (chf.url, nobody, 404, "USER_UNKNOWN"),
        (chf.url, registration, 403, "CHARGING_NOT_APPLICABLE"),
        (f"{url}/update", data_request(2), 404, "CONTEXT_NOT_FOUND"),
        (f"{url}/release", data_request(2), 404, "CONTEXT_NOT_FOUND"),
        (f"{chf.url}/7/update", data_request(2), 404, "CONTEXT_NOT_FOUND"),
        (f"{url}/resume", data_request(2), 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND"),
    ]
    for address, body, status, cause in cases:
        refused = smf.post(address, json=body)
        assert (refused.status_code, refused.json()["cause"]) == (status, cause)
        assert refused.headers["content-type"] == "application/problem+json"
    network.order("STATE", subscriber_id=12, barred=2)
    denied = smf.post(chf.url, json=data_request(1, multipleUnitUsage=[wanted()]))
    assert (denied.status_code, denied.json()["cause"]) == (403, "END_USER_REQUEST_DENIED")
    assert network.wallet()["balance_li"] == 10_000


def test_a_handset_on_the_black_list_is_refused_as_the_standard_names_it(network, chf, smf):  # noqa: F811
    network.order("BLACK_LIST", what="IMEI", number=35_175_605_152_399, until_s=1 << 62)
    for pei, status in (("imei-351756051523993", 403), ("imeisv-3517560515239901", 403), ("imei-351756051523035", 201)):
        body = data_request(1, multipleUnitUsage=[wanted()])
        body["pDUSessionChargingInformation"]["userInformation"]["servedPEI"] = pei
        answer = smf.post(chf.url, json=body)
        assert (answer.status_code, answer.json().get("cause")) == (
            status, "END_USER_REQUEST_DENIED" if status == 403 else None)  # fmt: skip


def test_without_money_a_session_is_refused_and_after_a_top_up_it_is_granted(network, chf, smf):  # noqa: F811
    network.order("TOP_UP", "P-0", account_id=5, amount_li=-10_000)
    refused = smf.post(chf.url, json=data_request(1, multipleUnitUsage=[wanted()]))
    assert (refused.status_code, refused.json()["cause"]) == (403, "QUOTA_LIMIT_REACHED")
    network.order("TOP_UP", "P-1", account_id=5, amount_li=290)
    granted = smf.post(chf.url, json=data_request(2, multipleUnitUsage=[wanted()]))
    assert granted.json()["multipleUnitInformation"][0]["grantedUnit"] == {"totalVolume": MB}


def test_a_message_that_is_not_as_published_is_refused_with_the_place_of_the_fault(chf, smf):
    good = data_request(1, multipleUnitUsage=[wanted()])
    without = {name: value for name, value in good.items() if name != "invocationTimeStamp"}
    spoiled = {**good, "multipleUnitUsage": [{"ratingGroup": "100"}]}
    negative = {**good, "multipleUnitUsage": [used({"totalVolume": -1})]}
    odd = {**good, "notifyUri": "file:///etc/passwd"}
    no_zone = {**good, "invocationTimeStamp": "2026-10-05T02:00:00"}
    cases = [
        (without, "MANDATORY_IE_MISSING", "/invocationTimeStamp"),
        (spoiled, "MANDATORY_IE_INCORRECT", "/multipleUnitUsage/0/ratingGroup"),
        (negative, "OPTIONAL_IE_INCORRECT", "/multipleUnitUsage/0/usedUnitContainer/0/totalVolume"),
        (odd, "OPTIONAL_IE_INCORRECT", "/notifyUri"),
        (no_zone, "MANDATORY_IE_INCORRECT", "/invocationTimeStamp"),
    ]
    for body, cause, place in cases:
        refused = smf.post(chf.url, json=body).json()
        assert (refused["status"], refused["cause"], refused["invalidParams"][0]["param"]) == (400, cause, place)


def test_an_immediate_event_is_debited_at_once_and_an_event_that_is_over_even_below_zero(network, chf, smf):  # noqa: F811
    def message(number: int, kind: str, **more) -> dict:
        return {
            "subscriberIdentifier": "imsi-460001234500002",
            "nfConsumerIdentification": {"nodeFunctionality": "SMSF"},
            "invocationTimeStamp": AT,
            "invocationSequenceNumber": number,
            "oneTimeEvent": True,
            "oneTimeEventType": kind,
            "sMSChargingInformation": {
                "originatorInfo": {"originatorGPSI": f"msisdn-{PREPAID}"},
                "recipientInfo": [{"recipientGPSI": "msisdn-8613900000001"}],
            },
            **more,
        }

    price_li = 100
    for _again in range(2):
        done = smf.post(chf.url, json=message(1, "IEC", multipleUnitUsage=[wanted(10, serviceSpecificUnits=1)]))
        information = done.json()["multipleUnitInformation"][0]
        assert (done.status_code, information["resultCode"]) == (201, "SUCCESS")
        assert information["grantedUnit"] == {"serviceSpecificUnits": 1}
        assert network.wallet()["balance_li"] == 10_000 - price_li
    network.order("TOP_UP", "P-9", account_id=5, amount_li=-9_850)
    refused = smf.post(chf.url, json=message(2, "IEC"))
    assert (refused.status_code, refused.json()["cause"]) == (403, "QUOTA_LIMIT_REACHED")
    assert network.wallet()["balance_li"] == 50
    for _again in range(2):
        assert smf.post(chf.url, json=message(3, "PEC")).status_code == 201
        assert network.wallet()["balance_li"] == 50 - price_li
    for at in ("10:05:01", "10:06:00", "10:11:10"):
        network.owner.sweep(moment(f"2026-10-05 {at}"))
    network.crash()
    chf.at = moment("2026-10-05 10:15:00")
    for again in (message(1, "IEC", multipleUnitUsage=[wanted(10, serviceSpecificUnits=1)]), message(3, "PEC")):
        late = smf.post(chf.url, json={**again, "retransmissionIndicator": True})
        assert late.status_code == 201
        assert network.wallet()["balance_li"] == 50 - price_li
    chf.at = moment("2026-10-07 10:15:00")
    for number, kind in ((1, "IEC"), (3, "PEC"), (4, "PEC")):
        refused = smf.post(chf.url, json={**message(number, kind), "retransmissionIndicator": True})
        assert (refused.status_code, refused.json()["cause"]) == (400, "CHARGING_FAILED")
    assert network.wallet()["balance_li"] == 50 - price_li
    network.order("STATE", subscriber_id=12, barred=2)
    refused = smf.post(chf.url, json=message(5, "IEC"))
    assert (refused.status_code, refused.json()["cause"]) == (403, "END_USER_REQUEST_DENIED")
    assert smf.post(chf.url, json=message(6, "PEC")).status_code == 201  # it has happened
    assert network.wallet()["balance_li"] == 50 - 2 * price_li


@pytest.fixture
def notified():
    """A network function that takes notices over HTTP/2: what it got, and where it listens."""
    port, taken, loop = free_port(), queue.Queue(), asyncio.new_event_loop()

    async def take(scope, protocol):
        taken.put((scope.path, scope.http_version, json.loads(await protocol())))
        protocol.response_empty(204, [])

    server = GranianServer(take, port=port, interface=Interfaces.RSGI, http=HTTPModes.http2, log_enabled=False)
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve()), daemon=True)
    thread.start()
    yield taken, f"http://127.0.0.1:{port}/notices/77"
    loop.call_soon_threadsafe(server.stop)
    thread.join(10)
    loop.close()


@pytest.mark.usefixtures("numbering")
def test_a_top_up_makes_the_network_come_again_and_a_stop_makes_it_end(network, notified, monkeypatch):  # noqa: F811
    """In the engine's own loop, with its commands and its clock."""
    open_wallet(network, 140)
    prefixes = reference()["number_prefixes"]
    here = prefixes.filter(pl.col("prefix") == 1390071).with_columns(prefix=pl.lit(1390000, pl.Int64))
    replace_reference(name="number_prefixes", frame=pl.concat([prefixes, here]), at=NOW)
    port = free_port()
    monkeypatch.setenv("OPENBOSS_NCHF_PORT", str(port))
    monkeypatch.setenv("OPENBOSS_DIAMETER_PORT", "0")
    options.cache_clear()
    taken, seen, waits = notified[0], [], []

    def network_function() -> None:
        url = f"http://127.0.0.1:{port}{PATH}"
        patient = httpx.HTTPTransport(http1=False, http2=True, retries=8)
        with httpx.Client(transport=patient, timeout=60) as smf:
            opened = data_request(1, multipleUnitUsage=[wanted()], notifyUri=notified[1])
            created = smf.post(url, json=opened)
            assert created.status_code == 201, created.text
            seen.append(created.json()["multipleUnitInformation"][0])
            sent_s = time.monotonic()
            journal.send_command(kind="TOP_UP", payload={"account_id": 5, "amount_li": 10_000}, serial_no="P-2")
            seen.append(taken.get(timeout=10))
            waits.append(time.monotonic() - sent_s)
            more = data_request(2, multipleUnitUsage=[used({"totalVolume": 496 * 1024})])
            updated = smf.post(f"{created.headers['location']}/update", json=more)
            seen.append(updated.json()["multipleUnitInformation"][0]["grantedUnit"])
            sent_s = time.monotonic()
            journal.send_command(kind="STATE", payload={"subscriber_id": 12, "barred": 2})
            seen.append(taken.get(timeout=10))
            waits.append(time.monotonic() - sent_s)

    with clock_at(moment().at):  # there are prices for the months around it
        play_beside(ChargeLoop(network.owner, threading.Event()), network_function)
    options.cache_clear()
    granted, final = seen[0]["grantedUnit"], seen[0]["finalUnitIndication"]
    assert (granted, final) == ({"totalVolume": 496 * 1024}, {"finalUnitAction": "TERMINATE"})
    assert seen[1] == ("/notices/77", "2", {"notificationType": "REAUTHORIZATION"})
    assert seen[2] == {"totalVolume": 10 * MB}
    assert seen[3] == ("/notices/77", "2", {"notificationType": "ABORT_CHARGING"})
    print("from the order to the network function, s:", [round(one, 3) for one in waits])  # noqa: T201 - shown by -s
    assert len(waits) == 2
    assert max(waits) < 5  # within a second on a machine that has nothing else to do


def test_after_a_restart_a_network_is_still_told_of_its_session_until_it_ends(network, notified, chf, smf):  # noqa: F811
    taken, uri = notified
    created = smf.post(chf.url, json=data_request(1, multipleUnitUsage=[wanted()], notifyUri=uri))
    key = created.headers["location"].rpartition("/")[2]

    def begin_again() -> None:
        chf.notifier.keep(chf.at.at)
        chf.node.notices = chf.notifier = Notifier(chf.loop)
        chf.notifier.tell([key, "0" * 32], is_stop=False)

    chf.call(begin_again)
    assert taken.get(timeout=10) == ("/notices/77", "2", {"notificationType": "REAUTHORIZATION"})
    smf.post(f"{created.headers['location']}/release", json=data_request(2))
    chf.call(lambda: chf.notifier.keep(chf.at.at))
    assert addresses_of([key]) == {}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_is_answered_over_tls_with_http2_agreed_by_alpn_and_in_the_clear(network, tmp_path):  # noqa: F811
    open_wallet(network, 10_000)
    certificate, key = make_certificate(tmp_path)
    body = tmp_path / "body.json"
    body.write_text(json.dumps(data_request(1, multipleUnitUsage=[wanted()])))
    for options_of_curl, scheme, address in (
        (["--http2", "--cacert", str(certificate)], "https", {"certificate": certificate, "key": key}),
        (["--http2-prior-knowledge"], "http", {}),
    ):
        chf = start_chf(network, **address)
        url = f"{scheme}://127.0.0.1:{chf.port}{PATH}"
        write = "%{http_code} %{http_version} %header{location}"
        told = subprocess.run(
            ["curl", "-sS", *options_of_curl, "-H", "content-type: application/json", "-d", f"@{body}",
             "-o", "/dev/null", "-w", write, url], capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        chf.stop()
        assert told.stdout.startswith(f"201 2 {url}/")
    assert network.wallet()["reserved_li"] == 2900  # the second was the first sent again


def make_certificate(folder):
    """A certificate for the loopback, vouched for by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "chf.test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, key_file = folder / "chf.crt", folder / "chf.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, key_file


def test_hostile_connections_disturb_nobody(network, chf, smf):  # noqa: F811
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for junk in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(4096), preface + b"\xff" * 64, preface[:9]):
        with socket.create_connection(("127.0.0.1", chf.port)) as line:
            line.sendall(junk)
    cases = [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"\xff\xfe", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"[" * 100_000, "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"x" * 300_000, "headers": {"content-type": "application/json"}}, 413),
        ({"content": b"a=1", "headers": {"content-type": "text/plain"}}, 415),
    ]
    assert [smf.post(chf.url, **case).status_code for case, _status in cases] == [status for _case, status in cases]
    assert smf.get(chf.url).status_code == 405
    assert smf.post(chf.url, json=data_request(1, multipleUnitUsage=[wanted()])).status_code == 201
    assert network.wallet()["balance_li"] == 10_000


def test_a_port_that_another_engine_listens_on_is_not_shared_with_it(chf, caplog):
    node = Node(gathering=chf.gathering, notices=chf.notifier, now_s=chf.now_s, client_of=anybody)
    opened = []
    chf.call(lambda: opened.append(Door(node, Address("127.0.0.1", chf.port), chf.loop)))
    asyncio.run_coroutine_threadsafe(asyncio.wait_for(opened[0].opening, 5), chf.loop).result(5)
    assert "Nchf cannot be served" in caplog.text
