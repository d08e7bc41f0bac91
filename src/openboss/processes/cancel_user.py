"""A user leaves: pre-cancellation, three months, formal cancellation, or back into service (HAL-06 to HAL-09, D14.5).

pre-cancel   in person, at a hall that takes it; the reason is asked, something is offered; the month is paid, and
             something ahead where roaming abroad is open or bills are high
wait         barred, the number is not free; the user may come back
cancel       from the same day three months later: what was deposited pays what is owed, the rest is given back
recover      who was cancelled and still owes: only the payment, nothing else
"""

from dataclasses import dataclass
from datetime import date, datetime

from openboss.kernel.rounding import fen_of_li
from openboss.modules.billing.functions import average_bill_fen
from openboss.modules.charging.functions.live import live_usage
from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import Item
from openboss.modules.receivables.functions.counter import settle_finally
from openboss.modules.receivables.functions.owed import has_arrears, owed
from openboss.modules.receivables.functions.points import end_points
from openboss.modules.resources import functions as resources
from openboss.processes import keep_wallets
from openboss.processes.offer_fees import early_end_fees
from openboss.processes.order_flow import Asked, Flow, Plan, Result, bar_in_engine, fee, offers_of, tell_engine
from openboss.processes.transfer_user import FeesOpen
from openboss.processes.vanity_terms import breach_fen

BILLS_AVERAGED = 3
RECOVER, WAIT, CANCEL, NOTHING = "RECOVER", "WAIT", "CANCEL", "NOTHING"


class NotDesignated(Exception):
    """This hall does not take pre-cancellations; the message names those that do (HAL-06)."""


@dataclass(frozen=True)
class CancellationDesk:
    """What the counter may do for somebody who comes to cancel (HAL-09)."""

    action: str  # RECOVER only the payment, WAIT until a day, CANCEL, NOTHING to cancel
    owed_fen: int
    from_on: date | None


def desk_of(subscriber_id: int, *, at: datetime) -> CancellationDesk:
    """Say what can be done at the counter for a user who comes for formal cancellation (HAL-08, HAL-09)."""
    line = customers.line_of(subscriber_id=subscriber_id, at=at)
    account_id = customers.paying_account(subscriber_id=subscriber_id, cycle=customers.cycle_of(at))
    owed_fen = owed(account_id=account_id, at=at).owed_fen
    if line.life == "TERMINATED":
        return CancellationDesk(RECOVER if owed_fen else NOTHING, owed_fen, None)
    if line.life != "PRE_TERMINATED":
        return CancellationDesk(NOTHING, owed_fen, None)
    from_on = customers.cancellation_day(subscriber_id=subscriber_id, at=at)
    return CancellationDesk(CANCEL if customers.operator_day(at) >= from_on else WAIT, owed_fen, from_on)


def plan_pre_cancel(asked: Asked) -> Plan:
    """Say what pre-cancellation asks for.

    request  reason, retention (what was offered, such as another brand with priority in numbers)
    Raises RequestIncomplete, NotDesignated, StateForbids, FeesOpen.
    """
    today = customers.operator_day(asked.at)
    designated = customers.hall_rule("hall.designated_outlets", on=today)
    if designated and asked.org_code not in designated:
        raise NotDesignated(", ".join(designated))
    asked.need("reason")
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    if line.life != "ACTIVE" or has_arrears(subscriber_id=asked.user, at=asked.at):
        raise customers.StateForbids(f"{line.life} or in arrears")
    account_id = customers.paying_account(subscriber_id=asked.user, cycle=customers.cycle_of(asked.at))
    open_fen = owed(account_id=account_id, at=asked.at).owed_fen
    if open_fen:
        raise FeesOpen(open_fen)
    price = pre_cancellation_price(asked.user, asked.at, current_fen=asked.request.get("current_fen"))
    steps = customers.hall_rule("hall.checklist.PRE_CANCEL", on=today)
    kind = customers.person_of(customer_id=line.customer_id).kind
    documents = {"HOLDER_ID"} if kind == "INDIVIDUAL" else {"CERTIFICATE", "LICENCE"}
    items = [Item("modify", "SUBSCRIBER", {"life": "PRE_TERMINATED", "remove_tag": 1})]
    lines = [line for code, fen in price.items() for line in fee(code, fen, booking="ADVANCE")]
    return Plan(items, lines, tuple(steps), frozenset(documents))


def pre_cancellation_price(subscriber_id: int, at: datetime, *, current_fen: int | None = None) -> dict[str, int]:
    """What is collected at pre-cancellation: the current month, and money ahead where the rule asks it (HAL-07).

    current_fen  what the month has cost so far, if it is known; else the charging engine is asked
    """
    today = customers.operator_day(at)
    if current_fen is None:
        usage = live_usage(subscriber_id)
        current_fen = 0 if usage is None else fen_of_li(usage.unbilled_li)
    account_id = customers.paying_account(subscriber_id=subscriber_id, cycle=customers.cycle_of(at))
    average_fen = average_bill_fen(account_id=account_id, months=BILLS_AVERAGED)
    roams = any("ROAMING" in offer.code for offer in offers_of(subscriber_id, at).values())
    high = average_fen > customers.hall_rule("hall.pre_cancel_average_fen", on=today)
    ahead = customers.hall_rule("hall.pre_cancel_prepay_fen", on=today) if roams or high else 0
    return {"CURRENT_MONTH": current_fen, "PREPAYMENT": ahead}


