"""What business hears of users who use much, as they are charged. Source: CHG-32, D9.9."""

from datetime import datetime

from openboss.modules.charging.engine.owner import Owner
from openboss.modules.system.atomic import send_out

TOPIC = "charging.use"
USERS_A_MESSAGE = 500


def tell_of_heavy_use(owner: Owner, *, at: datetime) -> int:
    """Leave word of the users who went past a line of heavy use since the last look; return how many."""
    users = owner.heavy.look(owner.state)
    if users:
        owner.settle()  # nobody hears of what might not be so after a crash
    for first in range(0, len(users), USERS_A_MESSAGE):
        send_out(topic=TOPIC, payload={"subscriber_ids": users[first : first + USERS_A_MESSAGE]}, at=at)
    return len(users)
