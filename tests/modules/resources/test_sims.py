"""SIM cards: a vendor's file line by line, one card one number, and never used again (BMR-06, D12.3)."""

from itertools import product

import pytest
from django.db import IntegrityError, transaction

from openboss.modules.resources import functions as resources
from openboss.modules.resources.models import SimCard
from openboss.modules.resources.states import SIM
from openboss.modules.system.functions import list_audit
from tests.modules.resources.conftest import (
    AT,
    OTHER_OUTLET,
    OUTLET,
    PROVINCE,
    SIM_32K,
    card_lines,
    import_cards,
    vendor_file,
)

pytestmark = pytest.mark.usefixtures("places")

NUMBER, OTHER_NUMBER = 8613900000001, 8613900000002


def iccid(place: int = 0) -> str:
    return SimCard.objects.order_by("iccid")[place].iccid


def pair(card: str, number: int = NUMBER) -> resources.SimView:
    return resources.pair_sim(iccid=card, number=number, at=AT, staff_id=7)


def state(card: str) -> str:
    return resources.sim_view(iccid=card).state


@pytest.mark.requirement("BMR-06")
def test_of_a_vendors_file_of_1000_with_one_wrong_digit_999_are_in_stock() -> None:
    lines = card_lines(1000)
    wrong = lines[17]
    lines[17] = wrong[:18] + str((int(wrong[18]) + 1) % 10) + wrong[19:]
    result = import_cards(lines)
    assert result.accepted == 999
    assert result.errors == ((19, lines[17].split(",")[0], "the check digit is wrong"),)
    assert resources.count_sims() == {"IN_STOCK": 999}


def test_each_line_is_told_what_is_wrong_with_it() -> None:
    good = card_lines(12)
    fields = [line.split(",") for line in good]
    fields[1][0] = fields[1][0][:19]
    fields[2][0] = "8933" + fields[2][0][4:]
    fields[3][1] = "46000123"
    fields[4][1] = "310150000000001"
    fields[5][2] = "12"
    fields[6][0] = fields[0][0]
    fields[7][1] = fields[0][1]
    result = import_cards([",".join(row) for row in fields])
    assert [(line, wrong) for line, _, wrong in result.errors] == [
        (3, "an ICCID has 20 signs"),
        (4, "not a card of ours"),
        (5, "an IMSI has 15 digits"),
        (6, "not an IMSI of ours"),
        (7, "PIN has 4 to 8 digits, PUK 8"),
        (8, "twice in this file"),
        (9, "twice in this file"),
    ]
    again = import_cards(good, file_name="again.csv")
    assert (again.accepted, {wrong for *_, wrong in again.errors}) == (7, {"in stock already"})


def test_a_file_is_imported_once_and_one_without_the_columns_not_at_all() -> None:
    import_cards(card_lines(3))
    with pytest.raises(resources.FileKnown):
        import_cards(card_lines(3), file_name="renamed.csv")
    for content in (b"iccid,imsi\n1,2\n", b""):
        with pytest.raises(resources.FileWrong):
            resources.import_sims(
                content=content, file_name="x", item_code=SIM_32K, hlr_code="H", org_code=PROVINCE, at=AT, staff_id=7
            )
    with pytest.raises(resources.ItemUnknown):
        import_cards(card_lines(3, 50), item_code="GIFT_UMBRELLA")
    assert SimCard.objects.count() == 3


def test_the_cards_of_the_generated_base_have_the_check_digit_that_is_checked() -> None:
    import numpy as np
    import polars as pl

    from openboss.access.jobs.generate_frames import card_numbers
    from openboss.modules.resources.atomic.sims import luhn_is_right

    cards = card_numbers(np.arange(200), np.arange(13_900_000_000, 13_900_000_200), np.full(200, 26))
    assert cards.to_frame("iccid").select(right=luhn_is_right(pl.col("iccid")))["right"].all()


def test_codes_are_sealed_and_told_only_with_a_reason_and_an_audit_row() -> None:
    import_cards(card_lines(1))
    card = SimCard.objects.get()
    assert b"1234" not in bytes(card.codes_sealed)
    with pytest.raises(resources.ReasonNeeded):
        resources.unlock_codes(iccid=card.iccid, reason=" ", at=AT, staff_id=7)
    assert resources.unlock_codes(iccid=card.iccid, reason="客户锁卡", at=AT, staff_id=7) == ("1234", "00000000")
    assert list_audit(action="resources.unlock_codes")[1] == 1


def test_a_number_has_one_card_and_a_card_one_number() -> None:
    import_cards(card_lines(2))
    pair(iccid(0))
    for card, number in ((iccid(0), OTHER_NUMBER), (iccid(1), NUMBER)):
        with pytest.raises(resources.SimNotFree):
            pair(card, number)
    with pytest.raises(IntegrityError), transaction.atomic():
        SimCard.objects.filter(iccid=iccid(1)).update(state="PAIRED", number=NUMBER)
    with pytest.raises(IntegrityError), transaction.atomic():
        SimCard.objects.filter(iccid=iccid(1)).update(imsi=SimCard.objects.get(iccid=iccid(0)).imsi)
    assert resources.count_sims() == {"IN_STOCK": 1, "PAIRED": 1}


@pytest.mark.requirement("BMR-07")
def test_a_customer_chooses_a_card_by_capacity_and_price() -> None:
    cards = [(one.code, one.price_fen) for one in resources.item_types(kind="SIM")]
    assert cards == [("SIM_32K", 5000), ("SIM_64K", 8000)]


