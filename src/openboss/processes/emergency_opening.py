"""Emergency opening: who is stopped for arrears opens the own service for a day or a small credit. Read top to bottom.

    ask    over any channel, as an order of the hall: stopped for arrears alone, stars enough, not yet this month
    open   the stops of arrears end for this user; the engine hears how far the account may go, then that the user may
    end    by itself: when the time or the credit is over the user is stopped again (collect_debt.look_at, run); like
           every stop not at night, on a holiday or during a complaint, and never a fen further meanwhile
    pay    what ends the stop in the normal way ends the opening too

Done again under the same serial number it is the same opening; killed, an opening is either there or not. Source: D9.7.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from openboss.modules.customers import functions as customers
from openboss.modules.customers.life import ARREARS
from openboss.modules.orders.functions import Item
from openboss.modules.receivables.functions import credit, emergency
from openboss.modules.receivables.functions import credit_records as records
from openboss.modules.receivables.functions.emergency import (
    EmergencyElsewhere,
    EmergencyUsed,
    EmergencyView,
    NotStoppedForArrears,
    StarTooLow,
)
from openboss.modules.system.functions import send_out
from openboss.processes import collect_debt, keep_limits, unbilled
from openboss.processes.order_flow import Asked, Flow, Plan, Result, bar_in_engine

__all__ = ["FLOW", "REFUSALS", "may_open", "run", "standing_of"]

REFUSALS = (NotStoppedForArrears, StarTooLow, EmergencyUsed, EmergencyElsewhere)
OPEN = "EMERGENCY_OPEN"
AT_ONCE = 500  # accounts


def run(*, at: datetime) -> int:
    """Look at the accounts with an opening whose time is over; return how many there were."""
    due = emergency.emergencies_due(at=at)
    for start in range(0, len(due), AT_ONCE):
        accounts = due[start : start + AT_ONCE]
        used = unbilled.of_accounts(accounts, at=at)
        with transaction.atomic():
            collect_debt.look_at(accounts, at=at, **used._asdict())
    return len(due)


def may_open(*, subscriber_id: int, at: datetime) -> bool:
    """Whether a user may open the own service now, for a page that offers it."""
    if not ARREARS & customers.active_reasons(subscriber_id=subscriber_id, at=at):
        return False
    account_id = _account_of(subscriber_id, at)
    position, _used_fen = _position(account_id, at)
    try:
        emergency.refuse(subscriber_id=subscriber_id, position=position, at=at)
    except REFUSALS:
        return False
    return True


def standing_of(*, subscriber_id: int) -> EmergencyView | None:
    """A user's opening that goes on."""
    last = emergency.last_emergency(subscriber_id=subscriber_id)
    return last if last and last.ended_at is None else None


def _account_of(subscriber_id: int, at: datetime) -> int:
    return customers.paying_account(subscriber_id=subscriber_id, cycle=customers.cycle_of(at))


def _position(account_id: int, at: datetime) -> tuple[credit.Position, Mapping[int, int]]:
    """Where an account stands now, and what its users have used."""
    used = unbilled.of_accounts([account_id], at=at)
    (position,) = credit.positions(account_ids=[account_id], at=at, **used._asdict())
    return position, used.unbilled_fen


def _plan(asked: Asked) -> Plan:
    position, _used_fen = _position(_account_of(asked.user, asked.at), asked.at)
    emergency.refuse(subscriber_id=asked.user, position=position, at=asked.at)
    reasons = sorted(customers.active_reasons(subscriber_id=asked.user, at=asked.at))
    return Plan([Item("delete", "STOP", {"reason": reason}) for reason in reasons])


def _open(asked: Asked) -> Result:
    account_id = _account_of(asked.user, asked.at)
    records.lock_accounts([account_id])
    position, used_fen = _position(account_id, asked.at)
    emergency.refuse(subscriber_id=asked.user, position=position, at=asked.at)
    own: dict[str, Any] = {"at": asked.at, "staff_id": asked.staff_id}
    opening = emergency.begin(subscriber_id=asked.user, position=position, serial_no=asked.key, **own)
    keep_limits.bring([account_id], at=asked.at)
    emergency.tell_engine([account_id], used_fen=used_fen, at=asked.at)
    states: dict[int, str] = {}
    for reason in credit.STOPS:
        states |= customers.resume_users(subscriber_ids=[asked.user], reason=reason, **own)
    bar_in_engine(states)
    told = {"until": customers.moment_text(opening.until_at), "credit_fen": opening.credit_fen}
    if asked.channel != "SMS":  # there the answer to the message says it
        number = customers.numbers_of_subscribers(subscriber_ids=[asked.user], at=asked.at)[asked.user]
        send_out(topic="sms", payload={"number": number, "template": OPEN, "values": told}, at=asked.at)
    return {"state": states[asked.user], "emergency_id": opening.emergency_id, **told}


FLOW = Flow("EMERGENCY", "EMERGENCY", _plan, _open)
