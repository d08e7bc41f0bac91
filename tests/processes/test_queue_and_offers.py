"""Who waits in a hall is called in order, who waits too long is known; one offer after a payment (HAL-05, HAL-15)."""

from datetime import timedelta

import pytest

from openboss.modules.catalog.atomic import move_offer
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.system.atomic import put_parameter
from openboss.modules.system.models import Outbox
from openboss.processes import counter_offer, queue_hall
from tests.modules.receivables.conftest import desk
from tests.processes.hall_office import AT, DAY, HALL, ORDINARY, Office, office

__all__ = ["desk", "office"]
MINUTE = timedelta(minutes=1)
ALL = ("PAY", "BUSINESS", "ADVICE", "UNIT")


def take(kind: str = "BUSINESS", after: int = 0, number: int | None = None) -> orders.TicketView:
    return queue_hall.take(org_code=HALL, kind=kind, at=AT + after * MINUTE, number=number)


def call(after: int, *, window: str = "1", kinds: tuple[str, ...] = ALL) -> str | None:
    own = {"org_code": HALL, "kinds": kinds, "window": window, "at": AT + after * MINUTE, "staff_id": 7}
    called = orders.call_next(**own)
    return called.label if called else None


@pytest.mark.requirement("HAL-15")
def test_average_wait_by_hall_and_hour_and_an_alarm_for_more_than_ten_minutes(office: Office) -> None:
    first, second, late = take(), take(after=2), take(after=60)
    assert [first.label, second.label, late.label] == ["B001", "B002", "B003"]
    assert call(8) == "B001"
    assert queue_hall.alarm(at=AT + 12 * MINUTE) == []  # exactly ten minutes are allowed
    (alarmed,) = queue_hall.alarm(at=AT + 13 * MINUTE)
    assert queue_hall.alarm(at=AT + 14 * MINUTE) == []
    told = Outbox.objects.get(topic="manager.alert").payload
    assert told == {"kind": "QUEUE_WAIT", "org_code": HALL, "ticket": "B002", "waited_s": 660}
    assert alarmed.label == "B002"
    assert [call(16), call(63), call(64)] == ["B002", "B003", None]
    own = {"org_codes": [HALL], "from_at": AT, "to_at": AT + DAY}
    hours = [(one.wait.hour_at, one.wait.tickets, one.wait.average_s) for one in queue_hall.hours_of(**own)]
    assert hours == [(AT, 2, (8 + 14) * 60 // 2), (AT + 60 * MINUTE, 1, 180)]  # the hall's hours begin at 10:00
    assert [one.is_too_long for one in queue_hall.hours_of(**own)] == [True, False]
    put_parameter(key="hall.queue_wait_max_s", value=900, from_on=AT.date(), at=AT)
    assert [one.is_too_long for one in queue_hall.hours_of(**own)] == [False, False]


def test_key_customers_are_called_first_and_then_who_came_first_by_what_a_window_does(office: Office) -> None:
    office.open_user()
    until_on = customers.operator_day(AT + 90 * DAY)
    take(), take("PAY", after=1)
    ordinary = take(after=2, number=ORDINARY)
    customers.set_vip_by_hand(
        customer_id=office.customer_id, level="GOLD", until_on=until_on, reason="x", at=AT, staff_id=7
    )
    key = take("PAY", after=3, number=ORDINARY)
    assert (ordinary.rank, key.rank, key.customer_id) == (orders.EVERYBODY, orders.KEY_CUSTOMER, office.customer_id)
    orders.prepare(queue_ticket_id=ordinary.queue_ticket_id, preparation="ID copied", at=AT, staff_id=7)
    called = [call(5), call(5, window="2"), call(6, kinds=("PAY",)), call(7, window="2")]
    assert called == ["A002", "B001", "A001", "B002"]
    (last, done) = orders.tickets_of_day(org_code=HALL, at=AT)
    assert {last.label, done.label} == {"A001", "B002"}  # a window that calls the next one has served the one before
    orders.close_ticket(queue_ticket_id=done.queue_ticket_id, outcome="LEFT", at=AT + 8 * MINUTE, staff_id=7)
    begins_alike = take("PAY", after=8, number=ORDINARY // 10)
    assert (begins_alike.rank, begins_alike.customer_id) == (orders.EVERYBODY, None)
    with pytest.raises(orders.TicketClosed):
        orders.close_ticket(queue_ticket_id=done.queue_ticket_id, outcome="SERVED", at=AT + 8 * MINUTE, staff_id=7)
    with pytest.raises(orders.TicketKindUnknown):
        take("SPA")
    assert take(after=24 * 60).label == "B001"  # the next day begins anew


def test_one_offer_fits_and_whoever_said_something_is_not_asked_the_same_within_the_rest(office: Office) -> None:
    user = office.open_user()
    found = counter_offer.offer_for_account(account_id=office.account_id, at=AT)
    assert found is not None
    assert (found.subscriber_id, found.offer.offer_id) == (user, 305)
    log = {"subscriber_id": user, "channel": "HALL", "org_code": HALL, "at": AT, "staff_id": 7}
    assert orders.log_offer(offer_id=305, answer="DECLINED", payment_id=1, **log)
    assert not orders.log_offer(offer_id=306, answer="TAKEN", payment_id=1, **log)  # one offer a payment
    assert orders.offer_after_payment(payment_id=1) == orders.offers_made(subscriber_id=user)[0]
    (again,) = [counter_offer.offer_for(subscriber_id=user, at=AT)]
    assert again is not None
    assert again.offer.offer_id == 306
    put_parameter(key="hall.counter_offers", value=["OFFER_305"], from_on=AT.date(), at=AT)
    assert counter_offer.offer_for(subscriber_id=user, at=AT) is None
    later = counter_offer.offer_for(subscriber_id=user, at=AT + 31 * DAY)
    assert later is not None
    assert later.offer.offer_id == 305


def test_what_is_held_counts_against_an_offer_after_its_sale_ended_too(office: Office) -> None:
    user = office.open_user()
    office.do("ADD_PRODUCT", user, offer_id=305)
    move_offer(offer_id=305, life="OFF_SALE", at=AT, staff_id=7)
    put_parameter(key="hall.counter_offers", value=["OFFER_306"], from_on=AT.date(), at=AT)
    assert counter_offer.offer_for(subscriber_id=user, at=AT) is None  # 306 does not go with 305
