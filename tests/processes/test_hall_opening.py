"""Opening at the counter: nothing missing, nothing half done, the network told in the same breath (HAL-01 to 04)."""

from datetime import timedelta

import pytest

from openboss.modules.charging.models import EngineCommand
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.customers.models import Customer, Subscriber
from openboss.modules.orders import functions as orders
from openboss.modules.orders.models import OrderDocument
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.receivables.models import Payment
from openboss.modules.resources import functions as resources
from openboss.modules.system.atomic import put_parameter
from openboss.modules.system.functions import list_audit
from openboss.modules.system.keys import encrypt
from openboss.processes import abandoned_orders, hall, open_user
from openboss.processes.hall import OrderIncomplete, Tender
from openboss.processes.order_flow import NotReversible, OfferRefused, RequestIncomplete
from openboss.processes.pre_open_users import pre_open_batch
from openboss.processes.vanity_terms import PlanBelowMinimum
from tests.modules.receivables.conftest import check_books, desk
from tests.processes.hall_office import (
    AT,
    CLERK_STEPS,
    DAY,
    HALL,
    NUMBERS,
    ORDINARY,
    VANITY_G4,
    Office,
    line,
    network,
    number_state,
    office,
    sms,
    state,
)

__all__ = ["desk", "office"]


def unit(office: Office, *, pay_method: str = "CASH") -> tuple[int, int]:
    customer_id = customers.find_or_create_customer(
        kind="UNIT", name="楚江机械厂", cert_type="LICENCE", cert_no="914201000A", org_code=HALL, at=AT, staff_id=None
    )
    account_id = customers.open_account(
        customer_id=customer_id, pay_method=pay_method, language="zh", layout="STANDARD", at=AT, staff_id=None
    )
    return customer_id, account_id


def fees(order: orders.OrderView) -> dict[str, int]:
    return {one.code: one.fee_fen for one in order.fees}


def test_an_opening_does_not_finish_while_a_step_is_open_and_ends_with_everything(office: Office) -> None:
    order = office.place("OPEN", **office.open_request())
    assert fees(order) == {"SIM_CARD": 5000, "PRE_DEPOSIT": 10_000}
    assert (number_state(ORDINARY), order.state) == ("RESERVED", "ACKNOWLEDGED")
    office.fill_in(order, *CLERK_STEPS[:-1])
    with pytest.raises(OrderIncomplete, match="PASSWORD, OFFER"):
        office.confirm(order)
    assert not Subscriber.objects.exists()
    assert not Payment.objects.exists()
    office.fill_in(order, "OFFER")
    done = office.confirm(order, service_password="258014")
    user = done.subscriber_id
    assert (done.state, done.unpaid_fen, state(user)) == ("COMPLETED", 0, "ACTIVE")
    card = resources.sim_view(iccid=order.request["iccid"])
    assert (number_state(ORDINARY), card.state, card.subscriber_id) == ("OCCUPIED", "IN_USE", user)
    assert owed(account_id=office.account_id, at=AT).advance_fen == 10_000
    assert [one.step for one in done.steps] == list(customers.hall_rule("hall.checklist.OPEN", on=AT.date()))
    proof = customers.check_password_of(subscriber_id=user, kind="SERVICE", digits="258014", at=AT)
    assert proof is Proof.SERVICE
    assert network() == [
        {"verb": "SET", "imsi": card.imsi, "msisdn": ORDINARY, "voice_in": True, "voice_out": True, "data": True}
    ]
    assert sms() == ["WELCOME", "PASSWORD_SET"]
    assert EngineCommand.objects.filter(kind="IMAGE").exists()
    check_books()


@pytest.mark.requirement("OSS-12")
def test_an_order_is_four_tasks_of_which_three_wait_for_the_first_each_followed_and_the_customer_told(
    office: Office,
) -> None:
    order = office.place("OPEN", **office.open_request())
    assert [(one.what, one.depends_on, one.state) for one in order.items] == [
        ("SUBSCRIBER", None, "ACKNOWLEDGED"), ("NUMBER", 0, "ACKNOWLEDGED"), ("SIM", 0, "ACKNOWLEDGED"),
        ("OFFER", 0, "ACKNOWLEDGED"),
    ]  # fmt: skip
    office.fill_in(order, *CLERK_STEPS)
    done = office.confirm(order, service_password="258014")
    assert {one.state for one in done.items} == {"COMPLETED"}
    assert [one["verb"] for one in network()] == ["SET"]
    assert sms()[0] == "WELCOME"


