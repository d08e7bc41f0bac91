"""Paying for numbers of other provinces (异地代付), on both sides (D8.13).

The province of the payer keeps who pays (PAYS) and takes the money out of the payer's cash; the province of the number
keeps that it is paid for (PAID) and takes payments through the hub like any other (D8.8): they are money of the
paid-for customer, to whom alone anything is ever given back. Month T is asked for and paid in T+1.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from openboss.modules.receivables.atomic import debts, elsewhere, payments
from openboss.modules.receivables.atomic.days import open_day_from
from openboss.modules.receivables.atomic.elsewhere import (
    LIVE,
    PAID,
    PAYS,
    ElsewhereMonthView,
    ElsewhereView,
    RelationExists,
    RelationUnknown,
    change_month,
    lock_month,
    months,
    open_month,
    relations,
)
from openboss.modules.receivables.atomic.ledger import (
    Line,
    entry_view,
    hold_day,
    new_ids,
    post_entry,
    reverse_entry,
)
from openboss.modules.receivables.functions.authority import require, require_second
from openboss.modules.receivables.functions.counter import take_out
from openboss.modules.receivables.functions.remote import PURPOSE, OwnProvince
from openboss.modules.receivables.functions.rules import act_of, rules_at
from openboss.modules.system.atomic import SerialNumberUsed, record_audit

__all__ = [
    "ACCOUNT",
    "PAID",
    "PAYS",
    "ElsewhereMonthView",
    "ElsewhereView",
    "IsPaidFor",
    "IsPayer",
    "MonthDecided",
    "RelationExists",
    "RelationUnknown",
    "TooManyNumbers",
    "accept_payer",
    "change_month",
    "decide",
    "end",
    "heard",
    "live",
    "lock_month",
    "months",
    "open_month",
    "pay_for",
    "relations",
    "set_aside",
]
GONE = ("2001", "2013")  # codes of the hub: there is no such number there, or we do not pay for it
ACCOUNT = "ACCOUNT"  # the means: cash the payer's account has with us


class TooManyNumbers(Exception):
    """A customer pays for at most six numbers of other provinces."""


class IsPaidFor(Exception):
    """Somebody in another province pays for a number of this customer: who is paid for pays for nobody."""


class IsPayer(Exception):
    """The customer of this number pays for others in another province: who pays is not paid for."""


class MonthDecided(Exception):
    """Of this payment it is known whether the other province has it, or somebody has decided on it already."""


def live(**about: Any) -> list[ElsewhereView]:
    """Relations that are asked for or in force, by any of their fields."""
    return relations(state__in=LIVE, **about)


@transaction.atomic
def pay_for(
    *,
    province: str,
    number: int,
    subscriber_id: int,
    customer_id: int,
    account_id: int,
    cycle: int,
    trans_id: str,
    at: datetime,
    staff_id: int,
) -> ElsewhereView:
    """Write down that a user of ours will pay for a number of another province; the same again is the same.

    Raises OwnProvince, IsPaidFor, TooManyNumbers, RelationExists, SerialNumberUsed. Source: D8.13.
    """
    rules = rules_at(at)
    if province == rules.value("own_province"):
        raise OwnProvince(province)
    elsewhere.hold_customer(customer_id)
    known = relations(side=PAYS, trans_id=trans_id)
    if known:
        return _the_same(known[0], province=province, number=number, subscriber_id=subscriber_id)
    if live(side=PAID, customer_id=customer_id):
        raise IsPaidFor(customer_id)
    if len(live(side=PAYS, customer_id=customer_id)) >= rules.value("elsewhere_numbers"):
        raise TooManyNumbers(customer_id)
    return elsewhere.put_relation(
        side=PAYS, province=province, number=number, subscriber_id=subscriber_id, customer_id=customer_id,
        account_id=account_id, from_cycle=cycle, state="ASKED", trans_id=trans_id, at=at, staff_id=staff_id,
    )  # fmt: skip


@transaction.atomic
def accept_payer(
    *,
    province: str,
    payer: int,
    subscriber_id: int,
    customer_id: int,
    account_id: int,
    cycle: int,
    trans_id: str,
    at: datetime,
) -> ElsewhereView:
    """Write down that a user of ours is paid for by a number of another province; the same again is the same.

    Raises IsPayer, RelationExists, SerialNumberUsed.
    """
    elsewhere.hold_customer(customer_id)
    known = relations(side=PAID, province=province, trans_id=trans_id)
    if known:
        return _the_same(known[0], number=payer, subscriber_id=subscriber_id)
    if live(side=PAYS, customer_id=customer_id):
        raise IsPayer(customer_id)
    return elsewhere.put_relation(
        side=PAID, province=province, number=payer, subscriber_id=subscriber_id, customer_id=customer_id,
        account_id=account_id, from_cycle=cycle, state="ACTIVE", trans_id=trans_id, at=at, staff_id=None,
    )  # fmt: skip


def _the_same(known: ElsewhereView, **wanted: Any) -> ElsewhereView:
    """What was written down before under the same number of a message. Raises SerialNumberUsed: about somebody else."""
    if any(getattr(known, name) != value for name, value in wanted.items()):
        raise SerialNumberUsed(known.trans_id)
    return known


def end(*, relation_id: int, cycle: int, at: datetime, staff_id: int | None) -> ElsewhereView:
    """End it: months before this one are still paid, nothing later. Raises RelationUnknown."""
    if not live(relation_id=relation_id):
        raise RelationUnknown(relation_id)
    return elsewhere.change_relation(relation_id=relation_id, state="ENDED", to_cycle=cycle, at=at, staff_id=staff_id)


@transaction.atomic
def set_aside(*, relation: ElsewhereView, cycle: int, trans_id: str, at: datetime) -> None:
    """Take what a month costs out of the payer's cash, in the caller's transaction that asks the other province.

    Nothing but cash pays for others (D8.1). Raises NotEnoughMoney.
    """
    month = lock_month(relation_id=relation.relation_id, cycle=cycle)
    rules = rules_at(at)
    act = act_of(rules, at=at, staff_id=None, channel="SYSTEM")
    hold_day(act.business_on)
    debts.lock_accounts([relation.account_id])
    bucket_id = take_out(relation.account_id, month.due_fen, act)
    no_of, about = rules.chart.no_of, relation.account_id
    lines = [
        Line(no_of("PREPAYMENT"), month.due_fen, about, bucket_id=bucket_id),
        Line(no_of("REMOTE_OWED"), -month.due_fen),
    ]
    entry_id = post_entry(serial_no=f"PAY_ELSEWHERE {trans_id}", cause="PAY_ELSEWHERE", lines=lines, act=act)
    change_month(
        relation_id=relation.relation_id, cycle=cycle, state="PAYING", entry_id=entry_id, trans_id=trans_id,
        tries=month.tries + 1, tried_at=at,
    )  # fmt: skip


@transaction.atomic
def heard(*, trans_id: str, outcome: str, code: str, words: str, answer: Mapping[str, Any], at: datetime) -> None:
    """Take what the other province said to a message that was about paying for a number; of others nothing.

    outcome  DONE, REFUSED, REVERSED, or MANUAL (nobody knows)
    """
    for one in relations(side=PAYS, trans_id=trans_id, state="ASKED"):
        said = {"state": "ACTIVE"} if outcome == "DONE" else {"state": "REFUSED", "code": code, "words": words}
        elsewhere.change_relation(relation_id=one.relation_id, at=at, staff_id=None, **said)
    month = elsewhere.month_of_message(trans_id=trans_id)
    if month is None:
        return
    if month.state == "ASKED":
        if code in GONE:
            _drop(month, code, words, at)
        else:
            _heard_of_bill(month, outcome, answer)
    elif month.state == "PAYING":
        _heard_of_payment(month, outcome, at)


@transaction.atomic
def decide(
    *, relation_id: int, cycle: int, is_paid: bool, at: datetime, staff_id: int, approved_by: int | None
) -> ElsewhereMonthView:
    """Say what became of a payment that the other province answered neither yes nor no; two people stand behind it.

    is_paid  the other province has it: it is a payment; else the money is the payer's again and the month asked anew
    Raises NotEntitled, SecondPersonNeeded, MonthDecided.
    """
    require(staff_id=staff_id, right="receivables.adjust")
    require_second(staff_id=staff_id, approved_by=approved_by)
    month = lock_month(relation_id=relation_id, cycle=cycle)
    if month.state != "MANUAL":
        raise MonthDecided(relation_id, cycle)
    (relation,) = relations(relation_id=relation_id)
    _heard_of_payment(month, "DONE" if is_paid else "REVERSED", at, staff_id)
    record_audit(
        staff_id=staff_id, action="receivables.elsewhere_decided", object_kind="account",
        object_id=relation.account_id, at=at,
        after={"relation_id": relation_id, "cycle": cycle, "is_paid": is_paid, "approved_by": approved_by},
    )  # fmt: skip
    return lock_month(relation_id=relation_id, cycle=cycle)


def _drop(month: ElsewhereMonthView, code: str, words: str, at: datetime) -> None:
    """The number is gone there, or is not paid for by us any more: nothing more is asked for."""
    change_month(relation_id=month.relation_id, cycle=month.cycle, state="DROPPED")
    for one in live(relation_id=month.relation_id):
        elsewhere.change_relation(
            relation_id=one.relation_id, state="ENDED", to_cycle=month.cycle, code=code, words=words, at=at,
            staff_id=None,
        )  # fmt: skip


def _heard_of_bill(month: ElsewhereMonthView, outcome: str, answer: Mapping[str, Any]) -> None:
    """What the month costs there; a bill that is not out, or no answer, is asked for again.

    What was due before stays with the month while it is asked anew: of that the payer was told already.
    """
    about = {"relation_id": month.relation_id, "cycle": month.cycle}
    owed_fen = answer.get("OwedFen")
    if outcome != "DONE" or not answer.get("Issued") or not isinstance(owed_fen, int):
        change_month(**about, state="WAITING")
    else:
        unpaid = "SHORT" if month.due_fen else "DUE"
        change_month(**about, state=unpaid if owed_fen > 0 else "PAID", due_fen=max(owed_fen, 0))


def _heard_of_payment(month: ElsewhereMonthView, outcome: str, at: datetime, staff_id: int | None = None) -> None:
    """Done there: the money that was set aside is a payment; refused or taken back: it is the payer's again."""
    about = {"relation_id": month.relation_id, "cycle": month.cycle}
    (relation,) = relations(relation_id=month.relation_id)
    if outcome == "DONE":
        change_month(**about, state="PAID", payment_id=_as_payment(relation, month, at, staff_id))
    elif outcome == "MANUAL":
        change_month(**about, state="MANUAL")
    else:
        _give_back(relation, month, at, staff_id)
        change_month(**about, state="WAITING", entry_id=None, due_fen=0)


