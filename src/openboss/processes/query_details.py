"""A customer reads the detail list (详单) of a month, in seven classes. Read from top to bottom.

    prove   who asks: the service password, or the document at the hall
    read    records of use from the detail store, fees from the lines the bill is made of

Nothing of the detail store is ever deleted, so every month since the first answers; five after the month of use are
what the agreement with customers promises (D23.1). Source: CHG-38, D14.2, D23.3.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from openboss.kernel.usage import RecordType
from openboss.modules.billing import functions as billing
from openboss.modules.charging.functions.detail import detail_list
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof


class DetailClass(StrEnum):
    """The seven classes of a detail list."""

    FIXED = "FIXED"  # monthly fees of plans and packs
    CALLS = "CALLS"
    MESSAGES = "MESSAGES"
    DATA = "DATA"
    INFORMATION = "INFORMATION"  # services of providers, priced by themselves
    COLLECTED = "COLLECTED"  # charges collected for others
    OTHER = "OTHER"  # one-time fees and adjustments


CLASS_OF_RECORD: dict[RecordType, DetailClass] = {
    **dict.fromkeys(
        (
            *(RecordType.MOC, RecordType.MTC, RecordType.CALL_FORWARD, RecordType.VIDEO_CALL),
            *(RecordType.IN_PRERATED, RecordType.TAP_IN, RecordType.GATEWAY),
        ),
        DetailClass.CALLS,
    ),
    **dict.fromkeys((RecordType.SMS_MO, RecordType.SMS_MT, RecordType.MMS), DetailClass.MESSAGES),
    **dict.fromkeys((RecordType.DATA, RecordType.WLAN, RecordType.BROADBAND), DetailClass.DATA),
    RecordType.SP_FEE: DetailClass.INFORMATION,
}
CLASS_OF_FEE: dict[str, DetailClass] = {
    "RECURRING": DetailClass.FIXED,
    "THIRD_PARTY": DetailClass.COLLECTED,
    "ONE_TIME": DetailClass.OTHER,
    "ADJUSTMENT": DetailClass.OTHER,
}


@dataclass(frozen=True)
class Details:
    """A page of one class: records of use (columns of the detail store), or fees (item_id, rule_id, std_li, act_li).

    Fees stand here once the bill of the month is calculated.
    """

    rows: list[dict[str, Any]]
    total: int
    act_li: int


def query_details(
    *,
    subscriber_id: int,
    cycle: int,
    detail_class: DetailClass,
    shown: Collection[Proof],
    page: int = 1,
    page_size: int = 50,
) -> Details:
    """Show a customer one class of a user's detail list of a month, the newest first.

    shown  what the asker has proved, as `customers.functions.check_password_of` gives it
    Raises NotEntitled.
    """
    customers.refuse_unproved("QUERY_DETAIL", shown)
    kinds = [int(kind) for kind, found in CLASS_OF_RECORD.items() if found is detail_class]
    if kinds:
        rows, total, sums = detail_list(subscriber_id, cycle, {"record_types": kinds}, page=page, page_size=page_size)
        return Details(rows, total, sums.get("act_li", 0))
    fees = [
        fee
        for fee in billing.fees_of(cycle=cycle, subscriber_id=subscriber_id)
        if CLASS_OF_FEE.get(fee.source) is detail_class
    ]
    first = (page - 1) * page_size
    return Details([vars(fee) for fee in fees[first : first + page_size]], len(fees), sum(fee.act_li for fee in fees))
