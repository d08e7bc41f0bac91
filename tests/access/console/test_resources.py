"""Resources on the screen: stock that adds up, what needs somebody above, numbers chosen once, vouchers in ranges."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override
from tests.modules.resources.conftest import card_lines, vendor_file

from openboss.access.console.lists import Paging
from openboss.access.console.menu import SECTIONS
from openboss.modules.customers import functions as customers
from openboss.modules.resources import functions as resources
from openboss.modules.system.functions import staff_by_login
from openboss.processes import stock_halls

from .conftest import posted, signed_in
from .small_operator import EXAMPLE, NOW

pytestmark = pytest.mark.usefixtures("operator", "stock")
HALL, DISTRICT, PROVINCE = "17.027.05.01", "17.027.05", "17"
CARD, GIFT = "SIM_64K", "GIFT_UMBRELLA"


@pytest.fixture(scope="module")
def stock(operator: Any) -> None:  # noqa: ARG001 (the operator comes first)
    """Cards and gifts in the clerk's hall, a segment of numbers, vouchers that work."""
    register, _items = stock_halls.import_items(EXAMPLE / "reference" / "stock.yaml", at=NOW)
    where = {"hlr_code": register, "org_code": HALL, "at": NOW, "staff_id": None}
    cards = vendor_file(card_lines(130, first=5_000_000))
    resources.import_sims(content=cards, file_name="p.csv", item_code=CARD, **where)
    resources.load_segment(first=8613990000000, last=8613990000099, home_area=27, **where)
    resources.move_goods(item_code=GIFT, pieces=10, to_org=HALL, at=NOW, staff_id=None)
    stock_halls.sell_vouchers(
        item_code="VOUCHER_50", count=3, first_serial=7001, province="17", org_code=HALL,
        expires_on=date(2027, 11, 1), at=NOW,
    )  # fmt: skip


@pytest.mark.requirement("BMR-02")
def test_100_cards_go_up_only_after_somebody_above_agreed_and_everything_adds_up() -> None:
    clerk, above = signed_in("clerk"), signed_in("stock")
    foreign = {"item": CARD, "pieces": "1", "from": PROVINCE, "to": "17.027"}
    assert "This lies at another place" in posted(clerk, "/stock/move/", **foreign)
    said = posted(clerk, "/stock/move/", item=CARD, pieces="100", **{"from": HALL, "to": DISTRICT})
    assert "Somebody of a place above both places decides" in said
    assert resources.stock_of(org_codes=[HALL, DISTRICT])[HALL, CARD] == 130
    (asked,) = resources.requisitions(org_codes=[HALL], state="ASKED")
    step = f"/stock/requests/{asked.requisition_id}/"
    assert clerk.post(step, {"step": "approve", "pieces": "100"}).status_code == 302
    assert resources.requisition_view(requisition_id=asked.requisition_id).state == "ASKED"
    assert "Done" in posted(above, step, step="approve", pieces="100")
    assert "Done" in posted(clerk, step, step="ship")
    assert "This lies at another place" in posted(clerk, step, step="receive", pieces="100")
    assert "Done" in posted(above, step, step="receive", pieces="100")
    lying = resources.stock_of(org_codes=[HALL, DISTRICT])
    assert (lying[HALL, CARD], lying[DISTRICT, CARD]) == (30, 100)
    assert "Everything adds up" in above.get("/stock/").content.decode()
    assert {row.org_code for row in _rows(clerk, "/stock/")} == {HALL}
    assert {HALL, DISTRICT} <= {row.org_code for row in _rows(above, "/stock/")}
    assert signed_in("product").get("/stock/").status_code == 403
    assert signed_in("billing").post("/stock/move/", {}).status_code == 403


def _rows(client: Client, address: str) -> list[Any]:
    screen = client.get(address).context["list"]["screen"]
    return list(screen.fetch({}, "", Paging(1, 200))[0])


def test_a_count_that_differs_needs_a_reason_and_the_alarm_names_what_runs_low() -> None:
    clerk, count = signed_in("clerk"), {"place": HALL, "item": GIFT, "counted": "4"}
    assert "needs a reason" in posted(clerk, "/stock/count/", **count)
    assert resources.stock_of(org_codes=[HALL])[HALL, GIFT] == 10
    said = posted(clerk, "/stock/count/", **count, reason="water")
    assert "difference -6" in said
    assert "Runs low" in said
    assert "at a place of yours" in posted(clerk, "/stock/count/", **{**count, "place": PROVINCE})
    moves = clerk.get("/stock/moves/", {"item": GIFT}).content.decode()
    assert "water" in moves


