"""What a user has right now as people read it: the balance, services in use, what they used, cost and may still use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from openboss.access.console import formats
from openboss.access.jobs import clock
from openboss.modules.charging.functions.live import LiveUsage, live_usage
from openboss.modules.customers.functions import SubscriberUnknown
from openboss.modules.receivables.functions import monthly_gifts
from openboss.processes import tell_balance


def used_text(seconds: int, octets: int, units: int) -> str:
    """How much was used, in what it was used in."""
    if octets:
        return formats.amount_of_unit(octets // 1024, "KB")
    if seconds:
        return formats.duration(seconds)
    return formats.count(units)


def quota_text(measure: str, granted: int) -> str:
    """A quota in what it is counted in."""
    if measure == "SECONDS":
        return formats.duration(granted)
    if measure == "OCTETS":
        return formats.amount_of_unit(granted // 1024, "KB")
    return formats.count(granted) if measure == "UNITS" else ""


def services_shown(live: LiveUsage | None) -> list[dict[str, Any]]:
    """A user's services in use for a table: what each has used, cost and may still use."""
    return [
        {
            "service": one,
            "used": used_text(one.used_s, one.used_octets, one.used_units),
            "granted": quota_text(one.measure, one.granted),
            "began_at": datetime.fromtimestamp(one.began_at_s, UTC),
        }
        for one in (live.services if live else [])
    ]


def right_now(subscriber_id: int) -> dict[str, Any]:
    """What the card of a user's balance shows; without a balance once nobody pays for the user any more.

    `standing` changes with whatever is charged, so that what lies beside the card knows when to look again.
    """
    try:
        balance = tell_balance.of_user(subscriber_id, at=clock.now())
        live = balance.live
    except SubscriberUnknown:
        balance, live = None, live_usage(subscriber_id)
    account_id = balance.account.account_id if balance else 0
    charged = f"{sum(one.calls for one in live.items)}-{live.unbilled_li}-{len(live.services)}" if live else ""
    return {
        "subscriber_id": subscriber_id,
        "balance": balance,
        "live": live,
        "services": services_shown(live),
        "standing": charged,
        "coming": monthly_gifts.coming_of_account(account_id=account_id),
    }
