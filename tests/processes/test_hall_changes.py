"""Changes at the counter: plan, number, card, loss, keeping, owner, payer, data (HAL-10 to HAL-13)."""

from datetime import UTC, datetime, timedelta

import pytest

from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.customers.models import Subscriber
from openboss.modules.orders import functions as orders
from openboss.modules.receivables.functions import points
from openboss.modules.receivables.functions.credit_watch import PayerPaysByBill
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.receivables.models import CreditWatch, Payment
from openboss.modules.resources import functions as resources
from openboss.processes import hall
from openboss.processes.change_customer import sealed_request
from openboss.processes.change_number import SameNumber
from openboss.processes.change_products import BrandChange, SamePlan
from openboss.processes.order_flow import NotReversible, OfferRefused
from openboss.processes.transfer_user import FeesOpen
from tests.modules.receivables.conftest import check_books, desk
from tests.processes.hall_office import (
    AT,
    CLERK_STEPS,
    DAY,
    HALL,
    HOLDER,
    ORDINARY,
    VANITY_G4,
    Office,
    line,
    network,
    number_state,
    office,
    state,
)

__all__ = ["desk", "office"]

LATER = AT + timedelta(hours=2)
DECEMBER = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
DYNAMIC, SERVICE = [Proof.DYNAMIC], [Proof.SERVICE]


def main_offer(user: int, at: datetime) -> int:
    held = customers.offers_held(subscriber_id=user, at=at)
    return next(one for one in held.values() if one not in (305, 306, 404))


def free_card() -> str:
    return resources.free_sims(org_codes=[HALL], limit=1)[0].iccid


def refused(office: Office, refusal: type[Exception], kind: str, user: int, **request) -> None:
    """The order is refused, and nothing but what was there before is there."""
    before = (orders.list_orders()[1], len(network()), Payment.objects.count(), line(user, LATER))
    with pytest.raises(refusal):
        office.do(kind, user, at=LATER, **request)
    assert (orders.list_orders()[1], len(network()), Payment.objects.count(), line(user, LATER)) == before


# --- plan ---


@pytest.mark.requirement("HAL-13")
def test_a_plan_changed_for_the_next_cycle_waits_and_may_be_taken_back(office: Office) -> None:
    user = office.open_user()
    order = office.do("CHANGE_PLAN", user, offer_id=103, proofs=DYNAMIC)
    assert (order.state, order.effective, order.effective_at) == ("PENDING", "NEXT_CYCLE", DECEMBER)
    assert (main_offer(user, AT + DAY), main_offer(user, DECEMBER)) == (102, 103)
    with pytest.raises(orders.OrderPending):
        office.do("CHANGE_PLAN", user, offer_id=110, proofs=DYNAMIC)
    assert main_offer(user, DECEMBER) == 103
    hall.cancel(order_id=order.order_id, reason="x", at=LATER, staff_id=office.clerk)
    assert main_offer(user, DECEMBER) == 102
    again = office.do("CHANGE_PLAN", user, offer_id=110, proofs=DYNAMIC)
    assert hall.run_due(at=DECEMBER - DAY) == {"COMPLETED": 0, "FAILED": 0}
    assert hall.run_due(at=DECEMBER) == {"COMPLETED": 1, "FAILED": 0}
    assert orders.order_view(order_id=again.order_id).state == "COMPLETED"
    assert main_offer(user, DECEMBER) == 110


@pytest.mark.requirement("HAL-13")
def test_a_plan_changed_now_counts_now_and_its_reversal_brings_the_old_one_back(office: Office) -> None:
    user = office.open_user()
    order = office.do("CHANGE_PLAN", user, at=LATER, offer_id=103, effective="NOW", proofs=DYNAMIC)
    assert (order.state, main_offer(user, LATER)) == ("COMPLETED", 103)
    evening = LATER + timedelta(hours=4)
    hall.reverse(order_id=order.order_id, serial_no="R", reason="x", at=evening, staff_id=office.clerk)
    assert (main_offer(user, evening - timedelta(hours=1)), main_offer(user, evening)) == (103, 102)