def test_a_count_above_100000_stands_as_it_was_counted_and_one_too_large_is_refused() -> None:
    clerk, count = signed_in("clerk"), {"place": HALL, "item": GIFT}
    lying = resources.stock_of(org_codes=[HALL])[HALL, GIFT]
    resources.move_goods(item_code=GIFT, pieces=150_000 - lying, to_org=HALL, at=NOW, staff_id=None)
    assert "Counted; it fits." in posted(clerk, "/stock/count/", **count, counted="150000")
    assert "Write what was counted" in posted(clerk, "/stock/count/", **count, counted="1000000001", reason="water")
    assert resources.stock_of(org_codes=[HALL])[HALL, GIFT] == 150_000


def test_of_two_clerks_who_choose_one_number_the_second_is_told_and_states_add_up() -> None:
    clerk, other, number = signed_in("clerk"), signed_in("stock"), "8613990000001"
    assert "Done" in posted(clerk, "/numbers/act/", row=number, action="lock")
    assert "Somebody else has chosen this number" in posted(other, "/numbers/act/", row=number, action="lock")
    assert "say why" in posted(clerk, "/numbers/act/", row="8613990000002", action="FROZEN")
    assert "Done" in posted(clerk, "/numbers/act/", row="8613990000002", action="FROZEN", reason="court")
    page = clerk.get("/numbers/")
    assert page.context["all"] == sum(n for *_, n in page.context["states"]) == sum(
        resources.count_numbers(org_codes=[HALL]).values()
    )  # fmt: skip
    found = clerk.get("/numbers/", {"tail": "0002", "state": "FROZEN"}).context["list"]
    assert found["total"] == 1
    assert "Done" in posted(clerk, "/numbers/act/", row=number, action="release")


def test_a_segment_is_loaded_once_and_its_states_add_up_to_all_of_it() -> None:
    above = signed_in("stock")
    segment = {"first": "13991000000", "last": "13991000999", "hlr_code": "hlr1", "home_area": "27", "place": HALL}
    assert "1,000 numbers loaded" in posted(above, "/numbers/segments/load/", **segment)
    assert "loaded before" in posted(above, "/numbers/segments/load/", **segment)
    loaded = next(row for row in resources.list_segments() if row.first == 8613991000000)
    assert (loaded.numbers, dict(loaded.states)) == (1000, {"IDLE": 1000})
    assert signed_in("clerk").post("/numbers/segments/load/", segment).status_code == 403


def test_segments_are_summed_as_they_are_chosen_and_loaded_for_places_of_ones_own() -> None:
    page = signed_in("clerk").get("/numbers/segments/", {"hlr_code": "NOWHERE"})
    fetch = page.context["list"]["screen"].fetch
    rows, total, sums = fetch({"hlr_code": "NOWHERE"}, "first", Paging(1, 200))
    assert (list(rows), total, sums) == ([], 0, {"numbers": 0})
    rows, total, sums = fetch({}, "first", Paging(1, 1))
    assert len(rows) == 1
    assert sums == {"numbers": sum(row.numbers for row in resources.list_segments())}
    assert [code for code, _name in page.context["places"]] == [HALL]


def test_a_vendors_file_names_its_wrong_line_and_is_taken_once() -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    above, lines = signed_in("stock"), card_lines(3, first=6_000_000)
    lines[1] = lines[1].replace(",", "x,", 1)
    about = {"item": CARD, "hlr_code": "HLR1", "place": PROVINCE}
    said = posted(above, "/sims/load/", file=SimpleUploadedFile("v.csv", vendor_file(lines)), **about)
    assert "2 cards in stock, 1 lines refused" in said
    assert "Line 3" in said
    assert "taken in before" in posted(
        above, "/sims/load/", file=SimpleUploadedFile("v.csv", vendor_file(lines)), **about
    )


