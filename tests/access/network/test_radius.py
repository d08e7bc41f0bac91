"""RADIUS with FreeRADIUS's client and pyrad as the access server, against an engine on PostgreSQL."""

import hashlib
import queue
import re
import shutil
import socket
import subprocess
import threading
from datetime import timedelta
from io import StringIO
from unittest.mock import Mock

import polars as pl
import pytest
from django.db import OperationalError
from pyrad.dictionary import Dictionary
from pyrad.packet import CoAPacket
from tests.access.network.online_door import OnlineDoor, free_port, waited_for
from tests.modules.charging.engine.conftest import ITEMS, Item, image, versions
from tests.modules.charging.engine.test_online import MB, Network, detail, moment
from tests.modules.customers.conftest import loaded, offers  # noqa: F401

from openboss.access.network.delivery import deliver_changes
from openboss.access.network.radius import logins
from openboss.access.network.radius.accounting import Accounting
from openboss.access.network.radius.changes import Connector, FromEngine
from openboss.access.network.radius.clients import AccessServer, AccessServers
from openboss.access.network.radius.logins import Logins
from openboss.access.network.radius.packets import Attribute, Code, Malformed, Packet
from openboss.access.network.radius.ports import Port
from openboss.access.network.radius.sessions import Sessions
from openboss.kernel.usage import RecordType
from openboss.modules.catalog.publications import publication_text, write_publication
from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.functions.engine import image_payload
from openboss.modules.charging.models import EngineJournal
from openboss.modules.charging.numbering import build_numbering
from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import NumberPeriod
from openboss.processes.access_lines import AccessPasswordWrong, set_access_line
from openboss.processes.warm_up import _numbering_frames

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(shutil.which("radclient") is None, reason="radclient is not installed (freeradius-utils)"),
]
USER, PASSWORD, SECRET = 1001, "wlan-Pass-77", "nas-secret-number-1"
WLAN = (RecordType.WLAN, 8613900011001, "13900011001@wlan")
BROADBAND = (RecordType.BROADBAND, 865711234567, "05711234567@home")
LOGIN = WLAN[2]
both_services = pytest.mark.parametrize("service", [WLAN, BROADBAND], ids=["wlan", "broadband"])
GIGAWORD = 1 << 32
DICTIONARY = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE State 24 string
ATTRIBUTE Vendor-Specific 26 octets
ATTRIBUTE Session-Timeout 27 integer
ATTRIBUTE Termination-Action 29 integer
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE Event-Timestamp 55 date
ATTRIBUTE Message-Authenticator 80 octets
ATTRIBUTE Error-Cause 101 integer
VENDOR WISPr 14122
BEGIN-VENDOR WISPr
ATTRIBUTE WISPr-Bandwidth-Max-Up 7 integer
ATTRIBUTE WISPr-Bandwidth-Max-Down 8 integer
END-VENDOR WISPr
"""


def numbering():
    frames = _numbering_frames()
    here = frames["number_prefixes"].filter(pl.col("prefix") == "1390000").with_columns(prefix=pl.lit("1390001"))
    frames["number_prefixes"] = pl.concat([frames["number_prefixes"], here])
    return build_numbering(frames)


@pytest.fixture
def service():
    """What kind of sessions the access server has, the user's number, and the login."""
    return WLAN