@pytest.mark.requirement("BMT-08")
def test_a_change_of_brand_asks_for_consent_keeps_the_number_and_changes_the_plan_from_the_next_cycle(
    office: Office,
) -> None:
    user = office.open_user()
    number = line(user).number
    refused(office, BrandChange, "CHANGE_PLAN", user, offer_id=202)
    office.do("CHANGE_PLAN", user, offer_id=202, change_brand=True)
    assert (line(user).brand, main_offer(user, DECEMBER - DAY), main_offer(user, DECEMBER)) == ("GOTONE", 102, 202)
    hall.run_due(at=DECEMBER)
    assert (line(user, DECEMBER).brand, line(user, DECEMBER).number) == ("EASYOWN", number)


def test_a_list_changed_today_keeps_what_was_written_ahead_for_the_next_month(office: Office) -> None:
    user, friend, third, other, fourth = office.open_user(), *range(8613907110001, 8613907110005)
    change = {"kind": "CHANGE_LIST", "user": user, "at": LATER, "proofs": SERVICE}
    office.do(**change, add=[friend])
    ahead = office.do(**change, add=[other, fourth], remove=[friend], effective="NEXT_CYCLE")
    office.do(**change, add=[third])

    def listed(at: datetime) -> list[int]:
        return customers.listed_numbers(subscriber_id=user, at=at)

    assert (ahead.state, listed(LATER), listed(DECEMBER)) == ("PENDING", [friend, third], [third, other, fourth])
    with pytest.raises(customers.TooManyListed):  # ten today, but eleven with those that come
        office.do(**change, add=list(range(8613907110010, 8613907110018)))
    hall.cancel(order_id=ahead.order_id, reason="x", at=LATER, staff_id=office.clerk)
    assert (listed(LATER), listed(DECEMBER)) == ([friend, third], [friend, third])


@pytest.mark.requirement("ARC-06")
def test_the_call_centre_and_the_counter_make_the_same_order_with_the_same_result(office: Office) -> None:
    results = []
    for place, channel in enumerate(("HALL", "HOTLINE", "WEB")):
        user = office.open_user(number=ORDINARY + place)
        done = office.do("CHANGE_PLAN", user, at=LATER, offer_id=103, effective="NOW", channel=channel, proofs=SERVICE)
        results.append((done.kind, done.state, main_offer(user, LATER), [one.values["offer_id"] for one in done.items]))
    assert results == [("CHANGE_PLAN", "COMPLETED", 103, [103])] * 3


REFUSED = [
    ("CHANGE_PLAN", {"offer_id": 102}, SamePlan),
    ("CHANGE_PLAN", {"offer_id": 305}, OfferRefused),
    ("CHANGE_PLAN", {"offer_id": 999}, OfferRefused),
    ("CHANGE_PLAN", {"offer_id": 103, "proofs": [Proof.OWN_HANDSET]}, customers.NotEntitled),
    ("ADD_PRODUCT", {"offer_id": 103}, OfferRefused),
    ("END_PRODUCT", {"holding_id": 999_999}, OfferRefused),
    ("CHANGE_NUMBER", {"number": ORDINARY}, SameNumber),
    ("CHANGE_NUMBER", {"number": ORDINARY + 3, "proofs": SERVICE}, customers.NotEntitled),
    ("REPLACE_SIM", {"iccid": "nonsense"}, resources.SimUnknown),
    ("REPLACE_SIM", {"iccid": "x", "proofs": DYNAMIC}, customers.NotEntitled),
    ("REPLACE_SIM", {"iccid": "x", "proofs": SERVICE}, customers.NotEntitled),
    ("RELEASE_LOST", {}, customers.ReasonNotActive),
    ("RESUME", {}, customers.ReasonNotActive),
    ("REPORT_LOST", {"proofs": DYNAMIC}, customers.NotEntitled),
    ("TRANSFER", {"proofs": [Proof.SERVICE, Proof.ID_AT_HALL]}, customers.NotEntitled),
    ("CHANGE_CUSTOMER", {"proofs": DYNAMIC}, customers.NotEntitled),
    ("PRE_CANCEL", {"reason": "x", "proofs": [Proof.ID_AT_HALL, Proof.SERVICE]}, customers.NotEntitled),
    ("CANCEL", {}, customers.StateForbids),
    ("RE_INSTATE", {}, customers.StateForbids),
]


def test_what_cannot_be_done_is_refused_and_nothing_changes(office: Office) -> None:
    user = office.open_user()
    for kind, request, refusal in REFUSED:
        refused(office, refusal, kind, user, **request)