def test_a_range_of_vouchers_is_frozen_and_made_void_by_two_people_only() -> None:
    def mine() -> dict[str, str]:
        rows = resources.list_vouchers(filters={}, org_codes=[HALL])[0]
        return {row.serial_no: row.state for row in rows if row.serial_no.endswith(("7001", "7002", "7003"))}

    clerk = signed_in("clerk")
    first, *_, last = mine()
    span = {"first": first, "last": last}
    assert "3 vouchers" in posted(clerk, "/vouchers/move/", **span, state="FROZEN")
    assert "Say why" in posted(clerk, "/vouchers/move/", **span, state="VOID", reason="stolen")
    second = {"second_login": "billing", "second_password": "openboss-demo"}
    assert "right for this is missing" in posted(
        clerk, "/vouchers/move/", **span, state="VOID", reason="stolen", **second
    )
    assert list(mine().values()) == ["FROZEN"] * 3
    second["second_login"] = "stock"
    assert "3 vouchers" in posted(clerk, "/vouchers/move/", **span, state="VOID", reason="stolen", **second)
    assert list(mine().values()) == ["VOID"] * 3


@pytest.mark.requirement("BMR-01")
def test_business_management_has_its_five_groups_and_each_opens() -> None:
    with override("en"):
        (section,) = [one for one in SECTIONS if str(one.title) == "Business management"]
        titles = [str(group.title) for group in section.groups]
    assert titles == [
        "Resource management",
        "Tariff management",
        "Customer management",
        "Key-customer management",
        "Group-user management",
    ]
    clerk = signed_in("clerk")
    assert {clerk.get(screen.url).status_code for group in section.groups for screen in group.screens} == {200}


@pytest.mark.requirement("BMV-02")
def test_each_key_customer_is_of_exactly_one_type() -> None:
    whole = customers.list_customers(filters={}, page_size=500)[0]
    persons = [row.customer_id for row in whole if row.kind == "INDIVIDUAL"][:2]
    unit = next(row.customer_id for row in whole if row.kind == "UNIT")
    for customer_id, level in zip([*persons, unit], ("GOLD", "SILVER", "DIAMOND"), strict=True):
        customers.set_vip_by_hand(
            customer_id=customer_id, level=level, until_on=date(2027, 1, 1), reason="x", at=NOW, staff_id=1
        )
    everybody = {row.customer_id for row in _rows(signed_in("clerk"), "/key-customers/")}
    of_type = {
        name: {row.customer_id for row in customers.list_customers(filters={"vip_type": name}, page_size=500)[0]}
        for name in ("GROUP", "INDIVIDUAL")
    }
    assert of_type["GROUP"] & of_type["INDIVIDUAL"] == set()
    assert of_type["GROUP"] | of_type["INDIVIDUAL"] == everybody
    assert unit in of_type["GROUP"]
    assert set(persons) <= of_type["INDIVIDUAL"]
    assert {row.vip_type for row in whole if row.vip_level == "NONE"} == {""}
    shown = signed_in("clerk").get("/key-customers/", {"vip_type": "GROUP"}).content.decode()
    assert "Group customer" in shown


def test_a_book_of_forms_is_received_handed_out_used_in_order_and_its_gaps_are_listed() -> None:
    clerk, above = signed_in("clerk"), signed_in("stock")
    book = {"form_type": "RECEIPT", "prefix": "R17", "first": "1", "last": "100", "place": HALL}
    assert clerk.post("/forms/receive/", book).status_code == 403
    assert "100 forms received" in posted(above, "/forms/receive/", **book)
    assert "received before" in posted(above, "/forms/receive/", **book)
    assert "Write the first" in posted(above, "/forms/receive/", **{**book, "first": "200"})
    (row,) = _rows(clerk, "/forms/")
    place = f"/forms/{row.book_id}/"
    assert "not in a state" in posted(clerk, f"{place}move/", state="HELD", login="clerk")
    assert "Done" in posted(clerk, f"{place}move/", state="ISSUED", place=HALL)
    assert "Nobody logs in" in posted(clerk, f"{place}move/", state="HELD", login="nobody")
    assert "Done" in posted(clerk, f"{place}move/", state="HELD", login="clerk")
    assert "not in your hands" in posted(above, f"{place}take/", form_no="1")
    assert "Done" in posted(clerk, f"{place}take/", form_no="1", used_for="order 1")
    assert "needs a reason" in posted(clerk, f"{place}take/", form_no="2", how="void")
    assert "Done" in posted(clerk, f"{place}take/", form_no="2", how="void", reason="torn")
    assert "needs a reason" in posted(clerk, f"{place}take/", form_no="5")
    assert "Done" in posted(clerk, f"{place}take/", form_no="5", reason="stuck together")
    assert "used before" in posted(clerk, f"{place}take/", form_no="3")
    (row,) = _rows(clerk, "/forms/")
    assert (row.used, row.void, row.missing, row.remaining, row.next_no) == (2, 1, 2, 95, 6)
    forms = clerk.get(place).context["list"]["screen"].fetch({"state": "GAP"}, "form_no", Paging(1, 9))[0]
    assert [(one.form_no, one.reason) for one in forms] == [(3, "stuck together"), (4, "stuck together")]
    assert b"R17" in b"".join(clerk.get("/forms/?export=csv"))
    assert clerk.get("/forms/999/").status_code == 404