def test_cards_go_from_the_supplier_to_the_outlet_to_the_customer_and_the_stock_adds_up(users: None) -> None:
    import_cards(card_lines(100))
    first, last = iccid(0), iccid(39)
    assert resources.issue_sims(first=first, last=last, to_org=OUTLET, at=AT, staff_id=7, within=None) == 40
    with pytest.raises(resources.NotYourStock):
        resources.issue_sims(first=first, last=last, to_org=OTHER_OUTLET, at=AT, staff_id=9, within={OTHER_OUTLET})
    for place in range(12):
        pair(iccid(place), NUMBER + place)
        resources.use_sim(iccid=iccid(place), subscriber_id=1001, at=AT, staff_id=7)
    lines = {
        one.org_code: one for one in resources.stock_lines(org_codes=[PROVINCE, OUTLET], from_at=AT, to_at=_later())
    }
    assert (lines[PROVINCE].came, lines[PROVINCE].went, lines[PROVINCE].closing) == (100, 40, 60)
    assert (lines[OUTLET].came, lines[OUTLET].used, lines[OUTLET].closing) == (40, 12, 28)
    assert {one.difference for one in lines.values()} == {0}


def _later():
    from datetime import timedelta

    return AT + timedelta(days=1)


MOVES = {
    "IN_STOCK": lambda card: resources.unpair_sim(iccid=card, at=AT, staff_id=7),
    "ISSUED": None,  # by issue_sims, which passes over cards that are not in stock
    "PAIRED": lambda card: pair(card),
    "WRITTEN": lambda card: resources.write_sim(iccid=card, at=AT, staff_id=7),
    "IN_USE": lambda card: resources.use_sim(iccid=card, subscriber_id=1001, at=AT, staff_id=7),
    "REPLACED": lambda card: resources.retire_sim(iccid=card, state="REPLACED", reason="x", at=AT, staff_id=7),
    "LOST": lambda card: resources.retire_sim(iccid=card, state="LOST", reason="x", at=AT, staff_id=7),
    "SCRAPPED": lambda card: resources.retire_sim(iccid=card, state="SCRAPPED", reason="x", at=AT, staff_id=7),
}
WAYS = {
    "IN_STOCK": [], "PAIRED": ["PAIRED"], "WRITTEN": ["WRITTEN"], "IN_USE": ["PAIRED", "IN_USE"],
    "REPLACED": ["PAIRED", "IN_USE", "REPLACED"], "LOST": ["PAIRED", "IN_USE", "LOST"], "SCRAPPED": ["SCRAPPED"],
}  # fmt: skip
BY_HAND = {("WRITTEN", "IN_USE")}  # allowed by the table, but a card in use has a number: it is paired first


@pytest.mark.parametrize(("before", "after"), list(product(WAYS, MOVES)), ids=lambda name: name)
def test_a_card_moves_as_the_table_says_and_no_other_way(users: None, before: str, after: str) -> None:
    move = MOVES[after]
    if move is None or (before, after) in BY_HAND:
        return
    import_cards(card_lines(1))
    card = iccid()
    for step in WAYS[before]:
        MOVES[step](card)
    allowed = after in SIM[before] and not (after == "IN_STOCK" and before != "PAIRED")
    if allowed:
        move(card)
        assert state(card) == after
        return
    with pytest.raises((resources.MoveForbidden, resources.SimNotFree)):
        move(card)
    assert state(card) == before


@pytest.mark.soak
@pytest.mark.requirement("ARC-26")
def test_ten_thousand_cards_are_followed_from_the_supplier_to_outlets_and_to_customers(users: None) -> None:
    lines_of_file = card_lines(10_000)
    cards, file = [line.partition(",")[0] for line in lines_of_file], vendor_file(lines_of_file)
    where = {"item_code": SIM_32K, "hlr_code": "HLR1", "org_code": PROVINCE, "at": AT, "staff_id": 7}
    assert resources.import_sims(content=file, file_name="batch.csv", **where).accepted == 10_000
    for to_org, first, last in ((OUTLET, 0, 2_499), (OTHER_OUTLET, 2_500, 3_999)):
        ends = {"first": cards[first], "last": cards[last], "to_org": to_org}
        assert resources.issue_sims(**ends, at=AT, staff_id=7) == last - first + 1
    segment = {"first": NUMBER + 1000, "last": NUMBER + 2199, "hlr_code": "HLR1", "home_area": 27, "org_code": OUTLET}
    resources.load_segment(**segment, at=AT, staff_id=7)
    for place in range(1_200):
        pair(cards[place], NUMBER + 1000 + place)
        resources.use_sim(iccid=cards[place], subscriber_id=1001, at=AT, staff_id=7)
    places = [PROVINCE, OUTLET, OTHER_OUTLET]
    stock = resources.stock_of(org_codes=places)
    assert [stock[place, SIM_32K] for place in places] == [6_000, 1_300, 1_500]
    assert sum(stock.values()) == 8_800
    lines = resources.stock_lines(org_codes=places, from_at=AT, to_at=_later())
    assert sum(one.used for one in lines) == 1_200
    assert [one.difference for one in lines] == [0, 0, 0]
    assert resources.count_sims(org_codes=places) == {"IN_STOCK": 6_000, "IN_USE": 1_200, "ISSUED": 2_800}