@pytest.mark.requirement("HAL-02")
def test_a_unit_without_the_image_of_its_licence_is_blocked_and_an_agent_shows_both_documents(office: Office) -> None:
    customer_id, account_id = unit(office)
    request = office.open_request(customer_id=customer_id, account_id=account_id, agent=True)
    order = office.place("OPEN", **request, proofs=[Proof.ID_AT_HALL])
    office.fill_in(order, *CLERK_STEPS, documents=("CERTIFICATE",))
    with pytest.raises(OrderIncomplete, match="^AGENT_ID, LICENCE$"):
        office.confirm(order, service_password="258014")
    hall.attach(order_id=order.order_id, kind="LICENCE", content=b"x", at=AT, staff_id=7, is_verified=False)
    with pytest.raises(OrderIncomplete, match="LICENCE"):  # a copy that nobody compared with the original
        office.confirm(order, service_password="258014")
    office.fill_in(order, documents=("LICENCE", "AGENT_ID"))
    assert office.confirm(order, service_password="258014").state == "COMPLETED"
    assert b"CERTIFICATE" not in repr(orders.order_view(order_id=order.order_id)).encode().split(b"sha256")[1]


@pytest.mark.requirement("HAL-03")
def test_direct_debit_asks_for_the_bank_papers_and_a_call_to_the_bank(office: Office) -> None:
    account_id = customers.open_account(
        customer_id=office.customer_id, pay_method="DIRECT_DEBIT", language="zh", layout="STANDARD", at=AT, staff_id=7
    )
    order = office.place("OPEN", **office.open_request(account_id=account_id))
    office.fill_in(order, *CLERK_STEPS)
    with pytest.raises(OrderIncomplete, match="^BANK_CALL, BANK_BOOK$"):
        office.confirm(order, service_password="258014")
    office.fill_in(order, "BANK_CALL", documents=("BANK_BOOK",))
    assert office.confirm(order, service_password="258014").state == "COMPLETED"


@pytest.mark.requirement("HAL-04")
def test_a_unit_that_pays_by_direct_debit_pays_no_pre_deposit_and_roaming_asks_another(office: Office) -> None:
    customer_id, account_id = unit(office, pay_method="DIRECT_DEBIT")
    request = office.open_request(customer_id=customer_id, account_id=account_id)
    assert fees(office.place("OPEN", **request)) == {"SIM_CARD": 5000}
    other = office.open_request(customer_id=customer_id, account_id=account_id, number=ORDINARY + 1, roaming=True)
    assert fees(office.place("OPEN", **other)) == {"SIM_CARD": 5000, "ROAMING_DEPOSIT": 200_000}
    private = office.open_request(number=ORDINARY + 2, roaming=True)
    assert fees(office.place("OPEN", **private))["PRE_DEPOSIT"] == 10_000


@pytest.mark.requirement("ACM-17")
def test_roaming_abroad_asks_two_thousand_more_unless_the_customer_has_a_star_that_waives_it(office: Office) -> None:
    first = office.open_user()
    for place, (star, asked_fen) in enumerate([(4, 200_000), (5, None)], 1):
        Subscriber.objects.filter(subscriber_id=first).update(star=star)
        another = office.open_request(roaming=True, number=ORDINARY + place)
        assert fees(office.place("OPEN", **another)).get("ROAMING_DEPOSIT") == asked_fen


@pytest.mark.requirement("ARC-11")
def test_if_a_step_of_an_opening_fails_number_card_money_and_user_are_as_before(office: Office) -> None:
    order = office.place("OPEN", **office.open_request(add_ons=[305]))
    office.fill_in(order, *CLERK_STEPS)
    before = (Subscriber.objects.count(), Payment.objects.count(), len(network()), EngineCommand.objects.count())
    with pytest.raises(customers.PasswordTrivial):
        office.confirm(order, service_password="123456")
    after = (Subscriber.objects.count(), Payment.objects.count(), len(network()), EngineCommand.objects.count())
    assert after == before
    assert (number_state(ORDINARY), resources.sim_view(iccid=order.request["iccid"]).state) == ("RESERVED", "PAIRED")
    assert orders.order_view(order_id=order.order_id).state == "ACKNOWLEDGED"
    assert office.confirm(order, service_password="258014").state == "COMPLETED"


