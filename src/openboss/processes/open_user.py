"""A user is opened, and from that moment on the whole house knows them (HAL-01 to HAL-04, D14.6).

    who       the holder's document was checked; not on the black list, not too many numbers, a guardian for a child
    what      a number that this order has reserved, a free card, a plan that is for this customer
    price     card, pre-deposit, deposit for roaming abroad, deposit of a vanity number
    open      user, number, card, plan, payer, agreement, password: one transaction with the money
    tell      the engine and the network obey, the customer is welcomed

Bills read the same tables, the call centre finds the same row; nothing is copied. Source: ARC-04, ARC-11, D2.3, D14.1.
"""

from datetime import date, datetime, timedelta

from django.db import transaction

from openboss.modules.charging.functions.engine import announce_users
from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import Fee, Item
from openboss.modules.resources import functions as resources
from openboss.modules.system.functions import send_out
from openboss.processes import class_offers, keep_wallets
from openboss.processes.offer_fees import fees_at_counter
from openboss.processes.order_flow import (
    Asked,
    Flow,
    NotReversible,
    Plan,
    RequestIncomplete,
    Result,
    bar_in_engine,
    fee,
    offer_with,
    refuse_unsuitable,
    tell_engine,
)
from openboss.processes.vanity_terms import begin_term, refuse_below_minimum

DOCUMENTS = {"INDIVIDUAL": {"HOLDER_ID"}, "UNIT": {"CERTIFICATE", "LICENCE"}}  # HAL-02
DIRECT_DEBIT_DOCUMENTS = {"INDIVIDUAL": {"BANK_BOOK"}, "UNIT": {"SEAL_CARD"}}  # HAL-03
SINCE_THE_ORDER = ("number", "iccid", "main_offer_id", "brand", "home_area", "pay_type")


class Blacklisted(Exception):
    """This document is on the black list: no postpaid number is opened for it (BMC-06)."""


class TooManyNumbers(Exception):
    """This document has as many numbers as the law allows for one (D14.1)."""


class NotOneRegister(Exception):
    """Number and card belong to different home registers; take a card of the number's register (D12.3)."""


@transaction.atomic
def open_user(
    *,
    customer_id: int,
    account_id: int,
    service_type: str,
    brand: str,
    home_area: int,
    pay_type: str,
    number: int,
    iccid: str,
    imsi: int,
    main_offer_id: int,
    first_month: str,
    at: datetime,
    staff_id: int | None,
) -> int:
    """Open a user whose usage can be rated at once; return the id. What an opening order ends in.

    Raises the refusals of customers.open_subscriber; then nothing was changed.
    """
    subscriber_id = customers.open_subscriber(
        customer_id=customer_id,
        account_id=account_id,
        service_type=service_type,
        brand=brand,
        home_area=home_area,
        pay_type=pay_type,
        number=number,
        iccid=iccid,
        imsi=imsi,
        main_offer_id=main_offer_id,
        first_month=first_month,
        at=at,
        staff_id=staff_id,
    )
    announce_users(customers.engine_image(subscriber_ids=[subscriber_id]))
    keep_wallets.follow_payers([subscriber_id], at=at, staff_id=staff_id)
    return subscriber_id