@pytest.fixture
def network(loaded, tmp_path, settings, service):  # noqa: F811
    """An engine whose user 1001 pays 0.05 a minute for WLAN or broadband, from a wallet with 0.120."""
    kind, number, _login = service
    NumberPeriod.objects.filter(subscriber_id=USER).update(number=number)
    settings.LAKE_DIR, settings.DATA_DIR = tmp_path / "lake", tmp_path
    tariffs = versions()
    price = {"rule": "WLAN", "when": {"record": [kind.name]}, "item": "WLAN", "unit": "60 s", "price": "0.05"}
    for place, version in enumerate(one for one in tariffs if one.kind == "STANDARD"):
        version.document = {**version.document, "prices": [*version.document["prices"], price]}
        version.rule_ids["WLAN"] = 900 + place
    items = [*ITEMS, Item(len(ITEMS) + 1, "WLAN")]
    path, sha256 = write_publication(settings.LAKE_DIR / "tariffs", publication_text(tariffs, items, []))
    journal.send_command(kind="PUBLICATION", payload={"path": f"tariffs/{path.name}", "sha256": sha256})
    journal.send_command(kind="IMAGE", payload=image_payload(image({USER: {"number": number}})))
    journal.send_command(kind="OPEN_CYCLE", payload={"cycle": 202610})
    (tmp_path / "engine").mkdir(exist_ok=True)
    found = Network(tmp_path)
    wallet = {"account_id": 5, "balance_li": 120, "limit_li": 0, "subscriber_ids": [USER]}
    assert found.order("WALLETS", wallets=[wallet]).state == "DONE"
    set_access_line(subscriber_id=USER, password=PASSWORD, down_kbps=20_000, up_kbps=4000, at=AT, staff_id=None)
    return found


AT = moment().at


class Nas:
    """An access server that takes changes, made of pyrad's packets."""

    def __init__(self) -> None:
        self.line = socket.socket(type=socket.SOCK_DGRAM)
        self.line.bind(("127.0.0.1", 0))
        self.port, self.taken, self.error = self.line.getsockname()[1], queue.Queue(), None
        self.dictionary = Dictionary(StringIO(DICTIONARY))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while True:
            data, place = self.line.recvfrom(4096)
            if not data:
                return
            packet = CoAPacket(secret=SECRET.encode(), dict=self.dictionary, packet=data)
            assert packet.VerifyCoARequest()
            self.taken.put({"code": packet.code, **{name: packet[name][0] for name in list(packet.keys())}})
            reply = packet.CreateReply()
            reply.code = packet.code + (2 if self.error else 1)
            if self.error:
                reply["Error-Cause"] = self.error
            self.line.sendto(reply.ReplyPacket(), place)

    def next(self) -> dict:
        return self.taken.get(timeout=20)

    def close(self) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as line:
            line.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(5)
        self.line.close()


@pytest.fixture
def nas():
    found = Nas()
    yield found
    found.close()


@pytest.fixture
def servers(nas, service):
    found = AccessServer("ac1", "127.0.0.1", SECRET.encode(), service[0], nas.port)
    return AccessServers({found.address: found}, {found.name: found})


