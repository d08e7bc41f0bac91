"""A user of ours pays for numbers of other provinces (异地代付). Read from top to bottom.

    order  at the counter: our own refusals at once, then the other province is asked whether the number may be paid for
    run    every hour: month T in T+1. The other province is asked for the bill of the month, once a day until it is
           paid: what was due yesterday may have been paid there since. What is due is taken out of the payer's cash
           and paid there through the hub, like any payment for another province. Too little cash: the payer is told
           once, and it is tried again
    end    this month and later ones are not paid any more; so it ends by itself with either user of ours

Each step is one transaction that leaves the message and what it will change together: killed anywhere and run again,
nothing is asked or paid twice. What the other province says is taken by `ask_province.answered`. Source: D8.13.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from openboss.kernel.periods import previous_cycle
from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions import NotEnoughMoney, elsewhere
from openboss.modules.receivables.functions.counter import held
from openboss.modules.receivables.functions.elsewhere import ACCOUNT, PAYS, ElsewhereMonthView, ElsewhereView
from openboss.modules.system.functions import send_out
from openboss.processes import ask_province

COUNTRY = "86"
UNPAID = ("WAITING", "DUE", "SHORT")  # states of months of which nothing is on its way


class PayerNotInService(Exception):
    """Only a user in service pays for others, out of an account of their own."""


@transaction.atomic
def order(
    *, subscriber_id: int, province: str, number: int, trans_id: str, at: datetime, staff_id: int, org_code: str
) -> ElsewhereView:
    """Order that a user pays for a number of another province from this month on; asked there in this transaction.

    Access has checked what the user showed. Raises PayerNotInService, OwnProvince, IsPaidFor, TooManyNumbers,
    RelationExists, SerialNumberUsed.
    """
    line = customers.line_of(subscriber_id=subscriber_id, at=at)
    if line.life != "ACTIVE" or line.number is None:
        raise PayerNotInService(subscriber_id)
    account_id = customers.paying_account(subscriber_id=subscriber_id, cycle=customers.cycle_of(at))
    if customers.customer_of_account(account_id=account_id) != line.customer_id:
        raise PayerNotInService(subscriber_id)
    ordered = elsewhere.pay_for(
        province=province, number=number, subscriber_id=subscriber_id, customer_id=line.customer_id,
        account_id=account_id, cycle=customers.cycle_of(at), trans_id=trans_id, at=at, staff_id=staff_id,
    )  # fmt: skip
    hall = {"staff_id": staff_id, "org_code": org_code}
    _ask(ordered, ask_province.PAY_FOR, trans_id, at, cycle=ordered.from_cycle, **hall)
    return ordered


@transaction.atomic
def end(*, relation_id: int, at: datetime, staff_id: int | None, org_code: str) -> ElsewhereView:
    """End it; the other province is told in this transaction. Raises RelationUnknown."""
    ended = elsewhere.end(relation_id=relation_id, cycle=customers.cycle_of(at), at=at, staff_id=staff_id)
    hall = {"staff_id": staff_id, "org_code": org_code}
    _ask(ended, ask_province.END_PAY_FOR, f"PE-{relation_id}", at, cycle=ended.to_cycle, **hall)
    return ended


def run(*, at: datetime) -> int:
    """Ask for bills of the month before this one and pay what is due; return how many payments were sent."""
    for relation in elsewhere.live():
        _end_with_its_user(relation, at)
    cycle = previous_cycle(customers.cycle_of(at))
    for relation in elsewhere.relations(side=PAYS, state__in=("ACTIVE", "ENDED"), from_cycle__lte=cycle):
        if (relation.to_cycle is None or cycle < relation.to_cycle) and not _has_left(relation, at):
            elsewhere.open_month(relation_id=relation.relation_id, cycle=cycle)
    for month in elsewhere.months(state__in=UNPAID):
        _drop_or_ask(month, at)
    return sum(_pay(month, at) for month in elsewhere.months(state__in=("DUE", "SHORT")))


@transaction.atomic
def _end_with_its_user(relation: ElsewhereView, at: datetime) -> None:
    """Who has left us pays for nobody, and is paid for by nobody."""
    if not _has_left(relation, at):
        return
    if relation.side != PAYS:
        elsewhere.end(relation_id=relation.relation_id, cycle=customers.cycle_of(at), at=at, staff_id=None)
        return
    end(relation_id=relation.relation_id, at=at, staff_id=None, org_code="")


def _has_left(relation: ElsewhereView, at: datetime) -> bool:
    return customers.line_of(subscriber_id=relation.subscriber_id, at=at).life == "TERMINATED"


@transaction.atomic
def _drop_or_ask(known: ElsewhereMonthView, at: datetime) -> None:
    """Ask what a month costs, at most once a day; of a payer who has left nothing is paid any more."""
    month = elsewhere.lock_month(relation_id=known.relation_id, cycle=known.cycle)
    (relation,) = elsewhere.relations(relation_id=month.relation_id)
    about, today = {"relation_id": month.relation_id, "cycle": month.cycle}, customers.operator_day(at)
    if month.state not in UNPAID:
        return
    if _has_left(relation, at):
        elsewhere.change_month(**about, state="DROPPED")
    elif month.tried_at is None or customers.operator_day(month.tried_at) < today:
        trans_id = _trans_id(month)
        told_fen = 0 if month.state == "DUE" else month.due_fen  # of what a DUE month costs nobody was told
        elsewhere.change_month(
            **about, state="ASKED", due_fen=told_fen, tries=month.tries + 1, trans_id=trans_id, tried_at=at
        )
        _ask(relation, ask_province.BILL, trans_id, at, cycle=month.cycle)


def _pay(month: ElsewhereMonthView, at: datetime) -> bool:
    """Take the money and send the payment, in one transaction; the engine holds money of a wallet meanwhile."""
    (relation,) = elsewhere.relations(relation_id=month.relation_id)
    hold = f"ELSEWHERE {_trans_id(month)} {at:%Y%m%d%H%M%S%f}"  # each try is asked anew, none gets an old answer
    try:
        with held(relation.account_id, month.due_fen, hold), transaction.atomic():
            now = elsewhere.lock_month(relation_id=month.relation_id, cycle=month.cycle)
            if now != month:
                return False
            trans_id = _trans_id(month)
            elsewhere.set_aside(relation=relation, cycle=month.cycle, trans_id=trans_id, at=at)
            ask_province.ask(
                trans_id=trans_id, home=relation.province, number=relation.number, activity="PAY", at=at,
                paid_fen=month.due_fen, means=ACCOUNT,
            )  # fmt: skip
            _tell("ELSEWHERE_PAYS", relation, month, at)
    except NotEnoughMoney:
        _note_short(relation, month, at)
        return False
    return True


@transaction.atomic
def _note_short(relation: ElsewhereView, month: ElsewhereMonthView, at: datetime) -> None:
    """The payer has too little cash: told once, the month waits for a payment of theirs."""
    if elsewhere.lock_month(relation_id=month.relation_id, cycle=month.cycle).state == "DUE":
        elsewhere.change_month(relation_id=month.relation_id, cycle=month.cycle, state="SHORT")
        _tell("ELSEWHERE_SHORT", relation, month, at)


def _trans_id(month: ElsewhereMonthView) -> str:
    """Our number of the next message about a month: each message has its own."""
    return f"PE-{month.relation_id}-{month.cycle}-{month.tries + 1}"


def _ask(
    relation: ElsewhereView, activity: str, trans_id: str, at: datetime, *, cycle: int | None, **hall: Any
) -> None:
    """Leave a message about a relation and a month; who pays is named by the number they ordered with."""
    numbers = customers.numbers_of_subscribers(subscriber_ids=[relation.subscriber_id], at=relation.ordered_at)
    about = {"Payer": str(numbers[relation.subscriber_id]).removeprefix(COUNTRY), "Cycle": cycle}
    ask_province.ask(
        trans_id=trans_id, home=relation.province, number=relation.number, activity=activity, about=about, at=at, **hall
    )


def _tell(template: str, relation: ElsewhereView, month: ElsewhereMonthView, at: datetime) -> None:
    """One SMS to the payer, if they still have a number."""
    language = customers.languages_of_accounts(account_ids=[relation.account_id])[relation.account_id]
    values = {
        "month": f"{month.cycle // 100}-{month.cycle % 100:02d}", "due_fen": month.due_fen,
        "whose": customers.mask_number(relation.number),
    }  # fmt: skip
    for number in customers.numbers_of_subscribers(subscriber_ids=[relation.subscriber_id], at=at).values():
        sms = {"number": number, "template": template, "language": language, "values": values}
        send_out(topic="sms", payload=sms, at=at)
