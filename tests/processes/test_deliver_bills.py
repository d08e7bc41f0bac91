"""Bills on their ways: each account as it wishes, what fails is tried again, rates by means."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from openboss.access.network import bill_carriers
from openboss.modules.billing import functions as billing
from openboss.modules.billing.functions import deliveries
from openboss.modules.billing.models import BillCycle, BillDelivery, DeliveryWish
from openboss.modules.system import keys
from openboss.modules.system.models import AuditEntry, Outbox
from openboss.processes import deliver_bills
from tests.modules.receivables.conftest import Desk, desk, on

__all__ = ["desk"]

CYCLE = 202610
AT = on(11, 2, 7)
HOME = "浙江省杭州市文三路90号"
MAIL = "zhang.san@example.org"
MOBILE = "13900001234"


class Carriers:
    """Carriers that note what they took; the mail server takes nothing."""

    def __init__(self) -> None:
        self.took: list[tuple[str, int, str]] = []
        self.asked = 0

    def carry(self, means: str, delivery: deliveries.Delivery, address: str) -> None:
        """Take a bill, or say why not."""
        self.asked += 1
        if means == "EMAIL":
            raise deliver_bills.NotCarried("mailbox full")
        self.took.append((means, delivery.bill_id, address))


def released(desk: Desk, wishes: list[tuple[str, str]]) -> list[int]:
    """Accounts with a wish each, and their released bills of the month."""
    accounts = [desk.account() for _ in wishes]
    for account_id, (means, address) in zip(accounts, wishes, strict=True):
        if means:
            wish(account_id, means, address)
    bills = desk.bills(CYCLE, [(account_id, 1, {"RENT": 5800}) for account_id in accounts])
    BillCycle.objects.filter(cycle=CYCLE).update(state="RELEASED", position=1, cut_at=AT, released_at=AT)
    return bills


def wish(account_id: int, means: str, address: str) -> None:
    deliveries.put_wish(account_id=account_id, means=means, address=address, at=AT, staff_id=None)


def rates() -> dict[str, tuple[int, int, int, int, int]]:
    """Of each means: all, sent, failed, waiting, ten-thousandths sent."""
    found = deliveries.delivery_rates(cycle=CYCLE)
    return {one.means: (one.total, one.sent, one.failed, one.waiting, one.rate) for one in found}


def state(means: str) -> tuple[str, int, str, datetime | None]:
    row = BillDelivery.objects.get(means=means)
    return row.state, row.tries, row.reason, row.sent_at


@pytest.mark.requirement("ACP-17")
def test_three_wishes_give_a_rate_each_and_what_a_carrier_refuses_is_tried_five_times(desk: Desk) -> None:
    post, mail, text = released(desk, [("POST", HOME), ("EMAIL", MAIL), ("SMS", MOBILE)])
    carriers = Carriers()
    done = deliver_bills.run(cycle=CYCLE, at=AT, carry=carriers.carry)
    assert (done.begun, done.sent, done.failed) == (3, 2, 1)
    assert rates() == {"EMAIL": (1, 0, 0, 1, 0), "POST": (1, 1, 0, 0, 10_000), "SMS": (1, 1, 0, 0, 10_000)}
    assert carriers.took == [("POST", post, HOME)]
    (message,) = Outbox.objects.filter(topic="sms")
    assert message.payload == {
        "number": 8613900001234, "template": "BILL_READY", "language": "zh",
        "values": {"month": "2026-10", "due_fen": 5800},
    }  # fmt: skip
    ways = BillDelivery.objects.order_by("bill_id").values_list("bill_id", "means")
    assert list(ways) == [(post, "POST"), (mail, "EMAIL"), (text, "SMS")]

    for tries in (2, 3, 4):
        again = deliver_bills.run(cycle=CYCLE, at=AT, carry=carriers.carry)
        assert (again.begun, again.sent, again.failed) == (0, 0, 1)
        assert state("EMAIL") == ("WAITING", tries, "mailbox full", None)
    deliver_bills.run(cycle=CYCLE, at=AT, carry=carriers.carry)
    assert state("EMAIL") == ("FAILED", 5, "mailbox full", None)
    assert rates() == {"EMAIL": (1, 0, 1, 0, 0), "POST": (1, 1, 0, 0, 10_000), "SMS": (1, 1, 0, 0, 10_000)}

    asked = carriers.asked
    nothing = deliver_bills.run(cycle=CYCLE, at=on(11, 3), carry=carriers.carry)
    assert (nothing.begun, nothing.sent, nothing.failed, carriers.asked) == (0, 0, 0, asked)
    assert state("POST") == ("SENT", 1, "", AT)
    assert Outbox.objects.filter(topic="sms").count() == 1
    assert AuditEntry.objects.filter(action="billing.begin_delivery").count() == 1


def test_without_a_wish_a_bill_is_on_the_web_and_web_app_and_kiosk_are_done_with_the_release(desk: Desk) -> None:
    released(desk, [("", ""), ("APP", ""), ("KIOSK", "left out")])
    carriers = Carriers()
    deliver_bills.run(cycle=CYCLE, at=AT, carry=carriers.carry)
    assert rates() == dict.fromkeys(("APP", "KIOSK", "WEB"), (1, 1, 0, 0, 10_000))
    assert carriers.asked == 0


def test_an_account_may_have_two_wishes_and_one_that_was_ended_meanwhile_fails_with_that_reason(desk: Desk) -> None:
    account = released(desk, [("POST", HOME)])[0] % 10**10
    wish(account, "MMS", MOBILE)
    deliveries.begin_delivery(cycle=CYCLE, at=AT)
    deliveries.end_wish(account_id=account, means="MMS", at=AT, staff_id=None)
    deliver_bills.run(cycle=CYCLE, at=AT, carry=Carriers().carry)
    assert rates() == {"MMS": (1, 0, 0, 1, 0), "POST": (1, 1, 0, 0, 10_000)}
    assert state("MMS") == ("WAITING", 1, "the wish was ended", None)
    with pytest.raises(deliveries.WishUnknown):
        deliveries.end_wish(account_id=account, means="MMS", at=AT, staff_id=None)


def test_bills_that_are_not_released_are_not_delivered(desk: Desk) -> None:
    desk.bill(desk.account(), CYCLE, RENT=5800)
    with pytest.raises(billing.CycleStateRefused):
        deliver_bills.run(cycle=CYCLE, at=AT, carry=Carriers().carry)
    assert not BillDelivery.objects.exists()


@pytest.mark.parametrize(("means", "address"), [("POST", " "), ("EMAIL", "zhang"), ("SMS", "1390000"), ("FAX", "1")])
def test_an_address_nobody_could_deliver_to_is_refused(desk: Desk, means: str, address: str) -> None:
    with pytest.raises(deliveries.AddressWrong):
        wish(desk.account(), means, address)
    assert not DeliveryWish.objects.exists()


def test_addresses_are_encrypted_in_the_table_masked_on_the_screen_and_taken_along_by_a_new_key(
    desk: Desk, settings: Any
) -> None:
    account = desk.account()
    for means, address in (("POST", "elsewhere"), ("POST", HOME), ("EMAIL", MAIL), ("SMS", MOBILE)):
        wish(account, means, address)
    shown = {one.means: one.address for one in deliveries.masked_wishes(account_id=account)}
    assert shown == {"EMAIL": "z***@example.org", "POST": "浙江省杭州市***", "SMS": "139****1234"}
    for sealed in DeliveryWish.objects.values_list("address_sealed", flat=True):
        assert not [plain for plain in (HOME, MAIL, MOBILE) if plain.encode() in bytes(sealed)]
    with pytest.raises(IntegrityError), transaction.atomic():
        DeliveryWish.objects.create(account_id=account, means="POST", address_sealed=b"")
    keys.add_key_version(Path(settings.KEYS_FILE))
    assert keys.rewrite_all()["billing"] == 3
    assert {one.means: one.address for one in deliveries.masked_wishes(account_id=account)} == shown


def test_the_sandbox_writes_the_bill_and_a_line_that_names_nobody(desk: Desk, tmp_path: Path) -> None:
    (bill_id,) = released(desk, [("EMAIL", MAIL)])
    deliver_bills.run(cycle=CYCLE, at=AT, carry=bill_carriers.Sandbox(tmp_path).carry)
    assert rates() == {"EMAIL": (1, 1, 0, 0, 10_000)}
    assert (tmp_path / "email" / f"{bill_id}.pdf").read_bytes().startswith(b"%PDF")
    note, piece = map(json.loads, (tmp_path / bill_carriers.FILE).read_text(encoding="utf-8").splitlines())
    assert note["note"].startswith("sandbox")
    assert piece == {"means": "EMAIL", "bill_id": bill_id, "to": "z***@example.org"}
