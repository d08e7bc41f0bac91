"""What a flow may have done: the closed list of functions a service task can name.

Each is done in one transaction with the step of the flow, under the step's serial number, in the name of who began the
work and of whose authority agreed to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import monthly_gifts, payments, proposals
from openboss.modules.system.atomic import SerialNumberUsed, org_subtree
from openboss.modules.workflow.functions.work import Step
from openboss.processes import hall
from openboss.processes.pre_open_users import pre_open_batch

LINES_AT_ONCE = 25


@dataclass(frozen=True)
class Called:
    """What a call gave; a long function that is not whole yet is called again."""

    values: Mapping[str, Any] = field(default_factory=dict)
    is_whole: bool = True


@dataclass(frozen=True)
class Call:
    """A function by its name in diagrams; `gives` are values a condition after it may ask for."""

    name_zh: str
    name_en: str
    carry_out: Callable[[Step, datetime], Called]
    refusals: tuple[type[Exception], ...]
    gives: tuple[str, ...] = ()


def _names_of(step: Step) -> tuple[int, int | None]:
    """Who asked, and by whose authority it was agreed to."""
    return step.instance.started_by, step.instance.values.get("approved_by")


def adjust_account(step: Step, at: datetime) -> Called:
    """Give money back, move it, or waive a late fee: values kind, account_id, means, to_account_id, bill_id."""
    values, (staff_id, approved_by) = step.instance.values, _names_of(step)
    amount_fen = step.instance.amount_fen or 0
    common = {"serial_no": step.serial_no, "reason": values["reason"], "at": at}
    match values["kind"]:
        case proposals.REFUND:
            receivables.pay_out(
                account_id=values["account_id"], paid_fen=amount_fen, means=values["means"], staff_id=staff_id,
                approved_by=approved_by, **common,
            )  # fmt: skip
        case proposals.TRANSFER:
            receivables.transfer_balance(
                from_account_id=values["account_id"], to_account_id=values["to_account_id"], moved_fen=amount_fen,
                staff_id=staff_id, approved_by=approved_by, **common,
            )  # fmt: skip
        case _:  # a waiver is done within the limit of who approves it (ACM-09)
            assert approved_by is not None, "nobody agreed to it"
            receivables.waive_late_fee(bill_id=values["bill_id"], waived_fen=amount_fen, staff_id=approved_by, **common)
    return Called()


def grant_gift(step: Step, at: datetime) -> Called:
    """Give an account credit that is not refundable, at once or month by month: values account_id, gift_parts."""
    values, (staff_id, approved_by) = step.instance.values, _names_of(step)
    common = {
        "account_id": values["account_id"], "serial_no": step.serial_no, "at": at, "staff_id": staff_id,
    }  # fmt: skip
    amount_fen, parts = step.instance.amount_fen or 0, values.get("gift_parts", 1)
    if parts == 1:
        receivables.grant_gift(gift_fen=amount_fen, **common)
    else:
        reason = values["reason"]
        monthly_gifts.promise(given_fen=amount_fen, parts=parts, reason=reason, approved_by=approved_by, **common)
    return Called()


def pre_open_lines(step: Step, at: datetime) -> Called:
    """Pre-open a list of numbers and cards, some at each call: values customer_id, account_id, lines, and the offer.

    Gives opened_count and refused_count; what was refused is kept by line, and stops no other.
    """
    values = step.instance.values
    begun = values.get("next_line", 0)
    lines = values["lines"][begun : begun + LINES_AT_ONCE]
    rows = [{**values["request"], "number": number, "iccid": iccid} for number, iccid in lines]
    place = partial(
        hall.place_and_confirm, channel="HALL", proofs=[], staff_id=step.instance.started_by,
        org_code=step.instance.org_code, within=frozenset(org_subtree(code=step.instance.org_code)),
    )  # fmt: skip
    opened, refused = pre_open_batch(
        rows, place_and_confirm=place, serial_no=step.serial_no, at=at, first_line=begun + 1
    )
    now = {
        "next_line": begun + len(lines),
        "opened_count": values.get("opened_count", 0) + len(opened),
        "refused_count": values.get("refused_count", 0) + len(refused),
        "refused_lines": [*values.get("refused_lines", []), *([one.line, one.refusal] for one in refused)],
    }
    return Called(now, is_whole=now["next_line"] >= len(values["lines"]))


_MONEY_REFUSALS = (
    receivables.NotEnoughMoney,
    receivables.SecondPersonNeeded,
    receivables.NotEntitled,
    receivables.BillNotOwed,
    receivables.WaiverTooHigh,
    payments.AmountWrong,
    monthly_gifts.PartsWrong,
    payments.MeansUnknown,
    SerialNumberUsed,
)
CALLS: dict[str, Call] = {
    "ADJUST_ACCOUNT": Call("退款、转账或减免记账", "Refund, move or waive", adjust_account, _MONEY_REFUSALS),
    "GRANT_GIFT": Call("赠送话费", "Give credit", grant_gift, _MONEY_REFUSALS),
    "PRE_OPEN_LINES": Call(
        "批量预开户",
        "Pre-open a list",
        pre_open_lines,
        hall.REFUSALS,
        gives=("opened_count", "refused_count"),
    ),
}
