"""A user changes hands: the old one ends, a new one begins with the same number and card (HAL-10, D1.4).

both      holders come in person with their documents; nothing is stopped, nothing is owed
cut       the old user ends at this moment: its bill is cut here, its points, passwords, terms and details stay
new       a new user of the new owner, with a plan, a payer and a password of its own; a vanity number is sold anew
"""

from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import Item
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.receivables.functions.points import end_points
from openboss.modules.resources import functions as resources
from openboss.processes import class_offers, keep_wallets
from openboss.processes.change_number import refuse_stopped
from openboss.processes.open_user import TooManyNumbers
from openboss.processes.order_flow import (
    Asked,
    Flow,
    Plan,
    Result,
    bar_in_engine,
    fee,
    offer_with,
    refuse_unsuitable,
    tell_engine,
)
from openboss.processes.vanity_terms import begin_term, refuse_below_minimum

DOCUMENTS = frozenset({"HOLDER_ID", "NEW_HOLDER_ID"})


class FeesOpen(Exception):
    """Something is still to be paid for this user; the message says how many fen. It is settled first (HAL-10)."""


def plan(asked: Asked) -> Plan:
    """Say what a transfer costs. request: to_customer_id, to_account_id, main_offer_id.

    Raises RequestIncomplete, StateForbids, StopsForbid, FeesOpen, OfferRefused, PlanBelowMinimum, TooManyNumbers.
    """
    refuse_stopped(asked)
    refuse_open_fees(asked)
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    new_owner = asked.need("to_customer_id")
    person = customers.person_of(customer_id=new_owner)
    most = customers.hall_rule("hall.numbers_per_document", on=customers.operator_day(asked.at))
    if person.kind == "INDIVIDUAL" and customers.numbers_of_document(customer_id=new_owner) >= most:
        raise TooManyNumbers(most)
    customers.account_view(account_id=asked.need("to_account_id"))
    wanted = offer_with(asked.need("main_offer_id"))
    refuse_unsuitable(asked, customer_id=new_owner, offer_code=wanted.code, held=[])
    price = []
    if line.number is not None:
        number = resources.number_view(number=line.number, at=asked.at)
        refuse_below_minimum(number, asked.need("main_offer_id"), asked.at)
        price = fee("VANITY_DEPOSIT", number.deposit_fen, booking="DEPOSIT")
    items = [Item("delete", "SUBSCRIBER", {"remove_tag": 6}), Item("add", "SUBSCRIBER", {"customer_id": new_owner}, 0)]
    return Plan(items, price, ("PASSWORD",), DOCUMENTS, asked.need("to_account_id"))


def refuse_open_fees(asked: Asked) -> None:
    """Refuse while the account that pays the user's rest owes something. Raises FeesOpen."""
    account_id = customers.paying_account(subscriber_id=asked.user, cycle=customers.cycle_of(asked.at))
    open_fen = owed(account_id=account_id, at=asked.at).owed_fen
    if open_fen:
        raise FeesOpen(open_fen)


def carry_out(asked: Asked) -> Result:
    """End the old user and open the new one, in one moment."""
    own = {"at": asked.at, "staff_id": asked.staff_id}
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    assert line.number is not None
    assert line.iccid is not None
    customers.end_agreements(subscriber_id=asked.user, **own)
    customers.terminate(subscriber_id=asked.user, remove_tag=6, **own)
    end_points(subscriber_id=asked.user, **own)
    fresh = customers.succeed_subscriber(
        subscriber_id=asked.user,
        customer_id=asked.need("to_customer_id"),
        account_id=asked.need("to_account_id"),
        main_offer_id=asked.need("main_offer_id"),
        first_month=asked.request.get("first_month", "PRORATE"),
        **own,
    )
    resources.pass_number(number=line.number, subscriber_id=fresh, **own)
    resources.pass_sim(iccid=line.iccid, subscriber_id=fresh, **own)
    begin_term(fresh, line.number, asked.at, asked.staff_id)
    class_offers.follow(subscriber_ids=[fresh], at=asked.at, staff_id=asked.staff_id)
    bar_in_engine({asked.user: "TERMINATED"})  # what runs ends and is charged to the old owner
    tell_engine(asked.user, fresh)
    keep_wallets.follow_payers([fresh], **own)
    return {"subscriber_id": fresh}


FLOW = Flow("TRANSFER", "TRANSFER", plan, carry_out)
"""Not reversible: the user is transferred back, with both holders present."""
