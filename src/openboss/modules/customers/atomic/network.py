"""What the network is to know of a user: written to the outbox with every change of number, card or state.

Each message says the whole profile that is wanted, so that it may arrive twice: SET {imsi, msisdn, voice_in,
voice_out, data} or DELETE {imsi}. Messages of a user, and of those who take the number over, arrive in order.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

import polars as pl

from openboss.modules.customers.atomic.effective import effective_state
from openboss.modules.customers.life import ACTIVE, PREOPENED, TERMINATED
from openboss.modules.customers.models import Subscriber
from openboss.modules.customers.stop_reasons import STOP_REASONS
from openboss.modules.system.atomic import send_out
from openboss.modules.system.copying import copy_out
from openboss.modules.system.statements import ask

TOPIC = "network.hlr"
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
    found = ask(
        "SELECT c.imsi, n.number FROM customers_subscriber s"
        " JOIN customers_numberperiod n ON n.subscriber_id = s.subscriber_id AND n.period @> %s::timestamptz"
        " JOIN customers_simperiod c ON c.subscriber_id = s.subscriber_id AND c.period @> %s::timestamptz"
        " WHERE s.subscriber_id = %s::bigint AND s.service_type = %s::text AND s.life <> ALL(%s::text[])",
        [at, at, subscriber_id, MOBILE, [PREOPENED, TERMINATED]],
    )
    if not found:
        return None
    ((imsi, number),) = found
    state = effective_state(subscriber_id=subscriber_id, at=at)
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
    key = str(_first_of_line(subscriber_id))
    if gone_imsi is not None:
        send_out(topic=TOPIC, order_key=key, payload={"verb": "DELETE", "imsi": gone_imsi}, at=at)
    profile = wanted_profile(subscriber_id=subscriber_id, at=at)
    if profile is not None:
        send_out(topic=TOPIC, order_key=key, payload={"verb": "SET", **asdict(profile)}, at=at)


def _first_of_line(subscriber_id: int) -> int:
    """The first of those who had this number and card one after the other by transfer: its messages come first."""
    while True:
        before = Subscriber.objects.filter(pk=subscriber_id).values_list("predecessor_id", flat=True).first()
        if before is None:
            return subscriber_id
        subscriber_id = before


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
