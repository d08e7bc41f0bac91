"""Another province's hall serves a user of ours: how they stand, stops, another card, services (HAL-14, HUB-02).

    proof    the document or the service password the user showed there is checked here, against our records
    order    the same flows as at our own counters, on channel REMOTE, once under the other province's number;
             what they cost stands on the user's bill: no money crosses between provinces for them
    card     one of our own cards kept for this; the other hall writes its number and IMSI onto a blank one

Payments: `processes/remote_payments.py`. Access has checked who speaks.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from openboss.modules.catalog.atomic import offers
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.orders import functions as orders
from openboss.modules.receivables.functions.points import points_of
from openboss.modules.resources import functions as resources
from openboss.processes import hall
from openboss.processes.order_flow import RequestIncomplete, offer_named

CHANNEL = "REMOTE"
KINDS = {
    ("SUSPEND", "LOST"): "REPORT_LOST",
    ("SUSPEND", "KEEP"): "HOLD",
    ("RESUME", "LOST"): "RELEASE_LOST",
    ("RESUME", "KEEP"): "RESUME",
}
SERVICE_KINDS = {"ADD_SERVICE": "ADD_PRODUCT", "END_SERVICE": "END_PRODUCT"}


class NoCardKept(Exception):
    """We keep no free card for users who are elsewhere; let the user come to a hall of ours."""


@dataclass(frozen=True)
class Shown:
    """What the user showed in the other province: the number of their document, or their service password."""

    cert_no: str = ""
    password: str = ""


@dataclass(frozen=True)
class Served:
    """What the other province is told, and our number of the order; empty for a question."""

    answer: dict[str, Any]
    our_id: str = ""


def proofs_of(*, subscriber_id: int, shown: Shown, at: datetime) -> set[Proof]:
    """Check what the user showed elsewhere. Raises DocumentDiffers, PasswordWrong, PasswordLocked, PasswordMissing."""
    found: set[Proof] = set()
    if shown.cert_no:
        customer_id = customers.customer_of_subscriber(subscriber_id=subscriber_id)
        customers.check_holder(customer_id=customer_id, cert_no=shown.cert_no, at=at, staff_id=None)
        found.add(Proof.HOLDER_AT_HALL)
    if shown.password:
        found.add(
            customers.check_password_of(subscriber_id=subscriber_id, kind="SERVICE", digits=shown.password, at=at)
        )
    return found


def status(*, number: int, shown: Shown, at: datetime) -> Served:
    """Tell how a user of ours stands: state, stops, plans, name masked (HUB-02).

    Raises SubscriberUnknown, NotEntitled, and what `proofs_of` raises.
    """
    user = customers.subscriber_of_number(number=number, at=at)
    customers.refuse_unproved("QUERY_BALANCE", proofs_of(subscriber_id=user, shown=shown, at=at))
    customer_id = customers.customer_of_subscriber(subscriber_id=user)
    names = {one.offer_id: one.name_zh for one in offers()}
    held = customers.offers_held(subscriber_id=user, at=at)
    return Served(
        {
            "State": customers.effective_state(subscriber_id=user, at=at),
            "Stops": sorted(customers.active_reasons(subscriber_id=user, at=at)),
            "Plans": [names.get(one, str(one)) for one in held.values()],
            "Name": customers.names_of_customers(customer_ids=[customer_id])[customer_id],
        }
    )


def points(*, number: int, shown: Shown, at: datetime) -> Served:
    """Tell how many points a user of ours has. Raises as `status`."""
    user = customers.subscriber_of_number(number=number, at=at)
    customers.refuse_unproved("QUERY_BALANCE", proofs_of(subscriber_id=user, shown=shown, at=at))
    return Served({"Points": points_of(subscriber_id=user)})


def serve(
    *,
    activity: str,
    province: str,
    trans_id: str,
    number: int,
    shown: Shown,
    at: datetime,
    reason: str = "",
    offer: str = "",
) -> Served:
    """Suspend, resume, give another card, add or end a service; the same number again gives the same answer.

    activity  SUSPEND, RESUME (reason LOST or KEEP), REPLACE_SIM, ADD_SERVICE, END_SERVICE (offer: its code)
    Raises SubscriberUnknown, NotEntitled, NoCardKept, RequestIncomplete, OrderDifferent, what `proofs_of` raises and
    the refusals of the flow; then nothing was changed.
    """
    user = customers.subscriber_of_number(number=number, at=at)
    serial_no = f"HUB {province} {trans_id}"
    known = orders.order_by_serial(serial_no=serial_no)
    if known is not None:
        kind = KINDS.get((activity, reason), SERVICE_KINDS.get(activity, activity))
        asked_for = {item.values.get("offer_id") for item in known.items}
        is_same_offer = activity not in SERVICE_KINDS or offer_named(offer).offer_id in asked_for
        if (known.subscriber_id, known.kind) != (user, kind) or not is_same_offer:
            raise orders.OrderDifferent(serial_no)
        return _served(known)
    proofs = proofs_of(subscriber_id=user, shown=shown, at=at)  # before all else: a wrong password stays counted
    with transaction.atomic():
        kind, request = _wanted(activity, reason, offer, user, number, at)
        done = hall.place_and_confirm(
            kind=kind,
            request=request,
            serial_no=serial_no,
            channel=CHANNEL,
            proofs=proofs,
            at=at,
            staff_id=None,
            org_code="",
            subscriber_id=user,
        )
        return _served(done)


def _wanted(activity: str, reason: str, offer: str, user: int, number: int, at: datetime) -> tuple[str, dict[str, Any]]:
    """The hall's kind of order and its request. Raises RequestIncomplete, OfferRefused, NoCardKept."""
    if activity == "REPLACE_SIM":
        return activity, {"iccid": _kept_card(number, at)}
    if activity in SERVICE_KINDS:
        offer_id = offer_named(offer).offer_id
        if activity == "ADD_SERVICE":
            return SERVICE_KINDS[activity], {"offer_id": offer_id}
        held = customers.offers_held(subscriber_id=user, at=at)
        return SERVICE_KINDS[activity], {"holding_id": next((one for one in held if held[one] == offer_id), 0)}
    if (activity, reason) not in KINDS:
        raise RequestIncomplete("Reason")
    return KINDS[activity, reason], {}


def _kept_card(number: int, at: datetime) -> str:
    """The next of our cards that are kept for users who are elsewhere, of the number's own register."""
    register = resources.number_view(number=number, at=at).hlr_code
    places = customers.hall_rule("hall.remote_card_places", on=customers.operator_day(at))
    free = resources.free_sims(org_codes=list(places), limit=100) if places else []
    found = next((one.iccid for one in free if one.hlr_code == register), None)
    if found is None:
        raise NoCardKept()
    return found


def _served(order: orders.OrderView) -> Served:
    answer: dict[str, Any] = {"State": order.state}
    if order.kind == "REPLACE_SIM":
        card = resources.sim_view(iccid=order.request["iccid"])
        answer |= {"Iccid": card.iccid, "Imsi": str(card.imsi)}
    return Served(answer, str(order.order_id))
