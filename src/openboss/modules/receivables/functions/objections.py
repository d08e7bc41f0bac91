"""An objection to an item of a bill, and the double return of what was charged too much by our fault (D8.12).

Accepted for some months after the bill was issued, by default five (`money.objections`). While it is open it is the
complaint of D9.6: nobody is stopped for arrears. If it was our fault, twice the over-charge becomes cash of the account
that was billed, in one entry `OVERCHARGE <objection>`: what was charged too much is taken off the revenue of the item,
the rest is compensation. The bill itself stays as it was. An item is returned once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from openboss.modules.customers.functions import months_later
from openboss.modules.receivables.atomic import debts, objections
from openboss.modules.receivables.atomic.ledger import Line, hold_day, not_earned, post_entry
from openboss.modules.receivables.atomic.objections import (
    ObjectionDecided,
    ObjectionExists,
    ObjectionUnknown,
    ObjectionView,
    list_objections,
)
from openboss.modules.receivables.functions.authority import require, require_second
from openboss.modules.receivables.functions.bills import clear_from_advances
from openboss.modules.receivables.functions.payments import AmountWrong
from openboss.modules.receivables.functions.rules import Rules, act_of, rules_at

THIRD_PARTY = "G6_THIRD"  # items collected for others

__all__ = [
    "ItemUnknown",
    "MoreThanCharged",
    "ObjectionDecided",
    "ObjectionExists",
    "ObjectionTooLate",
    "ObjectionUnknown",
    "ObjectionView",
    "confirm",
    "list_objections",
    "object_to",
    "reject",
]


class ItemUnknown(LookupError):
    """There is no such item of a user on a released bill, or nothing was charged for it; late fees are waived."""


class MoreThanCharged(ValueError):
    """No more of an item can be too much than was charged for it."""


class ObjectionTooLate(Exception):
    """The months in which objections to this bill were accepted are over; the message names the last day."""


@dataclass(frozen=True)
class _Return:
    """How much of an over-charge is given back: what was charged, and compensation beside it."""

    charged_fen: int
    compensation_fen: int

    @property
    def whole_fen(self) -> int:
        return self.charged_fen + self.compensation_fen


def object_to(
    *,
    bill_id: int,
    subscriber_id: int,
    item_id: int,
    objected_fen: int,
    reason: str,
    serial_no: str,
    at: datetime,
    staff_id: int,
) -> ObjectionView:
    """Take an objection to an item of a released bill; the same again is the same objection.

    objected_fen  what the customer says was charged too much: at most what was due for the item
    Raises NotEntitled, ItemUnknown, ObjectionTooLate, AmountWrong, MoreThanCharged, ObjectionExists,
    SerialNumberUsed. Source: D8.12.
    """
    require(staff_id=staff_id, right="receivables.collect")
    item = objections.billed_item(bill_id=bill_id, subscriber_id=subscriber_id, item_id=item_id)
    if item is None or item.due_fen <= 0 or not subscriber_id:
        raise ItemUnknown(f"{bill_id} {subscriber_id} {item_id}")
    rules = rules_at(at)
    last_on = _last_day(item.issued_on, rules)
    if rules.on > last_on:
        raise ObjectionTooLate(last_on.isoformat())
    _refuse_beyond(objected_fen, item.due_fen)
    return objections.put_objection(
        serial_no=serial_no, account_id=item.account_id, bill_id=bill_id, subscriber_id=subscriber_id, item_id=item_id,
        objected_fen=objected_fen, reason=reason, at=at, staff_id=staff_id,
    )  # fmt: skip


def _refuse_beyond(fen: int, due_fen: int) -> None:
    if fen <= 0:
        raise AmountWrong(fen)
    if fen > due_fen:
        raise MoreThanCharged(fen)


def _last_day(issued_on: date, rules: Rules) -> date:
    return months_later(issued_on, _rule(rules)["months"])


def _rule(rules: Rules) -> Mapping[str, int]:
    found: Mapping[str, int] = rules.value("objections")
    return found


@transaction.atomic
def confirm(
    *, objection_id: int, over_fen: int, answer: str, at: datetime, staff_id: int, approved_by: int | None = None
) -> ObjectionView:
    """Confirm that an item was charged too much by our fault, and give it back double, in one transaction.

    over_fen  what was charged too much: perhaps more or less than the customer said, at most what was due
    Above the limit of refunds a second person approves what is given back, and always where one has taken the
    objection oneself.
    Raises NotEntitled, ObjectionUnknown, ObjectionDecided, AmountWrong, MoreThanCharged, SecondPersonNeeded.
    Source: D8.12, D8.10.
    """
    require(staff_id=staff_id, right="receivables.adjust")
    known = objections.lock_objection(objection_id=objection_id)
    item = objections.billed_item(bill_id=known.bill_id, subscriber_id=known.subscriber_id, item_id=known.item_id)
    assert item is not None, "an item of a released bill stays"
    _refuse_beyond(over_fen, item.due_fen)
    rules = rules_at(at)
    returned = _Return(over_fen, over_fen * (_rule(rules)["returned_times"] - 1))
    if staff_id == known.opened_by or returned.whole_fen > rules.value("refund_alone_up_to_fen"):
        require_second(staff_id=staff_id, approved_by=approved_by)
    _give_back(known, returned, rules, at, staff_id)
    return objections.settle_objection(
        objection_id=objection_id, state="CONFIRMED", answer=answer, at=at, staff_id=staff_id, approved_by=approved_by,
        over_fen=over_fen, returned_fen=returned.whole_fen,
    )  # fmt: skip


def _give_back(known: ObjectionView, returned: _Return, rules: Rules, at: datetime, staff_id: int) -> None:
    """Cash of the account that was billed, which pays what is open."""
    account_id = known.account_id
    act = act_of(rules, at=at, staff_id=staff_id, channel="HALL")
    hold_day(act.business_on)
    debts.lock_accounts([account_id])
    cash = debts.add_to_bucket(
        account_ids=[account_id], kind="CASH", amounts_fen=[returned.whole_fen], on=act.business_on
    )
    lines = [
        Line(chart_no, fen, account_id, known.subscriber_id, known.item_id, known.bill_id)
        for chart_no, fen in _taken_from(known, returned, rules).items()
    ]
    prepaid = rules.chart.no_of("PREPAYMENT")
    lines.append(Line(prepaid, -returned.whole_fen, account_id, bucket_id=cash[account_id]))
    post_entry(
        serial_no=f"OVERCHARGE {known.objection_id}", cause="OVERCHARGE", act=act, note=known.reason,
        lines=[line for line in lines if line.amount_fen],
    )  # fmt: skip
    clear_from_advances([account_id], rules=rules, act=act)


def _taken_from(known: ObjectionView, returned: _Return, rules: Rules) -> dict[int, int]:
    """Where what is given back comes from, by number of the chart.

    What was charged comes off what is not earned of it yet, then off the revenue of the item. What we collected for
    others is owed to them all the same: there all of it is compensation.
    """
    kind = next(one for one in rules.item_types if one.item_id == known.item_id)
    compensation = rules.chart.no_of("COMPENSATION")
    if kind.group_code == THIRD_PARTY:
        return {compensation: returned.whole_fen}
    deferred = rules.chart.no_of("DEFERRED")
    unearned_fen = not_earned(
        chart_no=deferred, account_id=known.account_id, bill_id=known.bill_id, subscriber_id=known.subscriber_id,
        item_id=known.item_id,
    )  # fmt: skip
    deferred_fen = min(returned.charged_fen, unearned_fen)
    return {
        deferred: deferred_fen,
        rules.chart.of_group(kind.group_code): returned.charged_fen - deferred_fen,
        compensation: returned.compensation_fen,
    }


@transaction.atomic
def reject(*, objection_id: int, answer: str, at: datetime, staff_id: int) -> ObjectionView:
    """Reject an objection with the reason that the customer is told; it may be raised again.

    Raises NotEntitled, ObjectionUnknown, ObjectionDecided.
    """
    require(staff_id=staff_id, right="receivables.adjust")
    objections.lock_objection(objection_id=objection_id)
    return objections.settle_objection(
        objection_id=objection_id, state="REJECTED", answer=answer, at=at, staff_id=staff_id
    )