@pytest.mark.requirement("ARC-12")
def test_taking_the_deposit_out_of_an_opening_is_a_parameter_and_no_release(office: Office) -> None:
    steps = [one for one in customers.hall_rule("hall.checklist.OPEN", on=AT.date()) if one != "DEPOSIT"]
    put_parameter(key="hall.checklist.OPEN", value=steps, from_on=AT.date(), at=AT)
    order = office.place("OPEN", **office.open_request())
    assert fees(order) == {"SIM_CARD": 5000}
    office.fill_in(order, *CLERK_STEPS)
    assert office.confirm(order, service_password="258014").state == "COMPLETED"


def test_the_same_serial_number_is_the_same_order_and_another_request_is_refused(office: Office) -> None:
    request = office.open_request()
    first = office.place("OPEN", **request, serial_no="S1")
    assert office.place("OPEN", **request, serial_no="S1").order_id == first.order_id
    with pytest.raises(orders.OrderDifferent):
        office.place("OPEN", **{**request, "main_offer_id": 103}, serial_no="S1")
    office.fill_in(first, *CLERK_STEPS)
    done = office.confirm(first, service_password="258014")
    assert office.confirm(first, service_password="258014") == done
    assert Payment.objects.count() == 2
    assert Subscriber.objects.count() == 1


def test_an_order_begun_on_one_channel_is_finished_on_another(office: Office) -> None:
    request = office.open_request()
    begun = office.place("OPEN", **request, serial_no="WEB1", channel="WEB", proofs=[Proof.ID_AT_HALL])
    office.fill_in(begun, *CLERK_STEPS)
    assert office.confirm(begun, service_password="258014").channel == "WEB"


@pytest.mark.requirement("BMC-06")
def test_a_document_on_the_black_list_opens_no_postpaid_number_and_a_prepaid_one(office: Office) -> None:
    customers.put_on_list(
        list_kind="BLACK", cert_type="ID_CARD", cert_no="11010519491231002X", reason="欠费", until_at=None, at=AT,
        staff_id=7,
    )  # fmt: skip
    with pytest.raises(open_user.Blacklisted):
        office.place("OPEN", **office.open_request())
    assert number_state(ORDINARY) == "IDLE"
    assert office.place("OPEN", **office.open_request(pay_type="PREPAID")).state == "ACKNOWLEDGED"


def test_a_sixth_number_for_one_document_is_refused(office: Office) -> None:
    for place in range(5):
        office.open_user(number=ORDINARY + place)
    with pytest.raises(open_user.TooManyNumbers):
        office.place("OPEN", **office.open_request(number=ORDINARY + 5))


def test_a_child_comes_with_a_guardian(office: Office) -> None:
    Customer.objects.filter(pk=office.customer_id).update(born_on=(AT - 3000 * DAY).date())
    order = office.place("OPEN", **office.open_request())
    office.fill_in(order, *CLERK_STEPS)
    with pytest.raises(OrderIncomplete, match="GUARDIAN_ID"):
        office.confirm(order, service_password="258014")


REFUSED = [
    ({"number": 8613800000000}, resources.NumberUnknown),
    ({"iccid": "89860000000000000000"}, resources.SimUnknown),
    ({"main_offer_id": 999}, OfferRefused),
    ({"add_ons": [305, 306]}, OfferRefused),
    ({"brand": None}, RequestIncomplete),
    ({"account_id": 999}, customers.AccountUnknown),
    ({"number": VANITY_G4}, PlanBelowMinimum),
    ({"proofs": [Proof.SERVICE, Proof.DYNAMIC]}, customers.NotEntitled),
    ({"customer_id": None}, RequestIncomplete),
]


def test_what_cannot_be_opened_is_refused_and_keeps_nothing(office: Office) -> None:
    for changes, refusal in REFUSED:
        with pytest.raises(refusal):
            office.place("OPEN", **office.open_request(**changes))
        assert resources.count_numbers() == {"IDLE": NUMBERS}
        assert resources.count_sims() == {"IN_STOCK": 20}


def test_a_number_and_a_card_of_different_registers_are_not_joined(office: Office) -> None:
    from tests.modules.resources.conftest import card_lines, import_cards

    import_cards(card_lines(1, 500), org_code=HALL, hlr_code="HLR2", file_name="other.csv")
    other = [one for one in resources.free_sims(org_codes=[HALL], limit=50) if one.hlr_code == "HLR2"][0]
    with pytest.raises(open_user.NotOneRegister):
        office.place("OPEN", **office.open_request(iccid=other.iccid))