def plan(asked: Asked) -> Plan:
    """Say what an opening needs and costs.

    request  number, iccid, main_offer_id, brand, home_area, pay_type, account_id; add_ons [offer_id], roaming, agent
             (somebody acts for the holder), first_month, lead_id (the potential customer they were: BMC-01)
    Raises RequestIncomplete, Blacklisted, TooManyNumbers, NumberUnknown, NumberChosen, SimUnknown, SimNotFree,
    NotOneRegister, NotYourStock, OfferRefused, PlanBelowMinimum.
    """
    for name in SINCE_THE_ORDER:
        asked.need(name)
    if asked.customer_id is None:
        raise RequestIncomplete("customer_id")
    person = customers.person_of(customer_id=asked.customer_id)
    _refuse_person(asked, person)
    number = _wanted_number(asked)
    card = _wanted_card(asked, number)
    wanted = [asked.need("main_offer_id"), *asked.request.get("add_ons", [])]
    codes = [offer_with(offer_id).code for offer_id in wanted]
    for place, code in enumerate(codes):
        refuse_unsuitable(asked, customer_id=asked.customer_id, offer_code=code, held=codes[:place])
    refuse_below_minimum(number, asked.need("main_offer_id"), asked.effective_at)
    steps = list(customers.hall_rule("hall.checklist.OPEN", on=customers.operator_day(asked.at)))
    documents = set(DOCUMENTS[person.kind]) | ({"AGENT_ID"} if asked.request.get("agent") else set())
    if _pay_method(asked) == "DIRECT_DEBIT":
        documents |= DIRECT_DEBIT_DOCUMENTS[person.kind]
        steps.append("BANK_CALL")
    if _is_child(person.born_on, asked):
        documents.add("GUARDIAN_ID")
    items = [
        Item("add", "SUBSCRIBER", {name: asked.request[name] for name in SINCE_THE_ORDER}),
        Item("add", "NUMBER", {"number": number.number, "grade": number.grade}, 0),
        Item("add", "SIM", {"iccid": card.iccid}, 0),
        *(Item("add", "OFFER", {"offer_id": offer_id}, 0) for offer_id in wanted),
    ]
    price = _price(asked, person, number, card, with_deposit="DEPOSIT" in steps)
    price += fees_at_counter(wanted, on=customers.operator_day(asked.effective_at))
    return Plan(items, price, steps, frozenset(documents), asked.request.get("account_id"))


def _refuse_person(asked: Asked, person: customers.Person) -> None:
    today = customers.operator_day(asked.at)
    listed = customers.lists_of_customer(customer_id=person.customer_id, at=asked.at)
    if asked.need("pay_type") == "POSTPAID" and "BLACK" in listed:
        raise Blacklisted()
    most = customers.hall_rule("hall.numbers_per_document", on=today)
    if person.kind == "INDIVIDUAL" and customers.numbers_of_document(customer_id=person.customer_id) >= most:
        raise TooManyNumbers(most)


def _is_child(born_on: date | None, asked: Asked) -> bool:
    today = customers.operator_day(asked.at)
    age = customers.hall_rule("hall.guardian_age", on=today)
    return born_on is not None and customers.months_later(born_on, age * 12) > today


def _wanted_number(asked: Asked) -> resources.NumberOffer:
    """The number that is to be opened: reserved by this order, or free to be."""
    number = resources.number_view(number=asked.need("number"), at=asked.at)
    if not resources.may_be_taken(number=number.number, by=asked.key, at=asked.at):
        raise resources.NumberChosen(number.number)
    return number


def _wanted_card(asked: Asked, number: resources.NumberOffer) -> resources.SimView:
    card = resources.sim_view(iccid=asked.need("iccid"))
    own_pair = card.state == "PAIRED" and card.number == number.number
    if card.state not in ("IN_STOCK", "ISSUED", "WRITTEN") and not own_pair:
        raise resources.SimNotFree(card.iccid)
    if card.hlr_code != number.hlr_code:
        raise NotOneRegister(f"{number.hlr_code}, {card.hlr_code}")
    return card


def _pay_method(asked: Asked) -> str:
    return customers.account_view(account_id=asked.need("account_id")).pay_method


def _price(
    asked: Asked,
    person: customers.Person,
    number: resources.NumberOffer,
    card: resources.SimView,
    *,
    with_deposit: bool,
) -> list[Fee]:
    """Card, deposits and pre-deposit; a unit that pays by direct debit pays no pre-deposit (HAL-04)."""
    today = customers.operator_day(asked.at)
    card_fen = {item.code: item.price_fen for item in resources.item_types(kind="SIM")}[card.item_code]
    lines = fee("SIM_CARD", card_fen)
    if not with_deposit:
        return lines
    if not (person.kind == "UNIT" and _pay_method(asked) == "DIRECT_DEBIT"):
        lines += fee("PRE_DEPOSIT", customers.hall_rule("hall.deposit_fen", on=today), booking="ADVANCE")
    free_from = customers.hall_rule("hall.roaming_deposit_waived_from_star", on=today)
    if asked.request.get("roaming") and customers.best_star(customer_id=person.customer_id) < free_from:
        lines += fee("ROAMING_DEPOSIT", customers.hall_rule("hall.roaming_deposit_fen", on=today), booking="DEPOSIT")
    return lines + fee("VANITY_DEPOSIT", number.deposit_fen, booking="DEPOSIT")


