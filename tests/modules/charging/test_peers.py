"""Who may ask online charging: what is taken, what is refused, and that secrets show nowhere."""

from datetime import UTC, datetime

import pytest

from openboss.modules.charging.functions.peers import (
    PeerKnown,
    PeerUnknown,
    PeerWish,
    PeerWrong,
    admit_peer,
    give_key,
    list_peers,
    peer_by_id,
    peers_with_proofs,
    put_peer,
    remove_peer,
)
from openboss.modules.charging.models import Peer
from openboss.modules.system.functions import list_audit

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
BRAS = PeerWish(
    interface="RADIUS", name="Bras1", addresses=("10.0.0.1",), service="BROADBAND", change_port=3799,
    secret="a-secret-of-twenty-1",
)  # fmt: skip


def put(wish: PeerWish, peer_id: int | None = None) -> int:
    return put_peer(peer_id=peer_id, wish=wish, staff_id=None, at=AT)


def changed(wish: PeerWish, **more) -> PeerWish:
    return PeerWish(**{name: getattr(wish, name) for name in PeerWish.__dataclass_fields__} | more)


def test_the_secret_of_an_access_server_is_sealed_and_stands_in_no_view_and_no_audit_row():
    peer_id = put(BRAS)
    sealed = bytes(Peer.objects.get(peer_id=peer_id).secret_sealed)
    assert BRAS.secret.encode() not in sealed
    assert peers_with_proofs()[0].secret == BRAS.secret.encode()
    put(changed(BRAS, secret="", name="bras2"), peer_id)  # nothing said: what is known stays
    assert (peers_with_proofs()[0].secret, peer_by_id(peer_id=peer_id).name) == (BRAS.secret.encode(), "bras2")
    entries, _total = list_audit(action="charging.put_peer")
    said = repr([peers_with_proofs(), list_peers(), entries, BRAS])
    assert len(entries) == 2 and BRAS.secret not in said


@pytest.mark.parametrize(
    ("blamed", "wrong"),
    [
        ("name", {"name": "two words"}),
        ("addresses", {"addresses": ("10.0.0.0/8",)}),
        ("addresses", {"addresses": ()}),
        ("secret", {"secret": "fifteen-letters"}),
        ("secret", {"secret": ""}),
        ("service", {"service": "TV"}),
        ("change_port", {"change_port": 70_000}),
        ("interface", {"interface": "SS7"}),
        ("realm", {"interface": "DIAMETER", "realm": "no realm"}),
        ("addresses", {"interface": "DIAMETER", "addresses": ("10.0.0.300",)}),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_field_that_is_to_blame(blamed, wrong):
    with pytest.raises(PeerWrong) as refused:
        put(changed(BRAS, **wrong))
    assert refused.value.args == (blamed,)
    assert list_peers() == [] and list_audit(action="charging.put_peer")[0] == []


def test_one_name_and_for_access_servers_one_address_is_one_element():
    put(BRAS)
    for twice in ({"addresses": ("10.0.0.2",)}, {"name": "bras2"}):
        with pytest.raises(PeerKnown):
            put(changed(BRAS, **twice))
    put(changed(BRAS, interface="DIAMETER", realm="Net.Example", addresses=("10.0.0.7/24", "::1")))
    assert [(one.interface, one.name, one.realm, one.addresses) for one in list_peers()] == [
        ("DIAMETER", "bras1", "net.example", ("10.0.0.0/24", "::1")),
        ("RADIUS", "bras1", "", ("10.0.0.1",)),
    ]


def test_a_key_is_told_once_and_the_one_before_is_good_no_more():
    smf = put(PeerWish(interface="NCHF", name="smf1"))
    first, second = give_key(peer_id=smf, staff_id=None, at=AT), give_key(peer_id=smf, staff_id=None, at=AT)
    assert first != second and len(first) == 43 and peer_by_id(peer_id=smf).has_key
    kept = repr(list(Peer.objects.values())) + repr(list_audit(action="charging.give_peer_key")[0])
    assert first not in kept and second not in kept
    with pytest.raises(PeerUnknown):
        give_key(peer_id=put(BRAS), staff_id=None, at=AT)


def test_shut_out_let_in_and_struck_off_are_written_down():
    peer_id = put(BRAS)
    admit_peer(peer_id=peer_id, is_admitted=False, staff_id=None, at=AT)
    assert peer_by_id(peer_id=peer_id).is_admitted is False
    remove_peer(peer_id=peer_id, staff_id=None, at=AT)
    with pytest.raises(PeerUnknown):
        remove_peer(peer_id=peer_id, staff_id=None, at=AT)
    (struck,) = list_audit(action="charging.remove_peer")[0]
    assert (struck.before["name"], struck.before["is_admitted"]) == ("bras1", False)
