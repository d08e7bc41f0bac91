"""The network obeys: what changed is delivered in order, what did not arrive is seen to, and both sides are compared.

Every change of a user leaves the wanted profile in the outbox (customers/atomic/network.py). A connector brings it to
one network element; both verbs may be repeated, so that a message that arrived twice does no harm. Source: OSS
activation, D2.3, D12.3.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import NetworkProfile
from openboss.modules.system import functions as system

HLR = "network.hlr"
MISSING, DIFFERENT, TOO_MUCH = "MISSING", "DIFFERENT", "TOO_MUCH"


class NotDelivered(Exception):
    """The network element did not take the change, or did not answer; it is tried again."""


class Connector(Protocol):
    """One network element, spoken to in its own language. Every call raises NotDelivered if it cannot be done."""

    def put(self, profile: NetworkProfile) -> None:
        """Let the element hold exactly this for a card; making it if it is not there."""

    def delete(self, imsi: int) -> None:
        """Let the element forget a card; one it does not know is forgotten already."""

    def read(self, imsi: int) -> NetworkProfile | None:
        """What the element holds for a card; None = nothing."""


@dataclass(frozen=True)
class Delivered:
    """What one round of delivering came to."""

    sent: int
    failed: int


@dataclass(frozen=True)
class Difference:
    """A card for which the network holds something else than the database wants."""

    imsi: int
    subscriber_id: int
    kind: str  # MISSING, DIFFERENT, TOO_MUCH
    wanted: NetworkProfile | None
    found: NetworkProfile | None


def deliver(connectors: Mapping[str, Connector], *, now: Callable[[], datetime], limit: int = 100) -> Delivered:
    """Deliver what is due, the oldest of each user first; what fails is tried again later or becomes a dead letter.

    connectors  topic -> element. The caller repeats this while `sent` is not 0: the next of a user is due then.
    """
    return send_all_due(
        {topic: partial(_bring, element) for topic, element in connectors.items()}, now=now, limit=limit
    )


def send_all_due(
    senders: Mapping[str, Callable[[Mapping[str, Any]], None]], *, now: Callable[[], datetime], limit: int = 100
) -> Delivered:
    """Hand what is due of each topic to its sender, which takes it or raises NotDelivered.

    What somebody else was done with meanwhile, such as a person who dropped it, counts as neither.
    """
    sent = failed = 0
    for message in system.claim_messages(topics=list(senders), at=now(), limit=limit):
        with contextlib.suppress(system.MessageUnknown):
            try:
                senders[message.topic](message.payload)
            except NotDelivered as refusal:
                system.message_failed(outbox_id=message.outbox_id, error=str(refusal), at=now())
                failed += 1
            else:
                system.message_sent(outbox_id=message.outbox_id, at=now())
                sent += 1
    return Delivered(sent, failed)


def _bring(element: Connector, payload: Mapping[str, Any]) -> None:
    verb = payload.get("verb")
    try:
        if verb == "DELETE":
            element.delete(int(payload["imsi"]))
        elif verb == "SET":
            element.put(profile_of(payload))
        else:
            raise NotDelivered(f"no such verb: {verb}")
    except (KeyError, TypeError, ValueError) as wrong:  # a message that a person wrote
        raise NotDelivered(f"the message lacks or spoils {wrong}") from wrong


def profile_of(payload: Mapping[str, Any]) -> NetworkProfile:
    """Read a profile from a message."""
    flags = {name: bool(payload[name]) for name in ("voice_in", "voice_out", "data")}
    return NetworkProfile(int(payload["imsi"]), int(payload["msisdn"]), **flags)


def compare(element: Connector, *, at: datetime, held: Callable[[NetworkProfile], NetworkProfile]) -> list[Difference]:
    """Compare what an element holds with what the database wants, for every card of ours, also those out of use.

    held  what an element can hold of a profile (osmo-hlr knows no barring of outgoing calls alone)
    """
    return list(_differences(element, customers.wanted_network(at=at).iter_rows(named=True), held))


def _differences(
    element: Connector, rows: Iterable[dict[str, Any]], held: Callable[[NetworkProfile], NetworkProfile]
) -> Iterable[Difference]:
    for row in rows:
        wanted = held(profile_of(row)) if row["msisdn"] else None
        found = element.read(row["imsi"])
        if wanted == found:
            continue
        kind = MISSING if found is None else TOO_MUCH if wanted is None else DIFFERENT
        yield Difference(row["imsi"], row["subscriber_id"], kind, wanted, found)


def repair(differences: Iterable[Difference], *, at: datetime, staff_id: int | None) -> int:
    """Leave messages that bring the network to what the database wants; return how many. They go the usual way."""
    count = 0
    for one in differences:
        profile = customers.wanted_profile(subscriber_id=one.subscriber_id, at=at) if one.subscriber_id else None
        payload = {"verb": "SET", **asdict(profile)} if profile else {"verb": "DELETE", "imsi": one.imsi}
        system.send_out(topic=HLR, order_key=str(one.subscriber_id or f"imsi{one.imsi}"), payload=payload, at=at)
        count += 1
    if count:
        system.record_audit(
            staff_id=staff_id,
            action="network.repair",
            object_kind="network",
            object_id=HLR,
            at=at,
            after={"cards": count},
        )
    return count
