"""Vouchers, forms, terminals, gifts: what was made, moved, used and lost always adds up (BMR-08 to 13, D12.4 to 7)."""

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openboss.modules.resources import functions as resources
from openboss.modules.resources.models import Document, Goods, Voucher
from openboss.modules.resources.states import TERMINAL, VOUCHER
from openboss.modules.system.models import Outbox
from tests.modules.resources.conftest import (
    AT,
    CITY,
    GIFT,
    OTHER_OUTLET,
    OUTLET,
    PHONE,
    PROVINCE,
    SIM_32K,
    VOUCHER_50,
    card_lines,
    import_cards,
)

pytestmark = pytest.mark.usefixtures("places")

USER_NUMBER = 8613900011001
LATER = AT + timedelta(days=1)
IMEIS = ["490154203237518", "356938035643809"]


def make_vouchers(count: int = 3) -> list[resources.VoucherMade]:
    return resources.generate_vouchers(
        item_code=VOUCHER_50, count=count, first_serial=1, province="17", org_code=PROVINCE,
        expires_on=date(2027, 12, 31), at=AT, staff_id=7,
    )  # fmt: skip


def move(made: list[resources.VoucherMade], *states: str, **more) -> int:
    first, last = made[0].serial_no, made[-1].serial_no
    return [
        resources.move_vouchers(
            first=first, last=last, state=state, to_org=OUTLET if state == "ISSUED" else None, at=AT, staff_id=7, **more
        )
        for state in states
    ][-1]


def use(pin: str, at=AT, number: int = USER_NUMBER) -> resources.VoucherSpent:
    return resources.use_voucher(pin=pin, number=number, at=at)


# --- vouchers ---


@pytest.mark.requirement("BMR-09")
def test_a_range_of_500_is_activated_and_a_used_pin_fails_as_already_used() -> None:
    made = make_vouchers(500)
    assert move(made, "PRINTED", "IN_STOCK", "ISSUED", "ACTIVE") == 500
    spent = use(made[7].pin)
    assert (spent.serial_no, spent.face_fen) == (made[7].serial_no, 5000)
    with pytest.raises(resources.VoucherUsed):
        use(made[7].pin, number=8613900011002)
    assert resources.count_vouchers() == {"ACTIVE": 499, "USED": 1}


def test_a_voucher_has_its_digits_and_its_pin_is_nowhere_in_the_database() -> None:
    made = make_vouchers()
    for one in made:
        assert (len(one.serial_no), len(one.pin)) == (17, 18)
        assert (one.serial_no[5:7], one.pin[:2]) == ("17", "17")
    stored = Voucher.objects.values_list()
    assert all(one.pin not in repr(row) and one.pin.encode() not in bytes(row[1]) for one in made for row in stored)
    assert len({one.pin for one in made}) == 3


def test_five_wrong_pins_lock_recharge_by_that_number_for_a_day() -> None:
    made = make_vouchers()
    move(made, "PRINTED", "IN_STOCK", "ISSUED", "ACTIVE")
    for refusal in [resources.VoucherUnknown] * 4 + [resources.RechargeLocked]:
        with pytest.raises(refusal):
            use("170000000000000000")
    with pytest.raises(resources.RechargeLocked):
        use(made[0].pin, LATER - timedelta(seconds=1))
    assert use(made[0].pin, number=8613900011002).face_fen == 5000  # another number may
    assert use(made[1].pin, LATER).face_fen == 5000


def test_the_last_day_counts_and_the_next_one_expires_the_voucher() -> None:
    made = make_vouchers()
    move(made, "PRINTED", "IN_STOCK", "ISSUED", "ACTIVE")
    evening = AT.replace(year=2027, month=12, day=31, hour=15)  # 23:00 in Shanghai
    assert use(made[0].pin, evening).face_fen == 5000
    with pytest.raises(resources.VoucherNotActive):
        use(made[1].pin, evening + timedelta(hours=2))
    assert resources.expire_vouchers(at=evening + timedelta(hours=2)) == 10_000
    assert resources.count_vouchers() == {"EXPIRED": 2, "USED": 1}


