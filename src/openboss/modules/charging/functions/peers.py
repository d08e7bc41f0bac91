"""Who may ask online charging: what pages and doors ask."""

from openboss.modules.charging.atomic.peers import (
    CHANGE_PORT,
    SERVICES,
    SHORTEST_SECRET,
    PeerKnown,
    PeerProof,
    PeerUnknown,
    PeerView,
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

__all__ = [
    "CHANGE_PORT",
    "SERVICES",
    "SHORTEST_SECRET",
    "PeerKnown",
    "PeerProof",
    "PeerUnknown",
    "PeerView",
    "PeerWish",
    "PeerWrong",
    "admit_peer",
    "give_key",
    "list_peers",
    "peer_by_id",
    "peers_with_proofs",
    "put_peer",
    "remove_peer",
]
