"""What business tells the engine of money and users' state; answers come within a second. See engine/online/orders.

Source: D0.4, D2.2, D8.1, D9; CHG-11, CHG-12.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from django.conf import settings

from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.functions.engine import ask_engine

__all__ = [
    "Published",
    "announce_release",
    "announce_wallets",
    "bar_users",
    "forget_balances",
    "give_free",
    "hold_money",
    "publish_balances",
    "read_published",
    "release_forgotten_holds",
]


@dataclass(frozen=True)
class Published:
    """Balances and use of everybody at one position of the journal: files of the lake."""

    position: int
    paths: dict[str, str]
    sha256: dict[str, str]


def announce_wallets(wallets: list[dict[str, Any]]) -> int:
    """Leave word of new or changed wallets in the caller's transaction; return the command.

    wallets  [{account_id, balance_li (of a new one), limit_li, subscriber_ids, from_cycle, anew}]; from_cycle: who drew
             on another wallet brings what was used from that month on (D1.3); anew: the account's wallet begins
             again as a new one, and who drew on it before draws on none
    Its answer says what users who drew on none had used before: `used_li` [account, cycle, li].
    """
    return journal.send_command(kind="WALLETS", payload={"wallets": wallets})


def announce_release(*, account_id: int, hold: str) -> int:
    """Leave word in the caller's transaction that what was set aside is free again."""
    return journal.send_command(kind="RELEASE", payload={"account_id": account_id, "hold": hold})


def publish_balances() -> Published:
    """Let the engine write down all wallets and all use at one position. Raises EngineRefused, EngineSilent."""
    answer = ask_engine("BALANCES", {})
    return Published(answer["position"], answer["paths"], answer["sha256"])


def read_published(published: Published) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read what was published: wallets (account_id, balance_li, limit_li, reserved_li, held_li) and used
    (subscriber_id, account_id, cycle, used_li), see engine.online.former.with_payers."""
    lake = Lake(Path(settings.LAKE_DIR))
    wallets, used = (lake.read_chunk(published.paths[name], published.sha256[name]) for name in ("wallets", "used"))
    return wallets, used


def forget_balances(published: Published) -> None:
    """Delete the files of a publication that nobody needs any more."""
    for path in published.paths.values():
        (Path(settings.LAKE_DIR) / path).unlink(missing_ok=True)


def hold_money(*, account_id: int, amount_li: int, hold: str) -> dict[str, Any]:
    """Set money aside under a name. Raises EngineRefused if there is not enough, EngineSilent."""
    return ask_engine("HOLD", {"account_id": account_id, "amount_li": amount_li, "hold": hold}, serial_no=hold)


def release_forgotten_holds(*, up_to_position: int) -> int:
    """Give back money that was set aside up to a position of the journal and neither taken nor given back since.

    Whoever was killed between the hold and its end leaves one. Returns how many.
    """
    forgotten = journal.forgotten_holds(up_to_position=up_to_position)
    for account_id, hold in forgotten:
        announce_release(account_id=account_id, hold=hold)
    return len(forgotten)


def give_free(
    *, subscriber_id: int, to_id: int, rule_id: int, units: int, at_local_s: int, serial_no: str
) -> dict[str, Any]:
    """Move units of a free resource to another user, with the time they have; answers units and what is left.

    Raises EngineRefused if there is not so much to give, EngineSilent.
    """
    about = {"subscriber_id": subscriber_id, "to_id": to_id, "rule_id": rule_id}
    return ask_engine("GIVE", {**about, "units": units, "at_local_s": at_local_s}, serial_no=serial_no)


def bar_users(barred: Mapping[int, int]) -> None:
    """Leave word how far users are barred (0 not, 1 outgoing, 2 everything) in the caller's transaction."""
    payloads = [{"subscriber_id": user, "barred": level} for user, level in barred.items()]
    journal.send_commands(kind="STATE", payloads=payloads)