def _as_payment(relation: ElsewhereView, month: ElsewhereMonthView, at: datetime, staff_id: int | None) -> int:
    """What was paid for another province, as both provinces compare it at the end of the day (ACM-08).

    It is of the day the money was set aside, or of the next one whose books are open.
    """
    assert month.entry_id is not None, "money was set aside"
    business_on = open_day_from(entry_view(entry_id=month.entry_id).business_on)
    hold_day(business_on)
    payment_id = new_ids("receivables_payment", "payment_id", 1)[0]
    row = {
        "payment_id": payment_id, "serial_no": f"HUB {month.trans_id}", "account_id": relation.account_id,
        "purpose": PURPOSE, "paid_fen": month.due_fen, "means": ACCOUNT, "channel": "SYSTEM", "reference": "",
        "note": f"{relation.province} {relation.number}", "staff_id": staff_id, "till_id": None,
        "business_on": business_on, "at": at, "state": "POSTED",
        "entry_id": month.entry_id, "reverses_id": None,
    }  # fmt: skip
    payments.claim_payments([row])
    return payment_id


def _give_back(relation: ElsewhereView, month: ElsewhereMonthView, at: datetime, staff_id: int | None) -> None:
    assert month.entry_id is not None, "money was set aside"
    act = act_of(rules_at(at), at=at, staff_id=staff_id, channel="SYSTEM")
    hold_day(act.business_on)
    debts.lock_accounts([relation.account_id])
    debts.add_to_bucket(account_ids=[relation.account_id], kind="CASH", amounts_fen=[month.due_fen], on=act.business_on)
    reverse_entry(entry_id=month.entry_id, act=act)
