"""A user's products change: the customer's record and the charging engine learn of it in one transaction.

The engine takes the change before any usage that comes after it, so a plan changed at 10:00:00 prices a call at
10:00:05. Source: ARC-27, D7.4, D13.4.
"""

from datetime import datetime

from django.db import transaction

from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import Item
from openboss.processes.change_number import refuse_stopped
from openboss.processes.offer_fees import early_end_fees, fees_at_counter
from openboss.processes.order_flow import (
    Asked,
    Flow,
    NotReversible,
    OfferRefused,
    Plan,
    Result,
    offer_with,
    offers_of,
    refuse_unsuitable,
    tell_engine,
)
from openboss.processes.vanity_terms import refuse_below_agreement


@transaction.atomic
def order_product(
    *, subscriber_id: int, offer_id: int, from_at: datetime, first_month: str, at: datetime, staff_id: int | None
) -> int:
    """Give a user an add-on or group offer from a moment on; return the holding's id.

    Raises the refusals of customers.hold_product; then nothing was changed.
    """
    holding_id = customers.hold_product(
        subscriber_id=subscriber_id,
        offer_id=offer_id,
        first_month=first_month,
        from_at=from_at,
        at=at,
        staff_id=staff_id,
    )
    tell_engine(subscriber_id)
    return holding_id


@transaction.atomic
def change_plan(
    *,
    subscriber_id: int,
    offer_id: int,
    at: datetime,
    staff_id: int | None,
    from_at: datetime | None = None,
    first_month: str = "PRORATE",
) -> datetime:
    """Change a user's main offer, from the next cycle unless a moment is given; return that moment.

    Raises the refusals of customers.change_main_offer; then nothing was changed.
    """
    moment = customers.change_main_offer(
        subscriber_id=subscriber_id,
        offer_id=offer_id,
        at=at,
        staff_id=staff_id,
        from_at=from_at,
        first_month=first_month,
    )
    tell_engine(subscriber_id)
    return moment


@transaction.atomic
def end_product(
    *, subscriber_id: int, holding_id: int, to_at: datetime | None, at: datetime, staff_id: int | None
) -> None:
    """End an add-on or group offer at a moment, or never (None). Raises the refusals of customers.end_product."""
    customers.end_product(holding_id=holding_id, to_at=to_at, at=at, staff_id=staff_id)
    tell_engine(subscriber_id)


# --- the same as orders ---


class BrandChange(Exception):
    """This plan is of another brand; the customer has to agree to the change of brand as well (D13.1)."""


class SamePlan(ValueError):
    """The user has this plan already."""


def plan_plan_change(asked: Asked) -> Plan:
    """Say what a change of the main plan comes to; it begins with the next cycle unless asked otherwise.

    request  offer_id; first_month; change_brand: the customer agrees to another brand
    Raises RequestIncomplete, StateForbids, StopsForbid, SamePlan, BrandChange, OfferRefused, PlanBelowMinimum.
    """
    refuse_stopped(asked)
    wanted, line = offer_with(asked.need("offer_id")), customers.line_of(subscriber_id=asked.user, at=asked.at)
    held = offers_of(asked.user, asked.effective_at)
    if wanted.kind != "MAIN":
        raise OfferRefused(f"{wanted.code} is no main plan")
    if any(one.offer_id == wanted.offer_id for one in held.values()):
        raise SamePlan(wanted.code)
    if wanted.brand and wanted.brand != line.brand and not asked.request.get("change_brand"):
        raise BrandChange(wanted.brand)
    beside = [one.code for one in held.values() if one.kind != "MAIN"]
    refuse_unsuitable(asked, customer_id=line.customer_id, offer_code=wanted.code, held=beside)
    refuse_below_agreement(asked.user, wanted.offer_id, asked.effective_at)
    main = [holding_id for holding_id, one in held.items() if one.kind == "MAIN"]
    fees = early_end_fees(main, end_at=asked.effective_at)
    fees += fees_at_counter([wanted.offer_id], on=customers.operator_day(asked.effective_at))
    items = [Item("modify", "OFFER", {"offer_id": wanted.offer_id, "from_at": asked.effective_at.isoformat()})]
    return Plan(items, fees)


def carry_out_plan_change(asked: Asked) -> Result:
    """Write the change ahead: the engine and the bill run price by the moment from which it counts."""
    held = offers_of(asked.user, asked.effective_at)
    before = next((one.offer_id for one in held.values() if one.kind == "MAIN"), None)
    change_plan(
        subscriber_id=asked.user,
        offer_id=asked.need("offer_id"),
        at=asked.at,
        staff_id=asked.staff_id,
        from_at=asked.effective_at,
        first_month=asked.request.get("first_month", "PRORATE"),
    )
    return {"before": before}


def plan_takes_effect(asked: Asked) -> None:
    """On the day itself: the user belongs to the brand of the plan."""
    brand = offer_with(asked.need("offer_id")).brand
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    if brand and brand != line.brand and line.life == "ACTIVE":
        customers.set_brand(subscriber_id=asked.user, brand=brand, at=asked.at, staff_id=asked.staff_id)
        tell_engine(asked.user)


