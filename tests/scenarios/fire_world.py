"""The world a fire begins from: who has a wallet, what waits to be played in, and the engine that will be killed."""

from __future__ import annotations

from pathlib import Path

from tests.scenarios.other_networks import SECRET
from tests.scenarios.worlds import World

USERS, SHARERS, POOR = 16, 8, 8  # who share nothing; two to a wallet; whose money runs out
BESIDE = 3  # users of a session function, and as many of an access server
BALANCE_LI, POOR_LI, TOP_UP_LI = 100_000_000, 10_000, 2_000

PREPARE = f"""
import sys
from contextlib import suppress
from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation
from openboss.config.options import options
users = [int(user) for user in sys.argv[1:]]
alone, sharing = users[:{USERS}] + users[{USERS + SHARERS + POOR}:], users[{USERS}:{USERS + SHARERS}]
poor = users[{USERS + SHARERS}:{USERS + SHARERS + POOR}]
with open_installation():
    from django.db import connection
    from openboss.access.network import collector
    from openboss.modules.charging.functions.engine import ask_engine
    from openboss.modules.charging.functions.peers import PeerWish, put_peer
    from openboss.modules.customers.functions import StopsForbid
    from openboss.processes.change_products import change_plan
    place = collector.Place(options().data_dir, options().lake_dir, options().timezone)
    collector.collect_once(place=place, now=clock.now)
    def keep(table, state):
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE fire_{{table}} AS SELECT * FROM charging_{{table}} WHERE state = '{{state}}'")
            cursor.execute(f"DELETE FROM charging_{{table}} WHERE state = '{{state}}'")
    keep("usagechunk", "READY")
    wallets = [dict(account_id=user, balance_li={BALANCE_LI}, subscriber_ids=[user]) for user in alone]
    wallets += [dict(account_id=pair[0], balance_li={BALANCE_LI}, subscriber_ids=pair)
                for pair in zip(sharing[::2], sharing[1::2])]
    wallets += [dict(account_id=user, balance_li={POOR_LI}, subscriber_ids=[user]) for user in poor]
    ask_engine("WALLETS", dict(wallets=wallets))
    for user, offer_id in zip(sharing + poor, (101, 102, 103, 104) * 4):
        with suppress(StopsForbid):
            change_plan(subscriber_id=user, offer_id=offer_id, at=clock.now(), from_at=clock.now(), staff_id=None)
    keep("enginecommand", "WAITING")
    wish = PeerWish(interface="RADIUS", name="ac.fire", addresses=("127.0.0.1",), service="WLAN", secret="{SECRET}")
    put_peer(peer_id=None, wish=wish, staff_id=None, at=clock.now())
"""

ENGINE = """
import mmap, struct, sys
from openboss.access.jobs import charge_command
from openboss.access.network.diameter import node
from openboss.modules.charging.engine.commits import Commits
own = charge_command._own
with open(sys.argv[1], "r+b") as file:
    told = mmap.mmap(file.fileno(), 24)

def telling(work):
    def told_of(self, *given):
        try:
            return work(self, *given)
        finally:
            struct.pack_into("<q", told, 0, len(self._decided) + len(self._on_their_way))
    return told_of

for name in ("add", "send", "look", "settle"):
    setattr(Commits, name, telling(getattr(Commits, name)))
starts = struct.unpack_from("<q", told, 8)[0] + 1
struct.pack_into("<qq", told, 0, 0, starts)
if starts % 4:  # every fourth one waits until there is as much as by itself
    node.AHEAD_BYTES = 1

def often_saving(stopping):
    from openboss.access.jobs import charge_loop
    from openboss.modules.charging.engine import lake
    charge_loop.POSITIONS_A_SNAPSHOT, charge_loop.SNAPSHOT_AFTER_IDLE_S = {saving}, 0.6
    charge_loop.FLUSH_S, lake.FILES_WHILE_SERVING = 1.0, 3
{planted}
    own(stopping)

charge_command._own = often_saving
from openboss.access.jobs.cli import main
sys.argv = ["openboss", "charge"]
main()
"""

_FREE_USERS = """
SELECT n.number, n.subscriber_id FROM customers_numberperiod n JOIN customers_subscriber s USING (subscriber_id)
WHERE upper(n.period) IS NULL AND NOT EXISTS (
    SELECT FROM customers_groupmember m WHERE m.subscriber_id = n.subscriber_id)
ORDER BY n.number
"""


def networked(opened: World, files: list[Path]) -> World:
    """Copy a world, give some users wallets, and lay usage and changes of plans by that a fire plays in."""
    world = opened.copy("networked")
    world.deliver(files)
    assert world.run(*(str(user) for _, user in chosen_users(world)), program=PREPARE) == 0, world.heard()
    return world


def chosen_users(world: World) -> list[tuple[int, int]]:
    wanted = USERS + SHARERS + POOR + 2 * BESIDE
    found = world.ask(_FREE_USERS)[:wanted]
    assert len(found) == wanted
    return [(int(number), int(user)) for number, user in found]
