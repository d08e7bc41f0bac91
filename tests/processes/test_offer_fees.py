"""Certificates and areas at the counter; one-time fees and contracts through orders onto the bill."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from openboss.modules.billing.models import OneTimeCharge
from openboss.modules.catalog.atomic import put_offer
from openboss.modules.catalog.documents import OfferDocument, VersionDocument
from openboss.modules.customers import functions as customers
from openboss.modules.orders.models import ProductOrder
from openboss.processes import hall
from openboss.processes.order_flow import NotReversible, OfferRefused
from tests.modules.receivables.conftest import desk  # noqa: F401
from tests.processes.hall_office import AT, Office, office  # noqa: F401

pytestmark = pytest.mark.django_db
CARE, PHONE, LOCAL_ONLY, BOUND = 601, 602, 603, 604
MARCH = datetime(2027, 3, 5, 2, 0, tzinfo=UTC)


def on_sale(offer_id: int, kind: str = "ADDON", **document: Any) -> None:
    """An offer on sale."""
    rules = [(rule["rule"], "ONE_TIME", "费", "fee") for rule in document.get("one_time", [])]
    version = VersionDocument(date(2003, 1, 1), document, str(offer_id), tuple(rules))
    put_offer(offer=OfferDocument(offer_id, f"OFFER_{offer_id}", kind, "", "包", "Pack", "", (version,)), at=AT)


@pytest.fixture
def user(office: Office) -> int:  # noqa: F811
    on_sale(CARE, eligibility={"certificates": ["DISABILITY"]})
    on_sale(LOCAL_ONLY, eligibility={"areas": [571], "channels": ["WEB"]})
    names = {"zh": "费", "en": "fee"}
    setup = {"rule": "SETUP", "item": "ONE_TIME", "fee": "50.00", "paid": "COUNTER", "names": names}
    on_sale(PHONE, one_time=[setup], contract={"cycles": 12, "end_early": {"fee": "600.00", "mode": "REMAINING"}})
    return office.open_user()


@pytest.mark.requirement("BMT-07")
def test_a_care_card_is_refused_without_a_certificate_of_disability_and_given_with_one(office: Office, user: int):  # noqa: F811
    orders = ProductOrder.objects.count()
    with pytest.raises(OfferRefused, match="asks for a certificate: DISABILITY"):
        office.place("ADD_PRODUCT", user=user, offer_id=CARE)
    assert ProductOrder.objects.count() == orders
    shown = {"customer_id": office.customer_id, "kind": "DISABILITY", "number": "4201-1234567", "at": AT}
    customers.add_certificate(**shown, from_on=date(2026, 1, 1), to_on=None, staff_id=office.clerk)
    assert office.do("ADD_PRODUCT", user, offer_id=CARE).state == "COMPLETED"


def test_a_certificate_that_has_ended_opens_nothing(office: Office, user: int):  # noqa: F811
    shown = {"customer_id": office.customer_id, "kind": "DISABILITY", "number": "4201-1234567", "at": AT}
    customers.add_certificate(**shown, from_on=date(2026, 1, 1), to_on=date(2026, 11, 2), staff_id=office.clerk)
    with pytest.raises(OfferRefused, match="DISABILITY"):
        office.place("ADD_PRODUCT", user=user, offer_id=CARE)
    with pytest.raises(customers.CertificateWrong):
        customers.add_certificate(**shown, from_on=date(2026, 1, 1), to_on=None, staff_id=office.clerk)


def test_an_offer_of_another_area_and_channel_is_refused_with_both_reasons(office: Office, user: int):  # noqa: F811
    with pytest.raises(OfferRefused, match="a home area of: 571; .*the channel: WEB"):
        office.place("ADD_PRODUCT", user=user, offer_id=LOCAL_ONLY)


def test_a_one_time_fee_is_collected_with_the_order_and_the_contract_ended_early_goes_on_the_bill(
    office: Office,  # noqa: F811
    user: int,
):
    taken = office.do("ADD_PRODUCT", user, offer_id=PHONE)
    assert [(fee.code, fee.booking, fee.fee_fen) for fee in taken.fees] == [("OFFER_FEE", "FEE", 5_000)]
    holding_id = next(iter(taken.result.values()))
    plan = hall.preview(kind="END_PRODUCT", request={"holding_id": holding_id}, at=MARCH, subscriber_id=user)
    assert [(fee.code, fee.booking, fee.fee_fen) for fee in plan.fees] == [("EARLY_END", "BILL", 40_000)]
    ended = office.do("END_PRODUCT", user, holding_id=holding_id, at=MARCH)
    assert (ended.state, ended.unpaid_fen) == ("COMPLETED", 0)
    charge = OneTimeCharge.objects.get()
    assert (charge.cycle, charge.subscriber_id, charge.charge_li, charge.note) == (202703, user, 400_000, "EARLY_END")


def charges() -> list[tuple[int, int]]:
    """What stands on bills: month and li, in order."""
    return list(OneTimeCharge.objects.order_by("charge_id").values_list("cycle", "charge_li"))


def test_the_end_of_a_product_that_is_taken_back_in_time_gives_its_fee_back_and_the_product_goes_on(
    office: Office,  # noqa: F811
    user: int,
):
    holding_id = office.do("ADD_PRODUCT", user, offer_id=PHONE).result["holding_id"]
    april = datetime(2027, 4, 1, tzinfo=UTC)
    order = office.do("END_PRODUCT", user, holding_id=holding_id, at=MARCH, effective="DATE", date_at=april)
    assert (order.state, customers.holding_row(holding_id=holding_id).to_at) == ("PENDING", april)
    hall.cancel(order_id=order.order_id, reason="x", at=MARCH, staff_id=office.clerk)
    assert customers.holding_row(holding_id=holding_id).to_at is None
    assert charges() == [(202704, 400_000), (202704, -400_000)]


def test_an_end_whose_day_has_come_is_not_taken_back(office: Office, user: int):  # noqa: F811
    holding_id = office.do("ADD_PRODUCT", user, offer_id=PHONE).result["holding_id"]
    april = datetime(2027, 4, 1, tzinfo=UTC)
    order = office.do("END_PRODUCT", user, holding_id=holding_id, at=MARCH, effective="DATE", date_at=april)
    with pytest.raises(NotReversible):
        hall.cancel(order_id=order.order_id, reason="x", at=april, staff_id=office.clerk)
    assert (customers.holding_row(holding_id=holding_id).to_at, len(charges())) == (april, 1)


def test_a_fee_on_a_bill_that_is_out_goes_back_on_the_bill_of_the_month_of_the_reversal(
    office: Office,  # noqa: F811
    user: int,
):
    on_sale(BOUND, "MAIN", contract={"cycles": 12, "end_early": {"fee": "600.00", "mode": "REMAINING"}})
    office.do("CHANGE_PLAN", user, offer_id=BOUND, effective="NOW")
    order = office.do("CHANGE_PLAN", user, offer_id=103, at=MARCH, effective="NOW")
    april = datetime(2027, 4, 10, tzinfo=UTC)
    hall.reverse(order_id=order.order_id, serial_no="R", reason="x", at=april, staff_id=office.clerk)
    assert charges() == [(202703, 400_000), (202704, -400_000)]


def test_a_product_kept_for_its_term_ends_for_nothing(office: Office, user: int):  # noqa: F811
    taken = office.do("ADD_PRODUCT", user, offer_id=PHONE)
    at = datetime(2027, 11, 2, 4, 0, tzinfo=UTC)
    plan = hall.preview(kind="END_PRODUCT", request=dict(taken.result), at=at, subscriber_id=user)
    assert list(plan.fees) == []


def test_who_leaves_for_good_pays_the_contract_at_the_counter(office: Office, user: int):  # noqa: F811
    office.do("ADD_PRODUCT", user, offer_id=PHONE)
    steps, documents = ("REASON", "RETENTION", "IDENTITY"), ("HOLDER_ID",)
    office.do("PRE_CANCEL", user, steps=steps, documents=documents, reason="moves", current_fen=0)
    day = datetime(2027, 2, 10, 2, 0, tzinfo=UTC)
    plan = hall.preview(kind="CANCEL", request={}, at=day, subscriber_id=user)
    assert [(fee.code, fee.booking, fee.fee_fen) for fee in plan.fees] == [("EARLY_END", "FEE", 45_000)]
