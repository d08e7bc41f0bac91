"""A customer turns points into phone money, through any channel (BMC-05, D11.4, PWD-05)."""

from collections.abc import Collection
from datetime import datetime

from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.receivables.functions import points as ledger


def redeem(
    *,
    subscriber_id: int,
    points: int,
    proofs: Collection[Proof],
    serial_no: str,
    at: datetime,
    staff_id: int | None,
) -> int:
    """Turn points into money of the account that pays the user's rest; return it in fen.

    Raises NotEntitled, PointsWrong, PointsShort, ArrearsFirst, SerialNumberUsed.
    """
    customers.refuse_unproved("REDEEM_POINTS", proofs)
    account_id = customers.paying_account(subscriber_id=subscriber_id, cycle=customers.cycle_of(at))
    return ledger.redeem(
        subscriber_id=subscriber_id,
        account_id=account_id,
        points=points,
        serial_no=serial_no,
        at=at,
        staff_id=staff_id,
    )
