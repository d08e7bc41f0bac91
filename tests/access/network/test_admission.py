"""Who may ask over which door: by name, realm, address, certificate, key and secret."""

import hashlib
from datetime import UTC, datetime

from openboss.access.network.admission import Admission
from openboss.modules.charging.functions.peers import PeerProof, PeerView

AT = datetime(2026, 11, 22, tzinfo=UTC)
KEY = "kept-nowhere"


def peer(interface: str, name: str, *, key: str = "", secret: bytes = b"", **more) -> PeerProof:
    plain = {"realm": "", "addresses": (), "needs_tls": False, "service": "", "change_port": 0, "is_admitted": True}
    view = PeerView(peer_id=1, interface=interface, name=name, has_key=bool(key), changed_at=AT, **{**plain, **more})
    return PeerProof(view=view, secret=secret, key_sha256=hashlib.sha256(key.encode()).digest() if key else b"")


def admission(*peers: PeerProof) -> Admission:
    found = Admission(now_s=lambda: 7, trial_key="trial")
    found.replace(peers)
    return found


def turned_away(door: Admission) -> list[tuple[str, str, str, int]]:
    return [(one["name"], one["address"], one["why"], one["times"]) for one in door.picture()["turned_away"]]


def test_with_nobody_written_down_only_this_machine_may_ask():
    door = admission()
    assert door.admits_diameter("gw.test", "test", "127.0.0.1") and door.admits_diameter("gw.test", "test", "::1")
    assert door.nchf_client("127.0.0.1:40000", "") == "127.0.0.1"
    assert not door.admits_diameter("gw.test", "test", "10.0.0.9") and not door.nchf_client("10.0.0.9:40000", "")
    assert turned_away(door) == [("", "10.0.0.9", "NOT_LISTED", 1), ("gw.test", "10.0.0.9", "NOT_LISTED", 1)]


def test_a_diameter_peer_is_known_by_name_realm_address_and_certificate():
    door = admission(
        peer("DIAMETER", "gw.test", realm="test", addresses=("10.0.0.0/24",)),
        peer("DIAMETER", "safe.test", needs_tls=True),
        peer("DIAMETER", "bad.test", is_admitted=False),
    )
    mine, others = {"subjectAltName": (("DNS", "Safe.test"),)}, {"subject": ((("commonName", "gw.test"),),)}
    assert door.admits_diameter("GW.test", "Test", "10.0.0.9") and door.admits_diameter(
        "gw.test", "test", "::ffff:10.0.0.9"
    )
    assert door.admits_diameter("safe.test", "", "192.0.2.1", mine)
    for host, realm, address, certificate in (
        ("gw.test", "other", "10.0.0.9", None),
        ("gw.test", "test", "10.0.1.9", None),
        ("safe.test", "", "127.0.0.1", None),
        ("safe.test", "", "127.0.0.1", others),
        ("bad.test", "", "127.0.0.1", None),
        ("new.test", "", "127.0.0.1", None),
    ):
        assert not door.admits_diameter(host, realm, address, certificate)
    assert [why for _name, _address, why, _times in turned_away(door)] == [
        "NOT_LISTED", "SHUT_OUT", "CERTIFICATE", "TLS", "ADDRESS", "REALM",
    ]  # fmt: skip


def test_a_session_function_is_known_by_its_key_its_address_or_both():
    door = admission(
        peer("NCHF", "smf-by-key", key=KEY, addresses=("10.0.0.0/24",)),
        peer("NCHF", "smf-by-place", addresses=("::1",)),
    )
    assert door.nchf_client("10.0.0.9:1", f"Bearer {KEY}") == "smf-by-key"
    assert door.nchf_client("[::1]:1", "") == "smf-by-place"
    assert door.nchf_client("127.0.0.1:1", "Bearer trial") == "console"
    for client, shown in (("10.0.0.9:1", "Bearer other"), ("10.0.1.9:1", f"Bearer {KEY}"), ("10.0.0.9:1", "")):
        assert door.nchf_client(client, shown) == door.nchf_client(client, shown) == ""
    assert {(why, times) for _name, _address, why, times in turned_away(door)} == {("KEY", 4), ("ADDRESS", 2)}
    heard = [(one["name"], one["requests"], one["last_at_s"]) for one in door.picture()["heard"]]
    assert heard == [("smf-by-key", 1, 7), ("smf-by-place", 1, 7), ("console", 1, 7)]


def test_a_session_function_without_key_and_address_proves_nothing_and_may_not_ask():
    door = admission(peer("NCHF", "smf-just-written-down"))
    assert door.nchf_client("10.0.0.9:1", "") == door.nchf_client("10.0.0.9:1", "Bearer ") == ""
    assert {why for _name, _address, why, _times in turned_away(door)} == {"KEY"}


def test_whoever_is_struck_off_may_not_ask_any_more_at_once():
    door = admission(peer("NCHF", "smf", key=KEY))
    assert door.nchf_client("10.0.0.9:1", f"Bearer {KEY}") == "smf"
    door.replace([peer("NCHF", "smf", key=KEY, is_admitted=False)])
    assert door.nchf_client("10.0.0.9:1", f"Bearer {KEY}") == ""
    bras = peer("RADIUS", "bras", addresses=("10.0.0.1",), secret=b"s" * 16, service="WLAN", change_port=3799)
    servers = door.servers
    door.replace([bras])
    assert (servers.by_address["10.0.0.1"].name, servers.by_name["bras"].change_port) == ("bras", 3799)
    door.replace([])
    assert servers.by_address == servers.by_name == {}