def test_a_clerk_sells_no_card_of_another_place(office: Office) -> None:
    with pytest.raises(resources.NotYourStock):
        office.place("OPEN", **office.open_request(), within=frozenset({"17.010"}))
    assert number_state(ORDINARY) == "IDLE"


@pytest.mark.requirement("BMR-04")
def test_a_vanity_number_asks_its_deposit_and_binds_to_its_minimum(office: Office) -> None:
    order = office.place("OPEN", **office.open_request(number=VANITY_G4, main_offer_id=110))
    assert fees(order)["VANITY_DEPOSIT"] == 100_000
    office.fill_in(order, *CLERK_STEPS)
    user = office.confirm(order, service_password="258014").subscriber_id
    (term,) = customers.agreements_of(subscriber_id=user)
    assert (term.grade, term.minimum_fen, term.to_on.isoformat()) == ("G4", 19_800, "2028-11-02")
    assert owed(account_id=office.account_id, at=AT).deposit_fen == 100_000
    with pytest.raises(PlanBelowMinimum):
        office.place("CHANGE_PLAN", user=user, offer_id=103)


def test_too_little_money_opens_nothing(office: Office) -> None:
    order = office.place("OPEN", **office.open_request())
    office.fill_in(order, *CLERK_STEPS)
    with pytest.raises(ValueError, match="14999 < 15000"):
        office.confirm(order, service_password="258014", tender=Tender("CASH", tendered_fen=14_999))
    with pytest.raises(OrderIncomplete, match="15000 fen"):
        office.confirm(order, service_password="258014", tender=None)
    assert not Payment.objects.exists()


@pytest.mark.requirement("ARC-11")
def test_a_given_up_order_gives_back_what_it_kept(office: Office) -> None:
    order = office.place("OPEN", **office.open_request())
    office.fill_in(order, *CLERK_STEPS)
    with pytest.raises(customers.PasswordTrivial):  # number and card are kept, the user's opening fails
        office.confirm(order, service_password="123456")
    cancelled = hall.cancel(order_id=order.order_id, reason="客户改主意", at=AT, staff_id=7)
    assert (cancelled.state, number_state(ORDINARY)) == ("CANCELLED", "IDLE")
    assert resources.count_sims() == {"IN_STOCK": 20}
    with pytest.raises(orders.OrderStateForbids):
        office.confirm(order, service_password="258014")


def test_an_order_that_nobody_goes_on_with_is_given_up_before_its_number_is_free_by_itself(office: Office) -> None:
    request = office.open_request()
    order = office.place("OPEN", **request)
    assert abandoned_orders.run(at=AT + timedelta(days=6)) == 0
    assert orders.order_view(order_id=order.order_id).state == "ACKNOWLEDGED"
    assert abandoned_orders.run(at=AT + timedelta(days=7)) == 1
    found = orders.order_view(order_id=order.order_id)
    assert (found.state, found.reason) == ("CANCELLED", "abandoned")
    assert (number_state(ORDINARY), resources.sim_view(iccid=request["iccid"]).state) == ("IDLE", "IN_STOCK")
    assert abandoned_orders.run(at=AT + timedelta(days=7)) == 0


@pytest.mark.requirement("HAL-17")
def test_the_signed_form_is_kept_with_the_order_and_its_hash_verifies(office: Office) -> None:
    order = office.place("OPEN", **office.open_request())
    form = b"%PDF-1.7 signed"
    sha256 = hall.attach(order_id=order.order_id, kind="SIGNED_FORM", content=form, at=AT, staff_id=office.clerk)
    known = {"order_id": order.order_id, "sha256": sha256, "reason": "客户投诉", "at": AT, "staff_id": office.clerk}
    assert orders.read_document(**known) == form
    assert form not in bytes(OrderDocument.objects.get().content_sealed)
    assert list_audit(action="orders.read_document")[0][0].reason == "客户投诉"
    OrderDocument.objects.update(content_sealed=encrypt(b"%PDF-1.7 forged".hex()))
    with pytest.raises(orders.DocumentChanged):
        orders.read_document(**known)
    with pytest.raises(orders.DocumentUnknown):
        orders.read_document(**{**known, "sha256": "0" * 64})