def test_who_is_stopped_changes_neither_plan_nor_number_nor_owner(office: Office) -> None:
    user = office.open_user()
    office.do("REPORT_LOST", user)
    request = {"offer_id": 103, "number": ORDINARY + 5, "to_customer_id": 1, "to_account_id": 1, "main_offer_id": 102}
    for kind in ("CHANGE_PLAN", "TRANSFER", "CHANGE_NUMBER", "ADD_PRODUCT"):
        refused(office, customers.StopsForbid, kind, user, **request)


def test_an_add_on_begins_now_and_one_that_excludes_it_is_refused_until_it_ends(office: Office) -> None:
    user = office.open_user()
    order = office.do("ADD_PRODUCT", user, at=LATER, offer_id=305, proofs=DYNAMIC)
    refused(office, OfferRefused, "ADD_PRODUCT", user, offer_id=306)
    office.do("END_PRODUCT", user, at=LATER + DAY, holding_id=order.result["holding_id"], proofs=DYNAMIC)
    assert 305 in customers.offers_held(subscriber_id=user, at=LATER).values()
    office.do("ADD_PRODUCT", user, at=LATER + 2 * DAY, offer_id=306, proofs=DYNAMIC)
    assert 305 not in customers.offers_held(subscriber_id=user, at=LATER + 2 * DAY).values()


# --- number and card ---


def test_a_new_number_is_occupied_the_old_one_rests_and_the_card_stays(office: Office) -> None:
    user = office.open_user()
    card = line(user).iccid
    order = office.do("CHANGE_NUMBER", user, at=LATER, number=ORDINARY + 5)
    assert {one.code: one.fee_fen for one in order.fees} == {"NUMBER_CHANGE": 2000}
    now = line(user, LATER)
    assert (now.number, now.iccid) == (ORDINARY + 5, card)
    assert (number_state(ORDINARY), number_state(ORDINARY + 5)) == ("QUARANTINE", "OCCUPIED")
    assert resources.sim_view(iccid=card).number == ORDINARY + 5
    assert network()[-1]["msisdn"] == ORDINARY + 5
    hall.reverse(order_id=order.order_id, serial_no="R", reason="x", at=LATER, staff_id=office.clerk)
    assert (line(user, LATER).number, number_state(ORDINARY + 5)) == (ORDINARY, "QUARANTINE")
    check_books()


def test_leaving_a_vanity_number_inside_its_term_costs_30_percent_of_what_remains(office: Office) -> None:
    user = office.open_user(number=VANITY_G4, main_offer_id=110)
    order = office.place(
        "CHANGE_NUMBER", user=user, at=AT + 61 * DAY, number=ORDINARY
    )  # 2 January 2027: 22 months left
    assert {one.code: one.fee_fen for one in order.fees} == {
        "NUMBER_CHANGE": 2000,
        "VANITY_BREACH": 22 * 19_800 * 30 // 100,
    }


@pytest.mark.requirement("HAL-11")
def test_with_a_new_card_the_old_imsi_is_dead_before_the_new_one_lives_and_the_number_stays(office: Office) -> None:
    user = office.open_user()
    before = line(user)
    office.do("REPORT_LOST", user, proofs=SERVICE)
    card = free_card()
    refused(office, customers.NotEntitled, "REPLACE_SIM", user, iccid=card, proofs=DYNAMIC)
    order = office.do("REPLACE_SIM", user, at=LATER, iccid=card, proofs=[Proof.SERVICE, Proof.ID_AT_HALL])
    assert {one.code: one.fee_fen for one in order.fees} == {"SIM_CARD": 5000, "SIM_REPLACEMENT": 1000}
    now = line(user, LATER)
    assert (now.number, now.iccid, now.imsi != before.imsi) == (before.number, card, True)
    assert (resources.sim_view(iccid=before.iccid).state, resources.sim_view(iccid=card).state) == ("LOST", "IN_USE")
    deleted, set_again = network()[-2:]
    assert deleted == {"verb": "DELETE", "imsi": before.imsi}
    assert (set_again["imsi"], set_again["voice_in"]) == (now.imsi, False)  # still reported lost
    with pytest.raises(NotReversible):
        hall.reverse(order_id=order.order_id, serial_no="R", reason="x", at=LATER, staff_id=office.clerk)
    refused(office, resources.SimNotFree, "REPLACE_SIM", user, iccid=before.iccid)


# --- loss, keeping ---


