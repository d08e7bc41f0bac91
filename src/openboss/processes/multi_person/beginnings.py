"""How work begins: what each shipped flow asks for, checked before anybody is troubled with it.

A flow an administrator drew anew begins with what every flow has: what it is about, an amount, and why.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions import monthly_gifts, proposals
from openboss.modules.receivables.functions.authority import require
from openboss.modules.receivables.functions.payments import AmountWrong
from openboss.modules.system.atomic import staff_by_id
from openboss.modules.workflow.functions import work
from openboss.processes.order_flow import offer_with

EXCEPTION, RETENTION, BATCH = "COUNTER_EXCEPTION", "KEY_RETENTION", "BATCH_PRE_OPENING"
MOST_LINES = 2_000


class BeginningRefused(ValueError):
    """The work cannot begin like this; the message names what is missing or wrong."""


def begin_exception(
    *, kind: str, account_id: int, amount_fen: int, means: str = "", to_account_id: int | None = None,
    bill_id: int | None = None, reason: str, serial_no: str, at: datetime, staff_id: int,
) -> int:  # fmt: skip
    """Ask for a refund, transfer or waiver beyond one's limit; nothing moves until everybody agreed.

    Raises NotEntitled, AmountWrong, CustomerUnknown, BeginningRefused, InstanceExists.
    """
    require(staff_id=staff_id, right="receivables.adjust")
    if amount_fen <= 0:
        raise AmountWrong(amount_fen)
    customers.customer_of_account(account_id=account_id)
    if to_account_id is not None:
        customers.customer_of_account(account_id=to_account_id)
    lacks = {
        "kind": kind not in proposals.ADJUSTMENTS,
        "means": kind == proposals.REFUND and not means,
        "to_account_id": kind == proposals.TRANSFER and to_account_id in (None, account_id),
        "bill_id": kind == proposals.WAIVER and bill_id is None,
    }
    _refuse_lacking(lacks, reason)
    values = {
        "kind": kind, "account_id": account_id, "means": means, "to_account_id": to_account_id, "bill_id": bill_id,
    }  # fmt: skip
    return _begin(EXCEPTION, f"account:{account_id}", values, amount_fen, reason, serial_no, at, staff_id)


def begin_retention(
    *, subscriber_id: int, gift_fen: int, reason: str, serial_no: str, at: datetime, staff_id: int, gift_parts: int = 1
) -> int:
    """Let the account manager talk to a user who wants to leave, with credit to offer (0: none), before HAL-06.

    gift_parts  in so many months the credit is released (D8.1); 1: at once
    Raises CustomerUnknown, AmountWrong, BeginningRefused, InstanceExists.
    """
    if gift_fen < 0:
        raise AmountWrong(gift_fen)
    line = customers.line_of(subscriber_id=subscriber_id, at=at)
    parts_are_wrong = gift_parts != 1 and not 2 <= gift_parts <= min(monthly_gifts.MOST_PARTS, gift_fen)
    _refuse_lacking({"user": line.life != "ACTIVE", "parts": parts_are_wrong}, reason)
    account_id = customers.paying_account(subscriber_id=subscriber_id, cycle=customers.cycle_of(at))
    values = {"subscriber_id": subscriber_id, "account_id": account_id, "customer_id": line.customer_id}
    values["gift_parts"] = gift_parts
    return _begin(RETENTION, f"user:{subscriber_id}", values, gift_fen, reason, serial_no, at, staff_id)


def begin_batch(
    *, account_id: int, main_offer_id: int, home_area: int, lines: Sequence[tuple[int, str]], org_code: str,
    reason: str, serial_no: str, at: datetime, staff_id: int,
) -> int:  # fmt: skip
    """Ask for the pre-opening of numbers with cards for a unit, out of the stock of a hall.

    lines  number and ICCID of each; at most 2,000, none twice
    Raises CustomerUnknown, OfferRefused, BeginningRefused, InstanceExists.
    """
    customer_id = customers.customer_of_account(account_id=account_id)
    offer = offer_with(main_offer_id)
    numbers, cards = {number for number, _ in lines}, {iccid for _, iccid in lines}
    whole = 0 < len(lines) <= MOST_LINES and len(numbers) == len(cards) == len(lines)
    _refuse_lacking(
        {
            "lines": not whole,
            "unit": customers.person_of(customer_id=customer_id).kind != "UNIT",
            "org_code": not org_code,
        },
        reason,
    )
    request = {
        "customer_id": customer_id, "account_id": account_id, "main_offer_id": main_offer_id, "brand": offer.brand,
        "home_area": home_area, "pay_type": "PREPAID",
    }  # fmt: skip
    values = {"request": request, "customer_id": customer_id, "lines": [list(line) for line in lines]}
    return _begin(BATCH, f"account:{account_id}", values, None, reason, serial_no, at, staff_id, org_code)


def begin_other(
    *, flow: str, about: str, amount_fen: int | None, reason: str, serial_no: str, at: datetime, staff_id: int
) -> int:
    """Begin work under a flow that an administrator drew.

    Raises BeginningRefused, DefinitionUnknown, InstanceExists.
    """
    _refuse_lacking({"about": not about.strip(), "flow": flow in (EXCEPTION, RETENTION, BATCH)}, reason)
    return _begin(flow, about.strip()[:64], {}, amount_fen, reason, serial_no, at, staff_id)


def _refuse_lacking(lacks: dict[str, bool], reason: str) -> None:
    missing = [name for name, is_missing in {**lacks, "reason": not reason.strip()}.items() if is_missing]
    if missing:
        raise BeginningRefused(", ".join(missing))


def _begin(
    flow: str, key: str, values: dict[str, Any], amount_fen: int | None, reason: str, serial_no: str, at: datetime,
    staff_id: int, org_code: str = "",
) -> int:  # fmt: skip
    return work.begin(
        flow=flow, serial_no=serial_no, business_key=key, values=values, amount_fen=amount_fen,
        org_code=org_code or staff_by_id(staff_id=staff_id).org_code, reason=reason, at=at, staff_id=staff_id,
    )  # fmt: skip