def undo_plan_change(asked: Asked, result: Result) -> None:
    """Take a change back that has not begun; one that has begun ends, and the plan before it begins again."""
    own = {"subscriber_id": asked.user, "at": asked.at, "staff_id": asked.staff_id}
    if customers.drop_pending_main_offer(**own) is None and result.get("before"):
        customers.change_main_offer(offer_id=result["before"], from_at=asked.at, **own)
        brand = offer_with(result["before"]).brand
        if brand:
            customers.set_brand(brand=brand, **own)
    tell_engine(asked.user)


def plan_addition(asked: Asked) -> Plan:
    """Say what an add-on comes to. request: offer_id, first_month. Raises as plan_plan_change."""
    refuse_stopped(asked)
    wanted, line = offer_with(asked.need("offer_id")), customers.line_of(subscriber_id=asked.user, at=asked.at)
    if wanted.kind == "MAIN":
        raise OfferRefused(f"{wanted.code} is a main plan: change the plan instead")
    if wanted.kind == "STANDARD" or wanted.offer_id in {one.offer_id for one in customers.classes().values()}:
        raise OfferRefused(f"{wanted.code} is held without being ordered")
    held = [one.code for one in offers_of(asked.user, asked.effective_at).values()]
    refuse_unsuitable(asked, customer_id=line.customer_id, offer_code=wanted.code, held=held)
    fees = fees_at_counter([wanted.offer_id], on=customers.operator_day(asked.effective_at))
    items = [Item("add", "OFFER", {"offer_id": wanted.offer_id, "from_at": asked.effective_at.isoformat()})]
    return Plan(items, fees)


def carry_out_addition(asked: Asked) -> Result:
    """Give the user the add-on from its moment on."""
    holding_id = order_product(
        subscriber_id=asked.user,
        offer_id=asked.need("offer_id"),
        from_at=asked.effective_at,
        first_month=asked.request.get("first_month", "FULL"),
        at=asked.at,
        staff_id=asked.staff_id,
    )
    return {"holding_id": holding_id}


def undo_addition(asked: Asked, result: Result) -> None:
    """End the add-on now; one that has not begun never begins."""
    end = max(asked.at, asked.effective_at)
    end_product(
        subscriber_id=asked.user, holding_id=result["holding_id"], to_at=end, at=asked.at, staff_id=asked.staff_id
    )


def plan_end(asked: Asked) -> Plan:
    """Say which product ends. request: holding_id. Raises RequestIncomplete, OfferRefused for what is not held."""
    held = offers_of(asked.user, asked.at)
    offer = held.get(asked.need("holding_id"))
    if offer is None or offer.kind == "MAIN":
        raise OfferRefused(str(asked.request["holding_id"]))
    items = [Item("delete", "OFFER", {"offer_id": offer.offer_id, "to_at": asked.effective_at.isoformat()})]
    return Plan(items, early_end_fees([asked.need("holding_id")], end_at=asked.effective_at))


def carry_out_end(asked: Asked) -> Result:
    """End the product at its moment."""
    before = customers.holding_row(holding_id=asked.need("holding_id"))
    end_product(
        subscriber_id=asked.user,
        holding_id=asked.need("holding_id"),
        to_at=asked.effective_at,
        at=asked.at,
        staff_id=asked.staff_id,
    )
    return {"offer_id": before.offer_id, "to_at": before.to_at.isoformat() if before.to_at else None}


def undo_end(asked: Asked, result: Result) -> None:
    """Let the product go on to the end it had before, unless something else ended it since.

    Raises NotReversible for one that has ended: it is taken anew.
    """
    if asked.effective_at <= asked.at:
        raise NotReversible("take the product anew instead")
    holding_id, before = asked.need("holding_id"), result.get("to_at")
    if customers.holding_row(holding_id=holding_id).to_at == asked.effective_at:
        to_at = datetime.fromisoformat(before) if before else None
        end_product(subscriber_id=asked.user, holding_id=holding_id, to_at=to_at, at=asked.at, staff_id=asked.staff_id)


CHANGE_PLAN = Flow(
    "CHANGE_PLAN",
    "CHANGE_PRODUCTS",
    plan_plan_change,
    carry_out_plan_change,
    undo_plan_change,
    writes_ahead=True,
    take_effect=plan_takes_effect,
    effective="NEXT_CYCLE",
)
ADD_PRODUCT = Flow(
    "ADD_PRODUCT", "CHANGE_PRODUCTS", plan_addition, carry_out_addition, undo_addition, writes_ahead=True
)
END_PRODUCT = Flow("END_PRODUCT", "CHANGE_PRODUCTS", plan_end, carry_out_end, undo_end, writes_ahead=True)
FLOWS = (CHANGE_PLAN, ADD_PRODUCT, END_PRODUCT)
