"""What the network is to know of a user: written to the outbox with every change of number, card or state.

Each message says the whole profile that is wanted, so that it may arrive twice: SET {imsi, msisdn, voice_in,
voice_out, data} or DELETE {imsi}. Messages of a user, and of those who take the number over, arrive in order.
Access servers of broadband and WLAN are told on a topic of their own: SET {subscriber_id, data, down_kbps, up_kbps}.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

import polars as pl

from openboss.modules.customers.atomic.effective import reasons_of_users, state_of
from openboss.modules.customers.life import ACTIVE, PREOPENED, TERMINATED
from openboss.modules.customers.stop_reasons import STOP_REASONS
from openboss.modules.system.atomic import send_out, send_out_many
from openboss.modules.system.copying import copy_out
from openboss.modules.system.statements import ask

TOPIC, ACCESS_TOPIC = "network.hlr", "network.radius"
MOBILE = "MOBILE"


@dataclass(frozen=True)
class NetworkProfile:
    """What a home register shall hold for a card: its number and which services pass (D2.1)."""

    imsi: int
    msisdn: int
    voice_in: bool
    voice_out: bool
    data: bool


def wanted_profile(*, subscriber_id: int, at: datetime) -> NetworkProfile | None:
    """Say what the network shall hold for a user at a moment; None = nothing (not a mobile user, not in service)."""
    return _wanted_profiles([subscriber_id], at).get(subscriber_id)


def _wanted_profiles(subscriber_ids: Collection[int], at: datetime) -> dict[int, NetworkProfile]:
    found = ask(
        "SELECT s.subscriber_id, c.imsi, n.number, s.life FROM customers_subscriber s"
        " JOIN customers_numberperiod n ON n.subscriber_id = s.subscriber_id AND n.period @> %s::timestamptz"
        " JOIN customers_simperiod c ON c.subscriber_id = s.subscriber_id AND c.period @> %s::timestamptz"
        " WHERE s.subscriber_id = ANY(%s::bigint[]) AND s.service_type = %s::text AND s.life <> ALL(%s::text[])",
        [at, at, list(subscriber_ids), MOBILE, [PREOPENED, TERMINATED]],
    )
    reasons = reasons_of_users(subscriber_ids=[user for user, *_ in found], at=at) if found else {}
    return {user: _profile(imsi, number, life, reasons[user]) for user, imsi, number, life in found}


def _profile(imsi: int, number: int, life: str, reasons: set[str]) -> NetworkProfile:
    state = state_of(life=life, reasons=reasons)
    return NetworkProfile(
        imsi,
        number,
        voice_in=state in (ACTIVE, "ONE_WAY_STOP"),
        voice_out=state == ACTIVE,
        data=state == ACTIVE,
    )


def tell_network(*, subscriber_id: int, at: datetime, gone_imsi: int | None = None) -> None:
    """Leave the wanted profile of a user for the network, in the caller's transaction.

    gone_imsi  a card that is out of use from now on: deleted first (D12.3)
    """
    if gone_imsi is not None:
        key = str(_first_of_lines([subscriber_id])[subscriber_id])
        send_out(topic=TOPIC, order_key=key, payload={"verb": "DELETE", "imsi": gone_imsi}, at=at)
    tell_network_of([subscriber_id], at=at)


def tell_network_of(subscriber_ids: Collection[int], *, at: datetime) -> None:
    """Leave the wanted profiles of some users for the network, in the caller's transaction."""
    tell_access_servers(subscriber_ids, at=at)
    profiles = _wanted_profiles(subscriber_ids, at)
    if not profiles:
        return
    first = _first_of_lines(profiles)
    payloads = [{"verb": "SET", **asdict(profile)} for profile in profiles.values()]
    send_out_many(topic=TOPIC, payloads=payloads, at=at, order_keys=[str(first[user]) for user in profiles])


def tell_access_servers(subscriber_ids: Collection[int], *, at: datetime) -> None:
    """Leave what access servers shall let some users do, in the caller's transaction; others have no access line."""
    lines = ask(
        "SELECT a.subscriber_id, s.life, a.down_kbps, a.up_kbps FROM customers_accessline a"
        " JOIN customers_subscriber s USING (subscriber_id) WHERE a.subscriber_id = ANY(%s::bigint[]) ORDER BY 1",
        [list(subscriber_ids)],
    )
    reasons = reasons_of_users(subscriber_ids=[user for user, *_ in lines], at=at) if lines else {}
    for user, life, down_kbps, up_kbps in lines:
        is_served = state_of(life=life, reasons=reasons[user]) == ACTIVE
        payload = {"verb": "SET", "subscriber_id": user, "data": is_served, "down_kbps": down_kbps, "up_kbps": up_kbps}
        send_out(topic=ACCESS_TOPIC, order_key=str(user), payload=payload, at=at)


def _first_of_lines(subscriber_ids: Collection[int]) -> dict[int, int]:
    """The first of those who had a user's number and card one after the other by transfer: its messages come first."""
    return dict(
        ask(
            "WITH RECURSIVE line AS ("
            " SELECT subscriber_id AS user_id, subscriber_id AS first_id, predecessor_id FROM customers_subscriber"
            "  WHERE subscriber_id = ANY(%s::bigint[])"
            " UNION ALL SELECT l.user_id, s.subscriber_id, s.predecessor_id FROM line l"
            "  JOIN customers_subscriber s ON s.subscriber_id = l.predecessor_id)"
            " SELECT user_id, first_id FROM line WHERE predecessor_id IS NULL",
            [list(subscriber_ids)],
        )
    )


def wanted_network(*, at: datetime) -> pl.DataFrame:
    """Read what the network shall hold for everybody: subscriber_id, imsi, msisdn, voice_in, voice_out, data.

    For reconciliation; a card that served once and is not in use now is given with msisdn 0.
    """
    two_way = ", ".join(str(one.stop_reason_id) for one in STOP_REASONS if one.level == "TWO_WAY")
    user = {"subscriber_id": pl.Int64, "imsi": pl.Int64, "msisdn": pl.Int64}
    services = {"voice_in": pl.Int8, "voice_out": pl.Int8, "data": pl.Int8}
    return copy_out(_WANTED.format(moment=at.isoformat(), two_way=two_way), {**user, **services})


_WANTED = """
WITH levels AS (
    SELECT subscriber_id, max(CASE WHEN stop_reason_id IN ({two_way}) THEN 2 ELSE 1 END) AS level
    FROM customers_stopperiod WHERE period @> '{moment}'::timestamptz GROUP BY 1
)
SELECT s.subscriber_id, c.imsi, n.number, (s.life = 'ACTIVE' AND coalesce(l.level, 0) < 2)::int,
    (s.life = 'ACTIVE' AND l.level IS NULL)::int, (s.life = 'ACTIVE' AND l.level IS NULL)::int
FROM customers_subscriber s
JOIN customers_simperiod c ON c.subscriber_id = s.subscriber_id AND c.period @> '{moment}'::timestamptz
JOIN customers_numberperiod n ON n.subscriber_id = s.subscriber_id AND n.period @> '{moment}'::timestamptz
LEFT JOIN levels l ON l.subscriber_id = s.subscriber_id
WHERE s.service_type = 'MOBILE' AND s.life IN ('ACTIVE', 'PRE_TERMINATED')
UNION ALL
SELECT 0, imsi, 0, 0, 0, 0 FROM customers_simperiod
GROUP BY imsi HAVING bool_and(upper(period) <= '{moment}'::timestamptz)
ORDER BY 2
"""