class Aaa(OnlineDoor):
    """Both ports of RADIUS."""

    def __init__(self, network, servers, login=LOGIN) -> None:
        self.servers, self.login = servers, login
        self.login_port, self.accounting_port = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
        super().__init__(network, Aaa._open, numbering())

    async def _open(self):
        sessions = Sessions()
        self.logins = Logins(gathering=self.gathering, sessions=sessions, now_s=self.now_s)
        self.accounting = Accounting(
            gathering=self.gathering,
            sessions=sessions,
            now_s=self.now_s,
            changes=FromEngine(self.servers, self.now_s, self.loop),
        )
        self.ports = []
        for code, number, desk in (
            (Code.ACCESS_REQUEST, self.login_port, self.logins),
            (Code.ACCOUNTING_REQUEST, self.accounting_port, self.accounting),
        ):
            port = Port(code, self.servers, desk.handle, self.loop)
            await self.loop.create_datagram_endpoint(port.itself, ("127.0.0.1", number))
            self.ports.append(port)

        async def end():
            for port in self.ports:
                port.close()

        return end

    def later(self, seconds: int) -> None:
        at = moment().at + timedelta(seconds=seconds)
        self.at = moment((at + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M:%S"))


@pytest.fixture
def aaa(network, servers, service):
    found = Aaa(network, servers, service[2])
    yield found
    found.stop()


def radclient(port: int, kind: str, secret: str = SECRET, patience_s: str = "25", **attributes) -> dict[str, str]:
    """Send one request as an access server does; what came back, `code` among it, empty = nothing came.

    It is sent once, so that what is counted is exact, and an answer may take its time where others are at work.
    """
    lines = [f'{name.replace("_", "-")} = "{value}"' for name, value in attributes.items()]
    told = subprocess.run(
        ["radclient", "-x", "-r", "1", "-t", patience_s, f"127.0.0.1:{port}", kind, secret],
        input=",".join(lines), capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    answer = re.search(r"^Received (\S+) .*\n((?:\t.*\n?)*)", told.stdout, re.MULTILINE)
    if answer is None:
        return {}
    pairs = dict(line.strip().split(" = ", 1) for line in answer[2].splitlines() if " = " in line)
    return {"code": answer[1]} | {name: value.strip('"') for name, value in pairs.items()}


def login(aaa, **more) -> dict[str, str]:
    asked = {"User_Name": aaa.login, "User_Password": PASSWORD, "Message_Authenticator": "0x00", **more}
    return radclient(aaa.login_port, "auth", **{name: value for name, value in asked.items() if value is not None})


def account(aaa, status: str, seconds: int = 0, down: int = 0, **more) -> dict[str, str]:
    reported = {
        "User_Name": aaa.login,
        "Acct_Status_Type": status,
        "Acct_Session_Id": "s-1",
        "Acct_Session_Time": seconds,
        "Acct_Output_Octets": down % GIGAWORD,
        "Acct_Output_Gigawords": down // GIGAWORD,
        **more,
    }
    return radclient(aaa.accounting_port, "acct", **reported)


@both_services
def test_a_login_lasts_as_long_as_the_money_and_costs_what_was_used_to_the_li(network, aaa):
    accepted = login(aaa)
    assert accepted["code"] == "Access-Accept"
    assert accepted["Session-Timeout"] == "120"  # 0.120 is two minutes at 0.05
    assert accepted["WISPr-Bandwidth-Max-Down"] == "20000000"
    assert network.wallet()["reserved_li"] == 100
    named = {"Class": accepted["Class"]}
    assert account(aaa, "Start", **named)["code"] == "Accounting-Response"
    aaa.later(60)
    account(aaa, "Interim-Update", 60, MB, **named)
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (70, 50)
    aaa.later(90)
    account(aaa, "Stop", 90, 5 * GIGAWORD + 7, **named)
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (20, 0)
    row = detail(network).row(0, named=True)
    assert (row["act_basic_li"], row["duration_s"], row["down_bytes"]) == (100, 90, 5 * GIGAWORD + 7)
    network.crash()
    assert network.wallet()["balance_li"] == 20


@both_services
def test_chap_proves_the_password_and_a_wrong_one_or_a_stop_is_rejected_with_its_reason(network, aaa):
    chap = login(aaa, User_Password=None, CHAP_Password=PASSWORD)
    assert (chap["code"], chap["Session-Timeout"]) == ("Access-Accept", "120")
    for wrong in ({"User_Password": "another-one"}, {"User_Name": "13900099999"}, {"User_Password": None}):
        rejected = login(aaa, **wrong)
        assert (rejected["code"], rejected["Reply-Message"]) == ("Access-Reject", "Unknown login or wrong password")
    customers.add_stop_reason(subscriber_id=USER, reason="LOST", at=AT, staff_id=None)
    assert login(aaa)["Reply-Message"] == "Service is suspended"
    customers.clear_stop_reason(subscriber_id=USER, reason="LOST", at=AT, staff_id=None)
    network.order("TOP_UP", "P-1", account_id=5, amount_li=-120)
    assert login(aaa)["Reply-Message"] == "No credit left"


@both_services
def test_when_its_time_is_over_a_session_asks_again_and_goes_on(network, aaa):
    network.order("TOP_UP", "P-1", account_id=5, amount_li=3030)  # 3.150: 63 minutes
    accepted = login(aaa)
    assert (accepted["Session-Timeout"], accepted["Termination-Action"]) == ("3600", "RADIUS-Request")
    named = {"Class": accepted["Class"]}
    account(aaa, "Start", **named)
    aaa.later(3600)
    account(aaa, "Interim-Update", 3600, MB, **named)
    assert network.wallet()["balance_li"] == 150
    again = login(aaa, State=accepted["State"])
    assert (again["code"], again["Session-Timeout"], again["Class"]) == ("Access-Accept", "180", accepted["Class"])
    assert "Termination-Action" not in again
    aaa.later(3700)
    account(aaa, "Stop", 3700, MB, **named)
    assert network.wallet()["balance_li"] == 3150 - 62 * 50


def test_a_report_sent_again_is_answered_the_same_and_charged_once_even_after_the_engine_died(network, aaa, servers):
    account(aaa, "Start")
    account(aaa, "Interim-Update", 60)
    rows = EngineJournal.objects.count()
    for _again in range(2):  # under another identifier, as a server does that gave the answer up
        assert account(aaa, "Interim-Update", 60)["code"] == "Accounting-Response"
    assert (network.wallet()["balance_li"], EngineJournal.objects.count()) == (70, rows)
    aaa.stop()
    network.crash()
    assert network.wallet()["balance_li"] == 70
    second = Aaa(network, servers)
    account(second, "Interim-Update", 60)
    assert network.wallet()["balance_li"] == 70
    second.later(61)
    account(second, "Stop", 61)
    assert network.wallet()["balance_li"] == 20
    account(second, "Stop", 61)
    account(second, "Interim-Update", 60)
    assert network.wallet()["balance_li"] == 20
    assert second.accounting.counts["late"] == 1
    second.stop()


def test_a_server_that_begins_again_ends_all_its_sessions(network, aaa):
    for number in range(3):
        account(aaa, "Start", Acct_Session_Id=f"s-{number}")
    account(aaa, "Interim-Update", 60, Acct_Session_Id="s-1")
    assert network.wallet()["reserved_li"] == 100  # the first has all there was
    assert radclient(aaa.accounting_port, "acct", Acct_Status_Type="Accounting-On")["code"] == "Accounting-Response"
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (70, 0)
    assert account(aaa, "Start", Acct_Session_Id="s-1")["code"] == "Accounting-Response"  # counted from the beginning
    account(aaa, "Stop", 30, Acct_Session_Id="s-1")
    assert network.wallet()["balance_li"] == 20


@both_services
def test_a_session_without_money_is_ended_at_the_access_server(network, aaa, nas):
    account(aaa, "Start", Framed_IP_Address="10.9.8.7")
    told = nas.next()
    assert (told["code"], told["Session-Timeout"], told["Termination-Action"]) == (Code.COA_REQUEST, 120, 0)
    account(aaa, "Interim-Update", 150)  # three minutes: 0.030 more than there is
    assert network.wallet()["balance_li"] == -30
    told = nas.next()
    assert (told["code"], told["User-Name"], told["Acct-Session-Id"]) == (Code.DISCONNECT_REQUEST, aaa.login, "s-1")
    assert (told["Framed-IP-Address"], aaa.accounting.counts["ended"]) == ("10.9.8.7", 1)


@both_services
def test_a_stop_ends_running_sessions_and_another_speed_changes_them(network, aaa, nas, servers):
    account(aaa, "Start")
    connector = Connector(lambda: servers, aaa.now_s)

    def bring() -> tuple[int, int]:
        done = deliver_changes(connector, now=lambda: AT)
        return done.sent, done.failed

    assert nas.next()["Session-Timeout"] == 120
    set_access_line(subscriber_id=USER, down_kbps=50_000, at=AT, staff_id=None)
    assert bring() == (1, 0)
    told = nas.next()
    assert (told["code"], told["WISPr-Bandwidth-Max-Down"]) == (Code.COA_REQUEST, 50_000_000)
    nas.error = 501
    customers.add_stop_reason(subscriber_id=USER, reason="LOST", at=AT, staff_id=None)
    assert bring() == (0, 1)  # stays in the outbox
    assert nas.next()["code"] == Code.DISCONNECT_REQUEST
    nas.error = None
    assert deliver_changes(connector, now=lambda: AT + timedelta(hours=1)).sent == 1
    assert nas.next()["code"] == Code.DISCONNECT_REQUEST
    account(aaa, "Stop", 10)
    customers.clear_stop_reason(subscriber_id=USER, reason="LOST", at=AT, staff_id=None)
    assert bring() == (1, 0)
    assert nas.taken.empty()  # nothing runs: nobody has to be told


def test_a_session_whose_access_server_falls_silent_is_settled_after_two_slices_and_may_go_on(network, aaa):
    accepted = login(aaa)
    for after_s, reserved_li in ((2 * 3600, 100), (2 * 3600 + 1, 0)):
        aaa.later(after_s)
        aaa.call(lambda: network.owner.sweep(aaa.at))
        assert network.wallet()["reserved_li"] == reserved_li
    assert account(aaa, "Stop", 61, Class=accepted["Class"])["code"] == "Accounting-Response"
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (120 - 100, 0)


def test_hostile_packets_are_dropped_without_an_answer_and_counted(network, aaa):
    with socket.socket(type=socket.SOCK_DGRAM) as line:
        line.connect(("127.0.0.1", aaa.login_port))
        good = b"\x01\x07\x00\x14" + bytes(16)
        long, spoiled = good[:2] + b"\xff\xff" + good[4:], good[:3] + b"\x16" + good[4:] + b"\x01\x01"
        for data in (b"", b"\x01", good[:-1], long, spoiled, b"\x04" + good[1:], bytes(5000)):
            line.send(data)
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.recv(1)
    unsigned = {"User_Name": LOGIN, "User_Password": PASSWORD}  # an answer to it could be forged
    assert radclient(aaa.login_port, "auth", patience_s="0.3", **unsigned) == {}
    signed = {**unsigned, "Message_Authenticator": "0x00"}
    assert radclient(aaa.login_port, "auth", "another-secret", "0.3", **signed) == {}
    begun = {"Acct_Status_Type": "Accounting-On"}
    assert radclient(aaa.accounting_port, "acct", "another-secret", "0.3", **begun) == {}
    assert login(aaa)["code"] == "Access-Accept"  # and what came before has been read
    counts = aaa.ports[0].counts
    assert counts["malformed"] >= 5
    assert counts["another kind"] == 1
    assert counts["not genuine"] >= 2
    assert waited_for(lambda: aaa.ports[1].counts["not genuine"] >= 1)


def test_a_login_that_cannot_be_written_down_ends_the_engine_and_one_that_cannot_be_read_does_not(
    network, aaa, servers, monkeypatch
):
    chap = b"\1" + hashlib.md5(b"\1" + PASSWORD.encode() + bytes(16), usedforsecurity=False).digest()
    said = [(Attribute.USER_NAME, LOGIN.encode()), (Attribute.CHAP_PASSWORD, chap), (Attribute.ACCT_SESSION_TIME, b"1")]
    with pytest.raises(Malformed):
        aaa.logins.handle(servers.by_name["ac1"], Packet(Code.ACCESS_REQUEST, 1, bytes(16), said), None)
    assert aaa.faults == []
    lost = OperationalError("the connection is lost")
    monkeypatch.setattr(logins, "put_access_sessions", Mock(side_effect=lost))
    assert login(aaa, patience_s="0.5") == {}
    assert waited_for(lambda: aaa.faults)
    assert aaa.faults == [lost]
    assert network.wallet()["reserved_li"] == 0
    aaa.faults.clear()


def test_a_password_of_an_access_line_is_not_too_short_and_nothing_is_changed(network):
    for wrong in ("short", "with blank 1", "密码密码密码密码"):
        with pytest.raises(AccessPasswordWrong):
            set_access_line(subscriber_id=USER, password=wrong, at=AT, staff_id=None)