def hold(asked: Asked) -> None:
    """Keep number and card for this order."""
    resources.reserve_number(number=asked.need("number"), by=asked.key, at=asked.at, staff_id=asked.staff_id)
    pair = {"iccid": asked.need("iccid"), "number": asked.need("number")}
    resources.pair_sim(**pair, at=asked.at, staff_id=asked.staff_id, within=asked.within)


def release(asked: Asked) -> None:
    """Give number and card back."""
    resources.unpair_sim(iccid=asked.need("iccid"), at=asked.at, staff_id=asked.staff_id)
    resources.release_number(number=asked.need("number"), by=asked.key, at=asked.at, staff_id=asked.staff_id)


def carry_out(asked: Asked) -> Result:
    """Open the user with everything that was asked for."""
    assert asked.customer_id is not None
    request, at, staff_id = asked.request, asked.at, asked.staff_id
    account_id = request["account_id"]
    card = resources.sim_view(iccid=request["iccid"])
    subscriber_id = customers.open_subscriber(
        customer_id=asked.customer_id,
        account_id=account_id,
        service_type=request.get("service_type", "MOBILE"),
        brand=request["brand"],
        home_area=request["home_area"],
        pay_type=request["pay_type"],
        number=request["number"],
        iccid=card.iccid,
        imsi=card.imsi,
        main_offer_id=request["main_offer_id"],
        first_month=request.get("first_month", "PRORATE"),
        at=at,
        staff_id=staff_id,
    )
    own = {"subscriber_id": subscriber_id, "at": at, "staff_id": staff_id}
    resources.occupy_number(number=request["number"], by=asked.key, **own)
    resources.use_sim(iccid=card.iccid, **own)
    for offer_id in request.get("add_ons", []):
        customers.hold_product(offer_id=offer_id, first_month="FULL", from_at=at, **own)
    begin_term(subscriber_id, request["number"], at, staff_id)
    class_offers.follow(subscriber_ids=[subscriber_id], at=at, staff_id=staff_id)
    tell_engine(subscriber_id)
    keep_wallets.follow_payers([subscriber_id], at=at, staff_id=staff_id)
    welcome(request["number"], account_id, at)
    result = {"subscriber_id": subscriber_id, "account_id": account_id}
    if lead_id := request.get("lead_id"):
        about = {"customer_id": asked.customer_id, "subscriber_id": subscriber_id, "at": at, "staff_id": staff_id}
        result["campaign"] = customers.convert_lead(lead_id=lead_id, **about)
    return result


def welcome(number: int, account_id: int, at: datetime) -> None:
    """Welcome a new user by SMS, with the notice to keep the password safe (PWD-06, PWD-09)."""
    language = customers.account_view(account_id=account_id).language
    send_out(topic="sms", payload=customers.sms(number, "WELCOME", language=language), at=at)


def undo(asked: Asked, result: Result) -> None:
    """Reverse an opening, on the day it was made: the user ends (tag 5), the number rests, the card is scrapped.

    Raises NotReversible on a later day: then the user is cancelled. Source: D2.1, D13.3.
    """
    subscriber_id = result["subscriber_id"]
    if asked.at - asked.effective_at >= timedelta(days=1):
        raise NotReversible("cancel the user instead")
    own = {"at": asked.at, "staff_id": asked.staff_id}
    customers.end_agreements(subscriber_id=subscriber_id, **own)
    customers.terminate(subscriber_id=subscriber_id, remove_tag=5, **own)
    resources.retire_sim(iccid=asked.need("iccid"), state="SCRAPPED", reason="opening reversed", **own)
    resources.quarantine_number(number=asked.need("number"), **own)
    bar_in_engine({subscriber_id: "TERMINATED"})
    tell_engine(subscriber_id)


FLOW = Flow("OPEN", "OPEN", plan, carry_out, undo, hold, release)