def test_void_needs_a_reason_and_a_second_person_and_never_reaches_a_used_one() -> None:
    made = make_vouchers()
    with pytest.raises(resources.ReasonNeeded):
        move(made, "VOID")
    with pytest.raises(resources.OnePerson):
        move(made, "VOID", reason="misprint", approved_by=7)
    move(made, "PRINTED", "IN_STOCK", "ISSUED", "ACTIVE")
    use(made[0].pin)
    with pytest.raises(resources.MoveForbidden):
        move(made, "VOID", reason="stolen", approved_by=8)
    assert resources.count_vouchers() == {"ACTIVE": 2, "USED": 1}


VOUCHER_WAYS = {
    "GENERATED": [], "PRINTED": ["PRINTED"], "IN_STOCK": ["PRINTED", "IN_STOCK"],
    "ISSUED": ["PRINTED", "IN_STOCK", "ISSUED"], "ACTIVE": ["PRINTED", "IN_STOCK", "ISSUED", "ACTIVE"],
    "FROZEN": ["PRINTED", "IN_STOCK", "ISSUED", "ACTIVE", "FROZEN"], "VOID": ["VOID"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"),
    list(product(VOUCHER_WAYS, ["PRINTED", "IN_STOCK", "ISSUED", "ACTIVE", "FROZEN", "VOID", "THAWED"])),
    ids=lambda name: name,
)
def test_a_voucher_moves_as_the_table_says_and_no_other_way(before: str, after: str) -> None:
    made = make_vouchers()
    approval = {"reason": "x", "approved_by": 8}
    for step in VOUCHER_WAYS[before]:
        move(made, step, **approval)
    thawed = before == "FROZEN" and after == "THAWED"
    if thawed or (after in VOUCHER[before] and before != "FROZEN") or (before, after) == ("FROZEN", "VOID"):
        assert move(made, after, **approval) == 3
        assert resources.count_vouchers() == {"ACTIVE" if thawed else after: 3}
        return
    with pytest.raises(resources.MoveForbidden):
        move(made, after, **approval)
    assert resources.count_vouchers() == {before: 3}


# --- forms ---


@pytest.mark.requirement("BMR-08")
def test_of_a_book_of_100_with_38_used_and_2_void_60_remain_and_gaps_are_listed() -> None:
    book = resources.receive_book(
        form_type="RECEIPT", prefix="R17", first=1, last=100, org_code=OUTLET, at=AT, staff_id=7
    )
    resources.move_book(book_id=book, state="ISSUED", at=AT, staff_id=7)
    resources.move_book(book_id=book, state="HELD", holder_staff_id=9, at=AT, staff_id=7)
    for form_no in range(1, 41):
        if form_no in (5, 20):
            resources.void_form(book_id=book, form_no=form_no, reason="卡纸", at=AT, staff_id=9)
        else:
            resources.use_form(book_id=book, form_no=form_no, at=AT, staff_id=9)
    count = resources.count_book(book_id=book)
    assert (count.used, count.void, count.remaining, count.gaps) == (38, 2, 60, ())
    with pytest.raises(resources.ReasonNeeded):
        resources.use_form(book_id=book, form_no=43, at=AT, staff_id=9)
    assert Document.objects.count() == 40
    resources.use_form(book_id=book, form_no=43, at=AT, staff_id=9, gap_reason="两张粘连")
    assert resources.count_book(book_id=book).gaps == ((41, "两张粘连"), (42, "两张粘连"))
    with pytest.raises(resources.FormOutOfOrder):
        resources.use_form(book_id=book, form_no=12, at=AT, staff_id=9)
    with pytest.raises(resources.BookNotHeld):
        resources.use_form(book_id=book, form_no=44, at=AT, staff_id=10)


def test_a_book_goes_its_way_and_no_other() -> None:
    book = resources.receive_book(form_type="RECEIPT", prefix="R", first=1, last=9, org_code=OUTLET, at=AT, staff_id=7)
    with pytest.raises(resources.BookKnown):
        resources.receive_book(form_type="RECEIPT", prefix="R", first=1, last=9, org_code=OUTLET, at=AT, staff_id=7)
    for wrong in ("HELD", "RETURNED"):
        with pytest.raises(resources.MoveForbidden):
            resources.move_book(book_id=book, state=wrong, holder_staff_id=9, at=AT, staff_id=7)
    for state in ("ISSUED", "RETURNED", "DESTROYED"):
        resources.move_book(book_id=book, state=state, at=AT, staff_id=7)


# --- terminals ---


@pytest.mark.requirement("BMR-10")
def test_a_bundled_phone_leaves_stock_and_comes_back_within_seven_days_as_returned(users: None) -> None:
    resources.receive_terminals(imeis=IMEIS, item_code=PHONE, org_code=OUTLET, at=AT, staff_id=7)
    resources.move_terminal(imei=IMEIS[0], state="BUNDLED", subscriber_id=1001, at=AT, staff_id=7)
    assert resources.stock_of(org_codes=[OUTLET]) == {(OUTLET, PHONE): 1}
    resources.move_terminal(imei=IMEIS[1], state="SOLD", at=AT, staff_id=7)
    week, too_late = AT + timedelta(days=7), AT + timedelta(days=8)
    resources.move_terminal(imei=IMEIS[0], state="RETURNED", at=week, staff_id=7)
    with pytest.raises(resources.ReturnTooLate):
        resources.move_terminal(imei=IMEIS[1], state="RETURNED", at=too_late, staff_id=7)
    assert resources.count_terminals() == {"RETURNED": 1, "SOLD": 1}
    (line,) = resources.stock_lines(org_codes=[OUTLET], from_at=AT, to_at=too_late)
    assert (line.came, line.used, line.closing, line.difference) == (2, 1, 1, 0)


def test_an_imei_with_a_wrong_check_digit_is_refused_and_none_is_received() -> None:
    with pytest.raises(resources.ImeiWrong):
        resources.receive_terminals(
            imeis=[IMEIS[0], "490154203237519"], item_code=PHONE, org_code=OUTLET, at=AT, staff_id=7
        )
    assert resources.count_terminals() == {}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(st.sampled_from(sorted(TERMINAL)), max_size=8))
