"""One offer at the end of a payment, never a list: the first that fits and was not declined lately (HAL-01, HAL-05).

choose   the operator's list in its order, or what is on sale as add-on: not held, allowed to this customer,
         not declined within the rest the operator gives
log      what the customer said, once a payment
accept   at a machine or on the web the customer orders it by themselves
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from openboss.modules.catalog.atomic import OfferVersionView
from openboss.modules.catalog.functions.sale import offers_on_sale, refusals
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import OrderView
from openboss.processes import hall
from openboss.processes.order_flow import buyer_of, offers_of


@dataclass(frozen=True)
class CounterOffer:
    """The one offer for a user."""

    subscriber_id: int
    offer: OfferVersionView


def offer_for_account(*, account_id: int, at: datetime) -> CounterOffer | None:
    """Choose the one offer for the first user in service of who pays this account; None if nothing fits."""
    picture = customers.customer_360(customer_id=customers.customer_of_account(account_id=account_id), at=at)
    user = next((one for one in picture.subscribers if one.state == "ACTIVE"), None)
    return offer_for(subscriber_id=user.subscriber_id, at=at) if user else None


def offer_for(*, subscriber_id: int, at: datetime) -> CounterOffer | None:
    """Choose the one offer for a user; None if nothing fits. Raises CustomerUnknown."""
    on = customers.operator_day(at)
    wanted = list(customers.hall_rule("hall.counter_offers", on=on))
    on_sale = {one.code: one for one in offers_on_sale(on) if one.kind == "ADDON"}
    rest = timedelta(days=customers.hall_rule("hall.offer_rest_days", on=on))
    made = orders.offers_made(subscriber_id=subscriber_id, since_at=at - rest)
    tired_of = {one.offer_id for one in made}
    line, held = customers.line_of(subscriber_id=subscriber_id, at=at), offers_of(subscriber_id, at).values()
    codes = [one.code for one in held]
    buyer = buyer_of(customer_id=line.customer_id, held=codes, channel="HALL", area=line.home_area, on=on)
    for code in wanted or sorted(on_sale, key=lambda one: on_sale[one].offer_id):
        offer = on_sale.get(code)
        if offer is None or offer.offer_id in tired_of or code in buyer.held:
            continue
        if not refusals(code=code, buyer=buyer, on=on):
            return CounterOffer(subscriber_id, offer)
    return None


def accept(
    *,
    subscriber_id: int,
    offer_id: int,
    channel: str,
    serial_no: str,
    at: datetime,
    staff_id: int | None = None,
    org_code: str = "",
) -> OrderView:
    """Order what was offered, for a customer who has given the service password. Raises hall.IN_ONE_GO_REFUSALS."""
    return hall.place_and_confirm(
        kind="ADD_PRODUCT",
        serial_no=serial_no,
        channel=channel,
        request={"offer_id": offer_id, "first_month": "FULL"},
        proofs=[customers.Proof.SERVICE],
        at=at,
        staff_id=staff_id,
        org_code=org_code,
        subscriber_id=subscriber_id,
    )
