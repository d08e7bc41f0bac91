"""What business tells the engine of money and users' state; answers come within a second. See engine/online/orders.

Source: D0.4, D2.2, D8.1, D9; CHG-11, CHG-12.
"""

from typing import Any

from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.functions.engine import ask_engine

__all__ = [
    "announce_top_up",
    "bar_user",
    "confirm_hold",
    "give_free",
    "hold_money",
    "open_wallets",
    "release_hold",
    "top_up",
]


def open_wallets(wallets: list[dict[str, Any]]) -> dict[str, Any]:
    """Open wallets or change them: [{account_id, balance_li (of a new one), limit_li, subscriber_ids}].

    Raises EngineRefused, EngineSilent.
    """
    return ask_engine("WALLETS", {"wallets": wallets})


def announce_top_up(*, account_id: int, amount_li: int, serial_no: str) -> int:
    """Leave money for a wallet in the caller's transaction; the engine adds it within a second. Returns the command."""
    payload = {"account_id": account_id, "amount_li": amount_li}
    return journal.send_command(kind="TOP_UP", payload=payload, serial_no=serial_no)


def top_up(*, account_id: int, amount_li: int, serial_no: str) -> dict[str, Any]:
    """Add money to a wallet and return its balance_li. Raises EngineRefused, EngineSilent."""
    return ask_engine("TOP_UP", {"account_id": account_id, "amount_li": amount_li}, serial_no=serial_no)


def hold_money(*, account_id: int, amount_li: int, hold: str) -> dict[str, Any]:
    """Set money aside under a name. Raises EngineRefused if there is not enough, EngineSilent."""
    return ask_engine("HOLD", {"account_id": account_id, "amount_li": amount_li, "hold": hold}, serial_no=hold)


def confirm_hold(*, account_id: int, hold: str) -> dict[str, Any]:
    """Take the money that was set aside. Raises EngineRefused if there is no such hold, EngineSilent."""
    return ask_engine("CONFIRM", {"account_id": account_id, "hold": hold})


def release_hold(*, account_id: int, hold: str) -> dict[str, Any]:
    """Give back the money that was set aside. Raises EngineRefused if there is no such hold, EngineSilent."""
    return ask_engine("RELEASE", {"account_id": account_id, "hold": hold})


def give_free(
    *, subscriber_id: int, to_id: int, rule_id: int, units: int, at_local_s: int, serial_no: str
) -> dict[str, Any]:
    """Move units of a free resource to another user, with the time they have; answers units and what is left.

    Raises EngineRefused if there is not so much to give, EngineSilent.
    """
    about = {"subscriber_id": subscriber_id, "to_id": to_id, "rule_id": rule_id}
    return ask_engine("GIVE", {**about, "units": units, "at_local_s": at_local_s}, serial_no=serial_no)


def bar_user(*, subscriber_id: int, barred: int) -> int:
    """Leave word that a user is barred (0 not, 1 outgoing, 2 everything) in the caller's transaction."""
    return journal.send_command(kind="STATE", payload={"subscriber_id": subscriber_id, "barred": barred})