def test_whatever_happens_to_a_terminal_the_stock_equation_holds(steps: list[str]) -> None:
    from django.db import transaction

    with transaction.atomic():
        resources.receive_terminals(imeis=IMEIS, item_code=PHONE, org_code=OUTLET, at=AT, staff_id=7)
        for state in steps:
            try:
                resources.move_terminal(imei=IMEIS[0], state=state, at=AT, staff_id=7)
            except resources.MoveForbidden:
                continue
        (line,) = resources.stock_lines(org_codes=[OUTLET], from_at=AT, to_at=LATER)
        assert line.difference == 0
        transaction.set_rollback(True)


# --- goods, requisitions, counting ---


@pytest.mark.requirement("BMR-11")
def test_of_three_gifts_the_fourth_is_refused() -> None:
    resources.move_goods(item_code=GIFT, pieces=3, to_org=OUTLET, at=AT, staff_id=7)
    for _ in range(3):
        resources.move_goods(item_code=GIFT, pieces=1, from_org=OUTLET, at=AT, staff_id=7)
    with pytest.raises(resources.StockShort):
        resources.move_goods(item_code=GIFT, pieces=1, from_org=OUTLET, at=AT, staff_id=7)
    assert Goods.objects.get().pieces == 0


@pytest.mark.requirement("BMR-13")
def test_200_asked_150_approved_150_confirmed_is_a_stock_of_150_more() -> None:
    import_cards(card_lines(200))
    asked = resources.ask_for_stock(
        org_code=OUTLET, from_org=PROVINCE, item_code=SIM_32K, pieces=200, at=AT, staff_id=9
    )
    with pytest.raises(resources.OnePerson):
        resources.answer_requisition(requisition_id=asked, approved=150, at=AT, staff_id=9)
    assert resources.answer_requisition(requisition_id=asked, approved=150, at=AT, staff_id=7) == "APPROVED"
    resources.ship_requisition(requisition_id=asked, at=AT, staff_id=7)
    with pytest.raises(resources.StockShort):
        resources.receive_requisition(requisition_id=asked, confirmed=151, at=AT, staff_id=9)
    resources.receive_requisition(requisition_id=asked, confirmed=150, at=AT, staff_id=9)
    assert resources.stock_of(org_codes=[OUTLET, PROVINCE]) == {(OUTLET, SIM_32K): 150, (PROVINCE, SIM_32K): 50}
    with pytest.raises(resources.MoveForbidden):
        resources.receive_requisition(requisition_id=asked, confirmed=150, at=AT, staff_id=9)
    (row,) = resources.requisitions(org_codes=[OUTLET])
    assert (row.state, row.asked, row.approved, row.confirmed) == ("CONFIRMED", 200, 150, 150)


