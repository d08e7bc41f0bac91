"""The ways of bills as the console and processes see them: wishes with masked addresses, deliveries, rates (ACP-17)."""

from openboss.modules.billing.atomic.deliveries import (
    AT_ONCE,
    HANDSETS,
    TRIES_MAX,
    AddressWrong,
    Delivery,
    DeliveryRate,
    Wish,
    WishUnknown,
    begin_delivery,
    delivered,
    delivery_rates,
    end_wish,
    failed,
    newest_delivered,
    put_wish,
    waiting,
    wishes,
)
from openboss.modules.customers import functions as customers

__all__ = [
    "AT_ONCE",
    "TRIES_MAX",
    "AddressWrong",
    "Delivery",
    "DeliveryRate",
    "WishUnknown",
    "begin_delivery",
    "delivered",
    "delivery_rates",
    "end_wish",
    "failed",
    "mask_address",
    "masked_wishes",
    "newest_delivered",
    "put_wish",
    "waiting",
]

_SHOWN = 6  # characters of a postal address: province and city


def masked_wishes(*, account_id: int) -> list[Wish]:
    """How an account wants its bills, with addresses nobody could write to (D23.2)."""
    return [Wish(one.means, mask_address(one.means, one.address)) for one in wishes(account_id=account_id)]


def mask_address(means: str, address: str) -> str:
    """Show of a number what is shown everywhere, of an e-mail its first letter and domain, of a house its city."""
    if not address:
        return ""
    if means in HANDSETS:
        return customers.mask_number(int(address))
    if means == "EMAIL":
        return f"{address[0]}***@{address.rpartition('@')[2]}"
    return f"{address[:_SHOWN]}***"