def carry_out_pre_cancel(asked: Asked) -> Result:
    """Let the waiting time begin."""
    customers.pre_terminate(subscriber_id=asked.user, remove_tag=1, at=asked.at, staff_id=asked.staff_id)
    bar_in_engine({asked.user: "PRE_TERMINATED"})
    tell_engine(asked.user)
    return {"from_on": customers.cancellation_day(subscriber_id=asked.user, at=asked.at).isoformat()}


def plan_cancel(asked: Asked) -> Plan:
    """Refuse a formal cancellation before its day (HAL-08). Raises StateForbids, TooEarly."""
    desk = desk_of(asked.user, at=asked.at)
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    if desk.action == WAIT and desk.from_on:
        raise customers.TooEarly(desk.from_on.isoformat())
    if desk.action != CANCEL or line.remove_tag != 1:
        raise customers.StateForbids(line.life)
    price = fee("VANITY_BREACH", breach_fen(asked.user, asked.at))
    price += early_end_fees(offers_of(asked.user, asked.at), end_at=asked.at, booking="FEE")
    items = [Item("delete", "SUBSCRIBER", {"remove_tag": 2})]
    return Plan(items, price, ("IDENTITY",), frozenset({"HOLDER_ID"}))


def carry_out_cancel(asked: Asked) -> Result:
    """End the user, and settle: what is left is refundable, what is short is collected (HAL-08, D8.10)."""
    account_id = customers.paying_account(subscriber_id=asked.user, cycle=customers.cycle_of(asked.at))
    end_user(asked.user, remove_tag=2, at=asked.at, staff_id=asked.staff_id)
    settled = settle_finally(account_id=account_id, serial_no=asked.key, at=asked.at, staff_id=asked.staff_id)
    return {
        "account_id": account_id,
        "cleared_fen": settled.cleared_fen,
        "refundable_fen": settled.refundable_fen,
        "short_fen": settled.short_fen,
    }


def end_user(subscriber_id: int, *, remove_tag: int, at: datetime, staff_id: int | None) -> None:
    """End a user for good with what belonged to it: the number rests, the card is scrapped, agreements end."""
    own = {"at": at, "staff_id": staff_id}
    line = customers.line_of(subscriber_id=subscriber_id, at=at)
    customers.end_agreements(subscriber_id=subscriber_id, **own)
    customers.terminate(subscriber_id=subscriber_id, remove_tag=remove_tag, **own)
    end_points(subscriber_id=subscriber_id, **own)
    if line.number is not None:
        resources.quarantine_number(number=line.number, **own)
    if line.iccid is not None:
        resources.retire_sim(iccid=line.iccid, state="SCRAPPED", reason="cancelled", **own)
    tell_engine(subscriber_id)


def plan_re_instate(asked: Asked) -> Plan:
    """Say what it takes to come back: nothing may be owed. Raises StateForbids, FeesOpen. Source: D2.3."""
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    if line.life != "PRE_TERMINATED":
        raise customers.StateForbids(line.life)
    account_id = customers.paying_account(subscriber_id=asked.user, cycle=customers.cycle_of(asked.at))
    open_fen = owed(account_id=account_id, at=asked.at).owed_fen
    if open_fen:
        raise FeesOpen(open_fen)
    return Plan([Item("modify", "SUBSCRIBER", {"life": "ACTIVE"})], steps=("IDENTITY",))


def carry_out_re_instate(asked: Asked) -> Result:
    """Take the user back into service."""
    state = customers.re_instate(subscriber_id=asked.user, at=asked.at, staff_id=asked.staff_id)
    bar_in_engine({asked.user: state})
    tell_engine(asked.user)
    keep_wallets.follow_payers([asked.user], at=asked.at, staff_id=asked.staff_id)  # the payer may have changed
    return {"state": state}


def _undo_pre_cancel(asked: Asked, _: Result) -> None:
    carry_out_re_instate(asked)


PRE_CANCEL = Flow("PRE_CANCEL", "CANCEL", plan_pre_cancel, carry_out_pre_cancel, _undo_pre_cancel)
CANCEL_FLOW = Flow("CANCEL", "CANCEL", plan_cancel, carry_out_cancel)
RE_INSTATE = Flow("RE_INSTATE", "CANCEL", plan_re_instate, carry_out_re_instate)
FLOWS = (PRE_CANCEL, CANCEL_FLOW, RE_INSTATE)