def test_an_order_is_put_aside_and_taken_up_again_or_refused(office: Office) -> None:
    order = office.place("OPEN", **office.open_request())
    known = {"order_id": order.order_id, "at": AT, "staff_id": office.clerk}
    assert hall.set_aside(reason="缺复印件", **known).state == "HELD"
    with pytest.raises(orders.OrderStateForbids):
        office.confirm(order, service_password="258014")
    assert hall.take_up(**known).state == "ACKNOWLEDGED"
    assert hall.reject(reason="证件不符", **known).state == "REJECTED"
    assert number_state(ORDINARY) == "IDLE"
    with pytest.raises(orders.OrderStateForbids):
        hall.reject(reason="x", **known)


def test_an_opening_is_reversed_on_its_day_with_its_money_and_not_on_a_later_one(office: Office) -> None:
    user = office.open_user()
    (order,), _ = orders.list_orders(kind="OPEN")
    with pytest.raises(NotReversible):
        hall.reverse(order_id=order.order_id, serial_no="R0", reason="x", at=AT + DAY, staff_id=office.clerk)
    later = AT + timedelta(hours=2)
    back = hall.reverse(order_id=order.order_id, serial_no="R1", reason="录错", at=later, staff_id=office.clerk)
    assert (back.state, back.reverses_id) == ("COMPLETED", order.order_id)
    assert hall.reverse(order_id=order.order_id, serial_no="R1", reason="录错", at=later, staff_id=7) == back
    assert (state(user, later), line(user, later).remove_tag) == ("TERMINATED", 5)
    assert (number_state(ORDINARY), resources.count_sims()) == ("QUARANTINE", {"IN_STOCK": 19, "SCRAPPED": 1})
    assert owed(account_id=office.account_id, at=later).advance_fen == 0
    assert sum(Payment.objects.values_list("paid_fen", flat=True)) == 0
    assert network()[-1]["verb"] == "DELETE"
    with pytest.raises(orders.OrderStateForbids):
        hall.reverse(order_id=order.order_id, serial_no="R2", reason="x", at=later, staff_id=office.clerk)
    check_books()


# --- pre-opening ---


def batch(office: Office, rows):
    def one(**about):
        return hall.place_and_confirm(channel="AGENT", proofs=[], staff_id=office.clerk, org_code=HALL, **about)

    return pre_open_batch(rows, place_and_confirm=one, serial_no="B1", at=AT)


def rows_of(office: Office, count: int) -> list[dict]:
    cards = resources.free_sims(org_codes=[HALL], limit=count)
    return [
        office.open_request(iccid=card.iccid, number=ORDINARY + place, pay_type="PREPAID")
        for place, card in enumerate(cards)
    ]


def test_a_batch_is_pre_opened_line_by_line_and_a_bad_line_stops_no_other(office: Office) -> None:
    rows = rows_of(office, 4)
    rows[1]["number"] = 8613800000000
    rows[2]["iccid"] = rows[0]["iccid"]
    opened, refused = batch(office, rows)
    assert [(one.line, one.refusal) for one in refused] == [(2, "NumberUnknown"), (3, "SimNotFree")]
    assert [state(user) for user in opened] == ["PREOPENED", "PREOPENED"]
    assert number_state(ORDINARY) == "RESERVED"
    assert network() == []
    again, _ = batch(office, rows)
    assert again == opened
    assert Subscriber.objects.count() == 2


def test_the_first_use_puts_a_pre_opened_user_into_service_for_who_showed_the_document(office: Office) -> None:
    (user,), _ = batch(office, rows_of(office, 1))
    order = office.place("ACTIVATE", user=user, customer_id=office.customer_id, at=AT + 30 * DAY)
    with pytest.raises(OrderIncomplete, match="HOLDER_ID"):
        office.confirm(order, at=AT + 30 * DAY)
    office.fill_in(order, documents=("HOLDER_ID",))
    office.confirm(order, at=AT + 30 * DAY)
    assert (state(user, AT + 30 * DAY), number_state(ORDINARY)) == ("ACTIVE", "OCCUPIED")
    assert resources.sim_view(iccid=line(user, AT + 30 * DAY).iccid).state == "IN_USE"
    assert network()[-1]["msisdn"] == ORDINARY


def test_what_nobody_used_in_180_days_is_stock_again(office: Office) -> None:
    from openboss.processes import waiting_times

    (user,), _ = batch(office, rows_of(office, 1))
    assert waiting_times.run(at=AT + 179 * DAY).openings_reversed == 0
    assert waiting_times.run(at=AT + 180 * DAY).openings_reversed == 1
    assert state(user, AT + 180 * DAY) == "TERMINATED"
    assert resources.count_numbers() == {"IDLE": NUMBERS}
    assert resources.count_sims() == {"IN_STOCK": 20}
