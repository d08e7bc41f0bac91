"""A user gets another number: free, of the same register, paid for, with its own term (HAL-13, D12.2)."""

from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import Item
from openboss.modules.resources import functions as resources
from openboss.processes.order_flow import Asked, Flow, Plan, Result, fee, offers_of, tell_engine
from openboss.processes.vanity_terms import begin_term, breach_fen, refuse_below_minimum


class SameNumber(ValueError):
    """The user has this number already."""


def plan(asked: Asked) -> Plan:
    """Say what a change of number costs. request: number.

    Raises RequestIncomplete, StateForbids, StopsForbid, SameNumber, NumberUnknown, NumberChosen, PlanBelowMinimum.
    """
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    refuse_stopped(asked)
    if line.number == asked.need("number"):
        raise SameNumber(line.number)
    number = resources.number_view(number=asked.need("number"), at=asked.at)
    if not resources.may_be_taken(number=number.number, by=asked.key, at=asked.at):
        raise resources.NumberChosen(number.number)
    for offer in offers_of(asked.user, asked.at).values():
        if offer.kind == "MAIN":
            refuse_below_minimum(number, offer.offer_id, asked.at)
    today = customers.operator_day(asked.at)
    price = fee("NUMBER_CHANGE", customers.hall_rule("hall.number_change_fee_fen", on=today))
    price += fee("VANITY_BREACH", breach_fen(asked.user, asked.at))
    price += fee("VANITY_DEPOSIT", number.deposit_fen, booking="DEPOSIT")
    return Plan([Item("modify", "NUMBER", {"number": number.number, "grade": number.grade})], price)


def refuse_stopped(asked: Asked) -> None:
    """Refuse what is done for a user in service without any stop. Raises StateForbids, StopsForbid."""
    state = customers.effective_state(subscriber_id=asked.user, at=asked.at)
    if state in ("ONE_WAY_STOP", "TWO_WAY_STOP"):
        raise customers.StopsForbid(state)
    if state != "ACTIVE":
        raise customers.StateForbids(state)


def hold(asked: Asked) -> None:
    """Keep the new number for this order."""
    resources.reserve_number(number=asked.need("number"), by=asked.key, at=asked.at, staff_id=asked.staff_id)


def release(asked: Asked) -> None:
    """Give the new number back."""
    resources.release_number(number=asked.need("number"), by=asked.key, at=asked.at, staff_id=asked.staff_id)


def carry_out(asked: Asked) -> Result:
    """Change the number: the old one rests, the card serves the new one, an agreement ends and another may begin."""
    own = {"at": asked.at, "staff_id": asked.staff_id}
    number, line = asked.need("number"), customers.line_of(subscriber_id=asked.user, at=asked.at)
    before = customers.change_number(subscriber_id=asked.user, number=number, **own)
    resources.occupy_number(number=number, by=asked.key, subscriber_id=asked.user, **own)
    resources.quarantine_number(number=before, **own)
    resources.pass_sim(iccid=line.iccid or "", number=number, **own)
    customers.end_agreements(subscriber_id=asked.user, **own)
    begin_term(asked.user, number, asked.at, asked.staff_id)
    tell_engine(asked.user)
    return {"before": before}


def undo(asked: Asked, result: Result) -> None:
    """Give the user the old number again; the new one rests."""
    own = {"at": asked.at, "staff_id": asked.staff_id}
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    resources.pass_number(number=result["before"], subscriber_id=asked.user, **own)
    customers.change_number(subscriber_id=asked.user, number=result["before"], **own)
    resources.quarantine_number(number=asked.need("number"), **own)
    resources.pass_sim(iccid=line.iccid or "", number=result["before"], **own)
    tell_engine(asked.user)


FLOW = Flow("CHANGE_NUMBER", "CHANGE_NUMBER", plan, carry_out, undo, hold, release)