@pytest.mark.requirement("HAL-12")
def test_loss_bars_everything_and_its_release_opens_it_again(office: Office) -> None:
    user = office.open_user()
    office.do("REPORT_LOST", user, proofs=SERVICE)
    assert (state(user), network()[-1]["voice_in"], network()[-1]["data"]) == ("TWO_WAY_STOP", False, False)
    office.do("RELEASE_LOST", user, at=LATER, proofs=SERVICE)
    assert (state(user, LATER), network()[-1]["voice_in"]) == ("ACTIVE", True)


@pytest.mark.requirement("HAL-12")
def test_a_kept_number_pays_the_keeping_fee_until_it_resumes(office: Office) -> None:
    user = office.open_user()
    office.do("HOLD", user, proofs=DYNAMIC)
    assert (state(user), 404 in customers.offers_held(subscriber_id=user, at=AT).values()) == ("TWO_WAY_STOP", True)
    office.do("RESUME", user, at=LATER, proofs=DYNAMIC)
    assert state(user, LATER) == "ACTIVE"
    assert 404 not in customers.offers_held(subscriber_id=user, at=LATER).values()


def test_a_number_is_not_kept_while_a_bill_is_overdue(office: Office) -> None:
    user = office.open_user()
    office.desk.bill(office.account_id, 202609, user=user, RENT=30_000)
    refused(office, customers.HoldWithArrears, "HOLD", user, proofs=DYNAMIC)
    assert state(user, LATER) == "ACTIVE"


# --- owner, payer, data ---


def other_customer(office: Office) -> tuple[int, int]:
    customer_id = customers.find_or_create_customer(
        kind="INDIVIDUAL", name="赵云", cert_type="PASSPORT", cert_no="E12345678", org_code=HALL, at=AT, staff_id=7
    )
    account_id = customers.open_account(
        customer_id=customer_id, pay_method="CASH", language="en", layout="STANDARD", at=AT, staff_id=7
    )
    return customer_id, account_id


@pytest.mark.requirement("HAL-10")
def test_a_transfer_cuts_at_its_moment_and_takes_neither_password_nor_term_along(office: Office) -> None:
    user = office.open_user(number=VANITY_G4, main_offer_id=110)
    card = line(user)
    points.adjust(subscriber_id=user, points=90, reason="a gift", serial_no="P", at=AT, staff_id=7)
    customer_id, account_id = other_customer(office)
    request = {"to_customer_id": customer_id, "to_account_id": account_id, "main_offer_id": 110}
    order = office.place("TRANSFER", user=user, at=LATER, **request)
    assert {one.code: one.fee_fen for one in order.fees} == {"VANITY_DEPOSIT": 100_000}
    office.fill_in(order, documents=("HOLDER_ID", "NEW_HOLDER_ID"))
    with pytest.raises(hall.OrderIncomplete, match="PASSWORD"):
        office.confirm(order, at=LATER)
    done = office.confirm(order, at=LATER, service_password="903817")
    fresh = done.subscriber_id
    assert (state(user, LATER), line(user, LATER).remove_tag) == ("TERMINATED", 6)
    now = line(fresh, LATER)
    assert (now.customer_id, now.number, now.imsi, now.opened_at) == (customer_id, VANITY_G4, card.imsi, LATER)
    assert customers.paying_account(subscriber_id=fresh, cycle=202611) == account_id
    assert [one.from_on.isoformat() for one in customers.agreements_of(subscriber_id=fresh)] == ["2026-11-02"]
    assert customers.agreements_of(subscriber_id=user) == []
    with pytest.raises(customers.PasswordMissing):
        customers.check_password_of(subscriber_id=user, kind="SERVICE", digits="258014", at=LATER)
    proof = customers.check_password_of(subscriber_id=fresh, kind="SERVICE", digits="903817", at=LATER)
    assert proof is Proof.SERVICE
    assert resources.sim_view(iccid=card.iccid).subscriber_id == fresh
    assert "DELETE" not in [one["verb"] for one in network()]
    assert [points.points_of(subscriber_id=one) for one in (user, fresh)] == [0, 0]


@pytest.mark.requirement("HAL-10")
def test_nothing_changes_hands_while_fees_are_open(office: Office) -> None:
    user = office.open_user()
    office.desk.bill(office.account_id, 202610, user=user, RENT=12_345)
    customer_id, account_id = other_customer(office)
    request = {"to_customer_id": customer_id, "to_account_id": account_id, "main_offer_id": 102}
    refused(office, FeesOpen, "TRANSFER", user, **request)
    office.desk.pay(office.account_id, owed(account_id=office.account_id, at=LATER).owed_fen, LATER)
    order = office.place("TRANSFER", user=user, at=LATER, **request)
    office.fill_in(order, documents=("HOLDER_ID", "NEW_HOLDER_ID"), at=LATER)
    fresh = office.confirm(order, at=LATER, service_password="903817").subscriber_id
    assert line(fresh, LATER).customer_id == customer_id
    assert [owed(account_id=one, at=LATER).owed_fen for one in (office.account_id, account_id)] == [0, 0]