def test_a_clerk_moves_own_stock_only_and_100_cards_up_wait_for_somebody_above_both_places() -> None:
    import_cards(card_lines(150))
    cards = {"item_code": SIM_32K, "at": AT}
    clerk, city = {"staff_id": 9, "staff_org": OUTLET}, {"staff_id": 8, "staff_org": CITY}
    top = {"staff_id": 7, "staff_org": PROVINCE}
    assert resources.move_stock(**cards, **top, pieces=120, from_org=PROVINCE, to_org=OUTLET) is None
    with pytest.raises(resources.NotYourStock):
        resources.move_stock(**cards, **clerk, pieces=1, from_org=PROVINCE, to_org=OTHER_OUTLET)
    with pytest.raises(resources.StockShort):
        resources.move_stock(**cards, **clerk, pieces=121, from_org=OUTLET, to_org=CITY)
    asked = resources.move_stock(**cards, **clerk, pieces=100, from_org=OUTLET, to_org=CITY)
    assert asked is not None
    assert resources.stock_of(org_codes=[OUTLET, CITY]) == {(OUTLET, SIM_32K): 120}
    with pytest.raises(resources.SuperiorNeeded):
        resources.decide_move(requisition_id=asked, approved=100, at=AT, staff_id=10, staff_org=OUTLET)
    with pytest.raises(resources.MoveForbidden):
        resources.ship_move(requisition_id=asked, at=AT, **clerk)
    assert resources.decide_move(requisition_id=asked, approved=100, at=AT, **city) == "APPROVED"
    resources.ship_move(requisition_id=asked, at=AT, **clerk)
    with pytest.raises(resources.NotYourStock):
        resources.receive_requisition(requisition_id=asked, confirmed=100, at=AT, staff_id=9, within=[OUTLET])
    resources.receive_requisition(requisition_id=asked, confirmed=100, at=AT, staff_id=8, within=[CITY, OUTLET])
    places = [PROVINCE, CITY, OUTLET]
    assert resources.stock_of(org_codes=places) == {
        (PROVINCE, SIM_32K): 30,
        (CITY, SIM_32K): 100,
        (OUTLET, SIM_32K): 20,
    }
    lines = resources.stock_lines(org_codes=places, from_at=AT, to_at=LATER)
    assert [line.difference for line in lines] == [0, 0, 0]


@pytest.mark.requirement("BMR-12")
def test_under_50_cards_alarm_the_outlets_manager() -> None:
    import_cards(card_lines(100))
    cards = resources.free_sims(org_codes=[PROVINCE], limit=100)
    resources.issue_sims(first=cards[0].iccid, last=cards[48].iccid, to_org=OUTLET, at=AT, staff_id=7)
    assert resources.alarm_low_stock(org_codes=[OUTLET, OTHER_OUTLET, PROVINCE], at=AT) == [(OUTLET, SIM_32K, 49)]
    assert Outbox.objects.get(topic="staff").payload["org"] == OUTLET


def test_a_stock_take_writes_a_difference_down_with_a_reason_and_the_equation_holds_again() -> None:
    resources.move_goods(item_code=GIFT, pieces=10, to_org=OUTLET, at=AT, staff_id=7)
    with pytest.raises(resources.ReasonNeeded):
        resources.take_stock(org_code=OUTLET, item_code=GIFT, counted=8, reason="", at=AT, staff_id=7)
    taken = resources.take_stock(org_code=OUTLET, item_code=GIFT, counted=8, reason="受潮", at=AT, staff_id=7)
    assert taken == -2
    resources.move_goods(item_code=GIFT, pieces=3, from_org=OUTLET, to_org=OTHER_OUTLET, at=AT, staff_id=7)
    lines = {
        one.org_code: one for one in resources.stock_lines(org_codes=[OUTLET, OTHER_OUTLET], from_at=AT, to_at=LATER)
    }
    assert (lines[OUTLET].came, lines[OUTLET].went, lines[OUTLET].lost, lines[OUTLET].closing) == (10, 3, 2, 5)
    assert {one.difference for one in lines.values()} == {0}
    assert resources.take_stock(org_code=OUTLET, item_code=GIFT, counted=5, reason="", at=AT, staff_id=7) == 0
