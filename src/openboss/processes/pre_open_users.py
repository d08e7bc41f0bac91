"""Numbers and cards are paired ahead for agents, put into service at the first use, taken back unused (D2.1, D2.3)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import Item, OrderView
from openboss.modules.resources import functions as resources
from openboss.processes import class_offers, keep_wallets
from openboss.processes.open_user import NotOneRegister, welcome
from openboss.processes.order_flow import Asked, Flow, Plan, RequestIncomplete, Result, offer_with, tell_engine
from openboss.processes.vanity_terms import begin_term


@dataclass(frozen=True)
class RowRefused:
    """A line of a batch that could not be pre-opened, and why."""

    line: int
    refusal: str


def plan(asked: Asked) -> Plan:
    """Say what a pre-opening needs. request as for an opening, of the agent's own customer and account.

    Raises RequestIncomplete, NumberUnknown, NumberChosen, SimUnknown, SimNotFree, NotOneRegister, OfferRefused.
    """
    if asked.customer_id is None:
        raise RequestIncomplete("customer_id")
    number = resources.number_view(number=asked.need("number"), at=asked.at)
    if not resources.may_be_taken(number=number.number, by=asked.key, at=asked.at):
        raise resources.NumberChosen(number.number)
    card = resources.sim_view(iccid=asked.need("iccid"))
    own_pair = card.state == "PAIRED" and card.number == number.number
    if card.state not in ("IN_STOCK", "ISSUED", "WRITTEN") and not own_pair:
        raise resources.SimNotFree(card.iccid)
    if card.hlr_code != number.hlr_code:
        raise NotOneRegister(f"{number.hlr_code}, {card.hlr_code}")
    offer_with(asked.need("main_offer_id"))
    customers.account_view(account_id=asked.need("account_id"))
    values = {"number": number.number, "iccid": card.iccid}
    return Plan([Item("add", "SUBSCRIBER", values)], account_id=asked.request["account_id"])


def carry_out(asked: Asked) -> Result:
    """Pair number and card for a user who is not in service yet; the number stays reserved for 180 days."""
    own = {"at": asked.at, "staff_id": asked.staff_id}
    days = customers.hall_rule("hall.preopened_days", on=customers.operator_day(asked.at))
    number, iccid = asked.need("number"), asked.need("iccid")
    until_at = asked.at + timedelta(days=days + 1)
    resources.reserve_number(number=number, by=asked.key, until_at=until_at, **own)
    card = resources.pair_sim(iccid=iccid, number=number, within=asked.within, **own)
    assert asked.customer_id is not None
    subscriber_id = customers.pre_open_subscriber(
        customer_id=asked.customer_id,
        account_id=asked.need("account_id"),
        service_type=asked.request.get("service_type", "MOBILE"),
        brand=asked.need("brand"),
        home_area=asked.need("home_area"),
        pay_type=asked.request.get("pay_type", "PREPAID"),
        number=number,
        iccid=iccid,
        imsi=card.imsi,
        main_offer_id=asked.need("main_offer_id"),
        first_month=asked.request.get("first_month", "PRORATE"),
        **own,
    )
    return {"subscriber_id": subscriber_id}


def pre_open_batch(
    rows: Iterable[Mapping[str, Any]],
    *,
    place_and_confirm: Callable[..., OrderView],
    serial_no: str,
    at: datetime,
    first_line: int = 1,
) -> tuple[list[int], list[RowRefused]]:
    """Pre-open a list of numbers and cards, one order a line; a refused line does not stop the others.

    place_and_confirm  hall.place_and_confirm, bound to a channel, a clerk and a place
    first_line       where a part of a longer list begins
    The same list again does nothing twice: each line's order has the serial number of the list and its own.
    """
    opened: list[int] = []
    refused: list[RowRefused] = []
    for line, row in enumerate(rows, start=first_line):
        request = {name: value for name, value in row.items() if name != "customer_id"}
        try:
            order = place_and_confirm(
                kind="PRE_OPEN", serial_no=f"{serial_no}-{line}", request=request, customer_id=row["customer_id"], at=at
            )
        except REFUSALS as refusal:
            refused.append(RowRefused(line, type(refusal).__name__))
        else:
            assert order.subscriber_id is not None
            opened.append(order.subscriber_id)
    return opened, refused


REFUSALS = (
    RequestIncomplete,
    NotOneRegister,
    resources.NumberUnknown,
    resources.NumberChosen,
    resources.SimUnknown,
    resources.SimNotFree,
    resources.NotYourStock,
    customers.NumberTaken,
    customers.SimTaken,
    customers.OfferUnknown,
    customers.AccountUnknown,
)


def plan_activation(asked: Asked) -> Plan:
    """Say what putting a pre-opened user into service needs: the holder's document was checked (D14.1).

    Raises RequestIncomplete, StateForbids.
    """
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    if line.life != "PREOPENED":
        raise customers.StateForbids(line.life)
    if asked.customer_id is None:
        raise RequestIncomplete("customer_id")
    items = [Item("modify", "SUBSCRIBER", {"life": "ACTIVE"})]
    return Plan(items, documents=frozenset({"HOLDER_ID"}))


def carry_out_activation(asked: Asked) -> Result:
    """Put the user into service: the number is occupied, the card is in use, rent begins."""
    own = {"at": asked.at, "staff_id": asked.staff_id}
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    assert line.number is not None
    assert line.iccid is not None
    customers.activate_subscriber(subscriber_id=asked.user, customer_id=asked.customer_id, **own)
    resources.take_reserved_number(number=line.number, subscriber_id=asked.user, **own)
    resources.use_sim(iccid=line.iccid, subscriber_id=asked.user, **own)
    begin_term(asked.user, line.number, asked.at, asked.staff_id)
    class_offers.follow(subscriber_ids=[asked.user], at=asked.at, staff_id=asked.staff_id)
    tell_engine(asked.user)
    account_id = customers.paying_account(subscriber_id=asked.user, cycle=customers.cycle_of(asked.at))
    keep_wallets.follow_payers([asked.user], **own)
    welcome(line.number, account_id, asked.at)
    return {"subscriber_id": asked.user}


PRE_OPEN = Flow("PRE_OPEN", "BY_OPERATOR", plan, carry_out)
ACTIVATE = Flow("ACTIVATE", "OPEN", plan_activation, carry_out_activation)
FLOWS = (PRE_OPEN, ACTIVATE)