def test_a_terminal_is_bundled_with_a_user_taken_back_and_received_once() -> None:
    clerk, above = signed_in("clerk"), signed_in("stock")
    imeis = ["490154203237518", "356938035643809"]
    sent = {"imeis": "\r\n".join(imeis), "item": "PHONE_BASIC", "place": HALL}
    assert clerk.post("/terminals/receive/", sent).status_code == 403
    assert "no IMEI" in posted(above, "/terminals/receive/", **{**sent, "imeis": "490154203237519"})
    assert "2 terminals received" in posted(above, "/terminals/receive/", **sent)
    assert "received before" in posted(above, "/terminals/receive/", **sent)
    user = customers.list_customers(filters={}, sort="customer_id", page=1, page_size=1)[0][0].customer_id
    held = customers.customer_360(customer_id=user, at=NOW).subscribers[0].subscriber_id
    number = customers.line_of(subscriber_id=held, at=NOW).number
    assert "No user has this number" in posted(clerk, "/terminals/move/", row=imeis[0], state="BUNDLED", number="1")
    assert "Done" in posted(clerk, "/terminals/move/", row=imeis[0], state="BUNDLED", number=str(number))
    assert "Choose terminals" in posted(clerk, "/terminals/move/", row=imeis[1], state="SCRAPPED")
    rows = {row.imei: row for row in _rows(clerk, "/terminals/")}
    assert (rows[imeis[0]].state, rows[imeis[0]].subscriber_id) == ("BUNDLED", held)
    assert resources.stock_of(org_codes=[HALL])[HALL, "PHONE_BASIC"] == 1
    assert "Done" in posted(clerk, "/terminals/move/", row=imeis[0], state="RETURNED")
    assert "not in a state" in posted(clerk, "/terminals/move/", row=imeis[0], state="SOLD")
    assert resources.stock_of(org_codes=[HALL])[HALL, "PHONE_BASIC"] == 2
    assert "Everything adds up" in clerk.get("/stock/").content.decode()


def test_key_customers_are_given_to_a_manager_and_their_birthdays_are_listed_for_each() -> None:
    clerk = signed_in("clerk")
    born = next(
        (row.customer_id, day)
        for row in customers.list_customers(filters={"kind": "INDIVIDUAL"}, sort="customer_id", page=1, page_size=50)[0]
        if (day := customers.person_of(customer_id=row.customer_id).born_on)
    )
    customers.set_vip_by_hand(
        customer_id=born[0], level="GOLD", until_on=date(2028, 1, 1), reason="test", at=NOW, staff_id=None
    )
    chief = staff_by_login(login="billing")
    wanted = {"row": str(born[0]), "manager": str(chief.staff_id)}
    assert "1 customers changed hands" in posted(clerk, "/key-customers/give/", **wanted)
    assert "Choose key customers" in posted(clerk, "/key-customers/give/", row=str(born[0]), manager="0")
    assert "Zhou Jianguo" in clerk.get("/key-customers/").content.decode()
    day = born[1].replace(year=2027)
    page = clerk.get(f"/key-customers/birthdays/?day={day}&manager={chief.staff_id}")
    assert born[0] in [int(row["cells"][-1]["text"]) for row in page.context["list"]["rows"]]
    assert clerk.get(f"/key-customers/birthdays/?day={day}&manager=0").context["list"]["total"] == 0
    assert b"Zhou Jianguo" in b"".join(clerk.get(f"/key-customers/birthdays/?day={day}&export=csv"))
    assert signed_in("analyst").post("/key-customers/give/", wanted).status_code == 403
