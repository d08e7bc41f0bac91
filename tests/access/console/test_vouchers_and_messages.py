"""At the counter: a voucher for a number, the file of a group's bill; and what the system page says of messages."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from openboss.modules.customers import functions as customers
from openboss.modules.receivables import functions as receivables
from openboss.modules.system import functions as system
from openboss.modules.system.models import Outbox
from openboss.processes import e_bill, stock_halls

from .conftest import signed_in
from .small_operator import EXAMPLE, NOW

pytestmark = pytest.mark.usefixtures("operator")
HALL = "17.027.05.01"


@pytest.fixture(scope="module")
def pins(operator: Any) -> list[str]:  # noqa: ARG001 (the operator comes first)
    """Two vouchers of fifty yuan."""
    stock_halls.import_items(EXAMPLE / "reference" / stock_halls.STOCK_FILE, at=NOW)
    made = stock_halls.sell_vouchers(
        item_code="VOUCHER_50", count=2, first_serial=7201, province="17", org_code=HALL,
        expires_on=date(2027, 11, 1), at=NOW,
    )  # fmt: skip
    return [one.pin for one in made]


def _number_and_payer() -> tuple[str, int]:
    (number,) = customers.numbers_of_subscribers(subscriber_ids=[1], at=NOW).values()
    return str(number), customers.paying_account(subscriber_id=1, cycle=customers.cycle_of(NOW))


def _put_in(account_id: int) -> int:
    owed = receivables.owed(account_id=account_id, at=NOW)
    return owed.advance_fen - owed.owed_fen


@pytest.mark.requirement("ACM-28")
def test_a_clerk_recharges_a_number_by_voucher_once_and_five_wrong_digits_lock_it(pins: list[str]) -> None:
    clerk = signed_in("clerk")
    number, account_id = _number_and_payer()
    before = _put_in(account_id)
    page = clerk.post("/recharge/", {"number": number[2:], "pin": f"{pins[0][:4]} {pins[0][4:]}"}, follow=True)
    assert (page.context["payment"].paid_fen, page.context["payment"].channel) == (5000, "HALL")
    assert _put_in(account_id) - before == 5000
    again = clerk.post("/recharge/", {"number": number, "pin": pins[0]})
    assert (again.status_code, "used already" in again.content.decode()) == (422, True)
    assert pins[0] not in again.content.decode()
    assert "No user has this number" in clerk.post("/recharge/", {"number": "139x", "pin": pins[1]}).content.decode()
    wrong = [clerk.post("/recharge/", {"number": number, "pin": "0" * 16}).content.decode() for _ in range(5)]
    assert ["No voucher has these digits" in one for one in wrong] == [True] * 4 + [False]
    assert "again in 24 hours" in wrong[4]
    assert "again in 24 hours" in clerk.post("/recharge/", {"number": number, "pin": pins[1]}).content.decode()
    assert _put_in(account_id) - before == 5000


def test_a_groups_file_is_fetched_from_its_page_which_says_who_fetched_it() -> None:
    billing = signed_in("billing")
    page = billing.get("/accounts/1/e-bills/")
    cycles, before = page.context["cycles"], page.context["downloads"]
    cycle = cycles[0]
    answer = billing.post(f"/accounts/1/e-bills/{cycle}/")
    header, *lines = answer.content.decode("utf-8-sig").splitlines()
    assert header == ",".join(e_bill.COLUMNS)
    assert lines and all(line.startswith(f"{cycle},") for line in lines)
    assert answer["Cache-Control"] == "no-store"
    page = billing.get("/accounts/1/e-bills/")
    assert (page.context["downloads"], page.context["log"][0]["cycle"]) == (before + 1, cycle)
    assert billing.post("/accounts/1/e-bills/200001/").status_code == 404
    assert billing.get(f"/accounts/1/e-bills/{cycle}/").status_code == 405


def test_the_page_of_messages_shows_what_waits_with_masked_numbers_and_no_text() -> None:
    payload = {"number": 8613811112222, "template": "T", "secret": {"digits": "483920", "text": "483920"}}
    system.send_out(topic="sms", payload=payload, at=NOW)
    said = signed_in("admin").get("/messages/?topic=sms&state=WAITING").content.decode()
    assert "138****2222" in said
    assert "13811112222" not in said and "483920" not in said


def test_a_dead_message_says_why_and_is_sent_again_or_given_up_by_the_administrator() -> None:
    def dead(number: int) -> int:
        outbox_id = system.send_out(topic="network.hlr", payload={"imsi": str(number), "verb": "SET"}, at=NOW)
        Outbox.objects.filter(pk=outbox_id).update(state="FAILED", attempts=10, last_error="the HLR said no")
        return outbox_id

    first, second = dead(460001), dead(460002)
    admin = signed_in("admin")
    said = admin.get(f"/messages/{first}/").content.decode()
    assert "the HLR said no" in said and "Try again now" in said
    assert "Say why" in admin.post(f"/messages/{first}/act/", {"action": "drop"}, follow=True).content.decode()
    admin.post(f"/messages/{first}/act/", {"action": "again"})
    admin.post(f"/messages/{second}/act/", {"action": "drop", "reason": "the card is broken"})
    states = [system.message(outbox_id=one).state for one in (first, second)]
    assert states == ["WAITING", "DROPPED"]
    over = admin.post(f"/messages/{second}/act/", {"action": "again"}, follow=True).content.decode()
    assert "dropped meanwhile" in over and "Try again now" not in over
    assert signed_in("clerk").post(f"/messages/{first}/act/", {"action": "again"}).status_code == 403
    assert admin.get("/messages/999999999/").status_code == 404
