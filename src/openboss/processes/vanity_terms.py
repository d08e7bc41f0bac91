"""A vanity number is sold with a term: a deposit, a minimum a month, a breach fee for leaving early (D12.2)."""

from datetime import datetime
from decimal import Decimal

from openboss.modules.catalog.functions import offers_at
from openboss.modules.customers import functions as customers
from openboss.modules.resources import functions as resources

KIND = "VANITY"
FEN_PER_YUAN = 100


class PlanBelowMinimum(Exception):
    """This plan costs less a month than the number's agreement asks for; take a larger plan or another number."""


def monthly_fee_fen(offer_id: int, at: datetime) -> int:
    """What an offer costs a month by its document in force."""
    day = customers.operator_day(at)
    document = next((one.document for one in offers_at(day) if one.offer_id == offer_id), {})
    return sum(int(Decimal(str(rule["fee"])) * FEN_PER_YUAN) for rule in document.get("recurring") or [])


def refuse_below_minimum(number: resources.NumberOffer, offer_id: int, at: datetime) -> None:
    """Refuse a plan below the minimum of a number's grade. Raises PlanBelowMinimum."""
    if number.minimum_fen and monthly_fee_fen(offer_id, at) < number.minimum_fen:
        raise PlanBelowMinimum(number.minimum_fen)


def refuse_below_agreement(subscriber_id: int, offer_id: int, at: datetime) -> None:
    """Refuse a plan below what a user agreed to spend, while the term runs. Raises PlanBelowMinimum."""
    for agreement in customers.agreements_of(subscriber_id=subscriber_id, kind=KIND):
        if customers.operator_day(at) < agreement.to_on and monthly_fee_fen(offer_id, at) < agreement.minimum_fen:
            raise PlanBelowMinimum(agreement.minimum_fen)


def begin_term(subscriber_id: int, number: int, at: datetime, staff_id: int | None) -> None:
    """Bind a user of a vanity number to its minimum for the term of the operator (24 months in the demo)."""
    offer = resources.number_view(number=number, at=at)
    if offer.minimum_fen:
        customers.begin_agreement(
            subscriber_id=subscriber_id,
            kind=KIND,
            grade=offer.grade,
            minimum_fen=offer.minimum_fen,
            months=customers.hall_rule("hall.vanity_term_months", on=customers.operator_day(at)),
            at=at,
            staff_id=staff_id,
        )


def breach_fen(subscriber_id: int, at: datetime) -> int:
    """What leaving now costs: the months that remain x the minimum x 30 % (D12.2)."""
    today = customers.operator_day(at)
    percent = customers.hall_rule("hall.vanity_breach_percent", on=today)
    terms = customers.agreements_of(subscriber_id=subscriber_id, kind=KIND)
    return sum(term.breach_fen(today, percent=percent) for term in terms)
