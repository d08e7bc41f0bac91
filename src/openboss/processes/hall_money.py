"""Money of an order goes back: every paid line is undone in the way it was booked, the last one first (D13.3)."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from openboss.modules.orders.functions import ON_BILL, OrderView, fee_paid
from openboss.modules.receivables.functions.reversal import reverse_fee
from openboss.processes import take_payment
from openboss.processes.offer_fees import put_on_bill


def give_back(
    order: OrderView, *, reason: str, at: datetime, staff_id: int | None, approved_by: int | None = None
) -> int:
    """Give back what was paid for an order, in the caller's transaction; return the fen.

    staff_id  None = a job, after an order failed: fees and deposits go back, advances stay in the account
    On a later day than the payment a second person approves (D8.3). What stands on a bill is credited on the bill of
    its month, or of this one if that is over. Raises the refusals of receivables.
    """
    returned_fen = 0
    for line in reversed(order.fees):
        if line.booking == ON_BILL and line.serial_no is not None:
            assert order.subscriber_id is not None, "a line on a bill is a user's"
            put_on_bill(
                [replace(line, fee_fen=-line.fee_fen)],
                key=f"{order.serial_no}.BACK",
                subscriber_id=order.subscriber_id,
                due_at=max(order.effective_at or at, at),
                at=at,
                staff=str(staff_id or ""),
            )
            continue
        if line.payment_id is None or line.serial_no is None:
            continue
        about: dict[str, Any] = {"reason": reason, "at": at, "approved_by": approved_by}
        if line.booking == "ADVANCE":
            if staff_id is None:
                continue  # it is the customer's money in the customer's account: no job takes it out
            back = f"{line.serial_no}.BACK"
            take_payment.reverse(payment_id=line.payment_id, serial_no=back, staff_id=staff_id, **about)
        else:
            reverse_fee(serial_no=line.serial_no, staff_id=staff_id, **about)
        returned_fen += line.fee_fen
    return returned_fen


def bill_lines(
    order: OrderView, *, subscriber_id: int | None, due_at: datetime, at: datetime, staff_id: int | None
) -> None:
    """Put the lines of an order that are not collected now onto the bill of the month in which it counts."""
    lines = [one for one in order.fees if one.booking == ON_BILL and not one.is_paid]
    if not lines or subscriber_id is None:
        return
    about = {"key": order.serial_no, "staff": str(staff_id or "")}
    put_on_bill(lines, subscriber_id=subscriber_id, due_at=due_at, at=at, **about)
    for line in lines:
        serial_no = f"{order.serial_no}.{line.code}"
        fee_paid(order_id=order.order_id, code=line.code, serial_no=serial_no, payment_id=None)