@pytest.mark.requirement("HAL-13")
def test_another_payer_pays_from_the_next_cycle_unless_from_the_open_bill(office: Office) -> None:
    user = office.open_user()
    _, account_id = other_customer(office)
    office.do("CHANGE_PAYER", user, account_id=account_id, mode="REST", proofs=SERVICE)
    assert customers.paying_account(subscriber_id=user, cycle=202611) == office.account_id
    assert customers.paying_account(subscriber_id=user, cycle=202612) == account_id
    hall.run_due(at=DECEMBER)
    office.do("CHANGE_PAYER", user, at=LATER, account_id=account_id, mode="REST", effective="NOW", proofs=SERVICE)
    assert customers.paying_account(subscriber_id=user, cycle=202611) == account_id


def test_an_account_that_pays_by_bill_for_others_takes_no_user_who_pays_before_use(office: Office) -> None:
    user = office.open_user()
    _, account_id = other_customer(office)
    CreditWatch.objects.create(account_id=account_id, since_at=AT)
    request = {"account_id": account_id, "mode": "REST"}
    assert line(user, AT).pay_type == "POSTPAID"
    Subscriber.objects.filter(subscriber_id=user).update(pay_type="PREPAID")
    refused(office, PayerPaysByBill, "CHANGE_PAYER", user, **request)
    assert customers.paying_account(subscriber_id=user, cycle=202612) == office.account_id
    CreditWatch.objects.all().delete()
    office.do("CHANGE_PAYER", user, proofs=SERVICE, **request)
    assert customers.paying_account(subscriber_id=user, cycle=202612) == account_id


def test_personal_data_change_by_an_order_that_does_not_hold_them(office: Office) -> None:
    request = sealed_request({"name": "李铭"}, reason="更正")
    order = office.place("CHANGE_CUSTOMER", customer_id=office.customer_id, **request)
    office.fill_in(order, documents=("HOLDER_ID",))
    assert office.confirm(order, tender=None).state == "COMPLETED"
    assert "李铭" not in repr(orders.order_view(order_id=order.order_id))
    assert customers.name_on_bill(customer_id=office.customer_id) == "李铭"


# --- what waits for its day ---


def test_an_order_for_a_day_is_carried_out_on_it_and_one_that_cannot_be_gives_its_money_back(office: Office) -> None:
    user, other = office.open_user(), office.open_user(number=ORDINARY + 1)
    paid_before = sum(Payment.objects.values_list("paid_fen", flat=True))
    day = AT + 3 * DAY
    for who, number in ((user, ORDINARY + 5), (other, ORDINARY + 6)):
        order = office.place("CHANGE_NUMBER", user=who, number=number, effective="DATE", date_at=day)
        assert office.confirm(order).state == "PENDING"
    assert number_state(ORDINARY + 5) == "RESERVED"
    office.do("REPORT_LOST", other, at=LATER)
    assert hall.run_due(at=day) == {"COMPLETED": 1, "FAILED": 1}
    assert (line(user, day).number, line(other, day).number) == (ORDINARY + 5, ORDINARY + 1)
    failed = orders.list_orders(state="FAILED")[0][0]
    assert failed.reason.startswith("StopsForbid")
    assert number_state(ORDINARY + 6) == "IDLE"
    assert sum(Payment.objects.values_list("paid_fen", flat=True)) == paid_before + 2000
    check_books()


def test_everything_on_the_list_is_named_in_the_order(office: Office) -> None:
    order = office.place("OPEN", **office.open_request(add_ons=[305]))
    assert [(one.action, one.what, one.depends_on) for one in order.items] == [
        ("add", "SUBSCRIBER", None), ("add", "NUMBER", 0), ("add", "SIM", 0), ("add", "OFFER", 0), ("add", "OFFER", 0),
    ]  # fmt: skip
    assert set(CLERK_STEPS) <= set(order.open_steps)
    assert order.proofs == tuple(HOLDER)
